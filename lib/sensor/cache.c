/* Databases on disk: compiling ten thousand patterns takes seconds, loading them milliseconds. Hyperscan believes what it
 * loads, so a file counts only when it is this user's own, whole, and made of these very patterns by this very engine
 * for this kind of CPU. */
#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sensor_priv.h"

#define MAGIC "bhsensor1\n"
#define MAX (UINT64_C(1) << 30) /* bytes of a database */

struct header {
	char magic[16];
	struct bh_sensor_key key;
	uint8_t digest[SHA256_DIGEST_SIZE]; /* of what follows */
	uint64_t len;
};

static void
add(struct sha256_ctx *h, const void *data, size_t len)
{
	uint64_t n = len;

	/* With its length, so that no two lists of texts are one. */
	sha256_update(h, sizeof(n), (const uint8_t *)&n);
	sha256_update(h, len, data);
}

void
bh_sensor_key(struct bh_sensor_key *out, const struct bh_sensor_db *db)
{
	hs_platform_info_t platform = {0};
	struct sha256_ctx h;
	uint32_t i;

	sha256_init(&h);
	add(&h, MAGIC, sizeof(MAGIC));
	add(&h, hs_version(), strlen(hs_version()));
	hs_populate_platform(&platform);
	add(&h, &platform.tune, sizeof(platform.tune));
	add(&h, &platform.cpu_features, sizeof(platform.cpu_features));
	for (i = 0; i < db->n; i++) {
		const struct bh_sensor_expr *e = db->expr[i];
		uint64_t word[4] = {bh_sensor_expr_flags(e), e->how, e->min_end, e->max_end};
		const char *text = bh_sensor_expr_text(e);

		if (e->how == BH_SENSOR_ALWAYS)
			continue;
		add(&h, word, sizeof(word));
		add(&h, text, strlen(text));
	}
	sha256_digest(&h, sizeof(out->byte), out->byte);
}

static void
path_of(char *out, size_t size, const char *dir, const struct bh_sensor_key *key,
	const char *suffix)
{
	char hex[2 * BH_SENSOR_KEY + 1];
	unsigned i;

	for (i = 0; i < BH_SENSOR_KEY; i++)
		snprintf(hex + 2 * i, 3, "%02x", key->byte[i]);
	snprintf(out, size, "%s/%s%s", dir, hex, suffix);
}

static int
read_all(int fd, void *to, size_t len)
{
	uint8_t *p = to;
	ssize_t n;

	while (len != 0) {
		n = read(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EBADMSG;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
write_all(int fd, const void *from, size_t len)
{
	const uint8_t *p = from;
	ssize_t n;

	while (len != 0) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EIO;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static void
digest_of(const void *data, size_t len, uint8_t out[SHA256_DIGEST_SIZE])
{
	struct sha256_ctx h;

	sha256_init(&h);
	sha256_update(&h, len, data);
	sha256_digest(&h, SHA256_DIGEST_SIZE, out);
}

static int
load(int fd, const struct bh_sensor_key *key, hs_database_t **out)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct header head;
	struct stat st;
	void *data;
	int rc = -EBADMSG;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    st.st_mode & (S_IWGRP | S_IWOTH))
		return -EBADMSG;
	if (read_all(fd, &head, sizeof(head)) != 0 ||
	    memcmp(head.magic, MAGIC, sizeof(MAGIC)) != 0 ||
	    memcmp(&head.key, key, sizeof(*key)) != 0 || head.len > MAX ||
	    (uint64_t)st.st_size != sizeof(head) + head.len)
		return -EBADMSG;
	data = malloc(head.len != 0 ? head.len : 1);
	if (data == NULL)
		return -ENOMEM;
	if (read_all(fd, data, head.len) == 0) {
		digest_of(data, head.len, digest);
		if (memcmp(digest, head.digest, sizeof(digest)) == 0 &&
		    hs_deserialize_database(data, head.len, out) == HS_SUCCESS)
			rc = 0;
	}
	free(data);
	return rc;
}

int
bh_sensor_cache_load(const char *dir, const struct bh_sensor_key *key, hs_database_t **out)
{
	char path[4096];
	int fd, rc;

	path_of(path, sizeof(path), dir, key, ".hsdb");
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : -EBADMSG;
	rc = load(fd, key, out);
	close(fd);
	return rc;
}

void
bh_sensor_cache_store(const char *dir, const struct bh_sensor_key *key, const hs_database_t *db)
{
	char path[4096], aside[4096], suffix[32];
	struct header head = {.magic = MAGIC, .key = *key};
	char *data = NULL;
	size_t len = 0;
	int fd, rc;

	if (hs_serialize_database(db, &data, &len) != HS_SUCCESS)
		return;
	head.len = len;
	digest_of(data, len, head.digest);
	path_of(path, sizeof(path), dir, key, ".hsdb");
	snprintf(suffix, sizeof(suffix), ".%ld", (long)getpid());
	path_of(aside, sizeof(aside), dir, key, suffix);
	fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0) {
		rc = write_all(fd, &head, sizeof(head));
		if (rc == 0)
			rc = write_all(fd, data, len);
		if (rc == 0)
			rc = fsync(fd);
		close(fd);
		if (rc != 0 || rename(aside, path) != 0)
			unlink(aside);
	}
	/* libhs took it from malloc: nobody sets its allocators */
	free(data);
}
