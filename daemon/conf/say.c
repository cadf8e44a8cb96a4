/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors are kept until the load ends, because files are not read in the order of their places and
 * one mistake in a template is met once for every environment that uses it.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "relaudit/model/name.h"

#include "loading.h"

#define SAID_MAX ((size_t)1000)

struct ra_said {
	struct ra_mark at;
	const char *text;
	const char *environment; /* NULL: does not depend on one */
	size_t others; /* environments beside it */
	size_t order;
};

void *
ra_say_no_memory(struct ra_loading *l)
{
	if (l->fatal == 0)
		l->fatal = -ENOMEM;
	return NULL;
}

const char *
ra_say_place(const struct ra_loading *l, struct ra_mark at, struct ra_hint *hint)
{
	const char *path = at.file < l->file_count ? l->files[at.file]->path : "-";
	size_t len = strlen(path);

	snprintf(hint->text, sizeof(hint->text), "%s%s:%" PRIu32 ":%" PRIu32,
	    len > 100 ? "..." : "", len > 100 ? path + len - 100 : path, at.line, at.col);
	return hint->text;
}

const char *
ra_say_nearest(const struct ra_nearest *n, struct ra_hint *hint)
{
	hint->text[0] = '\0';
	if (n->name != NULL)
		snprintf(hint->text, sizeof(hint->text), "; did you mean '%.100s'?", n->name);
	return hint->text;
}

void
ra_say_name(struct ra_loading *l, struct ra_mark at, const char *name, const char *what)
{
	char better[RA_NAME_MAX + 1];
	struct ra_hint hint = { "" };
	size_t n = 0;

	for (const char *p = name; *p != '\0' && n < RA_NAME_MAX; p++)
		better[n++] = (char)(*p == '_' || *p == ' ' || *p == '.' ? '-'
				     : *p >= 'A' && *p <= 'Z'		 ? *p - 'A' + 'a'
									 : *p);
	better[n] = '\0';
	if (ra_name_valid(better, n) && n == strlen(name))
		snprintf(hint.text, sizeof(hint.text), "; did you mean '%s'?", better);
	ra_say(l, at,
	    "'%.80s' is not a name for %s: a letter a-z, then at most 62 of a-z, 0-9 and "
	    "dashes%s",
	    name, what, hint.text);
}

/* Room for one more, growing at powers of two. */
static struct ra_said *
new_said(struct ra_loading *l)
{
	size_t n = l->said_count;
	struct ra_said *said;

	if (n >= SAID_MAX)
		return NULL;
	if ((n & (n - 1)) == 0) {
		said = reallocarray(l->said, n == 0 ? 1 : 2 * n, sizeof(*said));
		if (said == NULL)
			return NULL;
		l->said = said;
	}
	l->said_count++;
	return &l->said[n];
}

/* Positions, not pointers, as the list moves. */
static struct ra_said *
find_said(struct ra_loading *l, const char *key)
{
	size_t position = (size_t)(uintptr_t)ra_map_get(&l->said_index, key);

	return position > 0 ? &l->said[position - 1] : NULL;
}

static void
say(struct ra_loading *l, struct ra_mark at, const char *environment, const char *text)
{
	char key[RA_ERROR_TEXT + 64];
	struct ra_said *s;
	char *kept;

	snprintf(key, sizeof(key), "%u:%" PRIu32 ":%" PRIu32 ":%s", at.file, at.line, at.col, text);
	s = find_said(l, key);
	if (s != NULL) {
		if (environment != NULL && s->environment != NULL &&
		    strcmp(environment, s->environment) != 0)
			s->others++;
		return;
	}
	kept = ra_arena_strdup(l->trees, key);
	s = kept != NULL ? new_said(l) : NULL;
	if (s == NULL) {
		l->said_more++;
		return;
	}
	*s = (struct ra_said){ .at = at,
		.text = kept + strlen(kept) - strlen(text),
		.environment = environment,
		.order = l->said_count };
	(void)ra_map_put(&l->said_index, kept, (void *)(uintptr_t)l->said_count, NULL);
}

void
ra_say(struct ra_loading *l, struct ra_mark at, const char *fmt, ...)
{
	char text[RA_ERROR_TEXT];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say(l, at, NULL, text);
}

void
ra_say_used(struct ra_loading *l, struct ra_mark at, const char *environment, const char *fmt, ...)
{
	char text[RA_ERROR_TEXT];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say(l, at, environment, text);
}

/* --- handing over --- */

static int
compare_said(const void *a, const void *b)
{
	const struct ra_said *one = a, *two = b;

	if (one->at.file != two->at.file)
		return one->at.file < two->at.file ? -1 : 1;
	if (one->at.line != two->at.line)
		return one->at.line < two->at.line ? -1 : 1;
	if (one->at.col != two->at.col)
		return one->at.col < two->at.col ? -1 : 1;
	return one->order < two->order ? -1 : 1;
}

/* Owned; NULL: there is no such line, or no memory for it. */
static char *
source_line(const struct ra_file *f, uint32_t line)
{
	const char *at = f->text, *end = f->text + f->len, *next;

	for (uint32_t i = 1; i < line && at != NULL; i++) {
		next = memchr(at, '\n', (size_t)(end - at));
		at = next != NULL ? next + 1 : NULL;
	}
	if (line == 0 || at == NULL)
		return NULL;
	next = memchr(at, '\n', (size_t)(end - at));
	next = next != NULL ? next : end;
	if (next > at && next[-1] == '\r')
		next--;
	return strndup(at, (size_t)(next - at));
}

static void
hand_over(struct ra_loading *l, const struct ra_said *s, struct ra_errors *errors)
{
	const struct ra_file *f = s->at.file < l->file_count ? l->files[s->at.file] : NULL;
	const struct ra_pos pos = {
		.file = f != NULL ? f->path : l->load->path, .line = s->at.line, .col = s->at.col
	};
	RA_FREE char *source = f != NULL && f->text != NULL ? source_line(f, pos.line) : NULL;

	if (source != NULL)
		ra_literal_blacken(source);
	if (s->environment == NULL)
		ra_errors_add(errors, pos, source, "%s", s->text);
	else if (s->others == 0)
		ra_errors_add(
		    errors, pos, source, "%s (environment '%s')", s->text, s->environment);
	else
		ra_errors_add(errors, pos, source, "%s (environment '%s' and %zu more)", s->text,
		    s->environment, s->others);
}

void
ra_say_all(struct ra_loading *l, struct ra_errors *errors)
{
	const struct ra_pos whole = { .file = l->load->path };

	if (l->said_count > 0)
		qsort(l->said, l->said_count, sizeof(*l->said), compare_said);
	for (size_t i = 0; i < l->said_count; i++)
		hand_over(l, &l->said[i], errors);
	errors->more += l->said_more;
	if (l->fatal == -ENOMEM)
		ra_errors_add(errors, whole, NULL, "out of memory");
}
