/* mysql, mariadb: greeting and log-in. */
#include "ops_mysql.h"

/* Character sets, by the ids of their collations, whose second bytes may be ASCII: big5, sjis, gbk, cp932, gb18030. */
static bool
is_odd_charset(uint8_t id)
{
	static const uint8_t ids[] = {1, 84, 13, 88, 28, 87, 95, 96, 248, 249, 250};

	return memchr(ids, id, sizeof(ids)) != NULL;
}

/* A length of 1 to 9 bytes. */
bool
bh_mysql_lenenc(struct bh_cur *c, uint64_t *v)
{
	uint8_t first;
	const uint8_t *p;
	unsigned n, i;

	if (!bh_cur_u8(c, &first))
		return false;
	*v = first;
	if (first < 0xfb)
		return true;
	n = first == 0xfc ? 2 : first == 0xfd ? 3 : 8;
	p = bh_cur_take(c, n);
	if (p == NULL)
		return false;
	for (*v = 0, i = 0; i < n; i++)
		*v |= (uint64_t)p[i] << 8 * i;
	return true;
}

static bool
skip_nul(struct bh_cur *c, struct bh_cur *text)
{
	const uint8_t *nul = bh_cur_left(c) != 0 ? memchr(c->p, 0, bh_cur_left(c)) : NULL;

	if (nul == NULL)
		return false;
	*text = (struct bh_cur){c->p, nul};
	c->p = nul + 1;
	return true;
}

/* Handshake response: capabilities, maximum packet, character set, 23 bytes, user, what proves it, database. What a
 * client calls its database may be cut: then it is not known. */
enum bh_ops_status
bh_mysql_login(struct mysql *m, struct bh_ops_out *out)
{
	struct bh_cur c = bh_cur(m->keep, m->n_keep), text;
	const uint8_t *p = bh_cur_take(&c, 32);
	uint32_t caps;
	uint64_t n = 0;
	uint8_t one;

	if (p == NULL)
		return bh_ops_say(out, BH_OPS_ERROR, "log-in is too short");
	caps = bh_load_le32(p);
	if ((caps & CAP_PROTOCOL_41) == 0)
		return bh_ops_say(out, BH_OPS_ERROR, "log-in of a protocol before 4.1");
	m->caps &= caps;
	/* MariaDB passes over what it did not offer itself, TLS included: the log-in goes on in the clear. */
	if ((m->caps & CAP_SSL) != 0) {
		out->became = BH_APP_TLS;
		return bh_ops_say(out, BH_OPS_OPAQUE, "encrypted");
	}
	if ((m->caps & (CAP_COMPRESS | CAP_ZSTD)) != 0)
		return bh_ops_say(out, BH_OPS_OPAQUE, "compressed");
	if (is_odd_charset(p[8]))
		m->sql.odd |= BH_SQL_ODD_CHARSET;
	m->phase = AUTH;
	if (!skip_nul(&c, &text) || (caps & CAP_CONNECT_WITH_DB) == 0)
		return BH_OPS_MORE;
	if ((caps & CAP_PLUGIN_AUTH_LENENC) != 0) {
		if (!bh_mysql_lenenc(&c, &n))
			return BH_OPS_MORE;
	} else if ((caps & CAP_SECURE) != 0) {
		if (!bh_cur_u8(&c, &one))
			return BH_OPS_MORE;
		n = one;
	} else if (!skip_nul(&c, &text)) {
		return BH_OPS_MORE;
	}
	if (bh_cur_take(&c, n) != NULL && skip_nul(&c, &text))
		bh_sql_database(&m->sql, text.p, bh_cur_left(&text));
	return BH_OPS_MORE;
}

/* COM_CHANGE_USER: user, what proves it, database, character set. */
void
bh_mysql_change_user(struct mysql *m)
{
	struct bh_cur c = bh_cur(m->keep, m->n_keep), text;
	const uint8_t *p;
	uint8_t n;

	m->phase = AUTH;
	bh_sql_database(&m->sql, "", 0);
	m->sql.odd |= BH_SQL_ODD_CHARSET;
	if (!skip_nul(&c, &text) || !bh_cur_u8(&c, &n) || bh_cur_take(&c, n) == NULL ||
	    !skip_nul(&c, &text))
		return;
	bh_sql_database(&m->sql, text.p, bh_cur_left(&text));
	p = bh_cur_take(&c, 2);
	if (p != NULL && !is_odd_charset(p[0]))
		m->sql.odd &= (uint8_t)~BH_SQL_ODD_CHARSET;
}

/* Greeting: protocol 10, version, connection, salt, 0, low capabilities, character set, status, high capabilities. */
enum bh_ops_status
bh_mysql_greeting(struct mysql *m, struct bh_ops_out *out)
{
	struct bh_cur c = bh_cur(m->answer, m->n_server), text;
	const uint8_t *p;
	uint8_t version = 0;

	(void)bh_cur_u8(&c, &version);
	if (version == 0xff)
		return BH_OPS_MORE;
	if (version != 10 || !skip_nul(&c, &text))
		return bh_ops_say(out, BH_OPS_ERROR, "greeting");
	p = bh_cur_take(&c, 4 + 8 + 1 + 2);
	if (p == NULL)
		return bh_ops_say(out, BH_OPS_ERROR, "greeting");
	m->caps = bh_load_le16(p + 13);
	p = bh_cur_take(&c, 5);
	if (p != NULL) {
		if ((bh_load_le16(p + 1) & STATUS_NO_BACKSLASH) != 0)
			m->sql.odd |= BH_SQL_ODD_BACKSLASH;
		m->caps |= (uint32_t)bh_load_le16(p + 3) << 16;
	}
	m->phase = LOGIN;
	return BH_OPS_MORE;
}

/* OK ends a log-in; what else but an error asks for more, except that a fast caching_sha2_password proof was good. */
void
bh_mysql_answered(struct mysql *m)
{
	struct bh_cur c = bh_cur(m->answer, m->n_server);
	const uint8_t *p;
	uint64_t skip;
	uint8_t kind = 0xff;

	(void)bh_cur_u8(&c, &kind);
	if (kind == 0xff)
		return;
	if (kind != 0) {
		m->asked = !(kind == 1 && m->n_server == 2 && m->answer[1] == 3);
		return;
	}
	m->phase = COMMAND;
	if (!bh_mysql_lenenc(&c, &skip) || !bh_mysql_lenenc(&c, &skip))
		return;
	p = bh_cur_take(&c, 2);
	if (p != NULL && (bh_load_le16(p) & STATUS_NO_BACKSLASH) != 0)
		m->sql.odd |= BH_SQL_ODD_BACKSLASH;
}
