/* A case as pcapng: the events' records in the section's comments, verdict and reason in each packet's. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "evidence_priv.h"

/* Packets from before the event are a ring: into the order in which they came. */
static void
straighten(struct bh_evidence_case *c, unsigned before)
{
	struct bh_evidence_kept *copy;
	unsigned i;

	if (c->n_before < before || c->oldest == 0)
		return;
	copy = malloc(before * sizeof(*copy));
	if (copy == NULL)
		return; /* readers sort by time */
	for (i = 0; i < before; i++)
		copy[i] = c->packet[(c->oldest + i) % before];
	memcpy(c->packet, copy, before * sizeof(*copy));
	c->oldest = 0;
	free(copy);
}

static struct bh_evidence_kept *
nth(const struct bh_evidence_case *c, unsigned before, unsigned i)
{
	return &c->packet[i < c->n_before ? i : before + i - c->n_before];
}

void
bh_evidence_refresh(const struct bh_evidence_ring *ring, struct bh_evidence_kept *k)
{
	struct bh_evidence_packet now;

	if (bh_evidence_get(ring, k->number, &now, NULL)) {
		k->p.fate = now.fate;
		k->p.reason = now.reason;
	}
}

static void
put_packet(const struct bh_evidence_params *p, const struct bh_evidence_kept *k, uint32_t hidden,
	   struct bh_buf *out)
{
	const struct bh_capture_packet packet = {
		.data = k->data,
		.caplen = k->p.caplen,
		.wirelen = k->p.wirelen > k->p.caplen ? k->p.wirelen : k->p.caplen,
		.time_ns = k->p.time_ns,
	};
	char comment[400];
	int n;

	n = snprintf(comment, sizeof(comment), "verdict=%s", bh_evidence_fate_name(k->p.fate));
	if (k->p.fate != BH_EVIDENCE_WAITS)
		n += snprintf(comment + n, sizeof(comment) - (size_t)n, " reason=%s (%s)",
			      bh_reason_name(k->p.reason), bh_reason_text(k->p.reason));
	if (hidden != 0)
		snprintf(comment + n, sizeof(comment) - (size_t)n,
			 "; %u bytes of payload are masked, checksums are the original's", hidden);
	bh_capture_put_packet(out, &packet, k->p.wire < p->n_wires ? k->p.wire : 0, comment);
}

static void
put_section(const struct bh_evidence *ev, struct bh_evidence_sheet *sheet, int hidden,
	    struct bh_buf *out)
{
	struct bh_capture_interface interface[BH_EVIDENCE_MAX_WIRES];
	struct bh_capture_section s = {.application = "bulkhead " BH_VERSION,
				       .comment = sheet->comment,
				       .interface = interface,
				       .n_interfaces = ev->p.n_wires};
	char masked[160];
	unsigned i;

	s.n_comments = sheet->n_comments;
	if (hidden > 0) {
		snprintf(masked, sizeof(masked),
			 "%d bytes of payload are masked with '*'; lengths and checksums are those "
			 "of "
			 "the original packets",
			 hidden);
		sheet->comment[s.n_comments++] = masked;
	}
	for (i = 0; i < ev->p.n_wires; i++)
		interface[i] = (struct bh_capture_interface){
			.name = ev->p.wire[i].name,
			.linktype = ev->p.wire[i].linktype,
			.snaplen = bh_evidence_snap(ev->ring[0]),
		};
	bh_capture_put_section(out, &s);
}

int
bh_evidence_write(const struct bh_evidence *ev, struct bh_evidence_sheet *s, struct bh_buf *out)
{
	struct bh_evidence_frame *frame = calloc(s->n + 1, sizeof(*frame));
	int hidden = 0;
	unsigned i;

	if (frame == NULL)
		return -ENOMEM;
	for (i = 0; i < s->n; i++)
		frame[i] = (struct bh_evidence_frame){.data = s->packet[i]->data,
						      .caplen = s->packet[i]->p.caplen,
						      .wirelen = s->packet[i]->p.wirelen,
						      .wire = s->packet[i]->p.wire};
	if (ev->p.mask != BH_MASK_NEVER)
		hidden = bh_evidence_stitch(&ev->p, frame, s->n,
					    ev->p.mask == BH_MASK_ALWAYS || s->all);
	if (hidden >= 0) {
		put_section(ev, s, hidden, out);
		for (i = 0; i < s->n; i++)
			put_packet(&ev->p, s->packet[i], frame[i].hidden, out);
	}
	free(frame);
	return hidden < 0 || out->failed ? -ENOMEM : 0;
}

int
bh_evidence_render(const struct bh_evidence *ev, struct bh_evidence_case *c, struct bh_buf *out)
{
	struct bh_evidence_sheet s = {.n = c->n_before + c->n_after, .all = c->sensitive};
	unsigned i;
	int rc;

	s.packet = calloc(s.n + 1, sizeof(struct bh_evidence_kept *));
	if (s.packet == NULL)
		return -ENOMEM;
	straighten(c, ev->p.before);
	for (i = 0; i < s.n; i++) {
		s.packet[i] = nth(c, ev->p.before, i);
		bh_evidence_refresh(ev->ring[c->ring], s.packet[i]);
	}
	for (i = 0; i < c->n_events; i++)
		s.comment[s.n_comments++] = c->event[i].data;
	rc = bh_evidence_write(ev, &s, out);
	free(s.packet);
	return rc;
}
