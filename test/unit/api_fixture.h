/* A real server on 127.0.0.1 port 0, over a real policy model and a gateway of plain numbers; libcurl and a
 * bare socket to talk to it. Used by test_api_*.c. */
#ifndef BH_API_FIXTURE_H
#define BH_API_FIXTURE_H

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../lib/api/api.h"
#include "../../lib/front/front.h"
#include "../../lib/ipc/ipc.h"
#include "unit.h"

#define FIX_FLOWS 2500
#define FIX_TOKEN "fixture-token-0123456789"
#define FIX_UNUSED __attribute__((unused))

static const char fix_policy[] FIX_UNUSED =
	"version: 1\n"
	"endpoints:\n"
	"  - {address: 10.1.0.10, labels: {app: web, tier: front}}\n"
	"  - {address: 10.2.0.20, labels: {app: redis}}\n"
	"segments:\n"
	"  web: {selector: \"app=web\"}\n"
	"  redis: {selector: \"app=redis\"}\n"
	"rules:\n"
	"  - {id: web-to-redis, from: web, to: redis, ports: [tcp/6379], action: allow}\n"
	"  - {id: no-more, from: any, to: redis, action: deny}\n";

struct fix_front {
	pthread_t thread;
	int listener, channel;
	unsigned started;
};

struct fix {
	struct fix_front front;
	struct bh_policy *policy;
	struct bh_response *response;
	struct bh_api *api;
	char server[64];
	const char *token; /* what calls send; NULL = nothing */
	/* the gateway */
	unsigned n_workers;
	uint64_t age_ms[4];
	struct bh_counters counters;
	struct bh_flow_copy *flow;
	unsigned n_flows;
	int flows_rc; /* < 0: what flows() answers */
	int put_rc;   /* < 0: what policy_put() answers */
	bool link_down;
};

/* ---- the gateway ------------------------------------------------------------------------------------- */

static unsigned
fix_n_workers(void *arg)
{
	return ((struct fix *)arg)->n_workers;
}

static uint64_t
fix_age(void *arg, unsigned worker)
{
	return ((struct fix *)arg)->age_ms[worker];
}

static void
fix_counters(void *arg, uint32_t worker, struct bh_counters *out)
{
	(void)worker;
	*out = ((struct fix *)arg)->counters;
}

static int
fix_flows(void *arg, struct bh_flow_query *q, struct bh_flow_copy *out)
{
	struct fix *f = arg;
	unsigned n = 0, i;

	if (f->flows_rc < 0)
		return f->flows_rc;
	for (i = (unsigned)q->cursor; i < f->n_flows && n < q->max; i++) {
		const struct bh_flow *w = &f->flow[i].flow;

		if ((q->proto == 0 || q->proto == w->key.proto) &&
		    (q->verdict == 0 || q->verdict == w->verdict) &&
		    (q->state == 0 || q->state == w->state + 1) &&
		    (q->segment == UINT32_MAX || q->segment == w->segment[0] ||
		     q->segment == w->segment[1]) &&
		    (q->port == 0 || q->port == w->key.port[0] || q->port == w->key.port[1]) &&
		    (q->address.family == 0 || memcmp(q->address.addr, w->key.addr[0].b, 4) == 0))
			out[n++] = f->flow[i];
	}
	q->cursor = i < f->n_flows ? i : 0;
	return (int)n;
}

static unsigned
fix_n_ports(void *arg)
{
	(void)arg;
	return 2;
}

static bool
fix_port(void *arg, unsigned index, struct bh_api_port *out)
{
	if (index >= 2)
		return false;
	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "%s", index == 0 ? "shop" : "cde");
	snprintf(out->device, sizeof(out->device), "iface:eth%u", index);
	snprintf(out->pair, sizeof(out->pair), "shop-cde");
	out->inside = index == 1;
	out->link_up = !((struct fix *)arg)->link_down || index == 1;
	out->mtu = 1500;
	out->wire.rx_packets = 1000 + index;
	out->rx_missed = 5 * index;
	return true;
}

static const char *
fix_steering(void *arg)
{
	(void)arg;
	return "software";
}

static int
fix_put(void *arg, const char *text, size_t len, bool dry_run, struct bh_policy_change *change,
	struct bh_err *err)
{
	struct fix *f = arg;

	if (f->put_rc < 0)
		return bh_err_set(err, -f->put_rc, "cannot write policy.yaml");
	return bh_policy_load_text(f->policy, "request body", text, len, dry_run, change, err);
}

static uint64_t
fix_uptime(void *arg)
{
	(void)arg;
	return 4242;
}

static uint64_t
fix_started(void *arg)
{
	(void)arg;
	return UINT64_C(1767323045678000000); /* 2026-01-02T03:04:05.678Z */
}

static const char *
fix_mode(void *arg)
{
	(void)arg;
	return "protect";
}

static void
fix_make_flows(struct fix *f)
{
	unsigned i;

	f->flow = calloc(FIX_FLOWS, sizeof(*f->flow));
	f->n_flows = FIX_FLOWS;
	for (i = 0; i < FIX_FLOWS; i++) {
		struct bh_flow *w = &f->flow[i].flow;

		f->flow[i].id = (UINT64_C(1) << 62) + i;
		w->key.family = 4;
		w->key.proto = i % 2 == 0 ? IPPROTO_TCP : IPPROTO_UDP;
		w->key.addr[0].b[0] = 10;
		w->key.addr[0].b[3] = (uint8_t)i;
		w->key.addr[1].b[0] = 20;
		w->key.port[0] = (uint16_t)(1024 + i);
		w->key.port[1] = 6379;
		w->key.tenant = UINT64_C(7) << 52;
		w->verdict = i % 5 == 0 ? BH_VERDICT_DENY : BH_VERDICT_ALLOW;
		w->reason = BH_REASON_RULE_ALLOW;
		w->state = BH_STATE_ESTABLISHED;
		w->rule = BH_NO_RULE;
		w->flags = BH_FLAG_INITIATOR * (i % 2);
		w->start_ns = UINT64_C(1767323045678000000);
	}
}

/* ---- the HTTP process, as a thread ------------------------------------------------------------------- */

static void *
fix_front_run(void *arg)
{
	struct fix_front *t = arg;
	struct bh_err err = {0};

	if (bh_front_run(t->listener, t->channel, NULL, &err) != 0)
		fprintf(stderr, "front: %s\n", err.what);
	return NULL;
}

static FIX_UNUSED int
fix_front_start(void *arg, int listener, int channel, struct bh_err *err)
{
	struct fix_front *t = arg;

	(void)err;
	t->listener = dup(listener);
	t->channel = dup(channel);
	__atomic_add_fetch(&t->started, 1, __ATOMIC_ACQ_REL);
	return -pthread_create(&t->thread, NULL, fix_front_run, t);
}

static FIX_UNUSED void
fix_front_end(void *arg)
{
	pthread_join(((struct fix_front *)arg)->thread, NULL);
}

/* ---- start and stop ---------------------------------------------------------------------------------- */

static FIX_UNUSED void
fix_params(struct fix *f, struct bh_api_params *p)
{
	*p = (struct bh_api_params){.listen = "127.0.0.1:0",
				    .token = FIX_TOKEN,
				    .policy = f->policy,
				    .front = {.arg = &f->front,
					      .start = fix_front_start,
					      .end = fix_front_end}};
	p->ops = (struct bh_api_ops){
		.arg = f,
		.n_workers = fix_n_workers,
		.heartbeat_age_ms = fix_age,
		.counters = fix_counters,
		.flows = fix_flows,
		.n_ports = fix_n_ports,
		.port = fix_port,
		.steering = fix_steering,
		.policy_put = fix_put,
		.uptime_ms = fix_uptime,
		.started_ns = fix_started,
		.mode = fix_mode,
	};
}

static void
fix_publish(void *arg, const struct bh_view *view)
{
	(void)arg;
	(void)view;
}

/* adjust may change the parameters; NULL: those of fix_params. */
static FIX_UNUSED void
fix_start(struct fix *f, void (*adjust)(struct bh_api_params *))
{
	struct bh_policy_params pp = {.max_endpoints = 4096,
				      .mode = BH_MODE_PROTECT,
				      .publish = fix_publish};
	struct bh_policy_change change;
	struct bh_api_params p;
	struct bh_err err = {0};

	memset(f, 0, sizeof(*f));
	f->n_workers = 2;
	f->token = FIX_TOKEN;
	f->counters.packets = 12;
	f->counters.dropped[BH_REASON_DEFAULT_DENY] = 3;
	f->counters.passed[BH_REASON_RULE_ALLOW] = 9;
	fix_make_flows(f);
	bh_hash_key_random(&pp.hash_key);
	CU_ASSERT_EQUAL_FATAL(bh_policy_create(&f->policy, &pp), 0);
	if (bh_policy_load_text(f->policy, "policy.yaml", fix_policy, sizeof(fix_policy) - 1, false,
				&change, &err) != 0)
		CU_FAIL_FATAL("the fixture's policy does not load");
	CU_ASSERT_EQUAL_FATAL(bh_response_open(&f->response,
					       &(struct bh_response_params){.policy = f->policy},
					       &err),
			      0);
	fix_params(f, &p);
	p.response = f->response;
	if (adjust != NULL)
		adjust(&p);
	if (bh_api_start(&f->api, &p, &err) != 0) {
		fprintf(stderr, "fixture: %s\n", err.what);
		CU_FAIL_FATAL("the server does not start");
	}
	snprintf(f->server, sizeof(f->server), "http://127.0.0.1:%u", bh_api_port_number(f->api));
}

static FIX_UNUSED void
fix_stop(struct fix *f)
{
	bh_api_stop(f->api);
	bh_response_close(f->response);
	bh_policy_destroy(f->policy);
	free(f->flow);
}

/* ---- libcurl ----------------------------------------------------------------------------------------- */

struct answer {
	long status;
	struct bh_buf head, body;
	json_t *json;
};

static size_t
fix_collect(char *data, size_t size, size_t n, void *arg)
{
	bh_buf_add(arg, data, size * n);
	return size * n;
}

struct ask {
	const char *method, *path, *type, *body, *header; /* header: one more, or NULL */
	size_t len;                                       /* 0: strlen(body) */
};

static FIX_UNUSED void
fix_ask(const struct fix *f, const struct ask *q, struct answer *a)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	CURL *c = curl_easy_init();
	char line[512];

	memset(a, 0, sizeof(*a));
	snprintf(line, sizeof(line), "%s%s", f->server, q->path);
	curl_easy_setopt(c, CURLOPT_URL, line);
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
	curl_easy_setopt(c, CURLOPT_NOBODY, (long)(strcmp(q->method, "HEAD") == 0));
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_TIMEOUT, 20L);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, fix_collect);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, &a->body);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, &a->head);
	if (f->token != NULL) {
		snprintf(line, sizeof(line), "Authorization: Bearer %s", f->token);
		headers = curl_slist_append(headers, line);
	}
	if (q->type != NULL) {
		snprintf(line, sizeof(line), "Content-Type: %s", q->type);
		headers = curl_slist_append(headers, line);
	} else {
		headers = curl_slist_append(headers, "Content-Type:");
	}
	if (q->header != NULL)
		headers = curl_slist_append(headers, q->header);
	if (q->body != NULL) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE,
				 (long)(q->len != 0 ? q->len : strlen(q->body)));
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body);
	}
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	if (curl_easy_perform(c) == CURLE_OK)
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &a->status);
	if (a->body.data != NULL)
		a->json = json_loadb(a->body.data, a->body.len, 0, NULL);
	curl_slist_free_all(headers);
	curl_easy_cleanup(c);
}

static FIX_UNUSED void
fix_answer_free(struct answer *a)
{
	bh_buf_free(&a->head);
	bh_buf_free(&a->body);
	json_decref(a->json);
}

/* GET, and the JSON of a 200; NULL otherwise. A new reference. */
static FIX_UNUSED json_t *
fix_get(const struct fix *f, const char *path)
{
	struct answer a;
	json_t *o;

	fix_ask(f, &(struct ask){.method = "GET", .path = path}, &a);
	o = a.status == 200 ? json_incref(a.json) : NULL;
	fix_answer_free(&a);
	return o;
}

/* Send JSON; the status. */
static FIX_UNUSED long
fix_send(const struct fix *f, const char *method, const char *path, const char *body)
{
	struct answer a;
	long status;

	fix_ask(f,
		&(struct ask){.method = method,
			      .path = path,
			      .body = body,
			      .type = body != NULL ? "application/json" : NULL},
		&a);
	status = a.status;
	fix_answer_free(&a);
	return status;
}

static FIX_UNUSED const char *
fix_str(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

static FIX_UNUSED long long
fix_int(json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

/* ---- bare sockets ------------------------------------------------------------------------------------ */

static FIX_UNUSED int
fix_connect(const struct fix *f)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_port = htons(bh_api_port_number(f->api)),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* All that comes until the other end closes, or nothing comes for ms. true: it has closed. */
static FIX_UNUSED bool
fix_read(int fd, int ms, struct bh_buf *out)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char part[4096];
	ssize_t n;

	while (poll(&p, 1, ms) == 1) {
		n = recv(fd, part, sizeof(part), 0);
		if (n <= 0)
			return true;
		bh_buf_add(out, part, (size_t)n);
	}
	return false;
}

/* Send bytes on a connection of their own. The status of the first answer, 0 without one; *closed: did the
 * server close; *done: how many answers say that something was done (2xx). */
static FIX_UNUSED int
fix_raw(const struct fix *f, const char *bytes, size_t len, bool *closed, unsigned *done)
{
	int fd = fix_connect(f), status = 0;
	struct bh_buf b = {0};
	const char *p;

	*done = 0;
	if (send(fd, bytes, len, MSG_NOSIGNAL) < 0)
		CU_FAIL("send");
	*closed = fix_read(fd, 5000, &b);
	close(fd);
	if (b.data != NULL && sscanf(b.data, "HTTP/1.1 %d", &status) != 1)
		status = -1;
	for (p = b.data; p != NULL && (p = strstr(p, "HTTP/1.1 2")) != NULL; p++)
		(*done)++;
	bh_buf_free(&b);
	return status;
}

#endif
