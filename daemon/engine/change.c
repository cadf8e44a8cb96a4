/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration that is not as it was: which keys, from what to what. Values as they stand count,
 * not as they are compared between environments; a secret's is its digest.
 */
#include <string.h>
#include <syslog.h>

#include "relaudit/base/clock.h"
#include "relaudit/engine/alert.h"
#include "relaudit/kind/config.h"
#include "relaudit/model/pattern.h"

#include "internal.h"

#define KEYS_MAX   100 /* in one event; the rest is counted */
#define EVENT_ROOM ((size_t)32 << 10) /* bytes of an event, about */
#define EVENT_MAX  ((size_t)64 << 10)
#define TEXT_MAX   256 /* bytes of a key or value that are told */
#define LOOK_MAX   ((size_t)64 << 10) /* and that are searched for the check's secrets */
#define NAMES_ROOM 1000 /* bytes of keys in a line */

/* A key on one side or on both. */
struct change {
	struct ra_entry was, now; /* key NULL: not there */
};

struct changes {
	struct ra_mac *mac; /* of digests */
	int error;
	struct change list[KEYS_MAX];
	size_t count; /* of all */
};

/* --- which --- */

static bool
is_ignored(const struct ra_config_rules *rules, const char *key)
{
	for (size_t i = 0; i < rules->count; i++) {
		if (rules->list[i].word == RA_DRIFT_IGNORE &&
		    ra_glob_match(rules->list[i].key, key))
			return true;
	}
	return false;
}

/* A value of which it turned out that it is a secret is what it was. */
static bool
is_digest_of(struct changes *c, const struct ra_entry *clear, const char *digest)
{
	char text[RA_SECRET_TEXT] = "";

	if (ra_secret_digest(c->mac, clear->value, clear->value_len, text) < 0)
		c->error = -EIO;
	return strcmp(text, digest) == 0;
}

static bool
is_same(struct changes *c, const struct ra_entry *a, const struct ra_entry *b)
{
	if (a->flags != b->flags)
		return false;
	if (a->secret != b->secret)
		return a->secret ? is_digest_of(c, b, a->value) : is_digest_of(c, a, b->value);
	return a->value_len == b->value_len && memcmp(a->value, b->value, a->value_len) == 0;
}

static void
add(struct changes *c, const struct ra_config_rules *rules, const struct ra_entry *was,
    const struct ra_entry *now)
{
	if (is_ignored(rules, was != NULL ? was->key : now->key))
		return;
	if (c->count < KEYS_MAX) {
		struct change *change = &c->list[c->count];

		*change = (struct change){ 0 };
		if (was != NULL)
			change->was = *was;
		if (now != NULL)
			change->now = *now;
	}
	c->count++;
}

/* Both are in the order of their keys, which hold no NUL. */
static void
compare(struct changes *c, const struct ra_config_rules *rules, const struct ra_snapshot *was,
    const struct ra_snapshot *now)
{
	size_t i = 0, k = 0, was_count = ra_snapshot_count(was);
	size_t now_count = ra_snapshot_count(now);

	while (i < was_count || k < now_count) {
		struct ra_entry a = { 0 }, b = { 0 };
		int order;

		if (i < was_count)
			a = ra_snapshot_at(was, i);
		if (k < now_count)
			b = ra_snapshot_at(now, k);
		order = a.key == NULL ? 1 : b.key == NULL ? -1 : strcmp(a.key, b.key);
		if (order < 0)
			add(c, rules, &a, NULL);
		else if (order > 0)
			add(c, rules, NULL, &b);
		else if (!is_same(c, &a, &b))
			add(c, rules, &a, &b);
		i += order <= 0;
		k += order >= 0;
	}
}

/* --- the event --- */

struct writer {
	struct ra_jsonw json;
	const struct ra_check *check;
	struct ra_mac *mac;
};

/* A text without the check's own secrets, cut where it is long. */
static void
write_text(struct writer *w, const char *key, const char *text, size_t len)
{
	size_t looked = len < LOOK_MAX ? len : LOOK_MAX, end = looked;
	RA_FREE char *copy = malloc(looked + sizeof("…"));

	if (copy == NULL) {
		w->json.out->error = -ENOMEM;
		return;
	}
	memcpy(copy, text, looked);
	copy[looked] = '\0';
	ra_funnel_scrub_text(copy, looked, w->check);
	if (end > TEXT_MAX) {
		for (end = TEXT_MAX; end > TEXT_MAX - 4 && ((uint8_t)copy[end] & 0xc0) == 0x80;)
			end--;
		memcpy(copy + end, "…", sizeof("…"));
		end += sizeof("…") - 1;
	}
	ra_jsonw_textn(&w->json, key, copy, end);
}

/* As GET /v1/drift shows it. A value that became a secret, or is none any more, is a digest too. */
static void
write_side(struct writer *w, const char *name, const struct ra_entry *e, bool secret, bool line)
{
	char digest[RA_SECRET_TEXT] = "";

	if (e->key == NULL) {
		ra_jsonw_null(&w->json, name);
		return;
	}
	ra_jsonw_object(&w->json, name);
	if (secret) {
		ra_jsonw_bool(&w->json, "secret", true);
		if (!e->secret && ra_secret_digest(w->mac, e->value, e->value_len, digest) < 0)
			w->json.out->error = -EIO;
		ra_jsonw_text(&w->json, "digest", e->secret ? e->value : digest);
	} else if (e->flags & RA_KEY_NULL) {
		ra_jsonw_null(&w->json, "value");
	} else {
		write_text(w, "value", e->value, e->value_len);
	}
	if (line && e->line > 0)
		ra_jsonw_int(&w->json, "line", e->line);
	ra_jsonw_object_end(&w->json);
}

static void
write_changes(struct writer *w, const struct changes *c)
{
	struct ra_jsonw *json = &w->json;
	size_t i;

	ra_jsonw_array(json, "keys");
	for (i = 0; i < c->count && i < KEYS_MAX && json->out->len < EVENT_ROOM; i++) {
		const struct change *change = &c->list[i];
		const struct ra_entry *e = change->now.key != NULL ? &change->now : &change->was;
		bool secret = change->was.secret || change->now.secret;

		ra_jsonw_object(json, NULL);
		write_text(w, "key", e->key, e->key_len);
		write_side(w, "was", &change->was, secret, false);
		write_side(w, "now", &change->now, secret, true);
		ra_jsonw_object_end(json);
	}
	ra_jsonw_array_end(json);
	if (c->count > i)
		ra_jsonw_int(json, "more", (int64_t)(c->count - i));
}

static void
write_event(struct writer *w, struct ra_buf *out, int64_t at, const char *instance,
    const struct changes *changes)
{
	struct ra_jsonw *json = &w->json;

	ra_event_begin(json, out, "config-changed", at, w->check);
	if (instance != NULL)
		ra_jsonw_text(json, "instance", instance);
	ra_jsonw_int(json, "count", (int64_t)changes->count);
	write_changes(w, changes);
	ra_jsonw_object_end(json);
}

static void
emit(struct ra_engine *e, const struct ra_check *check, const char *instance,
    const struct changes *changes)
{
	RA_BUF_LOCAL body = RA_BUF(EVENT_MAX);
	struct writer w = { .check = check, .mac = changes->mac };
	int64_t at = ra_clock_wall();

	write_event(&w, &body, at, instance, changes);
	if (body.error == 0)
		ra_engine_emit(e, at, "config-changed", check->id, body.data);
}

/* --- the line --- */

static void
announce(
    struct ra_engine *e, struct ra_track *t, const char *instance, const struct changes *changes)
{
	RA_BUF_LOCAL names = RA_BUF(NAMES_ROOM + TEXT_MAX + 8);
	RA_BUF_LOCAL line = RA_BUF(4096);
	size_t i;

	for (i = 0; i < changes->count && i < KEYS_MAX && names.len < NAMES_ROOM; i++) {
		const struct change *c = &changes->list[i];
		const char *key = c->now.key != NULL ? c->now.key : c->was.key;

		ra_buf_printf(&names, "%s%.*s", i > 0 ? "," : "", TEXT_MAX, key);
	}
	if (names.error < 0)
		return;
	ra_funnel_scrub_text(names.data, names.len, t->check);
	ra_alert_config(
	    &line, t->check, instance, changes->count, ra_buf_text(&names), changes->count - i);
	if (line.error == 0)
		ra_lines_add(e, t, LOG_NOTICE, ra_buf_text(&line), NULL);
}

static uint64_t
first_bytes(const struct ra_snapshot *s)
{
	uint64_t bytes;

	memcpy(&bytes, ra_snapshot_digest(s), sizeof(bytes));
	return bytes;
}

static int
tell(struct ra_engine *e, struct ra_track *t, const char *instance, struct ra_known *was,
    struct ra_snapshot *now, struct changes *changes)
{
	struct ra_config_rules rules = { 0 };
	bool again = was->restored && was->told == first_bytes(now);

	ra_config_rules_add(&rules, t->check);
	if (rules.error == 0)
		compare(changes, &rules, was->snapshot, now);
	free(rules.list);
	if (rules.error < 0 || changes->error < 0)
		return rules.error < 0 ? rules.error : changes->error;
	if (changes->count == 0)
		return 0;
	was->told = first_bytes(now);
	if (!again)
		announce(e, t, instance, changes);
	emit(e, t->check, instance, changes);
	return 0;
}

/*
 * The record with the line is put before the history with the event and the new snapshot is. So a
 * crash may lose the history, and the same change is found again: then the record tells that its
 * line was sent, or will be.
 */
int
ra_change_tell(struct ra_engine *e, struct ra_track *t, const char *instance, struct ra_known *was,
    struct ra_snapshot *now)
{
	RA_FREE struct changes *changes = malloc(sizeof(*changes));
	int r = -ENOMEM;

	if (changes == NULL)
		return -ENOMEM;
	changes->count = 0;
	changes->error = 0;
	changes->mac = ra_mac_new(e->secret_key, sizeof(e->secret_key));
	if (changes->mac != NULL)
		r = tell(e, t, instance, was, now, changes);
	ra_mac_free(changes->mac);
	return r;
}
