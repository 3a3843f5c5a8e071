/* tls_op.h: a hello as an operation, for tls and quic. */
#ifndef BH_PROTO_TLS_OP_H
#define BH_PROTO_TLS_OP_H

#include "tls_hello.h"

/* Where the words that are made live: they must outlive the call. */
struct bh_hello_words {
	bool quic;
	char ja3[BH_JA3_LEN], ja4[BH_JA4_LEN];
	uint8_t service[255];
};

void bh_hello_op(const struct bh_hello *h, struct bh_hello_words *w, struct bh_op *op);

#endif
