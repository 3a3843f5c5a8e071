/* quic_packet.h: long headers and the protection of Initial packets (RFC 9000 17.2, 9001 5, 9369). Anyone who sees a
 * client's first packet can open it: its keys come from the connection id in it. */
#ifndef BH_PROTO_QUIC_PACKET_H
#define BH_PROTO_QUIC_PACKET_H

#include "proto_priv.h"

#define BH_QUIC_CID 20      /* longest connection id of a known version */
#define BH_QUIC_OPENED 4096 /* longest Initial packet that is opened */

enum bh_quic_kind {
	BH_QUIC_INITIAL,
	BH_QUIC_0RTT,
	BH_QUIC_HANDSHAKE,
	BH_QUIC_RETRY,
	BH_QUIC_NEGOTIATION,
	BH_QUIC_UNKNOWN, /* of a version that is not read; takes the whole datagram */
	BH_QUIC_SHORT,   /* takes the rest of the datagram */
};

struct bh_quic_packet {
	uint8_t kind; /* enum bh_quic_kind */
	uint8_t n_dcid;
	uint32_t version;
	const uint8_t *dcid;
	const uint8_t *at; /* first byte */
	uint32_t number;   /* INITIAL: where the packet number is, from at */
	uint32_t len;      /* of all of it */
};

/* The next packet of a datagram. false: its lengths do not fit. */
bool bh_quic_next(struct bh_cur *c, struct bh_quic_packet *p);
/* Variable-length integer (RFC 9000 16). */
bool bh_quic_varint(struct bh_cur *c, uint64_t *v);
/* "1", "2", "draft-29"; NULL: a version whose packets are not read. */
const char *bh_quic_version_text(uint32_t version);

struct bh_quic_opened {
	uint32_t number;    /* as sent, that is, its low bytes */
	uint8_t number_len; /* 1 .. 4 */
	uint32_t len;
	uint8_t frames[BH_QUIC_OPENED];
};

/* Open an INITIAL packet that a client whose first destination was dcid has sent. false: not with these keys. */
bool bh_quic_open(const struct bh_quic_packet *p, const uint8_t *dcid, uint8_t n_dcid,
		  struct bh_quic_opened *out);

struct bh_quic_keys {
	uint8_t key[16], iv[12], hp[16];
};
/* Keys of a client's Initial packets; version must be one that is read. */
void bh_quic_client_keys(uint32_t version, const uint8_t *dcid, uint8_t n_dcid,
			 struct bh_quic_keys *keys);

#endif
