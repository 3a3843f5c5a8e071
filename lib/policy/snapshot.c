/* A document, compiled. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "policy_priv.h"

void *
bh_reserve(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p != MAP_FAILED ? p : NULL;
}

void
bh_unreserve(void *p, size_t size)
{
	if (p != NULL)
		munmap(p, size);
}

static int
make_segments(struct bh_snapshot *s, const struct bh_doc *doc)
{
	uint32_t n = doc->n_segments, i;

	s->n_segs = n;
	s->seg = calloc((size_t)n + 1, sizeof(*s->seg));
	s->seg_name = calloc((size_t)n + 1, sizeof(*s->seg_name));
	s->seg_hash = calloc((size_t)n + 1, sizeof(*s->seg_hash));
	if (s->seg == NULL || s->seg_name == NULL || s->seg_hash == NULL)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		s->seg[i].bit = UINT64_C(1) << bh_pair_hash(s, i) % 63;
		s->seg_hash[i] = doc->segment[i].hash;
	}
	s->seg[n].bit = BH_SEG_ANY_BIT;
	return 0;
}

static const uint32_t *
copy_side(struct bh_snapshot *s, const struct bh_side *side)
{
	uint32_t *to = s->side + s->n_side;

	if (side->n != 0)
		memcpy(to, side->segment, side->n * sizeof(*to));
	s->n_side += side->n;
	return to;
}

static int
make_rules(struct bh_snapshot *s, const struct bh_doc *doc)
{
	size_t n = 0;
	uint32_t i;

	for (i = 0; i < doc->n_rules; i++)
		n += doc->rule[i].from.n + doc->rule[i].to.n;
	s->side = malloc((n + 1) * sizeof(*s->side));
	s->rule = calloc((size_t)doc->n_rules + 1, sizeof(*s->rule));
	if (s->side == NULL || s->rule == NULL)
		return -ENOMEM;
	for (i = 0; i < doc->n_rules; i++) {
		const struct bh_doc_rule *r = &doc->rule[i];

		s->rule[i] = (struct bh_rule){.n_from = r->from.n,
					      .n_to = r->to.n,
					      .from = copy_side(s, &r->from),
					      .to = copy_side(s, &r->to),
					      .action = r->action,
					      .zones = r->zones & 3u};
	}
	s->n_rules = doc->n_rules;
	return 0;
}

#define MI (UINT64_C(1) << 20)

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Room for classes: of the label sets there are, of as many again and of a million changes before a new
 * snapshot is needed, and of the address segments. Address space only. */
static void
size_classes(struct bh_snapshot *s, const struct bh_doc *doc, uint32_t n_label_sets)
{
	uint64_t n = least(s->n_slots, MI) + 2 * least(n_label_sets, 16 * MI), members;
	uint32_t i;

	for (i = 0; i < doc->n_segments; i++)
		n += doc->segment[i].n_addresses + doc->segment[i].n_hosts;
	s->cap_classes = (uint32_t)least(n + 3, 64 * MI);
	/* 16 segments in each, or any number where that is few. */
	members = 16 * (uint64_t)s->cap_classes;
	if (members < 16 * MI)
		members = least((uint64_t)s->cap_classes * doc->n_segments, 16 * MI);
	s->cap_members = (uint32_t)members;
}

static int
make_classes(struct bh_snapshot *s, const struct bh_doc *doc, uint32_t n_label_sets)
{
	static const uint32_t external = BH_SEGMENT_EXTERNAL, unknown = BH_SEGMENT_UNKNOWN;
	uint32_t index;
	int rc;

	size_classes(s, doc, n_label_sets);
	s->class_ = bh_reserve((size_t)s->cap_classes * sizeof(*s->class_));
	s->member = bh_reserve((size_t)s->cap_members * sizeof(*s->member));
	s->slot_class = bh_reserve((size_t)s->n_slots * sizeof(*s->slot_class));
	if (s->class_ == NULL || s->member == NULL || s->slot_class == NULL)
		return -ENOMEM;
	/* In the order of BH_CLASS_EXTERNAL, BH_CLASS_UNKNOWN, BH_CLASS_EMPTY. */
	rc = bh_class_intern(s, doc, &external, 1, &index);
	if (rc == 0)
		rc = bh_class_intern(s, doc, &unknown, 1, &index);
	if (rc == 0)
		rc = bh_class_intern(s, doc, NULL, 0, &index);
	return rc;
}

int
bh_snapshot_create(struct bh_snapshot **out, const struct bh_doc *doc,
		   const struct bh_hash_key *key, uint32_t n_slots, uint32_t n_label_sets,
		   struct bh_err *err)
{
	struct bh_snapshot *s = calloc(1, sizeof(*s));
	uint64_t start = bh_clock_system.mono_ns(NULL);
	int rc;

	if (s == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	s->pair_key[0] = key->k[0];
	s->pair_key[1] = key->k[7];
	s->n_slots = n_slots;
	s->empty = doc->empty;
	rc = make_segments(s, doc);
	if (rc == 0)
		rc = make_rules(s, doc);
	if (rc == 0)
		rc = bh_operations_build(s, doc, err);
	if (rc == 0)
		rc = make_classes(s, doc, n_label_sets);
	if (rc == 0)
		rc = bh_ranges_build(s, doc);
	if (rc == 0)
		rc = bh_snapshot_hosts(s, doc);
	if (rc == 0)
		rc = bh_pairs_build(s, doc, err);
	if (rc != 0) {
		bh_snapshot_free(s);
		return bh_err_set(err, -rc, "the policy cannot be compiled: out of memory");
	}
	s->compile_ns = bh_clock_system.mono_ns(NULL) - start;
	*out = s;
	return 0;
}

void
bh_snapshot_free(void *snapshot)
{
	struct bh_snapshot *s = snapshot;

	if (s == NULL)
		return;
	bh_unreserve(s->class_, s->cap_classes * sizeof(*s->class_));
	bh_unreserve(s->member, s->cap_members * sizeof(*s->member));
	bh_unreserve(s->slot_class, s->n_slots * sizeof(*s->slot_class));
	free(s->seg);
	free(s->seg_name);
	free(s->seg_hash);
	free(s->side);
	free(s->rule);
	free(s->pair);
	free(s->step);
	free(s->chain);
	bh_operations_free(s);
	free(s->range4_lo);
	free(s->range4_class);
	free(s->range6_lo);
	free(s->range6_class);
	free(s->class_cell);
	free(s->host);
	free(s);
}

uint64_t
bh_snapshot_bytes(const struct bh_snapshot *s)
{
	uint64_t codes = 0;
	uint32_t i;

	for (i = 0; i < s->n_patterns; i++)
		codes += bh_pattern_bytes(&s->pattern[i]);
	return sizeof(*s) + codes + s->n_patterns * sizeof(*s->pattern) +
	       s->n_apps * sizeof(*s->app) + s->n_chain * sizeof(*s->chain) + s->arena.bytes +
	       (s->n_segs + 1) * (sizeof(*s->seg) + sizeof(*s->seg_name) + sizeof(*s->seg_hash)) +
	       s->n_side * sizeof(*s->side) + s->n_rules * sizeof(*s->rule) +
	       ((uint64_t)s->pair_mask + 1) * sizeof(*s->pair) + s->n_steps * sizeof(*s->step) +
	       s->n_range4 * (sizeof(*s->range4_lo) + sizeof(*s->range4_class)) +
	       s->n_range6 * (sizeof(*s->range6_lo) + sizeof(*s->range6_class)) +
	       s->n_classes * sizeof(*s->class_) + s->n_members * sizeof(*s->member) +
	       ((uint64_t)s->class_mask + 1) * sizeof(*s->class_cell);
}
