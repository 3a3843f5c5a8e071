/* draft: what a policy document would say to recorded conversations, without effect on the one in force; and the part of a
 * document that the gateway writes.
 *
 * Threads   control threads; a draft belongs to its caller. It takes the memory of a policy for as long as it is open.
 */
#ifndef BH_LEARN_DRAFT_H
#define BH_LEARN_DRAFT_H

#include "../policy/policy.h"
#include "learn.h"

struct bh_draft;

struct bh_draft_params {
	const char *name, *text; /* the document, and its name in errors */
	size_t len;              /* 0: no policy */
	struct bh_policy *
		from; /* endpoints that came over REST, modes that were set and addresses of names are copied from here; NULL: none */
	uint32_t max_endpoints;
	enum bh_mode mode; /* of who has none: PROTECT asks what rules say */
};

/* 0; -EINVAL: it does not load, err says where; -ENOMEM, ... */
int bh_draft_open(struct bh_draft **out, const struct bh_draft_params *params, struct bh_err *err);
void bh_draft_close(struct bh_draft *d); /* NULL is fine */

struct bh_draft_verdict {
	uint8_t verdict; /* enum bh_verdict; NONE: nobody knows who it was */
	uint8_t reason;
	uint8_t protect;   /* what it would be in protect, whatever modes say */
	bool by_operation; /* allowed, and its operations are judged one by one */
	const char *rule;  /* "" = none; lives as long as the draft */
};
/* Who it was: c's addresses (last time, or of a pair), by the labels that these addresses have now. */
void bh_draft_judge(struct bh_draft *d, const struct bh_conversation *c,
		    struct bh_draft_verdict *out);

/* Whoever has this address by now in the model `from`, if it came over REST, has it in the draft; whoever no longer has it has not.
 * Without memory it stays as it is. */
void bh_draft_follow(struct bh_draft *d, struct bh_policy *from, const uint8_t addr[16],
		     uint8_t family, bh_tenant tenant);

/* ---- what if ------------------------------------------------------------------------------------------ */

struct bh_whatif {
	const char *name, *text; /* the draft */
	size_t len;
	struct bh_policy *
		p; /* in force: what it is compared with, and whose endpoints and modes are asked */
	uint32_t max_endpoints;
	enum bh_mode mode; /* of who has none */
	uint32_t days;     /* the last so many; 0: all that are kept */
};

struct bh_whatif_counts {
	uint64_t conversations, sessions; /* judged */
	uint64_t unknown;                 /* of them nobody knows who it was */
	uint64_t changed, changed_sessions;
	uint64_t pairs, changed_pairs; /* of addresses */
	uint64_t
		by_application; /* of the changed ones: the draft asks for the application, which was never seen */
	uint64_t incomplete; /* conversations of which not all pairs are kept */
};

/* A conversation of two addresses that the draft judges otherwise; c has these, called for each such pair. after->verdict
 * PENDING: the draft asks for the application, which was never seen: allowed or not, by what it would say. false: enough. */
typedef bool (*bh_whatif_fn)(void *arg, const struct bh_conversation *c,
			     const struct bh_draft_verdict *before,
			     const struct bh_draft_verdict *after);
/* Judge each pair of addresses of each recorded conversation by the policy in force and by a draft, which has the learned rules of the one in force
 * beside it if it has none, as when it is put in force. 0; -EINVAL: the draft does not load; -errno. */
int bh_learn_whatif(struct bh_learn *l, const struct bh_whatif *w, bh_whatif_fn fn, void *arg,
		    struct bh_whatif_counts *counts, struct bh_err *err);

/* ---- the document ------------------------------------------------------------------------------------- */

/* A document without its `learned:` part: what people wrote and imported. */
void bh_document_written(const char *text, size_t len, struct bh_buf *out);
/* Its `learned:` part alone; nothing where there is none. */
void bh_document_learned(const char *text, size_t len, struct bh_buf *out);
/* The part of this name ("clusters:") alone; nothing where there is none. */
void bh_document_part(const char *text, size_t len, const char *key, struct bh_buf *out);
/* The same document with this part instead of its own; part "": without it. As bh_document_with. */
int bh_document_with_part(const char *text, size_t len, const char *key, const char *part,
			  struct bh_buf *out, struct bh_err *err);
/* The same document with this `learned:` part instead of its own. An empty document becomes one. -EINVAL: it is
 * written in flow style (JSON), to which nothing can be appended. */
int bh_document_with(const char *text, size_t len, const char *learned, struct bh_buf *out,
		     struct bh_err *err);
/* A document as it comes into force after another one: with the `clusters:` and the `learned:` part of that, unless it has its
 * own. *carried (may be NULL): it got one. As bh_document_with. */
int bh_document_carry(const struct bh_buf *force, const char *text, size_t len, struct bh_buf *out,
		      bool *carried, struct bh_err *err);
/* Learned rules become written ones: the lines of those with these ids (n 0: all), and of the segments that they name, move
 * to the end of `rules` and `segments`. *moved: how many. -ENOENT: no learned rule has the id that err names; -EINVAL:
 * `rules` or `segments` are written in flow style, or the text is no policy. */
int bh_document_adopt(const char *text, size_t len, const char *const *id, size_t n,
		      struct bh_buf *out, unsigned *moved, struct bh_err *err);

/* The same document with these lines of segments, each indented by 4, in its `learned:` part beside those that are there. */
int bh_document_add_segments(const char *text, size_t len, const char *lines, struct bh_buf *out,
			     struct bh_err *err);
/* Lines of a `learned:` part that define segments by selector. */
void bh_document_selectors(const char *learned, size_t len, struct bh_buf *out);

/* Segments for endpoints that are in none, by their labels: SERVICE.NAMESPACE, from the first of labels->services and of
 * labels->namespaces that they have and that labels->ignore does not name; other.NAMESPACE for those without the former.
 * Values that begin as labels->ignore says (app=runner-*) are one. As lines for bh_document_add_segments; at most max, in
 * order of their names. Returns how many; names, in words, into `names`. */
unsigned bh_learn_new_segments(struct bh_policy *p, const struct bh_learn_labels *labels,
			       unsigned max, struct bh_buf *lines, struct bh_buf *names);
/* Lines of such segments, with one in place of those that have become one. */
void bh_learn_supersede(const struct bh_learn_labels *labels, const char *lines, size_t len,
			struct bh_buf *out);
/* What a segment of this name is called by now; false: as it is. labels NULL: false. */
bool bh_learn_stem_name(const struct bh_learn_labels *labels, const char *name,
			char out[BH_NAME_MAX]);

/* ---- segments that could be one ------------------------------------------------------------------------- */

struct bh_suggestion {
	const char *name;     /* what they could be called */
	const char **segment; /* n_segments, sorted */
	const char *selector; /* that takes in all of them; "": theirs have no common form */
	const char
		*ignore; /* line of learning.ignore that makes them, and those to come, one; "" */
	const char *
		*shared; /* what all of them do: "to dns.shop udp/53 dns"; n_shared, the first 16 */
	uint32_t n_segments, n_shared;
	uint32_t in_common,
		in_all; /* conversations, by peer, service and application: all have, any has */
	struct bh_learned_seen seen;
};

struct bh_suggestions {
	struct bh_suggestion *item; /* n, those of most segments first */
	uint32_t n;
	/* The learned list as it is, and if all were followed: rules, and names of segments in them. */
	uint32_t rules[2], names[2];
	struct bh_arena arena;
	bool failed;
};

/* Segments of one namespace that have the same conversations, or nearly (four of five of all that any of them has, in both).
 * 0 or -ENOMEM. */
int bh_learn_suggestions(struct bh_learn *l, struct bh_policy *p, struct bh_suggestions **out,
			 struct bh_err *err);
void bh_suggestions_free(struct bh_suggestions *o); /* NULL is fine */

/* The list for what no written or imported rule of the document in force speaks of. max_endpoints as the model's. */
int bh_learn_proposal(struct bh_learn *l, struct bh_policy *p, uint32_t max_endpoints,
		      struct bh_learned **out, struct bh_err *err);

#endif
