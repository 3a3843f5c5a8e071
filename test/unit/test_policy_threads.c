/* Workers judge while the model changes under them. Run it under -fsanitize=thread too:
 *     make B=build/tsan OPT=-O1 EXTRA_CFLAGS=-fsanitize=thread EXTRA_LDFLAGS=-fsanitize=thread \
 *         build/tsan/test/unit_policy */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy_world.h"
#include "unit.h"

#define HOSTS 8 /* addresses, each with its own segment h<i> whenever it is an endpoint */
#define READERS 2
#define BATCHES 4000
/* Phases go on until this much was seen by each reader; on a busy machine, for so long at most. */
#define STALE_WANTED 5000
#define SECONDS_MAX 20

/* A reader's grace periods: `turns` counts its quiescent points. Sequentially consistent with its load of
 * the view, so that a view loaded after a count was seen is one published before. */
struct reader {
	pthread_t thread;
	struct shared *shared;
	unsigned seed;
	uint64_t turns;
	uint64_t judged, stale, wrong_owner, wrong_fresh;
	struct flow {
		struct bh_flow_key key;
		struct bh_judgement j;
		bool used;
	} flow[HOSTS * HOSTS];
};

struct retired {
	struct retired *next;
	void *obj;
	void (*free_fn)(void *obj);
	uint64_t seen[READERS];
};

struct shared {
	struct bh_policy *policy;
	const struct bh_view *view;
	struct reader reader[READERS];
	struct retired *retired;
	pthread_barrier_t barrier;
	bool stop;        /* this phase */
	bool end;         /* all of it */
	uint64_t changes; /* done */
	uint64_t freed;
};

static void
publish(void *arg, const struct bh_view *view)
{
	__atomic_store_n(&((struct shared *)arg)->view, view, __ATOMIC_SEQ_CST);
}

static void
retire(void *arg, void *obj, void (*free_fn)(void *obj))
{
	struct shared *s = arg;
	struct retired *r = malloc(sizeof(*r));
	unsigned i;

	if (r == NULL)
		abort();
	*r = (struct retired){.next = s->retired, .obj = obj, .free_fn = free_fn};
	for (i = 0; i < READERS; i++)
		r->seen[i] = __atomic_load_n(&s->reader[i].turns, __ATOMIC_SEQ_CST);
	s->retired = r;
}

/* Free what every reader has been quiescent since. all: no reader is running. */
static void
reclaim(struct shared *s, bool all)
{
	struct retired **at = &s->retired, *r;
	unsigned i;

	while ((r = *at) != NULL) {
		for (i = 0; i < READERS && !all; i++) {
			if (__atomic_load_n(&s->reader[i].turns, __ATOMIC_SEQ_CST) <= r->seen[i])
				break;
		}
		if (i < READERS && !all) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		r->free_fn(r->obj);
		free(r);
		s->freed++;
	}
}

/* ---- reader ------------------------------------------------------------------------------------------- */

static void
host_key(unsigned a, unsigned b, struct bh_flow_key *key)
{
	*key = (struct bh_flow_key){.family = 4, .proto = 6};
	key->addr[0].b[0] = key->addr[1].b[0] = 10;
	key->addr[0].b[3] = (uint8_t)a;
	key->addr[1].b[3] = (uint8_t)b;
}

/* An address may be in its own segment, in that of the prefix around it, or in none: never in that of
 * another address, whose slot it may have had. */
static bool
owner_is_possible(const struct shared *s, const struct bh_judgement *j, unsigned end, unsigned host)
{
	const char *name = bh_policy_segment_name(s->policy, j->segment[end]);
	char own[16];

	snprintf(own, sizeof(own), "h%u", host);
	return strcmp(name, own) == 0 || strcmp(name, "wide") == 0 || strcmp(name, "unknown") == 0;
}

static bool
is_fresh(const struct bh_view *view, const struct bh_judgement *j)
{
	return j->stamp == bh_view_stamp(view, j->slot[0], j->slot[1]);
}

/* Judge twice. If the first stamp is fresh after the second judgement, nothing that the first rests on
 * has changed in between: both must say the same. A change shows shortly before its generation does:
 * where they differ, the change under way is given the time to finish. */
static void
judge_twice(struct reader *r, const struct bh_view *view, struct flow *f)
{
	struct bh_judgement again;
	uint64_t changes;

	bh_policy_judge(view, &f->key, 0, 80, NULL, &f->j);
	bh_policy_judge(view, &f->key, 0, 80, NULL, &again);
	r->judged++;
	if (is_fresh(view, &f->j) && !w_same_judgement(&f->j, &again)) {
		changes = __atomic_load_n(&r->shared->changes, __ATOMIC_ACQUIRE);
		while (changes == __atomic_load_n(&r->shared->changes, __ATOMIC_ACQUIRE) &&
		       !__atomic_load_n(&r->shared->stop, __ATOMIC_ACQUIRE))
			sched_yield();
		r->wrong_fresh += is_fresh(view, &f->j);
	}
	r->stale += !is_fresh(view, &f->j);
}

static void
judge_some(struct reader *r, const struct bh_view *view)
{
	unsigned i, a, b;
	struct flow *f;

	for (i = 0; i < 32; i++) {
		a = (unsigned)rand_r(&r->seed) % HOSTS;
		b = (unsigned)rand_r(&r->seed) % HOSTS;
		f = &r->flow[a * HOSTS + b];
		host_key(a, b, &f->key);
		judge_twice(r, view, f);
		f->used = true;
		r->wrong_owner += !owner_is_possible(r->shared, &f->j, 0, a) ||
				  !owner_is_possible(r->shared, &f->j, 1, b);
	}
}

/* Nothing changes now: whoever looks fresh must be right. */
static void
check_fresh(struct reader *r, const struct bh_view *view)
{
	struct bh_judgement now;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(r->flow); i++) {
		struct flow *f = &r->flow[i];

		if (!f->used || f->j.stamp != bh_view_stamp(view, f->j.slot[0], f->j.slot[1]))
			continue;
		bh_policy_judge(view, &f->key, 0, 80, NULL, &now);
		r->wrong_fresh += !w_same_judgement(&now, &f->j);
	}
}

static void *
reader_main(void *arg)
{
	struct reader *r = arg;
	struct shared *s = r->shared;

	for (;;) {
		pthread_barrier_wait(&s->barrier);
		if (s->end)
			return NULL;
		while (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE)) {
			judge_some(r, __atomic_load_n(&s->view, __ATOMIC_SEQ_CST));
			__atomic_store_n(&r->turns, r->turns + 1, __ATOMIC_SEQ_CST);
		}
		pthread_barrier_wait(&s->barrier);
		check_fresh(r, __atomic_load_n(&s->view, __ATOMIC_SEQ_CST));
		__atomic_store_n(&r->turns, r->turns + 1, __ATOMIC_SEQ_CST);
		pthread_barrier_wait(&s->barrier);
	}
}

/* ---- writer -------------------------------------------------------------------------------------------- */

static void
load(struct shared *s, unsigned revision)
{
	struct bh_buf text = {0};
	unsigned i;

	bh_buf_str(&text, "version: 1\nsegments:\n  wide: {selector: host=wide}\n");
	for (i = 0; i < HOSTS; i++)
		bh_buf_printf(&text, "  h%u: {selector: host=h%u}\n", i, i);
	bh_buf_str(&text, "rules:\n");
	for (i = revision % 3; i < HOSTS; i += 3)
		bh_buf_printf(&text, "  - {from: h%u, to: any, ports: tcp/80, action: allow}\n", i);
	CU_ASSERT_EQUAL_FATAL(bh_policy_load_text(s->policy, "t", text.data, text.len, false, NULL,
						  NULL),
			      0);
	bh_buf_free(&text);
}

/* Addresses come, go and change hands; so does the prefix around four of them. */
static void
change(struct shared *s, unsigned *seed)
{
	struct bh_endpoint_change c[4];
	struct bh_label label[4];
	char value[4][16];
	unsigned i, host, n = 1 + (unsigned)rand_r(seed) % 4;

	for (i = 0; i < n; i++) {
		bool wide = rand_r(seed) % 8 == 0;

		host = (unsigned)rand_r(seed) % HOSTS;
		c[i] = (struct bh_endpoint_change){
			.op = rand_r(seed) % 2 != 0 ? BH_ENDPOINT_PUT : BH_ENDPOINT_DELETE,
			.endpoint = {.prefix = {.addr = {10, 0, 0, (uint8_t)host},
						.family = 4,
						.len = 32},
				     .labels = &label[i],
				     .n_labels = 1}};
		snprintf(value[i], sizeof(value[i]), "h%u", host);
		if (wide) {
			c[i].endpoint.prefix.addr[3] &= 0xfc;
			c[i].endpoint.prefix.len = 30;
			strcpy(value[i], "wide");
		} else if (rand_r(seed) % 4 == 0) {
			strcpy(value[i], "nobody");
		}
		label[i] = (struct bh_label){"host", value[i]};
		/* A batch with a deletion of what is not there is refused as a whole: send one by one. */
		bh_policy_endpoints_apply(s->policy, &c[i], 1, NULL, NULL);
		__atomic_store_n(&s->changes, s->changes + 1, __ATOMIC_RELEASE);
	}
}

static void
write_phase(struct shared *s, unsigned phase, unsigned *seed)
{
	unsigned i;

	__atomic_store_n(&s->stop, false, __ATOMIC_RELEASE);
	pthread_barrier_wait(&s->barrier);
	for (i = 0; i < BATCHES; i++) {
		change(s, seed);
		if (i % 1024 == 1023)
			load(s, phase + i);
		reclaim(s, false);
	}
	__atomic_store_n(&s->stop, true, __ATOMIC_RELEASE);
	pthread_barrier_wait(&s->barrier);
	pthread_barrier_wait(&s->barrier);
}

/* Between phases: readers wait. */
static bool
seen_enough(const struct shared *s)
{
	unsigned i;

	for (i = 0; i < READERS; i++) {
		if (s->reader[i].stale < STALE_WANTED)
			return false;
	}
	return true;
}

static void
no_judgement_mixes_owners_and_no_fresh_stamp_is_wrong(void)
{
	static struct shared s;
	struct bh_policy_params params = {.max_endpoints = HOSTS + 8,
					  .mode = BH_MODE_PROTECT,
					  .publish = publish,
					  .retire = retire,
					  .arg = &s};
	unsigned i, seed = 5, phase;
	uint64_t start;

	CU_ASSERT_EQUAL_FATAL(bh_hash_key_random(&params.hash_key), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_create(&s.policy, &params), 0);
	load(&s, 0);
	pthread_barrier_init(&s.barrier, NULL, READERS + 1);
	for (i = 0; i < READERS; i++) {
		s.reader[i].shared = &s;
		s.reader[i].seed = i + 100;
		CU_ASSERT_EQUAL_FATAL(pthread_create(&s.reader[i].thread, NULL, reader_main,
						     &s.reader[i]),
				      0);
	}
	start = bh_clock_system.mono_ns(NULL);
	for (phase = 0; !seen_enough(&s) &&
			bh_clock_system.mono_ns(NULL) - start < SECONDS_MAX * BH_NS_PER_SEC;
	     phase++)
		write_phase(&s, phase, &seed);
	s.end = true;
	pthread_barrier_wait(&s.barrier);
	for (i = 0; i < READERS; i++) {
		pthread_join(s.reader[i].thread, NULL);
		CU_ASSERT_EQUAL(s.reader[i].wrong_owner, 0);
		CU_ASSERT_EQUAL(s.reader[i].wrong_fresh, 0);
		CU_ASSERT_TRUE(s.reader[i].judged > 1000);
	}
	CU_ASSERT_TRUE(s.freed > 1000);
	bh_policy_destroy(s.policy);
	/* What is still in its grace period outlives the model. */
	reclaim(&s, true);
	pthread_barrier_destroy(&s.barrier);
}

const struct bh_unit_test bh_suite_policy_threads[] = {
	BH_TEST(no_judgement_mixes_owners_and_no_fresh_stamp_is_wrong), BH_TEST_END};
