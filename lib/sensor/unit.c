/* Rules as conditions: each pattern, or chain of patterns relative to one another, becomes one expression, whose match
 * sets one bit. A chain is a regular expression: the pieces, and between them the bytes that may lie there. */
#include <errno.h>
#include <stdlib.h>

#include "sensor_priv.h"

/* A chain of one context that is being put together. */
struct chain {
	struct bh_buf text;
	const struct bh_sensor_pattern *head, *longest;
	const struct bh_sensor_pattern *data_at; /* the last piece, if it is one */
	unsigned n;                              /* pieces */
	bool open, at_start;                     /* at_start: relative to the region's first byte */
	bool group;                              /* a regex is in it */
};

struct builder {
	struct bh_sensor_set *set;
	struct bh_sensor_judged *now;
	unsigned n_bits;
	struct chain chain[BH_SENSOR_CONTEXTS];
};

static bool
is_relative(const struct bh_sensor_pattern *p)
{
	return p->flags & (BH_SENSOR_RELATIVE | BH_SENSOR_DISTANCE | BH_SENSOR_WITHIN);
}

static void
add_literal(struct bh_buf *out, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		char c = text[i];

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
			bh_buf_add(out, &c, 1);
		else
			bh_buf_printf(out, "\\x%02x", (unsigned char)c);
	}
}

/* A regex's text; a NUL is written out, for Hyperscan takes text up to the first. */
static void
add_regex(struct bh_buf *out, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (text[i] == '\0')
			bh_buf_str(out, "\\x00");
		else
			bh_buf_add(out, text + i, 1);
	}
}

static void
add_piece(struct bh_buf *out, const struct bh_sensor_pattern *p, const char *text, size_t len)
{
	if (p->kind == BH_SENSOR_LITERAL) {
		bh_buf_str(out, p->flags & BH_SENSOR_NOCASE ? "(?i:" : "(?:");
		add_literal(out, text, len);
	} else {
		bh_buf_printf(out, "(?%s%s%s%s:", p->flags & BH_SENSOR_NOCASE ? "i" : "",
			      p->flags & BH_SENSOR_DOTALL ? "s" : "",
			      p->flags & BH_SENSOR_MULTILINE ? "m" : "",
			      p->flags & BH_SENSOR_EXTENDED ? "x" : "");
		add_regex(out, text, len);
		/* a comment would go on over the parenthesis */
		if (p->flags & BH_SENSOR_EXTENDED)
			bh_buf_str(out, "\n");
	}
	bh_buf_str(out, ")");
	if (p->flags & BH_SENSOR_ENDSWITH)
		bh_buf_str(out, "\\z");
}

static void
add_gap(struct bh_buf *out, uint64_t min, bool bounded, uint64_t max)
{
	if (!bounded)
		bh_buf_printf(out, min == 0 ? "(?s:.*)" : "(?s:.{%llu,})", (unsigned long long)min);
	else if (min != max)
		bh_buf_printf(out, "(?s:.{%llu,%llu})", (unsigned long long)min,
			      (unsigned long long)max);
	else if (min != 0)
		bh_buf_printf(out, "(?s:.{%llu})", (unsigned long long)min);
}

/* The bytes between what is before a relative pattern and the pattern. */
static int
add_relative_gap(struct builder *b, struct bh_buf *out, const struct bh_sensor_pattern *p,
		 struct bh_err *err)
{
	uint64_t min = p->flags & BH_SENSOR_DISTANCE ? (uint64_t)(int64_t)p->distance : 0;

	if (p->flags & BH_SENSOR_DISTANCE && p->distance < 0)
		return bh_sensor_refuse(b->now->rule, p, err,
					"a distance below 0 (%d) is not supported", p->distance);
	if (p->kind != BH_SENSOR_LITERAL && p->flags & BH_SENSOR_WITHIN)
		return bh_sensor_refuse(b->now->rule, p, err,
					"`within` is for literals; write the bound into the regex");
	if (p->flags & BH_SENSOR_WITHIN && p->within < p->len)
		return bh_sensor_refuse(b->now->rule, p, err,
					"it has %zu bytes and can't lie within %u", p->len,
					p->within);
	add_gap(out, min, p->flags & BH_SENSOR_WITHIN, min + p->within - p->len);
	return 0;
}

/* isdataat, relative: a look ahead, or, as the last piece, the bytes themselves, which Hyperscan takes. */
static void
settle_data_at(struct chain *c, bool last)
{
	const struct bh_sensor_pattern *p = c->data_at;

	if (p == NULL)
		return;
	c->data_at = NULL;
	if (!last)
		bh_buf_printf(&c->text, "(?%c(?s:.{%u}))", p->flags & BH_SENSOR_NEGATED ? '!' : '=',
			      p->size_min);
	else if (!(p->flags & BH_SENSOR_NEGATED))
		add_gap(&c->text, p->size_min, true, p->size_min);
	else if (p->size_min != 0)
		bh_buf_printf(&c->text, "(?s:.{0,%u})\\z", p->size_min - 1);
	else
		bh_buf_str(&c->text, "(?!)"); /* fewer than none */
}

static int
append_relative(struct builder *b, struct chain *c, const struct bh_sensor_pattern *p,
		struct bh_err *err)
{
	const char *text = p->text;
	size_t len = p->len;
	int rc;

	if (!c->open) {
		*c = (struct chain){.open = true, .at_start = true, .head = p};
		bh_buf_str(&c->text, "\\A");
	}
	c->n++;
	settle_data_at(c, false);
	if (p->kind == BH_SENSOR_DATA_AT) {
		c->data_at = p;
		return 0;
	}
	if (p->flags & BH_SENSOR_NEGATED)
		bh_buf_str(&c->text, "(?!");
	if (p->kind == BH_SENSOR_REGEX && len != 0 && text[0] == '^') {
		text++;
		len--;
	} else {
		rc = add_relative_gap(b, &c->text, p, err);
		if (rc != 0)
			return rc;
	}
	if (p->kind == BH_SENSOR_REGEX) {
		size_t i;

		/* groups are numbered over the whole chain */
		for (i = 0; c->group && i + 1 < len; i++)
			if (text[i] == '\\' && text[i + 1] >= '1' && text[i + 1] <= '9')
				return bh_sensor_refuse(
					b->now->rule, p, err,
					"a back-reference behind another regex is not supported");
		c->group = true;
	}
	add_piece(&c->text, p, text, len);
	if (p->flags & BH_SENSOR_NEGATED)
		bh_buf_str(&c->text, ")");
	else if (p->kind == BH_SENSOR_LITERAL && (c->longest == NULL || c->longest->len < p->len))
		c->longest = p;
	return 0;
}

static int
begin_chain(struct builder *b, struct chain *c, const struct bh_sensor_pattern *p,
	    struct bh_err *err)
{
	uint16_t placed = BH_SENSOR_OFFSET | BH_SENSOR_DEPTH | BH_SENSOR_STARTSWITH;

	if (p->kind == BH_SENSOR_REGEX &&
	    p->flags & (placed | BH_SENSOR_STARTSWITH | BH_SENSOR_ENDSWITH))
		return bh_sensor_refuse(b->now->rule, p, err,
					"offset, depth, startswith and endswith are for literals");
	if (p->len == 0)
		return bh_sensor_refuse(b->now->rule, p, err, "it is empty");
	if (p->flags & BH_SENSOR_DEPTH && p->depth < p->len)
		return bh_sensor_refuse(b->now->rule, p, err,
					"it has %zu bytes and can't lie within a depth of %u",
					p->len, p->depth);
	*c = (struct chain){.open = true, .head = p, .n = 1, .group = p->kind == BH_SENSOR_REGEX};
	if (p->kind == BH_SENSOR_LITERAL)
		c->longest = p;
	add_piece(&c->text, p, p->text, p->len);
	return 0;
}

/* ---- units ------------------------------------------------------------------------------------------ */

static struct bh_sensor_unit *
add_unit(struct builder *b, const struct bh_sensor_pattern *p, bool negated, struct bh_err *err)
{
	struct bh_sensor_judged *j = b->now;
	struct bh_sensor_unit *u = &b->set->unit[b->set->n_units];
	uint64_t bit;

	if (b->n_bits == BH_SENSOR_RULE_PATTERNS) {
		bh_sensor_refuse(j->rule, p, err, "a rule may have %u patterns",
				 BH_SENSOR_RULE_PATTERNS);
		return NULL;
	}
	b->set->n_units++;
	bit = UINT64_C(1) << b->n_bits;
	*u = (struct bh_sensor_unit){.rule = (uint32_t)(j - b->set->rule),
				     .bit = (uint8_t)b->n_bits++,
				     .context = p->context,
				     .negated = negated};
	j->contexts |= BH_SENSOR_CONTEXT_BIT(p->context);
	if (negated) {
		j->ban |= bit;
		j->banned |= BH_SENSOR_CONTEXT_BIT(p->context);
	} else {
		j->need |= bit;
	}
	if (p->context == BH_SENSOR_PACKET)
		j->flow |= bit;
	return u;
}

/* Where the head of a chain may lie. A literal alone says so by the offsets that its match may end at. */
static void
place_head(struct chain *c, struct bh_sensor_expr *e, struct bh_buf *out)
{
	const struct bh_sensor_pattern *p = c->head;
	bool starts = p->flags & BH_SENSOR_STARTSWITH;
	uint64_t offset = p->flags & BH_SENSOR_OFFSET && !starts ? p->offset : 0;
	bool bounded = starts || p->flags & BH_SENSOR_DEPTH;
	uint64_t depth = starts ? p->len : p->depth;

	if (c->at_start || (!starts && !(p->flags & (BH_SENSOR_OFFSET | BH_SENSOR_DEPTH))))
		return;
	if (c->n == 1 && !(p->flags & BH_SENSOR_ENDSWITH)) {
		e->min_end = offset + p->len;
		e->max_end = bounded ? offset + depth : 0;
		return;
	}
	bh_buf_str(out, "\\A");
	add_gap(out, offset, bounded, offset + depth - p->len);
}

static uint32_t
hs_flags(const struct bh_sensor_pattern *p)
{
	return (p->flags & BH_SENSOR_NOCASE ? HS_FLAG_CASELESS : 0) |
	       (p->flags & BH_SENSOR_DOTALL ? HS_FLAG_DOTALL : 0) |
	       (p->flags & BH_SENSOR_MULTILINE ? HS_FLAG_MULTILINE : 0);
}

/* A pattern alone is written as it is, so that what an engine says of it is about what was written. */
static void
write_alone(const struct bh_sensor_pattern *p, struct bh_sensor_expr *e, struct bh_buf *out)
{
	e->flags = hs_flags(p);
	if (p->kind == BH_SENSOR_LITERAL) {
		add_literal(out, p->text, p->len);
		if (p->flags & BH_SENSOR_ENDSWITH)
			bh_buf_str(out, "\\z");
	} else {
		if (p->flags & BH_SENSOR_EXTENDED)
			bh_buf_str(out, "(?x)");
		add_regex(out, p->text, p->len);
	}
}

static int
end_chain(struct builder *b, struct chain *c, bool negated, struct bh_err *err)
{
	struct bh_sensor_model *m = b->set->model;
	struct bh_sensor_unit *u;
	struct bh_sensor_expr *e;
	struct bh_buf out = {0};
	int rc = 0;

	if (!c->open)
		return 0;
	u = add_unit(b, c->head, negated, err);
	e = bh_sensor_take(m, sizeof(*e));
	if (u == NULL || e == NULL) {
		rc = u == NULL ? -EINVAL : -ENOMEM;
		goto done;
	}
	settle_data_at(c, true);
	*e = (struct bh_sensor_expr){.from = c->head,
				     .rule = b->now->rule,
				     .context = c->head->context,
				     .plain = c->n == 1 && c->head->kind == BH_SENSOR_LITERAL,
				     .chain = c->n > 1 || c->at_start};
	place_head(c, e, &out);
	if (c->n == 1 && !c->at_start && out.len == 0)
		write_alone(c->head, e, &out);
	else
		bh_buf_add(&out, c->text.data, c->text.len);
	if (c->longest != NULL) {
		c->text.len = 0;
		add_literal(&c->text, c->longest->text, c->longest->len);
		e->trigger = c->text.failed ? NULL : bh_sensor_text(m, c->text.data, c->text.len);
		e->trigger_len = c->longest->len;
		e->trigger_nocase = c->longest->flags & BH_SENSOR_NOCASE;
	}
	u->expr = e;
	e->text = out.failed || c->text.failed ? NULL : bh_sensor_text(m, out.data, out.len);
	if (e->text == NULL)
		rc = -ENOMEM;
	else if (out.len > BH_SENSOR_PATTERN_MAX * 4)
		rc = bh_sensor_refuse(b->now->rule, c->head, err, "longer than %u bytes",
				      BH_SENSOR_PATTERN_MAX);
done:
	bh_buf_free(&out);
	bh_buf_free(&c->text);
	c->open = false;
	return rc;
}

static int
add_size(struct builder *b, const struct bh_sensor_pattern *p, struct bh_err *err)
{
	struct bh_sensor_unit *u = add_unit(b, p, p->flags & BH_SENSOR_NEGATED, err);

	if (u == NULL)
		return -EINVAL;
	u->size_min = p->size_min;
	u->size_max = p->kind == BH_SENSOR_SIZE ? p->size_max : UINT32_MAX;
	return 0;
}

static int
add_pattern(struct builder *b, const struct bh_sensor_pattern *p, struct bh_err *err)
{
	struct chain *c = &b->chain[p->context], alone = {0};
	int rc;

	if (p->kind == BH_SENSOR_SIZE || (p->kind == BH_SENSOR_DATA_AT && !is_relative(p)))
		return add_size(b, p, err);
	if (is_relative(p))
		return append_relative(b, c, p, err);
	if (p->flags & BH_SENSOR_NEGATED) {
		rc = begin_chain(b, &alone, p, err);
		return rc != 0 ? rc : end_chain(b, &alone, true, err);
	}
	rc = end_chain(b, c, false, err);
	return rc != 0 ? rc : begin_chain(b, c, p, err);
}

static int
add_rule(struct builder *b, struct bh_sensor_rule *r, struct bh_err *err)
{
	struct bh_sensor_judged *j = b->now = &b->set->rule[b->set->n_rules++];
	const struct bh_sensor_pattern *p;
	unsigned i;
	int rc = 0;

	b->n_bits = 0;
	r->index = (uint32_t)(j - b->set->rule);
	j->rule = r;
	j->severity = r->severity != 0 ? r->severity : r->sensor->severity;
	j->sides = r->direction == BH_SENSOR_TO_SERVER   ? 1
		   : r->direction == BH_SENSOR_TO_CLIENT ? 2
							 : 3;
	for (p = r->patterns; p != NULL && rc == 0; p = p->next) {
		if (p->context >= BH_SENSOR_CONTEXTS)
			rc = bh_sensor_refuse(r, p, err, "there is no context %u", p->context);
		else
			rc = add_pattern(b, p, err);
	}
	for (i = 0; i < BH_SENSOR_CONTEXTS; i++) {
		if (rc == 0)
			rc = end_chain(b, &b->chain[i], false, err);
		bh_buf_free(&b->chain[i].text);
		b->chain[i].open = false;
	}
	if (rc == 0 && b->n_bits == 0)
		rc = bh_sensor_refuse(r, NULL, err, "it has no pattern");
	j->of_flow = (j->need | j->ban) == j->flow;
	return rc;
}

/* ---- expressions that are the same ----------------------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
	const struct bh_sensor_unit *const *ua = a, *const *ub = b;
	const struct bh_sensor_expr *x = (*ua)->expr, *y = (*ub)->expr;

	if (x == NULL || y == NULL)
		return (x == NULL) - (y == NULL);
	if (x->context != y->context)
		return x->context < y->context ? -1 : 1;
	if (x->flags != y->flags)
		return x->flags < y->flags ? -1 : 1;
	if (x->min_end != y->min_end)
		return x->min_end < y->min_end ? -1 : 1;
	if (x->max_end != y->max_end)
		return x->max_end < y->max_end ? -1 : 1;
	return strcmp(x->text, y->text);
}

/* Sort the units by expression, and keep one of each. */
static int
share(struct bh_sensor_set *set)
{
	size_t n = set->n_units;
	struct bh_sensor_unit **order = calloc(n + 1, sizeof(*order));
	struct bh_sensor_unit *sorted = bh_sensor_take(set->model, (n + 1) * sizeof(*sorted));
	struct bh_sensor_expr *e = NULL;
	size_t i;

	set->expr = bh_sensor_take(set->model, (n + 1) * sizeof(*set->expr));
	if (order == NULL || sorted == NULL || set->expr == NULL) {
		free(order);
		return -ENOMEM;
	}
	for (i = 0; i < n; i++)
		order[i] = &set->unit[i];
	qsort(order, n, sizeof(struct bh_sensor_unit *), compare);
	for (i = 0; i < n; i++) {
		sorted[i] = *order[i];
		if (order[i]->expr == NULL)
			continue;
		if (e == NULL || compare(&order[i - 1], &order[i]) != 0) {
			e = &set->expr[set->n_exprs++];
			*e = *order[i]->expr;
			e->unit = (uint32_t)i;
		}
		e->n_units++;
		sorted[i].expr = e;
	}
	set->unit = sorted;
	free(order);
	return 0;
}

static int
begin(struct bh_sensor_set *set, uint32_t rules, uint32_t patterns, struct builder **out)
{
	set->rule = bh_sensor_take(set->model, (rules + 1) * sizeof(*set->rule));
	set->unit = bh_sensor_take(set->model, (patterns + 1) * sizeof(*set->unit));
	*out = calloc(1, sizeof(**out));
	if (*out == NULL || set->rule == NULL || set->unit == NULL) {
		free(*out);
		return -ENOMEM;
	}
	(*out)->set = set;
	return 0;
}

int
bh_sensor_units(struct bh_sensor_set *set, struct bh_err *err)
{
	struct bh_sensor_rule *r;
	struct bh_sensor *s;
	struct builder *b;
	int rc = begin(set, set->model->n_rules, set->model->n_patterns, &b);

	if (rc != 0)
		return rc;
	for (s = set->model->sensors; s != NULL && rc == 0; s = s->next)
		for (r = s->rules; r != NULL && rc == 0; r = r->next)
			if (!r->off)
				rc = add_rule(b, r, err);
	free(b);
	return rc != 0 ? rc : share(set);
}

int
bh_sensor_check(struct bh_sensor_model *model, struct bh_sensor_rule *rule, struct bh_err *err)
{
	struct bh_sensor_set set = {.model = model};
	const struct bh_sensor_pattern *p;
	struct builder *b;
	uint32_t i, n = 0;
	int rc;

	for (p = rule->patterns; p != NULL; p = p->next)
		n++;
	rc = begin(&set, 1, n, &b);
	if (rc != 0)
		return rc;
	rc = add_rule(b, rule, err);
	free(b);
	if (rc == 0)
		rc = share(&set);
	for (i = 0; i < set.n_exprs && rc == 0; i++)
		rc = bh_sensor_decide(&set.expr[i], false, err);
	for (i = 0; i < set.n_exprs; i++)
		bh_sensor_forget(&set.expr[i]);
	return rc;
}
