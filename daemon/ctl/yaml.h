/* SPDX-License-Identifier: Apache-2.0 */
/* A check put together from `--name value` options, as relauditd reads it. */
#ifndef RELAUDIT_CTL_YAML_H
#define RELAUDIT_CTL_YAML_H

#include <jansson.h>

#include "relaudit/base/buf.h"
#include "relaudit/base/error.h"

/*
 * Sets the text at path ("expect.max-age"), making maps on the way. A second text at one path, or
 * a path that ends with '+', makes a list. 0, -EINVAL or -ENOMEM with err.
 */
int ra_ctl_tree_set(
    json_t *root, const char *path, size_t len, const char *text, struct ra_error *err);
/* Block style; keys and texts are always quoted, so that nothing in them means anything. */
void ra_ctl_yaml_write(struct ra_buf *out, const json_t *map);

#endif
