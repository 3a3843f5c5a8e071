/* elect: see elect.h. */
#include "elect.h"

static const char *const causes[] = {
	[BH_PAIR_STARTED] = "started",
	[BH_PAIR_LINKS_UP] = "a pair of ports has its links",
	[BH_PAIR_LINKS_DOWN] = "no pair of ports has both links",
	[BH_PAIR_LEAVING] = "it ends",
	[BH_PAIR_PEER_SILENT] = "the twin is silent",
	[BH_PAIR_PEER_YIELDED] = "the twin leaves it to this one",
	[BH_PAIR_PEER_ACTIVE] = "both forwarded, and the twin came later",
	[BH_PAIR_PEER_BETTER] = "more links are up at the twin",
	[BH_PAIR_PEER_PREFERRED] = "the twin has the higher priority",
	[BH_PAIR_STOOD_STILL] = "it stood still for longer than its right to forward lasted",
};
_Static_assert(BH_ARRAY_SIZE(causes) == BH_PAIR_CAUSES, "a sentence each");

const char *
bh_pair_cause_text(enum bh_pair_cause cause)
{
	return causes[cause];
}

const char *
bh_pair_role_name(enum bh_pair_role role)
{
	static const char *const names[BH_PAIR_ROLES] = {"init", "standby", "active"};

	return names[role];
}

void
bh_pair_elect_begin(struct bh_pair_elect *e, const struct bh_pair_rules *rules, uint64_t now_ns)
{
	*e = (struct bh_pair_elect){.rules = *rules,
				    .fence_ns = rules->dead_ns / 5 * 3,
				    .begun_ns = now_ns,
				    .role_since_ns = now_ns,
				    .next_ns = now_ns};
}

/* When the message was sent; 0: too long ago, or never. */
static uint64_t
sent(const struct bh_pair_elect *e, uint64_t seq)
{
	return seq == 0 || seq > e->seq || e->seq - seq >= BH_PAIR_SENT
		       ? 0
		       : e->sent_ns[seq % BH_PAIR_SENT];
}

/* A recording of it acknowledges nothing that was sent just now. */
static bool
proves(const struct bh_pair_elect *e, const struct bh_pair_message *m, uint64_t now_ns)
{
	uint64_t at = m->heard == e->rules.instance ? sent(e, m->ack) : 0;

	return at != 0 && now_ns - at < e->rules.dead_ns;
}

bool
bh_pair_elect_alive(const struct bh_pair_elect *e, uint64_t now_ns)
{
	return e->peer.m.sender != 0 && now_ns - e->peer.heard_ns < e->rules.dead_ns;
}

bool
bh_pair_elect_heard(struct bh_pair_elect *e, const struct bh_pair_message *m, uint64_t now_ns)
{
	bool known = m->sender == e->peer.m.sender, news;
	uint64_t at;

	if (m->sender == e->rules.instance || m->sender == 0 || m->role >= BH_PAIR_ROLES ||
	    (known && m->seq <= e->peer.m.seq)) {
		e->ignored++;
		return false;
	}
	if (!known && !proves(e, m, now_ns)) {
		/* Acknowledged now and then, so that it can show that it lives. */
		e->told = e->told && e->candidate.sender == m->sender;
		e->candidate.sender = m->sender;
		e->candidate.seq = m->seq;
		e->candidate.heard_ns = now_ns;
		e->ignored++;
		return false;
	}
	news = !known || m->role != e->peer.m.role || m->flags != e->peer.m.flags ||
	       m->usable != e->peer.m.usable;
	if (!known) {
		e->peer.acked_ns = 0;
		e->candidate.sender = 0;
	}
	e->peer.m = *m;
	e->peer.heard_ns = now_ns;
	at = m->heard == e->rules.instance ? sent(e, m->ack) : 0;
	if (at > e->peer.acked_ns)
		e->peer.acked_ns = at;
	e->told = e->told && !news;
	e->heard++;
	return true;
}

/* ---- the role ------------------------------------------------------------------------------------------------ */

static void
become(struct bh_pair_elect *e, const struct bh_pair_input *in, enum bh_pair_role role,
       enum bh_pair_cause cause)
{
	if (role == BH_PAIR_ACTIVE)
		e->term = (e->term > e->peer.m.term ? e->term : e->peer.m.term) + 1;
	else
		e->until_ns = 0;
	e->role = role;
	e->cause = cause;
	e->role_since_ns = in->now_ns;
	e->told = false;
}

/* This one lost its right to forward by standing still, and nobody has had it since. */
static bool
was_last(const struct bh_pair_elect *e)
{
	return e->role == BH_PAIR_STANDBY && e->cause == BH_PAIR_STOOD_STILL &&
	       e->term > e->peer.m.term;
}

/* Of two that do not forward: is it this one's turn? Never the same at both. */
static bool
better(const struct bh_pair_elect *e, const struct bh_pair_input *in)
{
	const struct bh_pair_message *p = &e->peer.m;

	if (p->role == BH_PAIR_INIT)
		return true;
	if (in->usable != p->usable)
		return in->usable > p->usable;
	if (was_last(e) != ((p->flags & BH_PAIR_LAST) != 0))
		return was_last(e);
	if (e->rules.priority != p->priority)
		return e->rules.priority > p->priority;
	return e->rules.instance > p->sender;
}

/* Somebody speaks with the secret, and may have had no time yet to show that it lives now. A recording keeps nobody from
 * taking over for longer than this. */
static bool
may_be_there(const struct bh_pair_elect *e, uint64_t now_ns)
{
	return e->candidate.sender != 0 && now_ns - e->candidate.heard_ns < e->rules.dead_ns &&
	       now_ns - e->begun_ns < 3 * e->rules.dead_ns;
}

static void
standby(struct bh_pair_elect *e, const struct bh_pair_input *in)
{
	const struct bh_pair_message *p = &e->peer.m;
	uint64_t quiet = e->peer.heard_ns > e->role_since_ns ? e->peer.heard_ns : e->role_since_ns;

	if (!bh_pair_elect_alive(e, in->now_ns)) {
		e->plain = 0;
		if (in->now_ns - quiet < e->rules.dead_ns || may_be_there(e, in->now_ns))
			return;
		become(e, in, BH_PAIR_ACTIVE, BH_PAIR_PEER_SILENT);
		e->until_ns = in->now_ns + e->fence_ns;
		return;
	}
	if (p->role == BH_PAIR_ACTIVE || !better(e, in)) {
		e->plain = 0;
		return;
	}
	if (e->plain == 0) {
		e->plain = e->seq + 1;
		e->told = false;
	}
	if ((p->flags & BH_PAIR_YIELD) == 0 || p->heard != e->rules.instance || p->ack < e->plain ||
	    sent(e, p->ack) + e->fence_ns <= in->now_ns)
		return;
	become(e, in, BH_PAIR_ACTIVE, BH_PAIR_PEER_YIELDED);
	e->until_ns = sent(e, p->ack) + e->fence_ns;
}

static void
renew(struct bh_pair_elect *e, const struct bh_pair_input *in)
{
	uint64_t until = e->peer.acked_ns != 0 ? e->peer.acked_ns + e->fence_ns : 0;

	if (e->peer.m.sender == 0 || in->now_ns - e->peer.heard_ns > e->fence_ns / 2)
		until = in->now_ns + e->fence_ns;
	if (until > e->until_ns)
		e->until_ns = until;
}

/* Both forward: the same answer at both. */
static bool
gives_way(const struct bh_pair_elect *e)
{
	const struct bh_pair_message *p = &e->peer.m;

	if (e->term != p->term)
		return e->term < p->term;
	if (e->rules.priority != p->priority)
		return e->rules.priority < p->priority;
	return e->rules.instance < p->sender;
}

static void
active(struct bh_pair_elect *e, const struct bh_pair_input *in)
{
	const struct bh_pair_message *p = &e->peer.m;
	bool alive = bh_pair_elect_alive(e, in->now_ns);

	if (in->now_ns >= e->until_ns) {
		become(e, in, BH_PAIR_STANDBY, BH_PAIR_STOOD_STILL);
		return;
	}
	if (alive && p->role == BH_PAIR_ACTIVE && gives_way(e)) {
		become(e, in, BH_PAIR_STANDBY, BH_PAIR_PEER_ACTIVE);
		return;
	}
	if (alive && p->role == BH_PAIR_STANDBY && p->usable > in->usable) {
		become(e, in, BH_PAIR_STANDBY, BH_PAIR_PEER_BETTER);
		return;
	}
	if (alive && p->role == BH_PAIR_STANDBY && (p->flags & BH_PAIR_WANT) != 0 &&
	    p->priority > e->rules.priority && p->usable >= in->usable) {
		become(e, in, BH_PAIR_STANDBY, BH_PAIR_PEER_PREFERRED);
		return;
	}
	renew(e, in);
}

static void
fill(struct bh_pair_elect *e, const struct bh_pair_input *in, struct bh_pair_message *m)
{
	const struct bh_pair_message *p = &e->peer.m;
	bool candidate = e->candidate.sender != 0 &&
			 in->now_ns - e->candidate.heard_ns < e->rules.dead_ns &&
			 (in->now_ns - e->peer.heard_ns > 2 * e->rules.hello_ns || e->seq % 2 == 0);

	*m = (struct bh_pair_message){.sender = e->rules.instance,
				      .seq = e->seq + 1,
				      .heard = candidate ? e->candidate.sender : p->sender,
				      .ack = candidate ? e->candidate.seq : p->seq,
				      .term = e->term,
				      .priority = e->rules.priority,
				      .usable = in->usable,
				      .role = (uint8_t)e->role};
	if (e->role != BH_PAIR_ACTIVE && e->plain == 0)
		m->flags |= BH_PAIR_YIELD;
	if (in->ready)
		m->flags |= BH_PAIR_READY;
	if (was_last(e))
		m->flags |= BH_PAIR_LAST;
	if (e->role == BH_PAIR_STANDBY && e->rules.preempt && in->ready &&
	    p->role == BH_PAIR_ACTIVE && e->rules.priority > p->priority &&
	    in->usable >= p->usable && bh_pair_elect_alive(e, in->now_ns))
		m->flags |= BH_PAIR_WANT;
}

static void
tell(struct bh_pair_elect *e, const struct bh_pair_input *in, struct bh_pair_output *out)
{
	struct bh_pair_message m;

	fill(e, in, &m);
	if (m.role != e->said.role || m.flags != e->said.flags || m.usable != e->said.usable)
		e->told = false;
	if (e->told && in->now_ns < e->next_ns)
		return;
	out->send = true;
	out->message = m;
	e->said = m;
	e->told = true;
	e->seq = m.seq;
	e->sent_ns[m.seq % BH_PAIR_SENT] = in->now_ns;
	e->next_ns = in->now_ns + e->rules.hello_ns;
}

void
bh_pair_elect_turn(struct bh_pair_elect *e, const struct bh_pair_input *in,
		   struct bh_pair_output *out)
{
	enum bh_pair_role before = e->role;

	*out = (struct bh_pair_output){0};
	if (in->leaving || in->usable == 0) {
		e->plain = 0;
		if (e->role != BH_PAIR_INIT)
			become(e, in, BH_PAIR_INIT,
			       in->leaving ? BH_PAIR_LEAVING : BH_PAIR_LINKS_DOWN);
	} else if (e->role == BH_PAIR_INIT) {
		e->plain = 0;
		become(e, in, BH_PAIR_STANDBY, BH_PAIR_LINKS_UP);
	} else if (e->role == BH_PAIR_STANDBY) {
		standby(e, in);
	} else {
		active(e, in);
	}
	out->changed = e->role != before;
	out->until_ns = e->until_ns;
	tell(e, in, out);
}
