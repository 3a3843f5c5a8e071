/* The revision in force: claims of this gateway, and what the fleet's head means here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fleet_priv.h"

#define CLAIM_MS 4000
#define FETCH_MS 10000
#define KEEP 64 /* documents */
#define KEEP_ROWS 1000
#define PRUNE_EACH 16

/* ---- documents -------------------------------------------------------------------------------------------------- */

static void
document_key(const struct bh_fleet *f, const struct bh_fleet_record *r, char *out, size_t size)
{
	snprintf(out, size, "%s/document/%010u/%s/", f->c->fleet_prefix, r->number, r->sha256);
}

static int
put_document(struct bh_fleet *f, const struct bh_fleet_record *r, const char *text,
	     struct bh_err *err)
{
	char from[BH_FLEET_KEY - 32], key[BH_FLEET_KEY];
	struct bh_etcd_answer a;
	size_t at = 0, n;
	unsigned i;
	int rc = 0;

	document_key(f, r, from, sizeof(from));
	for (i = 0; rc == 0 && (i == 0 || at < r->size); i++, at += n) {
		struct bh_buf ask = {0};

		n = r->size - at < BH_FLEET_CHUNK ? r->size - at : BH_FLEET_CHUNK;
		snprintf(key, sizeof(key), "%s%04u", from, i);
		bh_buf_str(&ask, "{\"success\":[");
		bh_etcd_ask_put(&ask,
				&(struct bh_etcd_put){.key = key, .value = text + at, .len = n});
		bh_buf_str(&ask, "]}");
		rc = bh_etcd_call(&f->writer, "kv/txn", &ask, CLAIM_MS, &a, err);
		bh_etcd_answer_free(&a);
		bh_buf_free(&ask);
	}
	return rc;
}

static int
check_document(const struct bh_fleet_record *r, const struct bh_buf *text, struct bh_err *err)
{
	uint8_t sha[BH_SHA256_SIZE];
	char hex[2 * BH_SHA256_SIZE + 1];

	if (text->failed)
		return bh_err_set(err, ENOMEM, "out of memory");
	bh_sha256(text->data != NULL ? text->data : "", text->len, sha);
	bh_sha256_hex(sha, hex);
	return text->len == r->size && strcmp(hex, r->sha256) == 0
		       ? 0
		       : bh_err_set(err, EBADMSG,
				    "the document of the fleet's revision %u is not there, or not "
				    "whole",
				    r->number);
}

int
bh_fleet_document(struct bh_fleet *f, const struct bh_fleet_record *r, struct bh_buf *out,
		  struct bh_err *err)
{
	char from[BH_FLEET_KEY], after[BH_FLEET_KEY] = "";
	struct bh_etcd_answer a = {.more = true};
	int rc = 0;

	document_key(f, r, from, sizeof(from));
	while (rc == 0 && a.more && out->len <= BH_FLEET_DOCUMENT) {
		struct bh_buf ask = {0};

		bh_etcd_ask_range(&ask,
				  &(struct bh_etcd_range){.from = from,
							  .after = after[0] != '\0' ? after : NULL,
							  .limit = 1});
		rc = bh_etcd_call(&f->reader, "kv/range", &ask, FETCH_MS, &a, err);
		bh_buf_free(&ask);
		if (rc == 0 && a.n == 1) {
			bh_buf_add(out, a.kv[0].value, a.kv[0].len);
			snprintf(after, sizeof(after), "%s", a.kv[0].key);
		}
		a.more &= a.n == 1;
		bh_etcd_answer_free(&a);
	}
	return rc != 0 ? rc : check_document(r, out, err);
}

/* ---- claims ------------------------------------------------------------------------------------------------------ */

static void
head_key(const struct bh_fleet *f, char out[BH_FLEET_KEY])
{
	snprintf(out, BH_FLEET_KEY, "%shead", f->live);
}

/* The head as a transaction that counts only if it is still what it was, with its line in the list. */
static void
ask_head(const struct bh_fleet *f, const struct bh_fleet_record *r, int64_t mod, struct bh_buf *ask)
{
	char head[BH_FLEET_KEY], row[BH_FLEET_KEY];
	struct bh_buf value = {0};

	head_key(f, head);
	snprintf(row, sizeof(row), "%s/revision/%010u", f->c->fleet_prefix, r->number);
	bh_fleet_record_write(&value, r);
	ask->failed |= value.failed;
	bh_buf_str(ask, "{\"compare\":[");
	bh_etcd_ask_compare(ask, head, mod);
	bh_buf_str(ask, "],\"success\":[");
	if (!value.failed) {
		bh_etcd_ask_put(ask, &(struct bh_etcd_put){.key = head,
							   .value = value.data,
							   .len = value.len});
		bh_buf_str(ask, ",");
		bh_etcd_ask_put(ask, &(struct bh_etcd_put){.key = row,
							   .value = value.data,
							   .len = value.len});
	}
	bh_buf_str(ask, "],\"failure\":[{\"request_range\":");
	bh_etcd_ask_key(ask, head);
	bh_buf_str(ask, "}]}");
	bh_buf_free(&value);
}

static int
lost(const struct bh_etcd_answer *a, struct bh_err *err)
{
	struct bh_fleet_record *first = calloc(1, sizeof(*first));
	int rc;

	if (first != NULL && a->n == 1 &&
	    bh_fleet_record_read(first, a->kv[0].value, a->kv[0].len) == 0)
		rc = bh_err_set(err, ESTALE,
				"the fleet's revision is %u by now, by %.100s at gateway %s: look "
				"at it, then commit again",
				first->number, first->author[0] != '\0' ? first->author : "nobody",
				first->gateway);
	else
		rc = bh_err_set(err, ESTALE, "the fleet's revision is another by now: try again");
	free(first);
	return rc;
}

/* Did this very claim come through, when it was sent a second time? */
static bool
is_ours(const struct bh_etcd_answer *a, const struct bh_fleet_record *r)
{
	struct bh_fleet_record *there = calloc(1, sizeof(*there));
	bool is = there != NULL && a->n == 1 &&
		  bh_fleet_record_read(there, a->kv[0].value, a->kv[0].len) == 0 &&
		  strcmp(there->claim, r->claim) == 0;

	free(there);
	return is;
}

/* With `claim` held. */
static int
put_head(struct bh_fleet *f, struct bh_fleet_record *r, int64_t mod, struct bh_err *err)
{
	struct bh_etcd_answer a;
	struct bh_buf ask = {0};
	int rc;

	snprintf(r->claim, sizeof(r->claim), "%08x%08x%08x%08x", bh_client_random_below(UINT32_MAX),
		 bh_client_random_below(UINT32_MAX), bh_client_random_below(UINT32_MAX),
		 bh_client_random_below(UINT32_MAX));
	ask_head(f, r, mod, &ask);
	rc = bh_etcd_call(&f->writer, "kv/txn", &ask, CLAIM_MS, &a, err);
	bh_buf_free(&ask);
	if (rc == 0 && !a.succeeded && !is_ours(&a, r))
		rc = lost(&a, err);
	if (rc == 0) {
		pthread_mutex_lock(&f->lock);
		f->head = *r;
		f->head_mod = a.succeeded ? a.revision : a.kv[0].mod;
		pthread_mutex_unlock(&f->lock);
	}
	bh_etcd_answer_free(&a);
	return rc;
}

/* What is too old to be kept. What fails is left for the next time. */
static void
prune(struct bh_fleet *f, uint32_t number)
{
	static const struct {
		const char *folder;
		uint32_t keep;
	} old[] = {{"document", KEEP}, {"revision", KEEP_ROWS}};
	char key[BH_FLEET_KEY], end[BH_FLEET_KEY + 16];
	size_t i;

	for (i = 0; number % PRUNE_EACH == 0 && i < BH_ARRAY_SIZE(old); i++) {
		struct bh_etcd_answer a;
		struct bh_buf ask = {0};

		if (number <= old[i].keep)
			continue;
		snprintf(key, sizeof(key), "%s/%s/", f->c->fleet_prefix, old[i].folder);
		snprintf(end, sizeof(end), "%s%010u", key, number - old[i].keep);
		bh_buf_str(&ask, "{");
		bh_etcd_member(&ask, "key", key);
		bh_buf_str(&ask, ",");
		bh_etcd_member(&ask, "range_end", end);
		bh_buf_str(&ask, "}");
		bh_etcd_call(&f->writer, "kv/deleterange", &ask, CLAIM_MS, &a, NULL);
		bh_etcd_answer_free(&a);
		bh_buf_free(&ask);
	}
}

/* With `claim` held. */
static int
propose_locked(struct bh_fleet *f, struct bh_fleet_record *r, const char *text, int64_t mod,
	       struct bh_err *err)
{
	int rc = put_document(f, r, text, err);

	snprintf(r->gateway, sizeof(r->gateway), "%s", f->name);
	if (rc == 0)
		rc = put_head(f, r, mod, err);
	if (rc == 0)
		prune(f, r->number);
	return rc;
}

static int
is_cut_off(const struct bh_fleet *f, struct bh_err *err)
{
	return bh_err_set(err, ENOTCONN,
			  "this gateway is cut off from its fleet (%.150s): the policy in force "
			  "stays; commit at another gateway, or when it is back",
			  f->status.trouble[0] != '\0' ? f->status.trouble
						       : "nothing was read yet");
}

/* The head that a claim follows, copied. */
static int
look(struct bh_fleet *f, struct bh_fleet_record *head, int64_t *mod, struct bh_err *err)
{
	int rc = 0;

	pthread_mutex_lock(&f->lock);
	*head = f->head;
	*mod = f->head_mod;
	if (!f->status.connected || !f->known)
		rc = is_cut_off(f, err);
	pthread_mutex_unlock(&f->lock);
	return rc;
}

/* Words for who asks: etcd did not answer, and what was sent may be there. */
static int
unsure(int rc, struct bh_err *err, const struct bh_err *why)
{
	return rc != -ENOTCONN
		       ? bh_err_set(err, -rc, "%s", why->what)
		       : bh_err_set(err, ENOTCONN,
				    "etcd does not answer (%.200s): whether the fleet has taken "
				    "this is seen when it does (bulkheadctl get fleet)",
				    why->what);
}

static void
fill(struct bh_fleet_record *r, const struct bh_revision *in, uint32_t number, uint64_t confirm_ms)
{
	*r = (struct bh_fleet_record){.number = number,
				      .base = in->base,
				      .time_ns = bh_clock_system.wall_ns(NULL),
				      .size = in->size,
				      .origin = in->origin,
				      .confirm_ms = confirm_ms};
	if (confirm_ms != 0)
		r->deadline_ns = r->time_ns + confirm_ms * BH_NS_PER_MS;
	snprintf(r->author, sizeof(r->author), "%s", in->author);
	snprintf(r->why, sizeof(r->why), "%s", in->why);
	bh_sha256_hex(in->sha256, r->sha256);
}

/* r: room for the head, then for its successor. */
static int
claim_locked(struct bh_fleet *f, const struct bh_revision *in, uint64_t confirm_ms,
	     struct bh_fleet_record *r, struct bh_err *err)
{
	struct bh_store_force force;
	struct bh_err why = {0};
	int64_t mod;
	int rc = look(f, r, &mod, err);

	if (rc == 0)
		rc = bh_store_in_force(f->p.store, &force, err);
	if (rc != 0)
		return rc;
	if (r->number != 0 && r->number != force.number)
		return bh_err_set(err, ESTALE,
				  "the fleet's revision is %u, here %u is in force: it comes; look "
				  "at it, then commit again",
				  r->number, force.number);
	if (in->size > BH_FLEET_DOCUMENT)
		return bh_err_set(err, ENOSPC, "the document is larger than 64 MiB");
	fill(r, in, (r->number > force.newest ? r->number : force.newest) + 1, confirm_ms);
	rc = propose_locked(f, r, in->text, mod, &why);
	return rc == 0 ? 0 : unsure(rc, err, &why);
}

int
bh_fleet_claim(struct bh_fleet *f, const struct bh_revision *in, uint64_t confirm_ms,
	       uint32_t *number, struct bh_err *err)
{
	struct bh_fleet_record *r = calloc(1, sizeof(*r));
	int rc;

	if (r == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	pthread_mutex_lock(&f->claim);
	rc = claim_locked(f, in, confirm_ms, r, err);
	pthread_mutex_unlock(&f->claim);
	if (rc == 0)
		*number = r->number;
	free(r);
	return rc;
}

int
bh_fleet_confirm(struct bh_fleet *f, const char *author, uint32_t *number, struct bh_err *err)
{
	struct bh_fleet_record *r = calloc(1, sizeof(*r));
	struct bh_err why = {0};
	int64_t mod;
	int rc;

	if (r == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	pthread_mutex_lock(&f->claim);
	rc = look(f, r, &mod, err);
	if (rc == 0 && (r->confirm_ms == 0 || r->confirmed))
		rc = bh_err_set(err, ENOENT, "no revision waits for its confirmation");
	if (rc == 0) {
		r->confirmed = true;
		snprintf(r->confirmed_by, sizeof(r->confirmed_by), "%s", author);
		rc = put_head(f, r, mod, &why);
		if (rc != 0)
			rc = unsure(rc, err, &why);
		*number = r->number;
	}
	pthread_mutex_unlock(&f->claim);
	free(r);
	return rc;
}

int
bh_fleet_propose(struct bh_fleet *f, struct bh_fleet_record *r, const char *text, int64_t mod,
		 struct bh_err *err)
{
	int rc;

	pthread_mutex_lock(&f->claim);
	rc = propose_locked(f, r, text, mod, err);
	pthread_mutex_unlock(&f->claim);
	return rc;
}
