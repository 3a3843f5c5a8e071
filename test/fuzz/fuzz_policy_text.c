/* Any bytes as a policy document, loaded over a policy that is in force. Beyond no crash: a refusal has
 * a sentence, a line and a column, and leaves the view, the revision and an answer as they were; an
 * accepted document answers every packet the same when it is loaded once more, whatever is said in it; a dry run
 * and the load count the same. What is proven is not pending, and an operation is judged at once; policies without
 * applications don't ask. */
#include <stdlib.h>

#include "../../lib/policy/policy.h"
#include "../../lib/policy/policy_hot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x)                                                                                    \
	do {                                                                                       \
		if (!(x))                                                                          \
			abort();                                                                   \
	} while (0)

static const char base[] = "version: 1\n"
			   "endpoints: [{address: 10.0.0.1, labels: {app: web}}]\n"
			   "segments: {web: {selector: app=web}, net: {addresses: [10.0.0.0/8]}}\n"
			   "rules: [{id: a, from: web, to: net, ports: tcp/80, action: allow}]\n";

static void
publish(void *arg, const struct bh_view *view)
{
	*(const struct bh_view **)arg = view;
}

/* Of what is said: an application or none, to be proven or proven, and an operation of every field. */
static uint64_t
answer_said(const struct bh_view *view, struct bh_policy_scratch *scratch,
	    const struct bh_flow_key *key, const struct bh_judgement *opened)
{
	static const uint8_t apps[] = {BH_APP_UNKNOWN, BH_APP_HTTP, BH_APP_REDIS, BH_APP_TLS};
	static const char *const values[] = {"get", "/api/v1", "1.2", ""};
	struct bh_op op = {0};
	struct bh_said said = {.scratch = scratch};
	struct bh_judgement j;
	uint64_t sum = 0;
	unsigned i, field;

	for (field = 0; field < BH_OP_FIELD_COUNT; field++)
		bh_op_add(&op, (enum bh_op_field)field, values[field % 4],
			  strlen(values[field % 4]));
	for (i = 0; i < 4 * BH_ARRAY_SIZE(apps); i++) {
		struct bh_proto_state state = {.app = apps[i / 4], .decided = i % 2};

		said.app = &state;
		said.op = i % 4 >= 2 ? &op : NULL;
		op.flags = i / 4 % 2 == 0 ? 0 : BH_OP_PARTIAL;
		bh_policy_judge(view, key, 0, 80, &said, &j);
		MUST(j.verdict != BH_VERDICT_NONE && j.verdict < BH_VERDICT_COUNT);
		MUST((j.verdict == BH_VERDICT_PENDING) == (j.reason == BH_REASON_HANDSHAKE));
		MUST(!state.decided || j.verdict != BH_VERDICT_PENDING);
		MUST(!state.decided || said.op == NULL || !j.by_operation);
		MUST(!j.by_operation || j.verdict == BH_VERDICT_ALLOW);
		MUST(opened->by_application || (j.rule == opened->rule && !j.by_application));
		sum = sum * 31 + j.verdict * 7u + j.reason + j.denied;
	}
	return sum;
}

/* Verdicts of a few packets, so that two policies can be compared. */
static uint64_t
answers(const struct bh_view *view, struct bh_policy_scratch *scratch)
{
	static const uint8_t hosts[] = {0, 1, 2, 200};
	static const uint16_t services[] = {0, 53, 80, 6379, 0x0800};
	struct bh_flow_key key = {.family = 4};
	struct bh_judgement j;
	uint64_t sum = 0;
	unsigned i, k;

	for (i = 0; i < 2 * BH_ARRAY_SIZE(hosts); i++) {
		for (k = 0; k < BH_ARRAY_SIZE(services); k++) {
			key.family = i % 2 == 0 ? 4 : 6;
			key.proto = k % 2 == 0 ? 6 : 17;
			memset(key.addr, 0, sizeof(key.addr));
			key.addr[0].b[0] = key.addr[1].b[0] = i % 2 == 0 ? 10 : 0xfd;
			key.addr[0].b[i % 2 == 0 ? 3 : 15] = hosts[i / 2];
			bh_policy_judge(view, &key, i / 2 % 2, services[k], NULL, &j);
			MUST(j.stamp == bh_view_stamp(view, j.slot[0], j.slot[1]));
			MUST(j.verdict != BH_VERDICT_NONE && j.verdict < BH_VERDICT_COUNT);
			sum = sum * 31 + j.verdict * 7u + j.rule + j.class_[0] + j.class_[1];
		}
		key.proto = i % 4 < 2 ? 6 : 17;
		bh_policy_judge(view, &key, 0, 80, NULL, &j);
		sum = sum * 31 + answer_said(view, scratch, &key, &j);
	}
	return sum;
}

static void
check_refused(struct bh_policy *p, const struct bh_view *const *current,
	      struct bh_policy_scratch *scratch, const char *text, size_t len)
{
	const struct bh_view *before = *current;
	uint64_t was = answers(before, scratch);
	struct bh_err err = {0};

	MUST(bh_policy_load_text(p, "f", text, len, false, NULL, &err) != 0);
	MUST(err.what[0] != '\0' && err.line != 0 && err.column != 0);
	MUST(*current == before && bh_policy_revision(p) == 1);
	MUST(answers(*current, scratch) == was);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct bh_view *current = NULL;
	struct bh_policy_params params = {.max_endpoints = 64,
					  .mode = BH_MODE_PROTECT,
					  .publish = publish,
					  .arg = &current};
	struct bh_policy_change dry = {0}, wet = {0};
	const char *text = (const char *)data;
	struct bh_policy_scratch *scratch;
	struct bh_policy *p;
	uint64_t first;

	memset(&params.hash_key, 0xa5, sizeof(params.hash_key));
	MUST(bh_policy_create(&p, &params) == 0 && bh_policy_scratch_create(&scratch) == 0);
	MUST(bh_policy_load_text(p, "base", base, sizeof(base) - 1, false, NULL, NULL) == 0);
	if (bh_policy_load_text(p, "f", text, size, true, &dry, NULL) != 0) {
		check_refused(p, &current, scratch, text, size);
	} else {
		MUST(bh_policy_load_text(p, "f", text, size, false, &wet, NULL) == 0);
		MUST(wet.revision == 2 && dry.revision == 1);
		wet.revision = dry.revision;
		MUST(memcmp(&dry, &wet, sizeof(dry)) == 0);
		first = answers(current, scratch);
		MUST(bh_policy_load_text(p, "f", text, size, false, &wet, NULL) == 0);
		MUST(wet.endpoints_changed + wet.rules_changed + wet.segments_changed == 0);
		MUST(answers(current, scratch) == first);
	}
	bh_policy_destroy(p);
	bh_policy_scratch_destroy(scratch);
	return 0;
}
