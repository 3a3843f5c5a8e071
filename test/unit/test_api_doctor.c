/* bulkheadctl doctor: documents that do not load, and what a gateway that runs says. The machine that the tests run on may
 * have findings of its own: each test asks for one. */
#include <stddef.h>
#include <sys/un.h>

#include "../../lib/fleet/fleet_priv.h"
#include "../../lib/pair/pair_priv.h"
#include "../../lib/doctor/doctor.h"
#include "api_ctl_rig.h"

#define DOCTOR_PORTS                                                                               \
	"ports:\n  - {name: in, device: 'iface:bhdoc1'}\n  - {name: out, device: "                 \
	"'iface:bhdoc2'}\n"                                                                        \
	"pairs:\n  - {name: wire, inside: in, outside: out}\n"

/* Of the answer in JSON: what was seen of a finding; NULL: it is not among them. */
static const char *
seen(const struct run *r, json_t **answer, enum bh_doctor_what what, const char *subject)
{
	const char *found = NULL;
	json_t *f;
	size_t i;

	*answer = json_loads(r->out, 0, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(*answer);
	json_array_foreach(json_object_get(*answer, "findings"), i, f)
	{
		if (strcmp(json_string_value(json_object_get(f, "name")),
			   bh_doctor_info(what)->name) == 0 &&
		    strcmp(json_string_value(json_object_get(f, "subject")), subject) == 0)
			found = json_string_value(json_object_get(f, "seen"));
	}
	return found;
}

static bool
finds(const struct run *r, enum bh_doctor_what what, const char *subject, const char *text)
{
	json_t *answer;
	const char *s = seen(r, &answer, what, subject);
	bool found = s != NULL && strstr(s, text) != NULL;

	if (!found)
		fprintf(stderr, "not found: %s of %s with %s in: %s\n", bh_doctor_info(what)->name,
			subject, text, r->out);
	json_decref(answer);
	return found;
}

static void
a_configuration_that_does_not_load_is_a_fault(void)
{
	char path[64], line[200];
	struct run r;

	run_start(&r);
	write_file(path, sizeof(path), "ports: 7\n");
	snprintf(line, sizeof(line), "doctor --config %s -o json", path);
	CU_ASSERT_EQUAL(run(&r, line), BH_CTL_NO);
	CU_ASSERT(finds(&r, BH_DOCTOR_CONFIG_WRONG, path, ":1:8: "));
	snprintf(line, sizeof(line), "doctor -c %s", path);
	CU_ASSERT_EQUAL(run(&r, line), BH_CTL_NO);
	CU_ASSERT(says(r.out, "fault  config_wrong: "));
	CU_ASSERT(says(r.out, "\n    why: the gateway does not start\n    fix: correct "));
	snprintf(line, sizeof(line), "doctor -c %s -o wide", path);
	CU_ASSERT_EQUAL(run(&r, line), BH_CTL_NO);
	CU_ASSERT(says(r.out, "SEVERITY"));
	snprintf(line, sizeof(line), "doctor -c %s -o yaml", path);
	CU_ASSERT_EQUAL(run(&r, line), BH_CTL_NO);
	CU_ASSERT(says(r.out, "name: config_wrong\n"));
	unlink(path);
	CU_ASSERT_EQUAL(run(&r, "doctor more"), BH_CTL_USAGE);
	run_stop(&r);
}

static void
documents_that_do_not_load_are_faults(void)
{
	char config[64], policy[64], sensors[64], responses[64], text[1024], line[200];
	struct run r;

	run_start(&r);
	write_file(policy, sizeof(policy), "version: 1\nrules: [{id: a, from: nobody}]\n");
	write_file(sensors, sizeof(sensors), "sensors:\n  - {nme: x}\n");
	write_file(responses, sizeof(responses), "rules: 7\n");
	snprintf(text, sizeof(text),
		 DOCTOR_PORTS "policy: %s\nsensors: {files: [%s]}\nresponses: {file: %s}\n", policy,
		 sensors, responses);
	write_file(config, sizeof(config), text);
	snprintf(line, sizeof(line), "doctor --config %s -o json", config);
	CU_ASSERT_EQUAL(run(&r, line), BH_CTL_NO);
	CU_ASSERT(finds(&r, BH_DOCTOR_POLICY_WRONG, policy, ":2:"));
	CU_ASSERT(finds(&r, BH_DOCTOR_SENSORS_WRONG, sensors, ":2:"));
	CU_ASSERT(finds(&r, BH_DOCTOR_CONFIG_WRONG, responses, ""));
	CU_ASSERT(finds(&r, BH_DOCTOR_IFACE_MISSING, "bhdoc1", "port in"));
	unlink(policy);
	unlink(sensors);
	unlink(responses);
	unlink(config);
	run_stop(&r);
}

static void
a_gateway_that_runs_is_asked(void)
{
	struct run r;
	json_t *all;

	run_start(&r);
	run(&r, "doctor -o json");
	CU_ASSERT_PTR_NULL(seen(&r, &all, BH_DOCTOR_EVENTS_LOST, ""));
	CU_ASSERT(json_is_true(json_object_get(all, "gateway_runs")));
	json_decref(all);
	r.fix.link_down = true;
	r.fix.counters.events_lost = 3;
	r.fix.counters.dropped[BH_REASON_FLOW_TABLE_FULL] = 7;
	CU_ASSERT_EQUAL(run(&r, "doctor -o json"), BH_CTL_NO);
	CU_ASSERT(finds(&r, BH_DOCTOR_GATEWAY_DEGRADED, "", "shop"));
	CU_ASSERT(finds(&r, BH_DOCTOR_EVENTS_LOST, "", "events since"));
	CU_ASSERT(finds(&r, BH_DOCTOR_RESOURCE_DROPS, bh_reason_name(BH_REASON_FLOW_TABLE_FULL),
			"packets"));
	CU_ASSERT(finds(&r, BH_DOCTOR_PORT_LOSES, "cde", "5 frames"));
	run_stop(&r);
}

static struct bh_config fleet_config = {.n_fleet_endpoints = 1, .fleet_name = "gw-a"};
static struct bh_fleet *fleet;

static void
in_a_fleet(struct bh_api_params *p)
{
	const struct bh_fleet_params fp = {.config = &fleet_config};

	CU_ASSERT_EQUAL_FATAL(bh_fleet_open(&fleet, &fp, NULL), 0);
	snprintf(fleet->status.trouble, sizeof(fleet->status.trouble), "no route");
	p->fleet = fleet;
}

/* It was not begun: nobody answers it. */
static void
a_gateway_apart_from_its_fleet_is_a_fault(void)
{
	struct run r;
	json_t *all;

	run_start_with(&r, in_a_fleet);
	CU_ASSERT_EQUAL(run(&r, "doctor -o json"), BH_CTL_NO);
	CU_ASSERT(finds(&r, BH_DOCTOR_FLEET_CUT_OFF, "", "no route"));
	fleet->status.connected = true;
	CU_ASSERT_EQUAL(run(&r, "doctor -o json"), BH_CTL_NO);
	CU_ASSERT(finds(&r, BH_DOCTOR_FLEET_BEHIND, "", "revision is 0: no route"));
	fleet->status.in_step = true;
	run(&r, "doctor -o json");
	CU_ASSERT_PTR_NULL(seen(&r, &all, BH_DOCTOR_FLEET_BEHIND, ""));
	json_decref(all);
	run_stop(&r);
	bh_fleet_close(fleet);
}

static struct bh_config pair_config = {.pair_listen = "127.0.0.1:0",
				       .pair_peer = "127.0.0.1:1",
				       .pair_priority = 100,
				       .pair_hello_ms = 50,
				       .pair_dead_ms = 500};
static struct bh_pair *pair;

static void
in_a_pair(struct bh_api_params *p)
{
	const struct bh_pair_params pp = {.config = &pair_config};

	write_file(pair_config.pair_secret_file, sizeof(pair_config.pair_secret_file),
		   "what two know of each other\n");
	CU_ASSERT_EQUAL_FATAL(bh_pair_open(&pair, &pp, NULL), 0);
	p->pair = pair;
	p->config = &pair_config;
}

/* It was not begun: it hears nobody. */
static void
a_gateway_without_its_twin_is_a_fault(void)
{
	struct run r;
	json_t *all;

	run_start_with(&r, in_a_pair);
	CU_ASSERT_EQUAL(run(&r, "doctor -o json"), BH_CTL_NO);
	CU_ASSERT(finds(&r, BH_DOCTOR_TWIN_SILENT, "the twin", "never heard"));
	pair->status.peer_alive = true;
	run(&r, "doctor -o json");
	CU_ASSERT(finds(&r, BH_DOCTOR_TWIN_BEHIND, "the twin", ""));
	pair->ready = (int)pair->status.role;
	run(&r, "doctor -o json");
	CU_ASSERT_PTR_NULL(seen(&r, &all, BH_DOCTOR_TWIN_BEHIND, "the twin"));
	json_decref(all);
	CU_ASSERT_EQUAL(run(&r, "get pair"), BH_CTL_OK);
	CU_ASSERT(says(r.out, "twin"));
	run_stop(&r);
	bh_pair_close(pair);
	unlink(pair_config.pair_secret_file);
}

static void
a_gateway_that_does_not_answer_is_a_fault(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char config[64], line[200];
	struct bh_device device;
	struct run r;
	json_t *all;
	int n;

	run_start(&r);
	write_file(config, sizeof(config), "mode: discover\n" DOCTOR_PORTS);
	snprintf(line, sizeof(line), "--server http://127.0.0.1:9 doctor -c %s -o json", config);
	run(&r, line);
	CU_ASSERT_PTR_NULL(seen(&r, &all, BH_DOCTOR_GATEWAY_SILENT, "http://127.0.0.1:9"));
	json_decref(all);
	/* The lock of a port, as lib/port/lock.c takes it. */
	CU_ASSERT_EQUAL_FATAL(bh_device_parse(&device, "iface:bhdoc1", NULL), 0);
	n = snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "bulkhead/port/%s", device.key);
	CU_ASSERT_EQUAL(bind(fd, (struct sockaddr *)&at,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)),
			0);
	CU_ASSERT_EQUAL(run(&r, line), BH_CTL_NO);
	CU_ASSERT(finds(&r, BH_DOCTOR_GATEWAY_SILENT, "http://127.0.0.1:9", "no gateway answers"));
	CU_ASSERT_STRING_EQUAL(r.err, "");
	close(fd);
	unlink(config);
	run_stop(&r);
}

const struct bh_unit_test bh_suite_api_doctor[] = {
	BH_TEST(a_configuration_that_does_not_load_is_a_fault),
	BH_TEST(documents_that_do_not_load_are_faults),
	BH_TEST(a_gateway_that_runs_is_asked),
	BH_TEST(a_gateway_apart_from_its_fleet_is_a_fault),
	BH_TEST(a_gateway_without_its_twin_is_a_fault),
	BH_TEST(a_gateway_that_does_not_answer_is_a_fault),
	BH_TEST_END,
};
