/* mysql, mariadb: statements of COM_QUERY and COM_STMT_PREPARE, and the other commands (MySQL "Client/Server Protocol",
 * MariaDB "Clients & Servers"). What is prepared is judged then: executing it goes with the connection, as do log-in,
 * pings and the file of LOAD DATA LOCAL. Packets have 24 bits of length; one of 0xffffff goes on in the next. */
#include "ops_mysql.h"

static void
open_mysql(struct bh_ops *s)
{
	struct mysql *m = BH_OPS_OF(s, struct mysql);

	bh_sql_open(&m->sql, BH_SQL_MYSQL);
}

/* A packet's header, at *begins the first one's of what may go on in several. false: more bytes are to come. */
static bool
header(struct packets *k, struct bh_cur *in, bool *begins)
{
	size_t n = sizeof(k->head) - k->head_len;

	if (n > bh_cur_left(in))
		n = bh_cur_left(in);
	memcpy(k->head + k->head_len, bh_cur_take(in, n), n);
	k->head_len = (uint8_t)(k->head_len + n);
	if (k->head_len != sizeof(k->head))
		return false;
	k->head_len = 0;
	k->left = bh_load_le24(k->head);
	*begins = !k->goes_on;
	k->goes_on = k->left == PACKET_MAX;
	return true;
}

/* An operation of a command without a text: a verb, and what it names. */
static enum bh_ops_status
say(struct bh_ops_out *out, const char *verb, bool partial)
{
	bh_op_add(&out->op, BH_OP_MYSQL_VERB, verb, strlen(verb));
	if (partial)
		out->op.flags |= BH_OP_PARTIAL;
	return BH_OPS_OP;
}

static enum bh_ops_status
kept(struct mysql *m, struct bh_ops_out *out)
{
	const uint8_t *nul;
	size_t n = m->n_keep;

	if (m->phase == LOGIN)
		return bh_mysql_login(m, out);
	if (m->command == COM_CHANGE_USER) {
		bh_mysql_change_user(m);
		return BH_OPS_MORE;
	}
	if (m->command == COM_INIT_DB) {
		bh_sql_database(&m->sql, m->keep, n);
		return say(out, "use", n == KEEP);
	}
	/* COM_FIELD_LIST: table, pattern */
	nul = memchr(m->keep, 0, n);
	if (nul != NULL)
		n = (size_t)(nul - m->keep);
	(void)say(out, "show", nul == NULL);
	bh_op_add(&out->op, BH_OP_MYSQL_TABLE, m->keep, n);
	return BH_OPS_OP;
}

static void
begin_text(struct mysql *m, enum part part)
{
	m->part = (uint8_t)part;
	m->n_keep = 0;
	m->hold.bytes = 5;
	m->statements = 0;
	bh_sql_begin(&m->sql);
}

static enum bh_ops_status
command(struct mysql *m, uint8_t c, struct bh_ops_out *out)
{
	m->command = c;
	m->part = SKIP;
	m->n_keep = 0;
	switch (c) {
	case COM_QUERY:
		begin_text(m, (m->caps & CAP_QUERY_ATTRIBUTES) != 0 ? ATTRIBUTES : TEXT);
		return BH_OPS_MORE;
	case COM_STMT_PREPARE:
		begin_text(m, TEXT);
		return BH_OPS_MORE;
	case COM_INIT_DB:
	case COM_FIELD_LIST:
		m->hold.bytes = 5;
		m->part = KEPT;
		return BH_OPS_MORE;
	case COM_CHANGE_USER:
		m->part = KEPT;
		return BH_OPS_MORE;
	case COM_QUIT:
	case COM_STATISTICS:
	case COM_PING:
	case COM_STMT_EXECUTE:
	case COM_STMT_SEND_LONG_DATA:
	case COM_STMT_CLOSE:
	case COM_STMT_RESET:
	case COM_STMT_FETCH:
	case COM_STMT_BULK_EXECUTE:
	case COM_SET_OPTION:
	case COM_RESET_CONNECTION:
		return BH_OPS_MORE;
	case COM_PROCESS_INFO:
		return say(out, "show", false);
	case COM_PROCESS_KILL:
		return say(out, "kill", false);
	case COM_CREATE_DB:
		return say(out, "create", true);
	case COM_DROP_DB:
		return say(out, "drop", true);
	case COM_REFRESH:
		return say(out, "flush", true);
	case COM_SHUTDOWN:
		return say(out, "shutdown", true);
	case COM_BINLOG_DUMP:
	case COM_BINLOG_DUMP_GTID:
	case COM_TABLE_DUMP:
	case COM_REGISTER_SLAVE:
		return say(out, "binlog_dump", true);
	case COM_DEBUG:
		return say(out, "debug", true);
	case COM_MULTI:
		return say(out, "multi", true);
	default:
		return bh_ops_say(out, BH_OPS_ERROR, "command");
	}
}

/* A packet's first header. The server takes no command but with sequence number 0, and nothing else with it. */
static enum bh_ops_status
begin_packet(struct mysql *m, struct bh_ops_out *out)
{
	uint8_t sequence = m->client.head[3];

	m->n_keep = 0;
	memset(&m->hold, 0, sizeof(m->hold));
	switch (m->phase) {
	case GREETING:
		return bh_ops_say(out, BH_OPS_ERROR, "data before the greeting");
	case LOGIN:
		m->part = KEPT;
		return BH_OPS_MORE;
	case AUTH:
		m->part = SKIP;
		if (!m->asked || sequence == 0)
			return bh_ops_say(out, BH_OPS_ERROR, "data before log-in was answered");
		m->asked = false;
		return BH_OPS_MORE;
	default:
		break;
	}
	if (m->file) {
		m->part = SKIP;
		m->file = m->client.left != 0;
		return sequence != 0 ? BH_OPS_MORE
				     : bh_ops_say(out, BH_OPS_ERROR, "command instead of a file");
	}
	m->part = BYTE;
	m->load = false;
	if (sequence != 0 || m->client.left == 0)
		return bh_ops_say(out, BH_OPS_ERROR, "sequence of packets");
	return BH_OPS_MORE;
}

/* CLIENT_QUERY_ATTRIBUTES: number of parameters and of sets; a bitmap of NULLs, 1, type and name of each, values. The
 * length of all that, 0 when more bytes are to come, -1 when it is none. */
static int
attributes(const struct mysql *m)
{
	struct bh_cur c = bh_cur(m->keep, m->n_keep);
	uint64_t n, sets, len;
	const uint8_t *nulls, *p;
	uint8_t type[PARAMS_MAX];
	unsigned i;
	int size;

	if (!bh_mysql_lenenc(&c, &n) || !bh_mysql_lenenc(&c, &sets))
		return 0;
	if (sets != 1 || n > PARAMS_MAX)
		return -1;
	if (n == 0)
		return (int)(c.p - m->keep);
	nulls = bh_cur_take(&c, (n + 7) / 8);
	p = bh_cur_take(&c, 1);
	if (nulls == NULL || p == NULL)
		return 0;
	if (*p != 1)
		return -1;
	for (i = 0; i < n; i++) {
		p = bh_cur_take(&c, 2);
		if (p == NULL || !bh_mysql_lenenc(&c, &len) || bh_cur_take(&c, len) == NULL)
			return 0;
		type[i] = p[0];
	}
	for (i = 0; i < n; i++) {
		size = bh_mysql_value_size(type[i]);
		if ((nulls[i / 8] >> i % 8 & 1) != 0 || type[i] == 6)
			continue;
		if (size < 0)
			return -1;
		len = (uint64_t)size;
		if ((size == 0 && !bh_mysql_lenenc(&c, &len)) || bh_cur_take(&c, len) == NULL)
			return 0;
	}
	return (int)(c.p - m->keep);
}

/* Bytes of the packet into `keep`, as many as fit; the rest is passed over. */
static uint32_t
keep(struct mysql *m, struct bh_cur *in)
{
	size_t n = bh_cur_left(in) < m->client.left ? bh_cur_left(in) : m->client.left;
	size_t room = KEEP - m->n_keep;

	memcpy(m->keep + m->n_keep, in->p, n < room ? n : room);
	m->n_keep = (uint16_t)(m->n_keep + (n < room ? n : room));
	bh_cur_take(in, n);
	m->client.left -= (uint32_t)n;
	return (uint32_t)n;
}

static enum bh_ops_status
keep_attributes(struct mysql *m, struct bh_cur *in, struct bh_ops_out *out)
{
	struct bh_cur part = *in;
	uint32_t n;
	int length;

	/* no more than there is room for: what is behind them is put back */
	if (bh_cur_left(&part) > (size_t)(KEEP - m->n_keep))
		part.end = part.p + (KEEP - m->n_keep);
	n = keep(m, &part);
	in->p = part.p;
	length = attributes(m);

	if (length < 0 || (length == 0 && m->n_keep == KEEP))
		return bh_ops_say(out, BH_OPS_ERROR, "query attributes");
	if (length == 0) {
		bh_sql_hold(&m->hold, n, out);
		return BH_OPS_MORE;
	}
	/* Those behind them came in this piece: an earlier one did not complete them. */
	n = m->n_keep - (uint32_t)length;
	in->p -= n;
	m->client.left += n;
	m->part = TEXT;
	m->hold.bytes = 5 + (uint32_t)length;
	return BH_OPS_MORE;
}

static enum bh_ops_status
emit(struct mysql *m, struct bh_ops_out *out, bool complete)
{
	bh_sql_emit(&m->sql, &out->op, BH_OP_MYSQL_VERB, BH_OP_MYSQL_TABLE, complete);
	if (complete) {
		memset(&m->hold, 0, sizeof(m->hold));
		m->last = m->sql.first;
		if (m->statements < UINT8_MAX)
			m->statements++;
	}
	return BH_OPS_OP;
}

static enum bh_ops_status
text(struct mysql *m, struct bh_cur *in, struct bh_ops_out *out)
{
	size_t n = bh_cur_left(in) < m->client.left ? bh_cur_left(in) : m->client.left;
	struct bh_cur part;
	uint32_t eaten;
	bool done;

	if (n > bh_sql_room(&m->hold))
		n = bh_sql_room(&m->hold);
	part = bh_cur(in->p, n);
	done = bh_sql_feed(&m->sql, &part);
	eaten = (uint32_t)(part.p - in->p);
	bh_cur_take(in, eaten);
	m->client.left -= eaten;
	if (done)
		return emit(m, out, true);
	return bh_sql_hold(&m->hold, eaten, out) ? emit(m, out, false) : BH_OPS_MORE;
}

/* The last of a packet's bytes was eaten. */
static enum bh_ops_status
end_packet(struct mysql *m, struct bh_ops_out *out)
{
	enum bh_ops_status status = BH_OPS_MORE;
	enum part part = m->part;

	m->part = NONE;
	switch (part) {
	case KEPT:
		memset(&m->hold, 0, sizeof(m->hold));
		return kept(m, out);
	case ATTRIBUTES:
		return bh_ops_say(out, BH_OPS_ERROR, "query attributes");
	case TEXT:
		if (bh_sql_end(&m->sql))
			status = emit(m, out, true);
		memset(&m->hold, 0, sizeof(m->hold));
		m->load = m->command == COM_QUERY && m->statements == 1 && m->last == BH_SQLW_load;
		return status;
	default:
		return BH_OPS_MORE;
	}
}

static enum bh_ops_status
client_step(struct mysql *m, struct bh_cur *in, struct bh_ops_out *out)
{
	bool begins = false;
	uint8_t c = 0;

	if (m->client.left == 0) {
		if (m->part != NONE && !m->client.goes_on)
			return end_packet(m, out);
		if (!header(&m->client, in, &begins))
			return BH_OPS_MORE;
		return begins ? begin_packet(m, out) : BH_OPS_MORE;
	}
	switch (m->part) {
	case BYTE:
		(void)bh_cur_u8(in, &c);
		m->client.left--;
		return command(m, c, out);
	case KEPT:
		bh_sql_hold(&m->hold, keep(m, in), out);
		if (m->phase == LOGIN || m->command == COM_CHANGE_USER)
			memset(&m->hold, 0, sizeof(m->hold));
		return BH_OPS_MORE;
	case ATTRIBUTES:
		return keep_attributes(m, in, out);
	case TEXT:
		return text(m, in, out);
	default:
		(void)keep(m, in);
		return BH_OPS_MORE;
	}
}

static enum bh_ops_status
client(struct mysql *m, struct bh_cur *in, struct bh_ops_out *out)
{
	enum bh_ops_status status = BH_OPS_MORE;
	bool ends;

	do {
		ends = m->client.left == 0 && m->part != NONE && !m->client.goes_on;
		if (bh_cur_left(in) == 0 && !ends)
			break;
		status = client_step(m, in, out);
	} while (status == BH_OPS_MORE);
	out->pending = m->hold.early ? 1 : m->hold.bytes;
	if (m->phase == COMMAND && m->part == BYTE)
		out->pending = sizeof(m->client.head);
	else if (m->phase == COMMAND && !m->hold.early)
		out->pending += m->client.head_len;
	return status;
}

static enum bh_ops_status
server_packet(struct mysql *m, struct bh_ops_out *out)
{
	uint8_t sequence = m->server.head[3];

	if (m->phase == GREETING)
		return bh_mysql_greeting(m, out);
	if (m->phase == AUTH)
		bh_mysql_answered(m);
	else if (m->load && sequence == (uint8_t)(m->client.head[3] + 1)) {
		m->load = false;
		m->file = m->n_server != 0 && m->answer[0] == 0xfb;
	}
	return BH_OPS_MORE;
}

static enum bh_ops_status
server(struct mysql *m, struct bh_cur *in, struct bh_ops_out *out)
{
	enum bh_ops_status status = BH_OPS_MORE;
	bool begins = false;
	size_t n, room;

	while (status == BH_OPS_MORE && bh_cur_left(in) != 0) {
		if (m->server.left == 0) {
			if (!header(&m->server, in, &begins))
				break;
			if (begins)
				m->n_server = 0;
		}
		n = bh_cur_left(in) < m->server.left ? bh_cur_left(in) : m->server.left;
		room = KEEP_SERVER - m->n_server;
		memcpy(m->answer + m->n_server, in->p, n < room ? n : room);
		m->n_server = (uint16_t)(m->n_server + (n < room ? n : room));
		bh_cur_take(in, n);
		m->server.left -= (uint32_t)n;
		if (m->server.left == 0 && !m->server.goes_on)
			status = server_packet(m, out);
	}
	return status;
}

static enum bh_ops_status
feed_mysql(struct bh_ops *s, unsigned side, struct bh_cur *in, bool ended, struct bh_ops_out *out)
{
	struct mysql *m = BH_OPS_OF(s, struct mysql);

	(void)ended;
	return side == BH_CLIENT ? client(m, in, out) : server(m, in, out);
}

const struct bh_ops_parser bh_ops_mysql = {.open = open_mysql, .feed = feed_mysql};
