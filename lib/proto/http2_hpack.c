/* HTTP/2's header blocks: a decoder for each side, and the size of its table as the SETTINGS say. */
#include "http2.h"

/* A receiver announces a larger table before it knows that the sender has read so: it is taken at
 * once. A smaller one counts from the acknowledgement on (RFC 9113 4.3.1), which is in order with
 * the sender's blocks. */
static const char *
adjust(struct http2_side *s)
{
	struct http2_table *t = &s->table;
	uint32_t want = t->agreed;
	unsigned i;

	for (i = 0; i < t->n; i++) {
		if (t->asked[i] != HTTP2_SAME && t->asked[i] > want)
			want = t->asked[i];
	}
	if (s->hpack == NULL || want == t->set)
		return NULL;
	t->set = want;
	return bh_hpack_resize(s->hpack, want) ? NULL : "table size changes within a header block";
}

const char *
bh_http2_block_begin(struct bh_ops *s, unsigned side)
{
	struct http2_ops *o = BH_OPS_OF(s, struct http2_ops);
	struct http2_side *h = &o->side[side];

	if (h->hpack == NULL)
		h->hpack = bh_hpack_open(s->memory);
	if (h->hpack == NULL)
		return "no memory";
	return adjust(h);
}

struct block_of {
	struct http2_ops *o;
	unsigned side;
};

static const char *
on_field(void *arg, struct bh_http_text name, struct bh_http_text value)
{
	const struct block_of *b = arg;

	return bh_http2_field(b->o, b->side, name, value);
}

const char *
bh_http2_inflate(struct bh_ops *s, unsigned side, const uint8_t *p, size_t n, bool final)
{
	struct http2_ops *o = BH_OPS_OF(s, struct http2_ops);
	struct http2_side *h = &o->side[side];
	struct block_of block = {o, side};
	struct bh_hpack_sink sink = {on_field, &block};

	if (n > HTTP2_BLOCK_MAX - h->sent)
		return "header block is too long";
	h->sent += (uint32_t)n;
	return bh_hpack_feed(h->hpack, (struct bh_http_text){p, (uint32_t)n}, final, &sink);
}

const char *
bh_http2_settings(struct http2_ops *o, unsigned side, uint32_t table)
{
	struct http2_table *t = &o->side[!side].table;

	if (t->n == HTTP2_UNACKNOWLEDGED)
		return "SETTINGS are not acknowledged";
	if (table != HTTP2_SAME && table > BH_HPACK_TABLE_MAX)
		table = BH_HPACK_TABLE_MAX;
	t->asked[t->n++] = table;
	return NULL;
}

const char *
bh_http2_settings_ack(struct http2_ops *o, unsigned side)
{
	struct http2_table *t = &o->side[side].table;

	if (t->n == 0)
		return "acknowledges SETTINGS that were not sent";
	if (t->asked[0] != HTTP2_SAME)
		t->agreed = t->asked[0];
	t->n--;
	memmove(t->asked, t->asked + 1, t->n * sizeof(t->asked[0]));
	return adjust(&o->side[side]);
}

void
bh_http2_close(struct bh_ops *s)
{
	struct http2_ops *o = BH_OPS_OF(s, struct http2_ops);
	unsigned i;

	for (i = 0; i < 2; i++) {
		bh_hpack_close(o->side[i].hpack);
		o->side[i].hpack = NULL;
	}
}
