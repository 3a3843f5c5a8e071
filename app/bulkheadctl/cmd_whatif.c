/* whatif: what a policy would change for recorded conversations. */
#include "ctl.h"

#define WHATIF_FAILED 2

static const char *
text_at(json_t *o, const char *path)
{
	const char *s = json_string_value(bh_ctl_value_at(o, path));

	return s != NULL ? s : "-";
}

static void
whatif_print(struct bh_ctl *ctl, json_t *o)
{
	static const char *const heads[] = {"FROM",     "TO",  "SERVICE", "APPLICATION",
					    "SESSIONS", "NOW", "THEN",    "BY RULE"};
	json_t *list = json_object_get(o, "items"), *item;
	struct bh_ctl_table t = {0};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(heads); i++)
		bh_ctl_table_column(&t, heads[i],
				    i == 4  ? BH_COL_RIGHT
				    : i < 2 ? BH_COL_SHRINK
					    : 0);
	json_array_foreach(list, i, item)
	{
		bh_ctl_table_cell(&t, text_at(item, "conversation.from"));
		bh_ctl_table_cell(&t, text_at(item, "conversation.to"));
		bh_ctl_table_cell(&t, text_at(item, "conversation.service"));
		bh_ctl_table_cell(&t, text_at(item, "conversation.application"));
		bh_ctl_table_printf(&t, "%lld",
				    (long long)json_integer_value(
					    bh_ctl_value_at(item, "conversation.sessions")));
		bh_ctl_table_cell(&t, text_at(item, "before.verdict"));
		bh_ctl_table_cell(&t, text_at(item, "after.verdict"));
		bh_ctl_table_cell(&t, text_at(item, "after.rule"));
	}
	if (json_array_size(list) != 0)
		bh_ctl_table_print(&t, ctl);
	bh_ctl_table_free(&t);
	if (json_integer_value(json_object_get(o, "by_application")) != 0)
		fprintf(ctl->out,
			"%lld pairs of addresses were refused before they said a word: pending is "
			"by what "
			"they would say\n",
			(long long)json_integer_value(json_object_get(o, "by_application")));
	fprintf(ctl->out, "%lld of %lld conversations would change\n",
		(long long)json_integer_value(json_object_get(o, "changed")),
		(long long)json_integer_value(json_object_get(o, "conversations")));
}

int
bh_ctl_whatif(struct bh_ctl *ctl)
{
	const struct bh_ctl_option *days = &ctl->a.days;
	struct bh_ctl_request q = {.method = "POST",
				   .file = ctl->a.word[0],
				   .content_type = "application/yaml"};
	struct bh_buf text = {0}, path = {0};
	struct bh_ctl_reply r = {0};
	int rc = bh_ctl_read_file(ctl, ctl->a.word[0], &text);

	bh_buf_str(&path, "/policy/whatif?limit=1000");
	if (days->n != 0) {
		bh_buf_str(&path, "&days=");
		bh_ctl_encode(&path, days->value[days->n - 1]);
	}
	q.path = path.failed ? "" : path.data;
	q.body = text.data != NULL ? text.data : "";
	q.len = text.len;
	if (rc == 0)
		rc = bh_ctl_call(ctl, &q, &r) == 0 && json_is_object(r.json) ? 0 : WHATIF_FAILED;
	if (rc == 0) {
		if (ctl->a.format == BH_OUTPUT_JSON)
			bh_ctl_print_json(ctl, r.json);
		else
			whatif_print(ctl, r.json);
		rc = json_integer_value(json_object_get(r.json, "changed")) != 0 ? BH_CTL_NO
										 : BH_CTL_OK;
	}
	bh_ctl_reply_free(&r);
	bh_buf_free(&text);
	bh_buf_free(&path);
	return rc;
}

int
bh_ctl_simulate(struct bh_ctl *ctl)
{
	return ctl->a.live.n != 0 ? bh_ctl_shadow(ctl) : bh_ctl_whatif(ctl);
}
