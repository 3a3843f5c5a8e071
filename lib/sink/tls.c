/* tls: what a link's bytes are wrapped in (RFC 5425 for syslog). */
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "sink_priv.h"

struct bh_tls {
	gnutls_certificate_credentials_t files;
	gnutls_priority_t priority;
	gnutls_session_t session; /* NULL: not connected */
	bool up;                  /* the handshake is done */
	struct bh_sink_options options;
	char host[256];
	char told[256]; /* the last trouble: is logged once */
};

static int
refuse_file(struct bh_err *err, const char *key, const char *path, int rc)
{
	return bh_err_set(err, EINVAL, "sinks: %s %s: %s; it must be readable and PEM", key, path,
			  gnutls_strerror(rc));
}

/* Our certificate, from its file, with a key that is in memory. */
static int
load_pair(gnutls_certificate_credentials_t files, const char *certificate, const char *key_pem)
{
	const gnutls_datum_t key = {(unsigned char *)(uintptr_t)key_pem, (unsigned)strlen(key_pem)};
	gnutls_datum_t text;
	int rc = gnutls_load_file(certificate, &text);

	if (rc != 0)
		return rc;
	rc = gnutls_certificate_set_x509_key_mem(files, &text, &key, GNUTLS_X509_FMT_PEM);
	gnutls_free(text.data);
	return rc;
}

static int
load_files(struct bh_tls *t, const char *key_pem, struct bh_err *err)
{
	const struct bh_sink_options *o = &t->options;
	const char *key = o->key[0] != '\0' ? o->key : o->certificate;
	int rc;

	if (o->ca_file[0] != '\0')
		rc = gnutls_certificate_set_x509_trust_file(t->files, o->ca_file,
							    GNUTLS_X509_FMT_PEM);
	else
		rc = gnutls_certificate_set_x509_system_trust(t->files);
	if (rc <= 0 && o->ca_file[0] != '\0')
		return refuse_file(err, "ca_file", o->ca_file,
				   rc != 0 ? rc : GNUTLS_E_NO_CERTIFICATE_FOUND);
	if (rc <= 0)
		return bh_err_set(err, EINVAL,
				  "sinks: this system has no list of authorities; give ca_file, or "
				  "install ca-certificates");
	if (o->certificate[0] == '\0' && o->key[0] != '\0')
		return bh_err_set(err, EINVAL, "sinks: key %s lacks its certificate", o->key);
	if (o->certificate[0] == '\0')
		return 0;
	if (key_pem != NULL)
		rc = load_pair(t->files, o->certificate, key_pem);
	else
		rc = gnutls_certificate_set_x509_key_file(t->files, o->certificate, key,
							  GNUTLS_X509_FMT_PEM);
	return rc >= 0 ? 0 : refuse_file(err, "certificate", o->certificate, rc);
}

int
bh_tls_open(struct bh_tls **out, const struct bh_sink_options *o, const char *key_pem,
	    const char *host, struct bh_err *err)
{
	struct bh_tls *t = calloc(1, sizeof(*t));
	int rc;

	if (t == NULL)
		return bh_err_set(err, ENOMEM, "no memory for a sink");
	snprintf(t->host, sizeof(t->host), "%s", host);
	t->options = *o;
	rc = gnutls_certificate_allocate_credentials(&t->files);
	if (rc == 0)
		rc = gnutls_priority_init2(&t->priority, "-VERS-TLS1.0:-VERS-TLS1.1:-VERS-DTLS-ALL",
					   NULL, GNUTLS_PRIORITY_INIT_DEF_APPEND);
	if (rc != 0)
		rc = bh_err_set(err, EINVAL, "sinks: TLS: %s", gnutls_strerror(rc));
	else
		rc = load_files(t, key_pem, err);
	if (rc != 0) {
		bh_tls_free(t);
		return rc;
	}
	*out = t;
	return 0;
}

int
bh_tls_rekey(struct bh_tls *t, const char *key_pem, struct bh_err *err)
{
	gnutls_certificate_credentials_t before = t->files;
	int rc;

	if (gnutls_certificate_allocate_credentials(&t->files) != 0) {
		t->files = before;
		return bh_err_set(err, ENOMEM, "no memory for a sink");
	}
	rc = load_files(t, key_pem, err);
	gnutls_certificate_free_credentials(rc == 0 ? before : t->files);
	if (rc != 0)
		t->files = before;
	return rc;
}

void
bh_tls_free(struct bh_tls *t)
{
	if (t == NULL)
		return;
	bh_tls_end(t);
	if (t->priority != NULL)
		gnutls_priority_deinit(t->priority);
	if (t->files != NULL)
		gnutls_certificate_free_credentials(t->files);
	free(t);
}

/* Once, until it is something else. */
static void
tell(struct bh_tls *t, const char *what)
{
	if (strcmp(t->told, what) == 0)
		return;
	snprintf(t->told, sizeof(t->told), "%s", what);
	bh_log(BH_LOG_WARN, "sinks: TLS with %s: %s", t->host, what);
}

static void
tell_why(struct bh_tls *t, int rc)
{
	gnutls_datum_t text = {0};
	unsigned status = gnutls_session_get_verify_cert_status(t->session);

	if (rc != GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR ||
	    gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) != 0) {
		tell(t, gnutls_strerror(rc));
		return;
	}
	tell(t, (const char *)text.data);
	gnutls_free(text.data);
}

/* The errno that is nearest. */
static int
code_of(int rc)
{
	switch (rc) {
	case GNUTLS_E_AGAIN:
		return -EAGAIN;
	case GNUTLS_E_INTERRUPTED:
		return -EINTR;
	case GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR:
		return -EKEYREJECTED;
	case GNUTLS_E_MEMORY_ERROR:
		return -ENOMEM;
	default:
		return -EPROTO;
	}
}

static int
new_session(struct bh_tls *t, int fd)
{
	struct in6_addr a;
	bool address =
		inet_pton(AF_INET, t->host, &a) == 1 || inet_pton(AF_INET6, t->host, &a) == 1;
	int rc = gnutls_init(&t->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);

	if (rc == 0)
		rc = gnutls_priority_set(t->session, t->priority);
	if (rc == 0)
		rc = gnutls_credentials_set(t->session, GNUTLS_CRD_CERTIFICATE, t->files);
	/* An address is no server name (RFC 6066 3). */
	if (rc == 0 && !address)
		rc = gnutls_server_name_set(t->session, GNUTLS_NAME_DNS, t->host, strlen(t->host));
	if (rc != 0)
		return rc;
	gnutls_session_set_verify_cert(t->session, t->host, 0);
	gnutls_transport_set_int(t->session, fd);
	return 0;
}

int
bh_tls_handshake(struct bh_tls *t, const struct bh_link *l)
{
	int rc = new_session(t, l->fd), wait = 0;

	while (rc == 0 && !t->up) {
		rc = gnutls_handshake(t->session);
		if (rc == 0) {
			t->up = true;
		} else if (rc == GNUTLS_E_AGAIN) {
			wait = bh_link_wait(l, gnutls_record_get_direction(t->session) ? POLLOUT
										       : POLLIN);
			if (wait != 0)
				return wait;
			rc = 0;
		} else if (gnutls_error_is_fatal(rc) == 0) {
			rc = 0;
		}
	}
	if (rc != 0) {
		tell_why(t, rc);
		return code_of(rc);
	}
	t->told[0] = '\0';
	return 0;
}

ssize_t
bh_tls_send(struct bh_tls *t, const void *data, size_t len)
{
	ssize_t n = gnutls_record_send(t->session, data, len);

	return n >= 0 ? n : code_of((int)n);
}

/* A receiver of syslog says nothing; what can be read are TLS's own messages, or its end. */
int
bh_tls_look(struct bh_tls *t)
{
	char byte[64];
	ssize_t n;

	if (!t->up)
		return -ENOTCONN;
	n = gnutls_record_recv(t->session, byte, sizeof(byte));
	if (n == 0)
		return -EPIPE;
	if (n > 0 || gnutls_error_is_fatal((int)n) == 0)
		return 0;
	tell(t, gnutls_strerror((int)n));
	return code_of((int)n);
}

void
bh_tls_end(struct bh_tls *t)
{
	if (t->session == NULL)
		return;
	if (t->up)
		(void)gnutls_bye(t->session, GNUTLS_SHUT_WR);
	gnutls_deinit(t->session);
	t->session = NULL;
	t->up = false;
}
