/* DNS names that segments list: reading, and finding the segments of a name. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy_priv.h"

#define HOSTS_MAX 1024 /* of one segment */

/* Why a text is no name, or NULL. Letters, digits, '-' and '_' (RFC 952, 1123; '_' is used below hosts), labels of up to 63
 * (RFC 1035 2.3.4); at least two, so that a slip does not mean a whole top-level domain. */
static const char *
refusal(const char *text)
{
	const char *p = strncmp(text, "*.", 2) == 0 ? text + 2 : text;
	const char *last = strrchr(p, '.');
	size_t labels = 0, n;

	if (strchr(p, '*') != NULL)
		return "a star stands alone at the front, as in *.example.com";
	for (; labels == 0 || *p++ == '.'; labels++) {
		n = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789-_");
		if (n == 0 || n > 63 || p[0] == '-' || p[n - 1] == '-')
			return "a label has 1 to 63 letters, digits, '-' or '_', and no '-' at its "
			       "ends";
		p += n;
		if (*p != '.' && *p != '\0')
			return "a label has letters, digits, '-' and '_' alone (write other "
			       "scripts as xn--)";
	}
	if (labels < 2)
		return "it has one label: a name has at least two, as in db.example.com";
	/* RFC 3696 2: no top-level domain is a number, and a slip in an address is not to become a name. */
	return last[1 + strspn(last + 1, "0123456789")] == '\0'
		       ? "its last label is a number: addresses stand under 'addresses'"
		       : NULL;
}

const char *
bh_host_normal(const char *text, char out[BH_HOST_MAX])
{
	size_t n = strlen(text), i;

	n -= n > 1 && text[n - 1] == '.';
	if (n >= BH_HOST_MAX)
		return "it is longer than 253 characters";
	for (i = 0; i < n; i++)
		out[i] = (char)tolower((unsigned char)text[i]);
	out[n] = '\0';
	return refusal(out);
}

static int
read_host(struct bh_doc_reader *r, const struct bh_yaml *node, const char **out)
{
	char text[BH_HOST_MAX], found[BH_FOUND_LEN];
	const char *why = "it is no text";

	if (node->type == BH_YAML_SCALAR)
		why = bh_host_normal(node->text, text);
	if (why != NULL)
		return bh_yaml_err(r->yaml, node, r->err, "%s is no DNS name: %s",
				   bh_yaml_found(node, found, sizeof(found)), why);
	*out = bh_doc_text(r, text);
	return *out != NULL ? 0 : -ENOMEM;
}

int
bh_doc_read_hosts(struct bh_doc_reader *r, const struct bh_yaml *node, struct bh_doc_segment *s)
{
	char found[BH_FOUND_LEN];
	struct bh_buf text = {0};
	size_t i;
	int rc = 0;

	if (node->type != BH_YAML_LIST || node->n == 0 || node->n > HOSTS_MAX)
		return bh_yaml_err(r->yaml, node, r->err,
				   "expected a list of up to %u names such as [db.example.com, "
				   "'*.example.org'], found %s",
				   HOSTS_MAX, bh_yaml_found(node, found, sizeof(found)));
	s->host = bh_doc_alloc(r, node->n * sizeof(*s->host));
	if (s->host == NULL)
		return -ENOMEM;
	bh_buf_printf(&text, "%s%snames: ", s->selector_text, s->selector != NULL ? "; " : "");
	for (i = 0; rc == 0 && i < node->n; i++) {
		rc = read_host(r, node->item[i], &s->host[i]);
		if (rc == 0)
			bh_buf_printf(&text, "%s%s", i == 0 ? "" : ", ", s->host[i]);
	}
	s->n_hosts = (uint32_t)node->n;
	if (rc == 0) {
		s->selector_text = text.failed ? NULL : bh_doc_text(r, text.data);
		rc = s->selector_text == NULL ? bh_err_set(r->err, ENOMEM, "out of memory") : 0;
	}
	bh_buf_free(&text);
	return rc;
}

static int
by_text(const void *a, const void *b)
{
	const struct bh_doc_host *x = a, *y = b;
	int c = strcmp(x->text, y->text);

	return c != 0 ? c : (x->segment > y->segment) - (x->segment < y->segment);
}

int
bh_doc_index_hosts(struct bh_doc_reader *r)
{
	struct bh_doc *doc = r->doc;
	uint32_t i, k, n = 0;

	for (i = 0; i < doc->n_segments; i++)
		n += doc->segment[i].n_hosts;
	if (n == 0)
		return 0;
	doc->host = bh_doc_alloc(r, n * sizeof(*doc->host));
	if (doc->host == NULL)
		return -ENOMEM;
	for (i = 0; i < doc->n_segments; i++) {
		for (k = 0; k < doc->segment[i].n_hosts; k++)
			doc->host[doc->n_hosts++] =
				(struct bh_doc_host){doc->segment[i].host[k], i};
	}
	qsort(doc->host, n, sizeof(*doc->host), by_text);
	return 0;
}

static uint32_t
add_segments(const struct bh_doc *doc, const char *text, uint32_t *out, uint32_t n)
{
	uint32_t low = 0, left = doc->n_hosts, half, i;

	while (left > 0) {
		half = left / 2;
		if (strcmp(doc->host[low + half].text, text) < 0) {
			low += half + 1;
			left -= half + 1;
		} else {
			left = half;
		}
	}
	for (; low < doc->n_hosts && strcmp(doc->host[low].text, text) == 0; low++) {
		for (i = 0; i < n && out[i] != doc->host[low].segment;)
			i++;
		out[i] = doc->host[low].segment;
		n += i == n;
	}
	return n;
}

uint32_t
bh_doc_hosts_match(const struct bh_doc *doc, const char *name, uint32_t *out, uint32_t n)
{
	char star[BH_HOST_MAX + 2];
	const char *dot;

	if (doc->n_hosts == 0)
		return n;
	n = add_segments(doc, name, out, n);
	for (dot = strchr(name, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
		snprintf(star, sizeof(star), "*%s", dot);
		n = add_segments(doc, star, out, n);
	}
	return n;
}

/* ---- the filter of workers ---------------------------------------------------------------------------- */

/* Of a name, or of a dot and what is below it: "*" is left out. Never 0. */
static uint64_t
hash_of(const struct bh_snapshot *s, const char *text, size_t len)
{
	struct bh_hash_key key;
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(key.k); i++)
		key.k[i] = s->pair_key[i & 1] + i;

	return bh_hash_bytes(&key, text, len) | 1;
}

int
bh_snapshot_hosts(struct bh_snapshot *s, const struct bh_doc *doc)
{
	uint32_t size = 16, i, k;
	uint64_t hash;

	if (doc->n_hosts == 0)
		return 0;
	while (size < 2 * doc->n_hosts)
		size *= 2;
	s->host = calloc(size, sizeof(*s->host));
	if (s->host == NULL)
		return -ENOMEM;
	s->host_mask = size - 1;
	for (i = 0; i < doc->n_hosts; i++) {
		const char *text = doc->host[i].text;

		text += text[0] == '*';
		hash = hash_of(s, text, strlen(text));
		for (k = (uint32_t)hash & s->host_mask; s->host[k] != 0 && s->host[k] != hash;)
			k = (k + 1) & s->host_mask;
		s->host[k] = hash;
	}
	return 0;
}

static bool
listed(const struct bh_snapshot *s, const char *text, size_t len)
{
	uint64_t hash = hash_of(s, text, len);
	uint32_t i;

	for (i = (uint32_t)hash & s->host_mask; s->host[i] != 0; i = (i + 1) & s->host_mask) {
		if (s->host[i] == hash)
			return true;
	}
	return false;
}

bool
bh_policy_name_wanted(const struct bh_view *view, const char *name, size_t len)
{
	const struct bh_snapshot *s = view->snapshot;
	size_t i;

	if (s->host == NULL)
		return false;
	if (listed(s, name, len))
		return true;
	for (i = 1; i < len; i++) {
		if (name[i] == '.' && listed(s, name + i, len - i))
			return true;
	}
	return false;
}
