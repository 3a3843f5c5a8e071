/* Memory of the streams: two pools in one mapping, taken and given back by index. */
#include <errno.h>
#include <stdlib.h>

#include "stream_priv.h"

static bool
params_are_valid(const struct bh_stream_params *p)
{
	return p->streams >= 16 && p->streams <= UINT32_C(1) << 20 && p->segments >= 64 &&
	       p->segments <= UINT32_C(1) << 24 && p->side_bytes >= 4096 &&
	       p->side_bytes <= UINT32_C(64) << 20 && p->side_segments >= 4 &&
	       p->side_segments <= UINT16_MAX && p->payload != NULL && p->keep != NULL &&
	       p->drop != NULL;
}

int
bh_stream_store_create(struct bh_stream_store **out, const struct bh_stream_params *params)
{
	struct bh_stream_store *st;
	uint32_t i;

	if (!params_are_valid(params))
		return -EINVAL;
	st = calloc(1, sizeof(*st));
	if (st == NULL)
		return -ENOMEM;
	st->p = *params;
	st->map_size = params->streams * sizeof(*st->stream) + params->segments * sizeof(*st->node);
	st->map = bh_mem_map(st->map_size, true, NULL);
	if (st->map == NULL) {
		free(st);
		return -ENOMEM;
	}
	st->stream = st->map;
	st->node = (struct bh_stream_node *)(void *)(st->stream + params->streams);
	for (i = 0; i < params->streams; i++)
		st->stream[i].link = i + 1 < params->streams ? i + 1 : BH_STREAM_NONE;
	for (i = 0; i < params->segments; i++)
		st->node[i].next = i + 1 < params->segments ? i + 1 : BH_STREAM_NONE;
	st->n_free_nodes = params->segments;
	*out = st;
	return 0;
}

void
bh_stream_store_destroy(struct bh_stream_store *st)
{
	if (st == NULL)
		return;
	bh_mem_unmap(st->map, st->map_size);
	free(st);
}

uint32_t
bh_stream_count(const struct bh_stream_store *st)
{
	return st->n_streams;
}

uint32_t
bh_stream_waiting(const struct bh_stream_store *st)
{
	return st->waiting;
}

static struct bh_stream *
take_stream(struct bh_stream_store *st, bool hold)
{
	uint32_t i = st->free_stream;
	struct bh_stream *s;
	unsigned k;

	if (i == BH_STREAM_NONE)
		return NULL;
	s = &st->stream[i];
	st->free_stream = s->link;
	st->n_streams++;
	*s = (struct bh_stream){.st = st, .hold = hold};
	for (k = 0; k < 2; k++) {
		struct bh_stream_side *d = &s->side[k];

		d->head = d->tail = d->hint = d->cursor = BH_STREAM_NONE;
		d->whead = d->wtail = BH_STREAM_NONE;
		d->fin = BH_STREAM_NO_FIN;
		d->limit = INT64_MAX;
		d->wire = BH_STREAM_NO_WIRE;
		d->scale = BH_STREAM_NO_SCALE;
	}
	return s;
}

static struct bh_stream *
open_stream(struct bh_stream_store *st, const struct bh_stream_packet *p, bool hold, bool loose,
	    struct bh_stream_result *r)
{
	struct bh_stream *s = take_stream(st, hold);

	if (s == NULL) {
		struct bh_stream none = {.hold = hold};
		struct bh_stream_ctx c = {.st = st, .s = &none, .p = p, .r = r};

		*r = (struct bh_stream_result){.act = BH_STREAM_PASS};
		bh_stream_except(&c, BH_EXCEPTION_STREAM_FULL);
		return NULL;
	}
	s->loose = loose;
	s->state = loose ? BH_STREAM_ESTABLISHED : BH_STREAM_NEW;
	bh_stream_input(st, s, p, r);
	return s;
}

struct bh_stream *
bh_stream_open(struct bh_stream_store *st, const struct bh_stream_packet *p, bool hold,
	       struct bh_stream_result *r)
{
	return open_stream(st, p, hold, false, r);
}

struct bh_stream *
bh_stream_open_midstream(struct bh_stream_store *st, const struct bh_stream_packet *p, bool hold,
			 struct bh_stream_result *r)
{
	return open_stream(st, p, hold, true, r);
}

void
bh_stream_close(struct bh_stream_store *st, struct bh_stream *s,
		void (*each)(void *arg, void *packet, const struct bh_stream_tag *tag), void *arg)
{
	unsigned k;

	for (k = 0; k < 2; k++) {
		struct bh_stream_side *d = &s->side[k];

		while (d->head != BH_STREAM_NONE)
			bh_stream_unpiece(st, d, d->head);
		while (d->whead != BH_STREAM_NONE) {
			struct bh_stream_tag tag = st->node[d->whead].tag;
			void *packet = bh_stream_unwait(st, d, d->whead);

			if (each != NULL)
				each(arg, packet, &tag);
			else
				st->p.drop(packet);
		}
	}
	s->link = st->free_stream;
	st->free_stream = (uint32_t)(s - st->stream);
	st->n_streams--;
}

uint64_t
bh_stream_read_so_far(const struct bh_stream *s, unsigned side)
{
	return (uint64_t)s->side[side].read;
}

uint64_t
bh_stream_edge(const struct bh_stream *s, unsigned side)
{
	return (uint64_t)s->side[side].edge;
}

uint32_t
bh_stream_seq(const struct bh_stream *s, unsigned side)
{
	const struct bh_stream_side *d = &s->side[side];

	return d->isn + 1 + (uint32_t)bh_stream_top(d);
}

uint8_t
bh_stream_wire(const struct bh_stream *s, unsigned side)
{
	return s->side[side].wire;
}

uint32_t
bh_stream_window(const struct bh_stream *s, unsigned side)
{
	const struct bh_stream_side *d = &s->side[side], *o = &s->side[1 - side];

	if (!d->spoken || s->loose)
		return UINT32_MAX;
	/* RFC 7323 2.2: scaled when both sides sent the option. */
	if (d->scale == BH_STREAM_NO_SCALE || o->scale == BH_STREAM_NO_SCALE)
		return d->raw_window;
	return (uint32_t)d->raw_window << d->scale;
}

bool
bh_stream_is_established(const struct bh_stream *s)
{
	return s->state == BH_STREAM_ESTABLISHED;
}
