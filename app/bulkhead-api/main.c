/* bulkhead-api: the HTTP server as a process of its own, started by bulkhead. Its listening socket is descriptor 3,
 * the channel to the control core 4; nothing else is open. It gives away its rights before it reads a byte. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../../lib/confine/confine.h"
#include "../../lib/front/front.h"

enum { LISTENER = 3, CHANNEL = 4 };
/* Far above what connections may be open at once (api.h). */
#define FILES 1024

static int
fail(const char *what)
{
	fprintf(stderr, "bulkhead-api: %s: %s\n", what, strerror(errno));
	return 1;
}

static void
complain(const char *what, const struct bh_err *err)
{
	char text[1024];

	bh_err_format(err, text, sizeof(text));
	fprintf(stderr, "bulkhead-api: %s%s\n", what, text);
}

/* For good. Without root it is what its starter is. */
static int
become(const char *name)
{
	const struct passwd *p;

	if (geteuid() != 0)
		return 0;
	p = getpwnam(name);
	if (p == NULL || p->pw_uid == 0) {
		fprintf(stderr, "bulkhead-api: api.user: %s\n",
			p == NULL ? "there is no such user" : "root is no unprivileged user");
		return 1;
	}
	if (setgroups(0, NULL) != 0 || setresgid(p->pw_gid, p->pw_gid, p->pw_gid) != 0 ||
	    setresuid(p->pw_uid, p->pw_uid, p->pw_uid) != 0)
		return fail("cannot become the user of api.user");
	return 0;
}

int
main(int argc, char **argv)
{
	struct bh_front_web *web = NULL;
	struct bh_err err = {0};
	struct bh_confine_report confined;
	int rc = 0;

	if (argc != 3 && argc != 4) {
		fputs("usage: bulkhead-api USER sandbox|bare [WEB-FOLDER]\n\nStarted by bulkhead, "
		      "which listens "
		      "for it.\n",
		      stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	/* It ends when its channel does; a signal to the whole group is not for it. */
	signal(SIGINT, SIG_IGN);
	/* Its folder may be one that USER cannot read, and later nothing is opened. Without it there is the API alone. */
	if (argc == 4 && bh_front_web_load(&web, argv[3], &err) != 0)
		complain("no dashboard: ", &err);
	err = (struct bh_err){0};
	if (become(argv[1]) != 0)
		return 1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return fail("prctl");
	if (strcmp(argv[2], "bare") != 0)
		rc = bh_confine_front(FILES, &confined, &err);
	if (rc == 0)
		rc = bh_front_run(LISTENER, CHANNEL, web, &err);
	bh_front_web_free(web);
	if (rc != 0)
		complain("", &err);
	return rc == 0 ? 0 : 1;
}
