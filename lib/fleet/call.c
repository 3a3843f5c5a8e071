/* Requests to etcd, at whichever of its members answers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fleet_priv.h"

#define BODY_MAX (64u << 20)
#define ONE_MS 1500 /* of one member, where there are others */
#define TOKEN_LOST "invalid auth token"
#define NO_TOKEN "user name is empty"

static size_t
take_body(char *data, size_t size, size_t n, void *arg)
{
	struct bh_etcd *e = arg;

	size *= n;
	if (e->body.len + size > BODY_MAX)
		return 0;
	bh_buf_add(&e->body, data, size);
	return e->body.failed ? 0 : size;
}

static int
look_for_stop(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct bh_etcd *e = arg;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return *e->stop;
}

struct curl_slist *
bh_etcd_prepare(struct bh_etcd *e, CURL *easy, const char *path, long silent_s)
{
	const struct bh_config *c = e->c;
	struct curl_slist *header = curl_slist_append(NULL, "Content-Type: application/json");
	char line[sizeof(e->token) + 32], url[512];

	bh_client_options(easy, "http,https", silent_s);
	bh_client_trust(easy, &(struct bh_client_tls){.ca = c->fleet_ca,
						      .certificate = c->fleet_certificate,
						      .key = c->fleet_key});
	snprintf(url, sizeof(url), "%s/v3/%s", c->fleet_endpoint[e->at], path);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 1000L);
	if (e->token[0] != '\0') {
		snprintf(line, sizeof(line), "Authorization: %s", e->token);
		header = curl_slist_append(header, line);
		explicit_bzero(line, sizeof(line));
	}
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, header);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, look_for_stop);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, e);
	return header;
}

/* 0, out is filled; -ENOTCONN with err. */
static int
post(struct bh_etcd *e, const char *path, const struct bh_buf *ask, unsigned ms,
     struct bh_etcd_answer *out, struct bh_err *err)
{
	struct curl_slist *header;
	CURLcode code;
	int rc;

	curl_easy_reset(e->easy);
	bh_buf_reset(&e->body);
	header = bh_etcd_prepare(e, e->easy, path, 30);
	curl_easy_setopt(e->easy, CURLOPT_TIMEOUT_MS, (long)ms);
	curl_easy_setopt(e->easy, CURLOPT_POSTFIELDSIZE, (long)ask->len);
	curl_easy_setopt(e->easy, CURLOPT_POSTFIELDS, ask->data);
	curl_easy_setopt(e->easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(e->easy, CURLOPT_WRITEDATA, e);
	code = curl_easy_perform(e->easy);
	curl_slist_free_all(header);
	if (code != CURLE_OK)
		return bh_err_set(err, ENOTCONN, "%.200s: %s", e->c->fleet_endpoint[e->at],
				  curl_easy_strerror(code));
	rc = bh_etcd_answer_read(out, e->body.data != NULL ? e->body.data : "", e->body.len);
	return rc == 0 ? 0
		       : bh_err_set(err, ENOTCONN, "%.200s: its answer is none of etcd's",
				    e->c->fleet_endpoint[e->at]);
}

/* What another member may answer better. */
static bool
is_lost(const char *error)
{
	static const char *const words[] = {"no leader",       "timed out",  "unavailable",
					    "transport",       "connection", "deadline",
					    "leader changed",  "stopped",    "not capable",
					    "context canceled"};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(words); i++) {
		if (strcasestr(error, words[i]) != NULL)
			return true;
	}
	return false;
}

static int
authenticate(struct bh_etcd *e, unsigned ms, struct bh_err *err)
{
	struct bh_etcd_answer a = {0};
	struct bh_buf ask = {0};
	char *password = NULL, *text;
	json_t *o;
	int rc = bh_secret_read_line(e->secrets, e->c->fleet_password_file, 4096, &password, err);

	if (rc != 0)
		return rc;
	o = json_pack("{s:s, s:s}", "name", e->c->fleet_user, "password", password);
	bh_secret_free(password);
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (text == NULL)
		return bh_err_set(err, EINVAL, "fleet.password_file: it is no text");
	bh_buf_str(&ask, text);
	explicit_bzero(text, strlen(text));
	free(text);
	e->token[0] = '\0';
	rc = post(e, "auth/authenticate", &ask, ms, &a, err);
	if (rc == 0 && a.error[0] != '\0')
		rc = bh_err_set(err, ENOTCONN, "etcd does not know fleet.user %.60s: %s",
				e->c->fleet_user, a.error);
	/* It becomes a line of a header. */
	if (rc == 0 && a.token[strcspn(a.token, "\r\n")] == '\0')
		snprintf(e->token, sizeof(e->token), "%s", a.token);
	explicit_bzero(ask.data, ask.len);
	bh_buf_free(&ask);
	bh_etcd_answer_free(&a);
	return rc;
}

/* At this member. -EAGAIN: with a new token once more. */
static int
try_one(struct bh_etcd *e, const char *path, const struct bh_buf *ask, unsigned ms,
	struct bh_etcd_answer *out, struct bh_err *err)
{
	int rc = 0;

	if (e->c->fleet_user[0] != '\0' && e->token[0] == '\0')
		rc = authenticate(e, ms, err);
	if (rc == 0)
		rc = post(e, path, ask, ms, out, err);
	if (rc != 0 || out->error[0] == '\0')
		return rc;
	if (strstr(out->error, TOKEN_LOST) != NULL || strstr(out->error, NO_TOKEN) != NULL) {
		e->token[0] = '\0';
		return bh_err_set(err, EAGAIN, "etcd: %s", out->error);
	}
	return is_lost(out->error) ? bh_err_set(err, ENOTCONN, "%.200s: %s",
						e->c->fleet_endpoint[e->at], out->error)
				   : bh_err_set(err, EIO, "etcd: %s", out->error);
}

void
bh_etcd_next(struct bh_etcd *e)
{
	e->at = (e->at + 1) % e->c->n_fleet_endpoints;
}

int
bh_etcd_call(struct bh_etcd *e, const char *path, const struct bh_buf *ask, unsigned ms,
	     struct bh_etcd_answer *out, struct bh_err *err)
{
	uint64_t end = bh_clock_system.mono_ns(NULL) + ms * BH_NS_PER_MS, now;
	struct bh_err last = {0};
	unsigned i, one, tries = e->c->n_fleet_endpoints + 1;
	int rc = -ENOTCONN;

	*out = (struct bh_etcd_answer){0};
	if (ask->failed)
		return bh_err_set(err, ENOMEM, "out of memory");
	if (e->easy == NULL)
		e->easy = curl_easy_init();
	if (e->easy == NULL)
		return bh_err_set(err, ENOMEM, "no memory for a request");
	for (i = 0; i < tries && !*e->stop; i++) {
		now = bh_clock_system.mono_ns(NULL);
		if (now >= end)
			break;
		one = (unsigned)((end - now) / BH_NS_PER_MS) + 1;
		if (e->c->n_fleet_endpoints > 1 && one > ONE_MS)
			one = ONE_MS;
		bh_etcd_answer_free(out);
		last = (struct bh_err){0};
		rc = try_one(e, path, ask, one, out, &last);
		if (rc != -ENOTCONN && rc != -EAGAIN)
			break;
		if (rc == -ENOTCONN)
			bh_etcd_next(e);
	}
	if (rc == -EAGAIN)
		rc = -EIO;
	return rc == 0 ? 0 : bh_err_set(err, -rc, "%s", last.what[0] != '\0' ? last.what : "etcd");
}

void
bh_etcd_close(struct bh_etcd *e)
{
	if (e->easy != NULL)
		curl_easy_cleanup(e->easy);
	bh_buf_free(&e->body);
	explicit_bzero(e->token, sizeof(e->token));
}
