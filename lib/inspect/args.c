/* name=value lists: queries, forms, cookies. */
#include "message.h"

static bool
is_pair_end(uint8_t c)
{
	return c == '&';
}

static bool
is_among(const struct bh_view *name, const char *const *list, size_t n)
{
	while (n-- > 0)
		if (name->len > 0 && bh_lower(name->at[0]) == (uint8_t)list[n][0] &&
		    bh_is(name, 0, name->len, list[n]))
			return true;
	return false;
}

/* A login is two arguments, in either order: who, and the password. One without the other is none. */
static void
login(struct bh_message *m, const struct bh_view *name, size_t value_len)
{
	static const char *const account[] = {
		"user",   "username",   "user_name", "login",   "loginid",    "email",
		"userid", "user_id",    "uid",       "account", "user[name]", "user[email]",
		"uname",  "j_username", "name",      "log",     "mail",       "usr",
	};
	static const char *const password[] = {
		"password",     "passwd",         "pwd",
		"pass",         "passphrase",     "user_password",
		"new_password", "user[password]", "j_password",
	};
	const uint16_t both = BH_SEEN_ACCOUNT | BH_SEEN_PASSWORD;
	uint16_t before = m->s->fields;

	if (value_len > 2 && is_among(name, password, BH_ARRAY_SIZE(password)))
		m->s->fields |= BH_SEEN_PASSWORD;
	else if (value_len > 0 && is_among(name, account, BH_ARRAY_SIZE(account)))
		m->s->fields |= BH_SEEN_ACCOUNT;
	if ((before & both) != both && (m->s->fields & both) == both)
		bh_message_say(m, BH_INSPECT_DLP_PASSWORD, "********");
}

/* With + and %XX undone, once: in `out`, of cap bytes, or where it stands when
 * there are none. */
static struct bh_view
undone(uint8_t *out, size_t cap, const struct bh_view *v)
{
	bool changed;

	if (!(bh_kinds(v->at, v->len) & (BH_KIND_PERCENT | BH_KIND_PLUS)))
		return *v;
	return (struct bh_view){out, bh_decode_percent(out, cap, v, true, &changed)};
}

/* One pair, percent-encoding undone once, as every receiver does. */
static void
pair(struct bh_message *m, struct bh_view text)
{
	struct bh_inspect_scratch *s = m->ctx->scratch;
	const uint8_t *eq = memchr(text.at, '=', text.len);
	struct bh_view name = text, value = {NULL, 0};
	uint8_t name_buf[256];

	if (eq != NULL) {
		name.len = (size_t)(eq - text.at);
		value = (struct bh_view){eq + 1, text.len - name.len - 1};
	}
	if (name.len > sizeof(name_buf) - 8)
		name.len = sizeof(name_buf) - 8;
	name = undone(name_buf, sizeof(name_buf), &name);
	login(m, &name, value.len);
	while (value.len > 0) {
		struct bh_view piece = {value.at, value.len < BH_INSPECT_PIECE - 8
							  ? value.len
							  : BH_INSPECT_PIECE - 8};
		struct bh_view out = undone(s->view[0], BH_INSPECT_PIECE, &piece);

		bh_message_value(m, BH_AT_ARG, name, out);
		bh_message_dlp(m, BH_AT_ARG, name, out);
		if (piece.len == value.len)
			break;
		value.at += piece.len - BH_INSPECT_OVERLAP;
		value.len -= piece.len - BH_INSPECT_OVERLAP;
	}
	bh_message_value(m, BH_AT_NAME, name, name);
	/* a name that is no name: what was sent has no '=' */
	if (eq == NULL || text.len - name.len < 2)
		bh_message_value(m, BH_AT_ARG, name, name);
}

/* A form's encoding is made by machines: what is no encoding in it was put there by hand. */
static bool
is_broken(const struct bh_view *v)
{
	size_t i;

	for (i = 0; i + 2 < v->len; i++)
		if (v->at[i] == '%' && ((bh_is_alpha(v->at[i + 1]) && bh_hex(v->at[i + 1]) < 0 &&
					 (v->at[i + 1] | 0x20) != 'u') ||
					(bh_hex(v->at[i + 1]) >= 0 && v->at[i + 2] == '%')))
			return true;
	return false;
}

size_t
bh_message_args(struct bh_message *m, struct bh_view text, bool final)
{
	size_t start = 0, i;

	if (m->s->in_body && m->s->kind == BH_BODY_FORM && is_broken(&text))
		bh_message_say(m, BH_INSPECT_HTTP, "broken percent-encoding");
	for (i = 0; i < text.len; i++)
		if (is_pair_end(text.at[i])) {
			if (i > start)
				pair(m, (struct bh_view){text.at + start, i - start});
			start = i + 1;
		}
	if (start < text.len && (final || (start == 0 && text.len == BH_INSPECT_WINDOW))) {
		pair(m, (struct bh_view){text.at + start, text.len - start});
		if (final)
			start = text.len;
	}
	return start;
}

void
bh_message_cookies(struct bh_message *m, struct bh_view text)
{
	size_t start = 0, i;

	for (i = 0; i <= text.len; i++) {
		struct bh_view one, name;
		const uint8_t *eq;

		if (i < text.len && text.at[i] != ';')
			continue;
		start = bh_skip_space(&text, start);
		if (i > start) {
			one = name = (struct bh_view){text.at + start, i - start};
			eq = memchr(one.at, '=', one.len);
			if (eq != NULL) {
				name.len = (size_t)(eq - one.at);
				one = (struct bh_view){eq + 1, one.len - name.len - 1};
				bh_message_value(m, BH_AT_COOKIE, name, one);
			}
			/* a session cookie's name is its place, so only attacks count in it */
			if (name.len > 0 && m->side == 0)
				bh_message_value(m, BH_AT_COOKIE, name, name);
		}
		start = i + 1;
	}
	/* what a semicolon cuts apart may belong together */
	if (memchr(text.at, '{', text.len) != NULL || memchr(text.at, '(', text.len) != NULL)
		bh_message_value(m, BH_AT_COOKIE, (struct bh_view){NULL, 0}, text);
}
