/* client: what asking a server over HTTP takes, whatever it is asked for.
 *
 * Usage     bh_client_options() and bh_client_trust() on a libcurl handle before each request; bh_lines_feed() on what a
 *           stream of lines brings; bh_client_backoff_ns() after what failed.
 * Threads   any control thread, one a handle; nothing is shared.
 * Lifetime  strings are libcurl's copies.
 */
#ifndef BH_CLIENT_H
#define BH_CLIENT_H

#include <curl/curl.h>

#include "../base/base.h"

/* ---- lines.c: a stream of lines, in whatever pieces it comes ------------------------------------------------ */

#define BH_LINE_MAX (4u << 20) /* etcd takes objects of 1.5 MiB; as base64 in JSON 2 MiB */

struct bh_lines { /* zero-initialise */
	struct bh_buf buf;
};
/* Calls fn for each whole line. 0; -EMSGSIZE a line is too long; -ENOMEM; or what fn returned, which ends it. */
int bh_lines_feed(struct bh_lines *l, const char *data, size_t len,
		  int (*fn)(void *arg, const char *line, size_t len), void *arg);
void bh_lines_free(struct bh_lines *l);

/* ---- request.c ------------------------------------------------------------------------------------------------ */

/* Files; "" = none. With a ca it is this authority, and none of the system's. */
struct bh_client_tls {
	const char *ca, *certificate, *key;
	bool insecure;
};

/* Without proxy, signals and HTTP/2; `protocols` as in CURLOPT_PROTOCOLS_STR; a connection that brings nothing for
 * `silent_s` seconds is dead. */
void bh_client_options(CURL *easy, const char *protocols, long silent_s);
void bh_client_trust(CURL *easy, const struct bh_client_tls *tls);

/* Below n, which is not 0; of the kernel's randomness. */
uint32_t bh_client_random_below(uint32_t n);
/* How long to wait after the failures-th failure in a row (0: the first): from 0.1 to 45 s, not the same for all who wait. */
uint64_t bh_client_backoff_ns(unsigned failures);

#endif
