/* adopt: learned rules become written ones. */
#include <stdlib.h>

#include "ctl.h"

int
bh_ctl_adopt(struct bh_ctl *ctl)
{
	const struct bh_ctl_option *why = &ctl->a.why;
	json_t *body = json_object(), *list = json_array();
	struct bh_ctl_reply r = {0};
	struct bh_ctl_request q = {.method = "POST",
				   .path = "/learned/adopt",
				   .content_type = "application/json"};
	char *text;
	int rc, i;

	for (i = 0; i < ctl->a.n_words; i++)
		json_array_append_new(list, json_string(ctl->a.word[i]));
	if (strcmp(ctl->a.word[0], "all") == 0 && ctl->a.n_words == 1)
		json_decref(list);
	else
		json_object_set_new(body, "rules", list);
	if (bh_ctl_author() != NULL)
		json_object_set_new(body, "author", json_string(bh_ctl_author()));
	if (why->n != 0)
		json_object_set_new(body, "why", json_string(why->value[why->n - 1]));
	text = json_dumps(body, 0);
	json_decref(body);
	q.body = text != NULL ? text : "";
	q.len = strlen(q.body);
	rc = bh_ctl_call(ctl, &q, &r);
	if (rc == 0 && ctl->a.format == BH_OUTPUT_JSON)
		bh_ctl_print_json(ctl, r.json);
	else if (rc == 0)
		fprintf(ctl->out, "revision %lld is in force\n",
			(long long)json_integer_value(json_object_get(r.json, "revision")));
	free(text);
	bh_ctl_reply_free(&r);
	return rc;
}
