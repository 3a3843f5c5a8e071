/* CPUs that the configuration names: are they there, are they left alone, are they near the cards? */
#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "doctor_priv.h"

/* What the build of DPDK asks for, and Hyperscan. */
static const char *const cpu_flags[] = {"ssse3", "sse4_1", "sse4_2", "popcnt"};

struct plan {
	unsigned cpu[BH_MAX_WORKERS + 1]; /* workers, then control */
	unsigned n, n_workers;
};

static void
make_plan(const struct bh_doctor *d, const struct bh_doctor_cpus *online, struct plan *p)
{
	unsigned i;

	for (i = 0; i < d->c->n_workers; i++)
		p->cpu[p->n++] = d->c->worker_core[i];
	for (i = BH_DOCTOR_CPUS; p->n == 0 && i > 0; i--) {
		if (online->in[i - 1])
			p->cpu[p->n++] = i - 1; /* cores.workers' default */
	}
	p->n_workers = p->n;
	for (i = 0; i < p->n_workers; i++) {
		if (p->cpu[i] == d->c->control_core)
			return; /* cores.share */
	}
	p->cpu[p->n++] = (unsigned)d->c->control_core;
}

static bool
known(const struct bh_doctor_cpus *set, unsigned cpu)
{
	return cpu < BH_DOCTOR_CPUS && set->in[cpu];
}

static void
check_there(const struct bh_doctor *d, const struct plan *p, const struct bh_doctor_cpus *online)
{
	char present[128], allowed[128] = "", name[16];
	struct bh_doctor_cpus there, may;
	bool limited = false;
	char *status;
	unsigned i;

	if (!bh_doctor_read(d, present, sizeof(present), "/sys/devices/system/cpu/present") ||
	    !bh_doctor_cpus(&there, present))
		return;
	status = bh_doctor_text(d, "/proc/self/status");
	if (status != NULL)
		limited = bh_doctor_field(status, "Cpus_allowed_list", allowed, sizeof(allowed)) &&
			  bh_doctor_cpus(&may, allowed);
	free(status);
	for (i = 0; i < p->n; i++) {
		snprintf(name, sizeof(name), "cpu%u", p->cpu[i]);
		if (!known(&there, p->cpu[i]))
			bh_doctor_add(d->r, BH_DOCTOR_CPU_MISSING, name, present, "there are %s",
				      present);
		else if (!known(online, p->cpu[i]))
			bh_doctor_add(d->r, BH_DOCTOR_CPU_OFFLINE, name, "", "it is offline");
		else if (limited && !known(&may, p->cpu[i]))
			bh_doctor_add(d->r, BH_DOCTOR_CPU_FORBIDDEN, name, present,
				      "only %s may be used", allowed);
	}
}

static void
check_siblings(const struct bh_doctor *d, const struct plan *p)
{
	char list[64], name[16];
	struct bh_doctor_cpus same;
	unsigned i, k;

	for (i = 0; i < p->n_workers; i++) {
		if (!bh_doctor_read(d, list, sizeof(list),
				    "/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list",
				    p->cpu[i]) ||
		    !bh_doctor_cpus(&same, list))
			continue;
		for (k = i + 1; k < p->n; k++) {
			if (!known(&same, p->cpu[k]))
				continue;
			snprintf(name, sizeof(name), "cpu%u", p->cpu[i]);
			bh_doctor_add(d->r, BH_DOCTOR_CPU_SIBLINGS, name, list,
				      "cpu%u is the other thread of its core, for %s", p->cpu[k],
				      k < p->n_workers ? "a worker, too" : "control");
		}
	}
}

/* Is a program of that name running? */
static bool
runs(const struct bh_doctor *d, const char *program)
{
	char path[PATH_MAX], name[64];
	bool found = false;
	struct dirent *e;
	DIR *dir;

	bh_doctor_path(d, path, sizeof(path), "/proc");
	dir = opendir(path);
	while (dir != NULL && !found && (e = readdir(dir)) != NULL) {
		found = isdigit((unsigned char)e->d_name[0]) &&
			bh_doctor_read(d, name, sizeof(name), "/proc/%s/comm", e->d_name) &&
			strcmp(name, program) == 0;
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

static void
check_alone(const struct bh_doctor *d, const struct plan *p)
{
	struct bh_doctor_cpus isolated = {0};
	char list[128], shared[160] = "";
	size_t len = 0;
	unsigned i;

	bh_doctor_read(d, list, sizeof(list), "/sys/devices/system/cpu/isolated");
	bh_doctor_cpus(&isolated, list);
	for (i = 0; i < p->n_workers && len + 8 < sizeof(shared); i++) {
		if (!known(&isolated, p->cpu[i]))
			len += (size_t)snprintf(shared + len, sizeof(shared) - len, "%s%u",
						len != 0 ? "," : "", p->cpu[i]);
	}
	if (len == 0)
		return;
	bh_doctor_add(d->r, BH_DOCTOR_CPU_NOT_ISOLATED, "", shared, "of workers: %s", shared);
	if (runs(d, "irqbalance"))
		bh_doctor_add(d->r, BH_DOCTOR_IRQBALANCE, "", "",
			      "it runs, and CPUs %s are not isolated", shared);
}

static void
check_nodes(const struct bh_doctor *d, const struct plan *p)
{
	char list[128], name[16];
	struct bh_doctor_cpus near;
	struct bh_device device;
	unsigned i, k;
	int node;

	for (i = 0; i < d->c->n_ports; i++) {
		if (bh_device_parse(&device, d->c->port[i].device, NULL) != 0)
			continue;
		node = bh_doctor_port_node(d, &device);
		if (node < 0 ||
		    !bh_doctor_read(d, list, sizeof(list),
				    "/sys/devices/system/node/node%d/cpulist", node) ||
		    !bh_doctor_cpus(&near, list))
			continue;
		for (k = 0; k < p->n_workers; k++) {
			if (known(&near, p->cpu[k]))
				continue;
			snprintf(name, sizeof(name), "cpu%u", p->cpu[k]);
			bh_doctor_add(d->r, BH_DOCTOR_CPU_NODE, name, list,
				      "port %s is on node %d, of CPUs %s", d->c->port[i].name, node,
				      list);
		}
		return; /* one card says it: the others are asked for by hand */
	}
}

static void
check_governor(const struct bh_doctor *d, const struct plan *p)
{
	char word[64], name[16];
	unsigned i;

	for (i = 0; i < p->n_workers; i++) {
		if (!bh_doctor_read(d, word, sizeof(word),
				    "/sys/devices/system/cpu/cpu%u/cpufreq/scaling_governor",
				    p->cpu[i]) ||
		    strcmp(word, "performance") == 0)
			continue;
		snprintf(name, sizeof(name), "cpu%u", p->cpu[i]);
		bh_doctor_add(d->r, BH_DOCTOR_GOVERNOR, name, "", "its governor is %s", word);
	}
}

static void
check_kind(const struct bh_doctor *d)
{
	char *text = bh_doctor_text(d, "/proc/cpuinfo"), missing[64] = "", *flags = NULL;
	size_t len = 0, i;

	if (text != NULL)
		flags = strstr(text, "\nflags");
	if (flags == NULL)
		goto free_text;
	flags[1 + strcspn(flags + 1, "\n")] = '\0';
	for (i = 0; i < BH_ARRAY_SIZE(cpu_flags); i++) {
		if (!bh_doctor_has_word(flags, cpu_flags[i]))
			len += (size_t)snprintf(missing + len, sizeof(missing) - len, " %s",
						cpu_flags[i]);
	}
	if (len != 0)
		bh_doctor_add(d->r, BH_DOCTOR_CPU_OLD, "", "", "missing:%s", missing);
	if (!bh_doctor_has_word(flags, "constant_tsc") || !bh_doctor_has_word(flags, "nonstop_tsc"))
		bh_doctor_add(d->r, BH_DOCTOR_TSC_UNSTEADY, "", "",
			      "/proc/cpuinfo lacks constant_tsc or nonstop_tsc");
free_text:
	free(text);
}

void
bh_doctor_check_cpus(const struct bh_doctor *d)
{
	struct bh_doctor_cpus online;
	struct plan p = {.n = 0};
	char list[128];

	check_kind(d);
	if (d->c == NULL ||
	    !bh_doctor_read(d, list, sizeof(list), "/sys/devices/system/cpu/online") ||
	    !bh_doctor_cpus(&online, list))
		return;
	make_plan(d, &online, &p);
	check_there(d, &p, &online);
	check_siblings(d, &p);
	check_alone(d, &p);
	check_nodes(d, &p);
	check_governor(d, &p);
}
