/* What etcd is asked: JSON, keys and values in base64. */
#include <stdio.h>

#include <nettle/base64.h>

#include "fleet_priv.h"

void
bh_etcd_base64(struct bh_buf *b, const void *data, size_t len)
{
	const uint8_t *p = data;
	char out[BASE64_ENCODE_RAW_LENGTH(3 * 256)];
	size_t n;

	for (; len != 0; p += n, len -= n) {
		n = len < 3 * 256 ? len : 3 * 256;
		base64_encode_raw(out, n, p);
		bh_buf_add(b, out, BASE64_ENCODE_RAW_LENGTH(n));
	}
}

void
bh_etcd_member(struct bh_buf *b, const char *name, const char *text)
{
	bh_buf_printf(b, "\"%s\":\"", name);
	bh_etcd_base64(b, text, strlen(text));
	bh_buf_str(b, "\"");
}

/* The first key that does not begin with `from`, which ends in '/'. */
static void
range_end(struct bh_buf *b, const char *from)
{
	char end[BH_FLEET_KEY];
	size_t n = (size_t)snprintf(end, sizeof(end), "%s", from);

	if (n != 0 && n < sizeof(end))
		end[n - 1]++;
	bh_etcd_member(b, "range_end", end);
}

void
bh_etcd_ask_range(struct bh_buf *b, const struct bh_etcd_range *r)
{
	bh_buf_str(b, "{\"key\":\"");
	/* The first key above a key is it with a NUL behind. */
	if (r->after != NULL)
		bh_etcd_base64(b, r->after, strlen(r->after) + 1);
	else
		bh_etcd_base64(b, r->from, strlen(r->from));
	bh_buf_str(b, "\",");
	range_end(b, r->from);
	bh_buf_printf(b, ",\"limit\":\"%u\",\"revision\":\"%lld\"}", r->limit,
		      (long long)r->revision);
}

void
bh_etcd_ask_key(struct bh_buf *b, const char *key)
{
	bh_buf_str(b, "{");
	bh_etcd_member(b, "key", key);
	bh_buf_str(b, "}");
}

void
bh_etcd_ask_watch(struct bh_buf *b, const char *from, int64_t revision)
{
	bh_buf_str(b, "{\"create_request\":{");
	bh_etcd_member(b, "key", from);
	bh_buf_str(b, ",");
	range_end(b, from);
	bh_buf_printf(b, ",\"start_revision\":\"%lld\"}}", (long long)revision);
}

void
bh_etcd_ask_put(struct bh_buf *b, const struct bh_etcd_put *p)
{
	bh_buf_str(b, "{\"request_put\":{");
	bh_etcd_member(b, "key", p->key);
	bh_buf_str(b, ",\"value\":\"");
	bh_etcd_base64(b, p->value, p->len);
	bh_buf_printf(b, "\",\"lease\":\"%lld\"}}", (long long)p->lease);
}

void
bh_etcd_ask_compare(struct bh_buf *b, const char *key, int64_t mod)
{
	bh_buf_str(b, "{");
	bh_etcd_member(b, "key", key);
	bh_buf_printf(b, ",\"target\":\"MOD\",\"result\":\"EQUAL\",\"mod_revision\":\"%lld\"}",
		      (long long)mod);
}
