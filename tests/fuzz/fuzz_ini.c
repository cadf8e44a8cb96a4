/* SPDX-License-Identifier: Apache-2.0 */
/* Format ini: the input is the file. */
#include "fuzz_keys.h"

extern const struct ra_format ra_format_ini;

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = { (const char *)bytes, size };
	RA_FREE char *rest = fuzz_rest(&in);

	fuzz_keys(&ra_format_ini, NULL, rest, in.left);
	return 0;
}
