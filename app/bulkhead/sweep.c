/* Which sessions another policy judges otherwise. They are copied before it is published, and judged by it afterwards: what
 * workers have judged anew meanwhile does not blur what it was. Nothing passes under an old verdict in any case: the next
 * packet of each session finds its judgement out of date. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon.h"

#define SWEEP_FLOWS (1u << 18) /* copied: 44 MiB; more are not looked at, and the answer says so */
#define SWEEP_NS (3 * BH_NS_PER_SEC)
#define PAGE 256

void
bh_daemon_sweep_before(struct bh_daemon *d, struct bh_sweep *s)
{
	uint64_t until = bh_clock_system.mono_ns(NULL) + SWEEP_NS;
	struct bh_flow_query q = {.segment = UINT32_MAX};
	void *grown;
	int n;

	*s = (struct bh_sweep){0};
	if (d->gateway == NULL)
		return;
	do {
		if (s->n + PAGE > s->room) {
			s->room = s->room != 0 ? 2 * s->room : 4 * PAGE;
			grown = realloc(s->flow, s->room * sizeof(*s->flow));
			if (grown == NULL)
				return;
			s->flow = grown;
		}
		q.max = PAGE;
		n = bh_gateway_flows(d->gateway, &q, s->flow + s->n);
		if (n < 0)
			return;
		s->n += (size_t)n;
		if (q.cursor != 0 && (s->n >= SWEEP_FLOWS || bh_clock_system.mono_ns(NULL) > until))
			return;
	} while (q.cursor != 0);
	s->complete = true;
}

static uint16_t
service_of(const struct bh_flow *f)
{
	unsigned initiator = f->flags & BH_FLAG_INITIATOR;

	switch (f->key.proto) {
	case 6:
	case 17:
	case 132:
		return f->key.port[1 - initiator];
	case 1:
	case 58:
		return (uint16_t)(f->tcp_seen[0] << 8 | f->tcp_seen[1]);
	default:
		return 0;
	}
}

/* As stage_policy.c does with the next packet. What is examined goes on being examined; a connection whose bytes have passed
 * unseen can't be. */
static void
judge(struct bh_daemon *d, const struct bh_flow *f, struct bh_judgement *j)
{
	const struct bh_proto_state own = {.app = f->app, .decided = true};
	const struct bh_said said = {.app = &own};
	bool known = (f->flags & BH_FLAG_APP_DONE) != 0 || f->app != 0;
	uint8_t action = d->config.exception[BH_EXCEPTION_MIDSTREAM];

	bh_policy_judge_now(d->policy, &f->key, f->flags & BH_FLAG_INITIATOR, service_of(f),
			    known ? &said : NULL, j);
	if (j->by_operation && j->verdict == BH_VERDICT_ALLOW)
		j->verdict = BH_VERDICT_PENDING;
	if (j->verdict != BH_VERDICT_PENDING || f->verdict == BH_VERDICT_PENDING ||
	    f->key.proto != 6 || f->ext != 0)
		return;
	j->verdict = BH_VERDICT_ALLOW;
	if (j->mode == BH_MODE_PROTECT && action != BH_ACTION_PASS) {
		j->verdict = action == BH_ACTION_REJECT ? BH_VERDICT_REJECT : BH_VERDICT_DENY;
		j->reason = BH_REASON_TCP_MIDSTREAM;
	}
}

void
bh_daemon_sweep_after(struct bh_daemon *d, struct bh_sweep *s, struct bh_api_sweep *out)
{
	struct bh_judgement j;
	size_t i;

	out->known = true;
	out->judged = s->n;
	out->complete = s->complete;
	for (i = 0; i < s->n; i++) {
		const struct bh_flow *f = &s->flow[i].flow;

		judge(d, f, &j);
		if (j.verdict == f->verdict)
			continue;
		if (out->n < BH_API_SWEEP_ITEMS)
			out->item[out->n++] =
				(struct bh_api_swept){.flow = s->flow[i],
						      .verdict = j.verdict,
						      .reason = j.reason,
						      .rule = j.rule,
						      .segment = {j.segment[0], j.segment[1]}};
		out->changed++;
	}
}

void
bh_daemon_sweep_text(const struct bh_api_sweep *out, char *text, size_t size)
{
	text[0] = '\0';
	if (out != NULL && out->known)
		snprintf(text, size, ", %llu of %llu%s open sessions are judged otherwise",
			 (unsigned long long)out->changed, (unsigned long long)out->judged,
			 out->complete ? "" : " and more");
}

void
bh_daemon_sweep_free(struct bh_sweep *s)
{
	free(s->flow);
	*s = (struct bh_sweep){0};
}
