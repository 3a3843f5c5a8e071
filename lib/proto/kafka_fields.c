/* kafka_fields: Kafka's protocol guide, "Protocol Primitive Types"; KIP-482 for flexible versions (compact lengths,
 * tagged fields behind each struct). */
#include <string.h>

#include "kafka_fields.h"

enum state {
	NEXT,     /* takes no byte: what does the text say? */
	FIXED,    /* need bytes into data */
	LENGTH,   /* need bytes, or a varint, are a length */
	COUNT,    /* the same for an array */
	STARTS,   /* takes no byte: a string of len bytes begins */
	STRING,   /* skip bytes, the first of them kept */
	TAGS,     /* varint: number of tagged fields */
	TAG,      /* varint: which */
	TAG_SIZE, /* varint */
	TAG_SKIP,
	OVER,
};

static const char kept[] = "TINrXLMa";

static void
await(struct kafka_fields *f, enum state state, uint8_t need)
{
	f->state = (uint8_t)state;
	f->need = need;
	f->got = 0;
	f->number = 0;
	f->shift = 0;
}

void
kafka_fields_begin(struct kafka_fields *f, const char *text, int16_t version, bool flexible,
		   uint32_t left)
{
	memset(f, 0, offsetof(struct kafka_fields, data));
	f->text = text;
	f->version = version;
	f->flexible = flexible;
	f->left = left;
	/* of the header */
	if (flexible)
		await(f, TAGS, 0);
}

static int
digits(const char *text, uint16_t *at)
{
	int v = 0;

	while (text[*at] >= '0' && text[*at] <= '9')
		v = v * 10 + (text[(*at)++] - '0');
	return v;
}

/* The versions behind a letter; *at: behind them. */
static bool
in_version(const struct kafka_fields *f, uint16_t *at)
{
	int low = 0, high = INT16_MAX;

	if (f->text[*at] >= '0' && f->text[*at] <= '9')
		low = digits(f->text, at);
	if (f->text[*at] == '+') {
		(*at)++;
	} else if (f->text[*at] == '-') {
		(*at)++;
		high = digits(f->text, at);
	}
	return f->version >= low && f->version <= high;
}

static bool
opens(char c)
{
	return c == '[' || c == '(';
}

static bool
closes(char c)
{
	return c == ']' || c == ')';
}

/* Behind the array whose inside begins at `at`. */
static uint16_t
behind(const char *text, uint16_t at)
{
	unsigned depth = 1;

	for (; depth != 0; at++)
		depth += opens(text[at]) ? 1u : closes(text[at]) ? -1u : 0u;
	return at;
}

bool
kafka_fields_expects(const struct kafka_fields *f, const char *which)
{
	uint16_t at = f->at;
	unsigned i;

	for (i = 0; i < f->depth; i++) {
		if (f->level[i].left > 1)
			return true;
	}
	while (f->text[at] != '\0') {
		char c = f->text[at++];
		bool here;

		if (c == ' ' || closes(c))
			continue;
		at += f->text[at] == '*';
		here = in_version(f, &at);
		if (here && strchr(which, c) != NULL)
			return true;
		if (!here && opens(c))
			at = behind(f->text, at);
	}
	return false;
}

/* An element of the innermost array is complete. */
static void
end_element(struct kafka_fields *f)
{
	if (--f->level[f->depth - 1].left != 0)
		f->at = f->level[f->depth - 1].start;
	else
		f->depth--;
}

static uint8_t
fixed_size(char c)
{
	switch (c) {
	case 'b':
	case 'r':
		return 1;
	case 'a':
	case 'h':
		return 2;
	case 'w':
		return 4;
	case 'q':
		return 8;
	case 'u':
	case 'I':
	case 'M':
		return 16;
	default:
		return 0;
	}
}

/* What the text says next. */
static enum kafka_stop
interpret(struct kafka_fields *f)
{
	char c = f->text[f->at];
	uint8_t size = fixed_size(c);

	if (c == '\0') {
		f->state = OVER;
		return KAFKA_END;
	}
	f->at++;
	if (c == ' ')
		return KAFKA_MORE;
	if (c == ']' && f->flexible) {
		await(f, TAGS, 0);
		return KAFKA_MORE;
	}
	if (closes(c)) {
		end_element(f);
		return KAFKA_MORE;
	}
	f->all = opens(c) && f->text[f->at] == '*';
	f->at = (uint16_t)(f->at + f->all);
	f->field = (uint8_t)c;
	if (!in_version(f, &f->at)) {
		if (opens(c))
			f->at = behind(f->text, f->at);
		return KAFKA_MORE;
	}
	if (size != 0)
		await(f, FIXED, size);
	else if (opens(c))
		await(f, COUNT, f->flexible ? 0 : 4);
	else
		await(f, LENGTH, f->flexible ? 0 : c == 'B' ? 4 : 2);
	return KAFKA_MORE;
}

/* A length or count that is there: -1 is null. */
static int64_t
decoded(const struct kafka_fields *f)
{
	if (f->need == 0)
		return (int64_t)f->number - 1;
	return f->need == 2 ? (int16_t)bh_load_be16(f->data) : (int32_t)bh_load_be32(f->data);
}

static enum kafka_stop
counted(struct kafka_fields *f)
{
	int64_t n = decoded(f);

	f->state = NEXT;
	/* an element has a byte at least */
	if (n < -1 || n > (int64_t)f->left)
		return KAFKA_BROKEN;
	if (n <= 0) {
		bool all = f->all && n < 0;

		f->at = behind(f->text, f->at);
		return all ? KAFKA_NULL : f->depth == 0 ? KAFKA_EMPTY : KAFKA_MORE;
	}
	if (f->depth == KAFKA_DEPTH)
		return KAFKA_BROKEN;
	f->level[f->depth].left = (uint32_t)n;
	f->level[f->depth++].start = f->at;
	return KAFKA_MORE;
}

static enum kafka_stop
measured(struct kafka_fields *f)
{
	int64_t n = decoded(f);

	if (n < -1 || n > (int64_t)f->left)
		return KAFKA_BROKEN;
	f->state = NEXT;
	if (n < 0)
		return KAFKA_MORE;
	f->len = f->skip = (uint32_t)n;
	f->kept = 0;
	f->state = STARTS;
	return KAFKA_MORE;
}

static enum kafka_stop
tag(struct kafka_fields *f)
{
	switch (f->state) {
	case TAGS:
		f->n_tags = f->number;
		break;
	case TAG:
		await(f, TAG_SIZE, 0);
		return KAFKA_MORE;
	case TAG_SIZE:
		if (f->number > f->left)
			return KAFKA_BROKEN;
		f->skip = f->number;
		f->n_tags--;
		f->state = TAG_SKIP;
		return KAFKA_MORE;
	default:
		break;
	}
	if (f->n_tags != 0) {
		await(f, TAG, 0);
		return KAFKA_MORE;
	}
	/* those of the header stand in front of the first field */
	f->state = NEXT;
	if (f->depth != 0)
		end_element(f);
	return KAFKA_MORE;
}

/* A byte of a varint: five at most, the last of four bits (unsigned, 32 bits). */
static enum kafka_stop
varint(struct kafka_fields *f, uint8_t b)
{
	if (f->shift == 28 && b > 0x0f)
		return KAFKA_BROKEN;
	f->number |= (uint32_t)(b & 0x7f) << f->shift;
	f->shift = (uint8_t)(f->shift + 7);
	if ((b & 0x80) != 0)
		return KAFKA_MORE;
	if (f->state == LENGTH)
		return measured(f);
	return f->state == COUNT ? counted(f) : tag(f);
}

/* Bytes of a string or of a tagged field. */
static enum kafka_stop
bytes(struct kafka_fields *f, struct bh_cur *in)
{
	size_t n = bh_cur_left(in) < f->skip ? bh_cur_left(in) : f->skip, room;
	const uint8_t *p = bh_cur_take(in, n);
	bool keep = f->state == STRING && strchr(kept, f->field) != NULL;

	f->left -= (uint32_t)n;
	f->skip -= (uint32_t)n;
	room = KAFKA_STRING_MAX - f->kept;
	if (keep && n != 0) {
		memcpy(f->data + f->kept, p, n < room ? n : room);
		f->kept = (uint16_t)(f->kept + (n < room ? n : room));
	}
	if (f->skip != 0)
		return KAFKA_MORE;
	if (f->state == TAG_SKIP)
		return tag(f);
	f->state = NEXT;
	return keep ? KAFKA_FIELD : KAFKA_MORE;
}

static enum kafka_stop
fixed(struct kafka_fields *f, uint8_t b)
{
	f->data[f->got++] = b;
	if (f->got < f->need)
		return KAFKA_MORE;
	if (f->state == LENGTH)
		return measured(f);
	if (f->state == COUNT)
		return counted(f);
	f->state = NEXT;
	f->len = f->kept = f->need;
	return strchr(kept, f->field) != NULL ? KAFKA_FIELD : KAFKA_MORE;
}

static enum kafka_stop
one(struct kafka_fields *f, struct bh_cur *in)
{
	uint8_t b;

	if (f->state == NEXT)
		return interpret(f);
	if (f->state == STARTS) {
		f->state = STRING;
		return KAFKA_LENGTH;
	}
	if (f->state == STRING || f->state == TAG_SKIP)
		return bytes(f, in);
	if (f->left == 0)
		return KAFKA_BROKEN;
	if (!bh_cur_u8(in, &b))
		return KAFKA_MORE;
	f->left--;
	return f->need == 0 ? varint(f, b) : fixed(f, b);
}

bool
kafka_fields_goes_on(const struct kafka_fields *f)
{
	/* no byte is left, yet one is needed: said at once, not with the next message */
	return f->state == NEXT || f->state == STARTS || f->left == 0 ||
	       ((f->state == STRING || f->state == TAG_SKIP) && f->skip == 0);
}

enum kafka_stop
kafka_fields_next(struct kafka_fields *f, struct bh_cur *in)
{
	enum kafka_stop stop = KAFKA_MORE;

	if (f->state == OVER)
		return KAFKA_END;
	while (stop == KAFKA_MORE && (bh_cur_left(in) != 0 || kafka_fields_goes_on(f)))
		stop = one(f, in);
	return stop;
}
