/* pair: two of them on a simulated network, with their own pauses. Forwarding is: active, and the right not over. */
#include <stdlib.h>

#include "../../lib/pair/elect.h"
#include "unit.h"

#define MS BH_NS_PER_MS
#define HELLO 50
#define DEAD 500
#define FENCE (DEAD / 5 * 3)
#define FLIGHT 512

struct packet {
	uint64_t at;
	struct bh_pair_message m;
};

struct side {
	struct bh_pair_elect e;
	struct bh_pair_input in;
	struct packet flying[FLIGHT]; /* to this one */
	unsigned n;
	uint64_t stopped_until;
	uint64_t until_ns; /* as the workers have it */
	unsigned changes;
	bool dead;
};

struct world {
	struct side s[2];
	uint64_t ms;
	unsigned random;
	unsigned loss, delay; /* per cent; ms at most */
	bool cut[2];          /* what is sent to it is lost */
	uint64_t both_ms, longest_ms, run_ms, none_ms;
};

static unsigned
dice(struct world *w, unsigned n)
{
	w->random = w->random * 1103515245 + 12345;
	return (w->random >> 8) % n;
}

static void
begin_side(struct world *w, unsigned i, unsigned priority, bool preempt)
{
	const struct bh_pair_rules r = {.instance = 100 + i + 10 * w->ms,
					.hello_ns = HELLO * MS,
					.dead_ns = DEAD * MS,
					.priority = priority,
					.preempt = preempt};
	struct side *s = &w->s[i];

	memset(s, 0, sizeof(*s));
	s->in.usable = 1;
	s->in.ready = true;
	bh_pair_elect_begin(&s->e, &r, w->ms * MS);
}

static void
begin(struct world *w, unsigned seed)
{
	memset(w, 0, sizeof(*w));
	w->ms = 1000;
	w->random = seed;
	begin_side(w, 0, 100, false);
	begin_side(w, 1, 50, false);
}

static void
send_to(struct world *w, unsigned to, const struct bh_pair_message *m)
{
	struct side *s = &w->s[to];

	if (w->cut[to] || dice(w, 100) < w->loss || s->n == FLIGHT)
		return;
	s->flying[s->n++] =
		(struct packet){w->ms + (w->delay != 0 ? dice(w, w->delay + 1) : 0), *m};
}

static void
side_turn(struct world *w, unsigned i)
{
	struct side *s = &w->s[i];
	struct bh_pair_output out;
	unsigned k;

	if (s->dead || w->ms < s->stopped_until)
		return;
	for (k = 0; k < s->n;) {
		if (s->flying[k].at > w->ms) {
			k++;
			continue;
		}
		bh_pair_elect_heard(&s->e, &s->flying[k].m, w->ms * MS);
		s->flying[k] = s->flying[--s->n];
	}
	s->in.now_ns = w->ms * MS;
	bh_pair_elect_turn(&s->e, &s->in, &out);
	s->until_ns = out.until_ns;
	s->changes += out.changed;
	if (out.send)
		send_to(w, !i, &out.message);
}

/* A stopped process forwards nothing, and when it goes on, its workers look at the clock first. */
static bool
forwards(const struct world *w, unsigned i)
{
	const struct side *s = &w->s[i];

	return !s->dead && w->ms >= s->stopped_until && w->ms * MS < s->until_ns;
}

static void
run(struct world *w, unsigned ms)
{
	bool a, b;

	for (; ms != 0; ms--, w->ms++) {
		/* A packet core that has gone on is before its control core. */
		a = forwards(w, 0);
		b = forwards(w, 1);
		w->run_ms = a && b ? w->run_ms + 1 : 0;
		w->both_ms += a && b;
		w->none_ms += !a && !b;
		if (w->run_ms > w->longest_ms)
			w->longest_ms = w->run_ms;
		side_turn(w, w->ms % 2);
		side_turn(w, !(w->ms % 2));
	}
}

static int
who(const struct world *w)
{
	return forwards(w, 0) && forwards(w, 1) ? 2 : forwards(w, 0) ? 0 : forwards(w, 1) ? 1 : -1;
}

static void
one_forwards_after_the_start_and_it_is_the_preferred_one(void)
{
	struct world *w = calloc(1, sizeof(*w));
	unsigned seed;

	for (seed = 1; seed < 50; seed++) {
		begin(w, seed);
		w->delay = seed % 20;
		run(w, 2000);
		CU_ASSERT_EQUAL(who(w), 0);
		CU_ASSERT_EQUAL(w->both_ms, 0);
	}
	free(w);
}

static void
one_alone_forwards_after_the_time_of_a_death(void)
{
	struct world *w = calloc(1, sizeof(*w));

	begin(w, 1);
	w->s[0].dead = true;
	run(w, DEAD);
	CU_ASSERT_EQUAL(who(w), -1);
	run(w, 20);
	CU_ASSERT_EQUAL(who(w), 1);
	run(w, 5000);
	CU_ASSERT_EQUAL(who(w), 1);
	CU_ASSERT(w->none_ms <= DEAD + 5);
	free(w);
}

/* Killed, or stopped for longer than it is believed in: the other one forwards in time, and never both. */
static void
the_standby_takes_over_from_who_dies_or_stands_still(void)
{
	struct world *w = calloc(1, sizeof(*w));
	unsigned seed;

	for (seed = 1; seed < 200; seed++) {
		begin(w, seed);
		w->loss = seed % 6;
		w->delay = seed % 40;
		run(w, 3000);
		CU_ASSERT_EQUAL(who(w), 0);
		if (seed % 2 != 0)
			w->s[0].dead = true;
		else
			w->s[0].stopped_until = w->ms + 700 + dice(w, 3000);
		w->none_ms = 0;
		run(w, DEAD + 50 + 10);
		CU_ASSERT_EQUAL(who(w), 1);
		run(w, 6000);
		/* No preemption: it stays. */
		CU_ASSERT_EQUAL(who(w), 1);
		CU_ASSERT_EQUAL(w->both_ms, 0);
		CU_ASSERT(w->none_ms <= DEAD + 50 + 10);
	}
	free(w);
}

/* Any pauses of either, any time: never both while what is said arrives within the time that is left for it. */
static void
pauses_never_make_both_forward(void)
{
	struct world *w = calloc(1, sizeof(*w));
	unsigned seed, i;

	for (seed = 1; seed < 60; seed++) {
		begin(w, seed);
		w->loss = seed % 3 * 8;
		w->delay = 20;
		for (i = 0; i < 100; i++) {
			run(w, 100 + dice(w, 900));
			w->s[dice(w, 2)].stopped_until = w->ms + dice(w, 1200);
		}
		CU_ASSERT_EQUAL(w->both_ms, 0);
		run(w, 4000);
		CU_ASSERT(who(w) == 0 || who(w) == 1);
	}
	free(w);
}

static void
random_faults(struct world *w)
{
	unsigned i = dice(w, 2);

	switch (dice(w, 6)) {
	case 0:
		w->s[i].stopped_until = w->ms + dice(w, 2000);
		break;
	case 1:
		w->s[i].in.usable = !w->s[i].in.usable;
		break;
	case 2:
		begin_side(w, i, 100 - 50 * i, dice(w, 2) != 0);
		break;
	case 3:
		w->s[i].in.ready = !w->s[i].in.ready;
		break;
	case 4:
		w->loss = dice(w, 15);
		w->delay = dice(w, 50);
		break;
	default:
		break;
	}
}

static void
faults_of_all_kinds_leave_one_forwarding_and_never_two(void)
{
	struct world *w = calloc(1, sizeof(*w));
	unsigned seed, i;

	for (seed = 1; seed < 60; seed++) {
		begin(w, seed * 77);
		for (i = 0; i < 120; i++) {
			run(w, 50 + dice(w, 1500));
			random_faults(w);
		}
		CU_ASSERT_EQUAL(w->both_ms, 0);
		w->s[0].in.usable = w->s[1].in.usable = 1;
		w->loss = 5;
		run(w, 5000);
		CU_ASSERT(who(w) == 0 || who(w) == 1);
	}
	free(w);
}

/* Both forward while all links are cut; not for longer than a hello after they are back. */
static void
a_cut_makes_two_and_its_end_one(void)
{
	struct world *w = calloc(1, sizeof(*w));

	begin(w, 3);
	run(w, 2000);
	w->cut[0] = w->cut[1] = true;
	run(w, 3000);
	CU_ASSERT_EQUAL(who(w), 2);
	w->cut[0] = w->cut[1] = false;
	w->run_ms = 0;
	w->longest_ms = 0;
	run(w, 2000);
	CU_ASSERT(w->longest_ms <= HELLO + 5);
	CU_ASSERT(who(w) == 0 || who(w) == 1);
	free(w);
}

/* Only one direction is cut: who is not heard any more hears so, and stops before it is taken for dead. */
static void
one_direction_alone_never_makes_two(void)
{
	struct world *w = calloc(1, sizeof(*w));
	unsigned to;

	for (to = 0; to < 2; to++) {
		begin(w, 9);
		run(w, 2000);
		w->cut[to] = true;
		run(w, 10000);
		CU_ASSERT_EQUAL(w->both_ms, 0);
		CU_ASSERT(who(w) == 0 || who(w) == 1);
	}
	free(w);
}

static void
links_that_fail_hand_it_over_at_once(void)
{
	struct world *w = calloc(1, sizeof(*w));

	begin(w, 5);
	run(w, 2000);
	w->s[0].in.usable = 0;
	w->none_ms = 0;
	run(w, 20);
	CU_ASSERT_EQUAL(who(w), 1);
	CU_ASSERT(w->none_ms <= 10);
	w->s[0].in.usable = 1;
	run(w, 3000);
	CU_ASSERT_EQUAL(who(w), 1);
	CU_ASSERT_EQUAL(w->both_ms, 0);
	free(w);
}

static void
who_leaves_is_followed_at_once(void)
{
	struct world *w = calloc(1, sizeof(*w));

	begin(w, 6);
	run(w, 2000);
	w->s[0].in.leaving = true;
	w->none_ms = 0;
	run(w, 100);
	CU_ASSERT_EQUAL(who(w), 1);
	CU_ASSERT(w->none_ms <= 10);
	CU_ASSERT_EQUAL(w->both_ms, 0);
	free(w);
}

/* Longer than its right lasts, shorter than it takes to be dead: the flows are where they were. */
static void
who_stood_still_for_a_moment_goes_on_forwarding(void)
{
	struct world *w = calloc(1, sizeof(*w));
	unsigned seed;

	for (seed = 1; seed < 50; seed++) {
		begin(w, seed);
		w->s[0].dead = true;
		run(w, 2000);
		begin_side(w, 0, 100, false);
		run(w, 2000 + seed);
		CU_ASSERT_EQUAL(who(w), 1);
		w->s[1].stopped_until = w->ms + FENCE + 50 + seed;
		run(w, DEAD + 100);
		CU_ASSERT_EQUAL(who(w), 1);
		run(w, 2000);
		CU_ASSERT_EQUAL(who(w), 1);
		CU_ASSERT_EQUAL(w->s[0].changes, 1); /* init to standby */
		CU_ASSERT_EQUAL(w->both_ms, 0);
		/* And the preferred one is that, once the other has gone. */
		w->s[1].in.leaving = true;
		run(w, 100);
		CU_ASSERT_EQUAL(who(w), 0);
	}
	free(w);
}

static void
the_preferred_one_comes_back_only_with_all_connections(void)
{
	struct world *w = calloc(1, sizeof(*w));

	begin(w, 7);
	begin_side(w, 0, 100, true);
	w->s[0].dead = true;
	run(w, 2000);
	CU_ASSERT_EQUAL(who(w), 1);
	begin_side(w, 0, 100, true);
	w->s[0].in.ready = false;
	run(w, 3000);
	CU_ASSERT_EQUAL(who(w), 1);
	w->s[0].in.ready = true;
	w->none_ms = 0;
	run(w, 200);
	CU_ASSERT_EQUAL(who(w), 0);
	CU_ASSERT(w->none_ms <= 10);
	CU_ASSERT_EQUAL(w->both_ms, 0);
	free(w);
}

/* What was recorded says nothing about now. */
static void
recordings_are_not_believed(void)
{
	struct world *w = calloc(1, sizeof(*w));
	struct bh_pair_message old;

	begin(w, 8);
	run(w, 2000);
	old = w->s[0].e.said;
	w->s[0].dead = true;
	run(w, 100);
	/* The same again, and again: no sign of life. */
	while (w->ms < 5000) {
		bh_pair_elect_heard(&w->s[1].e, &old, w->ms * MS);
		run(w, 10);
	}
	CU_ASSERT_EQUAL(who(w), 1);
	/* Of an earlier start of it, to one that was started since. */
	begin_side(w, 1, 50, false);
	run(w, 100);
	old.sender = 4711;
	CU_ASSERT_FALSE(bh_pair_elect_heard(&w->s[1].e, &old, w->ms * MS));
	CU_ASSERT_FALSE(bh_pair_elect_alive(&w->s[1].e, w->ms * MS));
	/* Its own words, come back. */
	old = w->s[1].e.said;
	CU_ASSERT_FALSE(bh_pair_elect_heard(&w->s[1].e, &old, w->ms * MS));
	free(w);
}

const struct bh_unit_test bh_suite_pair_elect[] = {
	BH_TEST(one_forwards_after_the_start_and_it_is_the_preferred_one),
	BH_TEST(one_alone_forwards_after_the_time_of_a_death),
	BH_TEST(the_standby_takes_over_from_who_dies_or_stands_still),
	BH_TEST(pauses_never_make_both_forward),
	BH_TEST(faults_of_all_kinds_leave_one_forwarding_and_never_two),
	BH_TEST(a_cut_makes_two_and_its_end_one),
	BH_TEST(one_direction_alone_never_makes_two),
	BH_TEST(links_that_fail_hand_it_over_at_once),
	BH_TEST(who_leaves_is_followed_at_once),
	BH_TEST(who_stood_still_for_a_moment_goes_on_forwarding),
	BH_TEST(the_preferred_one_comes_back_only_with_all_connections),
	BH_TEST(recordings_are_not_believed),
	BH_TEST_END,
};
