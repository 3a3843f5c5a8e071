/* evidence: the packets around an alert, from before it and after, as one pcapng each.
 *
 * Usage     a ring per worker: bh_evidence_put() for each packet, bh_evidence_settle() when its fate is known. The
 *           service: bh_evidence_open(), bh_evidence_offer() for each event that was popped, before it is written
 *           anywhere (bh_evidence_name() then says what its file will be called), bh_evidence_close().
 * Threads   a ring has one writer (its worker) and any number of readers, which hold it up in no way: no lock, no
 *           system call, no heap; what is overwritten while it is read is noticed and left out. offer and name: one
 *           control thread. The service has a thread of its own, that reads the rings and writes files. Files
 *           (bh_evidence_list, _load, _delete): any thread, also of another process.
 * Lifetime  rings outlive the service. All of a ring's memory is taken, and touched, at its creation.
 */
#ifndef BH_EVIDENCE_H
#define BH_EVIDENCE_H

#include "../base/base.h"
#include "../event/event.h"
#include "../net/net.h"

/* ---- ring ---------------------------------------------------------------------------------------- */

struct bh_evidence_ring;

enum bh_evidence_fate {
	BH_EVIDENCE_WAITS, /* not decided when it was last looked at */
	BH_EVIDENCE_PASSED,
	BH_EVIDENCE_DROPPED,
	BH_EVIDENCE_REJECTED,
};
const char *bh_evidence_fate_name(unsigned fate); /* any value is safe */

/* What is kept of a packet beside its bytes. */
struct bh_evidence_packet {
	uint64_t time_ns; /* wall clock */
	uint64_t flow;    /* bh_evidence_flow_hash; 0: no addresses */
	uint64_t pair;    /* bh_evidence_pair_hash */
	uint32_t wirelen;
	uint32_t segment[2]; /* name ids of its flow's ends, UINT32_MAX: not known */
	uint16_t caplen;     /* bytes kept; set by put */
	uint8_t wire;
	uint8_t app;    /* of its flow, 0: not proven when it came */
	uint8_t fate;   /* enum bh_evidence_fate */
	uint8_t reason; /* enum bh_reason, once fate is known */
};

/* A frame lies in memory in pieces. */
struct bh_evidence_piece {
	const void *at;
	uint32_t len;
};

#define BH_EVIDENCE_SNAP_MIN 64u
#define BH_EVIDENCE_SNAP_MAX 16384u
#define BH_EVIDENCE_RING_MIN (1u << 20)

/* bytes: for packets' bytes, a power of two from 1 MiB; an eighth of it comes on top for 64 bytes about each packet.
 * snap: bytes kept of one packet. 0, -EINVAL, -ENOMEM. */
int bh_evidence_ring_create(struct bh_evidence_ring **out, size_t bytes, uint32_t snap);
void bh_evidence_ring_destroy(struct bh_evidence_ring *r); /* NULL is fine */

/* The two ends of a key in their order: the same for both directions. Not keyed: readers compare the key itself. */
static inline uint64_t
bh_evidence_pair_hash(const struct bh_flow_key *key)
{
	const uint64_t a = UINT64_C(0x9e3779b97f4a7c15), b = UINT64_C(0xd1b54a32d192ed03);

	return bh_mum(key->addr[0].q[0] ^ a, key->addr[1].q[0] ^ b) ^
	       bh_mum(key->addr[0].q[1] ^ b, key->addr[1].q[1] ^ a);
}

/* pair: of the same key. Never 0. */
static inline uint64_t
bh_evidence_flow_hash(const struct bh_flow_key *key, uint64_t pair)
{
	uint64_t ends = (uint64_t)key->port[0] << 32 | (uint64_t)key->port[1] << 8 | key->proto;

	return bh_mum(pair ^ ends, key->tenant ^ UINT64_C(0x8cb92ba72f3d8dd7)) | 1;
}

/* Writer: keep a packet of n pieces. Returns its number, modulo 2^32. */
uint32_t bh_evidence_put(struct bh_evidence_ring *r, const struct bh_evidence_packet *p,
			 const struct bh_evidence_piece *piece, unsigned n);
/* Writer: what became of it; nothing when it has been overwritten. */
void bh_evidence_settle(struct bh_evidence_ring *r, uint32_t number, enum bh_evidence_fate fate,
			enum bh_reason reason);

/* Readers. Packets are numbered from 0: [tail, head) may still be there. */
uint64_t bh_evidence_head(const struct bh_evidence_ring *r);
uint64_t bh_evidence_tail(const struct bh_evidence_ring *r);
/* false: it is gone, or went while it was read. data: NULL, or room for the ring's snap length. */
bool bh_evidence_get(const struct bh_evidence_ring *r, uint64_t number,
		     struct bh_evidence_packet *out, uint8_t *data);
uint32_t bh_evidence_snap(const struct bh_evidence_ring *r);

/* ---- masking ------------------------------------------------------------------------------------- */

enum bh_evidence_mask { BH_MASK_DLP, BH_MASK_ALWAYS, BH_MASK_NEVER };

/* Bytes to hide of a text: bit i of `hide` is set for each. Lengths stay.
 * all false: card numbers alone (13 to 19 digits with their check digit, whatever single characters part them).
 * all true: every run of eight or more digits, however parted or escaped; addresses of mail; what may be a key; bytes that
 * are no text, since a coded body could be decoded again. Of a card number the first six and the last four digits stay, of
 * other runs the last four.
 * Returns how many are hidden. */
size_t bh_evidence_hide(uint8_t *hide, const uint8_t *text, size_t len, bool all);

/* ---- service ------------------------------------------------------------------------------------- */

struct bh_evidence;

#define BH_EVIDENCE_NAME_MAX 96
#define BH_EVIDENCE_MAX_WIRES 64

struct bh_evidence_wire {
	const char *name;
	uint32_t linktype; /* LINKTYPE_ value */
	enum bh_link_type link;
};

struct bh_evidence_params {
	const char *path;                     /* folder; made with mode 0700 when it is missing */
	struct bh_evidence_ring *const *ring; /* by worker; the array is copied */
	unsigned n_rings;
	struct bh_evidence_wire wire[BH_EVIDENCE_MAX_WIRES]; /* names outlive the service */
	unsigned n_wires;
	unsigned before,
		after;     /* packets of a file: at most so many from before the event, and later */
	uint64_t after_ms; /* no longer than this behind the event */
	bool captures;     /* only of events whose action asks for it, else of all alerts */
	bool whole_pair;   /* all packets between the two addresses, not of the flow alone */
	enum bh_evidence_mask mask;
	uint64_t max_size, max_age_ms; /* of all files; the oldest go first */
	uint64_t rate;                 /* files a second, of violations and of the rest each */
	struct bh_parse_params parse;
	const struct bh_event_names *names; /* for the event's own record, which the file holds */
	const struct bh_clock *clock;       /* NULL = system */
	bool by_hand; /* no thread: the caller calls bh_evidence_step after each of its turns */
};

struct bh_evidence_stats {
	uint64_t files;   /* written */
	uint64_t packets; /* in them */
	uint64_t torn;    /* packets that were overwritten before they were read */
	uint64_t missed;  /* events that got no file: evidence.rate */
	uint64_t failed;  /* files that could not be written */
	uint64_t removed; /* by age and size */
};

/* 0 or -errno with err set. */
int bh_evidence_open(struct bh_evidence **out, const struct bh_evidence_params *params,
		     struct bh_err *err);
/* Files in the making are written with what they have. NULL is fine. */
void bh_evidence_close(struct bh_evidence *ev);
/* An event: violation, sensor or threat of known addresses gets a file, or joins that of its flow. */
void bh_evidence_offer(struct bh_evidence *ev, const struct bh_event *e);
/* Name of the file that an event offered a moment ago will have, into out (BH_EVIDENCE_NAME_MAX); NULL: none. */
const char *bh_evidence_name(struct bh_evidence *ev, const struct bh_event *e, char *out);
/* by_hand: take packets from the rings, write what is complete. */
void bh_evidence_step(struct bh_evidence *ev);
/* Write what is in the making now, without waiting for more packets. */
void bh_evidence_flush(struct bh_evidence *ev);
void bh_evidence_stats(struct bh_evidence *ev, struct bh_evidence_stats *out);
/* Did writing begin to fail (1), or work again (-1), since the last call? text: why. Control thread. */
int bh_evidence_trouble(struct bh_evidence *ev, char *text, size_t size);

/* ---- captures: packets that somebody asks for ---------------------------------------------------- */

/* Read from the same rings, by the service's thread: a packet costs its worker nothing more. All that is set must fit. */
#define BH_EVIDENCE_CAPTURES 4 /* at once */
#define BH_EVIDENCE_CAPTURE_CLASS "capture"
#define BH_EVIDENCE_CAPTURE_PACKETS 65536u
#define BH_EVIDENCE_CAPTURE_BYTES (16u << 20)
#define BH_EVIDENCE_CAPTURE_MS (3600u * 1000)

struct bh_evidence_prefix {
	uint8_t family, len; /* 4 or 6; bits */
	uint8_t addr[16];    /* IPv4 in the first 4 */
};

struct bh_evidence_filter {
	unsigned n_addresses, n_segments; /* one: of either end; two: one at each */
	struct bh_evidence_prefix address[2];
	uint32_t segment[2]; /* name ids */
	uint16_t port;       /* of either end; 0: any */
	uint8_t proto;       /* IP protocol number; 0: any */
	uint64_t app[2];     /* bits of what its flow may prove to be, sooner or later; none: any */
	bool dropped, passed; /* only what did not arrive; only what did */
};

struct bh_evidence_order {
	struct bh_evidence_filter filter;
	uint32_t packets; /* 1 to BH_EVIDENCE_CAPTURE_PACKETS */
	uint64_t bytes;   /* of packets, 1 to BH_EVIDENCE_CAPTURE_BYTES */
	uint64_t for_ms;  /* 1 to BH_EVIDENCE_CAPTURE_MS */
	const char *text; /* becomes a comment of the file: who asked, and for what */
};

struct bh_evidence_running {
	char name[BH_EVIDENCE_NAME_MAX]; /* of the file that it will be */
	char text[1024];
	uint64_t time_ns, for_ms,
		bytes; /* begun, wall; bytes and packets so far: those whose application is not proven yet count */
	uint32_t packets;
	bool ending;
};

/* Any thread. Begin one; its name into out. -EBUSY: so many run already; -EINVAL: a bound is out of range; -ENOMEM. */
int bh_evidence_capture_start(struct bh_evidence *ev, const struct bh_evidence_order *order,
			      char out[BH_EVIDENCE_NAME_MAX], struct bh_err *err);
/* End one: its file appears soon. -ENOENT: none of that name runs. */
int bh_evidence_capture_stop(struct bh_evidence *ev, const char *name);
/* Those that run; how many. */
unsigned bh_evidence_captures(struct bh_evidence *ev,
			      struct bh_evidence_running out[BH_EVIDENCE_CAPTURES]);

/* ---- files --------------------------------------------------------------------------------------- */

/* "20260102T030405.678901Z-00c0ffee12345678-dlp.card.pcapng": time of the event, flow id (0: none), class. */
struct bh_evidence_file {
	char name[BH_EVIDENCE_NAME_MAX];
	char class_[48];
	uint64_t time_ns, flow_id, size;
};

bool bh_evidence_name_parse(const char *name, struct bh_evidence_file *out);
struct bh_evidence_want {
	const char *before; /* only older ones than this name; NULL: from the newest on */
	const char *class_; /* only of this class; NULL: of any */
	unsigned max;
};
/* Newest first; the folder is read once. *more: there are others. 0 or -errno with err set. */
int bh_evidence_list(const char *path, const struct bh_evidence_want *want,
		     struct bh_evidence_file *out, unsigned *n, bool *more, struct bh_err *err);
/* *data is the caller's to free. -ENOENT: no file is called that. */
int bh_evidence_load(const char *path, const char *name, char **data, size_t *len,
		     struct bh_err *err);
int bh_evidence_delete(const char *path, const char *name, struct bh_err *err);

#endif
