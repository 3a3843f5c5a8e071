/* Statement analyser: SET, where it changes how later texts are read. A value that is not known to be harmless makes
 * what it can change doubtful for the rest of the connection. */
#include "sql_parse.h"

enum setting { S_NONE, S_PATH, S_ESCAPES, S_CHARSET, S_MODE };

static const uint8_t odd_of[] = {
	[S_NONE] = 0,
	[S_PATH] = BH_SQL_ODD_PATH,
	[S_ESCAPES] = BH_SQL_ODD_BACKSLASH,
	[S_CHARSET] = BH_SQL_ODD_CHARSET,
	[S_MODE] = BH_SQL_ODD_BACKSLASH,
};

static bool
same(const char *at, size_t len, const char *text)
{
	struct bh_sql_token t = {.kind = BH_SQLT_WORD};

	if (len >= sizeof(t.text))
		return false;
	t.len = (uint16_t)len;
	memcpy(t.text, at, len);
	return bh_sql_is(&t, text);
}

static bool
is_one_of(const char *at, size_t len, const char *const *list, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		if (same(at, len, list[i]))
			return true;
	}
	return false;
}

/* Character sets in which no second byte is ASCII. */
static bool
is_safe_charset(const char *at, size_t len)
{
	static const char *const prefixes[] = {"utf",   "unicode", "latin",  "sql_ascii",
					       "ascii", "us",      "binary", "iso",
					       "win",   "koi",     "euc",    "ujis",
					       "cp125", "cp85",    "gb2312", "default"};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(prefixes); i++) {
		if (len >= strlen(prefixes[i]) && same(at, strlen(prefixes[i]), prefixes[i]))
			return true;
	}
	return false;
}

/* Modes of MySQL that leave quotes and backslashes alone; a list with commas. */
static bool
is_safe_mode(const char *at, size_t len)
{
	static const char *const modes[] = {"",
					    "strict_trans_tables",
					    "strict_all_tables",
					    "no_zero_in_date",
					    "no_zero_date",
					    "error_for_division_by_zero",
					    "no_auto_create_user",
					    "no_engine_substitution",
					    "traditional",
					    "only_full_group_by",
					    "pad_char_to_full_length",
					    "no_auto_value_on_zero",
					    "no_unsigned_subtraction",
					    "pipes_as_concat",
					    "allow_invalid_dates",
					    "time_truncate_fractional",
					    "default"};
	const char *comma;
	size_t n;

	for (;;) {
		comma = memchr(at, ',', len);
		n = comma != NULL ? (size_t)(comma - at) : len;
		if (!is_one_of(at, n, modes, BH_ARRAY_SIZE(modes)))
			return false;
		if (comma == NULL)
			return true;
		at += n + 1;
		len -= n + 1;
	}
}

static bool
is_safe(enum setting s, const char *at, size_t len)
{
	static const char *const schemas[] = {"public",           "$user",
					      "\"$user\"",        "pg_catalog",
					      "default",          "\"$user\", public",
					      "\"$user\",public", "$user,public"};
	static const char *const on[] = {"on", "true", "1", "yes"};

	switch (s) {
	case S_PATH:
		return is_one_of(at, len, schemas, BH_ARRAY_SIZE(schemas));
	case S_ESCAPES:
		return is_one_of(at, len, on, BH_ARRAY_SIZE(on));
	case S_CHARSET:
		return is_safe_charset(at, len);
	case S_MODE:
		return is_safe_mode(at, len);
	default:
		return true;
	}
}

static enum setting
setting_of(const struct bh_sql *q, const char *at, size_t len)
{
	const char *dot = memchr(at, '.', len);

	if (dot != NULL) { /* @@session.sql_mode */
		len -= (size_t)(dot + 1 - at);
		at = dot + 1;
	}
	if (q->dialect == BH_SQL_MYSQL) {
		if (same(at, len, "sql_mode"))
			return S_MODE;
		if (same(at, len, "names") || same(at, len, "charset") ||
		    same(at, len, "character") || same(at, len, "character_set_client"))
			return S_CHARSET;
	}
	if (q->dialect != BH_SQL_PG)
		return S_NONE;
	if (same(at, len, "search_path") || same(at, len, "schema"))
		return S_PATH;
	if (same(at, len, "standard_conforming_strings"))
		return S_ESCAPES;
	return same(at, len, "client_encoding") || same(at, len, "names") ? S_CHARSET : S_NONE;
}

void
bh_sql_setting(struct bh_sql *q)
{
	const struct bh_sql_token *t = &q->token;
	size_t len = t->len;
	const char *at = t->text;
	enum setting s;

	if (q->first != BH_SQLW_set || t->kind == BH_SQLT_CHAR)
		return;
	if (q->prev_char == ',' && q->depth == 0 && q->sub != S_PATH)
		q->sub = S_NONE;
	if (t->kind == BH_SQLT_VAR && len != 0 && at[0] == '@') {
		at++;
		len--;
	}
	/* MariaDB: SET STATEMENT ... FOR statement */
	if (q->before == BH_SQLW_set && t->word == BH_SQLW_statement)
		q->partial = true;
	s = setting_of(q, at, len);
	if (s != S_NONE && t->kind != BH_SQLT_STRING) {
		q->sub = (uint8_t)s;
		return;
	}
	if (q->sub == S_NONE || t->word == BH_SQLW_to || t->word == BH_SQLW_set ||
	    (q->sub == S_MODE && same(at, len, "concat")))
		return;
	if (t->len >= BH_SQL_TOKEN || t->kind == BH_SQLT_VAR ||
	    !is_safe((enum setting)q->sub, at, len))
		q->odd |= odd_of[q->sub];
}

void
bh_sql_option(struct bh_sql *q, const char *name, size_t name_len, const char *value, size_t len)
{
	enum setting s = setting_of(q, name, name_len);

	if (same(name, name_len, "options") && memmem(value, len, "-", 1) != NULL) {
		if (memmem(value, len, "search_path", 11) != NULL)
			q->odd |= BH_SQL_ODD_PATH;
		if (memmem(value, len, "conforming", 10) != NULL)
			q->odd |= BH_SQL_ODD_BACKSLASH;
		if (memmem(value, len, "encoding", 8) != NULL)
			q->odd |= BH_SQL_ODD_CHARSET;
	}
	if (s != S_NONE && !is_safe(s, value, len))
		q->odd |= odd_of[s];
}
