/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/model/result.h"

#include <stdarg.h>
#include <string.h>

#include "relaudit/base/buf.h"

#include "cut.h"

_Static_assert(RA_SUMMARY_MAX <= RA_CUT_MAX && RA_EVIDENCE_MAX <= RA_CUT_MAX, "texts fit");

struct ra_result *
ra_result_new(void)
{
	struct ra_result *r = calloc(1, sizeof(*r));

	if (r != NULL) {
		r->refs = 1;
		r->verdict = RA_PENDING;
		r->reason = RA_R_PENDING;
	}
	return r;
}

struct ra_result *
ra_result_ref(struct ra_result *r)
{
	r->refs++;
	return r;
}

void
ra_result_unref(struct ra_result *r)
{
	if (r == NULL || --r->refs > 0)
		return;
	for (size_t i = 0; i < r->instance_count; i++) {
		free(r->instances[i].name);
		free(r->instances[i].summary);
		ra_facts_free(&r->instances[i].facts);
	}
	free(r->instances);
	ra_facts_free(&r->facts);
	free(r->summary);
	free(r->expected);
	free(r->evidence);
	free(r->next_step);
	free(r);
}

static void
replace(char **text, char *with)
{
	free(*text);
	*text = with;
}

void
ra_result_say(struct ra_result *r, enum ra_verdict v, enum ra_reason reason, const char *fmt, ...)
{
	char *summary;
	va_list ap;

	if (r->verdict != RA_PENDING && ra_verdict_rank(v) <= ra_verdict_rank(r->verdict))
		return;
	va_start(ap, fmt);
	summary = ra_cut_vprintf(RA_SUMMARY_MAX, fmt, ap);
	va_end(ap);
	replace(&r->summary, summary);
	r->verdict = summary != NULL ? v : RA_UNKNOWN;
	r->reason = summary != NULL ? reason : RA_R_NO_MEMORY;
}

void
ra_result_also(struct ra_result *r, const char *text)
{
	RA_BUF_LOCAL both = RA_BUF(0);
	char *summary = NULL;

	ra_buf_printf(&both, "%s; also %s", r->summary, text);
	if (both.error == 0)
		summary = ra_cut_text(RA_SUMMARY_MAX, ra_buf_text(&both));
	if (summary != NULL)
		replace(&r->summary, summary);
}

void
ra_result_expected(struct ra_result *r, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (fmt != NULL)
		text = ra_cut_vprintf(RA_EVIDENCE_MAX, fmt, ap);
	va_end(ap);
	replace(&r->expected, text);
}

void
ra_result_evidence(struct ra_result *r, const char *text)
{
	replace(&r->evidence, text != NULL ? ra_cut_text(RA_EVIDENCE_MAX, text) : NULL);
}

void
ra_result_next(struct ra_result *r, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (fmt != NULL)
		text = ra_cut_vprintf(RA_EVIDENCE_MAX, fmt, ap);
	va_end(ap);
	replace(&r->next_step, text);
}

const char *
ra_result_next_step(const struct ra_result *r)
{
	return r->next_step != NULL ? r->next_step : ra_reason_next(r->reason);
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same_instance(const struct ra_instance_result *a, const struct ra_instance_result *b)
{
	return a->verdict == b->verdict && a->reason == b->reason && same_text(a->name, b->name) &&
	       same_text(a->summary, b->summary) && ra_facts_equal(&a->facts, &b->facts);
}

bool
ra_result_same(const struct ra_result *a, const struct ra_result *b)
{
	if (a->verdict != b->verdict || a->reason != b->reason ||
	    !same_text(a->summary, b->summary) || !same_text(a->expected, b->expected) ||
	    !same_text(a->evidence, b->evidence) || !same_text(a->next_step, b->next_step) ||
	    !ra_facts_equal(&a->facts, &b->facts) || a->instance_count != b->instance_count)
		return false;
	for (size_t i = 0; i < a->instance_count; i++) {
		if (!same_instance(&a->instances[i], &b->instances[i]))
			return false;
	}
	return true;
}
