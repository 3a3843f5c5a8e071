/* threat: what packets and flows show of an attack. The table of threats (threat.def) and the bounded structures that
 * count, remember and limit.
 *
 * Usage     lib/conf fills a bh_threat_rule of each threat; the gateway's stage_threat.c keeps one bh_threat_* of a kind
 *           per worker and reports through bh_threat_report (gateway_priv.h).
 * Threads   an object belongs to one worker. Addresses are known by a 64-bit keyed hash (bh_threat_id).
 * Lifetime  all memory is taken at creation.
 */
#ifndef BH_THREAT_H
#define BH_THREAT_H

#include "../base/base.h"
#include "../net/net.h"

enum bh_threat {
#define BH_THREAT(sym, name, key, severity, on, action, threshold, window, attack, text)           \
	BH_THREAT_##sym,
#include "threat.def"
#undef BH_THREAT
	BH_THREAT_COUNT
};

/* What is done with the packet, or with the connection where one is seen as a whole. */
enum bh_threat_action {
	BH_THREAT_ALERT, /* it goes on */
	BH_THREAT_DROP,  /* dropped in silence */
	BH_THREAT_RESET, /* RST to both ends, or ICMP unreachable */
	BH_THREAT_BLOCK, /* dropped, and whatever its source opens for blocking.time */
	BH_THREAT_ACTIONS
};
const char *bh_threat_action_name(unsigned action); /* "alert" */

struct bh_threat_info {
	const char *name;   /* "TCP.SYN.Flood" */
	const char *key;    /* "syn_flood" */
	const char *sensor; /* "threat.syn_flood" */
	const char *attack; /* MITRE ATT&CK technique */
	const char *text;
	uint32_t threshold, window_ms; /* defaults */
	uint8_t severity;              /* 1 high .. 3 low */
	uint8_t action;                /* default, enum bh_threat_action */
	bool on;                       /* default */
};
/* Line of threat.def; any value is safe (one that is called "invalid"). */
const struct bh_threat_info *bh_threat_info(unsigned threat);

/* One threat as configured. */
struct bh_threat_rule {
	uint32_t threshold, window_ms;
	uint32_t except; /* bit i: nothing from or to segment i of the configured names */
	uint8_t action;  /* enum bh_threat_action */
	bool on;
};
#define BH_THREAT_SEGMENTS 32 /* names that exceptions may list */
void bh_threat_rule_default(struct bh_threat_rule *rule, unsigned threat);

/* ---- who ------------------------------------------------------------------------------------------ */

/* An end of a key in its network: never 0. salt: what is counted, so that tables can be shared. */
static inline uint64_t
bh_threat_id(const struct bh_hash_key *secret, const struct bh_flow_key *key, unsigned end,
	     uint64_t salt)
{
	const uint64_t *a = key->addr[end].q;
	uint64_t h = bh_mum(a[0] ^ secret->k[0], a[1] ^ secret->k[1]) ^
		     bh_mum(key->tenant ^ secret->k[2],
			    ((uint64_t)key->family << 8 | key->pair) ^ secret->k[3]) ^
		     bh_mum(salt ^ secret->k[4], secret->k[5]);

	h = bh_mum(h ^ secret->k[6], secret->k[7]);
	return h != 0 ? h : 1;
}

/* ---- telling (limit.c) ------------------------------------------------------------------------------ */

struct bh_threat_limit;
/* entries: remembered at once, at least. 0 or -ENOMEM. */
int bh_threat_limit_create(struct bh_threat_limit **out, uint32_t entries);
void bh_threat_limit_destroy(struct bh_threat_limit *l); /* NULL is fine */
/* Is this one to be told: none was in the last every_ms? *missed: so many were not, since the last that was. When more
 * are remembered than there is room for, the one told longest ago is forgotten. */
bool bh_threat_limit_tell(struct bh_threat_limit *l, uint64_t id, uint32_t now_ms,
			  uint32_t every_ms, uint32_t *missed);

/* ---- counting (meter.c) ----------------------------------------------------------------------------- */

/* What is known of one id. 32 bytes. */
struct bh_threat_cell {
	uint64_t id;       /* 0: free */
	uint32_t seen_ms;  /* when it was last asked for */
	uint32_t start_ms; /* of the window, or whatever its user counts from */
	uint32_t count;    /* in this window */
	uint32_t before;   /* in the one before */
	uint32_t extra;
	bool over; /* has been at the threshold, and not come down since */
	uint8_t spare[3];
};
_Static_assert(sizeof(struct bh_threat_cell) == 32, "two a line");

struct bh_threat_table;
/* cells: at least so many, 4 to a set. 0 or -ENOMEM. */
int bh_threat_table_create(struct bh_threat_table **out, uint32_t cells);
void bh_threat_table_destroy(struct bh_threat_table *t); /* NULL is fine */
/* The cell of an id, or NULL. */
struct bh_threat_cell *bh_threat_table_find(struct bh_threat_table *t, uint64_t id);
/* The same; where there is none, a zeroed one whose window starts now. In a full set the one that counted least gives way,
 * of equal ones the one seen longest ago: what is asked for once does not push out what is asked for often. */
struct bh_threat_cell *bh_threat_table_get(struct bh_threat_table *t, uint64_t id, uint32_t now_ms);

/* Count n in the present window; windows that have ended become the one before. True: one has. */
bool bh_threat_window(struct bh_threat_cell *c, uint32_t n, uint32_t now_ms, uint32_t window_ms);
/* What a window must stay below to be calm again. */
static inline uint32_t
bh_threat_calm(uint32_t threshold)
{
	return threshold - threshold / 4;
}

/* Where a count stands to its threshold, with hysteresis: over from the threshold on, until a whole window had fewer than
 * three quarters of it. */
enum bh_threat_level {
	BH_THREAT_UNDER,
	BH_THREAT_RISES, /* is over with this one */
	BH_THREAT_OVER,
	BH_THREAT_FALLS, /* is under since this one */
};
enum bh_threat_level bh_threat_meter(struct bh_threat_cell *c, uint32_t n, uint32_t now_ms,
				     uint32_t window_ms, uint32_t threshold);

/* ---- SYN cookies (cookie.c) -------------------------------------------------------------------------- */

/* The acknowledgement number to which a client at this end answers with a RST that has it as its sequence number. */
uint32_t bh_threat_cookie(const struct bh_hash_key *secret, const struct bh_flow_key *key,
			  unsigned client, uint32_t now_ms);
/* Was it given to this client within the last minute or two? */
bool bh_threat_cookie_good(const struct bh_hash_key *secret, const struct bh_flow_key *key,
			   unsigned client, uint32_t now_ms, uint32_t cookie);

/* ---- quotas (quota.c) --------------------------------------------------------------------------------- */

enum bh_threat_per { BH_QUOTA_SOURCE, BH_QUOTA_DESTINATION, BH_QUOTA_PAIR, BH_QUOTA_PERS };
enum bh_threat_resource {
	BH_QUOTA_CONNECTIONS, /* new ones a second */
	BH_QUOTA_PACKETS,     /* a second, both ways */
	BH_QUOTA_BYTES,       /* of IP, the same */
	BH_QUOTA_RATES,
	BH_QUOTA_SESSIONS = BH_QUOTA_RATES, /* open at once */
	BH_QUOTA_RESOURCES
};
const char *bh_threat_resource_name(unsigned resource);

#define BH_THREAT_QUOTAS 16
#define BH_THREAT_ANY 0xff
struct bh_threat_quota {
	char name[32];
	uint8_t per;                        /* enum bh_threat_per */
	uint8_t from, to;                   /* of the configured segment names, or BH_THREAT_ANY */
	bool alert;                         /* only tell */
	uint64_t limit[BH_QUOTA_RESOURCES]; /* 0: none */
};

/* What one id has taken of a quota. A line. */
struct bh_threat_account {
	uint64_t id; /* 0: free */
	uint64_t tokens[BH_QUOTA_RATES];
	uint32_t last_ms;
	uint32_t refused_ms; /* 0: never */
	uint32_t sessions;
	uint8_t over; /* bit by resource: is refused until there is a tenth again */
	bool told;
	uint8_t resource; /* that it was told of */
	uint8_t spare[17];
};
_Static_assert(sizeof(struct bh_threat_account) == 64, "8 + 24 + 12 + 2, a line");

struct bh_threat_accounts;
int bh_threat_accounts_create(struct bh_threat_accounts **out, uint32_t accounts); /* -ENOMEM */
void bh_threat_accounts_destroy(struct bh_threat_accounts *t); /* NULL is fine */
struct bh_threat_account *bh_threat_account_find(struct bh_threat_accounts *t, uint64_t id);
/* A new one has full buckets and no sessions; in a full set that one gives way that has the fewest sessions. */
struct bh_threat_account *bh_threat_account_get(struct bh_threat_accounts *t,
						const struct bh_threat_quota *q, uint64_t id,
						uint32_t now_ms);
/* Take n of a rate: all or, when there are fewer, none. */
bool bh_threat_quota_take(struct bh_threat_account *a, const struct bh_threat_quota *q,
			  unsigned resource, uint32_t n, uint32_t now_ms);
/* Is there room for one more session? Over the limit: not before there are a tenth fewer. */
bool bh_threat_quota_session(struct bh_threat_account *a, const struct bh_threat_quota *q,
			     uint32_t now_ms);
/* RISES with the first refusal, FALLS when a second went by without one. */
enum bh_threat_level bh_threat_quota_level(struct bh_threat_account *a, uint32_t now_ms);

/* ---- scans (scan.c) ----------------------------------------------------------------------------------- */

struct bh_threat_scans;
int bh_threat_scans_create(struct bh_threat_scans **out, uint32_t records); /* -ENOMEM */
void bh_threat_scans_destroy(struct bh_threat_scans *s);                    /* NULL is fine */
/* An id tried `what`. Returns how many different ones it has tried since its window began, about, or 0 when it had tried this
 * one. Up to some 3,000 are told apart; up to 1,000 the error is 5 % (one standard deviation). */
uint32_t bh_threat_scan_try(struct bh_threat_scans *s, uint64_t id, uint64_t what, uint32_t now_ms,
			    uint32_t window_ms);

#endif
