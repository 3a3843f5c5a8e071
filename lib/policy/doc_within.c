/* `within`: a selector that counts only for endpoints inside some prefixes. */
#include <errno.h>
#include <stdio.h>

#include "policy_priv.h"

int
bh_doc_read_within(struct bh_doc_reader *r, const struct bh_yaml *node, struct bh_doc_segment *s)
{
	struct bh_buf text = {0};
	char one[64];
	uint32_t i;
	int rc;

	if (s->selector == NULL)
		return bh_yaml_err(r->yaml, node, r->err,
				   "'within' narrows a selector, and there is none: list the "
				   "prefixes as 'addresses', or add a 'selector'");
	rc = bh_doc_prefixes(r, node, &s->within, &s->n_within);
	if (rc == 0 && s->n_within == 0)
		return bh_yaml_err(r->yaml, node, r->err,
				   "an empty 'within': nobody is inside, leave it out or list "
				   "prefixes such as [10.0.0.0/8]");
	bh_buf_printf(&text, "%s; within: ", s->selector_text);
	for (i = 0; rc == 0 && i < s->n_within; i++) {
		bh_prefix_format(&s->within[i], one, sizeof(one));
		bh_buf_printf(&text, "%s%s", i == 0 ? "" : ", ", one);
	}
	if (rc == 0) {
		s->selector_text = text.failed ? NULL : bh_doc_text(r, text.data);
		rc = s->selector_text == NULL ? bh_err_set(r->err, ENOMEM, "out of memory") : 0;
	}
	r->doc->by_place = true;
	bh_buf_free(&text);
	return rc;
}

static bool
counts_at(const struct bh_doc_segment *s, const struct bh_prefix *at)
{
	uint32_t i = 0;

	while (at != NULL && i < s->n_within && !bh_prefix_covers(&s->within[i], at))
		i++;
	return s->n_within == 0 || (at != NULL && i < s->n_within);
}

uint32_t
bh_doc_within(const struct bh_doc *doc, const struct bh_prefix *at, uint32_t *segment, uint32_t n)
{
	uint32_t i, kept = 0, out = 0;

	for (i = 0; i < n; i++)
		out += !counts_at(&doc->segment[segment[i]], at);
	if (out == 0)
		return n;
	/* Zones come again with those of their members that are left. */
	for (i = 0; i < n; i++) {
		const struct bh_doc_segment *s = &doc->segment[segment[i]];

		if (s->n_members == 0 && counts_at(s, at))
			segment[kept++] = segment[i];
	}
	return bh_segments_close(doc, segment, kept);
}
