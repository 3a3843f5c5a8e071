/* Our document read for an export. It was loaded by the policy room before: what stands here is well
 * formed, and only needs to be taken apart. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "export.h"

/* ---- parts ------------------------------------------------------------------------------------------- */

static void
read_service(const char *text, struct bh_span *s)
{
	static const struct {
		const char *name;
		uint32_t proto;
	} protos[] = {{"tcp", 6}, {"udp", 17}, {"sctp", 132}, {"icmpv6", 58}, {"icmp", 1}};
	size_t n = strcspn(text, "/"), i;
	const char *rest = text[n] == '/' ? text + n + 1 : "";
	uint32_t base = 0, first, last;
	char *end;

	*s = BH_SPAN_ALL;
	if (strcmp(text, "any") == 0)
		return;
	for (i = 0; i < BH_ARRAY_SIZE(protos); i++) {
		if (strlen(protos[i].name) == n && strncmp(protos[i].name, text, n) == 0)
			base = protos[i].proto << 16;
	}
	if (base == 0) /* proto/47 */
		base = (uint32_t)strtoul(rest, &end, 10) << 16;
	*s = (struct bh_span){base, base | 0xffff};
	if (rest[0] == '\0' || strncmp(text, "proto", 5) == 0)
		return;
	first = last = (uint32_t)strtoul(rest, &end, 10);
	if (strncmp(text, "icmp", 4) == 0) {
		first = first << 8 | (*end == '/' ? (uint32_t)strtoul(end + 1, NULL, 10) : 0);
		last = *end == '/' ? first : first | 0xff;
	} else if (*end == '-') {
		last = (uint32_t)strtoul(end + 1, NULL, 10);
	}
	*s = (struct bh_span){base | first, base | last};
}

static int
read_ports(struct bh_export *x, const struct bh_yaml *node, struct bh_ex_rule *r)
{
	bool list = node != NULL && node->type == BH_YAML_LIST;
	struct bh_span s = BH_SPAN_ALL;
	size_t i;
	int rc = 0;

	if (!list) {
		if (node != NULL)
			read_service(node->text, &s);
		return bh_import_push(x->im, &r->port, &r->n_ports, &s, sizeof(s));
	}
	for (i = 0; rc == 0 && i < node->n; i++) {
		read_service(node->item[i]->text, &s);
		rc = bh_import_push(x->im, &r->port, &r->n_ports, &s, sizeof(s));
	}
	return rc;
}

static int
add_app(struct bh_export *x, const struct bh_yaml *node, struct bh_ex_rule *r)
{
	const char *name;
	size_t i;
	int rc = 0;

	if (node->type == BH_YAML_SCALAR)
		return strcmp(node->text, "any") == 0
			       ? 0
			       : bh_import_push(x->im, &r->app, &r->n_apps, &node->text,
						sizeof(node->text));
	for (i = 0; rc == 0 && node->type == BH_YAML_MAP && i < node->n; i++) {
		name = node->key[i]->text;
		r->operations |= node->item[i]->type == BH_YAML_MAP && node->item[i]->n != 0;
		rc = bh_import_push(x->im, &r->app, &r->n_apps, &name, sizeof(name));
	}
	return rc;
}

static int
read_apps(struct bh_export *x, const struct bh_yaml *node, struct bh_ex_rule *r)
{
	size_t i;
	int rc = 0;

	if (node == NULL)
		return 0;
	if (node->type != BH_YAML_LIST)
		return add_app(x, node, r);
	for (i = 0; rc == 0 && i < node->n; i++)
		rc = add_app(x, node->item[i], r);
	return rc;
}

static int
add_member(struct bh_export *x, const struct bh_yaml *node, struct bh_ex_side *side)
{
	const char *name = node->text;
	struct bh_ex_segment zone = {.name = name,
				     .node = node,
				     .why = "is a zone, a namespace or `nodes`: not said in "
					    "another form"};
	bool fresh;
	uint32_t *at;
	size_t index;
	int rc = 0;

	if (strcmp(name, "any") == 0) {
		side->any = true;
		return 0;
	}
	/* A name that no segment has is that of a zone: the policy loaded. */
	at = bh_words_at(&x->im->names, name, (uint32_t)x->n_segments, &fresh);
	if (at == NULL)
		return bh_import_nomem(x->im);
	index = *at;
	if (fresh)
		rc = bh_import_push(x->im, &x->segment, &x->n_segments, &zone, sizeof(zone));
	if (rc != 0)
		return rc;
	return bh_import_push(x->im, &side->segment, &side->n, &index, sizeof(index));
}

static int
read_side(struct bh_export *x, const struct bh_yaml *node, struct bh_ex_side *side)
{
	size_t i;
	int rc = 0;

	if (node->type != BH_YAML_LIST)
		return add_member(x, node, side);
	for (i = 0; rc == 0 && i < node->n; i++)
		rc = add_member(x, node->item[i], side);
	return rc;
}

static int
read_rules(struct bh_export *x, const struct bh_yaml *list)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && list != NULL && i < list->n; i++) {
		const struct bh_yaml *map = list->item[i];
		const char *id = bh_import_word(map, "id", NULL);
		struct bh_ex_rule r = {.node = map};

		r.id = id != NULL ? id : bh_import_text(x->im, "rule-%zu", x->n_rules + 1);
		r.deny = strcmp(bh_import_word(map, "action", ""), "allow") != 0;
		rc = r.id == NULL ? -ENOMEM : read_side(x, bh_yaml_get(map, "from"), &r.from);
		if (rc == 0)
			rc = read_side(x, bh_yaml_get(map, "to"), &r.to);
		if (rc == 0)
			rc = read_ports(x, bh_yaml_get(map, "ports"), &r);
		if (rc == 0)
			rc = read_apps(x, bh_yaml_get(map, "applications"), &r);
		if (rc == 0)
			rc = bh_import_push(x->im, &x->rule, &x->n_rules, &r, sizeof(r));
		if (rc == 0 && strcmp(bh_import_word(map, "action", ""), "reject") == 0)
			bh_import_note(x->im, map,
				       "rule '%.100s' rejects: silence is all that is said", r.id);
		if (rc == 0 && bh_import_get(map, "expires") != NULL)
			bh_import_note(x->im, map,
				       "rule '%.100s' expires: no other form does, take it away by "
				       "hand then",
				       r.id);
	}
	return rc;
}

/* ---- segments ---------------------------------------------------------------------------------------- */

static int
read_selector(struct bh_export *x, const struct bh_yaml *node, struct bh_ex_segment *s)
{
	size_t n = node->type == BH_YAML_LIST ? node->n : 1, i;
	bool single;
	int rc = 0;

	s->has_labels = true;
	s->labels.kind = BH_TERM_LABELS;
	for (i = 0; rc == 0 && i < n; i++)
		rc = bh_term_parse(x->im,
				   node->type == BH_YAML_LIST ? node->item[i]->text : node->text,
				   &s->labels, &single);
	if (rc > 0)
		s->why = rc == BH_TERM_EMPTY ? "can have no member"
					     : "has a selector that only we understand";
	return rc < 0 ? rc : 0;
}

static int
add_segment(struct bh_export *x, struct bh_ex_segment *s)
{
	bool fresh;

	if (bh_words_at(&x->im->names, s->name, (uint32_t)x->n_segments, &fresh) == NULL)
		return bh_import_nomem(x->im);
	return bh_import_push(x->im, &x->segment, &x->n_segments, s, sizeof(*s));
}

static int
read_segment(struct bh_export *x, const struct bh_yaml *key, const struct bh_yaml *map)
{
	struct bh_ex_segment s = {.name = key->text, .node = key};
	const struct bh_yaml *selector = bh_import_get(map, "selector"),
			     *list = bh_import_get(map, "addresses"),
			     *hosts = bh_import_get(map, "names");
	size_t i;
	int rc = 0;

	for (i = 0; i < map->n; i++) {
		const char *k = map->key[i]->text;

		if (strcmp(k, "selector") != 0 && strcmp(k, "addresses") != 0 &&
		    strcmp(k, "names") != 0 && strcmp(k, "comment") != 0 && strcmp(k, "mode") != 0)
			s.why = "has members that only we can say";
	}
	if (bh_import_get(map, "mode") != NULL)
		bh_import_note(x->im, bh_import_get(map, "mode"),
			       "the mode of segment '%.100s' is no rule: left out, set it there",
			       key->text);
	if (selector != NULL)
		rc = read_selector(x, selector, &s);
	for (i = 0; rc == 0 && list != NULL && i < list->n; i++) {
		s.has_addresses = true;
		rc = bh_block_parse(x->im, list->item[i]->text, &s.addresses);
		if (rc == -EINVAL) {
			s.why = "has members that only we can say";
			rc = 0;
		}
	}
	for (i = 0; rc == 0 && hosts != NULL && i < hosts->n; i++) {
		s.has_addresses = true;
		rc = bh_block_host(x->im, hosts->item[i]->text, &s.addresses);
	}
	return rc != 0 ? rc : add_segment(x, &s);
}

static int
read_reserved(struct bh_export *x)
{
	static const char *const reserved[] = {"external", "unknown"};
	struct bh_ex_segment s;
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < BH_ARRAY_SIZE(reserved); i++) {
		s = (struct bh_ex_segment){.name = reserved[i]};
		if (i == BH_EX_UNKNOWN)
			s.why = "is what nobody gave labels: no other form has it";
		rc = add_segment(x, &s);
	}
	return rc;
}

static int
read_segments(struct bh_export *x, const struct bh_yaml *part)
{
	const struct bh_yaml *map = bh_import_get(part, "segments");
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && map != NULL && i < map->n; i++)
		rc = read_segment(x, map->key[i], map->item[i]);
	return rc;
}

/* What holds beside the rules. */
static void
note_parts(struct bh_export *x, const struct bh_yaml *root)
{
	const struct bh_yaml *zones = bh_import_get(root, "zones"),
			     *spaces = bh_import_get(bh_import_get(root, "namespaces"), "boundary"),
			     *node = bh_import_get(root, "endpoints");
	size_t i;

	if (node != NULL && node->n != 0)
		bh_import_note(x->im, node, "endpoints are no policy: left out");
	if (bh_import_get(root, "modes") != NULL)
		bh_import_note(x->im, bh_import_get(root, "modes"),
			       "modes are no rules: left out, set them there");
	for (i = 0; zones != NULL && i < zones->n; i++) {
		if (strcmp(bh_import_word(zones->item[i], "intra", "any"), "only") == 0)
			bh_import_note(x->im, zones->key[i],
				       "more is allowed than was written: zone '%.100s' keeps to "
				       "itself, and rules that lead over its border are not held "
				       "back there",
				       zones->key[i]->text);
		else
			bh_import_note(x->im, zones->key[i],
				       "zone '%.100s' is left out: no other form has it",
				       zones->key[i]->text);
	}
	for (i = 0; spaces != NULL && i < spaces->n; i++)
		bh_import_note(x->im, spaces->item[i],
			       "more is allowed than was written: the border of namespace '%.100s' "
			       "is not held there",
			       spaces->item[i]->text);
}

/* ---- what stands in the way ------------------------------------------------------------------------------ */

/* May an endpoint be in both? Addresses may be anybody's. */
static bool
segments_meet(const struct bh_ex_segment *a, const struct bh_ex_segment *b)
{
	if (a == b || a->why != NULL || b->why != NULL || !a->has_labels || !b->has_labels ||
	    a->has_addresses || b->has_addresses)
		return a == b || (a->node != NULL && b->node != NULL);
	return bh_term_meet(&a->labels, &b->labels);
}

static bool
sides_meet(const struct bh_export *x, const struct bh_ex_side *a, const struct bh_ex_side *b)
{
	size_t i, k;

	if (a->any || b->any)
		return true;
	for (i = 0; i < a->n; i++) {
		for (k = 0; k < b->n; k++) {
			if (segments_meet(&x->segment[a->segment[i]], &x->segment[b->segment[k]]))
				return true;
		}
	}
	return false;
}

const struct bh_ex_rule *
bh_ex_in_the_way(const struct bh_export *x, const struct bh_ex_rule *r)
{
	const struct bh_ex_rule *d;
	size_t i, k;

	for (d = x->rule; d < r; d++) {
		if (!d->deny || !d->dropped || !sides_meet(x, &d->from, &r->from) ||
		    !sides_meet(x, &d->to, &r->to))
			continue;
		for (i = 0; i < d->n_ports; i++) {
			for (k = 0; k < r->n_ports; k++) {
				if (d->port[i].first <= r->port[k].last &&
				    r->port[k].first <= d->port[i].last)
					return d;
			}
		}
	}
	return NULL;
}

void
bh_ex_drop(struct bh_export *x, struct bh_ex_rule *r, const char *why)
{
	if (!r->dropped)
		bh_import_note(x->im, r->node, "rule '%.100s' is left out: %s", r->id, why);
	r->dropped = true;
}

/* ---- the whole ------------------------------------------------------------------------------------------- */

/* What the policy room says of it. */
static int
check(const struct bh_export_params *p, const struct bh_yaml *root, struct bh_err *err)
{
	const struct bh_yaml *endpoints = bh_import_get(root, "endpoints");
	struct bh_policy_params params = {.mode = BH_MODE_PROTECT};
	struct bh_policy *policy = NULL;
	int rc;

	params.max_endpoints = 16 + (endpoints != NULL ? (uint32_t)endpoints->n : 0);
	rc = bh_hash_key_random(&params.hash_key);
	if (rc == 0)
		rc = bh_policy_create(&policy, &params);
	if (rc != 0)
		return bh_err_set(err, -rc, "cannot check the policy: %s", strerror(-rc));
	rc = bh_policy_load_text(policy, p->input.name, p->input.text, p->input.len, true, NULL,
				 err);
	bh_policy_destroy(policy);
	return rc;
}

static int
write_form(struct bh_export *x, const struct bh_yaml *root, enum bh_form form)
{
	const struct bh_yaml *part[BH_RULE_ORIGINS] = {root};
	unsigned i;
	int rc = read_reserved(x);

	for (i = BH_RULE_WRITTEN + 1; i < BH_RULE_ORIGINS; i++)
		part[i] = bh_import_get(root, bh_rule_origin_name(i));
	for (i = 0; rc == 0 && i < BH_RULE_ORIGINS; i++)
		rc = read_segments(x, part[i]);
	for (i = 0; rc == 0 && i < BH_RULE_ORIGINS; i++)
		rc = read_rules(x, bh_import_get(part[i], "rules"));
	if (rc != 0)
		return rc;
	note_parts(x, root);
	rc = form == BH_FORM_NV       ? bh_export_nv(x)
	     : form == BH_FORM_GROUPS ? bh_export_groups(x)
				      : bh_export_k8s(x);
	return rc == 0 && x->out->failed ? bh_import_nomem(x->im) : rc;
}

int
bh_export(const struct bh_export_params *p, struct bh_buf *out, struct bh_err *err)
{
	const struct bh_import_params as = {.form = p->form, .note = p->note, .arg = p->arg};
	struct bh_import im = {.p = &as, .err = err};
	struct bh_export x = {.im = &im, .out = out};
	struct bh_yaml_doc *yaml;
	int rc;

	if (p->form == BH_FORM_AUTO)
		return bh_err_set(err, EINVAL,
				  "a policy is exported as networkpolicy, nv or groups");
	rc = bh_yaml_load_text(&yaml, p->input.name, p->input.text, p->input.len, err);
	if (rc != 0)
		return rc;
	im.yaml = yaml;
	rc = check(p, bh_yaml_root(yaml), err);
	if (rc == 0)
		rc = write_form(&x, bh_yaml_root(yaml), p->form);
	bh_words_free(&im.names);
	bh_arena_free(&im.arena);
	bh_yaml_free(yaml);
	return rc;
}
