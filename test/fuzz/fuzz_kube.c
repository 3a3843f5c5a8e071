/* Any bytes as what an API server sends, as specs of policies, or as a kubeconfig (by the first byte). Beyond no crash: events come out the same however
 * their bytes come in pieces; an object's labels are labels, none of them one that only the cluster may give; its addresses are whole; the
 * model says no address twice in a batch and has nothing more to say behind it; a refused kubeconfig has a sentence and leaves nothing; specs
 * become lines that stay below the key `clusters`, or are refused with a sentence. */
#include <stdlib.h>

#include "../../lib/kube/kube_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x)                                                                                    \
	do {                                                                                       \
		if (!(x))                                                                          \
			abort();                                                                   \
	} while (0)

struct run {
	struct bh_kube_model *m; /* NULL: count only */
	enum bh_kube_kind kind;
	uint64_t lines, bytes;
};

static void
check_object(const struct bh_kube_object *o)
{
	unsigned i;

	MUST(o->name[0] != '\0' && o->n_labels <= BH_LABELS_MAX);
	for (i = 0; i < o->n_labels; i++) {
		const char *key = o->label[i].key;

		MUST(bh_label_key_valid(key) && bh_label_value_valid(o->label[i].value));
		if (o->kind == BH_KUBE_POD)
			MUST(strcmp(key, "namespace") != 0 &&
			     strncmp(key, "k8s.namespace", 13) != 0 &&
			     strcmp(key, "kubernetes.io/hostname") != 0);
	}
	MUST(o->n_addresses <= BH_KUBE_ADDRESSES);
	for (i = 0; i < o->n_addresses; i++)
		MUST(o->address[i].prefix.len == (o->address[i].prefix.family == 4 ? 32 : 128));
}

static int
take(void *arg, const char *line, size_t len)
{
	struct run *r = arg;
	struct bh_arena a = {0};
	struct bh_kube_object o;
	struct bh_kube_event e;

	r->lines++;
	r->bytes += len;
	if (r->m == NULL || bh_kube_event_read(&e, line, len) != 0)
		return 0;
	if (bh_kube_object_read(&o, r->kind, e.object, &a) == 0) {
		check_object(&o);
		if (e.type == BH_KUBE_DELETED)
			bh_kube_model_delete(r->m, 0, o.kind, o.name);
		else
			MUST(bh_kube_model_put(r->m, &o) == 0);
	}
	bh_arena_free(&a);
	json_decref(e.doc);
	return 0;
}

static void
feed(struct run *r, const char *text, size_t len, size_t cut)
{
	struct bh_lines l = {0};
	size_t at;

	for (at = 0; at < len; at += cut)
		MUST(bh_lines_feed(&l, text + at, len - at < cut ? len - at : cut, take, r) == 0);
	bh_lines_free(&l);
}

static void
watch(const char *text, size_t len, unsigned kind)
{
	static const char *const name[] = {"c"};
	struct run r = {.kind = (enum bh_kube_kind)(kind % BH_KUBE_KINDS)}, again = r;
	struct bh_kube_batch b;
	size_t i, k;

	MUST(bh_kube_model_create(&r.m, name, 1) == 0);
	feed(&r, text, len, 7);
	feed(&again, text, len, 64);
	MUST(r.lines == again.lines && r.bytes == again.bytes);
	MUST(bh_kube_model_changes(r.m, &b) == 0);
	for (i = 0; i < b.n; i++) {
		MUST(b.change[i].op == BH_ENDPOINT_PUT);
		for (k = 0; k < i; k++)
			MUST(memcmp(&b.change[i].endpoint.prefix, &b.change[k].endpoint.prefix,
				    sizeof(struct bh_prefix)) != 0);
	}
	bh_kube_model_done(r.m);
	bh_kube_batch_free(&b);
	MUST(bh_kube_model_changes(r.m, &b) == 0 && b.n == 0);
	bh_kube_batch_free(&b);
	bh_kube_model_free(r.m);
}

static void
kubeconfig(const char *text, size_t len)
{
	const struct bh_config_source s = {.name = "c", .kubeconfig = "/k/config"};
	struct bh_kube_access a;
	struct bh_err err = {0};

	if (bh_kube_access_read(&a, text, len, &s, &err) != 0) {
		MUST(err.what[0] != '\0');
		MUST(a.token == NULL && a.ca_data == NULL && a.key_data == NULL);
		return;
	}
	MUST(strncmp(a.server, "https://", 8) == 0 && !a.insecure);
	bh_kube_access_free(&a);
}

/* Lines of the input are specs, of kinds in turn. */
static void
wishes(const char *text, size_t len, unsigned kind)
{
	static const struct bh_config config = {.n_sources = 1, .source = {{.name = "c"}}};
	static const char *const names[] = {"a", "n/b", "c", "n/d"};
	struct bh_kube_wish w[4];
	struct bh_buf out = {0};
	struct bh_err err = {0};
	struct bh_yaml_doc *doc;
	size_t n = 0, end, i;

	for (; len != 0 && n < BH_ARRAY_SIZE(w); text += end, len -= end) {
		const char *nl = memchr(text, '\n', len);
		json_t *o = json_loadb(text, nl != NULL ? (size_t)(nl - text) : len, 0, NULL);

		end = nl != NULL ? (size_t)(nl - text) + 1 : len;
		if (o == NULL)
			continue;
		w[n] = (struct bh_kube_wish){.kind = (uint8_t)((kind + n) % BH_KUBE_WISHES),
					     .name = names[n],
					     .spec = o};
		n++;
	}
	if (bh_kube_part(w, n, &config, &out, &err) != 0) {
		MUST(err.what[0] != '\0');
	} else if (out.len != 0) {
		MUST(memcmp(out.data, "clusters:\n", 10) == 0);
		for (i = 10; i < out.len; i++)
			MUST(out.data[i - 1] != '\n' || out.data[i] == ' ');
		if (bh_yaml_load_text(&doc, "part", out.data, out.len, NULL) == 0) {
			MUST(bh_yaml_root(doc)->n == 1);
			bh_yaml_free(doc);
		}
	}
	for (i = 0; i < n; i++)
		json_decref((json_t *)w[i].spec);
	bh_buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;
	struct bh_kube_page page;

	if (size < 2)
		return 0;
	if (data[0] % 8 == 7) {
		kubeconfig(text, size - 1);
	} else if (data[0] % 8 == 6) {
		if (bh_kube_page_read(&page, text, size - 1) == 0)
			json_decref(page.doc);
	} else if (data[0] % 8 == 5) {
		wishes(text, size - 1, data[0] / 8);
	} else {
		watch(text, size - 1, data[0]);
	}
	return 0;
}
