/* front: the HTTP server. It parses what strangers send and knows nothing else: requests of one reading go to the
 * control core over a channel (ipc.h), answers come back. Its crash or compromise gives away what passes through it,
 * the credentials in requests and the TLS key, and nothing of the gateway.
 *
 * Usage     bh_front_run() in a process of its own (app/bulkhead-api), or in a thread (tests).
 * Threads   everything runs on the caller's.
 *
 * Bounded: max_connections (one more closes the one idle longest) of 32 KiB each; bodies are passed on in pieces and
 * never collected here; an answer is as long as the control core makes it.
 */
#ifndef BH_FRONT_H
#define BH_FRONT_H

#include "../base/base.h"

/* Serve the listening socket until the channel's other end closes. Takes both descriptors over. The first message on
 * the channel must be SETUP. 0; -errno, err says what failed. */
int bh_front_run(int listener, int channel, struct bh_err *err);

#endif
