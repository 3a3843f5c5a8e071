/* All patterns of a rule together: what can't be said, and what it means here. */
#include <errno.h>
#include <stdio.h>

#include "suricata.h"

#define ABSOLUTE (BH_SENSOR_OFFSET | BH_SENSOR_DEPTH)
#define RELATIVE (BH_SENSOR_DISTANCE | BH_SENSOR_WITHIN)

/* The pattern of the same buffer that a relative one begins behind: a negated one matched nothing. */
static const struct bh_suricata_pattern *
pattern_before(const struct bh_suricata_draft *d, const struct bh_suricata_pattern *p)
{
	const struct bh_suricata_pattern *q = p;

	while (q-- > d->pattern) {
		if (q->context == p->context && !q->negated &&
		    (q->kind == BH_SENSOR_LITERAL || q->kind == BH_SENSOR_REGEX))
			return q;
	}
	return NULL;
}

static bool
refuse(struct bh_suricata_draft *d, const struct bh_suricata_pattern *p, const char *what)
{
	bh_suricata_refuse_value(d, p->option, 0, what);
	return false;
}

static bool
check_places(struct bh_suricata_draft *d, const struct bh_suricata_pattern *p)
{
	bool fixed = (p->mod & BH_SENSOR_STARTSWITH) != 0;

	if (fixed && (p->mod & (ABSOLUTE | RELATIVE)) != 0)
		return refuse(d, p,
			      "startswith says where it is: no offset, depth, distance or within");
	if ((p->mod & ABSOLUTE) != 0 && (p->mod & RELATIVE) != 0)
		return refuse(d, p, "is either relative (distance, within) or not (offset, depth)");
	if ((p->mod & BH_SENSOR_DEPTH) != 0 && p->depth < p->len)
		return refuse(d, p, "its depth is less than its length");
	if ((p->mod & BH_SENSOR_WITHIN) != 0 && p->within < p->len)
		return refuse(d, p, "its within is less than its length");
	return true;
}

/* Without a match in front of it, it is relative to the first byte. */
static bool
from_first_byte(struct bh_suricata_draft *d, struct bh_suricata_pattern *p)
{
	int64_t from = (p->mod & BH_SENSOR_DISTANCE) != 0 ? p->distance : 0, end;

	if ((p->mod & BH_SENSOR_WITHIN) != 0) {
		end = from + p->within;
		from = from < 0 ? 0 : from;
		if (end - from < (int64_t)p->len)
			return refuse(d, p, "would have to begin in front of its buffer");
		p->mod |= BH_SENSOR_DEPTH;
		p->depth = (uint32_t)(end - from);
	}
	if (from > 0) {
		p->mod |= BH_SENSOR_OFFSET;
		p->offset = (uint32_t)from;
	}
	p->mod &= (uint16_t)~RELATIVE;
	return true;
}

static bool
finish_literal(struct bh_suricata_draft *d, struct bh_suricata_pattern *p)
{
	if (!check_places(d, p))
		return false;
	if ((p->mod & RELATIVE) != 0 && pattern_before(d, p) == NULL)
		return from_first_byte(d, p);
	return true;
}

/* Bytes as an expression that matches just them. */
static void
quote(struct bh_buf *b, const uint8_t *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if ((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z') ||
		    (text[i] >= '0' && text[i] <= '9'))
			bh_buf_add(b, &text[i], 1);
		else
			bh_buf_printf(b, "\\x%02x", text[i]);
	}
}

static int
become_regex(struct bh_suricata_draft *d, struct bh_suricata_pattern *p, struct bh_buf *b)
{
	p->len = b->len;
	p->text = b->failed ? NULL : (const uint8_t *)bh_arena_text(d->arena, b->data, b->len);
	bh_buf_free(b);
	p->regex = true;
	p->kind = BH_SENSOR_REGEX;
	return p->text != NULL ? 0 : -ENOMEM;
}

/* The buffer with a dot in front: ".example.com" is a domain and all below it. */
static int
undo_dotprefix(struct bh_suricata_draft *d, struct bh_suricata_pattern *p)
{
	bool start = (p->mod & BH_SENSOR_STARTSWITH) != 0, end = (p->mod & BH_SENSOR_ENDSWITH) != 0;
	struct bh_buf b = {0};

	if ((p->mod & (ABSOLUTE | RELATIVE)) != 0)
		return bh_suricata_skip(d, p->option,
					"a place (offset, depth, distance, within) in a buffer "
					"behind dotprefix");
	if (p->text[0] != '.') {
		if (start)
			refuse(d, p, "starts with no dot and can't match behind dotprefix");
		return 0;
	}
	if (p->len == 1)
		return bh_suricata_skip(d, p->option, "matches every name behind dotprefix");
	bh_buf_str(&b, start ? "\\A" : "(?:\\A|\\.)");
	quote(&b, p->text + 1, p->len - 1);
	bh_buf_str(&b, end ? "\\z" : "");
	p->mod &= (uint16_t) ~(BH_SENSOR_STARTSWITH | BH_SENSOR_ENDSWITH);
	return become_regex(d, p, &b);
}

static void
undo_lower(struct bh_suricata_draft *d, struct bh_suricata_pattern *p)
{
	size_t i;

	for (i = 0; i < p->len; i++) {
		if (p->text[i] >= 'A' && p->text[i] <= 'Z') {
			refuse(d, p, "has a capital letter and can't match behind to_lowercase");
			return;
		}
	}
	p->mod |= BH_SENSOR_NOCASE;
}

static int
finish_regex(struct bh_suricata_draft *d, struct bh_suricata_pattern *p)
{
	static const struct {
		uint16_t pcre, sensor;
	} flags[] = {{BH_PCRE_NOCASE, BH_SENSOR_NOCASE},
		     {BH_PCRE_MULTILINE, BH_SENSOR_MULTILINE},
		     {BH_PCRE_DOTALL, BH_SENSOR_DOTALL},
		     {BH_PCRE_EXTENDED, BH_SENSOR_EXTENDED},
		     {BH_PCRE_UNGREEDY, BH_SENSOR_UNGREEDY},
		     {BH_PCRE_RELATIVE, BH_SENSOR_RELATIVE}};
	bool relative = (p->flags & BH_PCRE_RELATIVE) != 0;
	struct bh_buf b = {0};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(flags); i++)
		p->mod |= (p->flags & flags[i].pcre) != 0 ? flags[i].sensor : 0;
	if (relative && pattern_before(d, p) == NULL)
		p->mod &= (uint16_t)~BH_SENSOR_RELATIVE;
	if ((p->flags & BH_PCRE_ANCHORED) == 0)
		return 0;
	/* The model knows ^ as "just there" behind a match, \A as the first byte. A newline ends a comment of /x. */
	bh_buf_printf(&b, "%s(?:", (p->mod & BH_SENSOR_RELATIVE) != 0 ? "^" : "\\A");
	bh_buf_add(&b, p->text, p->len);
	bh_buf_str(&b, (p->flags & BH_PCRE_EXTENDED) != 0 ? "\n)" : ")");
	return become_regex(d, p, &b);
}

static void
finish_data_at(struct bh_suricata_draft *d, struct bh_suricata_pattern *p)
{
	if ((p->mod & BH_SENSOR_RELATIVE) == 0)
		return;
	/* Behind a content with an older modifier it is about that content's buffer. */
	if (!p->given && p > d->pattern)
		p->context = p[-1].context;
	if (pattern_before(d, p) == NULL)
		p->mod &= (uint16_t)~BH_SENSOR_RELATIVE;
}

int
bh_suricata_finish_patterns(struct bh_suricata_draft *d)
{
	struct bh_suricata_pattern *p = d->pattern, *end = p + d->n_patterns;
	int rc = 0;

	for (; rc == 0 && p < end && d->fate != BH_SIGNATURE_REFUSED; p++) {
		if (p->kind == BH_SENSOR_DATA_AT)
			finish_data_at(d, p);
		else if (p->kind == BH_SENSOR_REGEX)
			rc = finish_regex(d, p);
		else if (p->kind == BH_SENSOR_LITERAL && finish_literal(d, p)) {
			if (p->to_lower)
				undo_lower(d, p);
			if (p->dotprefix)
				rc = undo_dotprefix(d, p);
		}
	}
	return rc;
}
