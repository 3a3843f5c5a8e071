#include <locale.h>

#include "ctl.h"

int
main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "");
	return bh_ctl_main(argc, argv, stdout, stderr);
}
