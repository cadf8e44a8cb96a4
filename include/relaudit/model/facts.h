/* SPDX-License-Identifier: Apache-2.0 */
/* What a probe saw, as named values in the order the kind lists them. Unknown facts are absent. */
#ifndef RELAUDIT_MODEL_FACTS_H
#define RELAUDIT_MODEL_FACTS_H

#include "relaudit/base/jsonw.h"

enum ra_fact_type {
	RA_FACT_TEXT,
	RA_FACT_INT,
	RA_FACT_TIME,	/* wall ms; RFC 3339 in JSON */
	RA_FACT_REAL,
	RA_FACT_JSON,	/* text that is JSON, set as a text and written as it is */
};

/* A kind's declaration of a fact; facts point to it for name and type. */
struct ra_fact_def {
	const char *name;
	enum ra_fact_type type;
	const char *help;
};

struct ra_fact {
	const struct ra_fact_def *def;
	union {
		char *text;	/* TEXT, JSON; owned by the list */
		int64_t number;	/* INT, TIME */
		double real;
	};
};

struct ra_facts {
	struct ra_fact *list;
	size_t count;
};

void ra_facts_free(struct ra_facts *f);	/* leaves it empty */
/*
 * Set or replace; text is copied. defs is the kind's table ended by a NULL name. -ENOMEM,
 * -ENOENT.
 */
int ra_facts_set_text(struct ra_facts *f, const struct ra_fact_def *defs, const char *name,
    const char *text);
int ra_facts_set_number(struct ra_facts *f, const struct ra_fact_def *defs, const char *name,
    int64_t value);
int ra_facts_set_real(struct ra_facts *f, const struct ra_fact_def *defs, const char *name,
    double value);
const struct ra_fact *ra_facts_get(const struct ra_facts *f, const char *name);
/* NULL, or `missing`, where there is none of that type. */
const char *ra_facts_text(const struct ra_facts *f, const char *name);
int64_t ra_facts_number(const struct ra_facts *f, const char *name, int64_t missing);
int ra_facts_copy(const struct ra_facts *from, struct ra_facts *ret);
bool ra_facts_equal(const struct ra_facts *a, const struct ra_facts *b);
/* As a JSON object under key. */
void ra_facts_write(const struct ra_facts *f, struct ra_jsonw *w, const char *key);
/* Reads what ra_facts_write wrote (the object's text); names not in defs are skipped. */
int ra_facts_read(const char *json, size_t len, const struct ra_fact_def *defs,
    struct ra_facts *ret);

#endif
