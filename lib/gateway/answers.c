/* What DNS answers said, out of events, into the policy: control threads. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../policy/host.h"
#include "gateway.h"

#define ANSWERS 64 /* taken at once */

struct batch {
	struct bh_policy *policy;
	struct bh_buf *told;
	uint64_t mono_ns;
	struct bh_name_answer answer[ANSWERS];
	char name[ANSWERS][BH_HOST_MAX];
	unsigned n;
	int rc;
};

static void
learn(struct batch *b)
{
	int rc = bh_policy_names_learn(b->policy, b->answer, b->n, b->mono_ns, b->told);

	if (b->rc == 0 && rc < 0)
		b->rc = rc;
	b->n = 0;
}

static void
take_answer(const struct bh_event *e, struct batch *b)
{
	char name[BH_HOST_MAX] = "";
	uint32_t cursor = 0, len;
	const uint8_t *at;
	uint8_t field;

	while (bh_event_text_next(e, &cursor, &field, &at, &len)) {
		struct bh_name_answer *a = &b->answer[b->n];

		if (field == BH_OP_DNS_NAME && len < sizeof(name)) {
			memcpy(name, at, len);
			name[len] = '\0';
		}
		if (field != BH_EVENT_ADDRESS || len != 21)
			continue;
		snprintf(b->name[b->n], sizeof(b->name[0]), "%s", name);
		*a = (struct bh_name_answer){.name = b->name[b->n], .family = at[0]};
		memcpy(&a->ttl, at + 1, sizeof(a->ttl));
		memcpy(a->addr, at + 5, 16);
		if (++b->n == ANSWERS)
			learn(b);
	}
}

int
bh_gateway_take_answers(struct bh_policy *p, const struct bh_event *e, unsigned n, uint64_t mono_ns,
			struct bh_buf *told)
{
	const struct bh_event *end = e + n;
	struct batch b;

	b.policy = p;
	b.told = told;
	b.mono_ns = mono_ns;
	b.n = 0;
	b.rc = 0;
	for (; e < end; e = bh_event_after(e)) {
		if (e->type == BH_EVENT_NAMES)
			take_answer(e, &b);
	}
	if (b.n != 0)
		learn(&b);
	return b.rc;
}
