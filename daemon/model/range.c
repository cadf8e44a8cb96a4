/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges after node-semver 7 (its README's grammar, strict): alternatives of comparators that must
 * all hold. Everything else (^ ~ x-ranges, hyphens) is written out as comparators here.
 */
#include <string.h>

#include "semver.h"

#define TEXT_MAX 1024

enum op {
	LESS,
	LESS_EQUAL,
	EQUAL,
	GREATER_EQUAL,
	GREATER,
};

struct comparator {
	enum op op;
	struct ra_semver version;
};

struct ra_range {
	char *text; /* what pre-releases point into */
	struct comparator *list;
	size_t count;
	size_t *ends; /* of each alternative: the number of comparators up to and with its own */
	size_t end_count;
};

enum part {
	MAJOR = 1,
	MINOR = 2,
	PATCH = 3,
};

/* A version of which parts may be missing or "x": known counts those before the first such. */
struct partial {
	struct ra_semver version;
	unsigned known;
	const char *marks; /* the v and = in front */
	size_t mark_count;
};

static const char *
skip_blanks(const char *p, const char *end)
{
	while (p < end &&
	       (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r' || *p == '\v' || *p == '\f'))
		p++;
	return p;
}

/* One number or wildcard; behind a wildcard only wildcards. */
static bool
take_part(const char **p, const char *end, uint64_t *number, unsigned part, unsigned *known)
{
	if (*p < end && (**p == 'x' || **p == 'X' || **p == '*')) {
		(*p)++;
		return true;
	}
	if (*known != part - 1 || !ra_semver_take_number(p, end, number))
		return false;
	*known = part;
	return true;
}

static bool
take_partial(const char **p, const char *end, struct partial *ret)
{
	struct partial v = { .marks = *p };
	uint64_t *numbers[] = { &v.version.major, &v.version.minor, &v.version.patch };
	unsigned part = MAJOR;

	while (*p < end && (**p == 'v' || **p == '='))
		(*p)++;
	v.mark_count = (size_t)(*p - v.marks);
	if (!take_part(p, end, numbers[0], part, &v.known))
		return false;
	while (part < PATCH && *p < end && **p == '.') {
		(*p)++;
		part++;
		if (!take_part(p, end, numbers[part - 1], part, &v.known))
			return false;
	}
	if (part == PATCH && !ra_semver_take_tail(p, end, '-', &v.version.pre, &v.version.pre_len))
		return false;
	if (!ra_semver_take_tail(p, end, '+', &v.version.build, &v.version.build_len))
		return false;
	if (v.known < PATCH)
		v.version.pre = NULL;
	*ret = v;
	return true;
}

/* In front of a whole version stands at most one "v"; wildcards are not so strict. */
static bool
marks_fit(const struct partial *v)
{
	return v->known < PATCH || v->mark_count == 0 || (v->mark_count == 1 && *v->marks == 'v');
}

static int
add(struct ra_range *r, enum op op, const struct ra_semver *version)
{
	struct comparator *list = reallocarray(r->list, r->count + 1, sizeof(*list));

	if (list == NULL)
		return -ENOMEM;
	r->list = list;
	list[r->count++] = (struct comparator){ .op = op, .version = *version };
	return 0;
}

/* Below the next version that differs in `part`, pre-releases of it not counted in. */
static int
add_below_next(struct ra_range *r, const struct partial *v, unsigned part)
{
	struct ra_semver next = { .major = v->version.major, .pre = "0", .pre_len = 1 };
	uint64_t *number = &next.major;

	if (part >= MINOR) {
		next.minor = v->version.minor;
		number = &next.minor;
	}
	if (part == PATCH) {
		next.patch = v->version.patch;
		number = &next.patch;
	}
	if (++*number > RA_SEMVER_NUMBER_MAX)
		return -EINVAL;
	return add(r, LESS, &next);
}

static int
add_between(struct ra_range *r, const struct partial *v, unsigned part)
{
	int error = add(r, GREATER_EQUAL, &v->version);

	return error < 0 ? error : add_below_next(r, v, part);
}

/* "^": the leftmost number that is not zero stays. */
static int
add_caret(struct ra_range *r, const struct partial *v)
{
	unsigned part = PATCH;

	if (v->known == 0)
		return 0;
	if (v->version.major > 0 || v->known == MAJOR)
		part = MAJOR;
	else if (v->version.minor > 0 || v->known == MINOR)
		part = MINOR;
	return add_between(r, v, part);
}

static int
add_tilde(struct ra_range *r, const struct partial *v)
{
	if (v->known == 0)
		return 0;
	return add_between(r, v, v->known == MAJOR ? MAJOR : MINOR);
}

/* ">1" is ">=2.0.0": above all that the wildcard stands for. */
static int
add_above(struct ra_range *r, const struct partial *v)
{
	struct ra_semver low = v->version;
	uint64_t *number = v->known == MAJOR ? &low.major : &low.minor;

	if (++*number > RA_SEMVER_NUMBER_MAX)
		return -EINVAL;
	return add(r, GREATER_EQUAL, &low);
}

/* Of a version with a wildcard: whole parts of the number line. */
static int
add_wildcard(struct ra_range *r, enum op op, const struct partial *v)
{
	struct ra_semver low = v->version;

	if (v->known == 0 && op != LESS && op != GREATER)
		return 0; /* anything */
	switch (op) {
	case EQUAL:
		return add_between(r, v, v->known);
	case GREATER:
		if (v->known > 0)
			return add_above(r, v);
		break;
	case GREATER_EQUAL:
		return add(r, GREATER_EQUAL, &low);
	case LESS_EQUAL:
		return add_below_next(r, v, v->known);
	case LESS:
		break;
	}
	/* "<*" and ">*" hold for nothing: this is the lowest version of all. */
	low.pre = "0";
	low.pre_len = 1;
	return add(r, LESS, &low);
}

/* Reads "", "<", "<=", "=", ">=", ">". *p is not at the end. */
static enum op
take_operator(const char **p, const char *end)
{
	bool less = **p == '<', greater = **p == '>';
	bool equal;

	*p += less || greater ? 1 : 0;
	equal = *p < end && **p == '=';
	*p += equal ? 1 : 0;
	if (less)
		return equal ? LESS_EQUAL : LESS;
	if (greater)
		return equal ? GREATER_EQUAL : GREATER;
	return EQUAL;
}

static int
take_comparator(struct ra_range *r, const char **p, const char *end)
{
	bool tilde = **p == '~', caret = **p == '^';
	struct partial v;
	enum op op = EQUAL;

	if (tilde || caret)
		(*p)++;
	if (tilde && *p < end && **p == '>')
		(*p)++;
	if (!tilde && !caret)
		op = take_operator(p, end);
	*p = skip_blanks(*p, end);
	if (!take_partial(p, end, &v) || (*p < end && skip_blanks(*p, end) == *p))
		return -EINVAL;
	if (tilde)
		return add_tilde(r, &v);
	if (caret)
		return add_caret(r, &v);
	if (v.known < PATCH)
		return add_wildcard(r, op, &v);
	return marks_fit(&v) ? add(r, op, &v.version) : -EINVAL;
}

/* "1.2 - 2.3", which is the whole alternative. 1 if it is one, else 0 and nothing was added. */
static int
take_hyphen(struct ra_range *r, const char *p, const char *end)
{
	struct partial from, to;
	const char *blank;
	int error = 0;

	if (!take_partial(&p, end, &from))
		return 0;
	blank = skip_blanks(p, end);
	if (blank == p || blank == end || *blank != '-')
		return 0;
	p = skip_blanks(blank + 1, end);
	if (p == blank + 1 || !take_partial(&p, end, &to) || skip_blanks(p, end) != end)
		return 0;
	if (!marks_fit(&from) || (to.version.pre == NULL && !marks_fit(&to)))
		return -EINVAL;
	if (from.known > 0)
		error = add(r, GREATER_EQUAL, &from.version);
	if (error == 0 && to.known > 0)
		error = to.known == PATCH ? add(r, LESS_EQUAL, &to.version)
					  : add_below_next(r, &to, to.known);
	return error < 0 ? error : 1;
}

static int
take_alternative(struct ra_range *r, const char *p, const char *end)
{
	size_t *ends;
	int done;

	p = skip_blanks(p, end);
	done = take_hyphen(r, p, end);
	if (done < 0)
		return done;
	while (done == 0 && p < end) {
		int error = take_comparator(r, &p, end);

		if (error < 0)
			return error;
		p = skip_blanks(p, end);
	}
	ends = reallocarray(r->ends, r->end_count + 1, sizeof(*ends));
	if (ends == NULL)
		return -ENOMEM;
	r->ends = ends;
	ends[r->end_count++] = r->count;
	return 0;
}

static int
parse(struct ra_range *r)
{
	const char *p = r->text, *end = r->text + strlen(r->text);

	for (;;) {
		const char *bar = strstr(p, "||");
		int error = take_alternative(r, p, bar != NULL ? bar : end);

		if (error < 0 || bar == NULL)
			return error;
		p = bar + 2;
	}
}

int
ra_range_parse(const char *text, struct ra_range **ret, struct ra_error *err)
{
	struct ra_range *r;
	int error = -ENOMEM;

	if (strnlen(text, TEXT_MAX + 1) > TEXT_MAX)
		return ra_error_set(err, -E2BIG, "the range is longer than %d bytes", TEXT_MAX);
	r = calloc(1, sizeof(*r));
	if (r != NULL) {
		r->text = strdup(text);
		error = r->text != NULL ? parse(r) : -ENOMEM;
	}
	if (error < 0) {
		ra_range_free(r);
		if (error == -ENOMEM)
			return ra_error_set(err, error, "out of memory");
		return ra_error_set(err, error,
		    "'%.80s' is not a version range; write 1.5.0, >=1.4 <2, ^1.2, ~1.2.3, 1.x or "
		    "1.2 - 2.3, alternatives with ||",
		    text);
	}
	*ret = r;
	return 0;
}

void
ra_range_free(struct ra_range *r)
{
	if (r == NULL)
		return;
	free(r->ends);
	free(r->list);
	free(r->text);
	free(r);
}

static bool
holds(const struct comparator *c, const struct ra_semver *v)
{
	int order = ra_semver_compare(v, &c->version);

	switch (c->op) {
	case LESS:
		return order < 0;
	case LESS_EQUAL:
		return order <= 0;
	case EQUAL:
		return order == 0;
	case GREATER_EQUAL:
		return order >= 0;
	case GREATER:
		break;
	}
	return order > 0;
}

static bool
same_release(const struct ra_semver *a, const struct ra_semver *b)
{
	return a->major == b->major && a->minor == b->minor && a->patch == b->patch;
}

bool
ra_range_contains(const struct ra_range *r, const struct ra_semver *v)
{
	size_t at = 0;

	for (size_t i = 0; i < r->end_count; i++) {
		bool all = true, allowed = v->pre == NULL;

		for (; at < r->ends[i]; at++) {
			const struct comparator *c = &r->list[at];

			all = all && holds(c, v);
			if (c->version.pre != NULL && same_release(&c->version, v))
				allowed = true;
		}
		if (all && allowed)
			return true;
	}
	return false;
}
