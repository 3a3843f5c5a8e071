/* wire_priv: what the decoders of wire.h share. */
#ifndef BH_INSPECT_WIRE_PRIV_H
#define BH_INSPECT_WIRE_PRIV_H

#include "coder.h"
#include "wire.h"

/* One call of bh_inspect_wire_feed. */
struct bh_wire {
	struct bh_inspect_wire *c;
	const struct bh_inspect_ctx *ctx;
	unsigned side;
};

/* A decoder: one file and one line in wire.def. */
struct bh_wire_proto {
	/* All of `in`. False: it is not what it should be, and what is left of it is looked at as it is. */
	bool (*feed)(struct bh_wire *w, struct bh_cur *in);
	/* The connection ends: give back what was taken from ctx->memory. May be NULL. */
	void (*close)(struct bh_wire *w);
};
#define BH_WIRE(app, name) extern const struct bh_wire_proto bh_wire_##name;
#include "wire.def"
#undef BH_WIRE

/* A decoder's state, zero at first. */
#define BH_WIRE_OF(w, type)                                                                        \
	((type *)(void *)(w)->c->state);                                                           \
	_Static_assert(sizeof(type) <= BH_WIRE_STATE, "a decoder's state has room")

/* A text of the side begins: what has been said of it before is another message. */
void bh_wire_begin(struct bh_wire *w, enum bh_inspect_text_kind kind);
/* Bytes of it. */
void bh_wire_text(struct bh_wire *w, const uint8_t *at, size_t len);
/* A value of it is complete; another one may follow. */
void bh_wire_gap(struct bh_wire *w);
/* A number that was no text, as it would be printed, and a gap. */
void bh_wire_number(struct bh_wire *w, uint64_t value);
/* The same of `size` bytes in two's complement. */
void bh_wire_integer(struct bh_wire *w, uint64_t value, unsigned size);
void bh_wire_double(struct bh_wire *w, uint64_t bits); /* IEEE 754; integers only */
/* Text in UTF-16, in pieces that may end anywhere. Zero it before a text. */
struct bh_wire_utf16 {
	uint16_t high; /* of a pair */
	uint8_t half;  /* the first byte of a unit */
	bool odd;
	bool big; /* big-endian; else little */
};
void bh_wire_utf16(struct bh_wire *w, struct bh_wire_utf16 *u, const uint8_t *at, size_t len);
/* A side's message is complete. */
void bh_wire_end(struct bh_wire *w, unsigned side);
/* A password goes by in the clear. */
void bh_wire_password(struct bh_wire *w);

/* Some of it can't be read: it could not be decompressed, or its types are not known. */
static inline void
bh_wire_unread(struct bh_wire *w)
{
	if (w->ctx->unread != NULL)
		*w->ctx->unread = true;
}

/* wire_inflate.c: a compressed stream of the protocol's own, in ctx->memory. Zero it with the state. */
struct bh_wire_inflate {
	struct bh_coder *coder;
	enum bh_coding coding;
	uint64_t in, out;
};
/* A stream begins; BH_CODING_GZIP is zlib's own form, too. False: there is no memory. */
bool bh_wire_inflate_begin(struct bh_wire *w, struct bh_wire_inflate *f, enum bh_coding coding);
/* Up to *n bytes of what is compressed in `in`, which moves on. False: it can't be read, or grows beyond measure. */
bool bh_wire_inflate(struct bh_wire_inflate *f, struct bh_cur *in, uint8_t *out, size_t *n);
void bh_wire_inflate_end(struct bh_wire_inflate *f);

/* What is at hand of n bytes, at most; the cursor moves on. */
static inline struct bh_cur
bh_wire_upto(struct bh_cur *in, uint64_t n)
{
	size_t len = bh_cur_left(in) < n ? bh_cur_left(in) : (size_t)n;

	return bh_cur(bh_cur_take(in, len), len);
}

/* Bytes that have to be together: true when all `need` are in `some`. */
struct bh_wire_some {
	uint8_t byte[20];
	uint8_t have;
};

static inline bool
bh_wire_collect(struct bh_wire_some *s, struct bh_cur *in, unsigned need)
{
	while (s->have < need && bh_cur_left(in) > 0)
		(void)bh_cur_u8(in, &s->byte[s->have++]);
	return s->have >= need;
}

static inline uint64_t
bh_wire_le(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

static inline uint64_t
bh_wire_be(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;
	unsigned i;

	for (i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

#endif
