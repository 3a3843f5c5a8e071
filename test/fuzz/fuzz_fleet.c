/* What etcd says, and what other gateways wrote into it. Beyond no crash: a watch is read the same in any pieces; an answer
 * that is taken has keys without a NUL and of a length that fits; a revision that is taken is the same after it was written
 * again. */
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/fleet/fleet_item.h"
#include "../../lib/fleet/fleet_priv.h"

#define MUST(x)                                                                                    \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static void
look(const struct bh_etcd_answer *a)
{
	size_t i;

	for (i = 0; i < a->n; i++) {
		MUST(a->kv[i].key[0] != '\0' && strlen(a->kv[i].key) < BH_FLEET_KEY);
		MUST(a->kv[i].value[a->kv[i].len] == '\0');
	}
}

struct seen {
	size_t lines, keys, bad;
};

static int
take(void *arg, const char *line, size_t len)
{
	struct bh_etcd_answer a;
	struct seen *s = arg;

	s->lines++;
	if (bh_etcd_line_read(&a, line, len) != 0) {
		s->bad++;
		return 0;
	}
	look(&a);
	s->keys += a.n;
	bh_etcd_answer_free(&a);
	return 0;
}

static struct seen
feed(const char *text, size_t len, size_t cut)
{
	struct bh_lines l = {0};
	struct seen s = {0};
	size_t at;

	for (at = 0; at < len; at += cut)
		MUST(bh_lines_feed(&l, text + at, len - at < cut ? len - at : cut, take, &s) == 0);
	bh_lines_free(&l);
	return s;
}

static void
records(const char *text, size_t len)
{
	static struct bh_fleet_record r, again;
	struct bh_fleet_member m, other;
	struct bh_buf b = {0};

	if (bh_fleet_record_read(&r, text, len) == 0) {
		bh_fleet_record_write(&b, &r);
		MUST(!b.failed && bh_fleet_record_read(&again, b.data, b.len) == 0);
		MUST(again.number == r.number && again.deadline_ns == r.deadline_ns);
		MUST(strcmp(again.author, r.author) == 0 && strcmp(again.sha256, r.sha256) == 0);
	}
	bh_buf_reset(&b);
	if (bh_fleet_member_read(&m, text, len) == 0) {
		bh_fleet_member_write(&b, &m);
		MUST(!b.failed && bh_fleet_member_read(&other, b.data, b.len) == 0);
		MUST(memcmp(&m, &other, sizeof(m)) == 0);
	}
	bh_buf_free(&b);
}

/* What is taken is the same after it was written again. */
static void
items(const char *text, size_t len)
{
	struct bh_fleet_endpoint e, again;
	char name[BH_FLEET_ITEM_NAME];
	struct bh_buf b = {0};

	if (bh_fleet_endpoint_read(&e, "0/10.0.0.1/32", text, len) != 0)
		return;
	bh_fleet_endpoint_name(&e.change.endpoint, name);
	bh_fleet_endpoint_write(&b, &e.change.endpoint);
	MUST(!b.failed && bh_fleet_endpoint_read(&again, name, b.data, b.len) == 0);
	MUST(again.change.endpoint.n_labels == e.change.endpoint.n_labels);
	bh_fleet_endpoint_free(&again);
	bh_fleet_endpoint_free(&e);
	bh_buf_free(&b);
}

static void
conversations(const char *text, size_t len)
{
	static struct bh_fleet_learned l, again;
	struct bh_buf b = {0};

	if (bh_fleet_learned_read(&l, "gw/1", text, len) != 0)
		return;
	memcpy(l.c.own_sessions, l.c.sessions, sizeof(l.c.sessions));
	memcpy(l.c.own_bytes, l.c.bytes, sizeof(l.c.bytes));
	bh_fleet_learned_write(&b, &l.c);
	MUST(!b.failed && bh_fleet_learned_read(&again, "gw/1", b.data, b.len) == 0);
	MUST(again.c.service == l.c.service && again.c.n_values == l.c.n_values);
	MUST(memcmp(again.c.sessions, l.c.sessions, sizeof(l.c.sessions)) == 0);
	bh_fleet_learned_free(&again);
	bh_fleet_learned_free(&l);
	bh_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct bh_etcd_answer a;
	struct seen whole, pieces;

	if (size == 0)
		return 0;
	whole = feed(text, size, size);
	pieces = feed(text, size, 1 + data[0] % 17);
	MUST(memcmp(&whole, &pieces, sizeof(whole)) == 0);
	if (bh_etcd_answer_read(&a, text, size) == 0) {
		look(&a);
		bh_etcd_answer_free(&a);
	}
	records(text, size);
	items(text, size);
	conversations(text, size);
	return 0;
}
