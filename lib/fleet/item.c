/* What is shared besides the policy, as JSON: labels of an endpoint, a conversation. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fleet_item.h"

static void
dump(struct bh_buf *b, json_t *o)
{
	char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;

	if (text != NULL)
		bh_buf_str(b, text);
	else
		b->failed = true;
	free(text);
	json_decref(o);
}

/* ---- endpoints ----------------------------------------------------------------------------------------------- */

void
bh_fleet_endpoint_name(const struct bh_endpoint *e, char out[BH_FLEET_ITEM_NAME])
{
	char prefix[64];

	bh_prefix_format(&e->prefix, prefix, sizeof(prefix));
	snprintf(out, BH_FLEET_ITEM_NAME, "%llx/%s", (unsigned long long)e->tenant, prefix);
}

void
bh_fleet_endpoint_write(struct bh_buf *b, const struct bh_endpoint *e)
{
	json_t *labels = json_object();
	unsigned i;

	for (i = 0; i < e->n_labels; i++)
		json_object_set_new(labels, e->labels[i].key, json_string(e->labels[i].value));
	dump(b, json_pack("{s:o}", "labels", labels));
}

static int
read_labels(struct bh_fleet_endpoint *out)
{
	const json_t *labels = json_object_get(out->doc, "labels");
	struct bh_endpoint *e = &out->change.endpoint;
	const char *key;
	json_t *v;

	if (!json_is_object(labels) || json_object_size(labels) > BH_LABELS_MAX)
		return -EINVAL;
	json_object_foreach((json_t *)(uintptr_t)labels, key, v)
	{
		if (!json_is_string(v))
			return -EINVAL;
		out->label[e->n_labels++] =
			(struct bh_label){.key = key, .value = json_string_value(v)};
	}
	e->labels = out->label;
	return 0;
}

int
bh_fleet_endpoint_read(struct bh_fleet_endpoint *out, const char *name, const char *value,
		       size_t len)
{
	char *end;
	int rc = 0;

	memset(out, 0, sizeof(*out));
	out->change.endpoint.tenant = strtoull(name, &end, 16);
	out->change.endpoint.source = BH_SOURCE_REST;
	out->change.op = value != NULL ? BH_ENDPOINT_PUT : BH_ENDPOINT_DELETE;
	if (end == name || *end != '/' || name[strspn(name, "0123456789abcdef")] != '/' ||
	    bh_prefix_parse(end + 1, &out->change.endpoint.prefix, NULL) != 0)
		return -EINVAL;
	if (value != NULL) {
		out->doc = json_loadb(value, len, JSON_REJECT_DUPLICATES, NULL);
		rc = read_labels(out);
	}
	if (rc != 0)
		bh_fleet_endpoint_free(out);
	return rc;
}

void
bh_fleet_endpoint_free(struct bh_fleet_endpoint *e)
{
	json_decref(e->doc);
	e->doc = NULL;
}
