/* tell: requests to an API server, and what one of them is for: an object of ours is told what became of it, in its status. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kube_priv.h"

#define TIMEOUT_S 30
#define ANSWER_MAX 4096 /* of an error's text; the object that comes back is not read */

/* ---- what requests have in common -------------------------------------------------------------------------------- */

/* PEM into the memory file, whose path goes into out. */
static int
put_file(int fd, const char *pem, char out[256])
{
	size_t len = strlen(pem);

	if (ftruncate(fd, 0) != 0 || pwrite(fd, pem, len, 0) != (ssize_t)len)
		return -EIO;
	snprintf(out, 256, "/proc/%d/fd/%d", (int)getpid(), fd);
	return 0;
}

int
bh_kube_credentials(struct bh_kube_feed *f, struct bh_kube_access *a)
{
	struct bh_buf line = {0};
	int rc = 0;

	if (a->ca_data != NULL)
		rc = put_file(f->c->file[0], a->ca_data, a->ca);
	if (rc == 0 && a->certificate_data != NULL)
		rc = put_file(f->c->file[1], a->certificate_data, a->certificate);
	if (rc == 0 && a->key_data != NULL)
		rc = put_file(f->c->file[2], a->key_data, a->key);
	if (rc != 0)
		return rc;
	bh_client_trust(f->easy, &(struct bh_client_tls){.ca = a->ca,
							 .certificate = a->certificate,
							 .key = a->key,
							 .insecure = a->insecure});
	f->header = curl_slist_append(NULL, "Accept: application/json");
	if (a->token != NULL && a->certificate[0] == '\0') {
		bh_buf_printf(&line, "Authorization: Bearer %s", a->token);
		if (!line.failed)
			f->header = curl_slist_append(f->header, line.data);
		else
			rc = -ENOMEM;
		if (line.data != NULL)
			explicit_bzero(line.data, line.len);
		bh_buf_free(&line);
	}
	curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->header);
	return rc;
}

void
bh_kube_words(const struct bh_kube_feed *f, long status, char out[200])
{
	json_t *doc = f->body.len != 0 ? json_loadb(f->body.data, f->body.len, 0, NULL) : NULL;
	const char *message = json_string_value(json_object_get(doc, "message"));

	snprintf(out, 200, "%ld%s%.150s", status, message != NULL ? ": " : "",
		 message != NULL ? message : "");
	json_decref(doc);
}

void
bh_kube_clear(struct bh_kube_feed *f)
{
	if (f->easy != NULL) {
		curl_multi_remove_handle(f->c->multi, f->easy);
		curl_easy_cleanup(f->easy);
	}
	curl_slist_free_all(f->header);
	f->easy = NULL;
	f->header = NULL;
	f->state = BH_KUBE_IDLE;
	f->open = false;
	bh_buf_free(&f->body);
	bh_buf_free(&f->lines.buf);
}

/* ---- status ------------------------------------------------------------------------------------------------------- */

static size_t
take_answer(char *data, size_t size, size_t n, void *arg)
{
	struct bh_kube_feed *f = arg;

	size *= n;
	if (f->body.len + size <= ANSWER_MAX)
		bh_buf_add(&f->body, data, size);
	return size;
}

static int
set_request(struct bh_kube_feed *f, const char *server)
{
	static const char *const words[] = {[BH_KUBE_SEGMENT] = "bulkheadsegments",
					    [BH_KUBE_SENSOR] = "bulkheadsensors",
					    [BH_KUBE_POLICY] = "bulkheadpolicies"};
	const struct bh_kube_told *t = &f->c->told;
	struct bh_buf url = {0};
	/* Null takes a field away: no reason is none, not an empty one. */
	json_t *o =
		json_pack("{s:{s:s, s:o, s:o, s:I, s:s}}", "status", "state",
			  bh_kube_verdict_name(t->verdict), "reason",
			  t->reason[0] != '\0' ? json_string(t->reason) : json_null(), "revision",
			  t->revision != 0 ? json_integer(t->revision) : json_null(),
			  "observedGeneration", (json_int_t)t->generation, "gateway",
			  bh_kube_gateway(f->c->s->kube));
	char *text = o != NULL ? json_dumps(o, 0) : NULL;
	int rc = text != NULL && t->kind < BH_ARRAY_SIZE(words) ? 0 : -ENOMEM;

	if (rc == 0)
		bh_buf_printf(&url, "%s" BH_KUBE_GROUP "%s/%s/status", server, words[t->kind],
			      t->name);
	if (rc == 0 && !url.failed) {
		curl_easy_setopt(f->easy, CURLOPT_URL, url.data);
		curl_easy_setopt(f->easy, CURLOPT_COPYPOSTFIELDS, text);
		curl_easy_setopt(f->easy, CURLOPT_CUSTOMREQUEST, "PATCH");
		f->header =
			curl_slist_append(f->header, "Content-Type: application/merge-patch+json");
		curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->header);
	} else {
		rc = -ENOMEM;
	}
	bh_buf_free(&url);
	free(text);
	json_decref(o);
	return rc;
}

static void
fail(struct bh_kube_feed *f, const char *why)
{
	char text[256];

	f->due_ns = bh_clock_system.mono_ns(NULL) + bh_client_backoff_ns(f->failures);
	f->failures++;
	snprintf(text, sizeof(text), "status of %s %.80s: %.120s",
		 bh_kube_wish_name(f->c->told.kind), f->c->told.name, why);
	if (f->failures == 1)
		bh_log(BH_LOG_WARN, "source %s: %s", f->c->s->config->name, text);
	bh_kube_clear(f);
}

bool
bh_kube_tell_begin(struct bh_kube_feed *f)
{
	struct bh_kube_source *s = f->c->s;
	struct bh_kube_access a;
	struct bh_err err = {0};
	int rc;

	if (!bh_kube_intent_untold(bh_kube_intent_of(s->kube), s->index, &f->c->told))
		return false;
	rc = bh_kube_access_load(&a, s->config, bh_kube_secrets(s->kube), &err);
	if (rc != 0) {
		fail(f, err.what);
		return false;
	}
	f->state = BH_KUBE_TELLING;
	f->easy = curl_easy_init();
	rc = f->easy == NULL ? -ENOMEM : 0;
	if (rc == 0) {
		curl_easy_setopt(f->easy, CURLOPT_PRIVATE, f);
		bh_client_options(f->easy, "https", TIMEOUT_S);
		curl_easy_setopt(f->easy, CURLOPT_WRITEFUNCTION, take_answer);
		curl_easy_setopt(f->easy, CURLOPT_WRITEDATA, f);
		rc = bh_kube_credentials(f, &a);
	}
	if (rc == 0)
		rc = set_request(f, a.server);
	bh_kube_access_free(&a);
	if (rc == 0 && curl_multi_add_handle(f->c->multi, f->easy) == CURLM_OK)
		return true;
	fail(f, "no memory for a request");
	return false;
}

void
bh_kube_tell_done(struct bh_kube_feed *f, CURLcode code)
{
	struct bh_kube_source *s = f->c->s;
	long status = 0;
	char why[200];

	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	/* Who is gone needs not be told. */
	if (code != CURLE_OK || (status != 200 && status != 404)) {
		bh_kube_words(f, status, why);
		fail(f, code != CURLE_OK ? curl_easy_strerror(code) : why);
		return;
	}
	bh_kube_intent_told(bh_kube_intent_of(s->kube), s->index, &f->c->told);
	f->failures = 0;
	f->due_ns = 0;
	bh_kube_clear(f);
}
