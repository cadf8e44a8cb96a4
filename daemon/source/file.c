/* SPDX-License-Identifier: Apache-2.0 */
/* Files of this host: content, the end of a log, or a listing. The helper looks at them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "relaudit/base/clock.h"
#include "relaudit/source/source.h"

#define MAX_SIZE (16 * 1024 * 1024)

struct options {
	struct ra_text path;
	struct ra_text glob;
	int64_t follow;
	int64_t max_size;
	int64_t tail;
};

#define OPTION(word, kind, member, ...) \
	{ \
		.name = word, .type = kind, .offset = offsetof(struct options, member), \
		__VA_ARGS__ \
	}

static const struct ra_option file_options[] = {
	OPTION("path", RA_OPT_PATH, path, .flags = RA_OPT_NO_SECRET,
	    .help = "the file, by its absolute path"),
	OPTION("glob", RA_OPT_PATH, glob, .flags = RA_OPT_NO_SECRET | RA_OPT_NEWEST,
	    .help =
		"instead of `path:`, all files that an absolute pattern matches (* ? [a-z] in any "
		"part of it; a leading dot only where the pattern has one). Where one content is "
		"wanted, as of a log or a version, it is that of the newest of them"),
	OPTION("follow", RA_OPT_BOOL, follow, .fallback = "false",
	    .help = "whether a file may be a symbolic link; folders on the way always may"),
	OPTION("max-size", RA_OPT_SIZE, max_size, .fallback = "1M", .min = 1, .max = MAX_SIZE,
	    .help = "size of a file at most that is read whole"),
	OPTION("tail", RA_OPT_SIZE, tail, .fallback = "256k", .min = 1, .max = MAX_SIZE,
	    .help =
		"how much of a log is read, from its end. Of one that was just rotated and has "
		"nothing in it yet, the one before is read (NAME.1, NAME-20261123, or what else "
		"the pattern matches)"),
	{ 0 },
};

static int
prepare(void *options, struct ra_arena *arena, struct ra_conf_place *place)
{
	struct options *o = options;

	if (o->path.value == NULL && o->glob.value == NULL)
		ra_conf_complain(place, NULL, "which file? Say `path:` or `glob:`");
	else if (o->path.value != NULL && o->glob.value != NULL)
		ra_conf_complain(place, "glob", "either `path:` or `glob:`");
	return 0;
}

static const char *
target(const struct options *o)
{
	return o->glob.value != NULL ? o->glob.value : o->path.value;
}

static void
where(const void *options, struct ra_buf *out)
{
	const struct options *o = options;

	if (o != NULL && target(o) != NULL)
		(void)ra_buf_puts(out, o->glob.value != NULL ? o->glob.shown : o->path.shown);
}

#define LOOK_AGAIN (RA_SECOND + RA_SECOND / 10)

struct state {
	struct ra_fetch *fetch;
	struct ra_helper_job *job;
	int64_t started;
	char *rotated; /* the file before, that is being read */
	struct ra_timer *again; /* another look is to come, or has been */
};

static void
state_free(struct state *s)
{
	ra_timer_free(s->again);
	free(s->rotated);
	free(s);
}

static void
finish(struct state *s)
{
	struct ra_fetch *f = s->fetch;

	f->input.latency_ms = ra_clock_mono() - s->started;
	f->input.fetched = ra_clock_wall();
	f->state = NULL;
	state_free(s);
	f->done(f);
}

static void
finish_no_memory(struct state *s)
{
	ra_input_fail(&s->fetch->input, RA_R_NO_MEMORY, "out of memory");
	finish(s);
}

/* --- validators --- */

#define STAMP_OUT "file %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64
#define STAMP_IN  "file %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64

static void
put_stamp(const struct ra_file_stamp *t, char out[RA_VALIDATOR_MAX])
{
	if (t->inode != 0)
		(void)snprintf(out, RA_VALIDATOR_MAX, STAMP_OUT, t->device, t->inode,
		    (uint64_t)t->size, (uint64_t)t->modified, (uint64_t)t->changed);
}

static struct ra_file_stamp
take_stamp(const char *validator)
{
	struct ra_file_stamp t = { 0 };
	uint64_t size, modified, changed;

	/* NOLINTNEXTLINE(cert-err34-c): what put_stamp() wrote */
	if (sscanf(validator, STAMP_IN, &t.device, &t.inode, &size, &modified, &changed) != 5)
		return (struct ra_file_stamp){ 0 };
	t.size = (int64_t)size;
	t.modified = (int64_t)modified;
	t.changed = (int64_t)changed;
	return t;
}

static int
ask(struct state *s, enum ra_file_want want, const char *path, bool glob,
    void (*done)(void *arg, struct ra_file_answer *answer))
{
	const struct options *o = s->fetch->options;
	struct ra_file_request q = { .want = want,
		.path = path,
		.glob = glob,
		.follow = o->follow == 1,
		.max_bytes = (size_t)(want == RA_FILE_TAIL ? o->tail : o->max_size),
		.deadline = s->fetch->deadline };

	if (want == RA_FILE_READ && s->fetch->known != NULL) {
		q.stamp = true;
		q.known = take_stamp(s->fetch->known);
	}
	return ra_helper_file(s->fetch->io->helper, &q, done, s, &s->job);
}

/* --- a log that was just rotated --- */

static bool
ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool
is_compressed(const char *name)
{
	static const char *const ends[] = { ".gz", ".xz", ".zst", ".bz2", ".lz4", ".Z", ".zip" };

	for (size_t i = 0; i < RA_ARRAY_SIZE(ends); i++) {
		if (ends_with(name, ends[i]))
			return true;
	}
	return false;
}

/* "app.log.1", "app.log-20261123", "app.log.2026-11-23", "app.log.old" of "app.log". */
static bool
is_rotated(const char *name, const char *path)
{
	const char *suffix = name + strlen(path);

	if (strncmp(name, path, strlen(path)) != 0 || (*suffix != '.' && *suffix != '-'))
		return false;
	if (strcmp(suffix, ".old") == 0)
		return true;
	return strspn(suffix, "0123456789.-_T") == strlen(suffix) &&
	       strpbrk(suffix, "0123456789") != NULL;
}

/* The newest is first. */
static const struct ra_item *
find_rotated(const struct state *s, const struct ra_file_answer *answer)
{
	const struct options *o = s->fetch->options;
	const char *path = s->fetch->input.where;

	for (size_t i = 0; i < answer->item_count; i++) {
		const struct ra_item *item = &answer->items[i];

		if (item->size == 0 || strcmp(item->name, path) == 0)
			continue;
		if (is_rotated(item->name, path) ||
		    (o->glob.value != NULL && !is_compressed(item->name)))
			return item;
	}
	return NULL;
}

/* A pattern for what may be left of a log under other names. */
static char *
siblings(const char *path)
{
	struct ra_buf text = RA_BUF(16 * 1024);

	for (; *path != '\0'; path++) {
		if (strchr("*?[\\", *path) != NULL)
			(void)ra_buf_putc(&text, '\\');
		(void)ra_buf_putc(&text, *path);
	}
	(void)ra_buf_puts(&text, "[.-]*");
	return ra_buf_take(&text);
}

static void
on_rotated(void *arg, struct ra_file_answer *answer)
{
	struct state *s = arg;
	struct ra_input *in = &s->fetch->input;
	char *text = NULL;

	if (answer->reason != RA_R_OK || answer->item_count == 0) {
		finish(s); /* then it is empty, and that is all */
		return;
	}
	if (asprintf(&text, "%s (%s is empty)", s->rotated, in->where) < 0) {
		finish_no_memory(s);
		return;
	}
	free(in->where);
	in->where = text;
	free(in->bytes);
	in->bytes = RA_TAKE(answer->bytes);
	in->len = answer->len;
	in->cut = answer->cut;
	/* What is empty was not written to since. */
	in->modified = answer->items[0].time;
	finish(s);
}

static void
on_siblings(void *arg, struct ra_file_answer *answer)
{
	struct state *s = arg;
	const struct ra_item *item = answer->reason == RA_R_OK ? find_rotated(s, answer) : NULL;

	if (item == NULL) {
		finish(s);
		return;
	}
	s->rotated = strdup(item->name);
	if (s->rotated == NULL || ask(s, RA_FILE_TAIL, s->rotated, false, on_rotated) < 0)
		finish_no_memory(s);
}

/* Right after a rotation the newest lines are in the file before. */
static void
look_before(struct state *s)
{
	const struct options *o = s->fetch->options;
	RA_FREE char *pattern = NULL;

	pattern = o->glob.value != NULL ? strdup(o->glob.value) : siblings(s->fetch->input.where);
	if (pattern == NULL || ask(s, RA_FILE_STAT, pattern, true, on_siblings) < 0)
		finish_no_memory(s);
}

/* --- a file that was written to just now --- */

static void on_done(void *arg, struct ra_file_answer *answer);

static void
on_again(void *arg)
{
	struct state *s = arg;
	const struct options *o = s->fetch->options;

	if (ask(s, RA_FILE_STAT, target(o), o->glob.value != NULL, on_done) < 0)
		finish_no_memory(s);
}

/* Whether it is whole tells the next look: who writes goes on. The newest is first. */
static bool
look_again(struct state *s, const struct ra_file_answer *answer)
{
	struct ra_fetch *f = s->fetch;
	int64_t now = ra_clock_wall();

	if (f->shape != RA_SHAPE_ITEMS || s->again != NULL || answer->item_count == 0 ||
	    answer->items[0].time <= now - RA_SECOND || answer->items[0].time > now ||
	    f->deadline - ra_loop_now(f->io->loop) < 2 * LOOK_AGAIN)
		return false;
	if (ra_timer_new(f->io->loop, on_again, s, &s->again) < 0)
		return false;
	s->job = NULL;
	ra_timer_start(s->again, LOOK_AGAIN, 0);
	return true;
}

/* --- what was asked for --- */

static int
take_items(struct ra_input *in, const struct ra_file_answer *answer)
{
	in->listing.shape = RA_SHAPE_ITEMS;
	for (size_t i = 0; i < answer->item_count; i++) {
		const struct ra_item *item = &answer->items[i];
		int r = ra_data_add_item(&in->listing, item->name, item->time, item->size);

		if (r < 0)
			return r;
	}
	in->listing.items.others = answer->others;
	if (answer->item_count > 0)
		in->modified = answer->items[0].time;
	in->cut = answer->matched > answer->item_count;
	return 0;
}

static int
take_content(struct ra_input *in, struct ra_file_answer *answer)
{
	char *path = strdup(answer->items[0].name);

	if (path == NULL)
		return -ENOMEM;
	free(in->where);
	in->where = path;
	in->unchanged = answer->unchanged;
	put_stamp(&answer->stamp, in->validator);
	if (!answer->unchanged)
		in->bytes = RA_TAKE(answer->bytes);
	in->len = answer->len;
	in->cut = answer->cut;
	in->modified = answer->items[0].time;
	return 0;
}

static void
on_done(void *arg, struct ra_file_answer *answer)
{
	struct state *s = arg;
	struct ra_input *in = &s->fetch->input;
	const struct options *o = s->fetch->options;
	int r = 0;

	if (answer->reason == RA_R_OK && look_again(s, answer))
		return;
	in->where = strdup(target(o));
	if (answer->reason != RA_R_OK)
		ra_input_fail(in, answer->reason, "%s", answer->error);
	else if (in->where == NULL)
		r = -ENOMEM;
	else if (s->fetch->shape == RA_SHAPE_ITEMS)
		r = take_items(in, answer);
	else if (answer->item_count == 0)
		ra_input_fail(in, RA_R_FILE_MISSING, "no file matches %s", target(o));
	else
		r = take_content(in, answer);
	if (r < 0)
		finish_no_memory(s);
	else if (in->reason == RA_R_OK && s->fetch->shape == RA_SHAPE_LINES && in->len == 0)
		look_before(s);
	else
		finish(s);
}

static int
start(struct ra_fetch *f)
{
	static const enum ra_file_want wants[] = { [RA_SHAPE_BYTES] = RA_FILE_READ,
		[RA_SHAPE_ITEMS] = RA_FILE_STAT,
		[RA_SHAPE_LINES] = RA_FILE_TAIL };
	const struct options *o = f->options;
	struct state *s = calloc(1, sizeof(*s));
	int r;

	if (s == NULL)
		return -ENOMEM;
	s->fetch = f;
	s->started = ra_clock_mono();
	r = ask(s, wants[f->shape], target(o), o->glob.value != NULL, on_done);
	if (r < 0) {
		state_free(s);
		return r;
	}
	f->state = s;
	return 0;
}

static void
cancel(struct ra_fetch *f)
{
	struct state *s = f->state;

	if (s == NULL)
		return;
	ra_helper_cancel(s->job);
	ra_input_clear(&f->input);
	f->state = NULL;
	state_free(s);
}

const struct ra_source ra_source_file = {
	.type = {
		.name = "file",
		.help = "looks at files of this host",
		.options = file_options,
		.size = sizeof(struct options),
		.prepare = prepare,
	},
	.serves = RA_SHAPE_BYTES | RA_SHAPE_LINES | RA_SHAPE_ITEMS,
	.start = start,
	.cancel = cancel,
	.where = where,
};
