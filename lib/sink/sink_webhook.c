/* webhook: records as JSON in POST requests, signed with HMAC-SHA256; or a sentence each for Slack and Teams. A request is
 * done when the other end has answered 2xx. */
#include <curl/curl.h>
#include <errno.h>
#include <nettle/hmac.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "../secret/secret.h"
#include "sink_priv.h"

enum { FORM_JSON, FORM_SLACK, FORM_TEAMS };
#define BODY_BYTES (256u << 10)
#define SECRET_MAX 255
#define TALK_RECORDS 10 /* sentences in one message */

struct webhook {
	CURL *curl;
	char *url, *secret; /* SECRET_MAX bytes each; secret "": none */
	unsigned form;
	int stop_fd;
	/* of a batch that was refused for good, one of which may be at fault: so many are still to go one at a time */
	unsigned apart;
	struct bh_buf body;
	struct bh_buf text; /* control thread's */
};

/* ---- what goes into the spool ------------------------------------------------------------------------- */

/* A text of our JSON as plain text; what is not printed as it is becomes '?'. */
static void
add_plain(struct bh_buf *out, const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (p[i] != '\\' || i + 1 >= n) {
			bh_buf_add(out, &p[i], 1);
			continue;
		}
		i++;
		if (p[i] == 'u')
			i += 4;
		bh_buf_add(out, p[i] == '"' || p[i] == '\\' || p[i] == '/' ? &p[i] : "?", 1);
	}
}

static void
add_ends(struct bh_buf *out, const struct bh_sink_record *r)
{
	const struct bh_event *e = r->event;
	unsigned end[2] = {e->initiator & 1, (e->initiator & 1) ^ 1}, i;
	const char *name;
	char text[BH_ADDR_STRLEN];

	for (i = 0; i < 2; i++) {
		bh_buf_str(out, i == 0 ? ": " : " -> ");
		bh_buf_str(out,
			   bh_addr_format(e->key.family, &e->key.addr[end[i]], text, sizeof(text)));
		if (i == 1 && (e->key.proto == 6 || e->key.proto == 17))
			bh_buf_printf(out, " port %u", e->key.port[end[i]]);
		name = r->names != NULL && r->names->segment != NULL &&
				       e->segment[end[i]] != UINT32_MAX
			       ? r->names->segment(r->names->arg, e->segment[end[i]])
			       : NULL;
		if (name != NULL && name[0] != '\0')
			bh_buf_printf(out, " (%s)", name);
	}
	if (e->verdict != BH_VERDICT_NONE)
		bh_buf_printf(out, ", %s", bh_verdict_name(e->verdict));
}

/* "Bulkhead: traffic that no rule allows: 10.1.0.3 (web) -> 10.2.0.4 port 22 (cards), deny". */
static void
sentence(struct bh_buf *out, const struct bh_sink_record *r)
{
	static const char *const keys[] = {"\"signature\":\"", "\"detail\":\"", "\"event\":\"",
					   "\"event_type\":\""};
	const char *p;
	size_t n = 0, i;

	for (i = 0; i < BH_ARRAY_SIZE(keys) && n == 0; i++)
		n = bh_sink_member(r->line, keys[i], &p);
	bh_buf_str(out, "Bulkhead: ");
	add_plain(out, p, n);
	if (r->event != NULL && (r->event->key.family == BH_IP4 || r->event->key.family == BH_IP6))
		add_ends(out, r);
}

static bool
webhook_format(void *state, struct bh_buf *out, const struct bh_sink_record *r, uint64_t seq)
{
	struct webhook *w = state;

	if (w->form == FORM_JSON) {
		/* The number alone would come again when somebody removes the spool. */
		bh_buf_printf(out, "{\"id\":\"%llu-%llx\",\"event\":", (unsigned long long)seq,
			      (unsigned long long)r->time_ns);
		bh_buf_add(out, r->line, r->len);
		bh_buf_str(out, "}");
		return true;
	}
	bh_buf_reset(&w->text);
	sentence(&w->text, r);
	if (!w->text.failed)
		bh_buf_add(out, w->text.data, w->text.len);
	return !w->text.failed;
}

/* ---- requests ------------------------------------------------------------------------------------------ */

/* Slack reads these three as markup. */
static void
add_talk(struct bh_buf *out, const struct bh_spool_item *item, bool slack)
{
	uint32_t i;

	for (i = 0; i < item->len; i++) {
		const char c = (char)item->data[i];

		if (slack && (c == '&' || c == '<' || c == '>'))
			bh_buf_str(out, c == '&' ? "&amp;" : c == '<' ? "&lt;" : "&gt;");
		else
			bh_buf_add(out, &c, 1);
	}
}

static unsigned
make_talk(struct webhook *w, const struct bh_spool_item *item, unsigned n)
{
	struct bh_buf text = {0};
	unsigned i;

	for (i = 0; i < n && i < TALK_RECORDS; i++) {
		if (i != 0)
			bh_buf_str(&text, w->form == FORM_SLACK ? "\n" : "\n\n");
		add_talk(&text, &item[i], w->form == FORM_SLACK);
	}
	bh_buf_str(&w->body, w->form == FORM_SLACK
				     ? "{\"text\":"
				     : "{\"type\":\"message\",\"attachments\":[{\"contentType\":"
				       "\"application/vnd.microsoft.card.adaptive\",\"content\":{"
				       "\"type\":\"AdaptiveCard\",\"version\":\"1.2\",\"body\":[{"
				       "\"type\":\"TextBlock\",\"wrap\":true,\"text\":");
	bh_json_string(&w->body, text.failed ? NULL : text.data);
	bh_buf_str(&w->body, w->form == FORM_SLACK ? "}" : "}]}}]}");
	bh_buf_free(&text);
	return i;
}

/* The body of as many records as fit; returns how many. */
static unsigned
make_body(struct webhook *w, const struct bh_spool_item *item, unsigned n)
{
	unsigned i;

	bh_buf_reset(&w->body);
	if (w->form != FORM_JSON)
		return make_talk(w, item, n);
	bh_buf_str(&w->body, "{\"events\":[");
	for (i = 0; i < n && (i == 0 || w->body.len + item[i].len < BODY_BYTES); i++) {
		bh_buf_str(&w->body, i != 0 ? "," : "");
		bh_buf_add(&w->body, item[i].data, item[i].len);
	}
	bh_buf_str(&w->body, "]}");
	return i;
}

/* "X-Bulkhead-Signature: sha256=..." of the body. */
static struct curl_slist *
add_signature(struct webhook *w, struct curl_slist *list)
{
	char header[128] = "X-Bulkhead-Signature: sha256=";
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct hmac_sha256_ctx hmac;
	size_t n = strlen(header), i;

	if (w->secret[0] == '\0')
		return list;
	hmac_sha256_set_key(&hmac, strlen(w->secret), (const uint8_t *)w->secret);
	hmac_sha256_update(&hmac, w->body.len, (const uint8_t *)w->body.data);
	hmac_sha256_digest(&hmac, sizeof(digest), digest);
	for (i = 0; i < sizeof(digest); i++)
		snprintf(header + n + 2 * i, 3, "%02x", digest[i]);
	return curl_slist_append(list, header);
}

static size_t
ignore_body(char *data, size_t size, size_t n, void *arg)
{
	(void)data;
	(void)arg;
	return size * n;
}

/* Called once a second and more often: the sink may have to end. */
static int
look_for_stop(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct pollfd fd = {.fd = ((struct webhook *)arg)->stop_fd, .events = POLLIN};

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return poll(&fd, 1, 0) == 1;
}

static void
set_options(struct webhook *w)
{
	curl_easy_setopt(w->curl, CURLOPT_URL, w->url);
	curl_easy_setopt(w->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(w->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(w->curl, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
	curl_easy_setopt(w->curl, CURLOPT_TIMEOUT_MS, 15000L);
	curl_easy_setopt(w->curl, CURLOPT_WRITEFUNCTION, ignore_body);
	curl_easy_setopt(w->curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(w->curl, CURLOPT_XFERINFOFUNCTION, look_for_stop);
	curl_easy_setopt(w->curl, CURLOPT_XFERINFODATA, w);
	curl_easy_setopt(w->curl, CURLOPT_USERAGENT, "bulkhead/" BH_VERSION);
}

/* What an answer means: 0 it has arrived, -errno. What the target finds wrong in a record will not get better. */
static int
meaning(CURLcode rc, long status)
{
	if (rc != CURLE_OK)
		return rc == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -ECONNREFUSED;
	if (status >= 200 && status < 300)
		return 0;
	if (status == 400 || status == 413 || status == 422)
		return -EMSGSIZE;
	return status == 401 || status == 403 ? -EACCES : -EAGAIN;
}

/* One request with what make_body took of the items, *n. 0 or -errno. */
static int
post(struct webhook *w, const struct bh_spool_item *item, unsigned *n)
{
	struct curl_slist *list = NULL;
	char id[96];
	long status = 0;
	CURLcode rc;

	*n = make_body(w, item, *n);
	if (w->body.failed) {
		bh_buf_free(&w->body);
		return -ENOMEM;
	}
	snprintf(id, sizeof(id), "X-Bulkhead-Delivery: %llu-%llu", (unsigned long long)item[0].seq,
		 (unsigned long long)item[*n - 1].seq);
	list = curl_slist_append(list, "Content-Type: application/json");
	list = curl_slist_append(list, id);
	list = add_signature(w, list);
	curl_easy_setopt(w->curl, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(w->curl, CURLOPT_POSTFIELDSIZE, (long)w->body.len);
	curl_easy_setopt(w->curl, CURLOPT_POSTFIELDS, w->body.data);
	rc = curl_easy_perform(w->curl);
	curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_setopt(w->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(list);
	return meaning(rc, status);
}

static int
webhook_send(void *state, const struct bh_spool_item *item, unsigned n)
{
	struct webhook *w = state;
	int rc;

	if (w->curl == NULL) {
		w->curl = curl_easy_init();
		if (w->curl == NULL)
			return -ENOMEM;
		set_options(w);
	}
	if (w->apart == 0) {
		rc = post(w, item, &n);
		if (rc != -EMSGSIZE || n == 1)
			return rc == 0 ? (int)n : rc;
		w->apart = n;
	}
	n = 1;
	rc = post(w, item, &n);
	if (rc == 0 || rc == -EMSGSIZE)
		w->apart--;
	return rc == 0 ? 1 : rc;
}

static int
webhook_settled(void *state)
{
	(void)state;
	return 1;
}

static void
webhook_reset(void *state)
{
	struct webhook *w = state;

	if (w->curl != NULL)
		curl_easy_cleanup(w->curl);
	w->curl = NULL;
}

static void
free_webhook(struct webhook *w)
{
	bh_buf_free(&w->body);
	bh_buf_free(&w->text);
	bh_secret_free(w->url);
	bh_secret_free(w->secret);
	free(w);
}

static void
webhook_close(void *state)
{
	struct webhook *w = state;

	webhook_reset(w);
	free_webhook(w);
}

static int
webhook_rekey(void *state, const char *secret)
{
	struct webhook *w = state;

	if (strlen(secret) > SECRET_MAX)
		return -E2BIG;
	snprintf(w->secret, SECRET_MAX + 1, "%s", secret);
	return 0;
}

static int
webhook_retarget(void *state, const char *to)
{
	struct webhook *w = state;

	if (strlen(to) > SECRET_MAX)
		return -E2BIG;
	webhook_reset(w);
	snprintf(w->url, SECRET_MAX + 1, "%s", to);
	return 0;
}

static int
webhook_open(void **state, const struct bh_sink_params *p, int stop_fd, struct bh_err *err)
{
	struct webhook *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return bh_err_set(err, ENOMEM, "no memory for a sink");
	w->url = bh_secret_alloc(SECRET_MAX);
	w->secret = bh_secret_alloc(SECRET_MAX);
	if (w->url == NULL || w->secret == NULL ||
	    curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free_webhook(w);
		return bh_err_set(err, ENOMEM, "no memory for a sink");
	}
	if (strlen(p->to) > SECRET_MAX || (p->secret != NULL && strlen(p->secret) > SECRET_MAX)) {
		free_webhook(w);
		return bh_err_set(err, EINVAL,
				  "sink %s: its URL and its secret may have at most 255 bytes each",
				  p->name);
	}
	snprintf(w->url, SECRET_MAX + 1, "%s", p->to);
	snprintf(w->secret, SECRET_MAX + 1, "%s", p->secret != NULL ? p->secret : "");
	w->form = p->form;
	w->stop_fd = stop_fd;
	*state = w;
	return 0;
}

const struct bh_sink_ops bh_sink_webhook = {
	.open = webhook_open,
	.close = webhook_close,
	.format = webhook_format,
	.send = webhook_send,
	.settled = webhook_settled,
	.reset = webhook_reset,
	.rekey = webhook_rekey,
	.retarget = webhook_retarget,
	.confirms = true,
};
