/* SPDX-License-Identifier: Apache-2.0 */
/* What must not be shown, and what cannot be compared, told by a key's name or a value's shape. */
#ifndef RELAUDIT_MODEL_SECRET_H
#define RELAUDIT_MODEL_SECRET_H

#include "relaudit/base/buf.h"
#include "relaudit/base/macro.h"

/*
 * True for a name like *PASS* *PWD* *SECRET* *TOKEN* *KEY* *CREDENTIAL* *DSN* *PRIVATE* *MNEMONIC*,
 * or that ends like *PW, or with the word PIN, SALT or COOKIE, or has the word SEED or SIGNING, in
 * any case. Of a JSON Pointer the whole counts: what stands below "/secrets" is secret too.
 */
bool ra_secret_name(const char *name, size_t len);
/*
 * True for a value that gives itself away: a URL or connection string with credentials in it, a PEM
 * block, a token of a known form (AWS, GitHub, GitLab, Slack, JWT, ...), a password's hash, JSON or
 * YAML with a member of a secret's name, a command line with a password among its options.
 */
bool ra_secret_value(const char *value, size_t len);
/* True for a key that has such a thing in it; of a JSON Pointer each part is looked at. */
bool ra_secret_key(const char *key, size_t len);

/*
 * A line of free text, as a program says it, with "***" in place of words that are secret by their
 * shape, or by the name before their '=' or ':'. 0 or -ENOMEM.
 */
int ra_secret_scrub_text(const char *text, size_t len, struct ra_buf *out);
/*
 * The same by shape alone: "token=x" is one, "keys: 3" none. Of a URL only the credentials go. For
 * texts that are there to be shown.
 */
int ra_secret_scrub_shapes(const char *text, size_t len, struct ra_buf *out);

/*
 * Blackens secrets in place, and what is left of one where the text was cut: of its beginning or
 * end at least `least` (4 or more) bytes beside a mark ("...", "…"), what was blackened, or the
 * text's end.
 */
void ra_secret_blacken(char *text, const char *const *secrets, size_t count, size_t least);

enum ra_opaque {
	RA_OPAQUE_NOT,
	/* A secret, of sops, jasypt, Vault, Ansible, age, PGP, or kept elsewhere: op://... */
	RA_OPAQUE_ENCRYPTED,
	RA_OPAQUE_TEMPLATE,	/* ${...}, {{ ... }}, $NAME, @NAME@ */
};

/* Whether a committed value says what runs, or only how it is made. */
enum ra_opaque ra_opaque_value(const char *value, size_t len);

#endif
