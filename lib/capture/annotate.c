/* pcapng with comments, into memory (draft-ietf-opsawg-pcapng 3.5, 4.1 to 4.3). In the machine's byte order. */
#include "capture_priv.h"

enum {
	OPT_END = 0,
	OPT_COMMENT = 1,
	OPT_IF_NAME = 2,
	OPT_EPB_FLAGS = 2,
	OPT_USERAPPL = 4,
	OPT_IF_TSRESOL = 9,
};

#define INBOUND 1u /* epb_flags, bits 0 and 1 */

static void
put32(struct bh_buf *b, uint32_t v)
{
	bh_buf_add(b, &v, sizeof(v));
}

static void
put16(struct bh_buf *b, uint16_t v)
{
	bh_buf_add(b, &v, sizeof(v));
}

static void
put_padded(struct bh_buf *b, const void *data, size_t len)
{
	static const uint8_t zero[4];

	bh_buf_add(b, data, len);
	bh_buf_add(b, zero, -len & 3);
}

static void
put_option(struct bh_buf *b, uint16_t code, const void *data, size_t len)
{
	if (len > BH_CAPTURE_COMMENT_MAX)
		len = BH_CAPTURE_COMMENT_MAX;
	put16(b, code);
	put16(b, (uint16_t)len);
	put_padded(b, data, len);
}

static void
put_text(struct bh_buf *b, uint16_t code, const char *text)
{
	if (text != NULL && text[0] != '\0')
		put_option(b, code, text, strlen(text));
}

/* The length is known at its end, and stands at both. */
static size_t
begin_block(struct bh_buf *b, uint32_t type)
{
	size_t at = b->len;

	put32(b, type);
	put32(b, 0);
	return at;
}

static void
end_block(struct bh_buf *b, size_t at)
{
	uint32_t total;

	put16(b, OPT_END);
	put16(b, 0);
	total = (uint32_t)(b->len + 4 - at);
	put32(b, total);
	if (!b->failed)
		memcpy(b->data + at + 4, &total, sizeof(total));
}

static void
put_interface(struct bh_buf *b, const struct bh_capture_interface *i)
{
	size_t at = begin_block(b, BH_PCAPNG_INTERFACE);
	const uint8_t nanoseconds = 9;

	put16(b, (uint16_t)i->linktype);
	put16(b, 0);
	put32(b, i->snaplen);
	put_text(b, OPT_IF_NAME, i->name);
	put_option(b, OPT_IF_TSRESOL, &nanoseconds, 1);
	end_block(b, at);
}

void
bh_capture_put_section(struct bh_buf *out, const struct bh_capture_section *s)
{
	size_t at = begin_block(out, BH_PCAPNG_SECTION);
	unsigned i;

	put32(out, BH_PCAPNG_MAGIC);
	put16(out, 1);
	put16(out, 0);
	put32(out, UINT32_MAX); /* length of the section: not told */
	put32(out, UINT32_MAX);
	put_text(out, OPT_USERAPPL, s->application);
	for (i = 0; i < s->n_comments; i++)
		put_text(out, OPT_COMMENT, s->comment[i]);
	end_block(out, at);
	for (i = 0; i < s->n_interfaces; i++)
		put_interface(out, &s->interface[i]);
}

void
bh_capture_put_packet(struct bh_buf *out, const struct bh_capture_packet *p, uint32_t interface,
		      const char *comment)
{
	size_t at = begin_block(out, BH_PCAPNG_ENHANCED);
	const uint32_t flags = INBOUND;

	put32(out, interface);
	put32(out, (uint32_t)(p->time_ns >> 32));
	put32(out, (uint32_t)p->time_ns);
	put32(out, p->caplen);
	put32(out, p->wirelen);
	put_padded(out, p->data, p->caplen);
	put_option(out, OPT_EPB_FLAGS, &flags, sizeof(flags));
	put_text(out, OPT_COMMENT, comment);
	end_block(out, at);
}
