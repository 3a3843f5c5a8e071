/* HTTP/2's header compression (RFC 7541) through libnghttp2, in the connection's own memory. */
#include "http2.h"

/* Lives in the connection's memory: libnghttp2 keeps a pointer to `mem`. */
struct http2_memory {
	nghttp2_mem mem;
	const struct bh_ops_memory *from;
	size_t used;
};

/* In front of each block, so that it can be grown and counted. */
struct block {
	_Alignas(16) size_t size;
};

static void *
take(size_t size, void *arg)
{
	struct http2_memory *m = arg;
	struct block *b;

	if (size > HTTP2_MEMORY_MAX || m->used + size > HTTP2_MEMORY_MAX)
		return NULL;
	b = m->from->alloc(m->from->arg, sizeof(*b) + size);
	if (b == NULL)
		return NULL;
	b->size = size;
	m->used += size;
	return b + 1;
}

static void
give_back(void *p, void *arg)
{
	struct http2_memory *m = arg;
	struct block *b = p;

	if (p == NULL)
		return;
	b--;
	m->used -= b->size;
	m->from->free(m->from->arg, b);
}

static void *
take_zeroed(size_t n, size_t size, void *arg)
{
	void *p = size == 0 || n <= HTTP2_MEMORY_MAX / size ? take(n * size, arg) : NULL;

	if (p != NULL)
		memset(p, 0, n * size);
	return p;
}

static void *
grow(void *p, size_t size, void *arg)
{
	size_t old = p != NULL ? ((struct block *)p - 1)->size : 0;
	void *bigger = take(size, arg);

	if (bigger == NULL)
		return NULL;
	if (p != NULL)
		memcpy(bigger, p, old < size ? old : size);
	give_back(p, arg);
	return bigger;
}

static struct http2_memory *
open_memory(const struct bh_ops_memory *from)
{
	struct http2_memory *m = from != NULL ? from->alloc(from->arg, sizeof(*m)) : NULL;

	if (m == NULL)
		return NULL;
	m->from = from;
	m->used = 0;
	m->mem = (nghttp2_mem){.mem_user_data = m,
			       .malloc = take,
			       .free = give_back,
			       .calloc = take_zeroed,
			       .realloc = grow};
	return m;
}

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
	if (s->inflater == NULL || want == t->set)
		return NULL;
	t->set = want;
	return nghttp2_hd_inflate_change_table_size(s->inflater, want) == 0
		       ? NULL
		       : "table size changes within a header block";
}

const char *
bh_http2_block_begin(struct bh_ops *s, unsigned side)
{
	struct http2_ops *o = BH_OPS_OF(s, struct http2_ops);
	struct http2_side *h = &o->side[side];

	if (o->memory == NULL)
		o->memory = open_memory(s->memory);
	if (o->memory == NULL)
		return "no memory";
	if (h->inflater == NULL && nghttp2_hd_inflate_new2(&h->inflater, &o->memory->mem) != 0)
		return "no memory";
	return adjust(h);
}

const char *
bh_http2_inflate(struct bh_ops *s, unsigned side, const uint8_t *p, size_t n, bool final)
{
	struct http2_ops *o = BH_OPS_OF(s, struct http2_ops);
	struct http2_side *h = &o->side[side];
	const char *why = NULL;
	int flags = 0;

	if (n > HTTP2_BLOCK_MAX - h->sent)
		return "header block is too long";
	h->sent += (uint32_t)n;
	while (why == NULL && (n != 0 || final) && (flags & NGHTTP2_HD_INFLATE_FINAL) == 0) {
		nghttp2_nv nv;
		ssize_t eaten;

		flags = 0;
		eaten = nghttp2_hd_inflate_hd2(h->inflater, &nv, &flags, p, n, final);
		if (eaten < 0)
			return eaten == NGHTTP2_ERR_NOMEM ? "no memory"
							  : "header block does not decompress";
		p += eaten;
		n -= (size_t)eaten;
		if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0)
			why = bh_http2_field(o, side,
					     (struct bh_http_text){nv.name, (uint32_t)nv.namelen},
					     (struct bh_http_text){nv.value,
								   (uint32_t)nv.valuelen});
		else if (eaten == 0)
			break;
	}
	if (why == NULL && final && nghttp2_hd_inflate_end_headers(h->inflater) != 0)
		why = "header block does not decompress";
	return why;
}

const char *
bh_http2_settings(struct http2_ops *o, unsigned side, uint32_t table)
{
	struct http2_table *t = &o->side[!side].table;

	if (t->n == HTTP2_UNACKNOWLEDGED)
		return "SETTINGS are not acknowledged";
	if (table != HTTP2_SAME && table > HTTP2_TABLE_MAX)
		table = HTTP2_TABLE_MAX;
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
		if (o->side[i].inflater != NULL)
			nghttp2_hd_inflate_del(o->side[i].inflater);
		o->side[i].inflater = NULL;
	}
	if (o->memory != NULL)
		s->memory->free(s->memory->arg, o->memory);
	o->memory = NULL;
}
