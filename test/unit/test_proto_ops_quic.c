/* quic operations: RFC 9001's and 9369's vectors, hellos over several packets and datagrams, connections that share a pair
 * of addresses, and what must not differ when it is sent twice. */
#include <nettle/aes.h>
#include <nettle/gcm.h>

#include "../../lib/proto/quic_packet.h"
#include "proto_hello.h"
#include "unit.h"

#define END 0xffff
#define V1 1u
#define V2 0x6b3343cfu

/* RFC 9001 A.2: a client's first packet. */
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

static const char cid_a[] = "\x83\x94\xc8\xf0\x3e\x51\x57\x08";
static const char cid_b[] = "\x11\x22\x33\x44\x55\x66\x77\x88";
static const char cid_server[] = "\xaa\xbb\xcc\xdd";

static const uint16_t two_ciphers[] = {0x1301, 0x1302, END};
static const uint16_t extensions[] = {0, 16, 43, 57, END};
static const uint16_t tls13[] = {0x0304, END};

static void
make_hello(struct bytes *o, const char *sni)
{
	struct hello h = {.sni = sni,
			  .ciphers = two_ciphers,
			  .extensions = extensions,
			  .versions = tls13,
			  .alpn = {"h3"}};

	put_hello(o, &h);
}

struct sealed {
	uint32_t version, number;
	uint8_t number_len;
	const char *dcid, *keys; /* on the packet; of the connection. NULL: as dcid */
	unsigned n_dcid;
};

static void
put_varint(struct bytes *o, uint32_t v)
{
	put_n(o, v | 0x80000000u, 4);
}

/* An Initial packet as a client seals it, RFC 9001 5.3 and 5.4, with the keys that the vectors below prove. */
static void
seal(struct bytes *o, const struct sealed *s, const struct bytes *frames)
{
	size_t start = o->n, number, i, n_frames = frames->n < 24 ? 24 : frames->n;
	uint8_t plain[8192], mask[16], *p = o->b + start;
	struct gcm_aes128_ctx gcm;
	struct aes128_ctx aes;
	struct bh_quic_keys k;
	const char *keys = s->keys != NULL ? s->keys : s->dcid;

	memset(plain, 0, sizeof(plain));
	memcpy(plain, frames->b, frames->n);
	put_n(o, 0xc0u | (s->version == V2 ? 0x10 : 0) | (s->number_len - 1u), 1);
	put_n(o, s->version, 4);
	put_n(o, s->n_dcid, 1);
	put(o, s->dcid, s->n_dcid);
	put(o, "\x00\x00", 2); /* no source id, no token */
	put_varint(o, (uint32_t)(s->number_len + n_frames + 16));
	number = o->n - start;
	put_n(o, s->number, s->number_len);
	bh_quic_client_keys(s->version, (const uint8_t *)keys,
			    (uint8_t)(s->keys != NULL ? 8 : s->n_dcid), &k);
	for (i = 0; i < 4; i++)
		k.iv[8 + i] ^= (uint8_t)(s->number >> (24 - 8 * i));
	gcm_aes128_set_key(&gcm, k.key);
	gcm_aes128_set_iv(&gcm, 12, k.iv);
	gcm_aes128_update(&gcm, o->n - start, p);
	gcm_aes128_encrypt(&gcm, n_frames, o->b + o->n, plain);
	o->n += n_frames;
	gcm_aes128_digest(&gcm, 16, o->b + o->n);
	o->n += 16;
	aes128_set_encrypt_key(&aes, k.hp);
	aes128_encrypt(&aes, 16, mask, p + number + 4);
	p[0] ^= mask[0] & 0x0f;
	for (i = 0; i < s->number_len; i++)
		p[number + i] ^= mask[1 + i];
}

static void
put_crypto(struct bytes *o, uint32_t offset, const uint8_t *p, size_t n)
{
	put_n(o, 6, 1);
	put_varint(o, offset);
	put_varint(o, (uint32_t)n);
	put(o, p, n);
}

/* A whole conversation: packets are sealed into datagram, then sent. */
struct talk {
	struct bh_ops s;
	struct heard t;
	struct bytes datagram, frames, hello;
	struct sealed how;
};

static void
start(struct talk *k, const char *sni)
{
	memset(k, 0, sizeof(*k));
	bh_ops_open(&k->s, BH_APP_QUIC, BH_OVER_UDP, NULL);
	k->how = (struct sealed){.version = V1, .number_len = 1, .dcid = cid_a, .n_dcid = 8};
	make_hello(&k->hello, sni);
}

/* A packet with hello bytes [from, to). */
static void
add_part(struct talk *k, size_t from, size_t to)
{
	k->frames.n = 0;
	put_crypto(&k->frames, (uint32_t)from, k->hello.b + from, to - from);
	seal(&k->datagram, &k->how, &k->frames);
	k->how.number++;
}

static void
send(struct talk *k)
{
	tell(&k->s, &k->t, 0, k->datagram.b, k->datagram.n, 0);
	k->datagram.n = 0;
}

static void
keys_are_those_of_the_rfcs(void)
{
	struct bh_quic_keys k, want;

	bh_quic_client_keys(V1, (const uint8_t *)cid_a, 8, &k);
	put_hex(want.key, "1f369613dd76d5467730efcbe3b1a22d");
	put_hex(want.iv, "fa044b2f42a3fd3b46fb255c");
	put_hex(want.hp, "9f50449e04a0e810283a1e9933adedd2");
	CU_ASSERT_EQUAL(memcmp(&k, &want, sizeof(k)), 0);
	bh_quic_client_keys(V2, (const uint8_t *)cid_a, 8, &k);
	put_hex(want.key, "8b1a0bc121284290a29e0971b5cd045d");
	put_hex(want.iv, "91f73e2351d8fa91660e909f");
	put_hex(want.hp, "45b95e15235d6f45a6b19cbcb0294ba9");
	CU_ASSERT_EQUAL(memcmp(&k, &want, sizeof(k)), 0);
}

static void
packet_of_the_rfc_is_read(void)
{
	static uint8_t b[1300];
	size_t n = put_hex(b, rfc_packet);
	struct heard t = {.n = 0};
	struct bh_ops s;

	CU_ASSERT_EQUAL(n, 1200);
	bh_ops_open(&s, BH_APP_QUIC, BH_OVER_UDP, NULL);
	tell(&s, &t, 0, b, n, 0);
	CU_ASSERT_EQUAL(strncmp(t.text, "[0] sni=example.com ja3.hash=", 29), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(t.text, " ja4=q13d0211an_"));
	CU_ASSERT_PTR_NOT_NULL(strstr(t.text, " alpn=alpn version=1\n"));
	/* one bit of it */
	b[700] ^= 1;
	memset(&t, 0, sizeof(t));
	bh_ops_open(&s, BH_APP_QUIC, BH_OVER_UDP, NULL);
	tell(&s, &t, 0, b, n, 0);
	CU_ASSERT_EQUAL(t.end, BH_OPS_ERROR);
	CU_ASSERT_EQUAL(t.ops, 0);
}

static void
hello_may_be_split_over_datagrams_in_any_order(void)
{
	static struct talk k;
	size_t n, cut, held;

	start(&k, "a.example");
	n = k.hello.n;
	for (cut = 1; cut < n; cut++) {
		start(&k, "a.example");
		k.how.version = cut % 2 != 0 ? V2 : V1;
		add_part(&k, cut, n);
		held = k.datagram.n;
		send(&k);
		CU_ASSERT_EQUAL(k.t.pending, held);
		CU_ASSERT_EQUAL(k.t.ops, 0);
		add_part(&k, 0, cut);
		send(&k);
		CU_ASSERT_EQUAL(k.t.ops, 1);
		CU_ASSERT_EQUAL(k.t.pending, 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(k.t.text, "[0] sni=a.example "));
		CU_ASSERT_PTR_NOT_NULL(strstr(k.t.text, cut % 2 != 0 ? "version=2" : "version=1"));
	}
}

static void
packets_and_frames_of_one_datagram_add_up(void)
{
	static struct talk k;

	start(&k, "a.example");
	add_part(&k, 0, 30);
	add_part(&k, 50, k.hello.n);
	/* the rest in single bytes, overlapping, between padding, pings and acknowledgements */
	k.frames.n = 0;
	put(&k.frames, "\x00\x01\x02\x05\x00\x01\x00\x01\x02", 9);
	put_crypto(&k.frames, 40, k.hello.b + 40, 20);
	put_crypto(&k.frames, 25, k.hello.b + 25, 15);
	seal(&k.datagram, &k.how, &k.frames);
	put_n(&k.datagram, 0, 4); /* padding behind the packets */
	send(&k);
	CU_ASSERT_EQUAL(k.t.end, BH_OPS_MORE);
	CU_ASSERT_PTR_NOT_NULL(strstr(k.t.text, "[0] sni=a.example "));
}

static void
bytes_sent_twice_must_be_the_same(void)
{
	static struct talk k;
	struct bytes other = {.n = 0};

	/* before the hello is complete */
	start(&k, "a.example");
	add_part(&k, 0, 80);
	k.hello.b[60] ^= 1;
	add_part(&k, 40, k.hello.n);
	send(&k);
	CU_ASSERT_EQUAL(k.t.end, BH_OPS_ERROR);
	/* and after: the first copy may never have arrived */
	start(&k, "a.example");
	add_part(&k, 0, k.hello.n);
	send(&k);
	CU_ASSERT_EQUAL(k.t.ops, 1);
	k.how.keys = cid_a; /* to the id that the server chose */
	k.how.dcid = cid_server;
	k.how.n_dcid = 4;
	add_part(&k, 0, k.hello.n);
	send(&k);
	CU_ASSERT_EQUAL(k.t.end, BH_OPS_MORE);
	CU_ASSERT_EQUAL(k.t.ops, 1);
	make_hello(&other, "b.example");
	k.hello = other;
	add_part(&k, 0, k.hello.n);
	send(&k);
	CU_ASSERT_EQUAL(k.t.end, BH_OPS_ERROR);
}

static void
second_hello_must_ask_for_the_same(void)
{
	static struct talk k;
	unsigned i;

	for (i = 0; i < 2; i++) {
		size_t n;

		start(&k, "a.example");
		n = k.hello.n;
		add_part(&k, 0, n);
		send(&k);
		make_hello(&k.hello, i == 0 ? "a.example" : "b.example");
		add_part(&k, n, n + 20);
		send(&k);
		CU_ASSERT(k.t.pending != 0);
		add_part(&k, n + 20, k.hello.n);
		send(&k);
		CU_ASSERT_EQUAL(k.t.end, i == 0 ? BH_OPS_MORE : BH_OPS_ERROR);
		CU_ASSERT_EQUAL(k.t.pending, 0);
		CU_ASSERT_EQUAL(k.t.ops, 1);
	}
	/* both at once */
	start(&k, "a.example");
	make_hello(&k.hello, "b.example");
	add_part(&k, 0, k.hello.n);
	send(&k);
	CU_ASSERT_EQUAL(k.t.end, BH_OPS_ERROR);
}

static void
each_connection_of_the_addresses_is_judged(void)
{
	static struct talk k;
	static struct bytes first;

	start(&k, "a.example");
	add_part(&k, 0, k.hello.n);
	send(&k);
	tell(&k.s, &k.t, 0, "\x40 short header", 14, 0);
	CU_ASSERT_EQUAL(k.t.pending, 0);
	first = k.hello;
	k.hello.n = 0;
	make_hello(&k.hello, "b.example");
	k.how.dcid = cid_b;
	k.how.number = 0;
	add_part(&k, 0, 50);
	send(&k);
	CU_ASSERT(k.t.pending != 0);
	add_part(&k, 50, k.hello.n);
	send(&k);
	CU_ASSERT_EQUAL(k.t.ops, 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(k.t.text, "\n[0] sni=b.example "));
	/* the first one acknowledges: fine; its handshake data can't be compared any more */
	k.how.dcid = cid_a;
	k.how.number = 1;
	k.frames.n = 0;
	put(&k.frames, "\x02\x01\x00\x00\x01", 5);
	seal(&k.datagram, &k.how, &k.frames);
	send(&k);
	CU_ASSERT_EQUAL(k.t.end, BH_OPS_MORE);
	k.hello = first;
	add_part(&k, 0, 1); /* the same byte as the other one's */
	send(&k);
	CU_ASSERT_EQUAL(k.t.end, BH_OPS_ERROR);
}

static void
packet_that_nobody_can_open_passes_after_a_hello(void)
{
	static struct talk k;

	start(&k, "a.example");
	add_part(&k, 0, k.hello.n);
	send(&k);
	k.how.keys = cid_b; /* on a packet to cid_a */
	add_part(&k, 0, k.hello.n);
	send(&k);
	CU_ASSERT_EQUAL(k.t.end, BH_OPS_MORE);
	CU_ASSERT_EQUAL(k.t.ops, 1);
	start(&k, "a.example");
	k.how.keys = cid_b;
	add_part(&k, 0, k.hello.n);
	send(&k);
	CU_ASSERT_EQUAL(k.t.end, BH_OPS_ERROR);
}

/* A number of one byte that a receiver would complete to 256. */
static void
packet_number_with_two_meanings_is_an_error(void)
{
	static struct talk k;

	start(&k, "a.example");
	k.how.number = 250;
	k.how.number_len = 2;
	add_part(&k, 0, 20);
	send(&k);
	CU_ASSERT_EQUAL(k.t.end, BH_OPS_MORE);
	k.how.number = 251;
	k.how.number_len = 1;
	add_part(&k, 20, 40);
	send(&k);
	CU_ASSERT_EQUAL(k.t.end, BH_OPS_MORE);
	k.how.number = 3;
	add_part(&k, 40, 60);
	send(&k);
	CU_ASSERT_EQUAL(k.t.end, BH_OPS_ERROR);
}

static void
other_versions_are_opaque_and_reserved_ones_pass(void)
{
	static struct talk k;

	start(&k, "a.example");
	tell(&k.s, &k.t, 0,
	     "\xc0\x1a\x2a\x3a\x4a\x08"
	     "12345678\x00 anything",
	     24, 0);
	CU_ASSERT_EQUAL(k.t.end, BH_OPS_MORE);
	CU_ASSERT_EQUAL(k.t.pending, 0);
	add_part(&k, 0, k.hello.n);
	send(&k);
	CU_ASSERT_EQUAL(k.t.ops, 1);
	tell(&k.s, &k.t, 1, "\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01", 11, 0);
	CU_ASSERT_EQUAL(k.t.end, BH_OPS_MORE);
	start(&k, "a.example");
	tell(&k.s, &k.t, 0,
	     "\xc0"
	     "Q050\x08"
	     "12345678\x00 anything",
	     24, 0);
	CU_ASSERT_EQUAL(k.t.end, BH_OPS_OPAQUE);
	start(&k, "a.example");
	tell(&k.s, &k.t, 0, "\x40 anything", 10, 0);
	CU_ASSERT_EQUAL(k.t.end, BH_OPS_OPAQUE);
}

static void
damaged_packets_and_frames_are_errors(void)
{
	static const struct {
		const char *frames;
		size_t len;
	} cases[] = {
		{"\x06\x00\x44\x00x", 5},                 /* longer than the packet */
		{"\x08\x00", 2},                          /* STREAM */
		{"\x06\x80\x00\x17\xff\x02xx", 8},        /* beyond what is kept */
		{"\x02\x01\x00\x3f\x01", 5},              /* ranges that are not there */
		{"\x06\x00\x08\x02\x00\x00\x04zzzz", 11}, /* no ClientHello */
		{"\x06\x00\x04\x01\x00\x40\x00", 7},      /* 16 KiB */
	};
	static struct talk k;
	unsigned i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start(&k, "a.example");
		put(&k.frames, cases[i].frames, cases[i].len);
		if (i == 3) { /* no padding that could be ranges */
			memset(k.frames.b + k.frames.n, 0xff, 30);
			k.frames.n += 30;
		}
		seal(&k.datagram, &k.how, &k.frames);
		send(&k);
		CU_ASSERT_EQUAL(k.t.end, BH_OPS_ERROR);
		CU_ASSERT_EQUAL(k.t.ops, 0);
	}
	start(&k, "a.example");
	add_part(&k, 0, k.hello.n);
	k.datagram.n--;
	send(&k);
	CU_ASSERT_EQUAL(k.t.end, BH_OPS_ERROR);
}

const struct bh_unit_test bh_suite_proto_ops_quic[] = {
	BH_TEST(keys_are_those_of_the_rfcs),
	BH_TEST(packet_of_the_rfc_is_read),
	BH_TEST(hello_may_be_split_over_datagrams_in_any_order),
	BH_TEST(packets_and_frames_of_one_datagram_add_up),
	BH_TEST(bytes_sent_twice_must_be_the_same),
	BH_TEST(second_hello_must_ask_for_the_same),
	BH_TEST(each_connection_of_the_addresses_is_judged),
	BH_TEST(packet_that_nobody_can_open_passes_after_a_hello),
	BH_TEST(packet_number_with_two_meanings_is_an_error),
	BH_TEST(other_versions_are_opaque_and_reserved_ones_pass),
	BH_TEST(damaged_packets_and_frames_are_errors),
	BH_TEST_END,
};
