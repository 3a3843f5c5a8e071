/* api_priv: a request on its way through the API, and what its handlers are given.
 *
 *   serve.c     requests from the HTTP process (room front), answers to it
 *   request.c   admission (route, role, arguments, media type, length), then the handler
 *   ep_*.c      one file per resource; they see requests and replies, never the channel
 *
 * Everything runs on serve.c's one thread, but for start and stop.
 */
#ifndef BH_API_PRIV_H
#define BH_API_PRIV_H

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>

#include "../ipc/ipc.h"
#include "api.h"

#define BH_API_LIMIT_DEFAULT 100
#define BH_API_LIMIT_MAX 1000
#define BH_API_MAX_ARGS 16
#define BH_API_NAME_MAX 64
#define BH_API_VLAN_MAX 4094    /* 12 bits; 0 and 4095 are reserved (IEEE 802.1Q 9.6) */
#define BH_API_VNI_MAX 0xffffff /* 24 bits (RFC 7348 5) */
/* Of a refused request's body, this much is read and thrown away, so that the client is still there
 * to read the answer; a longer one gets its answer at once and the connection is closed. */
#define BH_API_DRAIN_MAX (256u << 10)

enum bh_api_method {
	BH_METHOD_GET,
	BH_METHOD_POST,
	BH_METHOD_PUT,
	BH_METHOD_PATCH,
	BH_METHOD_DELETE,
	BH_METHOD_COUNT
};

/* What a request needs; role.def says who has it. */
enum bh_api_right {
	BH_RIGHT_NONE,
	BH_RIGHT_SELF,
	BH_RIGHT_READ_ENDPOINTS,
	BH_RIGHT_READ,
	BH_RIGHT_PUSH,
	BH_RIGHT_OPERATE,
	BH_RIGHT_WRITE,
	BH_RIGHT_EVIDENCE,
	BH_RIGHT_AUDIT,
	BH_RIGHT_ADMIN,
	BH_RIGHT_COUNT
};
enum bh_api_role {
#define BH_ROLE(sym, name, rights, text) BH_ROLE_##sym,
#include "role.def"
#undef BH_ROLE
	BH_ROLE_COUNT
};
enum bh_api_body { BH_BODY_NONE, BH_BODY_JSON, BH_BODY_POLICY };

enum bh_api_problem {
	BH_PROBLEM_NONE,
#define BH_PROBLEM(sym, status, name, title) BH_PROBLEM_##sym,
#include "../ipc/problem.def"
#undef BH_PROBLEM
	BH_PROBLEM_COUNT
};

struct bh_api_req;

struct bh_api_route {
	enum bh_api_method method;
	const char *path;
	void (*handler)(struct bh_api_req *req);
	enum bh_api_right right;
	enum bh_api_body body;
	const char *arguments;
	const char *summary;
};
extern const struct bh_api_route bh_api_routes[];
extern const size_t bh_api_n_routes;
const char *bh_api_method_name(enum bh_api_method method);

struct bh_api {
	struct bh_api_params p; /* without the token */
	pthread_mutex_t secret_lock;
	char *token;    /* secret_lock; zero-padded to BH_API_SECRET bytes */
	bool has_token; /* from the start on, or never */
	int renew;      /* an eventfd: TLS has another certificate (p.tls_*, secret_lock) */
	uint16_t port;
	bool loopback;
	struct bh_api_identities *identities;
	struct bh_api_replays *replays;
	char *openapi;  /* the document, once it was asked for */
	json_t *shapes; /* of shape.def, by name; NULL: bodies are not checked against them */
	char first_token[256]; /* counts until there is an admin, for identities alone; "": none */
	/* serve.c */
	pthread_t thread;
	bool serving;
	int listener, channel, stop; /* stop: an eventfd */
	struct bh_ipc_reader in;
	struct bh_buf out;
	struct bh_api_req *reqs;
	unsigned n_reqs, n_streams;
};

#define BH_API_SECRET sizeof(((struct bh_api_params *)0)->token)

struct bh_api_arg {
	char *name, *value; /* decoded, no NUL inside */
};

struct bh_api_reply {
	unsigned status; /* 0: not decided yet */
	char *body;      /* malloc'd; NULL = empty */
	size_t len;
	const char *content_type;
	const char *www_authenticate;
	char allow[64];
	char etag[32];
	char retry_after[12];
	char rate_limit[12], rate_left[12], rate_reset[12]; /* "": there is no bound */
};

/* An answer without an end: more() appends what is new, several times a second; false: that was all. end() is
 * called once, whatever ended it. */
struct bh_api_stream {
	bool (*more)(void *arg, struct bh_buf *out);
	void (*end)(void *arg);
	void *arg;
};

struct bh_api_req {
	struct bh_api *api;
	struct bh_api_req *next;
	uint64_t id;
	char *uri;  /* as it came */
	char *path; /* raw, without the query; points into split */
	char *split;
	struct bh_ipc_head head; /* its strings are in fields */
	struct bh_buf fields;
	struct bh_api_arg arg[BH_API_MAX_ARGS];
	unsigned n_args;
	const struct bh_api_route *route;
	char *param;               /* decoded {name}, or NULL */
	char who[BH_API_NAME_MAX]; /* identity; "" on loopback without one */
	const char *role;
	uint32_t rights; /* of it: 1 << enum bh_api_right */
	struct bh_buf body;
	uint64_t received;
	bool ended;   /* all of the body has come */
	bool replied; /* the answer was sent, or its stream begun */
	struct bh_api_reply reply;
	struct bh_api_stream stream;
};

/* ---- request.c ----------------------------------------------------------------------------------- */

/* NULL: no memory. */
struct bh_api_req *bh_api_req_create(struct bh_api *api, const char *uri);
void bh_api_req_destroy(struct bh_api_req *req); /* NULL is fine */
/* After the headers: everything that can be refused without the body. true: go on. */
bool bh_api_admit(struct bh_api_req *req);
/* More of the body. false: more than is read; the connection must be closed after the reply. */
bool bh_api_receive(struct bh_api_req *req, const char *data, size_t len);
/* All is here: call the handler unless the request was refused. Leaves a reply. */
void bh_api_finish(struct bh_api_req *req);

/* ---- route.c ------------------------------------------------------------------------------------- */

/* Finds the route and sets route and param, or sets the reply (400, 404, 405). */
void bh_api_route(struct bh_api_req *req);
/* Is `word` one of the words of `list`, which are separated by blanks? */
bool bh_api_word_in(const char *word, const char *list);

/* ---- identity.c ---------------------------------------------------------------------------------- */

/* A new one: its token, or "" when it has a certificate alone. */
#define BH_API_TOKEN_MAX (BH_API_NAME_MAX + 64)

/* Who is known: read from the store at start and after each change. */
int bh_api_identities_create(struct bh_api *api, struct bh_err *err);
void bh_api_identities_destroy(struct bh_api *api);
int bh_api_identities_load(struct bh_api *api, struct bh_err *err);
enum bh_api_known {
	BH_KNOWN_NOT,    /* nobody's, or wrong */
	BH_KNOWN_YES,    /* name and role are set */
	BH_KNOWN_LOCKED, /* too many wrong ones: not even looked at */
	BH_KNOWN_BUSY    /* no time to look now */
};
/* A bearer token; peer: address that it came from. Its hash is made for to be slow: what was right lately is
 * remembered by a keyed digest. */
enum bh_api_known bh_api_identity_token(struct bh_api *api, const char *token, const char *peer,
					char name[BH_API_NAME_MAX], enum bh_api_role *role);
/* A verified certificate's SHA-256 in hex. */
bool bh_api_identity_certificate(struct bh_api *api, const char *sha256, char name[BH_API_NAME_MAX],
				 enum bh_api_role *role);
/* The index-th of the store; false behind the last. */
bool bh_api_identity_at(const struct bh_api *api, size_t index, char name[BH_API_NAME_MAX],
			enum bh_api_role *role);
bool bh_api_identity_role(const struct bh_api *api, const char *name, enum bh_api_role *role);
/* One more request of this identity; *left: how many it may still make at once. false: above api.rate. */
bool bh_api_identity_rate(struct bh_api *api, const char *name, unsigned *left);
/* A token and its hash, both new. */
int bh_api_identity_token_make(const char *name, char token[BH_API_TOKEN_MAX], char hash[128]);
/* Is there no identity with the role admin, so that the one-time token counts? */
bool bh_api_identity_is_first(const struct bh_api *api);
uint32_t bh_api_role_rights(enum bh_api_role role);
const char *bh_api_role_name(enum bh_api_role role);
bool bh_api_role_by_name(const char *name, enum bh_api_role *role);
bool bh_api_identity_name_valid(const char *name);

/* ---- replay.c: idempotency keys --------------------------------------------------------------------- */

int bh_api_replays_create(struct bh_api *api);
void bh_api_replays_destroy(struct bh_api *api);
/* Before the handler of a request with a key. true: the reply is set, its first one's or a refusal. */
bool bh_api_replay_find(struct bh_api_req *req);
/* After it. */
void bh_api_replay_keep(struct bh_api_req *req);

/* ---- auth.c -------------------------------------------------------------------------------------- */

void bh_api_authorize(struct bh_api_req *req);
/* The one-time token: make it, with its file, when nobody else could make an identity. */
int bh_api_first_token_make(struct bh_api *api, struct bh_err *err);
/* There is an admin: it ends. */
void bh_api_first_token_end(struct bh_api *api);

/* ---- args.c -------------------------------------------------------------------------------------- */

/* Percent-decode in place. false: broken escape or a NUL. */
bool bh_api_decode(char *s);
/* Split "a=b&c=d" (is written to). false: the reply is set. */
bool bh_api_args_parse(struct bh_api_req *req, char *query);
/* Value of an argument, or NULL. */
const char *bh_api_arg(const struct bh_api_req *req, const char *name);
/* A number in an argument; def when absent. false: the reply is set. */
bool bh_api_arg_u64(struct bh_api_req *req, const char *name, uint64_t max, uint64_t *value);
/* limit: 1 .. 1000, default 100. */
bool bh_api_arg_limit(struct bh_api_req *req, size_t *limit);
/* cursor of a list that stands still while the policy does: "<revision>.<position>". */
bool bh_api_arg_position(struct bh_api_req *req, size_t *position);
json_t *bh_api_position(struct bh_api_req *req, size_t position);
/* A list that counts down, newest first: `limit`, and below which number `cursor` says to go on (0: from the top). false: the
 * reply is set. Its answer takes items; last: the number of the last of them. */
struct bh_api_page {
	size_t limit;
	uint64_t before;
	json_t *items;
	uint64_t last;
};
bool bh_api_page_begin(struct bh_api_req *req, uint64_t max, struct bh_api_page *page);
void bh_api_page_end(struct bh_api_req *req, struct bh_api_page *page, int rc,
		     const struct bh_err *err);
/* false: there is no store, and the reply says so. */
bool bh_api_has_store(struct bh_api_req *req);
/* The same of learning. */
bool bh_api_has_learn(struct bh_api_req *req);
/* vlan (one tag, or "outer,inner") and vni. */
bool bh_api_arg_tenant(struct bh_api_req *req, bh_tenant *tenant);
bh_tenant bh_api_tenant_make(uint64_t outer, uint64_t inner, uint64_t vni);

/* ---- reply.c ------------------------------------------------------------------------------------- */

/* The first reply wins: a handler may refuse from any depth. */
void bh_api_json(struct bh_api_req *req, unsigned status, json_t *body); /* takes body; NULL: 500 */
void bh_api_text(struct bh_api_req *req, struct bh_buf *text, const char *content_type);
void bh_api_empty(struct bh_api_req *req, unsigned status);

/* Where in the request the fault is; what is zero is left out. */
struct bh_api_where {
	const char *pointer;  /* RFC 6901, into the body */
	const char *argument; /* of the query */
	unsigned line, column;
};
void bh_api_fail(struct bh_api_req *req, enum bh_api_problem problem,
		 const struct bh_api_where *where, const char *fmt, ...) BH_PRINTF(4, 5);
unsigned bh_api_problem_status(enum bh_api_problem problem);
/* A JSON string of any bytes: what is not UTF-8 is replaced. */
json_t *bh_api_str(const char *s);
json_t *bh_api_time(uint64_t wall_ns); /* RFC 3339, UTC, milliseconds */

/* ---- endpoint_json.c ----------------------------------------------------------------------------- */

/* vlan (a number, or [outer, inner] as in a policy) and vni of a tenant, where they are set. */
void bh_api_json_tenant(json_t *o, bh_tenant tenant);
/* Also an endpoint page: see ep_endpoints.c and ep_segments.c. */
json_t *bh_api_json_endpoint(const struct bh_endpoint *e, const char *const segments[], unsigned n);
/* One page of the endpoints that have all `label` arguments and are in `segment` (NULL: any):
 * {"items": [...], "next": cursor or null}, or NULL with the reply set. */
json_t *bh_api_endpoint_page(struct bh_api_req *req, const char *segment);

/* ---- change_json.c ------------------------------------------------------------------------------- */

struct bh_api_changes {
	struct bh_endpoint_change *change;
	size_t n;
	struct bh_label *label; /* of all changes; strings live in the JSON */
	size_t n_labels;
};
/* From {"changes": [...]}, or from {"labels": {...}} for one endpoint. false: the reply is set. */
bool bh_api_changes_batch(struct bh_api_req *req, json_t *body, struct bh_api_changes *out);
bool bh_api_changes_one(struct bh_api_req *req, json_t *body, const struct bh_endpoint_change *one,
			struct bh_api_changes *out);
void bh_api_changes_free(struct bh_api_changes *c);
/* The body as a JSON object, or NULL with the reply set. */
json_t *bh_api_body_object(struct bh_api_req *req);

/* ---- ep_policy.c, ep_revisions.c: what changes of the policy share ------------------------------------ */

#define BH_API_ACTOR_MAX 136 /* "api:" and at most 128 bytes of a name */
void bh_api_set_etag(struct bh_api_req *req);
/* A body that is a policy. false: it is empty, and the reply is set. */
bool bh_api_has_document(struct bh_api_req *req);
/* If-Match. false: the reply is set. */
bool bh_api_precondition(struct bh_api_req *req);
json_t *bh_api_json_change(const struct bh_policy_change *c, bool dry_run);
/* The reply to a change that was refused with rc. */
/* By its name. */
enum bh_mode bh_api_mode(const char *name);
void bh_api_fail_policy(struct bh_api_req *req, int rc, const struct bh_err *err);
/* "api", or "api:NAME": the token is one for all, the name is what its bearer says. Checks why, too. false: the
 * reply is set. */
bool bh_api_actor(struct bh_api_req *req, const char *name, const char *why,
		  char out[BH_API_ACTOR_MAX]);
/* 1s .. 7d in an argument, as 500ms, 90s, 10m, 2h, 1d; stays when it is absent. false: the reply is set. */
bool bh_api_arg_ms(struct bh_api_req *req, const char *name, uint64_t *ms);
/* RFC 3339, or so long ago ("10m"). Absent: *ns stays. */
bool bh_api_arg_time(struct bh_api_req *req, const char *name, uint64_t *ns);

/* ---- ep_rules.c ------------------------------------------------------------------------------------ */

json_t *bh_api_json_rule(const struct bh_rule_info *r);
/* hits, bytes, packets, first_used, last_used; nothing where it is not counted. Not with the policy's lock held. */
void bh_api_json_use(const struct bh_api_ops *ops, uint32_t rule, json_t *o);

/* ---- ep_flows.c -------------------------------------------------------------------------------------- */

/* "sessions" of an answer to a change: how many were judged otherwise, and the first of them. */
void bh_api_put_sweep(struct bh_api_req *req, const struct bh_api_sweep *s, json_t *answer);
/* ep_lint.c: what the linter says of a document that loads, into an answer, as its `lint`. */
void bh_api_put_lint(struct bh_api_req *req, const char *text, size_t len, json_t *answer);

/* ---- shape.c, shape_check.c --------------------------------------------------------------------------- */

/* What operation.def says of a route. */
struct bh_api_operation {
	enum bh_api_method method;
	const char *path, *status, *examples, *request, *example, *answer;
};
extern const struct bh_api_operation bh_api_operations[];
extern const size_t bh_api_n_operations;
/* NULL: there is no line. */
const struct bh_api_operation *bh_api_operation(const struct bh_api_route *route);
/* All of shape.def, by name. */
json_t *bh_api_shapes_json(void);
/* One type in its language, as JSON Schema. */
json_t *bh_api_shape_schema(const char *type);
/* JSON in which ' stands for ". */
json_t *bh_api_quoted_json(const char *text);
/* false: the reply is set, with a pointer to what is wrong. */
bool bh_api_shape_check(struct bh_api_req *req, const char *name, const json_t *v);

/* ---- openapi_finish.c ------------------------------------------------------------------------------- */

/* Bounds, answers and words that every operation has. */
void bh_api_openapi_finish(json_t *doc);

/* ---- ep_conversations.c --------------------------------------------------------------------------- */

json_t *bh_api_json_conversation(const struct bh_conversation *c);

/* ---- handlers: ep_*.c ---------------------------------------------------------------------------- */

#define BH_ROUTE(method, path, handler, right, body, arguments, summary)                           \
	void bh_api_##handler(struct bh_api_req *req);
#include "route.def"
#undef BH_ROUTE

/* ---- serve.c --------------------------------------------------------------------------------------- */

#define BH_API_SPARE                                                                               \
	16 /* requests under way above max_connections: those of connections about to be closed */
int bh_api_serve_start(struct bh_api *api, struct bh_err *err);
void bh_api_serve_stop(struct bh_api *api);

#endif
