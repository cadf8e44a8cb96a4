/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of a limited length, cut at a character's border. */
#ifndef RA_MODEL_CUT_H
#define RA_MODEL_CUT_H

#include <stdarg.h>

#include "relaudit/base/macro.h"

#define RA_CUT_MAX 1024

/* At most max (4 to RA_CUT_MAX) bytes of what printf gives; owned, NULL without memory. */
char *ra_cut_vprintf(size_t max, const char *fmt, va_list ap) RA_PRINTF(2, 0);
char *ra_cut_text(size_t max, const char *text);

#endif
