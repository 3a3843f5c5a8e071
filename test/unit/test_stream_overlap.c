/* All pairs and triplets of chunks over six bytes, each chunk its own letter, judged at once or late, the
 * connection going on after a conflict: receivers of every policy read what was judged (after PYROLYSE). */
#include <stdio.h>

#include "test_stream_world.h"
#include "unit.h"

#define SPAN 6
#define CHUNKS (SPAN * (SPAN + 1) / 2)

static struct {
	int64_t from;
	uint32_t len;
} chunk[CHUNKS];

static void
list_chunks(void)
{
	unsigned n = 0, from, len;

	for (from = 0; from < SPAN; from++) {
		for (len = 1; from + len <= SPAN; len++, n++) {
			chunk[n].from = from;
			chunk[n].len = len;
		}
	}
}

/* How a case is played, beyond its chunks. */
struct form {
	enum world_policy policy;
	bool at_once; /* judged and forwarded after each chunk, else after the last */
	bool lazy;
	bool same; /* all chunks are of one letter */
};

static void
send_letter(struct world *w, int64_t from, uint32_t len, char letter)
{
	char data[SPAN];
	struct rig_segment m = {w->sender, BH_TCP_ACK, from, 0, data, len};

	memset(data, letter, sizeof(data));
	world_input(w, &m);
}

static void
pass_on(struct world *w)
{
	world_judge(w, UINT32_MAX);
	world_release(w, w->n_judged);
	while (w->n_flight != 0)
		world_arrive(w, 0, 2);
}

/* Chunks in their order, then all of it once more, in a letter of its own: what is missing is filled. */
static const char *
play(struct rig *g, const unsigned *which, unsigned n, const struct form *f)
{
	struct world_source src = {.seed = 1 + which[0]};
	struct world w;
	unsigned i;

	if (!world_open(&w, g, &src))
		return "handshake";
	w.hostile = true;
	w.sender = (uint8_t)(which[0] & 1);
	w.policy = f->policy;
	w.lazy = f->lazy;
	for (i = 0; i < n; i++) {
		send_letter(&w, chunk[which[i]].from, chunk[which[i]].len,
			    f->same ? 'a' : (char)('a' + i));
		WORLD_CHECK(&w,
			    !f->same || g->r.act == BH_STREAM_KEPT || g->r.act == BH_STREAM_PASS);
		if (f->at_once)
			pass_on(&w);
	}
	for (i = 0; i < SPAN; i++)
		send_letter(&w, i, 1, f->same ? 'a' : 'z');
	pass_on(&w);
	world_consume(&w);
	/* Each byte was sent by itself in the end: none may be missing. */
	WORLD_CHECK(&w, w.n_judged == SPAN && w.rcv.next == SPAN);
	i = g->n_packets;
	rig_close_stream(g);
	while (i-- != 0)
		WORLD_CHECK(&w, g->packet[i].refs == 0);
	return w.bad;
}

static const char *
play_all_forms(struct rig *g, const unsigned *which, unsigned n)
{
	const char *bad = NULL;
	unsigned i;

	for (i = 0; i < WORLD_POLICIES * 8 && bad == NULL; i++) {
		struct form f = {
			.policy = (enum world_policy)(i / 8),
			.at_once = (i & 1) != 0,
			.lazy = (i & 2) != 0,
			.same = (i & 4) != 0,
		};

		bad = play(g, which, n, &f);
		if (bad != NULL)
			fprintf(stderr, "\nchunks %u %u %u, form %u: %s\n", which[0], which[1],
				n > 2 ? which[2] : 0, i, bad);
	}
	return bad;
}

static void
create(struct rig *g)
{
	struct bh_stream_params p = rig_params();

	p.action[BH_EXCEPTION_TCP_CONFLICT] = BH_ACTION_DROP_PACKET;
	list_chunks();
	CU_ASSERT_TRUE_FATAL(rig_create(g, &p));
}

static void
all_pairs_of_chunks_are_read_as_judged(void)
{
	const char *bad = NULL;
	struct rig g;
	unsigned i;

	create(&g);
	for (i = 0; i < CHUNKS * CHUNKS && bad == NULL; i++)
		bad = play_all_forms(&g, (unsigned[]){i % CHUNKS, i / CHUNKS}, 2);
	CU_ASSERT_PTR_NULL(bad);
	rig_destroy(&g);
}

static void
all_triplets_of_chunks_are_read_as_judged(void)
{
	const char *bad = NULL;
	struct rig g;
	unsigned i;

	create(&g);
	for (i = 0; i < CHUNKS * CHUNKS * CHUNKS && bad == NULL; i++)
		bad = play_all_forms(
			&g, (unsigned[]){i % CHUNKS, i / CHUNKS % CHUNKS, i / CHUNKS / CHUNKS}, 3);
	CU_ASSERT_PTR_NULL(bad);
	rig_destroy(&g);
}

const struct bh_unit_test bh_suite_stream_overlap[] = {
	BH_TEST(all_pairs_of_chunks_are_read_as_judged),
	BH_TEST(all_triplets_of_chunks_are_read_as_judged),
	BH_TEST_END,
};
