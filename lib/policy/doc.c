/* The policy document: version, networks, segments. Rules and endpoints have files of their own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy_priv.h"

static const char *const reserved[] = {"external", "unknown"};
/* RFC 1918, RFC 6598 (shared address space), RFC 3927 and 4291 (link-local), RFC 4193 (ULA). */
static const char *const default_internal[] = {"10.0.0.0/8",    "172.16.0.0/12",  "192.168.0.0/16",
					       "100.64.0.0/10", "169.254.0.0/16", "fc00::/7",
					       "fe80::/10"};

void *
bh_doc_alloc(struct bh_doc_reader *r, size_t size)
{
	void *p = bh_arena_alloc(&r->doc->arena, size);

	if (p == NULL)
		bh_err_set(r->err, ENOMEM, "out of memory");
	return p;
}

const char *
bh_doc_text(struct bh_doc_reader *r, const char *text)
{
	const char *p = bh_arena_text(&r->doc->arena, text, strlen(text));

	if (p == NULL)
		bh_err_set(r->err, ENOMEM, "out of memory");
	return p;
}

int
bh_doc_name(struct bh_doc_reader *r, const struct bh_yaml *node, const char *what)
{
	char found[BH_FOUND_LEN];

	if (node->type == BH_YAML_SCALAR && bh_label_key_valid(node->text))
		return 0;
	return bh_yaml_err(
		r->yaml, node, r->err,
		"expected the name of %s: 1 to %u letters, digits, '-', '_', '.' or '/', "
		"with a letter or digit at both ends; found %s",
		what, BH_NAME_MAX - 1, bh_yaml_found(node, found, sizeof(found)));
}

int
bh_doc_prefixes(struct bh_doc_reader *r, const struct bh_yaml *node, struct bh_prefix **out,
		uint32_t *n)
{
	char found[BH_FOUND_LEN];
	size_t i, k;
	int rc;

	if (node->type != BH_YAML_LIST)
		return bh_yaml_err(
			r->yaml, node, r->err,
			"expected a list of addresses such as [10.0.0.0/8, 2001:db8::1], "
			"found %s",
			bh_yaml_found(node, found, sizeof(found)));
	*out = bh_doc_alloc(r, node->n * sizeof(**out));
	if (*out == NULL)
		return -ENOMEM;
	for (i = 0; i < node->n; i++) {
		rc = bh_yaml_prefix(r->yaml, node->item[i], &(*out)[i], r->err);
		if (rc != 0)
			return rc;
		/* Slips are near one another; a list of thousands is a machine's. */
		for (k = i > 64 ? i - 64 : 0; k < i; k++) {
			if (memcmp(&(*out)[k], &(*out)[i], sizeof(**out)) == 0)
				return bh_yaml_err(r->yaml, node->item[i], r->err,
						   "'%.60s' is listed twice: keep one",
						   node->item[i]->text);
		}
	}
	*n = (uint32_t)node->n;
	return 0;
}

static int
read_version(struct bh_doc_reader *r, const struct bh_yaml *root)
{
	const struct bh_yaml *node = bh_yaml_get(root, "version");
	char found[BH_FOUND_LEN];

	if (node == NULL)
		return bh_yaml_err(r->yaml, root, r->err,
				   "the policy lacks its version: begin it with 'version: 1'");
	if (node->type != BH_YAML_SCALAR || strcmp(node->text, "1") != 0)
		return bh_yaml_err(r->yaml, node, r->err,
				   "expected version 1, the only one there is, found %s",
				   bh_yaml_found(node, found, sizeof(found)));
	return 0;
}

static int
read_networks(struct bh_doc_reader *r, const struct bh_yaml *node)
{
	static const char *const known[] = {"internal", NULL};
	const struct bh_yaml *internal = NULL;
	struct bh_doc *doc = r->doc;
	size_t i;
	int rc;

	if (node != NULL && !bh_yaml_is_null(node)) {
		rc = bh_yaml_check_map(r->yaml, node, "'networks'", known, r->err);
		if (rc != 0)
			return rc;
		internal = bh_yaml_get(node, "internal");
	}
	if (internal != NULL)
		return bh_doc_prefixes(r, internal, &doc->internal, &doc->n_internal);
	doc->internal = bh_doc_alloc(r, sizeof(default_internal) / sizeof(char *) *
						sizeof(struct bh_prefix));
	if (doc->internal == NULL)
		return -ENOMEM;
	doc->n_internal = BH_ARRAY_SIZE(default_internal);
	for (i = 0; i < BH_ARRAY_SIZE(default_internal); i++)
		bh_prefix_parse(default_internal[i], &doc->internal[i], NULL);
	return 0;
}

/* One selector string, ANDed to what the segment has; its text is kept as written. */
static int
read_selector_text(struct bh_doc_reader *r, const struct bh_yaml *node, struct bh_doc_segment *s)
{
	struct bh_err e = {0};
	char found[BH_FOUND_LEN];
	size_t at = 0;
	int rc;

	if (node->type != BH_YAML_SCALAR || bh_yaml_is_null(node) ||
	    node->text[strspn(node->text, " \t\n")] == '\0')
		return bh_yaml_err(
			r->yaml, node, r->err,
			"expected a selector such as app=web, found %s: for all endpoints "
			"use 'any' in the rules",
			bh_yaml_found(node, found, sizeof(found)));
	rc = bh_selector_add(&r->doc->arena, s->selector, node->text, &at, &e);
	return rc == 0 ? 0 : bh_yaml_err_in(r->yaml, node, at, r->err, "%s", e.what);
}

static int
read_selector(struct bh_doc_reader *r, const struct bh_yaml *node, struct bh_doc_segment *s)
{
	struct bh_buf text = {0};
	size_t i;
	int rc = 0;

	s->selector = bh_doc_alloc(r, sizeof(*s->selector));
	if (s->selector == NULL)
		return -ENOMEM;
	if (node->type != BH_YAML_LIST) {
		rc = read_selector_text(r, node, s);
		if (rc == 0)
			s->selector_text = bh_doc_text(r, node->text);
		return rc == 0 && s->selector_text == NULL ? -ENOMEM : rc;
	}
	if (node->n == 0)
		return bh_yaml_err(r->yaml, node, r->err,
				   "an empty selector: for all endpoints use 'any' in the rules");
	for (i = 0; rc == 0 && i < node->n; i++) {
		rc = read_selector_text(r, node->item[i], s);
		bh_buf_printf(&text, "%s%s", i == 0 ? "" : ", ", node->item[i]->text);
	}
	if (rc == 0) {
		s->selector_text = text.failed ? NULL : bh_doc_text(r, text.data);
		rc = s->selector_text == NULL ? bh_err_set(r->err, ENOMEM, "out of memory") : 0;
	}
	bh_buf_free(&text);
	return rc;
}

static int
read_comment(struct bh_doc_reader *r, const struct bh_yaml *map)
{
	const struct bh_yaml *node = bh_yaml_get(map, "comment");
	const char *text;

	return node == NULL ? 0 : bh_yaml_str(r->yaml, node, &text, r->err);
}

static int
read_segment(struct bh_doc_reader *r, const struct bh_yaml *key, const struct bh_yaml *map,
	     struct bh_doc_segment *s)
{
	static const char *const known[] = {"selector", "addresses", "names", "within",
					    "mode",     "comment",   NULL};
	const struct bh_yaml *selector, *addresses, *names, *within;
	char what[BH_NAME_MAX + 16];
	int rc;

	snprintf(what, sizeof(what), "segment '%s'", key->text);
	if (bh_yaml_is_null(map))
		return bh_yaml_err(r->yaml, key, r->err,
				   "%s is empty: give it a 'selector', 'addresses' or 'names'",
				   what);
	rc = bh_yaml_check_map(r->yaml, map, what, known, r->err);
	if (rc == 0)
		rc = read_comment(r, map);
	if (rc == 0)
		rc = bh_doc_read_mode(r, map, &s->mode);
	if (rc != 0)
		return rc;
	selector = bh_yaml_get(map, "selector");
	addresses = bh_yaml_get(map, "addresses");
	names = bh_yaml_get(map, "names");
	within = bh_yaml_get(map, "within");
	if (selector == NULL && names == NULL &&
	    (addresses == NULL || (addresses->type == BH_YAML_LIST && addresses->n == 0)))
		return bh_yaml_err(r->yaml, key, r->err,
				   "%s is empty: give it a 'selector', 'addresses' or 'names'",
				   what);
	if (selector != NULL)
		rc = read_selector(r, selector, s);
	if (rc == 0 && within != NULL)
		rc = bh_doc_read_within(r, within, s);
	if (rc == 0 && addresses != NULL)
		rc = bh_doc_prefixes(r, addresses, &s->address, &s->n_addresses);
	return rc == 0 && names != NULL ? bh_doc_read_hosts(r, names, s) : rc;
}

int
bh_doc_add_segment(struct bh_doc_reader *r, const struct bh_doc_segment *s)
{
	struct bh_doc_segment *to = &r->doc->segment[r->doc->n_segments];
	uint32_t old;

	*to = *s;
	to->hash = bh_hash_bytes(r->hash_key, s->name, strlen(s->name));
	if (bh_strmap_add(&r->segments, s->name, r->doc->n_segments++, &old) != 0)
		return bh_err_set(r->err, ENOMEM, "out of memory");
	return 0;
}

/* Nothing is in a reserved segment by selector or address of its own. */
static int
start_segments(struct bh_doc_reader *r, size_t n)
{
	struct bh_doc_segment s = {.selector_text = ""};
	size_t i;
	int rc = 0;

	r->doc->segment = bh_doc_alloc(r, (n + BH_ARRAY_SIZE(reserved)) * sizeof(s));
	if (r->doc->segment == NULL || bh_strmap_init(&r->segments, r->hash_key, n) != 0)
		return bh_err_set(r->err, ENOMEM, "out of memory");
	for (i = 0; rc == 0 && i < BH_ARRAY_SIZE(reserved); i++) {
		s.name = reserved[i];
		rc = bh_doc_add_segment(r, &s);
	}
	return rc;
}

/* What is known already is reserved, or stands in another part: no key is twice in one. */
static int
known_segment(struct bh_doc_reader *r, const struct bh_yaml *key)
{
	uint32_t old = bh_strmap_get(&r->segments, key->text);

	if (old != BH_NONE && old >= BH_ARRAY_SIZE(reserved))
		return bh_yaml_err(r->yaml, key, r->err,
				   "segment '%s' is also in line %u: keep one", key->text,
				   r->doc->segment[old].line);
	if (old != BH_NONE || strcmp(key->text, "any") == 0)
		return bh_yaml_err(r->yaml, key, r->err,
				   "'%s' is a reserved segment: choose another name", key->text);
	return 0;
}

static int
read_segments(struct bh_doc_reader *r, const struct bh_yaml *node)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && node != NULL && i < node->n; i++) {
		const struct bh_yaml *key = node->key[i];
		struct bh_doc_segment s = {.selector_text = "", .line = key->line};

		rc = bh_doc_name(r, key, "a segment");
		if (rc == 0)
			rc = known_segment(r, key);
		if (rc != 0)
			return rc;
		s.name = bh_doc_text(r, key->text);
		if (s.name == NULL)
			return -ENOMEM;
		rc = read_segment(r, key, node->item[i], &s);
		if (rc == 0)
			rc = bh_doc_add_segment(r, &s);
	}
	return rc;
}

/* The parts of a document that hold segments and rules, in their order: what people wrote is at its root. */
static int
find_parts(struct bh_doc_reader *r, const struct bh_yaml *root,
	   const struct bh_yaml *part[BH_RULE_ORIGINS])
{
	static const char *const known[] = {"segments", "rules", NULL};
	static const char *const clusters[] = {"segments", "rules",      "sensors",
					       "attach",   "exceptions", NULL};
	unsigned i;
	int rc = 0;

	part[BH_RULE_WRITTEN] = root;
	for (i = BH_RULE_CLUSTERS; rc == 0 && i < BH_RULE_ORIGINS; i++) {
		const char *name = bh_rule_origin_name(i);
		const struct bh_yaml *node = bh_yaml_get(root, name);

		part[i] = node != NULL && !bh_yaml_is_null(node) ? node : NULL;
		if (part[i] != NULL)
			rc = bh_yaml_check_map(r->yaml, node, name,
					       i == BH_RULE_CLUSTERS ? clusters : known, r->err);
	}
	return rc;
}

/* Sensors of clusters are lib/signature's to read; that segments are there which they are attached to is known here. */
static int
check_attachments(struct bh_doc_reader *r, const struct bh_yaml *clusters)
{
	static const char *const ends[] = {"segments", "peers"};
	const struct bh_yaml *attach = clusters != NULL ? bh_yaml_get(clusters, "attach") : NULL;
	size_t i, k, n;
	int rc = 0;

	if (attach == NULL || attach->type != BH_YAML_LIST)
		return 0;
	for (i = 0; i < attach->n * BH_ARRAY_SIZE(ends); i++) {
		const struct bh_yaml *item = attach->item[i / BH_ARRAY_SIZE(ends)];
		const struct bh_yaml *list =
			item->type == BH_YAML_MAP ? bh_yaml_get(item, ends[i % BH_ARRAY_SIZE(ends)])
						  : NULL;

		n = list != NULL && list->type == BH_YAML_LIST ? list->n : 0;
		for (k = 0; rc == 0 && k < n; k++)
			rc = bh_doc_check_segment(r, list->item[k]);
	}
	return rc;
}

static int
read_all_segments(struct bh_doc_reader *r, const struct bh_yaml *const part[BH_RULE_ORIGINS],
		  size_t n_zones)
{
	const struct bh_yaml *node[BH_RULE_ORIGINS] = {NULL};
	char found[BH_FOUND_LEN];
	size_t n = n_zones;
	unsigned i;
	int rc;

	for (i = 0; i < BH_RULE_ORIGINS; i++) {
		node[i] = part[i] != NULL ? bh_yaml_get(part[i], "segments") : NULL;
		if (node[i] != NULL && bh_yaml_is_null(node[i]))
			node[i] = NULL;
		if (node[i] != NULL && node[i]->type != BH_YAML_MAP)
			return bh_yaml_err(r->yaml, node[i], r->err,
					   "expected a map of names to segments, found %s",
					   bh_yaml_found(node[i], found, sizeof(found)));
		n += node[i] != NULL ? node[i]->n : 0;
	}
	rc = start_segments(r, n + 1);
	for (i = 0; rc == 0 && i < BH_RULE_ORIGINS; i++)
		rc = read_segments(r, node[i]);
	return rc == 0 ? bh_doc_add_nodes(r, part) : rc;
}

static int
read_document(struct bh_doc_reader *r, const struct bh_yaml *root)
{
	static const char *const known[] = {"version",  "networks", "modes",      "endpoints",
					    "segments", "zones",    "namespaces", "rules",
					    "clusters", "imported", "learned",    NULL};
	const struct bh_yaml *part[BH_RULE_ORIGINS] = {NULL};
	int rc = bh_yaml_check_map(r->yaml, root, "the policy", known, r->err);

	if (rc == 0)
		rc = read_version(r, root);
	if (rc == 0)
		rc = read_networks(r, bh_yaml_get(root, "networks"));
	if (rc == 0)
		rc = bh_doc_read_modes(r, bh_yaml_get(root, "modes"));
	if (rc == 0)
		rc = find_parts(r, root, part);
	if (rc == 0)
		rc = read_all_segments(r, part, bh_doc_count_zones(root));
	if (rc == 0)
		rc = bh_doc_read_zones(r, root);
	if (rc == 0)
		rc = bh_doc_read_endpoints(r, bh_yaml_get(root, "endpoints"));
	if (rc == 0)
		rc = bh_doc_read_rules(r, part);
	if (rc == 0)
		rc = check_attachments(r, part[BH_RULE_CLUSTERS]);
	if (rc == 0)
		rc = bh_doc_index_hosts(r);
	if (rc == 0 && bh_selector_index_build(&r->doc->index, r->doc, r->hash_key) != 0)
		rc = bh_err_set(r->err, ENOMEM, "out of memory");
	return rc;
}

int
bh_doc_parse(struct bh_doc **out, const struct bh_yaml_doc *yaml, const struct bh_hash_key *key,
	     struct bh_err *err)
{
	struct bh_doc_reader r = {.yaml = yaml, .hash_key = key, .err = err};
	int rc;

	r.doc = calloc(1, sizeof(*r.doc));
	if (r.doc == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	snprintf(r.doc->name, sizeof(r.doc->name), "%s", bh_yaml_name(yaml));
	rc = read_document(&r, bh_yaml_root(yaml));
	bh_strmap_free(&r.segments);
	if (rc != 0) {
		bh_doc_free(r.doc);
		return rc;
	}
	bh_doc_expire(r.doc, bh_clock_system.wall_ns(NULL));
	*out = r.doc;
	return 0;
}

int
bh_doc_empty(struct bh_doc **out, const struct bh_hash_key *key)
{
	static const char text[] = "version: 1\n";
	struct bh_yaml_doc *yaml;
	int rc = bh_yaml_load_text(&yaml, "no policy", text, sizeof(text) - 1, NULL);

	if (rc == 0) {
		rc = bh_doc_parse(out, yaml, key, NULL);
		bh_yaml_free(yaml);
	}
	if (rc == 0)
		(*out)->empty = true;
	return rc;
}

void
bh_doc_free(struct bh_doc *doc)
{
	if (doc == NULL)
		return;
	bh_selector_index_free(&doc->index);
	bh_arena_free(&doc->arena);
	free(doc->text);
	free(doc);
}
