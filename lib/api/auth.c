/* auth: may this request do what it asks for? */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

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
		bh_api_fail(req, BH_PROBLEM_UNAUTHORIZED, NULL, "the bearer token is nobody's");
	else
		bh_api_fail(req, BH_PROBLEM_UNAUTHORIZED, NULL,
			    "send `Authorization: Bearer TOKEN`, with the token in api.token_file "
			    "or of "
			    "an identity");
}

/* ---- the one-time token ---------------------------------------------------------------------------------- */

int
bh_api_first_token_make(struct bh_api *api, struct bh_err *err)
{
	const char *path = api->p.first_token_file;
	char hash[128], token[BH_API_TOKEN_MAX];
	int fd, rc;

	if (api->p.store == NULL || path[0] == '\0' || api->has_token ||
	    !bh_api_identity_is_first(api))
		return 0;
	if (bh_api_identity_token_make("first", token, hash) != 0)
		return bh_err_set(err, ENOMEM, "no memory to hash a token");
	unlink(path); /* of an earlier start */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	rc = fd < 0 || dprintf(fd, "%s\n", token) < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	if (rc != 0) {
		/* No reason not to forward. */
		bh_log(BH_LOG_ERROR, "cannot write the one-time token to %s: %s", path,
		       strerror(rc));
		return 0;
	}
	memset(api->first_token, 0, sizeof(api->first_token));
	snprintf(api->first_token, sizeof(api->first_token), "%s", token);
	explicit_bzero(token, sizeof(token));
	bh_log(BH_LOG_WARN,
	       "nobody can administer this gateway yet: make an identity with the token in %s "
	       "(bulkheadctl identity make NAME --role admin); it ends with the first admin",
	       path);
	return 0;
}

void
bh_api_first_token_end(struct bh_api *api)
{
	if (api->first_token[0] == '\0' || bh_api_identity_is_first(api))
		return;
	explicit_bzero(api->first_token, sizeof(api->first_token));
	unlink(api->p.first_token_file);
	bh_log(BH_LOG_INFO, "there is an admin: the one-time token has ended");
}

/* ---- who, and may they ------------------------------------------------------------------------------------ */

static void
become(struct bh_api_req *req, const char *name, enum bh_api_role role)
{
	snprintf(req->who, sizeof(req->who), "%s", name);
	req->role = bh_api_role_name(role);
	req->rights = bh_api_role_rights(role);
}

static void
wait_a_little(struct bh_api_req *req, enum bh_api_problem problem, unsigned seconds,
	      const char *what)
{
	snprintf(req->reply.retry_after, sizeof(req->reply.retry_after), "%u", seconds);
	bh_api_fail(req, problem, NULL, "%s", what);
}

static void
by_token(struct bh_api_req *req, const char *given)
{
	struct bh_api *api = req->api;
	char name[BH_API_NAME_MAX];
	enum bh_api_role role;

	bool all;

	pthread_mutex_lock(&api->secret_lock);
	all = api->has_token && token_equal(api->token, given);
	pthread_mutex_unlock(&api->secret_lock);
	if (all) {
		become(req, "token", BH_ROLE_ADMIN);
		return;
	}
	if (api->first_token[0] != '\0' && token_equal(api->first_token, given)) {
		become(req, "first", BH_ROLE_ADMIN);
		req->rights = 1u << BH_RIGHT_ADMIN | 1u << BH_RIGHT_SELF;
		return;
	}
	switch (bh_api_identity_token(api, given, req->head.peer != NULL ? req->head.peer : "",
				      name, &role)) {
	case BH_KNOWN_YES:
		become(req, name, role);
		break;
	case BH_KNOWN_LOCKED:
		wait_a_little(
			req, BH_PROBLEM_LOCKED, 60,
			"wrong tokens of this name have come from this address: wait a minute");
		break;
	case BH_KNOWN_BUSY:
		wait_a_little(req, BH_PROBLEM_RATE, 1, "too many unknown tokens at once");
		break;
	case BH_KNOWN_NOT:
		ask_for_token(req, true);
		break;
	}
}

static void
identify(struct bh_api_req *req)
{
	const struct bh_api *api = req->api;
	const char *given = bearer(req->head.authorization);
	bool anybody = api->has_token || api->p.store != NULL;
	char name[BH_API_NAME_MAX];
	enum bh_api_role role;

	if (anybody && req->head.authorization != NULL) {
		/* A wrong one is refused where none would do, too: who sends one means to be somebody. */
		if (given != NULL)
			by_token(req, given);
		else
			ask_for_token(req, true);
	} else if (req->head.certificate != NULL &&
		   bh_api_identity_certificate(req->api, req->head.certificate, name, &role)) {
		become(req, name, role);
	} else if (api->loopback) {
		become(req, "", BH_ROLE_VIEWER);
	}
}

static void
take_one(struct bh_api_req *req)
{
	struct bh_api_reply *r = &req->reply;
	unsigned left;
	bool more = bh_api_identity_rate(req->api, req->who, &left);

	if (req->api->p.rate != 0) {
		snprintf(r->rate_limit, sizeof(r->rate_limit), "%u", req->api->p.rate);
		snprintf(r->rate_left, sizeof(r->rate_left), "%u", left);
		snprintf(r->rate_reset, sizeof(r->rate_reset), "%u",
			 (2 * req->api->p.rate - left) / req->api->p.rate + 1);
	}
	if (!more)
		wait_a_little(req, BH_PROBLEM_RATE, 1, "more requests than api.rate allows");
}

void
bh_api_authorize(struct bh_api_req *req)
{
	const struct bh_api *api = req->api;
	enum bh_api_right right = req->route->right;

	if (right == BH_RIGHT_NONE)
		return;
	identify(req);
	if (req->reply.status != 0)
		return;
	if ((req->rights & 1u << right) != 0) {
		if (req->who[0] == '\0' && !host_is_loopback(req->head.host))
			bh_api_fail(req, BH_PROBLEM_MISDIRECTED, NULL,
				    "without a token this API answers to localhost, 127.0.0.1 and "
				    "[::1] "
				    "only");
		else
			take_one(req);
		return;
	}
	if (req->who[0] != '\0')
		bh_api_fail(req, BH_PROBLEM_FORBIDDEN, NULL,
			    "%s has the role %s, which does not "
			    "include this; docs/api.md has the matrix",
			    req->who, req->role);
	else if (!api->has_token && api->p.store == NULL)
		bh_api_fail(
			req, BH_PROBLEM_NO_TOKEN, NULL,
			"set api.token_file in bulkhead.yaml to a file that holds a secret (for "
			"instance of `openssl rand -hex 32`), readable by the gateway only, and "
			"restart it");
	else
		ask_for_token(req, false);
}
