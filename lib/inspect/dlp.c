/* Sensitive data in text: one pass that asks, at each byte that could begin it, what it is; and the patterns of what has
 * a spelling of its own. What is found is never reported whole. */
#include "dlp_number.h"

#define NUMBER_MAX 64

struct found {
	uint64_t set;
	struct bh_inspect_tally *tally;
	const struct bh_inspect_value *v;
	size_t at[BH_INSPECT_CLASS_COUNT], len[BH_INSPECT_CLASS_COUNT];
};

static void
add(struct found *f, unsigned class, size_t at, size_t len)
{
	struct bh_inspect_own *own = f->v->owned & BH_INSPECT_BIT(class) ? f->v->own : NULL;

	if ((f->set & BH_INSPECT_BIT(class)) != 0 ||
	    !bh_tally_add(f->tally, own, class, &(struct bh_view){f->v->at + at, len}))
		return;
	f->set |= BH_INSPECT_BIT(class);
	f->at[class] = at;
	f->len[class] = len;
}

/* Could something begin with the digits at pos? Groups of 4 or no groups (cards), of 3 (telephone, social security, CPF, SIN),
 * one digit and a space (NIR), eight and a letter (DNI). */
static bool
begins(const struct bh_view *v, size_t pos)
{
	size_t end = pos + 1, n;
	uint8_t c;

	while (end < v->len && bh_is_digit(v->at[end]))
		end++;
	n = end - pos;
	c = end < v->len ? v->at[end] : 0;
	switch (n) {
	case 1:
		return c == ' ';
	case 3:
		return c == ' ' || c == '-' || c == '.';
	case 4:
		return c == ' ' || c == '-';
	case 8:
		return c >= 'A' && c <= 'Z';
	}
	return n >= 12 && n <= 19;
}

/* What begins with a digit, behind something that is none. Returns its length. */
static size_t
at_digit(struct found *f, const struct bh_view *v, size_t pos)
{
	static const struct {
		size_t (*look)(const struct bh_view *v, size_t pos);
		uint8_t class;
	} kinds[] = {
		{bh_dlp_card, BH_INSPECT_DLP_CARD},
		{bh_dlp_ssn, BH_INSPECT_DLP_SSN},
		{bh_dlp_national, BH_INSPECT_DLP_NATIONAL},
		{bh_dlp_phone, BH_INSPECT_DLP_PHONE},
	};
	unsigned i;

	if (!begins(v, pos))
		return 0;
	for (i = 0; i < BH_ARRAY_SIZE(kinds); i++) {
		size_t n = kinds[i].look(v, pos);

		if (n > 0) {
			add(f, kinds[i].class, pos, n);
			if (kinds[i].class == BH_INSPECT_DLP_CARD && bh_dlp_track(v, pos + n))
				add(f, BH_INSPECT_DLP_TRACK, pos, n);
			return n;
		}
	}
	return 0;
}

static size_t
at_letter(struct found *f, const struct bh_view *v, size_t pos)
{
	uint8_t next = pos + 1 < v->len ? v->at[pos + 1] : 0;
	size_t n;

	/* a word: all that is looked for goes on with a capital, a digit or a
   * passport's filler */
	if (!(next >= 'A' && next <= 'Z') && !bh_is_digit(next) && next != '<')
		return 0;
	n = bh_dlp_iban(v, pos);
	if (n > 0) {
		add(f, BH_INSPECT_DLP_IBAN, pos, n);
		return n;
	}
	n = bh_dlp_national(v, pos);
	if (n > 0) {
		add(f, BH_INSPECT_DLP_NATIONAL, pos, n);
		return n;
	}
	n = bh_dlp_passport(v, pos);
	if (n > 0)
		add(f, BH_INSPECT_DLP_PASSPORT, pos, n);
	return n;
}

/* pos: of the @. A record begins before the name. */
static void
email(struct found *f, const struct bh_view *v, size_t pos)
{
	size_t start = pos, n = bh_dlp_email(v, pos);

	if (n == 0)
		return;
	while (start > 0 && pos - start < 64 &&
	       (bh_is_word(v->at[start - 1]) || memchr(".-+%", v->at[start - 1], 4) != NULL))
		start--;
	while (!bh_is_alnum(v->at[start]))
		start++;
	add(f, BH_INSPECT_DLP_EMAIL, start, n);
}

static void
scan(struct found *f, const struct bh_view *v, bool more)
{
	/* the longest number, with its separators, and what may be behind it */
	size_t i = 0, end = !more ? v->len : v->len > NUMBER_MAX ? v->len - NUMBER_MAX : 0;
	uint8_t before = ' ';

	while (i < end) {
		uint8_t c = v->at[i];
		size_t n = 0;

		if (c >= 'a' && c <= 'z') {
			before = c;
			i++;
			continue;
		}
		if (bh_is_digit(c)) {
			if (!bh_is_digit(before))
				n = at_digit(f, v, i);
		} else if (c >= 'A' && c <= 'Z') {
			if (!bh_is_alnum(before))
				n = at_letter(f, v, i);
		} else if (c == '(' || c == '+') {
			n = bh_dlp_phone(v, i);
			if (n > 0)
				add(f, BH_INSPECT_DLP_PHONE, i, n);
		} else if (c == '@') {
			email(f, v, i);
		}
		i += n > 0 ? n : 1;
		before = v->at[i - 1];
	}
}

/* RFC 7617: name and password in one. */
static bool
is_credential(const struct bh_inspect_value *v)
{
	return v->name_len == 13 && strncasecmp(v->name, "authorization", 13) == 0 && v->len > 8 &&
	       strncasecmp((const char *)v->at, "basic ", 6) == 0;
}

uint64_t
bh_inspect_dlp(const struct bh_inspect_ctx *ctx, const struct bh_inspect_value *v)
{
	struct bh_judge j = {.scratch = ctx->scratch, .engine = ctx->engine, .on = BH_ON_DATA};
	struct bh_view text = {v->at, v->len};
	struct bh_inspect_finding out = {.where = v->where};
	struct found f;
	uint64_t set, scanned;

	if (v->len < 6)
		return 0;
	/* places are written with their classes: no more of them is zeroed */
	f.set = 0;
	f.tally = ctx->tally;
	f.v = v;
	scan(&f, &text, v->more);
	scanned = f.set;
	bh_judge_data(&j, &text);
	if (is_credential(v))
		bh_judge_hit(&j, BH_INSPECT_DLP_PASSWORD, 0);
	f.set = (f.set | j.found) & ctx->classes;
	if (f.set != 0)
		bh_inspect_mask(out.name, sizeof(out.name), (const uint8_t *)v->name, v->name_len);
	for (set = f.set; set != 0; set &= set - 1) {
		unsigned class = (unsigned)__builtin_ctzll(set);
		size_t at = j.found & BH_INSPECT_BIT(class) ? j.offset[class] : f.at[class];
		size_t len = scanned & BH_INSPECT_BIT(class) ? f.len[class] : v->len - at;

		out.class = (uint8_t) class;
		out.offset = (uint32_t)at;
		if (class == BH_INSPECT_DLP_PASSWORD)
			memcpy(out.excerpt, "********", 9);
		else
			bh_inspect_mask(out.excerpt, sizeof(out.excerpt), v->at + at,
					len < 96 ? len : 96);
		ctx->report(ctx->arg, &out);
	}
	return f.set;
}
