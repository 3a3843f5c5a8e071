/* Header compression (RFC 7541) through libnghttp2, in the caller's memory. */
#include <nghttp2/nghttp2.h>

#include "proto.h"

/* libnghttp2 keeps a pointer to mem: lives in the caller's memory. */
struct bh_hpack {
	nghttp2_mem mem;
	nghttp2_hd_inflater *inflater;
	const struct bh_memory *from;
	size_t used;
};

/* In front of each block, so that it can be grown and counted. */
struct block {
	_Alignas(16) size_t size;
};

static void *
take(size_t size, void *arg)
{
	struct bh_hpack *h = arg;
	struct block *b;

	if (size > BH_HPACK_MEMORY_MAX || h->used + size > BH_HPACK_MEMORY_MAX)
		return NULL;
	b = h->from->alloc(h->from->arg, sizeof(*b) + size);
	if (b == NULL)
		return NULL;
	b->size = size;
	h->used += size;
	return b + 1;
}

static void
give_back(void *p, void *arg)
{
	struct bh_hpack *h = arg;
	struct block *b = p;

	if (p == NULL)
		return;
	b--;
	h->used -= b->size;
	h->from->free(h->from->arg, b);
}

static void *
take_zeroed(size_t n, size_t size, void *arg)
{
	void *p = size == 0 || n <= BH_HPACK_MEMORY_MAX / size ? take(n * size, arg) : NULL;

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

struct bh_hpack *
bh_hpack_open(const struct bh_memory *from)
{
	struct bh_hpack *h = from != NULL ? from->alloc(from->arg, sizeof(*h)) : NULL;

	if (h == NULL)
		return NULL;
	memset(h, 0, sizeof(*h));
	h->from = from;
	h->mem = (nghttp2_mem){.mem_user_data = h,
			       .malloc = take,
			       .free = give_back,
			       .calloc = take_zeroed,
			       .realloc = grow};
	if (nghttp2_hd_inflate_new2(&h->inflater, &h->mem) != 0) {
		h->inflater = NULL;
		bh_hpack_close(h);
		return NULL;
	}
	return h;
}

bool
bh_hpack_resize(struct bh_hpack *h, uint32_t table)
{
	return nghttp2_hd_inflate_change_table_size(h->inflater, table) == 0;
}

const char *
bh_hpack_feed(struct bh_hpack *h, struct bh_http_text in, bool final,
	      const struct bh_hpack_sink *sink)
{
	const char *why = NULL;
	int flags = 0;

	while (why == NULL && (in.len != 0 || final) && !(flags & NGHTTP2_HD_INFLATE_FINAL)) {
		nghttp2_nv nv;
		ssize_t eaten;

		flags = 0;
		eaten = nghttp2_hd_inflate_hd2(h->inflater, &nv, &flags, in.at, in.len, final);
		if (eaten < 0)
			return eaten == NGHTTP2_ERR_NOMEM ? "no memory"
							  : "header block does not decompress";
		in.at += eaten;
		in.len -= (uint32_t)eaten;
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			why = sink->field(sink->arg,
					  (struct bh_http_text){nv.name, (uint32_t)nv.namelen},
					  (struct bh_http_text){nv.value, (uint32_t)nv.valuelen});
		else if (eaten == 0)
			break;
	}
	if (why == NULL && final && nghttp2_hd_inflate_end_headers(h->inflater) != 0)
		why = "header block does not decompress";
	return why;
}

void
bh_hpack_close(struct bh_hpack *h)
{
	if (h == NULL)
		return;
	if (h->inflater != NULL)
		nghttp2_hd_inflate_del(h->inflater);
	h->from->free(h->from->arg, h);
}
