/* capture: packets in and out of capture files.
 *
 * Usage     bh_capture_open(), bh_capture_next() until it returns 0 or fails, bh_capture_close().
 *           bh_capture_writer_open(), bh_capture_write(), bh_capture_writer_close(); or, with comments and into
 *           memory, bh_capture_put_section(), bh_capture_put_packet().
 * Threads   an object belongs to its caller's thread.
 * Lifetime  a packet's bytes are the reader's and valid until the next call.
 *
 * pcap (either byte order, micro- or nanoseconds, and the variants that libpcap knows) is read by libpcap.
 * pcapng is read here: libpcap refuses a file whose interfaces differ in link type or snap length,
 * which is what a capture on several interfaces looks like. A file that is cut short or broken gives
 * all packets before the break, then an error that says where.
 */
#ifndef BH_CAPTURE_H
#define BH_CAPTURE_H

#include <stdio.h>

#include "../base/base.h"
#include "../net/net.h"

#define BH_CAPTURE_MAX_PACKET 262144 /* bytes kept of one packet: the largest snap length in use */

struct bh_capture;

struct bh_capture_packet {
	const uint8_t *data;
	uint32_t caplen;   /* bytes at data */
	uint32_t wirelen;  /* bytes on the wire, >= caplen */
	uint32_t linktype; /* LINKTYPE_ value, as files hold it */
	uint64_t time_ns;  /* since the Unix epoch */
};

/* "-" is standard input. 0; -errno when the file cannot be read; -EINVAL when it is not a capture (also:
 * empty). */
int bh_capture_open(struct bh_capture **out, const char *path, struct bh_err *err);
/* The same over a stream, which is closed with the capture, also when this fails. name: for errors. */
int bh_capture_open_stream(struct bh_capture **out, FILE *stream, const char *name,
			   struct bh_err *err);
/* 1: *out is the next packet. 0: end of the file. -EBADMSG: cut short or broken here, err says after which
 * packet; there is no more to be had. */
int bh_capture_next(struct bh_capture *c, struct bh_capture_packet *out, struct bh_err *err);
uint64_t bh_capture_count(const struct bh_capture *c); /* packets so far */
void bh_capture_close(struct bh_capture *c);           /* NULL is fine */

/* How to read frames of a link type. false: not one that the gateway judges. */
bool bh_capture_link(uint32_t linktype, enum bh_link_type *link);

/* What a file for (some of) a capture's packets must be able to hold. */
struct bh_capture_form {
	uint32_t linktype; /* of the first packet; Ethernet when there is none */
	bool mixed;        /* several link types, or times beyond 32 bits: pcapng */
	bool nanoseconds;  /* finer than a microsecond */
};

/* Reads the whole file once. As bh_capture_open; where a capture breaks, what was before counts. */
int bh_capture_survey(const char *path, struct bh_capture_form *out, struct bh_err *err);

/* ---- writing ------------------------------------------------------------------------------------- */

struct bh_capture_writer;

/* Makes or replaces the file; "-" is standard output. pcap in the form's link type and time unit, or pcapng in
 * nanoseconds with an interface for each link type when it is mixed. */
int bh_capture_writer_open(struct bh_capture_writer **out, const char *path,
			   const struct bh_capture_form *form, struct bh_err *err);
int bh_capture_writer_open_stream(struct bh_capture_writer **out, FILE *stream, const char *name,
				  const struct bh_capture_form *form, struct bh_err *err);
/* 0; -EINVAL: pcap, and the packet has another link type; else -errno of the write. The first error
 * stays: every later call returns it. */
int bh_capture_write(struct bh_capture_writer *w, const struct bh_capture_packet *p);
/* Flush and close. 0, or the first error of any write with err set. NULL is fine. */
int bh_capture_writer_close(struct bh_capture_writer *w, struct bh_err *err);

/* ---- pcapng in memory, with comments --------------------------------------------------------------- */

/* Appended to a buffer: a section, whose interfaces are told beforehand, then its packets. Times are nanoseconds. */
struct bh_capture_interface {
	const char *name; /* or NULL */
	uint32_t linktype;
	uint32_t snaplen;
};
struct bh_capture_section {
	const char *application; /* shb_userappl, or NULL */
	const char *const *comment;
	unsigned n_comments;
	const struct bh_capture_interface *interface;
	unsigned n_interfaces;
};
#define BH_CAPTURE_COMMENT_MAX 65535u /* bytes of one; what is longer is cut */

void bh_capture_put_section(struct bh_buf *out, const struct bh_capture_section *s);
/* interface: number in its section; came in there. comment: or NULL. The packet's linktype is not looked at. */
void bh_capture_put_packet(struct bh_buf *out, const struct bh_capture_packet *p,
			   uint32_t interface, const char *comment);

#endif
