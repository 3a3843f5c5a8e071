/* shadow: a draft beside live traffic begins, or ends; `get shadow` says what it found. */
#include "ctl.h"

static long long
number_at(json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

int
bh_ctl_shadow(struct bh_ctl *ctl)
{
	const struct bh_ctl_option *time = &ctl->a.time;
	bool stop = strcmp(ctl->a.word[0], "stop") == 0;
	struct bh_ctl_request q = {.method = stop ? "DELETE" : "POST",
				   .file = stop ? NULL : ctl->a.word[0],
				   .content_type = "application/yaml"};
	struct bh_buf text = {0}, path = {0};
	struct bh_ctl_reply r = {0};
	const char *until;
	int rc = stop ? 0 : bh_ctl_read_file(ctl, ctl->a.word[0], &text);

	bh_buf_str(&path, "/policy/shadow");
	if (time->n != 0) {
		bh_buf_str(&path, "?for=");
		bh_ctl_encode(&path, time->value[time->n - 1]);
	}
	q.path = path.failed ? "" : path.data;
	q.body = stop ? NULL : text.data != NULL ? text.data : "";
	q.len = text.len;
	if (rc == 0)
		rc = bh_ctl_call(ctl, &q, &r);
	if (rc == 0 && ctl->a.format == BH_OUTPUT_JSON) {
		bh_ctl_print_json(ctl, r.json);
	} else if (rc == 0) {
		until = json_string_value(json_object_get(r.json, "until"));
		if (stop)
			fprintf(ctl->out, "ended: %lld of %lld connections would have changed\n",
				number_at(r.json, "changed"), number_at(r.json, "connections"));
		else
			fprintf(ctl->out,
				"each connection that ends is judged by %s, too, until %s: "
				"bulkheadctl get shadow\n",
				ctl->a.word[0], until != NULL ? until : "-");
	}
	bh_ctl_reply_free(&r);
	bh_buf_free(&text);
	bh_buf_free(&path);
	return rc;
}
