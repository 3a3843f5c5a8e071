/* report: the PCI DSS report about a zone, and its sign-off. */
#include <stdlib.h>

#include "ctl.h"

static int
report_pci(struct bh_ctl *ctl, const char *zone)
{
	bool json = ctl->a.format == BH_OUTPUT_JSON;
	const struct bh_ctl_option *days = &ctl->a.days;
	struct bh_ctl_reply r = {0};
	struct bh_buf path = {0};
	int rc;

	bh_buf_printf(&path, "/reports/pci?format=%s&zone=", json ? "json" : "html");
	bh_ctl_encode(&path, zone);
	if (days->n != 0) {
		bh_buf_str(&path, "&days=");
		bh_ctl_encode(&path, days->value[days->n - 1]);
	}
	rc = bh_ctl_call(ctl,
			 &(struct bh_ctl_request){.method = "GET",
						  .path = path.failed ? "/" : path.data},
			 &r);
	bh_buf_free(&path);
	if (rc == 0 && json) {
		bh_ctl_print_json(ctl, r.json);
	} else if (rc == 0 && (fwrite(r.text.data, 1, r.text.len, ctl->out) != r.text.len ||
			       fflush(ctl->out) != 0)) {
		fprintf(ctl->err, "bulkheadctl: cannot write all of it\n");
		rc = BH_CTL_NO;
	}
	bh_ctl_reply_free(&r);
	return rc;
}

static int
report_review(struct bh_ctl *ctl, const char *zone)
{
	const struct bh_ctl_option *why = &ctl->a.why;
	struct bh_ctl_request q = {.method = "POST",
				   .path = "/reports/pci/review",
				   .content_type = "application/json"};
	json_t *body = json_pack("{s:s}", "zone", zone);
	struct bh_ctl_reply r = {0};
	char *text;
	int rc;

	if (bh_ctl_author() != NULL)
		json_object_set_new(body, "author", json_string(bh_ctl_author()));
	if (why->n != 0)
		json_object_set_new(body, "why", json_string(why->value[why->n - 1]));
	text = json_dumps(body, 0);
	json_decref(body);
	q.body = text != NULL ? text : "";
	q.len = strlen(q.body);
	rc = bh_ctl_call(ctl, &q, &r);
	if (rc == 0) {
		bh_ctl_put_clean(ctl->out, json_string_value(json_object_get(r.json, "zone")));
		fprintf(ctl->out, ": review recorded\n");
	}
	free(text);
	bh_ctl_reply_free(&r);
	return rc;
}

int
bh_ctl_report(struct bh_ctl *ctl)
{
	const struct bh_ctl_option *zone = &ctl->a.zone;
	const char *what = ctl->a.word[0];

	if (zone->n == 0 || (strcmp(what, "pci") != 0 && strcmp(what, "review") != 0)) {
		fprintf(ctl->err, "usage: bulkheadctl report pci|review --zone NAME; `pci` writes "
				  "one page: > FILE\n");
		return BH_CTL_USAGE;
	}
	return strcmp(what, "pci") == 0 ? report_pci(ctl, zone->value[zone->n - 1])
					: report_review(ctl, zone->value[zone->n - 1]);
}
