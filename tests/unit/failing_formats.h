/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests for memory that are refused: the nth alone, or all from the nth on. The linker hands
 * the library's requests over (tests/unit/meson.build).
 */
#ifndef RA_TESTS_FAILING_FORMATS_H
#define RA_TESTS_FAILING_FORMATS_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <yaml.h>

static struct {
	int at; /* 0: none is refused */
	bool on; /* those behind it too */
	int requests;
	bool armed;
	bool wordless; /* libyaml fails without a reason */
} failing;

static bool
refused(void)
{
	int n;

	if (!failing.armed)
		return false;
	n = ++failing.requests;
	return failing.at > 0 && (failing.on ? n >= failing.at : n == failing.at);
}

static void
arm(void)
{
	failing.requests = 0;
	failing.armed = true;
}

static void
disarm(void)
{
	failing.armed = false;
}

/* Whether one of the last call's requests was refused. */
RA_UNUSED static bool
was_refused(void)
{
	return failing.at > 0 && failing.requests >= failing.at;
}

#define REFUSE(type, name, params, args, refusal) \
	type __real_##name params; \
	type __wrap_##name params; \
	type __wrap_##name params \
	{ \
		return refused() ? refusal : __real_##name args; \
	}

REFUSE(void *, malloc, (size_t size), (size), NULL)
REFUSE(void *, calloc, (size_t n, size_t size), (n, size), NULL)
REFUSE(void *, realloc, (void *p, size_t size), (p, size), NULL)
REFUSE(void *, reallocarray, (void *p, size_t n, size_t size), (p, n, size), NULL)
REFUSE(char *, strdup, (const char *s), (s), NULL)
REFUSE(char *, strndup, (const char *s, size_t n), (s, n), NULL)
REFUSE(pcre2_match_data_8 *, pcre2_match_data_create_8, (uint32_t n, pcre2_general_context_8 *g),
    (n, g), NULL)
REFUSE(int, pcre2_match_8,
    (const pcre2_code_8 *code, PCRE2_SPTR8 text, PCRE2_SIZE len, PCRE2_SIZE at, uint32_t options,
	pcre2_match_data_8 *data, pcre2_match_context_8 *context),
    (code, text, len, at, options, data, context), PCRE2_ERROR_NOMEMORY)
REFUSE(int, yaml_parser_initialize, (yaml_parser_t * parser), (parser), 0)

pcre2_code_8 *__real_pcre2_compile_8(PCRE2_SPTR8 text, PCRE2_SIZE len, uint32_t options, int *code,
    PCRE2_SIZE *at, pcre2_compile_context_8 *context);
pcre2_code_8 *__wrap_pcre2_compile_8(PCRE2_SPTR8 text, PCRE2_SIZE len, uint32_t options, int *code,
    PCRE2_SIZE *at, pcre2_compile_context_8 *context);

pcre2_code_8 *
__wrap_pcre2_compile_8(PCRE2_SPTR8 text, PCRE2_SIZE len, uint32_t options, int *code,
    PCRE2_SIZE *at, pcre2_compile_context_8 *context)
{
	if (!refused())
		return __real_pcre2_compile_8(text, len, options, code, at, context);
	*code = PCRE2_ERROR_HEAP_FAILED;
	*at = 0;
	return NULL;
}

int __real_yaml_parser_parse(yaml_parser_t *parser, yaml_event_t *event);
int __wrap_yaml_parser_parse(yaml_parser_t *parser, yaml_event_t *event);

int
__wrap_yaml_parser_parse(yaml_parser_t *parser, yaml_event_t *event)
{
	if (!refused() && !failing.wordless)
		return __real_yaml_parser_parse(parser, event);
	memset(event, 0, sizeof(*event));
	parser->error = failing.wordless ? YAML_PARSER_ERROR : YAML_MEMORY_ERROR;
	return 0;
}

#endif
