/* A kernel interface by AF_PACKET.
 *
 * Threads   rx and tx: one worker each; the rest: control. Counters are written by their worker and read by
 *           control (torn reads do not exist for aligned 64-bit words here; a late value is fine).
 */
#ifndef BH_PORT_PACKET_H
#define BH_PORT_PACKET_H

#include "port.h"

struct bh_packet_layout {
	unsigned slot;  /* bytes: header and frame */
	unsigned block; /* bytes: whole slots, whole pages */
	unsigned n_blocks, n_slots;
};
/* Slots for frames of an MTU, two tags included; at least `frames` of them. */
void bh_packet_layout(struct bh_packet_layout *l, unsigned mtu, unsigned frames);

struct bh_packet {
	uint8_t *map; /* receive ring, then transmit ring */
	size_t ring_size;
	struct bh_packet_layout layout;
	struct rte_mempool *pool;
	int fd, index;
	unsigned rx_next;
	struct {
		uint64_t packets, bytes, errors, nombuf;
	} rx;
	uint64_t missed; /* control threads', atomic: the kernel's counter starts anew when read */
	unsigned tx_next __attribute__((aligned(BH_CACHE_LINE)));
	struct {
		uint64_t packets, bytes, errors;
	} tx;
};

struct bh_packet_params {
	int index; /* of the interface */
	unsigned mtu, frames;
	struct rte_mempool *pool;
};
int bh_packet_open(struct bh_packet **out, const struct bh_packet_params *params,
		   struct bh_err *err);
int bh_packet_start(struct bh_packet *k);  /* nothing is received before */
void bh_packet_close(struct bh_packet *k); /* NULL is fine */

/* As bh_port_rx and bh_port_tx. A frame that the kernel cut is dropped and counted (rx_errors). */
uint16_t bh_packet_rx(struct bh_packet *k, struct rte_mbuf **m, uint16_t n);
uint16_t bh_packet_tx(struct bh_packet *k, struct rte_mbuf **m, uint16_t n);
void bh_packet_stats(struct bh_packet *k, struct bh_port_stats *out);

#endif
