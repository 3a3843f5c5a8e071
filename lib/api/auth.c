/* auth: may this request do what it asks for? */
#include <strings.h>

#include "api_priv.h"

/* Equal, in a time that depends on neither string. Both tokens are laid into fields of the same size,
 * padded with zeros: a token holds no NUL, so that padding makes no two of them equal. */
static bool
token_equal(const char token[256], const char *given)
{
	char field[256] = {0};
	size_t n = strnlen(given, sizeof(field)), i;
	volatile uint8_t differ = 0;

	/* One that is too long stays a field of zeros: a configured token is not empty. */
	memcpy(field, given, n < sizeof(field) ? n : 0);
	for (i = 0; i < sizeof(field); i++)
		differ |= (uint8_t)(field[i] ^ token[i]);
	return differ == 0;
}

/* "Bearer <token>" (RFC 6750 2.1), or NULL. */
static const char *
bearer(const char *authorization)
{
	if (authorization == NULL || strncasecmp(authorization, "Bearer ", 7) != 0)
		return NULL;
	authorization += 7;
	while (*authorization == ' ')
		authorization++;
	return authorization;
}

/* Names by which a client on this machine calls it. A web page whose own name was made to resolve to
 * 127.0.0.1 (DNS rebinding) sends that name. */
static bool
host_is_loopback(const char *host)
{
	size_t n;

	if (host == NULL)
		return true; /* HTTP/1.0: no browser sends that */
	if (host[0] == '[') {
		n = strcspn(host, "]");
		return n == 4 && strncmp(host, "[::1", 4) == 0 && host[n] == ']' &&
		       (host[n + 1] == '\0' || host[n + 1] == ':');
	}
	n = strcspn(host, ":");
	if (n == 9 && strncasecmp(host, "localhost", 9) == 0)
		return true;
	/* 127.0.0.0/8 as an address: nothing but digits and dots, so no name of somebody's zone. */
	return strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == n;
}

static void
ask_for_token(struct bh_api_req *req, bool wrong)
{
	req->reply.www_authenticate = wrong ? "Bearer realm=\"bulkhead\", error=\"invalid_token\""
					    : "Bearer realm=\"bulkhead\"";
	if (wrong)
		bh_api_fail(req, BH_PROBLEM_UNAUTHORIZED, NULL,
			    "the bearer token is not the one in "
			    "api.token_file");
	else
		bh_api_fail(req, BH_PROBLEM_UNAUTHORIZED, NULL,
			    "send `Authorization: Bearer TOKEN` with the token in api.token_file");
}

void
bh_api_authorize(struct bh_api_req *req)
{
	const struct bh_api *api = req->api;
	const char *given = bearer(req->head.authorization);
	bool configured = api->p.token[0] != '\0';

	if (req->route->role == BH_ROLE_NONE)
		return;
	if (configured && given != NULL && token_equal(api->p.token, given))
		return;
	if (req->route->role == BH_ROLE_WRITE && !configured) {
		bh_api_fail(
			req, BH_PROBLEM_NO_TOKEN, NULL,
			"set api.token_file in bulkhead.yaml to a file that holds a secret (for "
			"instance of `openssl rand -hex 32`), readable by the gateway only, and "
			"restart it");
		return;
	}
	/* A wrong token is refused where none would do, too: who sends one means to be somebody. */
	if (configured && req->head.authorization != NULL) {
		ask_for_token(req, true);
		return;
	}
	if (req->route->role == BH_ROLE_WRITE || !api->loopback) {
		ask_for_token(req, false);
		return;
	}
	if (!host_is_loopback(req->head.host))
		bh_api_fail(
			req, BH_PROBLEM_MISDIRECTED, NULL,
			"without a token this API answers to localhost, 127.0.0.1 and [::1] only");
}
