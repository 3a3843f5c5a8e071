/* Memory: hugepages, what is free, what may be locked, what could get onto a disk. */
#include <stdio.h>
#include <stdlib.h>

#include "doctor_priv.h"

#define MIB (UINT64_C(1) << 20)
#define HUGE_KIB 2048u
#define CAP_IPC_LOCK_BIT 14

/* As lib/port counts: an mbuf, its headroom and the element's head are 384 bytes; queues hold on to what is in their
 * rings; 32 MiB for EAL itself. */
uint64_t
bh_doctor_pool_bytes(const struct bh_config *c)
{
	uint64_t queue = (c->descriptors > 2048 ? c->descriptors : 2048) + c->descriptors;
	uint64_t held = queue * c->n_ports * (c->n_workers != 0 ? c->n_workers : 1) * 5 / 4;

	return (c->mbufs > held ? c->mbufs : held) * (c->mbuf_size + 384) + 33 * MIB;
}

/* What is taken at start: the large tables, by the figures of docs/configuration.md. */
static uint64_t
start_bytes(const struct bh_config *c)
{
	uint64_t workers = c->n_workers != 0 ? c->n_workers : 1, bytes;

	bytes = c->max_flows * (128 + 12) + c->max_endpoints * 88;
	bytes += workers *
		 (c->app_contexts * 13 * 1024 + c->max_streams * 384 + c->threat_sources * 256);
	if (c->inspect != BH_INSPECT_OFF)
		bytes += workers * (c->inspect_connections * 48 * 1024 + c->inspect_memory);
	if (c->evidence_path[0] != '\0')
		bytes += workers * c->evidence_ring * 9 / 8;
	return bytes;
}

static uint64_t
huge_free(const struct bh_doctor *d, uint64_t *pages)
{
	uint64_t n, reserved;

	bh_doctor_number(d, pages, "/sys/kernel/mm/hugepages/hugepages-%ukB/nr_hugepages",
			 HUGE_KIB);
	bh_doctor_number(d, &n, "/sys/kernel/mm/hugepages/hugepages-%ukB/free_hugepages", HUGE_KIB);
	bh_doctor_number(d, &reserved, "/sys/kernel/mm/hugepages/hugepages-%ukB/resv_hugepages",
			 HUGE_KIB);
	return (n - (reserved < n ? reserved : n)) * HUGE_KIB * 1024;
}

/* Larger pages count for what they are. */
static uint64_t
huge_free_1g(const struct bh_doctor *d)
{
	uint64_t n;

	bh_doctor_number(d, &n, "/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages");
	return n << 30;
}

static void
check_node(const struct bh_doctor *d, uint64_t need)
{
	char name[24], value[24];
	struct bh_device device;
	uint64_t n;
	unsigned i;
	int node;

	for (i = 0; d->c != NULL && i < d->c->n_ports; i++) {
		if (bh_device_parse(&device, d->c->port[i].device, NULL) != 0)
			continue;
		node = bh_doctor_port_node(d, &device);
		if (node < 0 || !bh_doctor_number(d, &n,
						  "/sys/devices/system/node/node%d/hugepages/"
						  "hugepages-%ukB/free_hugepages",
						  node, HUGE_KIB))
			continue;
		if (n * HUGE_KIB * 1024 >= need)
			continue;
		snprintf(name, sizeof(name), "node%d", node);
		snprintf(value, sizeof(value), "%llu",
			 (unsigned long long)(need / (HUGE_KIB * 1024) + 1));
		bh_doctor_add(d->r, BH_DOCTOR_HUGEPAGES_NODE, name, value,
			      "port %s is on it; %llu MiB of hugepages are free there, %llu are "
			      "needed",
			      d->c->port[i].name, (unsigned long long)(n * HUGE_KIB / 1024),
			      (unsigned long long)(need / MIB));
		return;
	}
}

static void
check_huge(const struct bh_doctor *d)
{
	bool off = d->c != NULL && d->c->huge == BH_HUGE_OFF;
	bool on = d->c != NULL && d->c->huge == BH_HUGE_ON;
	uint64_t pages, have = huge_free(d, &pages) + huge_free_1g(d), need, missing;
	char value[24], thp[64];

	need = d->c != NULL ? bh_doctor_pool_bytes(d->c) : 64 * MIB;
	if (off || d->r->running)
		return;
	if (have >= need) {
		check_node(d, need);
		return;
	}
	missing = (need - have) / (HUGE_KIB * 1024) + 1;
	snprintf(value, sizeof(value), "%llu", (unsigned long long)(pages + missing));
	bh_doctor_add(d->r, on ? BH_DOCTOR_HUGEPAGES_REQUIRED : BH_DOCTOR_HUGEPAGES_FEW, "", value,
		      "%llu MiB are free, %llu are needed for the ports' buffers",
		      (unsigned long long)(have / MIB), (unsigned long long)(need / MIB));
	if (bh_doctor_read(d, thp, sizeof(thp), "/sys/kernel/mm/transparent_hugepage/enabled") &&
	    strstr(thp, "[never]") != NULL)
		bh_doctor_add(d->r, BH_DOCTOR_THP_NEVER, "", "",
			      "/sys/kernel/mm/transparent_hugepage/enabled is: %s", thp);
}

static void
check_free(const struct bh_doctor *d)
{
	char *text = bh_doctor_text(d, "/proc/meminfo"), word[64], value[24];
	uint64_t have, need, swap;

	if (text == NULL)
		return;
	if (bh_doctor_field(text, "SwapTotal", word, sizeof(word)) &&
	    (swap = strtoull(word, NULL, 10)) != 0)
		bh_doctor_add(d->r, BH_DOCTOR_SWAP_ON, "", "", "%llu MiB of swap",
			      (unsigned long long)(swap / 1024));
	if (d->c != NULL && !d->r->running &&
	    bh_doctor_field(text, "MemAvailable", word, sizeof(word))) {
		have = strtoull(word, NULL, 10) * 1024;
		need = start_bytes(d->c);
		/* Buffers in hugepages are not taken from what is available. */
		if (d->c->huge != BH_HUGE_ON)
			need += bh_doctor_pool_bytes(d->c);
		snprintf(value, sizeof(value), "%llu",
			 (unsigned long long)(need > have ? (need - have) / MIB + 1 : 0));
		if (have < need)
			bh_doctor_add(d->r, BH_DOCTOR_MEMORY_LOW, d->c->path, value,
				      "%llu MiB are available, about %llu are taken",
				      (unsigned long long)(have / MIB),
				      (unsigned long long)(need / MIB));
	}
	free(text);
}

/* Soft limit: the first number behind the name. "unlimited": UINT64_MAX. */
static bool
limit(const char *text, const char *name, uint64_t *out)
{
	char word[128];

	if (!bh_doctor_field(text, name, word, sizeof(word)))
		return false;
	*out = strncmp(word, "unlimited", 9) == 0 ? UINT64_MAX : strtoull(word, NULL, 10);
	return true;
}

static bool
needs_locked(const struct bh_doctor *d)
{
	struct bh_device device;
	unsigned i;

	for (i = 0; d->c != NULL && i < d->c->n_ports; i++) {
		if (bh_device_parse(&device, d->c->port[i].device, NULL) == 0 &&
		    (device.kind == BH_DEVICE_IFACE || device.kind == BH_DEVICE_PCI ||
		     device.af_xdp))
			return true;
	}
	return false;
}

static void
check_limits(const struct bh_doctor *d)
{
	char *text = bh_doctor_text(d, "/proc/self/limits");
	char *status = bh_doctor_text(d, "/proc/self/status");
	char word[64], pattern[256];
	uint64_t n, rights = 0;

	if (status != NULL && bh_doctor_field(status, "CapEff", word, sizeof(word)))
		rights = strtoull(word, NULL, 16);
	if (text == NULL)
		goto free_status;
	if (needs_locked(d) && (rights >> CAP_IPC_LOCK_BIT & 1) == 0 &&
	    limit(text, "Max locked memory", &n) && n < bh_doctor_pool_bytes(d->c))
		bh_doctor_add(d->r, BH_DOCTOR_MEMLOCK_LOW, "", "",
			      "%llu KiB may be locked, %llu are needed; CAP_IPC_LOCK is missing",
			      (unsigned long long)(n / 1024),
			      (unsigned long long)(bh_doctor_pool_bytes(d->c) / 1024));
	if (limit(text, "Max open files", &n) && n < 1024)
		bh_doctor_add(d->r, BH_DOCTOR_NOFILE_LOW, "", "", "%llu may be open",
			      (unsigned long long)n);
	/* A pipe is written to whatever the limit is. */
	bh_doctor_read(d, pattern, sizeof(pattern), "/proc/sys/kernel/core_pattern");
	if (limit(text, "Max core file size", &n) &&
	    (pattern[0] == '|' ? strcmp(pattern, "|/bin/false") != 0 : n != 0))
		bh_doctor_add(d->r, BH_DOCTOR_CORE_DUMPS, "", "", "they go to %s", pattern);
	free(text);
free_status:
	free(status);
}

void
bh_doctor_check_memory(const struct bh_doctor *d)
{
	check_huge(d);
	check_free(d);
	check_limits(d);
}
