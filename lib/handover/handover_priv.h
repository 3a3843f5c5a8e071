/* What the files of this room share. */
#ifndef BH_HANDOVER_PRIV_H
#define BH_HANDOVER_PRIV_H

#include "../proto/proto.h"
#include "handover.h"

enum { BH_HANDOVER_LISTS = 4 };
struct bh_handover_list {
	size_t map; /* of it, in the reader */
	unsigned n; /* names; 0: as many as there are pairs */
	const char *(*name)(const struct bh_handover_self *self, unsigned i);
};
const struct bh_handover_list *bh_handover_list(unsigned i);
unsigned bh_handover_count(const struct bh_handover_self *self, unsigned list);

/* record.c: fill in the head of a block whose body stands behind it. */
size_t bh_handover_close(struct bh_handover_block *b, enum bh_handover_kind kind, uint32_t n,
			 uint64_t number, uint32_t len);
/* names.c: 0 or -EINVAL */
int bh_handover_read_head(struct bh_handover_reader *r, const uint8_t *body, size_t len);

#endif
