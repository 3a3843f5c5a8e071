/* A Vault of a few lines, on a port of 127.0.0.1: logins, tokens, the key-value engine. Scripted by its members. */
#ifndef TEST_SECRET_VAULT_SERVER_H
#define TEST_SECRET_VAULT_SERVER_H

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

struct vault {
	int fd;
	pthread_t thread;
	char address[64];
	_Atomic bool stop;
	pthread_mutex_t lock; /* all below */
	unsigned sealed;      /* so many answers are 503 */
	unsigned logins, renewals, reads, revoked;
	unsigned ttl_s;
	bool renewable;
	char token[64];   /* the one that is good; "" before a login */
	char login[200];  /* the path and body that a login must have */
	char secret[200]; /* JSON of the engine's data */
	char space[64];   /* namespace that was asked for */
};

static inline void
vault_reply(int fd, int status, const char *body)
{
	char out[1024];
	int n = snprintf(
		out, sizeof(out),
		"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
		"Connection: close\r\n\r\n%s",
		status, strlen(body), body);

	(void)!write(fd, out, (size_t)n);
}

static inline void
vault_answer(struct vault *v, int fd, char *request)
{
	char line[200], body[600], *p;
	bool known;

	snprintf(line, sizeof(line), "X-Vault-Token: %s\r\n", v->token);
	known = v->token[0] != '\0' && strstr(request, line) != NULL;
	p = strstr(request, "X-Vault-Namespace: ");
	snprintf(v->space, sizeof(v->space), "%.*s", p != NULL ? (int)strcspn(p + 19, "\r") : 0,
		 p != NULL ? p + 19 : "");
	p = strstr(request, "\r\n\r\n") + 4;
	if (v->sealed != 0) {
		v->sealed--;
		vault_reply(fd, 503, "{\"errors\": [\"sealed\"]}");
	} else if (strstr(request, "/login HTTP") != NULL) {
		snprintf(line, sizeof(line), "%.*s %s", (int)strcspn(request + 5, " "), request + 5,
			 p);
		if (strcmp(line, v->login) != 0) {
			vault_reply(fd, 400, "{\"errors\": [\"invalid\"]}");
			return;
		}
		v->logins++;
		snprintf(v->token, sizeof(v->token), "t-%u", v->logins);
		snprintf(body, sizeof(body),
			 "{\"auth\": {\"client_token\": \"%s\", \"lease_duration\": %u, "
			 "\"renewable\": %s}}",
			 v->token, v->ttl_s, v->renewable ? "true" : "false");
		vault_reply(fd, 200, body);
	} else if (!known) {
		vault_reply(fd, 403, "{\"errors\": [\"permission denied\"]}");
	} else if (strstr(request, "lookup-self") != NULL ||
		   strstr(request, "renew-self") != NULL) {
		v->renewals += strstr(request, "renew-self") != NULL;
		snprintf(body, sizeof(body),
			 strstr(request, "renew-self") != NULL
				 ? "{\"auth\": {\"lease_duration\": %u, \"renewable\": %s}}"
				 : "{\"data\": {\"ttl\": %u, \"renewable\": %s}}",
			 v->ttl_s, v->renewable ? "true" : "false");
		vault_reply(fd, 200, body);
	} else if (strstr(request, "revoke-self") != NULL) {
		v->revoked++;
		vault_reply(fd, 204, "");
	} else if (strncmp(request, "GET /v1/kv/data/app/api ", 24) == 0) {
		v->reads++;
		snprintf(body, sizeof(body),
			 "{\"data\": {\"data\": %s, \"metadata\": {\"version\": 1}}}", v->secret);
		vault_reply(fd, 200, body);
	} else {
		vault_reply(fd, 404, "{\"errors\": []}");
	}
}

static void *
vault_run(void *arg)
{
	struct vault *v = arg;
	char request[4096], *p;
	ssize_t got;
	size_t n, need;
	int fd;

	while (!v->stop) {
		fd = accept(v->fd, NULL, NULL);
		if (fd < 0)
			break;
		for (n = 0; n < sizeof(request) - 1; n += (size_t)got) {
			got = read(fd, request + n, sizeof(request) - 1 - n);
			if (got <= 0)
				break;
			request[n + (size_t)got] = '\0';
			p = strstr(request, "\r\n\r\n");
			need = 0;
			if (p != NULL && strstr(request, "Content-Length: ") != NULL)
				need = (size_t)atoi(strstr(request, "Content-Length: ") + 16);
			if (p != NULL && strlen(p + 4) >= need) {
				pthread_mutex_lock(&v->lock);
				vault_answer(v, fd, request);
				pthread_mutex_unlock(&v->lock);
				break;
			}
		}
		close(fd);
	}
	return NULL;
}

static inline void
vault_start(struct vault *v)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	*v = (struct vault){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .ttl_s = 3600};
	pthread_mutex_init(&v->lock, NULL);
	snprintf(v->secret, sizeof(v->secret), "{\"token\": \"first-value\"}");
	CU_ASSERT_EQUAL_FATAL(bind(v->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	CU_ASSERT_EQUAL_FATAL(listen(v->fd, 16), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(v->fd, (struct sockaddr *)&a, &len), 0);
	snprintf(v->address, sizeof(v->address), "http://127.0.0.1:%u", ntohs(a.sin_port));
	CU_ASSERT_EQUAL_FATAL(pthread_create(&v->thread, NULL, vault_run, v), 0);
}

static inline void
vault_stop(struct vault *v)
{
	v->stop = true;
	shutdown(v->fd, SHUT_RDWR);
	pthread_join(v->thread, NULL);
	close(v->fd);
	pthread_mutex_destroy(&v->lock);
}

/* What one of its counters says now. */
static inline unsigned
vault_count(struct vault *v, const unsigned *counter)
{
	unsigned n;

	pthread_mutex_lock(&v->lock);
	n = *counter;
	pthread_mutex_unlock(&v->lock);
	return n;
}

#endif
