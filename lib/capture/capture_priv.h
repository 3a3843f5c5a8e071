/* capture_priv: the reader's state, shared by reader.c (open, pcap) and pcapng.c. */
#ifndef BH_CAPTURE_PRIV_H
#define BH_CAPTURE_PRIV_H

#include "capture.h"

/* pcapng block types (draft-ietf-opsawg-pcapng, sections 4 and A). */
#define BH_PCAPNG_SECTION 0x0a0d0d0au
#define BH_PCAPNG_INTERFACE 1u
#define BH_PCAPNG_PACKET 2u /* obsolete, still met */
#define BH_PCAPNG_SIMPLE 3u
#define BH_PCAPNG_ENHANCED 6u
#define BH_PCAPNG_MAGIC 0x1a2b3c4du

struct bh_pcapng_interface {
	uint32_t linktype;
	uint32_t snaplen;   /* 0 = no limit */
	uint8_t resolution; /* if_tsresol */
	int64_t offset_s;   /* if_tsoffset */
};

struct bh_pcapng {
	FILE *in;
	bool swapped; /* the section's byte order is not ours */
	struct bh_pcapng_interface *interface;
	uint32_t n_interfaces, room;
	uint64_t last_ns; /* simple packets have no time: that of the one before */
	uint8_t *block;   /* body of the block in hand */
	size_t block_room;
};

/* After bh_pcapng_open the section header has been read. These return as bh_capture_next, with -EBADMSG and
 * err->what holding the bare cause. */
int bh_pcapng_open(struct bh_pcapng *p, FILE *in, struct bh_err *err);
int bh_pcapng_next(struct bh_pcapng *p, struct bh_capture_packet *out, struct bh_err *err);
void bh_pcapng_close(struct bh_pcapng *p);

#endif
