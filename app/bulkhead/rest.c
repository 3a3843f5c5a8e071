/* rest: the API's parameters, from the configuration and the files it names. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"

#define PEM_MAX (256u << 10)

static int
read_token(const char *path, char *out, size_t size, struct bh_err *err)
{
	FILE *f;
	size_t n;

	out[0] = '\0';
	if (path[0] == '\0')
		return 0;
	f = fopen(path, "re");
	if (f == NULL)
		return bh_err_set(
			err, errno,
			"api.token_file: cannot read %s: %s (make one: head -c 32 /dev/urandom | "
			"base64 > %s)",
			path, strerror(errno), path);
	n = fread(out, 1, size - 1, f);
	fclose(f);
	out[n] = '\0';
	out[strcspn(out, " \t\r\n")] = '\0';
	if (strlen(out) < 16)
		return bh_err_set(err, EINVAL,
				  "api.token_file: %s holds a token of %zu characters; at least 16 "
				  "are needed",
				  path, strlen(out));
	return 0;
}

/* *out: malloc'd, or NULL when none is configured. */
static int
read_pem(const char *key, const char *path, char **out, struct bh_err *err)
{
	struct bh_buf b = {0};
	char piece[4096];
	FILE *f;
	size_t n;

	*out = NULL;
	if (path[0] == '\0')
		return 0;
	f = fopen(path, "re");
	if (f == NULL)
		return bh_err_set(err, errno, "%s: cannot read %s: %s", key, path, strerror(errno));
	while ((n = fread(piece, 1, sizeof(piece), f)) != 0 && b.len < PEM_MAX)
		bh_buf_add(&b, piece, n);
	fclose(f);
	explicit_bzero(piece, sizeof(piece));
	if (b.failed || b.len >= PEM_MAX || b.data == NULL ||
	    strstr(b.data, "-----BEGIN ") == NULL) {
		bh_buf_free(&b);
		return bh_err_set(err, EINVAL, "%s: %s is not a PEM file of at most %u KiB", key,
				  path, PEM_MAX >> 10);
	}
	*out = b.data;
	return 0;
}

static void
forget(char *pem)
{
	if (pem != NULL)
		explicit_bzero(pem, strlen(pem));
	free(pem);
}

static int
read_files(struct bh_daemon *d, struct bh_api_params *p, struct bh_err *err)
{
	const struct bh_config *c = &d->config;
	int rc = read_token(c->api_token_file, p->token, sizeof(p->token), err);

	if (rc == 0 && (c->api_certificate[0] != '\0') != (c->api_key[0] != '\0'))
		rc = bh_err_set(err, EINVAL,
				"api.tls.certificate and api.tls.key go together: set both or "
				"none");
	if (rc == 0 && c->api_client_ca[0] != '\0' && c->api_certificate[0] == '\0')
		rc = bh_err_set(err, EINVAL,
				"api.tls.client_ca needs api.tls.certificate and api.tls.key");
	if (rc == 0)
		rc = read_pem("api.tls.certificate", c->api_certificate, &d->api_pem[0], err);
	if (rc == 0)
		rc = read_pem("api.tls.key", c->api_key, &d->api_pem[1], err);
	if (rc == 0)
		rc = read_pem("api.tls.client_ca", c->api_client_ca, &d->api_pem[2], err);
	p->tls_certificate = d->api_pem[0];
	p->tls_key = d->api_pem[1];
	p->tls_client_ca = d->api_pem[2];
	return rc;
}

int
bh_daemon_rest_start(struct bh_daemon *d, struct bh_err *err)
{
	struct bh_api_params params = {
		.max_body = d->config.api_body,
		.rate = (unsigned)d->config.api_rate,
		.heartbeat_max_ms = (unsigned)d->config.heartbeat_ms,
		.policy = d->policy,
		.response = d->response,
		.store = d->store,
		.fleet = d->fleet,
		.record = d->event_store,
		.config = &d->config,
		.evidence = d->config.evidence_path,
		.capture = d->evidence,
		.learn = d->learn,
		.shadow = d->shadow,
		.max_endpoints = (uint32_t)d->config.max_endpoints,
		.front = {.arg = d, .start = bh_daemon_front_start, .end = bh_daemon_front_end},
	};
	int rc, n;

	if (strcmp(d->config.api_listen, "off") == 0)
		return 0;
	snprintf(params.listen, sizeof(params.listen), "%s", d->config.api_listen);
	n = snprintf(params.first_token_file, sizeof(params.first_token_file), "%s/admin-token",
		     d->config.run_dir);
	if (n >= (int)sizeof(params.first_token_file))
		params.first_token_file[0] = '\0';
	rc = read_files(d, &params, err);
	if (rc == 0) {
		bh_daemon_ops(d, &params.ops);
		rc = bh_api_start(&d->api, &params, err);
	}
	explicit_bzero(params.token, sizeof(params.token));
	if (rc == 0)
		bh_log(BH_LOG_INFO, "API on %s%s", d->config.api_listen,
		       params.tls_certificate != NULL ? ", TLS 1.3" : "");
	return rc;
}

void
bh_daemon_rest_stop(struct bh_daemon *d)
{
	size_t i;

	bh_api_stop(d->api);
	for (i = 0; i < BH_ARRAY_SIZE(d->api_pem); i++)
		forget(d->api_pem[i]);
}
