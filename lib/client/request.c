/* Options of a request that are the same whatever is asked for. */
#include <sys/random.h>

#include "client.h"

#define BACKOFF_MS 200
#define BACKOFF_MAX_MS 30000

void
bh_client_options(CURL *easy, const char *protocols, long silent_s)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocols);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, silent_s);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 10L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 5L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "bulkhead/" BH_VERSION);
}

void
bh_client_trust(CURL *easy, const struct bh_client_tls *tls)
{
	if (tls->ca[0] != '\0') {
		/* This authority, and none of the system's. */
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
		curl_easy_setopt(easy, CURLOPT_CAINFO, tls->ca);
	}
	if (tls->certificate[0] != '\0') {
		curl_easy_setopt(easy, CURLOPT_SSLCERT, tls->certificate);
		curl_easy_setopt(easy, CURLOPT_SSLKEY, tls->key);
	}
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, tls->insecure ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, tls->insecure ? 0L : 2L);
}

uint32_t
bh_client_random_below(uint32_t n)
{
	uint32_t v = 0;

	if (getrandom(&v, sizeof(v), 0) != (ssize_t)sizeof(v))
		v = (uint32_t)bh_clock_system.mono_ns(NULL);
	return v % n;
}

uint64_t
bh_client_backoff_ns(unsigned failures)
{
	uint64_t ms = BACKOFF_MS << (failures < 8 ? failures : 8);

	ms = ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
	return (ms / 2 + bh_client_random_below((uint32_t)ms)) * BH_NS_PER_MS;
}
