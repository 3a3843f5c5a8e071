/* top: rates, from the difference of two looks at /stats. */
#include <stdlib.h>
#include <time.h>

#include "ctl.h"

static double
top_rate(json_t *now, json_t *before, const char *path, double seconds)
{
	double a = (double)json_integer_value(bh_ctl_value_at(now, path));
	double b = (double)json_integer_value(bh_ctl_value_at(before, path));

	/* Counters of a gateway that was restarted begin again. */
	return a >= b ? (a - b) / seconds : a / seconds;
}

static void
top_cell(struct bh_ctl_table *t, double v)
{
	char text[32];

	bh_ctl_human(text, sizeof(text), v);
	bh_ctl_table_cell(t, text);
}

static const struct {
	const char *list, *name, *head;
	struct {
		const char *head, *path;
		double factor;
	} column[6];
} top_tables[] = {
	{"workers",
	 "worker",
	 "WORKER",
	 {{"PACKETS/S", "packets", 1},
	  {"BITS/S", "bytes", 8},
	  {"FORWARDED/S", "forwarded", 1},
	  {"DROPPED/S", "dropped", 1},
	  {"NEW-FLOWS/S", "flows_opened", 1},
	  {"JUDGED/S", "judged", 1}}},
	{"ports",
	 "name",
	 "PORT",
	 {{"RX-PKT/S", "rx_packets", 1},
	  {"RX-BIT/S", "rx_bytes", 8},
	  {"TX-PKT/S", "tx_packets", 1},
	  {"TX-BIT/S", "tx_bytes", 8},
	  {"DROPPED/S", "dropped", 1},
	  {"MISSED/S", "rx_missed", 1}}},
};

static void
top_list(struct bh_ctl *ctl, unsigned which, json_t *now, json_t *before, double seconds)
{
	json_t *list = json_object_get(now, top_tables[which].list), *item, *old;
	json_t *olds = json_object_get(before, top_tables[which].list);
	struct bh_buf name = {0};
	struct bh_ctl_table t = {0};
	size_t i, k;

	bh_ctl_table_column(&t, top_tables[which].head, 0);
	for (k = 0; k < BH_ARRAY_SIZE(top_tables[which].column); k++)
		bh_ctl_table_column(&t, top_tables[which].column[k].head, BH_COL_RIGHT);
	json_array_foreach(list, i, item)
	{
		old = json_array_get(olds, i);
		bh_buf_reset(&name);
		bh_ctl_value_text(&name, json_object_get(item, top_tables[which].name), 0);
		bh_ctl_table_cell(&t, name.data != NULL ? name.data : "-");
		for (k = 0; k < BH_ARRAY_SIZE(top_tables[which].column); k++)
			top_cell(&t,
				 top_rate(item, old, top_tables[which].column[k].path, seconds) *
					 top_tables[which].column[k].factor);
	}
	bh_ctl_table_print(&t, ctl);
	bh_ctl_table_free(&t);
	bh_buf_free(&name);
	fputc('\n', ctl->out);
}

#define TOP_REASONS 10

struct top_reason {
	const char *name, *group;
	double rate;
	long long total;
};

static int
top_compare(const void *a, const void *b)
{
	const struct top_reason *x = a, *y = b;

	if (x->rate != y->rate)
		return x->rate < y->rate ? 1 : -1;
	return x->total < y->total ? 1 : x->total > y->total ? -1 : strcmp(x->name, y->name);
}

static void
top_drops(struct bh_ctl *ctl, json_t *now, json_t *before, double seconds)
{
	json_t *drops = bh_ctl_value_at(now, "total.dropped_by_reason"), *v;
	json_t *old = bh_ctl_value_at(before, "total.dropped_by_reason");
	struct top_reason list[BH_REASON_COUNT];
	struct bh_ctl_table t = {0};
	const char *key;
	size_t n = 0, i;

	json_object_foreach(drops, key, v)
	{
		if (n == BH_ARRAY_SIZE(list))
			break;
		list[n].name = key;
		list[n].group = json_string_value(json_object_get(v, "group"));
		list[n].rate = top_rate(v, json_object_get(old, key), "packets", seconds);
		list[n++].total = (long long)json_integer_value(json_object_get(v, "packets"));
	}
	qsort(list, n, sizeof(list[0]), top_compare);
	bh_ctl_table_column(&t, "DROP-REASON", 0);
	bh_ctl_table_column(&t, "GROUP", 0);
	bh_ctl_table_column(&t, "PACKETS/S", BH_COL_RIGHT);
	bh_ctl_table_column(&t, "TOTAL", BH_COL_RIGHT);
	for (i = 0; i < n && i < TOP_REASONS; i++) {
		bh_ctl_table_cell(&t, list[i].name);
		bh_ctl_table_cell(&t, list[i].group != NULL ? list[i].group : "-");
		top_cell(&t, list[i].rate);
		bh_ctl_table_printf(&t, "%lld", list[i].total);
	}
	bh_ctl_table_print(&t, ctl);
	bh_ctl_table_free(&t);
}

static void
top_screen(struct bh_ctl *ctl, json_t *now, json_t *before, double seconds)
{
	json_t *total = json_object_get(now, "total");

	if (ctl->colour && ctl->a.once.n == 0)
		fputs("\033[H\033[2J", ctl->out);
	fprintf(ctl->out, "mode %s  steering %s  policy %lld  flows %lld  events lost %lld\n\n",
		json_string_value(json_object_get(now, "mode")),
		json_string_value(json_object_get(now, "steering")),
		(long long)json_integer_value(json_object_get(now, "policy_revision")),
		(long long)json_integer_value(json_object_get(total, "flows")),
		(long long)json_integer_value(json_object_get(total, "events_lost")));
	top_list(ctl, 0, now, before, seconds);
	top_list(ctl, 1, now, before, seconds);
	top_drops(ctl, now, before, seconds);
	fflush(ctl->out);
}

static int
top_options(struct bh_ctl *ctl, double *interval, uint64_t *count)
{
	const struct bh_ctl_args *a = &ctl->a;
	char *end;

	*interval = 1;
	*count = UINT64_MAX;
	if (a->interval.n != 0) {
		*interval = strtod(a->interval.value[0], &end);
		if (*end != '\0' || !(*interval >= 0.05 && *interval <= 3600)) {
			fprintf(ctl->err, "bulkheadctl: --interval must be 0.05 to 3600 seconds\n");
			return BH_CTL_USAGE;
		}
	}
	if (a->count.n != 0 &&
	    (!bh_ctl_number(a->count.value[0], UINT32_MAX, count) || *count == 0)) {
		fprintf(ctl->err, "bulkheadctl: --count must be a number from 1\n");
		return BH_CTL_USAGE;
	}
	if (a->once.n != 0)
		*count = 1;
	return 0;
}

/* The gateway's own clock times both looks: the way there and back does not blur the rates. */
static double
top_seconds(json_t *now, json_t *before)
{
	double ms = (double)json_integer_value(json_object_get(now, "uptime_ms")) -
		    (double)json_integer_value(json_object_get(before, "uptime_ms"));

	return ms >= 1 ? ms / 1000 : 0.001;
}

int
bh_ctl_top(struct bh_ctl *ctl)
{
	struct bh_ctl_reply before = {0}, now = {0};
	struct timespec nap;
	double interval;
	uint64_t count;
	int rc;

	rc = top_options(ctl, &interval, &count);
	if (rc == 0)
		rc = bh_ctl_get_json(ctl, "/stats", &before);
	while (rc == 0 && count-- > 0) {
		nap.tv_sec = (time_t)interval;
		nap.tv_nsec = (long)((interval - (double)nap.tv_sec) * 1e9);
		nanosleep(&nap, NULL);
		rc = bh_ctl_get_json(ctl, "/stats", &now);
		if (rc == 0) {
			top_screen(ctl, now.json, before.json, top_seconds(now.json, before.json));
			bh_ctl_reply_free(&before);
			before = now;
			memset(&now, 0, sizeof(now));
		}
	}
	bh_ctl_reply_free(&before);
	bh_ctl_reply_free(&now);
	return rc;
}
