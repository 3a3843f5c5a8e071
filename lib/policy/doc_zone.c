/* Zones and marked namespaces of a policy document, and what rules into a zone of cardholder data must say. A zone is a
 * segment as well, `zone:NAME`: all that is in its members, and its own addresses. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "policy_priv.h"

static size_t
count_of(const struct bh_yaml *node, enum bh_yaml_type type)
{
	return node != NULL && node->type == type ? node->n : 0;
}

size_t
bh_doc_count_zones(const struct bh_yaml *root)
{
	const struct bh_yaml *spaces = bh_yaml_get(root, "namespaces");
	size_t n = count_of(bh_yaml_get(root, "zones"), BH_YAML_MAP);

	if (spaces != NULL && spaces->type == BH_YAML_MAP)
		n += count_of(bh_yaml_get(spaces, "boundary"), BH_YAML_LIST);
	return n;
}

static const char *
prefixed(struct bh_doc_reader *r, const char *prefix, const char *name)
{
	char text[BH_NAME_MAX + 16];

	snprintf(text, sizeof(text), "%s:%s", prefix, name);
	return bh_doc_text(r, text);
}

static int
add_fence(struct bh_doc_reader *r, const struct bh_yaml *at, struct bh_doc_segment *s)
{
	if (r->doc->n_fences == BH_FENCES)
		return bh_yaml_err(r->yaml, at, r->err,
				   "more than %u zones and namespaces that keep to themselves",
				   BH_FENCES);
	s->fence = ++r->doc->n_fences;
	return 0;
}

/* ---- zones ------------------------------------------------------------------------------------------- */

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int
read_members(struct bh_doc_reader *r, const struct bh_yaml *list, struct bh_doc_segment *s)
{
	char found[BH_FOUND_LEN];
	size_t i;

	if (list->type != BH_YAML_LIST)
		return bh_yaml_err(r->yaml, list, r->err,
				   "expected a list of segments such as [web, api], found %s",
				   bh_yaml_found(list, found, sizeof(found)));
	s->member = bh_doc_alloc(r, (list->n + 1) * sizeof(*s->member));
	if (s->member == NULL)
		return -ENOMEM;
	for (i = 0; i < list->n; i++) {
		const struct bh_yaml *item = list->item[i];
		uint32_t at = item->type == BH_YAML_SCALAR ? bh_strmap_get(&r->segments, item->text)
							   : BH_NONE;

		if (at == BH_NONE || at <= BH_SEGMENT_UNKNOWN || strchr(item->text, ':') != NULL)
			return bh_yaml_err(r->yaml, item, r->err,
					   "expected the name of one of the segments, found %s",
					   bh_yaml_found(item, found, sizeof(found)));
		s->member[s->n_members++] = at;
	}
	qsort(s->member, s->n_members, sizeof(*s->member), by_number);
	for (i = 1; i < s->n_members; i++) {
		if (s->member[i - 1] == s->member[i])
			return bh_yaml_err(r->yaml, list, r->err,
					   "segment '%s' is listed twice: keep one",
					   r->doc->segment[s->member[i]].name);
	}
	return 0;
}

/* Its own addresses, and those of its members. */
static int
join_addresses(struct bh_doc_reader *r, struct bh_doc_segment *s)
{
	const struct bh_prefix *own = s->address;
	uint32_t n = s->n_addresses, i;

	for (i = 0; i < s->n_members; i++)
		n += r->doc->segment[s->member[i]].n_addresses;
	s->address = bh_doc_alloc(r, (n + 1) * sizeof(*s->address));
	if (s->address == NULL)
		return -ENOMEM;
	if (s->n_addresses != 0)
		memcpy(s->address, own, s->n_addresses * sizeof(*own));
	for (i = 0; i < s->n_members; i++) {
		const struct bh_doc_segment *m = &r->doc->segment[s->member[i]];

		if (m->n_addresses != 0)
			memcpy(s->address + s->n_addresses, m->address,
			       m->n_addresses * sizeof(*m->address));
		s->n_addresses += m->n_addresses;
	}
	return 0;
}

/* What it is, in place of a selector. */
static int
describe(struct bh_doc_reader *r, struct bh_doc_segment *s)
{
	struct bh_buf b = {0};
	uint32_t i;

	for (i = 0; i < s->n_members; i++)
		bh_buf_printf(&b, "%s%s", i == 0 ? "segments: " : ", ",
			      r->doc->segment[s->member[i]].name);
	if (s->cde)
		bh_buf_str(&b, b.len != 0 ? "; cde" : "cde");
	if (s->fence != 0)
		bh_buf_str(&b, b.len != 0 ? "; intra: only" : "intra: only");
	s->selector_text = b.failed ? NULL : bh_doc_text(r, b.len != 0 ? b.data : "");
	bh_buf_free(&b);
	return s->selector_text != NULL ? 0 : bh_err_set(r->err, ENOMEM, "out of memory");
}

static int
read_zone_keys(struct bh_doc_reader *r, const struct bh_yaml *map, struct bh_doc_segment *s)
{
	static const char *const words[] = {"any", "only", NULL};
	const struct bh_yaml *node = bh_yaml_get(map, "segments");
	unsigned only = 0;
	int rc = node != NULL ? read_members(r, node, s) : 0;

	node = bh_yaml_get(map, "addresses");
	if (rc == 0 && node != NULL)
		rc = bh_doc_prefixes(r, node, &s->address, &s->n_addresses);
	if (rc == 0 && s->n_members == 0 && s->n_addresses == 0)
		return bh_yaml_err(r->yaml, map, r->err,
				   "a zone is empty: give it 'segments' or 'addresses'");
	node = bh_yaml_get(map, "cde");
	if (rc == 0 && node != NULL)
		rc = bh_yaml_bool(r->yaml, node, &s->cde, r->err);
	node = bh_yaml_get(map, "intra");
	if (rc == 0 && node != NULL)
		rc = bh_yaml_enum(r->yaml, node, words, &only, r->err);
	if (rc == 0 && only != 0)
		rc = add_fence(r, node, s);
	r->doc->cde |= s->cde;
	if (rc == 0)
		rc = join_addresses(r, s);
	return rc == 0 ? describe(r, s) : rc;
}

static int
read_zone(struct bh_doc_reader *r, const struct bh_yaml *key, const struct bh_yaml *map)
{
	static const char *const known[] = {"segments", "addresses", "cde",
					    "intra",    "comment",   NULL};
	struct bh_doc_segment s = {.selector_text = "", .line = key->line};
	char what[BH_NAME_MAX + 16];
	int rc = bh_doc_name(r, key, "a zone");

	if (rc != 0)
		return rc;
	snprintf(what, sizeof(what), "zone '%s'", key->text);
	rc = bh_yaml_check_map(r->yaml, map, what, known, r->err);
	if (rc != 0)
		return rc;
	s.name = prefixed(r, "zone", key->text);
	rc = s.name == NULL ? -ENOMEM : read_zone_keys(r, map, &s);
	return rc == 0 ? bh_doc_add_segment(r, &s) : rc;
}

/* Each member's zones. */
static int
link_members(struct bh_doc_reader *r)
{
	struct bh_doc *doc = r->doc;
	struct bh_doc_segment *m;
	uint32_t i, k;

	for (i = 0; i < doc->n_segments; i++) {
		for (k = 0; k < doc->segment[i].n_members; k++)
			doc->segment[doc->segment[i].member[k]].n_zones++;
	}
	for (i = 0; i < doc->n_segments; i++) {
		m = &doc->segment[i];
		if (m->n_zones == 0)
			continue;
		m->zone = bh_doc_alloc(r, m->n_zones * sizeof(*m->zone));
		if (m->zone == NULL)
			return -ENOMEM;
		m->n_zones = 0;
	}
	for (i = 0; i < doc->n_segments; i++) {
		for (k = 0; k < doc->segment[i].n_members; k++) {
			m = &doc->segment[doc->segment[i].member[k]];
			m->zone[m->n_zones++] = i;
		}
	}
	return 0;
}

/* ---- namespaces ---------------------------------------------------------------------------------------- */

static int
read_namespace(struct bh_doc_reader *r, const struct bh_yaml *item, const char *label)
{
	struct bh_doc_segment s = {.hard = true, .line = item->line};
	char text[2 * BH_NAME_MAX + 8], found[BH_FOUND_LEN];
	size_t at = 0;
	int rc;

	if (item->type != BH_YAML_SCALAR || !bh_label_key_valid(item->text) ||
	    !bh_label_value_valid(item->text))
		return bh_yaml_err(r->yaml, item, r->err, "expected a namespace, found %s",
				   bh_yaml_found(item, found, sizeof(found)));
	s.name = prefixed(r, "namespace", item->text);
	s.selector = bh_doc_alloc(r, sizeof(*s.selector));
	if (s.name == NULL || s.selector == NULL)
		return -ENOMEM;
	if (bh_strmap_get(&r->segments, s.name) != BH_NONE)
		return bh_yaml_err(r->yaml, item, r->err, "'%s' is listed twice: keep one",
				   item->text);
	snprintf(text, sizeof(text), "%s=%s", label, item->text);
	s.selector_text = bh_doc_text(r, text);
	rc = s.selector_text == NULL
		     ? -ENOMEM
		     : bh_selector_add(&r->doc->arena, s.selector, text, &at, r->err);
	if (rc == 0)
		rc = add_fence(r, item, &s);
	return rc == 0 ? bh_doc_add_segment(r, &s) : rc;
}

static int
read_namespaces(struct bh_doc_reader *r, const struct bh_yaml *node)
{
	static const char *const known[] = {"label", "boundary", NULL};
	const struct bh_yaml *key, *list;
	const char *label = "namespace";
	char found[BH_FOUND_LEN];
	size_t i;
	int rc;

	if (node == NULL || bh_yaml_is_null(node))
		return 0;
	rc = bh_yaml_check_map(r->yaml, node, "'namespaces'", known, r->err);
	if (rc != 0)
		return rc;
	key = bh_yaml_get(node, "label");
	if (key != NULL) {
		if (key->type != BH_YAML_SCALAR || !bh_label_key_valid(key->text))
			return bh_yaml_err(r->yaml, key, r->err,
					   "expected the label that has the namespace, found %s",
					   bh_yaml_found(key, found, sizeof(found)));
		label = key->text;
	}
	list = bh_yaml_get(node, "boundary");
	if (list != NULL && list->type != BH_YAML_LIST)
		return bh_yaml_err(r->yaml, list, r->err,
				   "expected a list of namespaces such as [payments], found %s",
				   bh_yaml_found(list, found, sizeof(found)));
	for (i = 0; rc == 0 && list != NULL && i < list->n; i++)
		rc = read_namespace(r, list->item[i], label);
	return rc;
}

int
bh_doc_read_zones(struct bh_doc_reader *r, const struct bh_yaml *root)
{
	const struct bh_yaml *node = bh_yaml_get(root, "zones");
	char found[BH_FOUND_LEN];
	size_t i;
	int rc = 0;

	if (node != NULL && !bh_yaml_is_null(node)) {
		if (node->type != BH_YAML_MAP)
			return bh_yaml_err(r->yaml, node, r->err,
					   "expected a map of names to zones, found %s",
					   bh_yaml_found(node, found, sizeof(found)));
		for (i = 0; rc == 0 && i < node->n; i++)
			rc = read_zone(r, node->key[i], node->item[i]);
	}
	if (rc == 0)
		rc = read_namespaces(r, bh_yaml_get(root, "namespaces"));
	return rc == 0 ? link_members(r) : rc;
}

/* ---- rules --------------------------------------------------------------------------------------------- */

/* "2027-03-31" (its first moment, UTC) or "2027-03-31T18:00:00Z". */
static int
read_expiry(struct bh_doc_reader *r, const struct bh_yaml *node, uint64_t *out)
{
	struct tm t = {0}, back;
	char found[BH_FOUND_LEN];
	const char *text = node->type == BH_YAML_SCALAR ? node->text : "";
	int y = 0, mon = 0, d = 0, h = 0, min = 0, s = 0, used = 0, n;
	time_t at;

	n = sscanf(text, "%4d-%2d-%2d%n", &y, &mon, &d, &used);
	if (n == 3 && text[used] == 'T') {
		text += used;
		used = 0;
		n = sscanf(text, "T%2d:%2d:%2dZ%n", &h, &min, &s, &used);
	}
	t = (struct tm){.tm_year = y - 1900,
			.tm_mon = mon - 1,
			.tm_mday = d,
			.tm_hour = h,
			.tm_min = min,
			.tm_sec = s};
	at = timegm(&t);
	if (n != 3 || used == 0 || text[used] != '\0' || y < 1970 || y > 2200 ||
	    gmtime_r(&at, &back) == NULL || back.tm_mday != d || back.tm_mon != mon - 1 ||
	    back.tm_hour != h || back.tm_min != min || back.tm_sec != s)
		return bh_yaml_err(r->yaml, node, r->err,
				   "expected a day such as 2027-03-31 or a moment such as "
				   "2027-03-31T18:00:00Z, found %s",
				   bh_yaml_found(node, found, sizeof(found)));
	*out = (uint64_t)at * BH_NS_PER_SEC;
	return 0;
}

static int
read_text(struct bh_doc_reader *r, const struct bh_yaml *map, const char *key, const char **out)
{
	const struct bh_yaml *node = bh_yaml_get(map, key);
	const char *text;
	int rc;

	if (node == NULL)
		return 0;
	rc = bh_yaml_str(r->yaml, node, &text, r->err);
	if (rc == 0) {
		*out = bh_doc_text(r, text);
		rc = *out != NULL ? 0 : -ENOMEM;
	}
	return rc;
}

/* Does a side name zones and namespaces, and nothing else? */
static bool
zones_alone(const struct bh_doc *doc, const struct bh_side *side)
{
	uint32_t i = 0;

	while (i < side->n && strchr(doc->segment[side->segment[i]].name, ':') != NULL)
		i++;
	return side->n != 0 && i == side->n;
}

int
bh_doc_read_justification(struct bh_doc_reader *r, const struct bh_yaml *map,
			  struct bh_doc_rule *rule)
{
	const struct bh_yaml *expires = bh_yaml_get(map, "expires");
	int rc = read_text(r, map, "owner", &rule->owner);

	if (rc == 0)
		rc = read_text(r, map, "reason", &rule->reason);
	if (rc == 0 && expires != NULL)
		rc = read_expiry(r, expires, &rule->expires_ns);
	rule->zones = (uint8_t)((zones_alone(r->doc, &rule->from) ? 1 : 0) |
				(zones_alone(r->doc, &rule->to) ? 2 : 0));
	return rc;
}

static bool
in_zone(const struct bh_doc *doc, uint32_t segment, uint32_t zone)
{
	const struct bh_doc_segment *s = &doc->segment[segment];
	uint32_t i = 0;

	while (i < s->n_zones && s->zone[i] != zone)
		i++;
	return segment == zone || i < s->n_zones;
}

/* Does a rule lead into this zone, from outside of it? */
static bool
leads_into(const struct bh_doc *doc, const struct bh_doc_rule *rule, uint32_t zone)
{
	uint32_t i = 0;

	while (i < rule->to.n && !in_zone(doc, rule->to.segment[i], zone))
		i++;
	if (rule->to.n != 0 && i == rule->to.n)
		return false;
	for (i = 0; i < rule->from.n && in_zone(doc, rule->from.segment[i], zone);)
		i++;
	return rule->from.n == 0 || i < rule->from.n;
}

int
bh_doc_check_cde(struct bh_doc_reader *r, const struct bh_yaml *map, const struct bh_doc_rule *rule)
{
	const char *lacks = rule->owner == NULL     ? "owner"
			    : rule->reason == NULL  ? "reason"
			    : rule->expires_ns == 0 ? "expires"
						    : NULL;
	uint32_t z;

	if (!r->doc->cde || lacks == NULL || rule->action != BH_VERDICT_ALLOW)
		return 0;
	for (z = 0; z < r->doc->n_segments; z++) {
		if (r->doc->segment[z].cde && leads_into(r->doc, rule, z))
			return bh_yaml_err(r->yaml, map, r->err,
					   "rule '%s' leads into %s, a zone of cardholder data, "
					   "and has no '%s': such a rule needs owner, reason and "
					   "expires",
					   rule->id, r->doc->segment[z].name, lacks);
	}
	return 0;
}

uint32_t
bh_doc_expire(struct bh_doc *doc, uint64_t wall_ns)
{
	uint32_t i, n = 0;

	doc->next_expiry_ns = 0;
	for (i = 0; i < doc->n_rules; i++) {
		struct bh_doc_rule *r = &doc->rule[i];

		if (r->expires_ns == 0 || r->expired)
			continue;
		r->expired = r->expires_ns <= wall_ns;
		n += r->expired;
		if (!r->expired &&
		    (doc->next_expiry_ns == 0 || r->expires_ns < doc->next_expiry_ns))
			doc->next_expiry_ns = r->expires_ns;
	}
	return n;
}
