/* mssql: remote procedure calls (MS-TDS 2.2.6.6): procedures by number or name, their parameters by type (2.2.5.4). All of
 * them are walked through, since another call may follow. */
#include "ops_mssql.h"

/* Procedures that run or prepare a text: which parameter it is (from 0). NO_TEXT: what was judged when prepared. */
#define NO_TEXT 0xffu
static const struct procedure {
	const char *name;
	uint8_t id, statement;
} procedures[] = {
	{"sp_cursoropen", 2, 1},
	{"sp_cursorprepare", 3, 2},
	{"sp_cursorexecute", 4, NO_TEXT},
	{"sp_cursorprepexec", 5, 3},
	{"sp_cursorunprepare", 6, NO_TEXT},
	{"sp_cursorfetch", 7, NO_TEXT},
	{"sp_cursoroption", 8, NO_TEXT},
	{"sp_cursorclose", 9, NO_TEXT},
	{"sp_executesql", 10, 0},
	{"sp_prepare", 11, 2},
	{"sp_execute", 12, NO_TEXT},
	{"sp_prepexec", 13, 2},
	{"sp_unprepare", 15, NO_TEXT},
};

static void
expect(struct mssql *m, enum mssql_rpc rpc, unsigned need)
{
	m->rpc = (uint8_t)rpc;
	m->need = (uint16_t)need;
	m->n_keep = 0;
}

void
bh_mssql_call_begin(struct mssql *m)
{
	expect(m, RPC_NAME_LEN, 2);
}

/* A call that is none of those: verb exec, and the procedure as what it names. */
static enum bh_ops_status
other(struct mssql *m, const char *name, size_t len, bool partial, struct bh_ops_out *out)
{
	bh_op_add(&out->op, BH_OP_MSSQL_VERB, "exec", 4);
	if (len != 0)
		bh_op_add(&out->op, BH_OP_MSSQL_TABLE, name, len);
	if (partial)
		out->op.flags |= BH_OP_PARTIAL;
	m->judging = false;
	memset(&m->hold, 0, sizeof(m->hold));
	return BH_OPS_OP;
}

/* A procedure is known. */
static enum bh_ops_status
procedure(struct mssql *m, unsigned id, const char *name, size_t len, struct bh_ops_out *out)
{
	const char *last = memrchr(name, '.', len);
	size_t n = last != NULL ? len - (size_t)(last + 1 - name) : len;
	unsigned i;
	bool system;

	last = last != NULL ? last + 1 : name;
	m->param = 0;
	m->statement = NO_TEXT;
	expect(m, RPC_FLAGS, 2);
	for (i = 0; i < BH_ARRAY_SIZE(procedures); i++) {
		if (len == 0 ? procedures[i].id != id
			     : strlen(procedures[i].name) != n ||
				       memcmp(procedures[i].name, last, n) != 0)
			continue;
		m->statement = procedures[i].statement;
		if (m->statement == NO_TEXT) {
			m->judging = false;
			memset(&m->hold, 0, sizeof(m->hold));
		}
		return BH_OPS_MORE;
	}
	system = len == 0 ||
		 (n >= 3 && (memcmp(last, "sp_", 3) == 0 || memcmp(last, "xp_", 3) == 0));
	if (len > 4 && memcmp(name, "dbo.", 4) == 0 && last == name + 4) {
		name += 4;
		len -= 4;
	}
	return other(m, name, len, system, out);
}

/* Its name, UTF-16: lower case, quotes left out. What is not plain is doubtful. The text replaces the bytes in `keep`. */
static enum bh_ops_status
named(struct mssql *m, struct bh_ops_out *out)
{
	enum bh_ops_status status;
	unsigned i, n = 0;
	bool odd = false;
	uint8_t c;

	for (i = 0; i + 1 < m->n_keep; i += 2) {
		c = m->keep[i];
		odd = odd || m->keep[i + 1] != 0 || c <= ' ' || c >= 0x7f || c == ';';
		if (c == '[' || c == ']' || c == '"')
			continue;
		m->keep[n++] = c >= 'A' && c <= 'Z' ? c + 32 : c;
	}
	memcpy(m->answer, m->keep, n); /* expect() begins `keep` anew */
	status = procedure(m, 0, (const char *)m->answer, n, out);
	if (odd && status == BH_OPS_OP)
		out->op.flags |= BH_OP_PARTIAL;
	if (odd && status == BH_OPS_MORE)
		m->sql.doubt = true;
	return status;
}

struct info {
	uint8_t type;
	uint8_t size;     /* bytes of type information */
	uint8_t len_size; /* bytes of a value's length; 0: it has `fixed` bytes */
	uint8_t fixed;
};

static const struct info infos[] = {
	{0x1f, 0, 0, 0}, {0x30, 0, 0, 1}, {0x32, 0, 0, 1}, {0x34, 0, 0, 2}, {0x38, 0, 0, 4},
	{0x3a, 0, 0, 4}, {0x3b, 0, 0, 4}, {0x3c, 0, 0, 8}, {0x3d, 0, 0, 8}, {0x3e, 0, 0, 8},
	{0x7a, 0, 0, 4}, {0x7f, 0, 0, 8}, {0x24, 1, 1, 0}, {0x26, 1, 1, 0}, {0x28, 0, 1, 0},
	{0x29, 1, 1, 0}, {0x2a, 1, 1, 0}, {0x2b, 1, 1, 0}, {0x68, 1, 1, 0}, {0x6d, 1, 1, 0},
	{0x6e, 1, 1, 0}, {0x6f, 1, 1, 0}, {0x6a, 3, 1, 0}, {0x6c, 3, 1, 0}, {0xa5, 2, 2, 0},
	{0xad, 2, 2, 0}, {0xa7, 7, 2, 0}, {0xaf, 7, 2, 0}, {0xe7, 7, 2, 0}, {0xef, 7, 2, 0},
	{0x22, 4, 4, 0}, {0x23, 9, 4, 0}, {0x63, 9, 4, 0}, {0x62, 4, 4, 0}, {0xf1, 1, 8, 0},
};

enum { NVARCHAR = 0xe7, NTEXT = 0x63, XML = 0xf1 };

/* Its type is known. The statement must be a text of UTF-16, given by its place. */
static enum bh_ops_status
typed(struct mssql *m, struct bh_ops_out *out)
{
	uint8_t status = m->keep[0];
	unsigned i;

	m->value = m->keep[1];
	m->chunks = false;
	m->use = m->param == m->statement ? USE_TEXT : USE_SKIP;
	if (m->use == USE_TEXT && m->value != NVARCHAR && m->value != NTEXT)
		return bh_ops_say(out, BH_OPS_ERROR, "statement of another type");
	for (i = 0; i < BH_ARRAY_SIZE(infos); i++) {
		if (infos[i].type == m->value)
			break;
	}
	/* tables, types of .NET, encrypted columns: where the next call begins is not known */
	if (i == BH_ARRAY_SIZE(infos) || (status & 0x08) != 0) {
		m->part = PART_SKIP;
		return other(m, NULL, 0, true, out);
	}
	m->len_size = infos[i].len_size;
	m->data = infos[i].fixed;
	expect(m,
	       infos[i].size != 0 ? RPC_INFO
	       : m->len_size != 0 ? RPC_LEN
				  : RPC_DATA,
	       infos[i].size != 0 ? infos[i].size : m->len_size);
	return BH_OPS_MORE;
}

static enum bh_ops_status
sized(struct mssql *m, struct bh_ops_out *out)
{
	/* (max): in parts, a length of 8 bytes first */
	if (m->len_size == 2 && bh_load_le16(m->keep) == 0xffff)
		m->len_size = 8;
	if (m->value == XML && m->keep[0] != 0)
		return bh_ops_say(out, BH_OPS_ERROR, "schema of an XML value");
	expect(m, RPC_LEN, m->len_size);
	return BH_OPS_MORE;
}

static void
measured(struct mssql *m)
{
	uint64_t n = m->len_size == 1   ? m->keep[0]
		     : m->len_size == 2 ? bh_load_le16(m->keep)
					: bh_load_le32(m->keep);

	m->chunks = m->len_size == 8;
	m->data = (uint32_t)n;
	if ((m->len_size == 2 && n == 0xffff) || (m->len_size == 4 && n == 0xffffffff))
		m->data = 0; /* NULL */
	if (m->chunks && memcmp(m->keep, "\xff\xff\xff\xff\xff\xff\xff\xff", 8) == 0)
		m->chunks = false, m->data = 0;
	if (m->chunks)
		expect(m, RPC_CHUNK, 4);
	else
		expect(m, RPC_DATA, 0);
}

/* A value has ended. */
static enum bh_ops_status
valued(struct mssql *m, struct bh_ops_out *out)
{
	expect(m, RPC_PARAM, 1);
	if (m->param != UINT8_MAX - 1)
		m->param++;
	if (m->use != USE_TEXT)
		return BH_OPS_MORE;
	m->use = USE_NONE;
	m->statement = NO_TEXT;
	m->judging = false;
	if (m->half)
		return bh_ops_say(out, BH_OPS_ERROR, "half a character");
	if (bh_sql_end(&m->sql))
		return bh_mssql_emit(m, out, true);
	memset(&m->hold, 0, sizeof(m->hold));
	return BH_OPS_MORE;
}

/* A parameter, or the next call. */
static enum bh_ops_status
parameter(struct mssql *m, struct bh_ops_out *out)
{
	uint8_t c = m->keep[0];

	if (c < 0x80) {
		/* A name could put the statement in another place. */
		if (c != 0 && m->statement != NO_TEXT)
			m->sql.doubt = true;
		expect(m, c != 0 ? RPC_PARAM_NAME : RPC_TYPE, c != 0 ? c * 2u : 2);
		return BH_OPS_MORE;
	}
	if (c < 0xfe || m->statement != NO_TEXT)
		return bh_ops_say(out, BH_OPS_ERROR, "parameter of a call");
	m->judging = true;
	bh_sql_begin(&m->sql);
	expect(m, RPC_NAME_LEN, 2);
	return BH_OPS_MORE;
}

/* What was to be collected is in `keep`. */
static enum bh_ops_status
collected(struct mssql *m, struct bh_ops_out *out)
{
	unsigned n;

	switch (m->rpc) {
	case RPC_NAME_LEN:
		n = bh_load_le16(m->keep);
		if (n == 0xffff)
			expect(m, RPC_ID, 2);
		else
			expect(m, RPC_NAME, n * 2);
		if (n != 0xffff && (n == 0 || n * 2 > BH_MSSQL_KEEP))
			return bh_ops_say(out, BH_OPS_ERROR, "name of a procedure");
		return BH_OPS_MORE;
	case RPC_NAME:
		return named(m, out);
	case RPC_ID:
		return procedure(m, bh_load_le16(m->keep), "", 0, out);
	case RPC_FLAGS:
		expect(m, RPC_PARAM, 1);
		return BH_OPS_MORE;
	case RPC_PARAM:
		return parameter(m, out);
	case RPC_PARAM_NAME:
		expect(m, RPC_TYPE, 2);
		return BH_OPS_MORE;
	case RPC_TYPE:
		return typed(m, out);
	case RPC_INFO:
		return sized(m, out);
	case RPC_LEN:
		measured(m);
		return BH_OPS_MORE;
	default: /* RPC_CHUNK */
		m->data = bh_load_le32(m->keep);
		m->chunks = m->data != 0;
		expect(m, RPC_DATA, 0);
		return BH_OPS_MORE;
	}
}

/* Bytes of a value. */
static enum bh_ops_status
data(struct mssql *m, const uint8_t *p, uint32_t n, uint32_t *eaten, struct bh_ops_out *out)
{
	bool done = false;

	*eaten = n < m->data ? n : m->data;
	if (m->use == USE_TEXT && *eaten != 0)
		done = bh_mssql_text(m, p, *eaten, eaten);
	m->data -= *eaten;
	if (done)
		return bh_mssql_emit(m, out, true);
	if (m->data != 0)
		return BH_OPS_MORE;
	if (m->chunks) {
		expect(m, RPC_CHUNK, 4);
		return BH_OPS_MORE;
	}
	return valued(m, out);
}

enum bh_ops_status
bh_mssql_call(struct mssql *m, const uint8_t *p, uint32_t n, uint32_t *eaten,
	      struct bh_ops_out *out)
{
	enum bh_ops_status status = BH_OPS_MORE;
	bool judging = m->judging;
	uint32_t k;

	/* What is held is counted from where a call begins. */
	*eaten = 0;
	while (status == BH_OPS_MORE && m->judging == judging &&
	       (*eaten < n || (m->rpc == RPC_DATA && m->data == 0))) {
		if (m->rpc == RPC_DATA) {
			status = data(m, p + *eaten, n - *eaten, &k, out);
			*eaten += k;
			continue;
		}
		m->keep[m->n_keep++] = p[(*eaten)++];
		if (m->n_keep == m->need)
			status = collected(m, out);
	}
	return status;
}

enum bh_ops_status
bh_mssql_call_end(struct mssql *m, struct bh_ops_out *out)
{
	/* a value that a separator of statements ended */
	if (m->rpc == RPC_DATA && m->data == 0 && !m->chunks)
		return valued(m, out);
	if (m->rpc != RPC_PARAM || m->statement != NO_TEXT)
		return bh_ops_say(out, BH_OPS_ERROR, "a call is cut");
	return BH_OPS_MORE;
}
