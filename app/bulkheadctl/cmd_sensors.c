/* sensors check: what files of sensors hold, what of them is not loaded, and whether the rest compiles. No gateway is
 * needed. */
#include <errno.h>
#include <stdlib.h>

#include "../../lib/signature/signature.h"
#include "ctl.h"

/* "file:line:column: skipped sid 7, byte_test: why" */
static void
sensors_note(struct bh_ctl *ctl, const struct bh_signature_report *report,
	     const struct bh_signature_note *n)
{
	struct bh_buf b = {0};

	bh_buf_printf(&b, "%s:%u:%u: %s", report->file[n->file].name, n->line, n->column,
		      bh_signature_fate_name(n->fate));
	if (n->sid != 0)
		bh_buf_printf(&b, " sid %u", n->sid);
	if (n->option != NULL)
		bh_buf_printf(&b, ", %s", n->option);
	bh_buf_printf(&b, ": %s", n->text);
	if (!b.failed)
		bh_ctl_put_clean(ctl->out, b.data);
	fputc('\n', ctl->out);
	bh_buf_free(&b);
}

static void
sensors_text(struct bh_ctl *ctl, const struct bh_signatures *s)
{
	const struct bh_signature_report *report = &s->report;
	size_t i, k = 0;

	for (i = 0; i < report->n_files; i++) {
		const struct bh_signature_file *f = &report->file[i];

		bh_ctl_put_clean(ctl->out, f->name);
		fprintf(ctl->out,
			": %s: sensors %u, rules %u, patterns %u, attachments %u, exceptions %u; "
			"disabled %u, left out %u, changed %u\n",
			bh_signature_form_name(f->form), f->sensors, f->rules, f->patterns,
			f->attachments, f->exceptions, f->disabled, f->left_out, f->changed);
		for (; k < report->n_notes && report->note[k].file == i; k++)
			sensors_note(ctl, report, &report->note[k]);
	}
}

static json_t *
sensors_file_json(const struct bh_signatures *s, size_t i)
{
	const struct bh_signature_file *f = &s->report.file[i];
	json_t *notes = json_array();
	size_t k;

	for (k = 0; k < s->report.n_notes; k++) {
		const struct bh_signature_note *n = &s->report.note[k];

		if (n->file == i)
			json_array_append_new(notes,
					      json_pack("{s:s, s:i, s:i, s:I, s:s*, s:s}", "fate",
							bh_signature_fate_name(n->fate), "line",
							n->line, "column", n->column, "sid",
							(json_int_t)n->sid, "option", n->option,
							"text", n->text));
	}
	return json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:o}", "name", f->name,
			 "form", bh_signature_form_name(f->form), "sensors", f->sensors, "rules",
			 f->rules, "patterns", f->patterns, "attachments", f->attachments,
			 "exceptions", f->exceptions, "disabled", f->disabled, "left_out",
			 f->left_out, "changed", f->changed, "notes", notes);
}

static void
sensors_json(struct bh_ctl *ctl, const struct bh_signatures *s,
	     const struct bh_sensor_set_info *info)
{
	json_t *files = json_array(), *all;
	size_t i;

	for (i = 0; i < s->report.n_files; i++)
		json_array_append_new(files, sensors_file_json(s, i));
	all = json_pack("{s:o, s:{s:i, s:i, s:i, s:i, s:I, s:I}}", "files", files, "compiled",
			"rules", info->rules, "databases", info->databases, "exact", info->exact,
			"confirmed", info->confirmed, "bytes", (json_int_t)info->database_bytes,
			"ms", (json_int_t)(info->compile_ns / BH_NS_PER_MS));
	if (all != NULL)
		bh_ctl_print_json(ctl, all);
	json_decref(all);
}

static int
sensors_failed(struct bh_ctl *ctl, const struct bh_err *err)
{
	char text[1024];

	bh_err_format(err, text, sizeof(text));
	fputs("bulkheadctl: ", ctl->err);
	bh_ctl_put_clean(ctl->err, text);
	fputc('\n', ctl->err);
	return BH_CTL_USAGE;
}

struct sensors_compiling {
	struct bh_sensor_model *model;
	struct bh_sensor_set *set;
	struct bh_err err;
	int rc;
};

static void *
sensors_compile_run(void *arg)
{
	struct sensors_compiling *c = arg;

	c->rc = bh_sensor_compile(c->model, NULL, &c->set, &c->err);
	return NULL;
}

static int
sensors_compile(struct bh_ctl *ctl, struct bh_signatures *s, struct bh_sensor_set_info *info)
{
	struct sensors_compiling c = {.model = s->model};
	struct bh_ctl_work work = {"compiling",          "databases",         &s->model->compiled,
				   &s->model->databases, sensors_compile_run, &c};

	if (s->model->n_rules == 0)
		return BH_CTL_OK;
	bh_ctl_progress_work(ctl, &work);
	if (c.rc != 0)
		return sensors_failed(ctl, &c.err);
	s->model = NULL;
	bh_sensor_set_info(c.set, info);
	bh_sensor_set_destroy(c.set);
	return BH_CTL_OK;
}

static const char *
sensors_option(const struct bh_ctl_option *o)
{
	return o->n != 0 ? o->value[o->n - 1] : NULL;
}

int
bh_ctl_sensors(struct bh_ctl *ctl)
{
	static const char *const known[] = {"check"};
	struct bh_signature_params p = {.file = (const char *const *)(ctl->a.word + 1),
					.n_files = (size_t)ctl->a.n_words - 1,
					.vars = sensors_option(&ctl->a.vars),
					.classes = sensors_option(&ctl->a.classes)};
	struct bh_sensor_set_info info = {0};
	struct bh_signatures *s;
	struct bh_err err = {0};
	int rc;

	if (strcmp(ctl->a.word[0], known[0]) != 0)
		return bh_ctl_unknown(ctl->err, "sub-command of sensors", ctl->a.word[0], known, 1);
	if (bh_signature_load(&p, &s, &err) != 0)
		return sensors_failed(ctl, &err);
	if (ctl->a.format != BH_OUTPUT_JSON)
		sensors_text(ctl, s);
	rc = sensors_compile(ctl, s, &info);
	if (rc == BH_CTL_OK && ctl->a.format == BH_OUTPUT_JSON)
		sensors_json(ctl, s, &info);
	else if (rc == BH_CTL_OK)
		fprintf(ctl->out,
			"compiled: rules %u, databases %u (%.1f MB), patterns that Hyperscan "
			"decides %u, "
			"that PCRE2 confirms %u, %.1f s\n",
			info.rules, info.databases, (double)info.database_bytes / 1e6, info.exact,
			info.confirmed, (double)info.compile_ns / 1e9);
	if (rc == BH_CTL_OK && s->report.n_notes != 0)
		rc = BH_CTL_NO;
	bh_signatures_free(s);
	return rc;
}
