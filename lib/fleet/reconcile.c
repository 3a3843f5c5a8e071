/* The fleet's head and what is in force here, made one: taken, given, or numbered anew. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fleet_priv.h"

#define ASK_MS 4000
#define AGAIN_NS (5 * BH_NS_PER_SEC) /* after a revision could not be taken */
#define STANDS_NS                                                                                  \
	BH_NS_PER_SEC /* what is seen twice so long after each other is no commit on its way */
#define HISTORY 64    /* revisions that were missed and are taken into the list */

struct both {
	struct bh_fleet_record head;
	int64_t mod;
	struct bh_store_force here;
	char sha256[2 * BH_SHA256_SIZE + 1]; /* of what is in force here */
};

/* As bh_store_take wants it. The caller's text. */
static struct bh_revision
revision_of(const struct bh_fleet_record *r, const struct bh_buf *text)
{
	return (struct bh_revision){.number = r->number,
				    .base = r->base,
				    .time_ns = r->time_ns,
				    .state = r->confirmed ? BH_REVISION_CONFIRMED
							  : BH_REVISION_APPLIED,
				    .origin = r->origin,
				    .author = r->author,
				    .why = r->why,
				    .summary = "{}",
				    .size = r->size,
				    .text = text->data != NULL ? text->data : ""};
}

/* ---- what was missed ---------------------------------------------------------------------------------------------- */

/* Those that a later one went back behind. */
static void
mark_rolled_back(struct bh_revision *r, const struct bh_fleet_record *list, size_t n, size_t i)
{
	size_t k;

	for (k = i + 1; k < n; k++) {
		if (list[k].base != 0 && list[k].base < list[i].number)
			r->state = BH_REVISION_ROLLED_BACK;
	}
}

static void
keep(struct bh_fleet *f, const struct bh_fleet_record *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct bh_buf text = {0};
		struct bh_revision r;

		/* Without its document there is nothing to go back to. */
		if (bh_fleet_document(f, &list[i], &text, NULL) == 0) {
			r = revision_of(&list[i], &text);
			mark_rolled_back(&r, list, n, i);
			bh_store_keep(f->p.store, &r, NULL);
		}
		bh_buf_free(&text);
	}
}

/* Revisions between the newest here and the head: the newest of them, in their order. What can't be had is missing in the
 * list here, and nowhere else. */
static void
take_history(struct bh_fleet *f, const struct both *b)
{
	uint32_t from = b->here.newest + 1;
	struct bh_fleet_record *list;
	char folder[BH_FLEET_KEY], after[BH_FLEET_KEY + 16];
	struct bh_etcd_answer a;
	struct bh_buf ask = {0};
	size_t i, n = 0;

	if (b->head.number <= from)
		return;
	if (b->head.number - from > HISTORY)
		from = b->head.number - HISTORY;
	list = calloc(HISTORY, sizeof(*list));
	snprintf(folder, sizeof(folder), "%s/revision/", f->c->fleet_prefix);
	snprintf(after, sizeof(after), "%s%010u", folder, from - 1);
	bh_etcd_ask_range(&ask, &(struct bh_etcd_range){.from = folder,
							.after = after,
							.limit = HISTORY});
	if (list != NULL && bh_etcd_call(&f->reader, "kv/range", &ask, ASK_MS, &a, NULL) == 0) {
		for (i = 0; i < a.n; i++) {
			if (bh_fleet_record_read(&list[n], a.kv[i].value, a.kv[i].len) == 0 &&
			    list[n].number >= from && list[n].number < b->head.number)
				n++;
		}
		keep(f, list, n);
		bh_etcd_answer_free(&a);
	}
	bh_buf_free(&ask);
	free(list);
}

/* ---- one of three ----------------------------------------------------------------------------------------------------- */

static uint64_t
left_ms(const struct bh_fleet_record *r)
{
	uint64_t now = bh_clock_system.wall_ns(NULL), left;

	if (r->confirm_ms == 0 || r->confirmed)
		return 0;
	left = r->deadline_ns > now ? (r->deadline_ns - now) / BH_NS_PER_MS + 1 : 1;
	return left < r->confirm_ms ? left : r->confirm_ms;
}

static int
take(struct bh_fleet *f, const struct both *b, struct bh_err *err)
{
	uint64_t left = left_ms(&b->head);
	struct bh_buf text = {0};
	struct bh_err first = {0};
	struct bh_revision r;
	int rc = bh_fleet_document(f, &b->head, &text, err);

	if (rc == 0) {
		take_history(f, b);
		r = revision_of(&b->head, &text);
		rc = f->p.take(f->p.arg, &r, b->head.gateway, left, &first);
		/* Nothing to go back to here: the others will say so when it comes to that. */
		if (rc == -ENOENT && left != 0) {
			first = (struct bh_err){0};
			rc = f->p.take(f->p.arg, &r, b->head.gateway, 0, &first);
		}
		/* It was claimed here, and came into force meanwhile. */
		if (rc == -EEXIST)
			rc = 0;
		else if (rc != 0)
			bh_err_set(err, -rc, "the fleet's revision %u is not in force here: %.400s",
				   b->head.number, first.what);
	}
	bh_buf_free(&text);
	return rc;
}

struct give {
	struct bh_fleet *f;
	struct bh_fleet_record *r;
	int64_t mod;
	struct bh_err *err;
	int rc;
};

static bool
give_one(void *arg, const struct bh_revision *have)
{
	struct give *g = arg;

	g->r->size = have->size;
	g->rc = have->text != NULL
			? bh_fleet_propose(g->f, g->r, have->text, g->mod, g->err)
			: bh_err_set(g->err, ENODATA, "the document in force is no longer kept");
	return true;
}

/* What is in force here becomes the fleet's, above all numbers. */
static int
give(struct bh_fleet *f, const struct both *b, const char *why, struct bh_err *err)
{
	struct bh_fleet_record *r = calloc(1, sizeof(*r));
	struct give g = {.f = f, .r = r, .mod = b->mod, .err = err};
	int rc;

	if (r == NULL)
		return -ENOMEM;
	*r = (struct bh_fleet_record){.number = b->here.newest,
				      .time_ns = bh_clock_system.wall_ns(NULL),
				      .origin = BH_ORIGIN_API};
	/* Its own number, where that is the newest and nobody else's; else a new one. */
	if (b->head.number != 0 || b->here.number != b->here.newest) {
		r->number = (b->head.number > b->here.newest ? b->head.number : b->here.newest) + 1;
		r->base = b->here.number;
		r->origin = BH_ORIGIN_ROLLBACK;
	}
	snprintf(r->author, sizeof(r->author), "gateway");
	snprintf(r->why, sizeof(r->why), "%s", why);
	memcpy(r->sha256, b->sha256, sizeof(r->sha256));
	rc = bh_store_revision(f->p.store, b->here.number, give_one, &g, err);
	rc = rc == 0 ? g.rc : rc;
	free(r);
	return rc;
}

/* The fleet's document under a number that is above those that were given here, when this gateway was alone. */
static int
renumber(struct bh_fleet *f, const struct both *b, struct bh_err *err)
{
	struct bh_fleet_record *r = calloc(1, sizeof(*r));
	struct bh_buf text = {0};
	int rc;

	if (r == NULL)
		return -ENOMEM;
	*r = b->head;
	rc = bh_fleet_document(f, &b->head, &text, err);
	r->number = b->here.newest + 1;
	r->base = 0;
	r->time_ns = bh_clock_system.wall_ns(NULL);
	r->origin = BH_ORIGIN_API;
	snprintf(r->author, sizeof(r->author), "gateway");
	snprintf(r->why, sizeof(r->why),
		 "revision %u again: gateway %s came with numbers up to %u of its own",
		 b->head.number, f->name, b->here.newest);
	if (rc == 0)
		rc = bh_fleet_propose(f, r, text.data != NULL ? text.data : "", b->mod, err);
	bh_buf_free(&text);
	free(r);
	return rc;
}

/* A commit that is made here is kept before it is in force: its number is above that in force for a moment, without being of
 * somebody who was alone. */
static bool
stands(struct bh_fleet *f, const struct both *b)
{
	bool same = f->odd.mod == b->mod && f->odd.number == b->here.number &&
		    f->odd.newest == b->here.newest;

	f->odd.mod = b->mod;
	f->odd.number = b->here.number;
	f->odd.newest = b->here.newest;
	return same;
}

static int
settle(struct bh_fleet *f, const struct both *b, struct bh_err *err)
{
	bool waits = b->head.confirm_ms != 0 && !b->head.confirmed;

	if (b->head.number == 0)
		return b->here.number != 0 ? give(f, b, "the first policy of the fleet", err) : 0;
	if (b->head.number == b->here.number && strcmp(b->head.sha256, b->sha256) == 0) {
		if (b->head.confirmed)
			f->p.confirmed(f->p.arg, b->head.confirmed_by);
		return 0;
	}
	if (b->head.number > b->here.newest)
		return take(f, b, err);
	/* It was taken back here, when its time was over and nobody could be asked. */
	if (waits && left_ms(&b->head) <= 1 && b->here.number == b->here.newest)
		return give(f, b, "it was not confirmed in time", err);
	if (b->here.newest != b->here.number && !stands(f, b))
		return -EAGAIN;
	return renumber(f, b, err);
}

void
bh_fleet_reconcile(struct bh_fleet *f)
{
	uint64_t now = bh_clock_system.mono_ns(NULL);
	struct both *b = calloc(1, sizeof(*b));
	struct bh_err err = {0};
	bool due;
	int rc;

	if (b == NULL)
		return;
	pthread_mutex_lock(&f->lock);
	b->head = f->head;
	b->mod = f->head_mod;
	due = f->known && now >= f->reconcile_ns;
	pthread_mutex_unlock(&f->lock);
	if (!due) {
		free(b);
		return;
	}
	rc = bh_store_in_force(f->p.store, &b->here, &err);
	bh_sha256_hex(b->here.sha256, b->sha256);
	if (rc == 0)
		rc = settle(f, b, &err);
	pthread_mutex_lock(&f->lock);
	/* A head that came meanwhile has set it to now. */
	if (f->head_mod == b->mod)
		f->reconcile_ns = rc == 0         ? UINT64_MAX
				  : rc == -EAGAIN ? now + STANDS_NS
						  : now + AGAIN_NS;
	pthread_mutex_unlock(&f->lock);
	if (rc != 0 && rc != -ESTALE && rc != -EAGAIN)
		bh_fleet_trouble(f, err.what);
	free(b);
}
