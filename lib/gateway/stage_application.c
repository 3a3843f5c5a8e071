/* application: what a flow says. A flow without payload yet, and one about which nothing more is asked, costs one test of
 * a flag. The others own a context from the worker's bounded pool:
 *   app_window.c      named in passing, where ports alone decide
 *   app_tcp.c         judged by what it says: its stream is made unambiguous and waits
 *   app_udp.c         the same for datagrams
 *   app_verdict.c     what policy says to it, and what follows
 *   app_operations.c  each operation of it
 *   app_hold.c        packets that wait, and leave */
#include "gateway_priv.h"

struct sight {
	uint8_t verdict, app, flags;
	bool examined;
};

/* Has it become one that goes on, or is refused, for what it said? */
static bool
is_told_of(const struct sight *before, const struct bh_flow *f)
{
	return before->verdict != f->verdict || before->app != f->app ||
	       before->flags != f->flags || before->examined != (f->ext != 0);
}

void
bh_stage_application(struct bh_worker *w, struct bh_burst *b)
{
	struct sight before;
	unsigned i;

	if (likely(b->n_unnamed + b->n_judge == 0))
		return;
	for (i = 0; i < b->n; i++) {
		struct bh_packet *p = &b->p[i];
		const struct bh_flow *f = p->flow;

		if (likely(f == NULL || (f->flags & BH_FLAG_APP_DONE) != 0) ||
		    p->fate != BH_FATE_OPEN)
			continue;
		if (f->verdict != BH_VERDICT_ALLOW && f->verdict != BH_VERDICT_VIOLATE &&
		    f->verdict != BH_VERDICT_PENDING)
			continue;
		before = (struct sight){f->verdict, f->app, f->flags, f->ext != 0};
		if (p->h.key.proto == 6)
			bh_app_tcp(w, p);
		else if (p->h.key.proto == 17)
			bh_app_udp(w, p);
		if (unlikely(w->carry != NULL) && is_told_of(&before, f))
			bh_carry_mark(w, f);
	}
}
