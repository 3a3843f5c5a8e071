/* Service meshes, by what their sidecars put into a ClientHello.
 * Istio: ALPN "istio", "istio-peer-exchange", "istio-http/1.1", "istio-h2" ...; across clusters the SNI
 * outbound_.<port>_.<subset>_.<host>. Linkerd: the SNI is the peer's identity,
 * <account>.<namespace>.serviceaccount.identity.<control plane>.<trust domain>; ALPN transport.l5d.io/v1. */
#include <string.h>

#include "tls_hello.h"

#define S(text) text, sizeof(text) - 1

static bool
begins(const uint8_t *p, unsigned len, const char *text, size_t n)
{
	return len >= n && memcmp(p, text, n) == 0;
}

static bool
is(const uint8_t *p, unsigned len, const char *text, size_t n)
{
	return len == n && memcmp(p, text, n) == 0;
}

struct labels {
	const uint8_t *at[128];
	uint8_t len[128];
	unsigned n;
};

/* false: an empty label, or more than a name has. */
static bool
cut(struct labels *l, const uint8_t *p, unsigned len)
{
	const uint8_t *end = p + len, *dot;

	for (l->n = 0; l->n < BH_ARRAY_SIZE(l->at); p = dot + 1) {
		dot = memchr(p, '.', (size_t)(end - p));
		if (dot == NULL)
			dot = end;
		if (dot == p)
			return false;
		l->at[l->n] = p;
		l->len[l->n++] = (uint8_t)(dot - p);
		if (dot == end)
			return true;
	}
	return false;
}

static bool
label_is(const struct labels *l, unsigned i, const char *text, size_t n)
{
	return i < l->n && is(l->at[i], l->len[i], text, n);
}

static bool
is_linkerd(const struct labels *l)
{
	return l->n >= 6 && label_is(l, 2, S("serviceaccount")) && label_is(l, 3, S("identity"));
}

/* Behind outbound_.<port>_.<subset>_. ; NULL: not of this form. */
static const uint8_t *
behind_outbound(const uint8_t *p, unsigned *len)
{
	const uint8_t *end = p + *len, *next;
	unsigned i;

	if (!begins(p, *len, S("outbound_.")))
		return NULL;
	p += sizeof("outbound_.") - 1;
	for (i = 0; i < 2; i++) {
		next = memmem(p, (size_t)(end - p), "_.", 2);
		if (next == NULL)
			return NULL;
		if (i == 0 &&
		    (next == p || strspn((const char *)p, "0123456789") < (size_t)(next - p)))
			return NULL;
		p = next + 2;
	}
	*len = (unsigned)(end - p);
	return p;
}

/* Where in the labels the service's name is, the namespace behind it; -1: nowhere. A name that could be read in
 * two ways (a namespace that is called svc) is none. */
static int
service_label(const struct labels *l)
{
	int found = -1;
	unsigned i;

	if (is_linkerd(l))
		return 0;
	for (i = 2; i < l->n; i++) {
		if (!label_is(l, i, S("svc")))
			continue;
		if (found >= 0)
			return -1;
		found = (int)i - 2;
	}
	return found;
}

unsigned
bh_mesh_service(const uint8_t *sni, unsigned len, uint8_t *out)
{
	const uint8_t *host = behind_outbound(sni, &len);
	struct labels l;
	unsigned n;
	int i;

	if (!cut(&l, host != NULL ? host : sni, len))
		return 0;
	i = service_label(&l);
	if (i < 0)
		return 0;
	n = l.len[i];
	memcpy(out, l.at[i], n);
	out[n++] = '.';
	memcpy(out + n, l.at[i + 1], l.len[i + 1]);
	return n + l.len[i + 1];
}

const char *
bh_mesh_name(const struct bh_hello *h)
{
	unsigned left = h->sni_len;
	const uint8_t *name;
	struct labels l;
	uint16_t at = 0;
	uint8_t len;

	while (bh_hello_alpn(h, &at, &name, &len)) {
		if (is(name, len, S("istio")) || begins(name, len, S("istio-")))
			return "istio";
		if (begins(name, len, S("transport.l5d.io/")))
			return "linkerd";
	}
	if (behind_outbound(h->sni, &left) != NULL)
		return "istio";
	return cut(&l, h->sni, h->sni_len) && is_linkerd(&l) ? "linkerd" : NULL;
}
