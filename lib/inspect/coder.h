/* coder: what is compressed, undone in pieces: gzip and deflate by zlib, brotli by libbrotlidec, zstd by libzstd,
 * snappy; all of it in the caller's memory. Private to inspect. */
#ifndef BH_INSPECT_CODER_H
#define BH_INSPECT_CODER_H

#include "inspect_priv.h"

/* bh_inspect_side.coding */
enum bh_coding {
	BH_CODING_NONE,
	BH_CODING_GZIP, /* zlib's own form as well */
	BH_CODING_DEFLATE,
	BH_CODING_BROTLI,
	BH_CODING_ZSTD,
	BH_CODING_SNAPPY, /* of databases */
	BH_CODING_UNKNOWN
};

enum bh_coded {
	BH_CODED_ON,
	BH_CODED_END,
	BH_CODED_BAD,
	BH_CODED_REFUSED, /* there is no memory to go on */
};

struct bh_coder;

/* NULL: there is no memory. */
struct bh_coder *bh_coder_open(const struct bh_memory *memory, enum bh_coding coding);
/* One piece of output, its length in *n, also when what follows it can't be read. in moves on. */
enum bh_coded bh_coder_step(struct bh_coder *c, struct bh_view *in, uint8_t *out, size_t cap,
			    size_t *n);
/* Ready for another stream. */
bool bh_coder_again(struct bh_coder *c);
/* May be NULL. */
void bh_coder_close(struct bh_coder *c);

#endif
