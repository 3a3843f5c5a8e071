/* Inside the port room: devices by name, kernel interfaces, locks, what DPDK says. */
#ifndef BH_PORT_PRIV_H
#define BH_PORT_PRIV_H

#include <net/if.h>
#include <stdio.h>

#include "port.h"

/* ---- eal.c: devargs, put together --------------------------------------------------------------- */

/* Ethernet header and two VLAN tags: what an IP packet of MTU size may carry in front. */
#define BH_FRAME_EXTRA 22

/* Devargs for a kernel interface; index makes the name unique. 0 or -ENAMETOOLONG. */
int bh_devargs_af_xdp(char *out, size_t size, unsigned index, const char *ifname, unsigned queues);

/* ---- lock.c: one instance a device -------------------------------------------------------------- */

struct bh_lock {
	int fd;    /* of the file; -1: not held */
	int claim; /* the socket */
	char path[384];
	char left[128]; /* what an owner that was killed had noted, "" if none */
};

/* run_dir. 0; -errno, err says what to do. */
int bh_lock_make_dir(const char *dir, struct bh_err *err);
/* -EBUSY when another process holds it: *owner is its pid, or 0 if not known. */
int bh_lock_take(struct bh_lock *l, const char *dir, const char *key, int *owner,
		 struct bh_err *err);
/* Leave a line for whoever takes the lock after us, should we be killed. */
/* One that another process holds and has lent: its descriptors. */
int bh_lock_lent(struct bh_lock *l, const char *dir, const char *key, const int fd[2],
		 struct bh_err *err);
/* Close without giving up what the other one holds. */
void bh_lock_return(struct bh_lock *l);
int bh_lock_note(const struct bh_lock *l, const char *text);
void bh_lock_drop(struct bh_lock *l);

/* ---- message.c: what DPDK says, as a sentence for a person ----------------------------------------- */

/* Collects what DPDK logs between begin and end; control thread, one at a time. */
struct bh_capture {
	FILE *stream, *before;
	char *text;
	size_t len;
};
void bh_capture_begin(struct bh_capture *c);
void bh_capture_end(struct bh_capture *c); /* c->text stays until bh_capture_free */
void bh_capture_free(struct bh_capture *c);

/* libbpf and libxdp print to stderr: their warnings join DPDK's log, the rest goes. After EAL has started. */
void bh_quiet_bpf(void);

/* The known cause in the text, or its last line in quotes. */
void bh_explain(const char *text, char *out, size_t size);

/* ---- memory.c: hugepages and the pool ---------------------------------------------------------------- */

struct bh_hugepages {
	uint64_t free_bytes; /* over all sizes */
	uint64_t total_bytes;
	unsigned page_kib; /* the largest size with free pages, 0 = none */
};
/* root: "/sys/kernel/mm/hugepages". */
void bh_huge_read(const char *root, struct bh_hugepages *out);

struct bh_memory_plan {
	bool hugepages;
	unsigned megabytes; /* what EAL is given without hugepages */
	char text[128];
};
/* 0, or -ENOMEM when hugepages are demanded and too few are free. */
int bh_memory_plan(struct bh_memory_plan *plan, const struct bh_config *c, uint64_t need,
		   const struct bh_hugepages *huge, struct bh_err *err);
#define BH_POOL_CACHE 256 /* buffers an lcore keeps to itself */
/* Buffers wanted: as configured, or more where the devices' rings alone would take them all. */
unsigned bh_pool_buffers(const struct bh_config *c, unsigned n_workers);
/* Bytes of the pool with that many buffers. */
uint64_t bh_pool_bytes(unsigned buffers, unsigned mbuf_size);
/* Bytes of one element as AF_XDP sees it; it must not be larger than a page. */
unsigned bh_pool_element(unsigned mbuf_size);

/* ---- vlan.c -------------------------------------------------------------------------------------------- */

/* The frame with the tags that the driver took off put back, or NULL (freed) when no buffer was left. */
struct rte_mbuf *bh_vlan_put_back(struct rte_mbuf *m);

/* ---- kif.c: the kernel interface behind a device ------------------------------------------------------- */

/* How an interface was found, for bh_kif_restore; mac says which it was. */
struct bh_kif_found {
	unsigned flags;         /* IFF_* */
	unsigned eth_flags;     /* ETH_FLAG_* */
	unsigned gro, ipv6_off; /* 0 or 1 */
	unsigned queues;        /* receive queues, or combined ones */
	unsigned mtu;
	uint8_t mac[6];
};

struct bh_kif {
	int fd; /* for ioctls, in the network namespace of bh_kif_open; -1: none */
	int index;
	char name[IFNAMSIZ];
	char kind[16];   /* "veth", "tun"; "" for hardware */
	char driver[32]; /* ethtool's */
	int xdp_link;    /* bpf link fd of the pass-all program, -1 */
	bool changed;
	bool guarded, guard_qdisc; /* our filter is on it; its clsact is ours as well */
	struct bh_kif_found found;
};

/* One line of text, and back: -EINVAL when it is none. */
void bh_kif_found_format(const struct bh_kif_found *f, char *out, size_t size);
int bh_kif_found_parse(struct bh_kif_found *f, const char *text);

int bh_kif_open(struct bh_kif *k, const char *name, struct bh_err *err);
void bh_kif_close(struct bh_kif *k);
/* Names of the interfaces there are, for messages. */
void bh_kif_list(char *out, size_t size);
/* -EADDRINUSE and a sentence when the interface carries addresses of this machine. */
int bh_kif_check_addresses(const struct bh_kif *k, struct bh_err *err);
/* Could its frames come from a sender on this machine, or on the host of this virtual machine? */
bool bh_kif_local(const struct bh_kif *k);
void bh_kif_mac(const struct bh_kif *k, uint8_t mac[6]);
int bh_kif_mtu(const struct bh_kif *k);
int bh_kif_set_mtu(const struct bh_kif *k, unsigned mtu);
/* Receive queues that the device has now (combined ones count), at least 1; *combined says which kind. */
unsigned bh_kif_queues(const struct bh_kif *k, bool *combined);
/* Up, promiscuous, as silent as a wire: no ARP, no IPv6, nothing merged, nothing stripped. */
int bh_kif_prepare(struct bh_kif *k, unsigned queues, struct bh_err *err);
void bh_kif_restore(struct bh_kif *k);
bool bh_kif_carrier(const struct bh_kif *k);
int bh_kif_up(const struct bh_kif *k, bool up);

/* ---- rtnl.c, guard.c: what needs netlink or bpf --------------------------------------------------------- */

struct bh_rtnl_link {
	char kind[16];
	uint64_t rx_dropped;
	uint32_t xdp_prog; /* id of the attached program, 0 = none */
};
int bh_rtnl_link(int index, struct bh_rtnl_link *out);
/* Take an XDP program off an interface. */
int bh_rtnl_xdp_detach(int index);
/* Name of a loaded bpf program. */
int bh_bpf_prog_name(uint32_t id, char out[16]);

/* For AF_PACKET, which only looks at frames that the kernel then handles as well. Both last until
 * bh_guard_remove.
 * drop: the kernel's own stack gets nothing of this interface (clsact and a bpf classifier).
 * whole: a native XDP program that passes everything, which makes a veth peer send frames of MTU size. */
int bh_guard_drop(struct bh_kif *k);
int bh_guard_whole(struct bh_kif *k);
void bh_guard_remove(struct bh_kif *k);
/* An XDP program that AF_XDP left behind is taken off; -EBUSY when it is somebody else's. */
int bh_guard_clear_xdp(const struct bh_kif *k, struct bh_err *err);

/* What guard.c and bypass.c are made of. */
struct bpf_insn;
struct bh_nl;
int bh_guard_load(uint32_t type, const struct bpf_insn *code, unsigned n, uint32_t flags,
		  const char *name);
int bh_guard_clsact(const struct bh_kif *k, uint16_t type, uint16_t flags);
/* fd -1: to take one away */
int bh_guard_filter(struct bh_nl *m, int fd, const char *name);

/* ---- port.c ------------------------------------------------------------------------------------------------- */

struct bh_port_queue {
	uint64_t tx_bad; /* frames that the device cannot send: written by the queue's worker */
} __attribute__((aligned(BH_CACHE_LINE)));

struct bh_port {
	uint16_t id;
	struct bh_packet *packet; /* instead of a DPDK device, else NULL */
	bool put_back;            /* its driver may strip tags */
	bool multi_seg;           /* it sends chained buffers */
	bool probed;
	bool lent; /* the interface is another process's still */
	struct bh_port_loan loan;
	bool started; /* control writes, workers read: release, acquire */
	bool rss;     /* symmetric hash over all receive queues */
	struct bh_port_info info;
	struct bh_lock lock;
	struct bh_kif kif;
	uint64_t dropped_base; /* the kernel's drop counter at start */
	char driver[32];
	char rss_text[96]; /* why not */
	struct bh_port_queue queue[BH_MAX_WORKERS];
};

struct rte_mempool *bh_port_pool(void);
/* Element after element, as AF_XDP needs it. */
bool bh_pool_in_one_piece(void);

/* What a driver is set up with. */
struct bh_port_setup {
	const struct bh_config *config;
	unsigned n_workers;
	char devargs[512];
};
int bh_port_configure(struct bh_port *p, const struct bh_port_setup *s, struct bh_err *err);
void bh_port_unplug(struct bh_port *p);

#endif
