/* tls_hello.h: what a ClientHello says (RFC 8446 4.1.2), read as it comes: TLS hands in fragments of records, QUIC
 * the bytes of CRYPTO frames. Only lists of numbers and a few names are kept, so that 16 KiB may pass through. */
#ifndef BH_PROTO_TLS_HELLO_H
#define BH_PROTO_TLS_HELLO_H

#include "proto_priv.h"

/* Longest hello that is read; longer ones are an error. */
#define BH_HELLO_MAX 16384
/* What is kept of its lists. More ciphers or groups: the hello is partial; more extensions: an error. */
enum {
	BH_HELLO_CIPHERS = 512,
	BH_HELLO_EXTENSIONS = 128,
	BH_HELLO_GROUPS = 128,
	BH_HELLO_SIGNATURES = 128,
	BH_HELLO_FORMATS = 16,
	BH_HELLO_ALPN_BYTES = 640, /* protocol names as text, each with a length byte before it */
	BH_HELLO_BODY = 2048,      /* the longest extension that is looked into */
};

struct bh_hello_list {
	uint16_t n;
	bool more; /* not all fitted */
};

struct bh_hello {
	/* what it says */
	uint16_t legacy;  /* version field: 0x0301 ... */
	uint16_t version; /* highest known one that is offered */
	struct bh_hello_list ciphers, extensions, groups, signatures, formats, alpn;
	uint16_t cipher[BH_HELLO_CIPHERS];
	uint16_t extension[BH_HELLO_EXTENSIONS];
	uint16_t group[BH_HELLO_GROUPS];
	uint16_t signature[BH_HELLO_SIGNATURES];
	uint8_t format[BH_HELLO_FORMATS];
	uint8_t alpn_text[BH_HELLO_ALPN_BYTES];
	uint16_t alpn_len;
	uint8_t alpn_ends[2]; /* first and last byte of the first protocol, for JA4 */
	bool has_sni;
	bool ech; /* Encrypted ClientHello is offered, or pretended: the names may be a front */
	uint8_t sni_len;
	uint8_t sni[255]; /* lower case */
	/* where it is */
	const char *why; /* of an error */
	uint32_t left;   /* bytes of the message that are still to come */
	uint16_t list;   /* of them, in the list that is read */
	uint16_t need, have;
	uint16_t type; /* extension that is read */
	uint8_t state;
	bool keep; /* this piece is looked at */
	uint8_t body[BH_HELLO_BODY];
};

enum bh_hello_status { BH_HELLO_MORE, BH_HELLO_DONE, BH_HELLO_BAD };

/* length: of the message without its 4-byte header. false: out of bounds. */
bool bh_hello_begin(struct bh_hello *h, uint32_t length);
/* Take bytes of the message; what lies behind its end stays. BAD: h->why. */
enum bh_hello_status bh_hello_read(struct bh_hello *h, struct bh_cur *in);
/* Two values with the low nibbles 0xa and equal bytes are noise on purpose (RFC 8701). */
static inline bool
bh_tls_grease(uint16_t v)
{
	return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 0xff);
}

/* "1.3", "1.2", "1.1", "1.0"; SSL 3.0 and 2.0 are below them: "0.3", "0.2"; else "0.0". */
const char *bh_tls_version_text(uint16_t version);
/* Next protocol name at *at (starts at 0); false: no more. */
bool bh_hello_alpn(const struct bh_hello *h, uint16_t *at, const uint8_t **name, uint8_t *len);
/* Did a second hello of the same client (after HelloRetryRequest) ask for something else? */
struct bh_hello_gist {
	uint8_t digest[32];
};
void bh_hello_gist(const struct bh_hello *h, struct bh_hello_gist *gist);

/* Fingerprints. JA3: MD5 of the lists in order. JA4: as FoxIO describes it; transport 't' or 'q'. */
#define BH_JA3_LEN 32
#define BH_JA4_LEN 36
void bh_ja3(const struct bh_hello *h, char out[BH_JA3_LEN]);
void bh_ja4(const struct bh_hello *h, char transport, char out[BH_JA4_LEN]);
/* Of a ServerHello: version, cipher, extensions in order. */
void bh_ja3s(uint16_t version, uint16_t cipher, const uint16_t *extension, unsigned n,
	     char out[BH_JA3_LEN]);

/* Which service mesh a hello belongs to, or NULL. */
const char *bh_mesh_name(const struct bh_hello *h);
/* "service.namespace" of a cluster-local name or a mesh's SNI; its length, 0 when it is none. out holds 255. */
unsigned bh_mesh_service(const uint8_t *sni, unsigned len, uint8_t *out);

#endif
