/* rest: the API's parameters, from the configuration and the files it names. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"

static int
read_secrets(struct bh_daemon *d, struct bh_api_params *p, struct bh_err *err)
{
	const struct bh_config *c = &d->config;
	char *token = NULL;
	int rc = bh_daemon_secret_token(d, &token, err);

	snprintf(p->token, sizeof(p->token), "%s", token != NULL ? token : "");
	bh_secret_free(token);
	if (rc == 0 && (c->api_certificate[0] != '\0') != (c->api_key[0] != '\0'))
		rc = bh_err_set(err, EINVAL,
				"api.tls.certificate and api.tls.key go together: set both or "
				"none");
	if (rc == 0 && c->api_client_ca[0] != '\0' && c->api_certificate[0] == '\0')
		rc = bh_err_set(err, EINVAL,
				"api.tls.client_ca needs api.tls.certificate and api.tls.key");
	if (rc == 0)
		rc = bh_daemon_secret_tls(d, d->api_pem, err);
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
		.pair = bh_daemon_pair(d),
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
	rc = read_secrets(d, &params, err);
	if (rc == 0) {
		bh_daemon_ops(d, &params.ops);
		params.listener = d->api_fd > 0 ? d->api_fd : 0;
		d->api_fd = -1;
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
	d->api = NULL;
	for (i = 0; i < BH_ARRAY_SIZE(d->api_pem); i++) {
		bh_secret_free(d->api_pem[i]);
		d->api_pem[i] = NULL;
	}
}
