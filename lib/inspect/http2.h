/* http2: header compression for the reader of HTTP/2. Private to inspect. */
#ifndef BH_INSPECT_HTTP2_H
#define BH_INSPECT_HTTP2_H

#include <nghttp2/nghttp2.h>

#include "message.h"

/* Browsers announce a table of 64 KiB; with what libnghttp2 keeps for small entries it takes three times that. */
#define HPACK_TABLE_MAX 65536
#define HPACK_MEMORY_MAX (512 * 1024)

/* libnghttp2 keeps a pointer to mem: lives in the caller's memory. */
struct bh_hpack {
	nghttp2_mem mem;
	nghttp2_hd_inflater *inflater;
	const struct bh_inspect_memory *from;
	size_t used;
};

struct bh_hpack_sink {
	/* name and value are valid during the call */
	void (*field)(void *arg, struct bh_view name, struct bh_view value);
	void *arg;
};

/* NULL: no memory. */
struct bh_hpack *bh_hpack_open(const struct bh_inspect_memory *from);
void bh_hpack_close(struct bh_hpack *h);
/* More of a header block; final: it ends here. false: it can't be read, nor can what follows. */
bool bh_hpack_feed(struct bh_hpack *h, struct bh_view in, bool final,
		   const struct bh_hpack_sink *sink);

#endif
