/* A conversation through an operation parser, cut in many ways; what it emits as text:
 *     <application>.<side> [record] [partial] FIELD=value ...      a line an operation, then
 *     more | opaque <became>: <why> | error: <why>
 */
#ifndef BH_PROTO_OPS_RIG_H
#define BH_PROTO_OPS_RIG_H

#include <stdio.h>
#include <stdlib.h>

#include "../../lib/proto/proto.h"
#include "unit.h"

#define SAY(text) text, sizeof(text) - 1

struct bh_ops_said {
	unsigned side;
	const char *at;
	size_t len;
};

struct bh_ops_rig {
	struct bh_ops ops;
	struct bh_memory memory;
	struct bh_buf text;
	long blocks;
	enum bh_ops_status end;
};

static inline void *
bh_ops_rig_alloc(void *arg, size_t size)
{
	struct bh_ops_rig *r = arg;

	r->blocks++;
	return malloc(size);
}

static inline void
bh_ops_rig_free(void *arg, void *p)
{
	struct bh_ops_rig *r = arg;

	r->blocks -= p != NULL;
	free(p);
}

static inline void
bh_ops_rig_op(struct bh_ops_rig *r, const struct bh_op *op)
{
	static const char *const names[] = {
#define BH_OP_FIELD(sym, app, key, match, object, eve, text) #sym,
#include "../../lib/proto/op_field.def"
#undef BH_OP_FIELD
	};
	unsigned i;

	bh_buf_printf(&r->text, "%s.%u", bh_app_name(op->app), op->side);
	if ((op->flags & BH_OP_RECORD) != 0)
		bh_buf_str(&r->text, " record");
	if ((op->flags & BH_OP_PARTIAL) != 0)
		bh_buf_str(&r->text, " partial");
	for (i = 0; i < op->n; i++)
		bh_buf_printf(&r->text, " %s=%.*s", names[op->value[i].field], op->value[i].len,
			      (const char *)op->value[i].at);
	bh_buf_str(&r->text, "\n");
}

/* All of a piece, in a block of its own. */
static inline void
bh_ops_rig_feed(struct bh_ops_rig *r, unsigned side, const char *at, size_t len)
{
	struct bh_ops_out out;

	do {
		uint8_t *copy = malloc(len);

		if (len != 0)
			memcpy(copy, at, len);
		r->end = bh_ops_feed(&r->ops, side, copy, (uint32_t)len, false, &out);
		if (r->end == BH_OPS_OP)
			bh_ops_rig_op(r, &out.op);
		else if (r->end == BH_OPS_ERROR)
			bh_buf_printf(&r->text, "error: %s", out.why);
		else if (r->end == BH_OPS_OPAQUE)
			bh_buf_printf(&r->text, "opaque %s: %s", bh_app_name(out.became), out.why);
		free(copy);
		at += out.eaten;
		len -= out.eaten;
	} while (r->end == BH_OPS_OP);
}

/* Pieces of `size` bytes, the first one of `first`. */
static inline char *
bh_ops_rig_run(enum bh_app app, const struct bh_ops_said *said, unsigned n, size_t first,
	       size_t size)
{
	static struct bh_ops_rig r;
	unsigned i;

	memset(&r, 0, sizeof(r));
	r.memory = (struct bh_memory){bh_ops_rig_alloc, bh_ops_rig_free, &r};
	bh_ops_open(&r.ops, app, BH_OVER_TCP, &r.memory);
	for (i = 0; i < n && r.end == BH_OPS_MORE; i++) {
		size_t at, len;

		for (at = 0; at < said[i].len && r.end == BH_OPS_MORE; at += len) {
			len = at == 0 ? first : size;
			if (len > said[i].len - at)
				len = said[i].len - at;
			bh_ops_rig_feed(&r, said[i].side, said[i].at + at, len);
		}
	}
	if (r.end == BH_OPS_MORE)
		bh_buf_str(&r.text, "more");
	bh_ops_close(&r.ops);
	CU_ASSERT_EQUAL(r.blocks, 0);
	return r.text.data;
}

static inline bool
bh_ops_rig_compare(char *got, const char *expected)
{
	bool same = got != NULL && strcmp(got, expected) == 0;

	if (!same)
		fprintf(stderr, "\nexpected: %s\n     got: %s\n", expected, got);
	CU_ASSERT(same);
	free(got);
	return same;
}

/* Whole, byte by byte, and split once at every position: always the same. */
static inline void
bh_ops_expect(enum bh_app app, const struct bh_ops_said *said, unsigned n, const char *expected)
{
	size_t longest = 0, i;
	bool ok;

	for (i = 0; i < n; i++)
		longest = said[i].len > longest ? said[i].len : longest;
	ok = bh_ops_rig_compare(bh_ops_rig_run(app, said, n, longest, longest), expected) &&
	     bh_ops_rig_compare(bh_ops_rig_run(app, said, n, 1, 1), expected);
	for (i = 2; ok && i < longest; i++)
		ok = bh_ops_rig_compare(bh_ops_rig_run(app, said, n, i, longest), expected);
}

#endif
