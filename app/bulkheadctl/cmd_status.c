/* health, version, completion. */
#include "ctl.h"

int
bh_ctl_health(struct bh_ctl *ctl)
{
	const struct bh_ctl_request q = {.method = "GET", .path = "/health"};
	struct bh_ctl_reply r = {0};
	const char *status;
	json_t *reason;
	size_t i;
	int rc = bh_ctl_send(ctl, &q, &r);

	status = json_string_value(json_object_get(r.json, "status"));
	if (rc == 0 && (r.problem || status == NULL)) {
		/* 503 is an answer here, not a refusal; anything but a status is neither. */
		fprintf(ctl->err, "bulkheadctl: what answers at %s is not a gateway\n",
			ctl->server);
		rc = BH_CTL_UNREACHABLE;
	}
	if (rc != 0) {
		bh_ctl_reply_free(&r);
		return rc;
	}
	rc = strcmp(status, "ok") == 0 ? BH_CTL_OK : BH_CTL_NO;
	if (ctl->a.format == BH_OUTPUT_JSON) {
		bh_ctl_print_json(ctl, r.json);
	} else {
		bh_ctl_put_clean(ctl->out, status);
		fputc('\n', ctl->out);
		json_array_foreach(json_object_get(r.json, "reasons"), i, reason)
		{
			fputs("  ", ctl->out);
			bh_ctl_put_clean(ctl->out, json_string_value(reason));
			fputc('\n', ctl->out);
		}
	}
	bh_ctl_reply_free(&r);
	return rc;
}

int
bh_ctl_version(struct bh_ctl *ctl)
{
	struct bh_ctl_reply r = {0};
	const char *version;
	int rc;

	fprintf(ctl->out, "bulkheadctl %s\n", BH_VERSION);
	rc = bh_ctl_get_json(ctl, "/version", &r);
	version = json_string_value(json_object_get(r.json, "version"));
	if (rc == 0) {
		fputs("bulkhead ", ctl->out);
		bh_ctl_put_clean(ctl->out, version != NULL ? version : "?");
		fputc('\n', ctl->out);
	}
	bh_ctl_reply_free(&r);
	return rc;
}
