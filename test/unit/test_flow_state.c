/* States: what each packet makes of a connection, told as scripts, from either end of the key. */
#include "test_flow_rig.h"

#define S BH_TCP_SYN
#define A BH_TCP_ACK
#define F BH_TCP_FIN
#define R BH_TCP_RST
#define P BH_TCP_PSH

/* One packet: '>' from the initiator, '<' from the responder, '.' end of script. */
struct line {
	char way;
	uint8_t flags;
	uint8_t state; /* afterwards */
};

static struct bh_flow
new_flow(uint8_t proto, unsigned initiator)
{
	struct bh_flow f;

	memset(&f, 0, sizeof(f));
	f.key = rig_key(0);
	f.key.proto = proto;
	f.flags = (uint8_t)(BH_FLAG_USED | (initiator ? BH_FLAG_INITIATOR : 0));
	f.state = bh_flow_first_state(proto);
	return f;
}

static struct bh_parsed
packet(const struct bh_flow *f, char way, uint8_t flags)
{
	unsigned initiator = f->flags & BH_FLAG_INITIATOR;
	struct bh_parsed pkt;

	memset(&pkt, 0, sizeof(pkt));
	pkt.key = f->key;
	pkt.from = (uint8_t)(way == '>' ? initiator : 1 - initiator);
	pkt.tcp_flags = flags;
	pkt.l3_len = 40;
	return pkt;
}

static struct bh_flow
play_from(uint8_t proto, unsigned initiator, const struct line *script)
{
	struct bh_flow f = new_flow(proto, initiator);
	uint32_t now = UINT32_MAX - 3;
	unsigned i;

	for (i = 0; script[i].way != '.'; i++) {
		struct bh_parsed pkt = packet(&f, script[i].way, script[i].flags);

		bh_flow_touch(&f, &pkt, now++);
		CU_ASSERT_EQUAL(f.state, script[i].state);
		CU_ASSERT_EQUAL(f.last_ms, now - 1);
	}
	CU_ASSERT_EQUAL(f.packets[0] + f.packets[1], i);
	CU_ASSERT_EQUAL(f.bytes[0] + f.bytes[1], i * 40);
	return f;
}

static struct bh_flow
play(uint8_t proto, const struct line *script)
{
	play_from(proto, 1, script);
	return play_from(proto, 0, script);
}

#define OPENED                                                                                     \
	{'>', S, BH_STATE_SYN_SENT}, {'<', S | A, BH_STATE_SYN_RECEIVED},                          \
		{'>', A, BH_STATE_ESTABLISHED}, {'>', A | P, BH_STATE_ESTABLISHED},                \
	{                                                                                          \
		'<', A | P, BH_STATE_ESTABLISHED                                                   \
	}
#define END                                                                                        \
	{                                                                                          \
		'.', 0, 0                                                                          \
	}

static void
tcp_opens_and_closes_in_order(void)
{
	static const struct line by_client[] = {
		OPENED,
		{'>', F | A, BH_STATE_FIN_WAIT},
		{'<', A, BH_STATE_FIN_WAIT},
		{'<', A | P, BH_STATE_FIN_WAIT}, /* half-closed: data still flows */
		{'>', A, BH_STATE_FIN_WAIT},
		{'<', F | A, BH_STATE_CLOSING},
		{'<', A, BH_STATE_CLOSING}, /* of the end whose FIN waits: acknowledges nothing */
		{'>', A, BH_STATE_CLOSED},
		{'<', A, BH_STATE_CLOSED},
		END,
	};
	static const struct line by_server[] = {
		OPENED,
		{'<', F | A, BH_STATE_FIN_WAIT},
		{'>', F | A, BH_STATE_CLOSING},
		{'>', F | A, BH_STATE_CLOSING}, /* sent again */
		{'<', A, BH_STATE_CLOSED},
		END,
	};
	struct bh_flow f = play(6, by_client);

	CU_ASSERT_EQUAL(f.tcp_seen[0], S | A | P | F);
	CU_ASSERT_EQUAL(f.tcp_seen[1], S | A | P | F);
	CU_ASSERT_EQUAL(f.flags & (BH_FLAG_REPLIED | BH_FLAG_MIDSTREAM), BH_FLAG_REPLIED);
	play(6, by_server);
}

static void
simultaneous_close_ends_with_the_last_ack(void)
{
	static const struct line script[] = {
		OPENED,
		{'>', F | A, BH_STATE_FIN_WAIT},
		{'<', F | A, BH_STATE_CLOSING}, /* crossed: acknowledges data only */
		{'>', F | A, BH_STATE_CLOSING}, /* sent again: before the other one came */
		{'<', A, BH_STATE_CLOSING},
		{'>', A, BH_STATE_CLOSED},
		END,
	};

	play(6, script);
}

static void
reset_closes_from_any_state_and_keeps_the_flow(void)
{
	static const struct line refused[] = {{'>', S, BH_STATE_SYN_SENT},
					      {'<', R | A, BH_STATE_CLOSED},
					      END};
	static const struct line aborted[] = {
		{'>', S, BH_STATE_SYN_SENT},
		{'<', S | A, BH_STATE_SYN_RECEIVED},
		{'>', R, BH_STATE_CLOSED},
		{'<', S | A, BH_STATE_CLOSED},
		END,
	};
	static const struct line later[] = {
		OPENED,
		{'<', R, BH_STATE_CLOSED},
		{'>', A | P, BH_STATE_CLOSED}, /* was under way: the same flow, no new one */
		{'<', R, BH_STATE_CLOSED},
		{'>', F | A, BH_STATE_CLOSED},
		END,
	};
	static const struct line half[] = {OPENED,
					   {'>', F | A, BH_STATE_FIN_WAIT},
					   {'<', R, BH_STATE_CLOSED},
					   END};

	play(6, refused);
	play(6, aborted);
	play(6, later);
	play(6, half);
}

static void
handshake_needs_both_ends_in_turn(void)
{
	static const struct line repeated[] = {
		{'>', S, BH_STATE_SYN_SENT},
		{'>', S, BH_STATE_SYN_SENT},
		{'<', S | A, BH_STATE_SYN_RECEIVED},
		{'>', S, BH_STATE_SYN_RECEIVED},
		{'<', S | A, BH_STATE_SYN_RECEIVED},
		{'<', A, BH_STATE_SYN_RECEIVED}, /* not the responder's to confirm */
		{'>', A, BH_STATE_ESTABLISHED},
		{'>', S, BH_STATE_ESTABLISHED},
		{'<', S | A, BH_STATE_ESTABLISHED},
		END,
	};
	static const struct line alone[] = {
		{'>', S, BH_STATE_SYN_SENT},     {'>', A, BH_STATE_SYN_SENT},
		{'>', F | A, BH_STATE_SYN_SENT}, /* no way into a state that eviction spares */
		{'>', A | P, BH_STATE_SYN_SENT}, END,
	};
	static const struct line challenged[] = {
		{'>', S, BH_STATE_SYN_SENT},
		{'<', A, BH_STATE_SYN_SENT}, /* RFC 5961: an old connection's answer */
		{'>', R, BH_STATE_CLOSED},
		END,
	};
	static const struct line at_once[] = {
		{'>', S, BH_STATE_SYN_SENT},
		{'<', S | A, BH_STATE_SYN_RECEIVED},
		{'>', F | A | P, BH_STATE_FIN_WAIT}, /* request and FIN with the third packet */
		{'<', F | A | P, BH_STATE_CLOSING},
		{'>', A, BH_STATE_CLOSED},
		END,
	};
	static const struct line crossed[] = {
		{'>', S, BH_STATE_SYN_SENT},     {'<', S, BH_STATE_SYN_SENT},
		{'>', S | A, BH_STATE_SYN_SENT}, {'<', S | A, BH_STATE_SYN_RECEIVED},
		{'>', A, BH_STATE_ESTABLISHED},  END,
	};

	play(6, repeated);
	play(6, alone);
	play(6, challenged);
	play(6, at_once);
	play(6, crossed);
}

static void
midstream_is_established_once_both_ends_were_seen(void)
{
	static const struct line data[] = {
		{'>', A | P, BH_STATE_SYN_SENT},
		{'>', A, BH_STATE_SYN_SENT},
		{'<', A, BH_STATE_ESTABLISHED},
		{'<', F | A, BH_STATE_FIN_WAIT},
		END,
	};
	static const struct line closing[] = {
		{'>', F | A, BH_STATE_SYN_SENT},
		{'<', A, BH_STATE_FIN_WAIT},
		{'<', F | A, BH_STATE_CLOSING},
		{'>', A, BH_STATE_CLOSED},
		END,
	};
	static const struct line from_syn_ack[] = {{'<', S | A, BH_STATE_SYN_RECEIVED},
						   {'>', A, BH_STATE_ESTABLISHED},
						   END};
	static const struct line reset[] = {{'>', R, BH_STATE_CLOSED}, END};
	struct bh_flow f = play(6, data);

	CU_ASSERT(f.flags & BH_FLAG_MIDSTREAM);
	play(6, closing);
	play(6, from_syn_ack);
	play(6, reset);
}

static void
other_protocols_know_one_way_and_both_ways(void)
{
	static const struct line udp[] = {
		{'>', 0, BH_STATE_NEW},     {'>', 0, BH_STATE_NEW},     {'<', 0, BH_STATE_REPLIED},
		{'>', 0, BH_STATE_REPLIED}, {'<', 0, BH_STATE_REPLIED}, END,
	};
	static const struct line echo[] = {{'>', 0, BH_STATE_ICMP},
					   {'<', 0, BH_STATE_ICMP},
					   {'>', 0, BH_STATE_ICMP},
					   END};
	static const struct line one_way[] = {{'>', 0, BH_STATE_NEW}, END};

	CU_ASSERT(play(17, udp).flags & BH_FLAG_REPLIED);
	CU_ASSERT(play(132, udp).flags & BH_FLAG_REPLIED);
	CU_ASSERT(play(47, udp).flags & BH_FLAG_REPLIED);
	CU_ASSERT(play(1, echo).flags & BH_FLAG_REPLIED);
	CU_ASSERT(play(58, echo).flags & BH_FLAG_REPLIED);
	CU_ASSERT_FALSE(play(17, one_way).flags & BH_FLAG_REPLIED);
}

static void
refused_flow_stays_refused(void)
{
	static const struct {
		char way;
		uint8_t flags;
	} packets[] = {{'>', S}, {'>', S},     {'<', S | A}, {'>', A},
		       {'>', R}, {'<', F | A}, {'>', F | A}, {'<', A}};
	unsigned i, proto;

	for (proto = 0; proto < 3; proto++) {
		const uint8_t protos[] = {6, 17, 1};
		struct bh_flow f = new_flow(protos[proto], 1);

		f.state = BH_STATE_REFUSED;
		for (i = 0; i < BH_ARRAY_SIZE(packets); i++) {
			struct bh_parsed pkt =
				packet(&f, packets[i].way, proto == 0 ? packets[i].flags : 0);

			bh_flow_touch(&f, &pkt, i);
			CU_ASSERT_EQUAL(f.state, BH_STATE_REFUSED);
		}
		CU_ASSERT_EQUAL(f.packets[0] + f.packets[1], i);
		CU_ASSERT_EQUAL(f.last_ms, i - 1);
		CU_ASSERT(f.flags & BH_FLAG_REPLIED);
	}
}

static void
only_a_syn_on_a_finished_flow_reopens_it(void)
{
	const uint8_t both = 3,
		      initiator = 1; /* bit 0: from the initiator, bit 1: from the other */
	const uint8_t who[BH_STATE_COUNT] = {
		[BH_STATE_CLOSED] = both,
		[BH_STATE_CLOSING] = both,
		[BH_STATE_FIN_WAIT] = initiator,
	};
	unsigned state, flags, end, way, middle, wrong = 0;

	for (end = 0; end < 4; end++) {
		struct bh_flow f = new_flow(6, end & 1);

		middle =
			end >>
			1; /* picked up there: what it takes for the responder opens nothing on it */
		f.flags |= (uint8_t)(middle * BH_FLAG_MIDSTREAM);
		for (state = 0; state < BH_STATE_COUNT; state++) {
			f.state = (uint8_t)state;
			for (flags = 0; flags < 256; flags++) {
				bool syn = (flags & (S | A | R | F)) == S;

				for (way = 0; way < 2; way++) {
					struct bh_parsed pkt =
						packet(&f, way == 0 ? '>' : '<', (uint8_t)flags);

					wrong += bh_flow_reopens(&f, &pkt) !=
						 (syn &&
						  ((who[state] | middle << 1) >> way & 1) != 0);
				}
			}
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* The inlined fast path leaves out bh_flow_advance only where it would change nothing. */
static void
fast_path_does_what_the_whole_path_does(void)
{
	static const uint8_t common[] = {S, S | A, A, A | P, F | A, R, R | A, A, A | P, 0};
	static const uint8_t protos[] = {6, 6, 6, 17, 1, 58, 132};
	uint64_t seed = 41;
	unsigned run, i, different = 0, visited = 0;

	for (run = 0; run < 20000; run++) {
		struct bh_flow fast = new_flow(protos[rig_below(&seed, sizeof(protos))], run & 1);
		struct bh_flow whole = fast;

		for (i = 0; i < 24; i++) {
			uint8_t flags = common[rig_below(&seed, sizeof(common))];
			struct bh_parsed pkt;

			if (rig_below(&seed, 20) == 0)
				flags = (uint8_t)rig_random(&seed);
			/* Parsed TCP packets have flags, others have none. */
			if (fast.key.proto != 6)
				flags = 0;
			else if (flags == 0)
				flags = A;
			if (rig_below(&seed, 200) == 0)
				fast.state = whole.state = BH_STATE_REFUSED;
			pkt = packet(&fast, rig_below(&seed, 2) ? '>' : '<', flags);
			bh_flow_touch_hot(&fast, &pkt, i);
			whole.bytes[pkt.from] += pkt.l3_len;
			whole.packets[pkt.from]++;
			whole.last_ms = i;
			bh_flow_advance(&whole, pkt.from, pkt.tcp_flags);
			different += memcmp(&fast, &whole, sizeof(fast)) != 0;
			visited |= 1u << fast.state;
		}
	}
	CU_ASSERT_EQUAL(different, 0);
	CU_ASSERT_EQUAL(visited, (1u << BH_STATE_COUNT) - 1);
}

static void
packet_counts_saturate(void)
{
	struct bh_flow f = new_flow(17, 0);
	struct bh_parsed pkt = packet(&f, '>', 0);
	unsigned i;

	f.packets[0] = UINT32_MAX - 2;
	for (i = 0; i < 5; i++)
		bh_flow_touch(&f, &pkt, 0);
	CU_ASSERT_EQUAL(f.packets[0], UINT32_MAX);
	CU_ASSERT_EQUAL(f.bytes[0], 200);
}

static void
every_state_and_end_has_its_words(void)
{
	unsigned i, j;

	for (i = 0; i < BH_STATE_COUNT; i++) {
		const char *eve = bh_flow_state_eve(i);

		CU_ASSERT(strcmp(eve, "new") == 0 || strcmp(eve, "established") == 0 ||
			  strcmp(eve, "closed") == 0);
		CU_ASSERT_EQUAL(strcmp(eve, "established") == 0, !bh_flow_evictable((uint8_t)i));
		for (j = 0; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(bh_flow_state_name(i), bh_flow_state_name(j));
	}
	CU_ASSERT_STRING_EQUAL(bh_flow_state_name(BH_STATE_SYN_SENT), "syn_sent");
	CU_ASSERT_STRING_EQUAL(bh_flow_state_name(BH_STATE_COUNT), "invalid");
	CU_ASSERT_STRING_EQUAL(bh_flow_end_name(BH_FLOW_END_EVICTED), "evicted");
	CU_ASSERT_STRING_EQUAL(bh_flow_end_name(BH_FLOW_END_COUNT), "invalid");
	for (i = 0; i < BH_FLOW_END_COUNT; i++)
		CU_ASSERT_PTR_NOT_NULL(bh_flow_end_name(i));
}

const struct bh_unit_test bh_suite_flow_state[] = {
	BH_TEST(tcp_opens_and_closes_in_order),
	BH_TEST(simultaneous_close_ends_with_the_last_ack),
	BH_TEST(reset_closes_from_any_state_and_keeps_the_flow),
	BH_TEST(handshake_needs_both_ends_in_turn),
	BH_TEST(midstream_is_established_once_both_ends_were_seen),
	BH_TEST(other_protocols_know_one_way_and_both_ways),
	BH_TEST(refused_flow_stays_refused),
	BH_TEST(only_a_syn_on_a_finished_flow_reopens_it),
	BH_TEST(fast_path_does_what_the_whole_path_does),
	BH_TEST(packet_counts_saturate),
	BH_TEST(every_state_and_end_has_its_words),
	BH_TEST_END,
};
