/* SPDX-License-Identifier: Apache-2.0 */
/* OpenMetrics of the daemon itself; of each check with ?checks=1. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

static void
family(struct ra_buf *out, const char *name, const char *type, const char *help)
{
	ra_buf_printf(
	    out, "# TYPE relaudit_%s %s\n# HELP relaudit_%s %s\n", name, type, name, help);
}

static void
gauge(struct ra_buf *out, const char *name, const char *help, uint64_t value)
{
	family(out, name, "gauge", help);
	ra_buf_printf(out, "relaudit_%s %" PRIu64 "\n", name, value);
}

static void
counter(struct ra_buf *out, const char *name, const char *help, uint64_t value)
{
	family(out, name, "counter", help);
	ra_buf_printf(out, "relaudit_%s_total %" PRIu64 "\n", name, value);
}

static void
write_states(struct ra_buf *out, struct ra_api *a, bool each)
{
	const struct ra_config *c = ra_engine_config(a->engine);
	uint64_t counts[RA_PENDING + 1] = { 0 };
	struct ra_view v;
	size_t i;

	if (each)
		family(out, "check_state", "gauge",
		    "State of a check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN or pending.");
	for (i = 0; i < c->check_count; i++) {
		ra_engine_view(a->engine, c->checks[i], &v);
		counts[v.state]++;
		if (each)
			ra_buf_printf(out,
			    "relaudit_check_state{environment=\"%s\",check=\"%s\",kind=\"%s\"} "
			    "%d\n",
			    c->checks[i]->environment->name, c->checks[i]->name, v.kind,
			    ra_verdict_exit(v.state));
	}
	family(out, "checks", "gauge", "Checks by state.");
	for (i = 0; i < RA_ARRAY_SIZE(counts); i++)
		ra_buf_printf(out, "relaudit_checks{state=\"%s\"} %" PRIu64 "\n",
		    ra_verdict_name((enum ra_verdict)i), counts[i]);
}

static void
write_engine(struct ra_buf *out, struct ra_api *a)
{
	static const char *const late[] = { "0.01", "0.025", "0.05", "0.1", "0.15", "0.25", "0.5",
		"1.0", "2.5", "5.0", "10.0", "+Inf" };
	struct ra_engine_stats s;
	uint64_t sum = 0;
	size_t i;

	ra_engine_stats(a->engine, &s);
	family(out, "probes", "counter", "Probes ended, by verdict.");
	for (i = 0; i < RA_ARRAY_SIZE(s.probes); i++)
		ra_buf_printf(out, "relaudit_probes_total{verdict=\"%s\"} %" PRIu64 "\n",
		    ra_verdict_name((enum ra_verdict)i), s.probes[i]);
	counter(out, "probes_cancelled", "Probes that ended without a result.", s.cancelled);
	gauge(out, "probes_in_flight", "Probes under way.", s.in_flight);
	gauge(out, "probes_slow_in_flight", "Of them, to hosts that timed out last time.",
	    s.slow_in_flight);
	counter(out, "sources_unchanged", "Sources that were not read, as nothing had changed.",
	    s.unchanged);
	counter(out, "alerts", "Lines for syslog.", s.alerts);
	family(
	    out, "probe_lateness_seconds", "histogram", "Start of a probe against its due time.");
	for (i = 0; i < RA_ARRAY_SIZE(late); i++)
		ra_buf_printf(out,
		    "relaudit_probe_lateness_seconds_bucket{le=\"%s\"} %" PRIu64 "\n", late[i],
		    sum += s.late_buckets[i]);
	ra_buf_printf(out,
	    "relaudit_probe_lateness_seconds_sum %.3f\n"
	    "relaudit_probe_lateness_seconds_count %" PRIu64 "\n",
	    (double)s.late_ms_sum / 1000, sum);
}

static void
write_loop(struct ra_buf *out, struct ra_api *a)
{
	struct ra_loop_stats s;
	uint64_t sum = 0;
	size_t i;

	ra_loop_stats(a->loop, &s);
	family(out, "loop_busy_seconds", "histogram",
	    "How long each turn of the event loop was busy.");
	for (i = 0; i < RA_LOOP_BUCKETS; i++) {
		sum += s.buckets[i];
		if (i + 1 < RA_LOOP_BUCKETS)
			ra_buf_printf(out,
			    "relaudit_loop_busy_seconds_bucket{le=\"%g\"} %" PRIu64 "\n",
			    (double)ra_loop_stall_limit(i) / 1e6, sum);
	}
	ra_buf_printf(out,
	    "relaudit_loop_busy_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n"
	    "relaudit_loop_busy_seconds_sum %.6f\nrelaudit_loop_busy_seconds_count %" PRIu64 "\n",
	    sum, (double)s.busy_us / 1e6, sum);
	family(out, "loop_worst_seconds", "gauge", "The longest turn so far.");
	ra_buf_printf(out, "relaudit_loop_worst_seconds %.6f\n", (double)s.worst_us / 1e6);
}

static void
write_io(struct ra_buf *out, struct ra_api *a)
{
	const struct ra_io *io = ra_engine_io(a->engine);
	struct ra_syslog *syslog = ra_engine_syslog(a->engine);
	struct ra_store *store = ra_engine_store(a->engine);
	struct ra_http_stats http = { 0 };
	struct ra_helper_stats helper = { 0 };
	struct ra_syslog_stats lines = { 0 };
	struct ra_store_stats kept = { 0 };

	if (io->http != NULL)
		ra_http_stats(io->http, &http);
	if (io->helper != NULL)
		ra_helper_stats(io->helper, &helper);
	if (syslog != NULL)
		ra_syslog_stats(syslog, &lines);
	if (store != NULL)
		ra_store_stats(store, &kept);
	counter(out, "http_transfers", "HTTP transfers begun.", http.transfers);
	gauge(out, "http_in_flight", "HTTP transfers under way.", http.in_flight);
	counter(out, "http_bytes_in", "Bytes of answers read.", http.bytes_in);
	counter(out, "helper_jobs", "Jobs given to the helper.", helper.jobs);
	counter(out, "helper_restarts", "Times the helper was started again.", helper.restarts);
	counter(
	    out, "helper_abandoned", "Workers given up in a mount that hangs.", helper.abandoned);
	counter(out, "syslog_sent", "Lines handed to syslog.", lines.sent);
	counter(out, "syslog_dropped", "Lines dropped: no receiver, or one that does not read.",
	    lines.dropped);
	gauge(out, "syslog_queued", "Lines that wait for syslog.", lines.queued);
	gauge(out, "syslog_connected", "1 if there was a receiver at the last line.",
	    lines.connected);
	counter(out, "records_put", "Records put.", kept.puts);
	gauge(out, "records_unsaved", "Records that are not on disk yet.", kept.unsaved);
	gauge(out, "store_failing", "1 while state cannot be saved.", kept.failing);
}

static uint64_t
resident(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long size, pages = 0;

	if (f != NULL) {
		/* NOLINTNEXTLINE(cert-err34-c): the kernel's numbers fit */
		if (fscanf(f, "%lu %lu", &size, &pages) != 2)
			pages = 0;
		(void)fclose(f);
	}
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

void
ra_route_metrics(struct ra_request *q)
{
	struct ra_api *a = q->api;
	const char *checks = ra_request_param(q, "checks");
	struct ra_buf out = RA_BUF(64 * 1024 * 1024);
	struct MHD_Response *response = NULL;
	size_t len;
	char *text;

	family(&out, "build", "info", "Version.");
	ra_buf_printf(&out, "relaudit_build_info{version=\"%s\"} 1\n", RA_VERSION);
	write_states(&out, a, checks != NULL && strcmp(checks, "1") == 0);
	gauge(
	    &out, "environments", "Environments.", ra_engine_config(a->engine)->environment_count);
	write_engine(&out, a);
	write_loop(&out, a);
	write_io(&out, a);
	gauge(&out, "connections", "Open connections to the API.", a->connections);
	gauge(&out, "resident_bytes", "Resident memory of the loop process.", resident());
	ra_buf_puts(&out, "# EOF\n");
	len = out.len;
	text = ra_buf_take(&out);
	if (text != NULL)
		response = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	if (response == NULL)
		free(text);
	ra_request_answer(q, MHD_HTTP_OK, response, OPENMETRICS);
}

void
ra_route_healthz(struct ra_request *q)
{
	struct ra_store *store = ra_engine_store(q->api->engine);
	struct ra_store_stats kept = { 0 };
	struct ra_buf body = RA_BUF(4096);
	struct ra_jsonw w;

	if (store != NULL)
		ra_store_stats(store, &kept);
	ra_jsonw_init(&w, &body);
	ra_jsonw_object(&w, NULL);
	ra_jsonw_text(&w, "schema", RA_API_SCHEMA);
	ra_jsonw_bool(&w, "healthy", !kept.failing);
	ra_jsonw_text(&w, "version", RA_VERSION);
	if (kept.failing)
		ra_jsonw_text(&w, "problem", kept.error);
	ra_jsonw_object_end(&w);
	ra_request_json(q, kept.failing ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK, &body);
}
