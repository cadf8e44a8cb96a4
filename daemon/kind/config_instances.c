/* SPDX-License-Identifier: Apache-2.0 */
/* In what instances of kind config must agree, and in what they do not: keys, never a value. */
#include <string.h>

#include "relaudit/model/pattern.h"

#include "config.h"

/* Of JSON Pointers NAME is "/NAME", as in a comparison. */
static bool
is_ignored(const struct config_options *o, const struct ra_snapshot *s, const char *key)
{
	for (size_t i = 0; i < o->ignore.count; i++) {
		const char *rule = o->ignore.list[i].value;
		bool plain = ra_snapshot_pointers(s) && strchr("/*?[", rule[0]) == NULL;

		if (ra_glob_match(rule, plain ? key + (*key == '/') : key))
			return true;
	}
	return false;
}

/* By what is committed a value may be hidden of one instance while another's is shown. */
static bool
may_hide(const struct ra_judge_call *call)
{
	const struct config_words *expect = call->expect, *warn = call->warn;

	return expect->baseline != NULL || (warn != NULL && warn->baseline != NULL);
}

/* mac: of values that are shown, NULL: as they are. */
static int
add_entry(struct ra_digest *d, struct ra_mac *mac, const struct ra_entry *e)
{
	char hidden[RA_SECRET_TEXT];

	ra_digest_add(d, e->key, e->key_len + 1);
	if (mac == NULL || e->secret)
		ra_digest_add(d, e->compared, e->compared_len + 1);
	else if (ra_secret_digest(mac, e->compared, e->compared_len, hidden) == 0)
		ra_digest_add(d, hidden, sizeof(hidden));
	else
		return -EIO;
	ra_digest_add(d, &e->flags, sizeof(e->flags)); /* null is no empty text */
	return 0;
}

/* Instances agree where nothing differs that is looked at. */
int
ra_config_digest(
    const struct ra_judge_call *call, const struct ra_snapshot *s, char out[RA_DIGEST_HEX])
{
	const struct config_options *o = call->options;
	bool hides = may_hide(call);
	uint8_t digest[RA_DIGEST_SIZE];
	struct ra_mac *mac = NULL;
	struct ra_digest *d;
	int r = 0, end;

	if (!hides && o->ignore.count == 0 &&
	    (call->variables == NULL || call->variables->count == 0)) {
		ra_digest_hex(ra_snapshot_digest(s), out);
		return 0;
	}
	d = ra_digest_new();
	if (d == NULL)
		return -ENOMEM;
	if (hides && (mac = ra_mac_new(call->secret_key, call->secret_key_len)) == NULL)
		r = -ENOMEM;
	for (size_t i = 0; i < ra_snapshot_count(s) && r == 0; i++) {
		struct ra_entry e = ra_snapshot_at(s, i);

		if (!is_ignored(o, s, e.key))
			r = add_entry(d, mac, &e);
	}
	ra_mac_free(mac);
	end = ra_digest_end(d, digest);
	r = r < 0 ? r : end;
	if (r == 0)
		ra_digest_hex(digest, out);
	return r;
}

/* --- those that differ --- */

/* One of the snapshots that are gone through together, key by key. */
struct cursor {
	const struct ra_snapshot *snapshot;
	size_t at;
};

/* Those that are alike are one. */
static size_t
open_cursors(const struct ra_snapshot *const *snapshots, size_t count, struct cursor *out)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		bool known = snapshots[i] == NULL;

		for (size_t k = 0; k < n && !known; k++)
			known = memcmp(ra_snapshot_digest(out[k].snapshot),
				    ra_snapshot_digest(snapshots[i]), RA_DIGEST_SIZE) == 0;
		if (!known)
			out[n++].snapshot = snapshots[i];
	}
	return n;
}

/* The first key that none has passed; false: all have come to their end. */
static bool
first_key(const struct cursor *all, size_t count, struct ra_entry *ret)
{
	bool found = false;

	for (size_t i = 0; i < count; i++) {
		struct ra_entry e;

		if (all[i].at == ra_snapshot_count(all[i].snapshot))
			continue;
		e = ra_snapshot_at(all[i].snapshot, all[i].at);
		if (!found || strcmp(e.key, ret->key) < 0)
			*ret = e;
		found = true;
	}
	return found;
}

/* Goes past the key; true where one lacks it, or has another value. */
static bool
pass(struct cursor *all, size_t count, const struct ra_entry *key)
{
	bool differs = false;

	for (size_t i = 0; i < count; i++) {
		struct ra_entry e = { .key = NULL };

		if (all[i].at < ra_snapshot_count(all[i].snapshot))
			e = ra_snapshot_at(all[i].snapshot, all[i].at);
		if (e.key == NULL || strcmp(e.key, key->key) != 0) {
			differs = true;
			continue;
		}
		all[i].at++;
		differs = differs || e.flags != key->flags || e.compared_len != key->compared_len ||
			  memcmp(e.compared, key->compared, e.compared_len) != 0;
	}
	return differs;
}

/* What begins with a quote or a bracket is no name, and may be a secret: it is only counted. */
static void
add_key(struct ra_config_names *n, const char *key)
{
	if (strchr("'\"{[", key[0]) == NULL) {
		ra_config_add_name(n, key);
		return;
	}
	n->count++;
	n->left++;
}

/* "2 keys (A, B)"; nothing if there are none. */
int
ra_config_tell_difference(const void *options, const struct ra_snapshot *const *snapshots,
    size_t count, struct ra_buf *out)
{
	RA_FREE struct cursor *all = calloc(count, sizeof(*all));
	struct ra_config_names names = { .text = RA_BUF(0) };
	struct ra_entry key = { 0 };
	size_t n;

	if (all == NULL)
		return -ENOMEM;
	n = open_cursors(snapshots, count, all);
	while (first_key(all, n, &key)) {
		if (pass(all, n, &key) && !is_ignored(options, all[0].snapshot, key.key))
			add_key(&names, key.key);
	}
	if (names.count > 0)
		ra_buf_printf(out, "%zu %s", names.count, names.count == 1 ? "key" : "keys");
	if (names.count > names.left)
		ra_buf_printf(out, " (%s)", ra_config_all_names(&names));
	if (names.text.error < 0)
		out->error = names.text.error;
	ra_buf_free(&names.text);
	return out->error;
}
