/* /policy/revisions: what was in force when, and the way back. */
#include <errno.h>
#include <stdio.h>

#include "api_priv.h"

#define NAME_MAX_BYTES 128
#define WHY_MAX_BYTES 1000

/* ---- who and why --------------------------------------------------------------------------------------- */

/* Text for a record: no control characters, and UTF-8. */
static bool
is_text(const char *s, size_t max)
{
	json_t *valid = json_string(s);
	bool good = valid != NULL && strlen(s) <= max;

	for (; good && *s != '\0'; s++)
		good = (unsigned char)*s >= 0x20 && *s != 0x7f;
	json_decref(valid);
	return good;
}

bool
bh_api_actor(struct bh_api_req *req, const char *name, const char *why, char out[BH_API_ACTOR_MAX])
{
	if (why != NULL && !is_text(why, WHY_MAX_BYTES)) {
		bh_api_fail(req, BH_PROBLEM_ARGUMENT, &(struct bh_api_where){.argument = "why"},
			    "must be text of at most %u bytes", WHY_MAX_BYTES);
		return false;
	}
	if (name != NULL && (!is_text(name, NAME_MAX_BYTES) || name[0] == '\0')) {
		bh_api_fail(req, BH_PROBLEM_ARGUMENT, &(struct bh_api_where){.argument = "author"},
			    "must be text of 1 to %u bytes", NAME_MAX_BYTES);
		return false;
	}
	/* Whom the token says, before whom the request says; the one of api.token_file is many people's. */
	if (req->who[0] != '\0' && strcmp(req->who, "token") != 0)
		snprintf(out, BH_API_ACTOR_MAX, "api:%s", req->who);
	else
		snprintf(out, BH_API_ACTOR_MAX, name != NULL ? "api:%s" : "api", name);
	return true;
}

/* ---- list, get ------------------------------------------------------------------------------------------ */

static json_t *
revision_json(const struct bh_revision *r)
{
	char hex[2 * BH_SHA256_SIZE + 1];
	json_t *o, *changes = json_loads(r->summary, 0, NULL);

	bh_sha256_hex(r->sha256, hex);
	o = json_pack("{s:I, s:o, s:s, s:s, s:o, s:o, s:s, s:I, s:o}", "revision",
		      (json_int_t)r->number, "time", bh_api_time(r->time_ns), "state",
		      bh_revision_state_name(r->state), "origin",
		      bh_revision_origin_name(r->origin), "author", bh_api_str(r->author), "why",
		      bh_api_str(r->why), "sha256", hex, "bytes", (json_int_t)r->size, "changes",
		      changes != NULL ? changes : json_null());
	if (r->base != 0)
		json_object_set_new(o, "repeats", json_integer(r->base));
	return o;
}

static bool
list_add(void *arg, const struct bh_revision *r)
{
	struct bh_api_page *l = arg;

	json_array_append_new(l->items, revision_json(r));
	l->last = r->number;
	return true;
}

void
bh_api_ep_revisions_list(struct bh_api_req *req)
{
	struct bh_api_page page;
	struct bh_err err = {0};
	int rc;

	if (!bh_api_has_store(req) || !bh_api_page_begin(req, UINT32_MAX, &page))
		return;
	rc = bh_store_revisions(req->api->p.store, (uint32_t)page.before, (unsigned)page.limit,
				list_add, &page, &err);
	bh_api_page_end(req, &page, rc, &err);
}

struct get {
	struct bh_api_req *req;
	bool document;
};

static bool
get_one(void *arg, const struct bh_revision *r)
{
	struct get *g = arg;
	struct bh_buf text = {0};

	if (!g->document) {
		bh_api_json(g->req, 200, revision_json(r));
		return true;
	}
	if (r->text == NULL) {
		bh_api_fail(g->req, BH_PROBLEM_NOT_FOUND, NULL,
			    "its document is no longer kept (store.keep)");
		return true;
	}
	bh_buf_add(&text, r->text, r->size);
	bh_api_text(g->req, &text, "application/yaml");
	bh_buf_free(&text);
	return true;
}

/* The number in a path; 0: it is none. */
static uint32_t
number_of(const char *s)
{
	unsigned long long n = 0;

	if (s[0] < '1' || s[0] > '9' || s[strspn(s, "0123456789")] != '\0' || strlen(s) > 10)
		return 0;
	n = strtoull(s, NULL, 10);
	return n <= UINT32_MAX ? (uint32_t)n : 0;
}

void
bh_api_ep_revisions_get(struct bh_api_req *req)
{
	const char *format = bh_api_arg(req, "format");
	struct get g = {.req = req, .document = format != NULL && strcmp(format, "yaml") == 0};
	struct bh_err err = {0};
	uint32_t number;
	int rc;

	if (!bh_api_has_store(req))
		return;
	if (format != NULL && !g.document && strcmp(format, "json") != 0) {
		bh_api_fail(req, BH_PROBLEM_ARGUMENT, &(struct bh_api_where){.argument = "format"},
			    "must be json or yaml");
		return;
	}
	number = number_of(req->param);
	if (number == 0) {
		bh_api_fail(req, BH_PROBLEM_NOT_FOUND, NULL, "no revision is called that");
		return;
	}
	rc = bh_store_revision(req->api->p.store, number, get_one, &g, &err);
	if (rc != 0)
		bh_api_fail_policy(req, rc, &err);
}

/* ---- changes -------------------------------------------------------------------------------------------- */

/* {"revision": 3, "author": "alice", "why": "..."}; a member that nobody reads is refused. false: the reply is set. */
static bool
read_body(struct bh_api_req *req, json_t *body, struct bh_api_commit *c,
	  char actor[BH_API_ACTOR_MAX])
{
	json_int_t to = 0;
	const char *name = NULL, *key;
	json_t *value;

	json_object_foreach(body, key, value)
	{
		bool number = strcmp(key, "revision") == 0;

		if (number && json_is_integer(value))
			to = json_integer_value(value);
		else if (strcmp(key, "author") == 0 && json_is_string(value))
			name = json_string_value(value);
		else if (strcmp(key, "why") == 0 && json_is_string(value))
			c->why = json_string_value(value);
		else
			to = -1;
		if (to >= 0 && to <= UINT32_MAX && (to != 0 || !number))
			continue;
		bh_api_fail(req, BH_PROBLEM_INVALID, NULL,
			    "%s: known are `revision`, a number from 1, and the texts `author` and "
			    "`why`",
			    key);
		return false;
	}
	c->to = (uint32_t)to;
	return bh_api_actor(req, name, c->why, actor);
}

void
bh_api_ep_revisions_rollback(struct bh_api_req *req)
{
	const struct bh_api_ops *ops = &req->api->p.ops;
	struct bh_policy_change change = {0};
	char actor[BH_API_ACTOR_MAX];
	struct bh_api_commit c = {.author = actor};
	struct bh_err err = {0};
	json_t *body, *answer;
	int rc;

	if (!bh_api_has_store(req) || !bh_api_precondition(req))
		return;
	body = bh_api_body_object(req);
	if (body == NULL)
		return;
	if (read_body(req, body, &c, actor)) {
		c.sweep = calloc(1, sizeof(*c.sweep));
		rc = ops->policy_rollback(ops->arg, &c, &change, &err);
		bh_api_set_etag(req);
		answer = bh_api_json_change(&change, false);
		if (c.sweep != NULL)
			bh_api_put_sweep(req, c.sweep, answer);
		if (rc != 0)
			bh_api_fail_policy(req, rc, &err);
		else
			bh_api_json(req, 200, json_incref(answer));
		json_decref(answer);
		free(c.sweep);
	}
	json_decref(body);
}

void
bh_api_ep_revisions_confirm(struct bh_api_req *req)
{
	const struct bh_api_ops *ops = &req->api->p.ops;
	char actor[BH_API_ACTOR_MAX];
	struct bh_api_commit c = {.author = actor};
	struct bh_confirm waits;
	struct bh_err err = {0};
	uint32_t number = 0;
	json_t *body;
	int rc;

	if (!bh_api_has_store(req))
		return;
	body = bh_api_body_object(req);
	if (body == NULL)
		return;
	if (!read_body(req, body, &c, actor))
		goto free_body;
	bh_store_waiting(req->api->p.store, &waits);
	if (c.to != 0 && waits.number != c.to) {
		bh_api_fail(req, BH_PROBLEM_NOT_FOUND, NULL, "revision %u does not wait", c.to);
		goto free_body;
	}
	rc = ops->policy_confirm != NULL
		     ? ops->policy_confirm(ops->arg, actor, &number, &err)
		     : bh_store_confirm(req->api->p.store, actor, &number, &err);
	if (rc != 0)
		bh_api_fail_policy(req, rc, &err);
	else
		bh_api_json(req, 200, json_pack("{s:I}", "revision", (json_int_t)number));
free_body:
	json_decref(body);
}
