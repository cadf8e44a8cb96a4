/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand in a configuration of the daemon: its own sources, formats and kinds. */
#ifndef RA_TESTS_OWN_REGISTRY_H
#define RA_TESTS_OWN_REGISTRY_H

#include "relaudit/conf/config.h"
#include "relaudit/format/format.h"
#include "relaudit/kind/kind.h"
#include "relaudit/source/source.h"

#define MANY 32

static struct ra_conf_source own_sources[MANY];
static struct ra_conf_format own_formats[MANY];
static struct ra_conf_kind own_kinds[MANY];
static struct ra_registry own_registry = { own_sources, 0, own_formats, 0, own_kinds, 0 };

static int
fill_registry(void **state)
{
	struct ra_registry *r = &own_registry;

	(void)state;
	for (const struct ra_source *const *s = ra_sources; *s != NULL; s++)
		own_sources[r->source_count++] =
		    (struct ra_conf_source){ &(*s)->type, (*s)->serves };
	for (const struct ra_format *const *f = ra_formats; *f != NULL; f++)
		own_formats[r->format_count++] = (struct ra_conf_format){
			.type = &(*f)->type, .serves = (*f)->serves, .selector = (*f)->selector
		};
	for (const struct ra_kind *const *k = ra_kinds; *k != NULL; k++)
		own_kinds[r->kind_count++] = (struct ra_conf_kind){ .type = &(*k)->type,
			.expectation = &(*k)->expectation,
			.takes = (*k)->takes,
			.format = (*k)->format };
	return 0;
}

#endif
