/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relauditctl and a daemon that is strange, of another version, broken or hostile: it says what is
 * wrong and exits with the documented code, what it shows moves no cursor, and nothing that is not
 * understood is OK.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl_rig.h"

/* --- answers that are none --- */

static void
test_not_relauditd(void **state)
{
	static const struct {
		unsigned status;
		const char *body, *line;
		int code;
		const char *says;
	} rows[] = {
		{ 200, "220 mail.example ESMTP", "status", 69, "is not relauditd" },
		{ 200, "", "status", 69, "is not relauditd" },
		{ 200, "[1]", "status", 69, "no JSON object" },
		{ 200, "{\"schema\":\"relaudit/1\"", "status", 69, "is not relauditd" },
		{ 200, "{\"a\":1,\"a\":2}", "status", 69, "duplicate" },
		{ 200, "{}", "status", 69, "its JSON has no schema" },
		{ 200, "{\"schema\":1}", "history", 69, "its JSON has no schema" },
		{ 200, "{\"schema\":\"relaudit/2\"}", "status", 69,
		    "answers in relaudit/2, this relauditctl knows relaudit/1" },
		{ 500, "{\"schema\":\"relaudit/1\"}", "status", 69, "HTTP status 500" },
		{ 404, "{\"schema\":\"relaudit/1\",\"error\":{\"code\":7,\"message\":\"x\"}}",
		    "status", 69, "HTTP status 404" },
		{ 404, "{\"schema\":\"relaudit/1\",\"error\":{\"code\":\"x\"}}", "run a", 69,
		    "HTTP status 404" },
		{ 503,
		    "{\"schema\":\"relaudit/1\",\"error\":{\"code\":\"busy\",\"message\":\"too "
		    "many\"}}",
		    "version", 69, "too many" },
		{ 403,
		    "{\"schema\":\"relaudit/1\",\"error\":{\"code\":\"not-allowed\",\"message\":"
		    "\"run: not allowed\"}}",
		    "run a", 3, "run: not allowed" },
		{ 404,
		    "{\"schema\":\"relaudit/1\",\"error\":{\"code\":\"no-such-check\","
		    "\"message\":\"no check\"}}",
		    "status a/b", 64, "no check" },
		{ 500, "oops", "events", 69, "is not relauditd" },
		{ 404,
		    "{\"schema\":\"relaudit/1\",\"error\":{\"code\":\"no-such-environment\","
		    "\"message\":\"none\"}}",
		    "events a", 64, "none" },
		{ 400,
		    "{\"schema\":\"relaudit/1\",\"error\":{\"code\":\"bad-request\",\"message\":"
		    "\"twice\"}}",
		    "drift a a", 64, "twice" },
		{ 0, "", "status", 69, "closed the connection" },
		{ 0, "", "events", 69, "closed the connection" },
		{ 0, "", "-o nagios status", 3, "" },
	};

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		char *out = NULL, *err = NULL;
		int code;

		rig_say(rows[i].status, strdup(rows[i].body));
		code = rig_run(rows[i].line, &out, &err);
		if (code != rows[i].code || strstr(err, rows[i].says) == NULL ||
		    (code != 3 && *out != '\0'))
			fail_msg("%zu: %d, '%s', '%s'", i, code, out, err);
		free(out);
		free(err);
	}
}

static void
test_half_an_answer(void **state)
{
	static const char *const lines[] = { "status", "history", "reload" };

	for (size_t i = 0; i < RA_ARRAY_SIZE(lines); i++) {
		char *out = NULL, *err = NULL;

		rig_say(200, strdup("{\"schema\":\"relaudit/1\"}"));
		rig.promised = 1000;
		assert_int_equal(rig_run(lines[i], &out, &err), 69);
		assert_non_null(strstr(err, "closed the connection without a whole answer"));
		assert_string_equal(out, "");
		free(out);
		free(err);
	}
}

/* What is larger than any answer is not read to its end. */
static void
test_too_large(void **state)
{
	struct ra_ctl ctl = { .out = stdout, .err = stderr, .timeout = 60000, .answer_max = 100 };
	struct ra_ctl_request request = { .path = "/v1/status" };
	struct ra_ctl_answer answer = { 0 };
	struct ra_error err = { 0 };
	char *body = calloc(1, 200000), *out = NULL, *said = NULL;

	assert_non_null(body);
	memset(body, 'x', 199999);
	rig_say(200, body);
	ctl.socket = rig.path;
	assert_int_equal(ra_ctl_ask(&ctl, &request, &answer, &err), 69);
	assert_non_null(strstr(err.text, "its answer is too large"));
	assert_null(answer.json);
	body = malloc((2 << 20) + 1);
	assert_non_null(body);
	memset(body, 'x', 2 << 20);
	body[2 << 20] = '\0';
	rig_say(200, body);
	assert_int_equal(rig_run("events", &out, &said), 69);
	assert_non_null(strstr(said, "its answer is too large"));
	free(out);
	free(said);
}

/* What the daemon says beside its error is shown, but what could move the cursor. */
static void
test_details(void **state)
{
	char *out = NULL, *err = NULL;

	rig_say(422, strdup("{\"schema\":\"relaudit/1\",\"error\":{\"code\":\"bad-config\","
			    "\"message\":\"refused\",\"details\":[\"a:1: \\u001b[2J\\n  ^\",7,null,"
			    "\"\",\"last\\n\"]}}"));
	assert_int_equal(rig_run("reload", &out, &err), 2);
	assert_string_equal(err, "a:1: \\x1b[2J\n  ^\nlast\nrelauditctl: refused\n");
	free(out);
	free(err);
}

/* --- answers in which one thing is not as it should be --- */

/* Puts `with` in the place of the nth value below `at`; false: there are fewer. */
static bool
put_at(json_t *at, size_t *n, json_t *with)
{
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach (at, key, value) {
		if ((*n)-- == 0)
			return json_object_set(at, key, with) == 0;
		if (put_at(value, n, with))
			return true;
	}
	json_array_foreach (at, i, value) {
		if ((*n)-- == 0)
			return json_array_set(at, i, with) == 0;
		if (put_at(value, n, with))
			return true;
	}
	return false;
}

/* The events of an answer one a line, as a stream has them. */
static char *
as_lines(const json_t *answer)
{
	RA_BUF_LOCAL text = RA_BUF(0);
	const json_t *events = json_object_get(answer, "events"), *event;
	size_t i;

	json_array_foreach (events, i, event) {
		char *line = json_dumps(event, JSON_COMPACT | JSON_ENCODE_ANY);

		ra_buf_printf(&text, "%s\n", line);
		free(line);
	}
	ra_buf_puts(&text, ""); /* not NULL where there is none */
	return ra_buf_take(&text);
}

static void
try_one(const char *line, const json_t *answer, bool stream, bool never_ok)
{
	char *out = NULL, *err = NULL, *body;
	int code;

	body = stream ? as_lines(answer) : json_dumps(answer, JSON_COMPACT);
	rig_say(200, body);
	code = rig_run(line, &out, &err);
	if ((code < 0 || code > 3) && code != 64 && code != 69)
		fail_msg("%s: exit %d for %s", line, code, rig.body);
	if (never_ok && code == 0)
		fail_msg("%s: exit 0 for %s", line, rig.body);
	if (code == 69 && strstr(err, "relauditctl: ") == NULL)
		fail_msg("%s: no word of what is wrong for %s", line, rig.body);
	rig_check_page(line, out);
	rig_check_page(line, err);
	free(out);
	free(err);
}

/* Each value in turn by two of the replacements, which ones goes round. */
static void
try_all(const char *line, const char *file, bool never_ok)
{
	static const char *const replacements[] = { "null", "-7", "\"\\u001b[2J\\u202e`|\"", "{}",
		"[7]", "\"\"" };
	char *text = rig_read(file);
	bool stream = strncmp(line, "events", 6) == 0, more = true;

	for (size_t n = 0; more; n++) {
		for (size_t i = 0; i < 2; i++) {
			const char *other = replacements[(n + 3 * i) % RA_ARRAY_SIZE(replacements)];
			json_t *answer = json_loads(text, 0, NULL);
			json_t *with = json_loads(other, JSON_DECODE_ANY, NULL);
			size_t at = n;

			assert_non_null(answer);
			more = put_at(answer, &at, with);
			try_one(line, answer, stream, never_ok);
			json_decref(with);
			json_decref(answer);
		}
	}
	free(text);
}

static void
test_one_thing_wrong(void **state)
{
	static const struct {
		const char *line, *file;
		bool never_ok;
	} rows[] = {
		{ "status", "status", true },
		{ "status -o csv", "hostile", true },
		{ "status --verdict -o nagios", "hostile", false },
		{ "show production", "environment", true },
		{ "run production/backup-db", "try", true },
		{ "version", "versions", false },
		{ "version -o csv", "versions", false },
		{ "history", "events", false },
		{ "history -o csv", "history", false },
		{ "events", "events", true },
		{ "drift staging production", "drift", true },
		{ "drift staging production -o markdown", "drift", true },
		{ "drift staging production -o diff", "drift", true },
		{ "drift staging production --suggest", "drift", true },
		{ "drift --wide --since 1h", "drift", true },
		{ "completion names", "hostile", false },
		{ "reload", "reload", false },
	};

	rig.history = rig_read("history");
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++)
		try_all(rows[i].line, rows[i].file, rows[i].never_ok);
	free(rig.history);
	rig.history = NULL;
}

/* Of an answer that has nothing of what was asked for nothing is OK. */
static void
test_nothing_in_it(void **state)
{
	static const struct {
		const char *line;
		int code;
	} rows[] = { { "status", 3 }, { "status -o nagios", 3 }, { "status -o csv", 3 },
		{ "show a", 3 }, { "show a/b", 64 }, { "run a", 3 }, { "drift a b", 2 },
		{ "drift a -o diff", 2 }, { "drift --suggest", 2 } };

	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		char *out = NULL, *err = NULL;
		int code;

		rig_say(200, strdup("{\"schema\":\"relaudit/1\"}"));
		code = rig_run(rows[i].line, &out, &err);
		if (code != rows[i].code)
			fail_msg("%s: %d, '%s', '%s'", rows[i].line, code, out, err);
		free(out);
		free(err);
	}
}

/* With --output json the lines are the daemon's own; nobody who reads them is no good end. */
static void
test_a_stream(void **state)
{
	static const char lines[] = "{\"event\":\"heartbeat\"}\n{\"event\":\"reload\"}\n";
	char words[][16] = { "relauditctl", "events", "-o", "json" };
	char *argv[] = { words[0], words[1], words[2], words[3], NULL };
	char *out = NULL, *err = NULL;
	FILE *full = fopen("/dev/full", "w"), *said = fopen("/dev/null", "w");

	rig_say(200, strdup(lines));
	assert_int_equal(rig_run("events -o json", &out, &err), 69);
	assert_string_equal(out, lines);
	assert_string_equal(err, "relauditctl: relauditd ended the stream\n");
	free(out);
	free(err);
	assert_int_equal(ra_ctl_main(4, argv, full, said), 3);
	argv[2] = NULL;
	assert_int_equal(ra_ctl_main(2, argv, full, said), 3);
	fclose(full);
	fclose(said);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_relauditd),
		cmocka_unit_test(test_half_an_answer),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_details),
		cmocka_unit_test(test_one_thing_wrong),
		cmocka_unit_test(test_nothing_in_it),
		cmocka_unit_test(test_a_stream),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
