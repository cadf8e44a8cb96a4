/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Performance data of monitoring plugins ('label'=value[unit];[warn];[crit];[min];[max] ..., from
 * the Monitoring Plugins Development Guidelines, "Performance data").
 */
#ifndef RELAUDIT_MODEL_PERFDATA_H
#define RELAUDIT_MODEL_PERFDATA_H

#include "relaudit/base/jsonw.h"

#define RA_PERFDATA_MAX	100	/* values taken of one output */

/*
 * Writes [{"label","value","unit","warn","crit","min","max"}] under key, what is not there left
 * out; "value" is absent where the plugin says U (unknown); warn and crit are ranges as the plugin
 * writes them. What is not performance data is skipped. Returns how many were written.
 */
size_t ra_perfdata_write(const char *text, size_t len, struct ra_jsonw *w, const char *key);

#endif
