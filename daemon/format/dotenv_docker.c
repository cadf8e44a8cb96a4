/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As `docker run --env-file` reads it: a line is NAME=VALUE, all of it as it is, quotes and blanks
 * included. A name alone is taken from the environment of who calls docker, not known here.
 */
#include <string.h>

#include "relaudit/base/escape.h"

#include "dotenv.h"

#define LINE_MAX_LEN 65535 /* longer ones its scanner refuses */

static enum ra_reason
take_line(struct ra_keys *k, const char *p, const char *end)
{
	const char *eq, *blank;

	while (p < end) {
		uint32_t c;
		size_t n = ra_utf8_decode(p, (size_t)(end - p), &c);

		if (!ra_char_space(c))
			break;
		p += n;
	}
	if (p == end || *p == '#')
		return RA_R_OK;
	eq = memchr(p, '=', (size_t)(end - p));
	if (eq == p)
		return ra_keys_refuse(
		    k, RA_R_NOT_DOTENV, p, "no name before '='; docker refuses the whole file");
	for (blank = p; blank < (eq != NULL ? eq : end); blank++) {
		if (*blank == ' ' || *blank == '\t')
			return ra_keys_refuse(k, RA_R_NOT_DOTENV, blank,
			    "a blank in a name; docker refuses the whole file");
	}
	if (eq == NULL)
		return ra_keys_pass_over(k, p, end);
	return ra_keys_add(k, p, (size_t)(eq - p), eq + 1, (size_t)(end - eq - 1), p, 0);
}

enum ra_reason
ra_dotenv_docker(struct ra_keys *k)
{
	enum ra_reason reason = ra_keys_check_text(k, RA_R_NOT_DOTENV);

	for (const char *p = k->text; p < k->end && reason == RA_R_OK;) {
		const char *nl = memchr(p, '\n', (size_t)(k->end - p));
		const char *end = nl != NULL ? nl : k->end;

		if (end - p > LINE_MAX_LEN)
			return ra_keys_refuse(
			    k, RA_R_NOT_DOTENV, p, "a line longer than docker reads (64 KiB)");
		reason = take_line(k, p, end > p && end[-1] == '\r' ? end - 1 : end);
		p = end + 1;
	}
	return reason;
}
