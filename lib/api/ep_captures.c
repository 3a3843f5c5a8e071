/* /captures: packets that an operator asks for, by filter, for a time. Files are evidence's, of the class `capture`. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "../evidence/evidence.h"
#include "api_priv.h"

#define USUAL_PACKETS 1000
#define USUAL_BYTES (8u << 20)
#define USUAL_MS 60000

static const char known[] =
	"addresses segments application verdict protocol port packets bytes for why author";

static bool
has_captures(struct bh_api_req *req)
{
	if (req->api->p.evidence != NULL && req->api->p.evidence[0] != '\0' &&
	    req->api->p.capture != NULL)
		return true;
	bh_api_fail(req, BH_PROBLEM_NO_EVIDENCE, NULL, "set evidence.path in the configuration");
	return false;
}

static bool
is_capture(const char *name, struct bh_evidence_file *f)
{
	return bh_evidence_name_parse(name, f) && strcmp(f->class_, BH_EVIDENCE_CAPTURE_CLASS) == 0;
}

/* ---- what a body says --------------------------------------------------------------------------------- */

static bool
wrong(struct bh_api_req *req, const char *key, const char *what)
{
	char pointer[80];

	snprintf(pointer, sizeof(pointer), "/%.70s", key);
	bh_api_fail(req, BH_PROBLEM_INVALID, &(struct bh_api_where){.pointer = pointer},
		    "%.70s: %s", key, what);
	return false;
}

static bool
read_number(struct bh_api_req *req, const json_t *body, const char *key, uint64_t max,
	    uint64_t *out)
{
	const json_t *v = json_object_get(body, key);
	char what[64];

	if (v == NULL)
		return true;
	if (json_is_integer(v) && json_integer_value(v) >= 1 &&
	    (uint64_t)json_integer_value(v) <= max) {
		*out = (uint64_t)json_integer_value(v);
		return true;
	}
	snprintf(what, sizeof(what), "a number from 1 to %llu", (unsigned long long)max);
	return wrong(req, key, what);
}

static bool
read_for(struct bh_api_req *req, const json_t *body, uint64_t *ms)
{
	const json_t *v = json_object_get(body, "for");
	const char *text = json_string_value(v);
	uint64_t n;
	char *end;

	if (v == NULL)
		return true;
	if (text != NULL && text[0] >= '1' && text[0] <= '9' && strlen(text) < 8) {
		n = strtoull(text, &end, 10) * 1000;
		n *= strcmp(end, "m") == 0 ? 60 : strcmp(end, "h") == 0 ? 3600 : 1;
		if (bh_api_word_in(end, "s m h") && n <= BH_EVIDENCE_CAPTURE_MS) {
			*ms = n;
			return true;
		}
	}
	return wrong(req, "for", "a time from 1s to 1h, such as 60s or 10m");
}

static bool
read_address(const char *text, struct bh_evidence_prefix *out)
{
	struct bh_prefix p;

	if (text == NULL || bh_prefix_parse(text, &p, NULL) != 0)
		return false;
	out->family = p.family;
	out->len = p.len;
	memcpy(out->addr, p.addr, sizeof(out->addr));
	return true;
}

/* One or two texts; a list of them. false: the reply is set. */
static bool
read_pair(struct bh_api_req *req, const json_t *body, const char *key, unsigned *n,
	  const char *out[2])
{
	const json_t *v = json_object_get(body, key);
	size_t i;

	*n = 0;
	if (v == NULL)
		return true;
	if (!json_is_array(v) || json_array_size(v) == 0 || json_array_size(v) > 2)
		return wrong(req, key, "a list of one or two: of either end, or one at each");
	for (i = 0; i < json_array_size(v); i++) {
		out[i] = json_string_value(json_array_get(v, i));
		if (out[i] == NULL)
			return wrong(req, key, "texts are expected");
	}
	*n = (unsigned)json_array_size(v);
	return true;
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
read_ends(struct bh_api_req *req, const json_t *body, struct bh_evidence_filter *f)
{
	const char *text[2];
	unsigned i;

	if (!read_pair(req, body, "addresses", &f->n_addresses, text))
		return false;
	for (i = 0; i < f->n_addresses; i++) {
		if (!read_address(text[i], &f->address[i]))
			return wrong(req, "addresses",
				     "addresses or prefixes such as 10.0.0.0/8 are expected");
	}
	if (!read_pair(req, body, "segments", &f->n_segments, text))
		return false;
	for (i = 0; i < f->n_segments; i++) {
		struct find find = {.name = text[i], .id = UINT32_MAX};

		bh_policy_segments_each(req->api->p.policy, find_segment, &find);
		f->segment[i] = find.id;
		if (find.id == UINT32_MAX)
			return wrong(req, "segments", "the policy has no segment of that name");
	}
	return true;
}

static bool
read_kind(struct bh_api_req *req, const json_t *body, struct bh_evidence_filter *f)
{
	const json_t *app = json_object_get(body, "application");
	const json_t *verdict = json_object_get(body, "verdict");
	const json_t *proto = json_object_get(body, "protocol");
	const char *text = json_string_value(app);
	unsigned i;

	if (app != NULL) {
		for (i = 1; text != NULL && i < BH_APP_COUNT; i++) {
			if (strcmp(bh_app_name(i), text) == 0)
				f->app[i / 64] |= UINT64_C(1) << i % 64;
		}
		if ((f->app[0] | f->app[1]) == 0)
			return wrong(req, "application", "one of docs/applications.md is expected");
	}
	text = json_string_value(verdict);
	if (verdict != NULL && (text == NULL || !bh_api_word_in(text, "pass drop")))
		return wrong(req, "verdict", "pass or drop");
	f->passed = text != NULL && strcmp(text, "pass") == 0;
	f->dropped = text != NULL && strcmp(text, "drop") == 0;
	text = json_string_value(proto);
	if (proto != NULL && (text == NULL || !bh_api_word_in(text, "tcp udp icmp icmpv6 sctp")))
		return wrong(req, "protocol", "tcp, udp, icmp, icmpv6 or sctp");
	if (text != NULL)
		f->proto = strcmp(text, "tcp") == 0    ? IPPROTO_TCP
			   : strcmp(text, "udp") == 0  ? IPPROTO_UDP
			   : strcmp(text, "icmp") == 0 ? IPPROTO_ICMP
			   : strcmp(text, "sctp") == 0 ? IPPROTO_SCTP
						       : IPPROTO_ICMPV6;
	return true;
}

static bool
read_order(struct bh_api_req *req, json_t *body, struct bh_evidence_order *o)
{
	uint64_t packets = USUAL_PACKETS, port = 0;
	const char *key;
	json_t *value;

	json_object_foreach(body, key, value)
	{
		if (!bh_api_word_in(key, known))
			return wrong(req, key, "is not known");
	}
	o->bytes = USUAL_BYTES;
	o->for_ms = USUAL_MS;
	if (!read_number(req, body, "packets", BH_EVIDENCE_CAPTURE_PACKETS, &packets) ||
	    !read_number(req, body, "bytes", BH_EVIDENCE_CAPTURE_BYTES, &o->bytes) ||
	    !read_number(req, body, "port", UINT16_MAX, &port) ||
	    !read_for(req, body, &o->for_ms) || !read_ends(req, body, &o->filter) ||
	    !read_kind(req, body, &o->filter))
		return false;
	o->packets = (uint32_t)packets;
	o->filter.port = (uint16_t)port;
	return true;
}

/* ---- answers ------------------------------------------------------------------------------------------ */

static json_t *
running_json(const struct bh_evidence_running *r)
{
	json_t *o = json_loads(r->text, 0, NULL);

	return json_pack("{s:s, s:o, s:s, s:I, s:I, s:o, s:o}", "name", r->name, "time",
			 bh_api_time(r->time_ns), "state", r->ending ? "ending" : "running",
			 "packets", (json_int_t)r->packets, "bytes", (json_int_t)r->bytes, "until",
			 bh_api_time(r->time_ns + r->for_ms * BH_NS_PER_MS), "order",
			 o != NULL ? o : json_null());
}

static json_t *
file_json(const struct bh_evidence_file *f)
{
	return json_pack("{s:s, s:o, s:s, s:I}", "name", f->name, "time", bh_api_time(f->time_ns),
			 "state", "done", "bytes", (json_int_t)f->size);
}

/* Who asked, and for what: into the file and the list. Cut bodies are not: they are bounded. */
static bool
order_text(struct bh_api_req *req, json_t *body, const char *actor, char *out, size_t size)
{
	json_t *o = json_pack("{s:s, s:O}", "by", actor, "capture", body);
	char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	bool fits = text != NULL && strlen(text) < size;

	if (fits)
		memcpy(out, text, strlen(text) + 1);
	free(text);
	json_decref(o);
	return fits || wrong(req, "why", "the order is too long");
}

void
bh_api_ep_captures_post(struct bh_api_req *req)
{
	struct bh_evidence_order order = {.packets = 0};
	char name[BH_EVIDENCE_NAME_MAX], actor[BH_API_ACTOR_MAX], text[1000];
	struct bh_err err = {0};
	json_t *body;
	int rc;

	if (!has_captures(req))
		return;
	body = bh_api_body_object(req);
	if (body == NULL)
		return;
	if (!read_order(req, body, &order) ||
	    !bh_api_actor(req, json_string_value(json_object_get(body, "author")),
			  json_string_value(json_object_get(body, "why")), actor) ||
	    !order_text(req, body, actor, text, sizeof(text)))
		goto free_body;
	order.text = text;
	rc = bh_evidence_capture_start(req->api->p.capture, &order, name, &err);
	if (rc != 0)
		bh_api_fail(req,
			    rc == -EBUSY || rc == -ENOMEM ? BH_PROBLEM_FULL : BH_PROBLEM_INVALID,
			    NULL, "%s", err.what);
	else
		bh_api_json(req, 200, json_pack("{s:s, s:s}", "name", name, "state", "running"));
free_body:
	json_decref(body);
}

void
bh_api_ep_captures_list(struct bh_api_req *req)
{
	/* Of more the newest. */
	const struct bh_evidence_want want = {.class_ = BH_EVIDENCE_CAPTURE_CLASS,
					      .max = BH_API_LIMIT_MAX};
	struct bh_evidence_running running[BH_EVIDENCE_CAPTURES];
	struct bh_evidence_file *file;
	struct bh_err err = {0};
	unsigned n, i;
	json_t *items;
	bool more;
	int rc;

	if (!has_captures(req))
		return;
	file = calloc(want.max, sizeof(*file));
	if (file == NULL) {
		bh_api_fail(req, BH_PROBLEM_FULL, NULL, "no memory for the answer");
		return;
	}
	items = json_array();
	n = bh_evidence_captures(req->api->p.capture, running);
	for (i = 0; i < n; i++)
		json_array_append_new(items, running_json(&running[i]));
	rc = bh_evidence_list(req->api->p.evidence, &want, file, &n, &more, &err);
	for (i = 0; rc == 0 && i < n; i++)
		json_array_append_new(items, file_json(&file[i]));
	free(file);
	if (rc == 0) {
		bh_api_json(req, 200, json_pack("{s:o}", "items", items));
		return;
	}
	json_decref(items);
	bh_api_fail(req, BH_PROBLEM_INTERNAL, NULL, "%s", err.what);
}

static void
fail(struct bh_api_req *req, int rc, const struct bh_err *err)
{
	bh_api_fail(req, rc == -ENOENT ? BH_PROBLEM_NOT_FOUND : BH_PROBLEM_INTERNAL, NULL, "%s",
		    err->what);
}

void
bh_api_ep_captures_get(struct bh_api_req *req)
{
	struct bh_evidence_file f;
	struct bh_buf text = {0};
	struct bh_err err = {0};
	int rc;

	if (!has_captures(req))
		return;
	if (!is_capture(req->param, &f))
		rc = bh_err_set(&err, ENOENT, "no capture is called %.100s", req->param);
	else
		rc = bh_evidence_load(req->api->p.evidence, req->param, &text.data, &text.len,
				      &err);
	if (rc != 0) {
		fail(req, rc, &err);
		return;
	}
	bh_api_text(req, &text, "application/x-pcapng");
	bh_buf_free(&text);
}

/* One that runs is ended, and its file stays; a file goes. */
void
bh_api_ep_captures_delete(struct bh_api_req *req)
{
	struct bh_evidence_file f;
	struct bh_err err = {0};
	int rc;

	if (!has_captures(req))
		return;
	rc = bh_evidence_capture_stop(req->api->p.capture, req->param);
	if (rc != 0 && is_capture(req->param, &f))
		rc = bh_evidence_delete(req->api->p.evidence, req->param, &err);
	else if (rc != 0)
		bh_err_set(&err, ENOENT, "no capture is called %.100s", req->param);
	if (rc != 0)
		fail(req, rc, &err);
	else
		bh_api_empty(req, 204);
}
