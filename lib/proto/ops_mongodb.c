/* mongodb: every request is an operation of its command, collections and database. MongoDB's manual, "Wire Protocol":
 * OP_MSG, the legacy requests, OP_COMPRESSED without compression; BSON 1.1 (bsonspec.org).
 *
 * Documents are walked element by element, only where names of collections can be (mongodb_names.h); all else is
 * skipped by its length. An operation is emitted when the body is complete, which is before the documents that an
 * insert sends behind it. A body longer than is held gives an operation of what is known before its first byte goes,
 * and another one of all at its end: the last byte waits for that. */
#include <string.h>

#include "mongodb_walk.h"

typedef enum bh_ops_status status_t;

static status_t
broken(struct bh_ops_out *out, const char *why)
{
	return bh_ops_say(out, BH_OPS_ERROR, why);
}

#define HEADER 16u

static void
new_message(struct mongo *m)
{
	m->off = 0;
	m->used = 0;
	m->depth = 0;
	m->command = 0;
	m->flags = 0;
	m->n_values = 0;
	m->has_command = m->has_body = m->has_db = m->in_sequence = false;
	m->begun = m->judged = false;
	m->step = AT_HEADER;
}

/* ---- frames ---- */

static status_t
header(struct mongo *m, const uint8_t *p, struct bh_ops_out *out)
{
	m->length = bh_load_le32(p);
	m->limit = m->length;
	m->opcode = bh_load_le32(p + 12);
	if (m->length < HEADER + 5 || m->length > MONGODB_MESSAGE_MAX)
		return broken(out, "a message of impossible length");
	switch (m->opcode) {
	case OP_MSG:
		m->step = AT_FLAGS;
		break;
	case OP_COMPRESSED:
		m->step = AT_COMPRESSED;
		break;
	case OP_UPDATE:
	case OP_INSERT:
	case OP_QUERY:
	case OP_GET_MORE:
	case OP_DELETE:
	case OP_KILL_CURSORS:
		m->step = AT_LEGACY;
		break;
	default:
		return broken(out, "not a request");
	}
	return BH_OPS_MORE;
}

static status_t
compressed(struct mongo *m, const uint8_t *p, struct bh_ops_out *out)
{
	m->opcode = bh_load_le32(p);
	if (p[8] != 0)
		return bh_ops_say(out, BH_OPS_OPAQUE, "compressed");
	if (m->opcode != OP_MSG && m->opcode != OP_QUERY)
		return broken(out, "not a request");
	if (bh_load_le32(p + 4) != m->length - m->off)
		return broken(out, "two lengths that differ");
	m->step = m->opcode == OP_MSG ? AT_FLAGS : AT_LEGACY;
	return BH_OPS_MORE;
}

/* Bits 0 to 15 must be understood: checksum, more to come. */
static status_t
flags(struct mongo *m, const uint8_t *p, struct bh_ops_out *out)
{
	uint32_t bits = bh_load_le32(p);

	if ((bits & 0xfffc) != 0)
		return broken(out, "flags that are not known");
	if ((bits & 1) != 0)
		m->limit -= 4;
	m->step = AT_NEXT;
	return m->off < m->limit ? BH_OPS_MORE : broken(out, "a message without a body");
}

static status_t
kind(struct mongo *m, const uint8_t *p, struct bh_ops_out *out)
{
	if (*p > 1 || (*p == 0 && m->has_body))
		return broken(out, "a section that is not known");
	m->step = *p == 0 ? AT_DOCUMENT : AT_SEQUENCE;
	return BH_OPS_MORE;
}

static status_t
sequence(struct mongo *m, const uint8_t *p, struct bh_ops_out *out)
{
	uint32_t n = bh_load_le32(p);

	if (n < 6 || n - 4 > m->limit - m->off)
		return broken(out, "a section longer than its message");
	m->section_end = m->off + n - 4;
	m->name_len = 0;
	m->step = AT_SEQUENCE_NAME;
	return BH_OPS_MORE;
}

static status_t
sequence_name(struct mongo *m, struct bh_ops_out *out)
{
	if (m->off > m->section_end)
		return broken(out, "a section shorter than its name");
	if (!mongodb_sequence(m->name))
		return broken(out, "a sequence that is not known");
	if (strcmp(m->name, "nsInfo") == 0) {
		if (m->judged)
			return broken(out, "namespaces of a command that has none");
		m->in_sequence = true;
		m->step = AT_NEXT;
		return BH_OPS_MORE;
	}
	m->skip = m->section_end - m->off;
	m->step = AT_SKIP;
	return BH_OPS_MORE;
}

/* ---- legacy requests: flags or zero, "database.collection" ---- */

static status_t
legacy(struct mongo *m, struct bh_ops_out *out)
{
	m->name_len = 0;
	m->has_command = true;
	m->step = AT_LEGACY_NAME;
	if (m->opcode != OP_KILL_CURSORS)
		return BH_OPS_MORE;
	mongodb_add(m, BH_OP_MONGO_COMMAND, "killcursors", 11);
	m->flags |= BH_OP_PARTIAL;
	m->skip = m->length - m->off;
	m->step = AT_SKIP;
	return mongodb_emit(m, out, true);
}

static const char *
legacy_command(uint32_t opcode)
{
	switch (opcode) {
	case OP_UPDATE:
		return "update";
	case OP_INSERT:
		return "insert";
	case OP_GET_MORE:
		return "getmore";
	case OP_DELETE:
		return "delete";
	default:
		return "find";
	}
}

static status_t
legacy_name(struct mongo *m, struct bh_ops_out *out)
{
	const char *dot = memchr(m->name, '.', m->name_len), *command = legacy_command(m->opcode);

	if (m->name_len > NAME_MAX_LEN)
		return broken(out, "a namespace longer than any");
	if (m->opcode == OP_QUERY && dot != NULL && strcmp(dot, ".$cmd") == 0) {
		mongodb_add(m, BH_OP_MONGO_DATABASE, m->name, (size_t)(dot - m->name));
		m->has_db = true;
		m->has_command = false;
		m->step = AT_LEGACY_NUMBERS;
		return BH_OPS_MORE;
	}
	mongodb_add(m, BH_OP_MONGO_COMMAND, command, strlen(command));
	mongodb_add_namespace(m, m->name, m->name_len);
	m->skip = m->length - m->off;
	m->step = AT_SKIP;
	return mongodb_emit(m, out, true);
}

/* ---- the stream ---- */

/* Bytes that a step takes at once; 0: it takes what comes. */
static uint32_t
need(const struct mongo *m)
{
	static const uint8_t bytes[] = {
		[AT_HEADER] = 16,     [AT_FLAGS] = 4,  [AT_KIND] = 1,
		[AT_SEQUENCE] = 4,    [AT_LEGACY] = 4, [AT_LEGACY_NUMBERS] = 8,
		[AT_COMPRESSED] = 9,  [AT_LENGTH] = 4, [AT_DOCUMENT] = 4,
		[AT_TYPE] = 1,        [AT_STRING] = 1, [AT_SEQUENCE_NAME] = 1,
		[AT_LEGACY_NAME] = 1, [AT_NAME] = 1,   [AT_REGEX] = 1,
		[AT_REGEX_2] = 1,     [AT_NEXT] = 0,
	};

	return bytes[m->step];
}

static status_t
take(struct mongo *m, const uint8_t *p, struct bh_ops_out *out)
{
	switch ((enum step)m->step) {
	case AT_HEADER:
		return header(m, p, out);
	case AT_FLAGS:
		return flags(m, p, out);
	case AT_KIND:
		return kind(m, p, out);
	case AT_SEQUENCE:
		return sequence(m, p, out);
	case AT_SEQUENCE_NAME:
		return mongodb_name_byte(m, *p) ? sequence_name(m, out) : BH_OPS_MORE;
	case AT_COMPRESSED:
		return compressed(m, p, out);
	case AT_LEGACY:
		return legacy(m, out);
	case AT_LEGACY_NAME:
		return mongodb_name_byte(m, *p) ? legacy_name(m, out) : BH_OPS_MORE;
	case AT_LEGACY_NUMBERS:
		m->step = AT_DOCUMENT;
		return BH_OPS_MORE;
	default:
		return mongodb_walk(m, p, out);
	}
}

/* What follows where no byte has said it. */
static status_t
next(struct mongo *m, struct bh_ops_out *out)
{
	if (m->in_sequence && m->off < m->section_end) {
		m->step = AT_DOCUMENT;
		return BH_OPS_MORE;
	}
	m->in_sequence = false;
	if (m->off < m->limit && m->opcode == OP_MSG) {
		m->step = AT_KIND;
		return BH_OPS_MORE;
	}
	if (m->opcode == OP_MSG && !m->has_body)
		return broken(out, "a message without a body");
	if (m->off < m->length) {
		m->skip = m->length - m->off;
		m->step = AT_SKIP;
		return BH_OPS_MORE;
	}
	if (!m->judged)
		return mongodb_emit(m, out, true);
	new_message(m);
	return BH_OPS_MORE;
}

/* Is it time to have judged what is known, since more follows than is held? */
static bool
must_emit(const struct mongo *m)
{
	uint32_t ahead = m->step == AT_SKIP ? m->skip : AHEAD;

	return !m->begun && m->has_command && m->n_values != 0 &&
	       (m->step == AT_SKIP || m->step == AT_TYPE) && m->off + ahead > BH_OPS_HOLD;
}

static status_t
skip(struct mongo *m, struct bh_cur *in)
{
	size_t n = bh_cur_left(in) < m->skip ? bh_cur_left(in) : m->skip;

	bh_cur_take(in, n);
	m->off += (uint32_t)n;
	m->skip -= (uint32_t)n;
	if (m->skip == 0)
		m->step = m->depth != 0 ? AT_TYPE : AT_NEXT;
	return BH_OPS_MORE;
}

static status_t
step(struct mongo *m, struct bh_cur *in, struct bh_ops_out *out)
{
	uint32_t n = need(m);
	uint8_t b;

	if (must_emit(m))
		return mongodb_emit(m, out, false);
	if (m->step == AT_SKIP)
		return skip(m, in);
	if (n == 0)
		return next(m, out);
	if (m->n_buf == 0 && m->step != AT_HEADER && m->step != AT_TYPE &&
	    m->off + n > mongodb_bound(m))
		return broken(out, "more than its length says");
	while (m->n_buf < n && bh_cur_u8(in, &b)) {
		m->buf[m->n_buf++] = b;
		m->off++;
	}
	if (m->n_buf < n)
		return BH_OPS_MORE;
	m->n_buf = 0;
	return take(m, m->buf, out);
}

static bool
needs_no_byte(const struct mongo *m)
{
	return m->step == AT_NEXT || (m->step == AT_SKIP && m->skip == 0) || must_emit(m);
}

static status_t
feed(struct bh_ops *s, unsigned side, struct bh_cur *in, bool ended, struct bh_ops_out *out)
{
	struct mongo *m = BH_OPS_OF(s, struct mongo);
	status_t status = BH_OPS_MORE;

	(void)ended;
	if (side != BH_CLIENT) {
		in->p = in->end;
		return BH_OPS_MORE;
	}
	while (status == BH_OPS_MORE && (bh_cur_left(in) != 0 || needs_no_byte(m)))
		status = step(m, in, out);
	if (status == BH_OPS_MORE)
		out->pending = mongodb_pending(m);
	return status;
}

const struct bh_ops_parser bh_ops_mongodb = {.feed = feed, .free = bh_ops_free_server};
