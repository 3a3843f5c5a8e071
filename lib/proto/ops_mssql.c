/* mssql: batches and calls of the Tabular Data Stream (MS-TDS), 7.1 to 7.4. A batch's text is judged, and that of the
 * procedures that run or prepare one; what was prepared goes with the connection when it is executed, as do log-in,
 * attention, transaction requests and the rows that follow INSERT BULK. */
#include "ops_mssql.h"

enum type {
	TYPE_BATCH = 0x01,
	TYPE_RPC = 0x03,
	TYPE_ANSWER = 0x04,
	TYPE_ATTENTION = 0x06,
	TYPE_BULK = 0x07,
	TYPE_FEDAUTH = 0x08,
	TYPE_TRANSACTION = 0x0e,
	TYPE_LOGIN = 0x10,
	TYPE_SSPI = 0x11,
	TYPE_PRELOGIN = 0x12,
};

enum encryption { ENCRYPT_OFF, ENCRYPT_ON, ENCRYPT_NONE, ENCRYPT_REQUIRED, ENCRYPT_ABSENT };

enum phase { FIRST, ASKED, OPEN };

#define STATUS_LAST 0x01u
/* What an encrypted log-in may be long: one packet (MS-TDS 2.2.6.4: its first one alone is encrypted). */
#define TLS_MAX 16384u

static void
open_mssql(struct bh_ops *s)
{
	struct mssql *m = BH_OPS_OF(s, struct mssql);

	bh_sql_open(&m->sql, BH_SQL_TSQL);
}

enum bh_ops_status
bh_mssql_emit(struct mssql *m, struct bh_ops_out *out, bool complete)
{
	bh_sql_emit(&m->sql, &out->op, BH_OP_MSSQL_VERB, BH_OP_MSSQL_TABLE, complete);
	if (complete)
		memset(&m->hold, 0, sizeof(m->hold));
	return BH_OPS_OP;
}

bool
bh_mssql_text(struct mssql *m, const uint8_t *p, uint32_t n, uint32_t *eaten)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		if (!m->half) {
			m->low = p[i];
			m->half = true;
			continue;
		}
		m->half = false;
		if (bh_sql_unit(&m->sql, (uint16_t)(m->low | p[i] << 8))) {
			*eaten = i + 1;
			return true;
		}
	}
	*eaten = n;
	return false;
}

/* The encryption that a prelogin message's options ask for. */
static uint8_t
encryption(const uint8_t *at, unsigned n)
{
	unsigned i, offset;

	for (i = 0; i + 5 <= n && at[i] != 0xff; i += 5) {
		offset = bh_load_be16(at + i + 1);
		if (at[i] == 1)
			return bh_load_be16(at + i + 3) == 1 && offset < n ? at[offset] : 0xff;
	}
	return i < n && at[i] == 0xff ? ENCRYPT_ABSENT : 0xff;
}

/* ALL_HEADERS of 7.2 and later: total length, then the transaction's (18 bytes, type 2) and the trace's (26, type 3).
 * A text of 7.1 has none: it would begin with a character of no text. -1: more bytes are to come, -2: an error. */
static int
all_headers(const struct mssql *m)
{
	uint32_t total, len, at = 4, type;

	if (m->n_keep < 4)
		return -1;
	total = bh_load_le32(m->keep);
	if (total != 22 && total != 30 && total != 48)
		return m->keep[1] == 0 && m->keep[2] == 0 && m->keep[3] == 0 ? -2 : 0;
	if (m->n_keep < total)
		return -1;
	while (at < total) {
		len = bh_load_le32(m->keep + at);
		type = bh_load_le16(m->keep + at + 4);
		if (!(len == 18 && type == 2) && !(len == 26 && type == 3))
			return -2;
		at += len;
		if (at + 6 > total && at != total)
			return -2;
	}
	return (int)total;
}

/* The headers' bytes, kept until they are whole. What was kept beyond them is at the text's begin. */
static enum bh_ops_status
headers(struct mssql *m, const uint8_t *p, uint32_t n, uint32_t *eaten, struct bh_ops_out *out)
{
	uint8_t begin[4];
	int length = -1;
	uint32_t i;

	for (i = 0; i < n && length == -1; i++) {
		m->keep[m->n_keep++] = p[i];
		length = all_headers(m);
	}
	*eaten = i;
	if (length == -2)
		return bh_ops_say(out, BH_OPS_ERROR, "headers of a request");
	if (length == -1)
		return BH_OPS_MORE;
	m->part = m->type == TYPE_BATCH ? PART_TEXT : PART_CALL;
	bh_mssql_call_begin(m);
	if (length != 0)
		return BH_OPS_MORE;
	memcpy(begin, m->keep, sizeof(begin));
	if (m->part == PART_CALL)
		return bh_mssql_call(m, begin, sizeof(begin), &i, out);
	if (bh_mssql_text(m, begin, sizeof(begin), &i))
		return bh_mssql_emit(m, out, true);
	return BH_OPS_MORE;
}

static enum bh_ops_status
begin_message(struct mssql *m, struct bh_ops_out *out)
{
	m->type = m->head[0];
	m->part = PART_SKIP;
	m->n_keep = 0;
	m->half = false;
	m->judging = false;
	memset(&m->hold, 0, sizeof(m->hold));
	if (m->phase == ASKED)
		return bh_ops_say(out, BH_OPS_ERROR, "data before the answer to a prelogin");
	switch (m->type) {
	case TYPE_PRELOGIN:
		if (m->phase == FIRST)
			m->part = PART_KEEP;
		else if (!m->tls)
			return bh_ops_say(out, BH_OPS_ERROR, "prelogin again");
		return BH_OPS_MORE;
	case TYPE_BATCH:
	case TYPE_RPC:
		m->part = PART_HEADERS;
		m->judging = true;
		m->hold.bytes = sizeof(m->head);
		bh_sql_begin(&m->sql);
		bh_mssql_call_begin(m);
		/* fallthrough */
	case TYPE_ATTENTION:
	case TYPE_BULK:
	case TYPE_FEDAUTH:
	case TYPE_TRANSACTION:
	case TYPE_LOGIN:
	case TYPE_SSPI:
		m->phase = OPEN;
		return BH_OPS_MORE;
	default:
		return bh_ops_say(out, BH_OPS_ERROR, "type of packet");
	}
}

static enum bh_ops_status
end_message(struct mssql *m, struct bh_ops_out *out)
{
	enum part part = m->part;

	m->mid = false;
	m->part = PART_SKIP;
	switch (part) {
	case PART_KEEP:
		m->encryption = encryption(m->keep, m->n_keep);
		m->phase = ASKED;
		return BH_OPS_MORE;
	case PART_HEADERS:
		return bh_ops_say(out, BH_OPS_ERROR, "headers of a request");
	case PART_TEXT:
		if (m->half)
			return bh_ops_say(out, BH_OPS_ERROR, "half a character");
		if (bh_sql_end(&m->sql))
			return bh_mssql_emit(m, out, true);
		memset(&m->hold, 0, sizeof(m->hold));
		return BH_OPS_MORE;
	case PART_CALL:
		return bh_mssql_call_end(m, out);
	default:
		return BH_OPS_MORE;
	}
}

/* A packet's header: type, status, length and five bytes that say nothing here. */
static enum bh_ops_status
begin_packet(struct mssql *m, struct bh_ops_out *out)
{
	uint16_t length = bh_load_be16(m->head + 2);

	if (length < sizeof(m->head) || (m->mid && m->head[0] != m->type))
		return bh_ops_say(out, BH_OPS_ERROR, "packet");
	m->left = (uint16_t)(length - sizeof(m->head));
	m->last = (m->head[1] & STATUS_LAST) != 0;
	if (m->mid) {
		if (m->judging && bh_sql_hold(&m->hold, sizeof(m->head), out))
			return bh_mssql_emit(m, out, false);
		return BH_OPS_MORE;
	}
	m->mid = true;
	return begin_message(m, out);
}

/* Log-in alone is encrypted: TLS records without a packet around them, until the server answers. */
static enum bh_ops_status
tls_record(struct mssql *m, struct bh_ops_out *out)
{
	m->tls_left = bh_load_be16(m->head + 3);
	m->tls_bytes += m->tls_left;
	m->head_len = 0;
	if (m->head[1] != 3 || m->tls_bytes > TLS_MAX)
		return bh_ops_say(out, BH_OPS_ERROR, "an encrypted log-in");
	return BH_OPS_MORE;
}

static enum bh_ops_status
packet_header(struct mssql *m, struct bh_cur *in, struct bh_ops_out *out)
{
	uint8_t c;

	while (bh_cur_u8(in, &c)) {
		m->head[m->head_len++] = c;
		if (m->tls && !m->mid && m->head[0] >= 20 && m->head[0] <= 23) {
			if (m->head_len == 5)
				return tls_record(m, out);
		} else if (m->head_len == sizeof(m->head)) {
			m->head_len = 0;
			return begin_packet(m, out);
		}
	}
	return BH_OPS_MORE;
}

/* Bytes of a message inside of one packet. */
static enum bh_ops_status
body(struct mssql *m, struct bh_cur *in, struct bh_ops_out *out)
{
	uint32_t n = bh_cur_left(in) < m->left ? (uint32_t)bh_cur_left(in) : m->left, i;
	enum bh_ops_status status = BH_OPS_MORE;
	bool judging = m->judging;

	if (judging && n > bh_sql_room(&m->hold))
		n = bh_sql_room(&m->hold);
	i = n;
	switch (m->part) {
	case PART_KEEP:
		for (i = 0; i < n; i++) {
			if (m->n_keep < BH_MSSQL_KEEP)
				m->keep[m->n_keep++] = in->p[i];
		}
		break;
	case PART_HEADERS:
		status = headers(m, in->p, n, &i, out);
		break;
	case PART_TEXT:
		if (bh_mssql_text(m, in->p, n, &i))
			status = bh_mssql_emit(m, out, true);
		break;
	case PART_CALL:
		status = bh_mssql_call(m, in->p, n, &i, out);
		break;
	default:
		break;
	}
	bh_cur_take(in, i);
	m->left = (uint16_t)(m->left - i);
	if (status == BH_OPS_MORE && judging && m->judging && bh_sql_hold(&m->hold, i, out))
		status = bh_mssql_emit(m, out, false);
	return status;
}

static enum bh_ops_status
client_step(struct mssql *m, struct bh_cur *in, struct bh_ops_out *out)
{
	size_t n;

	if (m->tls_left != 0) {
		n = bh_cur_left(in) < m->tls_left ? bh_cur_left(in) : m->tls_left;
		bh_cur_take(in, n);
		m->tls_left = (uint16_t)(m->tls_left - n);
		return BH_OPS_MORE;
	}
	if (m->left != 0)
		return body(m, in, out);
	if (m->mid && m->last)
		return end_message(m, out);
	return packet_header(m, in, out);
}

static enum bh_ops_status
client(struct mssql *m, struct bh_cur *in, struct bh_ops_out *out)
{
	enum bh_ops_status status = BH_OPS_MORE;

	while (status == BH_OPS_MORE &&
	       (bh_cur_left(in) != 0 || (m->left == 0 && m->mid && m->last)))
		status = client_step(m, in, out);
	out->pending = m->hold.early ? 1 : m->hold.bytes;
	if (!m->hold.early)
		out->pending += m->head_len;
	return status;
}

static enum bh_ops_status
answered(struct mssql *m, struct bh_ops_out *out)
{
	uint8_t theirs = encryption(m->answer, m->n_answer), ours = m->encryption;

	m->phase = OPEN;
	if (theirs == ENCRYPT_NONE || theirs == ENCRYPT_ABSENT || ours == ENCRYPT_ABSENT ||
	    (ours == ENCRYPT_NONE && theirs == ENCRYPT_OFF))
		return BH_OPS_MORE;
	if (theirs == ENCRYPT_OFF && ours == ENCRYPT_OFF) {
		m->tls = true;
		return BH_OPS_MORE;
	}
	out->became = BH_APP_TLS;
	return bh_ops_say(out, BH_OPS_OPAQUE, "encrypted");
}

/* The server's packets: the answer to prelogin says what is encrypted. */
static enum bh_ops_status
server_step(struct mssql *m, struct bh_cur *in, struct bh_ops_out *out)
{
	uint16_t length;
	uint8_t c;

	while (m->server_left == 0 && bh_cur_u8(in, &c)) {
		m->server_head[m->server_head_len++] = c;
		if (m->server_head_len != sizeof(m->server_head))
			continue;
		m->server_head_len = 0;
		length = bh_load_be16(m->server_head + 2);
		if (length < sizeof(m->server_head) ||
		    (m->server_head[0] != TYPE_ANSWER && m->server_head[0] != TYPE_PRELOGIN))
			return bh_ops_say(out, BH_OPS_ERROR, "packet of the server");
		m->server_left = (uint16_t)(length - sizeof(m->server_head));
		m->server_new = true;
	}
	while (m->server_left != 0 && bh_cur_u8(in, &c)) {
		m->server_left--;
		/* an answer in the clear, no TLS record in a packet: log-in is over */
		if (m->phase != ASKED && m->server_new && m->server_head[0] == TYPE_ANSWER &&
		    (c < 20 || c > 23))
			m->tls = false;
		m->server_new = false;
		if (m->phase == ASKED && m->n_answer < BH_MSSQL_KEEP)
			m->answer[m->n_answer++] = c;
		if (m->server_left == 0 && m->phase == ASKED &&
		    (m->server_head[1] & STATUS_LAST) != 0)
			return answered(m, out);
	}
	return BH_OPS_MORE;
}

static enum bh_ops_status
feed_mssql(struct bh_ops *s, unsigned side, struct bh_cur *in, bool ended, struct bh_ops_out *out)
{
	struct mssql *m = BH_OPS_OF(s, struct mssql);
	enum bh_ops_status status = BH_OPS_MORE;

	(void)ended;
	if (side == BH_CLIENT)
		return client(m, in, out);
	while (status == BH_OPS_MORE && bh_cur_left(in) != 0)
		status = server_step(m, in, out);
	return status;
}

const struct bh_ops_parser bh_ops_mssql = {.open = open_mssql, .feed = feed_mssql};
