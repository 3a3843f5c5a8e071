/* /policy/import, /policy/export: policies of other systems as ours, and ours as theirs. Nothing is put into force. */
#include <errno.h>

#include "../import/import.h"
#include "api_priv.h"

#define NOTES_MAX 1000 /* more than anybody reads; that there are more is said */

static void
note(void *arg, const char *file, unsigned line, unsigned column, const char *text)
{
	json_t *notes = arg;

	(void)file;
	if (json_array_size(notes) < NOTES_MAX)
		json_array_append_new(notes, json_pack("{s:I, s:I, s:o}", "line", (json_int_t)line,
						       "column", (json_int_t)column, "text",
						       bh_api_str(text)));
	else if (json_array_size(notes) == NOTES_MAX)
		json_array_append_new(notes, json_pack("{s:i, s:i, s:s}", "line", 0, "column", 0,
						       "text", "there are more: this list is cut"));
}

/* from: the least form that may be named. false: the reply is set. */
static bool
form_of(struct bh_api_req *req, unsigned from, enum bh_form *form)
{
	const char *word = bh_api_arg(req, "form");
	unsigned i;

	if (word == NULL && from == BH_FORM_AUTO) {
		*form = BH_FORM_AUTO;
		return true;
	}
	for (i = from; word != NULL && i < BH_FORM_COUNT; i++) {
		if (strcmp(word, bh_form_name(i)) == 0) {
			*form = (enum bh_form)i;
			return true;
		}
	}
	bh_api_fail(req, BH_PROBLEM_ARGUMENT, &(struct bh_api_where){.argument = "form"},
		    "must be %snetworkpolicy, nv or groups", from == BH_FORM_AUTO ? "auto, " : "");
	return false;
}

static void
reply(struct bh_api_req *req, const char *form, const struct bh_buf *text, json_t *notes)
{
	if (text->failed)
		bh_api_fail(req, BH_PROBLEM_FULL, NULL, "no memory for the document");
	else
		bh_api_json(req, 200,
			    json_pack("{s:s, s:o, s:O}", "form", form, "text",
				      bh_api_str(text->data != NULL ? text->data : ""), "notes",
				      notes));
}

/* What is wrong with the whole of a document is told of its beginning. */
static void
fail(struct bh_api_req *req, int rc, const struct bh_err *err)
{
	bh_api_fail(req, rc == -ENOMEM ? BH_PROBLEM_FULL : BH_PROBLEM_POLICY,
		    &(struct bh_api_where){.line = err->line != 0 ? err->line : 1,
					   .column = err->column},
		    "%s", err->what);
}

void
bh_api_ep_forms_export(struct bh_api_req *req)
{
	struct bh_buf text = {0}, out = {0};
	struct bh_export_params p = {.note = note};
	struct bh_err err = {0};
	int rc;

	if (!form_of(req, BH_FORM_AUTO + 1, &p.form))
		return;
	p.arg = json_array();
	bh_policy_text(req->api->p.policy, &text);
	p.input = (struct bh_import_input){"policy", text.data != NULL ? text.data : "", text.len};
	rc = text.failed ? bh_err_set(&err, ENOMEM, "no memory for the policy")
			 : bh_export(&p, &out, &err);
	if (rc == 0)
		reply(req, bh_form_name(p.form), &out, p.arg);
	else
		fail(req, rc, &err);
	json_decref(p.arg);
	bh_buf_free(&text);
	bh_buf_free(&out);
}

void
bh_api_ep_forms_import(struct bh_api_req *req)
{
	struct bh_import_input input = {"request body", req->body.data, req->body.len};
	struct bh_import_params p = {.input = &input, .n_inputs = 1, .note = note};
	struct bh_buf out = {0};
	struct bh_err err = {0};
	int rc;

	if (!form_of(req, BH_FORM_AUTO, &p.form))
		return;
	if (input.len == 0) {
		bh_api_fail(req, BH_PROBLEM_POLICY, &(struct bh_api_where){.line = 1},
			    "the body is empty: send the document");
		return;
	}
	p.arg = json_array();
	rc = bh_import(&p, &out, &err);
	if (rc == 0)
		reply(req, "bulkhead", &out, p.arg);
	else
		fail(req, rc, &err);
	json_decref(p.arg);
	bh_buf_free(&out);
}
