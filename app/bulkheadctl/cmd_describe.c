/* describe: all that is known of one thing, a line a fact. */
#include <ctype.h>

#include "ctl.h"

/* "idle_ms" as "Idle ms". */
static void
describe_key(FILE *out, const char *key, int indent, int width)
{
	char text[64];
	size_t i;

	snprintf(text, sizeof(text), "%s:", key);
	for (i = 0; text[i] != '\0'; i++) {
		if (text[i] == '_')
			text[i] = ' ';
	}
	if (indent == 0)
		text[0] = (char)toupper((unsigned char)text[0]);
	bh_ctl_clean(text);
	fprintf(out, "%*s%-*s", indent, "", width, text);
}

static int
describe_width(json_t *o)
{
	int width = 0, n;
	const char *key;
	json_t *v;

	json_object_foreach(o, key, v)
	{
		n = (int)strlen(key) + 1;
		if (n > width)
			width = n;
	}
	return width < 40 ? width : 40;
}

static void
describe_object(FILE *out, json_t *o, int indent)
{
	int width = describe_width(o);
	struct bh_buf b = {0};
	const char *key;
	json_t *v;

	json_object_foreach(o, key, v)
	{
		/* Members come as a table of their own. */
		if (strcmp(key, "items") == 0 || strcmp(key, "next") == 0)
			continue;
		if (json_is_object(v) && json_object_size(v) != 0 && indent < 8) {
			describe_key(out, key, indent, 0);
			fputc('\n', out);
			describe_object(out, v, indent + 4);
			continue;
		}
		describe_key(out, key, indent, width);
		fputc(' ', out);
		bh_buf_reset(&b);
		bh_ctl_value_text(&b, v, 0);
		bh_ctl_put_clean(out, b.len != 0 ? b.data : "-");
		fputc('\n', out);
	}
	bh_buf_free(&b);
}

static void
describe_members(struct bh_ctl *ctl, json_t *items, bool more)
{
	const struct bh_ctl_kind *k = bh_ctl_kind(ctl, "endpoints");
	struct bh_ctl_table t = {0};
	json_t *item;
	size_t i;

	if (json_array_size(items) == 0)
		return;
	fputc('\n', ctl->out);
	bh_ctl_kind_columns(k, &t, false);
	json_array_foreach(items, i, item)
	{
		bh_ctl_kind_row(k, &t, false, item);
	}
	bh_ctl_table_print(&t, ctl);
	bh_ctl_table_free(&t);
	if (more)
		fprintf(ctl->out,
			"... and more: bulkheadctl get endpoints --filter segment=NAME\n");
}

int
bh_ctl_describe(struct bh_ctl *ctl)
{
	const struct bh_ctl_kind *k = bh_ctl_kind(ctl, ctl->a.word[0]);
	json_t *o, *items;
	int rc;

	if (k == NULL)
		return BH_CTL_USAGE;
	rc = bh_ctl_find(ctl, k, ctl->a.word[1], &o);
	if (rc != 0)
		return rc;
	if (ctl->a.format == BH_OUTPUT_JSON) {
		bh_ctl_print_json(ctl, o);
	} else {
		describe_object(ctl->out, o, 0);
		items = json_object_get(o, "items");
		if (items != NULL)
			describe_members(ctl, items, json_is_string(json_object_get(o, "next")));
	}
	json_decref(o);
	return 0;
}
