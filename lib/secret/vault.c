/* A Vault server, asked over HTTP (its API, version 1): who we are, fields of the key-value engine, the token's life. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../client/client.h"
#include "secret_priv.h"

#define SILENT_S 10
#define CREDENTIAL_MAX 8192

struct bh_vault {
	struct bh_secrets *secrets;
	const struct bh_config *c;
	struct bh_vault_token token;
	uint64_t renew_ns; /* mono */
	unsigned failures;
	char *answer; /* BH_VAULT_ANSWER_MAX, of the last request */
	size_t n;
};

struct request {
	const char *method;
	char path[BH_SECRET_PATH_MAX]; /* behind /v1/ */
	const char *body;              /* NULL: none */
	bool open;                     /* without a token: a login */
};

/* ---- one request ------------------------------------------------------------------------------------------------ */

static size_t
take(char *data, size_t size, size_t n, void *arg)
{
	struct bh_vault *v = arg;

	n *= size;
	if (n > BH_VAULT_ANSWER_MAX - v->n)
		return 0;
	memcpy(v->answer + v->n, data, n);
	v->n += n;
	return n;
}

/* A line of a header, wiped as soon as libcurl has its copy. */
static struct curl_slist *
add_header(struct curl_slist *list, const char *name, const char *value)
{
	struct curl_slist *more = NULL;
	struct bh_buf line = {0};

	if (value == NULL || value[0] == '\0')
		return list;
	bh_buf_printf(&line, "%s: %s", name, value);
	if (!line.failed)
		more = curl_slist_append(list, line.data);
	if (line.data != NULL)
		explicit_bzero(line.data, line.len);
	bh_buf_free(&line);
	return more != NULL ? more : list;
}

static void
free_headers(struct curl_slist *list)
{
	struct curl_slist *l;

	for (l = list; l != NULL; l = l->next)
		explicit_bzero(l->data, strlen(l->data));
	curl_slist_free_all(list);
}

static int
set_request(struct bh_vault *v, CURL *easy, const struct request *r, struct curl_slist **headers)
{
	const struct bh_config *c = v->c;
	struct bh_buf url = {0};
	int rc;

	bh_client_options(easy, "http,https", SILENT_S);
	bh_client_trust(easy,
			&(struct bh_client_tls){.ca = c->vault_ca, .certificate = "", .key = ""});
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 2000L * SILENT_S);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, v);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
	if (r->body != NULL)
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r->body);
	*headers = add_header(NULL, "X-Vault-Request", "true");
	*headers = add_header(*headers, "X-Vault-Namespace", c->vault_namespace);
	if (!r->open)
		*headers = add_header(*headers, "X-Vault-Token", v->token.token);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *headers);
	bh_buf_printf(&url, "%s/v1/%s", c->vault_address, r->path);
	rc = url.failed || curl_easy_setopt(easy, CURLOPT_URL, url.data) != CURLE_OK ? -ENOMEM : 0;
	bh_buf_free(&url);
	return rc;
}

/* What a status means. */
static int
meaning(long status, const char *path, struct bh_err *err)
{
	if (status >= 200 && status < 300)
		return 0;
	switch (status) {
	case 400:
		return bh_err_set(err, EACCES,
				  "Vault does not take the request %s: check secrets.vault.auth, "
				  ".role, .mount and what opens it",
				  path);
	case 401:
	case 403:
		return bh_err_set(err, EACCES,
				  "Vault refuses %s: check the token's or role's policy", path);
	case 404:
		return bh_err_set(err, ENOENT,
				  "Vault has nothing at %s: check the path, secrets.vault.kv and "
				  "that the engine is version 2",
				  path);
	case 503:
		return bh_err_set(err, EAGAIN, "Vault is sealed or not ready");
	default:
		return bh_err_set(err, EAGAIN, "Vault answers %s with status %ld", path, status);
	}
}

/* The answer is in v->answer. */
static int
ask(struct bh_vault *v, const struct request *r, struct bh_err *err)
{
	CURL *easy = curl_easy_init();
	struct curl_slist *headers = NULL;
	long status = 0;
	CURLcode code;
	int rc;

	v->n = 0;
	if (easy == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	rc = set_request(v, easy, r, &headers);
	if (rc != 0) {
		rc = bh_err_set(err, ENOMEM, "out of memory");
		goto out;
	}
	code = curl_easy_perform(easy);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	rc = code == CURLE_OK ? meaning(status, r->path, err)
			      : bh_err_set(err, EAGAIN, "cannot ask Vault at %s: %s",
					   v->c->vault_address, curl_easy_strerror(code));
out:
	curl_easy_cleanup(easy);
	free_headers(headers);
	return rc;
}

static void
forget_answer(struct bh_vault *v)
{
	explicit_bzero(v->answer, v->n);
	v->n = 0;
}

/* ---- who we are ------------------------------------------------------------------------------------------------ */

/* Of a token that ends: at two thirds of its life; so that there is time for other attempts. */
static void
set_renewal(struct bh_vault *v)
{
	uint64_t now = bh_clock_system.mono_ns(NULL);

	v->failures = 0;
	v->renew_ns =
		v->token.ttl_s == 0 ? UINT64_MAX : now + v->token.ttl_s * BH_NS_PER_SEC / 3 * 2;
}

/* The token is the one given; what is known of its life, Vault says. */
static int
take_token(struct bh_vault *v, struct bh_err *err)
{
	struct request r = {.method = "GET", .path = "auth/token/lookup-self"};
	struct bh_vault_token t;
	int rc;

	bh_secret_free(v->token.token);
	v->token = (struct bh_vault_token){0};
	rc = bh_secret_read_line(v->secrets, v->c->vault_token, CREDENTIAL_MAX, &v->token.token,
				 err);
	if (rc == 0)
		rc = ask(v, &r, err);
	if (rc == 0 && bh_vault_read_token(v->answer, v->n, &t) != 0)
		rc = bh_err_set(err, EAGAIN, "Vault says nothing of its token");
	forget_answer(v);
	if (rc != 0)
		return rc;
	bh_secret_free(t.token);
	v->token.ttl_s = t.ttl_s;
	v->token.renewable = t.renewable;
	return 0;
}

/* Nothing that JSON would have to quote is in such a text. */
static bool
is_plain(const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s <= ' ' || *s >= 0x7f || *s == '"' || *s == '\\')
			return false;
	}
	return true;
}

/* {"role_id": ..., "secret_id": ...} or {"role": ..., "jwt": ...}; *body: bh_secret_free(). */
static int
make_login(struct bh_vault *v, char **body, struct bh_err *err)
{
	bool approle = v->c->vault_auth == BH_VAULT_APPROLE;
	const char *place = approle ? v->c->vault_secret_id : v->c->vault_jwt;
	char *proof = NULL;
	size_t size;
	int rc = bh_secret_read_line(v->secrets, place, CREDENTIAL_MAX, &proof, err);

	if (rc != 0)
		return rc;
	size = strlen(proof) + strlen(v->c->vault_role) + 64;
	*body = bh_secret_alloc(size);
	if (!is_plain(proof) || !is_plain(v->c->vault_role))
		rc = bh_err_set(err, EINVAL,
				"%s and secrets.vault.role have printable characters alone", place);
	else if (*body == NULL)
		rc = bh_err_set(err, ENOMEM, "out of memory");
	else
		snprintf(*body, size,
			 approle ? "{\"role_id\":\"%s\",\"secret_id\":\"%s\"}"
				 : "{\"role\":\"%s\",\"jwt\":\"%s\"}",
			 v->c->vault_role, proof);
	bh_secret_free(proof);
	return rc;
}

static int
log_in(struct bh_vault *v, struct bh_err *err)
{
	static const char *const names[] = {"token", "approle", "kubernetes"};
	struct request r = {.method = "POST", .open = true};
	const char *mount = v->c->vault_mount;
	struct bh_vault_token t = {0};
	char *body = NULL;
	int rc;

	if (v->c->vault_auth == BH_VAULT_TOKEN) {
		rc = take_token(v, err);
		goto out;
	}
	snprintf(r.path, sizeof(r.path), "auth/%s/login",
		 mount[0] != '\0' ? mount : names[v->c->vault_auth]);
	rc = make_login(v, &body, err);
	r.body = body;
	if (rc == 0)
		rc = ask(v, &r, err);
	if (rc == 0 && (bh_vault_read_token(v->answer, v->n, &t) != 0 || t.token == NULL))
		rc = bh_err_set(err, EAGAIN, "Vault's answer to a login names no token");
	forget_answer(v);
	bh_secret_free(body);
	if (rc == 0) {
		bh_secret_free(v->token.token);
		v->token = t;
	}
out:
	if (rc == 0)
		set_renewal(v);
	return rc;
}

uint64_t
bh_vault_renew_ns(const struct bh_vault *v)
{
	return v->renew_ns;
}

int
bh_vault_renew(struct bh_vault *v, struct bh_err *err)
{
	struct request r = {.method = "POST", .path = "auth/token/renew-self", .body = "{}"};
	uint64_t before = v->token.ttl_s;
	struct bh_vault_token t = {0};
	int rc = v->token.renewable ? ask(v, &r, NULL) : -EACCES;

	if (rc == 0)
		rc = bh_vault_read_token(v->answer, v->n, &t);
	forget_answer(v);
	bh_secret_free(t.token); /* it is the one that we have */
	/* One that is near its longest life gets less than it had: there is time for another. */
	if (rc == 0 && t.ttl_s * 2 > before) {
		v->token.ttl_s = t.ttl_s;
		set_renewal(v);
		return 0;
	}
	rc = log_in(v, err);
	if (rc != 0)
		v->renew_ns = bh_clock_system.mono_ns(NULL) + bh_client_backoff_ns(v->failures++);
	return rc;
}

/* ---- what lies there --------------------------------------------------------------------------------------------- */

static int
read_answer(struct bh_vault *v, const char *what, char **out, size_t max, size_t *len,
	    struct bh_err *err)
{
	int rc = bh_vault_read_field(v->answer, v->n, strchr(what, '#') + 1, max, out, len);

	switch (rc) {
	case 0:
		return 0;
	case -ENOENT:
		return bh_err_set(err, ENOENT, "vault:%s: there is no such field, or it is deleted",
				  what);
	case -E2BIG:
		return bh_err_set(err, E2BIG, "vault:%s: longer than %zu bytes", what, max);
	case -ENOMEM:
		return bh_err_set(err, ENOMEM, "out of memory");
	default:
		return bh_err_set(err, EINVAL,
				  "vault:%s: no text of the key-value engine, version 2", what);
	}
}

int
bh_vault_fetch(struct bh_vault *v, const char *what, size_t max, char **out, size_t *len,
	       struct bh_err *err)
{
	struct request r = {.method = "GET"};
	bool fresh = v->token.token == NULL;
	struct bh_err why = {0};
	int rc, n;

	n = snprintf(r.path, sizeof(r.path), "%s/data/%.*s", v->c->vault_kv,
		     (int)strcspn(what, "#"), what);
	if (n >= (int)sizeof(r.path))
		return bh_err_set(err, EINVAL, "vault:%s: the path is too long", what);
	rc = fresh ? log_in(v, &why) : 0;
	if (rc == 0)
		rc = ask(v, &r, &why);
	/* A token may have been revoked before its time. */
	if (rc == -EACCES && !fresh) {
		why = (struct bh_err){0};
		rc = log_in(v, &why);
		if (rc == 0)
			rc = ask(v, &r, &why);
	}
	if (rc == 0)
		rc = read_answer(v, what, out, max, len, &why);
	forget_answer(v);
	return rc == 0 ? 0 : bh_err_set(err, -rc, "%s", why.what);
}

int
bh_vault_open(struct bh_vault **out, struct bh_secrets *s, const struct bh_config *c)
{
	struct bh_vault *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return -ENOMEM;
	v->secrets = s;
	v->c = c;
	v->renew_ns = UINT64_MAX;
	v->answer = bh_secret_alloc(BH_VAULT_ANSWER_MAX);
	if (v->answer == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		bh_secret_free(v->answer);
		free(v);
		return -ENOMEM;
	}
	*out = v;
	return 0;
}

void
bh_vault_close(struct bh_vault *v)
{
	struct request r = {.method = "POST", .path = "auth/token/revoke-self", .body = "{}"};

	if (v == NULL)
		return;
	/* One that was given to us is its giver's. */
	if (v->token.token != NULL && v->c->vault_auth != BH_VAULT_TOKEN)
		(void)ask(v, &r, NULL);
	bh_secret_free(v->token.token);
	bh_secret_free(v->answer);
	free(v);
}
