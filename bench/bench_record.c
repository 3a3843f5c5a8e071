/* bench_record: events a second that the event store keeps up with, given as fast as they are taken, its file bounded so
 * that deleting is part of it; and what giving one costs the control core.
 *
 *   bench_record [FOLDER [EVENTS]]   FOLDER is where the file is made: the disk is part of the answer */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../lib/record/record.h"
#include "bench.h"

#define WANTED 10000 /* events a second, sustained */
#define KEEP (64u << 20)
#define PIECE 1000

static double
seconds(void)
{
	return (double)bh_clock_system.mono_ns(NULL) / 1e9;
}

/* As long as a violation's line is. */
static size_t
make_line(char *out, size_t size, unsigned i)
{
	char when[32];

	bh_time_format(bh_clock_system.wall_ns(NULL), when, sizeof(when));
	return (size_t)snprintf(
		out, size,
		"{\"timestamp\":\"%s\",\"flow_id\":%u,\"in_iface\":\"outside\",\"event_type\":"
		"\"alert\",\"src_ip\":\"10.%u.%u.%u\",\"src_port\":%u,\"dest_ip\":\"10.2.0.%u\","
		"\"dest_port\":6379,\"proto\":\"TCP\",\"app_proto\":\"redis\",\"alert\":{"
		"\"action\":"
		"\"blocked\",\"gid\":1,\"signature_id\":8000001,\"rev\":1,\"signature\":\"traffic "
		"that no rule allows\",\"category\":\"Policy violation\",\"severity\":2},"
		"\"bulkhead\":{\"event\":\"violation\",\"kind\":\"violation\",\"src_segment\":"
		"\"web-%u\",\"dst_segment\":\"cache\",\"rule_id\":\"web-to-redis\",\"src_labels\":{"
		"\"app\":\"web\",\"namespace\":\"shop\"},\"dst_labels\":{\"app\":\"redis\"},"
		"\"verdict\":\"deny\",\"reason\":\"default_deny\",\"reason_text\":\"no rule allows "
		"it\",\"mode\":\"protect\",\"frame_len\":74,\"worker\":0}}",
		when, i, i >> 16 & 255, i >> 8 & 255, i & 255, i & 0xffff, i & 255, i % 50);
}

/* Give n events; wait where the queue is half full, as no gateway would: what is measured is the writing. */
static void
give(struct bh_record *r, unsigned n, double *giving)
{
	char line[2048];
	unsigned i, k;

	for (i = 0; i < n; i += PIECE) {
		double from = 0, spent = 0;
		struct bh_record_stats s;

		for (k = 0; k < PIECE; k++) {
			size_t len = make_line(line, sizeof(line), i + k);

			from = seconds();
			bh_record_line(r, line, len);
			spent += seconds() - from;
		}
		*giving += spent;
		do {
			bh_record_stats(r, &s);
			if (i + PIECE - s.stored > 10000)
				usleep(1000);
		} while (i + PIECE - s.stored > 10000);
	}
}

int
main(int argc, char **argv)
{
	unsigned n = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) / PIECE * PIECE : 300000;
	char path[256], other[300];
	struct bh_record_params p = {.path = path, .keep_bytes = KEEP};
	struct bh_record_stats s;
	struct bh_err err = {0};
	struct bh_record *r;
	double from, took, giving = 0, rate;

	snprintf(path, sizeof(path), "%s/bench-record-%d.db", argc > 1 ? argv[1] : "/tmp",
		 (int)getpid());
	if (bh_record_open(&r, &p, &err) != 0) {
		fprintf(stderr, "bench_record: %s\n", err.what);
		return 1;
	}
	from = seconds();
	give(r, n, &giving);
	bh_record_flush(r);
	took = seconds() - from;
	bh_record_stats(r, &s);
	bh_record_close(r);
	unlink(path);
	snprintf(other, sizeof(other), "%s-wal", path);
	unlink(other);
	snprintf(other, sizeof(other), "%s-shm", path);
	unlink(other);
	rate = (double)s.stored / took;
	printf("%llu events in %.1f s, %.0f a second, %llu deleted by size\n",
	       (unsigned long long)s.stored, took, rate, (unsigned long long)s.deleted);
	bench_heading("event store, its file bounded");
	bench_row("microseconds for an event", "us", bench_one(1e6 / rate), 1e6 / WANTED);
	bench_row("  lost", "events", bench_one((double)s.lost), 0);
	bench_row("  giving one", "ns", bench_one(giving / n * 1e9), BENCH_NO_TARGET);
	return 0;
}
