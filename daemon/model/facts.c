/* SPDX-License-Identifier: Apache-2.0 */
#include "relaudit/model/facts.h"

#include <string.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/jsonr.h"

static bool
is_text(enum ra_fact_type type)
{
	return type == RA_FACT_TEXT || type == RA_FACT_JSON;
}

void
ra_facts_free(struct ra_facts *f)
{
	for (size_t i = 0; i < f->count; i++) {
		if (is_text(f->list[i].def->type))
			free(f->list[i].text);
	}
	free(f->list);
	*f = (struct ra_facts){ 0 };
}

static const struct ra_fact_def *
find_def(const struct ra_fact_def *defs, const char *name)
{
	while (defs->name != NULL && strcmp(defs->name, name) != 0)
		defs++;
	return defs->name != NULL ? defs : NULL;
}

/* The place of def in the table's order; memory is taken for two at a time. */
static int
place(struct ra_facts *f, const struct ra_fact_def *def, struct ra_fact **ret)
{
	struct ra_fact *list = f->list;
	size_t at = 0;

	while (at < f->count && list[at].def < def)
		at++;
	if (at == f->count || list[at].def != def) {
		if (f->count % 2 == 0) {
			list = reallocarray(f->list, f->count + 2, sizeof(*list));
			if (list == NULL)
				return -ENOMEM;
			f->list = list;
		}
		memmove(list + at + 1, list + at, (f->count - at) * sizeof(*list));
		list[at] = (struct ra_fact){ .def = def };
		f->count++;
	}
	*ret = list + at;
	return 0;
}

static int
set(struct ra_facts *f, const struct ra_fact_def *defs, const char *name,
    bool typed(enum ra_fact_type), struct ra_fact **ret)
{
	const struct ra_fact_def *def = find_def(defs, name);

	return def != NULL && typed(def->type) ? place(f, def, ret) : -ENOENT;
}

static bool
is_number(enum ra_fact_type type)
{
	return type == RA_FACT_INT || type == RA_FACT_TIME;
}

static bool
is_real(enum ra_fact_type type)
{
	return type == RA_FACT_REAL;
}

int
ra_facts_set_text(
    struct ra_facts *f, const struct ra_fact_def *defs, const char *name, const char *text)
{
	RA_FREE char *copy = strdup(text);
	struct ra_fact *fact;
	int r;

	if (copy == NULL)
		return -ENOMEM;
	r = set(f, defs, name, is_text, &fact);
	if (r < 0)
		return r;
	free(fact->text);
	fact->text = RA_TAKE(copy);
	return 0;
}

int
ra_facts_set_number(
    struct ra_facts *f, const struct ra_fact_def *defs, const char *name, int64_t value)
{
	struct ra_fact *fact;
	int r = set(f, defs, name, is_number, &fact);

	if (r == 0)
		fact->number = value;
	return r;
}

int
ra_facts_set_real(
    struct ra_facts *f, const struct ra_fact_def *defs, const char *name, double value)
{
	struct ra_fact *fact;
	int r = set(f, defs, name, is_real, &fact);

	if (r == 0)
		fact->real = value;
	return r;
}

const struct ra_fact *
ra_facts_get(const struct ra_facts *f, const char *name)
{
	for (size_t i = 0; i < f->count; i++) {
		if (strcmp(f->list[i].def->name, name) == 0)
			return &f->list[i];
	}
	return NULL;
}

const char *
ra_facts_text(const struct ra_facts *f, const char *name)
{
	const struct ra_fact *fact = ra_facts_get(f, name);

	return fact != NULL && fact->def->type == RA_FACT_TEXT ? fact->text : NULL;
}

int64_t
ra_facts_number(const struct ra_facts *f, const char *name, int64_t missing)
{
	const struct ra_fact *fact = ra_facts_get(f, name);

	return fact != NULL && is_number(fact->def->type) ? fact->number : missing;
}

int
ra_facts_copy(const struct ra_facts *from, struct ra_facts *ret)
{
	RA_CLEANUP(ra_facts_free) struct ra_facts to = { 0 };

	for (size_t i = 0; i < from->count; i++) {
		const struct ra_fact *fact = &from->list[i];
		struct ra_fact copy = *fact, *slot;

		if (is_text(fact->def->type)) {
			copy.text = strdup(fact->text);
			if (copy.text == NULL)
				return -ENOMEM;
		}
		if (place(&to, fact->def, &slot) < 0) {
			if (is_text(fact->def->type))
				free(copy.text);
			return -ENOMEM;
		}
		*slot = copy;
	}
	*ret = to;
	to = (struct ra_facts){ 0 };
	return 0;
}

static bool
fact_equal(const struct ra_fact *a, const struct ra_fact *b)
{
	if (a->def->type != b->def->type || strcmp(a->def->name, b->def->name) != 0)
		return false;
	if (is_text(a->def->type))
		return strcmp(a->text, b->text) == 0;
	/* Bit for bit, so that what is not a number equals itself. */
	return is_real(a->def->type) ? memcmp(&a->real, &b->real, sizeof(a->real)) == 0
				     : a->number == b->number;
}

bool
ra_facts_equal(const struct ra_facts *a, const struct ra_facts *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (!fact_equal(&a->list[i], &b->list[i]))
			return false;
	}
	return true;
}

/* What is set is a time, 1970 too; null is one that RFC 3339 has no year for. */
static void
write_time(struct ra_jsonw *w, const char *name, int64_t wall_ms)
{
	char text[RA_TIME_TEXT];

	if (ra_time_format(wall_ms, text)[0] == '-')
		ra_jsonw_null(w, name);
	else
		ra_jsonw_text(w, name, text);
}

static void
write_fact(struct ra_jsonw *w, const struct ra_fact *fact)
{
	switch (fact->def->type) {
	case RA_FACT_TEXT:
		ra_jsonw_text(w, fact->def->name, fact->text);
		return;
	case RA_FACT_JSON:
		ra_jsonw_raw(w, fact->def->name, fact->text, strlen(fact->text));
		return;
	case RA_FACT_INT:
		ra_jsonw_int(w, fact->def->name, fact->number);
		return;
	case RA_FACT_TIME:
		write_time(w, fact->def->name, fact->number);
		return;
	case RA_FACT_REAL:
		break;
	}
	ra_jsonw_real(w, fact->def->name, fact->real);
}

void
ra_facts_write(const struct ra_facts *f, struct ra_jsonw *w, const char *key)
{
	ra_jsonw_object(w, key);
	for (size_t i = 0; i < f->count; i++)
		write_fact(w, &f->list[i]);
	ra_jsonw_object_end(w);
}

static int
read_json(struct ra_facts *f, const struct ra_fact_def *defs, const char *name, const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15));
	int r = text != NULL ? ra_facts_set_text(f, defs, name, text) : -ENOMEM;

	free(text);
	return r;
}

/* A value of another type than the table's is of another version: skipped as if not known. */
static int
read_fact(struct ra_facts *f, const struct ra_fact_def *defs, const char *name, const json_t *value)
{
	const struct ra_fact_def *def = find_def(defs, name);
	json_type type = json_typeof(value);
	int64_t time;

	if (def == NULL)
		return 0;
	switch (def->type) {
	case RA_FACT_TEXT:
		return type == JSON_STRING
			   ? ra_facts_set_text(f, defs, name, json_string_value(value))
			   : 0;
	case RA_FACT_INT:
		return type == JSON_INTEGER
			   ? ra_facts_set_number(f, defs, name, json_integer_value(value))
			   : 0;
	case RA_FACT_TIME:
		return type == JSON_STRING && ra_time_parse(json_string_value(value),
						  json_string_length(value), &time) == 0
			   ? ra_facts_set_number(f, defs, name, time)
			   : 0;
	case RA_FACT_JSON:
		return type == JSON_ARRAY || type == JSON_OBJECT ? read_json(f, defs, name, value)
								 : 0;
	case RA_FACT_REAL:
		break;
	}
	return type == JSON_INTEGER || type == JSON_REAL
		   ? ra_facts_set_real(f, defs, name, json_number_value(value))
		   : 0;
}

int
ra_facts_read(const char *json, size_t len, const struct ra_fact_def *defs, struct ra_facts *ret)
{
	RA_CLEANUP(ra_facts_free) struct ra_facts facts = { 0 };
	json_error_t why;
	json_t *root;
	int r = ra_json_load(json, len, JSON_REJECT_DUPLICATES, &root, &why);

	if (r == 0 && json_typeof(root) != JSON_OBJECT)
		r = -EINVAL;
	for (void *at = json_object_iter(root); at != NULL && r == 0;
	     at = json_object_iter_next(root, at))
		r = read_fact(&facts, defs, json_object_iter_key(at), json_object_iter_value(at));
	json_decref(root);
	if (r < 0)
		return r;
	*ret = facts;
	facts = (struct ra_facts){ 0 };
	return 0;
}
