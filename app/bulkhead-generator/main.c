/* bulkhead-generator: traffic for the lab, by what carries Bulkhead's own. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "gen.h"

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE };
#define OPTIONS_MAX 96

volatile sig_atomic_t gen_stopped;

static void
on_signal(int sig)
{
	(void)sig;
	gen_stopped = 1;
}

static void
print_help(void)
{
	struct bh_buf b = {0};

	bh_buf_str(&b, "usage: bulkhead-generator --client DEVICE | --server DEVICE | both "
		       "[OPTION VALUE ...]\n\n"
		       "Traffic for measuring what is between two ports: probes that say when they "
		       "were sent (RFC 2544), and\n"
		       "connections that ask for objects and compare what they get (RFC 9411).\n"
		       "With both ports on this machine, frames go one way and are judged at the "
		       "server's. With --client alone they\n"
		       "come back to it: from a generator with --server on another machine, or by "
		       "whatever sends them back.\n\n");
	bh_buf_str(&b, "  --help                 print this\n"
		       "  --version              print the version\n");
	bh_gen_options_help(&b);
	bh_buf_str(
		&b,
		"\nCtrl-C ends the trial that runs; what was measured is reported. "
		"docs/generator.md "
		"is the guide.\n"
		"Exit: 0 measured, whatever came of it; 1 a port, memory or output failed; 2 the "
		"command line cannot be used.\n");
	fputs(b.failed ? "no memory\n" : b.data, stdout);
	bh_buf_free(&b);
}

static int
complain(const struct bh_err *err, int code)
{
	fprintf(stderr, "bulkhead-generator: %s\n", err->what);
	if (code == EXIT_USAGE)
		fprintf(stderr, "bulkhead-generator --help lists the options\n");
	return code;
}

/* -1 to go on, else the exit code. */
static int
read_options(int argc, char **argv, struct bh_gen_options *o)
{
	struct option longs[OPTIONS_MAX + 3] = {
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
	};
	struct bh_gen_option_info info;
	struct bh_err err = {0};
	unsigned i;
	int c, index = 0;

	for (i = 0; i < OPTIONS_MAX && (info = bh_gen_option_info(i)).name != NULL; i++)
		longs[i + 2] =
			(struct option){info.name, info.value ? required_argument : no_argument,
					NULL, 'o'};
	bh_gen_options_default(o);
	while ((c = getopt_long(argc, argv, "h", longs, &index)) != -1) {
		switch (c) {
		case 'h':
			print_help();
			return EXIT_DONE;
		case 'v':
			printf("bulkhead-generator %s\n", BH_VERSION);
			return EXIT_DONE;
		case 'o':
			if (bh_gen_options_set(o, longs[index].name, optarg, &err) < 0)
				return complain(&err, EXIT_USAGE);
			break;
		default:
			fprintf(stderr, "bulkhead-generator --help lists the options\n");
			return EXIT_USAGE;
		}
	}
	if (optind != argc) {
		bh_err_set(&err, 1, "unexpected argument '%s'", argv[optind]);
		return complain(&err, EXIT_USAGE);
	}
	return bh_gen_options_finish(o, &err) < 0 ? complain(&err, EXIT_USAGE) : -1;
}

static int
run(struct gen *g)
{
	struct bh_err err = {0};
	int rc, code = EXIT_DONE;

	g->table = strcmp(g->o.json, "-") == 0 ? stderr : stdout;
	g->trials = json_array();
	g->results = json_array();
	rc = gen_setup(g, &err);
	if (rc == 0)
		rc = !g->o.has[BH_GEN_CLIENT]        ? gen_run_server(g, &err)
		     : bh_gen_options_connect(&g->o) ? gen_run_connections(g, &err)
						     : gen_run_frames(g, &err);
	if (rc == 0)
		rc = gen_report_write(g, &err);
	if (rc < 0)
		code = complain(&err, EXIT_FAILED);
	gen_teardown(g);
	json_decref(g->trials);
	json_decref(g->results);
	return code;
}

int
main(int argc, char **argv)
{
	static struct gen g;
	int rc = read_options(argc, argv, &g.o);

	if (rc >= 0)
		return rc;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	signal(SIGPIPE, SIG_IGN);
	return run(&g);
}
