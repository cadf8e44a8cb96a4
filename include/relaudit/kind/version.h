/* SPDX-License-Identifier: Apache-2.0 */
/* Which of two versions of one service is the newer, by what is known of them already. */
#ifndef RELAUDIT_KIND_VERSION_H
#define RELAUDIT_KIND_VERSION_H

#include "relaudit/base/macro.h"

struct ra_version_place {
	const char *version;		/* NULL: not known */
	int64_t behind_releases;	/* in the repository of both; RA_UNSET: not known */
	const char *commit;		/* as reported; NULL: not known, or of no matter */
};

struct ra_version_order {
	bool known;
	int order;			/* <0: the first is older */
	/* Why not known; both false: for another reason. */
	bool other_commit;		/* of the same version, or from the same release on */
	bool dirty;			/* the first has what no commit has */
	bool releases_known;
	int64_t ahead_releases;		/* of the first; negative: it is behind */
};

/*
 * By semantic precedence, a leading v tolerated, else by how many releases are newer than each.
 * Without both the order is not known unless they are equal, and of one commit where both say one.
 * What git describe says (1.2.0-3-gabc1234) is newer than its release. What was built with changes
 * (-dirty) is not ordered against its own release, which in turn is older.
 */
void ra_version_compare(const struct ra_version_place *a, const struct ra_version_place *b,
    struct ra_version_order *ret);

#endif
