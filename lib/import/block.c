/* Blocks of addresses: less some others, against where pods are, ranges as prefixes. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../policy/host.h"
#include "import_priv.h"

/* Sides of subtraction hold at most 128 prefixes more than they had. */
struct prefixes {
	struct bh_prefix *list;
	size_t n;
};

static struct bh_prefix
half_of(const struct bh_prefix *p, unsigned bit)
{
	struct bh_prefix half = *p;

	half.addr[p->len / 8] |= (uint8_t)(bit << (7 - p->len % 8));
	half.len++;
	return half;
}

/* What e leaves of p: of each half that e touches again a half, down to e itself. */
static int
less_one(struct bh_import *im, struct prefixes *to, const struct bh_prefix *p,
	 const struct bh_prefix *e)
{
	struct bh_prefix rest = *p, half[2];
	unsigned in;
	int rc;

	if (bh_prefix_covers(e, p))
		return 0;
	if (!bh_prefix_covers(p, e))
		return bh_import_push(im, &to->list, &to->n, p, sizeof(*p));
	while (rest.len < e->len) {
		half[0] = half_of(&rest, 0);
		half[1] = half_of(&rest, 1);
		in = bh_prefix_covers(&half[1], e);
		rc = bh_import_push(im, &to->list, &to->n, &half[1 - in], sizeof(*half));
		if (rc != 0)
			return rc;
		rest = half[in];
	}
	return 0;
}

static int
less_all(struct bh_import *im, struct prefixes *left, const struct bh_prefix *p,
	 const struct bh_prefix *except, size_t n)
{
	struct prefixes next;
	size_t i, k;
	int rc = bh_import_push(im, &left->list, &left->n, p, sizeof(*p));

	for (i = 0; rc == 0 && i < n; i++) {
		next = (struct prefixes){0};
		for (k = 0; rc == 0 && k < left->n; k++)
			rc = less_one(im, &next, &left->list[k], &except[i]);
		*left = next;
	}
	return rc;
}

int
bh_block_subtract(struct bh_import *im, struct bh_term *t, const struct bh_prefix *p,
		  const struct bh_prefix *except, size_t n)
{
	struct prefixes left = {0};
	size_t i;
	int rc = less_all(im, &left, p, except, n);

	for (i = 0; rc == 0 && i < left.n; i++)
		rc = bh_import_push(im, &t->prefix, &t->n_prefixes, &left.list[i],
				    sizeof(*left.list));
	return rc;
}

int
bh_block_cover(struct bh_import *im, const struct bh_term *t, enum bh_cover *out)
{
	bool none = true, all = true;
	struct prefixes left;
	size_t i, k;
	int rc = 0;

	for (i = 0; rc == 0 && i < im->p->n_pods; i++) {
		const struct bh_prefix *pods = &im->p->pods[i];

		for (k = 0; k < t->n_prefixes; k++)
			none &= !bh_prefix_covers(&t->prefix[k], pods) &&
				!bh_prefix_covers(pods, &t->prefix[k]);
		left = (struct prefixes){0};
		rc = less_all(im, &left, pods, t->prefix, t->n_prefixes);
		all &= left.n == 0;
	}
	*out = im->p->n_pods == 0 ? BH_COVER_PART
	       : none             ? BH_COVER_NONE
	       : all              ? BH_COVER_ALL
				  : BH_COVER_PART;
	if (t->n_prefixes == 0)
		*out = BH_COVER_NONE;
	return rc;
}

static bool
address(const char *text, size_t len, struct bh_prefix *out)
{
	char copy[INET6_ADDRSTRLEN];

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	memset(out, 0, sizeof(*out));
	out->family = strchr(copy, ':') != NULL ? 6 : 4;
	out->len = out->family == 6 ? 128 : 32;
	return inet_pton(out->family == 6 ? AF_INET6 : AF_INET, copy, out->addr) == 1;
}

/* The last address of a prefix. */
static void
last_of(const struct bh_prefix *p, uint8_t out[16])
{
	unsigned bits = p->family == 6 ? 128 : 32, i;

	memcpy(out, p->addr, 16);
	for (i = p->len; i < bits; i++)
		out[i / 8] |= (uint8_t)(0x80 >> i % 8);
}

/* The largest prefixes from `from` on that end at `to` or before. */
static int
range(struct bh_import *im, struct bh_prefix from, const struct bh_prefix *to, struct bh_term *t)
{
	struct bh_prefix p;
	uint8_t last[16], first[16];
	int i, rc = 0;

	while (rc == 0 && memcmp(from.addr, to->addr, 16) <= 0) {
		for (p = from; p.len > 0; p.len--) {
			struct bh_prefix up = p;

			up.len--;
			memcpy(first, up.addr, 16);
			last_of(&up, last);
			if (bh_prefix_mask(first, up.len) || memcmp(last, to->addr, 16) > 0)
				break;
		}
		rc = bh_import_push(im, &t->prefix, &t->n_prefixes, &p, sizeof(p));
		last_of(&p, last);
		for (i = p.family == 6 ? 15 : 3; i >= 0 && ++last[i] == 0; i--)
			;
		if (i < 0)
			break;
		memcpy(from.addr, last, 16);
	}
	return rc;
}

int
bh_block_parse(struct bh_import *im, const char *text, struct bh_term *t)
{
	const char *dash = strchr(text, '-'), *slash = strchr(text, '/');
	struct bh_prefix p, to;
	size_t len = strlen(text);
	unsigned long bits;
	char *end;

	t->kind = BH_TERM_ADDRESS;
	if (dash != NULL) {
		if (!address(text, (size_t)(dash - text), &p) ||
		    !address(dash + 1, strlen(dash + 1), &to) || p.family != to.family ||
		    memcmp(p.addr, to.addr, 16) > 0)
			return -EINVAL;
		return range(im, p, &to, t);
	}
	if (!address(text, slash != NULL ? (size_t)(slash - text) : len, &p))
		return -EINVAL;
	if (slash != NULL) {
		bits = strtoul(slash + 1, &end, 10);
		if (slash[1] < '0' || slash[1] > '9' || *end != '\0' || bits > p.len)
			return -EINVAL;
		p.len = (uint8_t)bits;
		bh_prefix_mask(p.addr, p.len);
	}
	return bh_import_push(im, &t->prefix, &t->n_prefixes, &p, sizeof(p));
}

int
bh_block_host(struct bh_import *im, const char *text, struct bh_term *t)
{
	char normal[BH_HOST_MAX];
	const char *host;
	size_t i;
	int rc;

	if (bh_host_normal(text, normal) != NULL)
		return -EINVAL;
	t->kind = BH_TERM_ADDRESS;
	for (i = 0; i < t->n_hosts && strcmp(t->host[i], normal) < 0;)
		i++;
	if (i < t->n_hosts && strcmp(t->host[i], normal) == 0)
		return 0;
	host = bh_import_text(im, "%s", normal);
	rc = host == NULL ? -ENOMEM
			  : bh_import_push(im, &t->host, &t->n_hosts, &host, sizeof(host));
	if (rc != 0)
		return rc;
	memmove(t->host + i + 1, t->host + i, (t->n_hosts - 1 - i) * sizeof(host));
	t->host[i] = host;
	return 0;
}
