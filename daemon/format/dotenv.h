/* SPDX-License-Identifier: Apache-2.0 */
/* The dialects of KEY=VALUE files. Each reads k->text to its end. */
#ifndef RA_FORMAT_DOTENV_H
#define RA_FORMAT_DOTENV_H

#include "keys.h"

enum ra_dotenv_dialect {
	RA_DOTENV_SYSTEMD,
	RA_DOTENV_SYSTEMD_253,
	RA_DOTENV_DOCKER,
	RA_DOTENV_NODE,
};

/* old: comments go on after a backslash at the end of the line, as before systemd 254. */
enum ra_reason ra_dotenv_systemd(struct ra_keys *k, bool old);
enum ra_reason ra_dotenv_docker(struct ra_keys *k);
enum ra_reason ra_dotenv_node(struct ra_keys *k);

#endif
