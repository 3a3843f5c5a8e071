/* Which labels name segments (learning.services, learning.namespaces, learning.ignore). */
#include <stdio.h>

#include "conf_priv.h"

static const char *const services[] = {"service", "app.kubernetes.io/name", "app", "k8s-app"};
static const char *const namespaces[] = {"namespace", "io.kubernetes.pod.namespace"};
/* What controllers number their pods by. */
static const char *const ignored[] = {"pod-template-hash",
				      "pod-template-generation",
				      "controller-revision-hash",
				      "controller-uid",
				      "job-name",
				      "batch.kubernetes.io/*",
				      "apps.kubernetes.io/pod-index",
				      "statefulset.kubernetes.io/*",
				      "workflows.argoproj.io/*"};

static void
set_words(struct bh_config_words *w, const char *const *word, unsigned n)
{
	for (w->n = 0; w->n < n; w->n++)
		snprintf(w->word[w->n], sizeof(w->word[0]), "%s", word[w->n]);
}

void
bh_config_default_learn(struct bh_config *c)
{
	set_words(&c->learn_services, services, BH_ARRAY_SIZE(services));
	set_words(&c->learn_namespaces, namespaces, BH_ARRAY_SIZE(namespaces));
	set_words(&c->learn_ignore, ignored, BH_ARRAY_SIZE(ignored));
}

/* A label key; as a pattern, too, one that ends in '*', or with the beginning of a value behind '='. */
static bool
is_label(const char *text, bool pattern)
{
	static const char bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "-_./";
	size_t n = strspn(text, bytes);
	bool key = n != 0;

	if (pattern && key && text[n] == '=') {
		text += n + 1;
		n = strspn(text, bytes);
		/* A value alone would be a name like any other. */
		return n != 0 && text[n] == '*' && text[n + 1] == '\0';
	}
	return key && (text[n] == '\0' || (pattern && text[n] == '*' && text[n + 1] == '\0'));
}

static int
read_words(struct bh_config_reader *r, const struct bh_yaml *node, struct bh_config_words *out,
	   bool pattern)
{
	char found[BH_FOUND_LEN];
	const char *text;
	size_t i;
	int rc = 0;

	if (node->type != BH_YAML_LIST)
		return bh_yaml_err(r->doc, node, r->err, "expected a list of label keys, found %s",
				   bh_yaml_found(node, found, sizeof(found)));
	if (node->n > BH_CONFIG_WORDS)
		return bh_yaml_err(r->doc, node->item[BH_CONFIG_WORDS], r->err,
				   "more than %u of them", BH_CONFIG_WORDS);
	for (i = 0; rc == 0 && i < node->n; i++) {
		rc = bh_yaml_str(r->doc, node->item[i], &text, r->err);
		if (rc == 0 && (strlen(text) >= sizeof(out->word[0]) || !is_label(text, pattern)))
			rc = bh_yaml_err(r->doc, node->item[i], r->err,
					 pattern ? "expected KEY, KEY* or KEY=VALUE*, found '%.60s'"
						 : "expected a label key, found '%.60s'",
					 text);
		if (rc == 0)
			snprintf(out->word[i], sizeof(out->word[0]), "%s", text);
	}
	if (rc == 0)
		out->n = (unsigned)node->n;
	return rc;
}

int
bh_config_read_learn_services(struct bh_config_reader *r, const struct bh_yaml *node)
{
	return read_words(r, node, &r->c->learn_services, false);
}

int
bh_config_read_learn_namespaces(struct bh_config_reader *r, const struct bh_yaml *node)
{
	return read_words(r, node, &r->c->learn_namespaces, false);
}

int
bh_config_read_learn_ignore(struct bh_config_reader *r, const struct bh_yaml *node)
{
	return read_words(r, node, &r->c->learn_ignore, true);
}
