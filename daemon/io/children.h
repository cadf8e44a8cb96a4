/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children of the helper: started, fed, read, ended and reaped, in the helper's one thread. The
 * caller polls the descriptors named by ra_children_poll and calls ra_children_turn.
 */
#ifndef RA_IO_CHILDREN_H
#define RA_IO_CHILDREN_H

#include <poll.h>

#include "relaudit/io/helper.h"

struct ra_children;

#define RA_CHILDREN_MAX	  256 /* at once */
#define RA_CHILDREN_FDS	  (3 * RA_CHILDREN_MAX + 1)

/*
 * answer is called once for each child that was started and not cancelled. Makes this process a
 * subreaper, so that nothing escapes by being orphaned. NULL: errno says why.
 */
struct ra_children *ra_children_new(
    void (*answer)(void *arg, uint64_t id, struct ra_child_answer *answer), void *arg);
/* Ends all that run, and what they left behind. */
void ra_children_free(struct ra_children *c);
/* What cannot be started is answered from inside this call. Copies what it needs. */
void ra_children_start(
    struct ra_children *c, uint64_t id, const struct ra_child_request *request);
void ra_children_cancel(struct ra_children *c, uint64_t id);
/* Fills fds (room for RA_CHILDREN_FDS); *ret_wait: ms until a deadline, -1: none. */
size_t ra_children_poll(struct ra_children *c, struct pollfd *fds, int *ret_wait);
void ra_children_turn(struct ra_children *c);

#endif
