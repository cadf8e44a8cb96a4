/* SPDX-License-Identifier: Apache-2.0 */
/* The syslog lines of the contract, as text: key=value, quoted, escaped, capped, summary last. */
#ifndef RELAUDIT_ENGINE_ALERT_H
#define RELAUDIT_ENGINE_ALERT_H

#include "relaudit/base/buf.h"
#include "relaudit/conf/config.h"
#include "relaudit/engine/state.h"
#include "relaudit/model/facts.h"

/* CRITICAL LOG_CRIT, UNKNOWN LOG_ERR, WARNING LOG_WARNING, OK LOG_NOTICE. */
int ra_alert_priority(enum ra_verdict state);
/*
 * "state check=... environment=... kind=... was=OK now=CRITICAL reason=... since=... id=7f3a ..."
 */
void ra_alert_state(struct ra_buf *out, const struct ra_check *check, const char *kind,
    const struct ra_transition *t, const char *summary, bool unsaved);
/*
 * "removed check=... environment=... was=CRITICAL id=7f3a lasted=2h ..."; owner and service NULL:
 * not known; lasted in ms.
 */
void ra_alert_removed(struct ra_buf *out, const char *check, const char *owner, const char *service,
    const struct ra_state *s, int64_t lasted, const char *summary);
/*
 * "flapping check=... environment=... now=CRITICAL changes=212 ...": so many changes `of` something
 * ("state") were not all told.
 */
void ra_alert_flapping(struct ra_buf *out, const struct ra_check *check, enum ra_verdict now,
    unsigned changes, const char *of);
/* "version-changed check=... environment=... was=1.4.2 now=1.5.0 tag=v1.5.0" */
void ra_alert_version(struct ra_buf *out, const struct ra_check *check, const char *instance,
    const char *was, const struct ra_facts *now);
/* "tag-moved check=... environment=... tag=v1.5.0 was=COMMIT now=COMMIT" */
void ra_alert_tag(struct ra_buf *out, const struct ra_check *check, const char *tag,
    const char *was, const char *now);
/* "config-changed check=... environment=... count=3 keys=A,PASSWORD,NEW" */
void ra_alert_config(struct ra_buf *out, const struct ra_check *check, const char *instance,
    size_t count, const char *keys, size_t more);
/* " key=value" appended, the value quoted where it must be. */
void ra_alert_pair(struct ra_buf *out, const char *key, const char *value);
void ra_alert_pair_time(struct ra_buf *out, const char *key, int64_t wall_ms);

#endif
