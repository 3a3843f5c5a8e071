/* The learned list in words: ids, operations, YAML. */
#include <stdio.h>
#include <stdlib.h>

#include "rules_priv.h"

#define LIST_MAX 16   /* values of a list that is still readable */
#define VALUE_MAX 512 /* of a pattern, as policy takes it */

/* ---- operations ----------------------------------------------------------------------------------------- */

struct list {
	char text[LIST_MAX + 1][VALUE_MAX + 1];
	unsigned n;
	bool any; /* can't be listed */
};

/* Printable ASCII that is no pattern: what a rule can say exactly. */
static bool
is_plain(const char *s)
{
	const unsigned char *c;

	if (s[0] == '~' || s[0] == '\0' || strlen(s) > VALUE_MAX)
		return false;
	for (c = (const unsigned char *)s; *c != '\0'; c++) {
		if (*c < 0x20 || *c > 0x7e || *c == '*')
			return false;
	}
	return true;
}

static void
list_add(struct list *l, const char *s)
{
	unsigned i;

	for (i = 0; i < l->n; i++) {
		if (strcmp(l->text[i], s) == 0)
			return;
	}
	if (l->n > LIST_MAX)
		return;
	snprintf(l->text[l->n++], sizeof(l->text[0]), "%s", s);
}

/* A part of a path that names one of many: digits, or 8 or more of hexadecimal with at least one digit. */
static bool
is_number(const char *s, size_t len)
{
	size_t digits = 0, hex = 0, i;

	for (i = 0; i < len; i++) {
		digits += s[i] >= '0' && s[i] <= '9';
		hex += strchr("0123456789abcdefABCDEF-", s[i]) != NULL;
	}
	return len != 0 && (digits == len || (hex == len && len >= 8 && digits != 0));
}

/* "/cart/17/items" -> "/cart/&#42;/items" with a star there. */
static void
path_shape(const char *s, char out[VALUE_MAX + 1])
{
	size_t n = 0, len;

	while (*s != '\0') {
		len = strcspn(s, "/");
		if (is_number(s, len)) {
			out[n++] = '*';
		} else {
			memcpy(out + n, s, len);
			n += len;
		}
		s += len;
		if (*s == '/')
			out[n++] = *s++;
	}
	out[n] = '\0';
}

/* "/api/v1/x" -> "/api/" and a star. */
static void
path_prefix(const char *s, char out[VALUE_MAX + 1])
{
	const char *slash = s[0] == '/' ? strchr(s + 1, '/') : NULL;

	if (slash == NULL)
		snprintf(out, VALUE_MAX + 1, "%s", s);
	else
		snprintf(out, VALUE_MAX + 1, "%.*s/*", (int)(slash - s), s);
}

static void
add_paths(const struct maker *m, const char *app, unsigned field, struct list *l, bool prefix)
{
	char shape[VALUE_MAX + 1], out[VALUE_MAX + 1];
	uint32_t i;
	unsigned k;

	*l = (struct list){.n = 0};
	for (i = 0; i < m->n_pair; i++) {
		const struct fact *f = &m->pair[i];

		for (k = 0; strcmp(f->app, app) == 0 && k < f->n_values; k++) {
			if (f->value[k].field != field)
				continue;
			if (f->value[k].more || !is_plain(f->value[k].text)) {
				l->any = true;
				return;
			}
			path_shape(f->value[k].text, shape);
			path_prefix(shape, out);
			list_add(l, prefix ? out : shape);
		}
	}
	l->any = l->n > LIST_MAX;
}

static void
add_values(const struct maker *m, const char *app, unsigned field, struct list *l)
{
	uint32_t i;
	unsigned k;

	*l = (struct list){.n = 0};
	for (i = 0; i < m->n_pair; i++) {
		const struct fact *f = &m->pair[i];

		for (k = 0; strcmp(f->app, app) == 0 && k < f->n_values; k++) {
			if (f->value[k].field != field)
				continue;
			if (f->value[k].more || !is_plain(f->value[k].text))
				l->any = true;
			else
				list_add(l, f->value[k].text);
		}
	}
	l->any |= l->n > LIST_MAX;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* What an operation is told by; names of single things (keys, hashes, headers) make no rule that lasts. */
static bool
is_listed(unsigned field)
{
	static const char *const keys[] = {"methods",   "paths",  "hosts",    "services",
					   "verbs",     "tables", "commands", "collections",
					   "databases", "apis",   "topics",   "types",
					   "sni"};
	const struct bh_op_field_info *f = bh_op_field_info(field);
	size_t i;

	for (i = 0; f->rule_key != NULL && i < BH_ARRAY_SIZE(keys); i++) {
		if (strcmp(f->rule_key, keys[i]) == 0)
			return true;
	}
	return false;
}

static void
put_list(struct bh_buf *b, const char *key, struct list *l)
{
	unsigned i;
	const char *c;

	qsort(l->text, l->n, sizeof(l->text[0]), by_text);
	bh_buf_printf(b, "%s: [", key);
	for (i = 0; i < l->n; i++) {
		bh_buf_str(b, i == 0 ? "\"" : ", \"");
		for (c = l->text[i]; *c != '\0'; c++)
			bh_buf_printf(b, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
		bh_buf_str(b, "\"");
	}
	bh_buf_str(b, "]");
}

void
bh_learned_application(struct maker *m, const char *app, struct bh_buf *b)
{
	struct list *l = malloc(sizeof(*l));
	unsigned field, n = 0;

	m->out->failed |= l == NULL;
	for (field = 0; l != NULL && field < BH_OP_FIELD_COUNT; field++) {
		const struct bh_op_field_info *f = bh_op_field_info(field);

		if (!is_listed(field))
			continue;
		if (strcmp(f->rule_key, "paths") == 0) {
			add_paths(m, app, field, l, false);
			if (l->any)
				add_paths(m, app, field, l, true);
		} else {
			add_values(m, app, field, l);
		}
		if (l->any || l->n == 0)
			continue;
		if (n++ == 0)
			bh_buf_printf(b, "{%s: {", app);
		else
			bh_buf_str(b, ", ");
		put_list(b, f->rule_key, l);
	}
	bh_buf_str(b, n != 0 ? "}}" : app);
	free(l);
}

/* ---- ids ------------------------------------------------------------------------------------------------- */

/* "[redis, {http: ...}]" -> "redis"; "[tcp/80-90, ...]" -> "tcp-80-90". */
static void
first_word(const struct bh_learned_rule *r, char *out, size_t size)
{
	const char *s = r->applications[0] != '\0' ? r->applications : r->ports;
	size_t n = 0;

	for (s += strspn(s, "[{ "); n + 1 < size && *s != '\0' && strchr(",:]}", *s) == NULL; s++)
		out[n++] = *s == '/' ? '-' : *s;
	out[n] = '\0';
}

/* By what a rule is about, so that another rule more or less does not rename it. */
static void
make_id(const struct bh_learned_rule *r, char out[BH_LEARN_NAME])
{
	char what[32], from[41], to[41];

	first_word(r, what, sizeof(what));
	snprintf(from, sizeof(from), "%.40s", r->from[0]);
	snprintf(to, sizeof(to), "%.40s", r->to[0]);
	if (r->n_from == 1 && r->n_to == 1)
		snprintf(out, BH_LEARN_NAME, "learned-%s-to-%s-%s", from, to, what);
	else if (r->n_to == 1)
		snprintf(out, BH_LEARN_NAME, "learned-to-%s-%s", to, what);
	else if (r->n_from == 1)
		snprintf(out, BH_LEARN_NAME, "learned-from-%s-%s", from, what);
	else
		snprintf(out, BH_LEARN_NAME, "learned-%s", what);
}

struct named {
	char id[BH_LEARN_NAME];
	uint32_t rule;
};

static int
by_id(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int rc = strcmp(x->id, y->id);

	return rc != 0 ? rc : x->rule < y->rule ? -1 : x->rule > y->rule;
}

void
bh_learned_names(struct maker *m)
{
	struct bh_learned *o = m->out;
	struct named *list = calloc(o->n_rules + 1u, sizeof(*list));
	char text[BH_LEARN_NAME + 16];
	uint32_t i, same = 0;

	o->failed |= list == NULL;
	for (i = 0; list != NULL && i < o->n_rules; i++) {
		make_id(&o->rule[i], list[i].id);
		list[i].rule = i;
	}
	if (list != NULL)
		qsort(list, o->n_rules, sizeof(*list), by_id);
	for (i = 0; list != NULL && i < o->n_rules; i++) {
		same = i != 0 && strcmp(list[i].id, list[i - 1].id) == 0 ? same + 1 : 0;
		snprintf(text, sizeof(text), same != 0 ? "%s.%u" : "%s", list[i].id, same + 1);
		o->rule[list[i].rule].id = bh_learned_text(o, text);
	}
	free(list);
}

/* ---- YAML -------------------------------------------------------------------------------------------------- */

static void
put_side(struct bh_buf *b, const char *key, const char **name, uint32_t n)
{
	uint32_t i;

	bh_buf_printf(b, "      %s: %s", key, n > 1 ? "[" : "");
	for (i = 0; i < n; i++)
		bh_buf_printf(b, "%s%s", i != 0 ? ", " : "", name[i]);
	bh_buf_str(b, n > 1 ? "]\n" : "\n");
}

static void
put_time(struct bh_buf *b, const char *key, uint64_t ns)
{
	char when[32];

	bh_time_format(ns, when, sizeof(when));
	bh_buf_printf(b, "%s: \"%.19sZ\"", key, when);
}

static void
put_rule(struct bh_buf *b, const struct bh_learned_rule *r)
{
	bh_buf_printf(b, "    - id: %s\n", r->id);
	put_side(b, "from", r->from, r->n_from);
	put_side(b, "to", r->to, r->n_to);
	bh_buf_printf(b, "      ports: %s\n", r->ports);
	if (r->applications[0] != '\0')
		bh_buf_printf(b, "      applications: %s\n", r->applications);
	bh_buf_printf(b, "      action: allow\n      evidence: {sessions: %llu, bytes: %llu, ",
		      (unsigned long long)r->seen.sessions, (unsigned long long)r->seen.bytes);
	put_time(b, "first", r->seen.first_ns);
	bh_buf_str(b, ", ");
	put_time(b, "last", r->seen.last_ns);
	bh_buf_str(b, "}\n");
}

void
bh_learned_yaml(const struct bh_learned *o, const char *segments, struct bh_buf *b)
{
	char text[64];
	uint32_t i;

	bh_buf_str(b, "learned:\n");
	if (o->n_hosts != 0 || segments[0] != '\0')
		bh_buf_printf(b, "  segments:\n%s", segments);
	for (i = 0; i < o->n_hosts; i++) {
		bh_prefix_format(&o->host[i].address, text, sizeof(text));
		bh_buf_printf(b, "    %s: {addresses: [\"%s\"], mode: protect}\n", o->host[i].name,
			      text);
	}
	bh_buf_str(b, o->n_rules != 0 ? "  rules:\n" : "  rules: []\n");
	for (i = 0; i < o->n_rules; i++)
		put_rule(b, &o->rule[i]);
}
