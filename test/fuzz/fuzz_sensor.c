/* Sensors over foreign bytes, by libFuzzer. Besides memory errors it asserts: what is hit does not depend on how the bytes are
 * cut; whatever is fed in whatever order, all memory of the pool is back when the connection is closed; and a rule of the
 * fuzzer's own making is either refused with a reason or compiled. */
#include <stdlib.h>

#include "../../lib/sensor/sensor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RULES 10

struct seen {
	uint64_t of_rule[RULES]; /* messages in which it was hit, a bit each */
};

static void
on_hit(void *arg, struct bh_sensor_conn *c, const struct bh_sensor_hit *hit)
{
	/* `packet` is no part of a message: what PCRE2 confirms there may be known a little later in other pieces. */
	uint64_t message = hit->context == BH_SENSOR_PACKET ? 0 : hit->message % 32;

	(void)arg;
	((struct seen *)c->user)->of_rule[hit->rule->index] |= UINT64_C(1)
							       << (hit->side * 32 + message);
	if (hit->len > 0 && hit->at == NULL)
		abort();
}

static void
add(struct bh_sensor_model *m, enum bh_sensor_kind kind, unsigned context, const char *text,
    unsigned flags)
{
	struct bh_sensor_rule *r = m->last->last_rule;
	struct bh_sensor_pattern *p = bh_sensor_add_pattern(m, r, kind, text, strlen(text));

	p->context = (uint8_t)context;
	p->flags = (uint16_t)flags;
	p->within = (uint32_t)strlen(text) + 4;
	p->offset = 2;
}

static struct bh_sensor_model *
make_model(void)
{
	struct bh_sensor_model *m = bh_sensor_model_create();
	struct bh_sensor *s = bh_sensor_add(m, "fuzz");

	bh_sensor_add_rule(m, s, "literal");
	add(m, BH_SENSOR_LITERAL, BH_SENSOR_BODY, "ab", 0);
	bh_sensor_add_rule(m, s, "two");
	add(m, BH_SENSOR_REGEX, BH_SENSOR_BODY, "a+b", BH_SENSOR_NOCASE);
	add(m, BH_SENSOR_LITERAL, BH_SENSOR_URL, "/", 0);
	bh_sensor_add_rule(m, s, "negated");
	add(m, BH_SENSOR_LITERAL, BH_SENSOR_URL, "x", BH_SENSOR_NEGATED);
	add(m, BH_SENSOR_LITERAL, BH_SENSOR_BODY, "a", 0);
	bh_sensor_add_rule(m, s, "chain");
	add(m, BH_SENSOR_LITERAL, BH_SENSOR_PACKET, "a", BH_SENSOR_OFFSET);
	add(m, BH_SENSOR_LITERAL, BH_SENSOR_PACKET, "bc", BH_SENSOR_WITHIN | BH_SENSOR_NOCASE);
	bh_sensor_add_rule(m, s, "confirmed");
	add(m, BH_SENSOR_REGEX, BH_SENSOR_BODY, "(a.)\\1(?!c)", BH_SENSOR_DOTALL);
	bh_sensor_add_rule(m, s, "confirmed packet");
	add(m, BH_SENSOR_REGEX, BH_SENSOR_PACKET, "(?<=a)b(?=c)", 0);
	bh_sensor_add_rule(m, s, "end");
	add(m, BH_SENSOR_LITERAL, BH_SENSOR_BODY, "c", BH_SENSOR_ENDSWITH);
	bh_sensor_add_rule(m, s, "packet and url");
	add(m, BH_SENSOR_LITERAL, BH_SENSOR_PACKET, "cc", 0);
	add(m, BH_SENSOR_LITERAL, BH_SENSOR_URL, "c", BH_SENSOR_NEGATED);
	bh_sensor_add_rule(m, s, "always");
	add(m, BH_SENSOR_REGEX, BH_SENSOR_URL, "^(?!a)", 0);
	bh_sensor_add_rule(m, s, "size");
	add(m, BH_SENSOR_SIZE, BH_SENSOR_URL, "", 0);
	m->last->last_rule->patterns->size_min = 3;
	return m;
}

/* Bytes 0 and 1 of each step: what to do, and how much to feed; `cut`: in pieces of so many bytes, 0: in one. */
static void
play(struct bh_sensor_worker *w, struct seen *seen, const uint8_t *data, size_t size, size_t cut)
{
	static const uint8_t contexts[] = {BH_SENSOR_BODY, BH_SENSOR_URL, BH_SENSOR_PACKET,
					   BH_SENSOR_HEADER};
	struct bh_sensor_counters n;
	struct bh_sensor_conn c;

	memset(seen, 0, sizeof(*seen));
	bh_sensor_open(w, &c, &(struct bh_sensor_open){.app = BH_APP_HTTP, .user = seen});
	while (size >= 2) {
		unsigned side = data[0] & 1, context = contexts[data[0] >> 1 & 3];
		bool last = data[0] & 8 && context != BH_SENSOR_PACKET, end = data[0] & 16;
		size_t len = data[1] < size - 2 ? data[1] : size - 2, at = 0, part;

		data += 2;
		size -= 2;
		do {
			part = cut != 0 && cut < len - at ? cut : len - at;
			bh_sensor_feed(w, &c, side, context, data + at, part,
				       last && at + part == len);
			at += part;
		} while (at < len);
		data += len;
		size -= len;
		if (end)
			bh_sensor_message_end(w, &c, side);
	}
	bh_sensor_close(w, &c);
	bh_sensor_turn(w, UINT64_MAX, 1);
	bh_sensor_counters(w, &n);
	if (n.pool_used != 0)
		abort();
}

/* Its own pattern: the first byte says which flags. */
static void
check_rule(const uint8_t *data, size_t size)
{
	struct bh_sensor_model *m = bh_sensor_model_create();
	struct bh_sensor_pattern *p;
	struct bh_err err = {0};
	unsigned i, n = data[0] % 3 + 1u;
	int rc;

	bh_sensor_add_rule(m, bh_sensor_add(m, "fuzz"), "own");
	for (i = 0; i < n; i++) {
		size_t len = (size - 1) / n;

		p = bh_sensor_add_pattern(m, m->sensors->rules, data[0] >> 2 & 3,
					  (const char *)data + 1 + i * len, len);
		p->flags = (uint16_t)(data[0] << 4 ^ i * 0x1234);
		p->offset = p->distance = data[0];
		p->depth = p->within = size > 40 ? 64 : 8;
	}
	rc = bh_sensor_check(m, m->sensors->rules, &err);
	if (rc != 0 && err.what[0] == '\0')
		abort();
	bh_sensor_model_destroy(m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bh_sensor_worker *w;
	static struct bh_sensor_set *set;
	struct seen whole, cut;
	struct bh_err err = {0};

	if (w == NULL &&
	    (bh_sensor_compile(make_model(), NULL, &set, &err) != 0 ||
	     bh_sensor_worker_create(&w, &(struct bh_sensor_worker_params){.report = on_hit}) !=
		     0 ||
	     bh_sensor_publish(w, set, BH_SENSOR_DRAIN) != 0))
		abort();
	if (size < 3)
		return 0;
	bh_sensor_turn(w, UINT64_MAX, 1);
	if (data[0] == 0xff) {
		if (size < 200)
			check_rule(data + 1, size - 1);
		return 0;
	}
	play(w, &whole, data + 1, size - 1, 0);
	play(w, &cut, data + 1, size - 1, data[0] % 7 + 1u);
	if (memcmp(&whole, &cut, sizeof(whole)) != 0)
		abort();
	return 0;
}
