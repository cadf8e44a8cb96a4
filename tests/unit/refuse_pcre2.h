/* SPDX-License-Identifier: Apache-2.0 */
/* PCRE2's requests that are refused (refuse.h). */
#ifndef RELAUDIT_TESTS_REFUSE_PCRE2_H
#define RELAUDIT_TESTS_REFUSE_PCRE2_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "refuse.h"

REFUSE(pcre2_match_data_8 *, pcre2_match_data_create_8, (uint32_t n, pcre2_general_context_8 *g),
    (n, g), NULL)
REFUSE(int, pcre2_match_8,
    (const pcre2_code_8 *code, PCRE2_SPTR8 text, PCRE2_SIZE len, PCRE2_SIZE at, uint32_t options,
	pcre2_match_data_8 *data, pcre2_match_context_8 *context),
    (code, text, len, at, options, data, context), PCRE2_ERROR_NOMEMORY)

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

#endif
