/* restriction: what is taken away from endpoints and conversations for a time, asked before the rules are.
 *
 * Usage     lib/response decides who is restricted and for how long; bh_policy_restrict() puts the whole list in force.
 * Threads   bh_policy_restrict: control threads. Judging happens within bh_policy_judge().
 * Lifetime  the list is copied.
 *
 * A quarantined endpoint talks to nobody but over its paths; there the rules decide as ever. A block refuses what fits its
 * two ends (who opens, who is asked), service and application. A cut refuses one connection, by addresses and ports.
 * They hold whatever the mode of the two ends is. With none in force a judgement costs one compare more.
 */
#ifndef BH_POLICY_RESTRICTION_H
#define BH_POLICY_RESTRICTION_H

#include "policy.h"

#define BH_RESTRICTIONS_MAX 4096      /* in force at once */
#define BH_RESTRICTIONS_WIDE 64       /* of them without a single address: asked one by one */
#define BH_RESTRICTION_PATHS 32       /* of one quarantine */
#define BH_SERVICE_ANY_LAST 0xffffffu /* protocol 255, port 65535 */

enum bh_restriction_kind {
	BH_RESTRICTION_NONE,
	BH_RESTRICTION_QUARANTINE,
	BH_RESTRICTION_BLOCK,
	BH_RESTRICTION_CUT,
	BH_RESTRICTION_KINDS
};
const char *bh_restriction_kind_name(unsigned kind); /* "quarantine" */

/* Who: an address or prefix, else the members of a segment, else anybody. */
struct bh_restriction_end {
	struct bh_prefix address;  /* family 0: none */
	char segment[BH_NAME_MAX]; /* "": none */
};

/* Services as protocol << 16 | port, or type << 8 | code. */
struct bh_restriction_path {
	struct bh_restriction_end peer;
	uint32_t first, last;
};

struct bh_restriction {
	uint64_t id;      /* not 0 */
	bh_tenant tenant; /* 0: any; a VNI alone: that one, whatever the tags */
	uint8_t kind;
	uint8_t app;                      /* BLOCK: enum bh_app; BH_APP_UNKNOWN: any */
	uint16_t port[2];                 /* CUT: of end[0], end[1] */
	uint8_t proto;                    /* CUT */
	struct bh_restriction_end end[2]; /* QUARANTINE: [0]; BLOCK, CUT: who opens, who is asked */
	uint32_t first, last;             /* BLOCK: services */
	uint32_t n_paths;
	const struct bh_restriction_path *path; /* QUARANTINE: what stays */
};

/* These are in force, and no others, for the next packet of every flow when it returns. 0; -E2BIG, -EINVAL, -ENOMEM with
 * err set: what was in force stays. */
int bh_policy_restrict(struct bh_policy *p, const struct bh_restriction *r, size_t n,
		       struct bh_err *err);

/* Does an address belong to a segment now, by its labels or by itself? Control threads. */
bool bh_policy_address_in(struct bh_policy *p, const struct bh_prefix *address, bh_tenant tenant,
			  const char *segment);

/* Is this the reason of something that a restriction refused? */
static inline bool
bh_reason_is_restriction(unsigned reason)
{
	return reason == BH_REASON_QUARANTINED || reason == BH_REASON_BLOCKED ||
	       reason == BH_REASON_CUT;
}

/* "tcp/443", "udp/53", "443" (TCP), "tcp", "any"; with a range as in a policy. 0 or -EINVAL with err set. */
int bh_restriction_service(const char *text, uint32_t *first, uint32_t *last, struct bh_err *err);
/* "10.0.0.0/8", "web", "any". 0 or -EINVAL with err set. */
int bh_restriction_end(const char *text, struct bh_restriction_end *out, struct bh_err *err);
/* "web:443", "10.1.0.7:udp/53", "[2001:db8::1]:22", "logs" (all services). 0 or -EINVAL with err set. */
int bh_restriction_path(const char *text, struct bh_restriction_path *out, struct bh_err *err);
/* The same words again: what the readers take. 192 bytes are enough. */
const char *bh_restriction_end_format(const struct bh_restriction_end *e, char *out, size_t size);
const char *bh_restriction_service_format(uint32_t first, uint32_t last, char *out, size_t size);
const char *bh_restriction_path_format(const struct bh_restriction_path *p, char *out, size_t size);

#endif
