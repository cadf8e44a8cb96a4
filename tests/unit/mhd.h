/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd without a network: a test says what a request has and reads what was queued. These
 * come before the library's own, because the program's symbols do. Workers' jobs wait until
 * mhd_work() runs the first of them.
 */
#ifndef RA_TESTS_MHD_H
#define RA_TESTS_MHD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../daemon/api/internal.h"

struct MHD_Connection {
	union MHD_ConnectionInfo info, context;
	const char *query; /* "name=value&name=value", nothing escaped */
	bool suspended;
	unsigned status; /* 0: nothing was queued */
	char body[8192], type[64], allow[16];
};

struct MHD_Response {
	char *text;
	size_t len;
	unsigned refs;
	MHD_ContentReaderCallback read; /* of a stream; NULL: none */
	void *arg;
	MHD_ContentReaderFreeCallback free_arg;
	char type[64], allow[16];
};

static struct {
	void (*run)(void *arg), (*done)(void *arg);
	void *arg;
} mhd_jobs[8];
static size_t mhd_job_count;
static struct MHD_Response *mhd_stream; /* the last one that was made */

enum MHD_Result
MHD_add_response_header(struct MHD_Response *r, const char *name, const char *value)
{
	if (strcmp(name, MHD_HTTP_HEADER_ALLOW) == 0)
		snprintf(r->allow, sizeof(r->allow), "%s", value);
	else if (strcmp(name, MHD_HTTP_HEADER_CONTENT_TYPE) == 0)
		snprintf(r->type, sizeof(r->type), "%s", value);
	return MHD_YES;
}

enum MHD_Result
MHD_set_response_options(struct MHD_Response *r, enum MHD_ResponseFlags flags, ...)
{
	return MHD_YES;
}

struct MHD_Response *
MHD_create_response_from_buffer(size_t size, void *buffer, enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *r = calloc(1, sizeof(*r));

	assert_int_equal(mode, MHD_RESPMEM_MUST_FREE);
	if (r == NULL)
		return NULL;
	r->text = buffer;
	r->len = size;
	r->refs = 1;
	return r;
}

struct MHD_Response *
MHD_create_response_from_callback(uint64_t size, size_t block, MHD_ContentReaderCallback read,
    void *arg, MHD_ContentReaderFreeCallback free_arg)
{
	struct MHD_Response *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->refs = 2; /* a connection's too, which reads on */
	r->read = read;
	r->arg = arg;
	r->free_arg = free_arg;
	return mhd_stream = r;
}

void
MHD_destroy_response(struct MHD_Response *r)
{
	if (--r->refs > 0)
		return;
	if (r->free_arg != NULL)
		r->free_arg(r->arg);
	free(r->text);
	free(r);
}

enum MHD_Result
MHD_queue_response(struct MHD_Connection *c, unsigned status, struct MHD_Response *r)
{
	assert_int_equal(c->status, 0);
	assert_false(c->suspended);
	c->status = status;
	snprintf(c->body, sizeof(c->body), "%.*s", (int)r->len, r->text != NULL ? r->text : "");
	snprintf(c->type, sizeof(c->type), "%s", r->type);
	snprintf(c->allow, sizeof(c->allow), "%s", r->allow);
	return MHD_YES;
}

void
MHD_suspend_connection(struct MHD_Connection *c)
{
	assert_false(c->suspended);
	c->suspended = true;
}

void
MHD_resume_connection(struct MHD_Connection *c)
{
	assert_true(c->suspended);
	c->suspended = false;
}

const union MHD_ConnectionInfo *
MHD_get_connection_info(struct MHD_Connection *c, enum MHD_ConnectionInfoType what, ...)
{
	if (what == MHD_CONNECTION_INFO_SOCKET_CONTEXT)
		return &c->context;
	assert_int_equal(what, MHD_CONNECTION_INFO_CONNECTION_FD);
	return &c->info;
}

/* "%00" is the one escape that it knows. */
static size_t
mhd_unescape(char *text)
{
	char *nul = text != NULL ? strstr(text, "%00") : NULL;
	size_t len = text != NULL ? strlen(text) : 0;

	if (nul == NULL)
		return len;
	*nul = '\0';
	memmove(nul + 1, nul + 3, strlen(nul + 3) + 1);
	return len - 2;
}

const char *
MHD_lookup_connection_value(struct MHD_Connection *c, enum MHD_ValueKind kind, const char *name)
{
	return NULL;
}

int
MHD_get_connection_values_n(
    struct MHD_Connection *c, enum MHD_ValueKind kind, MHD_KeyValueIteratorN each, void *arg)
{
	char text[32768], *rest = text, *pair;
	int n = 0;

	if (kind == MHD_HEADER_KIND)
		return 0;
	snprintf(text, sizeof(text), "%s", c->query != NULL ? c->query : "");
	assert_int_equal(kind, MHD_GET_ARGUMENT_KIND);
	while ((pair = strsep(&rest, "&")) != NULL) {
		char *value = strchr(pair, '=');
		size_t name_len, value_len;

		if (*pair == '\0')
			continue;
		if (value != NULL)
			*value++ = '\0';
		n++;
		name_len = mhd_unescape(pair);
		value_len = mhd_unescape(value);
		if (each(arg, kind, pair, name_len, value, value_len) == MHD_NO)
			break;
	}
	return n;
}

int
ra_work_start(struct ra_loop *l, void (*run)(void *arg), void (*done)(void *arg), void *arg)
{
	assert_true(mhd_job_count < sizeof(mhd_jobs) / sizeof(mhd_jobs[0]));
	mhd_jobs[mhd_job_count].run = run;
	mhd_jobs[mhd_job_count].done = done;
	mhd_jobs[mhd_job_count++].arg = arg;
	return 0;
}

static void
mhd_work(void)
{
	__typeof__(mhd_jobs[0]) job = mhd_jobs[0];

	if (mhd_job_count == 0)
		return;
	memmove(&mhd_jobs[0], &mhd_jobs[1], --mhd_job_count * sizeof(mhd_jobs[0]));
	job.run(job.arg);
	job.done(job.arg);
}

void
ra_api_kick(struct ra_api *a)
{
}

#endif
