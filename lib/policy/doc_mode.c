/* Modes in a policy document. */
#include <errno.h>

#include "policy_priv.h"

static const char *const mode_words[] = {"discover", "monitor", "protect", NULL};

int
bh_doc_read_mode(struct bh_doc_reader *r, const struct bh_yaml *map, uint8_t *out)
{
	const struct bh_yaml *node = bh_yaml_get(map, "mode");
	unsigned word = 0;
	int rc;

	if (node == NULL)
		return 0;
	rc = bh_yaml_enum(r->yaml, node, mode_words, &word, r->err);
	*out = (uint8_t)(word + 1);
	return rc;
}

int
bh_doc_read_modes(struct bh_doc_reader *r, const struct bh_yaml *node)
{
	static const char *const known[] = {"default", "contention", "override", NULL};
	static const char *const contentions[] = {"basic", "strict", NULL};
	static const char *const overrides[] = {"none", "discover", "monitor", "protect", NULL};
	const struct bh_yaml *item;
	unsigned word = 0;
	int rc;

	if (node == NULL || bh_yaml_is_null(node))
		return 0;
	rc = bh_yaml_check_map(r->yaml, node, "'modes'", known, r->err);
	if (rc != 0)
		return rc;
	item = bh_yaml_get(node, "default");
	if (item != NULL) {
		rc = bh_yaml_enum(r->yaml, item, mode_words, &word, r->err);
		r->doc->default_mode = (uint8_t)(word + 1);
	}
	item = bh_yaml_get(node, "contention");
	if (rc == 0 && item != NULL) {
		rc = bh_yaml_enum(r->yaml, item, contentions, &word, r->err);
		r->doc->strict = word == 1;
	}
	item = bh_yaml_get(node, "override");
	if (rc == 0 && item != NULL) {
		rc = bh_yaml_enum(r->yaml, item, overrides, &word, r->err);
		r->doc->override_mode = (uint8_t)word;
	}
	return rc;
}
