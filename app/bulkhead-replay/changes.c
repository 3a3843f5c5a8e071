/* changes: two runs of one capture, connection by connection.
 *
 * A connection is known in both by its key and time. A run may know several where the other knows one: what is refused is
 * forgotten soon, and the client's next try is a new one. So each connection of the first run is held against all that
 * began in the second one while it was the latest of its key, or where there is none, against the one that goes on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "replay.h"

/* The same connection in both; NULL: that run has none. */
struct change {
	const struct replay_judged *side[2]; /* before, after */
};

struct list {
	struct change *item;
	size_t n, room;
	bool failed;
};

/* ---- one run ------------------------------------------------------------------------------------------------ */

static int
compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int
by_flow(const void *a, const void *b)
{
	const struct replay_judged *x = a, *y = b;
	int rc = memcmp(&x->key, &y->key, sizeof(x->key));

	if (rc == 0)
		rc = compare_u64(x->flow_id, y->flow_id);
	/* The end first: it is the one that stays. */
	return rc != 0 ? rc : (int)y->flow - (int)x->flow;
}

static int
by_start(const void *a, const void *b)
{
	const struct replay_judged *x = a, *y = b;
	int rc = memcmp(&x->key, &y->key, sizeof(x->key));

	if (rc == 0)
		rc = compare_u64(x->start_ns, y->start_ns);
	return rc != 0 ? rc : compare_u64(x->flow_id, y->flow_id);
}

static bool
stricter(const struct replay_judged *a, const struct replay_judged *b)
{
	static const uint8_t rank[BH_VERDICT_COUNT] = {
		[BH_VERDICT_NONE] = 1,    [BH_VERDICT_ALLOW] = 0, [BH_VERDICT_PENDING] = 2,
		[BH_VERDICT_VIOLATE] = 3, [BH_VERDICT_DENY] = 4,  [BH_VERDICT_REJECT] = 5,
	};

	return rank[a->verdict] > rank[b->verdict];
}

void
replay_changes_sort(struct replay_run *run)
{
	struct replay_judged *p = run->item, *last;
	size_t i, n = 0;

	if (run->n > 1)
		qsort(p, run->n, sizeof(*p), by_flow);
	for (i = 0; i < run->n; i++) {
		last = n != 0 ? &p[n - 1] : NULL;
		if (last == NULL || last->flow_id != p[i].flow_id ||
		    memcmp(&last->key, &p[i].key, sizeof(last->key)) != 0) {
			p[n++] = p[i];
		} else if (stricter(&p[i], last)) {
			last->verdict = p[i].verdict;
			last->reason = p[i].reason;
			last->rule = p[i].rule;
		}
	}
	run->n = n;
	if (n > 1)
		qsort(p, n, sizeof(*p), by_start);
}

/* ---- both ---------------------------------------------------------------------------------------------------- */

static void
add(struct list *l, const struct replay_judged *before, const struct replay_judged *after)
{
	size_t room = l->room != 0 ? 2 * l->room : 256;
	struct change *p;

	if (l->n == l->room) {
		p = realloc(l->item, room * sizeof(*p));
		l->failed |= p == NULL;
		if (p == NULL)
			return;
		l->item = p;
		l->room = room;
	}
	l->item[l->n++] = (struct change){{before, after}};
}

static void
compare(struct replay_changes *c, struct list *l, const struct replay_judged *before,
	const struct replay_judged *after)
{
	c->connections++;
	if (before == NULL || after == NULL || before->verdict != after->verdict)
		add(l, before, after);
}

/* One key: n[0] connections before, n[1] after. */
static void
compare_key(struct replay_changes *c, struct list *l, const struct replay_judged *const run[2],
	    const size_t n[2])
{
	const struct replay_judged *after;
	size_t i, k = 0;

	for (i = 0; n[0] == 0 && i < n[1]; i++)
		compare(c, l, NULL, &run[1][i]);
	for (i = 0; i < n[0]; i++) {
		uint64_t end = i + 1 < n[0] ? run[0][i + 1].start_ns : UINT64_MAX;

		/* Nothing new began: the one before goes on. */
		after = k != 0 ? &run[1][k - 1] : NULL;
		for (bool first = true; k < n[1] && run[1][k].start_ns < end; k++, first = false) {
			if (first || stricter(&run[1][k], after))
				after = &run[1][k];
		}
		compare(c, l, &run[0][i], after);
	}
}

static size_t
same_key(const struct replay_run *run, size_t at, const struct bh_flow_key *key)
{
	size_t n = 0;

	while (at + n < run->n && memcmp(&run->item[at + n].key, key, sizeof(*key)) == 0)
		n++;
	return n;
}

static void
compare_runs(struct replay_changes *c, struct list *l)
{
	const struct replay_run *const *run = c->run;
	size_t at[2] = {0, 0}, n[2];

	while (at[0] < run[0]->n || at[1] < run[1]->n) {
		const struct replay_judged *side[2] = {run[0]->item + at[0], run[1]->item + at[1]};
		const struct bh_flow_key *key;

		if (at[1] == run[1]->n)
			key = &side[0]->key;
		else if (at[0] == run[0]->n ||
			 memcmp(&side[1]->key, &side[0]->key, sizeof(*key)) < 0)
			key = &side[1]->key;
		else
			key = &side[0]->key;
		n[0] = same_key(run[0], at[0], key);
		n[1] = same_key(run[1], at[1], key);
		compare_key(c, l, side, n);
		at[0] += n[0];
		at[1] += n[1];
	}
}

/* ---- printing -------------------------------------------------------------------------------------------------- */

static const struct replay_judged *
any_of(const struct change *x)
{
	return x->side[0] != NULL ? x->side[0] : x->side[1];
}

/* Proven in the run that let more of it be said. */
static uint16_t
app_of(const struct change *x)
{
	uint16_t before = x->side[0] != NULL ? x->side[0]->app : 0;

	return before != 0 || x->side[1] == NULL ? before : x->side[1]->app;
}

static const char *
verdict_of(const struct replay_judged *j)
{
	return j != NULL ? bh_verdict_name(j->verdict) : "-";
}

static const char *
or_dash(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : "-";
}

static const char *
rule_of(const struct replay_judged *j)
{
	return j != NULL ? or_dash(j->rule) : "-";
}

static int
by_words(const void *a, const void *b)
{
	const struct change *x = a, *y = b;
	const struct replay_judged *p = any_of(x), *q = any_of(y);
	int rc = strcmp(p->segment[0], q->segment[0]);
	unsigned i;

	if (rc == 0)
		rc = strcmp(p->segment[1], q->segment[1]);
	if (rc == 0)
		rc = compare_u64(p->service, q->service);
	if (rc == 0)
		rc = (int)app_of(x) - (int)app_of(y);
	for (i = 0; rc == 0 && i < 2; i++) {
		rc = strcmp(verdict_of(x->side[i]), verdict_of(y->side[i]));
		if (rc == 0)
			rc = strcmp(rule_of(x->side[i]), rule_of(y->side[i]));
	}
	return rc;
}

static void
print_table(const struct replay_changes *c, const struct list *l)
{
	const struct change *x = l->item, *end = x + l->n;
	char service[32];

	fprintf(c->table, "\n%zu of %zu connections would change under %s\n", c->changed,
		c->connections, c->name);
	if (l->n != 0)
		fprintf(c->table, "%-20s %-20s %-12s %-12s %8s  %-8s %-20s %-8s %s\n", "FROM", "TO",
			"SERVICE", "APPLICATION", "COUNT", "NOW", "BY RULE", "THEN", "BY RULE");
	while (x < end) {
		const struct replay_judged *j = any_of(x);
		const struct change *first = x;

		while (x < end && by_words(first, x) == 0)
			x++;
		fprintf(c->table, "%-20s %-20s %-12s %-12s %8td  %-8s %-20s %-8s %s\n",
			or_dash(j->segment[0]), or_dash(j->segment[1]),
			bh_service_format(j->service, service, sizeof(service)),
			app_of(first) != 0 ? bh_app_name(app_of(first)) : "-", x - first,
			verdict_of(first->side[0]), rule_of(first->side[0]),
			verdict_of(first->side[1]), rule_of(first->side[1]));
	}
}

static void
put_verdict(struct bh_json *j, const char *key, const struct replay_judged *v)
{
	bh_json_open(j, key, '{');
	if (v != NULL) {
		bh_json_str(j, "verdict", bh_verdict_name(v->verdict));
		bh_json_str(j, "reason", bh_reason_name(v->reason));
		bh_json_str(j, "rule", v->rule != NULL ? v->rule : "");
	}
	bh_json_close(j, '}');
}

static void
put_change(struct bh_buf *out, const struct change *x)
{
	const struct replay_judged *v = any_of(x);
	struct bh_json j = {.out = out};
	char text[64];
	unsigned i;

	bh_json_open(&j, NULL, '{');
	bh_json_time(&j, "start", v->start_ns);
	for (i = 0; i < 2; i++) {
		unsigned end = i ^ v->client;

		bh_json_str(&j, i == 0 ? "client" : "server",
			    bh_addr_format(v->key.family, v->key.addr[end].b, text, sizeof(text)));
		bh_json_u64(&j, i == 0 ? "client_port" : "server_port", v->key.port[end]);
		bh_json_str(&j, i == 0 ? "from" : "to", v->segment[i]);
	}
	bh_json_u64(&j, "vlan", BH_TENANT_VLAN1(v->key.tenant));
	bh_json_u64(&j, "vni", BH_TENANT_VNI(v->key.tenant));
	bh_json_str(&j, "service", bh_service_format(v->service, text, sizeof(text)));
	bh_json_str(&j, "application", app_of(x) != 0 ? bh_app_name(app_of(x)) : "");
	put_verdict(&j, "before", x->side[0]);
	put_verdict(&j, "after", x->side[1]);
	bh_json_close(&j, '}');
	bh_buf_str(out, "\n");
}

int
replay_changes_print(struct replay_changes *c, struct bh_err *err)
{
	struct bh_buf out = {0};
	struct list l = {0};
	size_t i;
	int rc = 0;

	compare_runs(c, &l);
	c->changed = l.n;
	if (l.failed) {
		rc = bh_err_set(err, ENOMEM, "no memory for what changes");
		goto out;
	}
	if (l.n > 1)
		qsort(l.item, l.n, sizeof(*l.item), by_words);
	print_table(c, &l);
	for (i = 0; c->json != NULL && i < l.n && rc == 0; i++) {
		bh_buf_reset(&out);
		put_change(&out, &l.item[i]);
		if (out.failed || fwrite(out.data, 1, out.len, c->json) != out.len)
			rc = bh_err_set(err, EIO, "cannot write what changes");
	}
out:
	bh_buf_free(&out);
	free(l.item);
	return rc;
}
