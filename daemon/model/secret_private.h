/* SPDX-License-Identifier: Apache-2.0 */
/* What tells a secret by its shape: characters, and shapes with a file of their own. */
#ifndef RELAUDIT_SECRET_PRIVATE_H
#define RELAUDIT_SECRET_PRIVATE_H

#include "relaudit/base/macro.h"
#include "relaudit/model/secret.h"

#define RA_ACCESS_KEY 40	/* characters of a secret access key of AWS */

static inline bool
ra_is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static inline char
ra_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Whether the text at p begins with a word that is in small letters. */
static inline bool
ra_begins(const char *p, size_t len, const char *word)
{
	size_t i = 0;

	while (i < len && word[i] != '\0' && ra_lower(p[i]) == word[i])
		i++;
	return word[i] == '\0';
}

/* secret_option.c: command lines with a password in them, --password x. */
bool ra_has_secret_option(const char *value, size_t len);
/* Of two words: --password and x. */
bool ra_is_secret_option(const char *word, size_t len, const char *next, size_t next_len);
bool ra_has_access_key(const char *value, size_t len);

#endif
