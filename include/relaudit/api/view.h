/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of the contract, written straight into a buffer. */
#ifndef RELAUDIT_API_VIEW_H
#define RELAUDIT_API_VIEW_H

#include "relaudit/engine/engine.h"

/* One check as in `status -o json`, under key (NULL in an array or alone). */
void ra_api_write_check(struct ra_jsonw *w, const char *key, const struct ra_view *v);

#endif
