/* SPDX-License-Identifier: Apache-2.0 */
/* What the targets share: a check that ends the run with what failed, and inputs taken apart. */
#ifndef RA_TESTS_FUZZ_H
#define RA_TESTS_FUZZ_H

#include <stdio.h>
#include <string.h>

#include "relaudit/base/macro.h"

#define FUZZ_CHECK(holds) \
	do { \
		if (!(holds)) { \
			fprintf(stderr, "%s:%d: %s: does not hold: %s\n", __FILE__, __LINE__, \
			    __func__, #holds); \
			abort(); \
		} \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An input is lines first, then whatever is left. */
struct fuzz_input {
	const char *at;
	size_t left;
};

/* The next line, cut at a NUL; owned. An input that is over gives empty lines. */
RA_UNUSED static char *
fuzz_line(struct fuzz_input *in)
{
	const char *end = in->left > 0 ? memchr(in->at, '\n', in->left) : NULL;
	size_t len = end != NULL ? (size_t)(end - in->at) : in->left;
	char *line = in->left > 0 ? strndup(in->at, len) : strdup("");

	FUZZ_CHECK(line != NULL);
	len += end != NULL ? 1 : 0;
	in->at += len;
	in->left -= len;
	return line;
}

/* What is left, in memory of exactly its size so that reading on is seen; owned. */
RA_UNUSED static char *
fuzz_rest(struct fuzz_input *in)
{
	char *rest = malloc(in->left > 0 ? in->left : 1);

	FUZZ_CHECK(rest != NULL);
	if (in->left > 0)
		memcpy(rest, in->at, in->left);
	return rest;
}

#endif
