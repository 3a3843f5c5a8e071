/* explain: what would be decided, and the way there. */
#include "ctl.h"

static void
explain_argument(struct bh_buf *path, const char *name, const char *value)
{
	bh_buf_printf(path, "%c%s=", strchr(path->data, '?') == NULL ? '?' : '&', name);
	bh_ctl_encode(path, value);
}

static void
explain_path(struct bh_ctl *ctl, struct bh_buf *path)
{
	static const char *const names[] = {"from", "to", "service"};
	int i;

	bh_buf_str(path, "/explain");
	for (i = 0; i < ctl->a.n_words && !path->failed; i++)
		explain_argument(path, names[i], ctl->a.word[i]);
	if (ctl->a.application.n != 0)
		explain_argument(path, "application",
				 ctl->a.application.value[ctl->a.application.n - 1]);
	for (i = 0; i < (int)ctl->a.op.n; i++)
		explain_argument(path, "op", ctl->a.op.value[i]);
	if (ctl->a.vlan.n != 0)
		explain_argument(path, "vlan", ctl->a.vlan.value[0]);
	if (ctl->a.vni.n != 0)
		explain_argument(path, "vni", ctl->a.vni.value[0]);
}

static const char *
explain_str(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

static void
explain_end(struct bh_ctl *ctl, json_t *o, const char *name, const char *asked)
{
	json_t *end = json_object_get(o, name);
	struct bh_buf b = {0};

	bh_ctl_value_text(&b, json_object_get(end, "segments"), 0);
	fprintf(ctl->out, "%-5s ", name);
	bh_ctl_put_clean(ctl->out, asked);
	fputs(b.len != 0 ? ": in " : ": in no segment", ctl->out);
	if (b.len != 0)
		bh_ctl_put_clean(ctl->out, b.data);
	if (explain_str(end, "endpoint")[0] != '\0')
		fprintf(ctl->out, " (endpoint %s)", explain_str(end, "endpoint"));
	fputc('\n', ctl->out);
	bh_buf_free(&b);
}

static void
explain_steps(struct bh_ctl *ctl, json_t *o)
{
	json_t *list = json_object_get(o, "path"), *s;
	struct bh_ctl_table t = {0};
	long long left_out = (long long)json_integer_value(json_object_get(o, "left_out"));
	size_t i;

	bh_ctl_table_column(&t, "LINE", BH_COL_RIGHT);
	bh_ctl_table_column(&t, "RULE", 0);
	bh_ctl_table_column(&t, "ACTION", BH_COL_COLOUR);
	bh_ctl_table_column(&t, "OUTCOME", 0);
	bh_ctl_table_column(&t, "WHY", BH_COL_SHRINK);
	json_array_foreach(list, i, s)
	{
		bh_ctl_table_printf(&t, "%lld",
				    (long long)json_integer_value(json_object_get(s, "line")));
		bh_ctl_table_cell(&t, explain_str(s, "rule"));
		bh_ctl_table_cell(&t, explain_str(s, "action"));
		bh_ctl_table_cell(&t, explain_str(s, "outcome"));
		bh_ctl_table_cell(&t, explain_str(s, "text"));
	}
	if (json_array_size(list) != 0) {
		fputc('\n', ctl->out);
		bh_ctl_table_print(&t, ctl);
	}
	if (left_out != 0)
		fprintf(ctl->out, "(%lld rules about other segments are left out)\n", left_out);
	bh_ctl_table_free(&t);
}

static void
explain_print(struct bh_ctl *ctl, json_t *o)
{
	json_t *nearest = json_object_get(o, "nearest");
	const char *rule = explain_str(o, "rule");
	struct bh_buf b = {0};

	fprintf(ctl->out, "%s: %s (%s)", explain_str(o, "verdict"), explain_str(o, "text"),
		explain_str(o, "reason"));
	if (rule[0] != '\0')
		fprintf(ctl->out, ", rule %s in line %lld", rule,
			(long long)json_integer_value(json_object_get(o, "line")));
	if (json_object_get(o, "restriction") != NULL)
		fprintf(ctl->out, ", by number %lld",
			(long long)json_integer_value(json_object_get(o, "restriction")));
	if (json_is_true(json_object_get(o, "by_operation")))
		fprintf(ctl->out, ", operation by operation");
	fputc('\n', ctl->out);
	explain_end(ctl, o, "from", ctl->a.word[0]);
	explain_end(ctl, o, "to", ctl->a.word[1]);
	fputs("mode  ", ctl->out);
	bh_ctl_put_clean(ctl->out, explain_str(o, "mode_text"));
	fputc('\n', ctl->out);
	explain_steps(ctl, o);
	if (json_is_object(nearest)) {
		bh_ctl_value_text(&b, json_object_get(nearest, "unmet"), 0);
		fprintf(ctl->out, "\nNearest: rule %s in line %lld would allow it but for: %s (",
			explain_str(nearest, "rule"),
			(long long)json_integer_value(json_object_get(nearest, "line")),
			b.len != 0 ? b.data : "nothing");
		bh_ctl_put_clean(ctl->out, explain_str(nearest, "text"));
		fputs(")\n", ctl->out);
	}
	bh_buf_free(&b);
}

int
bh_ctl_explain(struct bh_ctl *ctl)
{
	struct bh_ctl_reply r = {0};
	struct bh_buf path = {0};
	int rc;

	explain_path(ctl, &path);
	rc = bh_ctl_get_json(ctl, path.failed ? "" : path.data, &r);
	if (rc == 0) {
		if (ctl->a.format == BH_OUTPUT_JSON)
			bh_ctl_print_json(ctl, r.json);
		else
			explain_print(ctl, r.json);
	}
	bh_ctl_reply_free(&r);
	bh_buf_free(&path);
	return rc;
}
