/* Explain: who the ends of a question are, the judge's word on it where they are addresses, and the way there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "explain.h"

static const char *const outcome_names[BH_EXPLAIN_OUTCOMES] = {
	"from",    "to",     "port",   "application", "operation", "may", "may-by-operation",
	"decides", "behind", "expired"};

const char *
bh_explain_outcome_name(unsigned outcome)
{
	return outcome < BH_EXPLAIN_OUTCOMES ? outcome_names[outcome] : "invalid";
}

const char *
bh_service_format(uint32_t service, char *out, size_t size)
{
	unsigned proto = service >> 16, value = service & 0xffff;

	switch (proto) {
	case 6:
	case 17:
	case 132:
		snprintf(out, size, "%s/%u",
			 proto == 6    ? "tcp"
			 : proto == 17 ? "udp"
				       : "sctp",
			 value);
		break;
	case 1:
	case 58:
		snprintf(out, size, "%s/%u/%u", proto == 1 ? "icmp" : "icmpv6", value >> 8,
			 value & 0xff);
		break;
	default:
		snprintf(out, size, "proto/%u", proto);
	}
	return out;
}

int
bh_service_one(const char *text, uint32_t *out, struct bh_err *err)
{
	struct bh_service s;
	size_t at;

	if (strcmp(text, "any") == 0)
		return bh_err_set(err, EINVAL, "one service such as tcp/443, not any");
	if (bh_service_parse(text, &s, &at, err) != 0)
		return -EINVAL;
	*out = s.first;
	return 0;
}

/* ---- ends ------------------------------------------------------------------------------------------- */

static void
take_class(struct bh_explain_run *run, unsigned end, const struct bh_class *a,
	   const struct bh_class *b)
{
	const uint32_t *member = run->p->snapshot->member;
	uint32_t i = 0, k = 0, x, y;

	while (i < a->n || k < b->n) {
		x = i < a->n ? member[a->first + i] : BH_NONE;
		y = k < b->n ? member[b->first + k] : BH_NONE;
		run->in[end][run->n_in[end]++] = x < y ? x : y;
		i += x <= y;
		k += y <= x;
	}
}

/* As the judge does: its own words in judge.c. */
static void
find_address(struct bh_explain_run *run, unsigned end)
{
	const struct bh_prefix *address = &run->q->end[end].address;
	const struct bh_snapshot *s = run->p->snapshot;
	uint32_t slot, by_label = BH_CLASS_EMPTY, by_address;
	struct bh_prefix prefix;

	slot = bh_table_resolve(run->p->table, address->addr, address->family, run->q->tenant);
	if (slot != 0) {
		by_label = s->slot_class[slot];
		bh_place_prefix(&run->p->place[slot], &prefix);
		bh_prefix_format(&prefix, run->out->endpoint[end], sizeof(run->out->endpoint[end]));
	}
	by_address = bh_range_class(s, address->addr, address->family);
	if (run->p->known != NULL)
		by_address =
			bh_known_class(run->p->known, address->addr, address->family, by_address);
	if (slot != 0 && by_address <= BH_CLASS_UNKNOWN)
		by_address = BH_CLASS_EMPTY;
	take_class(run, end, &s->class_[by_label], &s->class_[by_address]);
	run->unknown[end] = by_address == BH_CLASS_UNKNOWN || run->n_in[end] == 0;
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int
find_segment(struct bh_explain_run *run, unsigned end, struct bh_err *err)
{
	const char *name = run->q->end[end].segment, *best = NULL;
	const struct bh_doc *doc = run->p->doc;
	struct bh_lint_segments x = {0};
	unsigned distance = 0;
	uint32_t i, k;
	int rc;

	for (i = 0; i < doc->n_segments && strcmp(doc->segment[i].name, name) != 0; i++)
		bh_word_nearest(name, doc->segment[i].name, &best, &distance);
	if (i == doc->n_segments && best != NULL)
		return bh_err_set(err, ENOENT, "no segment is named '%.80s': did you mean '%s'?",
				  name, best);
	if (i == doc->n_segments)
		return bh_err_set(err, ENOENT, "no segment is named '%.80s'", name);
	rc = bh_lint_segments_build(&x, doc, run->p->snapshot, &run->p->params.hash_key);
	for (k = 0; rc == 0 && k < x.segment[i].n_sup; k++)
		run->in[end][run->n_in[end]++] = x.sup[x.segment[i].first_sup + k];
	bh_lint_segments_free(&x);
	qsort(run->in[end], run->n_in[end], sizeof(*run->in[end]), by_number);
	run->unknown[end] = i == BH_SEGMENT_UNKNOWN;
	return rc;
}

static int
find_labels(struct bh_explain_run *run, unsigned end, struct bh_err *err)
{
	const struct bh_question_end *e = &run->q->end[end];
	struct bh_label_sets sets;
	struct bh_label_set *set;
	int rc = bh_label_sets_init(&sets, &run->p->params.hash_key);

	if (rc != 0)
		return rc;
	rc = bh_label_set_intern(&sets, e->label, e->n_labels, &set, err);
	if (rc == 0) {
		run->n_in[end] = bh_selector_index_match(&run->p->doc->index, run->p->doc, set,
							 run->in[end]);
		run->n_in[end] = bh_doc_within(run->p->doc, NULL, run->in[end], run->n_in[end]);
		bh_label_set_put(&sets, set);
	}
	bh_label_sets_free(&sets);
	run->unknown[end] = run->n_in[end] == 0;
	return rc;
}

static int
find_end(struct bh_explain_run *run, unsigned end, struct bh_err *err)
{
	const struct bh_question_end *e = &run->q->end[end];
	struct bh_explanation *out = run->out;
	uint32_t i;
	int rc = 0;

	/* Two classes of an address, or all. */
	run->in[end] = bh_arena_alloc(&out->arena,
				      (2 * (size_t)run->p->doc->n_segments + 2) * sizeof(uint32_t));
	if (run->in[end] == NULL)
		return -ENOMEM;
	if (e->address.family != 0)
		find_address(run, end);
	else if (e->segment != NULL)
		rc = find_segment(run, end, err);
	else
		rc = find_labels(run, end, err);
	if (rc != 0)
		return rc;
	out->n_segments[end] = run->n_in[end];
	out->segment[end] = bh_arena_alloc(&out->arena, (run->n_in[end] + 1) * sizeof(char *));
	for (i = 0; out->segment[end] != NULL && i < run->n_in[end]; i++) {
		const char *name = run->p->doc->segment[run->in[end][i]].name;

		out->segment[end][i] = bh_arena_text(&out->arena, name, strlen(name));
		if (out->segment[end][i] == NULL)
			return -ENOMEM;
	}
	return out->segment[end] != NULL ? 0 : -ENOMEM;
}

/* ---- what is said ----------------------------------------------------------------------------------- */

static int
hear(struct bh_explain_run *run, struct bh_err *err)
{
	const struct bh_question *q = run->q;
	const char *best = NULL;
	unsigned distance = 0, i;

	if (q->application != NULL) {
		run->heard = true;
		run->state.decided = 1;
		run->state.app = (uint8_t)bh_app_find(q->application);
		for (i = 0; i < BH_APP_COUNT; i++)
			bh_word_nearest(q->application, bh_app_name(i), &best, &distance);
		if (run->state.app == BH_APP_UNKNOWN && strcmp(q->application, "unknown") != 0)
			return bh_err_set(err, ENOENT, "no application is called '%.60s'%s%s%s",
					  q->application, best != NULL ? ": did you mean '" : "",
					  best != NULL ? best : "", best != NULL ? "'?" : "");
		run->said.app = &run->state;
	} else if (q->op != NULL) {
		return bh_err_set(err, EINVAL, "an operation needs its application");
	}
	run->said.op = q->op;
	bh_appset_said(&run->p->snapshot->apptab, run->said.app, (uint8_t)(q->service >> 16),
		       &run->proven, &run->possible);
	return 0;
}

/* What a packet would be told. */
static void
judge(struct bh_explain_run *run)
{
	const struct bh_question *q = run->q;
	struct bh_flow_key key = {.family = q->end[0].address.family,
				  .proto = (uint8_t)(q->service >> 16),
				  .tenant = q->tenant};
	struct bh_judgement *j = &run->out->path, packet;
	unsigned i;

	if (q->end[0].address.family == 0 || q->end[1].address.family == 0)
		return;
	for (i = 0; i < 2; i++)
		memcpy(key.addr[i].b, q->end[i].address.addr, sizeof(key.addr[i].b));
	bh_policy_judge(run->p->view, &key, 0, (uint16_t)q->service, &run->said, &packet);
	run->out->judged = true;
	run->out->verdict = packet.verdict;
	run->out->reason = packet.reason;
	run->out->denied = packet.denied;
	run->out->by_operation = packet.by_operation;
	run->out->by_application = packet.by_application;
	/* The rules are gone through by the same words (decide.c); that both come to the same is tested. */
	run->out->restriction = packet.restriction;
	if (packet.rule != j->rule || (packet.restriction == 0 && run->p->restrictions == NULL &&
				       packet.mode != run->out->mode))
		run->rc = -EPROTO;
}

static void
take_path(struct bh_explain_run *run)
{
	struct bh_explanation *e = run->out;

	e->verdict = e->path.verdict;
	e->reason = e->path.reason;
	e->denied = e->path.denied;
	e->by_operation = e->path.by_operation;
	e->by_application = e->path.by_application;
}

static int
check_question(const struct bh_question *q, struct bh_err *err)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		const struct bh_prefix *a = &q->end[i].address;

		if (a->family != 0 && a->len != (a->family == BH_IP6 ? 128 : 32))
			return bh_err_set(err, EINVAL, "one address, not a prefix");
	}
	if (q->end[0].address.family != 0 && q->end[1].address.family != 0 &&
	    q->end[0].address.family != q->end[1].address.family)
		return bh_err_set(err, EINVAL, "an IPv4 and an IPv6 address never talk");
	return 0;
}

static int
explain(struct bh_explain_run *run, struct bh_err *err)
{
	int rc = check_question(run->q, err);

	if (rc == 0)
		rc = find_end(run, 0, err);
	if (rc == 0)
		rc = find_end(run, 1, err);
	if (rc == 0)
		rc = hear(run, err);
	if (rc == 0)
		rc = bh_policy_scratch_create(&run->said.scratch);
	if (rc == 0) {
		run->out->revision = run->p->revision;
		bh_explain_path(run);
		take_path(run);
		judge(run);
		rc = run->rc;
	}
	if (rc == -EPROTO)
		bh_err_set(err, EPROTO, "the judge and the path disagree");
	return rc;
}

int
bh_policy_explain(struct bh_policy *p, const struct bh_question *q, struct bh_explanation **out,
		  struct bh_err *err)
{
	struct bh_explain_run run = {.p = p, .q = q, .out = calloc(1, sizeof(*run.out))};
	int rc;

	if (run.out == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	pthread_mutex_lock(&p->lock);
	rc = explain(&run, err);
	pthread_mutex_unlock(&p->lock);
	bh_policy_scratch_destroy(run.said.scratch);
	if (rc != 0) {
		bh_explanation_free(run.out);
		return rc == -ENOMEM ? bh_err_set(err, ENOMEM, "out of memory") : rc;
	}
	*out = run.out;
	return 0;
}

void
bh_explanation_free(struct bh_explanation *e)
{
	if (e == NULL)
		return;
	bh_arena_free(&e->arena);
	free(e);
}
