/* A line for a person, an object for a program. */
#include <errno.h>
#include <stdio.h>

#include "gen.h"

static const struct {
	const char *name;
	double share;
} percentile[] = {
	{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99_9", 0.999}, {"p99_99", 0.9999},
};

static double
to_ns(const struct gen *g, uint64_t ticks)
{
	return (double)ticks * 1e9 / g->hz;
}

json_t *
gen_percentiles(const struct gen *g, const struct bh_gen_hist *h)
{
	json_t *o = json_object();
	unsigned i;

	json_object_set_new(o, "n", json_integer((json_int_t)h->n));
	json_object_set_new(o, "min", json_real(to_ns(g, h->min)));
	json_object_set_new(o, "mean", json_real(h->n != 0 ? to_ns(g, h->sum) / (double)h->n : 0));
	for (i = 0; i < BH_ARRAY_SIZE(percentile); i++)
		json_object_set_new(
			o, percentile[i].name,
			json_real(to_ns(g, bh_gen_hist_percentile(h, percentile[i].share))));
	json_object_set_new(o, "max", json_real(to_ns(g, h->max)));
	return o;
}

void
gen_report_head(struct gen *g)
{
	fprintf(g->table, "%-10s %-7s %12s %12s %8s %10s %8s %8s %8s %9s %9s %9s\n", "frames",
		"step", "sent/s", "received/s", "Gbit/s", "lost", "late", "repeated", "corrupt",
		"p50 us", "p99 us", "max us");
}

void
gen_report_trial(struct gen *g, const struct gen_trial *t)
{
	const struct gen_counts *c = &t->counts;
	const struct bh_gen_hist *h = t->latency;
	const double took = t->took > 0 ? t->took : 1;
	const double gbits =
		((double)c->received_bytes + (double)c->received * BH_GEN_GAP) * 8 / took / 1e9;
	const uint64_t lost = c->sent - RTE_MIN(c->sent, c->received);
	json_t *o;

	fprintf(g->table,
		"%-10s %-7s %12.0f %12.0f %8.3f %10llu %8llu %8llu %8llu %9.1f %9.1f %9.1f\n",
		t->mix->name, t->step, (double)c->sent / took, (double)c->received / took, gbits,
		(unsigned long long)lost, (unsigned long long)c->late,
		(unsigned long long)c->repeated, (unsigned long long)c->corrupt,
		to_ns(g, bh_gen_hist_percentile(h, 0.5)) / 1e3,
		to_ns(g, bh_gen_hist_percentile(h, 0.99)) / 1e3, to_ns(g, h->max) / 1e3);
	fflush(g->table);
	o = json_pack("{s:s, s:s, s:f, s:f, s:f, s:b}", "frames", t->mix->name, "step", t->step,
		      "intended_per_second", t->pps, "seconds", t->took, "percent", t->percent,
		      "passed", t->passed);
#define COUNT(field) json_object_set_new(o, #field, json_integer((json_int_t)c->field))
	COUNT(sent);
	COUNT(received);
	COUNT(late);
	COUNT(repeated);
	COUNT(corrupt);
	COUNT(foreign);
	COUNT(stale);
	COUNT(reflected);
	COUNT(unsent);
	COUNT(no_buffer);
#undef COUNT
	json_object_set_new(o, "lost", json_integer((json_int_t)lost));
	json_object_set_new(o, "sent_per_second", json_real((double)c->sent / took));
	json_object_set_new(o, "received_per_second", json_real((double)c->received / took));
	json_object_set_new(o, "received_gbit_per_second", json_real(gbits));
	json_object_set_new(o, "latency_ns", gen_percentiles(g, h));
	json_array_append_new(g->trials, o);
}

void
gen_report_result(struct gen *g, json_t *result)
{
	char *text = json_dumps(result, JSON_REAL_PRECISION(6) | JSON_COMPACT);

	if (text != NULL)
		fprintf(g->table, "%s\n", text);
	free(text);
	json_array_append_new(g->results, result);
}

static json_t *
port_json(const struct gen *g, unsigned side)
{
	const struct bh_port_info *info;
	struct bh_port_stats s;

	if (g->port[side] == NULL)
		return json_null();
	info = bh_port_info(g->port[side]);
	bh_port_stats(g->port[side], &s);
	return json_pack("{s:s, s:s, s:i, s:i, s:I, s:I, s:I, s:I, s:I}", "device", info->device,
			 "driver", info->driver, "queues", info->rx_queues, "mtu", info->mtu,
			 "rx_packets", (json_int_t)s.rx_packets, "tx_packets",
			 (json_int_t)s.tx_packets, "rx_missed", (json_int_t)s.rx_missed,
			 "rx_errors", (json_int_t)(s.rx_errors + s.rx_nombuf), "tx_errors",
			 (json_int_t)s.tx_errors);
}

int
gen_report_write(struct gen *g, struct bh_err *err)
{
	const bool standard = strcmp(g->o.json, "-") == 0;
	json_t *o;
	FILE *f;
	int rc = 0;

	if (g->o.json[0] == '\0')
		return 0;
	f = standard ? stdout : fopen(g->o.json, "w");
	if (f == NULL)
		return bh_err_set(err, errno, "json: %s: %s", g->o.json, strerror(errno));
	o = json_pack("{s:s, s:s, s:I, s:s, s:i, s:o, s:o, s:b, s:O, s:O}", "program",
		      "bulkhead-generator", "version", BH_VERSION, "flows", (json_int_t)g->o.flows,
		      "pattern", g->o.pattern, "workers", (int)g->n_workers, "client",
		      port_json(g, BH_GEN_CLIENT), "server", port_json(g, BH_GEN_SERVER),
		      "interrupted", gen_stopped != 0, "results", g->results, "trials", g->trials);
	if (o == NULL || json_dumpf(o, f, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) < 0)
		rc = bh_err_set(err, EIO, "json: %s cannot be written", g->o.json);
	fputc('\n', f);
	if (fflush(f) != 0 || ferror(f))
		rc = bh_err_set(err, EIO, "json: %s: %s", g->o.json, strerror(errno));
	if (!standard)
		fclose(f);
	json_decref(o);
	return rc;
}
