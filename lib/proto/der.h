/* der.h: what records show of a certificate (RFC 5280 4.1), from its first bytes. */
#ifndef BH_PROTO_DER_H
#define BH_PROTO_DER_H

#include "proto_priv.h"

/* "C=DE, O=Example, CN=example.com"; what does not fit is cut. */
struct bh_der_name {
	uint16_t len;
	char text[256];
};

#define BH_DER_SERIAL (21 * 3)

struct bh_der_certificate {
	struct bh_der_name *subject, *issuer;
	char *not_after; /* "2027-01-02T03:04:05", 20 bytes, or empty */
	char *serial; /* "01:AB", BH_DER_SERIAL bytes, or empty: it is longer than RFC 5280 4.1.2.2 allows */
};

/* p: the certificate or as much of its start as was kept. false: not understood. */
bool bh_der_certificate(const uint8_t *p, size_t len, const struct bh_der_certificate *out);

#endif
