/* port: everything that says rte_eth*. EAL, devices, queues, buffers, links.
 *
 * Usage     bh_port_init() once, bh_port_open() for each configured port, bh_port_start(); workers use
 *           bh_port_rx / bh_port_tx; the control core polls bh_port_link. Ports do not receive before
 *           bh_port_start.
 * Threads   init, open, start, stop, close, link: control. rx and tx: the worker that owns the queue.
 * Lifetime  a port lives from open to close; its lock keeps a second instance off the device. The configuration
 *           outlives it. What was changed on a kernel interface is undone by close, or, after a kill, by the
 *           close of whoever opens it next.
 */
#ifndef BH_PORT_H
#define BH_PORT_H

#include "../base/base.h"
#include "../conf/conf.h"

struct rte_mbuf;
struct rte_mempool;
struct bh_port;

/* What was set up, for the start-up log. */
struct bh_port_env {
	struct rte_mempool *pool; /* all ports draw from it */
	bool hugepages;
	char memory_text[128]; /* "hugepages, 2 MiB, 64 MiB" or why not */
};

/* Start EAL: lcore 0 on cores.control (the calling thread), lcore i + 1 for worker i (two may share a CPU),
 * hugepages as configured. No device is probed; that is bh_port_open's. Makes the pool, with more buffers than
 * configured where the devices' rings would take all. With c->telemetry the environment's RUNTIME_DIRECTORY must name
 * run_dir: EAL puts its socket below. Translates EAL's failures to sentences that say what to
 * do. Callable once per process. 0 or -errno. */
int bh_port_init(const struct bh_config *c, struct bh_port_env *env, struct bh_err *err);
void bh_port_fini(void);

enum bh_steering {
	BH_STEERING_NONE,     /* one worker */
	BH_STEERING_RSS,      /* the device hashes symmetrically: queue i belongs to worker i */
	BH_STEERING_SOFTWARE, /* few queues: workers hand packets over by rings */
};

/* Take the device: lock, probe, configure queues and offloads (checksum flags on, VLAN stripping off,
 * scatter on), MTU. Refuses with a sentence: no such device, in use by another bulkhead (pid), not permitted,
 * wrong driver, an interface with addresses of this machine. "iface:NAME" tries AF_XDP, then AF_PACKET, and logs
 * which and why; "packet:NAME" is AF_PACKET at once. docs/ports.md says what each can do. */
int bh_port_open(struct bh_port **out, const struct bh_config *c, unsigned index,
		 unsigned n_workers, struct bh_err *err);
/* Before start, rx and tx of a port return 0, and what arrived then is not received later. Workers may poll
 * it already when it starts, but no longer when it stops. */
int bh_port_start(struct bh_port *p, struct bh_err *err);
void bh_port_stop(struct bh_port *p);
void bh_port_close(struct bh_port *p); /* NULL is fine */

/* What the next version of this gateway needs to open the same device while this one still forwards (restart without a gap):
 * the claim on it, the locked file, the program on its interface; -1: none. */
struct bh_port_loan {
	int fd[3];
};
/* Descriptors stay this port's; whoever gets them by a socket has others of the same. -ENOTSUP: its driver has a device for
 * itself alone (all but "af_packet"). */
int bh_port_lend(const struct bh_port *p, struct bh_port_loan *out);
/* As bh_port_open(), of a device that another process forwards on, which lent it; its descriptors are the port's then. Until
 * bh_port_own() the interface is the other process's: close leaves it as it is. */
int bh_port_open_lent(struct bh_port **out, const struct bh_config *c, unsigned index,
		      const struct bh_port_loan *loan, struct bh_err *err);
/* The other process has stopped, and leaves the interface as it is. Before bh_port_start(). */
void bh_port_own(struct bh_port *p);

/* Can all of these run RSS with one key, so that both directions of a flow meet? Decided over the whole
 * set; then rx_queues == tx_queues == n_workers for each. */
enum bh_steering bh_port_steering(struct bh_port *const ports[], unsigned n, unsigned n_workers,
				  const struct bh_config *c, char *why, size_t size);

struct bh_port_info {
	const char *name;   /* from the configuration */
	const char *device; /* as configured */
	const char *driver; /* DPDK's name, as net_af_xdp; "af_packet" is our own */
	char ifname[16];    /* kernel interface behind it, or "" */
	uint16_t id;        /* DPDK port id; UINT16_MAX where DPDK has no part */
	uint16_t rx_queues, tx_queues;
	uint16_t mtu;
	uint8_t mac[6];
	bool partial_checksums; /* its frames may come from a local sender that left the L4 checksum to
				 * its NIC (veth, tap, virtio) */
	bool checksum_flags;    /* the driver says whether checksums were right */
	bool forced_down;       /* by link carry */
};
const struct bh_port_info *bh_port_info(const struct bh_port *p);

/* Up to n frames of queue q. A VLAN tag that the driver stripped is put back into the frame. */
uint16_t bh_port_rx(struct bh_port *p, uint16_t q, struct rte_mbuf **m, uint16_t n);
/* Sends what it can, returns how many were taken; the rest, m[returned] to m[n - 1], stays the caller's. Frames
 * are direct mbufs of env.pool, chained or not (no indirect ones: AF_XDP sends the buffer itself). One that no
 * buffer of the device can hold is taken, freed and counted (tx_errors). */
uint16_t bh_port_tx(struct bh_port *p, uint16_t q, struct rte_mbuf **m, uint16_t n);

/* Is the link up, as far as the device can tell (kernel interfaces: carrier)? While a port is forced down
 * its own state is not known: true. */
bool bh_port_link(struct bh_port *p);
/* Take the link down or give it back (carry). 0 or -errno. */
int bh_port_force_down(struct bh_port *p, bool down);

struct bh_port_stats {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint64_t
		rx_missed; /* nobody took them in time; kernel interfaces: the kernel's rx_dropped */
	uint64_t rx_errors, tx_errors, rx_nombuf;
};
/* Device counters since start. Any control thread. */
void bh_port_stats(struct bh_port *p, struct bh_port_stats *out);

#endif
