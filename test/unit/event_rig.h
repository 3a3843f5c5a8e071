/* An event of a TCP flow, its record as JSON, and looks into that. */
#ifndef BH_TEST_EVENT_RIG_H
#define BH_TEST_EVENT_RIG_H

#include <arpa/inet.h>
#include <jansson.h>
#include <stdlib.h>

#include "../../lib/event/event.h"
#include "unit.h"

#define RIG_UNUSED __attribute__((unused))
#define T0 UINT64_C(1767323045000000000) /* 2026-01-02T03:04:05Z */

static const char *
segment_name(void *arg, uint32_t segment)
{
	static const char *const names[] = {"external", "unknown", "shop", "cde"};

	(void)arg;
	return segment < BH_ARRAY_SIZE(names) ? names[segment] : NULL;
}

static const char *
rule_name(void *arg, uint32_t rule)
{
	(void)arg;
	return rule == 5 ? "allow-redis" : "";
}

static const char *
port_name(void *arg, uint32_t port)
{
	(void)arg;
	return port == 1 ? "inside0" : NULL;
}

static const char *
app_name(void *arg, uint16_t app)
{
	(void)arg;
	return app == 3 ? "redis" : NULL;
}

static const struct bh_event_names names RIG_UNUSED = {.segment = segment_name,
						       .rule = rule_name,
						       .port = port_name,
						       .app = app_name};

/* A TCP flow of shop 10.0.0.9:40000 to cde 10.0.0.5:6379. The server's address is the smaller: the
 * initiator is end 1. */
static RIG_UNUSED struct bh_event
tcp_event(enum bh_event_type type)
{
	struct bh_event e = {
		.type = (uint8_t)type,
		.time_ns = T0 + 10 * BH_NS_PER_SEC,
		.start_ns = T0,
		.last_ms_ago = 3500,
		.flow_id = 1234567,
		.has_flow = 1,
		.rule = 5,
		.segment = {3, 2},
		.bytes = {500, 300},
		.packets = {5, 3},
		.tcp_seen = {BH_TCP_SYN | BH_TCP_ACK, BH_TCP_SYN | BH_TCP_ACK | BH_TCP_PSH},
		.initiator = 1,
		.flow_state = BH_STATE_ESTABLISHED,
		.flow_end = BH_FLOW_END_TIMEOUT,
		.verdict = BH_VERDICT_ALLOW,
		.reason = BH_REASON_RULE_ALLOW,
		.mode = BH_MODE_PROTECT,
		.port = 1,
		.worker = 2,
		.app = 3,
	};

	e.key.family = BH_IP4;
	e.key.proto = 6;
	inet_pton(AF_INET, "10.0.0.5", &e.key.addr[0]);
	inet_pton(AF_INET, "10.0.0.9", &e.key.addr[1]);
	e.key.port[0] = 6379;
	e.key.port[1] = 40000;
	return e;
}

static RIG_UNUSED json_t *
written(const struct bh_event *e, const struct bh_event_names *n)
{
	struct bh_buf b = {0};
	json_error_t err;
	json_t *v;

	bh_eve_format(&b, e, n);
	CU_ASSERT_FATAL(b.len > 0);
	CU_ASSERT_EQUAL(b.data[b.len - 1], '\n');
	CU_ASSERT_PTR_EQUAL(strchr(b.data, '\n'), b.data + b.len - 1);
	v = json_loads(b.data, JSON_REJECT_DUPLICATES, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(v);
	bh_buf_free(&b);
	return v;
}

static RIG_UNUSED const char *
str(const json_t *v, const char *object, const char *key)
{
	const char *s;

	if (object != NULL)
		v = json_object_get(v, object);
	s = json_string_value(json_object_get(v, key));
	return s != NULL ? s : "(absent)";
}

static RIG_UNUSED json_int_t
num(const json_t *v, const char *object, const char *key)
{
	const json_t *n;

	if (object != NULL)
		v = json_object_get(v, object);
	n = json_object_get(v, key);
	return json_is_integer(n) ? json_integer_value(n) : -1;
}

static RIG_UNUSED bool
absent(const json_t *v, const char *object, const char *key)
{
	if (object != NULL)
		v = json_object_get(v, object);
	return json_object_get(v, key) == NULL;
}

#endif
