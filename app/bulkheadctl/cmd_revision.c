/* rollback, confirm, audit: policies that were, and the record of them. */
#include <stdlib.h>

#include "ctl.h"

const char *
bh_ctl_author(void)
{
	static const char *const names[] = {"SUDO_USER", "USER", "LOGNAME"};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(names); i++) {
		const char *v = getenv(names[i]);

		if (v != NULL && v[0] != '\0')
			return v;
	}
	return NULL;
}

/* POST body, which it takes; `done` says what the revision is now. */
static int
revision_post(struct bh_ctl *ctl, const char *path, json_t *body, const char *done)
{
	const struct bh_ctl_option *why = &ctl->a.why;
	struct bh_ctl_reply r = {0};
	struct bh_ctl_request q = {.method = "POST",
				   .path = path,
				   .content_type = "application/json"};
	char *text;
	int rc;

	if (bh_ctl_author() != NULL)
		json_object_set_new(body, "author", json_string(bh_ctl_author()));
	if (why->n != 0)
		json_object_set_new(body, "why", json_string(why->value[why->n - 1]));
	text = json_dumps(body, 0);
	json_decref(body);
	q.body = text != NULL ? text : "";
	q.len = strlen(q.body);
	rc = bh_ctl_call(ctl, &q, &r);
	if (rc == 0 && ctl->a.format == BH_OUTPUT_JSON) {
		bh_ctl_print_json(ctl, r.json);
	} else if (rc == 0) {
		fprintf(ctl->out, "revision %lld %s\n",
			(long long)json_integer_value(json_object_get(r.json, "revision")), done);
		bh_ctl_put_sessions(ctl, json_object_get(r.json, "sessions"));
	}
	free(text);
	bh_ctl_reply_free(&r);
	return rc;
}

int
bh_ctl_rollback(struct bh_ctl *ctl)
{
	json_t *body = json_object();
	uint64_t to = 0;

	if (ctl->a.n_words != 0) {
		if (!bh_ctl_number(ctl->a.word[0], UINT32_MAX, &to) || to == 0) {
			fprintf(ctl->err,
				"usage: bulkheadctl rollback [REVISION]; `bulkheadctl get "
				"revisions` lists them\n");
			json_decref(body);
			return BH_CTL_USAGE;
		}
		json_object_set_new(body, "revision", json_integer((json_int_t)to));
	}
	return revision_post(ctl, "/policy/rollback", body, "is in force");
}

int
bh_ctl_confirm(struct bh_ctl *ctl)
{
	return revision_post(ctl, "/policy/confirm", json_object(), "is confirmed");
}

int
bh_ctl_audit(struct bh_ctl *ctl)
{
	struct bh_ctl_reply r = {0};
	bool intact;
	int rc;

	if (strcmp(ctl->a.word[0], "verify") != 0) {
		fprintf(ctl->err, "usage: bulkheadctl audit verify\n");
		return BH_CTL_USAGE;
	}
	rc = bh_ctl_get_json(ctl, "/audit/verify", &r);
	if (rc != 0)
		goto free_reply;
	intact = json_is_true(json_object_get(r.json, "intact"));
	rc = intact ? BH_CTL_OK : BH_CTL_NO;
	if (ctl->a.format == BH_OUTPUT_JSON) {
		bh_ctl_print_json(ctl, r.json);
	} else if (intact) {
		fprintf(ctl->out, "intact: %lld entries, head ",
			(long long)json_integer_value(json_object_get(r.json, "entries")));
		bh_ctl_put_clean(ctl->out, json_string_value(json_object_get(r.json, "head")));
		fputc('\n', ctl->out);
	} else {
		fprintf(ctl->out, "NOT intact: entry %lld: ",
			(long long)json_integer_value(json_object_get(r.json, "wrong_entry")));
		bh_ctl_put_clean(ctl->out, json_string_value(json_object_get(r.json, "why")));
		fputc('\n', ctl->out);
	}
free_reply:
	bh_ctl_reply_free(&r);
	return rc;
}
