/* SPDX-License-Identifier: Apache-2.0 */
/* Texts as programs write them, with what is secret in them blackened. */
#include <string.h>

#include "secret_private.h"

/* What is between words is added as it stands; the next word, empty at the end. */
static const char *
next_word(const char *at, const char *end, struct ra_buf *out, size_t *ret_len)
{
	const char *word = at;
	size_t n = 0;

	while (word < end && (uint8_t)*word <= ' ')
		word++;
	while (word + n < end && (uint8_t)word[n] > ' ')
		n++;
	ra_buf_add(out, at, (size_t)(word - at));
	*ret_len = n;
	return word;
}

/* The length of "password=" or "password:" in a word; 0: it has none. */
static size_t
named(const char *word, size_t len)
{
	for (size_t i = 1; i < len; i++) {
		if ((word[i] == '=' || word[i] == ':') && ra_secret_name(word, i))
			return i + 1;
	}
	return 0;
}

int
ra_secret_scrub_text(const char *text, size_t len, struct ra_buf *out)
{
	const char *end = text + len;
	bool next = false; /* the name was a word of its own */

	while (text < end) {
		size_t n, name;
		const char *word = next_word(text, end, out, &n);

		name = named(word, n);
		if (next || (name == 0 && ra_secret_value(word, n)))
			ra_buf_puts(out, n > 0 ? "***" : "");
		else if (name > 0 && name < n)
			ra_buf_printf(out, "%.*s***", (int)name, word);
		else
			ra_buf_add(out, word, n);
		next = name > 0 && name == n;
		text = word + n;
	}
	return out->error;
}

/* --- by shape alone --- */

/* The name, of whoever logs in over SSH, is none. */
static bool
is_login(const char *word, const char *at, const char *name)
{
	return name - word >= 6 && memcmp(name - 6, "ssh://", 6) == 0 &&
	       memchr(name, ':', (size_t)(at - name)) == NULL;
}

/* Of a URL the credentials alone. False: that does not do. */
static bool
scrub_url(const char *word, size_t len, struct ra_buf *out)
{
	const char *scheme = memmem(word, len, "://", 3), *end = word + len, *at, *name;

	if (scheme == NULL)
		return false;
	name = scheme + 3;
	at = memrchr(name, '@', (size_t)(end - name));
	if (at == NULL || ra_secret_value(at, (size_t)(end - at)) ||
	    ra_secret_value(word, (size_t)(scheme - word)))
		return false;
	if (is_login(word, at, name))
		ra_buf_add(out, word, len);
	else
		ra_buf_printf(out, "%.*s***%.*s", (int)(name - word), word, (int)(end - at), at);
	return true;
}

/* Of token=x what follows the first '=', if that is where it begins. */
static void
scrub_word(const char *word, size_t len, struct ra_buf *out)
{
	const char *equal = memchr(word, '=', len);

	if (!ra_secret_value(word, len))
		ra_buf_add(out, word, len);
	else if (equal != NULL && ra_secret_name(word, (size_t)(equal - word)) &&
		 !ra_secret_value(word, (size_t)(equal - word)))
		ra_buf_printf(out, "%.*s***", (int)(equal + 1 - word), word);
	else if (!scrub_url(word, len, out))
		ra_buf_puts(out, "***");
}

/* Whether the next word may be one by this: Bearer x, --password x. */
static bool
leads(const char *word, size_t len)
{
	return (len > 1 && word[0] == '-') ||
	       (len >= 6 && ra_begins(word + len - 6, 6, "bearer")) ||
	       (len >= 5 && ra_begins(word + len - 5, 5, "basic"));
}

int
ra_secret_scrub_shapes(const char *text, size_t len, struct ra_buf *out)
{
	const char *end = text + len, *before = NULL; /* the word that leads to this one */

	while (text < end) {
		size_t n;
		const char *word = next_word(text, end, out, &n);

		if (before != NULL && ra_secret_value(before, (size_t)(word + n - before)))
			ra_buf_puts(out, "***");
		else
			scrub_word(word, n, out);
		before = leads(word, n) ? word : NULL;
		text = word + n;
	}
	return out->error;
}
