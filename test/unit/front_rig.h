/* front_rig: the HTTP server in a thread; the control core is the test, and answers every request that reaches it with 418.
 *
 * Usage     front_rig_start(), front_rig_ask() or front_rig_say() as a client, front_rig_stop().
 */
#ifndef BH_FRONT_RIG_H
#define BH_FRONT_RIG_H

#include <pthread.h>

#include "../../lib/front/front.h"
#include "../../lib/ipc/ipc.h"
#include "unit.h"

struct front_rig {
	char folder[64];
	struct bh_front_web *web;
	pthread_t thread;
	int listener, front_end, control;
	unsigned reached; /* requests that the control core was told of */
	size_t uri_len;   /* of the last one */
	uint16_t port;
	struct bh_ipc_reader in;
};

/* A dashboard of few files, with some that are none of it. */
void front_rig_make_folder(struct front_rig *r);
void front_rig_put(const struct front_rig *r, const char *name, const char *text, size_t len);
void front_rig_remove_folder(const struct front_rig *r);

void front_rig_start(struct front_rig *r);
void front_rig_stop(struct front_rig *r);

/* One request on a connection of its own; status, and the whole answer in `out`. */
int front_rig_ask(struct front_rig *r, const char *method, const char *path, const char *more,
		  char *out, size_t size);
/* These bytes on a connection of its own, in pieces of at most `piece`; all that comes until it is closed, which must
 * be soon. Returns its length. */
size_t front_rig_say(struct front_rig *r, const char *bytes, size_t len, size_t piece, char *out,
		     size_t size);

#endif
