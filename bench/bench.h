/* bench: what the programs here share. Medians with their spread, a table, JSON, the machine's name.
 *
 * Figures are TSC cycles: they do not change with the core's clock. bench_machine() prints how many core
 * cycles one of them was while it measured that.
 */
#ifndef BH_BENCH_H
#define BH_BENCH_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_version.h>

#include "report.h"

static inline int
bench_compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Sorts v. */
static inline struct bench_spread
bench_spread(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), bench_compare);
	return (struct bench_spread){v[0], v[n / 4], v[n / 2], v[n * 3 / 4]};
}

static inline bool
bench_quick(void)
{
	const char *quick = getenv("QUICK");

	return quick != NULL && strcmp(quick, "0") != 0 && quick[0] != '\0';
}

/* Jiffies that the CPUs other than ours were busy, and all there were. */
static inline bool
bench_other_cpus(uint64_t *busy, uint64_t *all)
{
	unsigned long long t[8];
	char line[512];
	unsigned cpu, i;
	FILE *f = fopen("/proc/stat", "r");

	*busy = *all = 0;
	if (f == NULL)
		return false;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "cpu%u %llu %llu %llu %llu %llu %llu %llu %llu", &cpu, &t[0],
			   &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) != 9 ||
		    (int)cpu == sched_getcpu())
			continue;
		for (i = 0; i < 8; i++) {
			*all += t[i];
			*busy += i == 3 || i == 4 ? 0 : t[i]; /* idle, waiting for I/O */
		}
	}
	fclose(f);
	return *all != 0;
}

/* What else ran since the last call: virtual CPUs often share a core in pairs, and then a busy neighbour takes
 * up to half of it. */
static inline void
bench_load(void)
{
	static uint64_t busy_before, all_before;
	uint64_t busy, all;

	if (!bench_other_cpus(&busy, &all))
		return;
	if (all_before != 0 && all > all_before)
		printf("  meanwhile the other CPUs were %.0f %% busy\n",
		       100.0 * (double)(busy - busy_before) / (double)(all - all_before));
	busy_before = busy;
	all_before = all;
}

static inline void
bench_heading(const char *text)
{
	bench_load();
	snprintf(bench_group, sizeof(bench_group), "%s", text);
	printf("\n%-66s %9s %9s %9s %9s %9s\n", text, "median", "min", "p25", "p75", "target");
}

static inline struct bench_spread
bench_one(double v)
{
	return (struct bench_spread){v, v, v, v};
}

/* Core cycles in a TSC cycle: a chain of multiplications, 3 cycles each on every x86-64 since 2008. */
static inline double
bench_core_ratio(void)
{
	const uint64_t n = 20000000;
	uint64_t x = 3, i, start = rte_rdtsc();

	for (i = 0; i < n; i++)
		__asm__ volatile("imul %0, %0" : "+r"(x));
	return 3.0 * (double)n / (double)(rte_rdtsc() - start);
}

static inline void
bench_cpu_name(char *out, size_t size)
{
	char line[256];
	FILE *f = fopen("/proc/cpuinfo", "r");

	snprintf(out, size, "unknown");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		char *name = strchr(line, ':');

		if (strncmp(line, "model name", 10) != 0 || name == NULL)
			continue;
		name[strcspn(name, "\n")] = '\0';
		snprintf(out, size, "%s", name + 2);
		break;
	}
	if (f != NULL)
		fclose(f);
}

static inline void
bench_machine(const char *program, const char *memory)
{
	struct utsname u;
	char cpu[128];

	bench_cpu_name(cpu, sizeof(cpu));
	uname(&u);
	printf("%s: %s, Linux %s, %s\n", program, cpu, u.release, rte_version());
	printf("TSC %.2f GHz, the core runs %.2f cycles in one of it; %s\n",
	       (double)rte_get_tsc_hz() / 1e9, bench_core_ratio(), memory);
}

#endif
