/* SPDX-License-Identifier: Apache-2.0 */
/* What a source may use to reach the world. */
#ifndef RELAUDIT_IO_IO_H
#define RELAUDIT_IO_IO_H

#include "relaudit/io/dns.h"
#include "relaudit/io/helper.h"
#include "relaudit/io/http.h"
#include "relaudit/io/loop.h"

struct ra_io {
	struct ra_loop *loop;
	struct ra_dns *dns;
	struct ra_http *http;
	struct ra_helper *helper;
};

#endif
