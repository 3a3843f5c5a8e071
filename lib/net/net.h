/* net: wire formats. Bytes in, a flow key and offsets out; no state, no allocation.
 *
 * Usage     bh_net_parse() over one frame; on BH_REASON_NONE the parsed struct is complete.
 * Threads   pure functions: any thread.
 * Lifetime  nothing is kept; offsets are into the caller's bytes.
 */
#ifndef BH_NET_H
#define BH_NET_H

#include "../base/base.h"

/* How the first byte of a frame is to be read. Live ports are always Ethernet. */
enum bh_link_type {
	BH_LINK_ETHERNET,
	BH_LINK_RAW_IP, /* version nibble decides (DLT_RAW, DLT_IPV4, DLT_IPV6) */
	BH_LINK_SLL,    /* Linux cooked v1 */
	BH_LINK_SLL2,   /* Linux cooked v2 */
	BH_LINK_NULL,   /* BSD loopback, either byte order */
};

/* What a frame is, once parsed. The order is that of the pipeline's interest. */
enum bh_frame_kind {
	BH_FRAME_IP,       /* has a flow key */
	BH_FRAME_FRAGMENT, /* IP fragment: key holds addresses, proto, id; no ports */
	BH_FRAME_ARP,
	BH_FRAME_ND,    /* ICMPv6 133..136, hop limit 255, never in fragments (RFC 4861, 6980) */
	BH_FRAME_MCAST, /* IGMP, MLD: group membership; hop limit 1, to a group. Others are IP */
	BH_FRAME_LLDP,  /* ethertype 0x88cc */
	BH_FRAME_STP,   /* 802.1D/PVST in LLC or SNAP */
	BH_FRAME_OTHER, /* any other ethertype or LLC frame */
	BH_FRAME_KINDS
};

const char *bh_frame_kind_name(enum bh_frame_kind kind);

enum bh_family { BH_IP4 = 4, BH_IP6 = 6 };

/* Which wire, VLANs and overlay network a packet belongs to. Addresses of different tenants are
 * different addresses. 8 bytes:
 *   bits 63..52 first VLAN id, 51..40 last VLAN id (QinQ; 0 with one tag),
 *   39..24 outer VNI folded to 16 bits (two tunnels only), 23..0 VNI, VSID or GRE key.
 * VLAN id 0 is a priority tag, not a VLAN. A GRE key above 24 bits is folded; of a key over bridged
 * Ethernet that can be NVGRE's (RFC 7637: VSID from 4096 on) the low 8 bits are a flow's, not ours. */
typedef uint64_t bh_tenant;

#define BH_TENANT_VLAN1(t) ((uint16_t)((t) >> 52 & 0xfff))
#define BH_TENANT_VLAN2(t) ((uint16_t)((t) >> 40 & 0xfff))
#define BH_TENANT_VNI(t) ((uint32_t)((t)&0xffffff))

/* Flow key in canonical order: end 0 is the smaller (address, port), so that both directions of a
 * flow make the same 48 bytes. IPv4 addresses stand in the first 4 bytes, the rest zero. Every
 * byte is defined: keys are hashed and compared as memory.
 * Ports: TCP, UDP, SCTP ports. ICMP echo and other queries: the identifier, in both. Other ICMP:
 * type << 8 | code, in both. Other protocols: 0. Fragments: the 32-bit IP identification,
 * high half in port[0]; both directions may use one, so that `from` belongs to a datagram's name.
 * All in host order. Frames other than IP and FRAGMENT: family, addresses, proto and ports are 0. */
struct bh_flow_key {
	union {
		uint8_t b[16];
		uint32_t w[4];
		uint64_t q[2];
	} addr[2];
	uint16_t port[2];
	uint8_t proto;
	uint8_t family; /* enum bh_family */
	uint8_t pair;   /* index of the port pair */
	uint8_t tunnel; /* enum bh_tunnel of the innermost tunnel, 0 = none */
	bh_tenant tenant;
};
_Static_assert(sizeof(struct bh_flow_key) == 48, "2*16 + 2*2 + 4*1 + 8");

enum bh_tunnel {
	BH_TUNNEL_NONE,
	BH_TUNNEL_VXLAN,
	BH_TUNNEL_GENEVE,
	BH_TUNNEL_GRE,
	BH_TUNNEL_IPIP,
};

enum {
	BH_TCP_FIN = 0x01,
	BH_TCP_SYN = 0x02,
	BH_TCP_RST = 0x04,
	BH_TCP_PSH = 0x08,
	BH_TCP_ACK = 0x10,
	BH_TCP_URG = 0x20,
};

/* bh_parsed.flags */
enum {
	BH_PKT_ICMP_ERROR = 1 << 0, /* quotes another packet: see bh_net_quoted */
	BH_PKT_ICMP_QUERY = 1 << 1, /* echo, timestamp, ...: request or reply */
	BH_PKT_CUT = 1 << 2, /* payload goes on beyond caplen: cut capture, or chained frame */
	BH_PKT_FIRST_FRAGMENT = 1 << 3,
	BH_PKT_LAST_FRAGMENT = 1 << 4,
	BH_PKT_TUNNELLED = 1 << 5,
	BH_PKT_TO_SERVER_HINT = 1 << 6, /* ICMP echo request and the like: sender is the client */
};

/* What a frame's innermost headers say. Offsets and lengths in bytes from the frame's start. */
struct bh_parsed {
	struct bh_flow_key key;
	uint16_t l3_off;       /* innermost IP header; not IP: what follows the link header */
	uint16_t l4_off;       /* innermost L4 header (fragment: its data) */
	uint16_t payload_off;  /* L4 payload; Ethernet padding never counts as payload */
	uint16_t payload_len;  /* bytes on the wire; BH_PKT_CUT: fewer are in memory */
	uint16_t outer_l3_off; /* tunnelled: the outermost IP header, else = l3_off */
	uint16_t ethertype;    /* of the innermost frame; host order; LLC length frames: 0 */
	uint16_t l3_len;       /* IP total length (v6: 40 + payload length, at most 65535) */
	/* Judged by policy: destination port of the packet's receiver; ICMP: type << 8 | code. */
	uint16_t service;
	/* These 8 bytes are 0 in most packets: one store clears them. */
	uint16_t frag_off; /* fragments: offset in bytes */
	uint16_t frag_len; /* fragments: bytes of data */
	uint8_t icmp_type;
	uint8_t icmp_code;
	uint8_t kind;  /* enum bh_frame_kind */
	uint8_t spare; /* 0 */
	uint8_t flags;
	uint8_t from; /* which end of the key sent it: 0 or 1 */
	uint8_t ttl;
	uint8_t tcp_flags;   /* TCP only: FIN SYN RST PSH ACK URG, and ECE CWR */
	uint16_t ip_id;      /* IPv4 identification, low half of v6's (fragments); host order */
	uint16_t tcp_window; /* unscaled, host order */
	uint32_t tcp_seq;    /* host order */
	uint32_t tcp_ack;
};
_Static_assert(sizeof(struct bh_parsed) == 88, "48 key + 40");

#define BH_NET_MAX_TUNNEL_PORTS 4
#define BH_NET_MAX_TUNNELS 2 /* inside one another */

/* What to look into. Filled once from configuration; immutable afterwards. UDP to one of these
 * ports that does not hold such a tunnel is malformed, whatever else it may be. */
struct bh_parse_params {
	uint16_t vxlan_port[BH_NET_MAX_TUNNEL_PORTS]; /* host order, 0 = unused */
	uint16_t geneve_port[BH_NET_MAX_TUNNEL_PORTS];
	bool gre;
	bool ipip;
	bool check_ip4_checksum; /* off where captures hold offloaded checksums */
	/* 0: to the innermost packet. n: the n-th tunnel from outside is not looked into, its own
	 * packet is what the parsed struct is about. */
	uint8_t stop_at_tunnel;
};

/* Defaults: VXLAN 4789 and 8472, Geneve 6081, GRE and IP-in-IP on, IPv4 checksum checked. */
void bh_parse_params_default(struct bh_parse_params *params);

/* Parse one frame.
 * p, caplen    the bytes that are in memory, from the link header on
 * wirelen      length on the wire, >= caplen; a frame is judged by it. Headers must lie in caplen,
 *              else the TRUNCATED reason of their layer; payload need not (BH_PKT_CUT)
 * pair         goes into the key
 * out          every field is set when BH_REASON_NONE returns; for other reasons: key, offsets and
 *              kind as far as they were read (key.family 0: no addresses), the rest zero
 * Returns BH_REASON_NONE or the MALFORMED reason. Reads never leave [p, p + caplen).
 * Standards: RFC 791, 8200, 9293, 768, 792, 4443, 9260, 7348, 8926, 2784, 2890, 2003, 4213;
 * IEEE 802.1Q/ad. Cost: no loop beyond two tags, two tunnels, eight extension headers of 32 options,
 * 40 bytes of IPv4 and 63 Geneve options. */
enum bh_reason bh_net_parse(const struct bh_parse_params *params, enum bh_link_type link,
			    const uint8_t *p, uint32_t caplen, uint32_t wirelen, uint8_t pair,
			    struct bh_parsed *out);

/* Parse the first fragment of a datagram that has come whole, as if it were that datagram.
 * p, caplen, wirelen, pair  as above, of the fragment with offset 0
 * total_l4_len  bytes of the datagram behind its (IPv6: unfragmentable) IP header: frag_off + frag_len
 *               of the last fragment
 * out           as after bh_net_parse of the whole datagram, with BH_PKT_FIRST_FRAGMENT, and BH_PKT_CUT
 *               since later fragments are not in memory; l3_len counts the whole datagram
 * Returns as above: judged by the total length; headers (those of tunnels, too) must lie in the first
 * fragment. Another fragment inside the datagram, or a fragment that is not a first one:
 * BH_REASON_FRAG_NO_HEADER. A frame that is no fragment is parsed as by bh_net_parse. */
enum bh_reason bh_net_parse_datagram(const struct bh_parse_params *params, enum bh_link_type link,
				     const uint8_t *p, uint32_t caplen, uint32_t wirelen,
				     uint8_t pair, uint32_t total_l4_len, struct bh_parsed *out);

/* The flow that an ICMP error (BH_PKT_ICMP_ERROR) speaks of: canonical key (tenant and pair as in
 * `pkt`) and which end of it had sent the quoted packet. Needs the quoted IP header and 8 bytes of
 * L4 (4 for ports). Returns BH_REASON_NONE or BH_REASON_ICMP_QUOTE. */
enum bh_reason bh_net_quoted(const uint8_t *p, uint32_t caplen, const struct bh_parsed *pkt,
			     struct bh_flow_key *key, uint8_t *from);
/* The flow that the router could not know: if what is quoted is a tunnel's packet, the one inside, with
 * the tunnels' network in its tenant; else as above. Returns NONE, ICMP_QUOTE, or ICMP_TUNNEL_QUOTE when
 * the quote ends before the inner ports (RFC 792 asks for 8 bytes behind the outer IP header), is malformed
 * on the way there, or what is inside is not IP. */
enum bh_reason bh_net_quoted_inner(const struct bh_parse_params *params, const uint8_t *p,
				   uint32_t caplen, const struct bh_parsed *pkt,
				   struct bh_flow_key *key);

/* Set addresses and ports, in canonical order; returns which end `src` became (0 or 1). key->family is
 * set before and says how long src and dst are; the other fields of the key are left alone. */
uint8_t bh_flow_key_set(struct bh_flow_key *key, const void *src, const void *dst, uint16_t sport,
			uint16_t dport);

/* ---- checksums (RFC 1071) --------------------------------------------------------------------- */

/* Ones-complement sum of len bytes added to acc, not folded. Any alignment. */
uint64_t bh_csum_add(uint64_t acc, const void *p, size_t len);
/* Fold to 16 bits; not inverted. Network byte order in memory, as it would be stored. */
uint16_t bh_csum_fold(uint64_t acc);

/* CRC32c (RFC 9260 appendix A) over parts: begin with BH_CRC32C_INIT, the last result is inverted. SCTP stores it
 * least significant byte first, computed with a field of 0. */
#define BH_CRC32C_INIT UINT32_MAX
uint32_t bh_crc32c_add(uint32_t crc, const void *p, size_t len);

enum bh_csum_state {
	BH_CSUM_NONE, /* no checksum to check: other protocol, UDP/IPv4 with 0, fragment, cut */
	BH_CSUM_GOOD,
	BH_CSUM_PARTIAL, /* field holds the pseudo-header sum only: a local sender left the rest to
			  * its (virtual) NIC */
	BH_CSUM_BAD,
};

/* Judge the TCP, UDP, ICMP or ICMPv6 checksum of the innermost packet. `sum` returns the
 * ones-complement sum over [off, off+len) of the frame: the caller knows how segments are chained,
 * and clears BH_PKT_CUT first if it can reach all of a chained frame.
 * With quick set, a field that is not in partial form is not summed: GOOD is then presumed.
 * *good_be is the right checksum (as stored) after PARTIAL and BAD, else untouched. */
struct bh_csum_view {
	const uint8_t *head; /* the frame's first bytes, at least through the L4 header */
	uint64_t (*sum)(void *arg, uint32_t off, uint32_t len);
	void *arg;
};
enum bh_csum_state bh_net_l4_csum(const struct bh_csum_view *view, const struct bh_parsed *pkt,
				  bool quick, uint16_t *good_be);
/* The same of a packet that was parsed with stop_at_tunnel: the tunnel's own UDP header. There 0 says
 * "none" over IPv6, too (RFC 6935, 6936). NONE for tunnels without UDP. */
enum bh_csum_state bh_net_tunnel_csum(const struct bh_csum_view *view, const struct bh_parsed *pkt,
				      bool quick, uint16_t *good_be);

/* ---- text ------------------------------------------------------------------------------------- */

#define BH_ADDR_STRLEN 46
/* inet_ntop for a key's address. */
const char *bh_addr_format(uint8_t family, const void *addr, char *out, size_t size);
/* "tcp", "udp", "icmp", "ipv6-icmp", "sctp", ... or the number into out. */
const char *bh_proto_format(uint8_t proto, char *out, size_t size);

#endif
