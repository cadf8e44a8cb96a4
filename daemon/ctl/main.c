/* SPDX-License-Identifier: Apache-2.0 */
/* relauditctl. Everything is in the library, where tests reach it. */
#include <locale.h>
#include <signal.h>

#include "client.h"

int
main(int argc, char **argv)
{
	(void)setlocale(LC_CTYPE, "");
	(void)signal(SIGPIPE, SIG_IGN);
	ra_ctl_cleanup_install();
	return ra_ctl_main(argc, argv, stdout, stderr);
}
