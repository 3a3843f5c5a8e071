/* What is written is what is meant, or it is refused with its name. */
#include <stdio.h>
#include <string.h>

#include "../../lib/generator/options.h"
#include "unit.h"

static struct bh_gen_options o;

/* Options in pairs, NULL at the end. Returns what finish does. */
static int
read_all(const char *const *words, struct bh_err *err)
{
	bh_gen_options_default(&o);
	for (; *words != NULL; words += 2) {
		int rc = bh_gen_options_set(&o, words[0], words[1], err);

		if (rc < 0)
			return rc;
	}
	return bh_gen_options_finish(&o, err);
}

static void
defaults_with_a_port_are_enough(void)
{
	const char *const words[] = {"client", "net_ring0", NULL};

	CU_ASSERT_EQUAL(read_all(words, NULL), 0);
	CU_ASSERT(o.has[0] && !o.has[1]);
	CU_ASSERT_EQUAL(o.flows, 1000);
	CU_ASSERT_EQUAL(o.wire.hosts[0], 250);
	CU_ASSERT_EQUAL(o.wire.hosts[1], 1);
	CU_ASSERT_EQUAL(o.wire.port, 7);
	CU_ASSERT_EQUAL(o.pps, 0);
	CU_ASSERT_EQUAL(o.n_at, 4);
}

static void
numbers_have_thousands(void)
{
	const char *const words[] = {"client", "x",       "rate", "1.5M", "flows",
				     "10k",    "seconds", "0.5",  NULL};

	CU_ASSERT_EQUAL(read_all(words, NULL), 0);
	CU_ASSERT_EQUAL(o.pps, 1.5e6);
	CU_ASSERT_EQUAL(o.flows, 10000);
	CU_ASSERT_EQUAL(o.seconds, 0.5);
}

static void
lists_and_addresses_are_read(void)
{
	const char *const words[] = {"client",
				     "x",
				     "server",
				     "y",
				     "cores",
				     "2,5",
				     "client-net",
				     "10.1.1.5",
				     "server-net",
				     "10.2.0.0/24",
				     "servers",
				     "254",
				     "server-mac",
				     "02:aB:00:00:00:01",
				     "client-router",
				     "10.1.1.1",
				     "both-ways",
				     NULL,
				     "pattern",
				     "zipf:1.3",
				     NULL};
	static const uint8_t mac[6] = {2, 0xab, 0, 0, 0, 1}, router[4] = {10, 1, 1, 1};

	CU_ASSERT_EQUAL(read_all(words, NULL), 0);
	CU_ASSERT(o.n_workers == 2 && o.worker[0] == 2 && o.worker[1] == 5);
	CU_ASSERT(o.both_ways && o.order == BH_GEN_ZIPF && o.exponent == 1.3);
	CU_ASSERT(o.wire.hosts[0] == 1 && o.wire.hosts[1] == 254);
	CU_ASSERT(o.to_known[0] && !o.to_known[1] && memcmp(o.wire.to[0], mac, 6) == 0);
	CU_ASSERT(o.routed[0] && memcmp(o.next[0], router, 4) == 0);
}

static void
connections_have_their_tests_defaults(void)
{
	static const struct {
		const char *test, *protocol;
		unsigned connections, transactions, port, sizes;
	} want[] = {
		{"cps", "http", 100, 1, 80, 1},
		{"tps", "redis", 10, 0, 6379, 4},
		{"concurrent", "tls", 10000, 0, 443, 1},
	};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(want); i++) {
		const char *const words[] = {"client",     "x",        "test",
					     want[i].test, "protocol", want[i].protocol,
					     NULL};

		CU_ASSERT_EQUAL(read_all(words, NULL), 0);
		CU_ASSERT(bh_gen_options_connect(&o));
		CU_ASSERT_EQUAL(o.connections, want[i].connections);
		CU_ASSERT_EQUAL(o.transactions, want[i].transactions);
		CU_ASSERT_EQUAL(o.wire.port, want[i].port);
		CU_ASSERT_EQUAL(o.n_sizes, want[i].sizes);
		CU_ASSERT_EQUAL(o.kib[0], 1);
	}
}

static void
nonsense_is_refused_with_its_name(void)
{
	static const char *const bad[][9] = {
		{"flows", "0"},
		{"flows", "1.5"},
		{"flows", "x"},
		{"seconds", "-1"},
		{"seconds", "nan"},
		{"rate", "fast"},
		{"rate", "0"},
		{"test", "speed"},
		{"pattern", "zipf:0"},
		{"vlan", "4095"},
		{"at", "10,101"},
		{"at", "10,,20"},
		{"cores", "a"},
		{"server-mac", "02:00:00:00:00"},
		{"server-mac", "02:00:00:00:00:01:02"},
		{"client-router", "fd00::1"},
		{"client-net", "10.0.0.1/8"},
		{"client-net", "fd00::/64"},
		{"clients", "70000"},
		{"client-net", "198.19.0.0/16"},
		{"frames", "83", "client-net", "fd00:1::/64", "server-net", "fd00:2::/64"},
		{"frames", "1600", "mtu", "1500"},
		{"size", "1.5", "test", "tps"},
		{"size", "65537", "test", "tps"},
		{"connections", "70000", "test", "concurrent", "clients", "1"},
		{"mss", "100", "test", "cps"},
	};
	unsigned i, k, n;

	for (i = 0; i < BH_ARRAY_SIZE(bad); i++) {
		const char *words[16] = {"client", "x"};
		struct bh_err err = {0};

		for (n = 2, k = 0; k < 9 && bad[i][k] != NULL; k++)
			words[n++] = bad[i][k];
		CU_ASSERT_EQUAL(read_all(words, &err), -22);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.what, strncmp(bad[i][0], "client", 6) == 0
								? "client"
								: bad[i][0]));
	}
}

static void
flows_that_hosts_cannot_have_are_refused(void)
{
	const char *const fits[] = {"client", "x", "clients", "1", "flows", "64512", NULL};
	const char *const more[] = {"client", "x", "clients", "1", "flows", "64513", NULL};
	struct bh_err err = {0};

	CU_ASSERT_EQUAL(read_all(fits, NULL), 0);
	CU_ASSERT_EQUAL(read_all(more, &err), -22);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "flows"));
}

static void
no_port_is_refused_and_an_unknown_option_told(void)
{
	const char *const none[] = {NULL};
	const char *const other[] = {"colour", "red", NULL};

	CU_ASSERT_EQUAL(read_all(none, NULL), -22);
	CU_ASSERT_EQUAL(read_all(other, NULL), -2);
}

static void
help_names_every_option(void)
{
	struct bh_buf b = {0};
	struct bh_gen_option_info info;
	char text[64];
	unsigned i;

	bh_gen_options_help(&b);
	for (i = 0; (info = bh_gen_option_info(i)).name != NULL; i++) {
		snprintf(text, sizeof(text), "  --%s ", info.name);
		CU_ASSERT_PTR_NOT_NULL(strstr(b.data, text));
	}
	CU_ASSERT(i > 30);
	bh_buf_free(&b);
}

const struct bh_unit_test bh_suite_generator_options[] = {
	BH_TEST(defaults_with_a_port_are_enough),
	BH_TEST(numbers_have_thousands),
	BH_TEST(lists_and_addresses_are_read),
	BH_TEST(connections_have_their_tests_defaults),
	BH_TEST(nonsense_is_refused_with_its_name),
	BH_TEST(flows_that_hosts_cannot_have_are_refused),
	BH_TEST(no_port_is_refused_and_an_unknown_option_told),
	BH_TEST(help_names_every_option),
	BH_TEST_END,
};
