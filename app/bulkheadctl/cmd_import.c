/* import, export: policies of other systems as ours, and ours as theirs. No gateway is needed but for the
 * policy in force. */
#include <errno.h>
#include <stdlib.h>

#include "../../lib/import/import.h"
#include "ctl.h"

#define IMPORT_MAX_FILE (64u << 20)
#define IMPORT_MAX_PODS 64

struct import_notes {
	struct bh_ctl *ctl;
	unsigned n;
};

static void
import_note(void *arg, const char *file, unsigned line, unsigned column, const char *text)
{
	struct import_notes *notes = arg;
	struct bh_buf b = {0};

	if (line != 0)
		bh_buf_printf(&b, "%s:%u:%u: ", file, line, column);
	bh_buf_str(&b, text);
	if (!b.failed)
		bh_ctl_put_clean(notes->ctl->err, b.data);
	fputc('\n', notes->ctl->err);
	bh_buf_free(&b);
	/* What is about no place is true of each document. */
	notes->n += line != 0;
}

static int
import_failed(struct bh_ctl *ctl, const struct bh_err *err)
{
	char text[1024];

	bh_err_format(err, text, sizeof(text));
	fprintf(ctl->err, "bulkheadctl: %s\n", text);
	return BH_CTL_USAGE;
}

/* A file whole, or standard input. */
static int
import_read(struct bh_ctl *ctl, const char *name, struct bh_buf *out)
{
	FILE *f = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
	char part[16384];
	size_t n;
	int rc = 0;

	if (f == NULL) {
		fprintf(ctl->err, "bulkheadctl: cannot read %s: %s\n", name, strerror(errno));
		return BH_CTL_USAGE;
	}
	while ((n = fread(part, 1, sizeof(part), f)) > 0 && out->len <= IMPORT_MAX_FILE)
		bh_buf_add(out, part, n);
	if (ferror(f) || out->failed || out->len > IMPORT_MAX_FILE || out->len == 0) {
		fprintf(ctl->err, "bulkheadctl: %s: %s\n", name,
			out->len == 0 ? "is empty" : "cannot be read, or is more than 64 MiB");
		rc = BH_CTL_USAGE;
	}
	if (f != stdin)
		fclose(f);
	return rc;
}

/* --form; `normal` when it is not given. */
static int
import_form(struct bh_ctl *ctl, const char *normal, enum bh_form *form)
{
	const struct bh_ctl_option *o = &ctl->a.form;
	const char *word = o->n != 0 ? o->value[o->n - 1] : normal;
	const char *known[BH_FORM_COUNT];
	unsigned i;

	for (i = 0; i < BH_FORM_COUNT; i++) {
		known[i] = bh_form_name(i);
		if (strcmp(word, known[i]) == 0) {
			*form = (enum bh_form)i;
			return BH_CTL_OK;
		}
	}
	return bh_ctl_unknown(ctl->err, "form", word, known, BH_FORM_COUNT);
}

/* --pods CIDR[,CIDR], repeated. */
static int
import_pods(struct bh_ctl *ctl, struct bh_prefix *pods, size_t *n)
{
	struct bh_err err = {0};
	char text[64];
	const char *p;
	unsigned i;
	size_t len;

	for (i = 0, *n = 0; i < ctl->a.pods.n; i++) {
		for (p = ctl->a.pods.value[i]; *p != '\0'; p += len + (p[len] == ',')) {
			len = strcspn(p, ",");
			snprintf(text, sizeof(text), "%.*s", (int)len, p);
			if (*n == IMPORT_MAX_PODS)
				return BH_CTL_USAGE;
			if (bh_prefix_parse(text, &pods[(*n)++], &err) != 0)
				return import_failed(ctl, &err);
		}
	}
	return BH_CTL_OK;
}

static int
import_print(struct bh_ctl *ctl, int rc, const struct bh_err *err, const struct bh_buf *out,
	     unsigned notes)
{
	if (rc != 0)
		return import_failed(ctl, err);
	fwrite(out->data, 1, out->len, ctl->out);
	return notes != 0 ? BH_CTL_NO : BH_CTL_OK;
}

int
bh_ctl_import(struct bh_ctl *ctl)
{
	size_t n = (size_t)ctl->a.n_words, i;
	struct bh_import_input *input = calloc(n, sizeof(*input));
	struct bh_buf *text = calloc(n, sizeof(*text)), out = {0};
	struct bh_prefix pods[IMPORT_MAX_PODS];
	struct import_notes notes = {ctl, 0};
	struct bh_import_params p = {
		.input = input, .n_inputs = n, .pods = pods, .note = import_note, .arg = &notes};
	struct bh_err err = {0};
	int rc = input == NULL || text == NULL ? BH_CTL_USAGE : import_form(ctl, "auto", &p.form);

	if (rc == 0)
		rc = import_pods(ctl, pods, &p.n_pods);
	for (i = 0; rc == 0 && i < n; i++) {
		rc = import_read(ctl, ctl->a.word[i], &text[i]);
		input[i] = (struct bh_import_input){ctl->a.word[i], text[i].data, text[i].len};
	}
	if (rc == 0) {
		rc = bh_import(&p, &out, &err);
		rc = import_print(ctl, rc, &err, &out, notes.n);
	}
	for (i = 0; text != NULL && i < n; i++)
		bh_buf_free(&text[i]);
	bh_buf_free(&out);
	free(text);
	free(input);
	return rc;
}

int
bh_ctl_export(struct bh_ctl *ctl)
{
	const struct bh_ctl_request q = {.method = "GET", .path = "/policy?format=yaml"};
	struct import_notes notes = {ctl, 0};
	struct bh_export_params p = {.note = import_note, .arg = &notes};
	struct bh_buf text = {0}, out = {0};
	struct bh_ctl_reply r = {0};
	struct bh_err err = {0};
	int rc = import_form(ctl, "networkpolicy", &p.form);

	if (rc == 0 && ctl->a.file.n != 0) {
		rc = import_read(ctl, ctl->a.file.value[0], &text);
		p.input = (struct bh_import_input){ctl->a.file.value[0], text.data, text.len};
	} else if (rc == 0) {
		rc = bh_ctl_call(ctl, &q, &r);
		p.input = (struct bh_import_input){"the policy in force", r.text.data, r.text.len};
	}
	if (rc == 0) {
		rc = bh_export(&p, &out, &err);
		rc = import_print(ctl, rc, &err, &out, notes.n);
	}
	bh_ctl_reply_free(&r);
	bh_buf_free(&text);
	bh_buf_free(&out);
	return rc;
}
