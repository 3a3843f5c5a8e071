/* fleet: several gateways, one policy and one view of endpoints, by etcd v3 (its HTTP/JSON gateway).
 *
 * Usage     bh_fleet_open() with the configuration, bh_fleet_begin() once rights are given away, bh_fleet_claim() as
 *           bh_commit_ops.claim, bh_fleet_close().
 * Threads   one of its own, which watches and calls the operations below; bh_fleet_claim(), bh_fleet_confirm(),
 *           bh_fleet_put() and the readers from any control thread. Nothing here is known to packet cores.
 * Lifetime  params are copied, but for the configuration, the store and arg, which outlive it.
 *
 * Keys, below fleet.prefix (P). Values are JSON.
 *   P/live/head              the revision in force: number, author, why, time, gateway, SHA-256 of its document, and
 *                            whether it waits for its confirmation. Every change of the policy compares this key's
 *                            mod_revision and puts its successor in the same transaction: of two, one wins.
 *   P/live/member/NAME       what gateway NAME has in force since when, its version; stays when it is gone
 *   P/live/alive/NAME        of the same gateway, under a lease of fleet.ttl: gone when NAME is cut off
 *   P/live/endpoint/T/A      labels of address A of tenant T (hexadecimal), pushed over REST at any gateway
 *   P/live/learned/NAME/K    a conversation as gateway NAME saw it
 *   P/revision/N             what the head said of revision N; the newest 1,000
 *   P/document/N/SHA/C       its document in pieces of 512 KiB, put before the head; of the newest 64
 * All below P/live/ is read in pages at one revision of etcd and watched from the next one on. A watch that ends goes on
 * from the last revision seen; where etcd has compacted that, all is read again, and what is no more is gone at the end.
 *
 * Numbers are the same everywhere and only grow. A gateway that comes with numbers of its own beyond the fleet's (it was
 * alone before) makes the fleet's document a new revision above them. The first gateway gives its policy to the fleet.
 *
 * Confirmation. Each gateway counts the time by itself, from when it has the revision. Whose time is over claims the
 * rollback as any change; who comes second has it already. Nobody depends on the one that wrote.
 *
 * Cut off: no answer that needs etcd's majority for fleet.ttl. The policy in force stays, changes of it are refused
 * (-ENOTCONN), endpoints pushed are in force here and go to the others on return, a revision that waits is taken back
 * in its time here alone. On return all is read again, and what the fleet has in force counts.
 */
#ifndef BH_FLEET_H
#define BH_FLEET_H

#include "../base/base.h"
#include "../conf/conf.h"
#include "../secret/secret.h"
#include "../store/store.h"

#define BH_FLEET_NAME 64
#define BH_FLEET_MEMBERS 64

struct bh_fleet;

enum bh_fleet_note {
	BH_FLEET_CUT_OFF,
	BH_FLEET_BACK,
	BH_FLEET_MEMBER_LOST, /* another gateway */
	BH_FLEET_MEMBER_BACK
};

/* What is shared besides the policy. */
enum bh_fleet_kind { BH_FLEET_ENDPOINT, BH_FLEET_LEARNED, BH_FLEET_KINDS };

struct bh_fleet_params {
	const struct bh_config *config;
	struct bh_store *store;
	struct bh_secrets
		*secrets; /* where fleet.password_file lies; NULL: in a file. Outlives it */
	void *arg;
	/* From the room's thread. A revision that the fleet has and this gateway has not: as bh_store_take. */
	int (*take)(void *arg, const struct bh_revision *r, const char *by, uint64_t left_ms,
		    struct bh_err *err);
	void (*confirmed)(void *arg, const char *author); /* the revision that waits */
	void (*tick)(void *arg); /* often: bh_store_tick, whose claim may wait for etcd */
	/* Another gateway's: value NULL: it is gone. name: "0/10.0.0.1/32", "gw-a/12". NULL: nothing is shared. */
	void (*item)(void *arg, enum bh_fleet_kind kind, const char *name, const char *value,
		     size_t len);
	void (*items_end)(void *arg); /* after some of them, before more is waited for */
	void (*note)(void *arg, enum bh_fleet_note what, const char *text);
};

/* 0; -EINVAL, -ENOENT ...: a file that can't be read; err says which and what to do. */
int bh_fleet_open(struct bh_fleet **out, const struct bh_fleet_params *params, struct bh_err *err);
int bh_fleet_begin(struct bh_fleet *f, struct bh_err *err); /* its thread starts */
void bh_fleet_close(struct bh_fleet *f);                    /* NULL is fine; others see it go */

/* As bh_commit_ops.claim. -ENOTCONN: cut off; -ESTALE: another revision was first, err says which. Waits for etcd, 4 s at
 * most. */
int bh_fleet_claim(struct bh_fleet *f, const struct bh_revision *r, uint64_t confirm_ms,
		   uint32_t *number, struct bh_err *err);
/* Before bh_store_confirm, which finds it done (-ENOENT) if `confirmed` was called meanwhile. number: that was confirmed. -ENOENT:
 * none waits; -ENOTCONN, -ESTALE as above. */
int bh_fleet_confirm(struct bh_fleet *f, const char *author, uint32_t *number, struct bh_err *err);
/* Share it, or with value NULL that it is gone. Goes to etcd in its time. */
void bh_fleet_put(struct bh_fleet *f, enum bh_fleet_kind kind, const char *name, const char *value,
		  size_t len);

struct bh_fleet_member {
	char name[BH_FLEET_NAME];
	bool self, connected;
	uint32_t revision;
	char sha256[2 * BH_SHA256_SIZE + 1];
	uint64_t since_ns; /* wall clock: it has this revision in force */
	char state[24];    /* "in step", "behind", "waiting" */
	char version[24];
};

struct bh_fleet_status {
	char name[BH_FLEET_NAME];
	bool connected, in_step;
	uint64_t since_ns;  /* wall clock: connected, or cut off; 0: it never was connected */
	uint32_t revision;  /* the fleet's; 0: none is known */
	bool waits;         /* for its confirmation */
	char endpoint[256]; /* that answered last */
	uint32_t members, connected_members;
	uint64_t items, pending; /* shared, and not at etcd yet */
	uint64_t left_out;       /* that found no room */
	uint64_t reloads, failures;
	char trouble[256]; /* "": none */
};
void bh_fleet_status(struct bh_fleet *f, struct bh_fleet_status *out);
/* By name; false: index is out of range. */
bool bh_fleet_member(struct bh_fleet *f, unsigned index, struct bh_fleet_member *out);
const char *bh_fleet_name(const struct bh_fleet *f);

#endif
