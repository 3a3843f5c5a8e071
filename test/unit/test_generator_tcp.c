/* Clients and a server over a link that loses, doubles, delays and refuses frames: what arrives is what was said, counted
 * by a plain model that looks at the frames, and nothing stays behind. */
#include <stdlib.h>
#include <string.h>

#include "../../lib/generator/tcp.h"
#include "unit.h"

#define FRAMES 4096
#define FRAME_SIZE 1600
#define HZ 1e6 /* ticks are microseconds */

struct frame {
	uint64_t at;
	uint16_t len;
	bool to_client, used;
	uint8_t b[FRAME_SIZE];
};

struct world {
	struct bh_gen_wire wire;
	struct bh_gen_book book;
	struct bh_gen_tcp *t[2];
	struct bh_parse_params parse;
	struct frame *f;
	struct bh_gen_rng rng;
	unsigned loss, twice, jitter, no_room, corrupt; /* per mille; jitter in us */
	uint64_t now, lost, step;
	uint32_t head, tail; /* of f: frames go in their order, but for jitter */
	/* The model: by client's port, the first sequence number of the server, and how far its bytes came without a gap. */
	struct {
		bool known;
		uint32_t first;
		uint64_t bytes; /* of all connections of this port */
		uint8_t got[128 * 1024];
	} * model;
	uint64_t model_bytes;
	bool bad;
};

struct port {
	struct world *w;
	unsigned side;
};

static uint8_t *
take(void *arg, uint16_t len)
{
	const struct port *p = arg;
	struct world *w = p->w;
	struct frame *f = &w->f[w->tail % FRAMES];

	if (bh_gen_below(&w->rng, 1000) < w->no_room || w->tail - w->head == FRAMES ||
	    len > FRAME_SIZE)
		return NULL;
	w->tail++;
	f->used = true;
	f->to_client = p->side == BH_GEN_SERVER;
	f->len = len;
	f->at = w->now + 50 + bh_gen_below(&w->rng, w->jitter + 1);
	return f->b;
}

static void
init(struct world *w, struct port port[2], enum bh_gen_talk talk, const char *nets[2])
{
	unsigned i;

	memset(w, 0, sizeof(*w));
	w->rng.s = 11;
	w->f = calloc(FRAMES, sizeof(*w->f));
	CU_ASSERT_PTR_NOT_NULL_FATAL(w->f);
	bh_prefix_parse(nets[0], &w->wire.net[0], NULL);
	bh_prefix_parse(nets[1], &w->wire.net[1], NULL);
	w->wire.hosts[0] = 2;
	w->wire.hosts[1] = 2;
	w->wire.port = 80;
	bh_parse_params_default(&w->parse);
	bh_gen_book_init(&w->book, talk);
	w->now = 1000;
	w->step = 50;
	for (i = 0; i < 2; i++) {
		const struct bh_gen_tcp_params p = {
			.wire = &w->wire,
			.book = &w->book,
			.side = i,
			.connections = 64,
			.mss = 1000,
			.step = 1,
			.hz = HZ,
			.secret = 5,
			.take = take,
			.arg = &port[i],
		};

		port[i] = (struct port){w, i};
		CU_ASSERT_EQUAL_FATAL(bh_gen_tcp_create(&w->t[i], &p), 0);
	}
}

static void
fini(struct world *w)
{
	bh_gen_tcp_destroy(w->t[0]);
	bh_gen_tcp_destroy(w->t[1]);
	free(w->f);
	free(w->model);
}

/* Every payload byte to a client, once. */
static void
model(struct world *w, const struct frame *f, const struct bh_parsed *h)
{
	unsigned port = h->key.port[1 - h->from] - 1024u, i;
	uint32_t off;

	if (w->model == NULL || port >= 64 || !f->to_client)
		return;
	if ((h->tcp_flags & BH_TCP_SYN) != 0 &&
	    (!w->model[port].known || w->model[port].first != h->tcp_seq + 1)) {
		w->model[port].known = true;
		w->model[port].first = h->tcp_seq + 1;
		memset(w->model[port].got, 0, sizeof(w->model[port].got));
	}
	off = h->tcp_seq - w->model[port].first;
	for (i = 0; i < h->payload_len; i++) {
		if (off + i >= sizeof(w->model[port].got)) {
			w->bad = true;
			return;
		}
		if (w->model[port].got[off + i] == 0)
			w->model_bytes++;
		w->model[port].got[off + i] = 1;
	}
}

static void
deliver(struct world *w, struct frame *f)
{
	struct bh_parsed h;
	const uint32_t wire = f->len;

	f->used = false;
	if (bh_gen_below(&w->rng, 1000) < w->loss) {
		w->lost++;
		return;
	}
	if (bh_gen_below(&w->rng, 1000) < w->corrupt)
		f->b[34 + bh_gen_below(&w->rng, f->len - 34u)] ^= 1;
	if (bh_net_parse(&w->parse, BH_LINK_ETHERNET, f->b, wire, wire, 0, &h) != BH_REASON_NONE)
		return;
	model(w, f, &h);
	bh_gen_tcp_input(w->t[f->to_client ? BH_GEN_CLIENT : BH_GEN_SERVER], f->b, f->len, &h,
			 w->now);
	if (bh_gen_below(&w->rng, 1000) < w->twice)
		bh_gen_tcp_input(w->t[f->to_client ? BH_GEN_CLIENT : BH_GEN_SERVER], f->b, f->len,
				 &h, w->now);
}

static void
turn(struct world *w)
{
	const uint32_t end = w->tail;
	uint32_t i;

	w->now += w->step;
	for (i = w->head; i != end; i++) {
		if (w->f[i % FRAMES].used && w->f[i % FRAMES].at <= w->now)
			deliver(w, &w->f[i % FRAMES]);
	}
	while (w->head != w->tail && !w->f[w->head % FRAMES].used)
		w->head++;
	bh_gen_tcp_poll(w->t[0], w->now);
	bh_gen_tcp_poll(w->t[1], w->now);
}

/* Until so many transactions, then until everything is closed. */
static void
run(struct world *w, uint64_t transactions)
{
	uint64_t turns;

	for (turns = 0; turns < 20000000 && bh_gen_tcp_counts(w->t[0])->transactions < transactions;
	     turns++)
		turn(w);
	bh_gen_tcp_load(w->t[0])->active = 0;
	for (turns = 0;
	     turns < 20000000 && (bh_gen_tcp_used(w->t[0]) != 0 || bh_gen_tcp_used(w->t[1]) != 0);
	     turns++)
		turn(w);
}

static const char *ip4[2] = {"10.0.0.0/24", "10.0.1.0/24"};
static const char *ip6[2] = {"fd00::/64", "fd01::/64"};

static void
settled(struct world *w, uint64_t transactions)
{
	const struct bh_gen_tcp_counts *c = bh_gen_tcp_counts(w->t[0]),
				       *s = bh_gen_tcp_counts(w->t[1]);

	CU_ASSERT(c->transactions >= transactions);
	CU_ASSERT_EQUAL(bh_gen_tcp_used(w->t[0]), 0);
	CU_ASSERT_EQUAL(bh_gen_tcp_used(w->t[1]), 0);
	CU_ASSERT_EQUAL(c->active, 0);
	CU_ASSERT_EQUAL(s->active, 0);
	CU_ASSERT_EQUAL(c->mismatched, 0);
	CU_ASSERT_EQUAL(s->mismatched, 0);
	CU_ASSERT_EQUAL(bh_gen_tcp_hist(w->t[0], false, BH_GEN_LAST_BYTE)->n, c->transactions);
	CU_ASSERT_EQUAL(bh_gen_tcp_hist(w->t[0], false, BH_GEN_FIRST_BYTE)->n, c->transactions);
	CU_ASSERT_EQUAL(bh_gen_tcp_hist(w->t[0], false, BH_GEN_CONNECT)->n, c->established);
}

static void
without_loss_everything_is_said_once(void)
{
	static const enum bh_gen_talk talk[] = {BH_GEN_HTTP, BH_GEN_REDIS, BH_GEN_TLS};
	struct world w;
	struct port port[2];
	unsigned i;

	for (i = 0; i < 6; i++) {
		const struct bh_gen_tcp_counts *c;

		init(&w, port, talk[i % 3], i < 3 ? ip4 : ip6);
		*bh_gen_tcp_load(w.t[0]) = (struct bh_gen_load){.begin = w.now,
								.active = 10,
								.transactions = 3,
								.kib = 40};
		run(&w, 300);
		settled(&w, 300);
		c = bh_gen_tcp_counts(w.t[0]);
		CU_ASSERT_EQUAL(c->opened, c->closed);
		CU_ASSERT_EQUAL(c->opened, bh_gen_tcp_counts(w.t[1])->closed);
		CU_ASSERT_EQUAL(c->resent + c->reset + c->timed_out + c->out_of_order + c->strays,
				0);
		CU_ASSERT_EQUAL(bh_gen_tcp_counts(w.t[1])->resent, 0);
		CU_ASSERT_EQUAL(c->bytes, bh_gen_tcp_counts(w.t[1])->bytes);
		fini(&w);
	}
}

static void
a_bad_network_changes_nothing_of_what_is_said(void)
{
	/* loss, twice, jitter, no room, corrupt */
	static const unsigned bad[][5] = {{50, 0, 0, 0, 0},    {0, 0, 2000, 0, 0},
					  {0, 200, 300, 0, 0}, {0, 0, 0, 500, 0},
					  {0, 0, 0, 0, 30},    {40, 40, 1000, 200, 20}};
	struct world w;
	struct port port[2];
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(bad); i++) {
		const struct bh_gen_tcp_counts *c;

		init(&w, port, i % 2 != 0 ? BH_GEN_TLS : BH_GEN_HTTP, i % 2 != 0 ? ip6 : ip4);
		w.loss = bad[i][0];
		w.twice = bad[i][1];
		w.jitter = bad[i][2];
		w.no_room = bad[i][3];
		w.corrupt = bad[i][4];
		*bh_gen_tcp_load(w.t[0]) = (struct bh_gen_load){.begin = w.now,
								.active = 20,
								.transactions = 4,
								.kib = 16};
		run(&w, 400);
		settled(&w, 400);
		c = bh_gen_tcp_counts(w.t[0]);
		CU_ASSERT_EQUAL(c->opened, c->closed + c->reset + c->timed_out);
		/* Losing connections altogether takes six losses in a row. */
		CU_ASSERT(c->reset + c->timed_out <= 2);
		if (w.loss != 0)
			CU_ASSERT(w.lost > 100 && bh_gen_tcp_counts(w.t[1])->resent > 100);
		if (w.corrupt != 0)
			CU_ASSERT(c->corrupt + bh_gen_tcp_counts(w.t[1])->corrupt > 50);
		fini(&w);
	}
}

/* The model sees each byte once; the clients have compared each of them, and no other. */
static void
bytes_are_those_that_the_model_saw(void)
{
	struct world w;
	struct port port[2];
	const struct bh_gen_tcp_counts *c;

	init(&w, port, BH_GEN_HTTP, ip4);
	w.wire.hosts[0] = w.wire.hosts[1] = 1; /* ports tell connections apart */
	w.model = calloc(64, sizeof(*w.model));
	CU_ASSERT_PTR_NOT_NULL_FATAL(w.model);
	w.loss = 60;
	w.twice = 100;
	w.jitter = 700;
	*bh_gen_tcp_load(w.t[0]) =
		(struct bh_gen_load){.begin = w.now, .active = 8, .transactions = 5, .kib = 20};
	run(&w, 200);
	settled(&w, 200);
	c = bh_gen_tcp_counts(w.t[0]);
	CU_ASSERT(!w.bad);
	CU_ASSERT_EQUAL(c->reset + c->timed_out, 0);
	CU_ASSERT_EQUAL(c->bytes, w.model_bytes);
	CU_ASSERT_EQUAL(c->bytes % c->transactions, 0);
	fini(&w);
}

static void
nobody_there_is_a_time_out_and_a_full_server_refuses(void)
{
	struct world w;
	struct port port[2];
	unsigned i;

	init(&w, port, BH_GEN_HTTP, ip4);
	w.loss = 1000;
	w.step = 1000;
	*bh_gen_tcp_load(w.t[0]) = (struct bh_gen_load){
		.begin = w.now, .active = 3, .transactions = 1, .kib = 1, .per_tick = 3 / 1e5};
	for (i = 0; i < 1000000 && bh_gen_tcp_counts(w.t[0])->timed_out < 3; i++)
		turn(&w);
	CU_ASSERT(bh_gen_tcp_counts(w.t[0])->timed_out >= 3);
	CU_ASSERT_EQUAL(bh_gen_tcp_counts(w.t[0])->established, 0);
	fini(&w);
	init(&w, port, BH_GEN_HTTP, ip4);
	/* Two ends with 64 places each: a stranger holds all of the server's. */
	bh_gen_tcp_load(w.t[0])->active = 64;
	bh_gen_tcp_load(w.t[0])->think_ms = 100000;
	bh_gen_tcp_load(w.t[0])->kib = 1;
	for (i = 0; i < 2000; i++)
		turn(&w);
	CU_ASSERT_EQUAL(bh_gen_tcp_counts(w.t[1])->active, 64);
	bh_gen_tcp_forget(w.t[0]);
	bh_gen_tcp_load(w.t[0])->active = 64;
	for (i = 0; i < 2000; i++)
		turn(&w);
	CU_ASSERT(bh_gen_tcp_counts(w.t[1])->refused_full > 0);
	CU_ASSERT(bh_gen_tcp_used(w.t[1]) <= 64);
	fini(&w);
}

static void
connections_are_held_and_used_again(void)
{
	struct world w;
	struct port port[2];
	const struct bh_gen_tcp_counts *c;
	unsigned i;

	init(&w, port, BH_GEN_REDIS, ip4);
	*bh_gen_tcp_load(w.t[0]) =
		(struct bh_gen_load){.begin = w.now, .active = 50, .kib = 2, .think_ms = 100};
	for (i = 0; i < 20000; i++) /* a second */
		turn(&w);
	c = bh_gen_tcp_counts(w.t[0]);
	CU_ASSERT_EQUAL(c->active, 50);
	CU_ASSERT_EQUAL(c->established, 50);
	CU_ASSERT(c->transactions >= 50 * 8 && c->transactions <= 50 * 11);
	run(&w, 0);
	settled(&w, 400);
	fini(&w);
}

static void
a_rate_is_kept(void)
{
	struct world w;
	struct port port[2];
	unsigned i;

	init(&w, port, BH_GEN_HTTP, ip4);
	*bh_gen_tcp_load(w.t[0]) = (struct bh_gen_load){
		.begin = w.now, .active = 64, .transactions = 1, .kib = 1, .per_tick = 200 / HZ};
	for (i = 0; i < 40000; i++) /* two seconds */
		turn(&w);
	CU_ASSERT(bh_gen_tcp_counts(w.t[0])->opened >= 398);
	CU_ASSERT(bh_gen_tcp_counts(w.t[0])->opened <= 401);
	fini(&w);
}

static void
closing_by_reset_leaves_nothing(void)
{
	struct world w;
	struct port port[2];

	init(&w, port, BH_GEN_HTTP, ip4);
	*bh_gen_tcp_load(w.t[0]) = (struct bh_gen_load){
		.begin = w.now, .active = 10, .transactions = 1, .kib = 1, .reset = true};
	run(&w, 100);
	settled(&w, 100);
	CU_ASSERT_EQUAL(bh_gen_tcp_counts(w.t[1])->closed, bh_gen_tcp_counts(w.t[0])->opened);
	fini(&w);
}

/* A reply with a changed byte and a right checksum, as a device in between could make it. */
static void
changed_payload_is_found(void)
{
	struct bh_gen_book b;
	struct bh_gen_reply r;
	struct bh_gen_rng rng = {6};
	static uint8_t whole[300 * 1024];
	unsigned talk, i;

	for (talk = BH_GEN_HTTP; talk <= BH_GEN_TLS; talk++) {
		bh_gen_book_init(&b, talk);
		bh_gen_reply_make(&b, 1, 256, &r);
		for (i = 0; i < bh_gen_reply_len(&r); i += 5000)
			bh_gen_reply_copy(&b, &r, i, whole + i,
					  bh_gen_reply_len(&r) - i < 5000 ? bh_gen_reply_len(&r) - i
									  : 5000);
		for (i = 0; i < 500; i++) {
			uint32_t off = bh_gen_below(&rng, bh_gen_reply_len(&r));
			unsigned n = 1 + bh_gen_below(&rng, bh_gen_reply_len(&r) - off);
			unsigned at = bh_gen_below(&rng, n);

			CU_ASSERT(bh_gen_reply_match(&b, &r, off, whole + off, n));
			whole[off + at] ^= 4;
			CU_ASSERT(!bh_gen_reply_match(&b, &r, off, whole + off, n));
			whole[off + at] ^= 4;
		}
		CU_ASSERT(!bh_gen_reply_match(&b, &r, 0, whole, bh_gen_reply_len(&r) + 1));
	}
}

static void
requests_are_read_and_others_refused(void)
{
	struct bh_gen_book b;
	uint8_t q[BH_GEN_REQUEST_MAX + 1];
	unsigned talk, exchange, i;

	for (talk = BH_GEN_HTTP; talk <= BH_GEN_TLS; talk++) {
		bh_gen_book_init(&b, talk);
		for (exchange = 0; exchange < 3; exchange++) {
			static const uint32_t sizes[] = {0, 1, 64, BH_GEN_KIB_MAX};
			unsigned n;
			uint32_t kib = 7;

			for (i = 0; i < 4; i++) {
				n = bh_gen_request_write(&b, exchange, sizes[i], q);
				CU_ASSERT(n <= BH_GEN_REQUEST_MAX);
				CU_ASSERT(bh_gen_request_read(&b, exchange, q, n, &kib));
				if (exchange >= bh_gen_book_opening(&b))
					CU_ASSERT_EQUAL(kib, sizes[i]);
				CU_ASSERT(!bh_gen_request_read(&b, exchange, q, n - 1, &kib));
				CU_ASSERT(!bh_gen_request_read(&b, exchange, q, n + 1, &kib));
				q[2] ^= 1;
				CU_ASSERT(!bh_gen_request_read(&b, exchange, q, n, &kib));
			}
		}
	}
}

static void
flows_are_found_by_their_ends(void)
{
	struct bh_gen_wire w = {.hosts = {5, 3}};
	uint32_t flow;

	bh_prefix_parse("10.0.0.0/24", &w.net[0], NULL);
	bh_prefix_parse("10.0.1.0/24", &w.net[1], NULL);
	for (flow = 0; flow < 15 * BH_GEN_PORTS; flow += 7) {
		uint8_t c[16] = {0}, s[16] = {0};

		bh_gen_wire_host(&w, 0, flow % 5, c);
		bh_gen_wire_host(&w, 1, flow / 5 % 3, s);
		CU_ASSERT_EQUAL(bh_gen_tcp_flow(&w, c, s, (uint16_t)(1024 + flow / 15)), flow);
	}
}

const struct bh_unit_test bh_suite_generator_tcp[] = {
	BH_TEST(without_loss_everything_is_said_once),
	BH_TEST(a_bad_network_changes_nothing_of_what_is_said),
	BH_TEST(bytes_are_those_that_the_model_saw),
	BH_TEST(nobody_there_is_a_time_out_and_a_full_server_refuses),
	BH_TEST(connections_are_held_and_used_again),
	BH_TEST(a_rate_is_kept),
	BH_TEST(closing_by_reset_leaves_nothing),
	BH_TEST(changed_payload_is_found),
	BH_TEST(requests_are_read_and_others_refused),
	BH_TEST(flows_are_found_by_their_ends),
	BH_TEST_END,
};
