/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes JSON straight into a buffer: no tree, no allocation per value. Commas are its own
 * business. key is NULL inside an array. Errors stick in the buffer.
 */
#ifndef RELAUDIT_BASE_JSONW_H
#define RELAUDIT_BASE_JSONW_H

#include "relaudit/base/buf.h"

struct ra_jsonw {
	struct ra_buf *out;
	bool comma;
};

void ra_jsonw_init(struct ra_jsonw *w, struct ra_buf *out);
void ra_jsonw_object(struct ra_jsonw *w, const char *key);
void ra_jsonw_object_end(struct ra_jsonw *w);
void ra_jsonw_array(struct ra_jsonw *w, const char *key);
void ra_jsonw_array_end(struct ra_jsonw *w);
void ra_jsonw_text(struct ra_jsonw *w, const char *key, const char *text);	/* NULL: null */
void ra_jsonw_textn(struct ra_jsonw *w, const char *key, const char *text, size_t len);
void ra_jsonw_raw(struct ra_jsonw *w, const char *key, const char *json, size_t len);	/* as it
											   is */
void ra_jsonw_int(struct ra_jsonw *w, const char *key, int64_t value);
void ra_jsonw_real(struct ra_jsonw *w, const char *key, double value);	/* not finite: null */
void ra_jsonw_bool(struct ra_jsonw *w, const char *key, bool value);
void ra_jsonw_null(struct ra_jsonw *w, const char *key);
void ra_jsonw_time(struct ra_jsonw *w, const char *key, int64_t wall_ms);	/* 0: null */

#endif
