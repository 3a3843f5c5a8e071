/* EAL: cores, memory, the buffers. Nothing is probed here: each port plugs its own device when it holds its
 * lock. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "port_priv.h"

#define POOL "bulkhead"
#define MAX_ARGS 24
#define ARG_SIZE 1024

struct args {
	int n;
	char *v[MAX_ARGS + 1];
	char text[MAX_ARGS][ARG_SIZE];
};

static void BH_PRINTF(2, 3) arg(struct args *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->text[a->n], ARG_SIZE, fmt, ap);
	va_end(ap);
	a->v[a->n] = a->text[a->n];
	a->n++;
	a->v[a->n] = NULL;
}

static unsigned
workers(const struct bh_config *c)
{
	return c->n_workers != 0 ? c->n_workers : 1;
}

static int
last_cpu(const cpu_set_t *set)
{
	int i, last = 0;

	for (i = 0; i < CPU_SETSIZE; i++) {
		if (CPU_ISSET(i, set))
			last = i;
	}
	return last;
}

static int
check_cpu(const cpu_set_t *set, uint64_t cpu, const char *key, struct bh_err *err)
{
	if (cpu < CPU_SETSIZE && CPU_ISSET(cpu, set))
		return 0;
	return bh_err_set(err, EINVAL,
			  "%s: core %lu does not exist or is not allowed for this process; there "
			  "are %d, up to number %d",
			  key, (unsigned long)cpu, CPU_COUNT(set), last_cpu(set));
}

/* lcore 0 is control, lcore i + 1 is worker i, wherever their CPUs are: two may share one. */
static int
lcores(struct args *a, const struct bh_config *c, struct bh_err *err)
{
	char text[ARG_SIZE];
	cpu_set_t set;
	unsigned i;
	size_t n;
	int rc;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return bh_err_set(err, errno, "cannot read which cores there are");
	rc = check_cpu(&set, c->control_core, "cores.control", err);
	if (rc < 0)
		return rc;
	n = (size_t)snprintf(text, sizeof(text), "0@%lu", (unsigned long)c->control_core);
	for (i = 0; i < workers(c); i++) {
		uint64_t cpu = c->n_workers != 0 ? c->worker_core[i] : (uint64_t)last_cpu(&set);

		rc = check_cpu(&set, cpu, "cores.workers", err);
		if (rc < 0)
			return rc;
		n += (size_t)snprintf(text + n, sizeof(text) - n, ",%u@%lu", i + 1,
				      (unsigned long)cpu);
	}
	arg(a, "--lcores=%s", text);
	arg(a, "--main-lcore=0");
	return 0;
}

static int
devices(struct args *a, const struct bh_config *c, struct bh_err *err)
{
	struct bh_device d;
	bool pci = false;
	unsigned i;

	for (i = 0; i < c->n_ports; i++) {
		if (bh_device_parse(&d, c->port[i].device, NULL) < 0) {
			struct bh_err why = {0};

			bh_device_parse(&d, c->port[i].device, &why);
			return bh_err_set(err, EINVAL, "port %s: %s", c->port[i].name, why.what);
		}
		pci |= d.kind == BH_DEVICE_PCI;
	}
	/* An allow list of one address that no bus has keeps EAL from probing by itself. */
	arg(a, pci ? "--allow=ffff:ff:1f.7" : "--no-pci");
	/* Nothing but PCI devices may need physical addresses. */
	if (!pci)
		arg(a, "--iova-mode=va");
	return 0;
}

static int
build(struct args *a, const struct bh_config *c, const struct bh_memory_plan *plan,
      struct bh_err *err)
{
	int rc;

	arg(a, "bulkhead");
	rc = lcores(a, c, err);
	if (rc == 0)
		rc = devices(a, c, err);
	if (rc < 0)
		return rc;
	/* in-memory: no file in hugetlbfs or /run, so that nothing is left and instances do not meet. */
	if (plan->hugepages) {
		arg(a, "--in-memory");
	} else {
		arg(a, "--no-huge");
		arg(a, "-m%u", plan->megabytes);
		arg(a, "--no-shconf");
	}
	/* Where telemetry is asked for, its socket has a name that can be told; it meets no other instance's (bh_port_init). */
	if (c->telemetry) {
		arg(a, "--file-prefix=bulkhead");
	} else {
		arg(a, "--no-telemetry");
		arg(a, "--file-prefix=bulkhead-%d", (int)getpid());
	}
	arg(a, "--log-level=*:error");
	return 0;
}

/* EAL makes a folder for files that it then does not write. */
static void
remove_runtime_dir(void)
{
	char dir[300], *slash;

	snprintf(dir, sizeof(dir), "%s", rte_eal_get_runtime_dir());
	slash = strrchr(dir, '/');
	if (slash == NULL || rmdir(dir) < 0)
		return;
	*slash = '\0';
	/* Only when it is empty: other applications of DPDK keep theirs in it. */
	rmdir(dir);
}

/* Its folder lets nobody else in, nor does it. */
static void
shut_socket(void)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/dpdk_telemetry.v2", rte_eal_get_runtime_dir());
	chmod(path, 0600);
}

static int
start_eal(struct args *a, bool telemetry, struct bh_err *err)
{
	struct bh_capture said;
	char why[400];
	int rc;

	/* Called after EAL's own, which takes telemetry's socket away. */
	if (telemetry && atexit(remove_runtime_dir) != 0)
		return bh_err_set(err, ENOMEM, "no memory");
	bh_capture_begin(&said);
	rc = rte_eal_init(a->n, a->v);
	bh_capture_end(&said);
	if (telemetry && rc >= 0)
		shut_socket();
	else
		remove_runtime_dir();
	if (rc < 0) {
		bh_explain(said.text, why, sizeof(why));
		rc = bh_err_set(err, rte_errno != 0 ? rte_errno : EIO, "DPDK does not start: %s",
				why);
	}
	bh_capture_free(&said);
	return rc < 0 ? rc : 0;
}

/* One pool for all ports, in one piece: AF_XDP takes its memory as it is (UMEM) and counts on elements that lie
 * one after the other. By default the library leaves gaps, so that no element crosses a page, for devices
 * that see physical addresses: on 4 KiB pages 16384 elements of 2368 bytes then span 64 MiB, of which AF_XDP
 * registers 37. */
static int
make_pool(struct rte_mempool **out, unsigned buffers, unsigned mbuf_size, struct bh_err *err)
{
	const unsigned flags =
		rte_eal_iova_mode() == RTE_IOVA_VA ? RTE_MEMPOOL_F_NO_IOVA_CONTIG : 0;
	struct rte_pktmbuf_pool_private priv = {
		.mbuf_data_room_size = (uint16_t)(RTE_PKTMBUF_HEADROOM + mbuf_size)};
	struct rte_mempool *p;

	p = rte_mempool_create_empty(POOL, buffers,
				     (unsigned)sizeof(struct rte_mbuf) + RTE_PKTMBUF_HEADROOM +
					     mbuf_size,
				     BH_POOL_CACHE, sizeof(priv), SOCKET_ID_ANY, flags);
	if (p == NULL)
		goto fail;
	rte_pktmbuf_pool_init(p, &priv);
	if (rte_mempool_populate_default(p) < 0)
		goto fail;
	rte_mempool_obj_iter(p, rte_pktmbuf_init, NULL);
	*out = p;
	return 0;
fail:
	rte_mempool_free(p);
	return bh_err_set(
		err, ENOMEM,
		"no memory for %u packet buffers of %u bytes: make memory.mbufs smaller, or "
		"set up more hugepages with deploy/hugepages.sh",
		buffers, mbuf_size);
}

int
bh_port_init(const struct bh_config *c, struct bh_port_env *env, struct bh_err *err)
{
	const unsigned buffers = bh_pool_buffers(c, workers(c));
	const unsigned mbuf_size = (unsigned)c->mbuf_size;
	struct bh_memory_plan plan;
	struct bh_hugepages huge;
	struct args *a;
	int rc;

	memset(env, 0, sizeof(*env));
	bh_huge_read("/sys/kernel/mm/hugepages", &huge);
	rc = bh_memory_plan(&plan, c, bh_pool_bytes(buffers, mbuf_size), &huge, err);
	if (rc < 0)
		return rc;
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return bh_err_set(err, ENOMEM, "no memory");
	rc = build(a, c, &plan, err);
	if (rc == 0 && c->telemetry)
		rc = bh_lock_make_dir(c->run_dir, err);
	if (rc == 0)
		rc = start_eal(a, c->telemetry, err);
	free(a);
	if (rc < 0)
		return rc;
	bh_quiet_bpf();
	if (buffers > c->mbufs)
		bh_log(BH_LOG_INFO, "memory.mbufs raised from %lu to %u: %u ports need that",
		       (unsigned long)c->mbufs, buffers, c->n_ports);
	rc = make_pool(&env->pool, buffers, mbuf_size, err);
	if (rc < 0) {
		rte_eal_cleanup();
		return rc;
	}
	env->hugepages = plan.hugepages;
	memcpy(env->memory_text, plan.text, sizeof(env->memory_text));
	return 0;
}

struct rte_mempool *
bh_port_pool(void)
{
	return rte_mempool_lookup(POOL);
}

bool
bh_pool_in_one_piece(void)
{
	const struct rte_mempool *p = bh_port_pool();

	return p->nb_mem_chunks == 1 && (p->flags & RTE_MEMPOOL_F_NO_IOVA_CONTIG) != 0;
}

void
bh_port_fini(void)
{
	rte_mempool_free(bh_port_pool());
	rte_eal_cleanup();
}

static int
fits(int n, size_t size)
{
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int
bh_devargs_af_xdp(char *out, size_t size, unsigned index, const char *ifname, unsigned queues)
{
	/* busy_budget=0: docs/ports.md has the measurement. */
	return fits(snprintf(out, size, "net_af_xdp_if%u,iface=%s,queue_count=%u,busy_budget=0",
			     index, ifname, queues),
		    size);
}
