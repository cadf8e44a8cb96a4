/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs of git repositories, more strictly than git takes them: nothing that could be read as an
 * option or as a remote helper, and credentials taken out before it is shown or goes into argv.
 */
#ifndef RELAUDIT_MODEL_GIT_URL_H
#define RELAUDIT_MODEL_GIT_URL_H

#include "relaudit/base/error.h"

#define RA_GIT_PROTOCOLS "https:http:ssh:git:file"

struct ra_git_url {
	char *bare;		/* for argv and people: no secret */
	char *scope;		/* "https://host:port", whom the credentials are for; NULL: none */
	char *user, *password;	/* of http(s); NULL: none */
	const char *scheme;	/* static */
};

/* protocols as above. 0, -EINVAL with err (no secret in it), or -ENOMEM. */
int ra_git_url_parse(
    const char *url, const char *protocols, struct ra_git_url *ret, struct ra_error *err);
void ra_git_url_clear(struct ra_git_url *u);

/*
 * Whether a URL from configuration will do: shown is it with its secrets as "***" (the same pointer
 * if it has none), which may stand only where git does not get them in argv. As parse.
 */
int ra_git_url_check(const char *url, const char *shown, struct ra_error *err);

/* Whether it can be a path within a repository, from its top. */
#define RA_GIT_PATH_MAX	4096
bool ra_git_path_fits(const char *path);

#endif
