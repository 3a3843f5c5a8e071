/* object: what the Kubernetes API says of namespaces, nodes, services, pods and EndpointSlices, as far as endpoints are
 * concerned. What is not of the expected type counts as not there. */
#include <errno.h>
#include <stdio.h>

#include "kube_priv.h"

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

static const char *
joined(struct bh_arena *a, const char *first, const char *second)
{
	size_t n = strlen(first), len = n + strlen(second);
	char *s = bh_arena_alloc(a, len + 1);

	if (s != NULL)
		snprintf(s, len + 1, "%s%s", first, second);
	return s;
}

static int
add_label(struct bh_kube_object *out, const char *key, const char *value)
{
	if (out->n_labels == BH_LABELS_MAX || !bh_label_key_valid(key) ||
	    !bh_label_value_valid(value)) {
		out->too_many = true;
		return -E2BIG;
	}
	out->label[out->n_labels++] = (struct bh_label){.key = key, .value = value};
	return 0;
}

/* What only the cluster may say of an endpoint: a pod's author writes its labels, and so does a service's. Nodes have
 * kubernetes.io/hostname by their kubelet: `nodes` of a policy are who has it. */
static bool
reserved(const char *key, enum bh_kube_kind kind)
{
	static const char *const words[] = {"namespace", "io.kubernetes.pod.namespace",
					    "kubernetes.io/hostname"};
	size_t i;

	if (kind == BH_KUBE_NODE)
		return strncmp(key, "k8s.", 4) == 0 || strcmp(key, words[0]) == 0 ||
		       strcmp(key, words[1]) == 0;
	if (strncmp(key, "k8s.", 4) == 0)
		return true;
	for (i = 0; i < BH_ARRAY_SIZE(words); i++) {
		if (strcmp(key, words[i]) == 0)
			return true;
	}
	return false;
}

static int
read_labels(struct bh_kube_object *out, const json_t *labels, struct bh_arena *a)
{
	const char *name, *key, *value;
	json_t *v;

	/* The loop goes on from `name`: it has to stay the object's own. */
	json_object_foreach((json_t *)labels, name, v)
	{
		key = name;
		value = json_string_value(v);
		if (value == NULL)
			continue;
		if (out->kind == BH_KUBE_NAMESPACE) {
			/* It is k8s.namespace in any case. */
			if (strcmp(key, "kubernetes.io/metadata.name") == 0)
				continue;
			key = joined(a, "k8s.namespace/", key);
			if (key == NULL)
				return -ENOMEM;
		} else if (reserved(key, out->kind)) {
			continue;
		}
		/* Features of a node's hardware are many, and nobody's identity. */
		if (out->kind == BH_KUBE_NODE &&
		    (strncmp(key, "feature.node.kubernetes.io/", 27) == 0 ||
		     out->n_labels > BH_LABELS_MAX - 8))
			continue;
		add_label(out, key, value);
	}
	return 0;
}

/* Whose addresses are read, and where they lie. */
struct claims {
	struct bh_kube_object *out;
	struct bh_arena *a;
	unsigned room;
	bool failed;
};

static bool
make_room(struct claims *c)
{
	unsigned room = c->room != 0 ? 4 * c->room : 4;
	struct bh_kube_address *more;

	if (c->out->n_addresses < c->room)
		return true;
	more = bh_arena_alloc(c->a, room * sizeof(*more));
	c->failed |= more == NULL;
	if (more == NULL)
		return false;
	if (c->room != 0)
		memcpy(more, c->out->address, c->room * sizeof(*more));
	c->out->address = more;
	c->room = room;
	return true;
}

static void
add_address(struct claims *c, const char *word, enum bh_kube_rank rank)
{
	struct bh_kube_object *out = c->out;
	struct bh_prefix p;
	unsigned i;

	if (out->n_addresses == BH_KUBE_ADDRESSES || bh_prefix_parse(word, &p, NULL) != 0 ||
	    p.len != (p.family == 4 ? 32 : 128))
		return;
	for (i = 0; i < out->n_addresses; i++) {
		if (memcmp(&out->address[i].prefix, &p, sizeof(p)) == 0)
			return;
	}
	if (!make_room(c))
		return;
	out->address[out->n_addresses++] =
		(struct bh_kube_address){.prefix = p, .rank = (uint8_t)rank};
}

/* A list of texts, or of maps that have the text under a key. */
static void
add_addresses(struct claims *c, const json_t *list, const char *key, enum bh_kube_rank rank)
{
	const json_t *v;
	size_t i;

	json_array_foreach((json_t *)list, i, v)
	{
		const char *word = key != NULL ? text(v, key) : json_string_value(v);

		if (word != NULL)
			add_address(c, word, rank);
	}
}

static void
read_pod(struct claims *c, const json_t *spec, const json_t *status)
{
	struct bh_kube_object *out = c->out;
	const char *phase = text(status, "phase"), *start = text(status, "startTime");

	if (start[0] != '\0')
		out->start = start;
	out->node = text(spec, "nodeName");
	if (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0 ||
	    json_is_true(json_object_get(spec, "hostNetwork")))
		return;
	add_address(c, text(status, "podIP"), BH_KUBE_RANK_POD);
	add_addresses(c, json_object_get(status, "podIPs"), "ip", BH_KUBE_RANK_POD);
	if (bh_label_value_valid(out->node) && out->node[0] != '\0')
		add_label(out, "k8s.node", out->node);
}

static void
read_node(struct claims *c, const json_t *status, const char *name)
{
	struct bh_kube_object *out = c->out;
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(status, "addresses"), i, v)
	{
		const char *type = text(v, "type");

		if (strcmp(type, "InternalIP") == 0 || strcmp(type, "ExternalIP") == 0)
			add_address(c, text(v, "address"), BH_KUBE_RANK_NODE);
	}
	for (i = 0; i < out->n_labels && strcmp(out->label[i].key, "kubernetes.io/hostname") != 0;)
		i++;
	if (i == out->n_labels)
		add_label(out, "kubernetes.io/hostname", name);
	add_label(out, "k8s.node", name);
}

static void
read_service(struct claims *c, const json_t *spec, const json_t *status, const char *name)
{
	struct bh_kube_object *out = c->out;

	if (strcmp(text(spec, "type"), "ExternalName") == 0)
		return;
	if (strcmp(text(spec, "clusterIP"), "None") != 0)
		add_address(c, text(spec, "clusterIP"), BH_KUBE_RANK_SERVICE);
	add_addresses(c, json_object_get(spec, "clusterIPs"), NULL, BH_KUBE_RANK_SERVICE);
	add_addresses(c, json_object_get(json_object_get(status, "loadBalancer"), "ingress"), "ip",
		      BH_KUBE_RANK_EXTERNAL);
	add_addresses(c, json_object_get(spec, "externalIPs"), NULL, BH_KUBE_RANK_EXTERNAL);
	/* k8s.namespace would make a pod of it: NetworkPolicies speak of pods, behind the translation of addresses. */
	add_label(out, "k8s.service", name);
	add_label(out, "k8s.service.namespace", out->ns);
	add_label(out, "namespace", out->ns);
}

/* Who stands behind a service and is no object of the cluster: a database outside, written by hand. Pods and nodes that it
 * names are who their own objects say. */
static void
read_slice(struct claims *c, const json_t *o)
{
	struct bh_kube_object *out = c->out;
	const char *service = text(json_object_get(json_object_get(o, "metadata"), "labels"),
				   "kubernetes.io/service-name");
	const json_t *end;
	size_t i;

	if (strcmp(text(o, "addressType"), "FQDN") == 0)
		return;
	json_array_foreach(json_object_get(o, "endpoints"), i, end)
	{
		const json_t *target = json_object_get(end, "targetRef");

		if (!json_is_object(target))
			add_addresses(c, json_object_get(end, "addresses"), NULL,
				      BH_KUBE_RANK_SLICE);
	}
	if (service[0] != '\0')
		add_label(out, "k8s.service", service);
	add_label(out, "k8s.service.namespace", out->ns);
	add_label(out, "namespace", out->ns);
}

int
bh_kube_object_read(struct bh_kube_object *out, enum bh_kube_kind kind, const json_t *o,
		    struct bh_arena *a)
{
	const json_t *meta = json_object_get(o, "metadata"), *spec = json_object_get(o, "spec"),
		     *status = json_object_get(o, "status");
	const char *name = text(meta, "name");
	struct claims c = {.out = out, .a = a};
	int rc;

	*out = (struct bh_kube_object){.kind = (uint8_t)kind,
				       .name = name,
				       .ns = text(meta, "namespace"),
				       .uid = text(meta, "uid"),
				       .start = text(meta, "creationTimestamp"),
				       .node = ""};
	if (name[0] == '\0' ||
	    (out->ns[0] == '\0' && kind != BH_KUBE_NAMESPACE && kind != BH_KUBE_NODE))
		return -EINVAL;
	if (out->ns[0] != '\0') {
		const char *prefix = joined(a, out->ns, "/");

		out->name = prefix != NULL ? joined(a, prefix, name) : NULL;
		if (out->name == NULL)
			return -ENOMEM;
	}
	out->terminating = text(meta, "deletionTimestamp")[0] != '\0';
	rc = read_labels(out, json_object_get(meta, "labels"), a);
	if (rc != 0)
		return rc;
	if (kind == BH_KUBE_POD)
		read_pod(&c, spec, status);
	else if (kind == BH_KUBE_NODE)
		read_node(&c, status, name);
	else if (kind == BH_KUBE_SERVICE)
		read_service(&c, spec, status, name);
	else if (kind == BH_KUBE_SLICE)
		read_slice(&c, o);
	return c.failed ? -ENOMEM : 0;
}
