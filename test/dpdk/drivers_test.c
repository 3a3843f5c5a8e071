/* One case of drivers.h, in a namespace of its own. */
#include "drivers.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>

#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_eal.h>

#define OURS 0x88b5

int
command(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int rc;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	rc = system(line);
	if (rc != 0)
		fprintf(stderr, "%s: %d\n", line, rc);
	return rc;
}

int
raw_socket(const char *ifname, uint16_t protocol)
{
	const struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = (int)if_nametoindex(ifname),
	};
	const struct timeval limit = {.tv_sec = 2};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
		fprintf(stderr, "packet socket on %s: %s\n", ifname, strerror(errno));
		exit(1);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

unsigned
make_frame(uint8_t *f, unsigned len, uint32_t number)
{
	const uint8_t head[14] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, OURS >> 8, OURS & 0xff};
	unsigned i;

	memcpy(f, head, sizeof(head));
	memcpy(f + sizeof(head), &number, sizeof(number));
	for (i = sizeof(head) + sizeof(number); i < len; i++)
		f[i] = (uint8_t)(i * 7 + number);
	return len;
}

int64_t
frame_number(const uint8_t *f, unsigned len)
{
	uint32_t number;

	if (len < 18 || f[12] != OURS >> 8 || f[13] != (OURS & 0xff))
		return -1;
	memcpy(&number, f + 14, sizeof(number));
	return number;
}

void
send_frames(int fd, unsigned len, uint32_t first, unsigned n)
{
	uint8_t f[16384];
	unsigned i;

	for (i = 0; i < n; i++) {
		make_frame(f, len, first + i);
		if (send(fd, f, len, 0) != (ssize_t)len) {
			perror("send");
			exit(1);
		}
	}
}

struct rte_mempool *
plain_pool(unsigned n)
{
	struct rte_mempool *p =
		rte_pktmbuf_pool_create("plain", n, 0, 0, 2048 + 128, SOCKET_ID_ANY);

	if (p == NULL) {
		fprintf(stderr, "no pool\n");
		exit(1);
	}
	return p;
}

int
port_open(const char *devargs, unsigned queues, struct rte_mempool *pool)
{
	const struct rte_eth_conf conf = {0};
	uint16_t id, q, n = (uint16_t)queues;
	char name[64];

	if (rte_dev_probe(devargs) < 0)
		return -1;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(devargs, ","), devargs);
	if (rte_eth_dev_get_port_by_name(name, &id) < 0)
		return -1;
	if (rte_eth_dev_configure(id, n, n, &conf) < 0)
		goto fail;
	for (q = 0; q < n; q++) {
		if (rte_eth_rx_queue_setup(id, q, 512, SOCKET_ID_ANY, NULL, pool) < 0 ||
		    rte_eth_tx_queue_setup(id, q, 512, SOCKET_ID_ANY, NULL) < 0)
			goto fail;
	}
	if (rte_eth_dev_start(id) < 0)
		goto fail;
	rte_eth_stats_reset(id);
	return id;
fail:
	port_close(id);
	return -1;
}

void
port_close(int id)
{
	struct rte_eth_dev_info info;

	rte_eth_dev_stop((uint16_t)id);
	if (rte_eth_dev_info_get((uint16_t)id, &info) < 0)
		return;
	rte_eth_dev_close((uint16_t)id);
	rte_dev_remove(info.device);
}

unsigned
port_collect(int id, unsigned queues, struct rte_mbuf **m, unsigned max, unsigned ms)
{
	unsigned got = 0, quiet = 0, q, n;

	while (got < max && quiet < ms) {
		for (n = 0, q = 0; q < queues; q++)
			n += rte_eth_rx_burst((uint16_t)id, (uint16_t)q, m + got + n,
					      (uint16_t)RTE_MIN(32u, max - got - n));
		got += n;
		if (n == 0) {
			usleep(1000);
			quiet++;
		} else {
			quiet = 0;
		}
	}
	return got;
}

/* Two ends of a cable, silent but for what a case sends. */
static int
make_world(void)
{
	if (unshare(CLONE_NEWNET) < 0) {
		perror("unshare");
		return -1;
	}
	return command("ip link set lo up && ip link add %s numrxqueues 1 numtxqueues 1 type veth "
		       "peer name %s numrxqueues 1 numtxqueues 1 && "
		       "for i in %s %s; do ip link set $i addrgenmode none arp off up; done",
		       PORT_IF, PEER_IF, PORT_IF, PEER_IF);
}

static const struct drivers_case *
find(const char *name)
{
	const struct drivers_case *const lists[] = {drivers_af_packet, drivers_af_xdp};
	const struct drivers_case *c;
	unsigned i;

	for (i = 0; i < RTE_DIM(lists); i++) {
		for (c = lists[i]; c->name != NULL; c++) {
			if (strcmp(c->name, name) == 0)
				return c;
		}
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	char *eal[] = {argv[0],
		       "--no-huge",
		       "-m256",
		       "--no-shconf",
		       "--no-telemetry",
		       "--no-pci",
		       "--iova-mode=va",
		       "--log-level=*:error",
		       "-l0",
		       NULL};
	const struct drivers_case *c = argc == 2 ? find(argv[1]) : NULL;

	if (c == NULL) {
		fprintf(stderr, "usage: %s NAME (of a patch)\n", argv[0]);
		return 2;
	}
	if (make_world() != 0 || rte_eal_init((int)RTE_DIM(eal) - 1, eal) < 0)
		return 2;
	return c->run();
}
