/* pass: how a gateway hands over to the next version of itself, on one machine. pass.c is the one that is replaced,
 * adopt.c the one that comes, pass_io.c what both need.
 *
 * A Unix socket in run_dir (handover.sock, mode 0600; who connects must be the same user) carries messages of one size and
 * descriptors; flows go through memory that the new one makes and both map: BH_PASS_SLOTS places for a block
 * (lib/handover/handover.h) each.
 *
 *   new                                   old
 *   HELLO (memory)                  -->
 *                                   <--   WELCOME, or REFUSED with words
 *   RELEASE                         -->   closes what only one process may have open: store, conversations, records,
 *                                         sinks, API's thread, etcd; workers forward on
 *                                   <--   RELEASED (listening sockets, locks, claims on ports, endpoints)
 *   starts as ever, opens the ports a second time, receives nothing
 *   TELL                            -->
 *                                   <--   BLOCK ... (FREE gives a place back), WHOLE
 *   SWITCH                          -->   opens no more connections for BH_PASS_SETTLE_MS, then stops its workers
 *                                   <--   BLOCK ..., LAST (since when nothing is forwarded)
 *   enters them, starts the ports
 *   DONE                            -->   ends; leaves the interfaces as they are
 *
 * Until LAST the connection's end, whoever is at fault, leaves the old one forwarding: it opens again what it had closed. */
#ifndef BH_PASS_H
#define BH_PASS_H

#include <rte_common.h>

#include "../../lib/gateway/carry.h"
#include "../../lib/handover/handover.h"
#include "daemon.h"

#define BH_PASS_MAGIC UINT32_C(0x53534150) /* "PASS" */
#define BH_PASS_SLOTS 8u
#define BH_PASS_SLOT RTE_ALIGN_CEIL(BH_HANDOVER_MAX, 4096)
#define BH_PASS_BYTES (BH_PASS_SLOTS * BH_PASS_SLOT)
/* Connections that are being named are decided meanwhile; SYNs are dropped, and come again after a second. */
#define BH_PASS_SETTLE_MS 200u
#define BH_PASS_WAIT_MS 30000 /* for the other one, at each step */
/* ... the old one for RELEASE, which comes with the new one's next breath; and for TELL, when it has started: policy, sensors and
 * memory for millions of flows take their time. */
#define BH_PASS_ASK_MS 10000
#define BH_PASS_START_MS 300000

enum bh_pass_kind {
	BH_PASS_HELLO = 1,
	BH_PASS_WELCOME,
	BH_PASS_REFUSED,
	BH_PASS_RELEASE,
	BH_PASS_RELEASED,
	BH_PASS_TELL,
	BH_PASS_BLOCK,
	BH_PASS_FREE,
	BH_PASS_WHOLE,
	BH_PASS_SWITCH,
	BH_PASS_LAST,
	BH_PASS_DONE,
	BH_PASS_KINDS
};

struct bh_pass_message {
	uint32_t magic;
	uint16_t version; /* BH_HANDOVER_VERSION */
	uint16_t kind;
	uint64_t layout;    /* bh_handover_layout() */
	uint64_t value;     /* WELCOME: pid; LAST: monotonic time; RELEASED: bytes of endpoints */
	uint32_t slot, len; /* RELEASED: len: ms between words to the service manager; 0: none */
	uint32_t n_fds;     /* that come along */
	uint32_t ports;
	uint64_t present[2]; /* RELEASED: which of the descriptors below come along, as bits */
	char text[192];
};
_Static_assert(sizeof(struct bh_pass_message) == 248, "4 + 2 + 2 + 8 + 8 + 4 * 4 + 16 + 192");

/* Descriptors of RELEASED: these, then three of each port. */
enum {
	BH_PASS_FD_SELF,
	BH_PASS_FD_API,
	BH_PASS_FD_FAILURE,
	BH_PASS_FD_ENDPOINTS,
	BH_PASS_FD_PORTS
};
#define BH_PASS_FDS (BH_PASS_FD_PORTS + 3 * BH_MAX_PORTS)
_Static_assert(BH_PASS_FDS <= 128, "a bit each");

/* pass_io.c. fd may be NULL. 0 or -errno. */
int bh_pass_send(int socket, struct bh_pass_message *m, const int *fd, unsigned n_fds);
/* 0; -EAGAIN: nothing came within ms; -ECONNRESET: the other one has gone; -EPROTO: what came is no message of ours. */
int bh_pass_receive(int socket, struct bh_pass_message *m, int *fd, unsigned room, int ms);
/* Path of the socket; -ENAMETOOLONG. */
int bh_pass_path(const struct bh_config *c, char *out, size_t size);
/* Names of the pairs; the configuration must outlive them. */
struct bh_pass_names {
	const char *pair[BH_MAX_PAIRS];
	struct bh_handover_self self;
};
void bh_pass_names(const struct bh_config *c, struct bh_pass_names *out);
/* Endpoints that came from elsewhere than the policy's document, as lines, and back. */
void bh_pass_put_endpoints(struct bh_policy *p, struct bh_buf *out);
int bh_pass_take_endpoints(struct bh_policy *p, char *text, uint32_t *n, struct bh_err *err);

#endif
