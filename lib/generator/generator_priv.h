/* Inside the generator room: bytes in network order. */
#ifndef BH_GENERATOR_PRIV_H
#define BH_GENERATOR_PRIV_H

#include "generator.h"

enum { BH_GEN_ICMP6 = 58, BH_GEN_TCP = 6, BH_GEN_UDP = 17 };

static inline void
bh_gen_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void
bh_gen_put32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void
bh_gen_put64(uint8_t *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof(v));
}

static inline uint64_t
bh_gen_get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap64(v);
}

/* Complete a checksum field of a header: sum goes over everything, the field itself zero. */
static inline void
bh_gen_put_sum(uint8_t *field, uint64_t sum)
{
	uint16_t v = (uint16_t)~bh_csum_fold(sum);

	memcpy(field, &v, sizeof(v));
}

/* The sum over a pseudo header, and whether what follows it checks out: TCP's and UDP's, of a packet that was parsed. */
bool bh_gen_l4_good(const uint8_t *frame, uint32_t len, const struct bh_parsed *h);

#endif
