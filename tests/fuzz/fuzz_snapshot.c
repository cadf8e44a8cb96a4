/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kept snapshots read back. The input is all but the checksum, which is made to fit. What is taken
 * is a snapshot in order, with secrets as digests, and is written as it was read.
 */
#include "fuzz.h"

#include "relaudit/model/snapshot.h"

#define CHECKSUM 16

static void
check(const struct ra_snapshot *s, const char *bytes, size_t size)
{
	RA_BUF_LOCAL again = RA_BUF(0);
	struct ra_entry before = { 0 }, found;

	for (size_t i = 0; i < ra_snapshot_count(s); i++) {
		struct ra_entry e = ra_snapshot_at(s, i);

		FUZZ_CHECK(strlen(e.key) == e.key_len);
		FUZZ_CHECK(i == 0 || strcmp(before.key, e.key) < 0);
		FUZZ_CHECK(ra_snapshot_find(s, e.key, &found) && found.value == e.value);
		FUZZ_CHECK(e.value[e.value_len] == '\0' && e.compared[e.compared_len] == '\0');
		FUZZ_CHECK(!e.secret || memcmp(e.value, "k1:", 3) == 0);
		FUZZ_CHECK(strlen(e.origin) < size);
		before = e;
	}
	FUZZ_CHECK(ra_snapshot_write(s, &again) == 0);
	FUZZ_CHECK(again.len == size && memcmp(again.data, bytes, size) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	RA_FREE char *whole = malloc(size + CHECKSUM);
	uint8_t digest[RA_DIGEST_SIZE];
	struct ra_snapshot *s = NULL;

	FUZZ_CHECK(whole != NULL);
	if (size > 0)
		memcpy(whole, bytes, size);
	FUZZ_CHECK(ra_digest_of(whole, size, digest) == 0);
	memcpy(whole + size, digest, CHECKSUM);
	if (ra_snapshot_read(whole, size + CHECKSUM, &s) == 0)
		check(s, whole, size + CHECKSUM);
	ra_snapshot_unref(s);
	return 0;
}
