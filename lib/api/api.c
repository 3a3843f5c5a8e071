/* api: start and stop; what may be listened on. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../secret/secret.h"
#include "api_priv.h"

#define DEFAULT_MAX_BODY (UINT64_C(16) << 20)
#define DEFAULT_CONNECTIONS 64
#define DEFAULT_TIMEOUT_S 10
#define DEFAULT_HEARTBEAT_MS 5000

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static int
bad_listen(const char *listen, struct bh_err *err)
{
	return bh_err_set(err, EINVAL,
			  "api.listen: `%s` is not ADDRESS:PORT; write for instance 127.0.0.1:8471 "
			  "or [::1]:8471 (an address, not a name; port 0 takes a free one)",
			  listen);
}

/* "a.b.c.d:port" or "[v6]:port". */
static int
parse_listen(const char *listen, union address *out, socklen_t *len, struct bh_err *err)
{
	const char *colon = strrchr(listen, ':');
	char host[64], *end;
	unsigned long port;
	size_t n;

	if (colon == NULL || colon[1] < '0' || colon[1] > '9')
		return bad_listen(listen, err);
	port = strtoul(colon + 1, &end, 10);
	n = (size_t)(colon - listen);
	if (*end != '\0' || port > 65535 || n >= sizeof(host))
		return bad_listen(listen, err);
	memset(out, 0, sizeof(*out));
	snprintf(host, sizeof(host), "%.*s", (int)n, listen);
	if (host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		out->in6.sin6_family = AF_INET6;
		out->in6.sin6_port = htons((uint16_t)port);
		*len = sizeof(out->in6);
		return inet_pton(AF_INET6, host + 1, &out->in6.sin6_addr) == 1
			       ? 0
			       : bad_listen(listen, err);
	}
	out->in.sin_family = AF_INET;
	out->in.sin_port = htons((uint16_t)port);
	*len = sizeof(out->in);
	return inet_pton(AF_INET, host, &out->in.sin_addr) == 1 ? 0 : bad_listen(listen, err);
}

static bool
is_loopback(const union address *a)
{
	if (a->sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
	return ntohl(a->in.sin_addr.s_addr) >> 24 == 127;
}

/* b64token of RFC 6750 2.1: what a header can carry. */
static int
check_token(const char *token, struct bh_err *err)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				  "-._~+/=";

	if (token[strspn(token, set)] == '\0')
		return 0;
	return bh_err_set(err, EINVAL,
			  "api.token_file: the token has a character that a bearer token cannot "
			  "have; letters, digits and -._~+/= are fine (openssl rand -hex 32 makes "
			  "a good one)");
}

static int
check_ops(const struct bh_api_params *p, struct bh_err *err)
{
	const struct bh_api_ops *o = &p->ops;

	if (p->front.start && p->front.end &&
	    (p->store == NULL || (o->policy_commit && o->policy_rollback)) && o->n_workers &&
	    o->heartbeat_age_ms && o->counters && o->flows && o->n_ports && o->port &&
	    o->steering && o->policy_put && o->uptime_ms && o->started_ns && o->mode)
		return 0;
	return bh_err_set(err, EINVAL, "the REST API was started without all of its operations");
}

/* A socket that listens; its number, or -errno. */
static int
open_socket(struct bh_api *api, union address *a, socklen_t len, struct bh_err *err)
{
	const int one = 1;
	int fd, rc;

	if (api->p.listener != 0) {
		fd = api->p.listener;
		if (getsockname(fd, &a->sa, &len) != 0)
			goto fail;
		api->port = ntohs(a->sa.sa_family == AF_INET6 ? a->in6.sin6_port : a->in.sin_port);
		return fd;
	}
	fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		goto fail;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (a->sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, &a->sa, len) != 0 || listen(fd, 128) != 0 ||
	    getsockname(fd, &a->sa, &len) != 0)
		goto fail;
	api->port = ntohs(a->sa.sa_family == AF_INET6 ? a->in6.sin6_port : a->in.sin_port);
	return fd;
fail:
	rc = errno;
	if (fd >= 0)
		close(fd);
	if (rc == EADDRINUSE)
		return bh_err_set(err, rc,
				  "api.listen: %s is in use: is another gateway running? "
				  "`ss -ltnp` tells by whom",
				  api->p.listen);
	return bh_err_set(err, rc, "api.listen: cannot listen on %s: %s", api->p.listen,
			  strerror(rc));
}

static void
set_defaults(struct bh_api_params *p)
{
	if (p->max_body == 0)
		p->max_body = DEFAULT_MAX_BODY;
	if (p->max_connections == 0)
		p->max_connections = DEFAULT_CONNECTIONS;
	if (p->timeout_s == 0)
		p->timeout_s = DEFAULT_TIMEOUT_S;
	if (p->heartbeat_max_ms == 0)
		p->heartbeat_max_ms = DEFAULT_HEARTBEAT_MS;
}

static void
put_token(struct bh_api *api, const char *token)
{
	size_t n = strnlen(token, BH_API_SECRET - 1);

	memcpy(api->token, token, n); /* compared as a field */
	memset(api->token + n, 0, BH_API_SECRET - n);
}

int
bh_api_set_token(struct bh_api *api, const char *token, struct bh_err *err)
{
	int rc = check_token(token, err);

	if (rc == 0 && !api->has_token)
		rc = bh_err_set(err, EINVAL, "api.token_file: there was none at the start");
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&api->secret_lock);
	put_token(api, token);
	pthread_mutex_unlock(&api->secret_lock);
	return 0;
}

void
bh_api_set_tls(struct bh_api *api, const char *certificate, const char *key, const char *client_ca)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&api->secret_lock);
	api->p.tls_certificate = certificate;
	api->p.tls_key = key;
	api->p.tls_client_ca = client_ca;
	pthread_mutex_unlock(&api->secret_lock);
	(void)!write(api->renew, &one, sizeof(one));
}

static void
free_secrets(struct bh_api *api)
{
	bh_secret_free(api->token);
	pthread_mutex_destroy(&api->secret_lock);
	if (api->renew >= 0)
		close(api->renew);
	explicit_bzero(api, sizeof(*api));
	free(api);
}

int
bh_api_start(struct bh_api **out, const struct bh_api_params *params, struct bh_err *err)
{
	union address address;
	struct bh_api *api;
	socklen_t len = 0;
	int rc;

	api = calloc(1, sizeof(*api));
	if (api == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	api->listener = api->channel = api->stop = -1;
	api->p = *params;
	explicit_bzero(api->p.token, sizeof(api->p.token));
	set_defaults(&api->p);
	pthread_mutex_init(&api->secret_lock, NULL);
	api->has_token = params->token[0] != '\0';
	api->token = bh_secret_alloc(BH_API_SECRET);
	api->renew = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = api->token == NULL || api->renew < 0 ? bh_err_set(err, ENOMEM, "out of memory") : 0;
	if (rc == 0)
		rc = parse_listen(api->p.listen, &address, &len, err);
	if (rc == 0)
		rc = check_token(params->token, err);
	if (rc == 0)
		rc = check_ops(&api->p, err);
	if (rc != 0)
		goto free_api;
	put_token(api, params->token);
	api->loopback = is_loopback(&address);
	if (!api->loopback && !api->has_token && api->p.store == NULL) {
		rc = bh_err_set(
			err, EINVAL,
			"api.listen: %s can be reached from other machines, and there is no "
			"token: set api.token_file, or listen on 127.0.0.1",
			api->p.listen);
		goto free_api;
	}
	rc = bh_api_identities_create(api, err);
	if (rc == 0)
		rc = bh_api_first_token_make(api, err);
	api->shapes = bh_api_shapes_json();
	if (rc == 0 && (bh_api_replays_create(api) != 0 || api->shapes == NULL))
		rc = bh_err_set(err, ENOMEM, "out of memory");
	if (rc != 0)
		goto free_api;
	rc = api->listener = open_socket(api, &address, len, err);
	if (rc >= 0)
		rc = bh_api_serve_start(api, err);
	if (rc != 0)
		goto stop;
	*out = api;
	return 0;
stop:
	bh_api_serve_stop(api);
	if (api->listener >= 0)
		close(api->listener);
free_api:
	json_decref(api->shapes);
	bh_api_replays_destroy(api);
	bh_api_identities_destroy(api);
	free_secrets(api);
	return rc;
}

void
bh_api_stop(struct bh_api *api)
{
	if (api == NULL)
		return;
	bh_api_serve_stop(api);
	close(api->listener);
	free(api->openapi);
	json_decref(api->shapes);
	bh_api_replays_destroy(api);
	bh_api_identities_destroy(api);
	if (api->first_token[0] != '\0')
		unlink(api->p.first_token_file); /* it ends with this process */
	free_secrets(api);
}

int
bh_api_listener(const struct bh_api *api)
{
	int fd = fcntl(api->listener, F_DUPFD_CLOEXEC, 3);

	return fd >= 0 ? fd : -errno;
}

uint16_t
bh_api_port_number(const struct bh_api *api)
{
	return api->port;
}
