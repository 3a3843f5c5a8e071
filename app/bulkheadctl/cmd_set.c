/* set: the mode of a segment. */
#include <stdlib.h>

#include "ctl.h"

static json_t *
mode_body(struct bh_ctl *ctl, const char *mode)
{
	const struct bh_ctl_option *why = &ctl->a.why;
	json_t *body = json_object();

	json_object_set_new(body, "mode",
			    strcmp(mode, "policy") == 0 ? json_null() : json_string(mode));
	if (bh_ctl_author() != NULL)
		json_object_set_new(body, "author", json_string(bh_ctl_author()));
	if (why->n != 0)
		json_object_set_new(body, "why", json_string(why->value[why->n - 1]));
	return body;
}

int
bh_ctl_set(struct bh_ctl *ctl)
{
	struct bh_ctl_request q = {.method = "PATCH", .content_type = "application/json"};
	struct bh_ctl_reply r = {0};
	struct bh_buf path = {0};
	json_t *body;
	char *text;
	int rc;

	if (strcmp(ctl->a.word[0], "mode") != 0) {
		fprintf(ctl->err, "usage: bulkheadctl set mode SEGMENT "
				  "discover|monitor|protect|policy\n");
		return BH_CTL_USAGE;
	}
	bh_buf_str(&path, "/segments/");
	bh_ctl_encode(&path, ctl->a.word[1]);
	body = mode_body(ctl, ctl->a.word[2]);
	text = json_dumps(body, 0);
	json_decref(body);
	q.path = path.failed ? "" : path.data;
	q.body = text != NULL ? text : "";
	q.len = strlen(q.body);
	rc = bh_ctl_call(ctl, &q, &r);
	rc = rc == BH_CTL_NO ? BH_CTL_REFUSED : rc;
	if (rc == 0 && ctl->a.format == BH_OUTPUT_JSON)
		bh_ctl_print_json(ctl, r.json);
	else if (rc == 0)
		fprintf(ctl->out, "segment %s: %s (%s)\n", ctl->a.word[1],
			json_string_value(json_object_get(r.json, "mode")),
			json_string_value(json_object_get(r.json, "mode_from")));
	free(text);
	bh_ctl_reply_free(&r);
	bh_buf_free(&path);
	return rc;
}
