/* imap4 (RFC 9051, 3501): untagged greeting and IMAP in it, or a tagged command. */
#include <strings.h>

#include "mail.h"

/* tag SP verb: at most 16 bytes of tag. */
static enum bh_proto_answer
tagged(const struct bh_proto_input *in)
{
	static const char *const verbs[] = {"CAPABILITY", "LOGIN ", "AUTHENTICATE ", "STARTTLS",
					    "ID ",        "NOOP",   "LOGOUT",        "SELECT ",
					    "ENABLE ",    "LIST ",  "EXAMINE ",      "STATUS ",
					    "LSUB ",      "UID ",   "NAMESPACE",     "COMPRESS "};
	const uint8_t *p = in->data[BH_CLIENT], *space;
	uint32_t n = in->len[BH_CLIENT], tag;
	size_t i;

	space = n != 0 ? memchr(p, ' ', n < 17 ? n : 17) : NULL;
	if (space == NULL)
		return n < 17 ? bh_proto_wants_more(in, BH_CLIENT) : BH_PROTO_NO;
	tag = (uint32_t)(space - p) + 1;
	for (i = 0; i < BH_ARRAY_SIZE(verbs); i++) {
		uint32_t k = (uint32_t)strlen(verbs[i]);

		if (n >= tag + k && strncasecmp((const char *)p + tag, verbs[i], k) == 0)
			return BH_PROTO_YES;
	}
	return n < tag + 14 ? bh_proto_wants_more(in, BH_CLIENT) : BH_PROTO_NO;
}

enum bh_proto_answer
bh_proto_IMAP(const struct bh_proto_input *in)
{
	enum bh_proto_answer a = bh_proto_either(bh_proto_spells(in, BH_SERVER, "* OK"),
						 bh_proto_spells(in, BH_SERVER, "* PREAUTH"));

	a = bh_proto_either(a, bh_proto_spells(in, BH_SERVER, "* BYE"));
	if (a != BH_PROTO_YES)
		return a;
	if (bh_proto_find_nocase(in, BH_SERVER, "imap", 512) >= 0)
		return BH_PROTO_YES;
	return tagged(in);
}
