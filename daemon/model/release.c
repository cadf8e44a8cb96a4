/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/model/release.h"

#include <ctype.h>
#include <string.h>

#define HASH_MIN  4 /* digits; git makes them no shorter */
#define PLACE	  "{version}"
#define PLACE_LEN (sizeof(PLACE) - 1)

struct ra_releases {
	char *pattern;
	struct ra_tag *tags; /* by version as text, once sorted */
	size_t count, cap;
	const struct ra_tag **ordered; /* the semantic ones, lowest first */
	size_t semver_count, odd_count; /* and of those that are not */
	size_t numbered_count; /* of those, that begin with a number all the same */
};

/* --- names --- */

int
ra_tag_pattern_check(const char *pattern, struct ra_error *err)
{
	const char *place = strstr(pattern, PLACE);

	if (place == NULL || strstr(place + 1, PLACE) != NULL)
		return ra_error_set(err, -EINVAL,
		    "tag pattern '%s': write {version} once, where the version stands, as in "
		    "\"v{version}\"",
		    pattern);
	return 0;
}

size_t
ra_clean_length(const char *text, size_t len)
{
	static const char dirty[] = "dirty";
	const size_t n = sizeof(dirty) - 1;

	if (len <= n + 1 || memcmp(text + len - n, dirty, n) != 0 ||
	    strchr("-+.", text[len - n - 1]) == NULL)
		return len;
	return len - n - 1;
}

bool
ra_described_split(const char *text, size_t len, struct ra_described *ret)
{
	size_t hash = len, count;
	bool beyond = false;

	while (hash > 0 && isxdigit((unsigned char)text[hash - 1]))
		hash--;
	if (len - hash < HASH_MIN || hash < 2 || text[hash - 1] != 'g' || text[hash - 2] != '-')
		return false;
	for (count = hash - 2; count > 0 && isdigit((unsigned char)text[count - 1]); count--)
		beyond = beyond || text[count - 1] != '0';
	if (count == hash - 2 || count == 0 || text[count - 1] != '-')
		return false;
	*ret = (struct ra_described){
		.base_len = count - 1, .hash = text + hash, .hash_len = len - hash, .beyond = beyond
	};
	return true;
}

const char *
ra_tag_version(const char *pattern, const char *name, size_t *ret_len)
{
	const char *place = strstr(pattern, PLACE), *after = place + PLACE_LEN;
	size_t before_len = (size_t)(place - pattern), after_len = strlen(after),
	       len = strlen(name);

	if (len <= before_len + after_len || strncmp(name, pattern, before_len) != 0 ||
	    strcmp(name + len - after_len, after) != 0)
		return NULL;
	*ret_len = len - before_len - after_len;
	return name + before_len;
}

int
ra_tag_name(const char *pattern, const char *version, struct ra_buf *out)
{
	const char *place = strstr(pattern, PLACE);

	(void)ra_buf_add(out, pattern, (size_t)(place - pattern));
	(void)ra_buf_puts(out, version);
	return ra_buf_puts(out, place + PLACE_LEN);
}

static void
add_literal(struct ra_buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (strchr("*?[]\\", text[i]) != NULL)
			(void)ra_buf_putc(out, '\\');
		(void)ra_buf_putc(out, text[i]);
	}
}

int
ra_tag_glob(const char *pattern, struct ra_buf *out)
{
	const char *place = strstr(pattern, PLACE), *after = place + PLACE_LEN;

	add_literal(out, pattern, (size_t)(place - pattern));
	(void)ra_buf_putc(out, '*');
	add_literal(out, after, strlen(after));
	return out->error;
}

/* --- the list --- */

struct ra_releases *
ra_releases_new(const char *pattern)
{
	struct ra_releases *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->pattern = strdup(pattern);
	if (r->pattern == NULL) {
		free(r);
		return NULL;
	}
	return r;
}

void
ra_releases_free(struct ra_releases *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->count; i++) {
		free(r->tags[i].name);
		free(r->tags[i].version);
	}
	free(r->tags);
	free(r->ordered);
	free(r->pattern);
	free(r);
}

static int
grow(struct ra_releases *r)
{
	size_t cap = r->cap == 0 ? 64 : r->cap * 2;
	struct ra_tag *tags;
	const struct ra_tag **ordered;

	if (r->count < r->cap)
		return 0;
	tags = reallocarray(r->tags, cap, sizeof(*tags));
	if (tags == NULL)
		return -ENOMEM;
	r->tags = tags;
	ordered = reallocarray(r->ordered, cap, sizeof(const struct ra_tag *));
	if (ordered == NULL)
		return -ENOMEM;
	r->ordered = ordered;
	r->cap = cap;
	return 0;
}

int
ra_releases_add(struct ra_releases *r, const char *name, const char *commit, int64_t date)
{
	struct ra_tag tag = { .date = date };
	size_t len;
	const char *version = ra_tag_version(r->pattern, name, &len);

	if (version == NULL)
		return 0;
	tag.name = strdup(name);
	tag.version = strndup(version, len);
	if (tag.name == NULL || tag.version == NULL || grow(r) < 0) {
		free(tag.name);
		free(tag.version);
		return -ENOMEM;
	}
	if (strlen(commit) < sizeof(tag.commit))
		memcpy(tag.commit, commit, strlen(commit) + 1);
	tag.is_semver = ra_semver_parse(tag.version, len, &tag.semver) == 0;
	r->tags[r->count++] = tag;
	return 0;
}

static int
by_version(const void *a, const void *b)
{
	return strcmp(((const struct ra_tag *)a)->version, ((const struct ra_tag *)b)->version);
}

/* Where only build metadata differs, by date. */
static int
by_precedence(const void *a, const void *b)
{
	const struct ra_tag *x = *(const struct ra_tag *const *)a,
			    *y = *(const struct ra_tag *const *)b;
	int r = ra_semver_compare(&x->semver, &y->semver);

	if (r == 0)
		r = (x->date > y->date) - (x->date < y->date);
	return r != 0 ? r : strcmp(x->version, y->version);
}

/* "2.0", "2025.01.10": not semantic, and a release among those that are. */
static bool
is_numbered(const struct ra_tag *tag)
{
	return !tag->is_semver && tag->commit[0] != '\0' && isdigit((unsigned char)tag->version[0]);
}

void
ra_releases_sort(struct ra_releases *r)
{
	r->semver_count = r->odd_count = r->numbered_count = 0;
	if (r->count == 0)
		return;
	qsort(r->tags, r->count, sizeof(*r->tags), by_version);
	/* A tag of something that is no commit is no release, though a version may have it. */
	for (size_t i = 0; i < r->count; i++) {
		r->odd_count += !r->tags[i].is_semver;
		r->numbered_count += is_numbered(&r->tags[i]);
		if (!r->tags[i].is_semver)
			continue;
		if (r->tags[i].commit[0] != '\0')
			r->ordered[r->semver_count++] = &r->tags[i];
	}
	qsort(r->ordered, r->semver_count, sizeof(const struct ra_tag *), by_precedence);
}

bool
ra_releases_want_order(const struct ra_releases *r, const char *version)
{
	struct ra_semver v;

	if (version != NULL && ra_semver_parse(version, strlen(version), &v) == 0)
		return r->numbered_count > 0;
	return r->odd_count > 0;
}

static bool
is_pre(const struct ra_tag *tag)
{
	return tag->is_semver && tag->semver.pre != NULL;
}

/* Tags by commit, so that an order of many is set in n log n. */
static int
by_commit(const void *a, const void *b)
{
	return strcmp((*(struct ra_tag *const *)a)->commit, (*(struct ra_tag *const *)b)->commit);
}

static int
commit_matches(const void *key, const void *item)
{
	return strcmp(key, (*(struct ra_tag *const *)item)->commit);
}

static void
set_rank(struct ra_tag **sorted, size_t count, const char *commit, uint32_t rank)
{
	struct ra_tag **hit, **at;

	hit = bsearch(commit, sorted, count, sizeof(struct ra_tag *), commit_matches);
	if (hit == NULL)
		return;
	for (at = hit; at >= sorted && strcmp((*at)->commit, commit) == 0; at--)
		(*at)->rank = rank;
	for (at = hit; at < sorted + count && strcmp((*at)->commit, commit) == 0; at++)
		(*at)->rank = rank;
}

/* What is at a release's commit is that release by another name: "v2" at v2.1.0. */
static void
find_aliases(struct ra_tag **sorted, size_t count)
{
	for (size_t i = 0, end; i < count; i = end) {
		bool named = false;

		for (end = i; end < count && strcmp(sorted[i]->commit, sorted[end]->commit) == 0;
		     end++)
			named = named || (sorted[end]->is_semver && !is_pre(sorted[end]));
		for (size_t k = i; k < end; k++)
			sorted[k]->is_alias = named && !sorted[k]->is_semver;
	}
}

void
ra_releases_set_order(struct ra_releases *r, const char *lines)
{
	RA_FREE struct ra_tag **sorted = calloc(r->count + 1, sizeof(struct ra_tag *));
	char commit[RA_COMMIT_TEXT];
	uint32_t rank = 1;

	if (sorted == NULL)
		return;
	for (size_t i = 0; i < r->count; i++) {
		sorted[i] = &r->tags[i];
		r->tags[i].rank = r->tags[i].commit[0] != '\0' ? 1 : 0;
	}
	qsort(sorted, r->count, sizeof(struct ra_tag *), by_commit);
	find_aliases(sorted, r->count);
	while (*lines != '\0') {
		size_t len = strcspn(lines, "\n");

		if (len > 0 && len < sizeof(commit)) {
			memcpy(commit, lines, len);
			commit[len] = '\0';
			set_rank(sorted, r->count, commit, ++rank);
		}
		lines += len + (lines[len] == '\n' ? 1 : 0);
	}
}

/* --- questions --- */

size_t
ra_releases_count(const struct ra_releases *r)
{
	return r->count;
}

static int
version_matches(const void *key, const void *item)
{
	return strcmp(key, ((const struct ra_tag *)item)->version);
}

const struct ra_tag *
ra_releases_find(const struct ra_releases *r, const char *version)
{
	if (r->count == 0)
		return NULL;
	return bsearch(version, r->tags, r->count, sizeof(*r->tags), version_matches);
}

const struct ra_tag *
ra_releases_at(const struct ra_releases *r, const char *commit)
{
	for (size_t i = r->semver_count; i > 0; i--)
		if (strcmp(r->ordered[i - 1]->commit, commit) == 0)
			return r->ordered[i - 1];
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->tags[i].commit, commit) == 0)
			return &r->tags[i];
	return NULL;
}

static int64_t
behind_by_rank(const struct ra_releases *r, const struct ra_tag *own)
{
	int64_t n = 0;

	if (own == NULL || own->rank == 0)
		return -1;
	for (size_t i = 0; i < r->count; i++)
		n += r->tags[i].rank > own->rank && !is_pre(&r->tags[i]);
	return n;
}

/* One of the numbers between dots, moved past it; none is 0, as zeros before it are nothing. */
static size_t
take_number(const char **at, const char **ret)
{
	size_t len;

	*at += strspn(*at, "0");
	*ret = *at;
	len = strspn(*at, "0123456789");
	*at += len;
	if (at[0][0] == '.' && isdigit((unsigned char)at[0][1]))
		(*at)++;
	return len;
}

/* By their numbers alone, whatever follows; *ret_a_end: what follows in a. */
static int
compare_numbers(const char *a, const char *b, const char **ret_a_end)
{
	int order = 0;

	while (isdigit((unsigned char)*a) || isdigit((unsigned char)*b)) {
		const char *x, *y;
		size_t x_len = take_number(&a, &x), y_len = take_number(&b, &y);

		if (order == 0 && x_len != y_len)
			order = x_len > y_len ? 1 : -1;
		else if (order == 0)
			order = strncmp(x, y, x_len);
	}
	*ret_a_end = a;
	return order;
}

/* The tag of a semantic version, or of the one right before it. NULL: it comes before all. */
static const struct ra_tag *
find_floor(const struct ra_releases *r, const struct ra_semver *v)
{
	for (size_t i = r->semver_count; i > 0; i--)
		if (ra_semver_compare(&r->ordered[i - 1]->semver, v) <= 0)
			return r->ordered[i - 1];
	return NULL;
}

/* 1: newer than a semantic version by number and by history, 0: by neither, -1: not known. */
static int
is_newer(const struct ra_tag *tag, const char *version, const struct ra_tag *floor)
{
	const char *rest;
	bool greater = compare_numbers(tag->version, version, &rest) > 0;
	bool later = floor == NULL || tag->rank > floor->rank;

	if (tag->rank == 0 || (floor != NULL && floor->rank == 0))
		return -1;
	if (!greater && !later)
		return 0;
	return greater && later && *rest == '\0' ? 1 : -1;
}

/* Of those that are numbered and not semantic; *ret_last: the highest. -1: not known. */
static int64_t
count_numbered(const struct ra_releases *r, const char *version, const struct ra_semver *v,
    const struct ra_tag **ret_last)
{
	const struct ra_tag *floor = find_floor(r, v);
	const char *rest;
	int64_t n = 0;

	for (size_t i = 0; r->numbered_count > 0 && i < r->count; i++) {
		const struct ra_tag *tag = &r->tags[i];
		int newer;

		if (!is_numbered(tag) || tag->is_alias)
			continue;
		newer = is_newer(tag, version, floor);
		if (newer < 0)
			return -1;
		n += newer;
		if (newer > 0 && (*ret_last == NULL || compare_numbers(tag->version,
							   (*ret_last)->version, &rest) > 0))
			*ret_last = tag;
	}
	return n;
}

int64_t
ra_releases_behind(const struct ra_releases *r, const char *version)
{
	const struct ra_tag *last = NULL;
	struct ra_semver v;
	int64_t n;

	if (ra_semver_parse(version, strlen(version), &v) < 0)
		return behind_by_rank(r, ra_releases_find(r, version));
	n = count_numbered(r, version, &v, &last);
	if (n < 0)
		return -1;
	for (size_t i = r->semver_count; i > 0; i--) {
		const struct ra_tag *tag = r->ordered[i - 1];

		if (ra_semver_compare(&tag->semver, &v) <= 0)
			break;
		n += v.pre != NULL || !is_pre(tag);
	}
	return n;
}

static const struct ra_tag *
latest_by_rank(const struct ra_releases *r)
{
	const struct ra_tag *best = NULL;

	for (size_t i = 0; i < r->count; i++) {
		const struct ra_tag *tag = &r->tags[i];

		if (tag->rank > (best != NULL ? best->rank : 0) && !is_pre(tag))
			best = tag;
	}
	return best;
}

const struct ra_tag *
ra_releases_latest(const struct ra_releases *r, const char *version)
{
	struct ra_semver v = { 0 };
	bool is_semver = version != NULL && ra_semver_parse(version, strlen(version), &v) == 0;
	const struct ra_tag *best = NULL;
	const char *rest;

	if (r->semver_count == 0 || (version != NULL && !is_semver))
		return latest_by_rank(r);
	if (is_semver)
		(void)count_numbered(r, version, &v, &best);
	for (size_t i = r->semver_count; i > 0; i--) {
		const struct ra_tag *tag = r->ordered[i - 1];

		if (v.pre == NULL && is_pre(tag))
			continue;
		return best != NULL && compare_numbers(best->version, tag->version, &rest) > 0
			   ? best
			   : tag;
	}
	return best;
}

int
ra_releases_compare(const struct ra_releases *r, const char *a, const char *b, int *ret)
{
	const struct ra_tag *x, *y;
	struct ra_semver v, w;

	if (ra_semver_parse(a, strlen(a), &v) == 0 && ra_semver_parse(b, strlen(b), &w) == 0) {
		*ret = ra_semver_compare(&v, &w);
		return 0;
	}
	if (strcmp(a, b) == 0) {
		*ret = 0;
		return 0;
	}
	x = ra_releases_find(r, a);
	y = ra_releases_find(r, b);
	if (x == NULL || y == NULL || x->rank == 0 || y->rank == 0)
		return -ENOENT;
	*ret = (x->rank > y->rank) - (x->rank < y->rank);
	return 0;
}

static int64_t
count_between(const struct ra_releases *r, const char *low, const char *high, bool pre)
{
	int64_t n = 0;

	for (size_t i = 0; i < r->count; i++) {
		const struct ra_tag *tag = &r->tags[i];
		int above, below;

		if ((is_pre(tag) && !pre) ||
		    ra_releases_compare(r, tag->version, low, &above) < 0 ||
		    ra_releases_compare(r, tag->version, high, &below) < 0)
			continue;
		n += above > 0 && below <= 0;
	}
	return n;
}

int
ra_releases_lag(const struct ra_releases *r, const char *a, const char *b, int64_t *ret)
{
	struct ra_semver v;
	bool pre = ra_semver_parse(a, strlen(a), &v) == 0 && v.pre != NULL;
	int order, error = ra_releases_compare(r, a, b, &order);

	if (error < 0)
		return error;
	*ret = order <= 0 ? count_between(r, a, b, pre) : -count_between(r, b, a, pre);
	return 0;
}
