/* What is below P/live/: the head, members, and what is shared. What this gateway has said and etcd has not taken yet goes
 * before what comes in about the same key: it will be written over it. */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>

#include "fleet_priv.h"

#define FLUSH_ITEMS 64
#define FLUSH_BYTES (768u << 10) /* in base64 1 MiB of the 1.5 that etcd takes */
#define FLUSH_MS 4000

static const char *const kinds[BH_FLEET_KINDS] = {"endpoint/", "learned/"};

static int
by_key(const void *a, const void *b)
{
	return strcmp(((const struct bh_fleet_item *)a)->key,
		      ((const struct bh_fleet_item *)b)->key);
}

static struct bh_fleet_item *
find(struct bh_fleet *f, const char *key)
{
	const struct bh_fleet_item like = {.key = (char *)(uintptr_t)key};
	struct bh_fleet_item **at = tfind(&like, &f->items, by_key);

	return at != NULL ? *at : NULL;
}

static void
unlink_pending(struct bh_fleet *f, struct bh_fleet_item *i)
{
	*(i->prev != NULL ? &i->prev->next : &f->first) = i->next;
	*(i->next != NULL ? &i->next->prev : &f->last) = i->prev;
	i->next = i->prev = NULL;
	i->pending = false;
	f->status.pending--;
	free(i->value);
	i->value = NULL;
}

static void
item_free(void *p)
{
	struct bh_fleet_item *i = p;

	free(i->value);
	free(i->key);
	free(i);
}

static void
detach(struct bh_fleet *f, struct bh_fleet_item *i)
{
	tdelete(i, &f->items, by_key);
	f->status.items--;
}

/* NULL: there is no room. */
static struct bh_fleet_item *
make(struct bh_fleet *f, const char *key)
{
	struct bh_fleet_item *i = find(f, key);

	if (i != NULL)
		return i;
	i = f->status.items < BH_FLEET_ITEMS ? calloc(1, sizeof(*i)) : NULL;
	if (i != NULL)
		i->key = strdup(key);
	if (i == NULL || i->key == NULL || tsearch(i, &f->items, by_key) == NULL) {
		f->status.left_out++;
		if (i != NULL)
			item_free(i);
		return NULL;
	}
	f->status.items++;
	return i;
}

/* Which kind a key below P/live/ is of, its name behind; -1: none. */
static int
kind_of(const char *key, const char **name)
{
	int k;

	for (k = 0; k < BH_FLEET_KINDS; k++) {
		*name = key + strlen(kinds[k]);
		if (strncmp(key, kinds[k], strlen(kinds[k])) == 0 && **name != '\0')
			return k;
	}
	return -1;
}

/* What this gateway has seen itself is not told to it. */
static bool
is_own(const struct bh_fleet *f, int kind, const char *name)
{
	size_t n = strlen(f->name);

	return kind == BH_FLEET_LEARNED && strncmp(name, f->name, n) == 0 && name[n] == '/';
}

static void
take_item(struct bh_fleet *f, const char *key, int kind, const char *name,
	  const struct bh_etcd_kv *kv)
{
	struct bh_fleet_item *i;
	bool tell = false;

	pthread_mutex_lock(&f->lock);
	i = kv->deleted ? find(f, key) : make(f, key);
	if (i != NULL) {
		i->seen = true;
		tell = !i->pending && kv->mod > i->mod && !is_own(f, kind, name);
		if (kv->mod > i->mod)
			i->mod = kv->mod;
		if (kv->deleted && !i->pending) {
			detach(f, i);
			item_free(i);
		}
	}
	pthread_mutex_unlock(&f->lock);
	if (tell && f->p.item != NULL)
		f->p.item(f->p.arg, (enum bh_fleet_kind)kind, name, kv->deleted ? NULL : kv->value,
			  kv->deleted ? 0 : kv->len);
}

/* ---- members ------------------------------------------------------------------------------------------------ */

struct bh_fleet_member *
bh_fleet_member_find(struct bh_fleet *f, const char *name, bool add)
{
	struct bh_fleet_member *m;
	unsigned i;

	for (i = 0; i < f->n_members; i++) {
		if (strcmp(f->member[i].name, name) == 0)
			return &f->member[i];
	}
	if (!add || f->n_members == BH_FLEET_MEMBERS || name[0] == '\0' ||
	    strlen(name) >= BH_FLEET_NAME)
		return NULL;
	m = &f->member[f->n_members++];
	*m = (struct bh_fleet_member){.self = strcmp(name, f->name) == 0};
	snprintf(m->name, sizeof(m->name), "%s", name);
	snprintf(m->state, sizeof(m->state), "unknown");
	return m;
}

static void
tell_member(struct bh_fleet *f, const char *name, bool back)
{
	char text[BH_FLEET_NAME + 80];

	snprintf(text, sizeof(text), "gateway %.64s of the fleet %s", name,
		 back ? "is connected" : "is gone or cut off");
	bh_log(back ? BH_LOG_INFO : BH_LOG_WARN, "%s", text);
	f->p.note(f->p.arg, back ? BH_FLEET_MEMBER_BACK : BH_FLEET_MEMBER_LOST, text);
}

static void
take_alive(struct bh_fleet *f, const char *name, bool alive)
{
	struct bh_fleet_member *m;
	bool changed = false;

	pthread_mutex_lock(&f->lock);
	m = bh_fleet_member_find(f, name, alive);
	if (m != NULL) {
		f->member_seen[m - f->member] = alive;
		changed = m->connected != alive && !m->self;
		m->connected = alive;
	}
	pthread_mutex_unlock(&f->lock);
	if (changed)
		tell_member(f, name, alive);
}

static void
take_member(struct bh_fleet *f, const char *name, const struct bh_etcd_kv *kv)
{
	struct bh_fleet_member read, *m;

	if (!kv->deleted && bh_fleet_member_read(&read, kv->value, kv->len) != 0)
		return;
	pthread_mutex_lock(&f->lock);
	m = bh_fleet_member_find(f, name, !kv->deleted);
	if (m != NULL && kv->deleted && !m->connected) {
		f->member_seen[m - f->member] = f->member_seen[f->n_members - 1];
		*m = f->member[--f->n_members];
	} else if (m != NULL && !kv->deleted && strcmp(read.name, name) == 0) {
		read.self = m->self;
		read.connected = m->connected;
		*m = read;
	}
	pthread_mutex_unlock(&f->lock);
}

/* ---- keys ----------------------------------------------------------------------------------------------------- */

static void
take_head(struct bh_fleet *f, const struct bh_etcd_kv *kv)
{
	struct bh_fleet_record read = {0};
	int rc = kv->deleted ? 0 : bh_fleet_record_read(&read, kv->value, kv->len);

	pthread_mutex_lock(&f->lock);
	/* What this gateway claimed may be known already. */
	if (rc == 0 && kv->mod > f->head_mod) {
		f->head = read;
		f->head_mod = kv->deleted ? 0 : kv->mod;
		f->reconcile_ns = 0;
	}
	pthread_mutex_unlock(&f->lock);
	if (rc != 0)
		bh_fleet_trouble(f, "the key of the revision in force holds no revision: this "
				    "gateway keeps its own");
}

void
bh_fleet_view_take(struct bh_fleet *f, const struct bh_etcd_kv *kv)
{
	size_t n = strlen(f->live);
	const char *key = kv->key + n, *name;
	int kind;

	if (strncmp(kv->key, f->live, n) != 0)
		return;
	kind = kind_of(key, &name);
	if (kind >= 0)
		take_item(f, key, kind, name, kv);
	else if (strcmp(key, "head") == 0)
		take_head(f, kv);
	else if (strncmp(key, "alive/", 6) == 0)
		take_alive(f, key + 6, !kv->deleted);
	else if (strncmp(key, "member/", 7) == 0)
		take_member(f, key + 7, kv);
}

static void
unsee(const void *node, VISIT which, void *arg)
{
	(void)arg;
	if (which == postorder || which == leaf)
		(*(struct bh_fleet_item *const *)node)->seen = false;
}

void
bh_fleet_view_begin(struct bh_fleet *f)
{
	pthread_mutex_lock(&f->lock);
	twalk_r(f->items, unsee, NULL);
	memset(f->member_seen, 0, sizeof(f->member_seen));
	pthread_mutex_unlock(&f->lock);
}

struct unseen {
	struct bh_fleet_item **item;
	size_t n;
};

static void
find_unseen(const void *node, VISIT which, void *arg)
{
	struct bh_fleet_item *i = *(struct bh_fleet_item *const *)node;
	struct unseen *u = arg;

	if ((which == postorder || which == leaf) && !i->seen && !i->pending)
		u->item[u->n++] = i;
}

/* What the list did not have: gone. */
static void
drop_unseen(struct bh_fleet *f)
{
	struct unseen u = {0};
	const char *name;
	size_t i;
	int kind;

	pthread_mutex_lock(&f->lock);
	u.item = calloc(f->status.items + 1, sizeof(struct bh_fleet_item *));
	if (u.item != NULL)
		twalk_r(f->items, find_unseen, &u);
	for (i = 0; i < u.n; i++)
		detach(f, u.item[i]);
	pthread_mutex_unlock(&f->lock);
	for (i = 0; i < u.n; i++) {
		kind = kind_of(u.item[i]->key, &name);
		if (kind >= 0 && !is_own(f, kind, name) && f->p.item != NULL)
			f->p.item(f->p.arg, (enum bh_fleet_kind)kind, name, NULL, 0);
		item_free(u.item[i]);
	}
	free(u.item);
}

void
bh_fleet_view_end(struct bh_fleet *f)
{
	char lost[BH_FLEET_MEMBERS][BH_FLEET_NAME];
	unsigned i, n = 0;

	drop_unseen(f);
	pthread_mutex_lock(&f->lock);
	for (i = 0; i < f->n_members; i++) {
		if (f->member[i].connected && !f->member_seen[i] && !f->member[i].self)
			memcpy(lost[n++], f->member[i].name, BH_FLEET_NAME);
		f->member[i].connected = f->member_seen[i];
	}
	pthread_mutex_unlock(&f->lock);
	for (i = 0; i < n; i++)
		tell_member(f, lost[i], false);
}

void
bh_fleet_view_free(struct bh_fleet *f)
{
	tdestroy(f->items, item_free);
	f->items = NULL;
}

/* ---- what goes out ------------------------------------------------------------------------------------------------ */

static void
append_pending(struct bh_fleet *f, struct bh_fleet_item *i)
{
	i->pending = true;
	i->prev = f->last;
	i->next = NULL;
	*(f->last != NULL ? &f->last->next : &f->first) = i;
	f->last = i;
	f->status.pending++;
}

void
bh_fleet_put(struct bh_fleet *f, enum bh_fleet_kind kind, const char *name, const char *value,
	     size_t len)
{
	char key[BH_FLEET_KEY], *copy = value != NULL ? malloc(len + 1) : NULL;
	int n = snprintf(key, sizeof(key), "%s%s", kinds[kind], name);
	struct bh_fleet_item *i = NULL;

	if (copy != NULL) {
		memcpy(copy, value, len);
		copy[len] = '\0';
	}
	pthread_mutex_lock(&f->lock);
	if (n + strlen(f->live) < sizeof(key) && len <= BH_FLEET_VALUE &&
	    (copy != NULL || value == NULL))
		i = make(f, key);
	else
		f->status.left_out++;
	if (i != NULL) {
		if (i->pending)
			unlink_pending(f, i);
		i->value = copy;
		i->len = len;
		i->stamp = ++f->stamp;
		append_pending(f, i);
		copy = NULL;
	}
	pthread_mutex_unlock(&f->lock);
	free(copy);
	bh_fleet_wake(f);
}

struct sent {
	char key[BH_FLEET_KEY];
	uint64_t stamp;
};

/* The oldest of what is pending, as a transaction without a condition. Returns how many. */
static unsigned
ask_pending(struct bh_fleet *f, struct sent *sent, struct bh_buf *ask)
{
	struct bh_fleet_item *i;
	char key[2 * BH_FLEET_KEY];
	size_t bytes = 0;
	unsigned n = 0;

	bh_buf_str(ask, "{\"success\":[");
	pthread_mutex_lock(&f->lock);
	for (i = f->first; i != NULL && n < FLUSH_ITEMS && (n == 0 || bytes + i->len < FLUSH_BYTES);
	     i = i->next) {
		bytes += i->len + BH_FLEET_KEY;
		snprintf(sent[n].key, sizeof(sent[n].key), "%s", i->key);
		sent[n].stamp = i->stamp;
		snprintf(key, sizeof(key), "%s%s", f->live, i->key);
		bh_buf_str(ask, n != 0 ? "," : "");
		if (i->value != NULL) {
			bh_etcd_ask_put(ask, &(struct bh_etcd_put){.key = key,
								   .value = i->value,
								   .len = i->len});
		} else {
			bh_buf_str(ask, "{\"request_delete_range\":");
			bh_etcd_ask_key(ask, key);
			bh_buf_str(ask, "}");
		}
		n++;
	}
	pthread_mutex_unlock(&f->lock);
	bh_buf_str(ask, "]}");
	return n;
}

int
bh_fleet_view_flush(struct bh_fleet *f)
{
	struct sent *sent = calloc(FLUSH_ITEMS, sizeof(*sent));
	struct bh_etcd_answer a = {0};
	struct bh_fleet_item *item;
	struct bh_buf ask = {0};
	struct bh_err err = {0};
	unsigned i, n = sent != NULL ? ask_pending(f, sent, &ask) : 0;
	int rc = n != 0 ? bh_etcd_call(&f->reader, "kv/txn", &ask, FLUSH_MS, &a, &err) : 0;

	pthread_mutex_lock(&f->lock);
	for (i = 0; rc == 0 && i < n; i++) {
		item = find(f, sent[i].key);
		if (item == NULL || item->stamp != sent[i].stamp || !item->pending)
			continue;
		unlink_pending(f, item);
		if (a.revision > item->mod)
			item->mod = a.revision;
	}
	if (rc == 0 && f->first != NULL)
		rc = -EAGAIN;
	pthread_mutex_unlock(&f->lock);
	if (rc != 0 && rc != -EAGAIN)
		bh_fleet_trouble(f, err.what);
	bh_etcd_answer_free(&a);
	bh_buf_free(&ask);
	free(sent);
	return rc;
}
