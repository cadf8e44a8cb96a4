/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests for memory of formats and kinds that are refused: their own, PCRE2's and libyaml's.
 */
#ifndef RA_TESTS_FAILING_FORMATS_H
#define RA_TESTS_FAILING_FORMATS_H

#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "refuse_pcre2.h"

RA_UNUSED static bool wordless; /* libyaml fails without a reason */

/* Whether one of the last call's requests was refused. */
RA_UNUSED static bool
was_refused(void)
{
	return fail_at > 0 && requests >= fail_at;
}

REFUSE_MEMORY
REFUSE(int, yaml_parser_initialize, (yaml_parser_t * parser), (parser), 0)

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
