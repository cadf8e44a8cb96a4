/* SPDX-License-Identifier: Apache-2.0 */
/* The syslog lines as they are documented. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include <cmocka.h>

#include "relaudit/base/clock.h"
#include "relaudit/engine/alert.h"

static int64_t
at(const char *text)
{
	int64_t ms = 0;

	assert_int_equal(ra_time_parse(text, strlen(text), &ms), 0);
	return ms;
}

static struct ra_environment production = { .name = "production", .owner = "payments-oncall" };
static struct ra_check backup = { .id = "production/backup-db", .environment = &production };

static void
test_documented_line(void **state)
{
	struct ra_transition t = {
		.change = RA_CHANGE_PROBLEM,
		.was = RA_OK,
		.now = RA_CRITICAL,
		.reason = RA_R_BACKUP_TOO_OLD,
		.since = at("2026-11-23T09:14:05.250Z"),
		.id = 0x7f3a,
	};
	RA_BUF_LOCAL out = RA_BUF(4096);

	ra_alert_state(&out, &backup, "backup", &t, "newest backup is 31 h old, limit 26 h", false);
	assert_string_equal(ra_buf_text(&out),
	    "state check=production/backup-db environment=production kind=backup was=OK "
	    "now=CRITICAL reason=backup-too-old since=2026-11-23T09:14:05Z id=7f3a "
	    "owner=payments-oncall summary=\"newest backup is 31 h old, limit 26 h\"");
}

static void
test_recovery(void **state)
{
	struct ra_environment env = { .name = "staging" };
	struct ra_check check = {
		.id = "staging/version-api", .environment = &env, .service = "api"
	};
	struct ra_transition t = {
		.change = RA_CHANGE_RECOVERY,
		.was = RA_UNKNOWN,
		.now = RA_OK,
		.reason = RA_R_OK,
		.since = at("2026-11-23T10:00:00Z"),
		.id = 9,
		.lasted = 2 * RA_HOUR + 5 * RA_MINUTE + 123,
	};
	RA_BUF_LOCAL out = RA_BUF(4096);

	ra_alert_state(&out, &check, "version", &t, "1.2.3", true);
	assert_string_equal(ra_buf_text(&out),
	    "state check=staging/version-api environment=staging kind=version was=UNKNOWN now=OK "
	    "reason=ok since=2026-11-23T10:00:00Z id=0009 service=api lasted=2h5m unsaved=1 "
	    "summary=1.2.3");
}

static void
test_nothing_can_forge_a_line(void **state)
{
	struct ra_environment env = { .name = "e", .owner = "a\" now=OK x=\"" };
	struct ra_check check = { .id = "e/c", .environment = &env };
	struct ra_transition t = { .was = RA_OK, .now = RA_CRITICAL, .reason = RA_R_OK, .id = 1 };
	RA_BUF_LOCAL out = RA_BUF(4096);
	const char *s;

	ra_alert_state(&out, &check, "logs", &t,
	    "x\"\nrelauditd: state now=OK \x1b[31m \xe2\x80\xae %n%s \xff", false);
	s = ra_buf_text(&out);
	assert_non_null(strstr(s, " owner=\"a\\\" now=OK x=\\\"\" "));
	assert_non_null(strstr(
	    s, " summary=\"x\\\"\\x0arelauditd: state now=OK \\x1b[31m \\u{202e} %n%s \\xff\""));
	for (; *s != '\0'; s++)
		assert_true((unsigned char)*s >= 0x20 && (unsigned char)*s < 0x7f);
}

static void
test_length(void **state)
{
	struct ra_transition t = { .was = RA_OK, .now = RA_WARNING, .reason = RA_R_OK, .id = 1 };
	struct ra_environment env = { .name = "e" };
	struct ra_check check = { .id = "e/c", .environment = &env };
	char owner[5000], summary[5000];
	const char *end;

	memset(owner, '"', sizeof(owner) - 1);
	owner[sizeof(owner) - 1] = '\0';
	memset(summary, '\n', sizeof(summary) - 1);
	summary[sizeof(summary) - 1] = '\0';
	env.owner = owner;
	for (int unsaved = 0; unsaved < 2; unsaved++) {
		RA_BUF_LOCAL out = RA_BUF(8192);

		ra_alert_state(&out, &check, "logs", &t, summary, unsaved);
		/* Room is left for unsaved=1, which may be learnt later. */
		assert_true(out.len <= (unsaved ? 1900 : 1890));
		assert_true(out.len > 1800);
		end = strstr(ra_buf_text(&out), " summary=\"\\x0a");
		assert_non_null(end);
		assert_int_equal(out.data[out.len - 1], '"');
	}
}

static void
test_config_line(void **state)
{
	struct ra_environment env = { .name = "production", .owner = "ops" };
	struct ra_check check = {
		.id = "production/config-api", .environment = &env, .service = "api"
	};
	RA_BUF_LOCAL out = RA_BUF(8192);
	RA_BUF_LOCAL full = RA_BUF(8192);
	char keys[5000];

	ra_alert_config(&out, &check, NULL, 3, "A,PASSWORD,NEW", 0);
	assert_string_equal(ra_buf_text(&out),
	    "config-changed check=production/config-api environment=production owner=ops "
	    "service=api count=3 keys=\"A,PASSWORD,NEW\"");
	ra_buf_clear(&out);
	ra_alert_config(&out, &check, "h1", 7, "A\n,B", 5);
	assert_string_equal(ra_buf_text(&out),
	    "config-changed check=production/config-api environment=production instance=h1 "
	    "owner=ops service=api count=7 more=5 keys=\"A\\x0a,B\"");
	memset(keys, '\n', sizeof(keys) - 1);
	keys[sizeof(keys) - 1] = '\0';
	ra_alert_config(&full, &check, NULL, 1, keys, 0);
	assert_true(full.len <= 1900);
	assert_int_equal(full.data[full.len - 1], '"');
}

static void
test_priority(void **state)
{
	assert_int_equal(ra_alert_priority(RA_CRITICAL), LOG_CRIT);
	assert_int_equal(ra_alert_priority(RA_UNKNOWN), LOG_ERR);
	assert_int_equal(ra_alert_priority(RA_PENDING), LOG_ERR);
	assert_int_equal(ra_alert_priority(RA_WARNING), LOG_WARNING);
	assert_int_equal(ra_alert_priority(RA_OK), LOG_NOTICE);
}

static void
test_pairs(void **state)
{
	RA_BUF_LOCAL out = RA_BUF(1024);

	ra_alert_pair(&out, "plain", "a/b-c.d:1");
	ra_alert_pair(&out, "empty", "");
	ra_alert_pair(&out, "blank", "a b");
	ra_alert_pair_time(&out, "at", 0);
	assert_string_equal(
	    ra_buf_text(&out), " plain=a/b-c.d:1 empty=\"\" blank=\"a b\" at=1970-01-01T00:00:00Z");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_documented_line),
		cmocka_unit_test(test_recovery),
		cmocka_unit_test(test_nothing_can_forge_a_line),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_config_line),
		cmocka_unit_test(test_priority),
		cmocka_unit_test(test_pairs),
	};

	return cmocka_run_group_tests_name("alert", tests, NULL, NULL);
}
