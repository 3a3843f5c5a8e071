/* ber.h: tags and lengths of BER (X.690 8.1), as ldap, snmp and kerberos use them. */
#ifndef BH_PROTO_BER_H
#define BH_PROTO_BER_H

#include "proto_priv.h"

/* Read one tag (a single byte) and definite length. false: cut or not BER. */
bool bh_ber_head(struct bh_cur *c, uint8_t *tag, uint32_t *length);
/* Read a tag that must be `tag`; its length into *length. */
bool bh_ber_expect(struct bh_cur *c, uint8_t tag, uint32_t *length);
/* Read a small INTEGER (1 to 4 bytes). */
bool bh_ber_integer(struct bh_cur *c, uint32_t *value);

#endif
