/* A small random policy as plain data, its text, and what it means by nested loops over the data: the
 * independent evaluator that the compiled policy is compared with. Included by tests of the policy room. */
#ifndef BH_POLICY_WORLD_H
#define BH_POLICY_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "../../lib/policy/policy.h"
#include "../../lib/policy/policy_hot.h"

#define W_KEYS 4
#define W_VALUES 3
#define W_SEGMENTS 12
#define W_RULES 24
#define W_ENDPOINTS 24

/* Requirement on one key: in / notin a set of values (bits), exists, absent. */
struct w_requirement {
	unsigned op, key, values;
};

struct w_segment {
	unsigned n_requirements; /* 0: no selector */
	struct w_requirement requirement[3];
	unsigned n_addresses;
	struct bh_prefix address[3];
};

struct w_service {
	const char *text;
	unsigned first, last; /* protocol << 16 | port or type << 8 | code */
};

struct w_rule {
	unsigned from, to; /* bits of segments, 0 and 1 reserved; 0 = any */
	unsigned n_services;
	unsigned service[3]; /* into w_services */
	unsigned action;
};

struct w_endpoint {
	bool used, rest;
	struct bh_prefix prefix;
	bh_tenant tenant;
	int label[W_KEYS]; /* value, or -1 */
};

struct world {
	unsigned n_segments; /* without the reserved */
	struct w_segment segment[W_SEGMENTS];
	unsigned n_rules;
	struct w_rule rule[W_RULES];
	struct w_endpoint endpoint[W_ENDPOINTS];
	unsigned mode;
};

static const struct w_service w_services[] = {
	{"any", 0, 0xffffff},
	{"tcp", 6 << 16, 6 << 16 | 0xffff},
	{"tcp/80", 6 << 16 | 80, 6 << 16 | 80},
	{"tcp/75-85", 6 << 16 | 75, 6 << 16 | 85},
	{"tcp/1-65535", 6 << 16 | 1, 6 << 16 | 65535},
	{"udp/53", 17 << 16 | 53, 17 << 16 | 53},
	{"udp/50-60", 17 << 16 | 50, 17 << 16 | 60},
	{"icmp", 1 << 16, 1 << 16 | 0xffff},
	{"icmp/8", 1 << 16 | 8 << 8, 1 << 16 | 8 << 8 | 0xff},
	{"icmp/3/4", 1 << 16 | 3 << 8 | 4, 1 << 16 | 3 << 8 | 4},
	{"icmpv6/128", 58 << 16 | 128 << 8, 58 << 16 | 128 << 8 | 0xff},
	{"sctp/38412", 132 << 16 | 38412, 132 << 16 | 38412},
	{"proto/47", 47 << 16, 47 << 16 | 0xffff},
	{"proto/0", 0, 0xffff},
	{"proto/255", 255 << 16, 255 << 16 | 0xffff},
};

static inline unsigned
w_rnd(unsigned n)
{
	return (unsigned)rand() % n;
}

/* The same answer in every field (the struct has padding). */
static inline bool
w_same_judgement(const struct bh_judgement *a, const struct bh_judgement *b)
{
	unsigned end;

	for (end = 0; end < 2; end++) {
		if (a->slot[end] != b->slot[end] || a->segment[end] != b->segment[end] ||
		    a->class_[end] != b->class_[end])
			return false;
	}
	/* By members: what lies between them is not said. */
	return a->stamp == b->stamp && a->restriction == b->restriction && a->rule == b->rule &&
	       a->verdict == b->verdict && a->reason == b->reason;
}

/* ---- making one ------------------------------------------------------------------------------------- */

/* A universe of two times 64 addresses, so that prefixes nest and meet. */
static inline void
w_random_prefix(struct bh_prefix *p, bool host)
{
	static const uint8_t v4_lens[] = {8, 24, 27, 29, 30, 32, 32, 32},
			     v6_lens[] = {32, 64, 120, 126, 127, 128, 128};

	*p = (struct bh_prefix){.family = w_rnd(2) != 0 ? 4 : 6};
	if (p->family == 4) {
		p->addr[0] = w_rnd(4) != 0 ? 10 : 192; /* 192.0.0.x is not internal */
		p->addr[3] = (uint8_t)w_rnd(32);
		p->len = host ? 32 : v4_lens[w_rnd(sizeof(v4_lens))];
	} else {
		p->addr[0] = w_rnd(4) != 0 ? 0xfd : 0x20;
		p->addr[15] = (uint8_t)w_rnd(32);
		p->len = host ? 128 : v6_lens[w_rnd(sizeof(v6_lens))];
	}
	bh_prefix_mask(p->addr, p->len);
}

static inline bh_tenant
w_random_tenant(void)
{
	static const bh_tenant tenants[] = {0,
					    0,
					    0,
					    77,
					    UINT64_C(12) << 52,
					    UINT64_C(12) << 52 | 77,
					    UINT64_C(12) << 52 | UINT64_C(34) << 40};

	return tenants[w_rnd(BH_ARRAY_SIZE(tenants))];
}

static inline void
w_random_labels(struct w_endpoint *e)
{
	unsigned k;

	for (k = 0; k < W_KEYS; k++)
		e->label[k] = (int)w_rnd(W_VALUES + 1) - 1;
}

static inline int
w_find(const struct world *w, const struct bh_prefix *p, bh_tenant tenant)
{
	int i;

	for (i = 0; i < W_ENDPOINTS; i++) {
		const struct w_endpoint *e = &w->endpoint[i];

		if (e->used && e->tenant == tenant && memcmp(&e->prefix, p, sizeof(*p)) == 0)
			return i;
	}
	return -1;
}

static inline void
w_random_endpoints(struct world *w, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		struct w_endpoint *e = &w->endpoint[i], fresh = {.used = true};

		w_random_prefix(&fresh.prefix, false);
		fresh.tenant = w_random_tenant();
		w_random_labels(&fresh);
		if (!e->used && w_find(w, &fresh.prefix, fresh.tenant) < 0)
			*e = fresh;
	}
}

static inline void
w_random_segment(struct w_segment *s)
{
	unsigned i, k, used = 0;

	*s = (struct w_segment){.n_requirements = w_rnd(4)};
	for (i = 0; i < s->n_requirements; i++) {
		struct w_requirement *r = &s->requirement[i];

		/* Each key once: contradictions are refused, which is tested elsewhere. */
		do {
			r->key = w_rnd(W_KEYS);
		} while ((used & 1u << r->key) != 0);
		used |= 1u << r->key;
		r->op = w_rnd(4);
		r->values = 1 + w_rnd((1u << W_VALUES) - 1);
	}
	s->n_addresses = s->n_requirements == 0 || w_rnd(4) == 0 ? 1 + w_rnd(3) : 0;
	for (i = 0; i < s->n_addresses; i++) {
		/* Each once: a repetition is refused, which is tested elsewhere. */
		do {
			w_random_prefix(&s->address[i], false);
			for (k = 0; k < i; k++) {
				if (memcmp(&s->address[k], &s->address[i], sizeof(s->address[0])) ==
				    0)
					break;
			}
		} while (k < i);
	}
}

static inline unsigned
w_random_side(const struct world *w)
{
	unsigned all = w->n_segments + 2;

	switch (w_rnd(4)) {
	case 0:
		return 0;
	case 1:
		return 1u << w_rnd(all) | 1u << w_rnd(all) | 1u << w_rnd(all);
	default:
		return 1u << w_rnd(all);
	}
}

static inline void
w_random_policy(struct world *w)
{
	unsigned i, k;

	w->n_segments = w_rnd(W_SEGMENTS + 1);
	for (i = 0; i < w->n_segments; i++)
		w_random_segment(&w->segment[i]);
	w->n_rules = w_rnd(W_RULES + 1);
	for (i = 0; i < w->n_rules; i++) {
		struct w_rule *r = &w->rule[i];

		r->from = w_random_side(w);
		r->to = w_random_side(w);
		r->n_services = w_rnd(4);
		for (k = 0; k < r->n_services; k++)
			r->service[k] = r->n_services > 1 ? 1 + w_rnd(BH_ARRAY_SIZE(w_services) - 1)
							  : w_rnd(BH_ARRAY_SIZE(w_services));
		r->action = BH_VERDICT_ALLOW;
		if (w_rnd(3) == 0)
			r->action = w_rnd(2) != 0 ? BH_VERDICT_DENY : BH_VERDICT_REJECT;
	}
}

/* ---- its text --------------------------------------------------------------------------------------- */

static inline const char *
w_segment_name(unsigned i, char *out)
{
	if (i < 2)
		return i == 0 ? "external" : "unknown";
	sprintf(out, "s%u", i - 2);
	return out;
}

/* The same set of values, said by their text. */
static inline void
w_put_spelled(struct bh_buf *b, const struct w_requirement *r)
{
	static const char *const open[] = {"prefix (", "contains (", "~ '^v["}, *const each[] = {
											"v", "",
											""};
	unsigned how = r->op == 1 ? 2 : (r->key + r->values) % 3, v, n = 0;

	if (r->op == 0 && r->values == (1u << W_VALUES) - 1) {
		bh_buf_printf(b, "k%u %s v", r->key, how == 0 ? "prefix" : "contains");
		return;
	}
	bh_buf_printf(b, "k%u %s%s", r->key, r->op == 1 ? "!" : "", open[how]);
	for (v = 0; v < W_VALUES; v++) {
		if ((r->values & 1u << v) != 0)
			bh_buf_printf(b, "%s%s%u", n++ == 0 || how == 2 ? "" : ", ", each[how], v);
	}
	bh_buf_str(b, how == 2 ? "]$'" : ")");
}

static inline void
w_put_requirement(struct bh_buf *b, const struct w_requirement *r)
{
	unsigned v, n = 0;

	if (r->op < 2 && r->key % 2 == 0) {
		w_put_spelled(b, r);
		return;
	}

	if (r->op >= 2) {
		bh_buf_printf(b, "%sk%u", r->op == 3 ? "!" : "", r->key);
		return;
	}
	if ((r->values & (r->values - 1)) == 0) {
		bh_buf_printf(b, "k%u%sv%d", r->key,
			      r->op == 0 ? "=" : " != ", __builtin_ctz(r->values));
		return;
	}
	bh_buf_printf(b, "k%u %s (", r->key, r->op == 0 ? "in" : "notin");
	for (v = 0; v < W_VALUES; v++) {
		if ((r->values & 1u << v) != 0)
			bh_buf_printf(b, "%sv%u", n++ == 0 ? "" : ", ", v);
	}
	bh_buf_str(b, ")");
}

static inline void
w_put_segment(struct bh_buf *b, const struct w_segment *s, unsigned index)
{
	char text[64];
	unsigned i;

	bh_buf_printf(b, "  s%u: {", index);
	if (s->n_requirements != 0) {
		bh_buf_str(b, "selector: \"");
		for (i = 0; i < s->n_requirements; i++) {
			bh_buf_str(b, i == 0 ? "" : ", ");
			w_put_requirement(b, &s->requirement[i]);
		}
		bh_buf_str(b, s->n_addresses != 0 ? "\", " : "\"");
	}
	for (i = 0; i < s->n_addresses; i++) {
		bh_prefix_format(&s->address[i], text, sizeof(text));
		bh_buf_printf(b, "%s'%s'", i == 0 ? "addresses: [" : ", ", text);
	}
	bh_buf_str(b, s->n_addresses != 0 ? "]}\n" : "}\n");
}

static inline void
w_put_side(struct bh_buf *b, const char *key, unsigned side)
{
	char name[16];
	unsigned i, n = 0;

	if (side == 0) {
		bh_buf_printf(b, "%s: any, ", key);
		return;
	}
	for (i = 0; i < W_SEGMENTS + 2; i++) {
		if ((side & 1u << i) != 0)
			bh_buf_printf(b, "%s%s%s", n == 0 ? key : "", n == 0 ? ": [" : ", ",
				      w_segment_name(i, name));
		n += (side & 1u << i) != 0;
	}
	bh_buf_str(b, "], ");
}

static inline void
w_put_endpoint(struct bh_buf *b, const struct w_endpoint *e)
{
	char text[64];
	unsigned k, n = 0;

	bh_prefix_format(&e->prefix, text, sizeof(text));
	bh_buf_printf(b, "  - {address: '%s', ", text);
	if (BH_TENANT_VLAN2(e->tenant) != 0)
		bh_buf_printf(b, "vlan: [%u, %u], ", BH_TENANT_VLAN1(e->tenant),
			      BH_TENANT_VLAN2(e->tenant));
	else if (BH_TENANT_VLAN1(e->tenant) != 0)
		bh_buf_printf(b, "vlan: %u, ", BH_TENANT_VLAN1(e->tenant));
	if (BH_TENANT_VNI(e->tenant) != 0)
		bh_buf_printf(b, "vni: %u, ", BH_TENANT_VNI(e->tenant));
	bh_buf_str(b, "labels: {");
	for (k = 0; k < W_KEYS; k++) {
		if (e->label[k] >= 0)
			bh_buf_printf(b, "%sk%u: v%d", n++ == 0 ? "" : ", ", k, e->label[k]);
	}
	bh_buf_str(b, "}}\n");
}

static inline void
w_put(struct bh_buf *b, const struct world *w)
{
	static const char *const actions[] = {"", "allow", "", "deny", "reject"};
	unsigned i, k;

	bh_buf_str(b, "version: 1\nendpoints:\n");
	for (i = 0; i < W_ENDPOINTS; i++) {
		if (w->endpoint[i].used && !w->endpoint[i].rest)
			w_put_endpoint(b, &w->endpoint[i]);
	}
	bh_buf_str(b, "segments:\n");
	for (i = 0; i < w->n_segments; i++)
		w_put_segment(b, &w->segment[i], i);
	bh_buf_str(b, "rules:\n");
	for (i = 0; i < w->n_rules; i++) {
		const struct w_rule *r = &w->rule[i];

		bh_buf_str(b, "  - {");
		w_put_side(b, "from", r->from);
		w_put_side(b, "to", r->to);
		for (k = 0; k < r->n_services; k++)
			bh_buf_printf(b, "%s%s", k == 0 ? "ports: [" : ", ",
				      w_services[r->service[k]].text);
		bh_buf_printf(b, "%saction: %s}\n", r->n_services != 0 ? "], " : "",
			      actions[r->action]);
	}
}

#endif
