/* gateway: the frames that the room's tests are fed with, and their own test. */
#include <arpa/inet.h>

#include "gateway_rig.h"

#define ETH_LEN 14u

static void
put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static unsigned
get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* RFC 1071 as it is written there, big-endian words one by one. */
static uint32_t
plain_sum(uint32_t sum, const uint8_t *p, unsigned len)
{
	unsigned i;

	for (i = 0; i + 1 < len; i += 2)
		sum += get16(p + i);
	if (len & 1)
		sum += (unsigned)p[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

unsigned
rig_l3(const struct rig_frame *f)
{
	return get16(f->b + 12) == 0x8100 ? ETH_LEN + 4 : ETH_LEN;
}

unsigned
rig_l4(const struct rig_frame *f)
{
	return rig_l3(f) + (f->b[rig_l3(f)] >> 4 == 4 ? 20 : 40);
}

static bool
is_v4(const struct rig_frame *f)
{
	return f->b[rig_l3(f)] >> 4 == 4;
}

static uint8_t
proto_of(const struct rig_frame *f)
{
	return f->b[rig_l3(f) + (is_v4(f) ? 9 : 6)];
}

static unsigned
l4_len(const struct rig_frame *f)
{
	const uint8_t *ip = f->b + rig_l3(f);

	return is_v4(f) ? get16(ip + 2) - 20 : get16(ip + 4);
}

static uint32_t
pseudo_sum(const struct rig_frame *f)
{
	const uint8_t *ip = f->b + rig_l3(f);
	uint32_t sum = is_v4(f) ? plain_sum(0, ip + 12, 8) : plain_sum(0, ip + 8, 32);

	return sum + proto_of(f) + l4_len(f);
}

/* Where the L4 checksum stands behind the L4 header's start. */
static unsigned
checksum_at(const struct rig_frame *f)
{
	switch (proto_of(f)) {
	case 6:
		return 16;
	case 17:
		return 6;
	default:
		return 2;
	}
}

bool
rig_checksums_good(const struct rig_frame *f)
{
	uint32_t sum = proto_of(f) == 1 ? 0 : pseudo_sum(f);

	if (is_v4(f) && plain_sum(0, f->b + rig_l3(f), 20) != 0xffff)
		return false;
	return plain_sum(sum, f->b + rig_l4(f), l4_len(f)) == 0xffff;
}

bool
rig_same(const struct rig_frame *a, const struct rig_frame *b)
{
	return a->len == b->len && memcmp(a->b, b->b, a->len) == 0;
}

/* Ethernet, tag, IP with its lengths; returns where L4 begins. */
static unsigned
put_lower(struct rig_frame *f, const struct rig_packet *p, unsigned l4)
{
	bool v4 = strchr(p->src, ':') == NULL;
	unsigned l3 = ETH_LEN;
	uint8_t *ip;

	memset(f->b, 0, sizeof(f->b));
	memcpy(f->b, "\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01", 12);
	if (p->vlan != 0) {
		put16(f->b + 12, 0x8100);
		put16(f->b + 14, p->vlan);
		l3 += 4;
	}
	put16(f->b + l3 - 2, v4 ? 0x0800 : 0x86dd);
	ip = f->b + l3;
	if (!v4) {
		ip[0] = 0x60;
		put16(ip + 4, l4);
		ip[6] = p->proto;
		ip[7] = p->proto == 58 && p->icmp_type > 132 ? 255 : RIG_TTL;
		inet_pton(AF_INET6, p->src, ip + 8);
		inet_pton(AF_INET6, p->dst, ip + 24);
		f->len = l3 + 40 + l4;
		return l3 + 40;
	}
	ip[0] = 0x45;
	put16(ip + 2, 20 + l4);
	put16(ip + 4, p->ip_id);
	ip[8] = RIG_TTL;
	ip[9] = p->proto;
	inet_pton(AF_INET, p->src, ip + 12);
	inet_pton(AF_INET, p->dst, ip + 16);
	put16(ip + 10, ~plain_sum(0, ip, 20));
	f->len = l3 + 20 + l4;
	return l3 + 20;
}

static unsigned
header_len(const struct rig_packet *p)
{
	if (p->proto == 6)
		return p->ts_val != 0 ? 32 : 20;
	return p->proto == 132 ? 12 : p->proto == 47 ? 0 : 8;
}

/* ICMP errors quote the IP packet's first 576 - 48 bytes at most. */
static unsigned
payload_len(const struct rig_packet *p)
{
	if (p->content != NULL)
		return 8 + p->content->len;
	if (p->quote != NULL)
		return RTE_MIN(p->quote->len - rig_l3(p->quote), 528u);
	return p->payload;
}

static void
put_payload(uint8_t *at, const struct rig_packet *p, unsigned len)
{
	unsigned i;

	if (p->content != NULL) {
		/* VXLAN: VNI is valid; Geneve, GRE (with key): Ethernet is inside. Network 7. */
		put32(at, p->proto == 47 ? 0x20006558 : p->dport == 6081 ? 0x00006558 : 0x08000000);
		put32(at + 4, p->proto == 47 ? 7 : 7 << 8);
		memcpy(at + 8, p->content->b, p->content->len);
	} else if (p->quote != NULL) {
		memcpy(at, p->quote->b + rig_l3(p->quote), len);
	} else {
		for (i = 0; i < len; i++)
			at[i] = (uint8_t)(p->seed + 7 * i + (i >> 8));
	}
}

/* RFC 7323 appendix A. */
static void
put_stamp(uint8_t *option, const struct rig_packet *p)
{
	put32(option, 0x0101080a);
	put32(option + 4, p->ts_val);
	put32(option + 8, p->ts_ecr);
}

void
rig_build(struct rig_frame *out, const struct rig_packet *p)
{
	unsigned len = payload_len(p), l4 = header_len(p) + len;
	unsigned at = put_lower(out, p, l4);
	uint8_t *h = out->b + at;
	uint32_t sum;

	put_payload(h + header_len(p), p, len);
	if (p->text != NULL)
		memcpy(h + header_len(p), p->text, len);
	if (p->proto == 47)
		return;
	put16(h, p->sport);
	put16(h + 2, p->dport);
	if (p->proto == 6) {
		put32(h + 4, p->seq);
		put32(h + 8, p->ack);
		h[12] = (uint8_t)(header_len(p) / 4 << 4);
		h[13] = p->tcp_flags;
		put16(h + 14, 8192);
		if (p->ts_val != 0)
			put_stamp(h + 20, p);
	} else if (p->proto == 17) {
		put16(h + 4, l4);
	} else if (p->proto == 132) {
		return; /* its checksum (CRC32c) is nobody's business here */
	} else {
		h[0] = p->icmp_type;
		h[1] = p->icmp_code;
		put32(h + 2, 0);
		put16(h + 4, p->sport);
	}
	sum = plain_sum(p->proto == 1 ? 0 : pseudo_sum(out), h, p->partial ? 0 : l4);
	/* RFC 768: a sum of zero is sent as ones. */
	if (!p->partial)
		sum = sum == 0xffff && p->proto == 17 ? 0xffff : ~sum & 0xffff;
	put16(h + checksum_at(out), sum);
}

static void
cut_fragment(const struct rig_frame *whole, struct rig_frame *out, unsigned off, unsigned len)
{
	unsigned l3 = rig_l3(whole), l4 = rig_l4(whole), total = whole->len - l4;
	bool more = off + len < total;
	uint8_t *ip = out->b + l3, *data = out->b + l4;

	memset(out->b, 0, sizeof(out->b));
	memcpy(out->b, whole->b, l4);
	if (is_v4(whole)) {
		put16(ip + 2, 20 + len);
		put16(ip + 6, (unsigned)more << 13 | off / 8);
		put16(ip + 10, 0);
		put16(ip + 10, ~plain_sum(0, ip, 20));
	} else {
		/* RFC 8200 4.5: next header, reserved, offset and M, identification. */
		put16(ip + 4, 8 + len);
		data[0] = ip[6];
		ip[6] = 44;
		put16(data + 2, off | more);
		put32(data + 4, 0x1234);
		data += 8;
	}
	memcpy(data, whole->b + l4 + off, len);
	out->len = (unsigned)(data - out->b) + len;
}

void
rig_fragment(const struct rig_frame *whole, struct rig_frame *out, unsigned n)
{
	unsigned total = whole->len - rig_l4(whole), each = (total / n + 7) & ~7u, i;

	for (i = 0; i < n; i++)
		cut_fragment(whole, &out[i], i * each, i + 1 < n ? each : total - i * each);
}

/* ---- tests ---------------------------------------------------------------------------------------- */

/* Bytes of an IPv4 UDP packet with its checksums worked out by hand. */
static void
built_frame_is_what_the_rfc_says(void)
{
	static const uint8_t want[] =
		{
			0x02, 0,    0,    0,    0, 0x02, 0x02, 0,    0,    0,
			0,    0x01, 0x08, 0x00, /* Ethernet */
			0x45, 0,    0,    30,   0, 1,    0,    0,    61,   17,
			0x69, 0xca, 10,   1,    0, 1,    10,   2,    0,    1,
			0x04, 0x00, 0x18, 0xeb, 0, 10,   0xce, 0xe3, 0x00, 0x07,
		};
	struct rig_frame f;

	rig_build(&f, &(struct rig_packet){.src = "10.1.0.1",
					   .dst = "10.2.0.1",
					   .proto = 17,
					   .sport = 1024,
					   .dport = 6379,
					   .ip_id = 1,
					   .payload = 2});
	CU_ASSERT_EQUAL(f.len, sizeof(want));
	CU_ASSERT_EQUAL(memcmp(f.b, want, sizeof(want)), 0);
	CU_ASSERT_TRUE(rig_checksums_good(&f));
	f.b[40]++;
	CU_ASSERT_FALSE(rig_checksums_good(&f));
}

static void
fragments_hold_each_byte_once(void)
{
	static const char *const ends[][2] = {{"10.1.0.1", "10.2.0.1"},
					      {"2001:db8:1::1", "2001:db8:2::1"}};
	struct rig_frame whole, part[3];
	unsigned family, i;

	for (family = 0; family < 2; family++) {
		unsigned sum = 0, head = family == 0 ? 34 : 62;

		rig_build(&whole, &(struct rig_packet){.src = ends[family][0],
						       .dst = ends[family][1],
						       .proto = 17,
						       .sport = 5,
						       .dport = 6,
						       .payload = 1000});
		rig_fragment(&whole, part, 3);
		for (i = 0; i < 3; i++) {
			CU_ASSERT_EQUAL(memcmp(part[i].b + head, whole.b + rig_l4(&whole) + sum,
					       part[i].len - head),
					0);
			sum += part[i].len - head;
		}
		CU_ASSERT_EQUAL(sum, 1008);
	}
}

const struct bh_unit_test bh_suite_gateway_frames[] = {
	BH_TEST(built_frame_is_what_the_rfc_says),
	BH_TEST(fragments_hold_each_byte_once),
	BH_TEST_END,
};
