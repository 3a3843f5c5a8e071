/* redis: every command is an operation of its name and keys. RESP arrays of bulk strings (the RESP2 and RESP3
 * specification; RESP3 changes replies alone) and inline commands, split as Redis splits them.
 *
 * An operation is emitted as soon as no later argument can be a key: values are never kept. One with more keys
 * than fit an operation is several of the same name, each judged; its bytes are held (or all but the last one)
 * until the last of them. What replies say is not parsed: nothing in them is an operation. */
#include <string.h>

#include "redis_keys.h"

/* Redis: PROTO_INLINE_MAX_SIZE is 64 KiB, proto-max-bulk-len 512 MiB, 1024 * 1024 arguments until 7.0. */
#define INLINE_MAX 4096u
#define BULK_MAX (512u << 20)
#define ARGS_MAX (1024u * 1024)
/* Keys of one operation; one value is the name. */
#define KEYS_MAX (BH_OP_VALUES - 1)
#define ARENA 6144u

enum phase {
	IDLE,
	ARRAY,
	BULK_TYPE,
	BULK_LEN,
	BULK_BEGIN,
	BULK,
	BULK_CR,
	BULK_LF,
	LINE,
	LINE_ARGS
};

/* An argument's CRLF and the next one's "$536870912\r\n", rounded up. */
#define AROUND_ARG 16u

struct redis {
	struct redis_keys keys;
	uint64_t bytes; /* of this command so far */
	uint32_t number;
	uint32_t len, got; /* of this argument */
	uint8_t phase;     /* enum phase */
	uint8_t digits;
	uint8_t cr;
	uint8_t want;    /* enum redis_want of this argument */
	uint8_t judged;  /* all that can be asked of this command was emitted */
	uint8_t begun;   /* an operation was emitted, more keys may follow */
	uint8_t n_keys;  /* not emitted yet */
	uint8_t emitted; /* the last call gave the arena's keys away: clear it */
	uint16_t key_at[KEYS_MAX], key_len[KEYS_MAX];
	uint32_t used; /* bytes of the arena */
	char word[REDIS_WORD_MAX];
	uint32_t line_len, line_at;
	char line[INLINE_MAX];
	uint8_t arena[ARENA];
};

static void
start(struct redis *r, uint32_t n_args)
{
	redis_keys_begin(&r->keys, n_args);
	r->judged = false;
	r->begun = false;
	r->n_keys = 0;
	r->used = 0;
}

static uint32_t
pending(const struct redis *r)
{
	if (r->phase == IDLE || r->judged)
		return 0;
	return r->bytes <= BH_OPS_HOLD ? (uint32_t)r->bytes : 1;
}

static enum bh_ops_status
emit(struct redis *r, struct bh_ops_out *out)
{
	unsigned i;

	out->op.flags = r->keys.flags;
	bh_op_add(&out->op, BH_OP_REDIS_COMMAND, r->keys.name, r->keys.name_len);
	for (i = 0; i < r->n_keys; i++)
		bh_op_add(&out->op, BH_OP_REDIS_KEY, r->arena + r->key_at[i], r->key_len[i]);
	r->emitted = true;
	r->begun = true;
	r->judged = r->keys.known;
	out->pending = pending(r);
	return BH_OPS_OP;
}

static void
next_command(struct redis *r)
{
	r->phase = IDLE;
	r->bytes = 0;
	r->line_len = 0;
}

/* Is there room for one more key? Else what is there has to be judged first. */
static bool
has_room(const struct redis *r)
{
	return r->n_keys < KEYS_MAX && ARENA - r->used >= BH_OP_VALUE_MAX;
}

/* An argument of r->len bytes begins. */
static void
begin_arg(struct redis *r)
{
	r->got = 0;
	r->want = (uint8_t)redis_keys_want(&r->keys, r->len);
	if (r->want == REDIS_KEY) {
		r->key_at[r->n_keys] = (uint16_t)r->used;
		r->key_len[r->n_keys] =
			(uint16_t)(r->len < BH_OP_VALUE_MAX ? r->len : BH_OP_VALUE_MAX);
		r->used += r->key_len[r->n_keys];
		r->n_keys++;
		if (r->len > BH_OP_VALUE_MAX)
			r->keys.flags |= BH_OP_PARTIAL;
	}
}

/* Its next bytes. */
static void
keep(struct redis *r, const void *p, uint32_t n)
{
	uint8_t *to = (uint8_t *)r->word;
	uint32_t room = REDIS_WORD_MAX;

	if (r->want == REDIS_KEY) {
		to = r->arena + r->key_at[r->n_keys - 1];
		room = r->key_len[r->n_keys - 1];
	}
	if (r->want != REDIS_SKIP && r->got < room)
		memcpy(to + r->got, p, n < room - r->got ? n : room - r->got);
	r->got += n;
}

/* The argument is complete. OP when the command is, as far as rules ask. */
static enum bh_ops_status
end_arg(struct redis *r, struct bh_ops_out *out)
{
	if (!redis_keys_took(&r->keys, r->word, r->len))
		return bh_ops_say(out, BH_OPS_ERROR, "not the name of a command");
	return r->keys.known && !r->judged ? emit(r, out) : BH_OPS_MORE;
}

/* ---- arrays ---- */

/* A digit, CR or LF of "*2\r\n". True: the number is there; strict, as Redis is: no sign, no leading zero. */
static enum bh_ops_status
count_byte(struct redis *r, uint8_t b, uint32_t max, struct bh_ops_out *out)
{
	if (r->cr)
		return b == '\n' ? BH_OPS_OP
				 : bh_ops_say(out, BH_OPS_ERROR, "a length without CRLF");
	if (b == '\r' && r->digits != 0) {
		r->cr = true;
		return BH_OPS_MORE;
	}
	if (b < '0' || b > '9' || (r->digits != 0 && r->number == 0))
		return bh_ops_say(out, BH_OPS_ERROR, "a length that is no number");
	r->number = r->number * 10 + (uint32_t)(b - '0');
	r->digits++;
	return r->number <= max ? BH_OPS_MORE
				: bh_ops_say(out, BH_OPS_ERROR, "more than Redis takes");
}

static void
await_count(struct redis *r, enum phase phase)
{
	r->phase = (uint8_t)phase;
	r->number = 0;
	r->digits = 0;
	r->cr = false;
}

static enum bh_ops_status
array_byte(struct redis *r, uint8_t b, struct bh_ops_out *out)
{
	enum bh_ops_status status = count_byte(r, b, ARGS_MAX, out);

	if (status != BH_OPS_OP)
		return status;
	if (r->number == 0)
		return bh_ops_say(out, BH_OPS_ERROR, "a command without a name");
	start(r, r->number);
	r->phase = BULK_TYPE;
	return BH_OPS_MORE;
}

static enum bh_ops_status
bulk_len_byte(struct redis *r, uint8_t b, struct bh_ops_out *out)
{
	enum bh_ops_status status = count_byte(r, b, BULK_MAX, out);

	if (status != BH_OPS_OP)
		return status;
	r->len = r->number;
	r->phase = BULK_BEGIN;
	if (r->len > REDIS_WORD_MAX && (r->keys.at == 0 || r->keys.container))
		return bh_ops_say(out, BH_OPS_ERROR, "a name longer than any command's");
	return BH_OPS_MORE;
}

static enum bh_ops_status
bulk_begin(struct redis *r, struct bh_ops_out *out)
{
	begin_arg(r);
	r->phase = r->len != 0 ? BULK : BULK_CR;
	return r->len != 0 ? BH_OPS_MORE : end_arg(r, out);
}

/* CR and LF behind an argument: Redis skips two bytes, others look. */
static enum bh_ops_status
bulk_end_byte(struct redis *r, uint8_t b, struct bh_ops_out *out)
{
	if (b != (r->phase == BULK_CR ? '\r' : '\n'))
		return bh_ops_say(out, BH_OPS_ERROR, "an argument without CRLF");
	if (r->phase == BULK_CR)
		r->phase = BULK_LF;
	else if (r->keys.at == r->keys.n_args)
		next_command(r);
	else
		r->phase = BULK_TYPE;
	return BH_OPS_MORE;
}

/* ---- inline commands ---- */

static int
hex(char b)
{
	if (b >= '0' && b <= '9')
		return b - '0';
	b |= 0x20;
	return b >= 'a' && b <= 'f' ? b - 'a' + 10 : -1;
}

/* One byte within double quotes, escapes undone; *at moves on. */
static char
quoted_byte(const struct redis *r, uint32_t *at)
{
	static const char from[] = "nrtba", to[] = "\n\r\t\b\a";
	const char *p = r->line + *at, *e;
	uint32_t left = r->line_len - *at;

	if (left < 2 || p[0] != '\\') {
		*at += 1;
		return p[0];
	}
	if (left >= 4 && p[1] == 'x' && hex(p[2]) >= 0 && hex(p[3]) >= 0) {
		*at += 4;
		return (char)(hex(p[2]) * 16 + hex(p[3]));
	}
	*at += 2;
	e = strchr(from, p[1]);
	return e != NULL && *e != '\0' ? to[e - from] : p[1];
}

static bool
is_blank(char b)
{
	return b == ' ' || b == '\n' || b == '\r' || b == '\t';
}

/* The argument at r->line_at, given to keep() if `kept`; *at: behind it. 1: one, 0: none left, -1: quotes that do
 * not close, or close within a word. */
static int
split(struct redis *r, uint32_t *at, uint32_t *len, bool kept)
{
	char quote = 0, b;

	*len = 0;
	while (*at < r->line_len &&
	       (is_blank(r->line[*at]) || r->line[*at] == '\v' || r->line[*at] == '\f'))
		*at += 1;
	if (*at == r->line_len)
		return 0;
	while (*at < r->line_len && (quote != 0 || !is_blank(r->line[*at]))) {
		b = r->line[*at];
		if (quote == 0 && (b == '"' || b == '\'')) {
			quote = b;
			*at += 1;
			continue;
		}
		if (b == quote) {
			*at += 1;
			if (*at < r->line_len && !is_blank(r->line[*at]) && r->line[*at] != '\v' &&
			    r->line[*at] != '\f')
				return -1;
			return 1;
		}
		if (quote == '"') {
			b = quoted_byte(r, at);
		} else if (quote == '\'' && b == '\\' && *at + 1 < r->line_len &&
			   r->line[*at + 1] == '\'') {
			b = '\'';
			*at += 2;
		} else {
			*at += 1;
		}
		if (kept)
			keep(r, &b, 1);
		*len += 1;
	}
	return quote != 0 ? -1 : 1;
}

/* The line is complete: count its arguments. */
static enum bh_ops_status
end_line(struct redis *r, struct bh_ops_out *out)
{
	uint32_t at = 0, n = 0, len;
	int more;

	if (r->line_len != 0 && r->line[r->line_len - 1] == '\r')
		r->line_len--;
	while ((more = split(r, &at, &len, false)) == 1)
		n++;
	if (more < 0)
		return bh_ops_say(out, BH_OPS_ERROR, "quotes that do not close");
	if (n == 0) {
		next_command(r);
		return BH_OPS_MORE;
	}
	start(r, n);
	r->line_at = 0;
	r->phase = LINE_ARGS;
	return BH_OPS_MORE;
}

/* The next argument of the line. */
static enum bh_ops_status
line_arg(struct redis *r, struct bh_ops_out *out)
{
	uint32_t at = r->line_at;
	enum bh_ops_status status;

	split(r, &at, &r->len, false);
	begin_arg(r);
	split(r, &r->line_at, &r->len, true);
	status = end_arg(r, out);
	if (status != BH_OPS_ERROR && r->keys.at == r->keys.n_args) {
		next_command(r);
		out->pending = 0;
	}
	return status;
}

static enum bh_ops_status
line_byte(struct redis *r, uint8_t b, struct bh_ops_out *out)
{
	if (b == '\n')
		return end_line(r, out);
	/* Redis looks for the end of a line as of a string. */
	if (b == '\0')
		return bh_ops_say(out, BH_OPS_ERROR, "a line with a zero byte");
	if (r->line_len == INLINE_MAX)
		return bh_ops_say(out, BH_OPS_ERROR, "a line longer than is kept");
	r->line[r->line_len++] = (char)b;
	return BH_OPS_MORE;
}

/* ---- the stream ---- */

static enum bh_ops_status
one_byte(struct redis *r, uint8_t b, struct bh_ops_out *out)
{
	switch ((enum phase)r->phase) {
	case IDLE:
		start(r, 0);
		if (b == '*') {
			await_count(r, ARRAY);
			return BH_OPS_MORE;
		}
		r->phase = LINE;
		return line_byte(r, b, out);
	case ARRAY:
		return array_byte(r, b, out);
	case BULK_TYPE:
		if (b != '$')
			return bh_ops_say(out, BH_OPS_ERROR, "an argument that is no bulk string");
		await_count(r, BULK_LEN);
		return BH_OPS_MORE;
	case BULK_LEN:
		return bulk_len_byte(r, b, out);
	case BULK_CR:
	case BULK_LF:
		return bulk_end_byte(r, b, out);
	default: /* LINE */
		return line_byte(r, b, out);
	}
}

static enum bh_ops_status
bulk_bytes(struct redis *r, struct bh_cur *in, struct bh_ops_out *out)
{
	uint32_t n = r->len - r->got;

	if (n > bh_cur_left(in))
		n = (uint32_t)bh_cur_left(in);
	keep(r, bh_cur_take(in, n), n);
	r->bytes += n;
	if (r->got != r->len)
		return BH_OPS_MORE;
	r->phase = BULK_CR;
	return end_arg(r, out);
}

/* Before an argument begins: is something to be judged first? Keys when there is no room for another, and all that
 * is known when the command outgrows what is held. */
static bool
must_emit(const struct redis *r)
{
	if (r->judged || r->keys.at == 0 || r->keys.container)
		return false;
	if (!has_room(r))
		return true;
	return !r->begun && r->bytes + r->len + AROUND_ARG > BH_OPS_HOLD;
}

static enum bh_ops_status
step(struct redis *r, struct bh_cur *in, struct bh_ops_out *out)
{
	uint8_t b;

	if (r->phase == BULK_BEGIN || r->phase == LINE_ARGS) {
		if (must_emit(r))
			return emit(r, out);
		return r->phase == BULK_BEGIN ? bulk_begin(r, out) : line_arg(r, out);
	}
	if (r->phase == BULK)
		return bulk_bytes(r, in, out);
	if (!bh_cur_u8(in, &b))
		return BH_OPS_MORE;
	r->bytes++;
	return one_byte(r, b, out);
}

static enum bh_ops_status
feed(struct bh_ops *s, unsigned side, struct bh_cur *in, bool ended, struct bh_ops_out *out)
{
	struct redis *r = BH_OPS_OF(s, struct redis);
	enum bh_ops_status status = BH_OPS_MORE;

	(void)ended;
	if (side != BH_CLIENT) {
		in->p = in->end;
		return BH_OPS_MORE;
	}
	if (r->emitted) {
		r->emitted = false;
		r->n_keys = 0;
		r->used = 0;
	}
	while (status == BH_OPS_MORE &&
	       (bh_cur_left(in) != 0 || r->phase == BULK_BEGIN || r->phase == LINE_ARGS))
		status = step(r, in, out);
	if (status == BH_OPS_MORE)
		out->pending = pending(r);
	return status;
}

const struct bh_ops_parser bh_ops_redis = {.feed = feed, .free = bh_ops_free_server};
