/* bulkhead-replay: the gateway over a capture, without root, devices or hugepages. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "replay.h"

static const char usage[] =
	"usage: bulkhead-replay -c CONFIG -r IN.pcap[ng] [-w FORWARDED] [-e EVE.json] [--stats "
	"FILE]\n"
	"                       [--inside CIDR,...] [--evidence DIR] [--draft POLICY [--changes "
	"FILE]\n"
	"                       [--whatif FILE]] [--conversations FILE]\n"
	"\n"
	"Runs a capture through the gateway's pipeline, in capture time: what would have passed, "
	"what "
	"not,\n"
	"and why. CONFIG is the daemon's; its policy decides. Without one: config/discover.yaml.\n"
	"\n"
	"  -c, --config FILE    configuration; ports, cores, API and events.file in it are not "
	"used\n"
	"  -r, --read FILE      capture, pcap or pcapng; '-': standard input\n"
	"  -w, --write FILE     forwarded packets, with their times; pcap, or pcapng if the link "
	"types "
	"differ\n"
	"  -e, --events FILE    event records, one JSON object a line; replaced if it exists\n"
	"      --evidence DIR   a pcapng for each alert, as evidence.* in CONFIG say; old files in "
	"DIR make way\n"
	"      --stats FILE     counters as one JSON object\n"
	"      --inside LIST    addresses and prefixes behind the gateway: their packets come in "
	"inside.\n"
	"                       Without it, who opens a conversation is outside\n"
	"      --draft POLICY   a second run under this policy: which connections it judges "
	"otherwise,\n"
	"                       from what to what, by which rule. The other outputs are of the "
	"first run\n"
	"      --changes FILE   these connections, one JSON object a line\n"
	"      --conversations FILE   database of the conversations of the first run, as the "
	"daemon records\n"
	"                       them; added to if it exists\n"
	"      --whatif FILE    with --draft: what these conversations alone say it would change, "
	"pair of\n"
	"                       addresses by pair, one JSON object a line\n"
	"      --version        print the version\n"
	"      --help           print this\n"
	"\n"
	"'-' as output is standard output; the table then goes to standard error.\n"
	"Exit: 0 done (also when the capture breaks off: a warning says where), 1 an output could "
	"not "
	"be\n"
	"written or memory ran out, 2 command line, configuration, policy or capture cannot be "
	"used,\n"
	"3 packets != forwarded + dropped: a bug, please report it, 4 the draft judges a "
	"connection "
	"otherwise.\n";

static int
complain(const char *text)
{
	fprintf(stderr, "bulkhead-replay: %s\n%s", text, usage);
	return REPLAY_INPUT;
}

/* Comma-separated prefixes. 0, or the exit code. */
static int
read_inside(struct replay_options *o, char *list)
{
	char *save = NULL, *word;

	for (word = strtok_r(list, ",", &save); word != NULL; word = strtok_r(NULL, ",", &save)) {
		struct bh_err err = {0};

		if (o->n_inside == REPLAY_MAX_INSIDE)
			return complain("--inside: more than 64 prefixes");
		if (bh_prefix_parse(word, &o->inside[o->n_inside], &err) != 0) {
			fprintf(stderr, "bulkhead-replay: --inside: %s\n", err.what);
			return REPLAY_INPUT;
		}
		o->n_inside++;
	}
	return 0;
}

/* Returns -1 to go on, else the exit code. */
static int
read_options(int argc, char **argv, struct replay_options *o)
{
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'},
		{"read", required_argument, NULL, 'r'},
		{"write", required_argument, NULL, 'w'},
		{"events", required_argument, NULL, 'e'},
		{"stats", required_argument, NULL, 's'},
		{"evidence", required_argument, NULL, 'E'},
		{"inside", required_argument, NULL, 'i'},
		{"draft", required_argument, NULL, 'd'},
		{"changes", required_argument, NULL, 'C'},
		{"conversations", required_argument, NULL, 'l'},
		{"whatif", required_argument, NULL, 'W'},
		{"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c, rc;

	while ((c = getopt_long(argc, argv, "c:r:w:e:h", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'r':
			o->in = optarg;
			break;
		case 'w':
			o->forwarded = optarg;
			break;
		case 'e':
			o->events = optarg;
			break;
		case 's':
			o->stats = optarg;
			break;
		case 'E':
			o->evidence = optarg;
			break;
		case 'd':
			o->draft = optarg;
			break;
		case 'C':
			o->changes = optarg;
			break;
		case 'l':
			o->conversations = optarg;
			break;
		case 'W':
			o->whatif = optarg;
			break;
		case 'i':
			rc = read_inside(o, optarg);
			if (rc != 0)
				return rc;
			break;
		case 'v':
			printf("bulkhead-replay %s\n", BH_VERSION);
			return REPLAY_OK;
		case 'h':
			fputs(usage, stdout);
			return REPLAY_OK;
		default:
			return complain("see the usage");
		}
	}
	if (optind != argc)
		return complain("unexpected argument");
	if (o->config == NULL)
		return complain("no configuration: give -c FILE (config/discover.yaml records "
				"everything)");
	if (o->in == NULL)
		return complain("no capture: give -r FILE");
	if (o->draft == NULL && o->changes != NULL)
		return complain("--changes goes with --draft");
	if (o->draft == NULL && o->whatif != NULL)
		return complain("--whatif goes with --draft");
	if (o->draft != NULL && strcmp(o->in, "-") == 0)
		return complain("--draft runs the capture twice: give a file, not standard input");
	return -1;
}

static bool
is_standard(const char *path)
{
	return path != NULL && strcmp(path, "-") == 0;
}

static int
fail(const struct bh_err *err, int code)
{
	char text[1024];

	bh_err_format(err, text, sizeof(text));
	fprintf(stderr, "bulkhead-replay: %s\n", text);
	return code;
}

/* What is printed for a person. */
static FILE *
table(const struct replay *r)
{
	return is_standard(r->o.forwarded) || is_standard(r->o.events) || is_standard(r->o.stats) ||
			       is_standard(r->o.changes) || is_standard(r->o.whatif)
		       ? stderr
		       : stdout;
}

static bool
sum_holds(const struct replay *r, const struct bh_counters *c)
{
	if (replay_sum_holds(r, c))
		return true;
	fprintf(stderr,
		"bulkhead-replay: the sum does not hold: %llu packets, %llu forwarded (the "
		"gateway says %llu), %llu dropped, %llu held\n",
		(unsigned long long)r->packets, (unsigned long long)r->forwarded,
		(unsigned long long)c->forwarded, (unsigned long long)bh_counters_dropped(c),
		(unsigned long long)c->held);
	return false;
}

static int
run(struct replay *r)
{
	struct bh_err err = {0};
	struct bh_counters c;
	size_t changed = 0;
	int rc = replay_start(r, &err);

	if (rc != 0)
		return fail(&err, r->usable ? REPLAY_FAILED : REPLAY_INPUT);
	replay_feed(r);
	rc = replay_finish(r, &err);
	replay_totals(r, &c);
	replay_print(table(r), r, &c);
	if (r->o.stats != NULL && replay_write_stats(r, &c, &err) != 0)
		rc = -1;
	if (!sum_holds(r, &c))
		return REPLAY_SUM;
	if (rc == 0)
		rc = replay_recorded_finish(r, table(r), &err);
	if (rc == 0 && r->draft != NULL) {
		rc = replay_draft_run(r, table(r), &changed, &err);
		replay_totals(r, &c);
		if (rc == 0 && !sum_holds(r, &c))
			return REPLAY_SUM;
	}
	if (rc != 0)
		return fail(&err, REPLAY_FAILED);
	return changed != 0 ? REPLAY_CHANGES : REPLAY_OK;
}

int
main(int argc, char **argv)
{
	static struct replay r;
	int rc = read_options(argc, argv, &r.o);

	if (rc >= 0)
		return rc;
	signal(SIGPIPE, SIG_IGN); /* a reader that went away is a write error like any other */
	rc = run(&r);
	replay_free(&r);
	return rc;
}
