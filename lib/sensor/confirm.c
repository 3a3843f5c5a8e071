/* PCRE2, where Hyperscan has found that a pattern it can't decide may match. */
#include <errno.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "sensor_priv.h"

/* The machine code's own stack: fixed, so that it never grows while matching. */
#define JIT_STACK (UINT64_C(256) << 10)

int
bh_sensor_confirm_create(struct bh_sensor_worker *w)
{
	w->match = pcre2_match_data_create(1, NULL);
	w->match_context = pcre2_match_context_create(NULL);
	w->jit_stack = pcre2_jit_stack_create(JIT_STACK, JIT_STACK, NULL);
	if (w->match == NULL || w->match_context == NULL || w->jit_stack == NULL)
		return -ENOMEM;
	pcre2_set_match_limit(w->match_context, w->params.match_limit);
	pcre2_jit_stack_assign(w->match_context, NULL, w->jit_stack);
	return 0;
}

void
bh_sensor_confirm_destroy(struct bh_sensor_worker *w)
{
	pcre2_match_data_free(w->match);
	pcre2_match_context_free(w->match_context);
	pcre2_jit_stack_free(w->jit_stack);
}

/* Returns whether it is settled: it matched, or PCRE2 gave up. */
static bool
ask(struct bh_sensor_scan *s, const struct bh_sensor_expr *e, enum bh_sensor_when when)
{
	/* Hard: as soon as the end is looked at, "partial"; so a match depends on nothing that comes. */
	static const uint32_t options[] = {
		[BH_SENSOR_MORE_COMES] = PCRE2_PARTIAL_HARD | PCRE2_NOTEOL,
		[BH_SENSOR_WINDOW_FULL] = PCRE2_NOTEOL,
		[BH_SENSOR_AT_END] = 0,
	};
	struct bh_sensor_region *r = s->region;
	/* An empty region has no window; machine code does not take NULL. */
	const uint8_t *window = r->used != 0 ? r->window : (const uint8_t *)"";
	const uint8_t *data = s->data;
	uint64_t base = s->base;
	size_t len = s->len;
	uint32_t i;
	int rc;

	bh_sensor_tick(&s->w->c.confirms, 1);
	/* Behind the first window its first byte is only looked back at, so that \A and ^ can't mean it. */
	rc = pcre2_jit_match(e->code, window, r->used, r->window_at != 0, options[when],
			     s->w->match, s->w->match_context);
	if (rc == PCRE2_ERROR_NOMATCH || rc == PCRE2_ERROR_PARTIAL)
		return false;
	if (rc < 0) {
		bh_sensor_limit(s, BH_SENSOR_LIMIT_CONFIRM);
		return true;
	}
	bh_sensor_tick(&s->w->c.confirmed, 1);
	s->data = window;
	s->base = r->window_at;
	s->len = r->used;
	for (i = 0; i < e->n_units; i++)
		bh_sensor_match(s, &s->set->unit[e->unit + i],
				r->window_at + pcre2_get_ovector_pointer(s->w->match)[1]);
	s->data = data;
	s->base = base;
	s->len = len;
	return true;
}

void
bh_sensor_confirm(struct bh_sensor_scan *s, enum bh_sensor_when when)
{
	struct bh_sensor_region *r = s->region;
	uint32_t i;

	r->any = false;
	for (i = 0; i < r->words; i++) {
		uint64_t left = r->pending[i];

		for (; left != 0; left &= left - 1) {
			unsigned bit = (unsigned)__builtin_ctzll(left);

			if (!ask(s, s->db->confirm[i * 64 + bit], when))
				continue;
			r->pending[i] &= ~(UINT64_C(1) << bit);
			r->done[i] |= UINT64_C(1) << bit;
		}
		r->any |= r->pending[i] != 0;
	}
}
