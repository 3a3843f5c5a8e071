/* http: targets and fields, as HTTP/1 and HTTP/2 share them. Errors are words; NULL: none. */
#ifndef BH_PROTO_HTTP_H
#define BH_PROTO_HTTP_H

#include "proto_priv.h"

/* host [":" port] (RFC 9110 4.2, 7.2). An empty one is no error: len 0. */
const char *bh_http_authority(const uint8_t *at, size_t len, struct bh_http_authority *out);
/* default_port: what no port means, 0: anything. */
bool bh_http_same_authority(const struct bh_http_authority *a, const struct bh_http_authority *b,
			    uint16_t default_port);

/* A request's target (RFC 9112 3.2). */
struct bh_http_target {
	struct bh_http_text authority; /* absolute and authority form; at NULL: none */
	struct bh_http_text path;      /* "*", or begins with '/', or empty (absolute form) */
	struct bh_http_text query;
	uint16_t default_port; /* absolute form: of its scheme */
};
const char *bh_http_target(struct bh_http_text method, struct bh_http_text target,
			   struct bh_http_target *out);
/* Path and query of a target: characters (RFC 3986, and what browsers send beyond: URL standard)
 * and where the query begins. */
const char *bh_http_path_and_query(const uint8_t *at, size_t len, struct bh_http_target *out);

bool bh_http_is_token(const uint8_t *at, size_t len); /* RFC 9110 5.6.2; not empty */
/* A field's value may hold tab, visible and obs-text bytes (RFC 9110 5.5). */
bool bh_http_is_value(const uint8_t *at, size_t len);
/* Only digits, at most 18 of them. */
bool bh_http_length(const uint8_t *at, size_t len, uint64_t *out);
bool bh_http_is_nocase(const uint8_t *at, size_t len, const char *text);

/* Is a text this literal, but for case? */
#define BH_HTTP_IS(text, literal)                                                                  \
	((text).len == sizeof(literal) - 1 && bh_http_is_nocase((text).at, (text).len, literal))

/* Method names longer than this are an error. The longest registered one has 17 bytes. */
#define BH_HTTP_METHOD_MAX 32

/* What an operation shows of a request, copied because lines come and go. */
#define BH_HTTP_TEXT_MAX 255
#define BH_HTTP_NAMES_MAX 1024
struct bh_http_request {
	struct bh_http_path path;
	uint8_t method[BH_HTTP_METHOD_MAX];
	uint8_t agent[BH_HTTP_TEXT_MAX];
	uint8_t type[BH_HTTP_TEXT_MAX];
	uint8_t names[BH_HTTP_NAMES_MAX]; /* a length byte and a name, lower case, each */
	uint16_t names_len;
	uint8_t method_len, agent_len, type_len;
	uint8_t n_names;
};

void bh_http_request_field(struct bh_http_request *r, struct bh_http_text name,
			   struct bh_http_text value);
void bh_http_request_op(const struct bh_http_request *r, const struct bh_http_authority *host,
			const char *protocol, struct bh_op *op);

#endif
