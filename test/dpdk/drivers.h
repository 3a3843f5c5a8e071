/* What dpdk-patches/ changes, one case a patch: a port on one end of a veth pair, a packet socket on the other.
 *
 * Usage     drivers_test NAME runs one case in a network namespace that it makes (root); run.sh runs them all.
 *           A case returns 0, or 1 after having said what was wrong.
 */
#ifndef BH_TEST_DRIVERS_H
#define BH_TEST_DRIVERS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

/* A case fails where its claim is not true. */
#define CLAIM(cond, ...)                                                                           \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s: ", __func__);                                         \
			fprintf(stderr, __VA_ARGS__);                                              \
			fputc('\n', stderr);                                                       \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

#define PORT_IF "a0" /* the port's end */
#define PEER_IF "b0"

struct drivers_case {
	const char *name; /* of the patch, without its number and ".patch" */
	int (*run)(void);
};
extern const struct drivers_case drivers_af_packet[], drivers_af_xdp[]; /* ended by NULL */

/* ---- the world ------------------------------------------------------------------------------------------- */

int command(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A packet socket on an interface, of that protocol (0: it only sends). */
int raw_socket(const char *ifname, uint16_t protocol);
/* A frame of 0x88b5 (IEEE 802, local experiments) with this number in it. */
unsigned make_frame(uint8_t *f, unsigned len, uint32_t number);
/* Numbers first to first + n - 1. */
void send_frames(int fd, unsigned len, uint32_t first, unsigned n);
/* The number of a frame of ours, or -1. */
int64_t frame_number(const uint8_t *f, unsigned len);

/* ---- ports ----------------------------------------------------------------------------------------------- */

struct rte_mempool *plain_pool(unsigned n);
/* Plugged, configured with that many queues each way, started; its id, or -1. */
int port_open(const char *devargs, unsigned queues, struct rte_mempool *pool);
void port_close(int id);
/* What comes within ms of the last frame, of all queues; freed by the caller. */
unsigned port_collect(int id, unsigned queues, struct rte_mbuf **m, unsigned max, unsigned ms);

#endif
