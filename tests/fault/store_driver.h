/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAUDIT_TESTS_STORE_DRIVER_H
#define RELAUDIT_TESTS_STORE_DRIVER_H

#include "store_shim.h"

#define BODY_MAX   1024
#define RA_REFUSED 7 /* a child's: the store did not open, and said why */

struct rig;

/* What the driver and its children tell each other. Numbers rise; 0: none. */
struct tape {
	unsigned number;
	unsigned tried[SHIM_KEYS], acked[SHIM_KEYS];
	unsigned opened, acks, refusals, closed;
	unsigned place;
	char wrong[800];
};
extern struct tape *tape;

/* Ends this process; the driver says it. */
void wrong(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
const char *key_name(int k);
/* Of a body; 0: there is none, UINT32_MAX: none that was ever put. */
unsigned number_of(const char *body);
/* Opens, compares, puts, maybe closes; ends this process. */
void live(const char *folder, int puts, bool close) __attribute__((noreturn));
int child(const char *folder, int puts, bool close);
/* Anything but a good end, a kill or a clean refusal ends the driver. */
void must(int status, const char *what);
/* A new folder, tape and shim. */
void fresh(struct rig *rig);

/* --- store_damage.c --- */

/* Returns an exit code. */
int run_damage(const char *how, unsigned step, const char *copy);

#endif
