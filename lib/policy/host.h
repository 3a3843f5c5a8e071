/* host: addresses of segments by DNS name.
 *
 * Usage     bh_policy_names_learn() with answers, bh_policy_names_expire() now and then; bh_policy_name_wanted() says
 *           which answers are of use, bh_policy_name_has() which say nothing new.
 * Threads   control threads, the model's mutex inside; the two: any reader that holds a view.
 * Lifetime  what is given is copied.
 *
 * A segment may list names: "db.example.com", or "*.example.com" for all names below that (not itself). An address that
 * one of them has is in the segment until its time is over. It is in the segments of all names that have it: whoever
 * shares an address shares its rights. A change is published as one with a new epoch: every open flow is judged again
 * with its next packet. */
#ifndef BH_POLICY_HOST_H
#define BH_POLICY_HOST_H

#include "policy.h"

#define BH_HOST_MAX 254 /* bytes of a DNS name as text, with NUL */

/* A name as segments list it, in its normal form: lower case, no dot at its end. NULL, or why the text is none. */
const char *bh_host_normal(const char *text, char out[BH_HOST_MAX]);

struct bh_name_answer {
	const char *name; /* that was asked for; letters in any case, no dot at its end */
	uint8_t addr[16]; /* IPv4 in the first 4 */
	uint8_t family;
	uint32_t ttl; /* seconds: the least along the chain of aliases */
};

/* What segments are named by is taken, the rest is not. told (may be NULL): a line for each address that is new to a name.
 * Returns how many are, or -ENOMEM, -ENOSPC (names.max: those before the one that did not fit are in force). */
int bh_policy_names_learn(struct bh_policy *p, const struct bh_name_answer *a, size_t n,
			  uint64_t mono_ns, struct bh_buf *told);
/* Those whose time is over leave. Returns how many, or -ENOMEM: again later. Cheap when none is due. */
int bh_policy_names_expire(struct bh_policy *p, uint64_t mono_ns, struct bh_buf *told);
/* The names without a star that segments list, a line each. */
void bh_policy_names_wanted(struct bh_policy *p, struct bh_buf *out);
typedef bool (*bh_name_fn)(void *arg, const struct bh_name_answer *a, uint64_t left_ns);
/* What is known now; ttl is not set. */
void bh_policy_names_each(struct bh_policy *p, uint64_t mono_ns, bh_name_fn fn, void *arg);

/* Before expire: those whose time is over are not counted as known any more (bh_policy_name_has), so that an answer from here on
 * is one to be learned from; they stay in force. Answers that came before this call, learned between it and expire, keep them.
 * Returns how many, or -ENOMEM. */
int bh_policy_names_leave(struct bh_policy *p, uint64_t mono_ns);

/* Workers: may a segment be named by this? name: lower case, no dot at its end. Rarely true for one that is not. */
bool bh_policy_name_wanted(const struct bh_view *view, const char *name, size_t len);
/* Has this name this address already, in this view? */
bool bh_policy_name_has(const struct bh_view *view, const char *name, size_t len,
			const uint8_t addr[16], uint8_t family);

#endif
