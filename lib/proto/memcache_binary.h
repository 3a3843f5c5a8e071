/* memcache_binary.h: the binary protocol that memcached and couchbase share. */
#ifndef BH_PROTO_MEMCACHE_BINARY_H
#define BH_PROTO_MEMCACHE_BINARY_H

#include "proto_priv.h"

#define BH_MEMCACHE_HEADER 24

/* A header on this side whose lengths agree; *opcode is set when YES. */
enum bh_proto_answer bh_memcache_binary(const struct bh_proto_input *in, unsigned side,
					uint8_t *opcode);

#endif
