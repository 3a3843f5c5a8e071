/* replay: a POST that was sent twice because its answer got lost is done once (Idempotency-Key, after
 * draft-ietf-httpapi-idempotency-key-header). The first answer is kept for a day, in memory: after a restart a key is new.
 * Everything here is the API thread's. */
#include <errno.h>
#include <sodium.h>

#include "api_priv.h"

#define KEPT 256
#define KEPT_BYTES (64u << 10) /* of one answer; a longer one is not kept */
#define KEPT_NS (86400 * BH_NS_PER_SEC)
#define KEY_MAX 255

struct replay {
	uint8_t key[32], request[32]; /* digests: who and key; method, target and body */
	uint64_t at_ns;
	unsigned status;
	const char *content_type;
	char etag[32];
	char *body;
	size_t len;
};

struct bh_api_replays {
	struct replay one[KEPT];
	unsigned next; /* the oldest */
};

int
bh_api_replays_create(struct bh_api *api)
{
	api->replays = calloc(1, sizeof(*api->replays));
	return api->replays != NULL ? 0 : -ENOMEM;
}

void
bh_api_replays_destroy(struct bh_api *api)
{
	unsigned i;

	for (i = 0; api->replays != NULL && i < KEPT; i++)
		free(api->replays->one[i].body);
	free(api->replays);
	api->replays = NULL;
}

static void
digest(uint8_t out[32], const struct bh_buf part[], unsigned n)
{
	crypto_generichash_state h;
	unsigned i;

	crypto_generichash_init(&h, NULL, 0, 32);
	for (i = 0; i < n; i++) {
		crypto_generichash_update(&h, (const uint8_t *)&part[i].len, sizeof(part[i].len));
		if (part[i].len != 0)
			crypto_generichash_update(&h, (const uint8_t *)part[i].data, part[i].len);
	}
	crypto_generichash_final(&h, out, 32);
}

static struct bh_buf
text(const char *s)
{
	return (struct bh_buf){.data = (char *)(uintptr_t)s, .len = strlen(s)};
}

static void
digests(const struct bh_api_req *req, uint8_t key[32], uint8_t request[32])
{
	const struct bh_buf who[] = {text(req->who), text(req->head.idempotency_key)};
	const struct bh_buf what[] = {text(req->head.method), text(req->uri), req->body};

	digest(key, who, BH_ARRAY_SIZE(who));
	digest(request, what, BH_ARRAY_SIZE(what));
}

static bool
has_key(struct bh_api_req *req)
{
	const char *key = req->head.idempotency_key;

	return key != NULL && req->route->method == BH_METHOD_POST;
}

bool
bh_api_replay_find(struct bh_api_req *req)
{
	uint64_t now = bh_clock_system.mono_ns(NULL);
	uint8_t key[32], request[32];
	unsigned i;

	if (!has_key(req))
		return false;
	if (req->head.idempotency_key[0] == '\0' || strlen(req->head.idempotency_key) > KEY_MAX) {
		bh_api_fail(req, BH_PROBLEM_BAD_REQUEST, NULL,
			    "Idempotency-Key has 1 to %u characters", KEY_MAX);
		return true;
	}
	digests(req, key, request);
	for (i = 0; i < KEPT; i++) {
		const struct replay *r = &req->api->replays->one[i];

		if (r->status == 0 || now - r->at_ns > KEPT_NS ||
		    memcmp(r->key, key, sizeof(key)) != 0)
			continue;
		if (memcmp(r->request, request, sizeof(request)) != 0) {
			bh_api_fail(req, BH_PROBLEM_KEY_REUSED, NULL,
				    "another request has had this Idempotency-Key: a new request "
				    "needs a new one");
			return true;
		}
		req->reply.status = r->status;
		req->reply.content_type = r->content_type;
		memcpy(req->reply.etag, r->etag, sizeof(r->etag));
		req->reply.body = malloc(r->len + 1);
		if (req->reply.body != NULL && r->len != 0)
			memcpy(req->reply.body, r->body, r->len);
		req->reply.len = req->reply.body != NULL ? r->len : 0;
		return true;
	}
	return false;
}

void
bh_api_replay_keep(struct bh_api_req *req)
{
	struct replay *r;
	char *body;

	/* What failed on our side may be tried again. */
	if (!has_key(req) || req->reply.status >= 500 || req->reply.len > KEPT_BYTES)
		return;
	body = malloc(req->reply.len + 1);
	if (body == NULL)
		return;
	if (req->reply.len != 0)
		memcpy(body, req->reply.body, req->reply.len);
	r = &req->api->replays->one[req->api->replays->next++ % KEPT];
	free(r->body);
	*r = (struct replay){.at_ns = bh_clock_system.mono_ns(NULL),
			     .status = req->reply.status,
			     .content_type = req->reply.content_type,
			     .body = body,
			     .len = req->reply.len};
	memcpy(r->etag, req->reply.etag, sizeof(r->etag));
	digests(req, r->key, r->request);
}
