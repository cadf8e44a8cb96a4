/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of one check as it was read: keys in order, each with its value or, where it
 * is a secret, with the value's keyed digest, and with where it stands. Immutable once built; a
 * secret's value never gets in.
 */
#ifndef RELAUDIT_MODEL_SNAPSHOT_H
#define RELAUDIT_MODEL_SNAPSHOT_H

#include "relaudit/base/buf.h"
#include "relaudit/base/digest.h"
#include "relaudit/base/error.h"
#include "relaudit/model/data.h"
#include "relaudit/model/secret.h"

/* "k1:" and the first 16 bytes of HMAC-SHA-256 in hexadecimal. */
#define RA_SECRET_TEXT	36

/*
 * A variable whose value differs from environment to environment by design. Wherever the value
 * stands it becomes a placeholder in what is compared, which no file can have; the longest value
 * first, of equally long ones the one given first; an empty value never. This has to happen while
 * secrets are in the clear, so snapshots that are to be compared are built with the same names.
 */
struct ra_placeholder {
	const char *name;
	const char *value;
};

/* How values are kept. All is borrowed until the builder is freed. */
struct ra_snapshot_rules {
	const void *key;		/* of the digests; the same wherever they are compared */
	size_t key_len;
	const char *const *secret;	/* more patterns of names, in any case */
	size_t secret_count;
	const char *const *open;	/* `public:` exact names that are no secrets */
	size_t open_count;
	const char *const *known;	/* secrets: wherever one stands, the value is one */
	size_t known_count;
	const struct ra_placeholder *placeholders;
	size_t placeholder_count;
	bool templates;			/* "${name}" is such a placeholder: of what is committed */
};

struct ra_snapshot;
struct ra_snapshot_builder;

struct ra_entry {
	const char *key;	/* texts are the snapshot's, NUL-terminated */
	size_t key_len;
	const char *value;	/* of a secret its digest as text */
	size_t value_len;
	const char *compared;	/* with placeholders; the same pointer where there are none in it */
	size_t compared_len;
	const char *origin;	/* the file, path or URL; "": not said */
	uint32_t line;		/* 0: not known */
	unsigned flags;		/* enum ra_key_flag */
	bool secret;
	enum ra_opaque opaque;
};

/* --- building; one thread, any order of keys, of equal ones the last counts --- */

/* NULL: no memory. */
struct ra_snapshot_builder *ra_snapshot_builder_new(const struct ra_snapshot_rules *rules);
void ra_snapshot_builder_free(struct ra_snapshot_builder *b);
/* What follows stands there. At most 65,535 of them. 0, -ENOMEM, -EMSGSIZE. */
int ra_snapshot_origin(struct ra_snapshot_builder *b, const char *origin);
/*
 * Texts are never NULL. 0, -ENOMEM, -EMSGSIZE beyond the limits of RA_SHAPE_KEYS, -EINVAL: a NUL in
 * the key, -EIO: libcrypto failed.
 */
int ra_snapshot_add(struct ra_snapshot_builder *b, const char *key, size_t key_len,
    const char *value, size_t value_len, uint32_t line, unsigned flags);
/* All of data, which has RA_SHAPE_KEYS. Borrows its texts until the builder is sealed or freed. */
int ra_snapshot_add_data(struct ra_snapshot_builder *b, const struct ra_data *data);
/* An entry of an earlier snapshot, its digest as it is. Borrows its texts as well. */
int ra_snapshot_add_entry(struct ra_snapshot_builder *b, const struct ra_entry *entry);
/* Frees b, whether it succeeds or not. *ret has one reference. 0, -ENOMEM. */
int ra_snapshot_seal(struct ra_snapshot_builder *b, struct ra_snapshot **ret);

/* --- reading; any thread --- */

struct ra_snapshot *ra_snapshot_ref(struct ra_snapshot *s);
void ra_snapshot_unref(struct ra_snapshot *s);	/* NULL allowed */
void ra_snapshot_unrefp(struct ra_snapshot **s);	/* for RA_CLEANUP */
size_t ra_snapshot_count(const struct ra_snapshot *s);
/* Keys that stood more than once, and the line of the first one that was passed over. */
size_t ra_snapshot_repeated(const struct ra_snapshot *s, uint32_t *ret_line);
/* Lines that whoever reads the file passes over, and the first of them. */
size_t ra_snapshot_skipped(const struct ra_snapshot *s, uint32_t *ret_line);
/* A byte order mark is why the first of them is. */
bool ra_snapshot_marked(const struct ra_snapshot *s);
/*
 * The names that ra_data_add_unread() took, one after the other: of last, NULL: the first; NULL:
 * there is none left. Not known of one that was written and read.
 */
const char *ra_snapshot_unread(const struct ra_snapshot *s, const char *last, uint32_t *ret_line);
/* Keys are JSON Pointers. */
bool ra_snapshot_pointers(const struct ra_snapshot *s);
/* Of all keys and values as they are, not of origins: equal where nothing differs. */
const uint8_t *ra_snapshot_digest(const struct ra_snapshot *s);
/* Bytes it takes. */
size_t ra_snapshot_size(const struct ra_snapshot *s);
/* i < count; in the order of the keys' bytes. */
struct ra_entry ra_snapshot_at(const struct ra_snapshot *s, size_t i);
bool ra_snapshot_find(const struct ra_snapshot *s, const char *key, struct ra_entry *ret);

/*
 * What is encrypted in version control is a secret where it runs, whatever its key is called and
 * its value looks like, until it stands there in the clear. What does not stand there is in doubt
 * where other keys are encrypted, and where not all was read, unless it was shown before.
 */
struct ra_veil {
	const struct ra_snapshot *committed[2];	/* NULL: none, or not read */
	bool unread;				/* one of them was not read */
	const struct ra_snapshot *before;	/* as it was last kept; NULL: never was */
	const void *key;			/* of the digests */
	size_t key_len;
};

/*
 * s itself, or a copy with digests for secrets and doubts; *ret has one reference. 0, -ENOMEM,
 * -EIO.
 */
int ra_snapshot_veil(struct ra_snapshot *s, const struct ra_veil *by, struct ra_snapshot **ret);

/*
 * As bytes to keep, and back; no secret is in them, as none is in the snapshot. What is read is not
 * believed: -EBADMSG if it is not just what was written, -EPROTONOSUPPORT: of another version,
 * -ENOMEM. Takes memory in proportion to len. Writing: 0, or what the buffer or libcrypto
 * says.
 */
int ra_snapshot_write(const struct ra_snapshot *s, struct ra_buf *out);
int ra_snapshot_read(const void *bytes, size_t len, struct ra_snapshot **ret);

/* The text that stands for a secret. 0 or -EIO. */
int ra_secret_digest(struct ra_mac *mac, const char *value, size_t len, char out[RA_SECRET_TEXT]);

#endif
