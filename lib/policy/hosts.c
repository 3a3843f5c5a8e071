/* Pairs of a DNS name and an address, each until its time is over. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "policy_priv.h"

uint64_t
bh_host_hash(const struct bh_hash_key *key, const char *name, size_t len, const uint8_t addr[16],
	     uint8_t family)
{
	uint8_t text[BH_HOST_MAX + 17];
	uint64_t hash;

	len = len < BH_HOST_MAX ? len : BH_HOST_MAX;
	memcpy(text, addr, 16);
	text[16] = family;
	memcpy(text + 17, name, len);
	hash = bh_hash_bytes(key, text, len + 17);
	return hash != 0 ? hash : 1;
}

static uint32_t *
cell_of(const struct bh_hosts *h, const char *name, const uint8_t addr[16], uint8_t family)
{
	uint32_t i =
		(uint32_t)bh_host_hash(&h->hash_key, name, strlen(name), addr, family) & h->mask;

	for (;; i = (i + 1) & h->mask) {
		const struct bh_host *host = &h->host[h->cell[i]];

		if (h->cell[i] == BH_NONE ||
		    (host->family == family && memcmp(host->addr, addr, 16) == 0 &&
		     strcmp(host->name, name) == 0))
			return &h->cell[i];
	}
}

struct bh_host *
bh_hosts_find(const struct bh_hosts *h, const char *name, const uint8_t addr[16], uint8_t family)
{
	uint32_t at = h->cell != NULL ? *cell_of(h, name, addr, family) : BH_NONE;

	return at != BH_NONE ? &h->host[at] : NULL;
}

static void
fill_cells(struct bh_hosts *h)
{
	uint32_t i;

	memset(h->cell, 0xff, ((size_t)h->mask + 1) * sizeof(*h->cell));
	for (i = 0; i < h->n; i++)
		*cell_of(h, h->host[i].name, h->host[i].addr, h->host[i].family) = i;
}

static int
grow(struct bh_hosts *h)
{
	uint32_t cap = h->cap != 0 ? 2 * h->cap : 64;
	struct bh_host *host = realloc(h->host, cap * sizeof(*host));
	uint32_t *cell;

	if (host == NULL)
		return -ENOMEM;
	h->host = host;
	cell = realloc(h->cell, 2 * (size_t)cap * sizeof(*cell));
	if (cell == NULL)
		return -ENOMEM;
	h->cell = cell;
	h->mask = 2 * cap - 1;
	h->cap = cap;
	fill_cells(h);
	return 0;
}

int
bh_hosts_add(struct bh_hosts *h, const struct bh_host *host)
{
	char *name;

	if (h->n == h->cap && grow(h) != 0)
		return -ENOMEM;
	name = strdup(host->name);
	if (name == NULL)
		return -ENOMEM;
	*cell_of(h, name, host->addr, host->family) = h->n;
	h->host[h->n] = *host;
	h->host[h->n++].name = name;
	if (h->next_ns == 0 || host->expires_ns < h->next_ns)
		h->next_ns = host->expires_ns;
	return 0;
}

static void
tell(struct bh_buf *told, const struct bh_host *host)
{
	char text[64];

	if (told != NULL && inet_ntop(host->family == BH_IP6 ? AF_INET6 : AF_INET, host->addr, text,
				      sizeof(text)) != NULL)
		bh_buf_printf(told, "%s %s\n", host->name, text);
}

uint32_t
bh_hosts_leave(struct bh_hosts *h, uint64_t mono_ns)
{
	uint32_t i, n = 0;

	if (h->next_ns == 0 || h->next_ns > mono_ns)
		return 0;
	for (i = 0; i < h->n; i++) {
		if (h->host[i].expires_ns <= mono_ns && !h->host[i].leaving) {
			h->host[i].leaving = true;
			n++;
		}
	}
	return n;
}

uint32_t
bh_hosts_expire(struct bh_hosts *h, uint64_t mono_ns, struct bh_buf *told)
{
	uint32_t i, n = 0, gone;

	if (h->next_ns == 0 || h->next_ns > mono_ns)
		return 0;
	h->next_ns = 0;
	for (i = 0; i < h->n; i++) {
		if (h->host[i].expires_ns <= mono_ns) {
			tell(told, &h->host[i]);
			free(h->host[i].name);
			continue;
		}
		if (h->next_ns == 0 || h->host[i].expires_ns < h->next_ns)
			h->next_ns = h->host[i].expires_ns;
		h->host[n++] = h->host[i];
	}
	gone = h->n - n;
	h->n = n;
	fill_cells(h);
	return gone;
}

void
bh_hosts_free(struct bh_hosts *h)
{
	uint32_t i;

	for (i = 0; i < h->n; i++)
		free(h->host[i].name);
	free(h->host);
	free(h->cell);
	*h = (struct bh_hosts){0};
}
