/* SPDX-License-Identifier: Apache-2.0 */
/* Format dotenv. One line is `dialect:` (another text: systemd), the rest is the file. */
#include "fuzz_keys.h"

extern const struct ra_format ra_format_dotenv;

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const char *const dialects[] = { "dialect: systemd", "dialect: systemd-253",
		"dialect: docker", "dialect: node" };
	struct fuzz_input in = { (const char *)bytes, size };
	RA_FREE char *dialect = fuzz_line(&in);
	RA_FREE char *rest = fuzz_rest(&in);
	size_t i = RA_ARRAY_SIZE(dialects) - 1;

	while (i > 0 && strcmp(dialects[i] + 9, dialect) != 0)
		i--;
	fuzz_keys(&ra_format_dotenv, dialects[i], rest, in.left);
	return 0;
}
