/* part_netpol: NetworkPolicies of a cluster, as lib/import makes segments and rules of them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../import/import.h"
#include "part.h"

/* As kubectl would print it, without what the API server adds. */
static int
write_input(struct bh_buf *out, const struct bh_kube_wish *w)
{
	const char *slash = strchr(w->name, '/');
	json_t *o = json_pack("{s:s, s:s, s:{s:s, s:o}, s:O}", "apiVersion", "networking.k8s.io/v1",
			      "kind", "NetworkPolicy", "metadata", "name",
			      slash != NULL ? slash + 1 : w->name, "namespace",
			      json_stringn(w->name, slash != NULL ? (size_t)(slash - w->name) : 0),
			      "spec", w->spec);
	char *text = o != NULL ? json_dumps(o, 0) : NULL;

	if (text != NULL)
		bh_buf_printf(out, "---\n%s\n", text);
	free(text);
	json_decref(o);
	return text != NULL && !out->failed ? 0 : -ENOMEM;
}

/* Lines of a map or list of a document, two blanks further in. */
static void
splice(struct bh_buf *out, const char *text, const char *head)
{
	const char *at = strstr(text, head), *end;

	for (at = at != NULL ? at + strlen(head) : ""; *at == ' '; at = end) {
		end = strchr(at, '\n');
		end = end != NULL ? end + 1 : at + strlen(at);
		bh_buf_str(out, "  ");
		bh_buf_add(out, at, (size_t)(end - at));
	}
}

int
bh_kube_write_netpols(struct bh_kube_writing *p, unsigned source)
{
	const struct bh_config_source *s = &p->config->source[source];
	struct bh_buf text = {0}, doc = {0};
	struct bh_import_input in = {.name = s->name};
	struct bh_import_params params = {.form = BH_FORM_NETWORKPOLICY,
					  .input = &in,
					  .n_inputs = 1,
					  .pods = s->pods,
					  .n_pods = s->n_pods,
					  .cluster = s->name,
					  .closed = true};
	char prefix[96];
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < p->n; i++) {
		if (p->wish[i].kind == BH_KUBE_NETPOL && p->wish[i].source == source)
			rc = write_input(&text, &p->wish[i]);
	}
	if (rc == 0 && text.len != 0) {
		in.text = text.data;
		in.len = text.len;
		snprintf(prefix, sizeof(prefix), "%s/networkpolicy", s->name);
		params.prefix = prefix;
		rc = bh_import(&params, &doc, p->err);
	}
	if (rc == 0 && doc.len != 0) {
		splice(&p->segments, doc.data, "\nsegments:\n");
		splice(&p->rules, doc.data, "\nrules:\n");
	}
	bh_buf_free(&text);
	bh_buf_free(&doc);
	return rc;
}
