/* app_threat.c: threats in what applications say. */
#ifndef BH_GATEWAY_APP_THREAT_H
#define BH_GATEWAY_APP_THREAT_H

#include "gateway_priv.h"

/* Create: 0 or -errno; does nothing where none is on. */
int bh_app_threat_create(struct bh_worker *w);
void bh_app_threat_destroy(struct bh_worker *w);
/* Are connections to be examined for them, and do their bytes wait for that? */
bool bh_app_threat_wants(const struct bh_worker *w);
bool bh_app_threat_holds(const struct bh_worker *w);
/* From its first byte on; false: its application has no detector. */
bool bh_app_threat_begin(struct bh_worker *w, struct bh_app_context *c);
void bh_app_threat_feed(struct bh_worker *w, struct bh_app_context *c, unsigned side,
			const uint8_t *at, uint32_t n, bool ended);
/* Time has gone by: is it too slow? */
void bh_app_threat_tick(struct bh_worker *w, struct bh_app_context *c);
void bh_app_threat_end(struct bh_worker *w, struct bh_app_context *c);
/* What was found is done; nothing more to be found: the connection is let go. False: the flow was refused. */
bool bh_app_threat_obey(struct bh_worker *w, const struct bh_app_case *k);
/* Datagrams of this flow are looked at, each; and one of them. */
/* A flow begins: is it to an address that only looks like one outside? */
void bh_app_threat_external(struct bh_worker *w, struct bh_packet *p);
bool bh_app_threat_keeps(const struct bh_worker *w, const struct bh_flow *f);
void bh_app_threat_datagram(struct bh_worker *w, struct bh_packet *p);

/* app_names.c: addresses of the names that segments list, from DNS answers that pass. */
int bh_app_names_create(struct bh_worker *w); /* 0 or -ENOMEM */
void bh_app_names_destroy(struct bh_worker *w);
/* Datagrams of this flow are looked at, each; and one of them, once it is to pass. */
bool bh_app_names_keeps(const struct bh_worker *w, const struct bh_flow *f);
void bh_app_names_datagram(struct bh_worker *w, struct bh_packet *p);

/* app_answers.c: those answers wait until it is in force (names.hold). */
int bh_app_answers_create(struct bh_worker *w); /* 0 or -ENOMEM */
void bh_app_answers_destroy(struct bh_worker *w);
/* It has been told to the control core. Its packet waits now, unless nothing in it is new or there is no room. */
struct bh_dns_message;
void bh_app_answers_hold(struct bh_worker *w, struct bh_packet *p, const struct bh_dns_message *m);
void bh_app_answers_drain(struct bh_worker *w); /* the end: drop what waits */

#endif
