/* first: what the first bytes of a flow say about all detectors at once. */
#ifndef BH_PROTO_FIRST_H
#define BH_PROTO_FIRST_H

#include "proto_priv.h"

/* A bit an application (enum bh_app). */
typedef unsigned __int128 bh_app_set;
_Static_assert(BH_APP_COUNT <= 128, "a bit an application");

struct bh_proto_first {
	bh_app_set ask; /* these must see the bytes */
	bh_app_set no;  /* these would say NO; those in neither would say MAYBE */
};

bh_app_set bh_proto_on_top(unsigned app); /* of application `app` itself, 0: of nothing */
bh_app_set bh_proto_over(unsigned transport);

/* About applications that stand on nothing else. */
struct bh_proto_first bh_proto_first(const struct bh_proto_input *in);

/* bh_proto_identify(), but asking all: for those who compare. */
bool bh_proto_identify_all(struct bh_proto_state *state, const struct bh_proto_input *in);

#endif
