/* kafka: records to a topic, keyed by Community ID, so that what concerns one connection stays in one partition and in order.
 *
 * librdkafka is loaded when a sink of this type is opened, not linked: the process that holds the packets has neither it nor
 * the OpenSSL and SASL that come with it unless someone asks for them. It does the protocol; what waits is our spool's alone: a
 * batch is handed over, and what was not acknowledged within 5 s is taken back and comes again. */
#include <dlfcn.h>
#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "sink_priv.h"

#define BATCH_MS 5000
#define STOP_MS 500 /* more, once the sink is to end */
#define POLL_MS 20
#define BATCH_MAX 128u
#define KEY_MAX 64u
#define LIBRARY "librdkafka.so.1"

/* What we use of it. */
#define FUNCTIONS(F)                                                                               \
	F(rd_kafka_conf_new)                                                                       \
	F(rd_kafka_conf_destroy)                                                                   \
	F(rd_kafka_conf_set)                                                                       \
	F(rd_kafka_conf_set_dr_msg_cb)                                                             \
	F(rd_kafka_conf_set_log_cb)                                                                \
	F(rd_kafka_conf_set_error_cb)                                                              \
	F(rd_kafka_conf_set_opaque)                                                                \
	F(rd_kafka_new)                                                                            \
	F(rd_kafka_destroy)                                                                        \
	F(rd_kafka_producev)                                                                       \
	F(rd_kafka_poll)                                                                           \
	F(rd_kafka_purge)                                                                          \
	F(rd_kafka_flush)                                                                          \
	F(rd_kafka_sasl_set_credentials)                                                           \
	F(rd_kafka_error_destroy)                                                                  \
	F(rd_kafka_err2str)

struct library {
#define F(name) __typeof__(name) *name;
	FUNCTIONS(F)
#undef F
};

struct kafka {
	struct library lib;
	rd_kafka_conf_t *conf; /* until there is a producer */
	rd_kafka_t
		*producer; /* NULL until the first batch: its threads come then (bh_sink_begin) */
	char topic[256], user[256]; /* user "": without SASL */
	int stop_fd;
	/* sender */
	unsigned n, done; /* of the batch: handed over, answered */
	rd_kafka_resp_err_t answer[BATCH_MAX];
	/* librdkafka's callbacks, in the sender */
	char told[256];
};

/* ---- opening ------------------------------------------------------------------------------------------ */

/* Never unloaded: its threads' and OpenSSL's ends run code of it until the process is gone. */
static int
load_library(struct library *lib, struct bh_err *err)
{
	void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL)
		return bh_err_set(err, ENOENT,
				  "a sink of type kafka needs librdkafka (apt install "
				  "librdkafka1): %s",
				  dlerror());
#define F(name)                                                                                    \
	lib->name = (__typeof__(lib->name))dlsym(handle, #name);                                   \
	if (lib->name == NULL)                                                                     \
		return bh_err_set(err, ENOSYS, "sinks: this " LIBRARY " is too old: it lacks %s",  \
				  #name);
	FUNCTIONS(F)
#undef F
	return 0;
}

static void
on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct kafka *k = opaque;
	uintptr_t i = (uintptr_t)m->_private;

	(void)rk;
	if (i < BATCH_MAX) {
		k->answer[i] = m->err;
		k->done++;
	}
}

/* Once, until it is something else: it is said again with each attempt. */
static void
on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	struct kafka *k = opaque;

	(void)rk;
	(void)code;
	if (strncmp(k->told, reason, sizeof(k->told) - 1) == 0)
		return;
	snprintf(k->told, sizeof(k->told), "%s", reason);
	bh_log(BH_LOG_WARN, "sinks: Kafka: %s", reason);
}

/* on_error has what a person can use. */
static void
on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	(void)level;
	(void)facility;
	(void)text;
}

struct setting {
	const char *key, *value;
};

static int
set_all(const struct kafka *k, rd_kafka_conf_t *conf, const struct setting *s, struct bh_err *err)
{
	char why[256];

	for (; s->key != NULL; s++) {
		if (s->value == NULL || s->value[0] == '\0')
			continue;
		if (k->lib.rd_kafka_conf_set(conf, s->key, s->value, why, sizeof(why)) !=
		    RD_KAFKA_CONF_OK)
			/* Its words would show the value, which may be a password. */
			return bh_err_set(err, EINVAL, "sinks: Kafka does not take this %s",
					  s->key);
	}
	return 0;
}

static int
configure(struct kafka *k, const struct bh_sink_params *p, struct bh_err *err)
{
	const struct bh_sink_options *o = p->options;
	bool tls = strncmp(p->to, "kafkas:", 7) == 0, sasl = o->user[0] != '\0';
	const struct setting settings[] = {
		{"bootstrap.servers", strstr(p->to, "://") + 3},
		{"client.id", "bulkhead"},
		{"acks", o->acks},
		/* One request at a time: a repeated one cannot overtake. */
		{"max.in.flight.requests.per.connection", "1"},
		{"linger.ms", "0"},
		{"message.timeout.ms", "4500"}, /* less than BATCH_MS */
		{"socket.timeout.ms", "4000"},
		{"topic.metadata.propagation.max.ms", "4000"},
		{"socket.keepalive.enable", "true"},
		{"compression.type", "none"},
		{"security.protocol",
		 tls ? (sasl ? "SASL_SSL" : "SSL") : (sasl ? "SASL_PLAINTEXT" : "PLAINTEXT")},
		{"sasl.mechanisms", sasl ? o->mechanism : ""},
		{"sasl.username", o->user},
		{"sasl.password", sasl ? p->secret : NULL},
		{"ssl.ca.location", tls ? o->ca_file : ""},
		{"ssl.certificate.location", tls ? o->certificate : ""},
		{"ssl.key.location", !tls                ? ""
				     : o->key[0] != '\0' ? o->key
							 : o->certificate},
		{NULL, NULL},
	};
	rd_kafka_conf_t *conf = k->lib.rd_kafka_conf_new();
	int rc;

	if (sasl && p->secret == NULL) {
		k->lib.rd_kafka_conf_destroy(conf);
		return bh_err_set(err, EINVAL, "sinks: user %s of a kafka sink lacks secret_file",
				  o->user);
	}
	rc = set_all(k, conf, settings, err);
	if (rc != 0) {
		k->lib.rd_kafka_conf_destroy(conf);
		return rc;
	}
	k->lib.rd_kafka_conf_set_opaque(conf, k);
	k->lib.rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	k->lib.rd_kafka_conf_set_error_cb(conf, on_error);
	k->lib.rd_kafka_conf_set_log_cb(conf, on_log);
	k->conf = conf;
	return 0;
}

static int
make_producer(struct kafka *k)
{
	char why[256];

	if (k->producer != NULL)
		return 0;
	k->producer = k->lib.rd_kafka_new(RD_KAFKA_PRODUCER, k->conf, why, sizeof(why));
	if (k->producer == NULL) {
		on_error(NULL, 0, why, k);
		return -EINVAL;
	}
	k->conf = NULL; /* the producer's */
	return 0;
}

static int
kafka_open(void **state, const struct bh_sink_params *p, int stop_fd, struct bh_err *err)
{
	struct kafka *k = calloc(1, sizeof(*k));
	int rc;

	if (k == NULL)
		return bh_err_set(err, ENOMEM, "no memory for a sink");
	snprintf(k->topic, sizeof(k->topic), "%s", p->options->topic);
	snprintf(k->user, sizeof(k->user), "%s", p->options->user);
	k->stop_fd = stop_fd;
	rc = load_library(&k->lib, err);
	if (rc == 0)
		rc = configure(k, p, err);
	if (rc != 0) {
		free(k);
		return rc;
	}
	*state = k;
	return 0;
}

static void
kafka_close(void *state)
{
	struct kafka *k = state;

	if (k->producer != NULL)
		k->lib.rd_kafka_destroy(k->producer);
	if (k->conf != NULL)
		k->lib.rd_kafka_conf_destroy(k->conf);
	free(k);
}

/* ---- records: a byte of the key's length, the key, the line ------------------------------------------------- */

static bool
kafka_format(void *state, struct bh_buf *out, const struct bh_sink_record *r, uint64_t seq)
{
	char id[BH_COMMUNITY_ID_LEN];
	uint8_t len = 0;

	(void)state;
	(void)seq;
	if (r->event != NULL && bh_event_community_id(r->event, id))
		len = (uint8_t)strlen(id);
	bh_buf_add(out, &len, 1);
	bh_buf_add(out, id, len);
	bh_buf_add(out, r->line, r->len);
	return true;
}

/* ---- sender ------------------------------------------------------------------------------------------- */

static bool
is_stopping(const struct kafka *k)
{
	struct pollfd fd = {.fd = k->stop_fd, .events = POLLIN};

	return poll(&fd, 1, 0) == 1;
}

static rd_kafka_resp_err_t
hand_over(struct kafka *k, const struct bh_spool_item *item, unsigned i)
{
	size_t n_key = item->data[0];
	char seq[24];

	snprintf(seq, sizeof(seq), "%llu", (unsigned long long)item->seq);
	return k->lib.rd_kafka_producev(k->producer, RD_KAFKA_V_TOPIC(k->topic),
					RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
					RD_KAFKA_V_KEY(n_key != 0 ? item->data + 1 : NULL, n_key),
					RD_KAFKA_V_VALUE((void *)(uintptr_t)(item->data + 1 +
									     n_key),
							 item->len - 1 - n_key),
					RD_KAFKA_V_HEADER("sequence", seq, -1),
					RD_KAFKA_V_OPAQUE((void *)(uintptr_t)i), RD_KAFKA_V_END);
}

/* Wait for all answers, at most BATCH_MS; then nothing of the batch is left in the library. */
static void
await(struct kafka *k)
{
	uint64_t now = bh_clock_system.mono_ns(NULL), end = now + BATCH_MS * BH_NS_PER_MS;
	bool stopping = false;

	while (k->done < k->n && now < end) {
		k->lib.rd_kafka_poll(k->producer, POLL_MS);
		now = bh_clock_system.mono_ns(NULL);
		if (!stopping && is_stopping(k)) {
			stopping = true;
			if (end > now + STOP_MS * BH_NS_PER_MS)
				end = now + STOP_MS * BH_NS_PER_MS;
		}
	}
	if (k->done == k->n)
		return;
	k->lib.rd_kafka_purge(k->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	k->lib.rd_kafka_flush(k->producer, STOP_MS);
}

static int
kafka_send(void *state, const struct bh_spool_item *item, unsigned n)
{
	struct kafka *k = state;
	rd_kafka_resp_err_t rc = RD_KAFKA_RESP_ERR_NO_ERROR;
	unsigned i;

	if (item[0].len < 1 || (size_t)item[0].data[0] + 1 > item[0].len ||
	    item[0].data[0] > KEY_MAX)
		return -EMSGSIZE;
	if (make_producer(k) != 0)
		return -EINVAL;
	k->n = k->done = 0;
	for (i = 0; i < n && i < BATCH_MAX; i++) {
		k->answer[i] = RD_KAFKA_RESP_ERR__MSG_TIMED_OUT;
		if ((size_t)item[i].data[0] + 1 > item[i].len)
			break;
		rc = hand_over(k, &item[i], i);
		if (rc != RD_KAFKA_RESP_ERR_NO_ERROR)
			break;
		k->n++;
	}
	await(k);
	for (i = 0; i < k->n && k->answer[i] == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
		;
	if (i != 0) {
		k->told[0] = '\0';
		return (int)i;
	}
	if (k->n != 0)
		rc = k->answer[0];
	if (rc == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
		return -EMSGSIZE;
	/* That it was late says nothing; why, on_error was told. */
	if (rc == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT || rc == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
	    rc == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
		return -ETIMEDOUT;
	on_error(k->producer, rc, k->lib.rd_kafka_err2str(rc), k);
	return -EPROTO;
}

static int
kafka_settled(void *state)
{
	(void)state;
	return 1;
}

/* It makes its connections anew by itself. */
static void
kafka_reset(void *state)
{
	(void)state;
}

/* For its next connections: those that stand are proven. */
static int
kafka_rekey(void *state, const char *secret)
{
	struct kafka *k = state;
	rd_kafka_error_t *error;
	char why[256];

	if (k->user[0] == '\0')
		return -EINVAL;
	if (k->producer == NULL)
		return k->lib.rd_kafka_conf_set(k->conf, "sasl.password", secret, why,
						sizeof(why)) == RD_KAFKA_CONF_OK
			       ? 0
			       : -EINVAL;
	error = k->lib.rd_kafka_sasl_set_credentials(k->producer, k->user, secret);
	if (error == NULL)
		return 0;
	k->lib.rd_kafka_error_destroy(error);
	return -EINVAL;
}

const struct bh_sink_ops bh_sink_kafka = {
	.open = kafka_open,
	.close = kafka_close,
	.format = kafka_format,
	.send = kafka_send,
	.settled = kafka_settled,
	.reset = kafka_reset,
	.rekey = kafka_rekey,
	.confirms = true,
};
