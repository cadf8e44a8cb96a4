/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A format: bytes to data in a neutral shape. Pure: no libuv, no clock, no I/O; runs on the loop
 * for small inputs and on a worker for large ones. One file each; see docs/extending.md.
 */
#ifndef RELAUDIT_FORMAT_FORMAT_H
#define RELAUDIT_FORMAT_FORMAT_H

#include "relaudit/conf/config.h"
#include "relaudit/model/data.h"

struct ra_format_call {
	const void *options;		/* the format's, bound */
	enum ra_shape shape;		/* what is wanted */
	const struct ra_selector *selectors;	/* for RA_SHAPE_FIELDS: which fields */
	size_t selector_count;
	const char *const *fields;	/* names of fields the kind takes, NULL-ended; NULL: none */
	const struct ra_input *input;
};

struct ra_format {
	struct ra_conf_type type;
	unsigned serves;		/* enum ra_shape set */
	/*
	 * Checks a selector's text at config load ("/version" is a JSON Pointer). NULL: this format
	 * takes no selectors. 0, or -EINVAL with err.
	 */
	int (*selector)(const char *text, struct ra_error *err);
	/*
	 * RA_R_OK with *ret filled, or the reason with err->text ("line 3, column 7: ...", which
	 * field, what is there instead). Never partly filled on failure.
	 */
	enum ra_reason (*read)(const struct ra_format_call *call, struct ra_data *ret,
	    struct ra_error *err);
};

extern const struct ra_format *const ra_formats[];	/* generated, NULL-ended */

#endif
