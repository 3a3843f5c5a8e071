/* A capture file in memory, built word by word in either byte order. */
#ifndef BH_TEST_CAPTURE_FILE_H
#define BH_TEST_CAPTURE_FILE_H

#include "../../lib/capture/capture.h"

struct image {
	uint8_t b[4096];
	size_t n;
	bool big;
};

static inline void
add16(struct image *f, uint16_t v)
{
	f->b[f->n++] = (uint8_t)(f->big ? v >> 8 : v);
	f->b[f->n++] = (uint8_t)(f->big ? v : v >> 8);
}

static inline void
add32(struct image *f, uint32_t v)
{
	add16(f, (uint16_t)(f->big ? v >> 16 : v));
	add16(f, (uint16_t)(f->big ? v : v >> 16));
}

/* n bytes of a value that tells them apart. */
static inline void
add_data(struct image *f, uint8_t value, size_t n)
{
	memset(f->b + f->n, value, n);
	f->n += n;
}

static inline int
open_image(struct bh_capture **c, struct image *f, struct bh_err *err)
{
	return bh_capture_open_stream(c, fmemopen(f->b, f->n, "rb"), "image", err);
}

#endif
