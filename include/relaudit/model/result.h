/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outcome of one probe: verdict, reason, and everything a person needs to believe it. Made by a
 * judge, completed by the funnel, then immutable and shared by count (loop thread only).
 */
#ifndef RELAUDIT_MODEL_RESULT_H
#define RELAUDIT_MODEL_RESULT_H

#include "relaudit/model/facts.h"
#include "relaudit/model/verdict.h"

/* Texts are cut at these lengths (bytes), at a character's border. */
#define RA_SUMMARY_MAX	400
#define RA_EVIDENCE_MAX	1024

struct ra_instance_result {
	char *name;
	enum ra_verdict verdict;
	enum ra_reason reason;
	char *summary;
	struct ra_facts facts;
};

struct ra_result {
	unsigned refs;
	enum ra_verdict verdict;
	enum ra_reason reason;
	char *summary;	/* what was seen, one line, may hold bytes from outside: escape on output */
	char *expected;	/* the expectation judged, as configuration writes it; may be NULL */
	char *evidence;		/* where: URL, path; may be NULL. Never with a secret */
	char *next_step;	/* NULL: the reason's */
	struct ra_facts facts;
	struct ra_instance_result *instances;	/* only with `for` */
	size_t instance_count;
	int64_t checked;	/* wall ms, the probe's end */
	int64_t checked_boot;	/* boot-time ms, for staleness across sleep; 0 after a restart */
	int64_t duration_ms;
};

struct ra_result *ra_result_new(void);		/* one reference; NULL: no memory */
struct ra_result *ra_result_ref(struct ra_result *r);
void ra_result_unref(struct ra_result *r);

/*
 * Sets verdict, reason and summary (printf, cut at RA_SUMMARY_MAX). Out of memory leaves the
 * verdict UNKNOWN with reason no-memory. The first call that is worse than what stands wins; an
 * equal or better one leaves what stands, so a judge can state every breach in turn. A result fresh
 * from ra_result_new stands at "nothing", so that any verdict, OK too, replaces it.
 */
void ra_result_say(struct ra_result *r, enum ra_verdict v, enum ra_reason reason, const char *fmt,
    ...) RA_PRINTF(4, 5);
/* "...; also TEXT" of what is as bad as what stands. Left out where memory is out. */
void ra_result_also(struct ra_result *r, const char *text);
/* Replace one text (NULL clears). The result stays valid if memory is out. */
void ra_result_expected(struct ra_result *r, const char *fmt, ...) RA_PRINTF(2, 3);
void ra_result_evidence(struct ra_result *r, const char *text);
void ra_result_next(struct ra_result *r, const char *fmt, ...) RA_PRINTF(2, 3);
/* The next step to show: its own or the reason's. */
const char *ra_result_next_step(const struct ra_result *r);
/* True if nothing but times differs: what is stored and sent need not be repeated. */
bool ra_result_same(const struct ra_result *a, const struct ra_result *b);

#endif
