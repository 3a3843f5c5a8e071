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

int
bh_ctl_completion(struct bh_ctl *ctl)
{
	size_t i;

	if (strcmp(ctl->a.word[0], "bash") != 0) {
		fprintf(ctl->err, "bulkheadctl: completion is there for bash\n");
		return BH_CTL_USAGE;
	}
	fprintf(ctl->out,
		"_bulkheadctl() {\n\tlocal w=${COMP_WORDS[COMP_CWORD]} words\n"
		"\tcase ${COMP_WORDS[COMP_CWORD-1]} in\n"
		"\t-f|--file|-t|--token-file) COMPREPLY=($(compgen -f -- \"$w\")); return ;;\n"
		"\t-o|--output) words='table wide json yaml' ;;\n"
		"\tget|describe) words='");
	for (i = 0; bh_ctl_kind_name(i) != NULL; i++)
		fprintf(ctl->out, "%s%s", i != 0 ? " " : "", bh_ctl_kind_name(i));
	fprintf(ctl->out, "' ;;\n\tlabel|create|delete) words=endpoint ;;\n\t*) words='");
	for (i = 0; i < bh_ctl_n_verbs; i++)
		fprintf(ctl->out, "%s%s", i != 0 ? " " : "", bh_ctl_verbs[i].name);
	fprintf(ctl->out, "' ;;\n\tesac\n\t[[ $w == -* ]] && words='");
#define BH_OPTION(field, name, letter, value, text) fprintf(ctl->out, "--%s ", name);
#include "option.def"
#undef BH_OPTION
	fprintf(ctl->out, "'\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$w\"))\n}\n"
			  "complete -F _bulkheadctl bulkheadctl\n");
	return BH_CTL_OK;
}
