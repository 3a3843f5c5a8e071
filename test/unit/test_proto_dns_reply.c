/* DNS messages read for their addresses: chains of aliases, compression, and what is not believed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/proto/proto.h"
#include "unit.h"

struct wire {
	uint8_t b[2048];
	size_t n;
};

static void
put16(struct wire *w, unsigned v)
{
	w->b[w->n++] = (uint8_t)(v >> 8);
	w->b[w->n++] = (uint8_t)v;
}

/* "a.b" as labels; "@12" is a pointer to offset 12, also behind labels: "a.@12". */
static void
put_name(struct wire *w, const char *text)
{
	size_t n;

	while (*text != '\0' && *text != '@') {
		n = strcspn(text, ".");
		w->b[w->n++] = (uint8_t)n;
		memcpy(w->b + w->n, text, n);
		w->n += n;
		text += n + (text[n] == '.');
	}
	if (*text == '@')
		put16(w, 0xc000u | (unsigned)atoi(text + 1));
	else
		w->b[w->n++] = 0;
}

static void
start(struct wire *w, const char *name, unsigned type, bool response, unsigned answers)
{
	w->n = 0;
	put16(w, 0x1234);
	put16(w, response ? 0x8180 : 0x0100);
	put16(w, 1);
	put16(w, answers);
	put16(w, 0);
	put16(w, 0);
	put_name(w, name);
	put16(w, type);
	put16(w, 1);
}

static void
put_record(struct wire *w, const char *owner, unsigned type, uint32_t ttl, const char *data)
{
	size_t at;

	put_name(w, owner);
	put16(w, type);
	put16(w, 1);
	put16(w, ttl >> 16);
	put16(w, ttl & 0xffff);
	put16(w, 0);
	at = w->n;
	if (type == 5)
		put_name(w, data);
	else
		for (unsigned i = 0; i < (type == 28 ? 16u : 4u); i++)
			w->b[w->n++] = (uint8_t)data[0];
	w->b[at - 2] = (uint8_t)((w->n - at) >> 8);
	w->b[at - 1] = (uint8_t)(w->n - at);
}

static void
a_query_and_its_answer_are_read(void)
{
	struct bh_dns_message m;
	struct wire w;

	start(&w, "WWW.Example.com", 1, false, 0);
	CU_ASSERT_EQUAL(bh_dns_read(w.b, w.n, &m), 0);
	CU_ASSERT_STRING_EQUAL(m.name, "www.example.com");
	CU_ASSERT_TRUE(!m.response && m.id == 0x1234 && m.type == 1 && m.n == 0);
	start(&w, "www.example.com", 28, true, 2);
	put_record(&w, "@12", 28, 77, "x");
	put_record(&w, "WWW.@16", 28, 0x80000001u, "y"); /* www.example.com, compressed */
	CU_ASSERT_EQUAL(bh_dns_read(w.b, w.n, &m), 0);
	CU_ASSERT_TRUE(m.response && m.n == 2);
	CU_ASSERT_TRUE(m.address[0].addr[15] == 'x' && m.address[0].ttl == 77);
	CU_ASSERT_TRUE(m.address[1].addr[0] == 'y' && m.address[1].ttl == 0);
}

static void
addresses_are_found_along_aliases_with_the_least_time(void)
{
	struct bh_dns_message m;
	struct wire w;

	start(&w, "a.x.org", 1, true, 5);
	put_record(&w, "c.x.org", 1, 50, "1"); /* in any order */
	put_record(&w, "b.x.org", 5, 20, "c.x.org");
	put_record(&w, "other.org", 1, 60, "2");
	put_record(&w, "a.x.org", 5, 60, "b.x.org");
	put_record(&w, "c.x.org", 28, 60, "3");
	CU_ASSERT_EQUAL(bh_dns_read(w.b, w.n, &m), 0);
	CU_ASSERT_EQUAL(m.n, 1);
	CU_ASSERT_TRUE(m.address[0].addr[0] == '1' && m.address[0].ttl == 20);
	/* A circle ends. */
	start(&w, "a.x.org", 1, true, 2);
	put_record(&w, "a.x.org", 5, 60, "b.x.org");
	put_record(&w, "b.x.org", 5, 60, "a.x.org");
	CU_ASSERT_EQUAL(bh_dns_read(w.b, w.n, &m), 0);
	CU_ASSERT_EQUAL(m.n, 0);
}

static void
what_could_be_read_differently_is_not_read(void)
{
	struct bh_dns_message m;
	struct wire w, good;
	size_t cut;

	start(&good, "a.x.org", 1, true, 1);
	put_record(&good, "@12", 1, 50, "1");
	CU_ASSERT_EQUAL(bh_dns_read(good.b, good.n, &m), 0);
	for (cut = 0; cut < good.n; cut++)
		CU_ASSERT_EQUAL(bh_dns_read(good.b, cut, &m), -EINVAL);
	w = good;
	w.b[2] |= 2; /* truncated */
	CU_ASSERT_EQUAL(bh_dns_read(w.b, w.n, &m), -EINVAL);
	w = good;
	w.b[2] |= 0x28; /* an update */
	CU_ASSERT_EQUAL(bh_dns_read(w.b, w.n, &m), -EINVAL);
	w = good;
	w.b[5] = 2; /* two questions */
	CU_ASSERT_EQUAL(bh_dns_read(w.b, w.n, &m), -EINVAL);
	w = good;
	w.b[3] |= 3; /* NXDOMAIN */
	CU_ASSERT_TRUE(bh_dns_read(w.b, w.n, &m) == 0 && m.n == 0);
	w = good;
	w.b[13] = '.'; /* a dot inside of a label */
	CU_ASSERT_EQUAL(bh_dns_read(w.b, w.n, &m), -EINVAL);
	start(&w, "a.x.org", 15, false, 0); /* MX */
	CU_ASSERT_EQUAL(bh_dns_read(w.b, w.n, &m), -EINVAL);
	start(&w, "a.x.org", 1, true, 1);
	put_record(&w, "@200", 1, 50, "1"); /* leads forward */
	CU_ASSERT_EQUAL(bh_dns_read(w.b, w.n, &m), -EINVAL);
	start(&w, "a.x.org", 1, true, 1);
	put_record(&w, "@25", 1, 50, "1"); /* to itself */
	CU_ASSERT_EQUAL(bh_dns_read(w.b, w.n, &m), -EINVAL);
	start(&w, "@12", 1, false, 0);
	CU_ASSERT_EQUAL(bh_dns_read(w.b, w.n, &m), -EINVAL);
}

/* ---- against a plain model ------------------------------------------------------------------------------- */

static unsigned
rnd(unsigned n)
{
	return (unsigned)rand() % n;
}

static void
random_answers_are_read_as_they_were_drawn(void)
{
	static const char *const name[] = {"a.b.org", "b.org", "c.b.org", "d.net", "e.f.net"};
	struct {
		unsigned owner, type, to;
		uint32_t ttl;
	} r[12];
	unsigned round, i, n, at, link, want, wrong = 0;
	struct bh_dns_message m;
	struct wire w;
	uint32_t ttl;

	srand(52);
	for (round = 0; round < 20000 && wrong == 0; round++) {
		n = rnd(12);
		start(&w, name[0], 1, true, n);
		for (i = 0; i < n; i++) {
			char data[2] = {(char)('A' + i), '\0'};

			r[i].owner = rnd(5);
			r[i].type = rnd(3) == 0 ? 1 : rnd(4) == 0 ? 28 : 5;
			/* One alias of a name at most: others are no answer that makes sense. */
			for (at = 0; at < i; at++) {
				if (r[i].type == 5 && r[at].type == 5 && r[at].owner == r[i].owner)
					r[i].type = 28;
			}
			r[i].to = rnd(5);
			r[i].ttl = rnd(1000);
			put_record(&w, name[r[i].owner], r[i].type, r[i].ttl,
				   r[i].type == 5 ? name[r[i].to] : data);
		}
		wrong += bh_dns_read(w.b, w.n, &m) != 0;
		for (at = 0, link = 0, want = 0, ttl = UINT32_MAX; link <= 8 && want == 0; link++) {
			unsigned next = UINT32_MAX;

			for (i = 0; i < n; i++) {
				if (r[i].owner != at || r[i].type == 28)
					continue;
				if (r[i].type == 5) {
					next = i;
					continue;
				}
				wrong += want >= m.n || m.address[want].addr[0] != 'A' + i ||
					 m.address[want].ttl != (r[i].ttl < ttl ? r[i].ttl : ttl);
				want++;
			}
			if (next == UINT32_MAX)
				break;
			at = r[next].to;
			ttl = r[next].ttl < ttl ? r[next].ttl : ttl;
		}
		wrong += m.n != want;
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

const struct bh_unit_test bh_suite_proto_dns_reply[] = {
	BH_TEST(a_query_and_its_answer_are_read),
	BH_TEST(addresses_are_found_along_aliases_with_the_least_time),
	BH_TEST(what_could_be_read_differently_is_not_read),
	BH_TEST(random_answers_are_read_as_they_were_drawn), BH_TEST_END};
