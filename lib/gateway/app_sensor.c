/* Users' sensors and signatures over the connections that are allowed: the parts of what they say to lib/sensor; a hit
 * becomes an event, or ends the connection. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "gateway_priv.h"

#define TEXT 8192 /* of a target decoded, a first line: longer ones are cut there */

struct bh_app_sensor {
	struct bh_sensor_worker *worker;
	struct bh_worker *w;
	struct bh_app_context *context; /* whose bytes are being looked at */
	const struct bh_app_plan *plan; /* of that; or NULL */
	unsigned side;                  /* who says them; 2: both have ended */
	struct bh_sensor_conn word;     /* an operation, looked at by itself */
	uint8_t text[TEXT];
};

/* ---- hits ------------------------------------------------------------------------------------------- */

static void
mapped(uint8_t out[16], const struct bh_flow_key *key, unsigned end)
{
	memset(out, 0, 16);
	if (key->family == BH_IP6) {
		memcpy(out, key->addr[end].b, 16);
		return;
	}
	out[10] = out[11] = 0xff;
	memcpy(out + 12, key->addr[end].b, 4);
}

/* The request that it is of, or is the answer to. */
static uint64_t
paths_now(const struct bh_app_sensor *s, const struct bh_sensor_conn *c)
{
	if (s->plan == NULL || s->side > 1)
		return 0;
	if (s->plan->streams)
		return bh_app_plan_paths_of_all(s->plan);
	return bh_app_plan_paths(s->plan, s->side == 0 ? c->side[0].message : s->plan->answered);
}

static enum bh_sensor_action
action_of(const struct bh_app_sensor *s, const struct bh_sensor_conn *c,
	  const struct bh_sensor_rule *rule, const char *where)
{
	const struct bh_sensing *g = rule->sensor->user;
	const struct bh_signature_hit hit = {.rule = rule,
					     .where = where,
					     .paths = paths_now(s, c)};
	struct bh_app_ends ends;

	return bh_signature_action(g->scope, &hit, bh_app_ends_of(s->context->flow, &ends));
}

static bool
is_wanted(void *arg, struct bh_sensor_conn *c, const struct bh_sensor_rule *rule)
{
	const struct bh_sensing *g = rule->sensor->user;
	const struct bh_app_sensor *s = arg;
	const struct bh_flow *f = s->context->flow;
	unsigned client = f->flags & BH_FLAG_INITIATOR;
	struct bh_signature_ends ends = {.proto = f->key.proto,
					 .client_port = f->key.port[client],
					 .server_port = f->key.port[1 - client]};

	mapped(ends.client, &f->key, client);
	mapped(ends.server, &f->key, 1 - client);
	return bh_signature_allows(g->signatures, rule, &ends) &&
	       action_of(s, c, rule, NULL) != BH_SENSOR_DEFAULT;
}

static void
report(void *arg, struct bh_sensor_conn *c, const struct bh_sensor_hit *hit)
{
	struct bh_app_sensor *s = arg;
	enum bh_sensor_action action =
		action_of(s, c, hit->rule, bh_sensor_context_key(hit->context));
	enum bh_verdict verdict = bh_app_action_verdict(s->context, action);

	/* Excepted where it is, not as a whole. */
	if (action == BH_SENSOR_DEFAULT)
		return;
	bh_count(&s->w->c.findings, 1);
	if (verdict == BH_VERDICT_DENY || verdict == BH_VERDICT_REJECT)
		s->context->blocked = (uint8_t)verdict;
	bh_record_hit(s->w, s->context->flow, hit, &(struct bh_deed){action, hit->side, verdict});
}

/* Not all of it was looked at. Where a hit could end the connection, bh_app_inspect_is_refused does. */
static void
left_out(void *arg, struct bh_sensor_conn *c, unsigned side, unsigned context,
	 enum bh_sensor_limit what)
{
	struct bh_app_sensor *s = arg;

	(void)c;
	(void)side;
	(void)context;
	(void)what;
	s->context->unlooked = true;
}

/* ---- parts of a message ------------------------------------------------------------------------------ */

struct feed {
	struct bh_app_sensor *s;
	struct bh_sensor_conn *c;
	uint64_t wants;
	unsigned side;
};

static void
feed(const struct feed *f, enum bh_sensor_context context, struct bh_http_text text, bool last)
{
	if ((f->wants & BH_SENSOR_CONTEXT_BIT(context)) != 0)
		bh_sensor_feed(f->s->worker, f->c, f->side, context, text.at, text.len, last);
}

static struct bh_http_text
words(const char *text)
{
	return (struct bh_http_text){(const uint8_t *)text, (uint32_t)strlen(text)};
}

static int
hex(uint8_t c)
{
	return c >= '0' && c <= '9'                     ? c - '0'
	       : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
							: -1;
}

/* RFC 3986 2.1 */
static struct bh_http_text
decoded(struct bh_app_sensor *s, struct bh_http_text t)
{
	uint32_t i, n = 0;

	for (i = 0; i < t.len && n < TEXT; i++) {
		int hi = t.at[i] == '%' && i + 2 < t.len ? hex(t.at[i + 1]) : -1;
		int lo = hi >= 0 ? hex(t.at[i + 2]) : -1;

		s->text[n++] = lo >= 0 ? (uint8_t)(hi << 4 | lo) : t.at[i];
		i += lo >= 0 ? 2 : 0;
	}
	return (struct bh_http_text){s->text, n};
}

static void
first_line(const struct feed *f, enum bh_sensor_context line, int n)
{
	struct bh_http_text text = {f->s->text, (uint32_t)RTE_MIN(n, TEXT - 1)};

	feed(f, line, text, true);
	feed(f, BH_SENSOR_HEADER, text, false);
	feed(f, BH_SENSOR_HEADER, words("\r\n"), false);
}

static void
request(const struct feed *f, const struct bh_http1_part *p)
{
	char version[16];

	feed(f, BH_SENSOR_HTTP_METHOD, p->name, true);
	feed(f, BH_SENSOR_HTTP_URI_RAW, p->value, true);
	feed(f, BH_SENSOR_URL, p->value, true);
	feed(f, BH_SENSOR_HTTP_URI, decoded(f->s, p->value), true);
	if (memchr(p->value.at, '%', p->value.len) != NULL)
		feed(f, BH_SENSOR_URL, decoded(f->s, p->value), true);
	snprintf(version, sizeof(version), "HTTP/1.%u", p->minor);
	feed(f, BH_SENSOR_HTTP_PROTOCOL, words(version), true);
	first_line(f, BH_SENSOR_HTTP_REQUEST_LINE,
		   snprintf((char *)f->s->text, TEXT, "%.*s %.*s %s", (int)p->name.len,
			    (const char *)p->name.at, (int)RTE_MIN(p->value.len, TEXT - 64u),
			    (const char *)p->value.at, version));
}

static void
status(const struct feed *f, const struct bh_http1_part *p)
{
	char code[8], version[16];

	snprintf(code, sizeof(code), "%03u", p->status);
	snprintf(version, sizeof(version), "HTTP/1.%u", p->minor);
	feed(f, BH_SENSOR_HTTP_STAT_CODE, words(code), true);
	feed(f, BH_SENSOR_HTTP_PROTOCOL, words(version), true);
	if (p->value.at != NULL)
		feed(f, BH_SENSOR_HTTP_STAT_MSG, p->value, true);
	first_line(f, BH_SENSOR_HTTP_RESPONSE_LINE,
		   snprintf((char *)f->s->text, TEXT, "%s %s %.*s", version, code,
			    (int)RTE_MIN(p->value.len, 1024u),
			    p->value.at != NULL ? (const char *)p->value.at : ""));
}

/* Host, lower case and without its port (RFC 9110 7.2). */
static struct bh_http_text
host_of(struct bh_app_sensor *s, struct bh_http_text t)
{
	uint32_t i, n = 0;

	for (i = 0; i < t.len && n < TEXT; i++) {
		if (t.at[i] == ':' && t.at[0] != '[')
			break;
		s->text[n++] = t.at[i] >= 'A' && t.at[i] <= 'Z' ? t.at[i] | 0x20 : t.at[i];
	}
	return (struct bh_http_text){s->text, n};
}

/* One field as it was said, in one piece: a look into four of them takes four times as long. */
static void
whole_header(const struct feed *f, const struct bh_http1_part *p)
{
	static const uint8_t whole[] = {BH_SENSOR_HEADER, BH_SENSOR_HTTP_HEADER,
					BH_SENSOR_HTTP_HEADER_RAW};
	const uint64_t any = BH_SENSOR_CONTEXT_BIT(BH_SENSOR_HEADER) |
			     BH_SENSOR_CONTEXT_BIT(BH_SENSOR_HTTP_HEADER) |
			     BH_SENSOR_CONTEXT_BIT(BH_SENSOR_HTTP_HEADER_RAW);
	struct bh_http_text piece[] = {p->name, words(": "), p->value, words("\r\n")}, all = {0};
	unsigned i, k;

	if ((f->wants & any) == 0)
		return;
	if ((uint64_t)p->name.len + p->value.len + 4 <= TEXT) {
		for (i = 0; i < BH_ARRAY_SIZE(piece); i++) {
			if (piece[i].len != 0)
				memcpy(f->s->text + all.len, piece[i].at, piece[i].len);
			all.len += piece[i].len;
		}
		all.at = f->s->text;
	}
	for (i = 0; i < BH_ARRAY_SIZE(whole); i++) {
		if (all.len != 0)
			feed(f, whole[i], all, false);
		for (k = 0; k < BH_ARRAY_SIZE(piece) && all.len == 0; k++)
			feed(f, whole[i], piece[k], false);
	}
}

static void
header(const struct feed *f, const struct bh_http1_part *p)
{
	static const struct {
		const char *name;
		uint8_t context;
	} fields[] = {
		{"host", BH_SENSOR_HTTP_HOST_RAW},
		{"user-agent", BH_SENSOR_HTTP_USER_AGENT},
		{"referer", BH_SENSOR_HTTP_REFERER},
		{"cookie", BH_SENSOR_HTTP_COOKIE},
		{"set-cookie", BH_SENSOR_HTTP_COOKIE},
		{"accept", BH_SENSOR_HTTP_ACCEPT},
		{"accept-encoding", BH_SENSOR_HTTP_ACCEPT_ENC},
		{"accept-language", BH_SENSOR_HTTP_ACCEPT_LANG},
		{"connection", BH_SENSOR_HTTP_CONNECTION},
		{"content-type", BH_SENSOR_HTTP_CONTENT_TYPE},
		{"content-length", BH_SENSOR_HTTP_CONTENT_LEN},
		{"location", BH_SENSOR_HTTP_LOCATION},
		{"server", BH_SENSOR_HTTP_SERVER},
	};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(fields); i++) {
		if ((f->wants & BH_SENSOR_CONTEXT_BIT(fields[i].context)) != 0 &&
		    p->name.len == strlen(fields[i].name) &&
		    strncasecmp((const char *)p->name.at, fields[i].name, p->name.len) == 0)
			feed(f, fields[i].context, p->value, true);
	}
	if (p->name.len == 4 && strncasecmp((const char *)p->name.at, "host", 4) == 0)
		feed(f, BH_SENSOR_HTTP_HOST, host_of(f->s, p->value), true);
	whole_header(f, p);
	feed(f, BH_SENSOR_HTTP_HEADER_NAMES, words("\r\n"), false);
	feed(f, BH_SENSOR_HTTP_HEADER_NAMES, p->name, false);
}

void
bh_app_sensor_part(struct bh_app_sensor *s, struct bh_sensor_conn *c, unsigned side,
		   const struct bh_app_part *part)
{
	const struct feed f = {s, c, bh_sensor_wants(s->worker, c), side};

	s->side = side;
	switch (part->what) {
	case BH_HTTP1_REQUEST:
		request(&f, part->part);
		break;
	case BH_HTTP1_STATUS:
		status(&f, part->part);
		break;
	case BH_HTTP1_HEADER:
	case BH_HTTP1_TRAILER:
		header(&f, part->part);
		break;
	case BH_HTTP1_HEADERS_END:
		feed(&f, BH_SENSOR_HEADER, words("\r\n"), true);
		feed(&f, BH_SENSOR_HTTP_HEADER, words(""), true);
		feed(&f, BH_SENSOR_HTTP_HEADER_RAW, words("\r\n"), true);
		feed(&f, BH_SENSOR_HTTP_HEADER_NAMES, words("\r\n\r\n"), true);
		break;
	case BH_HTTP1_END:
		bh_sensor_message_end(s->worker, c, side);
		break;
	default:
		break;
	}
}

void
bh_app_sensor_body(struct bh_app_sensor *s, struct bh_sensor_conn *c, unsigned side,
		   struct bh_http_text text)
{
	const struct feed f = {s, c, bh_sensor_wants(s->worker, c), side};

	s->side = side;
	feed(&f, BH_SENSOR_BODY, text, false);
	feed(&f, BH_SENSOR_FILE_DATA, text, false);
	feed(&f, side == 0 ? BH_SENSOR_HTTP_REQUEST_BODY : BH_SENSOR_HTTP_RESPONSE_BODY, text,
	     false);
}

void
bh_app_sensor_text(struct bh_app_sensor *s, struct bh_sensor_conn *c, unsigned side, unsigned kind,
		   const struct bh_inspect_said *said)
{
	const struct feed f = {s, c, bh_sensor_wants(s->worker, c), side};
	const struct bh_http_text text = {said->at, (uint32_t)said->len};

	s->side = side;
	switch (kind) {
	case BH_TEXT_SQL:
		feed(&f, BH_SENSOR_SQL_QUERY, text, said->last);
		feed(&f, BH_SENSOR_BODY, text, said->last);
		break;
	case BH_TEXT_COMMAND:
		feed(&f, BH_SENSOR_SMTP_COMMAND, text, said->last);
		break;
	case BH_TEXT_FILE:
		feed(&f, BH_SENSOR_FILE_DATA, text, said->last);
		break;
	}
	if (said->last)
		bh_sensor_message_end(s->worker, c, side);
}

void
bh_app_sensor_bytes(struct bh_app_sensor *s, struct bh_sensor_conn *c, unsigned side,
		    struct bh_http_text text, bool ended)
{
	const struct feed f = {s, c, bh_sensor_wants(s->worker, c), side};

	s->side = side;
	feed(&f, BH_SENSOR_PACKET, text, ended);
}

/* ---- a connection ------------------------------------------------------------------------------------ */

static uint64_t
hash_end(const struct bh_flow_key *key, unsigned end)
{
	const uint64_t *q = key->addr[end].q;

	return (q[0] ^ (q[1] * UINT64_C(0x9e3779b97f4a7c15))) * UINT64_C(0xff51afd7ed558ccd);
}

bool
bh_app_sensor_open(struct bh_worker *w, struct bh_app_context *c, struct bh_sensor_conn *conn)
{
	const struct bh_flow *f = c->flow;
	unsigned client = f->flags & BH_FLAG_INITIATOR;
	const struct bh_sensor_open how = {
		.app = (uint16_t)c->state.app,
		.port = f->key.port[1 - client],
		.client = hash_end(&f->key, client),
		.server = hash_end(&f->key, 1 - client),
	};

	if (bh_sensor_worker_wants(w->sensor->worker) == 0)
		return false;
	bh_sensor_open(w->sensor->worker, conn, &how);
	return true;
}

void
bh_app_sensor_look_at(struct bh_app_sensor *s, struct bh_app_context *c,
		      const struct bh_app_plan *plan)
{
	s->context = c;
	s->plan = plan;
}

void
bh_app_sensor_close(struct bh_worker *w, struct bh_app_context *c, struct bh_sensor_conn *conn)
{
	w->sensor->context = c;
	w->sensor->side = 2;
	bh_sensor_close(w->sensor->worker, conn);
}

void
bh_app_sensor_operation(struct bh_worker *w, const struct bh_app_case *k)
{
	static const struct {
		uint8_t field, context;
	} map[] = {
		{BH_OP_DNS_NAME, BH_SENSOR_DNS_QUERY},
		{BH_OP_TLS_SNI, BH_SENSOR_TLS_SNI},
		{BH_OP_QUIC_SNI, BH_SENSOR_TLS_SNI},
		{BH_OP_TLS_SUBJECT, BH_SENSOR_TLS_CERT_SUBJECT},
		{BH_OP_TLS_ISSUER, BH_SENSOR_TLS_CERT_ISSUER},
		{BH_OP_TLS_SERIAL, BH_SENSOR_TLS_CERT_SERIAL},
		{BH_OP_TLS_FINGERPRINT, BH_SENSOR_TLS_CERT_FINGERPRINT},
		{BH_OP_TLS_SERVER_VERSION, BH_SENSOR_TLS_VERSION},
		{BH_OP_TLS_JA3, BH_SENSOR_JA3_HASH},
		{BH_OP_TLS_JA3S, BH_SENSOR_JA3S_HASH},
		{BH_OP_TLS_JA4, BH_SENSOR_JA4_HASH},
		{BH_OP_SSH_CLIENT_PROTO, BH_SENSOR_SSH_PROTO},
		{BH_OP_SSH_SERVER_PROTO, BH_SENSOR_SSH_PROTO},
		{BH_OP_SSH_CLIENT, BH_SENSOR_SSH_SOFTWARE},
		{BH_OP_SSH_SERVER, BH_SENSOR_SSH_SOFTWARE},
	};
	struct bh_app_sensor *s = w->sensor;
	const struct bh_op *op = k->op;
	unsigned i, m;

	if (s == NULL || !bh_app_sensor_open(w, k->c, &s->word))
		return;
	s->context = k->c;
	s->plan = NULL;
	for (i = 0; i < op->n; i++) {
		for (m = 0; m < BH_ARRAY_SIZE(map); m++) {
			const struct feed f = {s, &s->word, bh_sensor_wants(s->worker, &s->word),
					       op->side & 1u};

			if (op->value[i].field == map[m].field)
				feed(&f, map[m].context,
				     (struct bh_http_text){op->value[i].at, op->value[i].len},
				     true);
		}
	}
	bh_sensor_message_end(s->worker, &s->word, op->side & 1u);
	bh_sensor_close(s->worker, &s->word);
}

/* ---- a worker ------------------------------------------------------------------------------------------ */

int
bh_app_sensor_create(struct bh_worker *w)
{
	struct bh_sensor_worker_params p = {.report = report,
					    .wanted = is_wanted,
					    .limit = left_out};
	int rc;

	if (!w->g->senses)
		return 0;
	w->sensor = calloc(1, sizeof(*w->sensor));
	if (w->sensor == NULL)
		return -ENOMEM;
	w->sensor->w = w;
	p.arg = w->sensor;
	p.pool_bytes = w->config->sensor_memory;
	rc = bh_sensor_worker_create(&w->sensor->worker, &p);
	if (rc != 0) {
		free(w->sensor);
		w->sensor = NULL;
	}
	return rc;
}

void
bh_app_sensor_destroy(struct bh_worker *w)
{
	if (w->sensor == NULL)
		return;
	bh_sensor_worker_destroy(w->sensor->worker);
	free(w->sensor);
	w->sensor = NULL;
}

void
bh_app_sensor_turn(struct bh_worker *w)
{
	uint64_t budget = w->config->sensor_budget;

	bh_sensor_turn(w->sensor->worker, budget != 0 ? budget : UINT64_MAX, w->mono_ns);
}

struct bh_sensor_worker *
bh_app_sensor_worker(const struct bh_worker *w)
{
	return w->sensor->worker;
}
