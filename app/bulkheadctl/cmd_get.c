/* get: lists and single things. */
#include <stdlib.h>
#include <unistd.h>

#include "ctl.h"

#define GET_DEFAULT_LIMIT 500
#define GET_PAGE 1000 /* the API's largest */

void
bh_ctl_print_json(struct bh_ctl *ctl, json_t *v)
{
	char *text = json_dumps(v, JSON_INDENT(2) | JSON_ENCODE_ANY);

	if (text != NULL)
		fprintf(ctl->out, "%s\n", text);
	free(text);
}

static bool
get_is_data(const struct bh_ctl *ctl)
{
	return ctl->a.format == BH_OUTPUT_JSON || ctl->a.format == BH_OUTPUT_YAML;
}

static void
get_print_data(struct bh_ctl *ctl, json_t *v)
{
	if (ctl->a.format == BH_OUTPUT_YAML)
		bh_ctl_print_yaml(ctl, v);
	else
		bh_ctl_print_json(ctl, v);
}

/* ---- lists ------------------------------------------------------------------------------------------- */

struct get_list {
	const struct bh_ctl_kind *kind;
	uint64_t limit; /* UINT64_MAX = all */
	json_t *items;
	bool more;
};

/* --filter name=value and --label key=value as query arguments. */
static int
get_query(struct bh_ctl *ctl, const struct bh_ctl_kind *k, struct bh_buf *b)
{
	const struct bh_ctl_option *f = &ctl->a.filter, *l = &ctl->a.label;
	char name[32];
	unsigned i;

	for (i = 0; i < f->n; i++) {
		size_t n = strcspn(f->value[i], "=");

		snprintf(name, sizeof(name), "%.*s", (int)n, f->value[i]);
		if (f->value[i][n] != '=' || !bh_ctl_word_in(name, k->filters)) {
			fprintf(ctl->err,
				"bulkheadctl: --filter for %s is NAME=VALUE with one of: %s\n",
				k->plural, k->filters[0] != '\0' ? k->filters : "(none)");
			return BH_CTL_USAGE;
		}
		bh_buf_printf(b, "&%s=", name);
		bh_ctl_encode(b, f->value[i] + n + 1);
	}
	if (l->n != 0 && !bh_ctl_word_in("label", k->filters)) {
		fprintf(ctl->err, "bulkheadctl: %s have no labels\n", k->plural);
		return BH_CTL_USAGE;
	}
	for (i = 0; i < l->n; i++) {
		bh_buf_str(b, "&label=");
		bh_ctl_encode(b, l->value[i]);
	}
	return 0;
}

/* One page behind `cursor` (NULL: the first); *next is its cursor, owned, or NULL. */
static int
get_page(struct bh_ctl *ctl, struct get_list *g, const char *filters, const char *cursor,
	 char **next)
{
	uint64_t left = g->limit - json_array_size(g->items);
	struct bh_ctl_reply r = {0};
	struct bh_buf path = {0};
	const char *text;
	int rc;

	bh_buf_printf(&path, "%s?limit=%u%s", g->kind->path,
		      left < GET_PAGE ? (unsigned)left : GET_PAGE, filters);
	if (cursor != NULL) {
		bh_buf_str(&path, "&cursor=");
		bh_ctl_encode(&path, cursor);
	}
	*next = NULL;
	rc = bh_ctl_get_json(ctl, path.failed ? "" : path.data, &r);
	if (rc == 0) {
		json_array_extend(g->items, json_object_get(r.json, g->kind->member));
		text = json_string_value(json_object_get(r.json, "next"));
		*next = text != NULL ? strdup(text) : NULL;
	}
	bh_ctl_reply_free(&r);
	bh_buf_free(&path);
	return rc;
}

static int
get_pages(struct bh_ctl *ctl, struct get_list *g)
{
	struct bh_buf filters = {0};
	char *cursor = NULL, *next;
	int rc;

	rc = get_query(ctl, g->kind, &filters);
	while (rc == 0) {
		rc = get_page(ctl, g, filters.data != NULL ? filters.data : "", cursor, &next);
		free(cursor);
		cursor = next;
		g->more = cursor != NULL;
		if (cursor == NULL || json_array_size(g->items) >= g->limit)
			break;
	}
	free(cursor);
	bh_buf_free(&filters);
	return rc;
}

/* Lists that come whole: reasons, and the parts of /stats. */
static int
get_whole(struct bh_ctl *ctl, struct get_list *g)
{
	struct bh_ctl_reply r = {0};
	int rc;

	if (ctl->a.filter.n != 0 || ctl->a.label.n != 0) {
		fprintf(ctl->err, "bulkheadctl: %s have no filters\n", g->kind->plural);
		return BH_CTL_USAGE;
	}
	rc = bh_ctl_get_json(ctl, g->kind->path, &r);
	if (rc == 0)
		json_array_extend(g->items, json_object_get(r.json, g->kind->member));
	bh_ctl_reply_free(&r);
	return rc;
}

static void
get_table(struct bh_ctl *ctl, const struct bh_ctl_kind *k, json_t *items)
{
	bool wide = ctl->a.format == BH_OUTPUT_WIDE;
	struct bh_ctl_table t = {0};
	json_t *item;
	size_t i;

	bh_ctl_kind_columns(k, &t, wide);
	json_array_foreach(items, i, item)
	{
		bh_ctl_kind_row(k, &t, wide, item);
	}
	bh_ctl_table_print(&t, ctl);
	bh_ctl_table_free(&t);
}

static int
get_list_limit(struct bh_ctl *ctl, struct get_list *g)
{
	g->limit = GET_DEFAULT_LIMIT;
	if (ctl->a.limit.n != 0 &&
	    !bh_ctl_number(ctl->a.limit.value[ctl->a.limit.n - 1], UINT32_MAX, &g->limit)) {
		fprintf(ctl->err, "bulkheadctl: --limit must be a number\n");
		return BH_CTL_USAGE;
	}
	if (g->limit == 0)
		g->limit = UINT64_MAX;
	return 0;
}

static int
get_list(struct bh_ctl *ctl, const struct bh_ctl_kind *k)
{
	bool paged = strcmp(k->member, "items") == 0 && k->lookup != BH_LOOKUP_LIST;
	struct get_list g = {.kind = k};
	json_t *o;
	int rc;

	rc = get_list_limit(ctl, &g);
	if (rc != 0)
		return rc;
	g.items = json_array();
	rc = paged ? get_pages(ctl, &g) : get_whole(ctl, &g);
	if (rc == 0 && get_is_data(ctl)) {
		o = json_pack("{s:O, s:b}", "items", g.items, "more", g.more);
		get_print_data(ctl, o);
		json_decref(o);
	} else if (rc == 0) {
		get_table(ctl, k, g.items);
	}
	fflush(ctl->out); /* so that the hint comes last */
	if (rc == 0 && g.more)
		fprintf(ctl->err, "There are more: --limit N shows N, --limit 0 all.\n");
	json_decref(g.items);
	return rc;
}

/* ---- single things ----------------------------------------------------------------------------------- */

static int
get_one(struct bh_ctl *ctl, const struct bh_ctl_kind *k, const char *name)
{
	json_t *o, *list;
	int rc = bh_ctl_find(ctl, k, name, &o);

	if (rc != 0)
		return rc;
	if (get_is_data(ctl)) {
		get_print_data(ctl, o);
	} else {
		list = json_pack("[O]", o);
		get_table(ctl, k, list);
		json_decref(list);
	}
	json_decref(o);
	return 0;
}

static void
get_scalars(struct bh_ctl_table *t, json_t *o)
{
	struct bh_buf b = {0};
	const char *key;
	json_t *v;

	json_object_foreach(o, key, v)
	{
		if (json_is_object(v) || json_is_array(v))
			continue;
		bh_buf_reset(&b);
		bh_ctl_value_text(&b, v, 0);
		bh_ctl_table_cell(t, key);
		bh_ctl_table_cell(t, b.len != 0 ? b.data : "-");
	}
	bh_buf_free(&b);
}

static void
get_by_reason(struct bh_ctl_table *t, json_t *o, const char *what)
{
	const char *key;
	json_t *v;

	json_object_foreach(o, key, v)
	{
		bh_ctl_table_printf(t, "%s %s", what, key);
		bh_ctl_table_printf(t, "%lld",
				    (long long)json_integer_value(json_object_get(v, "packets")));
	}
}

/* /stats and /policy: one object, a line a number. */
static int
get_object(struct bh_ctl *ctl, const struct bh_ctl_kind *k)
{
	struct bh_ctl_reply r = {0};
	struct bh_ctl_table t = {0};
	json_t *total;
	int rc = bh_ctl_get_json(ctl, k->path, &r);

	if (rc == 0 && get_is_data(ctl)) {
		get_print_data(ctl, r.json);
	} else if (rc == 0) {
		bh_ctl_table_column(&t, "WHAT", 0);
		bh_ctl_table_column(&t, "VALUE", BH_COL_RIGHT);
		total = json_object_get(r.json, "total");
		get_scalars(&t, r.json);
		get_scalars(&t, total);
		get_by_reason(&t, json_object_get(total, "passed_by_reason"), "passed");
		get_by_reason(&t, json_object_get(total, "dropped_by_reason"), "dropped");
		bh_ctl_table_print(&t, ctl);
		bh_ctl_table_free(&t);
	}
	bh_ctl_reply_free(&r);
	return rc;
}

/* The policy's, or with a number a revision's. */
static int
get_document(struct bh_ctl *ctl, const char *revision)
{
	struct bh_ctl_request q = {.method = "GET", .path = "/policy?format=yaml"};
	struct bh_ctl_reply r = {0};
	struct bh_buf path = {0};
	int rc;

	if (revision != NULL) {
		bh_buf_str(&path, "/policy/revisions/");
		bh_ctl_encode(&path, revision);
		bh_buf_str(&path, "?format=yaml");
		q.path = path.failed ? "" : path.data;
	}
	rc = bh_ctl_call(ctl, &q, &r);
	bh_buf_free(&path);
	if (rc == 0 && r.text.len != 0)
		fwrite(r.text.data, 1, r.text.len, ctl->out);
	bh_ctl_reply_free(&r);
	return rc;
}

static int
get_once(struct bh_ctl *ctl, const struct bh_ctl_kind *k)
{
	/* A policy's YAML is the document, not its figures. */
	if (ctl->a.format == BH_OUTPUT_YAML && strcmp(k->plural, "policy") == 0)
		return get_document(ctl, NULL);
	if (ctl->a.format == BH_OUTPUT_YAML && strcmp(k->plural, "revisions") == 0 &&
	    ctl->a.n_words > 1)
		return get_document(ctl, ctl->a.word[1]);
	if (ctl->a.n_words > 1)
		return get_one(ctl, k, ctl->a.word[1]);
	return k->member == NULL ? get_object(ctl, k) : get_list(ctl, k);
}

/* Until it is interrupted, or the gateway does not answer. */
static int
get_again(struct bh_ctl *ctl, const struct bh_ctl_kind *k)
{
	const struct bh_ctl_option *o = &ctl->a.interval;
	uint64_t seconds = 2;
	int rc;

	if (o->n != 0 && (!bh_ctl_number(o->value[o->n - 1], 86400, &seconds) || seconds == 0)) {
		fprintf(ctl->err, "bulkheadctl: --interval is a number of seconds from 1\n");
		return BH_CTL_USAGE;
	}
	for (;;) {
		if (ctl->width != 0)
			fputs("\033[H\033[2J", ctl->out);
		rc = get_once(ctl, k);
		if (rc != 0)
			return rc;
		if (fflush(ctl->out) != 0)
			return BH_CTL_USAGE;
		sleep((unsigned)seconds);
		if (ctl->width == 0)
			fputc('\n', ctl->out);
	}
}

int
bh_ctl_get(struct bh_ctl *ctl)
{
	const struct bh_ctl_kind *k = bh_ctl_kind(ctl, ctl->a.word[0]);

	if (k == NULL)
		return BH_CTL_USAGE;
	return ctl->a.watch.n != 0 ? get_again(ctl, k) : get_once(ctl, k);
}
