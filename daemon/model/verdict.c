/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/model/verdict.h"

#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	int exit;
	int rank;
} verdicts[] = {
	[RA_OK] = { "OK", 0, 0 },
	[RA_WARNING] = { "WARNING", 1, 1 },
	[RA_CRITICAL] = { "CRITICAL", 2, 3 },
	[RA_UNKNOWN] = { "UNKNOWN", 3, 2 },
	[RA_PENDING] = { "PENDING", 3, 2 },
};

static const struct {
	const char *code;
	const char *meaning;
	const char *next;
} reasons[] = {
#define RA_X(symbol, code, meaning, next) { code, meaning, next },
	RA_REASONS(RA_X)
#undef RA_X
};

const char *
ra_verdict_name(enum ra_verdict v)
{
	return verdicts[v].name;
}

int
ra_verdict_parse(const char *name, enum ra_verdict *ret)
{
	for (unsigned v = 0; v < RA_ARRAY_SIZE(verdicts); v++) {
		if (strcasecmp(name, verdicts[v].name) == 0) {
			*ret = (enum ra_verdict)v;
			return 0;
		}
	}
	return -EINVAL;
}

int
ra_verdict_exit(enum ra_verdict v)
{
	return verdicts[v].exit;
}

enum ra_verdict
ra_verdict_worst(enum ra_verdict a, enum ra_verdict b)
{
	return verdicts[b].rank > verdicts[a].rank ? b : a;
}

int
ra_verdict_rank(enum ra_verdict v)
{
	return verdicts[v].rank;
}

const char *
ra_reason_code(enum ra_reason r)
{
	return reasons[r].code;
}

const char *
ra_reason_meaning(enum ra_reason r)
{
	return reasons[r].meaning;
}

const char *
ra_reason_next(enum ra_reason r)
{
	return reasons[r].next;
}

int
ra_reason_parse(const char *code, enum ra_reason *ret)
{
	for (unsigned r = 0; r < RA_ARRAY_SIZE(reasons); r++) {
		if (strcmp(code, reasons[r].code) == 0) {
			*ret = (enum ra_reason)r;
			return 0;
		}
	}
	return -ENOENT;
}
