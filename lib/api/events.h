/* events: what ep_events.c and events_stream.c share. */
#ifndef BH_API_EVENTS_H
#define BH_API_EVENTS_H

#include "api_priv.h"

/* Words point into the request. false: the reply is set. */
bool bh_api_events_filter(struct bh_api_req *req, struct bh_record_filter *f);
/* false: events are not kept, the reply is set. */
bool bh_api_has_events(struct bh_api_req *req);

#endif
