/* From events and open flows to conversations. */
#include <stdlib.h>

#include "learn_priv.h"

/* What both an event and an open flow say of a connection, turned to client and server. */
struct sight {
	const struct bh_flow_key *key;
	unsigned initiator;
	uint32_t segment[2]; /* by end of the key */
	uint16_t icmp;       /* type << 8 | code */
	uint8_t app, verdict, reason, state;
	const uint8_t *tcp_seen; /* by end */
	uint32_t rule;
	const uint64_t *bytes; /* by end */
	uint64_t now_ns;
	bool ended;   /* counts as a session */
	bool decided; /* nothing more is asked about its application */
	bool alert;
	bool app_done;
};

static int
seen_of(const struct sight *s)
{
	switch (s->verdict) {
	case BH_VERDICT_ALLOW:
		if (s->reason != BH_REASON_DISCOVER)
			return BH_SEEN_RULE;
		/* Discover passes what a rule denies: that is not to be learned. */
		return s->rule == UINT32_MAX ? BH_SEEN_LEARNED : BH_SEEN_VIOLATED;
	case BH_VERDICT_VIOLATE:
		return BH_SEEN_VIOLATED;
	case BH_VERDICT_DENY:
	case BH_VERDICT_REJECT:
		return BH_SEEN_BLOCKED;
	default:
		return -1;
	}
}

static uint32_t
service_of(const struct sight *s)
{
	uint32_t proto = (uint32_t)s->key->proto << 16;

	switch (s->key->proto) {
	case 6:
	case 17:
	case 132:
		return proto | s->key->port[1 - s->initiator];
	case 1:
	case 58:
		return proto | s->icmp;
	default:
		return proto;
	}
}

/* A connection that both ends agreed to. Not TCP: one datagram is enough (syslog is never answered). */
static bool
was_answered(const struct sight *s)
{
	uint8_t server = s->tcp_seen[1 - s->initiator], client = s->tcp_seen[s->initiator];

	if (s->key->proto != 6)
		return true;
	return s->state != BH_STATE_SYN_SENT && s->state != BH_STATE_SYN_RECEIVED &&
	       (server & BH_TCP_ACK) != 0 && (client & BH_TCP_ACK) != 0 &&
	       ((server & BH_TCP_SYN) != 0 || (client & BH_TCP_SYN) == 0);
}

/* Picked up in the middle: who opened it is a guess, which holds where only one of the ports can be a server's. */
static bool
opener_is_known(const struct sight *s)
{
	uint16_t server = s->key->port[1 - s->initiator], client = s->key->port[s->initiator];

	return s->key->proto != 6 || (s->tcp_seen[s->initiator] & BH_TCP_SYN) != 0 ||
	       (server < 1024 && client >= 1024);
}

/* Who is at an end: its segment; an address that is in none is itself, or when the other side has met many, any. */
static uint32_t
party_of(struct bh_learn *l, const struct sight *s, unsigned end, uint32_t other)
{
	uint32_t segment = s->segment[end], whole, host;
	unsigned dir =
		end == s->initiator ? 1 : 0; /* of the other: it meets a client, or a server */
	char name[BH_LEARN_NAME];

	whole = bh_learn_party_segment(l, segment);
	if (whole == BH_LEARN_NONE || !l->party[whole].whole)
		return whole;
	bh_learn_host_name(s->key->addr[end].b, s->key->family, name);
	host = bh_learn_party_find(l, name);
	if (other == BH_LEARN_NONE)
		goto add;
	if (host != BH_LEARN_NONE && bh_learn_pair_find(l, dir == 1 ? host : other,
							dir == 1 ? other : host) != BH_LEARN_NONE)
		goto found;
	if (l->party[other].met[dir] >= l->p.addresses)
		return whole;
add:
	if (host == BH_LEARN_NONE)
		host = bh_learn_party_add(l, name);
	if (host == BH_LEARN_NONE)
		return whole;
found:
	l->party[host].reserved = (uint8_t)(segment + 1);
	return host;
}

/* Segments first: how many single addresses are met is counted by whom they meet. */
static bool
parties_of(struct bh_learn *l, const struct sight *s, struct bh_learn_key *k)
{
	unsigned from = s->initiator, to = 1 - from;
	uint32_t segment = bh_learn_party_segment(l, s->segment[from]);

	if (segment != BH_LEARN_NONE && !l->party[segment].whole) {
		k->from = segment;
		k->to = party_of(l, s, to, segment);
	} else {
		segment = bh_learn_party_segment(l, s->segment[to]);
		if (segment != BH_LEARN_NONE && l->party[segment].whole)
			segment = party_of(l, s, to, BH_LEARN_NONE);
		k->to = segment;
		k->from = segment != BH_LEARN_NONE ? party_of(l, s, from, segment) : segment;
	}
	if (k->from != BH_LEARN_NONE && k->to != BH_LEARN_NONE)
		return true;
	bh_learn_no_room(l, k->from, k->to);
	return false;
}

static void
count_session(struct bh_learn_row *r, const struct sight *s, unsigned seen)
{
	unsigned i;

	r->sessions[seen]++;
	r->add_sessions[seen]++;
	for (i = 0; i < 2; i++) {
		uint64_t bytes = s->bytes[i == 0 ? s->initiator : 1 - s->initiator];

		r->bytes[i] += bytes;
		r->add_bytes[i] += bytes;
	}
}

/* What was told of a session that passes is told again at its end, with its application; of one that was refused at once this
 * is all there is. */
static void
see_member(struct bh_learn *l, struct bh_learn_row *r, const struct sight *s, unsigned seen)
{
	struct bh_learn_member m = {
		.last_ns = s->now_ns,
		.tenant = s->key->tenant,
		.family = s->key->family,
		/* A datagram that was refused was not looked at. */
		.undecided = s->app == 0 &&
			     !(s->key->proto == 17 ? seen != BH_SEEN_BLOCKED || s->app_done
						   : s->decided),
	};
	struct bh_learn_member *kept;

	if (s->alert && seen != BH_SEEN_BLOCKED)
		return;
	memcpy(m.address[0], s->key->addr[s->initiator].b, 16);
	memcpy(m.address[1], s->key->addr[1 - s->initiator].b, 16);
	kept = bh_learn_member_see(l, r, &m);
	if (kept != NULL)
		kept->sessions += s->ended;
}

static void
update_row(struct bh_learn *l, struct bh_learn_row *r, const struct sight *s, unsigned seen)
{
	const struct bh_event_names *names = l->p.names;

	r->dirty = true;
	r->here = true;
	if (s->now_ns > r->last_ns)
		r->last_ns = s->now_ns;
	if (s->decided && r->app == 0)
		r->undecided = false;
	if (seen == BH_SEEN_LEARNED && !r->learn) {
		/* Known before as a violation: from here on it is a conversation. */
		r->learn = true;
		if (r->sessions[BH_SEEN_VIOLATED] + r->sessions[BH_SEEN_BLOCKED] != 0)
			r->first_ns = s->now_ns;
	}
	if (seen >= BH_SEEN_VIOLATED)
		r->violation_ns = r->last_ns;
	if (s->ended)
		count_session(r, s, seen);
	else
		r->open_now += !s->alert;
	see_member(l, r, s, seen);
	r->family = s->key->family;
	memcpy(r->address[0], s->key->addr[s->initiator].b, 16);
	memcpy(r->address[1], s->key->addr[1 - s->initiator].b, 16);
	r->tenant = s->key->tenant;
	if (r->rule != s->rule || r->rule_text == NULL) {
		const char *text = s->rule != UINT32_MAX ? names->rule(names->arg, s->rule) : NULL;

		free(r->rule_text);
		r->rule_text = strdup(text != NULL ? text : "");
		r->rule = s->rule;
	}
}

static struct bh_learn_row *
see(struct bh_learn *l, const struct sight *s)
{
	struct bh_learn_key k = {.service = service_of(s), .app = s->app};
	struct bh_learn_row *r;
	int seen = seen_of(s);

	if (seen < 0 || s->segment[0] == UINT32_MAX || s->segment[1] == UINT32_MAX)
		return NULL;
	if (seen < BH_SEEN_BLOCKED && !opener_is_known(s)) {
		l->c.midstream += s->ended;
		return NULL;
	}
	if (seen < BH_SEEN_BLOCKED && !s->alert && !was_answered(s)) {
		l->c.unanswered += s->ended;
		return NULL;
	}
	/* Open and not named yet: the next look knows more. */
	if (!s->ended && !s->alert && s->app == 0 && !s->decided)
		return NULL;
	if (!parties_of(l, s, &k))
		return NULL;
	r = bh_learn_row_find(l, &k);
	if (r == NULL)
		r = bh_learn_row_add(l, &k, s->now_ns);
	if (r != NULL)
		update_row(l, r, s, (unsigned)seen);
	return r;
}

static struct sight
sight_of_event(const struct bh_event *e)
{
	return (struct sight){
		.key = &e->key,
		.initiator = e->initiator & 1u,
		.segment = {e->segment[0], e->segment[1]},
		.icmp = e->service,
		.app = (uint8_t)e->app,
		.verdict = e->verdict,
		.reason = e->reason,
		.state = e->flow_state,
		.tcp_seen = e->tcp_seen,
		.rule = e->rule,
		.bytes = e->bytes,
		.now_ns = e->time_ns,
		.ended = e->type == BH_EVENT_FLOW,
		/* Of datagrams each was looked at. */
		.decided = e->app_done != 0 || e->key.proto == 17,
		.alert = e->type == BH_EVENT_VIOLATION,
		.app_done = e->app_done != 0,
	};
}

/* Its words go to the conversation that it belongs to, if that is to be learned. */
static void
see_operation(struct bh_learn *l, const struct bh_event *e)
{
	struct sight s = sight_of_event(e);
	bool said[BH_OP_FIELD_COUNT] = {false}, any = false;
	struct bh_learn_row *r;
	uint32_t cursor = 0, len;
	const uint8_t *at;
	uint8_t field;

	s.alert = true; /* no session, and not open: only its row */
	if (seen_of(&s) > BH_SEEN_LEARNED)
		return;
	r = see(l, &s);
	if (r == NULL)
		return;
	while (bh_event_text_next(e, &cursor, &field, &at, &len)) {
		if (field >= BH_OP_FIELD_COUNT || bh_op_field_info(field)->rule_key == NULL)
			continue;
		any = said[field] = true;
	}
	/* An answer's status, or the like: no operation of its own. */
	if (!any)
		return;
	bh_learn_values_lacking(r, said);
	cursor = 0;
	while (bh_event_text_next(e, &cursor, &field, &at, &len)) {
		if (field < BH_OP_FIELD_COUNT && said[field])
			bh_learn_value_add(r, field, (const char *)at, len);
	}
}

void
bh_learn_events(struct bh_learn *l, const struct bh_event *e, unsigned n)
{
	const struct bh_event *end = e + n;

	pthread_mutex_lock(&l->lock);
	for (; e < end; e = bh_event_after(e)) {
		struct sight s;

		if (e->type == BH_EVENT_OPERATION && l->p.operations)
			see_operation(l, e);
		if ((e->type != BH_EVENT_FLOW && e->type != BH_EVENT_VIOLATION) || !e->has_flow)
			continue;
		s = sight_of_event(e);
		see(l, &s);
	}
	pthread_mutex_unlock(&l->lock);
}

void
bh_learn_look_begin(struct bh_learn *l)
{
	uint32_t i;

	pthread_mutex_lock(&l->lock);
	for (i = 0; i < l->n_rows; i++)
		l->row[i].open_now = 0;
	pthread_mutex_unlock(&l->lock);
}

void
bh_learn_look_flow(struct bh_learn *l, const struct bh_flow *f)
{
	const struct sight s = {
		.key = &f->key,
		.initiator = f->flags & BH_FLAG_INITIATOR,
		.segment = {f->segment[0], f->segment[1]},
		.icmp = (uint16_t)(f->tcp_seen[0] << 8 | f->tcp_seen[1]),
		.app = f->app,
		.verdict = f->verdict == BH_VERDICT_PENDING && f->app != 0 ? BH_VERDICT_ALLOW
									   : f->verdict,
		.reason = f->reason,
		.state = f->state,
		.tcp_seen = f->tcp_seen,
		.rule = f->rule,
		.bytes = f->bytes,
		.now_ns = l->clock->wall_ns(l->clock->arg),
		.decided = (f->flags & BH_FLAG_APP_DONE) != 0,
		.app_done = (f->flags & BH_FLAG_APP_DONE) != 0,
	};

	pthread_mutex_lock(&l->lock);
	see(l, &s);
	pthread_mutex_unlock(&l->lock);
}

void
bh_learn_look_end(struct bh_learn *l)
{
	uint32_t i;

	pthread_mutex_lock(&l->lock);
	for (i = 0; i < l->n_rows; i++)
		l->row[i].open = l->row[i].open_now;
	pthread_mutex_unlock(&l->lock);
}
