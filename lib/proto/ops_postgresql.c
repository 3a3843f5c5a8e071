/* postgresql: statements of simple queries and of Parse, and function calls (PostgreSQL "Frontend/Backend Protocol",
 * 3.0 and later). A prepared statement is judged when it is prepared: Bind and Execute go with the connection, as do
 * log-in, COPY data and cancel requests. Of the server's side its answer to SSLRequest is read, and the settings
 * that change how a text reads. */
#include "sql.h"

#define SSL_REQUEST 80877103u
#define GSS_REQUEST 80877104u
#define CANCEL 80877102u
/* The server's own bounds: 10,000 for a startup packet, 1 GiB for a message. */
#define STARTUP_MAX 10000u
#define MESSAGE_MAX 0x3fffffffu

enum phase {
	STARTUP,
	PARAMS,
	ASKED, /* for TLS or GSS: the server's byte decides */
	HEADER,
	NAME,
	TEXT,
	SKIP,
};

enum param { PARAM_NAME, PARAM_VALUE };

/* Name and value of a setting, as they come. */
struct pair {
	uint8_t part; /* enum param */
	uint8_t name_len;
	uint16_t value_len;
	char name[64];
	char value[256];
};

struct postgresql {
	struct bh_sql sql;
	struct bh_sql_hold hold;
	struct pair param, status; /* the client's, the server's */
	uint32_t left;             /* of the client's message */
	uint32_t server_left;
	uint8_t phase; /* enum phase */
	uint8_t type;
	uint8_t head_len, server_head_len;
	uint8_t head[8], server_head[5];
};

static void
open_postgresql(struct bh_ops *s)
{
	struct postgresql *p = BH_OPS_OF(s, struct postgresql);

	bh_sql_open(&p->sql, BH_SQL_PG);
}

/* Bytes of a header until there are `need`: false, more are to come. */
static bool
collect(uint8_t *head, uint8_t *len, unsigned need, struct bh_cur *in)
{
	size_t n = need - *len;

	if (n > bh_cur_left(in))
		n = bh_cur_left(in);
	memcpy(head + *len, bh_cur_take(in, n), n);
	*len = (uint8_t)(*len + n);
	return *len == need;
}

/* One byte of "name\0value\0...". A name or value that is cut is no harmless one. */
static void
pair_byte(struct pair *a, struct bh_sql *q, uint8_t c)
{
	if (a->part == PARAM_NAME) {
		if (c == '\0')
			a->part = PARAM_VALUE;
		else if (a->name_len < sizeof(a->name))
			a->name[a->name_len++] = (char)c;
		return;
	}
	if (c != '\0') {
		if (a->value_len < sizeof(a->value))
			a->value[a->value_len++] = (char)c;
		else
			q->odd = BH_SQL_ODD_BACKSLASH | BH_SQL_ODD_CHARSET | BH_SQL_ODD_PATH;
		return;
	}
	bh_sql_option(q, a->name, a->name_len, a->value, a->value_len);
	memset(a, 0, sizeof(*a));
}

static enum bh_ops_status
startup(struct postgresql *p, struct bh_ops_out *out)
{
	uint32_t length = bh_load_be32(p->head), code = bh_load_be32(p->head + 4);

	p->head_len = 0;
	if (length < 8 || length > STARTUP_MAX)
		return bh_ops_say(out, BH_OPS_ERROR, "length of a startup packet");
	p->left = length - 8;
	if (code == SSL_REQUEST || code == GSS_REQUEST) {
		if (p->left != 0)
			return bh_ops_say(out, BH_OPS_ERROR, "length of an SSL request");
		p->phase = ASKED;
	} else if (code == CANCEL) {
		p->phase = SKIP;
	} else if (code >> 16 == 3) {
		p->phase = PARAMS;
	} else {
		return bh_ops_say(out, BH_OPS_ERROR, "protocol version");
	}
	return BH_OPS_MORE;
}

static enum bh_ops_status
header(struct postgresql *p, struct bh_ops_out *out)
{
	uint32_t length = bh_load_be32(p->head + 1);

	p->type = p->head[0];
	p->head_len = 0;
	if (length < 4 || length > MESSAGE_MAX)
		return bh_ops_say(out, BH_OPS_ERROR, "length of a message");
	p->left = length - 4;
	p->phase = SKIP;
	memset(&p->hold, 0, sizeof(p->hold));
	switch (p->type) {
	case 'Q':
	case 'P':
		p->phase = p->type == 'Q' ? TEXT : NAME;
		p->hold.bytes = 5;
		bh_sql_begin(&p->sql);
		return BH_OPS_MORE;
	case 'F':
		bh_op_add(&out->op, BH_OP_PG_VERB, "functioncall", 12);
		out->op.flags |= BH_OP_PARTIAL;
		return BH_OPS_OP;
	case 'B': /* Bind, Close, Describe, Execute, Flush, Sync, Terminate */
	case 'C':
	case 'D':
	case 'E':
	case 'H':
	case 'S':
	case 'X':
	case 'd': /* CopyData, CopyDone, CopyFail */
	case 'c':
	case 'f':
	case 'p': /* passwords and what else logs in */
		return BH_OPS_MORE;
	default:
		return bh_ops_say(out, BH_OPS_ERROR, "kind of message");
	}
}

static enum bh_ops_status
emit(struct postgresql *p, struct bh_ops_out *out, bool complete)
{
	bh_sql_emit(&p->sql, &out->op, BH_OP_PG_VERB, BH_OP_PG_TABLE, complete);
	if (complete)
		memset(&p->hold, 0, sizeof(p->hold));
	return BH_OPS_OP;
}

/* The text's NUL: a server stops reading at it. */
static enum bh_ops_status
end_text(struct postgresql *p, struct bh_ops_out *out)
{
	if (p->type == 'Q' && p->left != 0)
		return bh_ops_say(out, BH_OPS_ERROR, "bytes behind a query");
	p->phase = SKIP;
	if (bh_sql_end(&p->sql))
		return emit(p, out, true);
	memset(&p->hold, 0, sizeof(p->hold));
	return BH_OPS_MORE;
}

static enum bh_ops_status
text(struct postgresql *p, struct bh_cur *in, struct bh_ops_out *out)
{
	size_t n = bh_cur_left(in) < p->left ? bh_cur_left(in) : p->left;
	const uint8_t *nul = memchr(in->p, '\0', n);
	struct bh_cur part;
	bool done = false;
	uint32_t eaten;

	if (nul != NULL)
		n = (size_t)(nul - in->p);
	if (n > bh_sql_room(&p->hold))
		n = bh_sql_room(&p->hold);
	if (n == 0) {
		if (nul == NULL) /* only when the message is at its end */
			return bh_ops_say(out, BH_OPS_ERROR, "a text without its end");
		bh_cur_take(in, 1);
		p->left--;
		if (p->phase == TEXT)
			return end_text(p, out);
		p->phase = TEXT;
		p->hold.bytes++;
		return BH_OPS_MORE;
	}
	part = bh_cur(in->p, n);
	if (p->phase == TEXT)
		done = bh_sql_feed(&p->sql, &part);
	else
		bh_cur_take(&part, n);
	eaten = (uint32_t)(part.p - in->p);
	bh_cur_take(in, eaten);
	p->left -= eaten;
	if (done)
		return emit(p, out, true);
	if (bh_sql_hold(&p->hold, eaten, out) && p->phase == TEXT)
		return emit(p, out, false);
	return BH_OPS_MORE;
}

static enum bh_ops_status
params(struct postgresql *p, struct bh_cur *in, struct bh_ops_out *out)
{
	uint8_t c;

	while (p->left != 0 && bh_cur_u8(in, &c)) {
		p->left--;
		if (p->param.part == PARAM_NAME && p->param.name_len == 0 && c == '\0') {
			if (p->left != 0)
				return bh_ops_say(out, BH_OPS_ERROR,
						  "bytes behind a startup packet");
			break;
		}
		pair_byte(&p->param, &p->sql, c);
	}
	if (p->left == 0)
		p->phase = HEADER;
	return BH_OPS_MORE;
}

static enum bh_ops_status
client_step(struct postgresql *p, struct bh_cur *in, struct bh_ops_out *out)
{
	size_t n;

	switch (p->phase) {
	case STARTUP:
		return collect(p->head, &p->head_len, 8, in) ? startup(p, out) : BH_OPS_MORE;
	case PARAMS:
		return params(p, in, out);
	case ASKED:
		return bh_ops_say(out, BH_OPS_ERROR, "data before the answer to an SSL request");
	case HEADER:
		return collect(p->head, &p->head_len, 5, in) ? header(p, out) : BH_OPS_MORE;
	case NAME:
	case TEXT:
		return text(p, in, out);
	default:
		n = bh_cur_left(in) < p->left ? bh_cur_left(in) : p->left;
		bh_cur_take(in, n);
		p->left -= (uint32_t)n;
		if (p->left == 0)
			p->phase = HEADER;
		return BH_OPS_MORE;
	}
}

/* A message of no more bytes is over at once. */
static bool
at_rest(const struct postgresql *p)
{
	return p->left != 0 ||
	       (p->phase != SKIP && p->phase != NAME && p->phase != TEXT && p->phase != PARAMS);
}

static enum bh_ops_status
client(struct postgresql *p, struct bh_cur *in, struct bh_ops_out *out)
{
	enum bh_ops_status status = BH_OPS_MORE;

	while (status == BH_OPS_MORE && (bh_cur_left(in) != 0 || !at_rest(p)))
		status = client_step(p, in, out);
	out->pending = p->hold.bytes;
	if (p->hold.early)
		out->pending = 1;
	if (p->phase == HEADER)
		out->pending = p->head_len;
	return status;
}

/* The server's byte that answers SSLRequest or GSSENCRequest. */
static enum bh_ops_status
answer(struct postgresql *p, uint8_t c, struct bh_ops_out *out)
{
	if (c == 'S' || c == 'G') {
		out->became = c == 'S' ? BH_APP_TLS : BH_APP_UNKNOWN;
		return bh_ops_say(out, BH_OPS_OPAQUE, "encrypted");
	}
	if (c != 'N' && c != 'E')
		return bh_ops_say(out, BH_OPS_ERROR, "answer to an SSL request");
	p->phase = STARTUP;
	if (c == 'E')
		p->server_head[p->server_head_len++] = c;
	return BH_OPS_MORE;
}

/* Its messages: ParameterStatus is read, the rest is passed over. */
static enum bh_ops_status
server_step(struct postgresql *p, struct bh_cur *in, struct bh_ops_out *out)
{
	uint8_t c = 0;
	size_t n;

	if (p->server_left == 0) {
		if (!collect(p->server_head, &p->server_head_len, 5, in))
			return BH_OPS_MORE;
		p->server_head_len = 0;
		p->server_left = bh_load_be32(p->server_head + 1);
		if (p->server_left < 4 || p->server_left > MESSAGE_MAX)
			return bh_ops_say(out, BH_OPS_ERROR, "length of an answer");
		p->server_left -= 4;
		memset(&p->status, 0, sizeof(p->status));
		return BH_OPS_MORE;
	}
	if (p->server_head[0] == 'S') {
		(void)bh_cur_u8(in, &c);
		p->server_left--;
		pair_byte(&p->status, &p->sql, c);
		return BH_OPS_MORE;
	}
	n = bh_cur_left(in) < p->server_left ? bh_cur_left(in) : p->server_left;
	bh_cur_take(in, n);
	p->server_left -= (uint32_t)n;
	return BH_OPS_MORE;
}

static enum bh_ops_status
server(struct postgresql *p, struct bh_cur *in, struct bh_ops_out *out)
{
	enum bh_ops_status status = BH_OPS_MORE;
	uint8_t c;

	if (p->phase == ASKED && bh_cur_u8(in, &c))
		status = answer(p, c, out);
	while (status == BH_OPS_MORE && bh_cur_left(in) != 0)
		status = server_step(p, in, out);
	return status;
}

static enum bh_ops_status
feed_postgresql(struct bh_ops *s, unsigned side, struct bh_cur *in, bool ended,
		struct bh_ops_out *out)
{
	struct postgresql *p = BH_OPS_OF(s, struct postgresql);

	(void)ended;
	return side == BH_CLIENT ? client(p, in, out) : server(p, in, out);
}

const struct bh_ops_parser bh_ops_postgresql = {.open = open_postgresql, .feed = feed_postgresql};
