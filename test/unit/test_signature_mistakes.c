/* Suricata's rules that are left out: what is told, and where. Headers: what they take in. */
#include "signature_rig.h"

struct mistake {
	const char *rule; /* one line; the rest of the rule is right */
	const char *at;   /* the text of the rule where the mistake is */
	enum bh_signature_fate fate;
	const char *told;
};

/* Each in line 2 of a file whose other rules are loaded. */
static void
must_tell(const struct mistake *m, size_t n)
{
	static const char good[] = "alert tcp any any -> any any (content:\"good\"; sid:77;)";
	char text[2048];
	struct rig r;
	size_t i;

	for (i = 0; i < n; i++) {
		const char *at = strstr(m[i].rule, m[i].at);

		snprintf(text, sizeof(text), "# first\n%s\n%s\n", m[i].rule, good);
		rig_must(&r, "a.rules", text);
		CU_ASSERT_PTR_NOT_NULL(rig_rule(&r, "77"));
		CU_ASSERT_EQUAL(rig_rule(&r, "1") != NULL, m[i].fate == BH_SIGNATURE_CHANGED);
		CU_ASSERT_EQUAL(r.s->report.file[0].left_out, m[i].fate != BH_SIGNATURE_CHANGED);
		if (at == NULL ||
		    !rig_told(&r, m[i].fate, 2, (unsigned)(at - m[i].rule) + 1, m[i].told)) {
			fprintf(stderr, "\n%s\nexpected at '%s': %s\n", m[i].rule, m[i].at,
				m[i].told);
			rig_print(&r);
			CU_FAIL("not told, or elsewhere");
		}
		rig_free(&r);
	}
}

#define HEAD "alert tcp any any -> any any "
#define REFUSED BH_SIGNATURE_REFUSED
#define SKIPPED BH_SIGNATURE_SKIPPED
#define CHANGED BH_SIGNATURE_CHANGED

static void
mistakes_in_contents_have_their_place(void)
{
	static const struct mistake m[] = {
		{HEAD "(content:abc; sid:1;)", "abc", REFUSED, "double quotes"},
		{HEAD "(content:\"a|0d 0|b\"; sid:1;)", "0|b", REFUSED, "two digits"},
		{HEAD "(content:\"a|0d xx|b\"; sid:1;)", "xx", REFUSED, "hex"},
		{HEAD "(content:\"a|0d\"; sid:1;)", "0d\"", REFUSED, "without '|'"},
		{HEAD "(content:\"a\\nb\"; sid:1;)", "nb", REFUSED, "escapes"},
		{HEAD "(content:\"a\"b\"; sid:1;)", "\"b", REFUSED, "\\\""},
		{HEAD "(content:\"\"; sid:1;)", "\"; sid", REFUSED, "empty"},
		{HEAD "(content:\"a;b\"; sid:1;)", "a;b", REFUSED, "\\;"},
		{HEAD "(content:\"abcd\"; depth:3; sid:1;)", "\"abcd", REFUSED, "depth is less"},
		{HEAD "(content:\"a\"; content:\"abcd\"; within:3; sid:1;)", "\"abcd", REFUSED,
		 "within is less"},
		{HEAD "(content:\"a\"; content:\"b\"; offset:3; distance:1; sid:1;)", "\"b\"",
		 REFUSED, "either relative"},
		{HEAD "(content:\"a\"; startswith; depth:4; sid:1;)", "\"a\"", REFUSED,
		 "startswith"},
		{HEAD "(content:\"abc\"; distance:-9; within:10; sid:1;)", "\"abc", REFUSED,
		 "in front of its buffer"},
		{HEAD "(content:\"a\"; offset:-1; sid:1;)", "-1", REFUSED, "not negative"},
		{HEAD "(content:\"a\"; depth:many; sid:1;)", "many", REFUSED, "a number"},
		{HEAD "(content:\"a\"; nocase:1; sid:1;)", "1; sid", REFUSED, "no value"},
		{HEAD "(nocase; content:\"a\"; sid:1;)", "nocase", REFUSED, "behind a content"},
		{HEAD "(http_uri; content:\"a\"; sid:1;)", "http_uri", REFUSED, "behind a content"},
		{HEAD "(http.uri; content:\"a\"; http_header; sid:1;)", "http_header", REFUSED,
		 "its buffer already"},
		{HEAD "(content:\"a\"; fast_pattern:x; sid:1;)", "x; sid", REFUSED,
		 "OFFSET,LENGTH"},
		{HEAD "(content:\"a\"; isdataat:x; sid:1;)", "x; sid", REFUSED, "0 to 65535"},
		{HEAD "(content:\"a\"; dsize:20<>10; sid:1;)", "20<>", REFUSED, "a size"},
		{HEAD "(content:\"a\"; bsize:10; sid:1;)", "bsize", REFUSED, "behind a buffer"},
		{HEAD "(dotprefix; content:\"a\"; sid:1;)", "dotprefix", REFUSED,
		 "behind a buffer"},
		{HEAD "(http.host; to_lowercase; content:\"Ab\"; sid:1;)", "\"Ab", REFUSED,
		 "capital letter"},
	};

	must_tell(m, BH_ARRAY_SIZE(m));
}

static void
mistakes_in_expressions_have_their_place(void)
{
	static const struct mistake m[] = {
		{HEAD "(pcre:\"abc\"; sid:1;)", "abc", REFUSED, "/EXPRESSION/"},
		{HEAD "(pcre:\"/abc\"; sid:1;)", "abc", REFUSED, "'/' behind"},
		{HEAD "(pcre:\"//i\"; sid:1;)", "/i", REFUSED, "an empty expression"},
		{HEAD "(pcre:\"/abc/iz\"; sid:1;)", "z\"", REFUSED, "unknown modifier"},
		{HEAD "(pcre:\"/abc/UP\"; sid:1;)", "P\"", REFUSED, "two buffers"},
		{HEAD "(http.uri; pcre:\"/abc/P\"; sid:1;)", "pcre", REFUSED, "inside another"},
		{HEAD "(pcre:\"/(abc/\"; sid:1;)", "/\"; sid", REFUSED, "parenthes"},
		{HEAD "(pcre:\"/a(b)/,flow:x\"; sid:1;)", ",flow", REFUSED, "captures"},
		{HEAD "(pcre:\"/abc/E\"; sid:1;)", "pcre", CHANGED, "modifier E"},
	};

	must_tell(m, BH_ARRAY_SIZE(m));
}

static void
mistakes_in_other_options_have_their_place(void)
{
	static const struct mistake m[] = {
		{HEAD "(content:\"a\"; sid:x;)", "x;)", REFUSED, "32 bits"},
		{HEAD "(content:\"a\"; sid:1; priority:0;)", "0;)", REFUSED, "1 to 255"},
		{HEAD "(content:\"a\";)", "alert", REFUSED, "needs a number"},
		{HEAD "(msg:abc; content:\"a\"; sid:1;)", "abc", REFUSED, "double quotes"},
		{HEAD "(content:\"a\"; classtype:; sid:1;)", "; sid", REFUSED, "kind of attack"},
		{HEAD "(content:\"a\"; classtype:strange; sid:1;)", "classtype", CHANGED,
		 "is known"},
		{HEAD "(content:\"a\"; reference:cve; sid:1;)", "cve", REFUSED, "TYPE,VALUE"},
		{HEAD "(content:\"a\"; target:me; sid:1;)", "me;", REFUSED, "src_ip"},
		{HEAD "(content:\"a\"; flow:to_server,upwards; sid:1;)", "upwards", REFUSED,
		 "expected to_server"},
		{HEAD "(content:\"a\"; flow:to_server,to_client; sid:1;)", "to_client", REFUSED,
		 "two directions"},
		{HEAD "(content:\"a\"; flow:not_established; sid:1;)", "flow", SKIPPED,
		 "outside of"},
		{HEAD "(content:\"a\"; flowbits:put,x; sid:1;)", "put", REFUSED, "isnotset"},
		{HEAD "(content:\"a\"; flowbits:isset; sid:1;)", "isset", REFUSED, "a name"},
		{HEAD "(content:\"a\"; flowbits:isset,a|b; sid:1;)", "flowbits", SKIPPED,
		 "several"},
		{HEAD "(content:\"a\"; threshold:type limit, track by_src, count 1; sid:1;)",
		 "type limit", REFUSED, "seconds"},
		{HEAD
		 "(content:\"a\"; threshold:type often, track by_src, count 1, seconds 1; sid:1;)",
		 "type often", REFUSED, "limit, threshold or both"},
		{HEAD
		 "(content:\"a\"; threshold:type limit, track by_flow, count 1, seconds 1; sid:1;)",
		 "threshold", CHANGED, "each hit"},
		{HEAD "(content:\"a\"; detection_filter:track by_src, count 1, seconds 1; sid:1;)",
		 "detection_filter", CHANGED, "once"},
		{HEAD "(content:\"a\"; app-layer-protocol:!http; sid:1;)", "app-layer", SKIPPED,
		 "that it is not"},
		{HEAD "(content:\"a\"; app-layer-protocol:nonesuch; sid:1;)", "app-layer", SKIPPED,
		 "not known"},
	};

	must_tell(m, BH_ARRAY_SIZE(m));
}

static void
mistakes_in_headers_have_their_place(void)
{
	static const struct mistake m[] = {
		{"alert tcp any any -> any (content:\"a\"; sid:1;)", "(content", REFUSED,
		 "ACTION PROTOCOL"},
		{"alert tcp any any -> any any content:\"a\"; sid:1; (x;)", "content", REFUSED,
		 "seven words"},
		{"alert tcp any any -> any any (x", "x", REFUSED, "')'"},
		{"alert tcp any any -> any any (content:\"a\"; sid:1)", "1)", REFUSED, "';'"},
		{"alert tcp any any <- any any (content:\"a\"; sid:1;)", "<-", REFUSED, "-> or <>"},
		{"alert tcp 1.2.3 any -> any any (content:\"a\"; sid:1;)", "1.2.3", REFUSED,
		 "an address"},
		{"alert tcp 1.2.3.4/33 any -> any any (content:\"a\"; sid:1;)", "1.2.3.4/33",
		 REFUSED, "prefix"},
		{"alert tcp any 70000 -> any any (content:\"a\"; sid:1;)", "70000", REFUSED,
		 "65535"},
		{"alert tcp any any -> any 90:80 (content:\"a\"; sid:1;)", "90:80", REFUSED,
		 "none"},
		{"alert tcp any any -> any [80,x] (content:\"a\"; sid:1;)", "x]", REFUSED,
		 "a port"},
		{"alert tcp any any -> any [80 (content:\"a\"; sid:1;)", "(content", REFUSED,
		 "in a list"},
		{"alert tcp $NONESUCH any -> any any (content:\"a\"; sid:1;)", "NONESUCH", REFUSED,
		 "address-groups"},
		{"alert tcp any any -> any !any (content:\"a\"; sid:1;)", " (content", REFUSED,
		 "holds nothing"},
		{"alert icmp any any -> any any (content:\"a\"; sid:1;)", "icmp", SKIPPED, "ICMP"},
		{"alert nonesuch any any -> any any (content:\"a\"; sid:1;)", "nonesuch", SKIPPED,
		 "not known"},
		{"pass tcp any any -> any any (content:\"a\"; sid:1;)", "pass", SKIPPED,
		 "exception"},
		{"alert tcp any any -> any any (flow:to_server; dsize:>5; sid:1;)", "alert",
		 SKIPPED, "no content"},
		{"alert http any any -> any any (flow:to_client; http.uri; content:\"a\"; sid:1;)",
		 "content", SKIPPED, "not said by the side"},
	};

	must_tell(m, BH_ARRAY_SIZE(m));
}

static void
every_option_that_is_not_supported_is_listed(void)
{
	static const char *const options[] = {"byte_test:1,>,2,3",
					      "byte_jump:4,0",
					      "lua:x.lua",
					      "flowint:x,+,1",
					      "xbits:set,x,track ip_src",
					      "dataset:isset,x",
					      "geoip:src,DE",
					      "app-layer-event:x.y",
					      "ssl_version:tls1.0",
					      "filemagic:\"x\"",
					      "flags:S",
					      "ttl:3",
					      "stream_size:server,>,3",
					      "base64_decode:relative",
					      "url_decode",
					      "iprep:src,x,>,3",
					      "no_such_option:1"};
	char text[512];
	struct rig r;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(options); i++) {
		snprintf(text, sizeof(text), HEAD "(content:\"a\"; %s; lua:y.lua; sid:%zu;)",
			 options[i], i + 1);
		rig_must(&r, "a.rules", text);
		/* Both, not only the first. */
		CU_ASSERT_EQUAL(r.s->report.n_notes, 2);
		CU_ASSERT_EQUAL(r.s->report.note[0].fate, SKIPPED);
		CU_ASSERT_EQUAL(r.s->report.note[0].sid, i + 1);
		CU_ASSERT_EQUAL(strncmp(options[i], r.s->report.note[0].option,
					strlen(r.s->report.note[0].option)),
				0);
		CU_ASSERT_STRING_EQUAL(r.s->report.note[1].option, "lua");
		CU_ASSERT_EQUAL(r.s->report.file[0].left_out, 1);
		CU_ASSERT_EQUAL(r.s->report.file[0].rules, 0);
		rig_free(&r);
	}
}

static void
a_number_is_loaded_once(void)
{
	struct rig r;

	rig_must(&r, "a.rules",
		 HEAD "(content:\"a\"; sid:1;)\n" HEAD "(content:\"b\"; sid:1; rev:2;)\n" HEAD
		      "(content:\"b\"; gid:2; sid:1;)\n");
	CU_ASSERT_EQUAL(r.s->report.file[0].rules, 2);
	CU_ASSERT_TRUE(rig_told(&r, SKIPPED, 2, 0, "another rule"));
	rig_free(&r);
}

static void
a_bit_that_no_loaded_rule_sets_is_told(void)
{
	struct rig r;

	rig_must(&r, "a.rules",
		 HEAD "(content:\"a\"; flowbits:isset,x; sid:1;)\n" HEAD
		      "(content:\"b\"; lua:y; flowbits:set,x; sid:2;)\n" HEAD
		      "(content:\"c\"; flowbits:isset,z; flowbits:isnotset,q; sid:3;)\n" HEAD
		      "(content:\"d\"; flowbits:toggle,z; sid:4;)\n" HEAD
		      "(content:\"e\"; flowbits:isset,x; classtype:strange; sid:5;)\n");
	CU_ASSERT_TRUE(rig_told(&r, CHANGED, 1, 1, "waits for bit 'x'"));
	CU_ASSERT_TRUE(rig_told(&r, CHANGED, 5, 1, "waits for bit 'x'"));
	CU_ASSERT_FALSE(rig_told(&r, CHANGED, 3, 0, "waits"));
	/* Rules are counted, not notes. */
	CU_ASSERT_EQUAL(r.s->report.file[0].changed, 2);
	CU_ASSERT_EQUAL(r.s->report.n_notes, 4);
	rig_free(&r);
}

/* ---- headers --------------------------------------------------------------------------------------- */

static struct bh_signature_ends
ends(uint32_t client, uint16_t client_port, uint32_t server, uint16_t server_port, uint8_t proto)
{
	struct bh_signature_ends e = {.client_port = client_port,
				      .server_port = server_port,
				      .proto = proto};

	e.client[10] = e.client[11] = e.server[10] = e.server[11] = 0xff;
	client = __builtin_bswap32(client);
	server = __builtin_bswap32(server);
	memcpy(e.client + 12, &client, 4);
	memcpy(e.server + 12, &server, 4);
	return e;
}

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

static void
headers_take_in_what_they_say(void)
{
	static const struct {
		const char *header;
		uint32_t client, server;
		uint16_t client_port, server_port;
		uint8_t proto;
		bool in;
	} cases[] = {
		{"tcp any any -> any any", 1, 2, 3, 4, 6, true},
		{"tcp any any -> any any", 1, 2, 3, 4, 17, false},
		{"udp any any -> any any", 1, 2, 3, 4, 17, true},
		{"ip any any -> any any", 1, 2, 3, 4, 17, true},
		{"tcp any any -> any 80", 1, 2, 3, 80, 6, true},
		{"tcp any any -> any 80", 1, 2, 80, 3, 6, false},
		{"tcp any 80 -> any any", 1, 2, 3, 80, 6, true},
		{"tcp any any -> any [80,443,8000:8010,!8005]", 1, 2, 3, 8004, 6, true},
		{"tcp any any -> any [80,443,8000:8010,!8005]", 1, 2, 3, 8005, 6, false},
		{"tcp any any -> any !80", 1, 2, 3, 81, 6, true},
		/* A packet of the server's has the client's port as its destination. */
		{"tcp any any -> any !80", 1, 2, 3, 80, 6, true},
		{"tcp any any -> any !80", 1, 2, 80, 80, 6, false},
		{"tcp any 1024: -> any :1023", 1, 2, 2000, 80, 6, true},
		{"tcp any 1024: -> any :1023", 1, 2, 2000, 1024, 6, false},
		{"tcp 10.0.0.0/8 any -> any 80", IP(10, 9, 9, 9), 2, 3, 80, 6, true},
		{"tcp 10.0.0.0/8 any -> any 80", IP(11, 9, 9, 9), 2, 3, 80, 6, false},
		{"tcp any any -> [10.0.0.0/8,!10.1.0.0/16,192.168.0.1-192.168.0.9] 80", 1,
		 IP(192, 168, 0, 9), 3, 80, 6, true},
		{"tcp any any -> [10.0.0.0/8,!10.1.0.0/16,192.168.0.1-192.168.0.9] 80", 1,
		 IP(10, 1, 2, 3), 3, 80, 6, false},
		{"tcp !10.0.0.0/8 any -> any 80", IP(10, 0, 0, 1), 2, 3, 80, 6, false},
		{"tcp !10.0.0.0/8 any -> any 80", IP(9, 0, 0, 1), 2, 3, 80, 6, true},
		{"tcp ::1 any -> any 80", IP(9, 0, 0, 1), 2, 3, 80, 6, false},
		/* Without a direction, and ports of neither end: either way. */
		{"tcp 10.0.0.0/8 any -> any any", 1, IP(10, 0, 0, 1), 3, 80, 6, true},
		{"tcp 10.0.0.0/8 any <> 1.2.3.4 80", IP(1, 2, 3, 4), IP(10, 0, 0, 1), 80, 3, 6,
		 true},
	};
	char text[256];
	struct rig r;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		struct bh_signature_ends e =
			ends(cases[i].client, cases[i].client_port, cases[i].server,
			     cases[i].server_port, cases[i].proto);

		snprintf(text, sizeof(text), "alert %s (content:\"a\"; sid:1;)", cases[i].header);
		rig_must(&r, "a.rules", text);
		CU_ASSERT_EQUAL(bh_signature_allows(r.s, rig_rule(&r, "1"), &e), cases[i].in);
		if (bh_signature_allows(r.s, rig_rule(&r, "1"), &e) != cases[i].in)
			fprintf(stderr, "\ncase %zu: %s\n", i, cases[i].header);
		rig_free(&r);
	}
}

static void
ports_of_the_server_are_in_the_model(void)
{
	const struct bh_sensor_rule *rule;
	struct rig r;

	rig_must(&r, "a.rules",
		 "alert tcp any any -> any [443,80:90] (content:\"a\"; sid:1;)\n"
		 "alert tcp any 25 -> any any (content:\"a\"; flow:from_server; sid:2;)\n"
		 "alert tcp any 1000 <> any 2000 (content:\"a\"; sid:3;)\n");
	rule = rig_rule(&r, "1");
	CU_ASSERT_EQUAL(rule->direction, BH_SENSOR_TO_SERVER);
	CU_ASSERT_EQUAL(rule->ports->low, 80);
	CU_ASSERT_EQUAL(rule->ports->high, 90);
	CU_ASSERT_EQUAL(rule->ports->next->low, 443);
	CU_ASSERT_PTR_NULL(rule->ports->next->next);
	CU_ASSERT_EQUAL(rig_rule(&r, "2")->direction, BH_SENSOR_TO_CLIENT);
	CU_ASSERT_EQUAL(rig_rule(&r, "2")->ports->low, 25);
	CU_ASSERT_PTR_NULL(rig_rule(&r, "3")->ports);
	rig_free(&r);
}

/* A file of this text; the caller unlinks it. */
static void
write_file(char *path, size_t size, const char *text)
{
	FILE *f;
	int fd;

	snprintf(path, size, "/tmp/bh-signature-XXXXXX");
	fd = mkstemp(path);
	CU_ASSERT_FATAL(fd >= 0);
	f = fdopen(fd, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
}

static void
variables_and_kinds_come_from_files(void)
{
	char vars[64], classes[64];
	struct bh_signature_params params = {.vars = vars, .classes = classes};
	struct bh_signature_ends e = ends(IP(8, 8, 8, 8), 4000, IP(10, 1, 1, 1), 8081, 6);
	struct rig r;

	write_file(
		vars, sizeof(vars),
		"%YAML 1.1\n---\nother: {x: 1}\nvars:\n  address-groups:\n    HOME_NET: "
		"\"[10.0.0.0/8,fd00::/8]\"\n    EXTERNAL_NET: \"!$HOME_NET\"\n  port-groups:\n    "
		"HTTP_PORTS: \"[80,8080:8090]\"\n");
	write_file(classes, sizeof(classes),
		   "# kinds\nconfig classification: strange,Something Strange, or so,1\n");
	CU_ASSERT_EQUAL_FATAL(
		rig_load_with(
			&r, &params, "a.rules",
			"alert tcp $EXTERNAL_NET any -> $HOME_NET $HTTP_PORTS (content:\"a\"; "
			"classtype:strange; sid:1;)"),
		0);
	CU_ASSERT_EQUAL(r.s->report.n_notes, 0);
	CU_ASSERT_EQUAL(rig_rule(&r, "1")->severity, 1);
	CU_ASSERT_TRUE(bh_signature_allows(r.s, rig_rule(&r, "1"), &e));
	e = ends(IP(10, 8, 8, 8), 4000, IP(10, 1, 1, 1), 8081, 6);
	CU_ASSERT_FALSE(bh_signature_allows(r.s, rig_rule(&r, "1"), &e));
	rig_free(&r);
	unlink(vars);
	write_file(vars, sizeof(vars), "vars:\n  address-groups:\n    A: \"[1.2.3.4,x]\"\n");
	CU_ASSERT_EQUAL(rig_load_with(&r, &params, "a.rules", ""), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.text, ":3:18: expected an address"));
	unlink(vars);
	unlink(classes);
	params.vars = NULL;
	write_file(classes, sizeof(classes), "\nconfig classification: x,y\n");
	CU_ASSERT_EQUAL(rig_load_with(&r, &params, "a.rules", ""), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.text, ":2:1: expected 'config classification"));
	unlink(classes);
}

/* What clusters say stands behind what files say, which knows nothing of it. */
static void
a_part_of_a_policy_is_read_behind_the_files(void)
{
	static const char part[] =
		"clusters:\n"
		"  segments: {east/s: {selector: a = b}}\n"
		"  sensors:\n"
		"    - {name: east/x, rules: [{name: r, patterns: [{value: a}]}]}\n"
		"  attach:\n"
		"    - {sensor: east/x, segments: [east/s], action: deny}\n";
	static const char own[] = "sensors: [{name: own, rules: [{name: o, patterns: [{value: "
				  "b}]}]}]\nattach: [{sensor: own}]\n";
	struct bh_signature_params params = {.part = part, .part_len = sizeof(part) - 1};
	struct rig r;

	CU_ASSERT_EQUAL_FATAL(rig_load_with(&r, &params, "own.yaml", own), 0);
	CU_ASSERT_EQUAL(r.s->model->n_sensors, 2);
	CU_ASSERT_STRING_EQUAL(rig_rule(&r, "r")->sensor->name, "east/x");
	CU_ASSERT_STRING_EQUAL(rig_rule(&r, "r")->sensor->file, BH_SIGNATURE_PART);
	CU_ASSERT_EQUAL(r.s->n_attachments, 2);
	CU_ASSERT_STRING_EQUAL(r.s->attachment[1].sensor, "east/x");
	CU_ASSERT_EQUAL(r.s->attachment[1].action, BH_SENSOR_DENY);
	rig_free(&r);
	CU_ASSERT_EQUAL(rig_load_with(&r, &params, "own.yaml", "attach: [{sensor: east/x}]"),
			-EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.text, "own.yaml:1:19: no sensor is called 'east/x'"));
	CU_ASSERT_EQUAL(rig_load_with(&r, &params, "own.yaml",
				      "sensors: [{name: east/x, rules: [{name: o, patterns: "
				      "[{value: b}]}]}]"),
			-EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.text, "sensor 'east/x' is already in own.yaml, line 1"));
	CU_ASSERT_PTR_NOT_NULL(strstr(r.text, BH_SIGNATURE_PART ":4:"));
	params.part = "clusters: {sensors: [{name: east/x}], zones: {}}";
	params.part_len = strlen(params.part);
	CU_ASSERT_EQUAL(rig_load_with(&r, &params, "own.yaml", own), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.text, "zones"));
}

const struct bh_unit_test bh_suite_signature_mistakes[] = {
	BH_TEST(mistakes_in_contents_have_their_place),
	BH_TEST(mistakes_in_expressions_have_their_place),
	BH_TEST(mistakes_in_other_options_have_their_place),
	BH_TEST(mistakes_in_headers_have_their_place),
	BH_TEST(every_option_that_is_not_supported_is_listed),
	BH_TEST(a_number_is_loaded_once),
	BH_TEST(a_bit_that_no_loaded_rule_sets_is_told),
	BH_TEST(headers_take_in_what_they_say),
	BH_TEST(ports_of_the_server_are_in_the_model),
	BH_TEST(variables_and_kinds_come_from_files),
	BH_TEST(a_part_of_a_policy_is_read_behind_the_files),
	BH_TEST_END};
