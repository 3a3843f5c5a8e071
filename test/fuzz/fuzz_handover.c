/* Any bytes as a stream of flow state. The first byte says whether the blocks' heads are made good (magic, version, layout,
 * number, checksum) or left as they are. Asserts beyond "no crash": what is handed back lies in the block, is of a pair,
 * state, reason and application that there are here, refused if and only if its verdict says so, and of a key that
 * the parser of packets could have made; after an error nothing is handed back; reading needs no byte beyond the length
 * that bh_handover_length() told. */
#include <stdlib.h>

#include "../../lib/handover/handover_priv.h"

static const char *const pairs[] = {"a", "b"};
static const struct bh_handover_self self = {.pair = pairs, .n_pairs = 2};

#define MUST(x)                                                                                    \
	do {                                                                                       \
		if (!(x))                                                                          \
			abort();                                                                   \
	} while (0)

static void
check(const struct bh_flow_record *f, uint32_t n)
{
	for (; n-- != 0; f++) {
		MUST(f->key.pair < 2 && f->kind != 0 && f->kind < BH_CARRY_COUNT);
		MUST(f->key.family == BH_IP4 || f->key.family == BH_IP6);
		MUST(f->key.family == BH_IP6 || (f->key.addr[0].q[1] | f->key.addr[1].q[1]) == 0);
		if (f->kind == BH_CARRY_GONE)
			continue;
		MUST(f->state < BH_STATE_COUNT && f->reason < BH_REASON_COUNT);
		MUST(f->app < BH_APP_COUNT && f->verdict < BH_VERDICT_COUNT);
		MUST((f->flags & (BH_FLAG_USED | BH_FLAG_EMBRYO)) == 0);
		MUST((f->kind == BH_CARRY_REFUSED) ==
		     (f->verdict == BH_VERDICT_DENY || f->verdict == BH_VERDICT_REJECT));
	}
}

/* A copy of exactly its length, so that a byte beyond is found. */
static int
read_copy(struct bh_handover_reader *r, const uint8_t *at, size_t len)
{
	struct bh_flow_record *f = NULL;
	struct bh_err err = {0};
	uint8_t *own = malloc(len);
	uint32_t n = 0;
	int rc;

	MUST(own != NULL);
	memcpy(own, at, len);
	rc = bh_handover_read(r, own, len, &f, &n, &err);
	MUST(rc >= 0 || n == 0);
	MUST(rc >= 0 || err.what[0] != '\0');
	MUST(n == 0 || ((uint8_t *)f >= own && (uint8_t *)(f + n) <= own + len));
	check(f, n);
	free(own);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static union {
		uint8_t b[BH_HANDOVER_MAX];
		struct bh_handover_block head;
	} block;
	struct bh_handover_reader r;
	struct bh_err err = {0};
	struct bh_cur in = bh_cur(data, size);
	uint8_t good = 0, kind, n;
	ssize_t len = 1;

	bh_cur_u8(&in, &good);
	bh_handover_reader_init(&r, &self);
	if (good & 1) {
		size_t head = bh_handover_put_head(&self, block.b, sizeof(block));

		MUST(read_copy(&r, block.b, head) == BH_HANDOVER_HEAD);
	}
	while (bh_cur_left(&in) != 0 && len > 0) {
		size_t left = bh_cur_left(&in);

		if ((good & 2) == 0) {
			len = bh_handover_length(in.p, left, &err);
			if (len <= 0 || (size_t)len > left)
				break;
			memcpy(block.b, in.p, (size_t)len);
			bh_cur_take(&in, (size_t)len);
		} else {
			kind = n = 0;
			bh_cur_u8(&in, &kind);
			bh_cur_u8(&in, &n);
			left = bh_cur_left(&in);
			left = left < sizeof(block) - sizeof(block.head)
				       ? left
				       : sizeof(block) - sizeof(block.head);
			memcpy(block.b + sizeof(block.head), in.p, left);
			kind = (uint8_t)(kind % (BH_HANDOVER_KINDS + 1));
			if (kind == BH_HANDOVER_FLOWS && left > n * sizeof(struct bh_flow_record))
				left = n * sizeof(struct bh_flow_record);
			len = (ssize_t)bh_handover_close(&block.head, kind, n, r.next,
							 (uint32_t)left);
			bh_cur_take(&in, left);
		}
		if (read_copy(&r, block.b, (size_t)len) < 0)
			break;
	}
	return 0;
}
