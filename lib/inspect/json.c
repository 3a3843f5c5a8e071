/* JSON by its strings: names and values are judged as arguments. No tree is built and broken JSON is no obstacle:
 * what a lenient parser would still read is what is looked at. */
#include "message.h"

/* RFC 8259 7. At most as long as the input. */
static size_t
unescape(uint8_t *out, const struct bh_view *in)
{
	static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
	size_t i = 0, n = 0;

	while (i < in->len) {
		const char *at;

		if (in->at[i] != '\\' || i + 1 >= in->len || (in->at[i + 1] | 0x20) == 'u') {
			out[n++] = in->at[i++];
			continue;
		}
		at = in->at[i + 1] != '\0' ? strchr(from, in->at[i + 1]) : NULL;
		out[n++] = at != NULL ? (uint8_t)to[at - from] : in->at[i + 1];
		i += 2;
	}
	return n;
}

/* \uXXXX stays for the reading that undoes escapes, but a name or value that is nothing else is read here. */
static void
string(struct bh_message *m, struct bh_view text, bool is_name)
{
	struct bh_inspect_side *s = m->s;
	uint8_t *buf = m->ctx->scratch->view[0];
	struct bh_view out, name = {s->name, s->name_len};
	size_t pos = 0;

	do {
		struct bh_view piece = {text.at + pos, text.len - pos};

		if (piece.len > BH_INSPECT_PIECE)
			piece.len = BH_INSPECT_PIECE;
		out = (struct bh_view){buf, unescape(buf, &piece)};
		bh_message_value(m, is_name ? BH_AT_NAME : BH_AT_ARG, is_name ? out : name, out);
		if (piece.len < BH_INSPECT_PIECE)
			break;
		pos += BH_INSPECT_PIECE - BH_INSPECT_OVERLAP;
	} while (pos < text.len);
	if (is_name) {
		s->name_len = (uint8_t)(out.len < sizeof(s->name) ? out.len : sizeof(s->name));
		memcpy(s->name, out.at, s->name_len);
	}
}

size_t
bh_message_json(struct bh_message *m, struct bh_view text, bool final)
{
	size_t i = 0, done = 0, start, after;

	while (i < text.len) {
		if (text.at[i] != '"') {
			i++;
			continue;
		}
		start = ++i;
		while (i < text.len && text.at[i] != '"')
			i += text.at[i] == '\\' ? 2 : 1;
		if (i >= text.len) {
			/* unfinished: wait, unless nothing more comes or it fills the window */
			if (!final && start > 1)
				return start - 1;
			string(m, (struct bh_view){text.at + start, text.len - start}, false);
			return final ? text.len : 0;
		}
		after = bh_skip_space(&text, i + 1);
		if (after >= text.len && !final && start > 1)
			return start - 1;
		string(m, (struct bh_view){text.at + start, i - start},
		       after < text.len && text.at[after] == ':');
		done = ++i;
	}
	if (final && done == 0)
		bh_message_value(m, BH_AT_BODY, (struct bh_view){NULL, 0}, text);
	return final ? text.len : done;
}
