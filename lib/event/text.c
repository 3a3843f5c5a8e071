/* The words of an operation, packed behind their event: field (8 bits), length (16 bits, low byte first), bytes. */
#include <string.h>

#include "event.h"

#define HEAD 3u

void
bh_event_text_add(struct bh_event_text *t, uint8_t field, const void *at, size_t len)
{
	uint8_t *to = t->data + t->len;

	if (len > UINT16_MAX || t->len + HEAD + len > sizeof(t->data)) {
		t->cut = true;
		return;
	}
	to[0] = field;
	to[1] = (uint8_t)len;
	to[2] = (uint8_t)(len >> 8);
	memcpy(to + HEAD, at, len);
	t->len = (uint16_t)(t->len + HEAD + len);
}

/* What follows the last value in its slot is zero: a value of field 0 without bytes, which nobody adds. */
bool
bh_event_text_next(const struct bh_event *e, uint32_t *cursor, uint8_t *field, const uint8_t **at,
		   uint32_t *len)
{
	unsigned slots = e->n_text < BH_EVENT_TEXT_SLOTS ? e->n_text : BH_EVENT_TEXT_SLOTS;
	struct bh_cur c = bh_cur(e + 1, slots * sizeof(*e));
	const uint8_t *head;
	uint32_t n;

	if (bh_cur_take(&c, *cursor) == NULL || (head = bh_cur_take(&c, HEAD)) == NULL)
		return false;
	n = (uint32_t)head[1] | (uint32_t)head[2] << 8;
	if ((head[0] == 0 && n == 0) || bh_cur_take(&c, n) == NULL)
		return false;
	*field = head[0];
	*at = head + HEAD;
	*len = n;
	*cursor += HEAD + n;
	return true;
}
