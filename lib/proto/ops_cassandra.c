/* cassandra: statements of QUERY, PREPARE and BATCH of the CQL binary protocol v3 to v5. What is prepared is judged then:
 * EXECUTE, and ids in a batch, go with the connection, as do log-in and REGISTER. Version 5 puts its frames into
 * segments once STARTUP was answered. */
#include "sql.h"

enum opcode {
	OP_ERROR = 0x00,
	OP_STARTUP = 0x01,
	OP_READY = 0x02,
	OP_AUTHENTICATE = 0x03,
	OP_OPTIONS = 0x05,
	OP_QUERY = 0x07,
	OP_PREPARE = 0x09,
	OP_EXECUTE = 0x0a,
	OP_REGISTER = 0x0b,
	OP_BATCH = 0x0d,
	OP_AUTH_RESPONSE = 0x0f,
};

enum { FLAG_COMPRESSED = 0x01, FLAG_PAYLOAD = 0x04 };

#define HEADER 9u
#define FRAME_MAX (256u << 20)
#define KEEP 1024u
#define SEGMENT_HEADER 6u
#define SEGMENT_TRAILER 4u

/* What of a frame is next. Up to AT_LAST bytes are collected; the others are passed over, or a text. */
enum at {
	AT_HEADER,
	AT_PAYLOAD, /* custom payload: pairs of a name and bytes */
	AT_KEY_LEN,
	AT_BYTES_LEN,
	AT_TEXT_LEN,
	AT_FLAGS, /* v5, behind the text: is there a keyspace? */
	AT_BATCH,
	AT_KIND,
	AT_ID_LEN,
	AT_VALUES,
	AT_VALUE_LEN,
	AT_LAST,
	AT_KEY,
	AT_BYTES,
	AT_ID,
	AT_VALUE,
	AT_TEXT,
	AT_STARTUP,
	AT_REST,
};

enum framing { PLAIN, WAITING, SEGMENTS };

struct cassandra {
	struct bh_sql sql;
	struct bh_sql_hold hold;
	uint32_t left;    /* of the frame */
	uint32_t skip;    /* of what is passed over, or of the text */
	uint32_t segment; /* payload left of this segment */
	uint16_t pairs, statements, values;
	uint16_t need, n_keep;
	uint8_t at; /* enum at */
	uint8_t framing;
	uint8_t version, opcode;
	bool judging;
	bool compressed; /* STARTUP asked for it */
	bool whole;      /* the segment holds whole frames */
	uint8_t n_segment, n_trailer;
	uint8_t segment_head[SEGMENT_HEADER];
	uint8_t keep[KEEP];
	/* the server's frames, until the framing is known */
	uint32_t server_left;
	uint8_t server_head[HEADER], server_n;
};

static void
expect(struct cassandra *k, enum at at, unsigned need)
{
	k->at = (uint8_t)at;
	k->need = (uint16_t)need;
	k->n_keep = 0;
}

static void
open_cassandra(struct bh_ops *s)
{
	struct cassandra *k = BH_OPS_OF(s, struct cassandra);

	bh_sql_open(&k->sql, BH_SQL_CQL);
	expect(k, AT_HEADER, HEADER);
}

static void
judged(struct cassandra *k)
{
	k->judging = false;
	memset(&k->hold, 0, sizeof(k->hold));
}

static enum bh_ops_status
emit(struct cassandra *k, struct bh_ops_out *out, bool complete)
{
	bh_sql_emit(&k->sql, &out->op, BH_OP_CQL_VERB, BH_OP_CQL_TABLE, complete);
	if (complete)
		memset(&k->hold, 0, sizeof(k->hold));
	return BH_OPS_OP;
}

/* A frame's own bytes begin, its payload is behind. */
static void
begin_body(struct cassandra *k)
{
	switch (k->opcode) {
	case OP_QUERY:
	case OP_PREPARE:
		expect(k, AT_TEXT_LEN, 4);
		break;
	case OP_BATCH:
		expect(k, AT_BATCH, 3);
		break;
	case OP_STARTUP:
		expect(k, AT_STARTUP, 0);
		break;
	default:
		expect(k, AT_REST, 0);
		break;
	}
}

static enum bh_ops_status
header(struct cassandra *k, struct bh_ops_out *out)
{
	uint8_t version = k->keep[0], flags = k->keep[1];

	k->version = version;
	k->opcode = k->keep[4];
	k->left = bh_load_be32(k->keep + 5);
	if (version == 1 || version == 2)
		return bh_ops_say(out, BH_OPS_OPAQUE, "an old version of the protocol");
	if ((version < 3 || version > 5) && version != 0x41 && version != 0x42)
		return bh_ops_say(out, BH_OPS_ERROR, "version of the protocol");
	if (k->left > FRAME_MAX)
		return bh_ops_say(out, BH_OPS_ERROR, "length of a frame");
	if ((flags & FLAG_COMPRESSED) != 0 && version != 5)
		return bh_ops_say(out, BH_OPS_OPAQUE, "compressed");
	switch (k->opcode) {
	case OP_QUERY:
	case OP_PREPARE:
	case OP_BATCH:
		if (version == 5 && k->framing == PLAIN)
			return bh_ops_say(out, BH_OPS_ERROR, "statement before STARTUP");
		k->judging = true;
		break;
	case OP_STARTUP:
	case OP_OPTIONS:
	case OP_EXECUTE:
	case OP_REGISTER:
	case OP_AUTH_RESPONSE:
		judged(k);
		break;
	default:
		return bh_ops_say(out, BH_OPS_ERROR, "opcode");
	}
	if ((flags & FLAG_PAYLOAD) != 0)
		expect(k, AT_PAYLOAD, 2);
	else
		begin_body(k);
	return BH_OPS_MORE;
}

static void
next_pair(struct cassandra *k)
{
	if (k->pairs-- != 0)
		expect(k, AT_KEY_LEN, 2);
	else
		begin_body(k);
}

/* Version 5, and that of DataStax Enterprise, may name a keyspace behind a text. */
static bool
has_flags(const struct cassandra *k)
{
	return k->version == 5 || k->version == 0x42;
}

static void
next_statement(struct cassandra *k)
{
	if (k->statements-- != 0)
		expect(k, AT_KIND, 1);
	else if (has_flags(k))
		expect(k, AT_FLAGS, 6);
	else
		expect(k, AT_REST, 0);
}

static void
next_value(struct cassandra *k)
{
	if (k->values-- != 0)
		expect(k, AT_VALUE_LEN, 4);
	else
		next_statement(k);
}

/* What behind the text names a keyspace is another USE. */
static enum bh_ops_status
flags(struct cassandra *k, struct bh_ops_out *out)
{
	uint32_t v = bh_load_be32(k->keep + (k->opcode == OP_PREPARE ? 0 : 2));

	expect(k, AT_REST, 0);
	if ((v & (k->opcode == OP_PREPARE ? 1u : 0x80u)) == 0)
		return BH_OPS_MORE;
	bh_op_add(&out->op, BH_OP_CQL_VERB, "use", 3);
	return BH_OPS_OP;
}

/* Bytes to be passed over; a negative length is none. */
static void
pass(struct cassandra *k, enum at at, uint32_t n)
{
	expect(k, at, 0);
	k->skip = n > INT32_MAX ? 0 : n;
}

static enum bh_ops_status
collected(struct cassandra *k, struct bh_ops_out *out)
{
	switch (k->at) {
	case AT_HEADER:
		return header(k, out);
	case AT_PAYLOAD:
		k->pairs = bh_load_be16(k->keep);
		next_pair(k);
		break;
	case AT_KEY_LEN:
		pass(k, AT_KEY, bh_load_be16(k->keep));
		break;
	case AT_BYTES_LEN:
		pass(k, AT_BYTES, bh_load_be32(k->keep));
		break;
	case AT_TEXT_LEN:
		pass(k, AT_TEXT, bh_load_be32(k->keep));
		k->judging = true;
		bh_sql_begin(&k->sql);
		break;
	case AT_FLAGS:
		return flags(k, out);
	case AT_BATCH:
		k->statements = bh_load_be16(k->keep + 1);
		judged(k);
		next_statement(k);
		break;
	case AT_KIND:
		if (k->keep[0] > 1)
			return bh_ops_say(out, BH_OPS_ERROR, "kind of a batch's statement");
		k->judging = k->keep[0] == 0;
		expect(k, k->keep[0] == 0 ? AT_TEXT_LEN : AT_ID_LEN, k->keep[0] == 0 ? 4 : 2);
		break;
	case AT_ID_LEN:
		pass(k, AT_ID, bh_load_be16(k->keep));
		break;
	case AT_VALUES:
		k->values = bh_load_be16(k->keep);
		next_value(k);
		break;
	default: /* AT_VALUE_LEN */
		pass(k, AT_VALUE, bh_load_be32(k->keep));
		break;
	}
	return BH_OPS_MORE;
}

/* The text has ended. */
static enum bh_ops_status
end_text(struct cassandra *k, struct bh_ops_out *out)
{
	bool left = bh_sql_end(&k->sql);
	enum bh_ops_status status = left ? emit(k, out, true) : BH_OPS_MORE;

	judged(k);
	if (k->opcode == OP_BATCH)
		expect(k, AT_VALUES, 2);
	else if (has_flags(k))
		expect(k, AT_FLAGS, k->opcode == OP_PREPARE ? 4 : 6);
	else
		expect(k, AT_REST, 0);
	return status;
}

static enum bh_ops_status
passed(struct cassandra *k, struct bh_ops_out *out)
{
	switch (k->at) {
	case AT_KEY:
		expect(k, AT_BYTES_LEN, 4);
		break;
	case AT_BYTES:
		next_pair(k);
		break;
	case AT_ID:
		expect(k, AT_VALUES, 2);
		break;
	case AT_VALUE:
		next_value(k);
		break;
	default:
		return end_text(k, out);
	}
	return BH_OPS_MORE;
}

/* STARTUP's pairs of strings: is one COMPRESSION? What can't be read may be. */
static bool
compresses(const struct cassandra *k)
{
	struct bh_cur c = bh_cur(k->keep, k->n_keep);
	const uint8_t *key;
	uint16_t n, len;

	if (!bh_cur_be16(&c, &n))
		return true;
	for (; n != 0; n--) {
		if (!bh_cur_be16(&c, &len))
			return true;
		key = bh_cur_take(&c, len);
		if (key == NULL ||
		    (len == 11 && strncasecmp((const char *)key, "COMPRESSION", 11) == 0))
			return true;
		if (!bh_cur_be16(&c, &len) || bh_cur_take(&c, len) == NULL)
			return true;
	}
	return false;
}

static enum bh_ops_status
end_frame(struct cassandra *k, struct bh_ops_out *out)
{
	bool startup = k->at == AT_STARTUP;

	if (!startup && k->at != AT_REST)
		return bh_ops_say(out, BH_OPS_ERROR, "a frame is cut");
	if (startup && k->framing >= SEGMENTS)
		return bh_ops_say(out, BH_OPS_ERROR, "STARTUP again");
	judged(k);
	if (startup && k->version == 5) {
		k->framing = WAITING;
		k->compressed = compresses(k);
	}
	expect(k, AT_HEADER, HEADER);
	return BH_OPS_MORE;
}

/* Is there something to do without more bytes? */
static bool
at_rest(const struct cassandra *k)
{
	if (k->at == AT_HEADER)
		return true;
	if (k->at > AT_LAST && k->at < AT_STARTUP && k->skip == 0)
		return false;
	return k->left != 0;
}

/* Bytes of frames: at most `limit` of them. */
static enum bh_ops_status
frame_step(struct cassandra *k, struct bh_cur *in, uint32_t limit, struct bh_ops_out *out)
{
	size_t n = bh_cur_left(in) < limit ? bh_cur_left(in) : limit, room = KEEP - k->n_keep;
	struct bh_cur part;
	bool done = false;

	if (k->judging && n > bh_sql_room(&k->hold))
		n = bh_sql_room(&k->hold);
	if (k->at > AT_LAST && k->at < AT_STARTUP && k->skip == 0)
		return passed(k, out);
	if (k->at != AT_HEADER && k->left == 0)
		return end_frame(k, out);
	if (k->at != AT_HEADER && n > k->left)
		n = k->left;
	if (k->at < AT_LAST && n > (size_t)(k->need - k->n_keep))
		n = (size_t)(k->need - k->n_keep);
	if (k->at > AT_LAST && k->at < AT_STARTUP && n > k->skip)
		n = k->skip;
	part = bh_cur(in->p, n);
	if (k->at == AT_TEXT) {
		done = bh_sql_feed(&k->sql, &part);
		n = (size_t)(part.p - in->p);
	} else if (k->at < AT_LAST || k->at == AT_STARTUP) {
		memcpy(k->keep + k->n_keep, in->p, n < room ? n : room);
		k->n_keep = (uint16_t)(k->n_keep + (n < room ? n : room));
	}
	bh_cur_take(in, n);
	if (k->at != AT_HEADER)
		k->left -= (uint32_t)n;
	if (k->at > AT_LAST && k->at < AT_STARTUP)
		k->skip -= (uint32_t)n;
	if (done)
		return emit(k, out, true);
	if (k->at < AT_LAST && k->n_keep == k->need)
		return collected(k, out);
	return BH_OPS_MORE;
}

/* CRC24 of a segment's header (native protocol v5, 2.2). */
static uint32_t
crc24(const uint8_t *p, unsigned n)
{
	uint32_t crc = 0x875060;
	unsigned i, bit;

	for (i = 0; i < n; i++) {
		crc ^= (uint32_t)p[i] << 16;
		for (bit = 0; bit < 8; bit++) {
			crc <<= 1;
			if ((crc & 0x1000000) != 0)
				crc ^= 0x1974f0b;
		}
	}
	return crc;
}

static bool
at_boundary(const struct cassandra *k)
{
	return k->at == AT_HEADER && k->n_keep == 0;
}

/* A segment's header: 17 bits of length, whether it holds whole frames, and a sum of these. */
static enum bh_ops_status
segment_header(struct cassandra *k, struct bh_ops_out *out)
{
	uint32_t v = bh_load_le24(k->segment_head);

	k->n_segment = 0;
	k->n_trailer = SEGMENT_TRAILER;
	k->segment = v & 0x1ffff;
	k->whole = (v & 0x20000) != 0;
	if (crc24(k->segment_head, 3) != bh_load_le24(k->segment_head + 3) || v >> 18 != 0)
		return bh_ops_say(out, BH_OPS_ERROR, "header of a segment");
	if (k->segment == 0 || (k->whole && !at_boundary(k)))
		return bh_ops_say(out, BH_OPS_ERROR, "segment");
	return BH_OPS_MORE;
}

static enum bh_ops_status
segment_step(struct cassandra *k, struct bh_cur *in, struct bh_ops_out *out)
{
	size_t before = bh_cur_left(in);
	enum bh_ops_status status;
	uint8_t c = 0;

	if (k->segment != 0 || !at_rest(k)) {
		status = frame_step(k, in, k->segment, out);
		k->segment -= (uint32_t)(before - bh_cur_left(in));
		if (status == BH_OPS_ERROR || status == BH_OPS_OPAQUE || !at_rest(k))
			return status;
		if (k->segment == 0 ? k->whole && !at_boundary(k) : !k->whole && at_boundary(k))
			return bh_ops_say(out, BH_OPS_ERROR, "frames of a segment");
		return status;
	}
	(void)bh_cur_u8(in, &c);
	if (k->n_trailer != 0) {
		k->n_trailer--;
		return BH_OPS_MORE;
	}
	k->segment_head[k->n_segment++] = c;
	return k->n_segment == SEGMENT_HEADER ? segment_header(k, out) : BH_OPS_MORE;
}

static enum bh_ops_status
client(struct cassandra *k, struct bh_cur *in, struct bh_ops_out *out)
{
	enum bh_ops_status status = BH_OPS_MORE;
	size_t before;

	while (status == BH_OPS_MORE && (bh_cur_left(in) != 0 || !at_rest(k))) {
		if (k->framing == WAITING)
			return bh_ops_say(out, BH_OPS_ERROR, "data before STARTUP was answered");
		before = bh_cur_left(in);
		if (k->framing == SEGMENTS)
			status = segment_step(k, in, out);
		else
			status = frame_step(k, in, UINT32_MAX, out);
		if (status != BH_OPS_MORE)
			break;
		if (bh_sql_hold(&k->hold, (uint32_t)(before - bh_cur_left(in)), out) && k->judging)
			status = emit(k, out, false);
		/* a header that is not whole is held, too */
		if (!k->judging && at_boundary(k) && k->n_segment == 0)
			memset(&k->hold, 0, sizeof(k->hold));
		if (!k->judging && k->at != AT_HEADER)
			memset(&k->hold, 0, sizeof(k->hold));
	}
	out->pending = k->hold.early ? 1 : k->hold.bytes;
	return status;
}

/* The server's frames: the answer to STARTUP of version 5. */
static enum bh_ops_status
server(struct cassandra *k, struct bh_cur *in, struct bh_ops_out *out)
{
	uint8_t c;

	while (k->framing < SEGMENTS && bh_cur_u8(in, &c)) {
		if (k->server_left != 0) {
			k->server_left--;
			continue;
		}
		k->server_head[k->server_n++] = c;
		if (k->server_n != HEADER)
			continue;
		k->server_n = 0;
		k->server_left = bh_load_be32(k->server_head + 5);
		if (k->framing != WAITING)
			continue;
		if (k->server_head[4] == OP_ERROR)
			k->framing = PLAIN;
		if (k->server_head[4] != OP_READY && k->server_head[4] != OP_AUTHENTICATE)
			continue;
		k->framing = SEGMENTS;
		if (k->compressed)
			return bh_ops_say(out, BH_OPS_OPAQUE, "compressed");
	}
	bh_cur_take(in, bh_cur_left(in));
	return BH_OPS_MORE;
}

static enum bh_ops_status
feed_cassandra(struct bh_ops *s, unsigned side, struct bh_cur *in, bool ended,
	       struct bh_ops_out *out)
{
	struct cassandra *k = BH_OPS_OF(s, struct cassandra);

	(void)ended;
	return side == BH_CLIENT ? client(k, in, out) : server(k, in, out);
}

const struct bh_ops_parser bh_ops_cassandra = {.open = open_cassandra, .feed = feed_cassandra};
