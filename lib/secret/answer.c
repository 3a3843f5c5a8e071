/* What Vault says, as JSON from a server that is trusted with secrets and with nothing else: bounded, and wiped. */
#include <errno.h>
#include <jansson.h>

#include "secret_priv.h"

static void
wipe(json_t *o)
{
	const char *key, *text;
	json_t *item;
	size_t i;

	if (json_is_string(o)) {
		/* jansson's own copy, which it frees as it is. */
		text = json_string_value(o);
		explicit_bzero((char *)(uintptr_t)text, json_string_length(o));
	} else if (json_is_array(o)) {
		json_array_foreach(o, i, item)
		{
			wipe(item);
		}
	} else if (json_is_object(o)) {
		json_object_foreach(o, key, item)
		{
			wipe(item);
		}
	}
}

static void
end(json_t *doc)
{
	wipe(doc);
	json_decref(doc);
}

static int
copy(const json_t *v, size_t max, char **out, size_t *len)
{
	size_t n = json_string_length(v);

	if (n > max)
		return -E2BIG;
	*out = bh_secret_alloc(n);
	if (*out == NULL)
		return -ENOMEM;
	memcpy(*out, json_string_value(v), n);
	*len = n;
	return 0;
}

/* KV v2: {"data": {"data": {FIELD: TEXT}, "metadata": {...}}}; the inner one is null where the version was deleted. */
int
bh_vault_read_field(const char *text, size_t n, const char *field, size_t max, char **out,
		    size_t *len)
{
	json_t *doc = json_loadb(text, n, 0, NULL), *data, *v;
	int rc = -EPROTO;

	data = json_object_get(json_object_get(doc, "data"), "data");
	v = json_object_get(data, field);
	if (json_is_string(v))
		rc = copy(v, max, out, len);
	else if (json_is_null(data) || (json_is_object(data) && v == NULL))
		rc = -ENOENT;
	end(doc);
	return rc;
}

/* A login and a renewal have {"auth": {"client_token", "lease_duration", "renewable"}}, a look-up {"data": {"ttl",
 * "renewable"}}. */
int
bh_vault_read_token(const char *text, size_t n, struct bh_vault_token *out)
{
	json_t *doc = json_loadb(text, n, 0, NULL), *auth = json_object_get(doc, "auth"), *ttl, *v;
	int rc = 0;
	size_t len;

	*out = (struct bh_vault_token){0};
	if (!json_is_object(auth))
		auth = json_object_get(doc, "data");
	ttl = json_object_get(auth, "lease_duration");
	if (ttl == NULL)
		ttl = json_object_get(auth, "ttl");
	v = json_object_get(auth, "client_token");
	if (!json_is_integer(ttl) || json_integer_value(ttl) < 0)
		rc = -EPROTO;
	if (rc == 0 && json_is_string(v))
		rc = copy(v, 4096, &out->token, &len);
	if (rc == 0) {
		out->ttl_s = (uint64_t)json_integer_value(ttl);
		out->renewable = json_is_true(json_object_get(auth, "renewable"));
	}
	end(doc);
	return rc;
}
