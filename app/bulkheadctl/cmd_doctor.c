/* doctor: what is wrong with this machine, why it matters, and the command that mends it. Needs no gateway; one that runs is
 * asked, too. */
#include <errno.h>
#include <stdlib.h>

#include "../../lib/doctor/doctor.h"
#include "../../lib/policy/policy.h"
#include "../../lib/response/response.h"
#include "../../lib/signature/signature.h"
#include "ctl_doctor.h"

#define DOCTOR_RESPONSES_MAX (1u << 20)

/* ---- documents ------------------------------------------------------------------------------------- */

static void
doctor_wrong(struct bh_doctor_report *r, enum bh_doctor_what what, const char *file,
	     const struct bh_err *err)
{
	char text[1024];

	bh_err_format(err, text, sizeof(text));
	bh_doctor_add(r, what, file, "", "%.300s", text);
}

static void
doctor_publish(void *arg, const struct bh_view *view)
{
	(void)arg;
	(void)view;
}

/* A file that is not there, or not to be read, has been told. */
static void
doctor_policy(const struct bh_config *c, struct bh_doctor_report *r)
{
	struct bh_policy_params p = {.max_endpoints = (uint32_t)c->max_endpoints,
				     .mode = (enum bh_mode)c->mode,
				     .publish = doctor_publish};
	struct bh_policy_change change;
	struct bh_err err = {0};
	struct bh_policy *policy;
	int rc;

	if (c->policy_file[0] == '\0' || bh_hash_key_random(&p.hash_key) != 0 ||
	    bh_policy_create(&policy, &p) != 0)
		return;
	rc = bh_policy_load_file(policy, c->policy_file, true, &change, &err);
	if (rc != 0 && rc != -ENOENT && rc != -EACCES)
		doctor_wrong(r, BH_DOCTOR_POLICY_WRONG, c->policy_file, &err);
	bh_policy_destroy(policy);
}

static void
doctor_sensors(const struct bh_config *c, struct bh_doctor_report *r)
{
	const char *file[BH_SENSOR_FILES];
	struct bh_signature_params p = {
		.file = file,
		.n_files = c->n_sensor_files,
		.vars = c->sensor_vars[0] != '\0' ? c->sensor_vars : NULL,
		.classes = c->sensor_classes[0] != '\0' ? c->sensor_classes : NULL,
	};
	struct bh_signatures *s = NULL;
	struct bh_err err = {0};
	unsigned i;
	int rc;

	if (c->n_sensor_files == 0)
		return;
	for (i = 0; i < c->n_sensor_files; i++)
		file[i] = c->sensor_file[i];
	rc = bh_signature_load(&p, &s, &err);
	if (rc != 0 && rc != -ENOENT && rc != -EACCES)
		doctor_wrong(r, BH_DOCTOR_SENSORS_WRONG,
			     err.file[0] != '\0' ? err.file : c->sensor_file[0], &err);
	bh_signatures_free(s);
}

static void
doctor_responses(const struct bh_config *c, struct bh_doctor_report *r)
{
	struct bh_err err = {0};
	char *text = NULL;
	size_t len;

	if (c->response_file[0] == '\0')
		return;
	if (bh_file_read(c->response_file, DOCTOR_RESPONSES_MAX, &text, &len, &err) == 0 &&
	    bh_response_check(c->response_file, text, len, &err) != 0)
		doctor_wrong(r, BH_DOCTOR_CONFIG_WRONG, c->response_file, &err);
	free(text);
}

/* ---- the report -------------------------------------------------------------------------------------- */

static void
doctor_json(struct bh_ctl *ctl, const struct bh_doctor_report *r)
{
	json_t *list = json_array(), *all;
	unsigned i;

	for (i = 0; i < r->n; i++) {
		const struct bh_doctor_finding *f = &r->finding[i];
		const struct bh_doctor_info *info = bh_doctor_info(f->what);

		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s%, s:s, s:s%, s:s, s:s%}", "name",
						info->name, "severity",
						bh_doctor_severity_name(info->severity), "subject",
						f->subject, strlen(f->subject), "title",
						info->title, "seen", f->text, strlen(f->text),
						"why", info->why, "fix", f->fix, strlen(f->fix)));
	}
	all = json_pack("{s:i, s:i, s:i, s:b, s:o}", "known", (int)BH_DOCTOR_COUNT, "faults",
			(int)r->n_faults, "warnings", (int)r->n_warnings, "gateway_runs",
			r->running, "findings", list);
	if (ctl->a.format == BH_OUTPUT_YAML)
		bh_ctl_print_yaml(ctl, all);
	else
		bh_ctl_print_json(ctl, all);
	json_decref(all);
}

static void
doctor_wide(struct bh_ctl *ctl, const struct bh_doctor_report *r)
{
	struct bh_ctl_table t = {0};
	unsigned i;

	bh_ctl_table_column(&t, "SEVERITY", 0);
	bh_ctl_table_column(&t, "NAME", 0);
	bh_ctl_table_column(&t, "ABOUT", 0);
	bh_ctl_table_column(&t, "SEEN", BH_COL_SHRINK);
	bh_ctl_table_column(&t, "FIX", 0);
	for (i = 0; i < r->n; i++) {
		const struct bh_doctor_finding *f = &r->finding[i];
		const struct bh_doctor_info *info = bh_doctor_info(f->what);

		bh_ctl_table_cell(&t, bh_doctor_severity_name(info->severity));
		bh_ctl_table_cell(&t, info->name);
		bh_ctl_table_cell(&t, f->subject[0] != '\0' ? f->subject : "-");
		bh_ctl_table_cell(&t, f->text);
		bh_ctl_table_cell(&t, f->fix);
	}
	bh_ctl_table_print(&t, ctl);
	bh_ctl_table_free(&t);
}

/* Faults first; a finding is three lines that stand for themselves. */
static void
doctor_text(struct bh_ctl *ctl, const struct bh_doctor_report *r, enum bh_doctor_severity severity)
{
	const char *on = !ctl->colour                           ? ""
			 : severity == BH_DOCTOR_SEVERITY_FAULT ? "\033[31m"
								: "\033[33m";
	unsigned i;

	for (i = 0; i < r->n; i++) {
		const struct bh_doctor_finding *f = &r->finding[i];
		const struct bh_doctor_info *info = bh_doctor_info(f->what);

		if (info->severity != severity)
			continue;
		fprintf(ctl->out, "%s%s%s  %s: ", on, bh_doctor_severity_name(severity),
			ctl->colour ? "\033[0m" : "", info->name);
		bh_ctl_put_clean(ctl->out, f->subject);
		fprintf(ctl->out, "%s%s (", f->subject[0] != '\0' ? ": " : "", info->title);
		bh_ctl_put_clean(ctl->out, f->text);
		fprintf(ctl->out, ")\n    why: %s\n    fix: ", info->why);
		bh_ctl_put_clean(ctl->out, f->fix);
		fputs("\n", ctl->out);
	}
}

static void
doctor_print(struct bh_ctl *ctl, const struct bh_doctor_report *r)
{
	if (ctl->a.format == BH_OUTPUT_JSON || ctl->a.format == BH_OUTPUT_YAML) {
		doctor_json(ctl, r);
		return;
	}
	if (ctl->a.format == BH_OUTPUT_WIDE) {
		doctor_wide(ctl, r);
	} else {
		doctor_text(ctl, r, BH_DOCTOR_SEVERITY_FAULT);
		doctor_text(ctl, r, BH_DOCTOR_SEVERITY_WARNING);
	}
	fprintf(ctl->out, "%u faults, %u warnings of %u things that can be wrong\n", r->n_faults,
		r->n_warnings, (unsigned)BH_DOCTOR_COUNT);
	if (ctl->a.config_file.n == 0)
		fputs("Without --config FILE only the machine was looked at.\n", ctl->out);
	if (r->n_more != 0)
		fprintf(ctl->out, "%u more are not shown: mend these first\n", r->n_more);
}

/* *has: there is a configuration to go on with. */
static void
doctor_config(const char *path, struct bh_config *c, bool *has, struct bh_doctor_report *r)
{
	struct bh_err err = {0};

	*has = bh_config_load(c, path, true, &err) == 0;
	if (!*has)
		doctor_wrong(r, BH_DOCTOR_CONFIG_WRONG, path, &err);
}

int
bh_ctl_doctor(struct bh_ctl *ctl)
{
	const struct bh_ctl_option *file = &ctl->a.config_file;
	struct bh_config *c = calloc(1, sizeof(*c));
	struct bh_doctor_report *r = calloc(1, sizeof(*r));
	struct bh_doctor_facts facts;
	bool has = false;
	int rc = BH_CTL_USAGE;

	if (c == NULL || r == NULL) {
		fprintf(ctl->err, "bulkheadctl: out of memory\n");
		goto free_report;
	}
	if (file->n != 0)
		doctor_config(file->value[file->n - 1], c, &has, r);
	bh_doctor_look(&facts, has ? c : NULL);
	bh_doctor_examine(&(struct bh_doctor_params){.root = "",
						     .facts = &facts,
						     .config = has ? c : NULL},
			  r);
	if (has) {
		doctor_policy(c, r);
		doctor_sensors(c, r);
		doctor_responses(c, r);
	}
	bh_ctl_doctor_live(ctl, has ? c : NULL, r);
	doctor_print(ctl, r);
	rc = r->n_faults != 0 || (r->n_warnings != 0 && ctl->a.strict.n != 0) ? BH_CTL_NO
									      : BH_CTL_OK;
free_report:
	free(r);
	free(c);
	return rc;
}
