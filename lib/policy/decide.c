/* What the rules that fit two segments and a service mean for a flow of which so much is known. The rules come in
 * document order; policy.h says what each may do. */
#include "policy_priv.h"

/* What one rule does. */
enum {
	FIT_DECIDES = 1 << 0,
	FIT_LATER = 1 << 1,     /* may decide once more is proven */
	FIT_OPERATION = 1 << 2, /* may decide, by operation */
	FIT_REFUSED = 1 << 3,   /* would, for another operation */
	FIT_LISTED = 1 << 4,    /* lists operations of what is proven */
};

void
bh_decider_start(struct bh_decider *d, const struct bh_snapshot *s, const struct bh_said *said,
		 uint8_t proto)
{
	/* proven and possible are set when the first rule asks, see hear(). Field by field: a memset would be a
	 * `rep stos`, whose start takes as long as all the rest. */
	d->s = s;
	d->said = said;
	d->proto = proto;
	d->op = NULL;
	d->scratch = NULL;
	d->fence[0] = d->fence[1] = d->hard = 0;
	d->rule = d->first_may = d->first_allow = d->first_listed = BH_NO_RULE;
	d->may = 0;
	d->app_known = d->later = d->by_application = d->passed_over = d->refused = false;
}

/* The first rule that names applications asks what is said. */
static void
hear(struct bh_decider *d)
{
	const struct bh_said *said = d->said;

	d->by_application = true;
	bh_appset_said(&d->s->apptab, said != NULL ? said->app : NULL, d->proto, &d->proven,
		       &d->possible);
	if (said == NULL)
		return;
	d->app_known = said->app != NULL && said->app->app != BH_APP_UNKNOWN;
	d->scratch = said->scratch;
	/* What always goes with the connection is judged as the connection is. */
	if (said->op != NULL && (said->op->flags & (BH_OP_SESSION | BH_OP_RECORD)) == 0)
		d->op = said->op;
}

static unsigned
fit(const struct bh_decider *d, const struct bh_rule *r)
{
	const struct bh_asked_app *a = &d->s->app[r->first_app], *end = a + r->n_apps;
	bool denies = r->action != BH_VERDICT_ALLOW;
	unsigned fits = 0;

	for (; a < end; a++) {
		if (!bh_appset_meet(&a->lines, &d->proven))
			fits |= bh_appset_meet(&a->lines, &d->possible) ? FIT_LATER : 0;
		else if (a->n_allow == 0)
			fits |= FIT_DECIDES;
		else if (d->op == NULL)
			fits |= FIT_OPERATION | FIT_LISTED;
		else if (bh_operation_fits(a, d->op, d->scratch, denies))
			fits |= FIT_DECIDES | FIT_LISTED;
		else
			fits |= FIT_REFUSED | FIT_LISTED;
	}
	return fits;
}

bool
bh_decider_add(struct bh_decider *d, uint32_t rule)
{
	const struct bh_rule *r = &d->s->rule[rule];
	bool allows = r->action == BH_VERDICT_ALLOW;
	unsigned fits = FIT_DECIDES;

	if (r->n_apps != 0) {
		if (!d->by_application)
			hear(d);
		fits = fit(d, r);
	}
	if ((fits & FIT_LISTED) != 0 && d->first_listed == BH_NO_RULE)
		d->first_listed = rule;
	if ((fits & (FIT_DECIDES | FIT_LATER | FIT_OPERATION)) == 0) {
		if (allows && (fits & FIT_REFUSED) != 0)
			d->refused = true;
		else if (allows)
			d->passed_over = true;
		return false;
	}
	if (allows && d->first_allow == BH_NO_RULE)
		d->first_allow = rule;
	if ((fits & FIT_DECIDES) != 0) {
		d->rule = rule;
		return true;
	}
	if (d->first_may == BH_NO_RULE)
		d->first_may = rule;
	d->may |= 1u << r->action;
	d->later |= (fits & FIT_LATER) != 0;
	return false;
}

/* No rule decides. */
static uint8_t
reason_of_none(const struct bh_decider *d, bool unknown)
{
	if (d->s->empty)
		return BH_REASON_NO_POLICY;
	if (d->refused)
		return BH_REASON_OPERATION_DENY;
	if (d->passed_over)
		return d->app_known ? BH_REASON_APP_DENY : BH_REASON_APP_UNKNOWN;
	return unknown ? BH_REASON_UNKNOWN_SEGMENT : BH_REASON_DEFAULT_DENY;
}

/* What becomes of a connection whose operation is denied: as the rule says that denies it, or the first that
 * lists operations of this application; unless either says, a rule that rejects resets. */
static uint8_t
denied_of(const struct bh_decider *d, uint8_t verdict)
{
	const struct bh_rule *r = d->s->rule;

	if (d->rule != BH_NO_RULE && r[d->rule].denied != 0)
		return r[d->rule].denied - 1;
	if (d->first_listed != BH_NO_RULE && r[d->first_listed].denied != 0)
		return r[d->first_listed].denied - 1;
	return verdict == BH_VERDICT_REJECT ? BH_DENIED_RESET : BH_DENIED_DROP;
}

static void
apply_mode(enum bh_mode mode, struct bh_judgement *out)
{
	out->mode = (uint8_t)mode;
	out->protect_verdict = out->verdict;
	out->protect_reason = out->reason;
	if (out->verdict == BH_VERDICT_ALLOW || out->verdict == BH_VERDICT_PENDING ||
	    mode == BH_MODE_PROTECT)
		return;
	if (mode == BH_MODE_DISCOVER) {
		out->verdict = BH_VERDICT_ALLOW;
		out->reason = BH_REASON_DISCOVER;
	} else {
		out->verdict = BH_VERDICT_VIOLATE; /* the reason is protect's */
	}
}

/* What would be allowed goes over a fence: only by a rule that names zones on that side. */
static void
keep_inside(const struct bh_decider *d, uint32_t rule, struct bh_judgement *out)
{
	unsigned needs = (d->fence[0] != 0 ? 1u : 0) | (d->fence[1] != 0 ? 2u : 0);
	bool hard = ((d->fence[0] | d->fence[1]) & d->hard) != 0;

	if (out->verdict != BH_VERDICT_ALLOW ||
	    (!hard && (d->s->rule[rule].zones & needs) == needs))
		return;
	out->verdict = BH_VERDICT_DENY;
	out->reason = hard ? BH_REASON_NAMESPACE_BOUNDARY : BH_REASON_ZONE_BOUNDARY;
	out->by_operation = false;
}

uint32_t
bh_decider_end(const struct bh_decider *d, enum bh_mode mode, bool unknown,
	       struct bh_judgement *out)
{
	static const uint8_t reasons[] = {[BH_VERDICT_ALLOW] = BH_REASON_RULE_ALLOW,
					  [BH_VERDICT_DENY] = BH_REASON_RULE_DENY,
					  [BH_VERDICT_REJECT] = BH_REASON_RULE_REJECT};
	uint8_t last = d->rule != BH_NO_RULE ? d->s->rule[d->rule].action : BH_VERDICT_DENY;
	uint32_t rule = d->rule;

	out->by_application = d->by_application;
	out->by_operation = false;
	out->denied = denied_of(d, last);
	out->verdict = last;
	/* Who may decide before says the same, or nobody could allow: it does not matter who does. */
	if ((d->may & ~(1u << last)) == 0 || d->first_allow == BH_NO_RULE) {
		out->reason = rule != BH_NO_RULE ? reasons[last] : reason_of_none(d, unknown);
	} else if (!d->later) {
		rule = d->first_allow;
		out->verdict = BH_VERDICT_ALLOW;
		out->reason = BH_REASON_RULE_ALLOW;
		out->by_operation = true;
	} else {
		rule = d->first_may;
		out->verdict = BH_VERDICT_PENDING;
		out->reason = BH_REASON_HANDSHAKE;
	}
	if (BH_UNLIKELY((d->fence[0] | d->fence[1]) != 0))
		keep_inside(d, rule, out);
	apply_mode(mode, out);
	return rule;
}
