/* A number that begins in one packet and ends in the next is one to its receiver: payloads are put in order (TCP by
 * sequence, fragments by offset) and masked as one text; then each alone, since copies of a byte may differ. */
#include <errno.h>
#include <stdlib.h>

#include "evidence_priv.h"

#define ETHERNET_HEAD 14u

/* The payload of one frame, as far as it was kept. */
struct piece {
	struct bh_evidence_frame *frame;
	uint64_t stream;
	uint32_t at; /* of its first byte in the stream */
	int32_t off; /* from the first piece of the stream, in its order of arrival */
	unsigned order;
	uint8_t *text;
	uint32_t len;
	uint8_t *hide;
};

bool
bh_evidence_key(const struct bh_evidence_params *p, const struct bh_evidence_packet *packet,
		const uint8_t *data, struct bh_parsed *out)
{
	enum bh_link_type link =
		packet->wire < p->n_wires ? p->wire[packet->wire].link : BH_LINK_ETHERNET;

	return bh_net_parse(&p->parse, link, data, packet->caplen, packet->wirelen, 0, out) ==
		       BH_REASON_NONE &&
	       out->key.family != 0;
}

static uint64_t
stream_of(const struct bh_parsed *h, bool fragment)
{
	uint64_t pair = bh_evidence_pair_hash(&h->key), flow = bh_evidence_flow_hash(&h->key, pair);

	/* Its port fields hold the identification. */
	return bh_mum(flow ^ h->from, fragment ? UINT64_C(0xa0761d6478bd642f) : 1);
}

static void
find_payload(const struct bh_evidence_params *p, struct piece *piece)
{
	struct bh_evidence_frame *f = piece->frame;
	const struct bh_evidence_packet packet = {.wire = f->wire,
						  .caplen = (uint16_t)f->caplen,
						  .wirelen = f->wirelen};
	struct bh_parsed h;
	uint32_t off = ETHERNET_HEAD, len = UINT32_MAX;

	piece->stream = bh_mum(piece->order + 1, UINT64_C(0xe7037ed1a0b428db));
	if (bh_evidence_key(p, &packet, f->data, &h)) {
		bool fragment = h.kind == BH_FRAME_FRAGMENT;

		off = fragment ? h.l4_off : h.payload_off;
		len = fragment ? h.frag_len : h.payload_len;
		if (fragment || h.key.proto == 6)
			piece->stream = stream_of(&h, fragment);
		piece->at = fragment ? h.frag_off : h.tcp_seq + ((h.tcp_flags & BH_TCP_SYN) != 0);
	}
	if (off > f->caplen)
		off = f->caplen;
	piece->text = f->data + off;
	piece->len = len < f->caplen - off ? len : f->caplen - off;
}

static int
by_stream_and_arrival(const void *va, const void *vb)
{
	const struct piece *a = va, *b = vb;

	if (a->stream != b->stream)
		return a->stream < b->stream ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

static int
by_place(const void *va, const void *vb)
{
	const struct piece *a = va, *b = vb;

	if (a->off != b->off)
		return a->off < b->off ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

static void
copy_hidden(struct piece *p, const uint8_t *hide, size_t from)
{
	uint32_t i;

	for (i = 0; i < p->len; i++) {
		size_t k = from + i;

		if ((hide[k / 8] & 1u << (k & 7)) != 0)
			p->hide[i / 8] |= (uint8_t)(1u << (i & 7));
	}
}

/* n pieces that leave no gap. */
static int
hide_together(struct piece *p, unsigned n, size_t len, bool all)
{
	uint8_t *text = malloc(len + 1), *hide = calloc(1, len / 8 + 1);
	size_t end = 0;
	unsigned i;
	int rc = -ENOMEM;

	if (text == NULL || hide == NULL)
		goto free_all;
	for (i = 0; i < n; i++) {
		size_t from = (size_t)(p[i].off - p[0].off), have = end - from;

		/* The first copy of a byte wins, as at the receiver. */
		if (from + p[i].len <= end)
			continue;
		memcpy(text + end, p[i].text + have, p[i].len - have);
		end = from + p[i].len;
	}
	bh_evidence_hide(hide, text, end, all);
	for (i = 0; i < n; i++)
		copy_hidden(&p[i], hide, (size_t)(p[i].off - p[0].off));
	rc = 0;
free_all:
	free(text);
	free(hide);
	return rc;
}

/* One stream, in order of arrival. */
static int
hide_stream(struct piece *p, unsigned n, bool all)
{
	unsigned i, first;
	int64_t end;
	int rc = 0;

	for (i = 0; i < n; i++)
		p[i].off = (int32_t)(p[i].at - p[0].at);
	qsort(p, n, sizeof(*p), by_place);
	for (first = 0; first < n && rc == 0; first = i) {
		end = (int64_t)p[first].off + p[first].len;
		for (i = first + 1; i < n && p[i].off <= end; i++) {
			if ((int64_t)p[i].off + p[i].len > end)
				end = (int64_t)p[i].off + p[i].len;
		}
		if (i - first > 1)
			rc = hide_together(p + first, i - first, (size_t)(end - p[first].off), all);
	}
	return rc;
}

static void
apply(struct piece *p)
{
	uint32_t i;

	for (i = 0; i < p->len; i++) {
		if ((p->hide[i / 8] & 1u << (i & 7)) != 0) {
			p->text[i] = '*';
			p->frame->hidden++;
		}
	}
}

static int
hide_all(struct piece *p, unsigned n, bool all)
{
	unsigned i, from;
	int rc = 0, hidden = 0;

	for (i = 0; i < n; i++) {
		p[i].hide = calloc(1, p[i].len / 8 + 1);
		if (p[i].hide == NULL)
			return -ENOMEM;
		bh_evidence_hide(p[i].hide, p[i].text, p[i].len, all);
	}
	qsort(p, n, sizeof(*p), by_stream_and_arrival);
	for (from = 0; from < n && rc == 0; from = i) {
		for (i = from + 1; i < n && p[i].stream == p[from].stream; i++)
			;
		rc = hide_stream(p + from, i - from, all);
	}
	for (i = 0; i < n && rc == 0; i++) {
		apply(&p[i]);
		hidden += (int)p[i].frame->hidden;
	}
	return rc != 0 ? rc : hidden;
}

int
bh_evidence_stitch(const struct bh_evidence_params *params, struct bh_evidence_frame *frame,
		   unsigned n, bool all)
{
	struct piece *p = calloc(n + 1, sizeof(*p));
	unsigned i;
	int rc;

	if (p == NULL)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		p[i].frame = &frame[i];
		p[i].order = i;
		find_payload(params, &p[i]);
	}
	rc = hide_all(p, n, all);
	for (i = 0; i < n; i++)
		free(p[i].hide);
	free(p);
	return rc;
}
