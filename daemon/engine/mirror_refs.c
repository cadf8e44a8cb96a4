/* SPDX-License-Identifier: Apache-2.0 */
/* The refs of a mirror as git lists them. A ref's name holds no blank and no control character. */
#include <string.h>

#include "mirror_internal.h"
#include "relaudit/base/units.h"

#define TAGS	   "refs/tags/"
#define DECORATION "tag: "

void
ra_git_refs_free(struct ra_git_refs *refs)
{
	if (refs == NULL)
		return;
	ra_map_free(&refs->names);
	ra_arena_free(refs->arena);
	free(refs->list);
	free(refs);
}

static bool
is_object(const char *text, size_t len)
{
	return (len == 40 || len == 64) && strspn(text, "0123456789abcdef") >= len;
}

static int
add_ref(struct ra_git_refs *refs, const char *line, size_t len)
{
	size_t object_len = strcspn(line, " \n");
	struct ra_git_ref *ref = &refs->list[refs->count];
	const char *name;

	if (object_len + 2 > len || !is_object(line, object_len) || line[object_len] != ' ')
		return -EINVAL;
	ref->object = ra_arena_strndup(refs->arena, line, object_len);
	name = ra_arena_strndup(refs->arena, line + object_len + 1, len - object_len - 1);
	if (ref->object == NULL || name == NULL || ra_map_put(&refs->names, name, ref, NULL) < 0)
		return -ENOMEM;
	ref->name = name;
	ref->commit = ref->object;
	if (strncmp(name, TAGS, sizeof(TAGS) - 1) == 0) {
		ref->commit = ""; /* until its date is told */
		refs->tags++;
	}
	refs->count++;
	return 0;
}

static size_t
count_lines(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	return n;
}

int
ra_git_refs_parse(const char *list, size_t len, struct ra_git_refs **ret)
{
	struct ra_git_refs *refs = calloc(1, sizeof(*refs));
	const char *p = list, *end = list + len;
	int r = 0;

	if (refs == NULL)
		return -ENOMEM;
	refs->arena = ra_arena_new();
	refs->list = calloc(count_lines(list, len) + 1, sizeof(*refs->list));
	if (refs->arena == NULL || refs->list == NULL)
		r = -ENOMEM;
	if (r == 0)
		r = ra_digest_of(list, len, refs->digest);
	while (r == 0 && p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));

		if (newline == NULL)
			r = -EINVAL;
		else
			r = add_ref(refs, p, (size_t)(newline - p));
		p = newline != NULL ? newline + 1 : end;
	}
	if (r < 0) {
		ra_git_refs_free(refs);
		return r;
	}
	*ret = refs;
	return 0;
}

/* "tag: refs/tags/a, tag: refs/tags/b" */
static int
add_decorations(
    struct ra_git_refs *refs, const char *text, size_t len, const char *commit, int64_t date)
{
	while (len > 0) {
		const char *comma = memmem(text, len, ", ", 2);
		size_t n = comma != NULL ? (size_t)(comma - text) : len, skip = 0;
		RA_FREE char *name = NULL;
		struct ra_git_ref *ref;

		if (n > sizeof(DECORATION) - 1 &&
		    strncmp(text, DECORATION, sizeof(DECORATION) - 1) == 0)
			skip = sizeof(DECORATION) - 1;
		name = strndup(text + skip, n - skip);
		if (name == NULL)
			return -ENOMEM;
		ref = ra_map_get(&refs->names, name);
		if (ref != NULL) {
			ref->commit = commit;
			ref->date = date;
		}
		n += comma != NULL ? 2 : 0;
		text += n;
		len -= n;
	}
	return 0;
}

static int
add_date(struct ra_git_refs *refs, const char *line, size_t len)
{
	size_t object_len = strcspn(line, " \n"), seconds_len;
	const char *commit, *rest = line + object_len + 1;
	int64_t seconds;

	if (object_len + 2 > len || !is_object(line, object_len))
		return -EINVAL;
	seconds_len = strcspn(rest, " \n");
	/* A commit from before 1970, or with nonsense for a date, has none. */
	if (ra_int_parse(rest, seconds_len, &seconds) < 0 || seconds > INT64_MAX / RA_SECOND)
		seconds = 0;
	rest += seconds_len;
	if (*rest == ' ')
		rest++;
	commit = ra_arena_strndup(refs->arena, line, object_len);
	if (commit == NULL)
		return -ENOMEM;
	return add_decorations(
	    refs, rest, (size_t)(line + len - rest), commit, seconds * RA_SECOND);
}

int
ra_git_refs_add_dates(struct ra_git_refs *refs, const char *dates)
{
	int r = 0;

	while (r == 0 && *dates != '\0') {
		size_t len = strcspn(dates, "\n");

		r = add_date(refs, dates, len);
		dates += len + (dates[len] == '\n' ? 1 : 0);
	}
	return r;
}

const struct ra_git_ref *
ra_git_refs_find(const struct ra_git_refs *refs, const char *name)
{
	return ra_map_get(&refs->names, name);
}
