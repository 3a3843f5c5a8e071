/* Restrictions: thousands of judgements against a plain loop over the list; their words, there and back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/policy/policy_hot.h"
#include "../../lib/policy/restriction.h"
#include "unit.h"

static const struct bh_view *current;

static void
publish(void *arg, const struct bh_view *view)
{
	(void)arg;
	current = view;
}

/* Everybody may do everything; two segments by address, one within the other. */
static const char document[] = "version: 1\n"
			       "segments:\n"
			       "  even: {addresses: [10.0.0.0/29]}\n"
			       "  all: {addresses: [10.0.0.0/28, '2001:db8::/124']}\n"
			       "rules:\n"
			       "  - {from: any, to: any, action: allow}\n";

static struct bh_policy *
make(unsigned mode)
{
	struct bh_policy_params params = {.max_endpoints = 64,
					  .mode = (enum bh_mode)mode,
					  .publish = publish};
	struct bh_policy *p = NULL;
	struct bh_err err = {0};
	int rc;

	CU_ASSERT_EQUAL_FATAL(bh_hash_key_random(&params.hash_key), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_create(&p, &params), 0);
	rc = bh_policy_load_text(p, "t.yaml", document, strlen(document), false, NULL, &err);
	if (rc != 0)
		fprintf(stderr, "%s\n", err.what);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
	return p;
}

/* ---- the plain model -------------------------------------------------------------------------------- */

struct packet {
	struct bh_flow_key key;
	unsigned initiator;
	uint16_t service;
};

static unsigned
rnd(unsigned n)
{
	return (unsigned)rand() % n;
}

static bool
plain_in(const struct packet *p, unsigned end, const struct bh_restriction_end *e)
{
	const uint8_t *a = p->key.addr[end].b;
	unsigned i;

	if (e->address.family != 0) {
		if (e->address.family != p->key.family)
			return false;
		for (i = 0; i < e->address.len; i++) {
			if (((a[i / 8] ^ e->address.addr[i / 8]) >> (7 - i % 8) & 1) != 0)
				return false;
		}
		return true;
	}
	if (e->segment[0] == '\0')
		return true;
	/* Addresses of this test are 10.0.0.0-31 and 2001:db8::0-31. */
	if (strcmp(e->segment, "even") == 0)
		return p->key.family == BH_IP4 && a[3] < 8;
	if (strcmp(e->segment, "all") == 0)
		return a[p->key.family == BH_IP4 ? 3 : 15] < 16;
	/* In no segment: an IPv4 address is one of networks.internal, and so unknown. */
	if (strcmp(e->segment, "external") == 0)
		return p->key.family == BH_IP6 && a[15] >= 16;
	if (strcmp(e->segment, "unknown") == 0)
		return p->key.family == BH_IP4 && a[3] >= 16;
	return false;
}

static bool
plain_tenant(const struct bh_restriction *r, bh_tenant t)
{
	if (r->tenant == 0 || r->tenant == t)
		return true;
	return r->tenant < 1u << 24 && r->tenant == t % (1u << 24);
}

static unsigned
plain_kind(const struct bh_restriction *r, const struct packet *p)
{
	uint32_t service = (uint32_t)p->key.proto * 65536 + p->service, i;
	unsigned end, from = p->initiator, hits = 0;

	if (!plain_tenant(r, p->key.tenant))
		return 0;
	if (r->kind == BH_RESTRICTION_QUARANTINE) {
		for (end = 0; end < 2; end++) {
			bool stays = false;

			if (!plain_in(p, end, &r->end[0]))
				continue;
			for (i = 0; i < r->n_paths; i++)
				stays |= service >= r->path[i].first &&
					 service <= r->path[i].last &&
					 plain_in(p, 1 - end, &r->path[i].peer);
			hits += !stays;
		}
		return hits != 0 ? r->kind : 0;
	}
	if (r->kind == BH_RESTRICTION_BLOCK)
		return plain_in(p, from, &r->end[0]) && plain_in(p, 1 - from, &r->end[1]) &&
				       service >= r->first && service <= r->last
			       ? r->kind
			       : 0;
	for (end = 0; end < 2; end++) {
		if (p->key.proto == r->proto && plain_in(p, end, &r->end[0]) &&
		    plain_in(p, 1 - end, &r->end[1]) && p->key.port[end] == r->port[0] &&
		    p->key.port[1 - end] == r->port[1])
			hits++;
	}
	return hits != 0 ? r->kind : 0;
}

static void
random_address(struct bh_prefix *out, bool may_be_wide)
{
	bool six = rnd(4) == 0;

	memset(out, 0, sizeof(*out));
	out->family = six ? BH_IP6 : BH_IP4;
	out->len = six ? 128 : 32;
	if (six)
		memcpy(out->addr, "\x20\x01\x0d\xb8", 4);
	else
		out->addr[0] = 10;
	out->addr[six ? 15 : 3] = (uint8_t)rnd(32);
	if (may_be_wide && rnd(4) == 0) {
		out->len = (uint8_t)(out->len - rnd(6));
		bh_prefix_mask(out->addr, out->len);
	}
}

static void
random_end(struct bh_restriction_end *e)
{
	static const char *const names[] = {"even", "all", "external", "unknown", "nobody"};

	memset(e, 0, sizeof(*e));
	switch (rnd(6)) {
	case 0:
		return;
	case 1:
		strcpy(e->segment, names[rnd(5)]);
		return;
	default:
		random_address(&e->address, true);
	}
}

static void
random_service(uint32_t *first, uint32_t *last)
{
	static const struct {
		uint32_t first, last;
	} some[] = {{0, BH_SERVICE_ANY_LAST},
		    {6 << 16 | 80, 6 << 16 | 80},
		    {6 << 16, 6 << 16 | 0xffff},
		    {17 << 16 | 50, 17 << 16 | 60}};
	unsigned i = rnd(BH_ARRAY_SIZE(some));

	*first = some[i].first;
	*last = some[i].last;
}

static const bh_tenant tenants[] = {0, 0, 0, 77, UINT64_C(5) << 24 | 77, UINT64_C(5) << 24};

static void
random_restriction(struct bh_restriction *r, struct bh_restriction_path *path, uint64_t id)
{
	unsigned i;

	*r = (struct bh_restriction){.id = id, .kind = (uint8_t)(1 + rnd(3))};
	r->tenant = tenants[rnd(BH_ARRAY_SIZE(tenants))];
	random_end(&r->end[0]);
	random_end(&r->end[1]);
	random_service(&r->first, &r->last);
	if (r->kind == BH_RESTRICTION_CUT) {
		r->proto = rnd(2) != 0 ? 6 : 17;
		random_address(&r->end[0].address, false);
		random_address(&r->end[1].address, false);
		r->port[0] = (uint16_t)(1000 + rnd(2));
		r->port[1] = (uint16_t)(rnd(2) != 0 ? 80 : 53);
	}
	if (r->kind == BH_RESTRICTION_QUARANTINE) {
		r->n_paths = rnd(3);
		r->path = path;
		for (i = 0; i < r->n_paths; i++) {
			random_end(&path[i].peer);
			random_service(&path[i].first, &path[i].last);
		}
	}
}

static void
random_packet(struct packet *p)
{
	struct bh_prefix a, b;
	unsigned i;

	memset(p, 0, sizeof(*p));
	random_address(&a, false);
	do {
		random_address(&b, false);
	} while (b.family != a.family);
	p->key.family = a.family;
	memcpy(p->key.addr[0].b, a.addr, 16);
	memcpy(p->key.addr[1].b, b.addr, 16);
	p->key.proto = rnd(2) != 0 ? 6 : 17;
	p->initiator = rnd(2);
	p->key.port[p->initiator] = (uint16_t)(1000 + rnd(2));
	p->service = (uint16_t)(rnd(2) != 0 ? 80 : 53);
	p->key.port[1 - p->initiator] = p->service;
	i = rnd(BH_ARRAY_SIZE(tenants));
	p->key.tenant = tenants[i];
}

static void
compare(const struct bh_restriction *r, unsigned n, const struct packet *p)
{
	static const uint8_t reason[] = {BH_REASON_RULE_ALLOW, BH_REASON_QUARANTINED,
					 BH_REASON_BLOCKED, BH_REASON_CUT};
	unsigned kind = 0, i, k;
	struct bh_judgement j;
	uint64_t id = 0;

	for (i = 0; i < n; i++) {
		k = plain_kind(&r[i], p);
		if (k != 0 && (kind == 0 || k < kind || (k == kind && r[i].id < id))) {
			kind = k;
			id = r[i].id;
		}
	}
	bh_policy_judge(current, &p->key, p->initiator, p->service, NULL, &j);
	CU_ASSERT_EQUAL(j.reason, reason[kind]);
	CU_ASSERT_EQUAL(j.restriction, id);
	CU_ASSERT_EQUAL(j.verdict, kind == 0                    ? BH_VERDICT_ALLOW
				   : kind == BH_RESTRICTION_CUT ? BH_VERDICT_REJECT
								: BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(j.mode, BH_MODE_PROTECT);
}

static void
judgements_are_those_of_a_plain_loop(void)
{
	struct bh_policy *p = make(BH_MODE_PROTECT);
	struct bh_restriction_path path[20][4];
	struct bh_restriction r[20];
	struct packet packet;
	unsigned round, i, n;
	uint32_t epoch;

	srand(20261122);
	for (round = 0; round < 300; round++) {
		n = 1 + rnd(20);
		for (i = 0; i < n; i++)
			random_restriction(&r[i], path[i], 100 - i);
		epoch = current->epoch;
		CU_ASSERT_EQUAL_FATAL(bh_policy_restrict(p, r, n, NULL), 0);
		/* Each flow is judged anew by its next packet. */
		CU_ASSERT_EQUAL(current->epoch, epoch + 1);
		for (i = 0; i < 60; i++) {
			random_packet(&packet);
			compare(r, n, &packet);
		}
	}
	CU_ASSERT_EQUAL(bh_policy_restrict(p, NULL, 0, NULL), 0);
	CU_ASSERT_PTR_NULL(current->restrictions);
	bh_policy_destroy(p);
}

static void
restrictions_hold_in_discover_too_and_outlive_a_load(void)
{
	struct bh_policy *p = make(BH_MODE_DISCOVER);
	struct bh_restriction r = {.id = 7, .kind = BH_RESTRICTION_QUARANTINE};
	struct packet packet = {.key = {.family = BH_IP4, .proto = 6}, .service = 80};
	struct bh_judgement j;

	CU_ASSERT_EQUAL(bh_restriction_end("10.0.0.1", &r.end[0], NULL), 0);
	memcpy(packet.key.addr[0].b, r.end[0].address.addr, 16);
	memcpy(packet.key.addr[1].b, "\x0a\x00\x00\x02", 4);
	CU_ASSERT_EQUAL(bh_policy_restrict(p, &r, 1, NULL), 0);
	CU_ASSERT_EQUAL(bh_policy_load_text(p, "t", document, strlen(document), false, NULL, NULL),
			0);
	bh_policy_judge(current, &packet.key, 0, 80, NULL, &j);
	CU_ASSERT_EQUAL(j.verdict, BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(j.reason, BH_REASON_QUARANTINED);
	CU_ASSERT_EQUAL(j.mode, BH_MODE_PROTECT);
	CU_ASSERT_EQUAL(j.restriction, 7);
	bh_policy_destroy(p);
}

/* Blocks by application: what may still be it waits, what is it goes no further, what is something else passes. */
static void
block_by_application_waits_for_the_proof(void)
{
	struct bh_policy *p = make(BH_MODE_PROTECT);
	struct bh_restriction r = {.id = 7,
				   .kind = BH_RESTRICTION_BLOCK,
				   .last = BH_SERVICE_ANY_LAST};
	struct bh_flow_key key = {.family = BH_IP4, .proto = 6};
	struct bh_proto_state state = {0};
	const struct bh_said said = {.app = &state};
	struct bh_judgement j;

	r.app = (uint8_t)bh_app_find("redis");
	CU_ASSERT_EQUAL(bh_policy_restrict(p, &r, 1, NULL), 0);
	bh_policy_judge(current, &key, 0, 80, NULL, &j);
	CU_ASSERT_EQUAL(j.verdict, BH_VERDICT_PENDING);
	bh_policy_judge(current, &key, 0, 80, &said, &j);
	CU_ASSERT_EQUAL(j.verdict, BH_VERDICT_PENDING);
	state.app = r.app;
	bh_policy_judge(current, &key, 0, 80, &said, &j);
	CU_ASSERT_EQUAL(j.verdict, BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(j.reason, BH_REASON_BLOCKED);
	state.app = (uint8_t)bh_app_find("http");
	state.decided = 1;
	bh_policy_judge(current, &key, 0, 80, &said, &j);
	CU_ASSERT_EQUAL(j.verdict, BH_VERDICT_ALLOW);
	bh_policy_destroy(p);
}

/* What a block on an application says of a flow that turned out to be another. */
static unsigned
blocked(struct bh_policy *p, const char *name, unsigned is, bool decided)
{
	struct bh_restriction r = {.id = 7,
				   .kind = BH_RESTRICTION_BLOCK,
				   .last = BH_SERVICE_ANY_LAST,
				   .app = (uint8_t)bh_app_find(name)};
	struct bh_flow_key key = {.family = BH_IP4, .proto = 6};
	struct bh_proto_state state = {.app = (uint8_t)is, .decided = decided};
	const struct bh_said said = {.app = &state};
	struct bh_judgement j;

	CU_ASSERT_EQUAL_FATAL(bh_policy_restrict(p, &r, 1, NULL), 0);
	bh_policy_judge(current, &key, 0, 80, &said, &j);
	return j.verdict;
}

static void
a_block_takes_all_that_its_name_stands_for(void)
{
	struct bh_policy *p = make(BH_MODE_PROTECT);

	/* HTTP/2, and what stands on either version. */
	CU_ASSERT_EQUAL(blocked(p, "http", BH_APP_HTTP2, true), BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(blocked(p, "http", BH_APP_GRPC, true), BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(blocked(p, "http", BH_APP_WEBSOCKET, true), BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(blocked(p, "http2", BH_APP_ETCD, true), BH_VERDICT_DENY);
	/* Two lines of one name. */
	CU_ASSERT_EQUAL(blocked(p, "etcd", BH_APP_ETCD_HTTP, true), BH_VERDICT_DENY);
	CU_ASSERT_EQUAL(blocked(p, "etcd", BH_APP_ETCD, true), BH_VERDICT_DENY);
	/* It may still become that; it never will; what it stands on is not it. */
	CU_ASSERT_EQUAL(blocked(p, "grpc", BH_APP_HTTP2, false), BH_VERDICT_PENDING);
	CU_ASSERT_EQUAL(blocked(p, "grpc", BH_APP_HTTP2, true), BH_VERDICT_ALLOW);
	CU_ASSERT_EQUAL(blocked(p, "http2", BH_APP_HTTP, true), BH_VERDICT_ALLOW);
	CU_ASSERT_EQUAL(blocked(p, "http", BH_APP_TLS, true), BH_VERDICT_ALLOW);
	bh_policy_destroy(p);
}

static void
refused_lists_leave_what_was_in_force(void)
{
	struct bh_restriction *r = calloc(BH_RESTRICTIONS_MAX + 1, sizeof(*r));
	struct bh_policy *p = make(BH_MODE_PROTECT);
	struct bh_err err = {0};
	const void *before;
	unsigned i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	for (i = 0; i <= BH_RESTRICTIONS_MAX; i++) {
		r[i] = (struct bh_restriction){.id = i + 1, .kind = BH_RESTRICTION_QUARANTINE};
		r[i].end[0].address =
			(struct bh_prefix){.family = BH_IP4,
					   .len = 32,
					   .addr = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
	}
	CU_ASSERT_EQUAL(bh_policy_restrict(p, r, BH_RESTRICTIONS_MAX, NULL), 0);
	before = current->restrictions;
	CU_ASSERT_EQUAL(bh_policy_restrict(p, r, BH_RESTRICTIONS_MAX + 1, &err), -E2BIG);
	for (i = 0; i <= BH_RESTRICTIONS_WIDE; i++)
		r[i].end[0].address.len = 8;
	err = (struct bh_err){0};
	CU_ASSERT_EQUAL(bh_policy_restrict(p, r, BH_RESTRICTIONS_WIDE + 1, &err), -E2BIG);
	CU_ASSERT_PTR_EQUAL(current->restrictions, before);
	r[0].id = 0;
	CU_ASSERT_EQUAL(bh_policy_restrict(p, r, 1, NULL), -EINVAL);
	free(r);
	bh_policy_destroy(p);
}

static void
words_of_paths_are_read_and_written_alike(void)
{
	static const char *const same[] = {"any",
					   "web",
					   "web:tcp/443",
					   "zone:cde:tcp/443",
					   "zone:cde",
					   "10.0.0.0/8:udp/53",
					   "10.0.0.7:icmp/8",
					   "[2001:db8::1]:tcp/22",
					   "2001:db8::/32",
					   "any:tcp",
					   "shop.web:tcp/8000-8100",
					   "logs:proto/47"};
	static const char *const wrong[] = {"",           ":443",    "web:",          "web:70000",
					    "[::1:22",    "we b",    "10.0.0.1:tcp/", "10.0.0.1/8",
					    "10.0.0.300", "[::1]22", "web:tcp/2-1"};
	struct bh_restriction_path path;
	char out[192];
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(same); i++) {
		CU_ASSERT_EQUAL(bh_restriction_path(same[i], &path, NULL), 0);
		bh_restriction_path_format(&path, out, sizeof(out));
		CU_ASSERT_STRING_EQUAL(out, same[i]);
	}
	CU_ASSERT_EQUAL(bh_restriction_path("web:443", &path, NULL), 0);
	CU_ASSERT_EQUAL(path.first, 6 << 16 | 443);
	CU_ASSERT_EQUAL(path.last, 6 << 16 | 443);
	for (i = 0; i < BH_ARRAY_SIZE(wrong); i++) {
		struct bh_err err = {0};

		CU_ASSERT_EQUAL(bh_restriction_path(wrong[i], &path, &err), -EINVAL);
		CU_ASSERT_TRUE(err.what[0] != '\0');
	}
}

const struct bh_unit_test bh_suite_policy_restrict[] = {
	{"judgements are those of a plain loop", judgements_are_those_of_a_plain_loop},
	{"restrictions hold in discover, too, and outlive a load",
	 restrictions_hold_in_discover_too_and_outlive_a_load},
	{"a block by application waits for the proof", block_by_application_waits_for_the_proof},
	{"a block takes all that its name stands for", a_block_takes_all_that_its_name_stands_for},
	{"refused lists leave what was in force", refused_lists_leave_what_was_in_force},
	{"words of paths are read and written alike", words_of_paths_are_read_and_written_alike},
	{NULL, NULL},
};
