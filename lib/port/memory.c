/* Which memory the buffers come from, and how much. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "port_priv.h"

/* For EAL itself, drivers' queues and the rings between workers. */
#define SLACK (UINT64_C(32) << 20)

static uint64_t
read_number(const char *root, const char *dir, const char *file)
{
	unsigned long long v = 0;
	char path[512];
	FILE *f;

	if (snprintf(path, sizeof(path), "%s/%s/%s", root, dir, file) >= (int)sizeof(path))
		return 0;
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%llu", &v) != 1)
		v = 0;
	fclose(f);
	return v;
}

void
bh_huge_read(const char *root, struct bh_hugepages *out)
{
	struct dirent *e;
	DIR *d = opendir(root);
	unsigned kib;

	memset(out, 0, sizeof(*out));
	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		uint64_t n_free, n_total;

		if (sscanf(e->d_name, "hugepages-%ukB", &kib) != 1)
			continue;
		n_free = read_number(root, e->d_name, "free_hugepages");
		n_total = read_number(root, e->d_name, "nr_hugepages");
		/* Reserved pages count as free but are promised to somebody. */
		n_free -= RTE_MIN(n_free, read_number(root, e->d_name, "resv_hugepages"));
		out->free_bytes += n_free * kib * 1024;
		out->total_bytes += n_total * kib * 1024;
		if (n_free > 0 && kib > out->page_kib)
			out->page_kib = kib;
	}
	closedir(d);
}

static unsigned
mib(uint64_t bytes)
{
	return (unsigned)((bytes + (1 << 20) - 1) >> 20);
}

int
bh_memory_plan(struct bh_memory_plan *plan, const struct bh_config *c, uint64_t need,
	       const struct bh_hugepages *huge, struct bh_err *err)
{
	const uint64_t want = need + SLACK;

	memset(plan, 0, sizeof(*plan));
	plan->megabytes = mib(want);
	if (c->huge == BH_HUGE_OFF) {
		snprintf(plan->text, sizeof(plan->text),
			 "ordinary pages, %u MiB (memory.hugepages is off)", plan->megabytes);
		return 0;
	}
	if (huge->free_bytes >= want) {
		plan->hugepages = true;
		snprintf(plan->text, sizeof(plan->text), "hugepages of %u %s, %u MiB",
			 huge->page_kib >= 1048576 ? huge->page_kib / 1048576
						   : huge->page_kib / 1024,
			 huge->page_kib >= 1048576 ? "GiB" : "MiB", mib(need));
		return 0;
	}
	if (c->huge == BH_HUGE_ON)
		return bh_err_set(err, ENOMEM,
				  "memory.hugepages is on, but %u MiB of hugepages are free and %u "
				  "MiB are needed: run deploy/hugepages.sh %u, or make "
				  "memory.mbufs smaller",
				  mib(huge->free_bytes), plan->megabytes, plan->megabytes);
	snprintf(plan->text, sizeof(plan->text),
		 "ordinary pages, %u MiB (only %u MiB of hugepages free; deploy/hugepages.sh %u)",
		 plan->megabytes, mib(huge->free_bytes), plan->megabytes);
	return 0;
}

unsigned
bh_pool_element(unsigned mbuf_size)
{
	/* As rte_pktmbuf_pool_create makes it. */
	unsigned size = (unsigned)sizeof(struct rte_mbuf) + RTE_PKTMBUF_HEADROOM + mbuf_size;

	return rte_mempool_calc_obj_size(size, 0, NULL);
}

uint64_t
bh_pool_bytes(unsigned buffers, unsigned mbuf_size)
{
	/* Elements, the ring that holds the free ones, per-lcore caches. */
	return (uint64_t)buffers * (bh_pool_element(mbuf_size) + 2 * sizeof(void *)) + (1 << 20);
}

unsigned
bh_pool_buffers(const struct bh_config *c, unsigned n_workers)
{
	/* What a queue may hold on to: AF_XDP's fill ring is given 2048 at set-up, other drivers fill
	 * their receive ring; as many as there are descriptors wait to be sent. A quarter more, and
	 * what lies in the lcores' caches, is left to the workers. */
	const uint64_t queue = RTE_MAX(c->descriptors, UINT64_C(2048)) + c->descriptors;
	const uint64_t held = queue * c->n_ports * n_workers;
	const uint64_t need = held + held / 4 + 2 * BH_POOL_CACHE * (n_workers + 1);

	return (unsigned)RTE_MAX(c->mbufs, need);
}
