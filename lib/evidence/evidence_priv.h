/* evidence_priv: a file in the making, and who does what about it.
 *
 *   ring.c     the packets, lock-free
 *   service.c  events become cases, cases end; the lock
 *   collect.c  packets of the rings to the cases they belong to; the service's thread
 *   ask.c      captures that somebody asks for
 *   stitch.c   payloads that are one text to their receiver, masked as one
 *   file.c     a case as pcapng
 *   folder.c   names, retention, room on the disk
 */
#ifndef BH_EVIDENCE_PRIV_H
#define BH_EVIDENCE_PRIV_H

#include <pthread.h>

#include "../capture/capture.h"
#include "evidence.h"

#define BH_EVIDENCE_CASES 256 /* in the making at once */
#define BH_EVIDENCE_EVENTS 16 /* whose records a file holds */

struct bh_evidence_kept {
	uint64_t number; /* in its ring */
	struct bh_evidence_packet p;
	uint8_t *data;
};

enum bh_evidence_state { BH_CASE_FREE, BH_CASE_NEW, BH_CASE_OPEN, BH_CASE_ENDING };

static inline void
bh_evidence_count(uint64_t *c, uint64_t n)
{
	__atomic_fetch_add(c, n, __ATOMIC_RELAXED);
}

struct bh_evidence_case {
	/* under the lock */
	enum bh_evidence_state state;
	char name[BH_EVIDENCE_NAME_MAX];
	bool sensitive; /* a dlp.* event is among them */
	struct bh_buf event[BH_EVIDENCE_EVENTS];
	unsigned n_events;
	/* written before it is NEW */
	struct bh_flow_key key;
	uint64_t flow_id, flow, pair;
	uint64_t time_ns;    /* of the event, wall */
	uint64_t started_ns; /* mono */
	unsigned ring;
	bool whole_pair;
	/* the service's thread */
	uint64_t until;            /* packets of its ring that have been looked at */
	unsigned n_before, oldest; /* [0, before) is a ring of them, until it is written */
	unsigned n_after;
	bool over;                       /* a packet from behind the end has been seen */
	struct bh_evidence_kept *packet; /* [before + after] */
};

/* A capture. */
enum bh_evidence_ask_state { BH_ASK_FREE, BH_ASK_RUNS, BH_ASK_ENDING };

struct bh_evidence_ask {
	/* under the lock */
	enum bh_evidence_ask_state state;
	bool stop;
	char name[BH_EVIDENCE_NAME_MAX];
	char text[1024];
	uint32_t n;     /* packets kept; written by the thread */
	uint64_t bytes; /* of them */
	/* written before it runs */
	struct bh_evidence_order order;
	uint64_t time_ns, started_ns; /* wall, mono */
	/* the thread's */
	struct bh_evidence_kept *packet; /* [order.packets], taken when it begins */
	uint16_t *ring;                  /* of each */
};

struct bh_evidence_bucket {
	uint64_t tokens, last_ms; /* thousandths */
};

struct bh_evidence {
	struct bh_evidence_params p;
	struct bh_evidence_ring **ring;
	int folder;
	const struct bh_clock *clock;
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock;
	pthread_cond_t wake; /* to the thread: there is something to do */
	pthread_cond_t idle; /* from it: nothing is left */
	bool stop, hurry;
	unsigned n_cases; /* not free */
	struct bh_evidence_case one[BH_EVIDENCE_CASES];
	struct bh_evidence_ask ask[BH_EVIDENCE_CAPTURES];
	unsigned n_asks;                     /* not free; under the lock */
	struct bh_evidence_bucket bucket[3]; /* of violations; of captures asked for; of all else */
	struct bh_evidence_stats stats;
	bool failing, told;
	char trouble[256];
	/* the thread's */
	uint64_t *at; /* by ring: packets before it have been given out */
	uint64_t size;
	uint64_t swept_ns;
	uint8_t *data; /* one packet */
};

/* collect.c: one round. hurry: end them all. */
void bh_evidence_collect(struct bh_evidence *ev, bool hurry);

/* stitch.c: what must not be seen becomes '*'. Returns how many bytes of payload, or -ENOMEM. */
struct bh_evidence_frame {
	uint8_t *data;
	uint32_t caplen, wirelen;
	uint8_t wire;
	uint32_t hidden; /* bytes; set */
};
int bh_evidence_stitch(const struct bh_evidence_params *p, struct bh_evidence_frame *frame,
		       unsigned n, bool all);
/* The key of a frame; false: it has none. */
bool bh_evidence_key(const struct bh_evidence_params *p, const struct bh_evidence_packet *packet,
		     const uint8_t *data, struct bh_parsed *out);

/* ask.c: captures that run now, as a list; a packet for them; those whose time has come are written. */
unsigned bh_evidence_asks(struct bh_evidence *ev,
			  struct bh_evidence_ask *out[BH_EVIDENCE_CAPTURES]);
void bh_evidence_ask_look(struct bh_evidence *ev, struct bh_evidence_ask *a, unsigned ring,
			  uint64_t number, const struct bh_evidence_packet *p);
void bh_evidence_ask_end(struct bh_evidence *ev, bool hurry);
void bh_evidence_ask_free(struct bh_evidence_ask *a);

/* file.c: packets in their order, with comments of the section; all: hide whatever may be private. 0 or -ENOMEM. */
struct bh_evidence_sheet {
	struct bh_evidence_kept **packet;
	unsigned n;
	const char *comment[BH_EVIDENCE_EVENTS + 1];
	unsigned n_comments;
	bool all;
};
int bh_evidence_write(const struct bh_evidence *ev, struct bh_evidence_sheet *s,
		      struct bh_buf *out);
/* What became of it since it was read, where its ring still knows. */
void bh_evidence_refresh(const struct bh_evidence_ring *ring, struct bh_evidence_kept *k);
/* file.c: the case's packets in their order; frees nothing. 0 or -ENOMEM. */
int bh_evidence_render(const struct bh_evidence *ev, struct bh_evidence_case *c,
		       struct bh_buf *out);

/* folder.c */
int bh_evidence_folder_open(const char *path, struct bh_err *err); /* descriptor, or -errno */
/* All or nothing, never the last of the disk's room: older files make way. 0 or -errno. */
int bh_evidence_save(struct bh_evidence *ev, const char *name, const struct bh_buf *data);
/* Remove what is too old or too much. */
void bh_evidence_sweep(struct bh_evidence *ev);
void bh_evidence_name_make(char out[BH_EVIDENCE_NAME_MAX], uint64_t time_ns, uint64_t flow_id,
			   const char *class_);

#endif
