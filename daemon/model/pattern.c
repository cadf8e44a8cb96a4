/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/model/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <pthread.h>
#include <string.h>

#define TEXT_MAX     4096
#define GROUPS_MAX   64
#define HEAP_KIB     1024
/* A step is some 30 ns: a body that is read on the loop (64 KiB) stays below 10 ms. */
#define STEPS	     20000
#define STEPS_A_BYTE 4
#define BYTES_A_STEP 32 /* scanned at one go, as by \w+ */

struct ra_pattern {
	pcre2_code *code;
	char text[];
};

/* A thread's own, for one match at a time. */
struct scratch {
	pcre2_match_context *context;
	pcre2_match_data *data;
	int64_t *budget;
	size_t last; /* where the match was at its last step */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool have_key;

static void
scratch_free(void *arg)
{
	struct scratch *s = arg;

	pcre2_match_context_free(s->context);
	pcre2_match_data_free(s->data);
	free(s);
}

static void
make_key(void)
{
	have_key = pthread_key_create(&key, scratch_free) == 0;
}

/*
 * PCRE2's own limits hold for each place where a match may start, so a long text multiplies them;
 * and they do not see what one item scans at a go. Called at every item of the pattern.
 */
static int
count_step(pcre2_callout_block *block, void *arg)
{
	struct scratch *s = arg;
	size_t at = block->current_position;
	size_t far = at > s->last ? at - s->last : s->last - at;

	s->last = at;
	*s->budget -= 1 + (int64_t)(far / BYTES_A_STEP);
	return *s->budget < 0 ? PCRE2_ERROR_MATCHLIMIT : 0;
}

static struct scratch *
scratch_new(void)
{
	struct scratch *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->context = pcre2_match_context_create(NULL);
	s->data = pcre2_match_data_create(GROUPS_MAX + 1, NULL);
	if (s->context == NULL || s->data == NULL || pthread_setspecific(key, s) != 0) {
		scratch_free(s);
		return NULL;
	}
	pcre2_set_heap_limit(s->context, HEAP_KIB);
	pcre2_set_callout(s->context, count_step, s);
	return s;
}

static struct scratch *
scratch_get(void)
{
	struct scratch *s;

	pthread_once(&once, make_key);
	if (!have_key)
		return NULL;
	s = pthread_getspecific(key);
	return s != NULL ? s : scratch_new();
}

/*
 * Not compiled by PCRE2's JIT: it needs memory that is writable and executable, which the unit
 * forbids.
 */
int
ra_pattern_new(const char *text, struct ra_pattern **ret, struct ra_error *err)
{
	size_t len = strlen(text), offset;
	PCRE2_UCHAR message[160];
	struct ra_pattern *p;
	uint32_t groups = 0;
	int code;

	if (len > TEXT_MAX)
		return ra_error_set(
		    err, -E2BIG, "the regular expression is longer than %d bytes", TEXT_MAX);
	p = malloc(sizeof(*p) + len + 1);
	if (p == NULL)
		return ra_error_set(err, -ENOMEM, "out of memory");
	memcpy(p->text, text, len + 1);
	p->code = pcre2_compile((PCRE2_SPTR)text, len,
	    PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT,
	    &code, &offset, NULL);
	if (p->code == NULL) {
		pcre2_get_error_message(code, message, sizeof(message));
		free(p);
		return ra_error_set(err, code == PCRE2_ERROR_HEAP_FAILED ? -ENOMEM : -EINVAL,
		    "regular expression: %s at offset %zu", (char *)message, offset);
	}
	pcre2_pattern_info(p->code, PCRE2_INFO_CAPTURECOUNT, &groups);
	if (groups > GROUPS_MAX) {
		ra_pattern_free(p);
		return ra_error_set(err, -E2BIG,
		    "the regular expression has %u groups, %d are allowed; write (?:...) for those "
		    "that are not needed",
		    groups, GROUPS_MAX);
	}
	*ret = p;
	return 0;
}

void
ra_pattern_free(struct ra_pattern *p)
{
	if (p == NULL)
		return;
	pcre2_code_free(p->code);
	free(p);
}

const char *
ra_pattern_text(const struct ra_pattern *p)
{
	return p->text;
}

static int
group_number(const struct ra_pattern *p, const char *name)
{
	return pcre2_substring_number_from_name(p->code, (PCRE2_SPTR)name);
}

bool
ra_pattern_has_group(const struct ra_pattern *p, const char *name)
{
	return group_number(p, name) > 0;
}

/* Where a group, or the whole match, is. */
static void
give(const struct scratch *s, const char *text, int number, const char **ret_start, size_t *ret_len)
{
	const size_t *at = pcre2_get_ovector_pointer(s->data);
	size_t start = PCRE2_UNSET, end = PCRE2_UNSET;

	if (number >= 0) {
		start = at[2 * number];
		end = at[2 * number + 1];
	}
	*ret_start = start != PCRE2_UNSET ? text + start : NULL;
	*ret_len = *ret_start != NULL ? end - start : 0;
}

int
ra_pattern_match_within(const struct ra_pattern *p, const char *text, size_t len, const char *group,
    const char **ret_start, size_t *ret_len, int64_t *budget)
{
	struct scratch *s = scratch_get();
	int r;

	if (s == NULL)
		return -ENOMEM;
	s->budget = budget;
	s->last = 0;
	r = pcre2_match(p->code, (PCRE2_SPTR)text, len, 0, 0, s->data, s->context);
	if (r == PCRE2_ERROR_NOMATCH)
		return 0;
	if (r < 0)
		return r == PCRE2_ERROR_NOMEMORY ? -ENOMEM : -E2BIG;
	if (ret_start != NULL)
		give(s, text, group != NULL ? group_number(p, group) : 0, ret_start, ret_len);
	return 1;
}

int
ra_pattern_match(const struct ra_pattern *p, const char *text, size_t len, const char *group,
    const char **ret_start, size_t *ret_len)
{
	int64_t budget = STEPS + STEPS_A_BYTE * (int64_t)len;

	return ra_pattern_match_within(p, text, len, group, ret_start, ret_len, &budget);
}
