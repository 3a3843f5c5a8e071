/* kind: the things there are, and their tables. */
#include "ctl.h"

enum {
	WIDE = BH_COL_WIDE,
	RIGHT = BH_COL_RIGHT,
	COLOUR = BH_COL_COLOUR,
	MAP = BH_COL_MAP,
	END = BH_COL_END,
	SHRINK = BH_COL_SHRINK,
	APPS = BH_COL_APPS,
};

static const struct bh_ctl_kind kind_list[] = {
#define BH_KIND(plural, singular, alias, path, member, name, lookup, filters)                      \
	{#plural, singular, alias, path, member, name, BH_LOOKUP_##lookup, filters},
#include "kind.def"
#undef BH_KIND
};

static const struct {
	const char *kind, *head, *path;
	unsigned flags;
} column_list[] = {
#define BH_COLUMN(kind, head, path, flags) {#kind, head, path, flags},
#include "column.def"
#undef BH_COLUMN
};

const char *
bh_ctl_kind_name(size_t i)
{
	return i < BH_ARRAY_SIZE(kind_list) ? kind_list[i].plural : NULL;
}

const struct bh_ctl_kind *
bh_ctl_kind(struct bh_ctl *ctl, const char *word)
{
	const char *known[BH_ARRAY_SIZE(kind_list)];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(kind_list); i++) {
		const struct bh_ctl_kind *k = &kind_list[i];

		known[i] = k->plural;
		if (strcmp(word, k->plural) == 0 || strcmp(word, k->singular) == 0 ||
		    strcmp(word, k->alias) == 0)
			return k;
	}
	bh_ctl_unknown(ctl->err, "kind", word, known, i);
	return NULL;
}

void
bh_ctl_kind_columns(const struct bh_ctl_kind *k, struct bh_ctl_table *t, bool wide)
{
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(column_list); i++) {
		if (strcmp(column_list[i].kind, k->plural) == 0 &&
		    (wide || (column_list[i].flags & WIDE) == 0))
			bh_ctl_table_column(t, column_list[i].head, column_list[i].flags);
	}
}

void
bh_ctl_kind_row(const struct bh_ctl_kind *k, struct bh_ctl_table *t, bool wide, json_t *item)
{
	struct bh_buf b = {0};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(column_list); i++) {
		if (strcmp(column_list[i].kind, k->plural) != 0 ||
		    (!wide && (column_list[i].flags & WIDE) != 0))
			continue;
		bh_buf_reset(&b);
		bh_ctl_value_text(&b, bh_ctl_value_at(item, column_list[i].path),
				  column_list[i].flags);
		bh_ctl_table_cell(t, b.len == 0 ? "-" : b.data);
	}
	t->failed |= b.failed;
	bh_buf_free(&b);
}

void
bh_ctl_tenant(struct bh_ctl *ctl, struct bh_buf *path)
{
	const struct bh_ctl_option *vlan = &ctl->a.vlan, *vni = &ctl->a.vni;

	if (vlan->n != 0) {
		bh_buf_str(path, "?vlan=");
		bh_ctl_encode(path, vlan->value[vlan->n - 1]);
	}
	if (vni->n != 0) {
		bh_buf_str(path, vlan->n != 0 ? "&vni=" : "?vni=");
		bh_ctl_encode(path, vni->value[vni->n - 1]);
	}
}

/* The item of a list whose name member is `name`; borrowed. */
static json_t *
kind_search(const struct bh_ctl_kind *k, json_t *list, const char *name)
{
	struct bh_buf b = {0};
	json_t *item, *found = NULL;
	size_t i;

	json_array_foreach(list, i, item)
	{
		bh_buf_reset(&b);
		bh_ctl_value_text(&b, json_object_get(item, k->name), 0);
		if (b.data != NULL && strcmp(b.data, name) == 0)
			found = item;
	}
	bh_buf_free(&b);
	return found;
}

int
bh_ctl_find(struct bh_ctl *ctl, const struct bh_ctl_kind *k, const char *name, json_t **out)
{
	struct bh_ctl_reply r = {0};
	struct bh_buf path = {0};
	int rc = 0;

	*out = NULL;
	bh_buf_str(&path, k->path);
	if (k->lookup == BH_LOOKUP_NONE) {
		fprintf(ctl->err, "bulkheadctl: %s have no names\n", k->plural);
		rc = BH_CTL_USAGE;
	} else if (k->lookup == BH_LOOKUP_PATH) {
		bh_buf_str(&path, "/");
		bh_ctl_encode(&path, name);
		if (strcmp(k->plural, "endpoints") == 0)
			bh_ctl_tenant(ctl, &path);
	}
	if (rc == 0)
		rc = bh_ctl_get_json(ctl, path.failed ? "" : path.data, &r);
	if (rc == 0 && k->lookup == BH_LOOKUP_PATH)
		*out = json_incref(r.json);
	else if (rc == 0)
		*out = json_incref(kind_search(k, json_object_get(r.json, k->member), name));
	if (rc == 0 && *out == NULL) {
		fprintf(ctl->err, "bulkheadctl: no %s is named ", k->singular);
		bh_ctl_put_clean(ctl->err, name);
		fputc('\n', ctl->err);
		rc = BH_CTL_NO;
	}
	bh_ctl_reply_free(&r);
	bh_buf_free(&path);
	return rc;
}
