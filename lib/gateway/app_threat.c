/* Threats in what applications say: the bytes of examined connections, and DNS datagrams, to the detectors of lib/threat.
 *
 * TCP: while one of their threats is on, each connection whose start was seen is examined (app_tcp.c), whatever
 * decided about it, until its detector has seen all it ever will. While one of them does more than alert, its bytes wait
 * for the detectors, so that what is refused has not passed. Where no context is free a connection that is allowed passes
 * unseen (apps_unasked). */
#include <errno.h>
#include <stdlib.h>

#include "../threat/threat_app.h"
#include "app_threat.h"
#include "threat_state.h"

#define TUNNELS 8192u /* sources and domains counted at once */

struct bh_app_threat {
	struct bh_threat_conn *conn; /* of the context of this index */
	struct bh_threat_tunnels *tunnels;
	struct bh_threat_ctx ctx;
	struct bh_worker *worker;
	bool tcp;  /* one that is seen in connections is on */
	bool acts; /* one of these does more than alert */
	bool dns;  /* one that is seen in datagrams is on */
	/* what is being read */
	const struct bh_flow *flow;
	const struct bh_packet *p; /* or NULL */
	uint8_t action;            /* the strictest that was asked for; enum bh_threat_action */
};

/* Seen in connections alone: DNS is looked at there, too, when one of these is on. */
static const uint8_t in_connections[] = {
	BH_THREAT_DNS_TRANSFER,
	BH_THREAT_SSH_1,
	BH_THREAT_HEARTBLEED,
	BH_THREAT_CIPHER_OVERFLOW,
	BH_THREAT_SSL,
	BH_THREAT_TLS_1_0,
	BH_THREAT_TLS_1_1,
	BH_THREAT_TLS_FLOOR,
	BH_THREAT_WEAK_CIPHER,
	BH_THREAT_CERTIFICATE,
	BH_THREAT_HTTP_LENGTH,
	BH_THREAT_SMUGGLING,
	BH_THREAT_SLOW_HEAD,
	BH_THREAT_SLOW_BODY,
	BH_THREAT_SLOW_READ,
	BH_THREAT_H2_RESET,
	BH_THREAT_H2_CONTINUATION,
	BH_THREAT_H2_SETTINGS,
	BH_THREAT_H2_PING,
	BH_THREAT_MYSQL_DENIED,
	BH_THREAT_BRUTE_FORCE,
};
static const uint8_t in_dns[] = {
	BH_THREAT_DNS_LOOP, BH_THREAT_DNS_OVERFLOW, BH_THREAT_DNS_TRANSFER,
	BH_THREAT_DNS_NULL, BH_THREAT_DNS_TUNNEL,
};

static void
report(struct bh_app_threat *s, unsigned threat, uint64_t count, const char *detail)
{
	struct bh_threat_case k = {.p = s->p,
				   .f = s->flow,
				   .threat = (enum bh_threat)threat,
				   .source = s->flow->flags & BH_FLAG_INITIATOR,
				   .count = count,
				   .detail = detail};
	enum bh_threat_action action = bh_threat_report(s->worker, &k);

	if (action > s->action)
		s->action = (uint8_t)action;
}

static void
hit(void *arg, unsigned threat, const char *text)
{
	report(arg, threat, 0, text);
}

/* Counted by source, service and application: a log-in that fails somewhere else is another's. */
static void
failed(void *arg, unsigned app, unsigned n)
{
	struct bh_app_threat *s = arg;
	struct bh_worker *w = s->worker;
	struct bh_threat_state *state = w->threat;
	const struct bh_threat_rule *rule = &w->config->threat[BH_THREAT_BRUTE_FORCE];
	const struct bh_flow_key *key = &s->flow->key;
	unsigned client = s->flow->flags & BH_FLAG_INITIATOR;
	struct bh_threat_cell *cell;
	enum bh_threat_level level;
	uint64_t id;

	if (!rule->on)
		return;
	id = bh_threat_id(&state->secret, key, 1 - client,
			  (uint64_t)key->port[1 - client] << 16 | BH_SALT_LOGINS);
	cell = bh_threat_cell(w, key, client, id ^ app);
	level = bh_threat_meter(cell, n, w->now_ms, rule->window_ms, rule->threshold);
	if (level == BH_THREAT_RISES || level == BH_THREAT_OVER)
		report(s, BH_THREAT_BRUTE_FORCE, cell->count, bh_app_name(app));
}

static void
asked(void *arg, const struct bh_threat_question *q)
{
	struct bh_app_threat *s = arg;
	uint64_t source;

	if (!bh_threat_on(s->worker, BH_THREAT_DNS_TUNNEL))
		return;
	source = bh_threat_id(&s->worker->threat->secret, &s->flow->key,
			      s->flow->flags & BH_FLAG_INITIATOR, BH_SALT_TUNNEL);
	bh_threat_tunnels_ask(s->tunnels, &s->ctx, source, q);
}

static bool
any_on(const struct bh_config *c, const uint8_t *threat, size_t n, bool acts)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (c->threat[threat[i]].on &&
		    (!acts || c->threat[threat[i]].action != BH_THREAT_ALERT))
			return true;
	}
	return false;
}

int
bh_app_threat_create(struct bh_worker *w)
{
	const struct bh_config *c = w->config;
	bool tcp = any_on(c, in_connections, BH_ARRAY_SIZE(in_connections), false);
	bool dns = any_on(c, in_dns, BH_ARRAY_SIZE(in_dns), false);
	struct bh_app_threat *s;

	if (!tcp && !dns)
		return 0;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	w->app_threat = s;
	s->worker = w;
	s->tcp = tcp;
	s->dns = dns;
	s->acts = any_on(c, in_connections, BH_ARRAY_SIZE(in_connections), true) ||
		  any_on(c, in_dns, BH_ARRAY_SIZE(in_dns), true);
	s->ctx = (struct bh_threat_ctx){
		.rule = c->threat, .hit = hit, .failed = failed, .asked = asked, .arg = s};
	if (tcp) {
		s->conn = bh_mem_map((c->app_contexts + 1) * sizeof(*s->conn), false, NULL);
		if (s->conn == NULL)
			return -ENOMEM;
	}
	return c->threat[BH_THREAT_DNS_TUNNEL].on ? bh_threat_tunnels_create(&s->tunnels, TUNNELS)
						  : 0;
}

void
bh_app_threat_destroy(struct bh_worker *w)
{
	struct bh_app_threat *s = w->app_threat;

	if (s == NULL)
		return;
	bh_threat_tunnels_destroy(s->tunnels);
	if (s->conn != NULL)
		bh_mem_unmap(s->conn, (w->config->app_contexts + 1) * sizeof(*s->conn));
	free(s);
	w->app_threat = NULL;
}

bool
bh_app_threat_wants(const struct bh_worker *w)
{
	return w->app_threat != NULL && w->app_threat->tcp;
}

bool
bh_app_threat_holds(const struct bh_worker *w)
{
	return w->app_threat != NULL && w->app_threat->tcp && w->app_threat->acts;
}

/* ---- connections -------------------------------------------------------------------------------------- */

/* What detectors call is about this flow. What they ask to be done is left in the context. */
static struct bh_threat_conn *
enter(struct bh_worker *w, const struct bh_app_context *c, const struct bh_packet *p)
{
	struct bh_app_threat *s = w->app_threat;

	s->flow = c->flow;
	s->p = p;
	s->action = BH_THREAT_ALERT;
	s->ctx.now_ms = w->now_ms;
	s->ctx.wall_s = w->wall_ns / BH_NS_PER_SEC;
	return &s->conn[c - w->app];
}

static void
leave(const struct bh_worker *w, struct bh_app_context *c)
{
	if (w->app_threat->action > c->threat_action)
		c->threat_action = w->app_threat->action;
	w->app_threat->p = NULL;
}

bool
bh_app_threat_begin(struct bh_worker *w, struct bh_app_context *c)
{
	unsigned i, side;

	if (!bh_app_threat_wants(w) || c->threat || c->stream == NULL ||
	    c->phase != BH_APP_NAMING ||
	    !bh_threat_conn_open(&w->app_threat->conn[c - w->app], c->state.app))
		return false;
	c->threat = true;
	for (i = 0; i < 2; i++) {
		side = i == 0 ? c->first : 1u - c->first;
		if (c->side[side].len != 0)
			bh_app_threat_feed(w, c, side, c->u.data[side], c->side[side].len, false);
		/* A window that was full had ended for the detectors of applications, not for the stream. */
		c->side[side].ended = false;
	}
	return true;
}

void
bh_app_threat_feed(struct bh_worker *w, struct bh_app_context *c, unsigned side, const uint8_t *at,
		   uint32_t n, bool ended)
{
	struct bh_threat_conn *conn;

	if (!c->threat)
		return;
	conn = enter(w, c, NULL);
	bh_threat_conn_feed(conn, &w->app_threat->ctx, side, at, n, ended);
	leave(w, c);
}

/* Has the client said the beginning of a request, and of nothing else? */
static bool
begins_request(const uint8_t *at, uint32_t n)
{
	static const char *const method[] = {"GET ",     "POST ",  "HEAD ",    "PUT ",  "DELETE ",
					     "OPTIONS ", "PATCH ", "CONNECT ", "TRACE "};
	size_t i, len;

	for (i = 0; i < BH_ARRAY_SIZE(method); i++) {
		len = strlen(method[i]);
		if (memcmp(at, method[i], n < len ? n : len) == 0)
			return true;
	}
	return false;
}

/* A request that never gets so far as to be one: its line comes byte by byte. */
static void
check_naming(struct bh_worker *w, struct bh_app_context *c)
{
	const struct bh_threat_rule *rule = &w->config->threat[BH_THREAT_SLOW_HEAD];
	struct bh_app_threat *s = w->app_threat;

	if (!rule->on || c->slow_told || c->stream == NULL || c->side[0].len == 0 ||
	    c->side[1].len != 0 || c->state.decided || !bh_proto_possible(&c->state, BH_APP_HTTP) ||
	    !begins_request(c->u.data[0], c->side[0].len) ||
	    w->now_ms - c->opened_ms < rule->window_ms)
		return;
	c->slow_told = true;
	s->flow = c->flow;
	s->p = NULL;
	s->action = BH_THREAT_ALERT;
	hit(s, BH_THREAT_SLOW_HEAD, "a request's line is not complete");
	leave(w, c);
}

void
bh_app_threat_tick(struct bh_worker *w, struct bh_app_context *c)
{
	struct bh_threat_conn *conn;

	if (!bh_app_threat_wants(w) || c->stream == NULL)
		return;
	if (c->phase == BH_APP_NAMING)
		check_naming(w, c);
	if (!c->threat)
		return;
	conn = enter(w, c, NULL);
	bh_threat_conn_tick(conn, &w->app_threat->ctx, bh_stream_window(c->stream, 0));
	leave(w, c);
}

void
bh_app_threat_end(struct bh_worker *w, struct bh_app_context *c)
{
	struct bh_threat_conn *conn;

	if (!c->threat || c->flow == NULL)
		return;
	conn = enter(w, c, NULL);
	bh_threat_conn_close(conn, &w->app_threat->ctx);
	leave(w, c);
	c->threat = false;
}

bool
bh_app_threat_obey(struct bh_worker *w, const struct bh_app_case *k)
{
	struct bh_app_context *c = k->c;
	struct bh_app_case told = *k;
	uint8_t action = c->threat_action;

	if (action != BH_THREAT_ALERT && c->hold) {
		c->threat_action = BH_THREAT_ALERT;
		told.told = true;
		return bh_app_refuse(w, &told, BH_REASON_THREAT,
				     action == BH_THREAT_RESET ? BH_DENIED_RESET : BH_DENIED_DROP);
	}
	if (c->threat && w->app_threat->conn[c - w->app].done) {
		bh_app_threat_end(w, c);
		if (c->phase == BH_APP_INSPECTION && c->inspect == 0)
			bh_app_let_go(w, c);
	}
	return true;
}

/* ---- where it goes ------------------------------------------------------------------------------------------ */

void
bh_app_threat_external(struct bh_worker *w, struct bh_packet *p)
{
	struct bh_flow *f = p->flow;
	unsigned client = f->flags & BH_FLAG_INITIATOR, i;
	struct bh_prefix to = {.family = f->key.family, .len = f->key.family == 4 ? 32 : 128};
	struct bh_threat_case k = {.p = p,
				   .f = f,
				   .threat = BH_THREAT_EXTERNAL_IP,
				   .source = client};

	/* Who is no endpoint has every reason to come in by it. */
	if (!bh_threat_on(w, BH_THREAT_EXTERNAL_IP) || f->slot[client] == 0)
		return;
	memcpy(to.addr, f->key.addr[1 - client].b, f->key.family == 4 ? 4 : 16);
	for (i = 0; i < w->config->n_external_ips; i++) {
		if (bh_prefix_covers(&w->config->external_ip[i], &to))
			break;
	}
	if (i == w->config->n_external_ips)
		return;
	switch (bh_threat_report(w, &k)) {
	case BH_THREAT_ALERT:
		return;
	case BH_THREAT_RESET:
		f->verdict = BH_VERDICT_REJECT;
		break;
	default:
		f->verdict = BH_VERDICT_DENY;
		break;
	}
	f->reason = BH_REASON_THREAT;
	bh_flow_refuse(w, f);
}

/* ---- DNS datagrams ---------------------------------------------------------------------------------------- */

bool
bh_app_threat_keeps(const struct bh_worker *w, const struct bh_flow *f)
{
	return w->app_threat != NULL && w->app_threat->dns && f->app == BH_APP_DNS;
}

void
bh_app_threat_datagram(struct bh_worker *w, struct bh_packet *p)
{
	struct bh_app_threat *s = w->app_threat;
	struct bh_threat_question q;
	uint32_t n = p->h.payload_len;
	const uint8_t *at;

	/* Fragments that wait for one another come as their first; the windows hold what a resolver sends. */
	n = RTE_MIN(n, (uint32_t)sizeof(w->window));
	n = RTE_MIN(n, p->m->pkt_len > p->h.payload_off ? p->m->pkt_len - p->h.payload_off : 0u);
	at = n != 0 ? rte_pktmbuf_read(p->m, p->h.payload_off, n, &w->window[0][0]) : NULL;
	if (at == NULL)
		return;
	s->flow = p->flow;
	s->p = p;
	s->action = BH_THREAT_ALERT;
	s->ctx.now_ms = w->now_ms;
	s->ctx.wall_s = w->wall_ns / BH_NS_PER_SEC;
	if (bh_threat_dns(&s->ctx, at, n, p->h.payload_len, &q) && q.n != 0 &&
	    p->h.from == (p->flow->flags & BH_FLAG_INITIATOR))
		asked(s, &q);
	bh_threat_enforce(p, (enum bh_threat_action)s->action);
	s->p = NULL;
}
