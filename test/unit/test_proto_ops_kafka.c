/* Kafka requests as operations. Messages are written by hand from the protocol guide, as librdkafka, the Java client
 * and the admin tools send them. */
#include "test_proto_kv.h"

/* A message from a line of text, its length in front:
 *     b1 h-1 w7 q9   1, 2, 4, 8 bytes       s:name  string        c:name  compact string
 *     x00ff          bytes                  z500    so many zeros      i7      an id of 16 bytes, all 7 */
static size_t
message(uint8_t *to, const char *text)
{
	size_t len = 4, n;

	while (*text != '\0') {
		char c = *text++, *end = NULL;
		unsigned size = c == 'b' ? 1 : c == 'h' ? 2 : c == 'w' ? 4 : c == 'q' ? 8 : 0;

		n = strcspn(text, " ");
		if (size != 0) {
			long long v = strtoll(text, NULL, 10);

			for (; size != 0; size--)
				to[len++] = (uint8_t)((unsigned long long)v >> (8 * (size - 1)));
		} else if (c == 's' || c == 'c') {
			if (c == 's')
				to[len++] = 0;
			to[len++] = (uint8_t)(n - 1 + (c == 'c'));
			memcpy(to + len, text + 1, n - 1);
			len += n - 1;
		} else if (c == 'x') {
			for (size = 0; size < n; size += 2) {
				char two[3] = {text[size], text[size + 1], '\0'};

				to[len++] = (uint8_t)strtoul(two, NULL, 16);
			}
		} else {
			unsigned long v = strtoul(text, &end, 10);

			memset(to + len, c == 'i' ? (int)v : 0, c == 'i' ? 16 : v);
			len += c == 'i' ? 16 : v;
		}
		text += n;
		while (*text == ' ')
			text++;
	}
	to[0] = (uint8_t)((len - 4) >> 24);
	to[1] = (uint8_t)((len - 4) >> 16);
	to[2] = (uint8_t)((len - 4) >> 8);
	to[3] = (uint8_t)(len - 4);
	return len;
}

static void
sends(const char *text, const char *wanted)
{
	static uint8_t m[70000];

	kv_says(BH_APP_KAFKA, m, message(m, text), wanted);
}

static void
produce_names_its_topics(void)
{
	sends("h0 h2 w1 s:rdkafka h1 w1000 w1 s:orders w1 w0 w20 z20", "produce orders");
	sends("h0 h7 w1 s:rdkafka h-1 h1 w1000 w2 s:a w1 w0 w3 xffffff s:b w2 w0 w-1 w1 w0",
	      "produce a b");
	/* flexible: tags of the header, of each struct and of the request */
	sends("h0 h9 w1 s:java x00 x00 h-1 w30000 x02 c:orders x02 w0 x05 z4 x00 x00 x00",
	      "produce orders");
	sends("h0 h9 w1 s:java x01 x05 x02 xffff c:txn h-1 w30000 x02 c:orders x02 w0 x00 x00 x00 "
	      "x00",
	      "produce orders");
}

static void
fetch_names_what_it_wants_and_forgets(void)
{
	sends("h1 h4 w1 s:c w-1 w500 w1 w1000 b0 w1 s:orders w1 w0 q5 w1000", "fetch orders");
	sends("h1 h11 w1 s:c w-1 w500 w1 w1000 b0 w0 w0 w1 s:a w1 w0 w-1 q5 q-1 w1000 w1 s:b w1 w0 "
	      "s:",
	      "fetch a b");
	sends("h1 h12 w1 s:c x00 w-1 w500 w1 w1000 b0 w0 w0 x02 c:a x02 w0 w-1 q5 w-1 q-1 w1000 "
	      "x00 x00 "
	      "x01 x01 x00",
	      "fetch a");
}

static void
metadata_for_all_topics_is_partial(void)
{
	sends("h3 h0 w1 s:c w1 s:orders", "metadata orders");
	sends("h3 h0 w1 s:c w0", "metadata !P");
	sends("h3 h1 w1 s:c w0", "metadata");
	sends("h3 h1 w1 s:c w-1", "metadata !P");
	sends("h3 h4 w1 h-1 w2 s:a s:b b1", "metadata a b");
	sends("h3 h9 w1 s:c x00 x03 c:a x00 c:b x00 b1 b0 b0 x00", "metadata a b");
	sends("h3 h12 w1 s:c x00 x02 z16 c:a x00 b1 b0 x00", "metadata a");
	sends("h3 h12 w1 s:c x00 x00 b1 b0 x00", "metadata !P");
	sends("h3 h12 w1 s:c x00 x02 i5 x00 x00 b1 b0 x00", "metadata !P");
}

static void
topics_of_consumers_and_admins_are_found(void)
{
	sends("h2 h1 w1 s:c w-1 w1 s:a w1 w0 q-1", "listoffsets a");
	sends("h8 h2 w1 s:c s:group w1 s:member q-1 w1 s:a w1 w0 q7 s:", "offsetcommit a");
	sends("h9 h1 w1 s:c s:group w1 s:a w1 w0", "offsetfetch a");
	sends("h9 h2 w1 s:c s:group w-1", "offsetfetch !P");
	sends("h9 h8 w1 s:c x00 x02 c:group x02 c:a x02 w0 x00 x00 b0 x00", "offsetfetch a");
	sends("h9 h8 w1 s:c x00 x02 c:group x00 x00 b0 x00", "offsetfetch !P");
	sends("h19 h5 w1 s:c x00 x02 c:a w1 h1 x01 x02 c:k c:v x00 x00 w100 b0 x00",
	      "createtopics a");
	sends("h20 h1 w1 s:c w2 s:a s:b w100", "deletetopics a b");
	sends("h20 h4 w1 s:c x00 x02 c:a w100 x00", "deletetopics a");
	sends("h20 h6 w1 s:c x00 x02 c:a z16 x00 w100 x00", "deletetopics a");
	sends("h21 h0 w1 s:c w1 s:a w1 w0 q5 w100", "deleterecords a");
	sends("h23 h2 w1 s:c w1 s:a w1 w0 w1 w2", "offsetforleaderepoch a");
	sends("h24 h0 w1 s:c s:txn q1 h0 w1 s:a w1 w0", "addpartitionstotxn a");
	sends("h28 h0 w1 s:c s:txn s:group q1 h0 w1 s:a w1 w0 q5 h-1", "txnoffsetcommit a");
	sends("h32 h0 w1 s:c w1 b2 s:a w-1", "describeconfigs a");
	sends("h32 h0 w1 s:c w1 b4 s:1 w-1", "describeconfigs !P");
	sends("h33 h0 w1 s:c w1 b2 s:a w1 s:k s:secret b0", "alterconfigs a");
	sends("h37 h0 w1 s:c w1 s:a w5 w-1 w100 b0", "createpartitions a");
	sends("h43 h0 w1 s:c w-1 w100", "electleaders !P");
	sends("h68 h1 w1 s:c x00 c:g c:m w0 x00 x00 w500 x02 c:a c:re x00 x00 x00",
	      "consumergroupheartbeat a !P");
	sends("h75 h0 w1 s:c x00 x02 c:a x00 w100 xff x00", "describetopicpartitions a");
	sends("h75 h0 w1 s:c x00 x01 w100 xff x00", "describetopicpartitions !P");
}

static void
requests_without_topics_are_named_alone(void)
{
	sends("h18 h3 w1 s:c x00 c:rdkafka c:2.0 x00", "apiversions !S");
	sends("h17 h1 w1 s:c s:PLAIN", "saslhandshake !S");
	sends("h36 h0 w1 s:c w10 z10", "saslauthenticate !S");
	sends("h17 h0 w1 s:c s:PLAIN", "ERROR");
	sends("h11 h2 w1 s:c z40", "joingroup");
	sends("h6 h2 w1 s:c z40", "updatemetadata !P");
	sends("h30 h2 w1 s:c z40", "createacls !P");
	sends("h7 h0 w1 w3", "controlledshutdown !P");
	sends("h999 h0 w1 s:c z9", "999 !P");
	sends("h0 h99 w1 s:c z9", "produce !P");
}

static void
what_its_length_does_not_hold_ends_it(void)
{
	sends("h3 h1 w1 s:c w2 s:a", "ERROR");
	sends("h3 h1 w1 s:c w5 s:a", "ERROR");
	sends("h3 h1 w1 s:c w1 h99", "ERROR");
	sends("h3 h1 w1 h99", "ERROR");
	sends("h3 h1 w1 b0", "ERROR");
	sends("h3", "ERROR");
	sends("h3 h1 w1 s:c w-2", "ERROR");
	sends("h3 h9 w1 s:c x00 xffffffffff", "ERROR");
	kv_says(BH_APP_KAFKA, "\x7f\xff\xff\xff", 4, "ERROR");
	kv_says(BH_APP_KAFKA, "\xff\xff\xff\xff", 4, "ERROR");
}

static void
say(struct kv *k, unsigned side, const char *text)
{
	static uint8_t m[70000];

	kv_feed(k, side, m, message(m, text));
}

#define METADATA_V12 "h3 h12 w5 s:c x00 x02 z16 c:orders x00 b1 b0 x00"
#define TOPICS                                                                                     \
	"x00 w0 x02 w1 c:host w9092 x00 x00 c:cluster w1 x02 h0 c:orders i7 b0 "                   \
	"x02 h0 w0 w1 w0 x02 w1 x02 w1 x01 x00 w-1 x00 x00"
#define TOLD "w5 " TOPICS
#define FETCH_V13                                                                                  \
	"h1 h13 w6 s:c x00 w-1 w500 w1 w1000 b0 w0 w0 x02 i7 x02 w0 w-1 q5 w-1 q-1 w1000 x00 x00 " \
	"x01 x01 x00"

static void
ids_are_names_once_the_server_has_told_them(void)
{
	static struct kv k;

	kv_open(&k, BH_APP_KAFKA);
	say(&k, BH_CLIENT, FETCH_V13);
	say(&k, BH_CLIENT, METADATA_V12);
	say(&k, BH_SERVER, "w6 x00 z20");
	say(&k, BH_SERVER, TOLD);
	say(&k, BH_CLIENT, FETCH_V13);
	CU_ASSERT_STRING_EQUAL(k.text, "fetch !P; metadata orders; fetch orders");
	CU_ASSERT_EQUAL(k.pending[BH_SERVER], 0);
}

/* A record that looks like metadata, fetched under the number of a later request for metadata. */
static void
a_response_out_of_turn_teaches_nothing(void)
{
	static struct kv k;

	kv_open(&k, BH_APP_KAFKA);
	say(&k, BH_CLIENT, "h1 h4 w5 s:c w-1 w500 w1 w1000 b0 w1 s:mine w1 w0 q5 w1000");
	say(&k, BH_CLIENT, METADATA_V12);
	say(&k, BH_SERVER, TOLD);
	say(&k, BH_CLIENT, FETCH_V13);
	CU_ASSERT_STRING_EQUAL(k.text, "fetch mine; metadata orders; fetch !P");
	kv_open(&k, BH_APP_KAFKA);
	say(&k, BH_CLIENT, METADATA_V12);
	say(&k, BH_SERVER, "w4 " TOPICS);
	say(&k, BH_CLIENT, FETCH_V13);
	CU_ASSERT_STRING_EQUAL(k.text, "metadata orders; fetch !P");
}

static void
a_produce_without_acks_has_no_response(void)
{
	static struct kv k;

	kv_open(&k, BH_APP_KAFKA);
	say(&k, BH_CLIENT, "h0 h2 w4 s:c h0 w1000 w1 s:a w1 w0 w2 z2");
	say(&k, BH_CLIENT, METADATA_V12);
	say(&k, BH_SERVER, TOLD);
	say(&k, BH_CLIENT, FETCH_V13);
	CU_ASSERT_STRING_EQUAL(k.text, "produce a; metadata orders; fetch orders");
}

/* 64 ids are kept; the oldest goes first. */
static void
the_newest_ids_are_kept(void)
{
	static char text[1024];
	static struct kv k;
	unsigned i;

	kv_open(&k, BH_APP_KAFKA);
	for (i = 1; i <= 70; i++) {
		say(&k, BH_CLIENT, "h3 h12 w5 s:c x00 x01 b1 b0 x00");
		snprintf(text, sizeof(text),
			 "w5 x00 w0 x01 c:cluster w1 x02 h0 c:topic%03u i%u b0 x01 w-1 x00 x00", i,
			 i);
		say(&k, BH_SERVER, text);
	}
	k.len = 0;
	for (i = 6; i <= 7; i++) {
		snprintf(text, sizeof(text), "h3 h12 w5 s:c x00 x02 i%u x00 x00 b1 b0 x00", i);
		say(&k, BH_CLIENT, text);
	}
	CU_ASSERT_STRING_EQUAL(k.text, "metadata !P; metadata topic007");
}

/* More requests under way than are remembered: their responses can no longer be told apart. */
static void
too_many_requests_under_way_teach_nothing(void)
{
	static struct kv k;
	unsigned i;

	kv_open(&k, BH_APP_KAFKA);
	for (i = 0; i < 257; i++)
		say(&k, BH_CLIENT, METADATA_V12);
	say(&k, BH_SERVER, TOLD);
	k.len = 0;
	say(&k, BH_CLIENT, FETCH_V13);
	CU_ASSERT_STRING_EQUAL(k.text, "fetch !P");
}

static void
records_of_a_single_topic_are_free_at_once(void)
{
	static uint8_t m[70000];
	static struct kv k;
	size_t len = message(m, "h0 h2 w1 s:c h1 w1000 w1 s:orders w1 w0 w60000 z60000");

	kv_open(&k, BH_APP_KAFKA);
	kv_feed(&k, BH_CLIENT, m, 30);
	CU_ASSERT_EQUAL(k.pending[0], 30);
	kv_feed(&k, BH_CLIENT, m + 30, 20);
	CU_ASSERT_EQUAL(k.pending[0], 0);
	CU_ASSERT_STRING_EQUAL(k.text, "produce orders");
	kv_feed(&k, BH_CLIENT, m + 50, len - 50);
	CU_ASSERT_EQUAL(k.pending[0], 0);
	kv_feed(&k, BH_CLIENT, m, 3);
	CU_ASSERT_EQUAL(k.pending[0], 3);
}

static void
records_between_topics_go_but_for_the_last_byte(void)
{
	static uint8_t m[70000];
	static struct kv k;
	size_t len = message(m, "h0 h2 w1 s:c h1 w1000 w2 s:a w1 w0 w20000 z20000 s:b w1 w0 w2 z2");
	size_t i;

	kv_says(BH_APP_KAFKA, m, len, "produce a; produce b");
	kv_open(&k, BH_APP_KAFKA);
	for (i = 0; i < len; i++) {
		kv_feed(&k, BH_CLIENT, m + i, 1);
		if (k.len == 0 && k.pending[0] != i + 1)
			CU_FAIL("goes unjudged");
		if (k.pending[0] == 0 && strstr(k.text, "produce b") == NULL)
			CU_FAIL("all goes before the last topic");
	}
	CU_ASSERT_EQUAL(k.pending[0], 0);
}

static void
any_number_of_topics_is_judged(void)
{
	static char text[8192], wanted[8192];
	size_t n, w = 0;
	unsigned i;

	n = (size_t)snprintf(text, sizeof(text), "h3 h1 w1 s:c w100");
	for (i = 0; i < 100; i++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, " s:%03u", i);
		w += (size_t)snprintf(wanted + w, sizeof(wanted) - w, "%s%s %03u",
				      i == 0 || i % 31 != 0 ? "" : "; ",
				      i % 31 == 0 ? "metadata" : "", i);
	}
	sends(text, wanted);
}

const struct bh_unit_test bh_suite_proto_ops_kafka[] = {
	BH_TEST(produce_names_its_topics),
	BH_TEST(fetch_names_what_it_wants_and_forgets),
	BH_TEST(metadata_for_all_topics_is_partial),
	BH_TEST(topics_of_consumers_and_admins_are_found),
	BH_TEST(requests_without_topics_are_named_alone),
	BH_TEST(what_its_length_does_not_hold_ends_it),
	BH_TEST(ids_are_names_once_the_server_has_told_them),
	BH_TEST(a_response_out_of_turn_teaches_nothing),
	BH_TEST(a_produce_without_acks_has_no_response),
	BH_TEST(the_newest_ids_are_kept),
	BH_TEST(too_many_requests_under_way_teach_nothing),
	BH_TEST(records_of_a_single_topic_are_free_at_once),
	BH_TEST(records_between_topics_go_but_for_the_last_byte),
	BH_TEST(any_number_of_topics_is_judged),
	BH_TEST_END,
};
