/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets in texts that were made already. An excerpt may have been cut before, so what is left of
 * a secret at either side of a cut counts as the secret.
 */
#include <stdlib.h>
#include <string.h>

#include "relaudit/model/secret.h"

#define SECRET_MIN 4 /* shorter ones would blacken innocent text, and are not worth the name */
#define WORD_MIN   8 /* of a part that may have been cut, as a word ends there */

static bool
is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (uint8_t)c >= 0x80;
}

static bool
is_mark(const char *p)
{
	return strncmp(p, "...", 3) == 0 || strncmp(p, "…", sizeof("…") - 1) == 0;
}

/* Whether it may have gone on at p: the text ends, is marked as cut, or was blackened. */
static bool
is_cut_at(const char *p)
{
	return *p == '\0' || *p == '*' || is_mark(p);
}

static bool
is_cut_before(const char *text, const char *p)
{
	return p > text && (p[-1] == '*' || (p - text >= 3 && is_mark(p - 3)));
}

/* How much of the secret's beginning stands at p, if it was cut there. */
static size_t
head(const char *p, const char *secret, size_t least)
{
	size_t n = 0;

	while (p[n] != '\0' && p[n] == secret[n])
		n++;
	/* A secret's own dots may be taken for some of the mark's. */
	for (size_t k = n, dots = 0; k >= least && dots < 3; k--, dots++) {
		if (is_cut_at(p + k))
			return n;
	}
	return n >= WORD_MIN && !is_word(p[n]) ? n : 0;
}

/* How much of the secret's end stands before end, if it was cut in front of that. */
static size_t
tail(const char *text, const char *end, const char *secret, size_t len, size_t least)
{
	const char *p = end;
	size_t n = 0;

	while (p > text && n < len && p[-1] == secret[len - n - 1]) {
		p--;
		n++;
	}
	for (size_t k = n, dots = 0; k >= least && dots < 3; k--, dots++) {
		if (is_cut_before(text, end - k))
			return n;
	}
	return n >= WORD_MIN && (p == text || strchr(" '\"", p[-1]) != NULL) ? n : 0;
}

/* Of several, as forms of one secret begin alike. */
static size_t
longest_head(const char *p, const char *const *secrets, size_t count, size_t least)
{
	size_t longest = 0;

	for (size_t i = 0; i < count; i++) {
		size_t n = *p == secrets[i][0] ? head(p, secrets[i], least) : 0;

		longest = n > longest ? n : longest;
	}
	return longest;
}

static size_t
longest_tail(const char *text, const char *end, const char *const *secrets, const size_t *lengths,
    size_t count, size_t least)
{
	size_t longest = 0;

	for (size_t i = 0; i < count; i++) {
		size_t n = tail(text, end, secrets[i], lengths[i], least);

		longest = n > longest ? n : longest;
	}
	return longest;
}

void
ra_secret_blacken(char *text, const char *const *secrets, size_t count, size_t least)
{
	RA_FREE size_t *lengths = calloc(count + 1, sizeof(*lengths));

	if (lengths == NULL) { /* rather nothing is shown */
		memset(text, '*', strlen(text));
		return;
	}
	/* Wholes go first, as one's part may stand in another. */
	for (size_t i = 0; i < count; i++) {
		size_t len = lengths[i] = strlen(secrets[i]);

		for (char *p = text; len >= SECRET_MIN && (p = strstr(p, secrets[i])) != NULL;
		     p += len)
			memset(p, '*', len);
	}
	for (char *p = text; *p != '\0'; p++)
		memset(p, '*', longest_head(p, secrets, count, least));
	for (char *p = text; *p != '\0'; p++) {
		size_t n = longest_tail(text, p + 1, secrets, lengths, count, least);

		memset(p + 1 - n, '*', n);
	}
}
