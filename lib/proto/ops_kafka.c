/* kafka: every request is an operation of its API and topics (kafka.apache.org/protocol). Requests are walked by the
 * lines of kafka_api.def; records, offsets, credentials are skipped by their lengths and never kept.
 *
 * An operation is emitted as soon as no topic can follow: a produce request for one topic before its first record.
 * One of more topics than fit is several operations of the same API. Where requests name topics by id alone, names
 * come from the responses of the same connection (kafka_ids.h); an id that is not known makes it PARTIAL. */
#include <stdio.h>
#include <string.h>

#include "kafka_fields.h"
#include "kafka_ids.h"

/* socket.request.max.bytes */
#define REQUEST_MAX 104857600u
#define TOPICS_MAX (BH_OP_VALUES - 1)
#define ARENA 2048u
#define RESOURCE_TOPIC 2
#define SASL_HANDSHAKE 17

enum { SESSION = 1, WIDE = 2, ALL_IF_NONE = 4, ALL_IF_NONE_0 = 8 };

struct api {
	uint8_t key, last, flexible, flags;
	const char *name;
	const char *fields; /* NULL: no topics */
};

static const struct api apis[] = {
#define BH_KAFKA(key, name, last, flexible, flags, fields)                                         \
	[key] = {key, last, flexible, flags, name, fields},
#include "kafka_api.def"
#undef BH_KAFKA
};

/* Responses that say which topic has which id: L a name, M its id, else as in kafka_api.def. */
static const struct {
	uint8_t key, first, last;
	const char *fields;
} tells[] = {
	{3, 10, 13, "w [w S w S] S w [h L M b [h w w w (w) (w) (w)] w]"},
	{19, 7, 7, "w [L M h S w h [S S b b b]]"},
	{75, 0, 0, "w [h L M b [h w w w (w) (w) (w) (w) (w)] w]"},
};

enum phase { SIZE, HEAD, CLIENT_LEN, CLIENT, FIELDS, REST };

/* One direction. */
struct side {
	struct kafka_fields f; /* left, skip: also outside of fields */
	uint32_t total;        /* of this message, its length included */
	uint8_t phase;         /* enum phase */
	uint8_t n_buf;
	uint8_t buf[8];
};

struct kafka {
	struct side side[2];
	struct kafka_ids ids;
	const struct api *api; /* NULL: not known */
	int16_t version;
	uint8_t flags; /* BH_OP_* */
	uint8_t resource;
	uint8_t begun, judged;
	uint8_t emitted; /* the last call gave the topics away */
	uint8_t n_topics;
	uint16_t used;
	uint16_t topic_at[TOPICS_MAX], topic_len[TOPICS_MAX];
	char number[8];
	uint8_t arena[ARENA];
	uint8_t learnt_len;
	char learnt[KAFKA_TOPIC_MAX];
};

/* Bytes of the message that was begun. */
static uint32_t
so_far(const struct side *s)
{
	return s->phase == SIZE ? s->n_buf : s->total - s->f.left + s->n_buf;
}

static uint32_t
pending(const struct kafka *k)
{
	uint32_t n = so_far(&k->side[BH_CLIENT]);

	if (k->judged)
		return 0;
	return n <= BH_OPS_HOLD ? n : 1;
}

static enum bh_ops_status
emit(struct kafka *k, struct bh_ops_out *out, bool last)
{
	const char *name = k->api != NULL ? k->api->name : k->number;
	unsigned i;

	out->op.flags = k->flags;
	bh_op_add(&out->op, BH_OP_KAFKA_API, name, strlen(name));
	for (i = 0; i < k->n_topics; i++)
		bh_op_add(&out->op, BH_OP_KAFKA_TOPIC, k->arena + k->topic_at[i], k->topic_len[i]);
	k->emitted = true;
	k->begun = true;
	k->judged = last;
	if (last)
		k->side[BH_CLIENT].phase = REST;
	out->pending = pending(k);
	return BH_OPS_OP;
}

static bool
has_room(const struct kafka *k)
{
	return k->n_topics < TOPICS_MAX && ARENA - k->used >= KAFKA_STRING_MAX;
}

/* A topic of len bytes, of which no more than are kept of a string are there. */
static void
add_topic(struct kafka *k, const void *name, size_t len)
{
	if (len > KAFKA_TOPIC_MAX) {
		k->flags |= BH_OP_PARTIAL;
		len = KAFKA_TOPIC_MAX;
	}
	k->topic_at[k->n_topics] = k->used;
	k->topic_len[k->n_topics++] = (uint16_t)len;
	memcpy(k->arena + k->used, name, len);
	k->used = (uint16_t)(k->used + len);
}

static bool
is_zero(const uint8_t *id)
{
	static const uint8_t zero[KAFKA_ID];

	return memcmp(id, zero, KAFKA_ID) == 0;
}

/* ---- requests ---- */

static enum bh_ops_status
took_field(struct kafka *k, struct kafka_fields *f, struct bh_ops_out *out)
{
	const char *name;
	size_t len;

	switch (f->field) {
	case 'a':
		if (f->data[0] == 0 && f->data[1] == 0)
			kafka_ids_no_answer(&k->ids);
		return BH_OPS_MORE;
	case 'r':
		k->resource = f->data[0];
		return BH_OPS_MORE;
	case 'N':
		if (k->resource != RESOURCE_TOPIC)
			k->flags |= BH_OP_PARTIAL;
		else
			add_topic(k, f->data, f->len);
		break;
	case 'T':
		add_topic(k, f->data, f->len);
		break;
	case 'I':
		name = kafka_ids_find(&k->ids, f->data, &len);
		if (name != NULL)
			add_topic(k, name, len);
		else if (!is_zero(f->data))
			k->flags |= BH_OP_PARTIAL;
		break;
	default: /* X */
		if (f->len != 0)
			k->flags |= BH_OP_PARTIAL;
		break;
	}
	if (!kafka_fields_expects(f, "TINX"))
		return emit(k, out, true);
	return has_room(k) ? BH_OPS_MORE : emit(k, out, false);
}

static enum bh_ops_status
request_fields(struct kafka *k, struct bh_cur *in, struct bh_ops_out *out)
{
	struct side *s = &k->side[BH_CLIENT];
	struct kafka_fields *f = &s->f;

	switch (kafka_fields_next(f, in)) {
	case KAFKA_FIELD:
		return took_field(k, f, out);
	case KAFKA_LENGTH:
		/* all that is known is judged before more goes than is held */
		if (!k->begun && (uint64_t)so_far(s) + f->len > BH_OPS_HOLD)
			return emit(k, out, false);
		return BH_OPS_MORE;
	case KAFKA_NULL:
		k->flags |= BH_OP_PARTIAL;
		return BH_OPS_MORE;
	case KAFKA_EMPTY:
		if ((k->api->flags & ALL_IF_NONE) != 0 ||
		    ((k->api->flags & ALL_IF_NONE_0) != 0 && k->version == 0))
			k->flags |= BH_OP_PARTIAL;
		return BH_OPS_MORE;
	case KAFKA_END:
		return emit(k, out, true);
	case KAFKA_BROKEN:
		return bh_ops_say(out, BH_OPS_ERROR, "fields that its message does not hold");
	default:
		return BH_OPS_MORE;
	}
}

/* A request whose response says which topic has which id? */
static uint8_t
key_to_learn(uint16_t key, int16_t version)
{
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(tells); i++) {
		if (tells[i].key == key && version >= tells[i].first && version <= tells[i].last)
			return tells[i].key;
	}
	return UINT8_MAX;
}

/* API key, version, correlation id. */
static enum bh_ops_status
request_head(struct kafka *k, struct side *s, struct bh_ops_out *out)
{
	uint16_t key = bh_load_be16(s->buf);
	const struct api *api = key < BH_ARRAY_SIZE(apis) ? &apis[key] : NULL;

	k->version = (int16_t)bh_load_be16(s->buf + 2);
	k->api = api;
	k->flags = 0;
	kafka_ids_ask(&k->ids, bh_load_be32(s->buf + 4), key_to_learn(key, k->version),
		      (uint8_t)k->version);
	if (api == NULL) {
		snprintf(k->number, sizeof(k->number), "%u", key);
		k->flags = BH_OP_PARTIAL;
		return emit(k, out, true);
	}
	/* its tokens would follow without a header */
	if (key == SASL_HANDSHAKE && k->version < 1)
		return bh_ops_say(out, BH_OPS_ERROR, "a log-in without request headers");
	if ((api->flags & SESSION) != 0)
		k->flags = BH_OP_SESSION;
	if ((api->flags & WIDE) != 0)
		k->flags = BH_OP_PARTIAL;
	if (api->fields == NULL)
		return emit(k, out, true);
	if (k->version < 0 || k->version > api->last) {
		k->flags = BH_OP_PARTIAL;
		return emit(k, out, true);
	}
	s->phase = CLIENT_LEN;
	return BH_OPS_MORE;
}

/* ---- responses ---- */

static void
response_head(struct kafka *k, struct side *s)
{
	int16_t version = 0;
	int key = kafka_ids_answer(&k->ids, bh_load_be32(s->buf), &version);
	size_t i;

	s->phase = REST;
	for (i = 0; key >= 0 && i < BH_ARRAY_SIZE(tells); i++) {
		if (tells[i].key != key)
			continue;
		/* all of them are flexible versions */
		kafka_fields_begin(&s->f, tells[i].fields, version, true, s->f.left);
		s->phase = FIELDS;
		k->learnt_len = 0;
	}
}

static void
response_fields(struct kafka *k, struct side *s, struct bh_cur *in)
{
	struct kafka_fields *f = &s->f;

	switch (kafka_fields_next(f, in)) {
	case KAFKA_FIELD:
		if (f->field == 'L') {
			k->learnt_len = (uint8_t)(f->len <= KAFKA_TOPIC_MAX ? f->len : 0);
			memcpy(k->learnt, f->data, k->learnt_len);
		} else if (f->field == 'M' && !is_zero(f->data)) {
			kafka_ids_learn(&k->ids, f->data, k->learnt, k->learnt_len);
			k->learnt_len = 0;
		}
		break;
	case KAFKA_END:
	case KAFKA_BROKEN:
		s->phase = REST;
		break;
	default:
		break;
	}
}

/* ---- frames ---- */

/* A frame's length. False: no such frame. */
static bool
size(struct kafka *k, struct side *s, unsigned which)
{
	uint32_t n = bh_load_be32(s->buf);

	s->f.left = n;
	s->total = n + 4;
	s->phase = HEAD;
	if (which == BH_SERVER)
		return n >= 4 && n <= INT32_MAX;
	k->begun = false;
	k->n_topics = 0;
	k->used = 0;
	return n >= 8 && n <= REQUEST_MAX;
}

static enum bh_ops_status
client_len(struct side *s, struct bh_ops_out *out)
{
	int16_t n = (int16_t)bh_load_be16(s->buf);

	if (n < -1 || (n > 0 && (uint32_t)n > s->f.left))
		return bh_ops_say(out, BH_OPS_ERROR, "a client's name longer than its message");
	s->f.skip = n > 0 ? (uint32_t)n : 0;
	s->phase = CLIENT;
	return BH_OPS_MORE;
}

/* Bytes that are not looked at; true when the last one went. */
static bool
skip(struct side *s, struct bh_cur *in, uint32_t *bytes)
{
	size_t n = bh_cur_left(in) < *bytes ? bh_cur_left(in) : *bytes;

	bh_cur_take(in, n);
	if (bytes != &s->f.left)
		s->f.left -= (uint32_t)n;
	*bytes -= (uint32_t)n;
	return *bytes == 0;
}

static uint32_t
need(const struct side *s, unsigned which)
{
	switch ((enum phase)s->phase) {
	case SIZE:
		return 4;
	case HEAD:
		return which == BH_CLIENT ? 8 : 4;
	case CLIENT_LEN:
		return 2;
	default:
		return 0;
	}
}

static enum bh_ops_status
take(struct kafka *k, struct side *s, unsigned which, struct bh_ops_out *out)
{
	if (s->phase == SIZE) {
		if (size(k, s, which))
			return BH_OPS_MORE;
		return bh_ops_say(out, BH_OPS_ERROR, "a message of impossible length");
	}
	s->f.left -= need(s, which);
	if (s->phase == CLIENT_LEN)
		return client_len(s, out);
	if (which == BH_CLIENT)
		return request_head(k, s, out);
	response_head(k, s);
	return BH_OPS_MORE;
}

static enum bh_ops_status
step(struct kafka *k, unsigned which, struct bh_cur *in, struct bh_ops_out *out)
{
	struct side *s = &k->side[which];
	uint32_t n = need(s, which);
	uint8_t b;

	if (s->phase == FIELDS) {
		if (which == BH_CLIENT)
			return request_fields(k, in, out);
		response_fields(k, s, in);
		return BH_OPS_MORE;
	}
	if (s->phase == CLIENT) {
		if (skip(s, in, &s->f.skip)) {
			kafka_fields_begin(&s->f, k->api->fields, k->version,
					   k->version >= k->api->flexible, s->f.left);
			s->phase = FIELDS;
		}
		return BH_OPS_MORE;
	}
	if (s->phase == REST) {
		if (skip(s, in, &s->f.left)) {
			s->phase = SIZE;
			k->judged = k->judged && which != BH_CLIENT;
		}
		return BH_OPS_MORE;
	}
	if (s->phase == CLIENT_LEN && s->f.left < 2)
		return bh_ops_say(out, BH_OPS_ERROR, "a message without a client's name");
	while (s->n_buf < n && bh_cur_u8(in, &b))
		s->buf[s->n_buf++] = b;
	if (s->n_buf < n)
		return BH_OPS_MORE;
	s->n_buf = 0;
	return take(k, s, which, out);
}

/* Is there something to do without a byte? */
static bool
goes_on(const struct side *s)
{
	return (s->phase == FIELDS && kafka_fields_goes_on(&s->f)) ||
	       (s->phase == CLIENT && s->f.skip == 0) || (s->phase == REST && s->f.left == 0);
}

static enum bh_ops_status
feed(struct bh_ops *ops, unsigned which, struct bh_cur *in, bool ended, struct bh_ops_out *out)
{
	struct kafka *k = BH_OPS_OF(ops, struct kafka);
	enum bh_ops_status status = BH_OPS_MORE;

	(void)ended;
	if (k->emitted && which == BH_CLIENT) {
		k->emitted = false;
		k->n_topics = 0;
		k->used = 0;
	}
	while (status == BH_OPS_MORE && (bh_cur_left(in) != 0 || goes_on(&k->side[which])))
		status = step(k, which, in, out);
	if (status == BH_OPS_MORE && which == BH_CLIENT)
		out->pending = pending(k);
	return status;
}

const struct bh_ops_parser bh_ops_kafka = {.feed = feed};
