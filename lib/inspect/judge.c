/* One value: its readings, and each reading as all that it could mean where it lands. */
#include "inspect_priv.h"

static const char *const where_names[] = {
	"path", "query",    "name",    "argument", "cookie", "header",
	"body", "filename", "message", "response", "stream",
};

const char *
bh_inspect_where_name(unsigned where)
{
	return where < BH_ARRAY_SIZE(where_names) ? where_names[where] : "invalid";
}

static uint16_t
rules_of(const struct bh_inspect_value *v)
{
	switch (v->where) {
	case BH_AT_PATH:
		return BH_ON_PATH;
	case BH_AT_QUERY:
		return BH_ON_QUERY;
	case BH_AT_NAME:
		return BH_ON_NAME;
	case BH_AT_HEADER:
		if (v->name_len == 10 && strncasecmp(v->name, "user-agent", 10) == 0)
			return BH_ON_VALUE | BH_ON_AGENT;
		return BH_ON_VALUE | BH_ON_HEADER;
	case BH_AT_FILE:
		return BH_ON_VALUE | BH_ON_FILE;
	case BH_AT_BODY:
		/* a document's texts are judged one by one */
		return v->len > 0 && v->at[0] == '<' ? BH_ON_BODY : BH_ON_VALUE | BH_ON_BODY;
	case BH_AT_RESPONSE:
		return BH_ON_RESPONSE;
	}
	return BH_ON_VALUE;
}

/* Only what is seldom and exact: headers whose ordinary values are lists with wildcards and semicolons, and streams
 * of protocols without a decoder. */
static bool
is_plain(const struct bh_inspect_value *v)
{
	static const char *const dull[] = {"accept",
					   "accept-charset",
					   "accept-encoding",
					   "accept-language",
					   "connection",
					   "content-type",
					   "host",
					   "keep-alive",
					   "range",
					   "cache-control",
					   "pragma",
					   "date",
					   "if-none-match",
					   "if-modified-since",
					   "etag",
					   "dnt",
					   "te",
					   "expect"};
	unsigned i;

	if (v->where == BH_AT_STREAM)
		return true;
	if (v->where != BH_AT_HEADER || v->name_len == 0)
		return false;
	if (v->name_len > 4 && strncasecmp(v->name, "sec-", 4) == 0)
		return true;
	for (i = 0; i < BH_ARRAY_SIZE(dull); i++)
		if (bh_lower((uint8_t)v->name[0]) == (uint8_t)dull[i][0] &&
		    v->name_len == strlen(dull[i]) &&
		    strncasecmp(v->name, dull[i], v->name_len) == 0)
			return true;
	return false;
}

/* A whole filter (RFC 4515), closed as often as it was opened: an application's own parameter. What is injected
 * into one begins in its middle. */
static bool
is_whole_filter(const struct bh_view *r)
{
	size_t i = bh_skip_space(r, 0);
	unsigned depth = 0;

	for (; i < r->len; i++) {
		if (r->at[i] == '(')
			depth++;
		else if (depth == 0 || (r->at[i] == ')' && --depth == 0))
			break;
	}
	return i < r->len && r->at[i] == ')' && bh_skip_space(r, i + 1) == r->len;
}

static void
judge_reading(struct bh_judge *j, const struct bh_inspect_value *v, const struct bh_view *r)
{
	uint64_t before = j->found;

	if (r->len == 0)
		return;
	j->kinds = bh_kinds(r->at, r->len);
	if (j->kinds & BH_KIND_DOLLAR)
		bh_judge_lookup(j, r);
	if (j->plain) {
		uint64_t keep = BH_INSPECT_BIT(BH_INSPECT_LOG4SHELL) |
				BH_INSPECT_BIT(BH_INSPECT_SHELLSHOCK) |
				BH_INSPECT_BIT(BH_INSPECT_SCANNER);

		bh_judge_rules(j, r, keep);
		j->found &= keep;
		return;
	}
	bh_judge_rules(j, r, BH_INSPECT_ALL);
	if ((j->found & ~before & BH_INSPECT_BIT(BH_INSPECT_LDAPI)) && is_whole_filter(r))
		j->found &= ~BH_INSPECT_BIT(BH_INSPECT_LDAPI);
	if (v->where == BH_AT_RESPONSE || v->where == BH_AT_QUERY)
		return;
	if (j->kinds & BH_KIND_ANGLE)
		bh_judge_html(j, r);
	bh_judge_path(j, r);
	bh_judge_sql(j, r);
	bh_judge_shell(j, r);
	if (j->kinds & BH_KIND_PAREN)
		bh_judge_php(j, r);
	if (v->where == BH_AT_BODY || v->where == BH_AT_ARG)
		bh_judge_xml(j, r);
	if (v->where != BH_AT_NAME)
		bh_judge_url(j, r);
}

/* Percent-decoding until nothing changes (three rounds), then overlong and look-alike characters. */
static struct bh_view
unwrap(struct bh_inspect_scratch *s, uint8_t *to, const struct bh_view *in, bool *any)
{
	uint8_t *other = s->view[BH_INSPECT_VIEWS];
	struct bh_view v = *in;
	bool changed;
	unsigned round;

	*any = false;
	if (!(bh_kinds(in->at, in->len) & (BH_KIND_PERCENT | BH_KIND_HIGH)))
		return v;
	for (round = 0; round < 3; round++) {
		uint8_t *out = v.at == to ? other : to;
		size_t n = bh_decode_percent(out, BH_INSPECT_PIECE, &v, false, &changed);

		if (!changed)
			break;
		v = (struct bh_view){out, n};
		*any = true;
	}
	{
		uint8_t *out = v.at == to ? other : to;
		size_t n = bh_decode_utf8(out, BH_INSPECT_PIECE, &v, &changed);

		if (changed) {
			v = (struct bh_view){out, n};
			*any = true;
		}
	}
	if (v.at == other) {
		memcpy(to, other, v.len);
		v.at = to;
	}
	return v;
}

/* What an escape hid may be encoded in its turn: \u0025 7B, \u0026 lbrace. */
static void
again(struct bh_judge *j, const struct bh_inspect_value *v, const struct bh_view *in)
{
	struct bh_inspect_scratch *s = j->scratch;
	struct bh_view decoded;
	bool percent, escapes;
	size_t n;

	decoded = unwrap(s, s->view[1], in, &percent);
	if (!percent)
		decoded = *in;
	n = bh_decode_escapes(s->view[3], BH_INSPECT_PIECE, &decoded, &escapes);
	if (escapes)
		decoded = (struct bh_view){s->view[3], n};
	if (percent || escapes)
		judge_reading(j, v, &decoded);
}

/* What there is in base64, its padding and the space behind it. */
#define BASE64                                                                                     \
	((uint32_t)(BH_KIND_LETTER | BH_KIND_DIGIT | BH_KIND_PLUS | BH_KIND_DASH | BH_KIND_SLASH | \
		    BH_KIND_UNDERSCORE | BH_KIND_EQUALS | BH_KIND_SPACE | BH_KIND_CONTROL))

static void
judge_piece(struct bh_judge *j, const struct bh_inspect_value *v, const struct bh_view *piece)
{
	struct bh_inspect_scratch *s = j->scratch;
	struct bh_view plain = *piece, decoded, base;
	uint32_t kinds;
	bool changed;
	size_t n = 0;

	judge_reading(j, v, &plain);
	if (v->where == BH_AT_RESPONSE)
		return;
	kinds = j->kinds;
	j->encoded = true;
	decoded = unwrap(s, s->view[1], &plain, &changed);
	if (changed) {
		kinds = bh_kinds(decoded.at, decoded.len);
		judge_reading(j, v, &decoded);
	} else {
		decoded = plain;
	}
	if (kinds & (BH_KIND_AMPERSAND | BH_KIND_BACKSLASH))
		n = bh_decode_escapes(s->view[2], BH_INSPECT_PIECE, &decoded, &changed);
	else
		changed = false;
	if (changed) {
		decoded = (struct bh_view){s->view[2], n};
		kinds = bh_kinds(decoded.at, decoded.len);
		judge_reading(j, v, &decoded);
		again(j, v, &decoded);
	}
	n = kinds & ~BASE64 ? 0 : bh_decode_base64(s->view[3], BH_INSPECT_PIECE, &decoded);
	if (n > 0) {
		base = (struct bh_view){s->view[3], n};
		n = bh_decode_escapes(s->view[1], BH_INSPECT_PIECE, &base, &changed);
		judge_reading(j, v, &base);
		if (changed) {
			base = (struct bh_view){s->view[1], n};
			judge_reading(j, v, &base);
		}
	}
	j->encoded = false;
}

static void
report(const struct bh_inspect_ctx *ctx, const struct bh_judge *j, const struct bh_inspect_value *v,
       uint64_t found)
{
	struct bh_inspect_finding f = {.where = v->where};

	bh_inspect_mask(f.name, sizeof(f.name), (const uint8_t *)v->name, v->name_len);
	bh_inspect_mask(f.excerpt, sizeof(f.excerpt), v->at, v->len);
	while (found != 0) {
		unsigned class = (unsigned)__builtin_ctzll(found);

		found &= found - 1;
		f.class = (uint8_t) class;
		f.offset = j->offset[class];
		ctx->report(ctx->arg, &f);
	}
}

uint64_t
bh_inspect_value(const struct bh_inspect_ctx *ctx, const struct bh_inspect_value *v)
{
	struct bh_judge j = {
		.scratch = ctx->scratch,
		.engine = ctx->engine,
		.where = v->where,
	};
	size_t pos = 0;

	/* there may be thousands of such values: nothing fits into two letters */
	if (v->len == 0 || (v->len < 3 && bh_is_alnum(v->at[0]) && bh_is_alnum(v->at[v->len - 1])))
		return 0;
	j.on = rules_of(v);
	j.plain = is_plain(v);
	while (pos < v->len) {
		struct bh_view piece = {v->at + pos, v->len - pos};

		if (piece.len > BH_INSPECT_PIECE)
			piece.len = BH_INSPECT_PIECE;
		judge_piece(&j, v, &piece);
		if (piece.len < BH_INSPECT_PIECE || pos + piece.len >= v->len)
			break;
		pos += BH_INSPECT_PIECE - BH_INSPECT_OVERLAP;
	}
	j.found &= ctx->classes;
	if (j.found != 0)
		report(ctx, &j, v, j.found);
	return j.found;
}
