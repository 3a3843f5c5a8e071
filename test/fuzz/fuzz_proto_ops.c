/* Operation parsers, all of ops.def: the first bytes choose the application, the transport and
 * how the bytes are cut; the rest is a conversation: records of side, length and bytes. Asserts
 * beyond "no crash":  - a parser reads only what it is fed: every piece is a heap block of
 * exactly its size, freed after the call,    and an operation's values are readable until the
 * next call (ASan);  - progress: MORE has eaten all; OP has eaten something or is one of a
 * bounded number for bytes eaten before;  - eaten <= len, pending <= the bytes of this side eaten
 * so far;  - ERROR and OPAQUE say why; values are within their bounds;
 *  - over TCP the same bytes cut otherwise give the same operations and the same end;
 *  - what was taken from the connection's memory is given back. */
#include <stdlib.h>

#include "../../lib/proto/proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMORY_MAX (512 * 1024)
#define MAX_OPS_WITHOUT_BYTES 4096

struct run {
	struct bh_memory memory;
	size_t taken; /* bytes of memory in use */
	uint64_t eaten[2];
	uint64_t hash; /* of all operations */
	unsigned n_ops;
	enum bh_ops_status end; /* MORE while it goes on */
	uint32_t cut;      /* 0: records are fed whole; else the state of the generator of pieces */
	struct bh_ops ops; /* bh_ops_open clears it */
};

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static void *
take(void *arg, size_t size)
{
	struct run *r = arg;
	size_t *p;

	if (size > MEMORY_MAX || r->taken + size > MEMORY_MAX)
		return NULL;
	p = malloc(16 + size);
	if (p == NULL)
		return NULL;
	*p = size;
	r->taken += size;
	return (uint8_t *)p + 16;
}

static void
give_back(void *arg, void *p)
{
	struct run *r = arg;
	size_t *block;

	if (p == NULL)
		return;
	block = (size_t *)(void *)((uint8_t *)p - 16);
	r->taken -= *block;
	free(block);
}

static void
mix(struct run *r, const void *p, size_t n)
{
	const uint8_t *b = p;
	size_t i;

	for (i = 0; i < n; i++)
		r->hash = (r->hash ^ b[i]) * UINT64_C(0x100000001b3);
}

static void
check_op(struct run *r, const struct bh_op *op, unsigned side)
{
	unsigned i;

	require(op->app != BH_APP_UNKNOWN && op->app < BH_APP_COUNT);
	require(op->side == side && op->n <= BH_OP_VALUES);
	mix(r, &op->app, 1);
	mix(r, &op->side, 1);
	mix(r, &op->flags, 1);
	for (i = 0; i < op->n; i++) {
		require(op->value[i].field < BH_OP_FIELD_COUNT);
		require(op->value[i].len <= BH_OP_VALUE_MAX);
		mix(r, &op->value[i].field, 1);
		mix(r, &op->value[i].len, sizeof(op->value[i].len));
		mix(r, op->value[i].at, op->value[i].len);
	}
	r->n_ops++;
}

/* One piece in a block of its own, until all of it is eaten. */
static void
piece(struct run *r, unsigned side, const uint8_t *data, uint32_t len, bool ended)
{
	unsigned idle = 0;

	do {
		struct bh_ops_out out;
		uint8_t *copy = malloc(len);

		if (len != 0)
			memcpy(copy, data, len);
		r->end = bh_ops_feed(&r->ops, side, copy, len, ended, &out);
		require(out.eaten <= len);
		r->eaten[side] += out.eaten;
		require(out.pending <= r->eaten[side]);
		if (r->end == BH_OPS_OP) {
			idle = out.eaten != 0 ? 0 : idle + 1;
			require(idle < MAX_OPS_WITHOUT_BYTES);
			check_op(r, &out.op, side);
		} else if (r->end == BH_OPS_MORE) {
			require(out.eaten == len);
		} else {
			require(out.why != NULL);
			mix(r, &out.became, 1);
		}
		free(copy);
		data += out.eaten;
		len -= out.eaten;
	} while (r->end == BH_OPS_OP);
}

static uint32_t
next_piece(struct run *r, uint32_t len)
{
	uint32_t n;

	if (r->cut == 0)
		return len;
	r->cut ^= r->cut << 13;
	r->cut ^= r->cut >> 17;
	r->cut ^= r->cut << 5;
	n = 1 + ((r->cut & 3) == 0 ? r->cut >> 8 & 0xff : (r->cut & 3) == 1 ? r->cut >> 8 & 7 : 0);
	return n < len ? n : len;
}

/* Records: a byte with the side (bit 0) and the length (127: two bytes follow with it), then so
 * many bytes. */
static void
converse(struct run *r, struct bh_cur c)
{
	unsigned side;
	uint8_t head;

	while (r->end == BH_OPS_MORE && bh_cur_u8(&c, &head)) {
		const uint8_t *p;
		uint16_t len = head >> 1;

		if (len == 127 && !bh_cur_be16(&c, &len))
			break;
		if (len > bh_cur_left(&c))
			len = (uint16_t)bh_cur_left(&c);
		p = bh_cur_take(&c, len);
		do {
			uint32_t n = next_piece(r, len);

			piece(r, head & 1, p, n, false);
			p += n;
			len -= (uint16_t)n;
		} while (len != 0 && r->end == BH_OPS_MORE);
	}
	for (side = 0; side < 2 && r->end == BH_OPS_MORE; side++)
		piece(r, side, (const uint8_t *)"", 0, true);
}

static void
run(struct run *r, unsigned app, uint8_t transport, struct bh_cur c)
{
	r->memory = (struct bh_memory){.alloc = take, .free = give_back, .arg = r};
	r->hash = UINT64_C(0xcbf29ce484222325);
	bh_ops_open(&r->ops, app, transport, &r->memory);
	converse(r, c);
	bh_ops_close(&r->ops);
	require(r->taken == 0);
}

/* The nth application that has a parser, or 0. */
static unsigned
choose(uint8_t nth)
{
	unsigned known = 0, app;

	for (app = 1; app < BH_APP_COUNT; app++)
		known += bh_ops_known(app);
	if (known == 0)
		return BH_APP_UNKNOWN;
	nth %= known;
	for (app = 1; !bh_ops_known(app) || nth-- != 0; app++)
		;
	return app;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run whole, cut;
	uint8_t transport;
	unsigned app;

	/* application, transport, seed of the cuts */
	if (size < 3)
		return 0;
	app = choose(data[0]);
	if (app == BH_APP_UNKNOWN)
		return 0;
	transport = (data[1] & 1) != 0 ? BH_OVER_UDP : BH_OVER_TCP;
	memset(&whole, 0, offsetof(struct run, ops));
	memset(&cut, 0, offsetof(struct run, ops));
	run(&whole, app, transport, bh_cur(data + 3, size - 3));
	/* A datagram is not cut: the second run then only proves that nothing is kept between
	 * connections. */
	cut.cut = transport == BH_OVER_UDP ? 0 : data[2] * UINT32_C(2654435761) + 1;
	run(&cut, app, transport, bh_cur(data + 3, size - 3));
	require(whole.n_ops == cut.n_ops && whole.hash == cut.hash);
	require(whole.end == cut.end);
	return 0;
}
