/* gRPC messages: five bytes of framing, then protocol buffers, whose texts are judged as arguments. Without a schema a
 * field of bytes is read as a message where it is one, else as text where it is that. */
#include "message.h"

#define GRPC_DEPTH 8

static bool
varint(const struct bh_view *v, size_t *pos, uint64_t *value)
{
	unsigned shift;

	*value = 0;
	for (shift = 0; shift < 64 && *pos < v->len; shift += 7) {
		uint8_t c = v->at[(*pos)++];

		*value |= (uint64_t)(c & 127) << shift;
		if (c < 128)
			return true;
	}
	return false;
}

/* The next field: false at the end or when this is no protocol buffer (*broken). A field of bytes is in *bytes. */
static bool
next_field(const struct bh_view *v, size_t *pos, struct bh_view *bytes, bool *broken)
{
	uint64_t tag, n;

	*bytes = (struct bh_view){NULL, 0};
	*broken = *pos < v->len;
	if (*pos >= v->len || !varint(v, pos, &tag) || tag >> 3 == 0 || tag >> 3 > 536870911)
		return false;
	switch (tag & 7) {
	case 0:
		if (!varint(v, pos, &n))
			return false;
		break;
	case 1:
	case 5:
		n = (tag & 7) == 1 ? 8 : 4;
		if (n > v->len - *pos)
			return false;
		*pos += n;
		break;
	case 2:
		if (!varint(v, pos, &n) || n > v->len - *pos)
			return false;
		*bytes = (struct bh_view){v->at + *pos, (size_t)n};
		*pos += n;
		break;
	default:
		return false;
	}
	*broken = false;
	return true;
}

static bool
is_message(const struct bh_view *v)
{
	struct bh_view bytes;
	bool broken = true;
	size_t pos = 0;

	while (next_field(v, &pos, &bytes, &broken))
		;
	return v->len > 0 && !broken;
}

static bool
is_text(const struct bh_view *v)
{
	size_t i;

	for (i = 0; i < v->len; i++)
		if (v->at[i] < 0x20 && !bh_is_space(v->at[i]))
			return false;
	return v->len > 0;
}

static void
fields(struct bh_message *m, const struct bh_view *v, unsigned depth)
{
	struct bh_view bytes, none = {NULL, 0};
	bool broken;
	size_t pos = 0;

	while (next_field(v, &pos, &bytes, &broken)) {
		/* text may happen to be a message, too */
		if (is_text(&bytes))
			bh_message_value(m, m->side == 0 ? BH_AT_ARG : BH_AT_RESPONSE, none, bytes);
		if (depth > 0 && is_message(&bytes))
			fields(m, &bytes, depth - 1);
	}
}

size_t
bh_message_grpc(struct bh_message *m, struct bh_view text, bool final)
{
	struct bh_view none = {NULL, 0};
	size_t pos = 0;

	/* behind the beginning of a message that is longer than the window: no field's place is known */
	if (m->s->part != 0) {
		bh_message_value(m, m->side == 0 ? BH_AT_BODY : BH_AT_RESPONSE, none, text);
		return text.len;
	}
	while (text.len - pos >= 5) {
		uint32_t n = bh_load_be32(text.at + pos + 1);
		struct bh_view one = {text.at + pos + 5, text.len - pos - 5};

		if (n > one.len && !final && pos > 0)
			return pos;
		if (n > one.len && !final && text.len < BH_INSPECT_WINDOW)
			return 0;
		m->s->part = n > one.len;
		one.len = n < one.len ? n : one.len;
		if (m->s->part != 0)
			bh_message_value(m, m->side == 0 ? BH_AT_BODY : BH_AT_RESPONSE, none, one);
		else if (text.at[pos] == 0)
			fields(m, &one, GRPC_DEPTH);
		pos += 5 + one.len;
	}
	return final ? text.len : pos;
}
