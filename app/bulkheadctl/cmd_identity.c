/* identity: who may use the API. A new token goes to standard output and nowhere else. */
#include <stdlib.h>

#include "ctl.h"

static int
identity_usage(struct bh_ctl *ctl)
{
	fprintf(ctl->err, "usage: bulkheadctl identity make NAME --role ROLE [--expires TIME] "
			  "[--certificate SHA256] | delete NAME\n"
			  "roles: viewer operator policy-admin auditor pusher admin; "
			  "`bulkheadctl get identities` lists them\n");
	return BH_CTL_USAGE;
}

static const char *
last(const struct bh_ctl_option *o)
{
	return o->n != 0 ? o->value[o->n - 1] : NULL;
}

static int
identity_ask(struct bh_ctl *ctl, const char *method, const char *body, struct bh_ctl_reply *r)
{
	struct bh_ctl_request q = {.method = method, .body = body};
	struct bh_buf path = {0};
	int rc;

	bh_buf_str(&path, "/identities/");
	bh_ctl_encode(&path, ctl->a.word[1]);
	q.path = path.failed ? "/" : path.data;
	if (body != NULL) {
		q.len = strlen(body);
		q.content_type = "application/json";
	}
	rc = bh_ctl_call(ctl, &q, r);
	bh_buf_free(&path);
	return rc == BH_CTL_NO && strcmp(method, "PUT") == 0 ? BH_CTL_REFUSED : rc;
}

static int
identity_make(struct bh_ctl *ctl)
{
	const char *certificate = last(&ctl->a.certificate), *token;
	struct bh_ctl_reply r = {0};
	json_t *body = json_object();
	char *text;
	int rc;

	json_object_set_new(body, "role", json_string(last(&ctl->a.role)));
	if (last(&ctl->a.expires) != NULL)
		json_object_set_new(body, "expires", json_string(last(&ctl->a.expires)));
	if (certificate != NULL) {
		json_object_set_new(body, "certificate", json_string(certificate));
		json_object_set_new(body, "token", json_false());
	}
	text = json_dumps(body, 0);
	json_decref(body);
	rc = identity_ask(ctl, "PUT", text != NULL ? text : "", &r);
	token = json_string_value(json_object_get(r.json, "token"));
	if (rc == 0 && ctl->a.format == BH_OUTPUT_JSON)
		bh_ctl_print_json(ctl, r.json);
	else if (rc == 0 && token != NULL)
		fprintf(ctl->out, "%s\n", token);
	free(text);
	if (r.text.data != NULL)
		explicit_bzero(r.text.data, r.text.len);
	bh_ctl_reply_free(&r);
	return rc;
}

int
bh_ctl_identity(struct bh_ctl *ctl)
{
	struct bh_ctl_reply r = {0};
	int rc;

	if (strcmp(ctl->a.word[0], "make") == 0 && last(&ctl->a.role) != NULL)
		return identity_make(ctl);
	if (strcmp(ctl->a.word[0], "delete") != 0)
		return identity_usage(ctl);
	rc = identity_ask(ctl, "DELETE", NULL, &r);
	if (rc == 0)
		fprintf(ctl->out, "deleted\n");
	bh_ctl_reply_free(&r);
	return rc;
}
