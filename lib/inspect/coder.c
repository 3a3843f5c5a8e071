/* coder.h: one interface to three libraries and snappy.h. */
#define ZSTD_STATIC_LINKING_ONLY /* memory of one's own is asked for through that part of its interface */
#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include "coder.h"
#include "snappy.h"

/* RFC 9659: a content coding's window has no more than 8 MiB. */
#define ZSTD_WINDOW_LOG 23

struct bh_coder {
	union {
		z_stream z;
		BrotliDecoderState *br;
		ZSTD_DCtx *zstd;
		struct bh_snappy *snappy;
	};
	const struct bh_memory *memory;
	bool refused; /* it gave none */
	uint8_t coding;
	bool raw;   /* deflate without zlib's header, as some servers send it */
	bool fresh; /* nothing was fed yet, or one byte: too little to tell a header by */
	bool one;
	uint8_t first; /* that byte */
};

/* ---- memory -------------------------------------------------------------------------------------------- */

static void *
take(void *arg, size_t size)
{
	struct bh_coder *c = arg;
	void *p = c->memory->alloc(c->memory->arg, size);

	c->refused |= p == NULL;
	return p;
}

static void
give(void *arg, void *p)
{
	struct bh_coder *c = arg;

	if (p != NULL)
		c->memory->free(c->memory->arg, p);
}

static voidpf
take_items(voidpf arg, uInt n, uInt size)
{
	return take(arg, (size_t)n * size);
}

/* ---- a stream ------------------------------------------------------------------------------------------ */

static bool
begin(struct bh_coder *c)
{
	switch (c->coding) {
	case BH_CODING_BROTLI:
		c->br = BrotliDecoderCreateInstance(take, give, c);
		return c->br != NULL;
	case BH_CODING_ZSTD:
		c->zstd = ZSTD_createDCtx_advanced((ZSTD_customMem){take, give, c});
		return c->zstd != NULL &&
		       !ZSTD_isError(ZSTD_DCtx_setParameter(c->zstd, ZSTD_d_windowLogMax,
							    ZSTD_WINDOW_LOG));
	case BH_CODING_SNAPPY:
		c->snappy = take(c, sizeof(*c->snappy));
		if (c->snappy != NULL)
			memset(c->snappy, 0, offsetof(struct bh_snappy, window));
		return c->snappy != NULL;
	}
	c->z = (z_stream){.zalloc = take_items, .zfree = give, .opaque = c};
	/* 32: gzip or zlib, whichever its header says */
	return inflateInit2(&c->z, 15 + 32) == Z_OK;
}

struct bh_coder *
bh_coder_open(const struct bh_memory *memory, enum bh_coding coding)
{
	struct bh_coder *c = memory != NULL ? memory->alloc(memory->arg, sizeof(*c)) : NULL;

	if (c == NULL)
		return NULL;
	*c = (struct bh_coder){.memory = memory, .coding = (uint8_t)coding, .fresh = true};
	if (begin(c))
		return c;
	bh_coder_close(c);
	return NULL;
}

bool
bh_coder_again(struct bh_coder *c)
{
	c->fresh = true;
	c->one = c->raw = false;
	switch (c->coding) {
	case BH_CODING_BROTLI:
		BrotliDecoderDestroyInstance(c->br);
		return begin(c);
	case BH_CODING_ZSTD:
		return !ZSTD_isError(ZSTD_DCtx_reset(c->zstd, ZSTD_reset_session_only));
	case BH_CODING_SNAPPY:
		memset(c->snappy, 0, offsetof(struct bh_snappy, window));
		return true;
	}
	return inflateReset2(&c->z, 15 + 32) == Z_OK;
}

void
bh_coder_close(struct bh_coder *c)
{
	if (c == NULL)
		return;
	if (c->coding == BH_CODING_BROTLI)
		BrotliDecoderDestroyInstance(c->br);
	else if (c->coding == BH_CODING_ZSTD)
		ZSTD_freeDCtx(c->zstd);
	else if (c->coding == BH_CODING_SNAPPY)
		give(c, c->snappy);
	else
		inflateEnd(&c->z);
	c->memory->free(c->memory->arg, c);
}

/* ---- steps --------------------------------------------------------------------------------------------- */

static enum bh_coded
brotli(struct bh_coder *c, struct bh_view *in, uint8_t *out, size_t cap, size_t *n)
{
	size_t left = cap;
	BrotliDecoderResult r =
		BrotliDecoderDecompressStream(c->br, &in->len, &in->at, &left, &out, NULL);

	*n = cap - left;
	return r == BROTLI_DECODER_RESULT_ERROR     ? BH_CODED_BAD
	       : r == BROTLI_DECODER_RESULT_SUCCESS ? BH_CODED_END
						    : BH_CODED_ON;
}

/* Several frames are one stream (RFC 8878 3.1): it never ends by itself. */
static enum bh_coded
zstd(struct bh_coder *c, struct bh_view *in, uint8_t *out, size_t cap, size_t *n)
{
	ZSTD_inBuffer from = {in->at, in->len, 0};
	ZSTD_outBuffer to = {out, cap, 0};
	size_t rc = ZSTD_decompressStream(c->zstd, &to, &from);

	*n = to.pos;
	*in = (struct bh_view){in->at + from.pos, in->len - from.pos};
	return ZSTD_isError(rc) ? BH_CODED_BAD : BH_CODED_ON;
}

static int
inflate_on(struct bh_coder *c, const struct bh_view *in)
{
	c->z.next_in = (Bytef *)(uintptr_t)in->at;
	c->z.avail_in = (uInt)in->len;
	return inflate(&c->z, Z_NO_FLUSH);
}

/* What is no zlib stream: raw. Its first byte may have gone before. */
static int
inflate_raw(struct bh_coder *c, const struct bh_view *in)
{
	c->raw = true;
	if (inflateReset2(&c->z, -15) != Z_OK)
		return Z_DATA_ERROR;
	if (c->one)
		(void)inflate_on(c, &(struct bh_view){&c->first, 1});
	return inflate_on(c, in);
}

static enum bh_coded
deflated(struct bh_coder *c, struct bh_view *in, uint8_t *out, size_t cap, size_t *n)
{
	int rc;

	c->z.next_out = out;
	c->z.avail_out = (uInt)cap;
	rc = inflate_on(c, in);
	if (rc == Z_DATA_ERROR && c->z.total_out == 0 && !c->raw && c->fresh)
		rc = inflate_raw(c, in);
	c->one = c->fresh && !c->one && in->len == 1;
	c->first = c->one ? in->at[0] : c->first;
	c->fresh = c->one;
	*in = (struct bh_view){c->z.next_in, c->z.avail_in};
	*n = cap - c->z.avail_out;
	if (rc == Z_STREAM_END)
		return BH_CODED_END;
	return rc == Z_OK || rc == Z_BUF_ERROR ? BH_CODED_ON : BH_CODED_BAD;
}

static enum bh_coded
one_step(struct bh_coder *c, struct bh_view *in, uint8_t *out, size_t cap, size_t *n)
{
	bool bad;

	switch (c->coding) {
	case BH_CODING_BROTLI:
		return brotli(c, in, out, cap, n);
	case BH_CODING_ZSTD:
		return zstd(c, in, out, cap, n);
	case BH_CODING_SNAPPY:
		*n = bh_snappy_step(c->snappy, in, out, cap, &bad);
		return bad ? BH_CODED_BAD : BH_CODED_ON;
	}
	return deflated(c, in, out, cap, n);
}

enum bh_coded
bh_coder_step(struct bh_coder *c, struct bh_view *in, uint8_t *out, size_t cap, size_t *n)
{
	enum bh_coded how = one_step(c, in, out, cap, n);

	return how == BH_CODED_BAD && c->refused ? BH_CODED_REFUSED : how;
}
