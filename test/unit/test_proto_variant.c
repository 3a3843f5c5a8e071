/* Variants of protocols that a first exchange may be of: older and newer versions, other transports, what forgiving
 * receivers take; and what looks alike but is nobody's. Put together from the protocols' documents. */
#include <stdio.h>

#include "proto_samples.h"
#include "unit.h"

static const struct sample variants[] = {
	/* text protocols */
	{"http", BH_OVER_TCP, S("\r\nGET / HTTP/1.1\r\n\r\n"), S("")},
	{"http", BH_OVER_TCP, S("get / HTTP/1.0\r\n\r\n"), S("")},
	{"http", BH_OVER_TCP, S("VERSION-CONTROL /a HTTP/1.1 \r\n\r\n"), S("")},
	{"http", BH_OVER_TCP, S("GET /lost/end HTTP/1.1"), S("")},
	{"http", BH_OVER_TCP, S("GET / \n"), S("<html>old</html>")},
	{"http", BH_OVER_TCP, S(""), S("HTTP/1.0 404 Not Found\r\n\r\n")},
	{"elasticsearch", BH_OVER_TCP, S("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
	 S("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"
	   "{\"name\":\"a\",\"tagline\" : \"You Know, for Search\"}")},
	{"elasticsearch", BH_OVER_TCP, S("POST /i/_doc/1 HTTP/1.1\r\n\r\n"),
	 S("HTTP/1.1 201 Created\r\ncontent-type: application/json\r\n\r\n{}")},
	{"consul", BH_OVER_TCP, S("PUT /v1/kv/a HTTP/1.1\r\n\r\n"),
	 S("HTTP/1.1 200 OK\r\n\r\ntrue")},
	{"etcd", BH_OVER_TCP, S("GET /version HTTP/1.1\r\n\r\n"),
	 S("HTTP/1.1 200 OK\r\n\r\n{\"etcdserver\":\"3.5.9\",\"etcdcluster\":\"3.5.0\"}")},
	{"etcd", BH_OVER_TCP, S("POST /raft HTTP/1.1\r\n\r\n"), S("")},
	{"redis", BH_OVER_TCP, S("set k v\r\n"), S("+OK\r\n")},
	{"redis", BH_OVER_TCP, S("ZADD s 1 m\n"), S(":1\r\n")},
	{"redis", BH_OVER_TCP, S("HGETALL h\r\n"), S("%1\r\n+a\r\n+b\r\n")},
	{"redis", BH_OVER_TCP, S("GET none\r\n"), S("_\r\n")},
	{"redis", BH_OVER_TCP, S("SUBSCRIBE c\r\n"), S(">3\r\n$9\r\nsubscribe\r\n")},
	{"redis", BH_OVER_TCP, S("EVAL x 0\r\n"), S("-NOPERM no\r\n")},
	{"memcached", BH_OVER_TCP, S("mg key v t\r\n"), S("VA 2 t-1\r\nhi\r\n")},
	{"memcached", BH_OVER_TCP, S("mg key v\r\n"), S("EN\r\n")},
	{"memcached", BH_OVER_TCP, S("ma counter\r\n"), S("HD\r\n")},
	{"memcached", BH_OVER_TCP, S("gats 10 key\r\n"), S("END\r\n")},
	{"memcached", BH_OVER_UDP, S("\x00\x01\x00\x00\x00\x01\x00\x00stats\r\n"), S("")},
	{"memcached", BH_OVER_TCP, S("\x80\x0b\x00\x00" ZEROS16 "\x00\x00\x00\x00"), S("")},
	{"smtp", BH_OVER_TCP, S("MAIL FROM:<a@b>\r\n"), S("220 ready\r\n")},
	{"smtp", BH_OVER_TCP, S("LHLO me\r\n"), S("")},
	{"ftp", BH_OVER_TCP, S("AUTH TLS\r\n"), S("220-hello\r\n220 ready\r\n")},
	{"ftp", BH_OVER_TCP, S("PASS x\r\n"), S("220 ready\r\n")},
	{"pop3", BH_OVER_TCP, S("CAPA\r\n"), S("+OK <1.2@a>\r\n")},
	{"pop3", BH_OVER_TCP, S("QUIT\r\n"), S("-ERR busy\r\n")},
	{"imap", BH_OVER_TCP, S("A001 STATUS x (MESSAGES)\r\n"), S("* PREAUTH hello\r\n")},
	{"nats", BH_OVER_TCP, S("CONNECT {\"verbose\":false}\r\n"), S("")},
	{"zookeeper", BH_OVER_TCP, S("crst"), S("Connection stats reset.\n")},
	{"zookeeper", BH_OVER_TCP, S("mntr"), S("mntr is not executed because it is not in the")},
	{"sip", BH_OVER_TCP, S(""), S("SIP/2.0 100 Trying\r\n\r\n")},
	{"sip", BH_OVER_UDP, S("SUBSCRIBE sips:a@b SIP/2.0\r\nv: SIP/2.0/UDP c\r\n\r\n"), S("")},
	{"rtsp", BH_OVER_TCP, S("DESCRIBE rtsp://a/ RTSP/2.0\r\n\r\n"), S("")},
	{"rtsp", BH_OVER_TCP, S(""), S("RTSP/1.0 200 OK\r\n\r\n")},
	{"syslog", BH_OVER_TCP, S("47 <165>1 2026-01-01T00:00:00Z h a - - - text....."), S("")},
	{"syslog", BH_OVER_TCP, S("<13>Jan  1 00:00:00 host su: text\n"), S("")},
	{"git", BH_OVER_TCP, S("003egit-receive-pack /p.git\x00host=a\x00\x00version=2\x00"),
	 S("")},
	/* databases and queues */
	{"postgresql", BH_OVER_TCP, S("\x00\x00\x00\x08\x04\xd2\x16\x30"), S("N")},
	{"postgresql", BH_OVER_TCP, S("\x00\x00\x00\x10\x04\xd2\x16\x2e\x00\x00\x00\x07\x12"),
	 S("")},
	{"postgresql", BH_OVER_TCP,
	 S("\x00\x00\x00\x2a\x00\x03\x00\x02_pq_.x\x00\x31\x00user\x00me\x00\x00"), S("")},
	{"mysql", BH_OVER_TCP, S(""), S("\x05\x00\x00\x00\x0b\x08\x05\x1a\x00")},
	{"mysql", BH_OVER_TCP, S(""),
	 S("\x5a\x00\x00\x00\x0a"
	   "11.4.2-MariaDB\x00\x09\x00\x00\x00saltsalt\x00\xfe\xff\x2d\x02\x00")},
	{"mongodb", BH_OVER_TCP,
	 S("\x2a\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xdc\x07\x00\x00"
	   "\xdd\x07\x00\x00\x30\x00\x00\x00\x02\x12\x34\x56\x78\x9a\x12\x34\x56\x78\x9a\x00"),
	 S("")},
	{"mongodb", BH_OVER_TCP,
	 S("\x3a\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xd4\x07\x00\x00"
	   "\x00\x00\x00\x00"
	   "admin.$cmd\x00\x00\x00\x00\x00\xff\xff\xff\xff\x13\x00\x00\x00"),
	 S("")},
	{"kafka", BH_OVER_TCP,
	 S("\x00\x00\x00\x1c\x00\x4b\x00\x00\x00\x00\x00\x02\x00\x08"
	   "client-1\x00\x00\x00\x00\x00\x00\x00\x00"),
	 S("")},
	{"kafka", BH_OVER_TCP, S("\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x07\xff\xff"),
	 S("\x00\x00\x00\x0a\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00")},
	{"cassandra", BH_OVER_TCP, S("\x42\x00\x00\x01\x05\x00\x00\x00\x00"),
	 S("\xc2\x00\x00\x01\x00\x00\x00\x00\x08\x00\x00\x00\x0a\x00\x02no")},
	{"cassandra", BH_OVER_TCP, S("\x05\x10\x00\x00\x05\x00\x00\x00\x00"),
	 S("\x84\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00\x0a\x00\x02no")},
	{"cassandra", BH_OVER_TCP,
	 S("\x02\x00\x00\x01\x00\x00\x00\x16\x00\x01\x00\x0b"
	   "CQL_VERSION\x00\x05\x33.0.0"),
	 S("")},
	{"amqp", BH_OVER_TCP, S("AMQP\x02\x01\x00\x00"), S("AMQP\x02\x01\x00\x00")},
	{"amqp", BH_OVER_TCP, S("AMQP\x01\x01\x00\x0a"), S("")},
	{"mqtt", BH_OVER_TCP, S("\x10\x12\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x04name"), S("")},
	{"mqtt", BH_OVER_TCP, S("\x10\x10\x00\x04MQTT\x84\x02\x00\x3c\x00\x04name"), S("")},
	{"mssql", BH_OVER_TCP,
	 S("\x10\x01\x00\x90\x00\x00\x01\x00\x88\x00\x00\x00\x04\x00\x00\x74\x00\x10\x00\x00"),
	 S("")},
	{"oracle", BH_OVER_TCP,
	 S("\x01\x0b\x00\x00\x01\x00\x00\x00\x01\x3e\x01\x2c\x0c\x01\x80\x00\x7f\xff"), S("")},
	{"couchbase", BH_OVER_TCP,
	 S("\x08\x89\x01\x02\x00\x00\x00\x00\x00\x00\x00\x03" ZEROS8 "\x00\x00\x00\x00me"), S("")},
	{"elasticsearch", BH_OVER_TCP,
	 S("ES\x00\x00\x00\x19\x00\x00\x00\x00\x00\x00\x00\x01\x08\x00\x7a\x12\x63\x00\x00"),
	 S("")},
	{"ldap", BH_OVER_TCP,
	 S("\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
	   "1.3.6.1.4.1.1466.20037"),
	 S("")},
	{"smb", BH_OVER_TCP, S("\x00\x00\x00\x45\xffSMB\x72\x00\x00\x00\x00\x18\x01\x28"), S("")},
	{"smb", BH_OVER_TCP, S("\x81\x00\x00\x44 CKFDENECFDEFFCFGEFFCCACACACACACA\x00"), S("")},
	{"rdp", BH_OVER_TCP,
	 S("\x03\x00\x00\x2a\x25\xe0\x00\x00\x00\x00\x00"
	   "Cookie: mstshash=user\r\n\x01\x00\x08\x00\x03\x00\x00\x00"),
	 S("")},
	{"bgp", BH_OVER_TCP, S(""),
	 S("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x13\x04")},
	{"socks", BH_OVER_TCP, S("\x04\x01\x00\x50\x00\x00\x00\x01me\x00host.example\x00"),
	 S("\x00\x5b\x00\x00\x00\x00\x00\x00")},
	{"socks", BH_OVER_TCP, S("\x05\x02\x00\x02"), S("\x05\xff")},
	/* datagrams */
	{"radius", BH_OVER_UDP, S("\x04\x07\x00\x1a" ZEROS16 "\x28\x06\x00\x00\x00\x01"), S("")},
	{"snmp", BH_OVER_UDP,
	 S("\x30\x3e\x02\x01\x03\x30\x11\x02\x04\x12\x34\x56\x78\x02\x03\x00\xff\xe3\x04\x01\x04"
	   "\x02"
	   "\x01\x03\x04\x10"),
	 S("")},
	{"snmp", BH_OVER_UDP,
	 S("\x30\x20\x02\x01\x00\x04\x06public\xa4\x13\x06\x04\x2b\x06\x01\x04\x40\x04\x0a\x00\x00"
	   "\x01"),
	 S("")},
	{"dtls", BH_OVER_UDP,
	 S("\x16\xfe\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0e\x01\x00\x00\x02\x00\x00\x00\x00"
	   "\x00\x00\x00\x02\xfe\xfd"),
	 S("")},
	{"quic", BH_OVER_UDP,
	 S("\xd0\x6b\x33\x43\xcf\x04\x01\x02\x03\x04\x00\x00\x14" ZEROS16 "\x00\x00\x00\x00"),
	 S("")},
	{"quic", BH_OVER_UDP, S("\xcdQ050\x08" ZEROS16 "\x00"), S("")},
	{"stun", BH_OVER_UDP, S("\x00\x01\x00\x08" TEXT16 "\x00\x03\x00\x04\x00\x00\x00\x06"),
	 S("")},
	{"openvpn", BH_OVER_UDP,
	 S("\x38sessioni" TEXT16 TEXT16 "\x00\x00\x00\x01\x66\x00\x00\x00\x00\x00\x00\x00\x00"),
	 S("")},
	{"openvpn", BH_OVER_UDP,
	 S("\x38sessioni\x00\x00\x00\x01\x66\x00\x00\x00" TEXT16 TEXT16 "hide!"), S("")},
	{"openvpn", BH_OVER_TCP, S("\x00\x0e\x38sessioni\x00\x00\x00\x00\x00"), S("")},
	{"tftp", BH_OVER_UDP,
	 S("\x00\x06"
	   "blksize\x00\x31\x34\x36\x38\x00"),
	 S("")},
	{"dns", BH_OVER_UDP,
	 S("\x12\x34\x01\x00\x00\x01\x80\x00\x00\x00\x00\x52\x03"
	   "f\xe9p\x07"
	   "example\x00\x00\x01\x00\x01"),
	 S("")},
	{"dns", BH_OVER_UDP,
	 S("\x12\x34\x01\x00\xff\xff\x00\x00\x00\x00\x00\x00\x01"
	   "a\x01"
	   "b\x00"),
	 S("")},
	{"wireguard", BH_OVER_UDP, S("\x03\x00\x00\x00" TEXT12 ZEROS16 ZEROS16 ZEROS16), S("")},
};

static void
check_names(const struct sample *all, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct bh_proto_state state = {0};
		struct bh_proto_input in = input_of(&all[i]);

		bh_proto_identify(&state, &in);
		if (strcmp(bh_app_name(state.app), all[i].app) != 0)
			printf("\n%zu: %s named %s", i, all[i].app, bh_app_name(state.app));
		CU_ASSERT_STRING_EQUAL(bh_app_name(state.app), all[i].app);
	}
}

static void
each_variant_is_named(void)
{
	check_names(variants, BH_ARRAY_SIZE(variants));
}

/* One byte short of anything, a look-alike, another protocol with the same beginning. */
static const struct sample strangers[] = {
	{"unknown", BH_OVER_TCP, S("GET key\n"), S("VALUE?\n")},
	{"unknown", BH_OVER_TCP, S("GET /a:b\n"), S("nothing\n")},
	{"unknown", BH_OVER_TCP, S("HELO there\r\n"), S("250?\r\n")},
	{"unknown", BH_OVER_TCP, S("foobar k v\r\n"), S("+OK\r\n")},
	{"unknown", BH_OVER_TCP, S("220 client?\r\n"), S("hello\r\n")},
	{"unknown", BH_OVER_TCP, S("wchs"), S("")},
	{"unknown", BH_OVER_TCP, S("CONNECT\naccept-version:1.2\n\n\x00"), S("CONNECTED\n\n\x00")},
	{"unknown", BH_OVER_TCP, S("AMQP\x09\x09\x09\x09"), S("")},
	{"unknown", BH_OVER_TCP, S("\x16\x03\x01\x00\x05\x03\x00\x00\x01\x00\x00\x00"), S("")},
	{"unknown", BH_OVER_TCP, S("\x00\x00\x00\x08\x04\xd2\x16\x2d"), S("")},
	{"unknown", BH_OVER_TCP,
	 S("\x03\x00\x00\x16\x11\xe0\x00\x00\x00\x01\x00\xc0\x01\x0a\xc1\x02"
	   "\x01\x00\xc2\x02\x01\x02"),
	 S("\x03\x00\x00\x16\x11\xd0\x00\x01\x00\x02\x00\xc0\x01\x0a")}, /* S7 */
	{"unknown", BH_OVER_TCP,
	 S("\x05\x00\x0b\x03\x10\x00\x00\x00\x48\x00\x00\x00\x01\x00\x00\x00"),
	 S("\x05\x00\x0c\x03\x10\x00\x00\x00")}, /* DCE RPC */
	{"unknown", BH_OVER_TCP,
	 S("\x42"
	   "abcdefghijkl"),
	 S("")},
	{"unknown", BH_OVER_TCP, S("SSH-9.9-x\r\n"), S("")},
	{"unknown", BH_OVER_TCP, S("RFB 00a.b08\n"), S("")},
	{"unknown", BH_OVER_TCP, S("\x10\x0f\x00\x04MQTX\x05\x02\x00\x3c\x00\x00\x02me"), S("")},
	{"unknown", BH_OVER_TCP, S("\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x09\x04\x00\x80\x00"),
	 S("")},
	{"unknown", BH_OVER_UDP, S("\x00\x06size\x00\x31\x00"), S("")},
	{"unknown", BH_OVER_UDP, S("\x45\x00\x00\x54" ZEROS16), S("")}, /* IP in UDP */
	{"unknown", BH_OVER_UDP, S("\x80\x60\x00\x01\x00\x00\x00\xa0" TEXT16 TEXT16),
	 S("")},                                                        /* RTP */
	{"unknown", BH_OVER_UDP, S("\x40\x01\x12\x34\xb4temp"), S("")}, /* CoAP */
	{"unknown", BH_OVER_UDP, S("\x38sessioni" TEXT16 "\x00\x00\x00\x09"), S("")},
	{"unknown", BH_OVER_UDP, S("\x04\x00\x00\x01" TEXT16 TEXT16), S("")},
	{"unknown", BH_OVER_UDP, S("\x01\x07\x00\x18" ZEROS16 "\x01\x09me"), S("")},
};

static void
strangers_have_no_name(void)
{
	check_names(strangers, BH_ARRAY_SIZE(strangers));
}

/* Nothing, the application, or one that it stands on. One opcode makes Couchbase of memcached's binary protocol. */
static bool
is_or_below(unsigned app, const char *name)
{
	unsigned i;

	if (app == BH_APP_COUCHBASE || app == BH_APP_MEMCACHED)
		app = strcmp(name, "couchbase") == 0 || strcmp(name, "memcached") == 0 ? 0 : app;
	for (i = 1; i < BH_APP_COUNT && app != 0; i++) {
		if (strcmp(bh_app_name(i), name) == 0 && bh_app_is(i, (enum bh_app)app))
			return true;
	}
	return app == 0;
}

/* No single changed byte of a sample may make it another application's, but where the change spells that. */
static void
a_changed_byte_makes_no_other_name(void)
{
	unsigned wrong = 0;
	size_t i, at;

	for (i = 0; i < BH_ARRAY_SIZE(variants); i++) {
		struct bh_proto_input in = input_of(&variants[i]);
		unsigned side = in.len[0] == 0, v;
		uint8_t bytes[256];

		memcpy(bytes, in.data[side], in.len[side]);
		in.data[side] = bytes;
		for (at = 0; at < in.len[side]; at++) {
			for (v = 1; v < 256; v += 7) {
				struct bh_proto_state state = {0};

				bytes[at] ^= (uint8_t)v;
				bh_proto_identify(&state, &in);
				bytes[at] ^= (uint8_t)v;
				if (is_or_below(state.app, variants[i].app))
					continue;
				wrong++;
				if (wrong < 20)
					printf("\n%zu: %s named %s when byte %zu becomes %02x", i,
					       variants[i].app, bh_app_name(state.app), at,
					       bytes[at] ^ v);
			}
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

const struct bh_unit_test bh_suite_proto_variant[] = {
	BH_TEST(each_variant_is_named),
	BH_TEST(strangers_have_no_name),
	BH_TEST(a_changed_byte_makes_no_other_name),
	BH_TEST_END,
};
