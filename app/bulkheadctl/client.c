/* client: one request, one answer, over libcurl. */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>

#include "ctl.h"

#define CLIENT_MAX_REPLY (256u << 20)

static size_t
client_receive(char *data, size_t size, size_t n, void *arg)
{
	struct bh_buf *b = arg;

	if (b->len + size * n > CLIENT_MAX_REPLY)
		return 0;
	bh_buf_add(b, data, size * n);
	return b->failed ? 0 : size * n;
}

int
bh_ctl_client_open(struct bh_ctl *ctl)
{
	CURL *c;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || (c = curl_easy_init()) == NULL) {
		fprintf(ctl->err, "bulkheadctl: libcurl would not start\n");
		return BH_CTL_UNREACHABLE;
	}
	ctl->curl = c;
	return 0;
}

void
bh_ctl_client_close(struct bh_ctl *ctl)
{
	if (ctl->curl != NULL)
		curl_easy_cleanup(ctl->curl);
	ctl->curl = NULL;
}

void
bh_ctl_encode(struct bh_buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
		    strchr("-._~", c) != NULL)
			bh_buf_add(b, s, 1);
		else
			bh_buf_printf(b, "%%%02X", c);
	}
}

/* From the option, else the variable, else the context; NULL: nowhere. */
static const char *
client_file(struct bh_ctl *ctl, const struct bh_ctl_option *o, const char *variable,
	    const char *member)
{
	const char *path = o->n != 0 ? o->value[o->n - 1] : getenv(variable);

	if (path == NULL || path[0] == '\0')
		path = json_string_value(json_object_get(ctl->context, member));
	return path != NULL && path[0] != '\0' ? path : NULL;
}

/* "Authorization: Bearer ..." from the token file, or "" when none is named. */
static int
client_token(struct bh_ctl *ctl, char *out, size_t size)
{
	const char *path =
		client_file(ctl, &ctl->a.token_file, "BULKHEAD_TOKEN_FILE", "token_file");
	char token[512] = "";
	FILE *f;

	out[0] = '\0';
	if (path == NULL)
		return 0;
	f = fopen(path, "re");
	if (f == NULL) {
		fprintf(ctl->err, "bulkheadctl: cannot read the token file %s: %s\n", path,
			strerror(errno));
		return BH_CTL_USAGE;
	}
	if (fgets(token, sizeof(token), f) == NULL)
		token[0] = '\0';
	fclose(f);
	token[strcspn(token, " \t\r\n")] = '\0';
	snprintf(out, size, "Authorization: Bearer %s", token);
	explicit_bzero(token, sizeof(token));
	return 0;
}

/* Headers of a request; NULL: told. */
static struct curl_slist *
client_headers(struct bh_ctl *ctl, const struct bh_ctl_request *q, int *rc)
{
	struct curl_slist *h;
	char line[640];

	h = curl_slist_append(NULL, "Accept: application/json, application/problem+json");
	*rc = client_token(ctl, line, sizeof(line));
	if (line[0] != '\0')
		h = curl_slist_append(h, line);
	explicit_bzero(line, sizeof(line));
	if (q->content_type != NULL) {
		snprintf(line, sizeof(line), "Content-Type: %s", q->content_type);
		h = curl_slist_append(h, line);
	}
	return h;
}

static void
client_tls(struct bh_ctl *ctl)
{
	const char *ca = client_file(ctl, &ctl->a.ca, "BULKHEAD_CA", "ca");
	const char *cert = client_file(ctl, &ctl->a.cert, "BULKHEAD_CERT", "cert");
	const char *key = client_file(ctl, &ctl->a.key, "BULKHEAD_KEY", "key");

	if (ca != NULL)
		curl_easy_setopt(ctl->curl, CURLOPT_CAINFO, ca);
	if (cert != NULL)
		curl_easy_setopt(ctl->curl, CURLOPT_SSLCERT, cert);
	if (key != NULL)
		curl_easy_setopt(ctl->curl, CURLOPT_SSLKEY, key);
}

static void
client_prepare(struct bh_ctl *ctl, const struct bh_ctl_request *q, const char *url,
	       struct bh_buf *text)
{
	CURL *c = ctl->curl;

	curl_easy_reset(c);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, client_receive);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, text);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 5L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, q->seconds != 0 ? q->seconds : 60L);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	/* The token is for the gateway, not for a proxy that some other program needs. */
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	client_tls(ctl);
	if (q->body != NULL) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->len);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body);
	}
}

static int
client_unreachable(struct bh_ctl *ctl, const char *why)
{
	fprintf(ctl->err,
		"bulkheadctl: no gateway answers at %s (from %s): %s\n"
		"Is it running? `systemctl status bulkhead` tells; api.listen in bulkhead.yaml "
		"says "
		"where.\nAnother place: --server URL, or BULKHEAD_SERVER=URL.\n",
		ctl->server, ctl->server_from, why);
	return BH_CTL_UNREACHABLE;
}

static void
client_decode(struct bh_ctl *ctl, struct bh_ctl_reply *r)
{
	char *type = NULL;

	curl_easy_getinfo(ctl->curl, CURLINFO_RESPONSE_CODE, &r->status);
	curl_easy_getinfo(ctl->curl, CURLINFO_CONTENT_TYPE, &type);
	if (type == NULL || strstr(type, "json") == NULL || r->text.data == NULL)
		return;
	r->json = json_loadb(r->text.data, r->text.len, 0, NULL);
	r->problem = strncmp(type, "application/problem+json", 24) == 0 && r->json != NULL;
}

int
bh_ctl_send(struct bh_ctl *ctl, const struct bh_ctl_request *q, struct bh_ctl_reply *r)
{
	struct curl_slist *headers;
	struct bh_buf url = {0};
	CURLcode code;
	int rc;

	memset(r, 0, sizeof(*r));
	headers = client_headers(ctl, q, &rc);
	if (rc != 0)
		goto free_headers;
	bh_buf_printf(&url, "%s/api/v1%s", ctl->server, q->path);
	client_prepare(ctl, q, url.failed ? "" : url.data, &r->text);
	curl_easy_setopt(ctl->curl, CURLOPT_HTTPHEADER, headers);
	bh_ctl_progress_begin(ctl);
	code = curl_easy_perform(ctl->curl);
	bh_ctl_progress_end(ctl);
	if (code != CURLE_OK) {
		rc = client_unreachable(ctl, curl_easy_strerror(code));
		goto free_headers;
	}
	client_decode(ctl, r);
free_headers:
	curl_slist_free_all(headers);
	bh_buf_free(&url);
	return rc;
}

/* "policy.yaml:3:7: ..." where the gateway knows the place in a file, else "bulkheadctl: ...". */
static void
client_tell(struct bh_ctl *ctl, const struct bh_ctl_request *q, const struct bh_ctl_reply *r)
{
	long long line = json_integer_value(json_object_get(r->json, "line"));
	long long column = json_integer_value(json_object_get(r->json, "column"));
	const char *pointer = json_string_value(json_object_get(r->json, "pointer"));
	const char *argument = json_string_value(json_object_get(r->json, "argument"));
	const char *title = json_string_value(json_object_get(r->json, "title"));
	const char *detail = json_string_value(json_object_get(r->json, "detail"));

	if (q->file != NULL && line != 0 && column != 0)
		fprintf(ctl->err, "%s:%lld:%lld: ", q->file, line, column);
	else if (q->file != NULL && line != 0)
		fprintf(ctl->err, "%s:%lld: ", q->file, line);
	else
		fprintf(ctl->err, "bulkheadctl: refused (%ld): ", r->status);
	if (argument != NULL) {
		bh_ctl_put_clean(ctl->err, argument);
		fputs(": ", ctl->err);
	}
	if (pointer != NULL && pointer[0] != '\0') {
		bh_ctl_put_clean(ctl->err, pointer);
		fputs(": ", ctl->err);
	}
	bh_ctl_put_clean(ctl->err, detail != NULL  ? detail
				   : title != NULL ? title
						   : "no reason given");
	fputc('\n', ctl->err);
	if (r->status == 401 &&
	    client_file(ctl, &ctl->a.token_file, "BULKHEAD_TOKEN_FILE", "token_file") == NULL)
		fputs("Name the token's file: --token-file FILE, or BULKHEAD_TOKEN_FILE=FILE.\n",
		      ctl->err);
}

int
bh_ctl_call(struct bh_ctl *ctl, const struct bh_ctl_request *q, struct bh_ctl_reply *r)
{
	int rc = bh_ctl_send(ctl, q, r);

	if (rc != 0)
		return rc;
	if (r->status >= 200 && r->status < 300)
		return BH_CTL_OK;
	if (!r->problem) {
		fprintf(ctl->err, "bulkheadctl: what answers at %s (status %ld) is not a gateway\n",
			ctl->server, r->status);
		return BH_CTL_UNREACHABLE;
	}
	client_tell(ctl, q, r);
	return r->status == 404 ? BH_CTL_NO : BH_CTL_REFUSED;
}

/* ---- streams ---------------------------------------------------------------------------------------- */

/* The gateway says something at least every 10 s. */
#define CLIENT_SILENT_S 30L

struct client_stream {
	struct bh_ctl *ctl;
	bh_ctl_piece_fn fn;
	void *arg;
	struct bh_buf refusal; /* what comes with another status than 200 */
	bool enough;
};

static size_t
client_piece(char *data, size_t size, size_t n, void *arg)
{
	struct client_stream *s = arg;
	long status = 0;

	curl_easy_getinfo(s->ctl->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return client_receive(data, size, n, &s->refusal);
	s->enough = !s->fn(s->arg, data, size * n);
	return s->enough ? 0 : size * n;
}

int
bh_ctl_listen(struct bh_ctl *ctl, const char *path, const char *last_id, bh_ctl_piece_fn fn,
	      void *arg, bool quiet)
{
	const struct bh_ctl_request q = {.method = "GET", .path = path};
	struct client_stream s = {.ctl = ctl, .fn = fn, .arg = arg};
	struct bh_ctl_reply r = {0};
	struct curl_slist *headers;
	struct bh_buf url = {0};
	char line[64];
	CURLcode code;
	int rc;

	headers = client_headers(ctl, &q, &rc);
	if (rc != 0)
		goto out;
	snprintf(line, sizeof(line), "Last-Event-ID: %s", last_id);
	if (last_id[0] != '\0')
		headers = curl_slist_append(headers, line);
	headers = curl_slist_append(headers, "Accept: text/event-stream");
	bh_buf_printf(&url, "%s/api/v1%s", ctl->server, path);
	client_prepare(ctl, &q, url.failed ? "" : url.data, &s.refusal);
	curl_easy_setopt(ctl->curl, CURLOPT_TIMEOUT, 0L);
	curl_easy_setopt(ctl->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(ctl->curl, CURLOPT_LOW_SPEED_TIME, CLIENT_SILENT_S);
	curl_easy_setopt(ctl->curl, CURLOPT_WRITEFUNCTION, client_piece);
	curl_easy_setopt(ctl->curl, CURLOPT_WRITEDATA, &s);
	curl_easy_setopt(ctl->curl, CURLOPT_HTTPHEADER, headers);
	code = curl_easy_perform(ctl->curl);
	r.text = s.refusal;
	client_decode(ctl, &r);
	if (r.status == 200 || s.enough) {
		rc = 0;
	} else if (r.problem) {
		client_tell(ctl, &q, &r);
		rc = BH_CTL_REFUSED;
	} else {
		rc = quiet ? BH_CTL_UNREACHABLE : client_unreachable(ctl, curl_easy_strerror(code));
	}
	bh_ctl_reply_free(&r);
out:
	curl_slist_free_all(headers);
	bh_buf_free(&url);
	return rc;
}

int
bh_ctl_get_json(struct bh_ctl *ctl, const char *path, struct bh_ctl_reply *r)
{
	int rc = bh_ctl_call(ctl, &(struct bh_ctl_request){.method = "GET", .path = path}, r);

	if (rc != 0 || json_is_object(r->json))
		return rc;
	fprintf(ctl->err, "bulkheadctl: what answers at %s is not a gateway\n", ctl->server);
	return BH_CTL_UNREACHABLE;
}

void
bh_ctl_reply_free(struct bh_ctl_reply *r)
{
	bh_buf_free(&r->text);
	json_decref(r->json);
	r->json = NULL;
}
