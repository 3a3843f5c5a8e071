/* The rig of operation parsers' tests: messages in, one line of text an operation out.
 *
 *     "mset k1 k2; get k3 !P"   values without their field's name, in order; flags behind: !P partial, !S session
 *     "...; ERROR"              how it ended, when not with MORE
 *
 * A conversation is fed whole, a byte at a time and cut in two at each place: what is said must be the same, what is
 * held must be enough. */
#ifndef BH_TEST_PROTO_KV_H
#define BH_TEST_PROTO_KV_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/proto/proto_priv.h"
#include "unit.h"

#define KV_TEXT 65536

struct kv {
	struct bh_ops ops;
	enum bh_ops_status end;
	uint32_t pending[2];
	uint64_t fed[2];
	char text[KV_TEXT];
	size_t len;
};

static void
kv_open(struct kv *k, enum bh_app app)
{
	memset(k, 0, sizeof(*k));
	k->end = BH_OPS_MORE;
	bh_ops_open(&k->ops, app, BH_OVER_TCP, NULL);
}

static void
kv_put(struct kv *k, const char *p, size_t n)
{
	if (k->len + n >= KV_TEXT)
		abort();
	memcpy(k->text + k->len, p, n);
	k->len += n;
	k->text[k->len] = '\0';
}

static void
kv_say(struct kv *k, const struct bh_op *op)
{
	unsigned i;

	if (k->len != 0)
		kv_put(k, "; ", 2);
	for (i = 0; i < op->n; i++) {
		if (i != 0)
			kv_put(k, " ", 1);
		kv_put(k, (const char *)op->value[i].at, op->value[i].len);
	}
	if ((op->flags & BH_OP_PARTIAL) != 0)
		kv_put(k, " !P", 3);
	if ((op->flags & BH_OP_SESSION) != 0)
		kv_put(k, " !S", 3);
}

/* One piece, in a block of its own so that a read beyond it is seen. */
static void
kv_feed(struct kv *k, unsigned side, const void *data, size_t len)
{
	const uint8_t *p = data;

	if (k->end != BH_OPS_MORE)
		return;
	do {
		struct bh_ops_out out;
		uint8_t *copy = malloc(len + 1);

		memcpy(copy, p, len);
		k->end = bh_ops_feed(&k->ops, side, copy, (uint32_t)len, false, &out);
		k->fed[side] += out.eaten;
		k->pending[side] = out.pending;
		CU_ASSERT(out.pending <= k->fed[side]);
		if (k->end == BH_OPS_OP)
			kv_say(k, &out.op);
		free(copy);
		p += out.eaten;
		len -= out.eaten;
	} while (k->end == BH_OPS_OP);
	if (k->end == BH_OPS_ERROR)
		kv_put(k, k->len != 0 ? "; ERROR" : "ERROR", k->len != 0 ? 7 : 5);
	if (k->end == BH_OPS_OPAQUE)
		kv_put(k, k->len != 0 ? "; OPAQUE" : "OPAQUE", k->len != 0 ? 8 : 6);
}

static bool
kv_same(const struct kv *k, const char *wanted, const char *how)
{
	if (strcmp(k->text, wanted) == 0)
		return true;
	printf("\n  %s\n  wanted: %s\n  got:    %s\n", how, wanted, k->text);
	return false;
}

/* What the client says, all ways. */
static void
kv_says(enum bh_app app, const void *data, size_t len, const char *wanted)
{
	static struct kv k;
	const uint8_t *p = data;
	size_t i;

	kv_open(&k, app);
	kv_feed(&k, BH_CLIENT, p, len);
	CU_ASSERT(kv_same(&k, wanted, "whole"));
	kv_open(&k, app);
	for (i = 0; i < len; i++)
		kv_feed(&k, BH_CLIENT, p + i, 1);
	CU_ASSERT(kv_same(&k, wanted, "byte by byte"));
	for (i = 1; i < len && len < 600; i++) {
		kv_open(&k, app);
		kv_feed(&k, BH_CLIENT, p, i);
		kv_feed(&k, BH_CLIENT, p + i, len - i);
		if (!kv_same(&k, wanted, "in two"))
			break;
	}
	CU_ASSERT(i >= len || len >= 600);
}

#endif
