/* /flows: open flows, copied out of the workers' tables by the workers themselves. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "../proto/proto.h"
#include "api_priv.h"

/* ---- filters ----------------------------------------------------------------------------------------- */

static bool
fail_arg(struct bh_api_req *req, const char *name, const char *what)
{
	bh_api_fail(req, BH_PROBLEM_ARGUMENT, &(struct bh_api_where){.argument = name}, "%s", what);
	return false;
}

static bool
filter_address(struct bh_api_req *req, struct bh_flow_query *q)
{
	const char *s = bh_api_arg(req, "address");
	struct bh_err err = {0};

	return s == NULL || bh_prefix_parse(s, &q->address, &err) == 0 ||
	       fail_arg(req, "address", err.what);
}

/* bh_proto_format is the one list of names: a name is looked for among its 256 answers. */
static bool
filter_proto(struct bh_api_req *req, struct bh_flow_query *q)
{
	const char *s = bh_api_arg(req, "proto");
	char name[32], number[8];
	unsigned i;

	if (s == NULL)
		return true;
	for (i = 1; i < 256; i++) {
		snprintf(number, sizeof(number), "%u", i);
		if (strcmp(s, number) == 0 ||
		    strcmp(s, bh_proto_format((uint8_t)i, name, sizeof(name))) == 0) {
			q->proto = (uint8_t)i;
			return true;
		}
	}
	return fail_arg(req, "proto", "must be tcp, udp, icmp, ... or a number from 1 to 255");
}

static bool
filter_verdict(struct bh_api_req *req, struct bh_flow_query *q)
{
	const char *s = bh_api_arg(req, "verdict");
	unsigned i;

	if (s == NULL)
		return true;
	for (i = BH_VERDICT_NONE + 1; i < BH_VERDICT_COUNT; i++) {
		if (strcmp(s, bh_verdict_name(i)) == 0) {
			q->verdict = (uint8_t)i;
			return true;
		}
	}
	return fail_arg(req, "verdict", "must be allow, violate, deny, reject or pending");
}

/* The first state is number 0, which means "any" in a query: it goes in plus one. */
static bool
filter_state(struct bh_api_req *req, struct bh_flow_query *q)
{
	const char *s = bh_api_arg(req, "state");
	unsigned i;

	if (s == NULL)
		return true;
	for (i = 0; i < BH_STATE_COUNT; i++) {
		if (strcmp(s, bh_flow_state_name(i)) == 0) {
			q->state = (uint8_t)(i + 1);
			return true;
		}
	}
	return fail_arg(req, "state",
			"must be new, replied, icmp, syn_sent, syn_received, established, "
			"fin_wait, closing, closed or refused");
}

struct find {
	const char *name;
	uint32_t id;
};

static bool
find_segment(void *arg, const struct bh_segment_info *s)
{
	struct find *f = arg;

	if (strcmp(s->name, f->name) != 0)
		return true;
	f->id = s->id;
	return false;
}

static bool
filter_segment(struct bh_api_req *req, struct bh_flow_query *q)
{
	struct find f = {.name = bh_api_arg(req, "segment"), .id = UINT32_MAX};

	if (f.name != NULL) {
		bh_policy_segments_each(req->api->p.policy, find_segment, &f);
		if (f.id == UINT32_MAX)
			return fail_arg(req, "segment", "no segment has this name");
	}
	q->segment = f.id;
	return true;
}

static bool
filters(struct bh_api_req *req, struct bh_flow_query *q)
{
	uint64_t port = 0;
	size_t limit;

	if (!bh_api_arg_limit(req, &limit) ||
	    !bh_api_arg_u64(req, "cursor", UINT64_MAX, &q->cursor) ||
	    !bh_api_arg_u64(req, "port", UINT16_MAX, &port))
		return false;
	q->max = (unsigned)limit;
	q->port = (uint16_t)port;
	return filter_address(req, q) && filter_proto(req, q) && filter_verdict(req, q) &&
	       filter_state(req, q) && filter_segment(req, q);
}

/* ---- JSON -------------------------------------------------------------------------------------------- */

static bool
has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

static json_t *
end_json(struct bh_api_req *req, const struct bh_flow *f, unsigned end)
{
	char address[BH_ADDR_STRLEN];
	json_t *o = json_object();

	json_object_set_new(o, "address",
			    json_string(bh_addr_format(f->key.family, f->key.addr[end].b, address,
						       sizeof(address))));
	if (has_ports(f->key.proto))
		json_object_set_new(o, "port", json_integer(f->key.port[end]));
	json_object_set_new(o, "segment",
			    bh_api_str(
				    bh_policy_segment_name(req->api->p.policy, f->segment[end])));
	json_object_set_new(o, "packets", json_integer(f->packets[end]));
	json_object_set_new(o, "bytes", json_integer((json_int_t)f->bytes[end]));
	return o;
}

/* How its application was proven: "client's first 2 packets". */
static const char *
proof_text(const struct bh_flow *f, char *out, size_t size)
{
	static const char *const sides[] = {"", "client's ", "server's ", "both sides' "};
	unsigned n = f->app_proof & BH_PROOF_PACKETS;

	snprintf(out, size, "%sfirst %u packet%s", sides[f->app_proof / BH_PROOF_CLIENT], n,
		 n == 1 ? "" : "s");
	return out;
}

/* src is who opened the flow. The id is EVE's flow_id, in a string: it has 63 bits, and many JSON
 * readers keep 53. */
static json_t *
flow_json(struct bh_api_req *req, const struct bh_flow_copy *c)
{
	static const char *const tunnels[] = {"", "vxlan", "geneve", "gre", "ipip"};
	const struct bh_flow *f = &c->flow;
	unsigned src = f->flags & BH_FLAG_INITIATOR;
	char id[24], proto[32], proof[48];
	json_t *o = json_object();

	snprintf(id, sizeof(id), "%llu", (unsigned long long)c->id);
	json_object_set_new(o, "id", json_string(id));
	json_object_set_new(o, "proto",
			    json_string(bh_proto_format(f->key.proto, proto, sizeof(proto))));
	json_object_set_new(o, "src", end_json(req, f, src));
	json_object_set_new(o, "dst", end_json(req, f, src ^ 1));
	bh_api_json_tenant(o, f->key.tenant);
	if (f->key.tunnel != BH_TUNNEL_NONE && f->key.tunnel < BH_ARRAY_SIZE(tunnels))
		json_object_set_new(o, "tunnel", json_string(tunnels[f->key.tunnel]));
	json_object_set_new(o, "pair", json_integer(f->key.pair));
	json_object_set_new(o, "application",
			    f->app == BH_APP_UNKNOWN ? json_null()
						     : json_string(bh_app_name(f->app)));
	if (f->app != BH_APP_UNKNOWN)
		json_object_set_new(o, "proof", json_string(proof_text(f, proof, sizeof(proof))));
	json_object_set_new(o, "state", json_string(bh_flow_state_name(f->state)));
	json_object_set_new(o, "verdict", json_string(bh_verdict_name(f->verdict)));
	json_object_set_new(o, "reason", json_string(bh_reason_name(f->reason)));
	json_object_set_new(o, "mode", json_string(bh_mode_name(f->mode)));
	json_object_set_new(o, "rule",
			    f->rule == BH_NO_RULE
				    ? json_null()
				    : bh_api_str(bh_policy_rule_name(req->api->p.policy, f->rule)));
	json_object_set_new(o, "start", bh_api_time(f->start_ns));
	json_object_set_new(o, "idle_ms", json_integer(c->idle_ms));
	json_object_set_new(o, "worker", json_integer(c->worker));
	return o;
}

static void
reply(struct bh_api_req *req, const struct bh_flow_query *q, const struct bh_flow_copy *copy, int n)
{
	json_t *items = json_array();
	char next[24];
	int i;

	for (i = 0; i < n; i++)
		json_array_append_new(items, flow_json(req, &copy[i]));
	snprintf(next, sizeof(next), "%llu", (unsigned long long)q->cursor);
	bh_api_json(req, 200,
		    json_pack("{s:o, s:o}", "items", items, "next",
			      q->cursor != 0 ? json_string(next) : json_null()));
}

void
bh_api_ep_flows_list(struct bh_api_req *req)
{
	const struct bh_api_ops *ops = &req->api->p.ops;
	struct bh_flow_query q = {.segment = UINT32_MAX};
	struct bh_flow_copy *copy;
	int n;

	if (!filters(req, &q))
		return;
	copy = calloc(q.max, sizeof(*copy));
	if (copy == NULL) {
		bh_api_fail(req, BH_PROBLEM_FULL, NULL, "no memory for the answer");
		return;
	}
	n = ops->flows(ops->arg, &q, copy);
	if (n >= 0)
		reply(req, &q, copy, n);
	else if (n == -ETIMEDOUT)
		bh_api_fail(req, BH_PROBLEM_BUSY, NULL, "a worker did not answer within a second");
	else
		bh_api_fail(req, BH_PROBLEM_INTERNAL, NULL, "flows: %s", strerror(-n));
	free(copy);
}

/* ---- cutting ------------------------------------------------------------------------------------------ */

/* 0, -ENOENT, or what asking the workers said. A page may be empty before the end. */
static int
find_flow(struct bh_api_req *req, uint64_t id, struct bh_flow_copy *out)
{
	const struct bh_api_ops *ops = &req->api->p.ops;
	struct bh_flow_query q = {.segment = UINT32_MAX, .id = id, .max = 1};
	int n;

	do {
		n = ops->flows(ops->arg, &q, out);
		if (n < 0)
			return n;
		if (n == 1 && out->id == id)
			return 0;
	} while (q.cursor != 0);
	return -ENOENT;
}

/* The cut's object, or a refusal. */
static void
cut(struct bh_api_req *req, const struct bh_flow *f, struct bh_response_order *o)
{
	struct bh_response *r = req->api->p.response;
	unsigned end, src = f->flags & BH_FLAG_INITIATOR;
	struct bh_err err = {0};
	struct bh_buf out = {0};
	uint64_t id;
	int rc;

	o->what = (struct bh_restriction){.kind = BH_RESTRICTION_CUT,
					  .tenant = f->key.tenant,
					  .proto = f->key.proto,
					  .last = BH_SERVICE_ANY_LAST};
	for (end = 0; end < 2; end++) {
		struct bh_prefix *p = &o->what.end[end].address;

		p->family = f->key.family;
		p->len = f->key.family == 4 ? 32 : 128;
		memcpy(p->addr, f->key.addr[end ^ src].b, p->len / 8);
		o->what.port[end] = f->key.port[end ^ src];
	}
	rc = bh_response_add(r, o, &id, &err);
	if (rc != 0)
		bh_api_fail(req,
			    rc == -EINVAL || rc == -EPERM   ? BH_PROBLEM_INVALID
			    : rc == -E2BIG || rc == -ENOMEM ? BH_PROBLEM_FULL
							    : BH_PROBLEM_INTERNAL,
			    NULL, "%s", err.what);
	else if (bh_response_get(r, BH_RESTRICTION_BLOCK, id, &out) ||
		 bh_response_get(r, 0, id, &out))
		bh_api_text(req, &out, "application/json");
	else
		bh_api_fail(req, BH_PROBLEM_NOT_FOUND, NULL, "it is over already");
	bh_buf_free(&out);
}

void
bh_api_ep_flows_delete(struct bh_api_req *req)
{
	const char *why = bh_api_arg(req, "why");
	struct bh_response_order o = {.why = why};
	char actor[BH_API_ACTOR_MAX], *end = NULL;
	struct bh_flow_copy flow;
	uint64_t id = 0;
	int rc = -ENOENT;

	if (!bh_api_arg_ms(req, "for", &o.for_ms) ||
	    !bh_api_actor(req, bh_api_arg(req, "author"), why, actor))
		return;
	o.by = actor;
	if (req->param[0] >= '1' && req->param[0] <= '9')
		id = strtoull(req->param, &end, 10);
	if (id != 0 && *end == '\0' && req->api->p.response != NULL)
		rc = find_flow(req, id, &flow);
	if (rc == 0)
		cut(req, &flow.flow, &o);
	else if (rc == -ENOENT)
		bh_api_fail(req, BH_PROBLEM_NOT_FOUND, NULL, "no open flow has this id");
	else
		bh_api_fail(req, BH_PROBLEM_BUSY, NULL, "a worker did not answer within a second");
}

/* A session as GET /flows shows it, with what it was judged before. */
static json_t *
swept_json(struct bh_api_req *req, const struct bh_api_swept *s)
{
	struct bh_flow_copy now = s->flow;
	json_t *o;

	now.flow.verdict = s->verdict;
	now.flow.reason = s->reason;
	now.flow.rule = s->rule;
	memcpy(now.flow.segment, s->segment, sizeof(now.flow.segment));
	o = flow_json(req, &now);
	json_object_set_new(o, "verdict_before",
			    json_string(bh_verdict_name(s->flow.flow.verdict)));
	json_object_set_new(o, "rule_before",
			    bh_api_str(bh_policy_rule_name(req->api->p.policy, s->flow.flow.rule)));
	return o;
}

void
bh_api_put_sweep(struct bh_api_req *req, const struct bh_api_sweep *s, json_t *answer)
{
	json_t *items = json_array();
	unsigned i;

	if (!s->known) {
		json_decref(items);
		return;
	}
	for (i = 0; i < s->n; i++)
		json_array_append_new(items, swept_json(req, &s->item[i]));
	json_object_set_new(answer, "sessions",
			    json_pack("{s:I, s:I, s:b, s:o}", "judged", (json_int_t)s->judged,
				      "changed", (json_int_t)s->changed, "complete", s->complete,
				      "items", items));
}
