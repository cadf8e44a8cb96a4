/* SPDX-License-Identifier: Apache-2.0 */
/* YAML as keys: scalars, tags, aliases and merges, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relaudit/base/buf.h"
#include "relaudit/format/format.h"

#include "keys_rig.h"

extern const struct ra_format ra_format_yaml;

static void
test_yaml(void **state)
{
	static const struct row rows[] = {
		{ .text = "a: 1\nb:\n  c: x\n  d: [1.10, yes]\n",
		    .keys = "/a=1|/b/c=x|/b/d/0=1.10|/b/d/1=yes" },
		{ .text = "{\"a\": \"1\", 'b': '2'}", .keys = "/a=1|/b=2" },
		{ .text = "a: ~\nb:\nc: null\nd: NULL\ne: Null\nf: nUll",
		    .keys = "/a!|/b!|/c!|/d!|/e!|/f=nUll" },
		{ .text = "a: '~'\nb: \"\"\nc: 'null'\nd: !!str null",
		    .keys = "/a=~|/b=|/c=null|/d=null" },
		{ .text = "a: {}\nb: []\n", .keys = "/a#{}|/b#[]" },
		{ .text = "[]", .keys = "" },
		{ .text = "- {}\n- []", .keys = "/0#{}|/1#[]" },
		{ .text = "a: |\n  x\n  y\nb: >-\n  x\n  y\n", .keys = "/a=x\ny\n|/b=x y" },
		{ .text = "a/b: 1\n~c: 2\n1: 3\n", .keys = "/a~1b=1|/~0c=2|/1=3" },
		{ .text = "%YAML 1.1\n---\na: 0x10\n...\n", .keys = "/a=0x10" },
		{ .text = "# x\n--- # y\n- 2001-01-01\n", .keys = "/0=2001-01-01" },
		{ .text = "\xef\xbb\xbf"
			  "a: 1",
		    .keys = "/a=1" },
		{ .text = "a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n",
		    .keys = "/a=$ANSIBLE_VAULT;1.1;AES256\n" },
		{ .text = "? a\n: 1\n", .keys = "/a=1" },
		/* aliases */
		{ .text = "a: &x 1\nb: *x\n", .keys = "/a=1|/b=1" },
		{ .text = "a: &x {k: 1}\nb: *x\nc: [*x]", .keys = "/a/k=1|/b/k=1|/c/0/k=1" },
		{ .text = "a: &x 1\nb: &x 2\nc: *x", .keys = "/a=1|/b=2|/c=2" },
		{ .text = "a: &x\nb: *x", .keys = "/a!|/b!" },
		{ .text = "&k a: 1\nb: *k\n", .keys = "/a=1|/b=a" },
		/* merges */
		{ .text = "a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\n",
		    .keys = "/a/x=1|/a/y=2|/b/y=3|/b/x=1" },
		{ .text = "b:\n  y: 3\n  <<: {y: 4, z: 5}", .keys = "/b/y=3|/b/z=5" },
		{ .text = "b:\n  <<: [{x: 1}, {x: 2, y: 3}]", .keys = "/b/x=1|/b/y=3" },
		{ .text = "a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b}",
		    .keys = "/a/x=1|/b/y=2|/b/x=1|/c/y=2|/c/x=1" },
		{ .text = "a: {'<<': {x: 1}}", .keys = "/a/<</x=1" },
		{ .text = "a: {<<: {}}", .keys = "/a#{}" },
		/* select */
		{ .text = "kind: ConfigMap\ndata:\n  A: x\n  B: '1'\n",
		    .select = "/data",
		    .keys = "/A=x|/B=1" },
		{ .text = "a: 1",
		    .select = "/b",
		    .reason = RA_R_NO_SUCH_FIELD,
		    .keys = "!there is nothing at '/b'" },
		/* refused */
		{ .text = "", .reason = RA_R_EMPTY, .keys = "!empty" },
		{ .text = "# x\n", .reason = RA_R_EMPTY, .keys = "!empty" },
		{ .text = "hello",
		    .reason = RA_R_FIELD_TYPE,
		    .keys = "!line 1: the document is a single" },
		{ .text = "a: 1\nb: 2\na: 3",
		    .reason = RA_R_DUPLICATE_KEY,
		    .keys = "!line 3: '/a' stands twice" },
		{ .text = "a: 1\n\"a\": 3",
		    .reason = RA_R_DUPLICATE_KEY,
		    .keys = "!'/a' stands twice" },
		{ .text = "a: {<<: {x: 1}, <<: {y: 2}}", .keys = "!'<<' stands twice" },
		{ .text = "a: {<<: 1}", .keys = "!'<<' takes a map" },
		{ .text = "a: {<<: [1]}", .keys = "!'<<' takes a map" },
		{ .text = "a: 1\n---\nb: 2", .keys = "!line 2, column 1: a second document" },
		{ .text = "a: *x", .keys = "!line 1, column 4: an alias without its anchor" },
		{ .text = "a: &x {b: *x}", .keys = "!an alias of what it stands in" },
		{ .text = "&x a: &x [*x]", .keys = "!an alias of what it stands in" },
		{ .text = "? [a]\n: 1", .keys = "!line 1: a name that is a map or a list" },
		{ .text = "a: [1\nb: 2", .keys = "!line 2, column" },
		{ .text = "a: \"\\0\"", .keys = "!line 1: '/a' holds a NUL" },
		{ .text = "a:\n\t- b", .keys = "!line 2, column 1" },
		{ .text = "a: \xff", .keys = "!line 1, column 4: a byte that is not UTF-8" },
		{ .text = "a: @b", .keys = "!line 1, column 4" },
	};
	struct outcome o;

	(void)state;
	check(&ra_format_yaml, RA_R_NOT_YAML, rows, RA_ARRAY_SIZE(rows));
	o = read_text(&ra_format_yaml, "a: &x\n  b: 1\nc:\n- 2\n-\n  d: |\n    x\ne: *x\n");
	assert_int_equal(o.reason, RA_R_OK);
	assert_int_equal(o.data.keys.list[0].line, 2);
	assert_int_equal(o.data.keys.list[1].line, 4);
	assert_int_equal(o.data.keys.list[2].line, 6);
	ra_data_free(&o.data);
}

/* A billion laughs: aliases of aliases, nine levels of nine. Also with nothing at their end. */
/* What a program makes of a tag nobody knows here, but that it stands there is compared. */
static void
test_yaml_tags(void **state)
{
	static const struct row rows[] = {
		{ .text = "a: !ENV DB\nb: !x '1'\nc: !x 2\n",
		    .keys = "/a=!ENV DB|/b=!x 1|/c=!x 2" },
		{ .text = "a: !ENV\nb: !ENV ''\nc: !x null\nd: !x ~",
		    .keys = "/a=!ENV|/b=!ENV|/c=!x null|/d=!x ~" },
		{ .text = "a: !reference [x, y]", .keys = "/a/0=x|/a/1=y|/a/!reference=" },
		{ .text = "a: !x {b: !y [!z c]}", .keys = "/a/b/0=!z c|/a/b/!y=|/a/!x=" },
		{ .text = "a: !x []\nb: !x {}", .keys = "/a/!x=|/a#[]|/b/!x=|/b#{}" },
		{ .text = "!x\na: 1", .keys = "/a=1|/!x=" },
		{ .text = "a: !x [1]", .select = "/a", .keys = "/0=1|/!x=" },
		{ .text = "!x a: 1\na: 2", .keys = "/!x a=1|/a=2" },
		{ .text = "a: !a/b~ [1]", .keys = "/a/0=1|/a/!a~1b~0=" },
		/* however they are written */
		{ .text = "%TAG !e! tag:x.org,2000:\n---\na: !e!y 1\nb: !<tag:x.org,2000:y> 1\n",
		    .keys = "/a=!<tag:x.org,2000:y> 1|/b=!<tag:x.org,2000:y> 1" },
		{ .text = "a: !<!y> 1\nb: !!com.x.Y {}\nc: !<tag:yaml.org,2002:python/tuple> []",
		    .keys = "/a=!y 1|/b/!!com.x.Y=|/b#{}|/c/!!python~1tuple=|/c#[]" },
		/* aliases are of the tag too, of merges the members are taken */
		{ .text = "a: &x !t {k: 1}\nb: *x", .keys = "/a/k=1|/a/!t=|/b/k=1|/b/!t=" },
		{ .text = "a: &x !t 1\nb: *x", .keys = "/a=!t 1|/b=!t 1" },
		{ .text = "a: &x !t {k: 1}\nb: {<<: *x}", .keys = "/a/k=1|/a/!t=|/b/k=1" },
		/* what is encrypted is still known as that */
		{ .text = "a: !vault $ANSIBLE_VAULT;1.1;AES256\nb: !vault abc",
		    .keys = "/a=$ANSIBLE_VAULT;1.1;AES256|/b=!vault abc" },
		/* YAML's own */
		{ .text = "a: !!str 1\nb: !!int '1'\nc: !!map {x: !!seq [!!bool yes]}\nd: ! 1",
		    .keys = "/a=1|/b=1|/c/x/0=yes|/d=1" },
		{ .text = "a: !!null ''\nb: !!null\nc: !!null 'null'\nd: !!str\ne: !!str ~",
		    .keys = "/a!|/b!|/c!|/d=|/e=~" },
		{ .text = "a: ! [1]\nb: ! {c: 1}", .keys = "/a/0=1|/b/c=1" },
		{ .text = "a: {!!merge <<: {x: 1}}", .keys = "/a/x=1" },
		/* refused */
		{ .text = "a: !x {'!x': 1}",
		    .reason = RA_R_DUPLICATE_KEY,
		    .keys = "!line 1: '/a/!x' stands twice" },
		{ .text = "a: !x {<<: {'!x': 1}}",
		    .reason = RA_R_DUPLICATE_KEY,
		    .keys = "!line 1: '/a/!x' stands twice" },
		{ .text = "a: !e!x 1", .keys = "!line 1, column 4" },
	};

	(void)state;
	check(&ra_format_yaml, RA_R_NOT_YAML, rows, RA_ARRAY_SIZE(rows));
}

static void
test_yaml_aliases_multiply(void **state)
{
	static const char *const ends[] = { "a0: &a0 [x, x]\n", "a0: &a0 {}\n" };
	static const char *const joins[] = { "[", "{<<: [" };

	(void)state;
	for (size_t e = 0; e < RA_ARRAY_SIZE(ends); e++) {
		RA_BUF_LOCAL text = RA_BUF(0);
		struct outcome o;

		ra_buf_puts(&text, ends[e]);
		for (int i = 1; i <= 9; i++) {
			ra_buf_printf(&text, "a%d: &a%d %s", i, i, joins[e]);
			for (int j = 0; j < 9; j++)
				ra_buf_printf(&text, "%s*a%d", j > 0 ? ", " : "", i - 1);
			ra_buf_puts(&text, e == 0 ? "]\n" : "]}\n");
		}
		o = read_keys(&ra_format_yaml, NULL, text.data, text.len);
		assert_int_equal(o.reason, RA_R_TOO_MANY_KEYS);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_yaml),
		cmocka_unit_test(test_yaml_tags),
		cmocka_unit_test(test_yaml_aliases_multiply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
