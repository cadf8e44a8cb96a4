/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records.db as something may leave it: the input is patches (two bytes of where, one of how many,
 * the bytes; how many 0: cut off there) to a good file, or, after "SQL\n", statements that change
 * its rows. Whatever is read from it was put once, under that key; what is not is said.
 */
#include <endian.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../daemon/engine/store_internal.h"
#include "relaudit/base/digest.h"

#include "fuzz.h"

#define KEYS	    5
#define GENERATIONS 3
#define FILE_MAX    ((size_t)256 << 10)

static struct ra_store store;
static char folder[64];
static uint8_t good[FILE_MAX];
static size_t good_len;

/* --- a store without threads --- */

static void
body_of(int key, int generation, char out[400])
{
	snprintf(out, 400, "{\"key\":%d,\"generation\":%d,\"pad\":\"%0*d\"}", key, generation,
	    40 * key + 1, generation);
}

static void
put(int key, int generation)
{
	char name[16], body[400];
	struct ra_store_key *k;
	struct ra_record *rec;

	snprintf(name, sizeof(name), "env/%d", key);
	body_of(key, generation, body);
	k = ra_store_find(&store, RA_RECORD_STATE, name);
	if (k == NULL) {
		k = ra_key_new(RA_RECORD_STATE, name);
		FUZZ_CHECK(ra_map_put(&store.maps[RA_RECORD_STATE], k->text, k, NULL) == 0);
	}
	rec = ra_record_new(k, body, strlen(body));
	rec->generation = ++store.generation;
	ra_record_unref(k->now);
	k->now = rec;
}

static void
forget_all(void)
{
	void *value;

	ra_records_close(&store);
	for (size_t i = 0; i < RA_RECORD_TYPES; i++) {
		for (size_t at = 0; ra_map_next(&store.maps[i], &at, NULL, &value);) {
			struct ra_store_key *k = value;

			ra_record_unref(RA_TAKE(k->now));
			ra_key_unref(k);
		}
		ra_map_free(&store.maps[i]);
		memset(&store.maps[i], 0, sizeof(store.maps[i]));
	}
	store.generation = 0;
	store.failing = store.rewrite = store.aside = false;
	store.aside_name[0] = '\0';
}

static void
write_records(const uint8_t *data, size_t len)
{
	int fd = openat(store.folder.fd, RA_RECORDS_FILE, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	FUZZ_CHECK(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	close(fd);
}

static size_t
read_records(uint8_t *out)
{
	int fd = openat(store.folder.fd, RA_RECORDS_FILE, O_RDONLY);
	ssize_t n = read(fd, out, FILE_MAX);

	FUZZ_CHECK(fd >= 0 && n > 0);
	close(fd);
	return (size_t)n;
}

static void
clean_up(void)
{
	static const char *const names[] = { RA_RECORDS_FILE, RA_RECORDS_FILE "-wal",
		RA_RECORDS_FILE "-journal", RA_RECORDS_NEW, RA_RECORDS_TMP, RA_RECORDS_LAST };

	for (size_t i = 0; i < RA_ARRAY_SIZE(names); i++)
		unlinkat(store.folder.fd, names[i], 0);
}

static void
remove_folder(void)
{
	clean_up();
	unlinkat(store.folder.fd, "lock", 0);
	rmdir(folder);
}

/* Two rows of each key, as the writer leaves them. */
static void
begin(void)
{
	RA_BUF_LOCAL notes = RA_BUF(65536);
	struct ra_records_view view;

	snprintf(folder, sizeof(folder), "/dev/shm/relaudit-fuzz-XXXXXX");
	FUZZ_CHECK(mkdtemp(folder) != NULL && chmod(folder, 0750) == 0);
	FUZZ_CHECK(ra_folder_open(&store.folder, folder, NULL) == 0);
	atexit(remove_folder);
	pthread_mutex_init(&store.lock, NULL);
	ra_queue_init(&store.puts);
	ra_queue_init(&store.flying);
	for (int g = 1; g <= GENERATIONS; g++) {
		for (int k = 0; k < KEYS; k++)
			put(k, g);
		FUZZ_CHECK(ra_store_view(&store, false, &view) == 0);
		FUZZ_CHECK((g == 1 ? ra_records_rewrite(&store, &view)
				   : ra_records_sync(&store, &view)) == 0);
		ra_store_view_free(&view);
	}
	forget_all();
	good_len = read_records(good);
	FUZZ_CHECK(ra_records_load(&store, &notes, NULL) == 0 && notes.len == 0);
	forget_all();
}

/* --- damage --- */

static size_t
patch(uint8_t *data, size_t len, const uint8_t *in, size_t left)
{
	while (left >= 3) {
		size_t at = (size_t)(in[0] << 8 | in[1]) % len, n = in[2];

		in += 3;
		left -= 3;
		if (n == 0)
			return at;
		n = n < left ? n : left;
		n = n < len - at ? n : len - at;
		memcpy(data + at, in, n);
		in += n;
		left -= n;
	}
	return len;
}

static void
change(const char *sql)
{
	sqlite3 *db = NULL;

	if (ra_disk_open(&store.folder, RA_RECORDS_FILE, SQLITE_OPEN_READWRITE, &db) == 0) {
		sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 100000);
		sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
		sqlite3_limit(db, SQLITE_LIMIT_VDBE_OP, 5000);
		(void)sqlite3_exec(db, sql, NULL, NULL, NULL);
	}
	sqlite3_close(db);
}

/* --- what is believed --- */

static void
check_record(const struct ra_store_key *k)
{
	char name[16], body[400];
	bool put_once = false;

	for (int key = 0; key < KEYS; key++) {
		snprintf(name, sizeof(name), "env/%d", key);
		for (int g = 1; strcmp(name, k->text) == 0 && g <= GENERATIONS; g++) {
			body_of(key, g, body);
			put_once = put_once || strcmp(body, k->now->body) == 0;
		}
	}
	FUZZ_CHECK(put_once);
}

static void
check_all(int r, bool sql, const struct ra_buf *notes, const struct ra_error *err)
{
	size_t all = 0, latest = 0;
	void *value;

	FUZZ_CHECK((r < 0) == (err->text[0] != '\0'));
	FUZZ_CHECK(r == 0 || r == -EPROTONOSUPPORT);
	for (size_t at = 0; ra_map_next(&store.maps[RA_RECORD_STATE], &at, NULL, &value); all++) {
		const struct ra_store_key *k = value;

		check_record(k);
		latest += k->now->generation > (GENERATIONS - 1) * KEYS;
	}
	if (r == 0 && notes->len == 0 && !sql) /* statements can make another whole file */
		FUZZ_CHECK(all == KEYS && latest == KEYS);
	else if (r == 0 && !sql)
		FUZZ_CHECK(strstr(ra_buf_text(notes), RA_RECORDS_FILE) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static uint8_t data[FILE_MAX];
	RA_BUF_LOCAL notes = RA_BUF(65536);
	struct ra_error err = { 0 };
	bool sql = size > 4 && memcmp(bytes, "SQL\n", 4) == 0;
	size_t len = good_len;
	int r;

	if (good_len == 0)
		begin();
	clean_up();
	len = good_len;
	memcpy(data, good, len);
	if (!sql)
		len = patch(data, len, bytes, size);
	write_records(data, len);
	if (sql) {
		RA_FREE char *text = strndup((const char *)bytes + 4, size - 4);

		change(text);
	}
	r = ra_records_load(&store, &notes, &err);
	check_all(r, sql, &notes, &err);
	forget_all();
	if (notes.len > 0) { /* what was set aside */
		const char *name = strstr(ra_buf_text(&notes), RA_RECORDS_FILE ".damaged-");
		char path[80];

		if (name != NULL) {
			snprintf(path, sizeof(path), "%.*s", (int)strcspn(name, " \n"), name);
			unlinkat(store.folder.fd, path, 0);
		}
	}
	return 0;
}
