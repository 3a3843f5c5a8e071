/* What etcd says: an answer to a request, or a line of a watch. Numbers of 64 bits come as text (protobuf's JSON), what is
 * nothing is left out, keys and values are base64. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <nettle/base64.h>

#include "fleet_priv.h"

static int64_t
number(const json_t *o, const char *name)
{
	const json_t *v = json_object_get(o, name);
	const char *s = json_string_value(v);

	return s != NULL ? strtoll(s, NULL, 10) : json_integer_value(v);
}

static void
copy(char *out, size_t size, const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	snprintf(out, size, "%s", s != NULL ? s : "");
}

/* NULL: it is no base64, or there is no memory. What is not there is empty. */
static char *
decode(const json_t *o, const char *name, size_t *len)
{
	const json_t *v = json_object_get(o, name);
	const char *s = json_string_value(v);
	size_t n = json_string_length(v);
	struct base64_decode_ctx ctx;
	char *out;

	if (v != NULL && s == NULL)
		return NULL;
	*len = BASE64_DECODE_LENGTH(n);
	out = malloc(*len + 1);
	if (out == NULL)
		return NULL;
	base64_decode_init(&ctx);
	if (n != 0 && (!base64_decode_update(&ctx, len, (uint8_t *)out, n, s) ||
		       !base64_decode_final(&ctx))) {
		free(out);
		return NULL;
	}
	*len = n != 0 ? *len : 0;
	out[*len] = '\0';
	return out;
}

static int
add(struct bh_etcd_answer *a, const json_t *kv, bool deleted)
{
	struct bh_etcd_kv *list = realloc(a->kv, (a->n + 1) * sizeof(*list)), *k;
	size_t key_len = 0;

	if (list == NULL)
		return -ENOMEM;
	a->kv = list;
	k = &list[a->n];
	*k = (struct bh_etcd_kv){.mod = number(kv, "mod_revision"), .deleted = deleted};
	k->key = decode(kv, "key", &key_len);
	k->value = decode(kv, "value", &k->len);
	if (k->key == NULL || k->value == NULL || key_len == 0 || key_len >= BH_FLEET_KEY ||
	    strlen(k->key) != key_len) {
		free(k->key);
		free(k->value);
		return -EINVAL;
	}
	a->n++;
	return 0;
}

static int
add_all(struct bh_etcd_answer *a, const json_t *kvs)
{
	const json_t *kv;
	size_t i;
	int rc = 0;

	json_array_foreach(kvs, i, kv)
	{
		rc = add(a, kv, false);
		if (rc != 0)
			break;
	}
	return rc;
}

static void
read_error(struct bh_etcd_answer *a, const json_t *doc)
{
	const json_t *e = json_object_get(doc, "error");

	/* A watch's is an object. */
	if (json_is_object(e))
		copy(a->error, sizeof(a->error), e, "message");
	else if (json_is_string(e))
		copy(a->error, sizeof(a->error), doc, "error");
	if (e != NULL && a->error[0] == '\0')
		snprintf(a->error, sizeof(a->error), "an error without words");
}

static int
finish(struct bh_etcd_answer *a, json_t *doc, int rc)
{
	json_decref(doc);
	if (rc != 0)
		bh_etcd_answer_free(a);
	return rc;
}

int
bh_etcd_answer_read(struct bh_etcd_answer *a, const char *text, size_t len)
{
	json_t *doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *r, *o = json_object_get(doc, "result"), *one;
	size_t i;
	int rc;

	*a = (struct bh_etcd_answer){0};
	if (!json_is_object(doc))
		return finish(a, doc, -EINVAL);
	read_error(a, doc);
	/* Of a lease that is kept alive the answer is one of a stream. */
	o = json_is_object(o) ? o : doc;
	a->revision = number(json_object_get(o, "header"), "revision");
	a->succeeded = json_is_true(json_object_get(o, "succeeded"));
	a->more = json_is_true(json_object_get(o, "more"));
	a->lease = number(o, "ID");
	a->ttl = number(o, "TTL");
	copy(a->token, sizeof(a->token), o, "token");
	rc = add_all(a, json_object_get(o, "kvs"));
	r = json_object_get(o, "responses");
	json_array_foreach(r, i, one)
	{
		if (rc == 0)
			rc = add_all(a, json_object_get(json_object_get(one, "response_range"),
							"kvs"));
	}
	return finish(a, doc, rc);
}

int
bh_etcd_line_read(struct bh_etcd_answer *a, const char *text, size_t len)
{
	json_t *doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *o = json_object_get(doc, "result"), *e;
	const char *type;
	size_t i;
	int rc = 0;

	*a = (struct bh_etcd_answer){0};
	read_error(a, doc);
	if (a->error[0] == '\0' && !json_is_object(o))
		return finish(a, doc, -EINVAL);
	a->revision = number(json_object_get(o, "header"), "revision");
	a->created = json_is_true(json_object_get(o, "created"));
	a->canceled = json_is_true(json_object_get(o, "canceled"));
	a->compacted = number(o, "compact_revision");
	if (a->canceled && a->error[0] == '\0')
		copy(a->error, sizeof(a->error), o, "cancel_reason");
	json_array_foreach(json_object_get(o, "events"), i, e)
	{
		type = json_string_value(json_object_get(e, "type"));
		rc = add(a, json_object_get(e, "kv"), type != NULL && strcmp(type, "DELETE") == 0);
		if (rc != 0)
			break;
	}
	return finish(a, doc, rc);
}

void
bh_etcd_answer_free(struct bh_etcd_answer *a)
{
	size_t i;

	for (i = 0; i < a->n; i++) {
		free(a->kv[i].key);
		free(a->kv[i].value);
	}
	free(a->kv);
	a->kv = NULL;
	a->n = 0;
}
