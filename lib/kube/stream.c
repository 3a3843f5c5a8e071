/* stream: what an API server answers: pages of a list, and a watch's events, a line of JSON each. */
#include <errno.h>
#include <stdio.h>

#include "kube_priv.h"

static void
copy(char *out, size_t size, const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	/* Cut, it would be another one. */
	snprintf(out, size, "%s", s != NULL && strlen(s) < size ? s : "");
}

int
bh_kube_event_read(struct bh_kube_event *out, const char *line, size_t len)
{
	static const struct {
		const char *name;
		enum bh_kube_event_type type;
	} types[] = {{"ADDED", BH_KUBE_ADDED},
		     {"MODIFIED", BH_KUBE_ADDED},
		     {"DELETED", BH_KUBE_DELETED},
		     {"BOOKMARK", BH_KUBE_BOOKMARK},
		     {"ERROR", BH_KUBE_ERROR}};
	json_t *doc = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const char *type = json_string_value(json_object_get(doc, "type"));
	size_t i;

	*out = (struct bh_kube_event){.doc = doc, .object = json_object_get(doc, "object")};
	for (i = 0; type != NULL && i < BH_ARRAY_SIZE(types); i++) {
		if (strcmp(types[i].name, type) == 0)
			break;
	}
	if (type == NULL || i == BH_ARRAY_SIZE(types) || !json_is_object(out->object)) {
		json_decref(doc);
		out->doc = NULL;
		return -EINVAL;
	}
	out->type = types[i].type;
	copy(out->version, sizeof(out->version), json_object_get(out->object, "metadata"),
	     "resourceVersion");
	if (out->type != BH_KUBE_ERROR)
		return 0;
	copy(out->message, sizeof(out->message), out->object, "message");
	/* The history that the version was of is gone. */
	if (json_integer_value(json_object_get(out->object, "code")) == 410)
		out->type = BH_KUBE_GONE;
	return 0;
}

int
bh_kube_page_read(struct bh_kube_page *out, const char *text, size_t len)
{
	json_t *doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *meta = json_object_get(doc, "metadata");
	const char *next = json_string_value(json_object_get(meta, "continue"));

	*out = (struct bh_kube_page){.doc = doc, .items = json_object_get(doc, "items")};
	copy(out->version, sizeof(out->version), meta, "resourceVersion");
	copy(out->next, sizeof(out->next), meta, "continue");
	/* An empty list may be null. */
	if (doc == NULL || out->version[0] == '\0' ||
	    (next != NULL && strlen(next) >= sizeof(out->next)) ||
	    (!json_is_array(out->items) && !json_is_null(out->items))) {
		json_decref(doc);
		out->doc = NULL;
		return -EINVAL;
	}
	return 0;
}
