/* Suricata's rules: what each construct becomes. */
#include "signature_rig.h"

/* One rule with these options, all else being any. */
static void
load_options(struct rig *r, const char *options)
{
	char text[4096];

	snprintf(text, sizeof(text), "alert tcp any any -> any any (msg:\"m\"; %s sid:1;)\n",
		 options);
	rig_must(r, "t.rules", text);
}

static const struct bh_sensor_pattern *
only_pattern(struct rig *r, const char *options, unsigned n)
{
	const struct bh_sensor_pattern *p;

	load_options(r, options);
	p = rig_pattern(rig_rule(r, "1"), n);
	if (p == NULL) {
		rig_print(r);
		CU_FAIL_FATAL("the rule is not there");
	}
	return p;
}

static void
content_holds_escapes_and_bytes_in_hex(void)
{
	static const char want[] = "a;b\"c\\d:\r\n\0e";
	const struct bh_sensor_pattern *p;
	struct rig r;

	p = only_pattern(&r, "content:\"a\\;b\\\"c\\\\d\\:|0d0A 00|e\";", 0);
	CU_ASSERT_EQUAL(p->kind, BH_SENSOR_LITERAL);
	CU_ASSERT_EQUAL(p->context, BH_SENSOR_PACKET);
	CU_ASSERT_EQUAL_FATAL(p->len, sizeof(want) - 1);
	CU_ASSERT_EQUAL(memcmp(p->text, want, p->len), 0);
	CU_ASSERT_EQUAL(p->flags, 0);
	rig_free(&r);
}

static void
content_takes_its_modifiers(void)
{
	const struct bh_sensor_pattern *p;
	struct rig r;

	p = only_pattern(&r, "content:\"abc\"; nocase; offset:3; depth:40; fast_pattern; rawbytes;",
			 0);
	CU_ASSERT_EQUAL(p->flags,
			BH_SENSOR_NOCASE | BH_SENSOR_OFFSET | BH_SENSOR_DEPTH | BH_SENSOR_FAST);
	CU_ASSERT_EQUAL(p->offset, 3);
	CU_ASSERT_EQUAL(p->depth, 40);
	rig_free(&r);
	p = only_pattern(&r, "content:\"a\"; content:!\"bcd\"; distance:2; within:30;", 1);
	CU_ASSERT_EQUAL(p->flags, BH_SENSOR_NEGATED | BH_SENSOR_DISTANCE | BH_SENSOR_WITHIN);
	CU_ASSERT_EQUAL(p->distance, 2);
	CU_ASSERT_EQUAL(p->within, 30);
	rig_free(&r);
	p = only_pattern(&r,
			 "content:\"a\"; startswith; content:\"bcd\"; endswith; fast_pattern:only;",
			 1);
	CU_ASSERT_EQUAL(p->flags, BH_SENSOR_ENDSWITH | BH_SENSOR_FAST);
	CU_ASSERT_EQUAL(rig_pattern(rig_rule(&r, "1"), 0)->flags, BH_SENSOR_STARTSWITH);
	rig_free(&r);
}

static void
relative_without_a_match_before_it_is_relative_to_the_first_byte(void)
{
	const struct bh_sensor_pattern *p;
	struct rig r;

	p = only_pattern(&r, "content:\"abc\"; distance:4; within:10;", 0);
	CU_ASSERT_EQUAL(p->flags, BH_SENSOR_OFFSET | BH_SENSOR_DEPTH);
	CU_ASSERT_EQUAL(p->offset, 4);
	CU_ASSERT_EQUAL(p->depth, 10);
	rig_free(&r);
	p = only_pattern(&r, "content:\"abc\"; distance:-2; within:10;", 0);
	CU_ASSERT_EQUAL(p->flags, BH_SENSOR_DEPTH);
	CU_ASSERT_EQUAL(p->depth, 8);
	rig_free(&r);
	/* One of another buffer is not before it, nor is one that must not be there. */
	p = only_pattern(&r,
			 "content:\"x\"; http_uri; content:!\"y\"; content:\"abc\"; distance:4;",
			 2);
	CU_ASSERT_EQUAL(p->flags, BH_SENSOR_OFFSET);
	rig_free(&r);
}

static void
every_modifier_of_pcre_is_read(void)
{
	static const struct {
		const char *letters;
		uint16_t flags;
		uint8_t context;
	} cases[] = {
		{"", 0, BH_SENSOR_PACKET},
		{"i", BH_SENSOR_NOCASE, BH_SENSOR_PACKET},
		{"smx", BH_SENSOR_DOTALL | BH_SENSOR_MULTILINE | BH_SENSOR_EXTENDED,
		 BH_SENSOR_PACKET},
		{"G", BH_SENSOR_UNGREEDY, BH_SENSOR_PACKET},
		{"BO", 0, BH_SENSOR_PACKET},
		{"Ui", BH_SENSOR_NOCASE, BH_SENSOR_HTTP_URI},
		{"I", 0, BH_SENSOR_HTTP_URI_RAW},
		{"P", 0, BH_SENSOR_HTTP_REQUEST_BODY},
		{"Q", 0, BH_SENSOR_HTTP_RESPONSE_BODY},
		{"H", 0, BH_SENSOR_HTTP_HEADER},
		{"D", 0, BH_SENSOR_HTTP_HEADER_RAW},
		{"M", 0, BH_SENSOR_HTTP_METHOD},
		{"C", 0, BH_SENSOR_HTTP_COOKIE},
		{"S", 0, BH_SENSOR_HTTP_STAT_CODE},
		{"Y", 0, BH_SENSOR_HTTP_STAT_MSG},
		{"V", 0, BH_SENSOR_HTTP_USER_AGENT},
		{"W", 0, BH_SENSOR_HTTP_HOST},
		{"Z", 0, BH_SENSOR_HTTP_HOST_RAW},
	};
	const struct bh_sensor_pattern *p;
	char options[128];
	struct rig r;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		snprintf(options, sizeof(options), "pcre:\"/a\\/b\\;c/%s\";", cases[i].letters);
		p = only_pattern(&r, options, 0);
		CU_ASSERT_EQUAL(p->kind, BH_SENSOR_REGEX);
		CU_ASSERT_STRING_EQUAL(p->text, "a\\/b\\;c");
		CU_ASSERT_EQUAL(p->flags, cases[i].flags);
		CU_ASSERT_EQUAL(p->context, cases[i].context);
		rig_free(&r);
	}
}

static void
pcre_may_be_negated_anchored_and_relative(void)
{
	const struct bh_sensor_pattern *p;
	struct rig r;

	p = only_pattern(&r, "content:\"a\"; pcre:!\"/b+/A\";", 1);
	CU_ASSERT_EQUAL(p->flags, BH_SENSOR_NEGATED);
	CU_ASSERT_STRING_EQUAL(p->text, "\\A(?:b+)");
	rig_free(&r);
	p = only_pattern(&r, "content:\"a\"; pcre:\"/^\\d{4}/R\";", 1);
	CU_ASSERT_EQUAL(p->flags, BH_SENSOR_RELATIVE);
	CU_ASSERT_STRING_EQUAL(p->text, "^\\d{4}");
	rig_free(&r);
	/* Nothing stands before it: it begins at the first byte. */
	p = only_pattern(&r, "pcre:\"/x/R\";", 0);
	CU_ASSERT_EQUAL(p->flags, 0);
	rig_free(&r);
}

static void
older_modifiers_and_sticky_buffers_name_the_same_places(void)
{
	static const struct {
		const char *legacy, *sticky;
		uint8_t context;
	} cases[] = {
		{"http_uri", "http.uri", BH_SENSOR_HTTP_URI},
		{"http_raw_uri", "http.uri.raw", BH_SENSOR_HTTP_URI_RAW},
		{"http_method", "http.method", BH_SENSOR_HTTP_METHOD},
		{"http_header", "http.header", BH_SENSOR_HTTP_HEADER},
		{"http_raw_header", "http.header.raw", BH_SENSOR_HTTP_HEADER_RAW},
		{"http_cookie", "http.cookie", BH_SENSOR_HTTP_COOKIE},
		{"http_user_agent", "http.user_agent", BH_SENSOR_HTTP_USER_AGENT},
		{"http_host", "http.host", BH_SENSOR_HTTP_HOST},
		{"http_raw_host", "http.host.raw", BH_SENSOR_HTTP_HOST_RAW},
		{"http_client_body", "http.request_body", BH_SENSOR_HTTP_REQUEST_BODY},
		{"http_server_body", "http.response_body", BH_SENSOR_HTTP_RESPONSE_BODY},
		{"http_stat_code", "http.stat_code", BH_SENSOR_HTTP_STAT_CODE},
		{"http_stat_msg", "http.stat_msg", BH_SENSOR_HTTP_STAT_MSG},
		{NULL, "http_protocol", BH_SENSOR_HTTP_PROTOCOL},
		{NULL, "http.request_line", BH_SENSOR_HTTP_REQUEST_LINE},
		{NULL, "http.response_line", BH_SENSOR_HTTP_RESPONSE_LINE},
		{NULL, "http.header_names", BH_SENSOR_HTTP_HEADER_NAMES},
		{NULL, "http.referer", BH_SENSOR_HTTP_REFERER},
		{NULL, "http.accept", BH_SENSOR_HTTP_ACCEPT},
		{NULL, "http.accept_enc", BH_SENSOR_HTTP_ACCEPT_ENC},
		{NULL, "http_accept_lang", BH_SENSOR_HTTP_ACCEPT_LANG},
		{NULL, "http.connection", BH_SENSOR_HTTP_CONNECTION},
		{NULL, "http_content_type", BH_SENSOR_HTTP_CONTENT_TYPE},
		{NULL, "http.content_len", BH_SENSOR_HTTP_CONTENT_LEN},
		{NULL, "http.location", BH_SENSOR_HTTP_LOCATION},
		{NULL, "http.server", BH_SENSOR_HTTP_SERVER},
		{NULL, "file_data", BH_SENSOR_FILE_DATA},
		{NULL, "file.data", BH_SENSOR_FILE_DATA},
		{NULL, "dns_query", BH_SENSOR_DNS_QUERY},
		{NULL, "dns.query", BH_SENSOR_DNS_QUERY},
		{NULL, "tls_sni", BH_SENSOR_TLS_SNI},
		{NULL, "tls.sni", BH_SENSOR_TLS_SNI},
		{NULL, "tls.cert_subject", BH_SENSOR_TLS_CERT_SUBJECT},
		{NULL, "tls_cert_issuer", BH_SENSOR_TLS_CERT_ISSUER},
		{NULL, "tls.cert_serial", BH_SENSOR_TLS_CERT_SERIAL},
		{NULL, "tls.cert_fingerprint", BH_SENSOR_TLS_CERT_FINGERPRINT},
		{NULL, "ja3.hash", BH_SENSOR_JA3_HASH},
		{NULL, "ja3s.hash", BH_SENSOR_JA3S_HASH},
		{NULL, "ja4.hash", BH_SENSOR_JA4_HASH},
		{NULL, "ssh.proto", BH_SENSOR_SSH_PROTO},
		{NULL, "ssh.software", BH_SENSOR_SSH_SOFTWARE},
	};
	char options[128];
	struct rig r;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		snprintf(options, sizeof(options), "%s; content:\"12\";", cases[i].sticky);
		CU_ASSERT_EQUAL(only_pattern(&r, options, 0)->context, cases[i].context);
		rig_free(&r);
		if (cases[i].legacy == NULL)
			continue;
		snprintf(options, sizeof(options), "content:\"12\"; %s;", cases[i].legacy);
		CU_ASSERT_EQUAL(only_pattern(&r, options, 0)->context, cases[i].context);
		rig_free(&r);
	}
	CU_ASSERT_EQUAL(only_pattern(&r, "uricontent:\"/x\";", 0)->context, BH_SENSOR_HTTP_URI);
	rig_free(&r);
	/* A buffer holds until the next one. */
	CU_ASSERT_EQUAL(
		only_pattern(&r, "http.uri; content:\"a\"; content:\"b\"; pkt_data; content:\"c\";",
			     1)
			->context,
		BH_SENSOR_HTTP_URI);
	CU_ASSERT_EQUAL(rig_pattern(rig_rule(&r, "1"), 2)->context, BH_SENSOR_PACKET);
	rig_free(&r);
}

static void
sizes_become_bounds(void)
{
	static const struct {
		const char *options;
		uint8_t kind, context;
		uint16_t flags;
		uint32_t min, max;
	} cases[] = {
		{"http.uri; content:\"a\"; bsize:10;", BH_SENSOR_SIZE, BH_SENSOR_HTTP_URI, 0, 10,
		 10},
		{"http.uri; content:\"a\"; bsize:<10;", BH_SENSOR_SIZE, BH_SENSOR_HTTP_URI, 0, 0,
		 9},
		{"http.uri; content:\"a\"; bsize:>10;", BH_SENSOR_SIZE, BH_SENSOR_HTTP_URI, 0, 11,
		 UINT32_MAX},
		{"http.uri; content:\"a\"; bsize:10<>20;", BH_SENSOR_SIZE, BH_SENSOR_HTTP_URI, 0,
		 11, 19},
		{"content:\"a\"; dsize:!7;", BH_SENSOR_SIZE, BH_SENSOR_PACKET, BH_SENSOR_NEGATED, 7,
		 7},
		{"content:\"a\"; urilen:>5;", BH_SENSOR_SIZE, BH_SENSOR_HTTP_URI, 0, 6, UINT32_MAX},
		{"content:\"a\"; urilen:5,raw;", BH_SENSOR_SIZE, BH_SENSOR_HTTP_URI_RAW, 0, 5, 5},
		{"content:\"a\"; isdataat:10;", BH_SENSOR_DATA_AT, BH_SENSOR_PACKET, 0, 11,
		 UINT32_MAX},
		{"content:\"a\"; isdataat:!1,relative;", BH_SENSOR_DATA_AT, BH_SENSOR_PACKET,
		 BH_SENSOR_NEGATED | BH_SENSOR_RELATIVE, 1, UINT32_MAX},
		{"content:\"a\"; http_uri; isdataat:5,relative;", BH_SENSOR_DATA_AT,
		 BH_SENSOR_HTTP_URI, BH_SENSOR_RELATIVE, 5, UINT32_MAX},
	};
	const struct bh_sensor_pattern *p;
	struct rig r;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		p = only_pattern(&r, cases[i].options, 1);
		CU_ASSERT_EQUAL(p->kind, cases[i].kind);
		CU_ASSERT_EQUAL(p->context, cases[i].context);
		CU_ASSERT_EQUAL(p->flags, cases[i].flags);
		CU_ASSERT_EQUAL(p->size_min, cases[i].min);
		CU_ASSERT_EQUAL(p->size_max, cases[i].max);
		rig_free(&r);
	}
}

static void
transformed_buffers_become_what_they_mean(void)
{
	const struct bh_sensor_pattern *p;
	struct rig r;

	p = only_pattern(&r, "dns.query; dotprefix; content:\".a-b.test\"; nocase; endswith;", 0);
	CU_ASSERT_EQUAL(p->kind, BH_SENSOR_REGEX);
	CU_ASSERT_STRING_EQUAL(p->text, "(?:\\A|\\.)a\\x2db\\x2etest\\z");
	CU_ASSERT_EQUAL(p->flags, BH_SENSOR_NOCASE);
	rig_free(&r);
	p = only_pattern(&r, "tls.sni; dotprefix; content:\".x.test\"; startswith;", 0);
	CU_ASSERT_STRING_EQUAL(p->text, "\\Ax\\x2etest");
	rig_free(&r);
	p = only_pattern(&r, "http.host; to_lowercase; content:\"abc\";", 0);
	CU_ASSERT_EQUAL(p->flags, BH_SENSOR_NOCASE);
	rig_free(&r);
	p = only_pattern(&r, "content:\"a\"; tls.version:\"1.2\";", 1);
	CU_ASSERT_EQUAL(p->context, BH_SENSOR_TLS_VERSION);
	CU_ASSERT_STRING_EQUAL(p->text, "1.2");
	rig_free(&r);
}

static void
what_is_said_of_a_rule_is_kept(void)
{
	static const char text[] =
		"alert http $HOME_NET any -> $EXTERNAL_NET any (msg:\"a \\\"quoted\\\" word\\; and "
		"more\"; "
		"flow:established,to_server; http.uri; content:\"/x\"; "
		"classtype:web-application-attack; "
		"reference:cve,2021-44228; reference:url,example.test/a,b; gid:3; sid:2012345; "
		"rev:7; "
		"metadata:created_at 2026_01_01, mitre_technique_id T1190, mitre_tactic_id TA0001; "
		"target:dest_ip;)";
	const struct bh_sensor_rule *rule;
	struct rig r;

	rig_must(&r, "/some/where/web.rules", text);
	CU_ASSERT_STRING_EQUAL(r.s->model->sensors->name, "web");
	CU_ASSERT_STRING_EQUAL(r.s->model->sensors->file, "/some/where/web.rules");
	rule = rig_rule(&r, "2012345");
	CU_ASSERT_PTR_NOT_NULL_FATAL(rule);
	CU_ASSERT_STRING_EQUAL(rule->message, "a \"quoted\" word; and more");
	CU_ASSERT_STRING_EQUAL(rule->classtype, "web-application-attack");
	CU_ASSERT_STRING_EQUAL(rule->category, "web-application-attack");
	CU_ASSERT_STRING_EQUAL(rule->attack, "T1190");
	CU_ASSERT_PTR_NOT_NULL(strstr(rule->metadata, "TA0001"));
	CU_ASSERT_EQUAL(rule->gid, 3);
	CU_ASSERT_EQUAL(rule->sid, 2012345);
	CU_ASSERT_EQUAL(rule->rev, 7);
	CU_ASSERT_EQUAL(rule->severity, 1);
	CU_ASSERT_EQUAL(rule->direction, BH_SENSOR_TO_SERVER);
	CU_ASSERT_STRING_EQUAL(rule->references->type, "cve");
	CU_ASSERT_STRING_EQUAL(rule->references->next->value, "example.test/a,b");
	CU_ASSERT_PTR_NULL(rule->references->next->next);
	CU_ASSERT_EQUAL(r.s->report.n_notes, 0);
	rig_free(&r);
}

static void
priority_of_the_rule_wins_over_its_kind(void)
{
	static const struct {
		const char *options;
		uint8_t severity;
	} cases[] = {
		{"", 2},
		{"classtype:misc-activity;", 3},
		{"priority:1; classtype:misc-activity;", 1},
		{"classtype:misc-activity; priority:2;", 2},
		{"priority:9;", 3},
	};
	char options[128];
	struct rig r;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		snprintf(options, sizeof(options), "content:\"a\"; %s", cases[i].options);
		load_options(&r, options);
		CU_ASSERT_EQUAL(rig_rule(&r, "1")->severity, cases[i].severity);
		rig_free(&r);
	}
}

static void
actions_are_those_of_attachments_or_stricter(void)
{
	static const struct {
		const char *word;
		uint8_t action;
	} cases[] = {{"alert", BH_SENSOR_DEFAULT},    {"drop", BH_SENSOR_DENY},
		     {"reject", BH_SENSOR_REJECT},    {"rejectsrc", BH_SENSOR_REJECT},
		     {"rejectdst", BH_SENSOR_REJECT}, {"rejectboth", BH_SENSOR_REJECT}};
	char text[128];
	struct rig r;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		snprintf(text, sizeof(text), "%s ip any any -> any any (content:\"a\"; sid:5;)",
			 cases[i].word);
		rig_must(&r, "a.rules", text);
		CU_ASSERT_EQUAL(rig_rule(&r, "5")->action, cases[i].action);
		rig_free(&r);
	}
}

static void
applications_come_from_the_header_or_an_option(void)
{
	static const struct {
		const char *rule;
		const char *app;
	} cases[] = {
		{"alert dns any any -> any any (content:\"a\"; sid:1;)", "dns"},
		{"alert ssl any any -> any any (content:\"a\"; sid:1;)", "tls"},
		{"alert pgsql any any -> any any (content:\"a\"; sid:1;)", "postgresql"},
		{"alert http any any -> any any (content:\"a\"; sid:1;)", "http"},
		/* Its buffers are those of HTTP/2 as well. */
		{"alert http any any -> any any (http.uri; content:\"a\"; sid:1;)", NULL},
		{"alert http2 any any -> any any (http.uri; content:\"a\"; sid:1;)", "http2"},
		{"alert tcp any any -> any any (content:\"a\"; sid:1;)", NULL},
		{"alert tcp any any -> any any (content:\"a\"; app-layer-protocol:smb; sid:1;)",
		 "smb"},
	};
	struct rig r;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		rig_must(&r, "a.rules", cases[i].rule);
		CU_ASSERT_EQUAL(rig_rule(&r, "1")->app,
				cases[i].app != NULL ? bh_app_find(cases[i].app) : BH_APP_UNKNOWN);
		rig_free(&r);
	}
}

static void
flowbits_are_kept_in_order(void)
{
	const struct bh_sensor_bit *b;
	struct rig r;

	load_options(
		&r,
		"content:\"a\"; flowbits:isset,one.x; flowbits:isnotset, two; flowbits:set,three; "
		"flowbits:unset,four; flowbits:toggle,five; flowbits:noalert;");
	b = rig_rule(&r, "1")->bits;
	CU_ASSERT_EQUAL(b->op, BH_SENSOR_BIT_ISSET);
	CU_ASSERT_STRING_EQUAL(b->name, "one.x");
	b = b->next;
	CU_ASSERT_EQUAL(b->op, BH_SENSOR_BIT_ISNOTSET);
	CU_ASSERT_STRING_EQUAL(b->name, "two");
	b = b->next;
	CU_ASSERT_EQUAL(b->op, BH_SENSOR_BIT_SET);
	b = b->next;
	CU_ASSERT_EQUAL(b->op, BH_SENSOR_BIT_UNSET);
	b = b->next;
	CU_ASSERT_EQUAL(b->op, BH_SENSOR_BIT_TOGGLE);
	b = b->next;
	CU_ASSERT_EQUAL(b->op, BH_SENSOR_BIT_NOALERT);
	CU_ASSERT_PTR_NULL(b->name);
	CU_ASSERT_PTR_NULL(b->next);
	rig_free(&r);
	load_options(&r, "content:\"a\"; noalert;");
	CU_ASSERT_EQUAL(rig_rule(&r, "1")->bits->op, BH_SENSOR_BIT_NOALERT);
	rig_free(&r);
}

static void
thresholds_keep_their_numbers(void)
{
	static const struct {
		const char *options;
		uint8_t type, track;
		uint32_t count, seconds;
	} cases[] = {
		{"threshold: type limit, track by_src, count 1, seconds 60;", BH_SENSOR_LIMIT,
		 BH_SENSOR_BY_SRC, 1, 60},
		{"threshold:type threshold,track by_dst,count 5,seconds 10;", BH_SENSOR_THRESHOLD,
		 BH_SENSOR_BY_DST, 5, 10},
		{"threshold:type both, count 3, seconds 7, track by_both;", BH_SENSOR_ONCE,
		 BH_SENSOR_BY_PAIR, 3, 7},
		{"detection_filter: track by_rule, count 20, seconds 30;", BH_SENSOR_ONCE,
		 BH_SENSOR_BY_RULE, 21, 30},
	};
	const struct bh_sensor_rule *rule;
	char options[256];
	struct rig r;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		snprintf(options, sizeof(options), "content:\"a\"; %s", cases[i].options);
		load_options(&r, options);
		rule = rig_rule(&r, "1");
		CU_ASSERT_EQUAL(rule->threshold.type, cases[i].type);
		CU_ASSERT_EQUAL(rule->threshold.track, cases[i].track);
		CU_ASSERT_EQUAL(rule->threshold.count, cases[i].count);
		CU_ASSERT_EQUAL(rule->threshold.seconds, cases[i].seconds);
		rig_free(&r);
	}
}

static void
rules_over_several_lines_and_comments_are_read(void)
{
	static const char text[] =
		"\xef\xbb\xbf# a comment, no rule\r\n"
		"\r\n"
		"#alert tcp any any -> any any (msg:\"off\"; content:\"x\"; sid:9;)\r\n"
		"  alert tcp any any -> any any (msg:\"one\"; \\\r\n"
		"    content:\"ab\"; \\\r\n"
		"    sid:10;)\r\n"
		"alert udp [1.2.3.4, 10.0.0.0/8] any -> any [53, 5353] (content:\"c\";sid:11;)";
	struct rig r;

	rig_must(&r, "a.rules", text);
	CU_ASSERT_EQUAL(r.s->report.n_notes, 0);
	CU_ASSERT_EQUAL(r.s->report.file[0].rules, 2);
	CU_ASSERT_EQUAL(r.s->report.file[0].disabled, 1);
	CU_ASSERT_EQUAL(r.s->report.file[0].form, BH_SIGNATURE_SURICATA);
	CU_ASSERT_EQUAL(rig_rule(&r, "10")->line, 4);
	CU_ASSERT_EQUAL(rig_rule(&r, "10")->patterns->line, 5);
	CU_ASSERT_EQUAL(rig_rule(&r, "10")->patterns->column, 13);
	CU_ASSERT_EQUAL(rig_rule(&r, "11")->line, 7);
	rig_free(&r);
}

static void
the_form_is_told_by_what_stands_in_a_file(void)
{
	static const struct {
		const char *name, *text;
		enum bh_signature_form form;
	} cases[] = {
		{"a", "alrt tcp any any -> any any (x;)\nalert tcp any any -> any any (sid:1;)",
		 BH_SIGNATURE_SURICATA},
		{"a", "# alert tcp any any -> any any (content:\"a\"; sid:1;)",
		 BH_SIGNATURE_SURICATA},
		{"a.rules", "nonsense", BH_SIGNATURE_SURICATA},
		{"a.rules", "", BH_SIGNATURE_SURICATA},
		{"a", "", BH_SIGNATURE_SENSORS},
		{"a", "# alert on this\nsensors: []", BH_SIGNATURE_SENSORS},
		{"a", "kind: NvGroupDefinition", BH_SIGNATURE_NV},
	};
	struct rig r;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		rig_must(&r, cases[i].name, cases[i].text);
		CU_ASSERT_EQUAL(r.s->report.file[0].form, cases[i].form);
		rig_free(&r);
	}
}

const struct bh_unit_test bh_suite_signature_suricata[] = {
	BH_TEST(content_holds_escapes_and_bytes_in_hex),
	BH_TEST(content_takes_its_modifiers),
	BH_TEST(relative_without_a_match_before_it_is_relative_to_the_first_byte),
	BH_TEST(every_modifier_of_pcre_is_read),
	BH_TEST(pcre_may_be_negated_anchored_and_relative),
	BH_TEST(older_modifiers_and_sticky_buffers_name_the_same_places),
	BH_TEST(sizes_become_bounds),
	BH_TEST(transformed_buffers_become_what_they_mean),
	BH_TEST(what_is_said_of_a_rule_is_kept),
	BH_TEST(priority_of_the_rule_wins_over_its_kind),
	BH_TEST(actions_are_those_of_attachments_or_stricter),
	BH_TEST(applications_come_from_the_header_or_an_option),
	BH_TEST(flowbits_are_kept_in_order),
	BH_TEST(thresholds_keep_their_numbers),
	BH_TEST(the_form_is_told_by_what_stands_in_a_file),
	BH_TEST(rules_over_several_lines_and_comments_are_read),
	BH_TEST_END};
