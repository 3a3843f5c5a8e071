/* MongoDB requests as operations. Messages are built as drivers build them: OP_MSG with the body first, as the
 * server's own client with the documents first, and the legacy requests. */
#include "test_proto_kv.h"

/* A message or document under construction. */
struct out {
	uint8_t p[70000];
	size_t len;
};

static void
put(struct out *o, const void *p, size_t n)
{
	memcpy(o->p + o->len, p, n);
	o->len += n;
}

static void
put32(struct out *o, uint32_t v)
{
	uint8_t b[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};

	put(o, b, 4);
}

static void
patch(struct out *o, size_t at)
{
	size_t end = o->len;

	o->len = at;
	put32(o, (uint32_t)(end - at));
	o->len = end;
}

/* A document from a line of text:
 *     "insert:'orders' documents:[ 0:{ a:1 } ] $db:'shop'"
 * name:'text', name:#'symbol', name:number (int32), name:{ ... }, name:[ ... ], name:~ (null), name:*size (binary),
 * name:/ (an expression), name:! (a type that does not exist). */
static const char *
document(struct out *o, const char *t)
{
	size_t at = o->len;

	put32(o, 0);
	while (*t == ' ')
		t++;
	while (*t != '\0' && *t != '}' && *t != ']') {
		size_t type = o->len, n = strcspn(t, ":"), len;

		put(o, "", 1);
		put(o, t, n);
		put(o, "", 1);
		t += n + 1;
		if (*t == '\'' || *t == '#') {
			o->p[type] = *t == '#' ? 0x0e : 2;
			t += *t == '#' ? 2 : 1;
			len = strcspn(t, "'");
			put32(o, (uint32_t)len + 1);
			put(o, t, len);
			put(o, "", 1);
			t += len + 1;
		} else if (*t == '{' || *t == '[') {
			o->p[type] = *t == '{' ? 3 : 4;
			t = document(o, t + 1) + 1;
		} else if (*t == '~') {
			o->p[type] = 0x0a;
			t++;
		} else if (*t == '/' || *t == '!') {
			o->p[type] = *t++ == '/' ? 0x0b : 0x20;
			put(o, "a.*b\0i", 7);
		} else if (*t == '*') {
			len = strtoul(t + 1, (char **)(uintptr_t)&t, 10);
			o->p[type] = 5;
			put32(o, (uint32_t)len);
			put(o, "", 1);
			memset(o->p + o->len, 'x', len);
			o->len += len;
		} else {
			o->p[type] = 0x10;
			put32(o, (uint32_t)strtol(t, (char **)(uintptr_t)&t, 10));
		}
		while (*t == ' ')
			t++;
	}
	put(o, "", 1);
	patch(o, at);
	return t;
}

static void
begin(struct out *o, uint32_t opcode)
{
	o->len = 0;
	put32(o, 0);
	put32(o, 7);
	put32(o, 0);
	put32(o, opcode);
}

static void
sequence(struct out *o, const char *name, const char *doc)
{
	size_t at;

	put(o, "\x01", 1);
	at = o->len;
	put32(o, 0);
	put(o, name, strlen(name) + 1);
	document(o, doc);
	document(o, doc);
	patch(o, at);
}

static void
body(struct out *o, const char *doc)
{
	put(o, "", 1);
	document(o, doc);
}

static void
says(struct out *o, const char *wanted)
{
	patch(o, 0);
	kv_says(BH_APP_MONGODB, o->p, o->len, wanted);
}

static void
sends(const char *doc, const char *wanted)
{
	static struct out o;

	begin(&o, 2013);
	put32(&o, 0);
	body(&o, doc);
	says(&o, wanted);
}

static void
command_collection_and_database_are_an_operation(void)
{
	sends("find:'orders' filter:{ a:1 } lsid:{ id:*16 } $db:'shop'", "find orders shop");
	sends("insert:'orders' ordered:1 documents:[ 0:{ _id:1 from:'x' } ] $db:'shop'",
	      "insert orders shop");
	sends("update:#'orders' updates:[ ] $db:'shop'", "update orders shop");
	sends("getMore:5 collection:'orders' $db:'shop'", "getMore orders shop");
	sends("findAndModify:'a.b' query:~ $db:'shop'", "findAndModify a.b shop");
	sends("create:'v' viewOn:'orders' pipeline:[ ] $db:'shop'", "create v orders shop");
	sends("mapReduce:'orders' map:'js' out:{ merge:'sums' db:'bi' } $db:'shop'",
	      "mapReduce orders sums bi shop");
	sends("mapReduce:'orders' out:'sums' $db:'shop'", "mapReduce orders sums shop");
	sends("count:'orders' query:{ from:'secret' pipeline:[ 0:{ $out:'x' } ] } $db:'shop'",
	      "count orders shop");
}

static void
collections_within_pipelines_are_found(void)
{
	sends("aggregate:'orders' pipeline:[ 0:{ $match:{ from:'secret' } } "
	      "1:{ $lookup:{ from:'users' let:{ coll:'x' } pipeline:[ 0:{ $unionWith:'old' } ] } } "
	      "2:{ $unionWith:{ coll:'more' pipeline:[ 0:{ $limit:1 } ] } } "
	      "3:{ $facet:{ a:[ 0:{ $graphLookup:{ from:'tree' startWith:'from' } } ] } } "
	      "4:{ $merge:{ into:{ db:'bi' coll:'sums' } } } ] cursor:{ } $db:'shop'",
	      "aggregate orders users old more tree bi sums shop");
	sends("aggregate:'orders' pipeline:[ 0:{ $out:'x' } ] $db:'shop'",
	      "aggregate orders x shop");
	sends("aggregate:'orders' pipeline:[ 0:{ $out:{ db:'d' coll:'x' } } ] $db:'shop'",
	      "aggregate orders d x shop");
	sends("aggregate:'orders' pipeline:[ 0:{ $merge:'x' } ] $db:'shop'",
	      "aggregate orders x shop");
	sends("aggregate:'orders' pipeline:[ 0:{ $newStage:{ } } ] $db:'shop'",
	      "aggregate orders shop !P");
	sends("aggregate:'orders' pipeline:[ 0:5 ] $db:'shop'", "aggregate orders shop !P");
	sends("aggregate:1 pipeline:[ 0:{ $currentOp:{ } } ] $db:'admin'", "aggregate admin !P");
}

static void
wrapped_and_many_named_commands_are_judged_whole(void)
{
	sends("explain:{ aggregate:'orders' pipeline:[ 0:{ $out:'x' } ] } verbosity:'q' $db:'shop'",
	      "explain aggregate orders x shop");
	sends("explain:{ ping:1 } $db:'shop'", "explain ping shop !P");
	sends("renameCollection:'shop.a' to:'old.a.b' $db:'admin'",
	      "renameCollection shop a old a.b");
	sends("bulkWrite:1 ops:[ 0:{ insert:0 document:{ ns:'no' } } ] "
	      "nsInfo:[ 0:{ ns:'shop.a' } 1:{ ns:'shop.b' } ] $db:'admin'",
	      "bulkWrite shop a shop b");
}

static void
what_is_about_no_collection_is_partial_and_log_in_is_session(void)
{
	sends("dropDatabase:1 $db:'shop'", "dropDatabase shop !P");
	sends("listCollections:1 $db:'shop'", "listCollections shop !P");
	sends("createUser:'bob' pwd:'secret' $db:'admin'", "createUser admin !P");
	sends("eval:'js' $db:'admin'", "eval admin !P");
	sends("hello:1 speculativeAuthenticate:{ saslStart:1 } $db:'admin'", "hello admin !S");
	sends("saslStart:1 payload:*30 $db:'admin'", "saslStart admin !S");
	sends("endSessions:[ 0:{ id:*16 } ] $db:'admin'", "endSessions admin !S");
	sends("commitTransaction:1 $db:'admin'", "commitTransaction admin !S");
	sends("find:'orders'", "find orders !P");
}

static void
sequences_of_documents_may_be_before_or_behind_the_body(void)
{
	static struct out o;

	begin(&o, 2013);
	put32(&o, 0);
	body(&o, "insert:'orders' $db:'shop'");
	sequence(&o, "documents", "_id:1 a:'from'");
	says(&o, "insert orders shop");
	begin(&o, 2013);
	put32(&o, 2); /* more to come */
	sequence(&o, "documents", "_id:1");
	body(&o, "insert:'orders' $db:'shop'");
	says(&o, "insert orders shop");
	begin(&o, 2013);
	put32(&o, 1 | 1 << 16); /* checksum, exhaust allowed */
	body(&o, "bulkWrite:1 $db:'admin'");
	sequence(&o, "ops", "insert:0");
	sequence(&o, "nsInfo", "ns:'shop.orders'");
	put32(&o, 0x12345678);
	says(&o, "bulkWrite shop orders shop orders");
}

static void
legacy_requests_are_operations_too(void)
{
	static struct out o;

	begin(&o, 2004);
	put32(&o, 0);
	put(&o, "admin.$cmd\0\0\0\0\0\xff\xff\xff\xff", 19);
	document(&o, "isMaster:1 client:{ a:'b' }");
	says(&o, "admin isMaster !S");
	begin(&o, 2004);
	put32(&o, 0);
	put(&o, "shop.$cmd\0\0\0\0\0\xff\xff\xff\xff", 18);
	document(&o, "$query:{ drop:'orders' } $readPreference:{ mode:'x' }");
	says(&o, "shop drop orders");
	begin(&o, 2002);
	put32(&o, 0);
	put(&o, "shop.orders.old", 16);
	document(&o, "a:1");
	says(&o, "insert shop orders.old");
	begin(&o, 2006);
	put32(&o, 0);
	put(&o, "shop.orders\0\0\0\0", 16);
	document(&o, "");
	says(&o, "delete shop orders");
	begin(&o, 2007);
	put32(&o, 0);
	put32(&o, 1);
	put(&o, "12345678", 8);
	says(&o, "killcursors !P");
}

static void
compressed_requests_end_what_can_be_judged(void)
{
	static struct out o;

	begin(&o, 2012);
	put32(&o, 2013);
	put32(&o, 100);
	put(&o, "\x02zzzzzz", 7);
	says(&o, "OPAQUE");
	begin(&o, 2012);
	put32(&o, 2013);
	put32(&o, 0);
	put(&o, "", 1);
	put32(&o, 0);
	body(&o, "drop:'orders' $db:'shop'");
	{
		size_t end = o.len;

		o.len = 20;
		put32(&o, (uint32_t)(end - 25));
		o.len = end;
	}
	says(&o, "drop orders shop");
}

static void
what_contradicts_itself_ends_it(void)
{
	static struct out o;

	begin(&o, 2013);
	put32(&o, 4);
	body(&o, "ping:1 $db:'a'");
	says(&o, "ERROR");
	begin(&o, 2013);
	put32(&o, 0);
	body(&o, "ping:1 $db:'a'");
	body(&o, "drop:'orders' $db:'a'");
	says(&o, "ping a !S; ERROR");
	begin(&o, 2013);
	put32(&o, 0);
	sequence(&o, "documents", "a:1");
	says(&o, "ERROR");
	begin(&o, 2013);
	put32(&o, 0);
	body(&o, "insert:'a' $db:'a'");
	sequence(&o, "pipeline", "a:1");
	says(&o, "insert a a; ERROR");
	begin(&o, 2013);
	put32(&o, 0);
	body(&o, "");
	says(&o, "ERROR");
	begin(&o, 1);
	put32(&o, 0);
	body(&o, "ok:1");
	says(&o, "ERROR");
	begin(&o, 2013);
	put32(&o, 0);
	body(&o, "find:'orders' $db:'shop'");
	o.p[21 + 4 + 6] = 200; /* length of 'orders' */
	says(&o, "ERROR");
	begin(&o, 2013);
	put32(&o, 0);
	body(&o, "find:'orders' $db:'shop'");
	o.p[21 + 4 + 12] = 0; /* a zero byte within */
	says(&o, "ERROR");
}

static void
what_does_not_fit_is_partial(void)
{
	static char doc[16384], wanted[16384];
	size_t n, w;
	unsigned i;

	n = (size_t)snprintf(doc, sizeof(doc), "find:'%0600d' $db:'shop'", 0);
	snprintf(wanted, sizeof(wanted), "find %0512d shop !P", 0);
	sends(doc, wanted);
	n = (size_t)snprintf(doc, sizeof(doc), "aggregate:'a' pipeline:[");
	w = (size_t)snprintf(wanted, sizeof(wanted), "aggregate a");
	for (i = 0; i < 40; i++) {
		n += (size_t)snprintf(doc + n, sizeof(doc) - n, " %u:{ $unionWith:'c%02u' }", i, i);
		if (i < 30)
			w += (size_t)snprintf(wanted + w, sizeof(wanted) - w, " c%02u", i);
	}
	snprintf(doc + n, sizeof(doc) - n, " ] $db:'shop'");
	snprintf(wanted + w, sizeof(wanted) - w, " !P");
	sends(doc, wanted);
	sends("find:'orders' filter:/ a:{ b:/ } $db:'shop'", "find orders shop");
	sends("find:'orders' a:! $db:'shop'", "ERROR");
	sends(":1 $db:'shop'", "ERROR");
	sends("renameCollection:'nodot' to:'x.y' $db:'admin'", "renameCollection nodot x y !P");
}

static void
documents_deeper_than_any_commands_end_it(void)
{
	static char doc[4096];
	size_t n = (size_t)snprintf(doc, sizeof(doc), "aggregate:'a' pipeline:[");
	unsigned i;

	for (i = 0; i < 40; i++)
		n += (size_t)snprintf(doc + n, sizeof(doc) - n, " 0:{ $facet:{ a:[");
	for (i = 0; i < 40; i++)
		n += (size_t)snprintf(doc + n, sizeof(doc) - n, " ] } }");
	snprintf(doc + n, sizeof(doc) - n, " ] $db:'shop'");
	sends(doc, "ERROR");
}

/* Documents before $db: the collection is judged first, the database before the last byte goes. */
static void
a_long_body_is_judged_before_and_behind(void)
{
	static struct out o;
	static struct kv k;
	size_t i;

	begin(&o, 2013);
	put32(&o, 0);
	body(&o, "insert:'orders' documents:[ 0:{ a:*30000 } ] $db:'shop'");
	says(&o, "insert orders; insert orders shop");
	kv_open(&k, BH_APP_MONGODB);
	for (i = 0; i < o.len; i++) {
		kv_feed(&k, BH_CLIENT, o.p + i, 1);
		if (k.len == 0 && k.pending[0] != i + 1)
			CU_FAIL("goes unjudged");
		if (k.pending[0] == 0 && strstr(k.text, "shop") == NULL)
			CU_FAIL("all goes before the database is known");
	}
	CU_ASSERT_EQUAL(k.pending[0], 0);
	begin(&o, 2013);
	put32(&o, 0);
	sequence(&o, "documents", "a:*20000");
	body(&o, "insert:'orders' $db:'shop'");
	says(&o, "insert orders; insert orders shop");
}

static void
documents_behind_the_body_are_free(void)
{
	static struct out o;
	static struct kv k;

	begin(&o, 2013);
	put32(&o, 0);
	body(&o, "insert:'orders' $db:'shop'");
	sequence(&o, "documents", "a:*20000");
	patch(&o, 0);
	kv_open(&k, BH_APP_MONGODB);
	kv_feed(&k, BH_CLIENT, o.p, 40);
	CU_ASSERT_EQUAL(k.pending[0], 40);
	kv_feed(&k, BH_CLIENT, o.p + 40, 60);
	CU_ASSERT_EQUAL(k.pending[0], 0);
	kv_feed(&k, BH_CLIENT, o.p + 100, o.len - 100);
	CU_ASSERT_EQUAL(k.pending[0], 0);
	CU_ASSERT_STRING_EQUAL(k.text, "insert orders shop");
	kv_feed(&k, BH_SERVER, "\xff\xff\xff\xffnonsense", 12);
	kv_feed(&k, BH_CLIENT, o.p, 3);
	CU_ASSERT_EQUAL(k.pending[0], 3);
}

const struct bh_unit_test bh_suite_proto_ops_mongodb[] = {
	BH_TEST(command_collection_and_database_are_an_operation),
	BH_TEST(collections_within_pipelines_are_found),
	BH_TEST(wrapped_and_many_named_commands_are_judged_whole),
	BH_TEST(what_is_about_no_collection_is_partial_and_log_in_is_session),
	BH_TEST(sequences_of_documents_may_be_before_or_behind_the_body),
	BH_TEST(legacy_requests_are_operations_too),
	BH_TEST(compressed_requests_end_what_can_be_judged),
	BH_TEST(what_contradicts_itself_ends_it),
	BH_TEST(what_does_not_fit_is_partial),
	BH_TEST(documents_deeper_than_any_commands_end_it),
	BH_TEST(a_long_body_is_judged_before_and_behind),
	BH_TEST(documents_behind_the_body_are_free),
	BH_TEST_END,
};
