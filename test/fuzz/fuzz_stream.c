/* One connection, played from the input: a sender, the network behind the store, a receiver and who judges. Input:
 * one byte says honest or hostile, the bounds and what a conflict does; each later byte is a choice of the play in
 * test/unit/test_stream_world.h.
 * Asserts beyond "no crash": what the receiver reads, by one of five policies for overlaps, is byte for byte what was
 * read out of the store, and nothing that was not released; an honest sender loses nothing and all it sent arrives;
 * every packet's references are gone in the end. */
#include <stdio.h>
#include <stdlib.h>

#include "../unit/test_stream_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A store is empty again after a run; making one anew takes longer than a run. */
static struct rig *
rig_for(uint8_t choice)
{
	static struct rig rig[8];
	struct rig *g = &rig[choice & 7];
	struct bh_stream_params p = rig_params();

	if (g->st != NULL)
		return g;
	if (choice & 1)
		p.action[BH_EXCEPTION_TCP_CONFLICT] = BH_ACTION_DROP_PACKET;
	if (choice & 2) {
		p.side_segments = 6;
		p.action[BH_EXCEPTION_STREAM_SEGMENTS] = BH_ACTION_DROP_PACKET;
	}
	if (choice & 4)
		p.action[BH_EXCEPTION_TCP_URGENT] = BH_ACTION_DROP_PACKET;
	if (!rig_create(g, &p))
		abort();
	return g;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world_source src;
	const char *bad;

	/* Packets are counted to the end of a run: all must fit. */
	if (size < 2 || size > RIG_PACKETS / 2)
		return 0;
	src = (struct world_source){.p = data + 1, .end = data + size};
	bad = world_run(rig_for(data[0]), &src, (data[0] & 8) != 0, (data[0] & 2) != 0,
			RIG_PACKETS);
	if (bad != NULL) {
		fprintf(stderr, "%s\n", bad);
		abort();
	}
	return 0;
}
