/* `sinks` of bulkhead.yaml: what a good list becomes, and where a bad one is wrong. */
#include <stdio.h>

#include "conf_rig.h"

static void
a_good_list_is_read(void)
{
	static const char text[] = "mode: discover\n"
				   "sinks:\n"
				   "  - {type: syslog, to: \"udp://log.example:514\"}\n"
				   "  - type: syslog\n"
				   "    to: tcp://[2001:db8::1]:601\n"
				   "    form: cef\n"
				   "    kinds: [flow, drop, operation]\n"
				   "    name: siem\n"
				   "  - {type: syslog, to: \"tls://t\", ca_file: ca.pem}\n"
				   "  - {type: ipfix, to: \"udp://c:4739\", domain: 7, "
				   "templates: 5m}\n"
				   "spool: {path: spool, size: 64M}\n";
	struct bh_err err;

	CU_ASSERT_EQUAL_FATAL(load(text, &err), 0);
	CU_ASSERT_EQUAL(config.n_sinks, 4);
	CU_ASSERT_EQUAL(strncmp(config.sink[0].name, "syslog-", 7), 0);
	CU_ASSERT_EQUAL(config.sink[0].form, 0);
	CU_ASSERT_EQUAL(config.sink[0].kinds, 1 << 0 | 1 << 5 | 1 << 6);
	CU_ASSERT_STRING_EQUAL(config.sink[1].to, "tcp://[2001:db8::1]:601");
	CU_ASSERT_STRING_EQUAL(config.sink[1].name, "siem");
	CU_ASSERT_EQUAL(config.sink[1].form, 1);
	CU_ASSERT_EQUAL(config.sink[1].kinds, 1 << 1 | 1 << 2 | 1 << 3);
	CU_ASSERT_STRING_EQUAL(config.sink[2].options.ca_file, "/etc/bulkhead/ca.pem");
	CU_ASSERT_STRING_EQUAL(config.sink[2].options.key, "");
	CU_ASSERT_EQUAL(config.sink[3].kinds, 1 << 1);
	CU_ASSERT_EQUAL(config.sink[3].options.domain, 7);
	CU_ASSERT_EQUAL(config.sink[3].options.templates_ms, 300000);
	CU_ASSERT_EQUAL(config.sink[3].options.enterprise, 32473);
	CU_ASSERT_STRING_EQUAL(config.spool_path, "/etc/bulkhead/spool");
	CU_ASSERT_EQUAL(config.spool_size, 64u << 20);
}

static void
a_bad_list_is_refused_where_it_is_wrong(void)
{
	static const struct {
		const char *text, *what;
		unsigned line;
	} bad[] = {
		{"sinks: yes\n", "expected a list", 1},
		{"sinks:\n  - {to: \"udp://x\"}\n", "lacks 'type'", 2},
		{"sinks:\n  - {type: sylog, to: \"udp://x\"}\n", "syslog", 2},
		{"sinks:\n  - {type: syslog}\n", "lacks 'to'", 2},
		{"sinks:\n  - {type: syslog, to: \"http://x\"}\n", "udp tcp", 2},
		{"sinks:\n  - {type: syslog, to: \"udp://x\", form: xml}\n", "cef", 2},
		{"sinks:\n  - {type: syslog, to: \"udp://x\", kinds: [alerts]}\n", "alert", 2},
		{"sinks:\n  - {type: syslog, to: \"udp://x\", name: \"../x\"}\n", "name", 2},
		{"sinks:\n  - {type: ipfix, to: \"udp://x\", kinds: [flow]}\n", "kinds", 2},
		{"sinks:\n  - {type: syslog, to: \"udp://x\", domain: 1}\n", "domain", 2},
		{"sinks:\n  - {type: ipfix, to: \"udp://x\", enterprise: 0}\n", "1", 2},
		{"sinks:\n  - {type: syslog, to: \"udp://x\"}\n"
		 "  - {type: syslog, to: \"udp://x\"}\n",
		 "two sinks", 3},
	};
	struct bh_err err;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(bad); i++) {
		CU_ASSERT_EQUAL(load(bad[i].text, &err), -22);
		CU_ASSERT_EQUAL(err.line, bad[i].line);
		if (strstr(err.what, bad[i].what) == NULL)
			fprintf(stderr, "%zu: %s\n", i, err.what);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.what, bad[i].what));
	}
}

const struct bh_unit_test bh_suite_conf_sink[] = {
	BH_TEST(a_good_list_is_read),
	BH_TEST(a_bad_list_is_refused_where_it_is_wrong),
	BH_TEST_END,
};
