/* MongoDB: values of documents are read, also compressed; what is compressed otherwise is told as not looked into. */
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "inspect_talk.h"
#include "unit.h"

#define CARD "4111111111111111"
#define NUMBER UINT64_C(4111111111111111)

static uint8_t message[1 << 14];
static size_t len;

static void
put(const void *at, size_t n)
{
	CU_ASSERT_FATAL(len + n <= sizeof(message));
	memcpy(message + len, at, n);
	len += n;
}

static void
put_le(uint64_t v, unsigned n)
{
	while (n-- > 0) {
		put(&(uint8_t){(uint8_t)v}, 1);
		v >>= 8;
	}
}

static void
patch(size_t at, size_t v)
{
	message[at] = (uint8_t)v;
	message[at + 1] = (uint8_t)(v >> 8);
}

static size_t
begin(void)
{
	put_le(0, 4);
	return len - 4;
}

static void
end_document(size_t at)
{
	put_le(0, 1);
	patch(at, len - at);
}

static void
put_value(const struct talk_value *v)
{
	double d = (double)v->number;

	switch (v->kind) {
	case TALK_TEXT:
		put("\2v\0", 3);
		put_le(strlen(v->text) + 1, 4);
		put(v->text, strlen(v->text) + 1);
		break;
	case TALK_INT8:
		put("\x12v\0", 3);
		put_le(v->number, 8);
		break;
	case TALK_DOUBLE:
		put("\1v\0", 3);
		put(&d, 8);
		break;
	case TALK_NUMERIC:
		put("\x13v\0", 3);
		put_le(v->number, 8);
		put_le(UINT64_C(6176) << 49, 8);
		break;
	}
}

/* Elements of every kind around the value, within an array. */
static void
put_document(const struct talk_value *v)
{
	size_t all = begin(), inner, scope;

	put("\x10insert\0\1\0\0\0", 12);
	put("\x08ok\0\1", 5);
	put("\x0anull\0", 6);
	put("\x07id\0abcdefghijkl", 16);
	put("\x09on\0abcdefgh", 12);
	put("\x05"
	    "bin\0\4\0\0\0\0wxyz",
	    14);
	put("\x0bre\0a+\0i\0", 9);
	put("\x11ts\0abcdefgh", 12);
	put("\x0f"
	    "code\0",
	    6);
	scope = begin();
	put("\2\0\0\0x\0", 6);
	inner = begin();
	end_document(inner);
	patch(scope, len - scope);
	put("\4list\0", 6);
	inner = begin();
	put_value(v);
	end_document(inner);
	put("\xff"
	    "max\0",
	    5);
	end_document(all);
}

enum { PLAIN, SEQUENCE, QUERY, REPLY, BY_SNAPPY, BY_ZLIB, BY_ZSTD, BY_OTHER, FORMS };

/* As literals of 60 bytes. */
static size_t
snappy(uint8_t *out)
{
	size_t n = 0, at, k;

	out[n++] = (uint8_t)(len | 0x80);
	out[n++] = (uint8_t)(len >> 7);
	for (at = 0; at < len; at += k) {
		k = len - at < 60 ? len - at : 60;
		out[n++] = (uint8_t)((k - 1) << 2);
		memcpy(out + n, message + at, k);
		n += k;
	}
	return n;
}

static size_t
squeeze(uint8_t *out, size_t room, unsigned form)
{
	uLongf n = room;

	switch (form) {
	case BY_SNAPPY:
		return snappy(out);
	case BY_ZSTD:
		return ZSTD_compress(out, room, message, len, 3);
	}
	compress(out, &n, message, len);
	return n;
}

static void
send(struct inspect_talk *t, unsigned side, unsigned form)
{
	static const uint32_t op[] = {2013, 2013, 2004, 1, 2012, 2012, 2012, 2012};
	uint8_t out[1 << 12], head[25] = {0};
	unsigned h = form >= BY_SNAPPY ? 25 : 16, i;
	size_t n;

	if (h == 25) {
		n = squeeze(out, sizeof(out), form);
		for (i = 0; i < 4; i++) {
			head[16 + i] = (uint8_t)(2013u >> 8 * i);
			head[20 + i] = (uint8_t)(len >> 8 * i);
		}
		head[24] = (uint8_t)(form - BY_SNAPPY + 1);
	} else {
		n = len;
		memcpy(out, message, len);
	}
	for (i = 0; i < 4; i++) {
		head[i] = (uint8_t)((n + h) >> 8 * i);
		head[12 + i] = (uint8_t)(op[form] >> 8 * i);
	}
	talk_say(t, side, head, h);
	talk_say(t, side, out, n);
	len = 0;
}

void
talk_mongodb(struct inspect_talk *t, unsigned side, const struct talk_value *v, unsigned form)
{
	size_t at;

	put_le(0, 4);
	switch (form) {
	case SEQUENCE:
		put_le(1, 1);
		at = begin();
		put("documents", 10);
		put_document(&(struct talk_value){.kind = TALK_TEXT, .text = "x"});
		put_document(v);
		patch(at, len - at);
		put_le(0, 1);
		put_document(&(struct talk_value){.kind = TALK_INT8, .number = 7});
		break;
	case QUERY:
		put("shop.card\0\0\0\0\0\1\0\0\0", 18);
		put_document(v);
		break;
	case REPLY:
		put_le(0, 8), put_le(0, 4), put_le(2, 4);
		put_document(&(struct talk_value){.kind = TALK_TEXT, .text = "x"});
		put_document(v);
		break;
	default:
		put_le(0, 1);
		put_document(v);
	}
	send(t, side, form);
}

static const struct talk_value values[] = {
	{.kind = TALK_TEXT, .text = CARD},
	{.kind = TALK_INT8, .number = NUMBER},
	{.kind = TALK_DOUBLE, .number = NUMBER},
	{.kind = TALK_NUMERIC, .number = NUMBER},
};

static void
a_value_is_read_in_every_form(void)
{
	unsigned i, form;
	size_t cut;

	for (i = 0; i < BH_ARRAY_SIZE(values); i++) {
		for (form = 0; form < FORMS; form++) {
			struct inspect_talk *t = talk_new();

			if (form == BY_OTHER)
				continue;
			talk_mongodb(t, i & 1, &values[i], form);
			for (cut = 0; cut <= 100; cut++)
				CU_ASSERT_EQUAL(talk_feed(t, BH_APP_MONGODB, cut),
						BH_INSPECT_BIT(BH_INSPECT_DLP_CARD));
		}
	}
}

static bool
unread(unsigned form)
{
	static struct bh_inspect_wire c;
	struct inspect_rig *r = inspect_rig();
	struct inspect_talk *t = talk_new();
	bool is;

	talk_mongodb(t, 0, &values[0], form);
	bh_inspect_wire_open(&c, BH_APP_MONGODB);
	bh_inspect_wire_feed(&c, &r->ctx, 0, t->bytes, t->used, false);
	is = r->unread;
	bh_inspect_wire_close(&c, &r->ctx);
	CU_ASSERT_EQUAL(r->taken, 0);
	return is;
}

static void
what_can_not_be_decompressed_is_told(void)
{
	CU_ASSERT_FALSE(unread(PLAIN));
	CU_ASSERT_FALSE(unread(BY_SNAPPY));
	CU_ASSERT_FALSE(unread(BY_ZLIB));
	CU_ASSERT_FALSE(unread(BY_ZSTD));
	CU_ASSERT_TRUE(unread(BY_OTHER));
}

/* What follows a message that was not read is. */
static void
each_message_is_one_of_its_own(void)
{
	struct inspect_talk *t = talk_new();
	struct inspect_rig *r = inspect_rig();
	unsigned form;

	for (form = 0; form < FORMS; form++)
		talk_mongodb(t, 1, &values[0], form);
	talk_feed_to(t, BH_APP_MONGODB, 0, &r->ctx);
	CU_ASSERT_EQUAL(r->n, FORMS - 1);
}

const struct bh_unit_test bh_suite_inspect_mongodb[] = {
	BH_TEST(a_value_is_read_in_every_form),
	BH_TEST(what_can_not_be_decompressed_is_told),
	BH_TEST(each_message_is_one_of_its_own),
	BH_TEST_END,
};
