/* What the files of this room share. */
#ifndef BH_SINK_PRIV_H
#define BH_SINK_PRIV_H

#include <sys/types.h>

#include "sink.h"
#include "spool.h"

/* A kind of sink. `format` is called by the control thread, all others by the sink's own; they share nothing that
 * either writes to. */
struct bh_sink_ops {
	int (*open)(void **state, const struct bh_sink_params *p, int stop_fd, struct bh_err *err);
	void (*close)(void *state);
	/* What goes into the spool; out is empty. false: this sink has no words for it. */
	bool (*format)(void *state, struct bh_buf *out, const struct bh_sink_record *r,
		       uint64_t seq);
	/* Send the first of n items, how many is its choice; connects where needed. Returns how many have gone, or
	 * -errno: none has, the connection is given up. -EMSGSIZE: the first can never go. */
	int (*send)(void *state, const struct bh_spool_item *item, unsigned n);
	/* Has the other end taken all? 1, 0 not yet, -errno: the connection is gone. */
	int (*settled)(void *state);
	void (*reset)(void *state); /* close the connection, if there is one */
	/* Another secret, or target, from now on; NULL: it has none. 0 or -errno: it stays as it was. */
	int (*rekey)(void *state, const char *secret);
	int (*retarget)(void *state, const char *to);
	bool confirms; /* what send has taken has arrived */
	bool active;   /* is also told of flows that go on */
};

#define BH_SINK(sym, name, key, forms, schemes, kinds, options, text)                              \
	extern const struct bh_sink_ops bh_sink_##name;
#include "../base/sink.def"
#undef BH_SINK

/* link.c: a connection to "udp://host:port", "tcp://host:port" or "tls://host:port". Blocks its thread, for 5 s at most or until stop_fd is
 * readable. */
struct bh_link {
	int fd; /* -1: not connected */
	bool stream;
	int stop_fd;
	char scheme[8], host[256], port[8];
	struct bh_tls *tls; /* NULL: none */
};
/* 0, or -EINVAL with err set. */
int bh_link_init(struct bh_link *l, const char *to, const char *default_port, int stop_fd,
		 struct bh_err *err);
int bh_link_connect(struct bh_link *l); /* 0 or -errno */
int bh_link_wait(const struct bh_link *l,
		 short events); /* 0; -ETIMEDOUT, -ECANCELED: it is to end */
int bh_link_send(struct bh_link *l, const void *data, size_t len); /* all of it: 0, or -errno */
int bh_link_settled(struct bh_link *l);                            /* as in bh_sink_ops */
void bh_link_close(struct bh_link *l);

/* tls.c: TLS 1.2 or 1.3 over a link. The other end's certificate must be of one of the authorities in ca_file (empty: the
 * system's) and name the host that was configured; ours is shown if there is one. Files are read in bh_tls_open and
 * bh_tls_rekey alone. key_pem: our private key; NULL: it is a file's, that of the options, or the certificate's. */
struct bh_tls;
int bh_tls_open(struct bh_tls **out, const struct bh_sink_options *o, const char *key_pem,
		const char *host, struct bh_err *err);
/* Another key, with the certificate that is there now; the link is not connected. 0, or -errno: nothing has changed. */
int bh_tls_rekey(struct bh_tls *t, const char *key_pem, struct bh_err *err);
void bh_tls_free(struct bh_tls *t);                              /* NULL is fine */
int bh_tls_handshake(struct bh_tls *t, const struct bh_link *l); /* 0 or -errno; the link is new */
/* Bytes taken, -EAGAIN, or -errno. */
ssize_t bh_tls_send(struct bh_tls *t, const void *data, size_t len);
int bh_tls_look(struct bh_tls *t); /* 0: it stands; -EPIPE, -errno */
void bh_tls_end(struct bh_tls *t); /* says so to the other end; before the link is closed */

/* cef.c: the event in ArcSight's Common Event Format. */
void bh_sink_cef(struct bh_buf *out, const struct bh_sink_record *r);
/* The text of the first member `key` ("\"signature\":\"") of our own JSON, still escaped as JSON; no control character
 * is in it. Its length; 0: there is none. */
size_t bh_sink_member(const char *line, const char *key, const char **at);

#endif
