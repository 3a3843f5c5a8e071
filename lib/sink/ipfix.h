/* ipfix: flows as IPFIX (RFC 7011) Data Records, in both directions (RFC 5103).
 *
 * Usage     bh_ipfix_record() makes a record of an event; bh_ipfix_message_*() pack records into messages.
 * Threads   none of its own; a message belongs to one thread.
 * Lifetime  a record is bytes that may be kept: it begins with the number of its form, which changes with the templates.
 *
 * Two templates, IPv4 and IPv6, each its elements in one order (ipfix.def). Names are of variable length (RFC 7011 7).
 * Elements of the other direction have the enterprise number 29305 (RFC 5103 6.1), ours that of the configuration, by default
 * 32473, which RFC 5612 sets aside for documentation: we have none of our own.
 */
#ifndef BH_SINK_IPFIX_H
#define BH_SINK_IPFIX_H

#include "../event/event.h"

#define BH_IPFIX_HEADER 16u
#define BH_IPFIX_RECORD_MAX 1024u /* 7 names of at most 96 bytes, and some 130 */
#define BH_IPFIX_REVERSE_PEN 29305u

/* Numbers of ours, below our enterprise number. */
enum bh_ipfix_own {
	BH_IPFIX_SRC_SEGMENT = 1, /* string */
	BH_IPFIX_DST_SEGMENT,     /* string */
	BH_IPFIX_RULE,            /* string */
	BH_IPFIX_VERDICT,         /* string: allow, deny, reject, violate */
	BH_IPFIX_REASON,          /* string: a name of base/reason.def */
	BH_IPFIX_MODE,            /* string: discover, monitor, protect */
};

/* IANA's flowEndReason. */
enum {
	BH_IPFIX_END_IDLE = 1,
	BH_IPFIX_END_ACTIVE = 2,
	BH_IPFIX_END_SEEN = 3,
	BH_IPFIX_END_FORCED = 4,
	BH_IPFIX_END_NO_ROOM = 5,
};

/* What the record says of time and numbers: since what was told before. By ends of the key. */
struct bh_ipfix_span {
	uint64_t start_ms, end_ms; /* since the Unix epoch */
	uint64_t bytes[2], packets[2];
};

/* Append the record of a FLOW or FLOW_ACTIVE event. false: neither IPv4 nor IPv6. names may be NULL. */
bool bh_ipfix_record(struct bh_buf *out, const struct bh_event *e, const struct bh_ipfix_span *span,
		     const struct bh_event_names *names);

struct bh_ipfix_message {
	uint8_t *data; /* room for `max` bytes */
	size_t len, max;
	size_t set;        /* where the open set begins, 0: none is open */
	uint16_t template; /* of the open set */
	unsigned n;        /* records in it */
};

void bh_ipfix_message_begin(struct bh_ipfix_message *m);
/* Both templates, in one set. false: no room. */
bool bh_ipfix_message_templates(struct bh_ipfix_message *m, uint32_t enterprise);
/* A record of bh_ipfix_record. 0, -ENOSPC: the message is full, -EMSGSIZE: not of our form, or longer than a message. */
int bh_ipfix_message_add(struct bh_ipfix_message *m, const uint8_t *record, size_t len);
/* Fill in the header. sequence: Data Records sent before this message in its session (RFC 7011 3.1). */
void bh_ipfix_message_end(struct bh_ipfix_message *m, uint32_t export_s, uint32_t sequence,
			  uint32_t domain);

#endif
