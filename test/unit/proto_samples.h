/* Samples: each protocol as its clients and servers begin it. Written by hand from the protocols' documents; no
 * capture is needed. */
#ifndef TEST_PROTO_SAMPLES_H
#define TEST_PROTO_SAMPLES_H

#include "../../lib/proto/proto_priv.h"

#define S(text) text, sizeof(text) - 1

struct sample {
	const char *app; /* expected name */
	uint8_t transport;
	const char *client;
	size_t client_len;
	const char *server;
	size_t server_len;
};

#define DNS_QUERY                                                                                  \
	"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07"                              \
	"example\x03"                                                                              \
	"com\x00\x00\x01\x00\x01"
#define HTTP_OK "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 0\r\n\r\n"
#define H2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
#define ZEROS8 "\x00\x00\x00\x00\x00\x00\x00\x00"
#define ZEROS16 ZEROS8 ZEROS8
#define TEXT12 "0123456789ab"
#define TEXT16 "0123456789abcdef"

__attribute__((unused)) static const struct sample samples[] = {
	{"http", BH_OVER_TCP, S("GET /index.html HTTP/1.1\r\nHost: a\r\n\r\n"), S(HTTP_OK)},
	{"http", BH_OVER_TCP, S("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"), S(HTTP_OK)},
	{"websocket", BH_OVER_TCP,
	 S("GET /chat HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: "
	   "dGhlIHNhbXBsZQ==\r\n\r\n"),
	 S("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYG=\r\n\r\n")},
	{"elasticsearch", BH_OVER_TCP, S("GET /_cluster/health HTTP/1.1\r\nHost: a\r\n\r\n"),
	 S("HTTP/1.1 200 OK\r\nX-elastic-product: Elasticsearch\r\n\r\n{}")},
	{"consul", BH_OVER_TCP, S("GET /v1/kv/a HTTP/1.1\r\nHost: a\r\n\r\n"),
	 S("HTTP/1.1 200 OK\r\nX-Consul-Index: 7\r\n\r\n[]")},
	{"etcd", BH_OVER_TCP, S("POST /v3/kv/range HTTP/1.1\r\nHost: a\r\n\r\n{}"), S(HTTP_OK)},
	{"http2", BH_OVER_TCP, S(H2_PREFACE "\x00\x00\x03\x01\x05\x00\x00\x00\x01\x82\x84\x86"),
	 S("")},
	{"grpc", BH_OVER_TCP,
	 S(H2_PREFACE "\x00\x00\x0f\x01\x04\x00\x00\x00\x01\x83\x86"
		      "\x5f\x8b\x1d\x75\xd0\x62\x0d\x26\x3d\x4c\x4d\x65\x64"),
	 S("")},
	{"tls", BH_OVER_TCP,
	 S("\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03"
	   "0123456789abcdef0123456789abcdef\x00\x00\x02\x13\x01\x01\x00\x00\x00"),
	 S("")},
	{"tls", BH_OVER_TCP, S(""), S("\x15\x03\x03\x00\x02\x02\x28")},
	{"ssh", BH_OVER_TCP, S(""), S("SSH-2.0-OpenSSH_9.2p1\r\n")},
	{"redis", BH_OVER_TCP, S("*2\r\n$3\r\nGET\r\n$1\r\na\r\n"), S("$-1\r\n")},
	{"redis", BH_OVER_TCP, S("PING\r\n"), S("+PONG\r\n")},
	{"redis", BH_OVER_TCP, S("*3\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"), S("%7\r\n")},
	{"mysql", BH_OVER_TCP, S(""),
	 S("\x4a\x00\x00\x00\x0a"
	   "8.0.36\x00\x08\x00\x00\x00saltsalt\x00\xff\xff\xff\x02\x00\xff\xdf\x15")},
	{"mysql", BH_OVER_TCP, S(""), S("\x18\x00\x00\x00\xff\x10\x04Too many connections")},
	{"postgresql", BH_OVER_TCP, S("\x00\x00\x00\x08\x04\xd2\x16\x2f"), S("N")},
	{"postgresql", BH_OVER_TCP, S("\x00\x00\x00\x10\x00\x03\x00\x00user\x00me\x00\x00"), S("")},
	{"mongodb", BH_OVER_TCP,
	 S("\x24\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xdd\x07\x00\x00"
	   "\x00\x00\x00\x00\x00\x0f\x00\x00\x00\x10hello\x00\x01\x00\x00\x00\x00"),
	 S("")},
	{"cassandra", BH_OVER_TCP, S("\x05\x00\x00\x01\x05\x00\x00\x00\x00"),
	 S("\x85\x00\x00\x01\x06\x00\x00\x00\x02\x00\x00")},
	{"cassandra", BH_OVER_TCP,
	 S("\x04\x00\x00\x00\x01\x00\x00\x00\x16\x00\x01\x00\x0b"
	   "CQL_VERSION\x00\x05\x33.0.0"),
	 S("")},
	{"zookeeper", BH_OVER_TCP,
	 S("\x00\x00\x00\x2d\x00\x00\x00\x00" ZEROS8 "\x00\x00\x75\x30" ZEROS8
	   "\x00\x00\x00\x10" ZEROS16 "\x00"),
	 S("")},
	{"zookeeper", BH_OVER_TCP, S("ruok"), S("imok")},
	{"amqp", BH_OVER_TCP, S("AMQP\x00\x00\x09\x01"), S("")},
	{"amqp", BH_OVER_TCP, S("AMQP\x03\x01\x00\x00"), S("")},
	{"mqtt", BH_OVER_TCP, S("\x10\x0f\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x02me"), S("")},
	{"nats", BH_OVER_TCP, S(""), S("INFO {\"server_id\":\"a\"}\r\n")},
	{"openwire", BH_OVER_TCP,
	 S("\x00\x00\x00\x20\x01"
	   "ActiveMQ\x00\x00\x00\x0c"),
	 S("")},
	{"couchbase", BH_OVER_TCP,
	 S("\x80\x1f\x00\x02\x00\x00\x00\x00\x00\x00\x00\x02" ZEROS8 "\x00\x00\x00\x00me"), S("")},
	{"memcached", BH_OVER_TCP,
	 S("\x80\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01" ZEROS8 "\x00\x00\x00\x00k"), S("")},
	{"memcached", BH_OVER_TCP, S("get key\r\n"), S("END\r\n")},
	{"memcached", BH_OVER_TCP, S("set key 0 60 3\r\nabc\r\n"), S("")},
	{"smtp", BH_OVER_TCP, S("EHLO me\r\n"), S("220 mail ready\r\n")},
	{"smtp", BH_OVER_TCP, S(""), S("220 mx.example.com ESMTP\r\n")},
	{"ftp", BH_OVER_TCP, S("USER me\r\n"), S("220 ready\r\n")},
	{"pop3", BH_OVER_TCP, S("USER me\r\n"), S("+OK ready\r\n")},
	{"imap", BH_OVER_TCP, S("a1 LOGIN me secret\r\n"), S("* OK ready\r\n")},
	{"ldap", BH_OVER_TCP, S("\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00"), S("")},
	{"ldap", BH_OVER_UDP,
	 S("\x30\x11\x02\x01\x01\x63\x0c\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x00\x00"), S("")},
	{"kerberos", BH_OVER_UDP,
	 S("\x6a\x0e\x30\x0c\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0a\x30\x00"), S("")},
	{"smb", BH_OVER_TCP,
	 S("\x00\x00\x00\x40\xfeSMB\x40\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), S("")},
	{"rdp", BH_OVER_TCP,
	 S("\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x0b\x00\x00\x00"), S("")},
	{"mssql", BH_OVER_TCP,
	 S("\x12\x01\x00\x2f\x00\x00\x01\x00\x00\x00\x1a\x00\x06\x01\x00\x20\x00\x01\xff"), S("")},
	{"oracle", BH_OVER_TCP,
	 S("\x00\x46\x00\x00\x01\x00\x00\x00\x01\x3c\x01\x2c\x00\x00\x20\x00\x7f\xff"), S("")},
	{"bgp", BH_OVER_TCP,
	 S("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x1d\x01\x04"),
	 S("")},
	{"vnc", BH_OVER_TCP, S(""), S("RFB 003.008\n")},
	{"rsync", BH_OVER_TCP, S("@RSYNCD: 31.0\n"), S("@RSYNCD: 31.0\n")},
	{"git", BH_OVER_TCP, S("0033git-upload-pack /project.git\x00host=a\x00"), S("")},
	{"socks", BH_OVER_TCP, S("\x05\x01\x00"), S("\x05\x00")},
	{"socks", BH_OVER_TCP, S("\x04\x01\x00\x50\x0a\x00\x00\x01me\x00"),
	 S("\x00\x5a\x00\x00\x00\x00\x00\x00")},
	{"spark", BH_OVER_TCP,
	 S("\x00\x00\x00\x00\x00\x00\x00\x20\x03" ZEROS8 "\x00\x00\x00\x05spark://a"), S("")},
	{"telnet", BH_OVER_TCP, S(""), S("\xff\xfd\x18\xff\xfd\x20")},
	{"modbus", BH_OVER_TCP, S("\x00\x01\x00\x00\x00\x06\x01\x03\x00\x00\x00\x0a"), S("")},
	{"kafka", BH_OVER_TCP,
	 S("\x00\x00\x00\x12\x00\x12\x00\x03\x00\x00\x00\x01\x00\x07rdkafka\x00"), S("")},
	{"rtsp", BH_OVER_TCP, S("OPTIONS rtsp://a/b RTSP/1.0\r\nCSeq: 1\r\n\r\n"), S("")},
	{"sip", BH_OVER_UDP, S("REGISTER sip:a SIP/2.0\r\n\r\n"), S("")},
	{"sip", BH_OVER_TCP, S("INVITE sip:b@a SIP/2.0\r\n\r\n"), S("")},
	{"dns", BH_OVER_UDP, S(DNS_QUERY), S("")},
	{"dns", BH_OVER_TCP, S("\x00\x21" DNS_QUERY), S("")},
	{"ntp", BH_OVER_UDP,
	 S("\x23\x00\x06\xec\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" ZEROS16 ZEROS8
	   "\xe9\x00\x00\x00\x00\x00\x00\x00"),
	 S("")},
	{"snmp", BH_OVER_UDP,
	 S("\x30\x18\x02\x01\x01\x04\x06public\xa0\x0b\x02\x01\x01\x02\x01\x00\x02\x01\x00\x30"
	   "\x00"),
	 S("")},
	{"radius", BH_OVER_UDP, S("\x01\x07\x00\x18" ZEROS16 "\x01\x04me"), S("")},
	{"syslog", BH_OVER_UDP, S("<34>1 2026-01-01T00:00:00Z host su - - - text"), S("")},
	{"tftp", BH_OVER_UDP,
	 S("\x00\x01"
	   "boot.cfg\x00octet\x00"),
	 S("")},
	{"stun", BH_OVER_UDP,
	 S("\x00\x01\x00\x00\x21\x12\xa4\x42"
	   "0123456789ab"),
	 S("")},
	{"quic", BH_OVER_UDP,
	 S("\xc0\x00\x00\x00\x01\x04\x01\x02\x03\x04\x00\x00\x14" ZEROS16 "\x00\x00\x00\x00"),
	 S("")},
	{"dtls", BH_OVER_UDP,
	 S("\x16\xfe\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0e\x01\x00\x00\x02\x00\x00\x00\x00"
	   "\x00\x00\x00\x02\xfe\xfd"),
	 S("")},
	{"openvpn", BH_OVER_UDP,
	 S("\x38"
	   "sessioni\x00\x00\x00\x00\x00"),
	 S("")},
	/* Damaged, or only half seen. */
	{"dns", BH_OVER_UDP,
	 S("\x12\x34\x81\x80\x00\x01\x00\x14\x00\x00\x00\x00\x03www\x07"
	   "example\x00\x00\x01\x00\x01\xc0\x0c\x00"),
	 S("")},
	{"dns", BH_OVER_UDP,
	 S("\x12\x34\x09\x00\x00\x00\x00\x01\x00\x00\x00\x00\x01"
	   "1\x02"
	   "10\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00"),
	 S("")},
	{"radius", BH_OVER_UDP, S("\x01\x07\x00\x1e" TEXT16 "\x01\x04me\x04\x60\x0a\x00\x00\x01"),
	 S("")},
	{"snmp", BH_OVER_UDP,
	 S("\x30\x7a\x02\x01\x00\x04\x06public\xa1\x0b\x02\x01\x01\x02\x01\x00\x02\x01\x00\x30"
	   "\x00"),
	 S("")},
	{"modbus", BH_OVER_TCP, S("\x02\x01\x00\x00\x00\x03\x01\x83\x02"), S("")},
	{"stun", BH_OVER_TCP, S("\x00\x14\x00\x01\x00\x00\x21\x12\xa4\x42" TEXT12), S("")},
	{"stun", BH_OVER_UDP, S("\x00\x03\x00\x05\x21\x12\xa4\x42" TEXT12 "\x40\x00\x00\x01z"),
	 S("")},
	{"tftp", BH_OVER_UDP, S("\x00\x03\x00\x01text"), S("\x00\x04\x00\x01")},
	{"ntp", BH_OVER_UDP, S("\x23\x00\x06\xec" ZEROS16 ZEROS16 ZEROS8 "\x00\x00\x00\x00"),
	 S("")},
	{"sip", BH_OVER_UDP, S("\r\n\r\nOPTIONS sip:a SIP/2.0\r\n\r\n"), S("")},
	{"echo", BH_OVER_TCP, S("hello echo\n"), S("hello echo\n")},
};

static inline struct bh_proto_input
input_of(const struct sample *s)
{
	return (struct bh_proto_input){
		.data = {(const uint8_t *)s->client, (const uint8_t *)s->server},
		.len = {(uint32_t)s->client_len, (uint32_t)s->server_len},
		.transport = s->transport,
		.from = s->client_len == 0 || strcmp(s->app, "echo") == 0,
		.packets = 2,
	};
}

#endif
