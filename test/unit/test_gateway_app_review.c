/* gateway: what an attacker or an unlucky client makes of flows that are judged by what they say. */
#include "gateway_talk.h"
#include "proto_hello.h"

#define HEAD                                                                                       \
	"version: 1\n"                                                                             \
	"endpoints:\n"                                                                             \
	"  - {address: 10.1.0.1, labels: {app: web}}\n"                                            \
	"  - {address: 10.2.0.1, labels: {app: db}}\n"                                             \
	"segments:\n"                                                                              \
	"  web: {selector: app=web}\n"                                                             \
	"  db: {selector: app=db}\n"                                                               \
	"rules:\n"

static const char by_ports[] = HEAD "  - {from: web, to: db, action: allow}\n";
static const char by_words[] =
	HEAD "  - {from: web, to: db, applications: [redis], action: allow}\n";
static const char by_operation[] =
	HEAD "  - {from: web, to: db, applications: [{http: {methods: [GET]}}], action: allow}\n";
static const char some_names[] =
	HEAD "  - {from: web, to: db, applications: [{dns: {names: [good.example]}},\n"
	     "     {quic: {sni: [good.example]}}], action: allow}\n";

/* RFC 9001 A.2: a client's first packet, for example.com. */
static const char rfc_packet[] =
	"c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9bd8bab936b47d"
	"92ec356c0bab7df5976d27cd449f63300099f3991c260ec4c60d17b31f8429157bb35a1282a643a8d2262cad"
	"67500cadb8e7378c8eb7539ec4d4905fed1bee1fc8aafba17c750e2c7ace01e6005f80fcb7df621230c83711"
	"b39343fa028cea7f7fb5ff89eac2308249a02252155e2347b63d58c5457afd84d05dfffdb20392844ae81215"
	"4682e9cf012f9021a6f0be17ddd0c2084dce25ff9b06cde535d0f920a2db1bf362c23e596d11a4f5a6cf3948"
	"838a3aec4e15daf8500a6ef69ec4e3feb6b1d98e610ac8b7ec3faf6ad760b7bad1db4ba3485e8a94dc250ae3"
	"fdb41ed15fb6a8e5eba0fc3dd60bc8e30c5c4287e53805db059ae0648db2f64264ed5e39be2e20d82df566da"
	"8dd5998ccabdae053060ae6c7b4378e846d29f37ed7b4ea9ec5d82e7961b7f25a9323851f681d582363aa5f8"
	"9937f5a67258bf63ad6f1a0b1d96dbd4faddfcefc5266ba6611722395c906556be52afe3f565636ad1b17d50"
	"8b73d8743eeb524be22b3dcbc2c7468d54119c7468449a13d8e3b95811a198f3491de3e7fe942b330407abf8"
	"2a4ed7c1b311663ac69890f4157015853d91e923037c227a33cdd5ec281ca3f79c44546b9d90ca00f064c99e"
	"3dd97911d39fe9c5d0b23a229a234cb36186c4819e8b9c5927726632291d6a418211cc2962e20fe47feb3edf"
	"330f2c603a9d48c0fcb5699dbfe5896425c5bac4aee82e57a85aaf4e2513e4f05796b07ba2ee47d80506f8d2"
	"c25e50fd14de71e6c418559302f939b0e1abd576f279c4b2e0feb85c1f28ff18f58891ffef132eef2fa09346"
	"aee33c28eb130ff28f5b766953334113211996d20011a198e3fc433f9f2541010ae17c1bf202580f6047472f"
	"b36857fe843b19f5984009ddc324044e847a4f4a0ab34f719595de37252d6235365e9b84392b061085349d73"
	"203a4a13e96f5432ec0fd4a1ee65accdd5e3904df54c1da510b0ff20dcc0c77fcb2c0e0eb605cb0504db8763"
	"2cf3d8b4dae6e705769d1de354270123cb11450efc60ac47683d7b8d0f811365565fd98c4c8eb936bcab8d06"
	"9fc33bd801b03adea2e1fbc5aa463d08ca19896d2bf59a071b851e6c239052172f296bfb5e72404790a21810"
	"14f3b94a4e97d117b438130368cc39dbb2d198065ae3986547926cd2162f40a29f0c3c8745c0f50fba3852e5"
	"66d44575c29d39a03f0cda721984b6f440591f355e12d439ff150aab7613499dbd49adabc8676eef023b15b6"
	"5bfc5ca06948109f23f350db82123535eb8a7433bdabcb909271a6ecbcb58b936a88cd4e8f2e6ff5800175f1"
	"13253d8fa9ca8885c2f552e657dc603f252e1a8e308f76f0be79e2fb8f5d5fbbe2e30ecadd220723c8c0aea8"
	"078cdfcb3868263ff8f0940054da48781893a7e49ad5aff4af300cd804a6b6279ab3ff3afb64491c85194aab"
	"760d58a606654f9f4400e8b38591356fbf6425aca26dc85244259ff2b19c41b9f96f3ca9ec1dde434da7d2d3"
	"92b905ddf3d1f9af93d1af5950bd493f5aa731b4056df31bd267b6b90a079831aaf579be0a39013137aac6d4"
	"04f518cfd46840647e78bfe706ca4cf5e9c5453e9f7cfd2b8b4c8d169a44e55c88d4a9a7f9474241e221af44"
	"860018ab0856972e194cd934";

static void
parse_all(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->app_parse = BH_PARSE_ALL;
}

static void
start(struct rig *r, unsigned mode, const char *policy)
{
	rig_start(r, &(struct rig_options){.mode = mode, .policy = policy});
}

static bool
datagram(struct rig *r, uint16_t dport, const void *data, uint16_t len)
{
	struct rig_frame f;

	rig_build(&f, &(struct rig_packet){.src = WEB,
					   .dst = DB,
					   .proto = 17,
					   .sport = 5353,
					   .dport = dport,
					   .payload = len,
					   .text = data});
	return rig_passes(r, RIG_OUTSIDE, &f);
}

static uint16_t
read_hex(const char *hex, uint8_t *out)
{
	uint16_t n;
	unsigned byte;

	for (n = 0; sscanf(hex + 2 * n, "%2x", &byte) == 1; n++)
		out[n] = (uint8_t)byte;
	return n;
}

/* What was denied is sent again, as clients do after a moment. */
static void
denied_quic_hello_is_denied_again(void)
{
	uint8_t hello[1500];
	uint16_t n = read_hex(rfc_packet, hello);
	struct rig r;
	unsigned i;

	start(&r, BH_MODE_PROTECT, some_names);
	for (i = 0; i < 4; i++)
		CU_ASSERT_FALSE(datagram(&r, 443, hello, n));
	CU_ASSERT_EQUAL(r.c.forwarded, 0);
	rig_stop(&r);
}

/* Bytes have passed that nobody judged: stricter rules can't be told from here on. */
static void
connection_read_for_records_does_not_outlive_a_rule_about_words(void)
{
	struct rig r;
	struct talk t;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT,
					    .policy = by_ports,
					    .tune = parse_all});
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 80));
	CU_ASSERT_TRUE(says(&t, 0, GET));
	rig_load(&r, by_operation);
	CU_ASSERT_FALSE(says(&t, 0, DELETE_IT));
	CU_ASSERT_EQUAL(r.c.dropped[BH_REASON_TCP_MIDSTREAM], 1);
	rig_stop(&r);
}

static void
connection_let_go_does_not_outlive_a_rule_about_words(void)
{
	static const char http[] =
		HEAD "  - {from: web, to: db, applications: [http], action: allow}\n";
	struct rig r;
	struct talk t;

	start(&r, BH_MODE_PROTECT, http);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 80));
	CU_ASSERT_TRUE(says(&t, 0, GET));
	/* Nothing is acknowledged: what was judged is still compared. */
	rig_load(&r, by_operation);
	CU_ASSERT_FALSE(says(&t, 0, DELETE_IT));
	rig_stop(&r);
}

/* Refused for what it sent again; a label of its server changes. */
static void
connection_refused_for_its_bytes_stays_refused_when_labels_change(void)
{
	struct rig r;
	struct talk t;
	struct rig_frame f;

	start(&r, BH_MODE_PROTECT, by_words);
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 7777));
	CU_ASSERT_TRUE(says(&t, 0, PING));
	t.seq[0] -= (uint32_t)strlen(PING);
	frame(&t, 0, BH_TCP_ACK | BH_TCP_PSH, "*1\r\n$4\r\nQUIT\r\n", &f);
	CU_ASSERT_TRUE(rig_drops(&r, RIG_OUTSIDE, &f, BH_REASON_TCP_CONFLICT));
	rig_label(&r, DB, "none");
	rig_label(&r, DB, "db");
	rig_clear(&r);
	CU_ASSERT_FALSE(rig_passes(&r, RIG_OUTSIDE, &f));
	rig_stop(&r);
}

/* A pod connects before anyone has said what it is. */
static void
client_that_tries_again_connects_once_its_label_is_known(void)
{
	struct rig r;
	struct talk t = {.r = &r, .sport = 40000, .dport = 7777, .seq = {1000, 5000}};
	struct rig_frame f;

	start(&r, BH_MODE_PROTECT, by_words);
	rig_label(&r, WEB, NULL);
	frame(&t, 0, BH_TCP_SYN, NULL, &f);
	rig_put(&r, RIG_OUTSIDE, &f);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 0);
	rig_label(&r, WEB, "web");
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 7777));
	CU_ASSERT_TRUE(says(&t, 0, PING));
	CU_ASSERT_EQUAL(r.c.exceptions[BH_EXCEPTION_MIDSTREAM], 0);
	rig_stop(&r);
}

#define QUERY(flags, name)                                                                         \
	"\x12\x34" flags "\x00\x01\x00\x00\x00\x00\x00\x00\x04" name "\x07"                        \
	"example\x00\x00\x01\x00\x01"

/* The first datagram could be anything; the second says what they are. */
static void
datagram_held_before_its_name_is_judged_like_the_others(void)
{
	uint8_t strange[64];
	static const char plain[] = QUERY("\x01\x00", "good");
	struct rig r;

	memset(strange, 0x11, sizeof(strange));
	start(&r, BH_MODE_PROTECT, some_names);
	CU_ASSERT_FALSE(datagram(&r, 9953, strange, sizeof(strange)));
	CU_ASSERT_EQUAL(r.c.held, 1);
	datagram(&r, 9953, plain, sizeof(plain) - 1);
	CU_ASSERT_EQUAL(r.c.held, 0);
	CU_ASSERT_EQUAL(r.c.forwarded, 1);
	rig_stop(&r);
}

static void
datagrams_wait_no_longer_than_hold_time(void)
{
	uint8_t strange[64];
	struct rig r;
	unsigned i;

	memset(strange, 0x11, sizeof(strange));
	start(&r, BH_MODE_PROTECT, some_names);
	CU_ASSERT_FALSE(datagram(&r, 9953, strange, sizeof(strange)));
	rig_wait(&r, 9900);
	for (i = 0; i < 200; i++)
		rig_run(&r);
	CU_ASSERT_EQUAL(r.c.held, 0);
	CU_ASSERT_EQUAL(r.c.exceptions[BH_EXCEPTION_HOLD_FULL], 1);
	rig_stop(&r);
}

/* Packets of an old connection, of a new one that gets its entry, and of the one that takes its ports again. */
static void
late_packet_of_a_burst_is_not_judged_as_another_flow(void)
{
	struct talk old = {.sport = 40000, .dport = 7777, .seq = {1000, 5000}}, new = old;
	struct rig_frame f;
	struct rig r;

	start(&r, BH_MODE_PROTECT, by_words);
	CU_ASSERT_TRUE(opens(&old, &r, 40000, 7777));
	frame(&old, 0, BH_TCP_RST, NULL, &f);
	CU_ASSERT_TRUE(rig_passes(&r, RIG_OUTSIDE, &f));
	rig_clear(&r);
	frame(&old, 0, BH_TCP_ACK | BH_TCP_PSH, GET, &f);
	rig_put(&r, RIG_OUTSIDE, &f);
	new.r = &r;
	new.sport = 40001;
	frame(&new, 0, BH_TCP_SYN, NULL, &f);
	rig_put(&r, RIG_OUTSIDE, &f);
	new.sport = 40000;
	frame(&new, 0, BH_TCP_SYN, NULL, &f);
	rig_put(&r, RIG_OUTSIDE, &f);
	rig_run(&r);
	CU_ASSERT_EQUAL(r.wire[RIG_INSIDE].n_out, 2);
	CU_ASSERT_EQUAL(r.c.exceptions[BH_EXCEPTION_MIDSTREAM], 0);
	rig_stop(&r);
}

static void
no_records(struct bh_config *c, struct bh_gateway_params *p)
{
	(void)p;
	c->event_operations = false;
}

/* A side sends bytes; did exactly this leave on the other one? */
static bool
sends(struct talk *t, unsigned side, const struct bytes *o)
{
	struct rig_packet p = {.src = side == 0 ? WEB : DB,
			       .dst = side == 0 ? DB : WEB,
			       .proto = 6,
			       .sport = side == 0 ? t->sport : t->dport,
			       .dport = side == 0 ? t->dport : t->sport,
			       .tcp_flags = BH_TCP_ACK,
			       .seq = t->seq[side],
			       .ack = t->seq[1 - side],
			       .payload = (uint16_t)o->n,
			       .text = o->b};
	struct rig_frame f;

	t->seq[side] += (uint32_t)o->n;
	rig_build(&f, &p);
	return rig_passes(t->r, wire_of(side), &f);
}

static void
make_hello(struct bytes *o, const char *sni)
{
	static const uint16_t ciphers[] = {0x1301, 0x1302, 0xffff}, versions[] = {0x0304, 0xffff},
			      extensions[] = {0, 43, 0xffff};
	static struct bytes message;

	message.n = o->n = 0;
	put_hello(&message, &(struct hello){.sni = sni,
					    .ciphers = ciphers,
					    .extensions = extensions,
					    .versions = versions});
	put_records(o, &message, 16384);
}

/* RFC 8446 4.1.4: whom the second hello names is judged too, whether operations are recorded or not. */
static void
hello_after_a_retry_names_nobody_else(void)
{
	static const char policy[] = HEAD "  - {from: web, to: db, action: allow,\n"
					  "     applications: [{tls: {sni: [good.example]}}]}\n";
	static struct bytes hello, retry;
	struct rig r;
	struct talk t;

	rig_start(&r, &(struct rig_options){.mode = BH_MODE_PROTECT,
					    .policy = policy,
					    .tune = no_records});
	CU_ASSERT_TRUE(opens(&t, &r, 40000, 443));
	make_hello(&hello, "good.example");
	CU_ASSERT_TRUE(sends(&t, 0, &hello));
	retry.n = put_hex(retry.b, "160303003402000030"
				   "0303cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2"
				   "c8a8339c001301000006002b00020304");
	retry.b[4] = (uint8_t)(retry.n - 5);
	retry.b[8] = (uint8_t)(retry.n - 9);
	CU_ASSERT_TRUE(sends(&t, 1, &retry));
	make_hello(&hello, "evil.example");
	CU_ASSERT_FALSE(sends(&t, 0, &hello));
	rig_stop(&r);
}

static void
monitor_passes_a_hello_that_protect_denies(void)
{
	uint8_t hello[1500];
	uint16_t n = read_hex(rfc_packet, hello);
	struct rig r;

	start(&r, BH_MODE_MONITOR, some_names);
	CU_ASSERT_TRUE(datagram(&r, 443, hello, n));
	CU_ASSERT_TRUE(datagram(&r, 443, hello, n));
	rig_stop(&r);
}

/* Blocks of one size were all there was: another size must find memory once they are free. */
static void
memory_of_parsers_serves_smaller_blocks_after_larger_ones(void)
{
	struct bh_slab *s;
	void *p[64];
	unsigned n, i;

	CU_ASSERT_FATAL(bh_slab_create(&s, 65536) == 0);
	for (n = 0; n < 64 && (p[n] = bh_slab_alloc(s, 4000)) != NULL; n++)
		memset(p[n], 0xaa, 4000);
	CU_ASSERT_EQUAL(n, 16);
	for (i = 0; i < n; i++)
		bh_slab_free(s, p[i]);
	for (i = 0; i < n; i++)
		CU_ASSERT_PTR_NOT_NULL(p[i] = bh_slab_alloc(s, 100));
	for (i = 0; i < n; i++)
		bh_slab_free(s, p[i]);
	CU_ASSERT_PTR_NOT_NULL(bh_slab_alloc(s, 4000));
	bh_slab_destroy(s);
}

/* What brotli's and zstd's largest windows want. */
static void
memory_of_parsers_has_blocks_of_a_window(void)
{
	struct bh_slab *s;
	void *a, *b;

	CU_ASSERT_FATAL(bh_slab_create(&s, 32u << 20) == 0);
	a = bh_slab_alloc(s, (8u << 20) + 200000);
	b = bh_slab_alloc(s, (4u << 20) + 1000);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	memset(a, 1, (8u << 20) + 200000);
	memset(b, 2, (4u << 20) + 1000);
	CU_ASSERT_PTR_NULL(bh_slab_alloc(s, (8u << 20) + 1000));
	CU_ASSERT_PTR_NULL(bh_slab_alloc(s, 17u << 20));
	bh_slab_free(s, a);
	CU_ASSERT_PTR_EQUAL(bh_slab_alloc(s, (8u << 20) + 1000), a);
	bh_slab_destroy(s);
}

const struct bh_unit_test bh_suite_gateway_app_review[] = {
	BH_TEST(memory_of_parsers_has_blocks_of_a_window),
	BH_TEST(denied_quic_hello_is_denied_again),
	BH_TEST(connection_read_for_records_does_not_outlive_a_rule_about_words),
	BH_TEST(connection_let_go_does_not_outlive_a_rule_about_words),
	BH_TEST(connection_refused_for_its_bytes_stays_refused_when_labels_change),
	BH_TEST(client_that_tries_again_connects_once_its_label_is_known),
	BH_TEST(datagram_held_before_its_name_is_judged_like_the_others),
	BH_TEST(datagrams_wait_no_longer_than_hold_time),
	BH_TEST(late_packet_of_a_burst_is_not_judged_as_another_flow),
	BH_TEST(hello_after_a_retry_names_nobody_else),
	BH_TEST(monitor_passes_a_hello_that_protect_denies),
	BH_TEST(memory_of_parsers_serves_smaller_blocks_after_larger_ones),
	BH_TEST_END,
};
