/* Buffers for the port room's tests: EAL without hugepages, devices, files or root, started once. */
#ifndef BH_TEST_PORT_POOL_H
#define BH_TEST_PORT_POOL_H

#include <rte_eal.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

static inline struct rte_mempool *
test_pool(const char *name, unsigned buffers, uint16_t room)
{
	char args[][24] = {"unit",       "--no-huge",   "-m64",           "--no-pci",
			   "--lcores=0", "--no-shconf", "--no-telemetry", "--log-level=*:error"};
	char *argv[] = {args[0], args[1], args[2], args[3], args[4],
			args[5], args[6], args[7], NULL};
	struct rte_mempool *p;

	/* Without lcores EAL has not started. */
	if (rte_lcore_count() == 0 && rte_eal_init(8, argv) < 0)
		return NULL;
	p = rte_mempool_lookup(name);
	if (p != NULL)
		return p;
	return rte_pktmbuf_pool_create(name, buffers, 0, 0, room, SOCKET_ID_ANY);
}

#endif
