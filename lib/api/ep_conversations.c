/* /conversations: who talked to whom, and how. */
#include <errno.h>
#include <stdio.h>

#include "api_priv.h"

/* Operations: values by "application.key", as rules name them; null stands for more than are kept. */
static json_t *
values_json(const struct bh_conversation *c)
{
	json_t *o = json_object(), *list;
	unsigned i;

	for (i = 0; i < c->n_values; i++) {
		const struct bh_op_field_info *f = bh_op_field_info(c->value[i].field);

		list = json_object_get(o, f->rule_key);
		if (list == NULL) {
			list = json_array();
			json_object_set_new(o, f->rule_key, list);
		}
		json_array_append_new(list, c->value[i].more ? json_null()
							     : bh_api_str(c->value[i].text));
	}
	return o;
}

json_t *
bh_api_json_conversation(const struct bh_conversation *c)
{
	json_t *o, *sessions = json_object();
	char service[32], address[2][64];
	struct bh_prefix p;
	uint64_t total = 0;
	unsigned i;

	for (i = 0; i < BH_SEEN_KINDS; i++) {
		json_object_set_new(sessions, bh_learn_seen_name(i),
				    json_integer((json_int_t)c->sessions[i]));
		total += c->sessions[i];
	}
	for (i = 0; i < 2; i++) {
		p = (struct bh_prefix){.family = c->family, .len = c->family == 4 ? 32 : 128};
		memcpy(p.addr, c->address[i], 16);
		address[i][0] = '\0';
		if (c->family != 0)
			bh_prefix_format(&p, address[i], sizeof(address[i]));
	}
	o = json_pack("{s:o, s:s, s:s, s:s, s:o, s:b, s:I, s:o, s:I, s:I, s:I, s:o, s:o, s:s, s:s, "
		      "s:s, s:o}",
		      "id", json_sprintf("%llu", (unsigned long long)c->id), "from", c->from.name,
		      "to", c->to.name, "service",
		      bh_service_format(c->service, service, sizeof(service)), "application",
		      c->app[0] != '\0' ? json_string(c->app) : json_null(), "learned", c->learn,
		      "sessions", (json_int_t)total, "seen", sessions, "open", (json_int_t)c->open,
		      "bytes_to_server", (json_int_t)c->bytes[0], "bytes_to_client",
		      (json_int_t)c->bytes[1], "first_seen", bh_api_time(c->first_ns), "last_seen",
		      bh_api_time(c->last_ns), "rule", c->rule, "client", address[0], "server",
		      address[1], "operations", values_json(c));
	if (o != NULL)
		bh_api_json_tenant(o, c->tenant);
	return o;
}

/* false: the reply is set. */
static bool
read_filter(struct bh_api_req *req, struct bh_learn_filter *f)
{
	const char *seen = bh_api_arg(req, "seen");
	uint64_t ms = 0;
	int i;

	*f = (struct bh_learn_filter){
		.party = bh_api_arg(req, "party"),
		.from = bh_api_arg(req, "from"),
		.to = bh_api_arg(req, "to"),
		.application = bh_api_arg(req, "application"),
		.seen = -1,
	};
	for (i = 0; seen != NULL && i < BH_SEEN_KINDS; i++) {
		if (strcmp(seen, bh_learn_seen_name((unsigned)i)) == 0)
			f->seen = i;
	}
	if (seen != NULL && f->seen < 0) {
		bh_api_fail(req, BH_PROBLEM_ARGUMENT, &(struct bh_api_where){.argument = "seen"},
			    "must be rule, learned, violated or blocked");
		return false;
	}
	if (!bh_api_arg_ms(req, "since", &ms))
		return false;
	if (ms != 0)
		f->since_ns = bh_clock_system.wall_ns(NULL) - ms * BH_NS_PER_MS;
	return true;
}

struct page {
	json_t *items;
	size_t limit;
	uint64_t last;
	bool more;
};

static bool
page_add(void *arg, const struct bh_conversation *c)
{
	struct page *p = arg;

	if (json_array_size(p->items) == p->limit) {
		p->more = true;
		return false;
	}
	json_array_append_new(p->items, bh_api_json_conversation(c));
	p->last = c->id;
	return true;
}

void
bh_api_ep_conversations_list(struct bh_api_req *req)
{
	struct page p = {.items = NULL};
	struct bh_learn_filter f;
	struct bh_learn_counts n;

	if (!bh_api_has_learn(req) || !read_filter(req, &f) || !bh_api_arg_limit(req, &p.limit) ||
	    !bh_api_arg_u64(req, "cursor", INT64_MAX, &f.after))
		return;
	p.items = json_array();
	bh_learn_each(req->api->p.learn, &f, page_add, &p);
	bh_learn_counts(req->api->p.learn, &n);
	bh_api_json(req, 200,
		    json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "items",
			      p.items, "next",
			      p.more ? json_sprintf("%llu", (unsigned long long)p.last)
				     : json_null(),
			      "conversations", (json_int_t)n.conversations, "room",
			      (json_int_t)n.max, "unanswered", (json_int_t)n.unanswered,
			      "midstream", (json_int_t)n.midstream, "no_room",
			      (json_int_t)n.no_room, "events_lost", (json_int_t)n.lost, "damaged",
			      (json_int_t)n.damaged, "incomplete_since",
			      n.lost_ns != 0 ? bh_api_time(n.lost_ns) : json_null()));
}

static void
delete_by(struct bh_api_req *req, const struct bh_learn_filter *f, bool one)
{
	struct bh_err err = {0};
	uint32_t n;
	int rc = bh_learn_delete(req->api->p.learn, f, &n, &err);

	if (rc == -ENOSPC)
		bh_api_fail(req, BH_PROBLEM_FULL, NULL, "%s", err.what);
	else if (rc != 0)
		bh_api_fail(req, BH_PROBLEM_INTERNAL, NULL, "%s", err.what);
	else if (one && n == 0)
		bh_api_fail(req, BH_PROBLEM_NOT_FOUND, NULL, "no conversation has this id");
	else
		bh_api_json(req, 200, json_pack("{s:I}", "deleted", (json_int_t)n));
}

void
bh_api_ep_conversations_delete(struct bh_api_req *req)
{
	struct bh_learn_filter f;

	if (bh_api_has_learn(req) && read_filter(req, &f))
		delete_by(req, &f, false);
}

void
bh_api_ep_conversations_delete_one(struct bh_api_req *req)
{
	struct bh_learn_filter f = {.seen = -1};
	char *end;

	if (!bh_api_has_learn(req))
		return;
	f.id = req->param[0] >= '1' && req->param[0] <= '9' ? strtoull(req->param, &end, 10) : 0;
	if (f.id == 0 || *end != '\0')
		bh_api_fail(req, BH_PROBLEM_NOT_FOUND, NULL, "no conversation has this id");
	else
		delete_by(req, &f, true);
}
