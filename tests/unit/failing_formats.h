/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests for memory of formats and kinds that are refused: their own, PCRE2's and libyaml's.
 */
#ifndef RA_TESTS_FAILING_FORMATS_H
#define RA_TESTS_FAILING_FORMATS_H

#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <yaml.h>

#include "refuse.h"

RA_UNUSED static bool wordless; /* libyaml fails without a reason */

/* Whether one of the last call's requests was refused. */
RA_UNUSED static bool
was_refused(void)
{
	return fail_at > 0 && requests >= fail_at;
}

REFUSE_MEMORY
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
	if (!refused() && !wordless)
		return __real_yaml_parser_parse(parser, event);
	memset(event, 0, sizeof(*event));
	parser->error = wordless ? YAML_PARSER_ERROR : YAML_MEMORY_ERROR;
	return 0;
}

#endif
