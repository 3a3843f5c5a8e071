/* A machine made of files in which nothing is wrong, and one thing made wrong in it. Used by test_doctor_*.c. */
#ifndef BH_DOCTOR_RIG_H
#define BH_DOCTOR_RIG_H

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../lib/doctor/doctor.h"
#include "unit.h"

#define DOCTOR_UNUSED __attribute__((unused))

struct machine {
	char root[64];
	struct bh_config config;
	bool bare; /* no configuration is given */
	struct bh_doctor_facts facts;
	uint64_t space; /* free bytes, wherever one asks */
	struct bh_doctor_report report;
};

static DOCTOR_UNUSED void
machine_path(const struct machine *m, const char *path, char out[PATH_MAX])
{
	char *p;

	snprintf(out, PATH_MAX, "%s%s", m->root, path);
	for (p = strchr(out + strlen(m->root) + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
		*p = '\0';
		CU_ASSERT(mkdir(out, 0755) == 0 || errno == EEXIST);
		*p = '/';
	}
}

/* text NULL: it is not there, nor anything in it. Behind '@': where a link leads. "/" at the end of path: a folder. */
static DOCTOR_UNUSED void
machine_put(const struct machine *m, const char *path, const char *text)
{
	char full[PATH_MAX];
	FILE *f;

	machine_path(m, path, full);
	if (text == NULL) {
		CU_ASSERT(remove(full) == 0);
		return;
	}
	if (path[strlen(path) - 1] == '/')
		return;
	if (text[0] == '@') {
		unlink(full);
		CU_ASSERT_EQUAL(symlink(text + 1, full), 0);
		return;
	}
	f = fopen(full, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
	chmod(full, 0600);
}

static DOCTOR_UNUSED void
machine_chmod(const struct machine *m, const char *path, unsigned mode)
{
	char full[PATH_MAX];

	machine_path(m, path, full);
	CU_ASSERT_EQUAL(chmod(full, mode), 0);
}

static const char *const machine_files[][2] = {
	{"/proc/net/unix", "Num       RefCount Protocol Flags    Type St Inode Path\n"},
	{"/proc/net/dev",
	 "Inter-|   Receive\n face |bytes\n    lo: 0 0\n  eth1: 1 2\n  eth2: 3 4\n"},
	{"/proc/net/tcp", "  sl  local_address rem_address   st\n"
			  "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000\n"},
	{"/proc/net/tcp6", "  sl  local_address rem_address   st\n"},
	{"/proc/meminfo", "MemTotal:       16000000 kB\nMemAvailable:   12000000 kB\n"
			  "SwapTotal:             0 kB\n"},
	{"/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu ssse3 sse4_1 sse4_2 popcnt constant_tsc "
			  "nonstop_tsc\nbugs\t\t: x\n\n"},
	{"/proc/self/limits",
	 "Limit                     Soft Limit           Hard Limit           Units     \n"
	 "Max core file size        0                    unlimited            bytes     \n"
	 "Max open files            1024                 524288               files     \n"
	 "Max locked memory         8388608              8388608              bytes     \n"},
	{"/proc/self/status",
	 "Name:\tdoctor\nCapEff:\t000001ffffffffff\nCpus_allowed_list:\t0-3\n"},
	{"/proc/sys/kernel/core_pattern", "core\n"},
	{"/proc/sys/kernel/osrelease", "6.1.0-18-amd64\n"},
	{"/proc/sys/kernel/seccomp/actions_avail", "kill_process errno allow\n"},
	{"/proc/sys/kernel/random/entropy_avail", "256\n"},
	{"/proc/sys/net/core/bpf_jit_enable", "1\n"},
	{"/proc/77/comm", "sshd\n"},
	{"/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "1024\n"},
	{"/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "1024\n"},
	{"/sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages", "0\n"},
	{"/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"},
	{"/sys/kernel/iommu_groups/0/", ""},
	{"/sys/bus/pci/drivers/vfio-pci/bind", ""},
	{"/sys/bus/pci/devices/0000:03:00.0/driver", "@../../drivers/vfio-pci"},
	{"/sys/bus/pci/devices/0000:03:00.0/numa_node", "0\n"},
	{"/sys/devices/system/cpu/present", "0-3\n"},
	{"/sys/devices/system/cpu/online", "0-3\n"},
	{"/sys/devices/system/cpu/isolated", "2-3\n"},
	{"/sys/devices/system/cpu/cpu2/topology/thread_siblings_list", "2\n"},
	{"/sys/devices/system/cpu/cpu3/topology/thread_siblings_list", "3\n"},
	{"/sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "performance\n"},
	{"/sys/devices/system/cpu/cpu3/cpufreq/scaling_governor", "performance\n"},
	{"/sys/devices/system/node/node0/cpulist", "0-3\n"},
	{"/sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "1024\n"},
	{"/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"},
	{"/sys/class/net/eth1/device/numa_node", "0\n"},
	{"/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n"},
	{"/etc/nsswitch.conf", "passwd: files\n"},
	{"/etc/resolv.conf", "search example.org\nnameserver 10.0.0.53\n"},
	{"/etc/bulkhead/bulkhead.yaml", "ports: []\n"},
	{"/etc/bulkhead/policy.yaml", "version: 1\n"},
	{"/etc/bulkhead/sensors.yaml", "sensors: []\n"},
	{"/etc/bulkhead/responses.yaml", "rules: []\n"},
	{"/etc/bulkhead/token", "0123456789abcdef\n"},
	{"/etc/bulkhead/api.crt", "-----BEGIN CERTIFICATE-----\n"},
	{"/etc/bulkhead/api.key", "-----BEGIN PRIVATE KEY-----\n"},
	{"/var/lib/bulkhead/store.db", "SQLite format 3"},
	{"/var/lib/bulkhead/evidence/", ""},
};

static const char machine_config[] =
	"policy: policy.yaml\n"
	"cores: {control: 0, workers: [2, 3]}\n"
	"ports:\n  - {name: in, device: 'iface:eth1'}\n  - {name: out, device: 'iface:eth2'}\n"
	"pairs:\n  - {name: wire, inside: in, outside: out}\n"
	"sensors: {files: [sensors.yaml]}\n"
	"responses: {file: responses.yaml}\n"
	"store: {path: /var/lib/bulkhead/store.db}\n"
	"evidence: {path: /var/lib/bulkhead/evidence}\n"
	"api: {listen: '127.0.0.1:8471', token_file: token, tls: {certificate: api.crt, key: "
	"api.key}}\n";

static DOCTOR_UNUSED void
machine_configure(struct machine *m, const char *text)
{
	struct bh_err err = {0};

	CU_ASSERT_EQUAL(bh_config_load_text(&m->config, "/etc/bulkhead/bulkhead.yaml", text,
					    strlen(text), true, &err),
			0);
	CU_ASSERT_STRING_EQUAL(err.what, "");
}

static DOCTOR_UNUSED struct machine *
machine_make(void)
{
	struct machine *m = calloc(1, sizeof(*m));
	size_t i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	snprintf(m->root, sizeof(m->root), "/tmp/bulkhead-doctor-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(m->root));
	for (i = 0; i < BH_ARRAY_SIZE(machine_files); i++)
		machine_put(m, machine_files[i][0], machine_files[i][1]);
	/* The sixteenth byte of SQLite's magic is a NUL. */
	machine_put(m, "/var/lib/bulkhead/store.db", "");
	machine_configure(m, machine_config);
	m->facts = (struct bh_doctor_facts){.uid = geteuid(),
					    .user = geteuid(),
					    .group = getegid(),
					    .landlock = 4,
					    .clock_synchronised = true};
	m->facts.link[0] = m->facts.link[1] = (struct bh_doctor_link){
		.known = true, .up = true, .carrier = true, .mtu = 1500, .rx_queues = 2};
	m->space = UINT64_C(1) << 40;
	return m;
}

static DOCTOR_UNUSED int
machine_remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static DOCTOR_UNUSED void
machine_free(struct machine *m)
{
	nftw(m->root, machine_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(m);
}

static DOCTOR_UNUSED int
machine_space(void *arg, const char *path, uint64_t *out)
{
	(void)path;
	*out = ((struct machine *)arg)->space;
	return 0;
}

static DOCTOR_UNUSED void
machine_examine(struct machine *m)
{
	memset(&m->report, 0, sizeof(m->report));
	bh_doctor_examine(&(struct bh_doctor_params){.root = m->root,
						     .facts = &m->facts,
						     .config = m->bare ? NULL : &m->config,
						     .space = machine_space,
						     .arg = m},
			  &m->report);
}

static DOCTOR_UNUSED void
machine_complain(const struct machine *m, const char *why)
{
	unsigned i;

	printf("\n%s:", why);
	for (i = 0; i < m->report.n; i++)
		printf(" %s(%s: %s)", bh_doctor_info(m->report.finding[i].what)->name,
		       m->report.finding[i].subject, m->report.finding[i].text);
	printf("\n");
}

/* Exactly these are found, in any number; BH_DOCTOR_COUNT: none, or no second one. */
static DOCTOR_UNUSED bool
machine_says(struct machine *m, enum bh_doctor_what what, enum bh_doctor_what also)
{
	bool found[BH_DOCTOR_COUNT + 1] = {false}, right;
	unsigned i;

	machine_examine(m);
	for (i = 0; i < m->report.n; i++)
		found[m->report.finding[i].what] = true;
	right = (what == BH_DOCTOR_COUNT || found[what]) &&
		(also == BH_DOCTOR_COUNT || found[also]);
	for (i = 0; i < BH_DOCTOR_COUNT; i++)
		right &= !found[i] || i == what || i == also;
	if (!right)
		machine_complain(m,
				 what < BH_DOCTOR_COUNT ? bh_doctor_info(what)->name : "nothing");
	return right;
}

/* The first finding of a kind; NULL: there is none. */
static DOCTOR_UNUSED const struct bh_doctor_finding *
machine_finding(const struct machine *m, enum bh_doctor_what what)
{
	unsigned i;

	for (i = 0; i < m->report.n; i++) {
		if (m->report.finding[i].what == what)
			return &m->report.finding[i];
	}
	return NULL;
}

#endif
