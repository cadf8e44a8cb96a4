/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine's files share. */
#ifndef RELAUDIT_ENGINE_INTERNAL_H
#define RELAUDIT_ENGINE_INTERNAL_H

#include "relaudit/base/clock.h"
#include "relaudit/engine/engine.h"
#include "relaudit/engine/mirror.h"
#include "relaudit/format/format.h"
#include "relaudit/kind/kind.h"
#include "relaudit/source/source.h"

#define RA_SLOT	      100 /* ms; due probes are taken together, a wake-up costs more than they */
#define RA_SPREAD     (10 * RA_SECOND) /* a check that never ran starts within it */
#define RA_INLINE_MAX 65536 /* bytes that are parsed on the loop; more goes to a worker */
#define RA_GATHERED_MAX (RA_NEEDS_MAX + RA_PEERS_MAX)
#define RA_NOT_QUEUED UINT32_MAX

struct ra_probe;

/* A line that was committed and not yet sent. */
struct ra_unsent {
	struct ra_unsent *next;
	uint64_t seq; /* in the order they came */
	int64_t deadline; /* monotonic: sent by then, saved or not */
	uint64_t sent; /* its number on its way to syslog; 0: not on its way */
	uint64_t problem; /* whose beginning or end it is; 0: of no state */
	int priority;
	bool saved;
	bool held, begins; /* hold.c: not to be sent yet; nobody was told of its problem */
	char *line;
};

/* hold.c: of its state, and of what it reads */
enum ra_said { RA_SAID_STATE, RA_SAID_OTHER, RA_SAID_COUNT };

struct ra_pace {
	int64_t paid; /* monotonic ms up to which the lines sent so far count */
	uint32_t held; /* changes since then whose lines wait, or were left out */
};

/* What is to be said of one check. */
struct ra_lines {
	struct ra_unsent *unsent; /* oldest first */
	struct ra_pace paces[RA_SAID_COUNT];
};

/* A check that is not configured any more, until its last lines are out. */
struct ra_gone {
	struct ra_lines lines;
	struct ra_state state; /* at the start only: as it was recorded */
	char id[];
};

/* What was last read of one instance's configuration; outlives failures and restarts. */
struct ra_known {
	struct ra_snapshot *snapshot; /* NULL: nothing yet */
	uint8_t mark[RA_STORE_MARK]; /* of the rules it was read by */
	bool current; /* these are the check's present ones */
	bool saved; /* the store has it */
	bool restored; /* it is of before the start */
	char *validator; /* the source's, NULL: none */
	int64_t read; /* monotonic ms: in full */
	uint64_t told; /* first bytes of the digest that was announced last; 0: none */
};

/* One check as it runs. */
struct ra_track {
	const struct ra_check *check; /* of the present config */
	struct ra_result *latest; /* NULL: none yet */
	struct ra_facts
	    *history; /* per instance, of the last probe that read them; NULL: not kept */
	int64_t *seen; /* as history: monotonic ms since when; 0: not known, < 0: long since */
	struct ra_state state;
	int64_t due; /* monotonic ms */
	uint32_t heap; /* place in the schedule, RA_NOT_QUEUED: under way */
	struct ra_snapshot **snapshots; /* per instance, as last read; NULL: not of RA_SHAPE_KEYS */
	struct ra_committed_seen *committed; /* under `expect`; NULL: none, or not yet */
	int64_t changed; /* wall ms: when the version last did, 0: not known */
	struct ra_known *known; /* per instance, as snapshots */
	uint16_t history_count;
	bool dirty; /* latest result not handed to the store yet */
	bool again; /* when the probe under way ends, another one is due */
	bool recorded; /* there was a record of it at the start */
	bool unseen; /* checked since its time was handed to the store */
	bool leaves; /* its check is not configured any more */
	bool overdue; /* its result was too old when it was last looked at */
	int64_t heard; /* monotonic ms of the latest result, or of the start */
	struct ra_probe *probe; /* under way */
	struct ra_run *runs; /* waiting for the next result */
	struct ra_lines lines;
	int64_t asked; /* monotonic ms of the last `run` */
	uint8_t asked_count;
};

/* What is asked together: capped together, slow together. */
struct ra_host {
	char *name;
	uint32_t in_flight;
	bool slow; /* its last answer was a timeout */
	struct ra_part *first, *last; /* waiting for the host's cap */
};

enum ra_part_stage {
	RA_PART_NEW,
	RA_PART_WAITING, /* in a queue */
	RA_PART_FETCHING,
	RA_PART_READING, /* format at work on a worker */
	RA_PART_ASKING, /* a repository */
	RA_PART_JUDGING, /* on a worker */
	RA_PART_DONE,
};

/* A file of a repository, on its way to a snapshot. */
struct ra_blob {
	const struct ra_check *check; /* borrowed, as all of these */
	const struct ra_committed *committed;
	const void *secret_key;
	struct ra_input input;
	enum ra_reason reason;
	struct ra_error error;
	struct ra_snapshot *snapshot;
};

struct ra_asking;
struct ra_held;

/* One instance of a probe. */
struct ra_part {
	struct ra_probe *probe;
	struct ra_host *host; /* NULL: local */
	struct ra_part *next, *prev; /* in the queue it waits in */
	struct ra_part **queue_first, **queue_last;
	enum ra_part_stage stage;
	bool slow; /* counted in the slow lane */
	struct ra_fetch fetch;
	struct ra_data data;
	enum ra_reason read_reason;
	struct ra_error read_error;
	struct ra_asking *asking; /* what repositories are asked; NULL: nothing */
	struct ra_held *held; /* JUDGING on a worker: what the call borrows */
	struct ra_result *result;
	struct ra_snapshot *snapshot; /* of what was read; NULL: none */
	bool doubt; /* what is committed for it was not read: more than need be may be hidden */
	struct ra_snapshot *known; /* what `fetch.known` is of; NULL: none */
};

/* One run of a check, from its first fetch to its one end in the funnel. */
struct ra_probe {
	struct ra_engine *engine;
	struct ra_track *track; /* NULL: cancelled, ends when its workers come back */
	struct ra_config *config; /* the one whose options are used */
	const struct ra_check *check; /* of that config */
	struct ra_probe *next, *prev; /* all under way */
	int64_t started; /* monotonic */
	int64_t limit; /* monotonic; the engine's own deadline, a little after the source's */
	size_t part_count, parts_left, workers;
	bool news; /* what was read is not what was read before */
	struct ra_part parts[];
};

struct ra_repository {
	struct ra_mirror_repo *repo; /* NULL: none, or error says why not */
	struct ra_error error;
};

/* Those of the services, then the product's, then those that checks name themselves. */
struct ra_repositories {
	struct ra_repository *list;
	size_t count, services;
	struct ra_map named; /* URL -> struct ra_repository */
};

/* The questions of a part, one after the other. */
struct ra_asking {
	struct ra_git_question question; /* the one under way */
	struct ra_mirror_repo *repo; /* of the engine */
	struct ra_mirror_query *query; /* NULL: answered */
	struct ra_blob blob;
	struct ra_git_answer answers[RA_QUESTIONS_MAX];
	size_t count; /* answered */
};

/* A check's baseline as it was last read. */
struct ra_committed_seen {
	struct ra_snapshot *snapshot; /* NULL: not read */
	char *error; /* why */
	char *ref;
	char commit[RA_COMMIT_TEXT]; /* of the snapshot */
	unsigned refs; /* of the loop's: a track, and calls that are on a worker */
};

struct ra_queue {
	struct ra_part *first, *last;
};

struct ra_run {
	struct ra_run *next;
	struct ra_engine *engine;
	struct ra_track *track;
	void (*done)(void *arg, int error);
	void *arg;
};

/* Tracks of the last configuration, on their way out. */
struct ra_past {
	struct ra_timer *timer;
	struct ra_track *tracks; /* NULL: none are left */
	size_t count, next;
	struct ra_config *config; /* theirs */
};

struct ra_engine {
	struct ra_io io;
	struct ra_store *store;
	struct ra_syslog *syslog;
	struct ra_config *config;
	struct ra_track *tracks; /* by check->index */
	size_t track_count, pending;
	struct ra_past past;
	int64_t started; /* wall */
	int64_t last_checked; /* wall; the newest that was kept before the start, 0: nothing */
	int64_t
	    mono_to_wall; /* fixed at start: phases are stable, jumps of the clock are not felt */
	bool running;
	/* git.c */
	struct ra_mirror *mirror; /* NULL: none */
	struct ra_repositories repositories;
	struct ra_baseline_query *baseline_queries; /* that wait for a repository */
	/* schedule.c */
	struct ra_track **heap;
	size_t heap_count;
	struct ra_timer *slot_timer;
	int64_t slot_at; /* when the timer fires, 0: not set */
	struct ra_map hosts;
	struct ra_queue waiting, waiting_slow;
	size_t in_flight, slow_in_flight;
	struct ra_probe *probes;
	bool pumping;
	int64_t swept;
	/* keep.c */
	struct ra_timer *keep_timer;
	int64_t seen_written, pruned; /* monotonic ms */
	struct ra_stamp pruned_stamp; /* the clocks then, or at the start */
	size_t seen_next;
	bool load_starved; /* something of the state found no memory: no start from that */
	/* lines.c */
	struct ra_timer *lines_timer;
	int64_t lines_at; /* when it fires, 0: not set */
	struct ra_outgoing *outgoing, **outgoing_last; /* in the order of their numbers */
	struct ra_wake *lines_wake; /* from the thread of syslog */
	bool lines_full; /* some wait for room in syslog's queue */
	uint64_t lines_seq;
	struct ra_map gone; /* id -> struct ra_gone */
	uint64_t last_id, id_reserved;
	struct ra_listener *listeners;
	/* view.c */
	struct ra_generation *snapshot;
	uint64_t generation;
	/* secret.c */
	uint8_t secret_key[RA_DIGEST_SIZE]; /* of the digests that stand for secrets */
	struct ra_engine_stats stats;
};

static inline const struct ra_kind *
ra_check_kind(const struct ra_check *c)
{
	return ra_kinds[c->kind];
}

static inline const struct ra_source *
ra_check_source(const struct ra_check *c)
{
	return ra_sources[c->source];
}

static inline const struct ra_format *
ra_check_format(const struct ra_check *c)
{
	return c->format == RA_NO_FORMAT ? NULL : ra_formats[c->format];
}

/* tracks.c */
int ra_tracks_new(const struct ra_config *config, struct ra_track **ret);
void ra_tracks_free(struct ra_track *tracks, size_t count);
/* The engine has this configuration and these tracks from now on, and what was known of them. */
void ra_tracks_take_over(struct ra_engine *e, struct ra_config *config, struct ra_track *tracks);
/* What is waiting for its next result is told that there will be none. */
void ra_runs_end(struct ra_track *t, int error);
/* Lets go of some of the past, and comes back for the rest; of all there is; the same unsaid. */
void ra_past_turn(void *arg);
void ra_past_end(struct ra_engine *e);
void ra_past_free(struct ra_engine *e);

/* schedule.c */
int ra_schedule_init(struct ra_engine *e);
void ra_schedule_free(struct ra_engine *e);
/* Sets a track's due time as of now, from its state and last result, and queues it. */
void ra_schedule_first(struct ra_engine *e, struct ra_track *t);
void ra_schedule_next(struct ra_engine *e, struct ra_track *t);
void ra_schedule_now(struct ra_engine *e, struct ra_track *t);
/* Within min(every, 10 s), if it is queued for later. */
void ra_schedule_soon(struct ra_engine *e, struct ra_track *t);
/* After a swap: as it was, or as new. */
void ra_schedule_again(struct ra_engine *e, struct ra_track *t);
void ra_schedule_remove(struct ra_engine *e, struct ra_track *t);
int ra_schedule_reserve(size_t tracks, struct ra_track ***ret_heap);
/* Wall clock less monotonic, steady as long as nobody sets the clock. */
int64_t ra_schedule_offset(const struct ra_engine *e);
int64_t ra_schedule_next_wall(const struct ra_track *t, int64_t offset);
/* A part asks for its place and starts when it has one. */
void ra_schedule_enter(struct ra_engine *e, struct ra_part *part);
void ra_schedule_leave(struct ra_engine *e, struct ra_part *part, bool timed_out);
void ra_schedule_pump(struct ra_engine *e);

/* probe.c */
int ra_probe_start(struct ra_engine *e, struct ra_track *t);
/* Starts the fetch of a part that has its place. */
void ra_probe_fetch(struct ra_part *part);
/* Ends without a result. */
void ra_probe_cancel(struct ra_probe *p);
/* Fails the parts of a probe that outlived its limit. */
void ra_probe_expire(struct ra_probe *p);

/* A part has been told all that it asked. */
void ra_probe_answered(struct ra_part *part);
/* It has its result. */
void ra_probe_judged(struct ra_part *part);

/* judge.c */

/* The judge's call of a part; gathered is filled. Borrows what is known until the loop turns. */
void ra_judge_call(const struct ra_part *part, struct ra_gathered gathered[RA_GATHERED_MAX],
    struct ra_judge_call *ret);
/* What was read, as a snapshot, where the kind has one. Any thread. */
enum ra_reason ra_judge_snapshot(const struct ra_check *c, const void *secret_key,
    const struct ra_data *data, const char *where, bool committed, struct ra_snapshot **ret);
/* What a cache kept for longer than a result counts here is not what is there now: it fails. */
void ra_judge_cached(const struct ra_check *c, struct ra_input *in);
/* True: ra_probe_judged comes later. */
bool ra_judge_part(struct ra_part *part);

/* git.c: what repositories know of what runs, and of how it ought to be */

/* Takes references to the repositories of a config: -ENOMEM changes nothing. */
int ra_git_open(
    struct ra_engine *e, const struct ra_config *config, struct ra_repositories *ret);
void ra_git_close(struct ra_repositories *r);
/* The one a check asks; url NULL: its service's, else the product's. NULL: none. */
const struct ra_repository *ra_git_repository(
    const struct ra_engine *e, const struct ra_check *c, const char *url);
/* Asks what is next. False: there is nothing to ask, or nobody. Else ra_probe_answered comes. */
bool ra_git_ask(struct ra_part *part);
/* The second line behind the mirror's own deadline. */
void ra_git_expire(struct ra_part *part);
void ra_git_cancel(struct ra_part *part);
/* Whether a part waits for one that is not among these. */
bool ra_git_has(const struct ra_repositories *r, const struct ra_mirror_repo *repo);
bool ra_git_asks_other(const struct ra_probe *p, const struct ra_repositories *r);
void ra_asking_free(struct ra_asking *a);

/* blob.c: files of repositories */

/* The bytes of an answer into b, which is fresh; 0 or -ENOMEM. */
int ra_blob_take(struct ra_blob *b, const struct ra_mirror_answer *answer, const char *where);
/* Reads it. Any thread. */
void ra_blob_read(struct ra_blob *b);
void ra_blob_clear(struct ra_blob *b);
/* Ends queries of repositories that are not among these; NULL: all. */
void ra_baselines_end(struct ra_engine *e, const struct ra_repositories *stay);
/* What the part's probe read becomes what is known. True: that is of another commit, or none. */
bool ra_committed_remember(struct ra_track *t, const struct ra_part *part);
void ra_committed_unref(struct ra_committed_seen *c);

/* funnel.c: the one end of every probe. Takes result. */
void ra_funnel(struct ra_engine *e, struct ra_track *t, struct ra_result *result, int64_t started);

/* Blackens the check's secrets in all of a result. */
void ra_funnel_scrub(struct ra_result *result, const struct ra_check *check);
/* In a text of so many bytes. */
void ra_funnel_scrub_text(char *text, size_t len, const struct ra_check *check);

/* engine.c: into history and to the listeners */
void ra_engine_emit(
    struct ra_engine *e, int64_t at, const char *what, const char *check, const char *body);

/* keep.c */
int ra_keep_load(struct ra_engine *e, struct ra_error *err);
/* As ra_keep_state, of a check that is gone. */
void ra_keep_lines(struct ra_engine *e, const char *id, const struct ra_lines *l,
    void (*done)(void *arg, int error), void *arg);
void ra_keep_latest(struct ra_engine *e, struct ra_track *t);
void ra_keep_state(
    struct ra_engine *e, struct ra_track *t, void (*done)(void *arg, int error), void *arg);
/* Writes what is dirty; all of it at a stop. */
void ra_keep_flush(struct ra_engine *e, bool all);

/* known.c: what was read of configurations, kept to be held against what is read next */

void ra_known_clear(struct ra_known *list, size_t count);
/* Of before the start, where it is of the present rules and its check's result still is of it. */
int ra_known_load(struct ra_engine *e, struct ra_error *err);
/* To a changed definition of the check. */
void ra_known_move(struct ra_engine *e, struct ra_track *from, struct ra_track *to);
/* Asks the source for less, where it may tell that nothing changed. */
void ra_known_offer(struct ra_part *part);
/* Takes what instance i brought: tells what changed and keeps it. */
void ra_known_take(struct ra_probe *p, size_t i);

/* change.c */

/* Tells and records which keys are not as they were; instance NULL: the only one. 0, -ENOMEM. */
int ra_change_tell(struct ra_engine *e, struct ra_track *t, const char *instance,
    struct ra_known *was, struct ra_snapshot *now);

/* peer.c: whether what is known of t is there to be held against, and not too old */
bool ra_peers_read(const struct ra_track *t, const struct ra_view *v);
/* Not yet, it comes again in a moment. */
bool ra_peers_wait(const struct ra_engine *e, const struct ra_check *c);
/* What is known of the checks that this one is held against; how many they are. */
size_t ra_peers_gather(struct ra_engine *e, const struct ra_check *c, struct ra_gathered *out);
/* What t brought is new: those that are held against it are judged again. */
void ra_peers_tell(struct ra_engine *e, const struct ra_track *t);

/* secret.c: the same key at every start, so that digests can be compared with earlier ones */
int ra_secret_key_load(struct ra_engine *e, struct ra_error *err);

/* announce.c */
void ra_announce(struct ra_engine *e, struct ra_track *t, const struct ra_transition *tr,
    const char *summary);

enum ra_version_event {
	RA_VERSION_FIRST, /* seen for the first time */
	RA_VERSION_CHANGED,
	RA_VERSION_KNOWN, /* the same version: its tag is known by now, or another commit */
};

/* A tag that is not where it was, though the version is the same. */
struct ra_tag_move {
	const char *version; /* NULL: not known */
	const char *tag, *was, *now; /* commits */
};

struct ra_version_change {
	enum ra_version_event what;
	const char *instance; /* NULL: the only one */
	const char *was; /* FIRST: NULL */
	const struct ra_facts *now; /* of the instance */
	const struct ra_facts *agreed; /* of all instances; NULL: there is no `for` */
};

/* Begins an event about a check, other than of its state. */
void ra_event_begin(struct ra_jsonw *w, struct ra_buf *out, const char *what, int64_t at,
    const struct ra_check *c);
/* Into the history and to the listeners; a change to syslog as well. */
void ra_announce_version(
    struct ra_engine *e, struct ra_track *t, const struct ra_version_change *c);
/* Into the history and to syslog. */
void ra_announce_tag(struct ra_engine *e, struct ra_track *t, const struct ra_tag_move *move);
/* Of a check that is not configured any more: if it had a problem, it ends with that. */
void ra_announce_removed(struct ra_engine *e, struct ra_track *t);
/* At the start, of all whom the records know and the configuration does not. */
void ra_announce_gone(struct ra_engine *e);
uint64_t ra_announce_id(struct ra_engine *e);

/* lines.c */
void ra_unsent_free(struct ra_unsent *u);
/* Commits a line, then sends it, soon or later (hold.c). tr: NULL, it is of no state. */
void ra_lines_add(struct ra_engine *e, struct ra_track *t, int priority, const char *line,
    const struct ra_transition *tr);
/* One that was committed before the start. 0 or -ENOMEM. */
int ra_lines_again(struct ra_engine *e, struct ra_lines *l, int priority, const char *line);
void ra_lines_resend(struct ra_engine *e);
void ra_lines_drop(struct ra_lines *l);
int ra_lines_init(struct ra_engine *e);
/* What is out by now is marked so; then nothing more is heard of it. */
void ra_lines_end(struct ra_engine *e);
void ra_lines_free(struct ra_engine *e);
/* NULL: no memory. */
struct ra_gone *ra_gone_new(struct ra_engine *e, const char *id);
/* What is not out of a check that goes stays to be sent, with the line that ends its problem. */
void ra_gone_leave(struct ra_engine *e, struct ra_track *t, const char *line);
/* Its last line (NULL: none); with what is before it, it goes out, and then the record. */
void ra_gone_end(struct ra_engine *e, struct ra_gone *g, const char *line);
/* Of whom the new configuration has again. */
void ra_gone_return(struct ra_engine *e);

/*
 * hold.c: a check that flaps is not to flood whom it alerts. RA_HOLD_BURST lines are sent as they
 * come, further ones one each RA_HOLD_EACH; the history has every change at once.
 */
#define RA_HOLD_BURST 30
#define RA_HOLD_EACH  (20 * RA_SECOND)
/* Whether a line may be sent now; then it is counted. */
bool ra_hold_pay(struct ra_pace *p, int64_t now);
/*
 * What waits is made less by a change: no line is left of a problem that ends before anybody was
 * told of it; of several changes of one problem, and of what is of no state (tr NULL), the last
 * only. False: there is no line of it.
 */
bool ra_hold_merge(struct ra_track *t, const struct ra_transition *tr, bool *ret_begins);
/* Drops what waits of the present problem. True: nobody was told of it. */
bool ra_hold_forget(struct ra_track *t);
/* When what waits may go; INT64_MAX: nothing waits. */
int64_t ra_hold_until(const struct ra_pace *p);
/* Lets it go. True: not all is told, and *out says how much it is: "flapping check=...". */
bool ra_hold_end(struct ra_track *t, enum ra_said what, int64_t now, struct ra_buf *out);

/* versions.c: keeps what was read of each instance, and tells what is new of its version */
void ra_versions_remember(struct ra_probe *p);
/* Since when that runs, as ra_mirror_question.settled has it. */
int64_t ra_versions_seen(const struct ra_part *part, const struct ra_git_question *q);
/* To a changed definition of the check. */
void ra_versions_move(struct ra_track *from, struct ra_track *to);
/* Takes what was kept over a restart as seen before, where its last result says so. */
void ra_versions_restore(struct ra_track *t);

/* view.c */
/* The generation is over: the next snapshot is a new one. */
void ra_view_changed(struct ra_engine *e);

#endif
