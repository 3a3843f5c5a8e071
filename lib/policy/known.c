/* Addresses that segments have by name: learned by control threads, published as an immutable table. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "policy_priv.h"

#define SECOND BH_NS_PER_SEC
#define PAIRS_MAX 65536

static uint32_t
cell_at(const struct bh_known *k, const uint8_t addr[16], uint8_t family)
{
	uint8_t text[17];

	memcpy(text, addr, 16);
	text[16] = family;
	return (uint32_t)bh_hash_bytes(&k->hash_key, text, sizeof(text)) & k->mask;
}

uint32_t
bh_known_class(const struct bh_known *k, const uint8_t addr[16], uint8_t family, uint32_t otherwise)
{
	uint32_t i = cell_at(k, addr, family);

	for (; k->cell[i].family != 0; i = (i + 1) & k->mask) {
		if (k->cell[i].family == family && memcmp(k->cell[i].addr, addr, 16) == 0)
			return k->cell[i].class_;
	}
	return otherwise;
}

bool
bh_policy_name_has(const struct bh_view *view, const char *name, size_t len, const uint8_t addr[16],
		   uint8_t family)
{
	const struct bh_known *k = view->known;
	uint64_t hash;
	uint32_t i;

	if (k == NULL)
		return false;
	hash = bh_host_hash(&k->hash_key, name, len, addr, family);
	for (i = (uint32_t)hash & k->pair_mask; k->pair[i] != 0; i = (i + 1) & k->pair_mask) {
		if (k->pair[i] == hash)
			return true;
	}
	return false;
}

void
bh_known_free(void *known)
{
	free(known);
}

/* ---- building ---------------------------------------------------------------------------------------- */

static int
by_address(const void *a, const void *b)
{
	const struct bh_host *x = *(const struct bh_host *const *)a,
			     *y = *(const struct bh_host *const *)b;

	return x->family != y->family ? (int)x->family - (int)y->family
				      : memcmp(x->addr, y->addr, 16);
}

static uint32_t
add_once(uint32_t *out, uint32_t n, uint32_t segment)
{
	uint32_t i;

	for (i = 0; i < n && out[i] != segment;)
		i++;
	out[i] = segment;
	return n + (i == n);
}

/* The class of hosts of one address; *found false: no segment lists their names. */
static int
classify(struct bh_policy *p, struct bh_snapshot *s, const struct bh_doc *doc,
	 struct bh_host *const *host, uint32_t n_hosts, uint32_t *class_, bool *found)
{
	uint32_t n = 0, i, c, before = s->n_classes;
	int rc;

	for (i = 0; i < n_hosts; i++)
		n = bh_doc_hosts_match(doc, host[i]->name, p->scratch, n);
	*found = n != 0;
	if (n == 0)
		return 0;
	c = bh_range_class(s, host[0]->addr, host[0]->family);
	for (i = 0; c > BH_CLASS_UNKNOWN && i < s->class_[c].n; i++)
		n = add_once(p->scratch, n, s->member[s->class_[c].first + i]);
	n = bh_segments_close(doc, p->scratch, n);
	rc = bh_class_intern(s, doc, p->scratch, n, class_);
	if (rc == 0 && s->n_classes != before && s == p->snapshot)
		bh_modes_class(p->modes, s, *class_);
	return rc;
}

static void
put(struct bh_known *k, const struct bh_host *host, uint32_t class_)
{
	uint32_t i = cell_at(k, host->addr, host->family);

	while (k->cell[i].family != 0)
		i = (i + 1) & k->mask;
	memcpy(k->cell[i].addr, host->addr, 16);
	k->cell[i].class_ = class_;
	k->cell[i].family = host->family;
	k->n++;
}

/* Names that no segment lists any more are nobody's question. */
static void
put_pairs(struct bh_known *k, uint64_t *pair, const struct bh_hosts *hosts)
{
	uint32_t i, at;
	uint64_t hash;

	for (i = 0; i < hosts->n; i++) {
		const struct bh_host *h = &hosts->host[i];

		if (h->leaving)
			continue;
		hash = bh_host_hash(&k->hash_key, h->name, strlen(h->name), h->addr, h->family);
		for (at = (uint32_t)hash & k->pair_mask; pair[at] != 0;)
			at = (at + 1) & k->pair_mask;
		pair[at] = hash;
	}
	k->pair = pair;
}

int
bh_known_build(struct bh_known **out, struct bh_policy *p, struct bh_snapshot *s,
	       const struct bh_doc *doc)
{
	uint32_t n = p->hosts.n, size = 16, i, end, class_ = 0;
	struct bh_host **sorted = NULL;
	struct bh_known *k = NULL;
	bool found;
	int rc = 0;

	*out = NULL;
	if (n == 0 || doc->n_hosts == 0)
		return 0;
	while (size < 2 * n)
		size *= 2;
	k = calloc(1, sizeof(*k) + size * (sizeof(k->cell[0]) + sizeof(k->pair[0])));
	sorted = malloc(n * sizeof(struct bh_host *));
	if (k == NULL || sorted == NULL) {
		rc = -ENOMEM;
		goto out;
	}
	k->hash_key = p->params.hash_key;
	k->mask = size - 1;
	k->pair_mask = size - 1;
	put_pairs(k, (uint64_t *)(void *)&k->cell[size], &p->hosts);
	for (i = 0; i < n; i++)
		sorted[i] = &p->hosts.host[i];
	qsort(sorted, n, sizeof(struct bh_host *), by_address);
	for (i = 0; rc == 0 && i < n; i = end) {
		for (end = i + 1; end < n && by_address(&sorted[i], &sorted[end]) == 0;)
			end++;
		rc = classify(p, s, doc, &sorted[i], end - i, &class_, &found);
		if (rc == 0 && found)
			put(k, sorted[i], class_);
	}
out:
	free(sorted);
	if (rc == 0 && k->n != 0)
		*out = k;
	else
		free(k);
	return rc;
}

/* ---- learning ---------------------------------------------------------------------------------------- */

/* What is known now, published. */
static int
renew(struct bh_policy *p)
{
	struct bh_known *known;
	struct bh_view *view;
	int rc = bh_known_build(&known, p, p->snapshot, p->doc);

	if (rc == -ENOSPC)
		return bh_model_renew(p, NULL);
	if (rc != 0)
		return rc;
	if (known == NULL && p->known == NULL)
		return 0;
	view = bh_model_view(p, p->table, p->snapshot, p->modes);
	if (view == NULL) {
		bh_known_free(known);
		return -ENOMEM;
	}
	view->known = known;
	bh_model_publish(p, view);
	return 0;
}

static uint64_t
life(const struct bh_names_params *n, uint32_t ttl)
{
	uint64_t ns = (uint64_t)ttl * SECOND,
		 least = n->min_ttl_ns != 0 ? n->min_ttl_ns : 60 * SECOND,
		 most = n->max_ttl_ns != 0 ? n->max_ttl_ns : 86400 * SECOND;

	ns = ns < least ? least : ns;
	return (ns > most ? most : ns) + n->keep_ns;
}

/* 1: it is new to its name, 0: it is not, or no segment lists it; -errno. *again: was about to leave, and stays. */
static int
learn(struct bh_policy *p, const struct bh_name_answer *a, uint64_t mono_ns, struct bh_buf *told,
      bool *again)
{
	struct bh_host host = {.family = a->family,
			       .expires_ns = mono_ns + life(&p->params.names, a->ttl)},
		       *old;
	char name[BH_HOST_MAX], text[64];
	size_t n = strlen(a->name), i;

	if (n == 0 || n >= sizeof(name) || (a->family != BH_IP4 && a->family != BH_IP6))
		return 0;
	for (i = 0; i <= n; i++)
		name[i] = (char)tolower((unsigned char)a->name[i]);
	if (bh_doc_hosts_match(p->doc, name, p->scratch, 0) == 0)
		return 0;
	memcpy(host.addr, a->addr, a->family == BH_IP6 ? 16 : 4);
	old = bh_hosts_find(&p->hosts, name, host.addr, host.family);
	if (old != NULL) {
		old->expires_ns =
			host.expires_ns > old->expires_ns ? host.expires_ns : old->expires_ns;
		*again = *again || old->leaving;
		old->leaving = false;
		return 0;
	}
	if (p->hosts.n >= (p->params.names.max != 0 ? p->params.names.max : PAIRS_MAX))
		return -ENOSPC;
	host.name = name;
	if (bh_hosts_add(&p->hosts, &host) != 0)
		return -ENOMEM;
	if (told != NULL && inet_ntop(a->family == BH_IP6 ? AF_INET6 : AF_INET, host.addr, text,
				      sizeof(text)) != NULL)
		bh_buf_printf(told, "%s %s\n", name, text);
	return 1;
}

int
bh_policy_names_learn(struct bh_policy *p, const struct bh_name_answer *a, size_t n,
		      uint64_t mono_ns, struct bh_buf *told)
{
	int rc = 0, published = 0, fresh = 0;
	bool again = false;
	size_t i;

	pthread_mutex_lock(&p->lock);
	p->hosts.hash_key = p->params.hash_key;
	for (i = 0; rc >= 0 && i < n; i++) {
		rc = learn(p, &a[i], mono_ns, told, &again);
		fresh += rc > 0;
	}
	if (fresh != 0 || again)
		published = renew(p);
	pthread_mutex_unlock(&p->lock);
	/* Also where nothing changed: another thread may have published it, and not waited yet. */
	if (n != 0)
		bh_model_settle(p);
	return rc < 0 ? rc : published != 0 ? published : fresh;
}

int
bh_policy_names_leave(struct bh_policy *p, uint64_t mono_ns)
{
	uint32_t n;
	int rc = 0;

	pthread_mutex_lock(&p->lock);
	n = bh_hosts_leave(&p->hosts, mono_ns);
	if (n != 0)
		rc = renew(p);
	pthread_mutex_unlock(&p->lock);
	if (n != 0)
		bh_model_settle(p);
	return rc != 0 ? rc : (int)n;
}

int
bh_policy_names_expire(struct bh_policy *p, uint64_t mono_ns, struct bh_buf *told)
{
	uint32_t n;
	int rc = 0;

	pthread_mutex_lock(&p->lock);
	n = bh_hosts_expire(&p->hosts, mono_ns, told);
	if (n != 0)
		rc = renew(p);
	/* It stays in what workers read: once more in a second. */
	if (rc != 0)
		p->hosts.next_ns = mono_ns + SECOND;
	pthread_mutex_unlock(&p->lock);
	if (n != 0)
		bh_model_settle(p);
	return rc != 0 ? rc : (int)n;
}

void
bh_policy_names_wanted(struct bh_policy *p, struct bh_buf *out)
{
	uint32_t i;

	pthread_mutex_lock(&p->lock);
	for (i = 0; i < p->doc->n_hosts; i++) {
		const struct bh_doc_host *h = &p->doc->host[i];

		if (h->text[0] != '*' && (i == 0 || strcmp(h->text, h[-1].text) != 0))
			bh_buf_printf(out, "%s\n", h->text);
	}
	pthread_mutex_unlock(&p->lock);
}

void
bh_policy_names_each(struct bh_policy *p, uint64_t mono_ns, bh_name_fn fn, void *arg)
{
	bool more = true;
	uint32_t i;

	pthread_mutex_lock(&p->lock);
	for (i = 0; more && i < p->hosts.n; i++) {
		const struct bh_host *h = &p->hosts.host[i];
		struct bh_name_answer a = {.name = h->name, .family = h->family};

		memcpy(a.addr, h->addr, 16);
		more = fn(arg, &a, h->expires_ns > mono_ns ? h->expires_ns - mono_ns : 0);
	}
	pthread_mutex_unlock(&p->lock);
}
