/* Parties: segments and addresses by name. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "learn_priv.h"

#define HOST "host-"
#define EXTERNAL "external" /* policy's reserved segments */
#define UNKNOWN "unknown"

static uint32_t *
head_of(const struct bh_learn *l, const char *name)
{
	return &l->party_head[bh_hash_bytes(&l->key, name, strlen(name)) & l->mask];
}

uint32_t
bh_learn_party_find(const struct bh_learn *l, const char *name)
{
	uint32_t i = *head_of(l, name);

	while (i != BH_LEARN_NONE && strcmp(l->party[i].name, name) != 0)
		i = l->party[i].next;
	return i;
}

/* Room for one more: arrays double. */
static bool
grow(struct bh_learn *l)
{
	uint32_t cap = l->cap_parties != 0 ? 2 * l->cap_parties : 64;
	struct bh_learn_party *p;

	if (l->n_parties < l->cap_parties)
		return true;
	if (l->n_parties >= l->p.max)
		return false;
	p = realloc(l->party, cap * sizeof(*p));
	if (p == NULL)
		return false;
	l->party = p;
	l->cap_parties = cap;
	return true;
}

/* Names come from policy and from rows of the file: an address is told by its form. */
static void
read_host(struct bh_learn_party *p)
{
	char text[BH_LEARN_NAME], *c;

	if (strncmp(p->name, HOST, strlen(HOST)) != 0)
		return;
	snprintf(text, sizeof(text), "%s", p->name + strlen(HOST));
	if (inet_pton(AF_INET, text, p->address.addr) == 1) {
		p->address.family = 4;
		p->address.len = 32;
		return;
	}
	for (c = text; *c != '\0'; c++)
		*c = *c == '-' ? ':' : *c;
	if (inet_pton(AF_INET6, text, p->address.addr) == 1) {
		p->address.family = 6;
		p->address.len = 128;
	}
}

uint32_t
bh_learn_party_add(struct bh_learn *l, const char *name)
{
	uint32_t *head = head_of(l, name), i = bh_learn_party_find(l, name);
	struct bh_learn_party *p;

	if (i != BH_LEARN_NONE || !grow(l))
		return i;
	p = &l->party[l->n_parties];
	memset(p, 0, sizeof(*p));
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->whole = strcmp(name, EXTERNAL) == 0 || strcmp(name, UNKNOWN) == 0;
	read_host(p);
	p->next = *head;
	*head = l->n_parties;
	return l->n_parties++;
}

static bool
remember_segment(struct bh_learn *l, uint32_t segment, uint32_t party)
{
	uint32_t n = l->n_segments != 0 ? l->n_segments : 64, *p, i;

	if (segment >= l->n_segments) {
		while (n <= segment)
			n *= 2;
		p = realloc(l->of_segment, n * sizeof(*p));
		if (p == NULL)
			return false;
		for (i = l->n_segments; i < n; i++)
			p[i] = BH_LEARN_NONE;
		l->of_segment = p;
		l->n_segments = n;
	}
	l->of_segment[segment] = party;
	return true;
}

uint32_t
bh_learn_party_segment(struct bh_learn *l, uint32_t segment)
{
	const struct bh_event_names *names = l->p.names;
	const char *name;
	uint32_t party;

	if (segment < l->n_segments && l->of_segment[segment] != BH_LEARN_NONE)
		return l->of_segment[segment];
	name = names->segment(names->arg, segment);
	if (name == NULL || name[0] == '\0')
		return BH_LEARN_NONE;
	party = bh_learn_party_add(l, name);
	/* Ids are never reused; a number so large that there is no memory for it is none. */
	if (party != BH_LEARN_NONE && segment < 1u << 24)
		remember_segment(l, segment, party);
	return party;
}

void
bh_learn_host_name(const uint8_t *addr, uint8_t family, char out[BH_LEARN_NAME])
{
	char text[INET6_ADDRSTRLEN] = "", *c;
	const char *last = "";

	inet_ntop(family == 4 ? AF_INET : AF_INET6, addr, text, sizeof(text));
	for (c = text; *c != '\0'; c++)
		*c = *c == ':' ? '-' : *c;
	/* A name ends with a letter or digit: "fe80::" reads "fe80::0". */
	if (c > text && c[-1] == '-')
		last = "0";
	snprintf(out, BH_LEARN_NAME, HOST "%s%s", text, last);
}
