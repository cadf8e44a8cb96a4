/* SPDX-License-Identifier: Apache-2.0 */
/* Programs to run and what came of them, as frames. */
#include <string.h>

#include "helper_lane.h"

static uint32_t
count_texts(const char *const *list)
{
	uint32_t n = 0;

	while (list != NULL && list[n] != NULL && n <= RA_WIRE_TEXTS_MAX)
		n++;
	return n;
}

static void
put_texts(struct ra_buf *out, const char *const *list, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		(void)ra_buf_add(out, list[i], strlen(list[i]) + 1);
}

int
ra_wire_put_run(struct ra_buf *out, uint64_t id, const struct ra_child_request *q)
{
	struct ra_wire_run run = { .deadline = q->deadline,
		.max_output = q->max_output,
		.input_len = q->input != NULL ? q->input_len : 0,
		.args = count_texts(q->argv),
		.variables = count_texts(q->environment),
		.allowed = count_texts(q->allow) };
	const char *folder = q->folder != NULL ? q->folder : "";
	struct ra_wire_head head = { 0 };
	size_t at = out->len;

	if (run.args + run.variables + run.allowed > RA_WIRE_TEXTS_MAX)
		return -E2BIG;
	(void)ra_buf_add(out, &head, sizeof(head));
	(void)ra_buf_add(out, &run, sizeof(run));
	put_texts(out, q->argv, run.args);
	put_texts(out, q->environment, run.variables);
	put_texts(out, q->allow, run.allowed);
	(void)ra_buf_add(out, folder, strlen(folder) + 1);
	(void)ra_buf_add(out, q->input, run.input_len);
	if (out->error != 0) {
		int r = out->error;

		/* What was in it is whole; this was not begun. */
		out->len = at;
		out->error = 0;
		return r;
	}
	head = ra_wire_head(RA_WIRE_RUN, id, out->len - at - sizeof(head));
	memcpy(out->data + at, &head, sizeof(head));
	return 0;
}

/* count texts and a NULL into list; NULL if they are not all there. */
static const char *
take_texts(const char *at, const char *end, const char **list, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		const char *stop = memchr(at, '\0', (size_t)(end - at));

		if (stop == NULL)
			return NULL;
		list[i] = at;
		at = stop + 1;
	}
	list[count] = NULL;
	return at;
}

int
ra_wire_run(const struct ra_wire_head *head, const char *payload, struct ra_child_request *ret,
    const char ***ret_texts)
{
	RA_FREE const char **texts = NULL;
	const char **environment, **allow, **folder, *at, *end = payload + head->len;
	struct ra_wire_run run;

	if (head->len < sizeof(run))
		return -EPROTO;
	memcpy(&run, payload, sizeof(run));
	if (run.args == 0 || run.args > RA_WIRE_TEXTS_MAX || run.variables > RA_WIRE_TEXTS_MAX ||
	    run.allowed > RA_WIRE_TEXTS_MAX)
		return -EPROTO;
	texts = calloc((size_t)run.args + run.variables + run.allowed + 5, sizeof(*texts));
	if (texts == NULL)
		return -ENOMEM;
	environment = texts + run.args + 1;
	allow = environment + run.variables + 1;
	folder = allow + run.allowed + 1;
	at = take_texts(payload + sizeof(run), end, texts, run.args);
	at = at != NULL ? take_texts(at, end, environment, run.variables) : NULL;
	at = at != NULL ? take_texts(at, end, allow, run.allowed) : NULL;
	at = at != NULL ? take_texts(at, end, folder, 1) : NULL;
	if (at == NULL || (uint64_t)(end - at) != run.input_len)
		return -EPROTO;
	*ret = (struct ra_child_request){ .argv = texts,
		.environment = environment,
		.allow = allow,
		.folder = **folder != '\0' ? *folder : NULL,
		.input = run.input_len > 0 ? at : NULL,
		.input_len = run.input_len,
		.max_output = run.max_output,
		.deadline = run.deadline };
	*ret_texts = RA_TAKE(texts);
	return 0;
}

void
ra_wire_send_ran(uint64_t id, const struct ra_child_answer *a)
{
	const char *error = a->error != NULL ? a->error : "";
	const char *errors = a->errors != NULL ? a->errors : "";
	struct ra_wire_ran ran = { .len = a->output != NULL ? a->len : 0,
		.error_len = strlen(error),
		.errors_len = strlen(errors),
		.reason = a->reason,
		.exit_code = a->exit_code };
	struct ra_wire_head head = ra_wire_head(
	    RA_WIRE_RAN, id, ran.len + ran.error_len + ran.errors_len + 3 + sizeof(ran));
	struct iovec parts[] = { { &head, sizeof(head) }, { a->output, ran.len },
		{ (char[]){ 0 }, 1 }, { (char *)(uintptr_t)error, ran.error_len + 1 },
		{ (char *)(uintptr_t)errors, ran.errors_len + 1 }, { &ran, sizeof(ran) } };

	ra_lanes_send(parts, RA_ARRAY_SIZE(parts));
}

int
ra_wire_ran(const struct ra_wire_head *head, char *payload, struct ra_child_answer *ret)
{
	struct ra_wire_ran ran;
	size_t left = head->len;

	if (left < sizeof(ran) + 3)
		return -EPROTO;
	left -= sizeof(ran);
	memcpy(&ran, payload + left, sizeof(ran));
	left -= 3;
	if (ran.reason >= RA_REASON_COUNT || ran.len > left || ran.error_len > left - ran.len ||
	    ran.errors_len != left - ran.len - ran.error_len)
		return -EPROTO;
	*ret = (struct ra_child_answer){ .reason = (enum ra_reason)ran.reason,
		.exit_code = ran.exit_code,
		.output = payload,
		.len = ran.len,
		.error = payload + ran.len + 1,
		.errors = payload + ran.len + ran.error_len + 2 };
	if (payload[ran.len] != '\0' || ret->error[ran.error_len] != '\0' ||
	    ret->errors[ran.errors_len] != '\0')
		return -EPROTO;
	return 0;
}
