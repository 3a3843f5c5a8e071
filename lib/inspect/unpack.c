/* Content codings: gzip and deflate by zlib, brotli by libbrotlidec, one inside the other at most. Output goes on in
 * small pieces, so that no bomb needs memory; the ratio and the total are bounded all the same. */
#include <brotli/decode.h>
#include <stdlib.h>
#include <zlib.h>

#include "message.h"

#define UNPACK_PIECE 4096
#define UNPACK_TOTAL (UINT64_C(64) << 20) /* bytes of one body that are looked at */
#define UNPACK_RATIO 200                  /* zlib's limit is 1032; text rarely exceeds 20 */

struct inflater {
	union {
		z_stream z;
		BrotliDecoderState *br;
	};
	uint8_t coding;
	bool raw; /* deflate without zlib's header, as some servers send it */
	bool started;
	bool fresh; /* nothing was fed yet, or one byte: too little to tell a header by */
	bool one;
	uint8_t first; /* that byte */
};

static voidpf
z_alloc(voidpf arg, uInt n, uInt size)
{
	const struct bh_memory *memory = arg;

	return memory->alloc(memory->arg, (size_t)n * size);
}

static void
z_free(voidpf arg, voidpf p)
{
	const struct bh_memory *memory = arg;

	memory->free(memory->arg, p);
}

static void *
br_alloc(void *arg, size_t size)
{
	const struct bh_memory *memory = arg;

	return memory->alloc(memory->arg, size);
}

static void
br_free(void *arg, void *p)
{
	const struct bh_memory *memory = arg;

	if (p != NULL)
		memory->free(memory->arg, p);
}

static struct inflater *
start(struct bh_message *m, unsigned level)
{
	struct bh_memory *memory = (struct bh_memory *)(uintptr_t)m->ctx->memory;
	struct inflater *f;

	if (memory == NULL)
		return NULL;
	f = memory->alloc(memory->arg, sizeof(*f));
	if (f == NULL)
		return NULL;
	memset(f, 0, sizeof(*f));
	f->coding = m->s->coding[level];
	f->fresh = true;
	if (f->coding == BH_CODING_BROTLI) {
		f->br = BrotliDecoderCreateInstance(br_alloc, br_free, memory);
		f->started = f->br != NULL;
	} else {
		f->z.zalloc = z_alloc;
		f->z.zfree = z_free;
		f->z.opaque = memory;
		/* 32: gzip or zlib, whichever its header says */
		f->started = inflateInit2(&f->z, 15 + 32) == Z_OK;
	}
	if (!f->started) {
		memory->free(memory->arg, f);
		return NULL;
	}
	m->s->inflater[level] = f;
	return f;
}

static void
stop(struct bh_message *m, unsigned level)
{
	struct inflater *f = m->s->inflater[level];

	if (f == NULL)
		return;
	if (f->coding == BH_CODING_BROTLI)
		BrotliDecoderDestroyInstance(f->br);
	else
		inflateEnd(&f->z);
	m->ctx->memory->free(m->ctx->memory->arg, f);
	m->s->inflater[level] = NULL;
}

void
bh_unpack_end(struct bh_message *m)
{
	stop(m, 0);
	stop(m, 1);
}

enum progress { GOES_ON, DONE, FAILED };

/* One piece of output, its length in *n, also when what follows it can't be read. */
static enum progress
step(struct inflater *f, struct bh_view *in, uint8_t *out, size_t cap, size_t *n)
{
	size_t in_len = in->len, out_len = cap;
	const uint8_t *next_in = in->at;
	uint8_t *next_out = out;
	int rc;

	if (f->coding == BH_CODING_BROTLI) {
		BrotliDecoderResult r = BrotliDecoderDecompressStream(f->br, &in_len, &next_in,
								      &out_len, &next_out, NULL);

		*in = (struct bh_view){next_in, in_len};
		*n = cap - out_len;
		return r == BROTLI_DECODER_RESULT_ERROR     ? FAILED
		       : r == BROTLI_DECODER_RESULT_SUCCESS ? DONE
							    : GOES_ON;
	}
	f->z.next_in = (Bytef *)(uintptr_t)in->at;
	f->z.avail_in = (uInt)in->len;
	f->z.next_out = out;
	f->z.avail_out = (uInt)cap;
	rc = inflate(&f->z, Z_NO_FLUSH);
	if (rc == Z_DATA_ERROR && f->z.total_out == 0 && !f->raw && f->fresh) {
		/* "deflate" that is no zlib stream: raw */
		f->raw = true;
		if (inflateReset2(&f->z, -15) != Z_OK)
			return FAILED;
		f->z.next_in = &f->first;
		f->z.avail_in = f->one;
		if (f->one)
			inflate(&f->z, Z_NO_FLUSH);
		f->z.next_in = (Bytef *)(uintptr_t)in->at;
		f->z.avail_in = (uInt)in->len;
		rc = inflate(&f->z, Z_NO_FLUSH);
	}
	f->one = f->fresh && !f->one && in->len == 1;
	f->first = f->one ? in->at[0] : f->first;
	f->fresh = f->one;
	*in = (struct bh_view){f->z.next_in, f->z.avail_in};
	*n = cap - f->z.avail_out;
	if (rc == Z_STREAM_END)
		return DONE;
	return rc == Z_OK || rc == Z_BUF_ERROR ? GOES_ON : FAILED;
}

/* Several members one behind the other are one file (RFC 1952 2.2). */
static bool
next_member(struct inflater *f, const struct bh_view *in)
{
	return f->coding == BH_CODING_GZIP && !f->raw && in->len > 1 && in->at[0] == 0x1f &&
	       in->at[1] == 0x8b && inflateReset2(&f->z, 15 + 32) == Z_OK;
}

/* Said to be gzip, and begins neither as that (RFC 1952 2.3.1) nor as zlib (RFC 1950 2.2): clients that only say so.
 * Who believes them can't read it, so what is judged is what others read. */
static bool
is_plain(uint8_t coding, const struct bh_view *data)
{
	return coding == BH_CODING_GZIP && data->len > 0 && data->at[0] != 0x1f &&
	       (data->at[0] & 15) != 8;
}

void
bh_unpack(struct bh_message *m, unsigned level, struct bh_view data)
{
	struct bh_inspect_side *s = m->s;
	struct inflater *f;
	uint8_t out[UNPACK_PIECE];
	enum progress how = GOES_ON;
	size_t n = 0;

	while (level < 2 && s->coding[level] == BH_CODING_NONE)
		level++;
	if (level == 2) {
		bh_body_take(m, data);
		return;
	}
	if (s->inflater[level] == NULL && is_plain(s->coding[level], &data)) {
		s->coding[level] = BH_CODING_NONE;
		bh_unpack(m, level + 1, data);
		return;
	}
	f = s->inflater[level] != NULL ? s->inflater[level] : start(m, level);
	if (f == NULL) {
		s->unread = true;
		if (m->ctx->memory != NULL)
			bh_message_say(m, BH_INSPECT_HTTP, "no memory to decode the body");
		return;
	}
	if (level == 0)
		s->packed += data.len;
	while (!s->unread && how == GOES_ON) {
		how = step(f, &data, out, sizeof(out), &n);
		s->unpacked += n;
		if (n > 0)
			bh_unpack(m, level + 1, (struct bh_view){out, n});
		if (how == FAILED) {
			s->unread = true;
			bh_message_say(m, BH_INSPECT_HTTP,
				       "the body is not what Content-Encoding says");
		} else if (s->unpacked > UNPACK_TOTAL ||
			   (s->unpacked > (1 << 20) && s->unpacked / UNPACK_RATIO > s->packed)) {
			s->unread = true;
			bh_message_say(m, BH_INSPECT_HTTP,
				       "the body grows beyond measure when it is decoded");
		} else if (how == DONE && next_member(f, &data)) {
			how = GOES_ON;
		} else if (n == 0 || (n < sizeof(out) && data.len == 0)) {
			break;
		}
	}
}
