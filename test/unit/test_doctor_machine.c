/* Each thing that can be wrong with the machine is found, and nothing else is, when it alone is made wrong. */
#include "doctor_rig.h"

static void
a_machine_in_order_has_no_findings(void)
{
	struct machine *m = machine_make();

	CU_ASSERT(machine_says(m, BH_DOCTOR_COUNT, BH_DOCTOR_COUNT));
	CU_ASSERT_FALSE(m->report.running);
	m->bare = true;
	CU_ASSERT(machine_says(m, BH_DOCTOR_COUNT, BH_DOCTOR_COUNT));
	machine_free(m);
}

/* Files of the machine in order, with other text. */
static const struct {
	enum bh_doctor_what what;
	const char *path, *text;
	const char *fix; /* is part of the command */
} one_file[] = {
	{BH_DOCTOR_HUGEPAGES_FEW, "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "3\n",
	 "sysctl -w vm.nr_hugepages=10"},
	{BH_DOCTOR_HUGEPAGES_FEW, "/sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages",
	 "1022\n", "sysctl"},
	{BH_DOCTOR_HUGEPAGES_NODE,
	 "/sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "0\n",
	 "/node0/hugepages"},
	{BH_DOCTOR_MEMORY_LOW, "/proc/meminfo", "MemAvailable:   90000 kB\n", "bulkhead.yaml"},
	{BH_DOCTOR_SWAP_ON, "/proc/meminfo", "MemAvailable:   12000000 kB\nSwapTotal: 4096 kB\n",
	 "swapoff -a"},
	{BH_DOCTOR_NOFILE_LOW, "/proc/self/limits",
	 "Max open files            512                 524288               files\n", "ulimit -n"},
	{BH_DOCTOR_CORE_DUMPS, "/proc/self/limits",
	 "Max core file size        unlimited           unlimited            bytes\n",
	 "ulimit -c 0"},
	{BH_DOCTOR_CORE_DUMPS, "/proc/sys/kernel/core_pattern",
	 "|/lib/systemd/systemd-coredump %P\n", "core_pattern"},
	{BH_DOCTOR_CPU_OLD, "/proc/cpuinfo",
	 "x\nflags\t\t: ssse3 sse4_1 popcnt constant_tsc nonstop_tsc\n", "host-passthrough"},
	{BH_DOCTOR_TSC_UNSTEADY, "/proc/cpuinfo",
	 "x\nflags\t\t: ssse3 sse4_1 sse4_2 popcnt constant_tsc\n", "invtsc"},
	{BH_DOCTOR_CPU_MISSING, "/sys/devices/system/cpu/present", "0-2\n", "CPUs of 0-2"},
	{BH_DOCTOR_CPU_OFFLINE, "/sys/devices/system/cpu/online", "0-2\n",
	 "echo 1 >/sys/devices/system/cpu/cpu3/online"},
	{BH_DOCTOR_CPU_FORBIDDEN, "/proc/self/status",
	 "CapEff:\t000001ffffffffff\nCpus_allowed_list:\t0-2\n", "AllowedCPUs=0-3"},
	{BH_DOCTOR_CPU_SIBLINGS, "/sys/devices/system/cpu/cpu2/topology/thread_siblings_list",
	 "2-3\n", "smt/control"},
	{BH_DOCTOR_CPU_SIBLINGS, "/sys/devices/system/cpu/cpu3/topology/thread_siblings_list",
	 "0,3\n", "smt/control"},
	{BH_DOCTOR_CPU_NOT_ISOLATED, "/sys/devices/system/cpu/isolated", "3\n", "isolcpus=2 "},
	{BH_DOCTOR_CPU_NODE, "/sys/devices/system/node/node0/cpulist", "0-1\n", "CPUs of 0-1"},
	{BH_DOCTOR_GOVERNOR, "/sys/devices/system/cpu/cpu3/cpufreq/scaling_governor", "powersave\n",
	 "echo performance >/sys/devices/system/cpu/cpu3/cpufreq"},
	{BH_DOCTOR_CLOCKSOURCE, "/sys/devices/system/clocksource/clocksource0/current_clocksource",
	 "hpet\n", "echo tsc"},
	{BH_DOCTOR_KERNEL_OLD, "/proc/sys/kernel/osrelease", "5.3.18-x\n", "linux-image"},
	{BH_DOCTOR_KERNEL_OLD, "/proc/sys/kernel/osrelease", "4.19.0\n", "linux-image"},
	{BH_DOCTOR_BPF_JIT_OFF, "/proc/sys/net/core/bpf_jit_enable", "0\n", "bpf_jit_enable=1"},
	{BH_DOCTOR_SECCOMP_MISSING, "/proc/sys/kernel/seccomp/actions_avail", NULL,
	 "bulkhead.yaml"},
	{BH_DOCTOR_RIGHTS_MISSING, "/proc/self/status",
	 "CapEff:\t000001ffffffefff\nCpus_allowed_list:\t0-3\n", "sudo bulkhead -c /etc/bulkhead"},
	{BH_DOCTOR_ENTROPY_LOW, "/proc/sys/kernel/random/entropy_avail", "60\n", "rng-tools"},
	{BH_DOCTOR_DNS_NONE, "/etc/resolv.conf", "search example.org\n", "nameserver"},
	{BH_DOCTOR_API_PORT_USED, "/proc/net/tcp",
	 "  sl  local\n   0: 0100007F:2117 00000000:0000 0A 0:0 0:0\n", "sport = :8471"},
	{BH_DOCTOR_API_PORT_USED, "/proc/net/tcp6",
	 "  sl  local\n   0: 00000000000000000000000000000000:2117 "
	 "00000000000000000000000000000000:0000 0A\n",
	 "sport = :8471"},
};

static void
what_one_file_says_is_found_alone(void)
{
	struct machine *m;
	const struct bh_doctor_finding *f;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(one_file); i++) {
		m = machine_make();
		machine_put(m, one_file[i].path, one_file[i].text);
		CU_ASSERT(machine_says(m, one_file[i].what, BH_DOCTOR_COUNT));
		f = machine_finding(m, one_file[i].what);
		CU_ASSERT(f != NULL && strstr(f->fix, one_file[i].fix) != NULL);
		CU_ASSERT(f != NULL && f->text[0] != '\0');
		CU_ASSERT(f != NULL && strstr(f->fix, "{") == NULL);
		machine_free(m);
	}
}

static void
a_port_in_use_is_so_only_at_our_address(void)
{
	static const char *const others[] = {
		/* another address, another port, a connection instead of a listener */
		"h\n   0: 0200007F:2117 00000000:0000 0A 0:0\n",
		"h\n   0: 0100007F:2118 00000000:0000 0A 0:0\n",
		"h\n   0: 0100007F:2117 0100007F:9999 01 0:0\n",
	};
	struct machine *m = machine_make();
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(others); i++) {
		machine_put(m, "/proc/net/tcp", others[i]);
		CU_ASSERT(machine_says(m, BH_DOCTOR_COUNT, BH_DOCTOR_COUNT));
	}
	machine_free(m);
}

static void
hugepages_that_are_demanded_are_a_fault(void)
{
	struct machine *m = machine_make();

	machine_put(m, "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "3\n");
	m->config.huge = BH_HUGE_ON;
	CU_ASSERT(machine_says(m, BH_DOCTOR_HUGEPAGES_REQUIRED, BH_DOCTOR_COUNT));
	CU_ASSERT_EQUAL(m->report.n_faults, 1);
	m->config.huge = BH_HUGE_OFF;
	CU_ASSERT(machine_says(m, BH_DOCTOR_COUNT, BH_DOCTOR_COUNT));
	m->config.huge = BH_HUGE_AUTO;
	machine_put(m, "/sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n");
	CU_ASSERT(machine_says(m, BH_DOCTOR_HUGEPAGES_FEW, BH_DOCTOR_THP_NEVER));
	CU_ASSERT_EQUAL(m->report.n_faults, 0);
	machine_free(m);
}

static void
the_kernels_own_answers_are_judged(void)
{
	struct machine *m = machine_make();

	m->facts.landlock = 0;
	CU_ASSERT(machine_says(m, BH_DOCTOR_LANDLOCK_MISSING, BH_DOCTOR_COUNT));
	m->config.sandbox = false;
	CU_ASSERT(machine_says(m, BH_DOCTOR_COUNT, BH_DOCTOR_COUNT));
	m->facts.clock_synchronised = false;
	CU_ASSERT(machine_says(m, BH_DOCTOR_CLOCK_UNSYNCHRONISED, BH_DOCTOR_COUNT));
	m->facts.clock_synchronised = true;
	m->facts.af_xdp = -EAFNOSUPPORT;
	CU_ASSERT(machine_says(m, BH_DOCTOR_AF_XDP_MISSING, BH_DOCTOR_COUNT));
	machine_free(m);
}

static void
locked_memory_matters_without_the_right_to_lock(void)
{
	struct machine *m = machine_make();

	machine_put(m, "/proc/self/status", "CapEff:\t000001ffffffbfff\nCpus_allowed_list:\t0-3\n");
	CU_ASSERT(machine_says(m, BH_DOCTOR_MEMLOCK_LOW, BH_DOCTOR_RIGHTS_MISSING));
	machine_put(m, "/proc/self/limits",
		    "Max locked memory         unlimited            unlimited            bytes\n");
	CU_ASSERT(machine_says(m, BH_DOCTOR_RIGHTS_MISSING, BH_DOCTOR_COUNT));
	machine_free(m);
}

static void
irqbalance_matters_where_cpus_are_shared(void)
{
	struct machine *m = machine_make();

	machine_put(m, "/proc/77/comm", "irqbalance\n");
	CU_ASSERT(machine_says(m, BH_DOCTOR_COUNT, BH_DOCTOR_COUNT));
	machine_put(m, "/sys/devices/system/cpu/isolated", "\n");
	CU_ASSERT(machine_says(m, BH_DOCTOR_IRQBALANCE, BH_DOCTOR_CPU_NOT_ISOLATED));
	machine_free(m);
}

static void
the_http_process_needs_its_user(void)
{
	struct machine *m = machine_make();

	machine_put(m, "/etc/passwd", "root:x:0:0::/root:/bin/sh\nnobody2:x:1:1::/:/bin/false\n");
	/* Only root changes users. Everything else in the tree belongs to whoever runs this. */
	m->facts.uid = 0;
	machine_examine(m);
	CU_ASSERT_PTR_NOT_NULL(machine_finding(m, BH_DOCTOR_USER_MISSING));
	machine_put(m, "/etc/nsswitch.conf", "passwd: files sss\n");
	machine_examine(m);
	CU_ASSERT_PTR_NULL(machine_finding(m, BH_DOCTOR_USER_MISSING));
	machine_free(m);
}

static void
an_api_for_others_wants_tls(void)
{
	struct machine *m = machine_make();

	snprintf(m->config.api_listen, sizeof(m->config.api_listen), "0.0.0.0:8471");
	CU_ASSERT(machine_says(m, BH_DOCTOR_COUNT, BH_DOCTOR_COUNT));
	m->config.api_certificate[0] = '\0';
	CU_ASSERT(machine_says(m, BH_DOCTOR_API_PLAIN, BH_DOCTOR_COUNT));
	snprintf(m->config.api_listen, sizeof(m->config.api_listen), "[::1]:8471");
	CU_ASSERT(machine_says(m, BH_DOCTOR_COUNT, BH_DOCTOR_COUNT));
	machine_free(m);
}

static void
every_line_of_the_table_says_all(void)
{
	unsigned i, k;

	for (i = 0; i < BH_DOCTOR_COUNT; i++) {
		const struct bh_doctor_info *a = bh_doctor_info(i);

		CU_ASSERT(a->name[0] != '\0' && a->title[0] != '\0' && a->why[0] != '\0' &&
			  a->fix[0] != '\0');
		for (k = 0; k < i; k++)
			CU_ASSERT_STRING_NOT_EQUAL(a->name, bh_doctor_info(k)->name);
	}
}

static void
more_findings_than_fit_are_counted(void)
{
	struct machine *m = machine_make();
	unsigned i;

	for (i = 0; i < BH_DOCTOR_FINDINGS + 5; i++)
		bh_doctor_add(&m->report, BH_DOCTOR_SWAP_ON, "", "", "%u", i);
	CU_ASSERT_EQUAL(m->report.n, BH_DOCTOR_FINDINGS);
	CU_ASSERT_EQUAL(m->report.n_more, 5);
	CU_ASSERT_EQUAL(m->report.n_warnings, BH_DOCTOR_FINDINGS + 5);
	machine_free(m);
}

const struct bh_unit_test bh_suite_doctor_machine[] = {
	BH_TEST(a_machine_in_order_has_no_findings),
	BH_TEST(what_one_file_says_is_found_alone),
	BH_TEST(a_port_in_use_is_so_only_at_our_address),
	BH_TEST(hugepages_that_are_demanded_are_a_fault),
	BH_TEST(the_kernels_own_answers_are_judged),
	BH_TEST(locked_memory_matters_without_the_right_to_lock),
	BH_TEST(irqbalance_matters_where_cpus_are_shared),
	BH_TEST(the_http_process_needs_its_user),
	BH_TEST(an_api_for_others_wants_tls),
	BH_TEST(every_line_of_the_table_says_all),
	BH_TEST(more_findings_than_fit_are_counted),
	BH_TEST_END,
};
