/* SPDX-License-Identifier: Apache-2.0 */
/* The syslog lines of the contract, as text: key=value, quoted, escaped, capped, summary last. */
#ifndef RELAUDIT_ENGINE_ALERT_H
#define RELAUDIT_ENGINE_ALERT_H

#include "relaudit/base/buf.h"
#include "relaudit/conf/config.h"
#include "relaudit/engine/state.h"

/* CRITICAL LOG_CRIT, UNKNOWN LOG_ERR, WARNING LOG_WARNING, OK LOG_NOTICE. */
int ra_alert_priority(enum ra_verdict state);
/*
 * "state check=... environment=... kind=... was=OK now=CRITICAL reason=... since=... id=7f3a ..."
 */
void ra_alert_state(struct ra_buf *out, const struct ra_check *check, const char *kind,
    const struct ra_transition *t, const char *summary, bool unsaved);
/* " key=value" appended, the value quoted where it must be. */
void ra_alert_pair(struct ra_buf *out, const char *key, const char *value);
void ra_alert_pair_time(struct ra_buf *out, const char *key, int64_t wall_ms);

#endif
