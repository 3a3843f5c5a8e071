/* mongodb_walk: documents are walked element by element, only where names of collections can be (mongodb_names.h);
 * all else is skipped by its length. */
#include <string.h>

#include "mongodb_walk.h"

typedef enum bh_ops_status status_t;

static status_t
broken(struct bh_ops_out *out, const char *why)
{
	return bh_ops_say(out, BH_OPS_ERROR, why);
}

uint32_t
mongodb_pending(const struct mongo *m)
{
	if (m->judged)
		return 0;
	return m->off <= BH_OPS_HOLD ? m->off : 1;
}

enum bh_ops_status
mongodb_emit(struct mongo *m, struct bh_ops_out *out, bool last)
{
	unsigned i;

	m->begun = true;
	m->judged = last;
	out->op.flags = m->flags;
	for (i = 0; i < m->n_values; i++)
		bh_op_add(&out->op, m->values[i].field, m->arena + m->values[i].at,
			  m->values[i].len);
	out->pending = mongodb_pending(m);
	return BH_OPS_OP;
}

bool
mongodb_name_byte(struct mongo *m, uint8_t b)
{
	if (b == 0) {
		m->name[m->name_len < NAME_MAX_LEN ? m->name_len : NAME_MAX_LEN] = '\0';
		return true;
	}
	if (m->name_len < NAME_MAX_LEN)
		m->name[m->name_len] = (char)b;
	m->name_len += m->name_len <= NAME_MAX_LEN;
	return false;
}

/* A new value with room for len bytes; NULL: none is left. */
static uint8_t *
new_value(struct mongo *m, enum bh_op_field field, uint32_t len)
{
	uint8_t *p = m->arena + m->used;

	if (len > BH_OP_VALUE_MAX) {
		m->flags |= BH_OP_PARTIAL;
		len = BH_OP_VALUE_MAX;
	}
	if (m->n_values == BH_OP_VALUES || len > ARENA - m->used) {
		m->flags |= BH_OP_PARTIAL;
		return NULL;
	}
	m->values[m->n_values].at = (uint16_t)m->used;
	m->values[m->n_values].len = (uint16_t)len;
	m->values[m->n_values].field = (uint8_t)field;
	m->n_values++;
	m->used += len;
	return p;
}

void
mongodb_add(struct mongo *m, enum bh_op_field field, const void *from, size_t len)
{
	uint8_t *to = new_value(m, field, (uint32_t)len);

	if (to != NULL)
		memcpy(to, from, m->values[m->n_values - 1].len);
}

void
mongodb_add_namespace(struct mongo *m, const char *full, size_t len)
{
	const char *dot = memchr(full, '.', len);
	size_t db = dot != NULL ? (size_t)(dot - full) : len;

	mongodb_add(m, BH_OP_MONGO_DATABASE, full, db);
	m->has_db = true;
	if (dot != NULL)
		mongodb_add(m, BH_OP_MONGO_COLLECTION, dot + 1, len - db - 1);
	else
		m->flags |= BH_OP_PARTIAL;
}

/* ---- BSON ---- */

static struct level *
top(struct mongo *m)
{
	return &m->level[m->depth - 1];
}

uint32_t
mongodb_bound(const struct mongo *m)
{
	if (m->depth != 0)
		return m->level[m->depth - 1].end - 1;
	return m->in_sequence ? m->section_end : m->limit;
}

static status_t
document(struct mongo *m, const uint8_t *p, struct bh_ops_out *out)
{
	uint32_t n = bh_load_le32(p);
	uint8_t place = m->in_sequence ? MONGODB_SPACE : MONGODB_BODY;

	if (n < 5 || n - 4 > mongodb_bound(m) - m->off)
		return broken(out, "a document longer than what it is in");
	if (m->depth != 0)
		place = m->value;
	if (m->depth == DEPTH)
		return broken(out, "documents deeper than any command's");
	m->level[m->depth++] = (struct level){.end = m->off - 4 + n, .place = place, .first = true};
	m->step = AT_TYPE;
	return BH_OPS_MORE;
}

/* A document ended. The body's end is what an operation waits for, unless sections behind it name collections. */
static status_t
document_end(struct mongo *m, struct bh_ops_out *out)
{
	m->depth--;
	m->step = m->depth != 0 ? AT_TYPE : AT_NEXT;
	if (m->depth != 0 || m->in_sequence)
		return BH_OPS_MORE;
	m->has_body = true;
	if (!m->has_command)
		return broken(out, "a command without a name");
	if (!m->has_db)
		m->flags |= BH_OP_PARTIAL;
	if (m->opcode == OP_MSG && (m->command & MONGODB_SEQUENCES) != 0)
		return BH_OPS_MORE;
	return mongodb_emit(m, out, true);
}

static status_t
type(struct mongo *m, const uint8_t *p, struct bh_ops_out *out)
{
	m->type = *p;
	if (m->type == 0)
		return m->off == top(m)->end ? document_end(m, out)
					     : broken(out, "a document shorter than it says");
	m->name_len = 0;
	m->step = AT_NAME;
	return BH_OPS_MORE;
}

/* The first element of a command: its name, and often the collection. */
static status_t
first_element(struct mongo *m, struct bh_ops_out *out, uint8_t *value, enum mongodb_place *into)
{
	bool inner = top(m)->place == MONGODB_INNER, only = !m->has_command, text;

	if (m->name_len == 0 || m->name_len > COMMAND_MAX ||
	    !bh_proto_printable((const uint8_t *)m->name, m->name_len))
		return broken(out, "not the name of a command");
	*into = MONGODB_INNER;
	*value = MONGODB_WALK;
	if (m->opcode == OP_QUERY && m->type == BSON_DOCUMENT && !inner &&
	    (strcmp(m->name, "$query") == 0 || strcmp(m->name, "query") == 0))
		return BH_OPS_MORE;
	m->has_command = true;
	mongodb_add(m, BH_OP_MONGO_COMMAND, m->name, m->name_len);
	if (strcmp(m->name, "explain") == 0 && m->type == BSON_DOCUMENT && !inner)
		return BH_OPS_MORE;
	m->command |= mongodb_command(m->name);
	text = m->type == BSON_STRING || m->type == BSON_SYMBOL;
	*value = MONGODB_SKIP;
	if ((m->command & MONGODB_SESSION) != 0 && only)
		m->flags |= BH_OP_SESSION;
	else if (text && (m->command & MONGODB_NO_NAME) == 0)
		*value = (m->command & MONGODB_FULL) != 0 ? MONGODB_NAMESPACE : MONGODB_COLLECTION;
	else if ((m->command & MONGODB_LATER) == 0)
		m->flags |= BH_OP_PARTIAL;
	return BH_OPS_MORE;
}

/* How a value of this type begins: its fixed bytes, or a length (AT_LENGTH) with so many bytes to come beside it. */
static bool
shape(uint8_t type_of, uint32_t *fixed, bool *has_length, int32_t *beside)
{
	/* bytes; -1: none such; -2: int32 and so many bytes; -3: int32 that counts itself; -4: int32 and a subtype;
	 * -5: two that end in zero; -6: int32, bytes and an object id */
	static const int8_t by_type[0x14] = {-1, 8,  -2, -3, -3, -4, 0, 12, 1, 8,
					     0,  -5, -6, -2, -2, -3, 4, 8,  8, 16};
	int8_t n = type_of < sizeof(by_type) ? by_type[type_of] : -1;

	if (type_of == 0x7f || type_of == 0xff)
		n = 0;
	*has_length = n < -1 && n != -5;
	*beside = n == -3 ? -4 : n == -4 ? 1 : n == -6 ? 12 : 0;
	*fixed = n > 0 ? (uint32_t)n : 0;
	return n != -1;
}

static status_t
element(struct mongo *m, struct bh_ops_out *out)
{
	enum mongodb_place into = MONGODB_BODY;
	struct level *l = top(m);
	uint32_t fixed;
	int32_t beside;
	bool has_length;

	if (!shape(m->type, &fixed, &has_length, &beside))
		return broken(out, "a type that BSON does not have");
	if (l->first && (l->place == MONGODB_BODY || l->place == MONGODB_INNER)) {
		if (first_element(m, out, &m->value, &into) != BH_OPS_MORE)
			return BH_OPS_ERROR;
	} else {
		m->value = (uint8_t)mongodb_element(l->place, m->command, m->name, m->type, &into);
	}
	l->first = false;
	if (m->value == MONGODB_UNKNOWN) {
		m->flags |= BH_OP_PARTIAL;
		m->value = MONGODB_SKIP;
	}
	if (m->value == MONGODB_WALK) {
		m->value = (uint8_t)into;
		m->step = AT_DOCUMENT;
		return BH_OPS_MORE;
	}
	m->skip = fixed;
	m->step = has_length ? AT_LENGTH : m->type == 0x0b ? AT_REGEX : AT_SKIP;
	return fixed <= mongodb_bound(m) - m->off ? BH_OPS_MORE
						  : broken(out, "a value longer than its document");
}

/* The length of a string that is kept, or of what is skipped. */
static status_t
length(struct mongo *m, const uint8_t *p, struct bh_ops_out *out)
{
	uint32_t n = bh_load_le32(p), fixed;
	int32_t beside;
	bool has_length;

	shape(m->type, &fixed, &has_length, &beside);
	if (n > MONGODB_MESSAGE_MAX || (int64_t)n + beside < 0 ||
	    (uint32_t)((int32_t)n + beside) > mongodb_bound(m) - m->off)
		return broken(out, "a value longer than its document");
	m->skip = (uint32_t)((int32_t)n + beside);
	m->step = AT_SKIP;
	if (m->value == MONGODB_SKIP)
		return BH_OPS_MORE;
	if (n == 0)
		return broken(out, "a string without its end");
	m->string_len = n;
	m->string_got = 0;
	m->string_at = ARENA;
	m->step = AT_STRING;
	if (m->value == MONGODB_NAMESPACE) {
		/* cut in two once it is there: kept as a name */
		m->name_len = 0;
		return BH_OPS_MORE;
	}
	if (m->value == MONGODB_DATABASE && top(m)->place == MONGODB_BODY) {
		/* of those that name databases themselves it is always admin */
		m->has_db = true;
		if ((m->command & MONGODB_FULL) != 0)
			return BH_OPS_MORE;
	}
	if (new_value(m,
		      m->value == MONGODB_DATABASE ? BH_OP_MONGO_DATABASE : BH_OP_MONGO_COLLECTION,
		      n - 1) != NULL)
		m->string_at = m->values[m->n_values - 1].at;
	return BH_OPS_MORE;
}

static status_t
string_byte(struct mongo *m, uint8_t b, struct bh_ops_out *out)
{
	bool last = ++m->string_got == m->string_len;

	if ((b == 0) != last)
		return broken(out, "a name that does not end where it says");
	if (last) {
		m->step = AT_TYPE;
		if (m->value == MONGODB_NAMESPACE && m->name_len > NAME_MAX_LEN)
			m->flags |= BH_OP_PARTIAL;
		else if (m->value == MONGODB_NAMESPACE)
			mongodb_add_namespace(m, m->name, m->name_len);
	} else if (m->value == MONGODB_NAMESPACE) {
		if (m->name_len < NAME_MAX_LEN)
			m->name[m->name_len] = (char)b;
		m->name_len += m->name_len <= NAME_MAX_LEN;
	} else if (m->string_at != ARENA && m->string_got <= BH_OP_VALUE_MAX) {
		m->arena[m->string_at + m->string_got - 1] = b;
	}
	return BH_OPS_MORE;
}

enum bh_ops_status
mongodb_walk(struct mongo *m, const uint8_t *p, struct bh_ops_out *out)
{
	switch ((enum step)m->step) {
	case AT_DOCUMENT:
		return document(m, p, out);
	case AT_TYPE:
		return type(m, p, out);
	case AT_NAME:
		return mongodb_name_byte(m, *p) ? element(m, out) : BH_OPS_MORE;
	case AT_LENGTH:
		return length(m, p, out);
	case AT_STRING:
		return string_byte(m, *p, out);
	case AT_REGEX:
		m->step = *p == 0 ? AT_REGEX_2 : AT_REGEX;
		return BH_OPS_MORE;
	default: /* AT_REGEX_2 */
		m->step = *p == 0 ? AT_TYPE : AT_REGEX_2;
		return BH_OPS_MORE;
	}
}
