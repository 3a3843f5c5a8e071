/* Redis commands as operations: what the server would read as name and keys, whatever the cut. */
#include "test_proto_kv.h"

#define SAYS(text, wanted) kv_says(BH_APP_REDIS, text, sizeof(text) - 1, wanted)

/* A command as clients send it: words separated by blanks; "-" is the empty word. */
static size_t
resp(char *to, size_t room, const char *words)
{
	char copy[4096], *w, *save = NULL;
	size_t len = 0;
	unsigned n = 0;

	snprintf(copy, sizeof(copy), "%s", words);
	for (w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
		n++;
	len += (size_t)snprintf(to, room, "*%u\r\n", n);
	snprintf(copy, sizeof(copy), "%s", words);
	for (w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
		const char *is = strcmp(w, "-") == 0 ? "" : w;

		len += (size_t)snprintf(to + len, room - len, "$%zu\r\n%s\r\n", strlen(is), is);
	}
	return len;
}

static void
sends(const char *words, const char *wanted)
{
	char text[8192];

	kv_says(BH_APP_REDIS, text, resp(text, sizeof(text), words), wanted);
}

static void
name_and_keys_of_a_command_are_an_operation(void)
{
	sends("GET orders:1", "get orders:1");
	sends("SET orders:1 secret EX 10", "set orders:1");
	sends("DEL a b c", "del a b c");
	sends("MSET a 1 b 2", "mset a b");
	sends("BLPOP a b 0", "blpop a b");
	sends("RENAME a b", "rename a b");
	sends("BITOP AND d a b", "bitop d a b");
	sends("HSET h f v", "hset h");
	sends("JSON.MSET a $ 1 b $ 2", "json.mset a b");
	sends("DBSIZE", "dbsize");
	sends("PUBLISH channel text", "publish");
	sends("GET", "get");
}

static void
keys_behind_numbers_and_options_are_found(void)
{
	sends("ZUNIONSTORE d 2 a b WEIGHTS 1 2", "zunionstore d a b");
	sends("ZINTER 2 a b WITHSCORES", "zinter a b");
	sends("LMPOP 1 a LEFT", "lmpop a");
	sends("BLMPOP 0 2 a b LEFT", "blmpop a b");
	sends("XREAD COUNT 2 BLOCK 0 STREAMS a b 0 0", "xread a b");
	sends("XREADGROUP GROUP STREAMS c NOACK STREAMS a >", "xreadgroup a");
	sends("XREAD COUNT STREAMS STREAMS a 0", "xread a");
	sends("GEORADIUS g 1 2 3 km STORE d", "georadius g d");
	sends("GEORADIUSBYMEMBER g m 3 km COUNT 1 STOREDIST d", "georadiusbymember g d");
	sends("SORT l LIMIT 0 STORE STORE d", "sort l d");
	sends("SORT l BY w_* GET # STORE d", "sort l d !P");
	sends("MIGRATE h 6379 k 0 100 AUTH KEYS", "migrate k");
	sends("MIGRATE h 6379 - 0 100 COPY AUTH2 KEYS pw KEYS a b", "migrate a b");
	sends("MIGRATE h 6379 - 0 100 COPY", "migrate !P");
	sends("OBJECT ENCODING k", "object|encoding k");
	sends("MEMORY USAGE k SAMPLES 0", "memory|usage k");
	sends("XGROUP CREATE s g $ MKSTREAM", "xgroup|create s");
	sends("LMPOP 9999999999 a LEFT", "lmpop a LEFT");
	sends("LMPOP -1 a LEFT", "lmpop !P");
	sends("LMPOP 0 a LEFT", "lmpop");
	sends("XREAD STREAMS a b 0", "xread a b !P");
}

static void
what_reaches_unnamed_keys_is_partial(void)
{
	sends("KEYS *", "keys !P");
	sends("SCAN 0 MATCH a*", "scan !P");
	sends("FLUSHALL", "flushall !P");
	sends("MONITOR", "monitor !P");
	sends("EVAL return 2 a b c", "eval a b !P");
	sends("FCALL f 0 x", "fcall !P");
	sends("NOSUCH a b", "nosuch !P");
	sends("CONFIG SET dir /tmp", "config|set !P");
	sends("CONFIG NOSUCH x", "config|nosuch !P");
	sends("DEBUG OBJECT k", "debug|object !P");
}

static void
session_commands_are_marked_and_secrets_stay_out(void)
{
	sends("AUTH user password", "auth !S");
	sends("HELLO 3 AUTH user password SETNAME x", "hello !S");
	sends("CLIENT SETNAME x", "client|setname !S");
	sends("CLIENT SETINFO LIB-NAME x", "client|setinfo !S");
	sends("CLIENT KILL ID 3", "client|kill !P");
	sends("COMMAND DOCS", "command|docs !S");
	sends("COMMAND", "command !S");
	sends("MULTI", "multi !S");
	sends("SELECT 3", "select");
	sends("WATCH k", "watch k");
}

static void
pipelines_are_judged_one_by_one(void)
{
	SAYS("*2\r\n$3\r\nGET\r\n$1\r\na\r\nPING\r\n\r\n*3\r\n$3\r\nset\r\n$0\r\n\r\n$"
	     "2\r\n\r\n\r\nget b\n",
	     "get a; ping !S; set ; get b");
}

static void
inline_commands_are_split_as_redis_does(void)
{
	SAYS("get a\r\n", "get a");
	SAYS("  \tGET\va  b \n", "ERROR");
	SAYS("mget 'a b' \"c\\x20\\td\\\"\" e'f'\r\n", "mget a b c \td\" ef");
	SAYS("get \"a\\q\\x2g\"\r\n", "get aqx2g");
	SAYS("get 'it\\'s \\n'\n", "get it's \\n");
	SAYS("get \"\"\n", "get ");
	SAYS("get \"a\"b\r\n", "ERROR");
	SAYS("get \"a\r\n", "ERROR");
	SAYS("get a\0b\r\n", "ERROR");
	SAYS("set k \"v w\" EX 3\r\n\n\r\ndel x y\r\n", "set k; del x y");
	SAYS("auth 'pass word'\r\n", "auth !S");
}

static void
what_servers_could_read_differently_ends_it(void)
{
	SAYS("*-1\r\n", "ERROR");
	SAYS("*0\r\n", "ERROR");
	SAYS("*01\r\n$4\r\nPING\r\n", "ERROR");
	SAYS("*+1\r\n$4\r\nPING\r\n", "ERROR");
	SAYS("*1\n$4\nPING\n", "ERROR");
	SAYS("*1\r\r", "ERROR");
	SAYS("*1\r\n:4\r\n", "ERROR");
	SAYS("*2\r\n$3\r\nGET\r\n$-1\r\n", "ERROR");
	SAYS("*2\r\n$3\r\nGET\r\n$1\r\naxx", "get a; ERROR");
	SAYS("*1048577\r\n", "ERROR");
	SAYS("*2\r\n$3\r\nGET\r\n$536870913\r\n", "ERROR");
	SAYS("*1\r\n$65\r\n", "ERROR");
	SAYS("*1\r\n$2\r\n\x01z\r\n", "ERROR");
}

static void
replies_are_not_looked_at(void)
{
	static struct kv k;

	kv_open(&k, BH_APP_REDIS);
	kv_feed(&k, BH_SERVER, "-MOVED 3999 a:1\r\n%9\r\n\xff", 22);
	kv_feed(&k, BH_CLIENT, "PING\r\n", 6);
	CU_ASSERT_STRING_EQUAL(k.text, "ping !S");
	CU_ASSERT_EQUAL(k.pending[BH_SERVER], 0);
}

static void
a_command_is_held_until_its_keys_are_known(void)
{
	static struct kv k;

	kv_open(&k, BH_APP_REDIS);
	kv_feed(&k, BH_CLIENT, "*3\r\n$3\r\nSET\r\n$2\r\na", 18);
	CU_ASSERT_EQUAL(k.pending[0], 18);
	CU_ASSERT_EQUAL(k.len, 0);
	kv_feed(&k, BH_CLIENT, "b", 1);
	CU_ASSERT_STRING_EQUAL(k.text, "set ab");
	CU_ASSERT_EQUAL(k.pending[0], 0);
	kv_feed(&k, BH_CLIENT, "\r\n$500000000\r\nxxxx", 18);
	CU_ASSERT_EQUAL(k.pending[0], 0);
	kv_open(&k, BH_APP_REDIS);
	kv_feed(&k, BH_CLIENT, "*1\r\n$4\r\nPING\r\n*2\r\n", 18);
	CU_ASSERT_EQUAL(k.pending[0], 4);
	kv_open(&k, BH_APP_REDIS);
	kv_feed(&k, BH_CLIENT, "del a", 5);
	CU_ASSERT_EQUAL(k.pending[0], 5);
}

/* What has been judged when a long command's first bytes go; its last byte waits for the last key. */
static void
a_long_command_is_judged_before_its_first_byte_goes(void)
{
	static char text[40000];
	static struct kv k;
	size_t n, i;

	n = (size_t)snprintf(text, sizeof(text), "*5\r\n$4\r\nMSET\r\n$1\r\na\r\n$20000\r\n");
	memset(text + n, 'x', 20000);
	n += 20000;
	n += (size_t)snprintf(text + n, sizeof(text) - n, "\r\n$1\r\nb\r\n$1\r\ny\r\n");
	kv_says(BH_APP_REDIS, text, n, "mset a; mset b");
	kv_open(&k, BH_APP_REDIS);
	for (i = 0; i < n; i++) {
		kv_feed(&k, BH_CLIENT, text + i, 1);
		if (k.pending[0] != i + 1 && k.len == 0)
			CU_FAIL("goes unjudged");
		if (k.pending[0] == 0 && strstr(k.text, "mset b") == NULL)
			CU_FAIL("all goes before the last key");
	}
	CU_ASSERT_EQUAL(k.pending[0], 0);
}

static void
any_number_of_keys_is_judged(void)
{
	static char text[16384], wanted[16384];
	size_t n = 0, w = 0;
	unsigned i;

	n += (size_t)snprintf(text, sizeof(text), "*101\r\n$4\r\nmget\r\n");
	for (i = 0; i < 100; i++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "$3\r\n%03u\r\n", i);
		w += (size_t)snprintf(wanted + w, sizeof(wanted) - w, "%s%s %03u",
				      i == 0 || i % 31 != 0 ? "" : "; ", i % 31 == 0 ? "mget" : "",
				      i);
	}
	kv_says(BH_APP_REDIS, text, n, wanted);
	n = (size_t)snprintf(text, sizeof(text), "mget");
	for (i = 0; i < 100; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " %03u", i);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "\r\n");
	kv_says(BH_APP_REDIS, text, n, wanted);
}

static void
a_key_longer_than_a_value_is_cut_and_partial(void)
{
	static char text[4096], wanted[1024];
	size_t n;

	n = (size_t)snprintf(text, sizeof(text), "*2\r\n$3\r\nget\r\n$600\r\n%0600d\r\n", 7);
	snprintf(wanted, sizeof(wanted), "get %0512d !P", 0);
	kv_says(BH_APP_REDIS, text, n, wanted);
}

const struct bh_unit_test bh_suite_proto_ops_redis[] = {
	BH_TEST(name_and_keys_of_a_command_are_an_operation),
	BH_TEST(keys_behind_numbers_and_options_are_found),
	BH_TEST(what_reaches_unnamed_keys_is_partial),
	BH_TEST(session_commands_are_marked_and_secrets_stay_out),
	BH_TEST(pipelines_are_judged_one_by_one),
	BH_TEST(inline_commands_are_split_as_redis_does),
	BH_TEST(what_servers_could_read_differently_ends_it),
	BH_TEST(replies_are_not_looked_at),
	BH_TEST(a_command_is_held_until_its_keys_are_known),
	BH_TEST(a_long_command_is_judged_before_its_first_byte_goes),
	BH_TEST(any_number_of_keys_is_judged),
	BH_TEST(a_key_longer_than_a_value_is_cut_and_partial),
	BH_TEST_END,
};
