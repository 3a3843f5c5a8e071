/* Clock, big memory, the secret of a boot. */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

#include "base.h"

#define HUGE_PAGE (UINT64_C(2) << 20)
#define SMALL_PAGE UINT64_C(4096)

static uint64_t
clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * BH_NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

static uint64_t
system_wall_ns(void *arg)
{
	(void)arg;
	return clock_ns(CLOCK_REALTIME);
}

static uint64_t
system_mono_ns(void *arg)
{
	(void)arg;
	return clock_ns(CLOCK_MONOTONIC);
}

const struct bh_clock bh_clock_system = {.wall_ns = system_wall_ns, .mono_ns = system_mono_ns};

void
bh_time_format(uint64_t wall_ns, char *out, size_t size)
{
	time_t sec = (time_t)(wall_ns / BH_NS_PER_SEC);
	unsigned us = (unsigned)(wall_ns % BH_NS_PER_SEC / 1000);
	struct tm tm;

	gmtime_r(&sec, &tm);
	snprintf(out, size, "%04d-%02d-%02dT%02d:%02d:%02d.%06u+0000", tm.tm_year + 1900,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, us);
}

/* Half a huge page or more is worth whole ones. */
static bool
is_huge(size_t size)
{
	return size >= HUGE_PAGE / 2;
}

static size_t
map_length(size_t size)
{
	size_t page = is_huge(size) ? HUGE_PAGE : SMALL_PAGE;

	return (size + page - 1) & ~(page - 1);
}

void *
bh_mem_map(size_t size, bool populate, enum bh_mem_backing *backing)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	enum bh_mem_backing kind = BH_MEM_SMALL;
	size_t len = map_length(size), i;
	uint8_t *p = MAP_FAILED;

	if (size == 0 || len < size)
		return NULL;
	/* mmap reserves huge pages, and fails when too few are free; populating takes them at once. */
	if (is_huge(size)) {
		p = mmap(NULL, len, PROT_READ | PROT_WRITE, flags | MAP_HUGETLB | MAP_POPULATE, -1,
			 0);
		kind = BH_MEM_HUGETLB;
	}
	if (p == MAP_FAILED) {
		p = mmap(NULL, len, PROT_READ | PROT_WRITE, flags, -1, 0);
		if (p == MAP_FAILED)
			return NULL;
		if (is_huge(size) && madvise(p, len, MADV_HUGEPAGE) == 0)
			kind = BH_MEM_THP;
		else
			kind = BH_MEM_SMALL;
		for (i = 0; populate && i < len; i += SMALL_PAGE)
			*(volatile uint8_t *)(p + i) = 0;
	}
	if (backing != NULL)
		*backing = kind;
	return p;
}

void
bh_mem_unmap(void *p, size_t size)
{
	if (p != NULL)
		munmap(p, map_length(size));
}

int
bh_hash_key_random(struct bh_hash_key *key)
{
	ssize_t n;
	size_t i;

	do {
		n = getrandom(key, sizeof(*key), 0);
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(*key))
		return -EIO;
	/* A multiply by an even or tiny number loses bits of the other factor. */
	for (i = 0; i < BH_ARRAY_SIZE(key->k); i++)
		key->k[i] |= UINT64_C(0x8000000000000001);
	return 0;
}

uint64_t
bh_hash_bytes(const struct bh_hash_key *key, const void *p, size_t len)
{
	const uint8_t *b = p;
	uint64_t h = key->k[6] ^ len, w[2];

	for (; len >= 16; len -= 16, b += 16) {
		memcpy(w, b, 16);
		h = bh_mum(w[0] ^ key->k[0] ^ h, w[1] ^ key->k[1]);
	}
	w[0] = w[1] = 0;
	if (len != 0) /* no bytes may come as NULL */
		memcpy(w, b, len);
	return bh_mum(bh_mum(w[0] ^ key->k[2] ^ h, w[1] ^ key->k[3]) ^ key->k[4], key->k[7]);
}
