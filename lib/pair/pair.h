/* pair: two gateways on paths beside each other, of which one forwards. Who it is (elect.h), what each tells the other, and
 * the channel by which the one that stands by gets what the other one knows.
 *
 * Usage     bh_pair_open() with the configuration, before rights are given away: it takes sockets. bh_pair_begin() once ports
 *           receive, bh_pair_links() whenever one's link changes, bh_pair_leave() when the process is about to end,
 *           bh_pair_close().
 * Threads   two of its own: one says and hears hellos and decides, and waits for nothing else; one moves records. All
 *           operations below are called from them, as each says. Functions from any control thread.
 * Lifetime  params are copied, but for config and arg, which outlive it.
 *
 * Hello     a datagram of BH_PAIR_HELLO_SIZE bytes (hello.c) from pair.listen to pair.peer every pair.hello, and at once when
 *           something is new; over both links where there are two.
 * Channel   TCP between the same addresses: whoever does not forward asks the one that does (channel.h). Records are opaque
 *           here; what there is no room for waits, in the kernel's buffers and with who tells. It goes on for as long as their roles do; whoever comes anew gets everything, then changes.
 * Proof     HMAC-SHA256 under keys made of pair.secret_file, of hellos with a number that grows and the newest number heard of
 *           the other one, of the channel with a number a frame under keys of both ends' random numbers. A recording of
 *           either is worth nothing. What is said is not hidden: the link is to be the gateways' own.
 */
#ifndef BH_PAIR_H
#define BH_PAIR_H

#include "../base/base.h"
#include "../conf/conf.h"
#include "../secret/secret.h"
#include "elect.h"

struct bh_pair;

/* An end that was heard on a port: what switches beside a gateway must learn when another one forwards. */
struct bh_pair_mac {
	uint8_t mac[6];
	uint16_t vlan; /* 0: none */
	uint8_t port;  /* index in the configuration: the same at both */
};
#define BH_PAIR_MACS 8192

struct bh_pair_ops {
	void *arg;
	/* The hello's thread. Forward until then (monotonic), 0: nothing; that holds for all that leaves when it returns. */
	void (*forward)(void *arg, uint64_t until_ns);
	/* The hello's thread: forward() was called before. */
	void (*role)(void *arg, enum bh_pair_role role, enum bh_pair_cause cause);
	/* The hello's thread, when it begins to forward: the switches have to learn that these are here, which the other one heard; again
	 * a few times (n 0) for all that were heard since by either. */
	void (*announce)(void *arg, const struct bh_pair_mac *mac, unsigned n);
	/* The channel's thread: those that were heard here; at most max. */
	unsigned (*macs)(void *arg, struct bh_pair_mac *out, unsigned max);
	/* The channel's thread, at the one that forwards; all NULL: there are no records.
	 * begin: another one listens, all is to come; end: nobody does.
	 * pull: bytes of whole records, at most room (BH_PAIR_ROOM), 8-aligned; *walked: all there was has come. 0: none now.
	 * -errno: there can be none, err says why; the channel begins anew. */
	void (*begin)(void *arg);
	void (*end)(void *arg);
	int (*pull)(void *arg, uint8_t *out, size_t room, bool *walked, struct bh_err *err);
	/* The same at the other one. join: all will come anew. put: what pull gave, whole. 0; -EAGAIN: there is no room now, the same
	 * comes again in a moment; else it does not fit, err says why: the channel ends, and begins anew after a second. */
	void (*join)(void *arg);
	int (*put)(void *arg, const uint8_t *data, size_t len, struct bh_err *err);
	/* Not NULL: records are not taken (join, put: NULL), and why. It is never ready then. Outlives the pair. */
	const char *partial;
};
#define BH_PAIR_ROOM (64u << 10)

struct bh_pair_params {
	const struct bh_config *config; /* pair.* */
	struct bh_secrets *secrets;     /* NULL: the secret is in a file */
	struct bh_pair_ops ops;
};

/* 0; -EINVAL, -EADDRNOTAVAIL, -ENODEV, ...: err says which and what to do. */
int bh_pair_open(struct bh_pair **out, const struct bh_pair_params *params, struct bh_err *err);
int bh_pair_begin(struct bh_pair *p, struct bh_err *err);
/* Pairs of ports that have both links, of all. */
void bh_pair_links(struct bh_pair *p, unsigned usable);
/* Leave it to the other one, if there is one; returns when that one forwards, or after pair.dead. NULL is fine. */
void bh_pair_leave(struct bh_pair *p);
void bh_pair_close(struct bh_pair *p); /* NULL is fine */

struct bh_pair_status {
	enum bh_pair_role role;
	enum bh_pair_cause cause;
	uint64_t since_ns; /* wall clock: it has this role */
	uint64_t term;
	uint32_t usable; /* pairs of ports that have both links */
	bool peer_alive;
	enum bh_pair_role peer_role;
	uint32_t peer_priority, peer_usable;
	uint64_t peer_heard_ns; /* wall clock; 0: never */
	bool linked;            /* the channel: the other one is there, and proven */
	/* All that the other one knows is in force here; at the one that forwards: there, it has said so. */
	bool ready;
	uint64_t changes;               /* of the role */
	uint64_t heard, ignored;        /* hellos */
	uint64_t refused;               /* datagrams and frames that prove nothing */
	uint64_t sent_bytes, got_bytes; /* of what was told over the channel */
	uint64_t joins;
	uint32_t macs;     /* of the other one's ports, known here */
	char trouble[200]; /* of the channel; "": none */
};
void bh_pair_status(struct bh_pair *p, struct bh_pair_status *out);

#endif
