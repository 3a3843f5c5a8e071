/* proto_priv: what detectors share. */
#ifndef BH_PROTO_PRIV_H
#define BH_PROTO_PRIV_H

#include "proto.h"

enum { BH_CLIENT, BH_SERVER };

#define BH_PROTO(sym, name, transports, parent, text)                                              \
	enum bh_proto_answer bh_proto_##sym(const struct bh_proto_input *in);
#include "proto.def"
#undef BH_PROTO

static inline struct bh_cur
bh_side(const struct bh_proto_input *in, unsigned side)
{
	return bh_cur(in->data[side], in->len[side]);
}

/* Do the first bytes spell `text`? MAYBE while they do so far and more may come. */
enum bh_proto_answer bh_proto_spells(const struct bh_proto_input *in, unsigned side,
				     const char *text);
/* The same without regard to case (ASCII). */
enum bh_proto_answer bh_proto_spells_nocase(const struct bh_proto_input *in, unsigned side,
					    const char *text);
/* Fewer than `need` bytes are there: MAYBE while more may come, else NO. */
static inline enum bh_proto_answer
bh_proto_wants_more(const struct bh_proto_input *in, unsigned side)
{
	return in->ended[side] || in->transport == BH_OVER_UDP ? BH_PROTO_NO : BH_PROTO_MAYBE;
}

/* The better of two answers: a proof wins, then a possibility. */
static inline enum bh_proto_answer
bh_proto_either(enum bh_proto_answer a, enum bh_proto_answer b)
{
	return a > b ? a : b;
}

/* Length of the first line without its end, -1 when no LF is there. *end: bytes through the LF. */
int bh_proto_line(const struct bh_proto_input *in, unsigned side, uint32_t *end);
/* Is all of p printable ASCII or tab? */
bool bh_proto_printable(const uint8_t *p, size_t len);
/* First place of `needle`, of n > 0 bytes, in the first `limit` bytes of a side, case ignored; -1: not there. */
int bh_proto_find(const struct bh_proto_input *in, unsigned side, const char *needle, uint32_t n,
		  uint32_t limit);
/* The same of a string; the length of one that is written there costs nothing. */
static inline int
bh_proto_find_nocase(const struct bh_proto_input *in, unsigned side, const char *needle,
		     uint32_t limit)
{
	return bh_proto_find(in, side, needle, (uint32_t)strlen(needle), limit);
}

/* Does the target of an HTTP request begin with one of these (NULL-terminated)? */
enum bh_proto_answer bh_proto_path(const struct bh_proto_input *in, const char *const paths[]);

static inline uint16_t
bh_load_le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t
bh_load_le24(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

static inline uint32_t
bh_load_le32(const uint8_t *p)
{
	return bh_load_le24(p) | (uint32_t)p[3] << 24;
}

/* ---- operation parsers: a file ops_<name>.c with one struct bh_ops_parser bh_ops_<name>, and one line in
 * ops.def ---- */

struct bh_ops_parser {
	/* state is zeroed; NULL: nothing to prepare */
	void (*open)(struct bh_ops *s);
	/* as bh_ops_feed; out is zeroed, out->op.app and side are set */
	enum bh_ops_status (*feed)(struct bh_ops *s, unsigned side, struct bh_cur *in, bool ended,
				   struct bh_ops_out *out);
	void (*close)(struct bh_ops *s); /* NULL: nothing to give back */
	/* as bh_ops_free, bh_ops_pass; NULL: every byte is looked at */
	uint64_t (*free)(const struct bh_ops *s, unsigned side);
	void (*pass)(struct bh_ops *s, unsigned side, uint64_t n);
};

#define BH_OPS(name, app) extern const struct bh_ops_parser bh_ops_##name;
#include "ops.def"
#undef BH_OPS

/* The parser's own struct in its connection's state. */
#define BH_OPS_OF(s, type)                                                                         \
	({                                                                                         \
		_Static_assert(sizeof(type) <= BH_OPS_STATE, "a parser's state fits");             \
		(type *)(void *)(s)->state;                                                        \
	})

/* For parsers that do not look at what the server says. */
uint64_t bh_ops_free_server(const struct bh_ops *s, unsigned side);

/* Say ERROR or OPAQUE with a few words. */
static inline enum bh_ops_status
bh_ops_say(struct bh_ops_out *out, enum bh_ops_status status, const char *why)
{
	out->why = why;
	return status;
}

#endif
