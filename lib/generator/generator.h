/* generator: what a traffic generator sends, and how it judges what comes back. No port, no thread, no clock: times are
 * the caller's ticks.
 *
 * Usage     options into struct bh_gen_options; a struct bh_gen_wire says who talks to whom; probes (stateless) are
 *           built and read with bh_gen_probe_*, connections (stateful) live in tcp.h.
 * Threads   pure functions, or objects of one thread. A bh_gen_zipf is read only once made: any number of threads.
 * Lifetime  stated at each creator.
 */
#ifndef BH_GENERATOR_H
#define BH_GENERATOR_H

#include "../base/base.h"
#include "../conf/conf.h"
#include "../net/net.h"

/* Frame sizes count as RFC 2544 counts them: with the 4 bytes of FCS that no port hands over. */
#define BH_GEN_FCS 4
/* On the wire each frame is 20 bytes longer: preamble, start delimiter, gap (IEEE 802.3 4.4.2). */
#define BH_GEN_GAP 20
#define BH_GEN_FRAME_MIN 64
#define BH_GEN_FRAME_MAX 9026 /* MTU 9000, Ethernet, two tags, FCS */

/* ---- random numbers: the same for the same seed --------------------------------------------------- */

struct bh_gen_rng {
	uint64_t s;
};

/* splitmix64 (Steele, Lea, Flood 2014). */
static inline uint64_t
bh_gen_random(struct bh_gen_rng *r)
{
	uint64_t z = r->s += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Below n, n > 0; the bias is below n / 2^32. */
static inline uint32_t
bh_gen_below(struct bh_gen_rng *r, uint32_t n)
{
	return (uint32_t)((bh_gen_random(r) >> 32) * n >> 32);
}

/* ---- sizes of frames: mix.c ------------------------------------------------------------------------- */

#define BH_GEN_MIX_PARTS 16
#define BH_GEN_MIX_ORDER 256
struct bh_gen_mix {
	char name[64]; /* as written */
	unsigned n;
	struct {
		uint16_t size, weight;
	} part[BH_GEN_MIX_PARTS];
	uint16_t n_order; /* the sum of weights */
	uint8_t order[BH_GEN_MIX_ORDER];
};

#define BH_GEN_TRIALS 16
struct bh_gen_frames {
	unsigned n;
	struct bh_gen_mix mix[BH_GEN_TRIALS]; /* a trial each */
};

/* "64,imix,64:7+594:4": trials by comma, parts of a mix by plus, SIZE:WEIGHT. "rfc2544" is that document's list for
 * Ethernet, "imix" 64:7+594:4+1518:1. 0 or -EINVAL. */
int bh_gen_frames_parse(struct bh_gen_frames *f, const char *text, struct bh_err *err);
uint16_t bh_gen_mix_largest(const struct bh_gen_mix *m);
uint16_t bh_gen_mix_least(const struct bh_gen_mix *m);
/* The mean. */
double bh_gen_mix_mean(const struct bh_gen_mix *m);

/* Every n_order frames hold each part exactly `weight` times, evenly spread. */
static inline uint16_t
bh_gen_mix_at(const struct bh_gen_mix *m, uint32_t frame)
{
	return m->part[m->order[frame % m->n_order]].size;
}

/* ---- which flow is next: pick.c --------------------------------------------------------------------- */

enum bh_gen_pattern { BH_GEN_UNIFORM, BH_GEN_SEQUENTIAL, BH_GEN_ZIPF };

/* Alias method (Vose 1991): a draw costs one random number and one access. */
struct bh_gen_zipf {
	uint32_t n;
	uint32_t *keep;  /* of 2^32: how often this place keeps its own */
	uint32_t *alias; /* else it is this one's */
};
/* Rank k of n has probability (k + 1)^-s / sum. 8 bytes a rank. 0, or -ENOMEM. */
int bh_gen_zipf_init(struct bh_gen_zipf *z, uint32_t n, double s);
void bh_gen_zipf_free(struct bh_gen_zipf *z); /* zeroes are fine */

struct bh_gen_pick {
	enum bh_gen_pattern pattern;
	uint32_t n, at;
	struct bh_gen_rng rng;
	const struct bh_gen_zipf *zipf; /* of n ranks; of BH_GEN_ZIPF only */
};

static inline uint32_t
bh_gen_pick(struct bh_gen_pick *p)
{
	uint64_t r;
	uint32_t i;

	switch (p->pattern) {
	case BH_GEN_UNIFORM:
		return bh_gen_below(&p->rng, p->n);
	case BH_GEN_ZIPF:
		r = bh_gen_random(&p->rng);
		i = (uint32_t)((r >> 32) * p->zipf->n >> 32);
		return (uint32_t)r < p->zipf->keep[i] ? i : p->zipf->alias[i];
	default:
		i = p->at;
		p->at = i + 1 < p->n ? i + 1 : 0;
		return i;
	}
}

/* "uniform", "sequential" or "zipf:S" (S alone is 1). 0 or -EINVAL. */
int bh_gen_pattern_parse(const char *text, enum bh_gen_pattern *pattern, double *s,
			 struct bh_err *err);

/* ---- histogram: hist.c --------------------------------------------------------------------------------- */

/* Log-linear: exact below 128, then 128 steps an octave, so that a value is known to 1/128. 58 KiB. */
#define BH_GEN_HIST_STEPS 128
#define BH_GEN_HIST_BUCKETS ((64 - 7 + 1) * BH_GEN_HIST_STEPS)
struct bh_gen_hist {
	uint64_t n, sum, min, max;
	uint64_t count[BH_GEN_HIST_BUCKETS];
};

static inline unsigned
bh_gen_hist_bucket(uint64_t v)
{
	unsigned shift;

	if (v < BH_GEN_HIST_STEPS)
		return (unsigned)v;
	shift = 63 - (unsigned)__builtin_clzll(v) - 7;
	return shift * BH_GEN_HIST_STEPS + (unsigned)(v >> shift);
}

static inline void
bh_gen_hist_add(struct bh_gen_hist *h, uint64_t v)
{
	h->count[bh_gen_hist_bucket(v)]++;
	h->n++;
	h->sum += v;
	if (v > h->max)
		h->max = v;
	if (v < h->min || h->n == 1)
		h->min = v;
}

void bh_gen_hist_merge(struct bh_gen_hist *into, const struct bh_gen_hist *from);
/* The least value that at least share (0 to 1) of all are not above, at the upper end of its bucket but never above max;
 * 0 if there are none. */
uint64_t bh_gen_hist_percentile(const struct bh_gen_hist *h, double share);

/* ---- what came back, flow by flow: track.c ----------------------------------------------------------- */

enum bh_gen_order {
	BH_GEN_NEXT, /* in order, maybe behind a gap */
	BH_GEN_LATE, /* reordered as RFC 4737 3.3 says: below what was expected, for the first time */
	BH_GEN_REPEATED, /* or so old (64 behind the newest) that it can't be told */
};
/* All zeroes: nothing seen. Numbers of a flow begin at 0. */
struct bh_gen_track {
	uint64_t seen; /* bit i: next - 1 - i came */
	uint32_t next; /* one more than the largest that came */
};
enum bh_gen_order bh_gen_track(struct bh_gen_track *t, uint32_t sequence);

/* ---- who talks to whom ---------------------------------------------------------------------------------- */

enum { BH_GEN_CLIENT, BH_GEN_SERVER };

struct bh_gen_wire {
	struct bh_prefix
		net[2]; /* of one family; hosts are counted up from its first address + 1 */
	uint32_t hosts[2];
	uint16_t port;     /* of the servers */
	uint16_t vlan;     /* 0: untagged */
	uint8_t mac[2][6]; /* as each side writes its own */
	uint8_t to[2][6];  /* destination of what a side sends */
};
#define BH_GEN_PORTS (65536 - 1024) /* of a client: from 1024 on */

/* How many flows these hosts can have, at most UINT32_MAX. */
uint32_t bh_gen_wire_flows(const struct bh_gen_wire *w);
/* Do the hosts fit their prefixes, and are families the same? 0 or -EINVAL. */
int bh_gen_wire_check(const struct bh_gen_wire *w, struct bh_err *err);
/* The address of a host of a side, 4 or 16 bytes. */
void bh_gen_wire_host(const struct bh_gen_wire *w, unsigned side, uint32_t host, uint8_t out[16]);
/* Which host of a side has this address, or UINT32_MAX. */
uint32_t bh_gen_wire_find(const struct bh_gen_wire *w, unsigned side, const uint8_t *addr);
static inline unsigned
bh_gen_wire_l2(const struct bh_gen_wire *w)
{
	return w->vlan != 0 ? 18 : 14;
}
/* Bytes in front of UDP's or TCP's header. */
static inline unsigned
bh_gen_wire_l4(const struct bh_gen_wire *w)
{
	return bh_gen_wire_l2(w) + (w->net[0].family == BH_IP4 ? 20 : 40);
}

/* What IP and link headers of a packet differ by. */
struct bh_gen_head {
	unsigned from; /* side */
	uint8_t proto;
	uint16_t l4_len;
	uint8_t src[16], dst[16];
};
/* Link and IP header into out (58 bytes at most); returns their length and the unfolded sum of the pseudo header. */
unsigned bh_gen_head_write(const struct bh_gen_wire *w, const struct bh_gen_head *h, uint8_t *out,
			   uint64_t *pseudo);

/* ---- probes: probe.c -------------------------------------------------------------------------------------- */

/* Payload of a probe: check, flow, sequence, trial and time. A frame of 64 bytes has just room for it behind UDP over IPv4. */
#define BH_GEN_PROBE_SIZE 18

struct bh_gen_probe {
	uint32_t flow, sequence;
	uint8_t trial;
	uint64_t ticks; /* 56 bits */
};

struct bh_gen_probes {
	struct bh_gen_wire wire;
	struct bh_parse_params parse;
	uint64_t secret; /* of this run: another generator's frames are not ours */
};

/* Smallest frame that holds a probe, FCS counted. */
uint16_t bh_gen_probe_least(const struct bh_gen_wire *w);
/* A UDP frame of `size` bytes, FCS counted but not written, as the flow's client (or with `back` its server) sends it.
 * Bytes behind the probe are zero. */
void bh_gen_probe_build(const struct bh_gen_probes *p, const struct bh_gen_probe *probe, bool back,
			uint16_t size, uint8_t *out);

enum bh_gen_read {
	BH_GEN_PROBE,   /* ours, whole: checksums and check hold */
	BH_GEN_CORRUPT, /* to or from our port, but not what was sent */
	BH_GEN_FOREIGN, /* anything else */
};
enum bh_gen_read bh_gen_probe_read(const struct bh_gen_probes *p, const uint8_t *frame,
				   uint32_t len, struct bh_gen_probe *out);
/* Is it a UDP packet to our port? Then it is turned round in place: addresses and ports change places. */
bool bh_gen_probe_reflect(const struct bh_gen_probes *p, uint8_t *frame, uint32_t len);

/* ---- neighbours: neighbour.c ------------------------------------------------------------------------------- */

#define BH_GEN_ASK_SIZE 94 /* the longest frame that is made here */
/* Who has this address? ARP request or neighbour solicitation from host 0 of `side`. Returns its length. */
unsigned bh_gen_neighbour_ask(const struct bh_gen_wire *w, unsigned side, const uint8_t *target,
			      uint8_t *out);
/* A frame that came in on `side`: if it asks for one of the side's hosts, the answer is in out and its length returned. If it
 * answers for *target, its address goes into mac and *known is set. Else 0. */
struct bh_gen_asked {
	uint8_t target[16];
	uint8_t mac[6];
	bool known;
};
unsigned bh_gen_neighbour_input(const struct bh_gen_wire *w, unsigned side, const uint8_t *frame,
				uint32_t len, struct bh_gen_asked *asked, uint8_t *out);

/* ---- binary search for a rate without loss: search.c ---------------------------------------------------------- */

/* RFC 2544 26.1: the fastest rate at which as many frames come back as were sent. */
struct bh_gen_search {
	double low, high; /* passed; failed or not tried */
	double precision; /* of high */
	double best;      /* the fastest that passed; 0: none yet */
	unsigned trials;
	bool first;
};
#define BH_GEN_SEARCH_TRIALS 32
void bh_gen_search_init(struct bh_gen_search *s, double most, double precision);
/* The next rate to try, or 0: done. */
double bh_gen_search_next(const struct bh_gen_search *s);
/* What came of it. offered: the rate that was really reached, which may be less. */
void bh_gen_search_result(struct bh_gen_search *s, double rate, double offered, bool passed);

#endif
