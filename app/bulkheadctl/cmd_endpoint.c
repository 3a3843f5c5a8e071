/* create, label, delete: one endpoint. */
#include <stdlib.h>

#include "ctl.h"

/* "/endpoints/10.0.0.0%2F8?vlan=5" from `VERB endpoint ADDRESS`. */
static int
endpoint_path(struct bh_ctl *ctl, struct bh_buf *path)
{
	const struct bh_ctl_kind *k = bh_ctl_kind(ctl, ctl->a.word[0]);

	if (k == NULL)
		return BH_CTL_USAGE;
	if (strcmp(k->plural, "endpoints") != 0) {
		fprintf(ctl->err,
			"bulkheadctl: only an endpoint can be changed alone; the rest is in "
			"the policy (apply -f)\n");
		return BH_CTL_USAGE;
	}
	bh_buf_str(path, "/endpoints/");
	bh_ctl_encode(path, ctl->a.word[1]);
	bh_ctl_tenant(ctl, path);
	return 0;
}

/* KEY=VALUE sets; KEY- removes, where `patch` is set. */
static int
endpoint_labels(struct bh_ctl *ctl, bool patch, json_t *labels)
{
	int i;

	for (i = 2; i < ctl->a.n_words; i++) {
		char *word = ctl->a.word[i], *eq = strchr(word, '=');
		size_t n = strlen(word);

		if (eq != NULL) {
			*eq = '\0';
			json_object_set_new(labels, word, json_string(eq + 1));
			*eq = '=';
		} else if (patch && n > 1 && word[n - 1] == '-') {
			word[n - 1] = '\0';
			json_object_set_new(labels, word, json_null());
			word[n - 1] = '-';
		} else {
			fprintf(ctl->err, "bulkheadctl: `%s` is not KEY=VALUE%s\n", word,
				patch ? " or KEY-" : "");
			return BH_CTL_USAGE;
		}
	}
	return 0;
}

static int
endpoint_send(struct bh_ctl *ctl, const char *method, json_t *body, const char *done)
{
	struct bh_ctl_request q = {.method = method};
	struct bh_ctl_reply r = {0};
	struct bh_buf path = {0};
	char *text = NULL;
	int rc = endpoint_path(ctl, &path);

	if (rc == 0 && body != NULL) {
		text = json_dumps(body, 0);
		q.body = text;
		q.len = text != NULL ? strlen(text) : 0;
		q.content_type = "application/json";
	}
	q.path = path.failed ? "" : path.data;
	if (rc == 0) {
		rc = bh_ctl_call(ctl, &q, &r);
		rc = rc == BH_CTL_NO ? BH_CTL_REFUSED : rc;
	}
	if (rc == 0 && ctl->a.format == BH_OUTPUT_JSON && r.json != NULL)
		bh_ctl_print_json(ctl, r.json);
	else if (rc == 0)
		fprintf(ctl->out, "endpoint %s %s\n", ctl->a.word[1], done);
	free(text);
	bh_ctl_reply_free(&r);
	bh_buf_free(&path);
	return rc;
}

static int
endpoint_change(struct bh_ctl *ctl, bool patch)
{
	json_t *labels = json_object(), *body = json_pack("{s:o}", "labels", labels);
	int rc = endpoint_labels(ctl, patch, labels);

	if (rc == 0)
		rc = endpoint_send(ctl, patch ? "PATCH" : "PUT", body,
				   patch ? "labelled" : "created");
	json_decref(body);
	return rc;
}

int
bh_ctl_create(struct bh_ctl *ctl)
{
	return endpoint_change(ctl, false);
}

int
bh_ctl_label(struct bh_ctl *ctl)
{
	return endpoint_change(ctl, true);
}

int
bh_ctl_delete(struct bh_ctl *ctl)
{
	return endpoint_send(ctl, "DELETE", NULL, "deleted");
}
