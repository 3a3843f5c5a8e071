/* What protocols and senders of mail compress themselves, by zlib or gzip in the caller's memory, in small pieces and of bounded size. */
#include <zlib.h>

#include "wire_priv.h"

#define RATIO 200 /* as of bodies of HTTP */
#define TOTAL (UINT64_C(64) << 20)

static voidpf
take(voidpf arg, uInt n, uInt size)
{
	const struct bh_memory *memory = arg;

	return memory->alloc(memory->arg, (size_t)n * size);
}

static void
give(voidpf arg, voidpf p)
{
	const struct bh_memory *memory = arg;

	memory->free(memory->arg, p);
}

bool
bh_wire_inflate_begin(struct bh_wire *w, struct bh_wire_inflate *f)
{
	struct bh_memory *memory = (struct bh_memory *)(uintptr_t)w->ctx->memory;
	z_stream *z = f->stream;

	f->in = f->out = 0;
	if (z != NULL)
		return inflateReset(z) == Z_OK;
	z = memory != NULL ? memory->alloc(memory->arg, sizeof(*z)) : NULL;
	if (z == NULL)
		return false;
	*z = (z_stream){.zalloc = take, .zfree = give, .opaque = memory};
	/* 32: zlib or gzip, whichever its header says */
	if (inflateInit2(z, 32 + MAX_WBITS) != Z_OK) {
		memory->free(memory->arg, z);
		return false;
	}
	f->stream = z;
	return true;
}

bool
bh_wire_inflate(struct bh_wire_inflate *f, struct bh_cur *in, uint8_t *out, size_t *n)
{
	z_stream *z = f->stream;
	size_t before = bh_cur_left(in);
	int rc;

	z->next_in = (Bytef *)(uintptr_t)in->p;
	z->avail_in = (uInt)before;
	z->next_out = out;
	z->avail_out = (uInt)*n;
	rc = inflate(z, Z_NO_FLUSH);
	*n -= z->avail_out;
	*in = bh_cur(z->next_in, z->avail_in);
	f->in += before - bh_cur_left(in);
	f->out += *n;
	if (f->out > TOTAL || (f->out > UINT64_C(1) << 20 && f->out / RATIO > f->in))
		return false;
	return rc == Z_OK || rc == Z_BUF_ERROR || rc == Z_STREAM_END;
}

void
bh_wire_inflate_end(struct bh_wire *w, struct bh_wire_inflate *f)
{
	if (f->stream == NULL)
		return;
	inflateEnd(f->stream);
	w->ctx->memory->free(w->ctx->memory->arg, f->stream);
	f->stream = NULL;
}
