/* event_priv: what the writers of EVE share. */
#ifndef BH_EVENT_PRIV_H
#define BH_EVENT_PRIV_H

#include "event.h"

#define PROTO_ICMP 1
#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_ICMP6 58
#define PROTO_SCTP 132

/* IANA's keyword for the protocols that are met on networks, else three digits into `digits`. */
const char *bh_eve_proto(uint8_t proto, char digits[4]);
/* tcp.state for an enum bh_flow_state; "none" for those that are no TCP state. */
const char *bh_eve_tcp_state(uint8_t state);
/* flow.reason for an enum bh_flow_end. */
const char *bh_eve_flow_reason(uint8_t end);
/* alert.category for a bulkhead.kind. */
const char *bh_eve_category(const char *kind);

/* eve_operation.c: event_type of an operation's record; its words, each field in its object; a few words of ours. */
const char *bh_eve_operation_type(const struct bh_event *e);
/* ours: those that stand inside `bulkhead`; else those of Suricata. */
void bh_eve_put_operation(struct bh_json *j, const struct bh_event *e, bool ours);
/* "signature": the sensor's sentence, or the usual one. */
void bh_eve_put_signature(struct bh_json *j, const struct bh_event *e, const char *usual);
/* mask.c: card numbers in it, of BH_OP_VALUE_MAX bytes at most, keep the issuer and the last four digits. */
void bh_event_mask(char *text);
void bh_eve_put_why(struct bh_json *j, const struct bh_event *e);

#endif
