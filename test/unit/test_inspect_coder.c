/* What is compressed comes out as it went in, however it is cut; where memory ends, that is told and nothing is kept. */
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "../../lib/inspect/coder.h"
#include "inspect_rig.h"
#include "unit.h"

#define SIZE 200000

static uint8_t plain[SIZE], packed[SIZE + SIZE / 2], back[SIZE];
static uint64_t seed;

static uint32_t
draw(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 33) % n;
}

/* Text that repeats itself, near and far. */
static size_t
make_plain(void)
{
	size_t n = 0, len = 1 + draw(SIZE - 300), k, from;

	while (n < len) {
		if (n > 10 && draw(3) != 0) {
			from = draw((uint32_t)(n < 60000 ? n : 60000)) + 1;
			for (k = 4 + draw(60); k > 0 && n < len; k--, n++)
				plain[n] = plain[n - from];
		} else {
			for (k = 1 + draw(100); k > 0 && n < len; k--)
				plain[n++] = (uint8_t)draw(256);
		}
	}
	return n;
}

/* ---- snappy: elements by chance, of the text ------------------------------------------------------------ */

static size_t
find(size_t at, size_t len, size_t *most)
{
	size_t from, k;
	unsigned tries;

	*most = 0;
	for (tries = 0; tries < 4 && at > 0; tries++) {
		from = 1 + draw((uint32_t)(at < 65535 ? at : 65535));
		for (k = 0; at + k < len && k < 64 && plain[at + k] == plain[at + k - from]; k++)
			;
		if (k >= 1) {
			*most = k;
			return from;
		}
	}
	return 0;
}

static size_t
put_literal(uint8_t *out, size_t at, size_t k)
{
	size_t n = 0, i,
	       more = k <= 60 && draw(2) ? 0
		      : k <= 256         ? 1
		      : k <= 65536       ? 2 + draw(3)
					 : 3;

	out[n++] = (uint8_t)(more == 0 ? (k - 1) << 2 : (59 + more) << 2);
	for (i = 0; i < more; i++)
		out[n++] = (uint8_t)((k - 1) >> 8 * i);
	memcpy(out + n, plain + at, k);
	return n + k;
}

static size_t
put_copy(uint8_t *out, size_t from, size_t k)
{
	size_t n = 0, i, size = from < 2048 && k >= 4 && k <= 11 && draw(2) ? 1 : draw(2) ? 2 : 4;

	if (size == 1) {
		out[n++] = (uint8_t)((from >> 8) << 5 | (k - 4) << 2 | 1);
		out[n++] = (uint8_t)from;
		return n;
	}
	out[n++] = (uint8_t)((k - 1) << 2 | (size == 2 ? 2 : 3));
	for (i = 0; i < size; i++)
		out[n++] = (uint8_t)(from >> 8 * i);
	return n;
}

static size_t
snappy(size_t len)
{
	size_t n = 0, at = 0, k, from, rest;

	for (rest = len; rest >= 0x80; rest >>= 7)
		packed[n++] = (uint8_t)(rest | 0x80);
	packed[n++] = (uint8_t)rest;
	while (at < len) {
		from = find(at, len, &k);
		if (from != 0) {
			n += put_copy(packed + n, from, k);
		} else {
			k = 1 + draw(draw(8) == 0 ? 900 : 70);
			k = k < len - at ? k : len - at;
			n += put_literal(packed + n, at, k);
		}
		at += k;
	}
	return n;
}

static size_t
pack(enum bh_coding coding, size_t len)
{
	uLongf n = sizeof(packed);

	if (coding == BH_CODING_SNAPPY)
		return snappy(len);
	if (coding == BH_CODING_ZSTD)
		return ZSTD_compress(packed, sizeof(packed), plain, len, 1 + (int)draw(9));
	CU_ASSERT_EQUAL_FATAL(compress2(packed, &n, plain, len, 6), Z_OK);
	return n;
}

/* ---- reading -------------------------------------------------------------------------------------------- */

/* In pieces by chance, each in a block of its own; how much came out. */
static size_t
unpack(struct bh_coder *c, size_t len, enum bh_coded *how)
{
	size_t done = 0, at = 0, n, k;

	*how = BH_CODED_ON;
	while (at < len && *how == BH_CODED_ON) {
		uint8_t *piece;
		struct bh_view in;

		k = 1 + draw(draw(3) == 0 ? 5000 : 40);
		k = k < len - at ? k : len - at;
		piece = malloc(k);
		memcpy(piece, packed + at, k);
		at += k;
		in = (struct bh_view){piece, k};
		do {
			size_t room = 1 + draw(3000);

			room = room < SIZE - done ? room : SIZE - done;
			*how = bh_coder_step(c, &in, back + done, room, &n);
			done += n;
		} while (*how == BH_CODED_ON && n > 0);
		free(piece);
	}
	return done;
}

static const enum bh_coding codings[] = {BH_CODING_GZIP, BH_CODING_ZSTD, BH_CODING_SNAPPY};

static void
what_was_compressed_comes_out(void)
{
	struct inspect_rig *r = inspect_rig();
	enum bh_coded how;
	unsigned k, i;

	seed = 11;
	for (k = 0; k < BH_ARRAY_SIZE(codings); k++) {
		struct bh_coder *c = bh_coder_open(r->ctx.memory, codings[k]);

		CU_ASSERT_PTR_NOT_NULL_FATAL(c);
		for (i = 0; i < 20; i++) {
			size_t len = make_plain(), n = pack(codings[k], len);

			CU_ASSERT(i == 0 || bh_coder_again(c));
			CU_ASSERT_EQUAL(unpack(c, n, &how), len);
			CU_ASSERT(memcmp(back, plain, len) == 0);
			CU_ASSERT(how == BH_CODED_ON || how == BH_CODED_END);
		}
		bh_coder_close(c);
	}
	CU_ASSERT_EQUAL(r->taken, 0);
}

/* Changed anywhere, it ends somehow; nothing is read or written beyond. */
static void
what_is_broken_ends(void)
{
	struct inspect_rig *r = inspect_rig();
	enum bh_coded how;
	unsigned k, i, bad = 0;

	seed = 12;
	for (k = 0; k < BH_ARRAY_SIZE(codings); k++) {
		struct bh_coder *c = bh_coder_open(r->ctx.memory, codings[k]);
		size_t len = make_plain(), n = pack(codings[k], len);

		for (i = 0; i < 60; i++) {
			size_t at = draw((uint32_t)(i < 30 ? 12 : n));
			uint8_t before = packed[at];

			packed[at] ^= (uint8_t)(1u << draw(8));
			CU_ASSERT(bh_coder_again(c));
			CU_ASSERT(unpack(c, n, &how) <= SIZE);
			bad += how == BH_CODED_BAD;
			packed[at] = before;
		}
		bh_coder_close(c);
	}
	CU_ASSERT(bad > 30);
	CU_ASSERT_EQUAL(r->taken, 0);
}

struct scarce {
	unsigned left, taken;
};

static void *
scarce_take(void *arg, size_t size)
{
	struct scarce *s = arg;

	if (s->left == 0)
		return NULL;
	s->left--;
	s->taken++;
	return malloc(size);
}

static void
scarce_give(void *arg, void *p)
{
	((struct scarce *)arg)->taken--;
	free(p);
}

static void
where_memory_ends_that_is_told(void)
{
	struct scarce s;
	const struct bh_memory memory = {scarce_take, scarce_give, &s};
	unsigned k, least, refused = 0;
	enum bh_coded how;

	seed = 13;
	for (k = 0; k < BH_ARRAY_SIZE(codings); k++) {
		size_t n = pack(codings[k], make_plain());

		for (least = 0; least < 4; least++) {
			struct bh_coder *c;

			s = (struct scarce){.left = least};
			c = bh_coder_open(&memory, codings[k]);
			if (c != NULL) {
				(void)unpack(c, n, &how);
				CU_ASSERT(how != BH_CODED_BAD);
				refused += how == BH_CODED_REFUSED;
			}
			bh_coder_close(c);
			CU_ASSERT_EQUAL(s.taken, 0);
		}
	}
	CU_ASSERT(refused >= 2);
}

const struct bh_unit_test bh_suite_inspect_coder[] = {
	BH_TEST(what_was_compressed_comes_out),
	BH_TEST(what_is_broken_ends),
	BH_TEST(where_memory_ends_that_is_told),
	BH_TEST_END,
};
