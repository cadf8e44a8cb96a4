/* SPDX-License-Identifier: Apache-2.0 */
/* The edges of what is a secret by its shape, and of what only stands for a value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relaudit/model/secret.h"

#define H32 "0123456789abcdef0123456789abcdef"

/* At the end of a block, so that reading on is seen. */
static char *
block_of(const char *text, size_t *ret_len)
{
	size_t len = strlen(text);
	char *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	*ret_len = len;
	return copy;
}

static void
test_values(void **state)
{
	static const struct {
		const char *value;
		bool secret;
	} rows[] = {
		/* tokens: what follows has to be of their alphabet, and long enough */
		{ "dapi" H32, true },
		{ "dop_v1_" H32, true },
		{ "dapi0123456789abcdef0123456789abcdeg", false },
		{ "dapi0123456789abcdef0123456789abcde/", false },
		{ "dapi0123456789abcdef0123456789abcdeF", false },
		{ "dapi0123456789abcdef0123456789abcde", false },
		{ "AKIA:OSFODNN7EXAMPLE", false },
		{ "AKIA/OSFODNN7EXAMPLE", false },
		{ "AKIA[OSFODNN7EXAMPLE", false },
		{ "ghp_abcdefghij0123456789abcdefghi-", false },
		{ "glpat-abc_ef.hij/1234=6789+", true },
		{ "glpat-abcdefghij 123456789", false },
		{ "glpat-~bcdefghij0123456789", false },
		{ "sk_live_abcdefgh", false },
		{ "Basic dXNlcjpwYXNz", true },
		/* of JWTs two parts are JSON */
		{ "eyJhbGciOiJIUzI1NiJ9.", false },
		{ "eyJhbGciOiJIUzI1NiJ9.eyJ", false },
		{ "eyJhbGciOiJIUzI1NiJ9.abcdefghij", false },
		{ "eyJhbGciOiJIUzI1NiJ9.eyJz", true },
		{ "eyJ.eyJzdWIi", false },
		{ "eyJhbGciOiJ9.eyJz", true },
		/* credentials in URLs */
		{ "x=\"http://h\" u@h", false },
		{ "x='http://h' u@h", false },
		{ "http://h u@h", false },
		{ "http://h/\x01@", false },
		{ "a@b http://h", false },
		{ "a@b http:/", false },
		{ "a@b ://", false },
		{ "a@b :/x/", false },
		{ "a@b :x//", false },
		{ "a@b ://@", true },
		{ "http://h:80?a@b", false },
		{ "http://h:80#a@b", false },
		{ "http://h:8a/b@c", true },
		{ "http://h:+8/a@b", true },
		{ "http://h:/a@b", false },
		{ "http://h:8:/a@b", false },
		{ "http://u:p:q/a@b", true },
		{ "http://h/a:b@c", false },
		{ "http://[::1]:80/a@b", false },
		{ "u:p@unix(/run/mysqld.sock)/db", true },
		{ "u:p@TCP(db)/x", true },
		{ "u:p@tcp", false },
		{ "jdbc:oracle:thin:scott/tiger@//h:1521/x", true },
		{ "jdbc:oracle:OCI:scott/t@h", true },
		{ "jdbc:oracle:thin:@//h:1521/x", false },
		{ "jdbc:oracle:thin:/@wallet", false },
		{ "jdbc:oracle:thin:scott/@h", false },
		{ "jdbc:oracle:thin:scott@h", false },
		{ "jdbc:oracle:thin:h:1521/x", false },
		{ "jdbc:oracle:odd:a/b@h", false },
		/* hashes of passwords */
		{ "admin:$apr1$Zx8gQ2pL$kOq1vN0yqf7cF1m8rJX0K/", true },
		{ "$1$abcdefgh$0123456789ABCDEFGHIJKL", true },
		{ "$2y$10$abcdefghijklmnopqrstuuDEFGHIJKLMNOPQRSTUVWXYZ01234567", true },
		{ "$6$rounds=5000$salt$0123456789ABCDEFGHIJKL./", true },
		{ "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$0123456789ABCDEFGHIJ", true },
		{ "{SHA}0123456789ABCDEFGHIJKLMNOPQ=", true },
		{ "$1$2$3$4$5$6$7$8$9$10$11", false },
		{ "$1$abcdefgh$0123456789ABCDEFGHI", false },
		{ "$HOME$a$0123456789ABCDEFGHIJKL", false },
		{ "$1[abcdefgh$0123456789ABCDEFGHIJKL", false },
		{ "$Zx$abcdefgh$0123456789ABCDEFGHIJKL", false },
		{ "$1$abcdefgh$012345678 9ABCDEFGHIJKL", false },
		{ "$[x]$abcdefgh$0123456789ABCDEFGHIJKL", false },
		/* parameters */
		{ "password=", false },
		{ "a password=b", true },
		{ "user=a", false },
		{ "a=b=c=", false },
		{ "x?sig=ab", true },
		{ "xysig=ab", false },
		{ "PWD=abc", true },
		/* members */
		{ "x: abc def", false },
		{ "password : x", false },
		{ "a 'token':1", true },
		{ "\"host\":1", false },
		{ "'key':1", true },
		{ "(key: 1)", true },
		{ "key:value", false },
		{ "my.api-key: 1", true },
		{ ": : : :", false },
		{ "\"\": abc", false },
		{ "\\\": abc", false },
		{ "keykeykey:", false },
		/* the name is at most so long */
		{ "key" H32 H32 ": 1", false },
		{ "keys" H32 "0123456789abcdef01234567: 1", true },
		{ "-----BEGIN CERTIFICATE", true },
		{ "a--b", false },
		{ "-----BEGIN-----", false },
		/* Fernet */
		{ "gAAAAABl" H32 "-_" H32 "==", true },
		{ "gAAAAABl" H32 "-", false },
		/* options */
		{ "--password hunter2", true },
		{ "--password=hunter2", true },
		{ "--db-password 'hunter2'", true },
		{ "[\"--token\", \"hunter2\"]", true },
		{ "-password\thunter2", true },
		{ "x\n--secret-key\nhunter2", true },
		{ "openssl -pass x", true },
		{ "plink -pw x", true },
		{ "--password", false },
		{ "--password ", false },
		{ "--password --verbose", false },
		{ "--no-password shop", false },
		{ "--bypass x", false },
		{ "--password-file /x", false },
		{ "--passive --keyspace x", false },
		{ "--key-file /etc/key.pem", false },
		{ "the password is x", false },
		{ "a - b -- c", false },
		{ "-Xmx512m -Xms256m -server", false },
		{ "--user shop --host db", false },
		{ "--users a:b", false },
		{ "--usex a:b", false },
		{ "-u user:hunter2", true },
		{ "-s -u \"user:hunter2\" http://h/", true },
		{ "--user user:hunter2", true },
		{ "curl -sSu user:hunter2", true },
		{ "qemu -cpu host", false },
		{ "-nogpu user:hunter2", false },
		{ "-uuser:hunter2", true },
		{ "-u user", false },
		{ "-u user:", false },
		{ "-u :hunter2", false },
		{ "-u 1000:1000", false },
		{ "-u 1000:100", false },
		{ "-u www-data:www-data", false },
		{ "-u same:size", true },
		{ "-u http://h/", false },
		{ "-u user:2fast", true },
		{ "-u user:/x", false },
		{ "-u user:!x", true },
		{ "-x user:hunter2", false },
		{ "-u", false },
		{ "mysql -phunter2 shop", true },
		{ "-phunter2 MariaDB", true },
		{ "mysql -p shop", false },
		{ "mysql -x shop", false },
		{ "mysql --pager less", false },
		{ "-uroot -phunter2", true },
		{ "-uroot -p!x", true },
		{ "-u1000 -p8080:80", false },
		{ "-uroot -px", true },
		{ "-uroot -x -phunter2", false },
		{ "-uroot -xhunter2", false },
		{ "-uroot -p hunter2", false },
		{ "-uroot p--hunter2", false },
		{ "+uroot -phunter2", false },
		{ "-p8080:80 -pthread", false },
		/* AWS's secret access keys */
		{ "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", true },
		{ "id:wJalrXUtnFEMI/K7MDENG/bPxRfiCY+XAMPLEKEY;", true },
		{ "=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", true },
		{ "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKE", false },
		{ "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEYs", false },
		{ "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY=", false },
		{ "-wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", false },
		{ "wJalrXUtnFEMI/K/MDENG/bP/Rfi7YEXAMPLEKEY", false },
		{ "/JalrXUtnFEMI/K/MDENG/bP/Rfi7YEXAMPLEKEY", false },
		{ "wJalrXUtnFEMI/KxMDENG/bPxRfiCYEXAMPLEKEY", false },
		{ "WJALRXUTNFEMI/K7MDENG/BPXRFICYEXAMPLEKEY", false },
		{ "wjalrxutnfemi/k7mdeng/bpxrficyexamplekey", false },
		{ "0123456789abcdef0123456789abcdef01234567", false },
		{ "0123456789ABCDEFabcdef6789abcdef01234567", false },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		size_t len;
		RA_FREE char *value = block_of(rows[i].value, &len);

		if (ra_secret_value(value, len) != rows[i].secret)
			fail_msg("%s", rows[i].value);
	}
	/* A NUL is of no alphabet. */
	assert_false(ra_secret_value("glpat-abcdefghij\0abcdefghi", 26));
	assert_true(ra_secret_value("a\0b glpat-abcdefghijabcdefghij", 30));
}

static void
test_names(void **state)
{
	static const struct {
		const char *name;
		bool secret;
	} rows[] = {
		{ "DB_PW", true },
		{ "LDAP_BINDPW", true },
		{ "pw", true },
		{ "rootPw", true },
		{ "DB_PW2", true },
		{ "PW_LENGTH", false },
		{ "w", false },
		{ "PIN", true },
		{ "CARD_PIN", true },
		{ "userPin", true },
		{ "/card/pin", true },
		{ "PIN1", true },
		{ "PINS", true },
		{ "PINNED", false },
		{ "PIN_COUNT", false },
		{ "spin", false },
		{ "SPIN", false },
		{ "spinPIN", true },
		{ "SALT", true },
		{ "AUTH_SALT", true },
		{ "sha256salt", true },
		{ "SALTED", false },
		{ "SALT_ROUNDS", false },
		{ "basalt", false },
		{ "MNEMONIC", true },
		{ "wallet_mnemonic_1", true },
		{ "mnemo", false },
		{ "COOKIE", true },
		{ "/cookies/0", true },
		{ "session.cookie", true },
		{ "COOKIE_DOMAIN", false },
		{ "SESSION_COOKIE_SECURE", false },
		{ "s", false },
		{ "1", false },
		{ "_", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		size_t len;
		RA_FREE char *name = block_of(rows[i].name, &len);

		if (ra_secret_name(name, len) != rows[i].secret)
			fail_msg("%s", rows[i].name);
	}
}

struct scrubbing {
	const char *text, *scrubbed;
};

static void
expect_scrubbed(int (*scrub)(const char *text, size_t len, struct ra_buf *out),
    const struct scrubbing *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		RA_BUF_LOCAL out = RA_BUF(0);
		size_t len;
		RA_FREE char *text = block_of(rows[i].text, &len);

		assert_int_equal(scrub(text, len, &out), 0);
		assert_string_equal(ra_buf_text(&out), rows[i].scrubbed);
	}
}

static void
test_scrubbed(void **state)
{
	static const struct scrubbing rows[] = {
		{ "", "" },
		{ "all is well", "all is well" },
		{ "password=s3cret", "password=***" },
		{ "x password: s3cret y", "x password: *** y" },
		{ "x password=  s3cret", "x password=  ***" },
		{ "password:", "password:" },
		{ "password: ", "password: " },
		{ "password:\n", "password:\n" },
		{ "token= key= s3cret y", "token= *** *** y" },
		{ "at http://u:p@h/ ", "at *** " },
		{ "host=db =x :y", "host=db =x :y" },
		{ "\t lead", "\t lead" },
	};

	(void)state;
	expect_scrubbed(ra_secret_scrub_text, rows, RA_ARRAY_SIZE(rows));
}

static void
test_scrubbed_shapes(void **state)
{
	static const struct scrubbing rows[] = {
		{ "", "" },
		{ "PASS: 3 keys, tokens=4", "PASS: 3 keys, tokens=4" },
		{ "down: token=canary x", "down: token=*** x" },
		{ "x api_key=canary", "x api_key=***" },
		{ "h?a=1&token=canary ", "*** " },
		{ "ghp_" H32 "=1", "***" },
		{ "glpat-token-0123456789abcdef=token=1", "***" },
		{ "at https://u:canary@h/x?y", "at https://***@h/x?y" },
		{ "(https://canary@h)", "(https://***@h)" },
		{ "ssh://git@h/x", "ssh://git@h/x" },
		{ "ssh://git:canary@h/x", "ssh://***@h/x" },
		{ "x://git@h/x", "x://***@h/x" },
		{ "http://a:b@h?token=canary", "***" },
		{ "ghp_" H32 "://a:b@h", "***" },
		{ "u:canary@tcp(h)/x", "***" },
		{ "password=a://b ghp_" H32, "password=*** ***" },
		{ "Authorization: Bearer canary-0123", "Authorization: Bearer ***" },
		{ "Basic canary-0123 --password canary -- x", "Basic *** --password *** -- x" },
		{ "basic x - -w", "basic x - -w" },
		{ "ghp_" H32 "/://h", "***" },
	};

	(void)state;
	expect_scrubbed(ra_secret_scrub_shapes, rows, RA_ARRAY_SIZE(rows));
}

static void
test_seeds(void **state)
{
	static const struct {
		const char *name;
		bool secret;
	} rows[] = { { "OTP_SEED", true }, { "SEED", true }, { "seed.otp", true },
		{ "/otp/seed/0", true }, { "SIGNING", true }, { "db-signing", true },
		{ "SEEDLINGS", false }, { "RESEED", false }, { "SIGNINGS", false },
		{ "ASSIGNING", false }, { "otpSeed", false } };

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++)
		assert_int_equal(
		    ra_secret_name(rows[i].name, strlen(rows[i].name)), rows[i].secret);
}

/* A sealed secret is base64 from end to end and begins with the length of its key. */
static void
test_sealed(void **state)
{
	static const struct {
		const char *begins, *ends;
		enum ra_opaque opaque;
	} rows[] = {
		{ "AgAx", "xx", RA_OPAQUE_ENCRYPTED },
		{ "AgDx", "==", RA_OPAQUE_ENCRYPTED },
		{ "AgB+", "x/", RA_OPAQUE_ENCRYPTED },
		{ "AgEx", "xx", RA_OPAQUE_NOT },
		{ "Ag@x", "xx", RA_OPAQUE_NOT },
		{ "AhAx", "xx", RA_OPAQUE_NOT },
		{ "AgAx", "x ", RA_OPAQUE_NOT },
		{ "AgAx", "x-", RA_OPAQUE_NOT },
	};
	static const struct {
		const char *value;
		enum ra_opaque opaque;
	} others[] = {
		{ "-----BEGIN PGP MESSAGE-----", RA_OPAQUE_ENCRYPTED },
		{ "-----BEGIN PGP MESSAGE", RA_OPAQUE_NOT },
		{ "ENC[x] and more", RA_OPAQUE_NOT },
		{ "${x", RA_OPAQUE_NOT },
		{ "{{ x }", RA_OPAQUE_NOT },
		{ "${x {{ y }}", RA_OPAQUE_TEMPLATE },
		{ "$ ${x}", RA_OPAQUE_TEMPLATE },
		{ "x$", RA_OPAQUE_NOT },
		{ "$HOME", RA_OPAQUE_TEMPLATE },
		{ "$_x1", RA_OPAQUE_TEMPLATE },
		{ "$1", RA_OPAQUE_NOT },
		{ "$", RA_OPAQUE_NOT },
		{ "$HOME/x", RA_OPAQUE_NOT },
		{ "$(id -u)", RA_OPAQUE_TEMPLATE },
		{ "$()", RA_OPAQUE_NOT },
		{ "<%= x %>", RA_OPAQUE_TEMPLATE },
		{ "<% x %>", RA_OPAQUE_TEMPLATE },
		{ "<%%", RA_OPAQUE_NOT },
		{ "a <% x %>", RA_OPAQUE_NOT },
		{ "%(x)s", RA_OPAQUE_TEMPLATE },
		{ "%(x)d", RA_OPAQUE_NOT },
		{ "@DB_HOST@", RA_OPAQUE_TEMPLATE },
		{ "@@", RA_OPAQUE_NOT },
		{ "@a b@", RA_OPAQUE_NOT },
		{ "__DB_HOST__", RA_OPAQUE_TEMPLATE },
		{ "____", RA_OPAQUE_NOT },
		{ "__1__", RA_OPAQUE_NOT },
		{ "op://vault/item/x", RA_OPAQUE_ENCRYPTED },
		{ "ref+vault://a#/b", RA_OPAQUE_ENCRYPTED },
		{ "ref+x", RA_OPAQUE_NOT },
		{ "vault:secret/data/x#y", RA_OPAQUE_ENCRYPTED },
		{ "vault:secret#y", RA_OPAQUE_ENCRYPTED },
		{ "vault:8200/ui", RA_OPAQUE_NOT },
		{ "vault:", RA_OPAQUE_NOT },
		{ "vault:secret", RA_OPAQUE_NOT },
		{ "vault:v1:abcd", RA_OPAQUE_ENCRYPTED },
		{ "ENC(abcd)", RA_OPAQUE_ENCRYPTED },
		{ "ENC(abcd", RA_OPAQUE_NOT },
		{ "ENC", RA_OPAQUE_NOT },
		{ "s", RA_OPAQUE_NOT },
		{ "{cipher}abcd", RA_OPAQUE_ENCRYPTED },
	};

	(void)state;
	for (size_t i = 0; i < RA_ARRAY_SIZE(rows); i++) {
		char value[684];

		memset(value, 'x', sizeof(value));
		memcpy(value, rows[i].begins, 4);
		memcpy(value + sizeof(value) - 2, rows[i].ends, 2);
		assert_int_equal(ra_opaque_value(value, sizeof(value)), rows[i].opaque);
		assert_int_equal(ra_opaque_value(value, sizeof(value) - 1), RA_OPAQUE_NOT);
	}
	for (size_t i = 0; i < RA_ARRAY_SIZE(others); i++) {
		size_t len;
		RA_FREE char *value = block_of(others[i].value, &len);

		assert_int_equal(ra_opaque_value(value, len), others[i].opaque);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_scrubbed),
		cmocka_unit_test(test_scrubbed_shapes),
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_sealed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
