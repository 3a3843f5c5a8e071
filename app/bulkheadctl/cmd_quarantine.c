/* quarantine, block, release: what is taken away for a time, and given back. */
#include <stdlib.h>

#include "ctl.h"

static void
put_last(json_t *body, const char *key, const struct bh_ctl_option *o)
{
	if (o->n != 0)
		json_object_set_new(body, key, json_string(o->value[o->n - 1]));
}

static json_t *
common_body(struct bh_ctl *ctl)
{
	json_t *body = json_object();
	uint64_t n;

	put_last(body, "for", &ctl->a.time);
	put_last(body, "why", &ctl->a.why);
	if (ctl->a.vlan.n != 0 && bh_ctl_number(ctl->a.vlan.value[0], 4094, &n))
		json_object_set_new(body, "vlan", json_integer((json_int_t)n));
	if (ctl->a.vni.n != 0 && bh_ctl_number(ctl->a.vni.value[0], 0xffffff, &n))
		json_object_set_new(body, "vni", json_integer((json_int_t)n));
	if (bh_ctl_author() != NULL)
		json_object_set_new(body, "author", json_string(bh_ctl_author()));
	return body;
}

static const char *
member(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

/* Takes body. */
static int
post(struct bh_ctl *ctl, const char *path, json_t *body)
{
	struct bh_ctl_request q = {.method = "POST",
				   .path = path,
				   .content_type = "application/json"};
	struct bh_ctl_reply r = {0};
	char *text = json_dumps(body, 0);
	int rc;

	json_decref(body);
	q.body = text != NULL ? text : "";
	q.len = strlen(q.body);
	rc = bh_ctl_call(ctl, &q, &r);
	if (rc == 0 && ctl->a.format == BH_OUTPUT_JSON)
		bh_ctl_print_json(ctl, r.json);
	else if (rc == 0)
		fprintf(ctl->out, "%s %lld is in force until %s%s\n", member(r.json, "kind"),
			(long long)json_integer_value(json_object_get(r.json, "id")),
			member(r.json, "until"),
			json_is_true(json_object_get(r.json, "stored"))
				? ""
				: "; it is not on disk and would not survive a restart");
	free(text);
	bh_ctl_reply_free(&r);
	return rc;
}

int
bh_ctl_quarantine(struct bh_ctl *ctl)
{
	json_t *body = common_body(ctl), *list = json_array();
	unsigned i;

	json_object_set_new(body, "address", json_string(ctl->a.word[0]));
	for (i = 0; i < ctl->a.allow.n; i++)
		json_array_append_new(list, json_string(ctl->a.allow.value[i]));
	json_object_set_new(body, "allow", list);
	return post(ctl, "/quarantines", body);
}

int
bh_ctl_block(struct bh_ctl *ctl)
{
	json_t *body = common_body(ctl);

	json_object_set_new(body, "from", json_string(ctl->a.word[0]));
	json_object_set_new(body, "to", json_string(ctl->a.word[1]));
	if (ctl->a.n_words > 2)
		json_object_set_new(body, "service", json_string(ctl->a.word[2]));
	put_last(body, "application", &ctl->a.application);
	return post(ctl, "/blocks", body);
}

static void
put_argument(struct bh_buf *path, const char *name, const char *value)
{
	bool first = path->data == NULL || strchr(path->data, '?') == NULL;

	if (value == NULL)
		return;
	bh_buf_printf(path, "%c%s=", first ? '?' : '&', name);
	bh_ctl_encode(path, value);
}

/* One DELETE; told says whether a refusal is to be printed. */
static int
delete_one(struct bh_ctl *ctl, const char *list, bool told)
{
	struct bh_ctl_request q = {.method = "DELETE"};
	struct bh_ctl_reply r = {0};
	struct bh_buf path = {0};
	int rc;

	bh_buf_printf(&path, "/%s/", list);
	bh_ctl_encode(&path, ctl->a.word[0]);
	bh_ctl_tenant(ctl, &path);
	put_argument(&path, "author", bh_ctl_author());
	put_argument(&path, "why", ctl->a.why.n != 0 ? ctl->a.why.value[ctl->a.why.n - 1] : NULL);
	q.path = path.failed ? "" : path.data;
	rc = told ? bh_ctl_call(ctl, &q, &r) : bh_ctl_send(ctl, &q, &r);
	if (rc == 0 && r.status == 404)
		rc = BH_CTL_NO;
	else if (rc == 0 && r.status / 100 != 2)
		rc = BH_CTL_REFUSED;
	else if (rc == 0 && ctl->a.format == BH_OUTPUT_JSON)
		bh_ctl_print_json(ctl, r.json);
	else if (rc == 0)
		fprintf(ctl->out, "%s %lld is over\n", member(r.json, "kind"),
			(long long)json_integer_value(json_object_get(r.json, "id")));
	bh_ctl_reply_free(&r);
	bh_buf_free(&path);
	return rc;
}

int
bh_ctl_release(struct bh_ctl *ctl)
{
	uint64_t n;
	int rc;

	/* A number may be a block's. */
	if (!bh_ctl_number(ctl->a.word[0], UINT64_MAX, &n))
		return delete_one(ctl, "quarantines", true);
	rc = delete_one(ctl, "quarantines", false);
	return rc == BH_CTL_NO || rc == BH_CTL_REFUSED ? delete_one(ctl, "blocks", true) : rc;
}

int
bh_ctl_cut(struct bh_ctl *ctl)
{
	struct bh_ctl_request q = {.method = "DELETE"};
	struct bh_ctl_reply r = {0};
	struct bh_buf path = {0};
	int rc;

	bh_buf_str(&path, "/flows/");
	bh_ctl_encode(&path, ctl->a.word[0]);
	put_argument(&path, "author", bh_ctl_author());
	put_argument(&path, "for",
		     ctl->a.time.n != 0 ? ctl->a.time.value[ctl->a.time.n - 1] : NULL);
	put_argument(&path, "why", ctl->a.why.n != 0 ? ctl->a.why.value[ctl->a.why.n - 1] : NULL);
	q.path = path.failed ? "" : path.data;
	rc = bh_ctl_call(ctl, &q, &r);
	if (rc == 0 && ctl->a.format == BH_OUTPUT_JSON)
		bh_ctl_print_json(ctl, r.json);
	else if (rc == 0)
		fprintf(ctl->out, "cut %lld is in force until %s\n",
			(long long)json_integer_value(json_object_get(r.json, "id")),
			member(r.json, "until"));
	bh_ctl_reply_free(&r);
	bh_buf_free(&path);
	return rc;
}
