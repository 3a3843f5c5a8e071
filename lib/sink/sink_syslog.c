/* syslog: RFC 5424 messages; over UDP one a datagram (RFC 5426), over TCP and TLS counted by octets (RFC 6587 3.4.1, RFC 5425). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "sink_priv.h"

#define FACILITY 13 /* log audit, RFC 5424 table 1 */
#define FRAME_BYTES (256u << 10)
enum { FORM_RFC5424, FORM_CEF };

struct syslog {
	struct bh_link link;
	unsigned form;
	char host[256];
	int pid;
	struct bh_buf frame;
};

/* HOSTNAME is 1 to 255 printing characters. */
static void
set_host(struct syslog *s, const char *host)
{
	char *p;

	if (host != NULL)
		snprintf(s->host, sizeof(s->host), "%s", host);
	else if (gethostname(s->host, sizeof(s->host)) != 0)
		s->host[0] = '\0';
	s->host[sizeof(s->host) - 1] = '\0';
	for (p = s->host; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~')
			*p = '-';
	}
	if (s->host[0] == '\0')
		strcpy(s->host, "-");
}

static int
syslog_open(void **state, const struct bh_sink_params *p, int stop_fd, struct bh_err *err)
{
	struct syslog *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return bh_err_set(err, ENOMEM, "no memory for a sink");
	rc = bh_link_init(&s->link, p->to, strncmp(p->to, "tls:", 4) == 0 ? "6514" : "514", stop_fd,
			  err);
	if (rc == 0 && strcmp(s->link.scheme, "tls") == 0)
		rc = bh_tls_open(&s->link.tls, p->options, p->secret, s->link.host, err);
	if (rc != 0) {
		free(s);
		return rc;
	}
	s->form = p->form;
	s->pid = (int)getpid();
	set_host(s, p->host);
	*state = s;
	return 0;
}

static void
syslog_close(void *state)
{
	struct syslog *s = state;

	bh_link_close(&s->link);
	bh_tls_free(s->link.tls);
	bh_buf_free(&s->frame);
	free(s);
}

/* RFC 5424 table 2, of an alert's severity 1 high .. 3 low. */
static unsigned
severity_of(const struct bh_sink_record *r)
{
	const char *p = strstr(r->line, "\"severity\":");

	if (bh_sink_kind_of(r->line) != BH_SINK_KIND_ALERT || p == NULL)
		return 6;
	return p[11] == '1' ? 2 : p[11] == '2' ? 4 : 5;
}

static bool
syslog_format(void *state, struct bh_buf *out, const struct bh_sink_record *r, uint64_t seq)
{
	struct syslog *s = state;
	time_t sec = (time_t)(r->time_ns / BH_NS_PER_SEC);
	char when[32] = "-";
	struct tm tm;

	if (gmtime_r(&sec, &tm) != NULL)
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	/* sequenceId runs from 1 to 2147483647 and then again from 1 (RFC 5424 7.3.1). */
	bh_buf_printf(out, "<%u>1 %s.%06uZ %s bulkhead %d %s [meta sequenceId=\"%u\"] ",
		      FACILITY * 8 + severity_of(r), when,
		      (unsigned)(r->time_ns % BH_NS_PER_SEC / 1000), s->host, s->pid,
		      bh_sink_kind_name(bh_sink_kind_of(r->line)),
		      (unsigned)((seq - 1) % UINT64_C(2147483647)) + 1);
	if (s->form == FORM_CEF)
		bh_sink_cef(out, r);
	else
		bh_buf_add(out, r->line, r->len);
	return true;
}

static int
send_datagrams(struct syslog *s, const struct bh_spool_item *item, unsigned n)
{
	unsigned i;
	int rc = 0;

	for (i = 0; rc == 0 && i < n; i++)
		rc = bh_link_send(&s->link, item[i].data, item[i].len);
	if (rc == 0)
		return (int)n;
	return i > 1 && rc == -EMSGSIZE ? (int)i - 1 : rc;
}

static int
send_stream(struct syslog *s, const struct bh_spool_item *item, unsigned n)
{
	unsigned i;
	int rc;

	bh_buf_reset(&s->frame);
	for (i = 0; i < n && s->frame.len < FRAME_BYTES; i++) {
		bh_buf_printf(&s->frame, "%u ", item[i].len);
		bh_buf_add(&s->frame, item[i].data, item[i].len);
	}
	if (s->frame.failed) {
		bh_buf_free(&s->frame);
		return -ENOMEM;
	}
	rc = bh_link_send(&s->link, s->frame.data, s->frame.len);
	return rc == 0 ? (int)i : rc;
}

static int
syslog_send(void *state, const struct bh_spool_item *item, unsigned n)
{
	struct syslog *s = state;
	int rc = bh_link_connect(&s->link);

	if (rc != 0)
		return rc;
	return s->link.stream ? send_stream(s, item, n) : send_datagrams(s, item, n);
}

static int
syslog_settled(void *state)
{
	return bh_link_settled(&((struct syslog *)state)->link);
}

static void
syslog_reset(void *state)
{
	bh_link_close(&((struct syslog *)state)->link);
}

/* The secret of a syslog sink is its key: with the next connection. */
static int
syslog_rekey(void *state, const char *key_pem)
{
	struct syslog *s = state;
	struct bh_err err = {0};
	int rc;

	if (s->link.tls == NULL)
		return -EINVAL;
	bh_link_close(&s->link);
	rc = bh_tls_rekey(s->link.tls, key_pem, &err);
	if (rc != 0)
		bh_log(BH_LOG_ERROR, "%s", err.what);
	return rc;
}

const struct bh_sink_ops bh_sink_syslog = {
	.open = syslog_open,
	.close = syslog_close,
	.format = syslog_format,
	.send = syslog_send,
	.settled = syslog_settled,
	.reset = syslog_reset,
	.rekey = syslog_rekey,
};
