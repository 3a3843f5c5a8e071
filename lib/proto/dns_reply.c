/* Whose addresses a DNS message tells (RFC 1035 4.1), along the chain of aliases (RFC 1034 3.6.2). Stricter than resolvers:
 * what one of them could read differently is not read at all. */
#include <ctype.h>
#include <errno.h>

#include "proto.h"

enum { HEADER = 12, CLASS_IN = 1, TYPE_A = 1, TYPE_CNAME = 5, TYPE_AAAA = 28 };
#define RECORDS_MAX 64 /* of the answer section: what fits into a datagram that is not a hoax */
#define CHAIN_MAX 8
#define JUMPS_MAX 16
#define NAME_WIRE 255u

struct record {
	uint16_t owner, data, size, type; /* owner, data: offsets */
	uint32_t ttl;
};

/* Labels of a name, one after the other. */
struct walk {
	const uint8_t *m;
	size_t len, at, limit; /* a pointer leads before the part that it ends */
	size_t behind;         /* the name, where it stands; 0: not known yet */
	unsigned jumps, total;
};

static struct walk
walk_at(const uint8_t *m, size_t len, size_t at)
{
	return (struct walk){.m = m, .len = len, .at = at, .limit = at};
}

/* The next label's length, 0 at the end, -EINVAL. */
static int
next_label(struct walk *w, const uint8_t **label)
{
	size_t target;
	uint8_t n;

	for (;;) {
		if (w->at >= w->len)
			return -EINVAL;
		n = w->m[w->at++];
		if (n < 0xc0)
			break;
		if (w->at >= w->len || ++w->jumps > JUMPS_MAX)
			return -EINVAL;
		target = (size_t)(n & 0x3fu) << 8 | w->m[w->at++];
		if (w->behind == 0)
			w->behind = w->at;
		if (target < HEADER || target >= w->limit)
			return -EINVAL;
		w->at = w->limit = target;
	}
	w->total += n + 1u;
	if (n > 63 || w->total > NAME_WIRE || w->len - w->at < n)
		return -EINVAL;
	*label = w->m + w->at;
	w->at += n;
	if (n == 0 && w->behind == 0)
		w->behind = w->at;
	return n;
}

/* The offset behind a name, or 0. */
static size_t
skip_name(const uint8_t *m, size_t len, size_t at)
{
	struct walk w = walk_at(m, len, at);
	const uint8_t *label;
	int n;

	while ((n = next_label(&w, &label)) > 0)
		;
	return n == 0 ? w.behind : 0;
}

static bool
same_name(const uint8_t *m, size_t len, size_t a, size_t b)
{
	struct walk x = walk_at(m, len, a), y = walk_at(m, len, b);
	const uint8_t *p, *q;
	int n, i;

	do {
		n = next_label(&x, &p);
		if (n < 0 || next_label(&y, &q) != n)
			return false;
		for (i = 0; i < n; i++) {
			if (tolower(p[i]) != tolower(q[i]))
				return false;
		}
	} while (n != 0);
	return true;
}

/* The question's name as text; only what stands for itself there. */
static size_t
read_question(const uint8_t *m, size_t len, struct bh_dns_message *out)
{
	struct walk w = walk_at(m, len, HEADER);
	const uint8_t *label;
	int n, i;

	while ((n = next_label(&w, &label)) > 0) {
		if (out->name_len != 0)
			out->name[out->name_len++] = '.';
		for (i = 0; i < n; i++) {
			if (!isalnum(label[i]) && label[i] != '-' && label[i] != '_')
				return 0;
			out->name[out->name_len++] = (char)tolower(label[i]);
		}
	}
	/* 255 bytes on the wire are 253 of text. */
	out->name[out->name_len] = '\0';
	return n == 0 && w.jumps == 0 && out->name_len != 0 ? w.behind : 0;
}

static int
read_records(const uint8_t *m, size_t len, size_t at, struct record *r, unsigned n)
{
	unsigned i;
	size_t owner;

	for (i = 0; i < n; i++) {
		owner = at;
		at = skip_name(m, len, at);
		if (at == 0 || len - at < 10)
			return -EINVAL;
		r[i] = (struct record){.owner = (uint16_t)owner,
				       .data = (uint16_t)(at + 10),
				       .size = bh_load_be16(m + at + 8),
				       .type = bh_load_be16(m + at),
				       .ttl = bh_load_be32(m + at + 4)};
		if (bh_load_be16(m + at + 2) != CLASS_IN)
			r[i].type = 0;
		/* RFC 2181 8: the top bit set means 0. */
		if (r[i].ttl > INT32_MAX)
			r[i].ttl = 0;
		at += 10;
		if (len - at < r[i].size)
			return -EINVAL;
		at += r[i].size;
	}
	return 0;
}

static void
take_address(const uint8_t *m, const struct record *r, uint32_t ttl, struct bh_dns_message *out)
{
	unsigned size = out->type == TYPE_A ? 4 : 16;
	struct bh_dns_address *a = &out->address[out->n];

	if (r->size != size || out->n == BH_DNS_ADDRESSES)
		return;
	*a = (struct bh_dns_address){.ttl = r->ttl < ttl ? r->ttl : ttl};
	memcpy(a->addr, m + r->data, size);
	out->n++;
}

struct chain {
	const uint8_t *m;
	size_t len, name; /* name: where the one stands that is looked for */
	struct record record[RECORDS_MAX];
	unsigned n;
	uint32_t ttl; /* the least so far */
};

/* Takes the addresses of the name. The record of its alias, if it has no address; or NULL. */
static const struct record *
follow(const struct chain *c, struct bh_dns_message *out)
{
	const struct record *alias = NULL;
	unsigned i;

	for (i = 0; i < c->n; i++) {
		const struct record *r = &c->record[i];

		if ((r->type != out->type && r->type != TYPE_CNAME) ||
		    !same_name(c->m, c->len, r->owner, c->name))
			continue;
		if (r->type == TYPE_CNAME)
			alias = r;
		else
			take_address(c->m, r, c->ttl, out);
	}
	return out->n == 0 ? alias : NULL;
}

static int
read_answers(const uint8_t *m, size_t len, size_t at, struct bh_dns_message *out)
{
	struct chain c = {
		.m = m, .len = len, .name = HEADER, .n = bh_load_be16(m + 6), .ttl = UINT32_MAX};
	const struct record *alias;
	unsigned link;
	int rc;

	if (c.n > RECORDS_MAX)
		return -EINVAL;
	rc = read_records(m, len, at, c.record, c.n);
	for (link = 0; rc == 0 && link <= CHAIN_MAX; link++) {
		alias = follow(&c, out);
		if (alias == NULL)
			break;
		c.name = alias->data;
		c.ttl = alias->ttl < c.ttl ? alias->ttl : c.ttl;
	}
	return rc;
}

int
bh_dns_read(const uint8_t *m, size_t len, struct bh_dns_message *out)
{
	size_t at;

	*out = (struct bh_dns_message){0};
	/* Opcode QUERY, one question, whole (not TC). */
	if (len < HEADER || len > UINT16_MAX || (m[2] & 0x7a) != 0 || bh_load_be16(m + 4) != 1)
		return -EINVAL;
	out->id = bh_load_be16(m);
	out->response = (m[2] & 0x80) != 0;
	at = read_question(m, len, out);
	if (at == 0 || len - at < 4)
		return -EINVAL;
	out->type = bh_load_be16(m + at);
	if (bh_load_be16(m + at + 2) != CLASS_IN || (out->type != TYPE_A && out->type != TYPE_AAAA))
		return -EINVAL;
	if (!out->response || (m[3] & 0xf) != 0)
		return 0;
	return read_answers(m, len, at + 4, out);
}
