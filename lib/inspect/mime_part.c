/* Parts of mails behind their transfer encoding: text in UTF-16 (RFC 2781), gzip (RFC 1952), mails that are encoded as a
 * whole, which RFC 2046 5.2.1 does not allow and mailers write. What else it is, is told as it is. */
#include "mime.h"

enum { UNKNOWN, PLAIN, WIDE, PACKED, MAIL };

void
bh_mime_part_begin(struct bh_wire *w, struct bh_mime *m)
{
	struct bh_memory *memory = (struct bh_memory *)(uintptr_t)w->ctx->memory;

	m->layer = UNKNOWN;
	m->n_look = 0;
	if (!m->message)
		return;
	m->layer = PLAIN;
	if (memory == NULL || m->level + 1 >= BH_MIME_LEVELS)
		return;
	m->inner = memory->alloc(memory->arg, sizeof(*m->inner));
	if (m->inner == NULL)
		return;
	memset(m->inner, 0, sizeof(*m->inner));
	bh_mime_open(m->inner);
	m->inner->level = (uint8_t)(m->level + 1);
	m->layer = MAIL;
}

static void
inflate(struct bh_wire *w, struct bh_mime *m, const uint8_t *at, size_t len)
{
	struct bh_cur in = bh_cur(at, len);
	uint8_t out[1024];
	size_t n;

	do {
		n = sizeof(out);
		if (!bh_wire_inflate(&m->packed, &in, out, &n)) {
			bh_wire_unread(w);
			m->layer = PLAIN;
		}
		bh_wire_text(w, out, n);
	} while (n > 0 && m->layer == PACKED);
}

static bool
is_letter(uint8_t c)
{
	return c >= 0x20 && c < 0x7f;
}

/* The first two bytes say what it is. */
static void
choose(struct bh_wire *w, struct bh_mime *m)
{
	const uint8_t *b = m->look;
	bool big = (b[0] == 0xfe && b[1] == 0xff) || (b[0] == 0 && is_letter(b[1]));
	bool little = (b[0] == 0xff && b[1] == 0xfe) || (is_letter(b[0]) && b[1] == 0);

	m->layer = PLAIN;
	if (big || little || m->utf16) {
		m->layer = WIDE;
		/* RFC 2781 4.3: big-endian without a mark */
		m->wide = (struct bh_wire_utf16){.big = !little};
	} else if (b[0] == 0x1f && b[1] == 0x8b) {
		m->layer = PACKED;
		if (!bh_wire_inflate_begin(w, &m->packed, BH_CODING_GZIP)) {
			bh_wire_unread(w);
			m->layer = PLAIN;
		}
	}
}

static void
told(struct bh_wire *w, struct bh_mime *m, const uint8_t *at, size_t len)
{
	switch (m->layer) {
	case WIDE:
		bh_wire_utf16(w, &m->wide, at, len);
		break;
	case PACKED:
		inflate(w, m, at, len);
		break;
	case MAIL:
		bh_mime_feed(w, m->inner, bh_cur(at, len));
		break;
	default:
		bh_wire_text(w, at, len);
	}
}

void
bh_mime_part(struct bh_wire *w, struct bh_mime *m, const uint8_t *at, size_t len)
{
	while (m->layer == UNKNOWN && len > 0) {
		m->look[m->n_look++] = *at++;
		len--;
		if (m->n_look < sizeof(m->look))
			continue;
		choose(w, m);
		told(w, m, m->look, sizeof(m->look));
	}
	if (len > 0)
		told(w, m, at, len);
}

void
bh_mime_part_end(struct bh_wire *w, struct bh_mime *m)
{
	if (m->layer == UNKNOWN)
		bh_wire_text(w, m->look, m->n_look);
	m->n_look = 0;
	if (m->inner != NULL)
		bh_mime_end(w, m->inner);
	bh_mime_drop(w, m);
}

void
bh_mime_drop(struct bh_wire *w, struct bh_mime *m)
{
	/* no deeper than BH_MIME_LEVELS */
	if (m->inner != NULL) {
		bh_mime_drop(w, m->inner);
		w->ctx->memory->free(w->ctx->memory->arg, m->inner);
	}
	m->inner = NULL;
	m->layer = PLAIN;
	bh_wire_inflate_end(&m->packed);
}
