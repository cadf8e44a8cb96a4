/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source: where a check's bytes come from. One file each; see docs/extending.md.
 *
 * The engine starts a fetch for one instance of a check. The source answers exactly once through
 * `done`, from the loop and never from inside `start`, unless it is cancelled first: after
 * `cancel` returned it does not touch the fetch again. The deadline is the source's to keep; the
 * engine cancels a little after it as a second line. Sources do not log, retry or judge.
 */
#ifndef RELAUDIT_SOURCE_SOURCE_H
#define RELAUDIT_SOURCE_SOURCE_H

#include "relaudit/conf/config.h"
#include "relaudit/io/io.h"
#include "relaudit/model/data.h"

struct ra_fetch {
	/* set by the engine before start */
	struct ra_io *io;
	const void *options;		/* bound struct; alive until done or cancelled */
	unsigned shape;			/* the one shape wanted (enum ra_shape): BYTES, LINES (the
					   newest part of bytes, whole lines), or ITEMS
					   (input.listing) */
	const struct ra_selector *selectors;	/* what the kind and the check select */
	size_t selector_count;
	/*
	 * Of shape BYTES: the validator of what is known (a stamp, an ETag), for a source that can
	 * tell without reading: it ends with `unchanged`. "": nothing is known, but a validator is
	 * wanted; NULL: it is not. Borrowed as options are.
	 */
	const char *known;
	int64_t deadline;		/* monotonic ms */
	void (*done)(struct ra_fetch *fetch);
	void *arg;
	/* the answer, the engine's from `done` on */
	struct ra_input input;
	/* the source's own */
	void *state;
};

struct ra_source {
	struct ra_conf_type type;
	unsigned serves;		/* enum ra_shape set */
	/*
	 * A stable key of what is asked, for the per-host cap and the slow lane: "10.0.0.1:443".
	 * Borrowed from options; NULL: no host (local).
	 */
	const char *(*host)(const void *options);
	/* 0, or negative errno: then done is not called and the engine says so (no descriptors, no
	   memory). */
	int (*start)(struct ra_fetch *fetch);
	void (*cancel)(struct ra_fetch *fetch);
	/* Where it would look, for people; without secrets. NULL-safe on options only. */
	void (*where)(const void *options, struct ra_buf *out);
};

extern const struct ra_source *const ra_sources[];	/* generated, NULL-ended */

#endif
