/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RA_FORMAT_JSON_KEYS_H
#define RA_FORMAT_JSON_KEYS_H

#include "relaudit/format/format.h"

/* JSON as configuration: RA_SHAPE_KEYS of what is at the pointer select (NULL: all). */
enum ra_reason ra_json_keys(const struct ra_format_call *call, const char *select,
    struct ra_data *ret, struct ra_error *err);

#endif
