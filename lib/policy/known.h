/* known: what addresses the names of segments have (known.c hosts.c doc_hosts.c). policy_priv.h includes it. */
#ifndef BH_POLICY_KNOWN_H
#define BH_POLICY_KNOWN_H

#include "host.h"

struct bh_doc;
struct bh_doc_reader;
struct bh_doc_segment;
struct bh_snapshot;

/* ---- pairs of a name and an address (hosts.c) ---------------------------------------------------------- */

struct bh_host {
	char *name;
	uint64_t expires_ns; /* mono */
	uint8_t addr[16];
	uint8_t family;
	bool leaving; /* its time is over: not among the pairs of bh_known */
};

struct bh_hosts {
	struct bh_host *host; /* n, in no order */
	uint32_t n, cap;
	uint32_t *cell, mask; /* by name and address; BH_NONE: free */
	uint64_t next_ns;     /* when the first is due; 0: none */
	struct bh_hash_key hash_key;
};

void bh_hosts_free(struct bh_hosts *h);
/* The pair of a name in lower case, or NULL. */
struct bh_host *bh_hosts_find(const struct bh_hosts *h, const char *name, const uint8_t addr[16],
			      uint8_t family);
/* Keyed, of 64 bits, never 0: two pairs do not meet in it. */
uint64_t bh_host_hash(const struct bh_hash_key *key, const char *name, size_t len,
		      const uint8_t addr[16], uint8_t family);
/* A new pair. 0 or -ENOMEM. */
int bh_hosts_add(struct bh_hosts *h, const struct bh_host *host);
/* Mark those that are due. Returns how many were not yet. */
uint32_t bh_hosts_leave(struct bh_hosts *h, uint64_t mono_ns);
/* Without those that are due. Returns how many; told: a line each. */
uint32_t bh_hosts_expire(struct bh_hosts *h, uint64_t mono_ns, struct bh_buf *told);

/* ---- for workers (known.c) ----------------------------------------------------------------------------- */

/* Immutable. */
struct bh_known {
	struct bh_hash_key hash_key;
	uint32_t n, mask, pair_mask;
	const uint64_t *pair; /* bh_host_hash() of what names have; 0: free. Behind the cells */
	struct bh_known_cell {
		uint8_t addr[16];
		uint32_t class_;
		uint8_t family; /* 0: free */
	} cell[];
};

/* Of all pairs, for a snapshot of a document: the class of each address has the segments of its names, its address
 * segments, and the zones of all of these. New classes are appended. *out NULL: there are none. 0, -ENOMEM, -ENOSPC. */
int bh_known_build(struct bh_known **out, struct bh_policy *p, struct bh_snapshot *s,
		   const struct bh_doc *doc);
void bh_known_free(void *known); /* NULL is fine */
/* The class of an address, or what it is else. */
uint32_t bh_known_class(const struct bh_known *k, const uint8_t addr[16], uint8_t family,
			uint32_t otherwise);

/* ---- the document (doc_hosts.c) ------------------------------------------------------------------------ */

int bh_doc_read_hosts(struct bh_doc_reader *r, const struct bh_yaml *node,
		      struct bh_doc_segment *s);
/* All names of all segments, to be found. 0 or -ENOMEM. */
int bh_doc_index_hosts(struct bh_doc_reader *r);
/* Segments that list a name, none twice, behind n that are there. Returns how many there are then. */
uint32_t bh_doc_hosts_match(const struct bh_doc *doc, const char *name, uint32_t *out, uint32_t n);
/* The filter of workers. 0 or -ENOMEM. */
int bh_snapshot_hosts(struct bh_snapshot *s, const struct bh_doc *doc);

#endif
