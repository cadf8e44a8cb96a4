/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was last read of each configuration. It is what the next is held against, over failures to
 * read it, reloads and restarts; and what stands in for the next where the source finds that
 * nothing changed. Two that were read by other rules are not compared: the newer one is taken.
 */
#include <string.h>

#include "relaudit/base/clock.h"

#include "internal.h"

#define RULES	   "5" /* of ours; another where what is secret changes */
/* Then a file is read however it looks: what is written through a mapping may not show. */
#define READ_EVERY RA_HOUR

/* --- marks --- */

static void
add_text(struct ra_buf *out, const char *text)
{
	ra_buf_add(out, text != NULL ? text : "", text != NULL ? strlen(text) + 1 : 1);
}

static void
add_option(struct ra_buf *out, const struct ra_option *o, const void *bound)
{
	const void *at = (const char *)bound + o->offset;
	const struct ra_texts *texts = at;

	add_text(out, o->name);
	switch (o->type) {
	case RA_OPT_TEXT:
	case RA_OPT_PATH:
		add_text(out, ((const struct ra_text *)at)->value);
		break;
	case RA_OPT_TEXTS:
		for (size_t i = 0; i < texts->count; i++)
			add_text(out, texts->list[i].value);
		break;
	case RA_OPT_PAIRS:
	case RA_OPT_TABLE:
		break;
	default:
		ra_buf_add(out, at, sizeof(int64_t));
	}
}

static void
add_options(struct ra_buf *out, const struct ra_conf_type *type, const void *bound, unsigned flags)
{
	add_text(out, type->name);
	for (const struct ra_option *o = type->options; o != NULL && o->name != NULL; o++) {
		if (bound != NULL && (o->flags & flags) == flags)
			add_option(out, o, bound);
	}
}

/* Of all that a snapshot hangs on but the bytes; keyed, as the key of the digests is in it too. */
static int
mark_of(const struct ra_engine *e, const struct ra_check *c, size_t instance,
    uint8_t out[RA_STORE_MARK])
{
	const struct ra_source *source = ra_check_source(c);
	RA_BUF_LOCAL text = RA_BUF(0);
	uint8_t digest[RA_DIGEST_SIZE];

	add_text(&text, RULES);
	add_options(&text, &ra_check_kind(c)->type, c->kind_options, RA_OPT_READING);
	if (ra_check_format(c) != NULL)
		add_options(&text, &ra_check_format(c)->type, c->format_options, 0);
	for (size_t i = 0; i < c->variables.count; i++) {
		add_text(&text, c->variables.list[i].name);
		add_text(&text, c->variables.list[i].text.value);
	}
	add_text(&text, source->type.name);
	source->where(c->instances[instance].source_options, &text);
	if (text.error < 0)
		return text.error;
	if (ra_digest_keyed(e->secret_key, sizeof(e->secret_key), text.data, text.len, digest) < 0)
		return -ENOMEM;
	memcpy(out, digest, RA_STORE_MARK);
	return 0;
}

/* --- one instance --- */

static const char *
name_of(const struct ra_check *c, size_t i)
{
	return c->many ? c->instances[i].name : "";
}

static void
clear(struct ra_known *k)
{
	ra_snapshot_unref(k->snapshot);
	free(k->validator);
	*k = (struct ra_known){ 0 };
}

void
ra_known_clear(struct ra_known *list, size_t count)
{
	for (size_t i = 0; list != NULL && i < count; i++)
		clear(&list[i]);
	free(list);
}

/* What finds no room in the store's queue is tried again after the next probe. */
static void
save(struct ra_engine *e, const struct ra_check *c, size_t i, struct ra_known *k)
{
	if (e->store != NULL && !k->saved)
		k->saved =
		    ra_store_snapshot(e->store, c->id, name_of(c, i), k->mark, k->snapshot) == 0;
}

/* --- probes --- */

void
ra_known_offer(struct ra_part *part)
{
	struct ra_probe *p = part->probe;
	struct ra_known *k = p->track->known;
	bool fresh;

	if (k == NULL || part->fetch.shape != RA_SHAPE_BYTES)
		return;
	k += part - p->parts;
	fresh = ra_clock_mono() - k->read < READ_EVERY;
	part->fetch.known = k->current && k->validator != NULL && fresh ? k->validator : "";
	if (part->fetch.known == k->validator)
		part->known = ra_snapshot_ref(k->snapshot);
}

static void
take_validator(struct ra_known *k, const struct ra_input *in)
{
	free(k->validator);
	k->validator = in->validator[0] != '\0' ? strdup(in->validator) : NULL;
	k->read = ra_clock_mono();
}

static bool
is_same(const struct ra_snapshot *a, const struct ra_snapshot *b)
{
	return memcmp(ra_snapshot_digest(a), ra_snapshot_digest(b), RA_DIGEST_SIZE) == 0;
}

/*
 * A name that begins with a quote or a bracket is none: the file is of another format than it is
 * read by, and what then passes for a name may be a secret. That goes on no disk and into no line.
 */
static bool
is_misread(const struct ra_snapshot *s)
{
	for (size_t i = 0; i < ra_snapshot_count(s); i++) {
		char first = ra_snapshot_at(s, i).key[0];

		if (first != '\0' && strchr("'\"{[", first) != NULL)
			return true;
	}
	return false;
}

void
ra_known_take(struct ra_probe *p, size_t i)
{
	struct ra_engine *e = p->engine;
	struct ra_known *k = &p->track->known[i];
	const struct ra_input *in = &p->parts[i].fetch.input;
	struct ra_snapshot *now = p->parts[i].snapshot, *was = k->snapshot;
	const char *name = p->check->instances[i].name;
	uint8_t mark[RA_STORE_MARK];
	bool comparable, same;

	if (now == NULL || is_misread(now) || (!k->current && mark_of(e, p->check, i, mark) < 0))
		return; /* what was known stays */
	comparable = was != NULL && (k->current || memcmp(k->mark, mark, sizeof(mark)) == 0);
	same = comparable && is_same(was, now);
	if (comparable && !same && ra_change_tell(e, p->track, name, k, now) < 0)
		return;
	if (!k->current)
		memcpy(k->mark, mark, sizeof(mark));
	/* From here on it belongs to what is known. */
	if (!in->unchanged)
		take_validator(k, in);
	if (p->parts[i].doubt) /* it is read again, so that it can be shown once that is known */
		free(RA_TAKE(k->validator));
	k->saved = k->saved && same;
	k->current = true;
	k->restored = false;
	k->snapshot = ra_snapshot_ref(now);
	ra_snapshot_unref(was);
	save(e, p->check, i, k);
}

/* --- reloads --- */

static struct ra_known *
find(const struct ra_track *t, const char *instance)
{
	for (size_t i = 0; t->known != NULL && i < t->check->instance_count; i++) {
		if (strcmp(name_of(t->check, i), instance) == 0)
			return &t->known[i];
	}
	return NULL;
}

void
ra_known_move(struct ra_engine *e, struct ra_track *from, struct ra_track *to)
{
	static const uint8_t none[RA_STORE_MARK];

	for (size_t i = 0; from->known != NULL && i < from->check->instance_count; i++) {
		const char *instance = name_of(from->check, i);
		struct ra_known *k = find(to, instance);

		if (k != NULL) {
			*k = from->known[i];
			from->known[i] = (struct ra_known){ 0 };
			free(RA_TAKE(k->validator));
			k->current = false;
		} else if (e->store != NULL) {
			(void)ra_store_snapshot(e->store, from->check->id, instance, none, NULL);
		}
	}
}

/* --- starts --- */

/* Whether the check's last result was of something that was read there. */
static bool
was_read(const struct ra_track *t, size_t i)
{
	const struct ra_result *r = t->latest;

	if (r == NULL || !t->check->many)
		return r != NULL && r->facts.count > 0;
	for (size_t k = 0; k < r->instance_count; k++) {
		if (r->instances[k].name != NULL &&
		    strcmp(r->instances[k].name, t->check->instances[i].name) == 0)
			return r->instances[k].facts.count > 0;
	}
	return false;
}

static void
on_kept(void *arg, const char *id, const char *instance, const uint8_t kept[RA_STORE_MARK],
    struct ra_snapshot *snapshot)
{
	struct ra_engine *e = arg;
	const struct ra_check *c = ra_map_get(&e->config->checks_by_id, id);
	struct ra_track *t = c != NULL ? &e->tracks[c->index] : NULL;
	struct ra_known *k = t != NULL ? find(t, instance) : NULL;
	uint8_t mark[RA_STORE_MARK];
	size_t i;

	if (k == NULL) {
		(void)ra_store_snapshot(e->store, id, instance, kept, NULL);
		return;
	}
	i = (size_t)(k - t->known);
	k->snapshot = ra_snapshot_ref(snapshot);
	memcpy(k->mark, kept, sizeof(k->mark));
	k->saved = k->restored = true;
	k->current = mark_of(e, c, i, mark) == 0 && memcmp(mark, kept, sizeof(mark)) == 0;
	if (k->current && was_read(t, i))
		t->snapshots[i] = ra_snapshot_ref(snapshot);
}

int
ra_known_load(struct ra_engine *e, struct ra_error *err)
{
	return ra_store_load_snapshots(e->store, on_kept, e, err);
}
