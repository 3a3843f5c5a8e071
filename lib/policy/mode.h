/* mode: what the segments of an end say of its mode, and what two ends come to (mode.c doc_mode.c); zones (doc_zone.c). */
#ifndef BH_POLICY_MODE_H
#define BH_POLICY_MODE_H

#include "policy.h"

struct bh_doc;
struct bh_doc_reader;
struct bh_doc_rule;
struct bh_doc_segment;

/* What the segments that an end is in say of its mode. */
enum {
	BH_ENDMODE_NAMED =
		3, /* bits of enum bh_mode and one more, the strictest; 0: none names one */
	BH_ENDMODE_MEMBER = 1 << 2, /* it is in a segment that is not reserved */
	BH_ENDMODE_CDE = 1 << 3,
	BH_ENDMODES = 1 << 4
};

/* Immutable but for class_: it grows as the snapshot's classes do. */
struct bh_modes {
	uint8_t pair[BH_ENDMODES * BH_ENDMODES]; /* enum bh_mode, by those of from and to */
	uint8_t *class_;                         /* by the snapshot's class */
	size_t n_class;
	uint8_t *segment; /* by the document's segment */
	uint64_t *
		fence; /* by class: zones and namespaces that keep to themselves; NULL: there are none */
	uint64_t *segment_fence;
	uint64_t hard;  /* those of them over which no rule leads */
	uint8_t least;  /* no two ends have a less strict one */
	uint8_t nobody; /* of two ends that have none */
};

/* Both in one; two classes of an end are joined so. */
static inline unsigned
bh_endmode_join(unsigned a, unsigned b)
{
	unsigned x = a & BH_ENDMODE_NAMED, y = b & BH_ENDMODE_NAMED;

	return ((a | b) & ~(unsigned)BH_ENDMODE_NAMED) | (x > y ? x : y);
}

static inline enum bh_mode
bh_modes_between(const struct bh_modes *m, unsigned from, unsigned to)
{
	return (enum bh_mode)m->pair[from * BH_ENDMODES + to];
}

/* For a snapshot whose names and classes are set. 0 or -ENOMEM. */
int bh_modes_create(struct bh_modes **out, const struct bh_policy *p, const struct bh_doc *doc,
		    const struct bh_snapshot *s);
void bh_modes_free(void *modes); /* NULL is fine */
/* A class was appended; before anybody learns its number. */
void bh_modes_class(struct bh_modes *m, const struct bh_snapshot *s, uint32_t class_);
/* What members of a segment have that are in no other. */
enum bh_mode bh_modes_of(const struct bh_policy *p, uint32_t segment, enum bh_mode_origin *origin);
/* doc_zone.c: zones and namespaces are segments, too, behind those that are written. */
size_t bh_doc_count_zones(const struct bh_yaml *root);
int bh_doc_read_zones(struct bh_doc_reader *r, const struct bh_yaml *root);
/* Owner, reason and expiry of a rule, and whether it may do without. */
int bh_doc_read_justification(struct bh_doc_reader *r, const struct bh_yaml *map,
			      struct bh_doc_rule *rule);
int bh_doc_check_cde(struct bh_doc_reader *r, const struct bh_yaml *map,
		     const struct bh_doc_rule *rule);
/* Rules whose time is over no longer count; returns how many that are new. */
uint32_t bh_doc_expire(struct bh_doc *doc, uint64_t wall_ns);
int bh_doc_add_segment(struct bh_doc_reader *r, const struct bh_doc_segment *s);
#define BH_FENCES 64 /* a bit each */
int bh_doc_read_modes(struct bh_doc_reader *r, const struct bh_yaml *node);
int bh_doc_read_mode(struct bh_doc_reader *r, const struct bh_yaml *map, uint8_t *out);

#endif
