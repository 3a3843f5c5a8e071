/* pair_priv: what the files of this room share.
 *
 *   elect.c    who forwards
 *   hello.c    a message as a datagram
 *   channel.c  frames
 *   end.c      one end of a channel
 *   place.c    addresses and sockets
 *   run.c      the hello's thread
 *   state.c    the channel's thread
 *   pair.c     begin, end, status
 */
#ifndef BH_PAIR_PRIV_H
#define BH_PAIR_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "channel.h"
#include "pair.h"

#define BH_PAIR_LINKS 2
/* Of what waits to be sent to the other one; of what came and is no whole frame yet. */
#define BH_PAIR_OUT (1u << 20)
#define BH_PAIR_IN (BH_PAIR_FRAME_HEAD + BH_PAIR_PAYLOAD + BH_PAIR_FRAME_TAIL)

struct bh_pair_link {
	struct sockaddr_storage own, peer;
	socklen_t len;
	const char *interface; /* "": any */
	int udp;
};

/* One end of a channel. */
struct bh_pair_end {
	int fd; /* -1: none */
	struct bh_pair_channel channel;
	uint64_t since_ns, heard_ns, said_ns;
	struct bh_buf out; /* from sent on */
	size_t sent;
	size_t n_in;
	uint8_t in[BH_PAIR_IN];
};

struct bh_pair {
	struct bh_pair_params p;
	const struct bh_config *c;
	struct bh_pair_link link[BH_PAIR_LINKS];
	unsigned n_links;
	uint8_t key_hello[BH_PAIR_KEY], key_channel[BH_PAIR_KEY];
	pthread_t hello, state;
	bool hello_runs, state_runs;
	int wake_fd; /* of the hello's thread */
	_Atomic bool stop, leaving;
	_Atomic unsigned usable;
	_Atomic int role; /* for the channel's thread */
	_Atomic int
		ready; /* for the hello's: the other one knows all that the one of this role does; -1: it does not */
	_Atomic uint64_t refused;
	/* hello's thread */
	struct bh_pair_elect elect;
	struct bh_pair_mac *said; /* [BH_PAIR_MACS]: as it is announced */
	uint64_t announce_ns;
	unsigned announced;
	/* channel's thread */
	int listener[BH_PAIR_LINKS];
	struct bh_pair_end *asking, *asked,
		*next; /* connected to the other; it to this one; it again, not proven yet */
	uint64_t ask_ns, heard_ns; /* when next */
	unsigned ask_link;
	bool begun, walked;       /* of asked: begin was called; and all was pulled */
	struct bh_pair_mac *told; /* [BH_PAIR_MACS]: as it is sent */
	uint8_t *
		record; /* [BH_PAIR_PAYLOAD] to be sent; or came, and there is no room for it yet: */
	size_t n_waiting; /* bytes of that */
	uint8_t *heard;   /* [BH_PAIR_PAYLOAD]: what was said last of who was heard */
	unsigned n_heard;
	pthread_mutex_t lock;    /* all below */
	struct bh_pair_mac *mac; /* [BH_PAIR_MACS] heard at the other one */
	unsigned n_macs;
	struct bh_pair_status status;
};

/* place.c: "10.0.0.1:8475", "[fd00::1]:8475". -EINVAL. */
int bh_pair_address(const char *text, struct sockaddr_storage *out, socklen_t *len);
/* Bound, non-blocking; listening where it is a stream that is not to be connected. Its descriptor or -errno. */
int bh_pair_socket(const struct bh_pair_link *l, int type, bool connects, struct bh_err *err);
bool bh_pair_same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b);

void *bh_pair_run(void *pair);   /* run.c */
void *bh_pair_carry(void *pair); /* state.c */

/* end.c: an end on a socket, that becomes its own; it has greeted. 0, -ENOMEM. */
int bh_pair_end_make(struct bh_pair_end **out, struct bh_pair *p, int fd, bool asks);
void bh_pair_end_free(struct bh_pair_end *e); /* NULL is fine */
size_t bh_pair_end_room(
	const struct bh_pair_end *e); /* bytes that may come on top of what waits to be sent */
int bh_pair_end_write(struct bh_pair_end *e, enum bh_pair_frame kind, const void *data, size_t len);
int bh_pair_end_flush(struct bh_pair_end *e); /* what goes without waiting */
/* What has come, frame by frame, to fn. 0; -errno of the connection, -EBADMSG, or what fn said. */
int bh_pair_end_read(struct bh_pair_end *e,
		     int (*fn)(void *arg, struct bh_pair_end *e, const struct bh_pair_got *got),
		     void *arg);

void bh_pair_trouble(struct bh_pair *p, const char *fmt, ...) BH_PRINTF(2, 3);

#endif
