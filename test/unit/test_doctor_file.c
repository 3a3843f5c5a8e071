/* Files and folders that the configuration names. */
#include "doctor_rig.h"

static const char *const named[] = {
	"/etc/bulkhead/bulkhead.yaml",  "/etc/bulkhead/policy.yaml", "/etc/bulkhead/sensors.yaml",
	"/etc/bulkhead/responses.yaml", "/etc/bulkhead/token",       "/etc/bulkhead/api.crt",
	"/etc/bulkhead/api.key",
};

static void
each_file_that_is_missing_is_named(void)
{
	struct machine *m = machine_make();
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(named); i++) {
		machine_put(m, named[i], NULL);
		CU_ASSERT(machine_says(m, BH_DOCTOR_FILE_MISSING, BH_DOCTOR_COUNT));
		CU_ASSERT_EQUAL(m->report.n, 1);
		CU_ASSERT_STRING_EQUAL(m->report.finding[0].subject, named[i]);
		machine_put(m, named[i], "x\n");
	}
	CU_ASSERT(machine_says(m, BH_DOCTOR_COUNT, BH_DOCTOR_COUNT));
	machine_free(m);
}

static void
each_file_that_cannot_be_read_is_named(void)
{
	struct machine *m = machine_make();
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(named); i++) {
		machine_chmod(m, named[i], 0000);
		CU_ASSERT(machine_says(m, BH_DOCTOR_FILE_UNREADABLE, BH_DOCTOR_COUNT));
		CU_ASSERT_STRING_EQUAL(m->report.finding[0].subject, named[i]);
		machine_chmod(m, named[i], 0600);
	}
	machine_free(m);
}

static void
a_secret_that_others_may_read_is_a_fault(void)
{
	static const char *const secret[] = {"/etc/bulkhead/token", "/etc/bulkhead/api.key"};
	static const unsigned mode[] = {0640, 0604, 0660};
	struct machine *m = machine_make();
	size_t i, k;

	for (i = 0; i < BH_ARRAY_SIZE(secret); i++) {
		for (k = 0; k < BH_ARRAY_SIZE(mode); k++) {
			machine_chmod(m, secret[i], mode[k]);
			CU_ASSERT(machine_says(m, BH_DOCTOR_SECRET_EXPOSED, BH_DOCTOR_COUNT));
			CU_ASSERT_EQUAL(m->report.n_faults, 1);
		}
		machine_chmod(m, secret[i], 0400);
	}
	machine_chmod(m, "/etc/bulkhead/api.crt", 0644);
	CU_ASSERT(machine_says(m, BH_DOCTOR_COUNT, BH_DOCTOR_COUNT));
	machine_free(m);
}

static void
a_policy_that_others_may_write_is_a_fault(void)
{
	struct machine *m = machine_make();

	machine_chmod(m, "/etc/bulkhead/policy.yaml", 0664);
	CU_ASSERT(machine_says(m, BH_DOCTOR_FILE_WRITABLE, BH_DOCTOR_COUNT));
	CU_ASSERT_STRING_EQUAL(m->report.finding[0].fix, "chmod go-w /etc/bulkhead/policy.yaml");
	machine_chmod(m, "/etc/bulkhead/policy.yaml", 0644);
	CU_ASSERT(machine_says(m, BH_DOCTOR_COUNT, BH_DOCTOR_COUNT));
	machine_free(m);
}

static void
folders_of_state_are_there_ours_and_nobody_elses(void)
{
	struct machine *m = machine_make();

	machine_chmod(m, "/var/lib/bulkhead", 0777);
	CU_ASSERT(machine_says(m, BH_DOCTOR_FOLDER_WRITABLE, BH_DOCTOR_COUNT));
	machine_chmod(m, "/var/lib/bulkhead", 0755);
	snprintf(m->config.store_path, sizeof(m->config.store_path), "/var/lib/other/store.db");
	CU_ASSERT(machine_says(m, BH_DOCTOR_FOLDER_MISSING, BH_DOCTOR_COUNT));
	CU_ASSERT_STRING_EQUAL(m->report.finding[0].fix, "install -d -m 0700 /var/lib/other");
	machine_free(m);
}

static void
a_gateway_that_is_gone_is_a_fault_and_a_bypass_another(void)
{
	struct machine *m = machine_make();

	machine_put(m, "/run/bulkhead/failure.json",
		    "{\"time\":\"2026-11-22T17:35:01.6+0000\",\"cause\":\"crash\",\"action\":"
		    "\"bypass\",\"pid\":7}\n");
	CU_ASSERT(machine_says(m, BH_DOCTOR_GATEWAY_BYPASSED, BH_DOCTOR_COUNT));
	CU_ASSERT_PTR_NOT_NULL(strstr(m->report.finding[0].text, "2026-11-22T17:35"));
	machine_put(m, "/run/bulkhead/failure.json",
		    "{\"cause\":\"stop\",\"action\":\"down\",\"pid\":7}\n");
	CU_ASSERT(machine_says(m, BH_DOCTOR_GATEWAY_DOWN, BH_DOCTOR_COUNT));
	machine_free(m);
}

static void
a_folder_of_another_user_is_a_fault_of_the_sandbox(void)
{
	struct machine *m = machine_make();

	m->facts.user = geteuid() + 1;
	machine_examine(m);
	CU_ASSERT_PTR_NOT_NULL(machine_finding(m, BH_DOCTOR_FOLDER_FOREIGN));
	machine_free(m);
}

static bool
cannot_read(struct machine *m, const char *path)
{
	unsigned i;

	machine_examine(m);
	for (i = 0; i < m->report.n; i++) {
		if (m->report.finding[i].what == BH_DOCTOR_FILE_UNREADABLE &&
		    strcmp(m->report.finding[i].subject, path) == 0)
			return true;
	}
	return false;
}

/* As the package has them: root's, and the service's group may read them. */
static void
files_are_those_of_whom_the_gateway_runs_as(void)
{
	struct machine *m = machine_make();

	m->facts.user = geteuid() + 1;
	machine_chmod(m, "/etc/bulkhead/bulkhead.yaml", 0640);
	CU_ASSERT_FALSE(cannot_read(m, "/etc/bulkhead/bulkhead.yaml"));
	m->facts.group = getegid() + 1;
	CU_ASSERT(cannot_read(m, "/etc/bulkhead/bulkhead.yaml"));
	machine_free(m);
}

static void
a_disk_is_full_or_will_be(void)
{
	struct machine *m = machine_make();

	m->space = 10u << 20;
	CU_ASSERT(machine_says(m, BH_DOCTOR_DISK_FULL, BH_DOCTOR_COUNT));
	m->space = 100u << 20; /* evidence.max_size is 256 MiB */
	CU_ASSERT(machine_says(m, BH_DOCTOR_DISK_SMALL, BH_DOCTOR_COUNT));
	CU_ASSERT_PTR_NOT_NULL(strstr(m->report.finding[0].fix, "evidence.max_size"));
	machine_free(m);
}

static void
a_store_that_is_no_database_is_found(void)
{
	static const char good[16] = "SQLite format 3";
	struct machine *m = machine_make();
	char path[PATH_MAX];
	FILE *f;

	machine_put(m, "/var/lib/bulkhead/store.db", "SQLite format 2 and what comes");
	CU_ASSERT(machine_says(m, BH_DOCTOR_STORE_DAMAGED, BH_DOCTOR_COUNT));
	machine_put(m, "/var/lib/bulkhead/store.db", "short");
	CU_ASSERT(machine_says(m, BH_DOCTOR_STORE_DAMAGED, BH_DOCTOR_COUNT));
	machine_path(m, "/var/lib/bulkhead/store.db", path);
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fwrite(good, 1, sizeof(good), f);
	fclose(f);
	CU_ASSERT(machine_says(m, BH_DOCTOR_COUNT, BH_DOCTOR_COUNT));
	machine_free(m);
}

const struct bh_unit_test bh_suite_doctor_file[] = {
	BH_TEST(each_file_that_is_missing_is_named),
	BH_TEST(each_file_that_cannot_be_read_is_named),
	BH_TEST(a_secret_that_others_may_read_is_a_fault),
	BH_TEST(a_policy_that_others_may_write_is_a_fault),
	BH_TEST(folders_of_state_are_there_ours_and_nobody_elses),
	BH_TEST(a_gateway_that_is_gone_is_a_fault_and_a_bypass_another),
	BH_TEST(a_folder_of_another_user_is_a_fault_of_the_sandbox),
	BH_TEST(files_are_those_of_whom_the_gateway_runs_as),
	BH_TEST(a_disk_is_full_or_will_be),
	BH_TEST(a_store_that_is_no_database_is_found),
	BH_TEST_END,
};
