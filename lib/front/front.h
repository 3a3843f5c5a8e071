/* front: the HTTP server. It parses what strangers send and knows nothing else: requests of one reading go to the
 * control core over a channel (ipc.h), answers come back. Its crash or compromise gives away what passes through it,
 * the credentials in requests and the TLS key, and nothing of the gateway.
 *
 * Usage     bh_front_run() in a process of its own (app/bulkhead-api), or in a thread (tests).
 * Threads   everything runs on the caller's.
 *
 * Bounded: max_connections (one more closes the one idle longest) of 32 KiB each; bodies are passed on in pieces and
 * never collected here; an answer is as long as the control core makes it; the dashboard's files are 16 MiB at most.
 */
#ifndef BH_FRONT_H
#define BH_FRONT_H

#include "../base/base.h"

/* The dashboard: index.html of the folder, served as /, and what lies under its assets/, read whole. Call it before the
 * process gives its rights away: nothing is opened later. 0; -ENOENT (no folder, or no index.html in it), -EFBIG (more
 * than 16 MiB), -E2BIG (more than 256 files), another -errno; err says which file. */
struct bh_front_web;
int bh_front_web_load(struct bh_front_web **out, const char *folder, struct bh_err *err);
void bh_front_web_free(struct bh_front_web *web); /* NULL is fine */

/* Serve the listening socket until the channel's other end closes. Takes both descriptors over. The first message on
 * the channel must be SETUP. web: the caller's, or NULL; GET of a file in it is answered without the control core. 0;
 * -errno, err says what failed. */
int bh_front_run(int listener, int channel, const struct bh_front_web *web, struct bh_err *err);

#endif
