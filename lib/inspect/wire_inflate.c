/* What protocols and senders of mail compress themselves, undone in small pieces and of bounded size. */
#include "wire_priv.h"

#define RATIO 200 /* as of bodies of HTTP */
#define TOTAL (UINT64_C(64) << 20)

bool
bh_wire_inflate_begin(struct bh_wire *w, struct bh_wire_inflate *f, enum bh_coding coding)
{
	f->in = f->out = 0;
	if (f->coder != NULL && f->coding == coding)
		return bh_coder_again(f->coder);
	bh_coder_close(f->coder);
	f->coding = coding;
	f->coder = bh_coder_open(w->ctx->memory, coding);
	return f->coder != NULL;
}

bool
bh_wire_inflate(struct bh_wire_inflate *f, struct bh_cur *in, uint8_t *out, size_t *n)
{
	struct bh_view v = {in->p, bh_cur_left(in)};
	size_t before = v.len;
	enum bh_coded how = bh_coder_step(f->coder, &v, out, *n, n);

	*in = bh_cur(v.at, v.len);
	f->in += before - v.len;
	f->out += *n;
	if (f->out > TOTAL || (f->out > UINT64_C(1) << 20 && f->out / RATIO > f->in))
		return false;
	return how == BH_CODED_ON || how == BH_CODED_END;
}

void
bh_wire_inflate_end(struct bh_wire_inflate *f)
{
	bh_coder_close(f->coder);
	f->coder = NULL;
}
