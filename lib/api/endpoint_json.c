/* endpoint_json: endpoints as JSON, and the pages they come in. */
#include <stdio.h>

#include "api_priv.h"

void
bh_api_json_tenant(json_t *o, bh_tenant tenant)
{
	if (BH_TENANT_VLAN2(tenant) != 0)
		json_object_set_new(o, "vlan",
				    json_pack("[i, i]", (int)BH_TENANT_VLAN1(tenant),
					      (int)BH_TENANT_VLAN2(tenant)));
	else if (BH_TENANT_VLAN1(tenant) != 0)
		json_object_set_new(o, "vlan", json_integer(BH_TENANT_VLAN1(tenant)));
	if (BH_TENANT_VNI(tenant) != 0)
		json_object_set_new(o, "vni", json_integer(BH_TENANT_VNI(tenant)));
}

json_t *
bh_api_json_endpoint(const struct bh_endpoint *e, const char *const segments[], unsigned n)
{
	json_t *o = json_object(), *labels = json_object(), *in = json_array();
	char address[64];
	unsigned i;

	bh_prefix_format(&e->prefix, address, sizeof(address));
	json_object_set_new(o, "address", json_string(address));
	bh_api_json_tenant(o, e->tenant);
	for (i = 0; i < e->n_labels; i++)
		json_object_set_new(labels, e->labels[i].key, bh_api_str(e->labels[i].value));
	json_object_set_new(o, "labels", labels);
	for (i = 0; i < n; i++)
		json_array_append_new(in, bh_api_str(segments[i]));
	json_object_set_new(o, "segments", in);
	json_object_set_new(o, "since", bh_api_time(e->since_ns));
	json_object_set_new(o, "source",
			    json_string(e->source == BH_SOURCE_REST ? "rest" : "file"));
	return o;
}

/* ---- cursor ------------------------------------------------------------------------------------------
 * The last endpoint of the page before, by prefix and tenant: the model's order is total, so that what
 * comes behind it is the same whatever else is made or deleted in between. In text: 36 hexadecimal
 * digits of the prefix, 16 of the tenant. */

struct cursor {
	struct bh_prefix prefix; /* family 0: from the start */
	bh_tenant tenant;
};
_Static_assert(sizeof(struct bh_prefix) == 18, "16 + 1 + 1: written as 36 digits");

static json_t *
cursor_format(const struct cursor *c)
{
	const uint8_t *b = (const uint8_t *)&c->prefix;
	char text[64];
	size_t i;

	for (i = 0; i < sizeof(c->prefix); i++)
		snprintf(text + 2 * i, 3, "%02x", b[i]);
	snprintf(text + 36, sizeof(text) - 36, "%016llx", (unsigned long long)c->tenant);
	return json_string(text);
}

static bool
cursor_parse(struct bh_api_req *req, struct cursor *c)
{
	const char *s = bh_api_arg(req, "cursor");
	uint8_t *b = (uint8_t *)&c->prefix;
	unsigned byte;
	size_t i;

	*c = (struct cursor){0};
	if (s == NULL)
		return true;
	if (strlen(s) != 52 || strspn(s, "0123456789abcdef") != 52)
		goto bad;
	for (i = 0; i < sizeof(c->prefix); i++) {
		if (sscanf(s + 2 * i, "%2x", &byte) != 1)
			goto bad;
		b[i] = (uint8_t)byte;
	}
	c->tenant = strtoull(s + 36, NULL, 16);
	if ((c->prefix.family == 4 && c->prefix.len <= 32) ||
	    (c->prefix.family == 6 && c->prefix.len <= 128))
		return true;
bad:
	bh_api_fail(req, BH_PROBLEM_ARGUMENT, &(struct bh_api_where){.argument = "cursor"},
		    "must be the `next` of the page before");
	return false;
}

/* The model continues behind a prefix, that is behind all its tenants. So ask for what is behind the
 * value that stands right before the cursor's prefix in the order (family, address, length): the same
 * address with one bit less. false: there is none, start at the beginning. */
static bool
cursor_before(const struct cursor *c, struct bh_prefix *before)
{
	*before = c->prefix;
	if (before->len != 0) {
		before->len--;
		return true;
	}
	/* /0 is the first of its family: behind the last of IPv4. */
	*before = (struct bh_prefix){.family = 4, .len = 32};
	memset(before->addr, 0xff, 4);
	return c->prefix.family == 6;
}

/* ---- page -------------------------------------------------------------------------------------------- */

struct page {
	const struct bh_api_req *req;
	const char *segment;
	size_t limit;
	json_t *items;
	struct cursor from, last;
	bool more;
};

static bool
has_label(const struct bh_endpoint *e, const char *wanted)
{
	const char *eq = strchr(wanted, '=');
	size_t n = eq != NULL ? (size_t)(eq - wanted) : strlen(wanted);
	unsigned i;

	for (i = 0; i < e->n_labels; i++) {
		const struct bh_label *l = &e->labels[i];

		if (strncmp(l->key, wanted, n) == 0 && l->key[n] == '\0')
			return eq == NULL || strcmp(l->value, eq + 1) == 0;
	}
	return false;
}

static bool
wanted(const struct page *p, const struct bh_endpoint *e, const char *const segments[], unsigned n)
{
	unsigned i;

	for (i = 0; i < p->req->n_args; i++) {
		if (strcmp(p->req->arg[i].name, "label") == 0 &&
		    !has_label(e, p->req->arg[i].value))
			return false;
	}
	if (p->segment == NULL)
		return true;
	for (i = 0; i < n; i++) {
		if (strcmp(segments[i], p->segment) == 0)
			return true;
	}
	return false;
}

static bool
page_add(void *arg, const struct bh_endpoint *e, const char *const segments[], unsigned n)
{
	struct page *p = arg;

	if (e->tenant <= p->from.tenant &&
	    memcmp(&e->prefix, &p->from.prefix, sizeof(e->prefix)) == 0)
		return true; /* on the page before */
	if (!wanted(p, e, segments, n))
		return true;
	/* One beyond the page tells that there is more. */
	if (json_array_size(p->items) == p->limit) {
		p->more = true;
		return false;
	}
	json_array_append_new(p->items, bh_api_json_endpoint(e, segments, n));
	p->last = (struct cursor){.prefix = e->prefix, .tenant = e->tenant};
	return true;
}

json_t *
bh_api_endpoint_page(struct bh_api_req *req, const char *segment)
{
	struct page p = {.req = req, .segment = segment};
	struct bh_prefix before;
	bool behind = false;

	if (!bh_api_arg_limit(req, &p.limit) || !cursor_parse(req, &p.from))
		return NULL;
	if (p.from.prefix.family != 0)
		behind = cursor_before(&p.from, &before);
	p.items = json_array();
	bh_policy_endpoints_each(req->api->p.policy, behind ? &before : NULL, page_add, &p);
	return json_pack("{s:o, s:o}", "items", p.items, "next",
			 p.more ? cursor_format(&p.last) : json_null());
}
