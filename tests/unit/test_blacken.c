/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets in texts that were cut before anyone looked for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relaudit/model/secret.h"

#define KEY "KEY-0b30557a9fc4e90e33587da2c7ec"

static void
test_texts(void **state)
{
	static const struct {
		const char *secret, *text, *black;
		size_t least;
	} rows[] = {
		{ "s3cret", "", "", 4 },
		{ "s3cret", "a s3cret s3cret b", "a ****** ****** b", 4 },
		{ "key", "a key stays", "a key stays", 4 },
		{ "word", "a word goes", "a **** goes", 4 },
		/* its beginning, where the text was cut */
		{ KEY, "token KEY-0", "token *****", 4 },
		{ KEY, "token KEY", "token KEY", 4 },
		{ KEY, "token 'KEY-0b30...' is none", "token '********...' is none", 4 },
		{ KEY, "token 'KEY-0b30…' is none", "token '********…' is none", 4 },
		{ KEY, "token KEY-0b3***", "token **********", 4 },
		{ KEY, "'KEY-0b30'", "'********'", 4 },
		{ KEY, "'KEY-0b3'", "'KEY-0b3'", 4 },
		{ KEY, "KEY-0b30557A is another", "KEY-0b30557A is another", 4 },
		{ KEY, "KEY-0b305570 is another", "KEY-0b305570 is another", 4 },
		{ KEY, "KEY-0b30557b is another", "KEY-0b30557b is another", 4 },
		{ KEY, "KEY-0b30557\xc3\xa4", "KEY-0b30557\xc3\xa4", 4 },
		{ KEY, "KEY-0b30557[", "***********[", 4 },
		{ KEY, "KEY-0b30557{", "***********{", 4 },
		{ KEY, "KEY-0b30557:", "***********:", 4 },
		{ KEY, "KEY-0b3", "KEY-0b3", 8 },
		{ KEY, "KEY-0b30", "********", 8 },
		{ "https://u@h/", "https://example/", "https://example/", 4 },
		/* dots of the secret before those of the mark */
		{ "abcd..efgh", "'abcd...'", "'******.'", 4 },
		{ "abcdefgh..i", "'abcdefgh...'", "'**********.'", 4 },
		{ "abc.efgh", "'abc.x'", "'abc.x'", 4 },
		/* its end, where the text was cut in front */
		{ KEY, "...a2c7ec is", "...****** is", 4 },
		{ KEY, "…a2c7ec is", "…****** is", 4 },
		{ KEY, "..a2c7ec is", "..a2c7ec is", 4 },
		{ KEY, "a2c7ec is", "a2c7ec is", 4 },
		{ KEY, "587da2c7ec is", "********** is", 4 },
		{ KEY, "at 587da2c7ec is", "at ********** is", 4 },
		{ KEY, "at '587da2c7ec' is", "at '**********' is", 4 },
		{ KEY, "at x587da2c7ec is", "at x587da2c7ec is", 4 },
		{ "audit@example.org", "ask app.example.org", "ask app.example.org", 4 },
		{ "aaaa bbbb", "token=*** bbbb", "token=********", 4 },
		{ "abcd..efgh", "...efgh", ".******", 4 },
		{ "abcd.fghi", "....fghi", "...*****", 4 },
		/* only a part is left of it where it overlaps itself */
		{ "abcdabcd", "abcdabcdabcd", "************", 4 },
		{ "-bcd-bcd1", "-bcd-bcd-bcd1", "*************", 4 },
		{ "abcd", "abc", "abc", 4 },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		RA_FREE char *text = strdup(rows[i].text);

		assert_non_null(text);
		ra_secret_blacken(text, &rows[i].secret, 1, rows[i].least);
		if (strcmp(text, rows[i].black) != 0)
			fail_msg("%s: %s", rows[i].text, text);
	}
}

/* A password goes with its user's name before it goes by itself. */
static void
test_several(void **state)
{
	static const char *const secrets[] = { "audit:hunter2hunter2", "hunter2hunter2" };
	static const char *const forms[] = { "KEY-0b30\\\"557a9f", "KEY-0b30\"557a9f" };
	char json[] = "'KEY-0b30\\\"557...'", plain[] = "'KEY-0b30\"557...'";
	char ends[] = "...30\\\"557a9f";
	char whole[] = "as audit:hunter2hunter2 and hunter2hunter2", cut[] = "as audit:hunter2h";

	(void)state;
	ra_secret_blacken(whole, secrets, 2, 4);
	assert_string_equal(whole, "as ******************** and **************");
	ra_secret_blacken(cut, secrets, 2, 4);
	assert_string_equal(cut, "as **************");
	/* Forms of one secret begin and end alike. */
	ra_secret_blacken(json, forms, 2, 4);
	assert_string_equal(json, "'*************...'");
	ra_secret_blacken(plain, forms, 2, 4);
	assert_string_equal(plain, "'************...'");
	ra_secret_blacken(ends, forms, 2, 4);
	assert_string_equal(ends, "...**********");
}

static bool
shows(const char *text, const char *secret, size_t piece)
{
	char part[16];

	for (size_t i = 0; i + piece <= strlen(secret); i++) {
		(void)snprintf(part, sizeof(part), "%.*s", (int)piece, secret + i);
		if (strstr(text, part) != NULL)
			return true;
	}
	return false;
}

/* Of secrets of all lengths at all places of an excerpt no part of four characters is left. */
static void
test_all_cuts(void **state)
{
	static const char *const ends[] = { "", "...", "…", "...' is not JSON" };
	static const char all[] = KEY "-11365b80a5cae7e61d2b4f3a9081726354ab..cd";

	(void)state;
	for (size_t len = 4; len < sizeof(all); len++) {
		RA_FREE char *secret = strndup(all, len);
		const char *secrets[] = { secret };

		assert_non_null(secret);
		for (size_t at = 0; at <= 45; at++) {
			for (size_t e = 0; e < RA_ARRAY_SIZE(ends); e++) {
				char answer[200], text[200];

				(void)snprintf(answer, sizeof(answer), "%.*s%s and so on", (int)at,
				    "invalid token, this is no time to ask with it: ", secret);
				(void)snprintf(
				    text, sizeof(text), "not JSON but '%.45s%s", answer, ends[e]);
				ra_secret_blacken(text, secrets, 1, 4);
				if (shows(text, secret, 4))
					fail_msg("%s", text);
			}
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_all_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
