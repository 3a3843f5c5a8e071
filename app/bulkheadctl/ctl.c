/* ctl: from main's arguments to a verb. */
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ctl.h"

static void
ctl_terminal(struct bh_ctl *ctl)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");
	struct winsize size;
	int fd = fileno(ctl->out);

	if (fd < 0 || !isatty(fd))
		return;
	if (ioctl(fd, TIOCGWINSZ, &size) == 0)
		ctl->width = size.ws_col;
	ctl->colour = term != NULL && strcmp(term, "dumb") != 0 && (no == NULL || no[0] == '\0');
}

/* The context that is named, else the current one. false: there is none of that name. */
static bool
ctl_context(struct bh_ctl *ctl, json_t *all)
{
	const struct bh_ctl_option *o = &ctl->a.context;
	const char *env = getenv("BULKHEAD_CONTEXT"), *name;

	name = o->n != 0                       ? o->value[o->n - 1]
	       : env != NULL && env[0] != '\0' ? env
					       : json_string_value(json_object_get(all, "current"));
	if (name == NULL)
		return true;
	ctl->context = json_object_get(json_object_get(all, "contexts"), name);
	if (ctl->context != NULL)
		return true;
	fprintf(ctl->err, "bulkheadctl: no context is named %s: `bulkheadctl config list`\n", name);
	return false;
}

/* --server, else --context, else BULKHEAD_SERVER, else the current context, else the default; without the slash at
 * its end. */
static char *
ctl_server(struct bh_ctl *ctl)
{
	const struct bh_ctl_option *o = &ctl->a.server;
	const char *env = getenv("BULKHEAD_SERVER"), *from = BH_CTL_DEFAULT_SERVER;
	const char *context = json_string_value(json_object_get(ctl->context, "server"));
	char *server;
	size_t n;

	ctl->server_from = "the default";
	if (o->n != 0) {
		from = o->value[o->n - 1];
		ctl->server_from = "--server";
	} else if (env != NULL && env[0] != '\0' && ctl->a.context.n == 0) {
		from = env;
		ctl->server_from = "BULKHEAD_SERVER";
	} else if (context != NULL) {
		from = context;
		ctl->server_from = "the context";
	}
	server = strdup(from);
	if (server == NULL)
		return NULL;
	for (n = strlen(server); n > 0 && server[n - 1] == '/'; n--)
		server[n - 1] = '\0';
	return server;
}

static int
ctl_run(struct bh_ctl *ctl)
{
	json_t *contexts;
	char *server;
	int rc;

	if (ctl->a.version.n != 0) {
		fprintf(ctl->out, "bulkheadctl %s\n", BH_VERSION);
		return BH_CTL_OK;
	}
	if (ctl->a.help.n != 0) {
		bh_ctl_help(ctl->out, ctl->a.verb);
		return BH_CTL_OK;
	}
	if (ctl->a.verb == NULL) {
		bh_ctl_help(ctl->err, NULL);
		return BH_CTL_USAGE;
	}
	contexts = bh_ctl_contexts();
	/* One that repairs contexts must not need a right one. */
	server = ctl->a.verb->fn == bh_ctl_config || ctl_context(ctl, contexts) ? ctl_server(ctl)
										: NULL;
	if (server == NULL) {
		json_decref(contexts);
		return BH_CTL_USAGE;
	}
	ctl->server = server;
	rc = bh_ctl_client_open(ctl);
	if (rc == 0)
		rc = ctl->a.verb->fn(ctl);
	bh_ctl_client_close(ctl);
	json_decref(contexts);
	free(server);
	return rc;
}

int
bh_ctl_main(int argc, char **argv, FILE *out, FILE *err)
{
	struct bh_ctl ctl = {.out = out, .err = err};
	int rc;

	ctl_terminal(&ctl);
	rc = bh_ctl_parse(&ctl.a, argc, argv, err);
	if (rc == 0)
		rc = ctl_run(&ctl);
	bh_ctl_args_free(&ctl.a);
	/* A full disk behind a redirection is an error too. */
	if (fflush(out) != 0 && rc == 0) {
		fprintf(err, "bulkheadctl: cannot write the output\n");
		rc = BH_CTL_USAGE;
	}
	return rc;
}
