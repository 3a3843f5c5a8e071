/* Kafka: what a consumer reads from librdkafka's own mock cluster, while its broker comes and goes. */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../lib/sink/sink.h"
#include "unit.h"

#define TOPIC "bulkhead-events"

struct way {
	char folder[64];
	rd_kafka_t *host, *consumer;
	rd_kafka_mock_cluster_t *cluster;
	struct bh_sink *sink;
};

static rd_kafka_t *
handle(rd_kafka_type_t type, const char *brokers)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;
	char why[256];

	if (brokers != NULL)
		rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof(why));
	rd_kafka_conf_set(conf, "group.id", "test", why, sizeof(why));
	rd_kafka_conf_set(conf, "log_level", "0", why, sizeof(why));
	rk = rd_kafka_new(type, conf, why, sizeof(why));
	CU_ASSERT_PTR_NOT_NULL_FATAL(rk);
	return rk;
}

static void
open_sink(struct way *w)
{
	struct bh_sink_options o = {.topic = TOPIC, .acks = "all"};
	char to[256];
	struct bh_sink_params p = {.type = BH_SINK_KAFKA,
				   .name = "test",
				   .to = to,
				   .kinds = BH_SINK_KIND_FLOW,
				   .options = &o,
				   .spool = w->folder,
				   .spool_bytes = 8u << 20,
				   .retry_ms = {10, 40}};
	struct bh_err err = {0};

	snprintf(to, sizeof(to), "kafka://%s", rd_kafka_mock_cluster_bootstraps(w->cluster));
	CU_ASSERT_EQUAL_FATAL(bh_sink_open(&w->sink, &p, &err), 0);
}

static void
open_way(struct way *w)
{
	rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(1);

	strcpy(w->folder, "/tmp/bh_kafka_XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(w->folder));
	w->host = handle(RD_KAFKA_PRODUCER, NULL);
	w->cluster = rd_kafka_mock_cluster_new(w->host, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w->cluster);
	CU_ASSERT_EQUAL(rd_kafka_mock_topic_create(w->cluster, TOPIC, 1, 1), 0);
	w->consumer = handle(RD_KAFKA_CONSUMER, rd_kafka_mock_cluster_bootstraps(w->cluster));
	rd_kafka_poll_set_consumer(w->consumer);
	rd_kafka_topic_partition_list_add(all, TOPIC, 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
	CU_ASSERT_EQUAL(rd_kafka_assign(w->consumer, all), 0);
	rd_kafka_topic_partition_list_destroy(all);
	open_sink(w);
}

static void
close_way(struct way *w)
{
	char command[96];

	bh_sink_close(w->sink);
	rd_kafka_consumer_close(w->consumer);
	rd_kafka_destroy(w->consumer);
	rd_kafka_mock_cluster_destroy(w->cluster);
	rd_kafka_destroy(w->host);
	snprintf(command, sizeof(command), "rm -r %s", w->folder);
	CU_ASSERT_EQUAL(system(command), 0);
}

/* The flow of Community ID's own example. */
static void
put(struct way *w, unsigned number)
{
	struct bh_event e = {.type = BH_EVENT_FLOW, .has_flow = 1};
	char line[100];
	struct bh_sink_record r = {.line = line, .event = &e};
	static const uint8_t ends[2][4] = {{66, 35, 250, 204}, {128, 232, 110, 120}};

	e.key.family = BH_IP4;
	e.key.proto = 6;
	memcpy(&e.key.addr[0], ends[0], 4);
	memcpy(&e.key.addr[1], ends[1], 4);
	e.key.port[0] = 80;
	e.key.port[1] = 34855;
	e.frame_kind = BH_FRAME_IP;
	r.len = (size_t)snprintf(line, sizeof(line), "{\"event_type\":\"flow\",\"n\":%u}", number);
	bh_sink_put(w->sink, &r);
}

/* The next message's number; its key is checked. 0: none came. */
static unsigned
next_number(struct way *w)
{
	static const char key[] = "1:LQU9qZlK+B5F3KDmev6m5PMibrg=";
	rd_kafka_message_t *m;
	unsigned i, n = 0;
	char text[200];

	for (i = 0; n == 0 && i < 200; i++) {
		m = rd_kafka_consumer_poll(w->consumer, 100);
		if (m == NULL)
			continue;
		if (m->err == 0) {
			CU_ASSERT_FATAL(m->len < sizeof(text));
			memcpy(text, m->payload, m->len);
			text[m->len] = '\0';
			CU_ASSERT_EQUAL(sscanf(text, "{\"event_type\":\"flow\",\"n\":%u}", &n), 1);
			CU_ASSERT(m->key_len == strlen(key) &&
				  memcmp(m->key, key, m->key_len) == 0);
		}
		rd_kafka_message_destroy(m);
	}
	return n;
}

static void
until_failed(struct way *w)
{
	struct bh_sink_stats st;
	unsigned i;

	for (i = 0; i < 3000; i++) {
		bh_sink_stats(w->sink, &st);
		if (st.failures >= 1)
			return;
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	CU_FAIL("the sink does not notice that its broker is away");
}

/* None twice here: what was given back had never left. */
static void
records_arrive_in_order_although_the_broker_was_away(void)
{
	static struct way w;
	struct bh_sink_stats st;
	unsigned i, n, bad = 0, highest = 0;

	open_way(&w);
	for (i = 1; i <= 300; i++)
		put(&w, i);
	for (i = 1; i <= 300; i++)
		bad += next_number(&w) != i;
	CU_ASSERT_EQUAL(bad, 0);
	CU_ASSERT_EQUAL(rd_kafka_mock_broker_set_down(w.cluster, 1), 0);
	for (i = 301; i <= 900; i++)
		put(&w, i);
	until_failed(&w);
	/* And a restart while it is away. */
	bh_sink_close(w.sink);
	open_sink(&w);
	CU_ASSERT_EQUAL(rd_kafka_mock_broker_set_up(w.cluster, 1), 0);
	for (highest = 300; highest < 900 && (n = next_number(&w)) != 0; highest = n)
		bad += n != highest + 1;
	CU_ASSERT_EQUAL(highest, 900);
	CU_ASSERT_EQUAL(bad, 0);
	bh_sink_stats(w.sink, &st);
	CU_ASSERT_EQUAL(st.lost, 0);
	close_way(&w);
}

static void
what_it_cannot_be_told_is_refused_without_its_password(void)
{
	struct bh_sink_options o = {.topic = TOPIC,
				    .acks = "some",
				    .user = "u",
				    .mechanism = "PLAIN"};
	struct bh_sink_params p = {.type = BH_SINK_KAFKA,
				   .name = "x",
				   .to = "kafka://127.0.0.1:9",
				   .options = &o,
				   .secret = "open sesame",
				   .spool = "/tmp"};
	struct bh_err err = {0};
	struct bh_sink *s;

	CU_ASSERT_EQUAL(bh_sink_open(&s, &p, &err), -22);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "acks"));
	CU_ASSERT_PTR_NULL(strstr(err.what, "sesame"));
	strcpy(o.acks, "1");
	p.secret = NULL;
	err = (struct bh_err){0};
	CU_ASSERT_EQUAL(bh_sink_open(&s, &p, &err), -22);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "secret_file"));
}

const struct bh_unit_test bh_suite_sink_kafka[] = {
	BH_TEST(records_arrive_in_order_although_the_broker_was_away),
	BH_TEST(what_it_cannot_be_told_is_refused_without_its_password),
	BH_TEST_END,
};
