/* report: the table for a person, the object for a program. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "replay.h"

void
replay_totals(struct replay *r, struct bh_counters *c)
{
	unsigned i;

	bh_gateway_counters(r->gateway, 0, c);
	for (i = 0; i < BH_REASON_COUNT; i++)
		c->dropped[i] += r->dropped[i];
}

/* Three counts of the same: packets read and frames sent here, drops by reason there. */
bool
replay_sum_holds(const struct replay *r, const struct bh_counters *c)
{
	return r->packets == r->forwarded + bh_counters_dropped(c) &&
	       r->forwarded == c->forwarded && c->held == 0;
}

static double
rate(const struct replay *r)
{
	return r->seconds > 0 ? (double)r->packets / r->seconds : 0;
}

void
replay_print(FILE *out, const struct replay *r, const struct bh_counters *c)
{
	unsigned i;

	fprintf(out, "%-24s %14" PRIu64 "  %" PRIu64 " bytes on the wire%s\n", "packets",
		r->packets, r->bytes, r->cut ? "; the capture breaks off here" : "");
	fprintf(out, "%-24s %14" PRIu64 "\n", "forwarded", r->forwarded);
	for (i = 0; i < BH_REASON_COUNT; i++) {
		if (c->passed[i] != 0)
			fprintf(out, "  %-22s %14" PRIu64 "  %s\n", bh_reason_name(i), c->passed[i],
				bh_reason_text(i));
	}
	fprintf(out, "%-24s %14" PRIu64 "\n", "dropped", bh_counters_dropped(c));
	for (i = 0; i < BH_REASON_COUNT; i++) {
		if (c->dropped[i] != 0)
			fprintf(out, "  %-22s %14" PRIu64 "  %s\n", bh_reason_name(i),
				c->dropped[i], bh_reason_text(i));
	}
	fprintf(out, "%-24s %14" PRIu64 "\n", "flows", c->flows_opened);
	fprintf(out, "%-24s %14" PRIu64 "%s\n", "events", r->events,
		r->o.events == NULL ? "  not written: give -e FILE" : "");
	if (c->events_lost + r->events_not_written != 0)
		fprintf(out, "%-24s %14" PRIu64 "\n", "events lost",
			c->events_lost + r->events_not_written);
	fprintf(out, "%-24s %14.3f  of %.3f captured; %.0f packets/s\n", "seconds", r->seconds,
		(double)r->clock.span_ns / 1e9, rate(r));
}

static void
put_reasons(struct bh_json *j, const char *key, const uint64_t count[BH_REASON_COUNT])
{
	unsigned i;

	bh_json_open(j, key, '{');
	for (i = 0; i < BH_REASON_COUNT; i++) {
		if (count[i] != 0)
			bh_json_u64(j, bh_reason_name(i), count[i]);
	}
	bh_json_close(j, '}');
}

static void
format_stats(struct bh_buf *out, const struct replay *r, const struct bh_counters *c)
{
	struct bh_json j = {.out = out};

	bh_json_open(&j, NULL, '{');
	bh_json_str(&j, "version", BH_VERSION);
	bh_json_u64(&j, "packets", r->packets);
	bh_json_u64(&j, "bytes", r->bytes);
	bh_json_u64(&j, "forwarded", r->forwarded);
	put_reasons(&j, "dropped", c->dropped);
	put_reasons(&j, "passed", c->passed);
	bh_json_u64(&j, "flows", c->flows_opened);
	bh_json_u64(&j, "events", r->events);
	bh_json_u64(&j, "events_lost", c->events_lost + r->events_not_written);
	bh_json_bool(&j, "complete", !r->cut);
	bh_buf_printf(out,
		      ",\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"capture_seconds\":%.6f,"
		      "\"packets_per_second\":%.0f}\n",
		      r->seconds, r->cpu_seconds, (double)r->clock.span_ns / 1e9, rate(r));
}

int
replay_write_stats(const struct replay *r, const struct bh_counters *c, struct bh_err *err)
{
	bool standard = strcmp(r->o.stats, "-") == 0;
	FILE *f = standard ? stdout : fopen(r->o.stats, "we");
	struct bh_buf text = {0};
	int code = 0;

	if (f == NULL)
		return bh_err_set(err, errno, "cannot write %s: %s", r->o.stats, strerror(errno));
	format_stats(&text, r, c);
	if (text.failed)
		code = ENOMEM;
	else if (fwrite(text.data, 1, text.len, f) != text.len || fflush(f) != 0)
		code = errno;
	if (!standard && fclose(f) != 0 && code == 0)
		code = errno;
	bh_buf_free(&text);
	if (code != 0)
		return bh_err_set(err, code, "cannot write %s: %s", r->o.stats, strerror(code));
	return 0;
}
