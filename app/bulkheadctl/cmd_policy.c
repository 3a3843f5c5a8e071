/* apply, diff: a policy document and the gateway's. */
#include <errno.h>

#include "ctl.h"

#define POLICY_MAX_FILE (64u << 20)

/* The file that -f names, whole. */
static int
policy_read(struct bh_ctl *ctl, struct bh_buf *out, const char **name)
{
	const struct bh_ctl_option *o = &ctl->a.file;
	char part[65536];
	FILE *f = stdin;
	size_t n;

	if (o->n != 1) {
		fprintf(ctl->err, "usage: bulkheadctl %s -f FILE (- reads standard input)\n",
			ctl->a.verb->name);
		return BH_CTL_USAGE;
	}
	*name = o->value[0];
	if (strcmp(*name, "-") == 0)
		*name = "standard input";
	else
		f = fopen(*name, "re");
	if (f == NULL) {
		fprintf(ctl->err, "bulkheadctl: cannot read %s: %s\n", *name, strerror(errno));
		return BH_CTL_USAGE;
	}
	while ((n = fread(part, 1, sizeof(part), f)) > 0 && out->len <= POLICY_MAX_FILE)
		bh_buf_add(out, part, n);
	if (ferror(f) || out->failed || out->len > POLICY_MAX_FILE || out->len == 0) {
		fprintf(ctl->err, "bulkheadctl: %s: %s\n", *name,
			out->len == 0 ? "is empty" : "cannot be read, or is more than 64 MiB");
		bh_buf_free(out);
	}
	if (f != stdin)
		fclose(f);
	return out->len != 0 ? 0 : BH_CTL_USAGE;
}

/* For the record of whom and why. */
static void
policy_record(struct bh_ctl *ctl, struct bh_buf *path)
{
	const struct bh_ctl_option *confirm = &ctl->a.confirm, *why = &ctl->a.why;
	const char *author = bh_ctl_author();

	bh_buf_str(path, "?why=");
	bh_ctl_encode(path, why->n != 0 ? why->value[why->n - 1] : "");
	if (confirm->n != 0) {
		bh_buf_str(path, "&confirm=");
		bh_ctl_encode(path, confirm->value[confirm->n - 1]);
	}
	if (author != NULL) {
		bh_buf_str(path, "&author=");
		bh_ctl_encode(path, author);
	}
}

static int
policy_put(struct bh_ctl *ctl, const struct bh_buf *text, const char *name, bool dry_run,
	   struct bh_ctl_reply *r)
{
	struct bh_buf path = {0};
	struct bh_ctl_request q = {
		.method = "PUT",
		.body = text->data,
		.len = text->len,
		.content_type = "application/yaml",
		.file = name,
	};
	int rc;

	bh_buf_str(&path, dry_run ? "/policy?dry_run=1" : "/policy");
	if (!dry_run)
		policy_record(ctl, &path);
	q.path = path.failed ? "" : path.data;
	rc = bh_ctl_call(ctl, &q, r);
	bh_buf_free(&path);
	return rc == BH_CTL_NO ? BH_CTL_REFUSED : rc;
}

static long long
policy_count(json_t *o, const char *path)
{
	return (long long)json_integer_value(bh_ctl_value_at(o, path));
}

static const char *const policy_parts[] = {"segments", "rules", "endpoints"};

/* Does anything change? Prints a table of what. */
static bool
policy_changes(struct bh_ctl *ctl, json_t *o)
{
	static const char *const ways[] = {"total", "added", "removed", "changed"};
	struct bh_ctl_table t = {0};
	long long sum = 0, n;
	char path[64];
	size_t i, k;

	bh_ctl_table_column(&t, "WHAT", 0);
	bh_ctl_table_column(&t, "TOTAL", BH_COL_RIGHT);
	bh_ctl_table_column(&t, "ADDED", BH_COL_RIGHT);
	bh_ctl_table_column(&t, "REMOVED", BH_COL_RIGHT);
	bh_ctl_table_column(&t, "CHANGED", BH_COL_RIGHT);
	for (i = 0; i < BH_ARRAY_SIZE(policy_parts); i++) {
		bh_ctl_table_cell(&t, policy_parts[i]);
		for (k = 0; k < BH_ARRAY_SIZE(ways); k++) {
			snprintf(path, sizeof(path), "%s.%s", policy_parts[i], ways[k]);
			n = policy_count(o, path);
			sum += k != 0 ? n : 0;
			bh_ctl_table_printf(&t, "%lld", n);
		}
	}
	bh_ctl_table_print(&t, ctl);
	bh_ctl_table_free(&t);
	return sum != 0;
}

static const char *
policy_text_at(json_t *o, const char *path)
{
	const char *s = json_string_value(bh_ctl_value_at(o, path));

	return s != NULL && s[0] != '\0' ? s : "-";
}

void
bh_ctl_put_sessions(struct bh_ctl *ctl, json_t *o)
{
	static const char *const paths[] = {"src.address", "dst.address", "src.segment",
					    "dst.segment", "application", "verdict_before",
					    "verdict",     "rule"};
	static const char *const heads[] = {"SOURCE",      "DESTINATION", "FROM", "TO",
					    "APPLICATION", "BEFORE",      "NOW",  "RULE"};
	json_t *list = json_object_get(o, "items"), *item;
	struct bh_ctl_table t = {0};
	size_t i, k;

	if (!json_is_object(o))
		return;
	fprintf(ctl->out, "%lld of %lld open sessions are judged otherwise%s\n",
		policy_count(o, "changed"), policy_count(o, "judged"),
		json_is_true(json_object_get(o, "complete")) ? "" : " (not all were looked at)");
	for (k = 0; k < BH_ARRAY_SIZE(heads); k++)
		bh_ctl_table_column(&t, heads[k], 0);
	json_array_foreach(list, i, item)
	{
		for (k = 0; k < BH_ARRAY_SIZE(paths); k++)
			bh_ctl_table_cell(&t, policy_text_at(item, paths[k]));
	}
	if (json_array_size(list) != 0)
		bh_ctl_table_print(&t, ctl);
	bh_ctl_table_free(&t);
}

/* What the linter says of the document that was tried. */
static void
policy_lint(struct bh_ctl *ctl, json_t *lint, const char *name)
{
	if (json_is_array(json_object_get(lint, "findings"))) {
		bh_ctl_lint_print(ctl, lint, name);
		return;
	}
	fputs("The document was not linted: ", ctl->out);
	bh_ctl_put_clean(ctl->out, policy_text_at(lint, "error"));
	fputc('\n', ctl->out);
}

int
bh_ctl_apply(struct bh_ctl *ctl)
{
	bool dry_run = ctl->a.dry_run.n != 0;
	struct bh_ctl_reply r = {0};
	struct bh_buf text = {0};
	const char *name;
	int rc = policy_read(ctl, &text, &name);

	if (rc == 0)
		rc = policy_put(ctl, &text, name, dry_run, &r);
	if (rc == 0 && ctl->a.format == BH_OUTPUT_JSON) {
		bh_ctl_print_json(ctl, r.json);
	} else if (rc == 0) {
		fprintf(ctl->out,
			dry_run ? "%s is fine (nothing was changed)\n"
				: "%s is in force, revision %lld\n",
			name, policy_count(r.json, "revision"));
		policy_changes(ctl, r.json);
		bh_ctl_put_sessions(ctl, json_object_get(r.json, "sessions"));
		if (json_is_object(json_object_get(r.json, "lint")))
			policy_lint(ctl, json_object_get(r.json, "lint"), name);
		if (ctl->a.confirm.n != 0 && !dry_run)
			fprintf(ctl->out,
				"It is taken back in %s unless `bulkheadctl confirm` comes.\n",
				ctl->a.confirm.value[ctl->a.confirm.n - 1]);
	}
	bh_ctl_reply_free(&r);
	bh_buf_free(&text);
	return rc;
}

/* Counts decide; the text is for the reader. Comments and order of keys change nothing. */
static int
policy_compare(struct bh_ctl *ctl, const struct bh_buf *text, const char *name, json_t *change)
{
	const struct bh_ctl_request q = {.method = "GET", .path = "/policy?format=yaml"};
	struct bh_ctl_reply r = {0};
	bool differs;
	int rc;

	rc = bh_ctl_call(ctl, &q, &r);
	if (rc == 0) {
		bh_ctl_textdiff(ctl, &r.text, text, name);
		differs = policy_changes(ctl, change);
		if (!differs)
			fprintf(ctl->out, "Nothing would change.\n");
		rc = differs ? BH_CTL_NO : BH_CTL_OK;
	}
	bh_ctl_reply_free(&r);
	return rc;
}

int
bh_ctl_diff(struct bh_ctl *ctl)
{
	struct bh_ctl_reply r = {0};
	struct bh_buf text = {0};
	const char *name;
	int rc = policy_read(ctl, &text, &name);

	if (rc == 0)
		rc = policy_put(ctl, &text, name, true, &r);
	if (rc == 0)
		rc = policy_compare(ctl, &text, name, r.json);
	bh_ctl_reply_free(&r);
	bh_buf_free(&text);
	return rc;
}
