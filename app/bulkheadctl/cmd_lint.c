/* lint: mistakes of a policy, one a line as compilers print them. */
#include <errno.h>

#include "ctl.h"

/* 0 clean, 1 findings, 2 anything else. */
enum { LINT_FAILED = 2 };

#define LINT_MAX_FILE (64u << 20)

int
bh_ctl_read_file(struct bh_ctl *ctl, const char *name, struct bh_buf *out)
{
	bool standard = strcmp(name, "-") == 0;
	FILE *f = standard ? stdin : fopen(name, "re");
	char part[65536];
	size_t n;

	if (f == NULL) {
		fprintf(ctl->err, "bulkheadctl: cannot read %s: %s\n", name, strerror(errno));
		return LINT_FAILED;
	}
	while ((n = fread(part, 1, sizeof(part), f)) > 0 && out->len <= LINT_MAX_FILE)
		bh_buf_add(out, part, n);
	if (ferror(f) || out->failed || out->len > LINT_MAX_FILE || out->len == 0) {
		fprintf(ctl->err, "bulkheadctl: %s: %s\n", name,
			out->len == 0 ? "is empty" : "cannot be read, or is more than 64 MiB");
		bh_buf_reset(out);
	}
	if (!standard)
		fclose(f);
	return out->len != 0 ? 0 : LINT_FAILED;
}

static const char *
lint_str(json_t *o, const char *path)
{
	const char *s = json_string_value(bh_ctl_value_at(o, path));

	return s != NULL ? s : "";
}

/* "web 10.0.0.1", "web {app=web,env=prod}" */
static void
lint_end(struct bh_buf *b, json_t *w, const char *end)
{
	const char *address = lint_str(json_object_get(w, end), "address");
	const char *labels = lint_str(json_object_get(w, end), "labels");

	bh_buf_str(b, lint_str(json_object_get(w, end), "segment"));
	if (labels[0] != '\0')
		bh_buf_printf(b, " {%s}", labels);
	if (address[0] != '\0')
		bh_buf_printf(b, " %s", address);
}

/* "    web 10.0.0.1 -> db 10.0.0.2 tcp/50 redis: allow by a" */
static void
lint_witness(struct bh_ctl *ctl, json_t *w)
{
	const char *rule = lint_str(w, "rule"), *application = lint_str(w, "application");
	struct bh_buf b = {0};

	bh_buf_str(&b, "    ");
	lint_end(&b, w, "from");
	bh_buf_str(&b, " -> ");
	lint_end(&b, w, "to");
	bh_buf_printf(&b, " %s", lint_str(w, "service"));
	if (application[0] != '\0' && strcmp(application, "unknown") != 0)
		bh_buf_printf(&b, " %s", application);
	if (lint_str(w, "operation")[0] != '\0')
		bh_buf_printf(&b, " (%s)", lint_str(w, "operation"));
	bh_buf_printf(&b, ": %s by %s\n", lint_str(w, "verdict"),
		      rule[0] != '\0' ? rule : "no rule");
	if (!b.failed)
		fputs(b.data, ctl->out);
	bh_buf_free(&b);
}

void
bh_ctl_lint_print(struct bh_ctl *ctl, json_t *o, const char *name)
{
	json_t *list = json_object_get(o, "findings"), *f, *w;
	size_t i;

	json_array_foreach(list, i, f)
	{
		fprintf(ctl->out, "%s:%lld: %s: %s: ", name,
			(long long)json_integer_value(json_object_get(f, "line")),
			lint_str(f, "severity"), lint_str(f, "kind"));
		bh_ctl_put_clean(ctl->out, lint_str(f, "text"));
		fputc('\n', ctl->out);
		w = json_object_get(f, "witness");
		if (json_is_object(w))
			lint_witness(ctl, w);
	}
	fprintf(ctl->out,
		"%lld rules: ", (long long)json_integer_value(json_object_get(o, "rules")));
	if (json_array_size(list) == 0)
		fprintf(ctl->out, "nothing found\n");
	else
		fprintf(ctl->out, "%lld errors, %lld warnings\n",
			(long long)json_integer_value(bh_ctl_value_at(o, "counts.error")),
			(long long)json_integer_value(bh_ctl_value_at(o, "counts.warning")));
	if (!json_is_true(json_object_get(o, "complete")))
		fprintf(ctl->err, "There may be more: the bound on the linter's work was met.\n");
}

int
bh_ctl_lint(struct bh_ctl *ctl)
{
	const char *file = ctl->a.n_words != 0 ? ctl->a.word[0] : NULL;
	struct bh_ctl_request q = {.method = "GET", .path = "/lint", .file = file};
	struct bh_ctl_reply r = {0};
	const struct bh_ctl_option *days = &ctl->a.days;
	struct bh_buf text = {0}, path = {0};
	int rc = file != NULL ? bh_ctl_read_file(ctl, file, &text) : 0;

	if (days->n != 0) {
		bh_buf_str(&path, "/lint?days=");
		bh_ctl_encode(&path, days->value[days->n - 1]);
		q.path = path.failed ? "" : path.data;
	}

	if (rc == 0 && file != NULL) {
		q.method = "POST";
		q.body = text.data;
		q.len = text.len;
		q.content_type = "application/yaml";
	}
	if (rc == 0)
		rc = bh_ctl_call(ctl, &q, &r) == 0 && json_is_object(r.json) ? 0 : LINT_FAILED;
	if (rc == 0) {
		if (ctl->a.format == BH_OUTPUT_JSON)
			bh_ctl_print_json(ctl, r.json);
		else
			bh_ctl_lint_print(ctl, r.json, file != NULL ? file : "policy");
		rc = json_array_size(json_object_get(r.json, "findings")) != 0 ? BH_CTL_NO
									       : BH_CTL_OK;
	}
	bh_ctl_reply_free(&r);
	bh_buf_free(&text);
	bh_buf_free(&path);
	return rc;
}
