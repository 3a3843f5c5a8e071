/* Ring of the latest packets: bytes in one ring, 64 bytes about each packet in another. One writer, readers that it knows
 * nothing of.
 *
 * A reader sees a packet whole or not at all, by two counters. A slot's `seq` is odd while it is written and names the
 * packet afterwards (a seqlock: Boehm, "Can seqlocks get along with programming language memory models?", MSPC 2012).
 * `limit` is how far the writer has begun to write bytes: those at [at, at + len) are whole as long as limit has not
 * passed at + size. Both are stored before, and read after, what they guard, with fences between; what they guard is
 * read and written in relaxed atomic words, so that no race is one to the language either. */
#include <errno.h>
#include <stdlib.h>

#include "evidence.h"

#define WORD sizeof(uint64_t)
#define SLOT_SHARE                                                                                 \
	512u /* a slot for so many bytes: small packets wrap the slots, large ones the bytes */

struct slot {
	uint64_t seq; /* 2 * number + 2; odd: being written */
	uint64_t time_ns;
	uint64_t at; /* of its first byte; grows without end */
	uint64_t flow, pair;
	uint32_t wirelen;
	uint16_t caplen;
	uint16_t fate; /* reason << 8 | fate */
	uint32_t wire; /* app << 8 | wire */
	uint32_t segment[2];
} __attribute__((aligned(BH_CACHE_LINE)));
_Static_assert(sizeof(struct slot) == 64, "a line a packet");

struct bh_evidence_ring {
	struct slot *slot;
	uint64_t *byte;
	uint64_t mask;      /* of slots */
	uint64_t byte_mask; /* of bytes */
	uint32_t snap;
	/* written by the worker alone */
	uint64_t head __attribute__((aligned(BH_CACHE_LINE))); /* packets so far */
	uint64_t limit; /* bytes that have been, or are being, written */
};

#define PUT(field, v) __atomic_store_n(&(field), (v), __ATOMIC_RELAXED)
#define GET(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)

int
bh_evidence_ring_create(struct bh_evidence_ring **out, size_t bytes, uint32_t snap)
{
	struct bh_evidence_ring *r;

	if (bytes < BH_EVIDENCE_RING_MIN || (bytes & (bytes - 1)) != 0 ||
	    snap < BH_EVIDENCE_SNAP_MIN || snap > BH_EVIDENCE_SNAP_MAX)
		return -EINVAL;
	r = aligned_alloc(BH_CACHE_LINE, sizeof(*r));
	if (r == NULL)
		return -ENOMEM;
	*r = (struct bh_evidence_ring){
		.mask = bytes / SLOT_SHARE - 1,
		.byte_mask = bytes - 1,
		.snap = snap,
	};
	r->slot = bh_mem_map((r->mask + 1) * sizeof(struct slot), true, NULL);
	r->byte = bh_mem_map(bytes, true, NULL);
	if (r->slot == NULL || r->byte == NULL) {
		bh_evidence_ring_destroy(r);
		return -ENOMEM;
	}
	*out = r;
	return 0;
}

void
bh_evidence_ring_destroy(struct bh_evidence_ring *r)
{
	if (r == NULL)
		return;
	if (r->slot != NULL)
		bh_mem_unmap(r->slot, (r->mask + 1) * sizeof(struct slot));
	if (r->byte != NULL)
		bh_mem_unmap(r->byte, r->byte_mask + 1);
	free(r);
}

/* ---- writer ----------------------------------------------------------------------------------------- */

/* Whole words; the last one filled up with zeros. */
static void
store_words(uint64_t *to, const uint8_t *from, uint32_t len)
{
	uint64_t word;

	for (; len >= WORD; len -= WORD, from += WORD) {
		memcpy(&word, from, WORD);
		PUT(*to, word);
		to++;
	}
	if (len != 0) {
		word = 0;
		memcpy(&word, from, len);
		PUT(*to, word);
	}
}

/* A piece that begins or ends inside a word. */
static void
store_bytes(uint8_t *to, const uint8_t *from, uint32_t len)
{
	while (len-- != 0)
		PUT(*to++, *from++);
}

static void
store_pieces(uint8_t *to, const struct bh_evidence_piece *piece, unsigned n, uint32_t room)
{
	uint32_t done = 0, len;
	unsigned i;

	for (i = 0; i < n && done < room; i++) {
		len = piece[i].len < room - done ? piece[i].len : room - done;
		if (n == 1)
			store_words((uint64_t *)(void *)to, piece[i].at, len);
		else
			store_bytes(to + done, piece[i].at, len);
		done += len;
	}
}

static uint32_t
sum_of(const struct bh_evidence_piece *piece, unsigned n)
{
	uint32_t sum = 0;
	unsigned i;

	for (i = 0; i < n; i++)
		sum += piece[i].len;
	return sum;
}

uint32_t
bh_evidence_put(struct bh_evidence_ring *r, const struct bh_evidence_packet *p,
		const struct bh_evidence_piece *piece, unsigned n)
{
	uint64_t number = r->head, at = r->limit, size = r->byte_mask + 1;
	struct slot *s = &r->slot[number & r->mask];
	uint32_t len = sum_of(piece, n), room;

	if (len > r->snap)
		len = r->snap;
	room = (len + (uint32_t)WORD - 1) & ~((uint32_t)WORD - 1);
	/* In one piece: what is left at the end of the ring stays empty. */
	if ((at & r->byte_mask) + room > size)
		at = (at | r->byte_mask) + 1;
	PUT(s->seq, 2 * number + 1);
	PUT(r->limit, at + room);
	/* Whoever reads a byte or a field of what follows sees these two as well. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	PUT(s->time_ns, p->time_ns);
	PUT(s->at, at);
	PUT(s->flow, p->flow);
	PUT(s->pair, p->pair);
	PUT(s->wirelen, p->wirelen);
	PUT(s->caplen, (uint16_t)len);
	PUT(s->fate, (uint16_t)(p->reason << 8 | p->fate));
	PUT(s->wire, (uint32_t)p->app << 8 | p->wire);
	PUT(s->segment[0], p->segment[0]);
	PUT(s->segment[1], p->segment[1]);
	store_pieces((uint8_t *)r->byte + (at & r->byte_mask), piece, n, len);
	__atomic_store_n(&s->seq, 2 * number + 2, __ATOMIC_RELEASE);
	__atomic_store_n(&r->head, number + 1, __ATOMIC_RELEASE);
	return (uint32_t)number;
}

void
bh_evidence_settle(struct bh_evidence_ring *r, uint32_t number, enum bh_evidence_fate fate,
		   enum bh_reason reason)
{
	struct slot *s = &r->slot[number & r->mask];

	if ((uint32_t)(s->seq / 2 - 1) == number)
		PUT(s->fate, (uint16_t)(reason << 8 | fate));
}

/* ---- readers ---------------------------------------------------------------------------------------- */

uint64_t
bh_evidence_head(const struct bh_evidence_ring *r)
{
	return __atomic_load_n(&r->head, __ATOMIC_ACQUIRE);
}

uint64_t
bh_evidence_tail(const struct bh_evidence_ring *r)
{
	uint64_t head = bh_evidence_head(r);

	return head > r->mask ? head - r->mask - 1 : 0;
}

uint32_t
bh_evidence_snap(const struct bh_evidence_ring *r)
{
	return r->snap;
}

static void
load_words(uint8_t *to, const uint64_t *from, uint32_t len)
{
	uint64_t word;

	for (; len != 0; from++) {
		uint32_t n = len < WORD ? len : (uint32_t)WORD;

		word = GET(*from);
		memcpy(to, &word, n);
		to += n;
		len -= n;
	}
}

bool
bh_evidence_get(const struct bh_evidence_ring *r, uint64_t number, struct bh_evidence_packet *out,
		uint8_t *data)
{
	const struct slot *s = &r->slot[number & r->mask];
	uint64_t at, limit;
	uint32_t wire;
	uint16_t fate;

	if (__atomic_load_n(&s->seq, __ATOMIC_ACQUIRE) != 2 * number + 2)
		return false;
	at = GET(s->at);
	out->time_ns = GET(s->time_ns);
	out->flow = GET(s->flow);
	out->pair = GET(s->pair);
	out->wirelen = GET(s->wirelen);
	out->caplen = GET(s->caplen);
	fate = GET(s->fate);
	out->fate = (uint8_t)fate;
	out->reason = (uint8_t)(fate >> 8);
	wire = GET(s->wire);
	out->wire = (uint8_t)wire;
	out->app = (uint8_t)(wire >> 8);
	out->segment[0] = GET(s->segment[0]);
	out->segment[1] = GET(s->segment[1]);
	/* Of a slot that was torn this may be any 16 bits: within the room, and never past the ring. */
	if (data != NULL && out->caplen <= r->snap &&
	    (at & r->byte_mask) + out->caplen <= r->byte_mask + 1)
		load_words(data, r->byte + (at & r->byte_mask) / WORD, out->caplen);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	limit = GET(r->limit);
	return GET(s->seq) == 2 * number + 2 && (data == NULL || limit <= at + r->byte_mask + 1);
}

const char *
bh_evidence_fate_name(unsigned fate)
{
	static const char *const names[] = {"waits", "pass", "drop", "reject"};

	return fate < BH_ARRAY_SIZE(names) ? names[fate] : "invalid";
}
