/* SPDX-License-Identifier: Apache-2.0 */
/* records.db with a bit flipped or its end cut off, at every place. */
#include <errno.h>
#include <sys/wait.h>

#include "../unit/store_rig.h"
#include "store_driver.h"

struct base {
	struct rig rig;
	char *records, *last, *damaged;
	size_t len, last_len, damaged_len;
	bool with_last;
	unsigned now[SHIM_KEYS];
	unsigned said, silent, back, gone;
};

static void
read_state(const char *name, const struct rig *rig, char **ret, size_t *ret_len)
{
	*ret = file_read(rig_path(rig, name), ret_len);
}

/* Two generations of each key in the file; the copy is of the first of them, or of both. */
static void
make_base(struct base *b, const char *copy)
{
	fresh(&b->rig);
	must(child(b->rig.folder, 2 * SHIM_KEYS, true), "first generations");
	read_state(RA_RECORDS_LAST, &b->rig, &b->last, &b->last_len);
	must(child(b->rig.folder, SHIM_KEYS, true), "second generations");
	if (strcmp(copy, "last") == 0) {
		free(b->last);
		read_state(RA_RECORDS_LAST, &b->rig, &b->last, &b->last_len);
	}
	b->with_last = strcmp(copy, "alone") != 0;
	read_state(RA_RECORDS_FILE, &b->rig, &b->records, &b->len);
	memcpy(b->now, tape->tried, sizeof(b->now));
	shim->folder[0] = '\0'; /* it has nothing to see any more */
	b->damaged = malloc(b->len);
	CHECK(b->damaged != NULL);
	CHECK(ra_loop_new(&b->rig.loop, NULL) == 0);
}

static void
prepare(struct base *b)
{
	DIR *d = opendir(b->rig.folder);
	struct dirent *e;

	CHECK(d != NULL);
	while ((e = readdir(d)) != NULL)
		if (strncmp(e->d_name, "records", 7) == 0)
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	file_write(rig_path(&b->rig, RA_RECORDS_FILE), b->damaged, b->damaged_len);
	if (b->with_last)
		file_write(rig_path(&b->rig, RA_RECORDS_LAST), b->last, b->last_len);
}

static bool
same_file(const char *path, const char *data, size_t len)
{
	size_t n;
	char *text = file_read(path, &n);
	bool same = n == len && memcmp(text, data, len) == 0;

	free(text);
	return same;
}

/* The evidence is there, whole, and named. */
static void
check_aside(const struct base *b)
{
	const char *at = strstr(rig_notes(&b->rig), "records.db.damaged-");
	char name[80];

	if (at == NULL)
		wrong("place %u: what was set aside is not named: %.500s", tape->place,
		    rig_notes(&b->rig));
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, " \n"), at);
	if (!same_file(rig_path(&b->rig, name), b->damaged, b->damaged_len))
		wrong("place %u: %s is not what was damaged", tape->place, name);
}

/* Each key's latest, or an older one that was true once and is said to be. */
static void
check_keys(struct base *b, bool all_now)
{
	for (int k = 0; k < SHIM_KEYS; k++) {
		const char *body = ra_store_get(b->rig.store, RA_RECORD_STATE, key_name(k));
		unsigned n = number_of(body);
		bool ever = n <= b->now[k] && (n == 0 || n % SHIM_KEYS == b->now[k] % SHIM_KEYS);

		if (!ever || (all_now && n != b->now[k]))
			wrong("place %u: %s is %u and was %u; %.500s", tape->place, key_name(k), n,
			    b->now[k], rig_notes(&b->rig));
		b->back += n != 0 && n != b->now[k];
		b->gone += n == 0;
	}
}

static void
try_one(struct base *b)
{
	int r;

	prepare(b);
	r = rig_open(&b->rig);
	if (r < 0)
		wrong("place %u: does not open: %s", tape->place, b->rig.err.text);
	if (rig_notes(&b->rig)[0] != '\0')
		check_aside(b);
	else if (b->damaged_len < b->len)
		wrong("place %u: cut short and nothing said", tape->place);
	check_keys(b, rig_notes(&b->rig)[0] == '\0' || (b->with_last && b->last_len == 0));
	b->said += rig_notes(&b->rig)[0] != '\0';
	b->silent += rig_notes(&b->rig)[0] == '\0';
	rig_close(&b->rig);
}

int
run_damage(const char *how, unsigned step, const char *copy)
{
	bool flip = strcmp(how, "flip") == 0;
	struct base b = { 0 };
	unsigned cases = 0;
	size_t places;

	make_base(&b, copy);
	places = flip ? b.len * 8 : b.len;
	for (size_t i = 0; i < places; i += step) {
		tape->place = (unsigned)i;
		memcpy(b.damaged, b.records, b.len);
		b.damaged_len = flip ? b.len : i;
		if (flip)
			b.damaged[i / 8] = (char)(b.damaged[i / 8] ^ (1 << i % 8));
		try_one(&b);
		cases++;
	}
	printf("places %zu cases %u said %u harmless %u older %u gone %u\n", places, cases, b.said,
	    b.silent, b.back, b.gone);
	rig_end(&b.rig);
	free(b.records);
	free(b.last);
	free(b.damaged);
	return 0;
}
