/* A small random policy with applications and operations as plain data, and its text. Its own table of
 * applications, of keys and what they mean: nothing is asked of the rooms under test. Included by
 * test_policy_apps.c. */
#ifndef BH_POLICY_APPS_WORLD_H
#define BH_POLICY_APPS_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "../../lib/policy/policy.h"

#define SEGMENTS 8
#define RULES 24
#define HOSTS 12

static unsigned
rnd(unsigned n)
{
	return (unsigned)rand() % n;
}

/* ---- what is written ---------------------------------------------------------------------------------- */

static const struct line {
	const char *name;
	unsigned below, over;
} lines[] = {
	{"unknown", 0, 0},
#define BH_PROTO(sym, n, transports, parent, text) {n, BH_APP_##parent, transports},
#include "../../lib/proto/proto.def"
#undef BH_PROTO
};

enum how { EVERY, ONE, PRESENT, LEAST };

static const struct key {
	const char *app, *key;
	unsigned field;
	enum how how;
	bool fold;
	const char *pattern[6], *value[6];
} keys[] = {
	{"http", "methods", BH_OP_HTTP_METHOD, ONE, true, {"GET", "P*"}, {"GET", "get", "PUT"}},
	{"http",
	 "hosts",
	 BH_OP_HTTP_HOST,
	 ONE,
	 true,
	 {"*.shop.example", "~^API[.]"},
	 {"api.shop.example", "x"}},
	{"http",
	 "paths",
	 BH_OP_HTTP_PATH,
	 ONE,
	 false,
	 {"/", "/api/*", "~^/(a|b)/.*end$", "~Admin"},
	 {"/", "/api/v1", "/API/v1", "/a/x/end", "/b/ended", "/x/Admin/y"}},
	{"http",
	 "headers",
	 BH_OP_HTTP_HEADER,
	 PRESENT,
	 true,
	 {"X-Token", "accept*"},
	 {"x-token", "accept-language", "host"}},
	{"elasticsearch",
	 "paths",
	 BH_OP_HTTP_PATH,
	 ONE,
	 false,
	 {"/*/_search"},
	 {"/x/_search", "/_bulk"}},
	{"grpc",
	 "services",
	 BH_OP_GRPC_SERVICE,
	 ONE,
	 false,
	 {"shop.Cart", "shop.*"},
	 {"shop.Cart", "Shop.Cart"}},
	{"grpc", "methods", BH_OP_GRPC_METHOD, ONE, false, {"Get", "*"}, {"Get", "get"}},
	{"etcd",
	 "services",
	 BH_OP_GRPC_SERVICE,
	 ONE,
	 false,
	 {"etcdserverpb.KV"},
	 {"etcdserverpb.KV"}},
	{"postgresql",
	 "verbs",
	 BH_OP_PG_VERB,
	 ONE,
	 true,
	 {"select", "INSERT"},
	 {"select", "insert", "delete"}},
	{"postgresql",
	 "tables",
	 BH_OP_PG_TABLE,
	 EVERY,
	 false,
	 {"orders", "order_*", "*a*b*"},
	 {"orders", "order_items", "Orders", "xaxbx", "xbxax"}},
	{"redis",
	 "commands",
	 BH_OP_REDIS_COMMAND,
	 ONE,
	 true,
	 {"get", "~^z"},
	 {"get", "zadd", "flushall"}},
	{"redis",
	 "keys",
	 BH_OP_REDIS_KEY,
	 EVERY,
	 false,
	 {"cart:*", "**s"},
	 {"cart:1", "carts", "Cart:1"}},
	{"tls",
	 "min_version",
	 BH_OP_TLS_VERSION,
	 LEAST,
	 false,
	 {"1.0", "1.2", "1.3"},
	 {"1.1", "1.2", "1.3", "ssl3"}},
	{"tls", "alpn", BH_OP_TLS_ALPN, EVERY, false, {"h2", "http*"}, {"h2", "http/1.1", "H2"}},
	{"dns", "types", BH_OP_DNS_TYPE, ONE, true, {"a", "AAAA"}, {"A", "AAAA", "TXT"}},
};

static const char *const names[] = {"http",      "http2",      "grpc",       "elasticsearch",
				    "etcd",      "postgresql", "redis",      "tls",
				    "dns",       "ntp",        "unknown",    "dtls",
				    "websocket", "dns",        "postgresql", "http"};
static const struct service {
	const char *text;
	unsigned first, last;
} services[] = {{"any", 0, 0xffffff},
		{"tcp", 6 << 16, 6 << 16 | 0xffff},
		{"tcp/80", 6 << 16 | 80, 6 << 16 | 80},
		{"tcp/70-90", 6 << 16 | 70, 6 << 16 | 90},
		{"udp/53", 17 << 16 | 53, 17 << 16 | 53}};

struct list {
	const struct key *key;
	unsigned n;
	const char *pattern[2];
};

struct app {
	const char *name;
	unsigned n_lists;
	struct list list[2];
};

struct rule {
	unsigned from, to; /* bits of segments; 0 = any */
	const struct service *service;
	unsigned n_apps;
	struct app app[3];
	unsigned action, denied; /* denied: 0 = not written */
};

static struct {
	unsigned n_rules, mode;
	struct rule rule[RULES];
	unsigned in[HOSTS]; /* segments of each host */
} doc;

static bool
is_over(const char *name, unsigned over)
{
	unsigned i;

	for (i = 1; i < BH_ARRAY_SIZE(lines); i++) {
		if (strcmp(lines[i].name, name) == 0 && (lines[i].over & over) != 0)
			return true;
	}
	return strcmp(name, "unknown") == 0;
}

static void
random_app(struct app *a, unsigned action)
{
	unsigned i, k, used = 0;

	*a = (struct app){.name = names[rnd(BH_ARRAY_SIZE(names))]};
	for (i = 0; i < 8 && a->n_lists < 2; i++) {
		const struct key *key = &keys[k = rnd(BH_ARRAY_SIZE(keys))];
		struct list *l = &a->list[a->n_lists];

		if (strcmp(key->app, a->name) != 0 || (used & 1u << k) != 0 ||
		    (key->how == LEAST && action != BH_VERDICT_ALLOW))
			continue;
		used |= 1u << k;
		a->n_lists++;
		l->key = key;
		for (l->n = 0; l->n < (key->how != LEAST ? 1 + rnd(2) : 1); l->n++) {
			do {
				l->pattern[l->n] = key->pattern[rnd(6)];
			} while (l->pattern[l->n] == NULL);
		}
	}
}

static void
random_rule(struct rule *r)
{
	unsigned i, k, over = 0, lists = 0;

	*r = (struct rule){.service = &services[rnd(BH_ARRAY_SIZE(services))],
			   .action = BH_VERDICT_ALLOW,
			   .n_apps = rnd(4)};
	r->from = rnd(3) == 0 ? 0 : 1 + rnd((1u << SEGMENTS) - 1);
	r->to = rnd(3) == 0 ? 0 : 1 + rnd((1u << SEGMENTS) - 1);
	if (rnd(3) == 0)
		r->action = rnd(2) != 0 ? BH_VERDICT_DENY : BH_VERDICT_REJECT;
	for (i = 0; i < r->n_apps; i++) {
		do { /* twice, once without operations: refused */
			random_app(&r->app[i], r->action);
			for (k = 0; k < i; k++) {
				if (strcmp(r->app[k].name, r->app[i].name) == 0)
					break;
			}
		} while (k < i);
		over |= is_over(r->app[i].name, BH_OVER_TCP) ? 1u << 6 : 0;
		over |= is_over(r->app[i].name, BH_OVER_UDP) ? 1u << 17 : 0;
		lists += r->app[i].n_lists;
	}
	/* Ports that none of the applications can use: refused. */
	if (r->n_apps != 0 && r->service->last != 0xffffff &&
	    (over & 1u << (r->service->first >> 16)) == 0)
		r->service = &services[0];
	r->denied = lists != 0 ? rnd(4) : 0;
}

static void
put_side(struct bh_buf *b, const char *what, unsigned side)
{
	unsigned i, n = 0;

	bh_buf_printf(b, "%s: [", what);
	for (i = 0; i < SEGMENTS; i++) {
		if ((side & 1u << i) != 0)
			bh_buf_printf(b, "%ss%u", n++ == 0 ? "" : ", ", i);
	}
	bh_buf_str(b, "], ");
}

static void
put_app(struct bh_buf *b, const struct app *a)
{
	unsigned i, k;

	if (a->n_lists == 0) {
		bh_buf_str(b, a->name);
		return;
	}
	bh_buf_printf(b, "{%s: {", a->name);
	for (i = 0; i < a->n_lists; i++) {
		bh_buf_printf(b, "%s%s: [", i == 0 ? "" : ", ", a->list[i].key->key);
		for (k = 0; k < a->list[i].n; k++)
			bh_buf_printf(b, "%s'%s'", k == 0 ? "" : ", ", a->list[i].pattern[k]);
		bh_buf_str(b, "]");
	}
	bh_buf_str(b, "}}");
}

static void
put_doc(struct bh_buf *b)
{
	static const char *const actions[] = {"", "allow", "", "deny", "reject"},
				 *const denied[] = {"", "drop", "reset", "respond"};
	unsigned i, k;

	bh_buf_str(b, "version: 1\nendpoints:\n");
	for (i = 0; i < HOSTS; i++) {
		bh_buf_printf(b, "- {address: 10.0.0.%u, labels: {", i);
		for (k = 0; k < SEGMENTS; k++)
			bh_buf_printf(b, "%sk%u: '%u'", k == 0 ? "" : ", ", k, doc.in[i] >> k & 1);
		bh_buf_str(b, "}}\n");
	}
	bh_buf_str(b, "segments:\n");
	for (i = 0; i < SEGMENTS; i++)
		bh_buf_printf(b, "  s%u: {selector: k%u=1}\n", i, i);
	bh_buf_str(b, "rules:\n");
	for (i = 0; i < doc.n_rules; i++) {
		const struct rule *r = &doc.rule[i];

		bh_buf_str(b, "- {");
		if (r->from != 0)
			put_side(b, "from", r->from);
		if (r->to != 0)
			put_side(b, "to", r->to);
		bh_buf_printf(b, "%s%sports: %s, ", r->from == 0 ? "from: any, " : "",
			      r->to == 0 ? "to: any, " : "", r->service->text);
		for (k = 0; k < r->n_apps; k++) {
			bh_buf_str(b, k == 0 ? "applications: [" : ", ");
			put_app(b, &r->app[k]);
		}
		bh_buf_printf(b, "%saction: %s", r->n_apps != 0 ? "], " : "", actions[r->action]);
		bh_buf_printf(b, "%s%s}\n", r->denied != 0 ? ", denied: " : "", denied[r->denied]);
	}
}

#endif
