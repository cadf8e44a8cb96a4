/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durations, sizes, percentages and times: a text, or eight bytes as a number. What is written as
 * configuration writes it is read as the same; what is for people fits.
 */
#include "relaudit/base/clock.h"
#include "relaudit/base/units.h"

#include "fuzz.h"

static void
check_shown(const char *text)
{
	size_t len = strlen(text);

	FUZZ_CHECK(len > 0 && len < RA_UNIT_TEXT);
	FUZZ_CHECK(strspn(text, "0123456789.- %abcdefghijklmnopqrstuvwxyzBGMTPEZ:") == len);
}

static void
check_number(int64_t n)
{
	char out[RA_UNIT_TEXT], time[RA_TIME_TEXT];
	int64_t back;

	check_shown(ra_duration_human(n, out));
	check_shown(ra_size_human(n, out));
	check_shown(ra_duration_format(n, out));
	if (n >= 0)
		FUZZ_CHECK(ra_duration_parse(out, &back, NULL) == 0 && back == n);
	check_shown(ra_percent_format(n, out));
	if (n >= 0 && n <= 100000000)
		FUZZ_CHECK(ra_percent_parse(out, &back, NULL) == 0 && back == n);
	if (strcmp(ra_time_format(n, time), "-") == 0)
		return;
	FUZZ_CHECK(ra_time_parse(time, strlen(time), &back) == 0 && back == n);
	ra_time_format_s(n, time);
	FUZZ_CHECK(ra_time_parse(time, strlen(time), &back) == 0);
	FUZZ_CHECK(back <= n && n - back < RA_SECOND);
}

static void
check_text(const char *text)
{
	struct ra_error err = { 0 };
	int64_t n = -1;

	if (ra_duration_parse(text, &n, &err) == 0)
		check_number(n);
	FUZZ_CHECK((n >= 0) == (err.text[0] == '\0'));
	n = -1;
	err.text[0] = '\0';
	if (ra_size_parse(text, &n, &err) == 0)
		check_number(n);
	FUZZ_CHECK((n >= 0) == (err.text[0] == '\0'));
	n = -1;
	err.text[0] = '\0';
	if (ra_percent_parse(text, &n, &err) == 0)
		FUZZ_CHECK(n <= 100000000);
	FUZZ_CHECK((n >= 0) == (err.text[0] == '\0'));
	if (ra_time_parse(text, strlen(text), &n) == 0)
		check_number(n);
	if (ra_int_parse(text, strlen(text), &n) == 0)
		check_number(n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = { (const char *)bytes, size };
	RA_FREE char *text = fuzz_line(&in);
	int64_t n;

	check_text(text);
	if (size >= sizeof(n)) {
		memcpy(&n, bytes, sizeof(n));
		check_number(n);
	}
	return 0;
}
