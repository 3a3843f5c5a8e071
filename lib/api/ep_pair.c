/* /pair: this gateway, the one on a path beside it, and which of the two forwards. */
#include "api_priv.h"

static json_t *
own_json(const struct bh_api_req *req, const struct bh_pair_status *s)
{
	const struct bh_config *c = req->api->p.config;

	return json_pack("{s:s, s:s, s:b, s:I, s:I, s:o, s:s}", "name", "self", "role",
			 bh_pair_role_name(s->role), "alive", true, "priority",
			 (json_int_t)c->pair_priority, "pairs_up", (json_int_t)s->usable, "since",
			 bh_api_time(s->since_ns), "cause", bh_pair_cause_text(s->cause));
}

static json_t *
twin_json(const struct bh_pair_status *s)
{
	bool ever = s->peer_heard_ns != 0;

	return json_pack("{s:s, s:o, s:b, s:I, s:I, s:o, s:s}", "name", "twin", "role",
			 s->peer_alive ? json_string(bh_pair_role_name(s->peer_role)) : json_null(),
			 "alive", s->peer_alive, "priority", (json_int_t)s->peer_priority,
			 "pairs_up", (json_int_t)s->peer_usable, "since",
			 ever ? bh_api_time(s->peer_heard_ns) : json_null(), "cause",
			 s->peer_alive ? ""
			 : ever        ? "it is silent since"
				       : "it was never heard");
}

static json_t *
channel_json(const struct bh_pair_status *s)
{
	return json_pack("{s:b, s:b, s:I, s:I, s:I, s:I, s:o}", "linked", s->linked, "ready",
			 s->ready, "joins", (json_int_t)s->joins, "ends", (json_int_t)s->macs,
			 "sent_bytes", (json_int_t)s->sent_bytes, "received_bytes",
			 (json_int_t)s->got_bytes, "trouble", bh_api_str(s->trouble));
}

static json_t *
flows_json(const struct bh_api_pair_flows *f)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "told", (json_int_t)f->told,
			 "walks", (json_int_t)f->walks, "adopted", (json_int_t)f->adopted,
			 "renewed", (json_int_t)f->renewed, "ended", (json_int_t)f->ended,
			 "left_out", (json_int_t)f->left_out, "cut", (json_int_t)f->cut);
}

void
bh_api_ep_pair_get(struct bh_api_req *req)
{
	struct bh_pair *p = req->api->p.pair;
	const struct bh_api_ops *ops = &req->api->p.ops;
	json_t *items = json_array();
	struct bh_api_pair_flows flows = {0};
	struct bh_pair_status s = {0};

	if (p != NULL) {
		if (ops->pair_flows != NULL)
			ops->pair_flows(ops->arg, &flows);
		bh_pair_status(p, &s);
		json_array_append_new(items, own_json(req, &s));
		json_array_append_new(items, twin_json(&s));
	}
	bh_api_json(req, 200,
		    json_pack("{s:b, s:s, s:I, s:I, s:o, s:o, s:o, s:I, s:I, s:I}", "configured",
			      p != NULL, "role", p != NULL ? bh_pair_role_name(s.role) : "alone",
			      "term", (json_int_t)s.term, "changes", (json_int_t)s.changes, "items",
			      items, "channel", channel_json(&s), "flows", flows_json(&flows),
			      "hellos", (json_int_t)s.heard, "hellos_ignored",
			      (json_int_t)s.ignored, "refused", (json_int_t)s.refused));
}
