/* secrets: what the configuration keeps elsewhere (lib/secret), and who is to have another one when it changes. */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "daemon.h"

#define TOKEN_MAX 255
#define SINK_MAX 4096
#define PEM_MAX (128u << 10)

static void
note(void *arg, bool back, const char *text)
{
	bh_daemon_note(arg, back ? BH_EVENT_SECRET_BACK : BH_EVENT_SECRET_LOST, text);
}

/* Before the first is read. What is in memory from here on goes into no core file, and no other process of the user may look
 * into it (ptrace(2)). */
int
bh_daemon_secrets_open(struct bh_daemon *d, struct bh_err *err)
{
	const struct bh_secrets_params p = {.config = &d->config, .note = note, .arg = d};
	const struct rlimit none = {0, 0};

	if (!d->config.core_dumps &&
	    (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0))
		return bh_err_set(err, errno, "core dumps cannot be switched off: %s",
				  strerror(errno));
	return bh_secrets_open(&d->secrets, &p, err);
}

/* ---- the API ---------------------------------------------------------------------------------------------------- */

int
bh_daemon_secret_token(struct bh_daemon *d, char **out, struct bh_err *err)
{
	const char *place = d->config.api_token_file;
	size_t n;
	int rc;

	*out = NULL;
	if (place[0] == '\0')
		return 0;
	rc = bh_secret_read_line(d->secrets, place, TOKEN_MAX, out, err);
	if (rc != 0)
		return bh_err_set(
			err, -rc,
			"api.token_file: cannot read %s (make one: head -c 32 /dev/urandom "
			"| base64 > FILE)",
			place);
	n = strcspn(*out, " \t");
	(*out)[n] = '\0';
	if (n >= 16)
		return 0;
	bh_secret_free(*out);
	*out = NULL;
	return bh_err_set(
		err, EINVAL,
		"api.token_file: %s holds a token of %zu characters; at least 16 are needed", place,
		n);
}

static int
read_pem(struct bh_daemon *d, const char *key, const char *place, char **out, struct bh_err *err)
{
	size_t len;
	int rc;

	*out = NULL;
	if (place[0] == '\0')
		return 0;
	rc = bh_secret_read(d->secrets, place, PEM_MAX, out, &len, err);
	if (rc != 0 || strstr(*out, "-----BEGIN ") != NULL)
		return rc;
	bh_secret_free(*out);
	*out = NULL;
	return bh_err_set(err, EINVAL, "%s: %s is no PEM", key, place);
}

static int
check_pair(char *const pem[3], struct bh_err *err)
{
	const gnutls_datum_t certificate = {(unsigned char *)pem[0], (unsigned)strlen(pem[0])},
			     key = {(unsigned char *)pem[1], (unsigned)strlen(pem[1])};
	gnutls_certificate_credentials_t c;
	int rc = gnutls_certificate_allocate_credentials(&c);

	if (rc != 0)
		return bh_err_set(err, ENOMEM, "out of memory");
	rc = gnutls_certificate_set_x509_key_mem(c, &certificate, &key, GNUTLS_X509_FMT_PEM);
	gnutls_certificate_free_credentials(c);
	return rc >= 0 ? 0
		       : bh_err_set(err, EINVAL, "api.tls.certificate and api.tls.key: %s",
				    gnutls_strerror(rc));
}

int
bh_daemon_secret_tls(struct bh_daemon *d, char *pem[3], struct bh_err *err)
{
	const struct bh_config *c = &d->config;
	size_t i;
	int rc = read_pem(d, "api.tls.certificate", c->api_certificate, &pem[0], err);

	if (rc == 0)
		rc = read_pem(d, "api.tls.key", c->api_key, &pem[1], err);
	if (rc == 0)
		rc = read_pem(d, "api.tls.client_ca", c->api_client_ca, &pem[2], err);
	if (rc == 0 && pem[0] != NULL)
		rc = check_pair(pem, err);
	for (i = 0; rc != 0 && i < 3; i++) {
		bh_secret_free(pem[i]);
		pem[i] = NULL;
	}
	return rc;
}

static void
tell_refused(struct bh_daemon *d, const struct bh_err *err)
{
	char text[640], what[560];

	bh_err_format(err, what, sizeof(what));
	snprintf(text, sizeof(text), "%s; what was before goes on to be used", what);
	bh_log(BH_LOG_ERROR, "%s", text);
	bh_daemon_note(d, BH_EVENT_SECRET_LOST, text);
}

static void
token_changed(void *arg)
{
	struct bh_daemon *d = arg;
	struct bh_err err = {0};
	char *token;
	int rc = bh_daemon_secret_token(d, &token, &err);

	if (rc == 0 && d->api != NULL)
		rc = bh_api_set_token(d->api, token, &err);
	if (rc != 0)
		tell_refused(d, &err);
	bh_secret_free(token);
}

/* With the first of a pair that is not whole yet, nothing happens; with the second, both are there. */
static void
tls_changed(void *arg)
{
	struct bh_daemon *d = arg;
	char *pem[3] = {NULL}, *before[3];
	struct bh_err err = {0};
	size_t i;

	if (d->api == NULL)
		return;
	if (bh_daemon_secret_tls(d, pem, &err) != 0) {
		tell_refused(d, &err);
		return;
	}
	memcpy(before, d->api_pem, sizeof(before));
	memcpy(d->api_pem, pem, sizeof(pem));
	bh_api_set_tls(d->api, pem[0], pem[1], pem[2]);
	for (i = 0; i < 3; i++)
		bh_secret_free(before[i]);
}

/* ---- sinks ------------------------------------------------------------------------------------------------------ */

/* A private key is syslog's secret. */
static bool
has_key(const struct bh_config_sink *c)
{
	return c->type == BH_SINK_SYSLOG && c->options.key[0] != '\0';
}

int
bh_daemon_secret_sink(struct bh_daemon *d, unsigned index, struct bh_daemon_sink_secrets *out,
		      struct bh_err *err)
{
	const struct bh_config_sink *c = &d->config.sink[index];
	size_t len;
	int rc = 0;

	*out = (struct bh_daemon_sink_secrets){0};
	if (has_key(c))
		return bh_secret_read(d->secrets, c->options.key, PEM_MAX, &out->secret, &len, err);
	if (bh_secret_place(c->options.key, NULL) != BH_SECRET_FILE)
		return bh_err_set(err, EINVAL, "sinks: key %s: that of %s sinks is a file",
				  c->options.key, bh_sink_type_name(c->type));
	if (c->secret_file[0] != '\0')
		rc = bh_secret_read_line(d->secrets, c->secret_file, SINK_MAX, &out->secret, err);
	if (rc == 0 && bh_secret_place(c->to, NULL) != BH_SECRET_FILE)
		rc = bh_secret_read_line(d->secrets, c->to, SINK_MAX, &out->to, err);
	if (rc == 0 && out->to != NULL && strncmp(out->to, "https://", 8) != 0 &&
	    strncmp(out->to, "http://", 7) != 0)
		rc = bh_err_set(err, EINVAL, "sinks: %s holds no URL", c->to);
	if (rc != 0)
		bh_daemon_secret_sink_free(out);
	return rc;
}

void
bh_daemon_secret_sink_free(struct bh_daemon_sink_secrets *s)
{
	bh_secret_free(s->secret);
	bh_secret_free(s->to);
	*s = (struct bh_daemon_sink_secrets){0};
}

/* Of whichever it is: few have one. */
static void
sink_changed(void *arg)
{
	struct bh_daemon *d = arg;
	struct bh_daemon_sink_secrets s;
	unsigned i;
	int rc;

	for (i = 0; i < d->n_sinks; i++) {
		struct bh_err err = {0};

		rc = bh_daemon_secret_sink(d, i, &s, &err);
		if (rc == 0 && s.secret != NULL)
			rc = bh_sink_set_secret(d->sink[i], s.secret);
		if (rc == 0 && s.to != NULL)
			rc = bh_sink_set_target(d->sink[i], s.to);
		if (rc != 0) {
			bh_err_set(&err, -rc, "sink %s: its secret: %s", bh_sink_name(d->sink[i]),
				   strerror(-rc));
			tell_refused(d, &err);
		}
		bh_daemon_secret_sink_free(&s);
	}
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

static int
watch(struct bh_daemon *d, const char *place, size_t max, void (*changed)(void *arg))
{
	return place[0] != '\0' ? bh_secret_watch(d->secrets, place, max, changed, d) : 0;
}

static int
watch_sink(struct bh_daemon *d, const struct bh_config_sink *c)
{
	int rc = has_key(c) ? watch(d, c->options.key, PEM_MAX, sink_changed)
			    : watch(d, c->secret_file, SINK_MAX, sink_changed);

	return rc == 0 && bh_secret_place(c->to, NULL) != BH_SECRET_FILE
		       ? watch(d, c->to, SINK_MAX, sink_changed)
		       : rc;
}

int
bh_daemon_secrets_watch(struct bh_daemon *d, struct bh_err *err)
{
	const struct bh_config *c = &d->config;
	bool api = strcmp(c->api_listen, "off") != 0;
	unsigned i;
	int rc = 0;

	if (api)
		rc = watch(d, c->api_token_file, TOKEN_MAX, token_changed);
	if (rc == 0 && api)
		rc = watch(d, c->api_certificate, PEM_MAX, tls_changed);
	if (rc == 0 && api)
		rc = watch(d, c->api_key, PEM_MAX, tls_changed);
	if (rc == 0 && api)
		rc = watch(d, c->api_client_ca, PEM_MAX, tls_changed);
	for (i = 0; rc == 0 && i < c->n_sinks; i++)
		rc = watch_sink(d, &c->sink[i]);
	return rc == 0 ? 0 : bh_err_set(err, ENOMEM, "out of memory");
}
