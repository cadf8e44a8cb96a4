/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAUDIT_CTL_COMPLETE_H
#define RELAUDIT_CTL_COMPLETE_H

#include "ctl.h"

void ra_ctl_complete_bash(struct ra_buf *out);
void ra_ctl_complete_zsh(struct ra_buf *out);
void ra_ctl_complete_fish(struct ra_buf *out);

#endif
