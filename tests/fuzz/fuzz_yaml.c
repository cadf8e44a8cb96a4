/* SPDX-License-Identifier: Apache-2.0 */
/* Format yaml. One line is `select:` (empty: none), the rest is the document. */
#include "fuzz_keys.h"

extern const struct ra_format ra_format_yaml;

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	fuzz_keys_of_part(&ra_format_yaml, bytes, size);
	return 0;
}
