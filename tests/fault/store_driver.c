/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays the store's life in children of its own, which die, fail or lose their power, and looks
 * whether what was acknowledged is there afterwards. What goes wrong is said and ends it.
 *
 * store_driver kill ROUNDS SEED: kill -9 at random moments, of recoveries too
 * store_driver each kill EACH STEP: at each EACH-th call that changes the folder; STEP not 0: then
 *     at each STEP-th of the recovery as well
 * store_driver each error ERRNO|short|sync fresh|used STEP: each STEP-th of them, or of the syncs,
 *     fails; used: in a folder that was in use before
 * store_driver power STATES SEED: power lost, also while recovering from that
 * store_driver damage flip|cut STEP last|old|alone: records.db at each STEP-th place
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "../unit/store_rig.h"
#include "store_driver.h"

#define PUTS	 12
#define WINDOW	 3
#define PER_LIFE 8 /* states that are looked at */

struct tape *tape;

/* --- bodies that tell whether they are whole --- */

static size_t
make_body(unsigned n, char body[BODY_MAX])
{
	size_t head = (size_t)snprintf(body, BODY_MAX, "%u ", n), len = head + (n * 37) % 900;

	memset(body + head, 'a' + (int)(n % 26), len - head);
	body[len] = '\0';
	return len;
}

unsigned
number_of(const char *body)
{
	char right[BODY_MAX];
	unsigned n;

	if (body == NULL)
		return 0;
	n = (unsigned)strtoul(body, NULL, 10);
	make_body(n, right);
	return strcmp(body, right) == 0 ? n : UINT32_MAX;
}

const char *
key_name(int k)
{
	static const char *const names[SHIM_KEYS] = { "shop/version", "shop/backup", "a/b", "z/é" };

	return names[k];
}

/* --- a life --- */

struct life {
	struct rig rig;
	int in_flight;
	bool failed;
};

struct ticket {
	struct life *life;
	int key;
	unsigned number;
};

void
wrong(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(tape->wrong, sizeof(tape->wrong), format, ap);
	va_end(ap);
	fprintf(stderr, "%s\n", tape->wrong);
	_exit(4);
}

static void
on_kept(void *arg, int error)
{
	struct ticket *t = arg;

	t->life->in_flight--;
	if (error == 0) {
		tape->acked[t->key] = t->number;
		shim_note(SHIM_ACK, t->key, t->number);
		tape->acks++;
	} else {
		t->life->failed = true;
		tape->refusals++;
	}
	free(t);
}

static void
put(struct life *l, int key)
{
	struct ticket *t = malloc(sizeof(*t));
	char body[BODY_MAX];
	size_t len;

	*t = (struct ticket){ l, key, ++tape->number };
	len = make_body(t->number, body);
	tape->tried[key] = t->number;
	shim_note(SHIM_PUT, key, t->number);
	l->in_flight++;
	if (ra_store_put(l->rig.store, RA_RECORD_STATE, key_name(key), body, len, on_kept, t) < 0)
		wrong("a put is not taken");
}

static void
settle(struct life *l)
{
	while (l->in_flight > 0)
		ra_loop_turn(l->rig.loop);
}

/* After a failure memory is ahead; one put after the other, until one is kept and so all are. */
static void
mend(struct life *l)
{
	struct ra_store_stats stats;

	for (int i = 0; i < 1000000; i++) {
		ra_store_stats(l->rig.store, &stats);
		if (stats.unsaved == 0)
			break;
		ra_store_retry(l->rig.store);
		sched_yield();
	}
	if (stats.unsaved != 0)
		wrong("still not saved: %s", stats.error);
	/* All that was put is on disk now, whatever was said of it before. */
	for (int k = 0; k < SHIM_KEYS; k++) {
		tape->acked[k] = tape->tried[k];
		shim_note(SHIM_ACK, k, tape->tried[k]);
	}
}

static void
add_history(struct life *l)
{
	struct ra_history_event event = { .at = 1, .what = "state", .check = "a/b", .body = "{}" };

	ra_store_event(l->rig.store, &event);
	ra_store_latest(l->rig.store, "a/b", "{}", 2);
}

static void
on_history(void *arg, int error, const struct ra_history_event *events, size_t count)
{
	struct life *l = arg;

	l->in_flight--;
}

/* It may fail, but it is answered. */
static void
ask_history(struct life *l)
{
	struct ra_history_query query = { .limit = 10 };

	l->in_flight++;
	if (ra_store_history(l->rig.store, &query, on_history, l) < 0)
		wrong("a question is not taken");
}

/* What is there must be the last acknowledged or one put after it, and whole. */
static void
compare(const struct rig *rig, unsigned tried[SHIM_KEYS], unsigned acked[SHIM_KEYS])
{
	for (int k = 0; k < SHIM_KEYS; k++) {
		const char *body = ra_store_get(rig->store, RA_RECORD_STATE, key_name(k));
		unsigned n = number_of(body);

		if (n == UINT32_MAX)
			wrong("%s: a body that was never put: %.40s", key_name(k), body);
		if (n < acked[k] || n > tried[k])
			wrong("%s: acknowledged %u, put %u, found %u; notes: %.500s", key_name(k),
			    acked[k], tried[k], n, rig_notes(rig));
		acked[k] = tried[k] = n; /* believed: it must not go back behind that */
		shim_note(SHIM_PUT, k, n);
		shim_note(SHIM_ACK, k, n);
	}
}

static bool
acknowledged(void)
{
	unsigned most = 0;

	for (int k = 0; k < SHIM_KEYS; k++)
		most = tape->acked[k] > most ? tape->acked[k] : most;
	return most > 0;
}

static void
open_again(struct life *l)
{
	int r = rig_open(&l->rig);

	if (r < 0 && shim->faults > 0)
		_exit(RA_REFUSED); /* a clean refusal: nothing can be written at all */
	if (r < 0)
		wrong("does not open: %s", l->rig.err.text);
	tape->opened++;
	/* A first start that was cut short may leave rubbish; nothing else may. */
	if (strstr(rig_notes(&l->rig), "records.db") != NULL && acknowledged())
		wrong("notes: %.500s", rig_notes(&l->rig));
	compare(&l->rig, tape->tried, tape->acked);
}

void
live(const char *folder, int puts, bool close)
{
	struct life *l = calloc(1, sizeof(*l));

	snprintf(l->rig.folder, sizeof(l->rig.folder), "%s", folder);
	CHECK(ra_loop_new(&l->rig.loop, NULL) == 0);
	open_again(l);
	for (int i = 0; i < puts; i++) {
		put(l, i % SHIM_KEYS);
		while (l->in_flight >= WINDOW)
			ra_loop_turn(l->rig.loop);
		if (i == puts / 2)
			add_history(l);
	}
	ask_history(l);
	settle(l);
	if (l->failed)
		mend(l);
	if (close) {
		rig_close(&l->rig);
		tape->closed++;
	}
	_exit(0);
}

/* --- children --- */

/* Returns its status. */
int
child(const char *folder, int puts, bool close)
{
	pid_t pid;
	int status;

	shim_revive();
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		live(folder, puts, close);
	CHECK(waitpid(pid, &status, 0) == pid);
	return status;
}

static bool
killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

void
must(int status, const char *what)
{
	if (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == RA_REFUSED))
		return;
	if (killed(status))
		return;
	printf("%s: status %d: %s\n", what, status, tape->wrong);
	exit(1);
}

void
fresh(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	snprintf(rig->folder, sizeof(rig->folder), "%s/relaudit-fault-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	CHECK(mkdtemp(rig->folder) != NULL);
	CHECK(chmod(rig->folder, 0750) == 0);
	memset(tape, 0, sizeof(*tape));
	shim_reset(rig->folder);
}

static void
nap(unsigned us)
{
	struct timespec ts = { .tv_nsec = (long)us * 1000 };

	nanosleep(&ts, NULL);
}

static int
run_kill(unsigned rounds, uint64_t seed)
{
	static const unsigned longest[8] = { 60000, 1000, 12000, 12000, 12000, 1000, 12000, 12000 };
	struct rig rig;
	unsigned kills = 0, early = 0; /* early: before it was open */
	int status;

	states_seed(seed);
	fresh(&rig);
	for (unsigned i = 0; i < rounds; i++) {
		bool close = states_random() % 3 == 0;
		int puts = close ? (int)(states_random() % 20) : 100000;
		unsigned opened = tape->opened;
		pid_t pid;

		shim_revive();
		pid = fork();
		CHECK(pid >= 0);
		if (pid == 0)
			live(rig.folder, puts, close);
		nap(states_random() % longest[i % 8]);
		kill(pid, SIGKILL);
		CHECK(waitpid(pid, &status, 0) == pid);
		kills += killed(status);
		early += killed(status) && tape->opened == opened;
		must(status, "kill");
	}
	must(child(rig.folder, 1, true), "the last start");
	printf("rounds %u kills %u early %u acknowledged %u\n", rounds, kills, early, tape->acks);
	remove_folder(rig.folder);
	return 0;
}

/* --- each call --- */

/* Dies at call n of a life, then at each step-th of the recovery, then must be whole. */
static bool
kill_at(unsigned n, unsigned step, unsigned *cases)
{
	struct rig rig;
	bool dead;

	for (unsigned m = 0;; m += step) {
		int status;

		fresh(&rig);
		shim->kill_at = n;
		status = child(rig.folder, PUTS, true);
		must(status, "kill at a call");
		dead = killed(status);
		shim->ops = 0;
		shim->kill_at = m;
		status = m != 0 ? child(rig.folder, 2, true) : 0;
		must(status, "kill at a call of the recovery");
		shim->kill_at = 0;
		must(child(rig.folder, 2, true), "after the kill");
		++*cases;
		remove_folder(rig.folder);
		if (!dead || step == 0 || (m != 0 && !killed(status)))
			return dead;
	}
}

static void
run_each_kill(unsigned each, unsigned step)
{
	unsigned n = 1, cases = 0;

	while (kill_at(n, step, &cases))
		n += each;
	printf("calls %u cases %u\n", n - 1, cases);
}

/* One that fails, or all from there on until the fault is gone. */
static void
run_each_fault(enum shim_fault fault, int error, bool sync, bool used, unsigned step)
{
	struct rig rig;
	unsigned cases = 0, refused = 0, refusals = 0, n, injected;

	n = 1;
	do {
		int status;

		fresh(&rig);
		if (used)
			must(child(rig.folder, PUTS, n % 4 < 2), "a life before it");
		shim->ops = 0;
		shim->fault = fault;
		shim->fault_errno = error;
		shim->fault_only_sync = sync;
		shim->fault_at = n;
		shim->fault_count = n % 3 == 0 ? 7 : 1;
		status = child(rig.folder, PUTS, n % 2 == 0);
		must(status, "a call that fails");
		injected = shim->faults;
		refused += WIFEXITED(status) && WEXITSTATUS(status) == RA_REFUSED;
		refusals += tape->refusals;
		shim->fault_at = 0;
		shim->faults = 0;
		must(child(rig.folder, 2, true), "after the failure");
		cases++;
		n += step;
		remove_folder(rig.folder);
	} while (injected > 0);
	printf("calls %u cases %u refused-start %u refused-puts %u\n", n - 1 - step, cases, refused,
	    refusals);
}

static int
run_each(int argc, char *argv[])
{
	unsigned step = (unsigned)strtoul(argv[argc - 1], NULL, 10);
	bool used = strcmp(argv[argc - 2], "used") == 0;

	if (strcmp(argv[2], "kill") == 0)
		run_each_kill((unsigned)strtoul(argv[3], NULL, 10), step);
	else if (strcmp(argv[2], "short") == 0)
		run_each_fault(SHIM_SHORT, 0, false, used, step);
	else if (strcmp(argv[2], "sync") == 0)
		run_each_fault(SHIM_ERROR, EIO, true, used, step);
	else
		run_each_fault(SHIM_ERROR, (int)strtol(argv[3], NULL, 10), false, used, step);
	return 0;
}

/* --- power --- */

/* A life that is recorded; on a half of them something fails, at which files are made anew. */
static void
record(const char *folder, unsigned fault_at)
{
	tape->wrong[0] = '\0';
	shim->record = true;
	shim->ops = 0;
	shim->fault = SHIM_ERROR;
	shim->fault_errno = EIO;
	shim->fault_at = fault_at;
	shim->fault_count = 1;
	must(child(folder, PUTS, states_random() % 2 == 0), "a life that is recorded");
	shim->record = false;
	shim->fault_at = shim->faults = 0;
}

static void
add_files(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	char path[512];
	size_t len;

	CHECK(d != NULL);
	while ((e = readdir(d)) != NULL) {
		char *data;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		shim->record = false; /* reading it is no part of its life */
		data = file_read(path, &len);
		shim->record = true;
		shim_add_file(e->d_name, data, len);
		free(data);
	}
	closedir(d);
}

/* The states of one recording are looked at; the last one is where the next goes on from. */
static void
look_at_states(struct rig *state, size_t base, unsigned count)
{
	size_t entries = shim->entries;
	static struct tape was;

	was = *tape;
	for (unsigned i = 0; i < count; i++) {
		size_t at = base + states_random() % (entries - base + 1);

		*tape = was;
		memset(tape->tried, 0, sizeof(tape->tried));
		memset(tape->acked, 0, sizeof(tape->acked));
		states_told(at, tape->tried, tape->acked);
		remove_folder(state->folder);
		CHECK(mkdir(state->folder, 0750) == 0);
		states_write(at, states_random() % 4 != 0, state->folder);
		memcpy(was.tried, tape->tried, sizeof(was.tried));
		memcpy(was.acked, tape->acked, sizeof(was.acked));
		if (i + 1 < count)
			must(child(state->folder, 1, states_random() % 2 == 0),
			    "after the power went");
	}
}

/* The state in which the power left it is where another life begins, with all of it safe. */
static void
go_on_from(struct rig *rig, const struct rig *state, unsigned number)
{
	struct tape was = *tape;

	remove_folder(rig->folder);
	fresh(rig);
	CHECK(rmdir(rig->folder) == 0 && rename(state->folder, rig->folder) == 0);
	CHECK(mkdir(state->folder, 0750) == 0);
	shim->record = true;
	add_files(rig->folder);
	tape->number = number;
	for (int k = 0; k < SHIM_KEYS; k++) {
		tape->tried[k] = was.tried[k];
		tape->acked[k] = was.acked[k];
		shim_note(SHIM_PUT, k, was.tried[k]);
		shim_note(SHIM_ACK, k, was.acked[k]);
	}
}

static int
run_power(unsigned states, uint64_t seed)
{
	unsigned done = 0, deep = 0;
	struct rig rig, state;

	states_seed(seed);
	fresh(&state);
	while (done < states) {
		unsigned levels = 1 + states_random() % 3;

		fresh(&rig);
		for (unsigned i = 0; i < levels; i++) {
			size_t base = shim->entries;

			record(rig.folder, states_random() % 2 == 0 ? states_random() % 90 : 0);
			look_at_states(&state, base, PER_LIFE);
			done += PER_LIFE;
			deep += i > 0 ? PER_LIFE : 0;
			go_on_from(&rig, &state, 1000000 * (i + 1));
		}
		remove_folder(rig.folder);
	}
	remove_folder(state.folder);
	printf("states %u of-recoveries %u\n", done, deep);
	return 0;
}

int
main(int argc, char *argv[])
{
	const char *what = argc > 2 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	tape = mmap(NULL, sizeof(*tape), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(tape != MAP_FAILED);
	shim_new();
	if (strcmp(what, "kill") == 0 && argc == 4)
		return run_kill((unsigned)strtoul(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
	if (strcmp(what, "each") == 0 && argc >= 4)
		return run_each(argc, argv);
	if (strcmp(what, "power") == 0 && argc == 4)
		return run_power((unsigned)strtoul(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
	if (strcmp(what, "damage") == 0 && argc == 5)
		return run_damage(argv[2], (unsigned)strtoul(argv[3], NULL, 10), argv[4]);
	fprintf(stderr, "store_driver kill|each|power|damage ...\n");
	return 2;
}
