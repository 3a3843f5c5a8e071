/* Restrictions in words: what operators, rules of responses and the store write. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy_priv.h"

int
bh_restriction_service(const char *text, uint32_t *first, uint32_t *last, struct bh_err *err)
{
	struct bh_err why = {0};
	struct bh_service s;
	char tcp[32];
	size_t at;

	if (text[0] >= '0' && text[0] <= '9' && strlen(text) < 16) {
		snprintf(tcp, sizeof(tcp), "tcp/%s", text);
		text = tcp;
	}
	if (bh_service_parse(text, &s, &at, &why) != 0)
		return bh_err_set(err, EINVAL,
				  "service '%.40s': %s (443, tcp/443, udp/53, icmp/8, any ...)",
				  text, why.what);
	*first = s.first;
	*last = s.last;
	return 0;
}

static bool
is_address(const char *text)
{
	return strspn(text, "0123456789abcdefABCDEF.:/") == strlen(text) &&
	       (strchr(text, '.') != NULL || strchr(text, ':') != NULL) &&
	       (strchr(text, ':') != NULL || strspn(text, "0123456789./") == strlen(text));
}

static bool
is_segment(const char *text)
{
	if (strncmp(text, "zone:", 5) == 0)
		text += 5;
	return strlen(text) + 5 < BH_NAME_MAX && bh_label_key_valid(text);
}

int
bh_restriction_end(const char *text, struct bh_restriction_end *out, struct bh_err *err)
{
	memset(out, 0, sizeof(*out));
	if (strcmp(text, "any") == 0)
		return 0;
	if (is_address(text))
		return bh_prefix_parse(text, &out->address, err) == 0 ? 0 : -EINVAL;
	if (!is_segment(text))
		return bh_err_set(err, EINVAL,
				  "'%.80s' is no address, prefix or name of a segment, nor `any`",
				  text);
	snprintf(out->segment, sizeof(out->segment), "%s", text);
	return 0;
}

/* Cut at the service of a path, NULL where it has none. false: brackets that don't match. */
static bool
split_path(char *text, char **peer, char **service)
{
	char *from = text, *colon;

	*peer = text;
	*service = NULL;
	if (text[0] == '[') {
		*peer = text + 1;
		from = strchr(text, ']');
		if (from == NULL || (from[1] != ':' && from[1] != '\0'))
			return false;
		*service = from[1] == ':' ? from + 2 : NULL;
		*from = '\0';
		return true;
	}
	if (strncmp(text, "zone:", 5) == 0)
		from = text + 5;
	colon = strrchr(from, ':');
	/* Two colons and no bracket: an IPv6 address without a service. */
	if (colon != NULL && strchr(from, ':') == colon) {
		*colon = '\0';
		*service = colon + 1;
	}
	return true;
}

int
bh_restriction_path(const char *text, struct bh_restriction_path *out, struct bh_err *err)
{
	char copy[BH_NAME_MAX + 64], *peer, *service;
	int rc;

	memset(out, 0, sizeof(*out));
	out->last = BH_SERVICE_ANY_LAST;
	if (strlen(text) >= sizeof(copy))
		return bh_err_set(err, EINVAL, "'%.40s...' is too long for a path", text);
	snprintf(copy, sizeof(copy), "%s", text);
	if (!split_path(copy, &peer, &service))
		return bh_err_set(err, EINVAL, "'%.80s': expected [ADDRESS]:SERVICE", text);
	rc = bh_restriction_end(peer, &out->peer, err);
	if (rc == 0 && service != NULL)
		rc = bh_restriction_service(service, &out->first, &out->last, err);
	return rc;
}

const char *
bh_restriction_end_format(const struct bh_restriction_end *e, char *out, size_t size)
{
	if (e->address.family != 0)
		bh_prefix_format(&e->address, out, size);
	else
		snprintf(out, size, "%s", e->segment[0] != '\0' ? e->segment : "any");
	return out;
}

const char *
bh_restriction_service_format(uint32_t first, uint32_t last, char *out, size_t size)
{
	unsigned proto = first >> 16;
	const char *name = proto == 6     ? "tcp"
			   : proto == 17  ? "udp"
			   : proto == 132 ? "sctp"
			   : proto == 1   ? "icmp"
			   : proto == 58  ? "icmpv6"
					  : NULL;
	char number[24];

	snprintf(number, sizeof(number), "proto/%u", proto);
	if (first == 0 && last >= BH_SERVICE_ANY_LAST)
		snprintf(out, size, "any");
	else if ((last & 0xffff) == 0xffff && (first & 0xffff) == 0)
		snprintf(out, size, "%s", name != NULL ? name : number);
	else if ((proto == 1 || proto == 58) && first == last)
		snprintf(out, size, "%s/%u/%u", name, first >> 8 & 0xff, first & 0xff);
	else if (proto == 1 || proto == 58)
		snprintf(out, size, "%s/%u", name, first >> 8 & 0xff);
	else if (first == last)
		snprintf(out, size, "%s/%u", name != NULL ? name : number, first & 0xffff);
	else
		snprintf(out, size, "%s/%u-%u", name != NULL ? name : number, first & 0xffff,
			 last & 0xffff);
	return out;
}

const char *
bh_restriction_path_format(const struct bh_restriction_path *p, char *out, size_t size)
{
	char peer[BH_NAME_MAX + 8], service[32];
	bool six = p->peer.address.family == BH_IP6;

	bh_restriction_end_format(&p->peer, peer, sizeof(peer));
	if (p->first == 0 && p->last >= BH_SERVICE_ANY_LAST)
		snprintf(out, size, "%s", peer);
	else
		snprintf(out, size, "%s%s%s:%s", six ? "[" : "", peer, six ? "]" : "",
			 bh_restriction_service_format(p->first, p->last, service,
						       sizeof(service)));
	return out;
}
