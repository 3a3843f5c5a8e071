/* row: the columns of an EVE line. A walk over its members, two levels deep; no tree is built. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <time.h>

#include "record_priv.h"

enum { WORD, NUMBER, ADDRESS, TIME };

static const struct column {
	const char *object; /* "": of the event itself */
	const char *key;
	unsigned kind;
	size_t offset;
} columns[] = {
#define AT(m) offsetof(struct bh_record_row, m)
	{"", "timestamp", TIME, AT(time_ns)},
	{"", "event_type", WORD, AT(type)},
	{"", "src_ip", ADDRESS, AT(src)},
	{"", "dest_ip", ADDRESS, AT(dst)},
	{"", "app_proto", WORD, AT(app)},
	{"alert", "severity", NUMBER, AT(severity)},
	{"bulkhead", "kind", WORD, AT(kind)},
	{"bulkhead", "event", WORD, AT(event)},
	{"bulkhead", "src_segment", WORD, AT(src_segment)},
	{"bulkhead", "dst_segment", WORD, AT(dst_segment)},
	{"bulkhead", "rule_id", WORD, AT(rule)},
	{"bulkhead", "verdict", WORD, AT(verdict)},
	{"bulkhead", "mode", WORD, AT(mode)},
	{"bulkhead", "sensor", WORD, AT(sensor)},
#undef AT
};

struct walk {
	struct bh_cur c;
	struct bh_record_row *row;
};

/* Text between quotes, escapes and all. */
struct raw {
	const char *p;
	size_t len;
};

static void
skip_blanks(struct bh_cur *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\r' || *c->p == '\n'))
		c->p++;
}

static bool
take(struct bh_cur *c, char what)
{
	skip_blanks(c);
	if (c->p == c->end || *c->p != (uint8_t)what)
		return false;
	c->p++;
	return true;
}

/* Behind its opening quote. */
static bool
take_text(struct bh_cur *c, struct raw *out)
{
	out->p = (const char *)c->p;
	for (; c->p < c->end; c->p++) {
		if (*c->p == '\\') {
			if (++c->p == c->end)
				return false;
		} else if (*c->p == '"') {
			out->len = (size_t)((const char *)c->p - out->p);
			c->p++;
			return true;
		}
	}
	return false;
}

/* Any value; of objects and lists only the brackets are counted. */
static bool
skip_value(struct bh_cur *c)
{
	unsigned depth = 0;
	struct raw text;

	skip_blanks(c);
	for (; c->p < c->end; c->p++) {
		switch (*c->p) {
		case '"':
			c->p++;
			if (!take_text(c, &text))
				return false;
			c->p--;
			break;
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			if (depth == 0)
				return true;
			depth--;
			break;
		case ',':
			if (depth == 0)
				return true;
			break;
		}
	}
	return depth == 0;
}

static bool
is(const struct raw *t, const char *word)
{
	return strlen(word) == t->len && memcmp(t->p, word, t->len) == 0;
}

/* Our own writer escapes quotes, backslashes and control characters; the latter are no part of a name. */
static void
set_word(char *out, const struct raw *t)
{
	size_t i, n = 0;

	for (i = 0; i < t->len && n < BH_RECORD_WORD - 1; i++) {
		if (t->p[i] == '\\' && i + 1 < t->len)
			i++;
		out[n++] = t->p[i];
	}
	out[n] = '\0';
}

static void
set_address(struct bh_record_address *a, const struct raw *t)
{
	char text[INET6_ADDRSTRLEN];

	a->len = 0;
	if (t->len >= sizeof(text))
		return;
	memcpy(text, t->p, t->len);
	text[t->len] = '\0';
	if (inet_pton(AF_INET, text, a->b + 1) == 1) {
		a->b[0] = 4;
		a->len = 5;
	} else if (inet_pton(AF_INET6, text, a->b + 1) == 1) {
		a->b[0] = 6;
		a->len = 17;
	}
}

static bool
digits(const char *s, unsigned n, long *out)
{
	*out = 0;
	for (; n > 0; n--, s++) {
		if (*s < '0' || *s > '9')
			return false;
		*out = *out * 10 + (*s - '0');
	}
	return true;
}

uint64_t
bh_record_time(const char *text, size_t len)
{
	long year, month, day, hour, minute, second, micro;
	struct tm tm = {0};
	time_t t;

	if (len != 31 || memcmp(text + 26, "+0000", 5) != 0 || text[19] != '.' ||
	    !digits(text, 4, &year) || !digits(text + 5, 2, &month) || !digits(text + 8, 2, &day) ||
	    !digits(text + 11, 2, &hour) || !digits(text + 14, 2, &minute) ||
	    !digits(text + 17, 2, &second) || !digits(text + 20, 6, &micro))
		return 0;
	tm.tm_year = (int)year - 1900;
	tm.tm_mon = (int)month - 1;
	tm.tm_mday = (int)day;
	tm.tm_hour = (int)hour;
	tm.tm_min = (int)minute;
	tm.tm_sec = (int)second;
	t = timegm(&tm);
	return t <= 0 ? 0 : (uint64_t)t * BH_NS_PER_SEC + (uint64_t)micro * 1000;
}

static void
set_text(struct bh_record_row *row, const struct column *c, const struct raw *t)
{
	char *at = (char *)row + c->offset;

	if (c->kind == WORD)
		set_word(at, t);
	else if (c->kind == ADDRESS)
		set_address((struct bh_record_address *)(void *)at, t);
	else if (c->kind == TIME)
		*(uint64_t *)(void *)at = bh_record_time(t->p, t->len);
}

static bool
take_value(struct walk *w, const char *object, const struct raw *key)
{
	const struct column *c = NULL;
	struct raw text;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(columns) && c == NULL; i++) {
		if (is(key, columns[i].key) && strcmp(columns[i].object, object) == 0)
			c = &columns[i];
	}
	skip_blanks(&w->c);
	if (c == NULL || w->c.p == w->c.end)
		return skip_value(&w->c);
	if (*w->c.p == '"') {
		w->c.p++;
		if (!take_text(&w->c, &text))
			return false;
		set_text(w->row, c, &text);
		return true;
	}
	/* All numbers here have one digit. */
	if (c->kind == NUMBER && *w->c.p >= '0' && *w->c.p <= '9')
		w->row->severity = (unsigned)(*w->c.p - '0');
	return skip_value(&w->c);
}

/* One object; those inside the event that have columns are walked the same way. */
static bool
take_object(struct walk *w, const char *object)
{
	static const char *const inside[] = {"alert", "bulkhead"};
	struct raw key;
	bool ok = true;
	size_t i;

	if (!take(&w->c, '{'))
		return false;
	while (ok && take(&w->c, '"')) {
		if (!take_text(&w->c, &key) || !take(&w->c, ':'))
			return false;
		skip_blanks(&w->c);
		for (i = 0; i < BH_ARRAY_SIZE(inside); i++) {
			if (object[0] == '\0' && is(&key, inside[i]) && w->c.p < w->c.end &&
			    *w->c.p == '{')
				break;
		}
		ok = i < BH_ARRAY_SIZE(inside) ? take_object(w, inside[i])
					       : take_value(w, object, &key);
		if (!take(&w->c, ','))
			break;
	}
	return ok && take(&w->c, '}');
}

void
bh_record_parse(struct bh_record_row *row, const char *line, size_t len, uint64_t now_ns)
{
	struct walk w = {.c = bh_cur(line, len), .row = row};
	bool refused;

	/* Words are strings: their first byte is all that has to go. */
	row->time_ns = 0;
	row->type[0] = row->kind[0] = row->event[0] = row->src_segment[0] = '\0';
	row->dst_segment[0] = row->rule[0] = row->verdict[0] = row->mode[0] = '\0';
	row->app[0] = row->sensor[0] = '\0';
	row->src.len = row->dst.len = 0;
	row->severity = 0;
	take_object(&w, "");
	if (row->time_ns == 0)
		row->time_ns = now_ns;
	/* A violation says what protect does, in each mode. */
	refused = strcmp(row->verdict, "deny") == 0 || strcmp(row->verdict, "reject") == 0;
	row->dropped = strcmp(row->type, "drop") == 0 ||
		       (refused &&
			(strcmp(row->kind, "violation") != 0 || strcmp(row->mode, "protect") == 0));
	if (row->kind[0] == '\0')
		memcpy(row->kind, strcmp(row->type, "bulkhead") == 0 ? row->event : row->type,
		       sizeof(row->kind));
}
