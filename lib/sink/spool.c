/* A queue of records in files; spool.h says the form. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "spool.h"

#define HEADER 16u
/* A record always fits, whatever is left of the one before it. */
#define WINDOW (4 * BH_SPOOL_RECORD_MAX)
#define ITEMS_MAX 256
#define SETTLED_BYTES 24

struct bh_spool {
	int folder, write_fd, read_fd, settled_fd;
	uint64_t max_bytes, bytes;
	uint32_t file_bytes;  /* a file that is longer is followed by another */
	uint32_t first, last; /* files that there are; the last is written to */
	uint32_t write_len;
	uint64_t last_seq;
	struct bh_spool_mark read, settled;
	unsigned n_peeked;
	struct {
		uint32_t len;
		uint64_t seq;
	} peeked[ITEMS_MAX];
	uint8_t *window;
};

static uint32_t
fnv1a(uint32_t h, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

static uint32_t
check_of(uint64_t seq, const void *data, size_t len)
{
	return fnv1a(fnv1a(2166136261u, &seq, sizeof(seq)), data, len);
}

static void
file_name(char out[32], uint32_t file)
{
	snprintf(out, 32, "%010u.spool", file);
}

static int
open_file(struct bh_spool *s, uint32_t file, int flags)
{
	char name[32];
	int fd;

	file_name(name, file);
	fd = openat(s->folder, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd >= 0 ? fd : -errno;
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- reading ---------------------------------------------------------------------------------------- */

/* One record at p, of which len bytes are there. Its size, or 0: incomplete or damaged. */
static uint32_t
decode(const uint8_t *p, size_t len, struct bh_spool_item *out)
{
	uint32_t n, check;

	if (len < HEADER)
		return 0;
	memcpy(&n, p, 4);
	memcpy(&check, p + 4, 4);
	memcpy(&out->seq, p + 8, 8);
	if (n > BH_SPOOL_RECORD_MAX || len - HEADER < n ||
	    check_of(out->seq, p + HEADER, n) != check)
		return 0;
	out->data = p + HEADER;
	out->len = n;
	return HEADER + n;
}

static int
read_window(struct bh_spool *s)
{
	ssize_t n;

	if (s->read_fd < 0) {
		s->read_fd = open_file(s, s->read.file, O_RDONLY);
		if (s->read_fd == -ENOENT)
			return 0; /* somebody removed it: its records are gone */
		if (s->read_fd < 0)
			return s->read_fd;
	}
	n = pread(s->read_fd, s->window, WINDOW, s->read.offset);
	return n >= 0 ? (int)n : -errno;
}

int
bh_spool_peek(struct bh_spool *s, struct bh_spool_item *item, unsigned max)
{
	unsigned n = 0;
	uint32_t at, size;
	int len;

	s->n_peeked = 0;
	for (;;) {
		len = read_window(s);
		if (len < 0)
			return len;
		for (at = 0; n < max && n < ITEMS_MAX; at += size, n++) {
			size = decode(s->window + at, (size_t)len - at, &item[n]);
			if (size == 0)
				break;
			s->peeked[n].len = size;
			s->peeked[n].seq = item[n].seq;
		}
		if (n != 0 || s->read.file >= s->last)
			break;
		close_fd(&s->read_fd);
		s->read.file++;
		s->read.offset = 0;
	}
	s->n_peeked = n;
	return (int)n;
}

void
bh_spool_advance(struct bh_spool *s, unsigned n)
{
	unsigned i;

	for (i = 0; i < n && i < s->n_peeked; i++) {
		s->read.offset += s->peeked[i].len;
		s->read.seq = s->peeked[i].seq;
	}
	s->n_peeked = 0;
}

struct bh_spool_mark
bh_spool_read_mark(const struct bh_spool *s)
{
	return s->read;
}

void
bh_spool_rewind(struct bh_spool *s)
{
	close_fd(&s->read_fd);
	s->read = s->settled;
	s->n_peeked = 0;
}

/* ---- what has arrived --------------------------------------------------------------------------------- */

static void
remove_file(struct bh_spool *s, uint32_t file)
{
	char name[32];
	struct stat st;

	file_name(name, file);
	if (fstatat(s->folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	if (unlinkat(s->folder, name, 0) == 0)
		s->bytes -= (uint64_t)st.st_size < s->bytes ? (uint64_t)st.st_size : s->bytes;
}

int
bh_spool_settle(struct bh_spool *s, const struct bh_spool_mark *mark)
{
	uint8_t raw[SETTLED_BYTES];
	uint32_t check;

	s->settled = *mark;
	for (; s->first < mark->file; s->first++)
		remove_file(s, s->first);
	memcpy(raw, &mark->file, 4);
	memcpy(raw + 4, &mark->offset, 4);
	memcpy(raw + 8, &mark->seq, 8);
	check = check_of(mark->seq, raw, 16);
	memcpy(raw + 16, &check, 4);
	memset(raw + 20, 0, 4);
	return pwrite(s->settled_fd, raw, sizeof(raw), 0) == sizeof(raw) ? 0 : -EIO;
}

/* The mark of the run before; without a sound one everything comes again. */
static void
load_settled(struct bh_spool *s)
{
	uint8_t raw[SETTLED_BYTES];
	struct bh_spool_mark m;
	uint32_t check;

	if (pread(s->settled_fd, raw, sizeof(raw), 0) != sizeof(raw))
		return;
	memcpy(&m.file, raw, 4);
	memcpy(&m.offset, raw + 4, 4);
	memcpy(&m.seq, raw + 8, 8);
	memcpy(&check, raw + 16, 4);
	if (check != check_of(m.seq, raw, 16))
		return;
	s->last_seq = m.seq;
	if (m.file < s->first || m.file > s->last)
		return;
	s->settled = s->read = m;
}

/* ---- writing ----------------------------------------------------------------------------------------- */

static int
next_file(struct bh_spool *s)
{
	int fd = open_file(s, s->last + 1, O_WRONLY | O_CREAT | O_EXCL | O_APPEND);

	if (fd < 0)
		return fd;
	close_fd(&s->write_fd);
	s->write_fd = fd;
	s->write_len = 0;
	s->last++;
	return 0;
}

int
bh_spool_append(struct bh_spool *s, uint64_t seq, const void *data, uint32_t len)
{
	uint8_t header[HEADER];
	struct iovec part[2] = {{header, HEADER}, {(void *)(uintptr_t)data, len}};
	uint32_t check;
	ssize_t n;
	int rc;

	if (len > BH_SPOOL_RECORD_MAX)
		return -EMSGSIZE;
	if (s->bytes + HEADER + len > s->max_bytes)
		return -ENOSPC;
	if (s->write_len >= s->file_bytes && (rc = next_file(s)) != 0)
		return rc;
	check = check_of(seq, data, len);
	memcpy(header, &len, 4);
	memcpy(header + 4, &check, 4);
	memcpy(header + 8, &seq, 8);
	n = writev(s->write_fd, part, 2);
	if (n != (ssize_t)(HEADER + len)) {
		rc = n < 0 ? -errno : -ENOSPC;
		/* What went in of it would hide the records behind it. */
		if (ftruncate(s->write_fd, s->write_len) != 0)
			s->write_len = s->file_bytes;
		return rc;
	}
	s->write_len += HEADER + len;
	s->bytes += HEADER + len;
	s->last_seq = seq;
	return 0;
}

/* ---- opening ----------------------------------------------------------------------------------------- */

/* Which files there are, and how long they are. */
static int
look_around(struct bh_spool *s)
{
	uint32_t file, low = UINT32_MAX, high = 0;
	struct dirent *entry;
	struct stat st;
	char name[32];
	DIR *dir;
	int fd = openat(s->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || (dir = fdopendir(fd)) == NULL) {
		close_fd(&fd);
		return -errno;
	}
	while ((entry = readdir(dir)) != NULL) {
		file = (uint32_t)strtoul(entry->d_name, NULL, 10);
		file_name(name, file);
		if (strcmp(name, entry->d_name) != 0 ||
		    fstatat(s->folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		s->bytes += (uint64_t)st.st_size;
		low = file < low ? file : low;
		high = file > high ? file : high;
	}
	closedir(dir);
	s->first = low != UINT32_MAX ? low : 1;
	s->last = high;
	s->read = s->settled = (struct bh_spool_mark){.file = s->first};
	return 0;
}

/* Numbers go on behind the last record that was kept. */
static int
find_last_seq(struct bh_spool *s)
{
	struct bh_spool_item item[64];
	int n;

	while ((n = bh_spool_peek(s, item, BH_ARRAY_SIZE(item))) > 0) {
		if (item[n - 1].seq > s->last_seq)
			s->last_seq = item[n - 1].seq;
		bh_spool_advance(s, (unsigned)n);
	}
	bh_spool_rewind(s);
	return n;
}

static int
open_folder(struct bh_spool *s, const char *folder)
{
	int rc;

	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return -errno;
	s->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->folder < 0)
		return -errno;
	s->settled_fd = openat(s->folder, "settled", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->settled_fd < 0)
		return -errno;
	rc = look_around(s);
	if (rc != 0)
		return rc;
	load_settled(s);
	rc = find_last_seq(s);
	return rc == 0 ? next_file(s) : rc;
}

int
bh_spool_open(struct bh_spool **out, const struct bh_spool_params *params, struct bh_err *err)
{
	struct bh_spool *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return bh_err_set(err, ENOMEM, "no memory for a spool");
	s->folder = s->write_fd = s->read_fd = s->settled_fd = -1;
	s->max_bytes = params->max_bytes > BH_SPOOL_MIN ? params->max_bytes : BH_SPOOL_MIN;
	/* 16 files at least, so that room comes back in small pieces; offsets fit 32 bits. */
	s->file_bytes = s->max_bytes / 16 < (16u << 20) ? (uint32_t)(s->max_bytes / 16) : 16u << 20;
	s->window = malloc(WINDOW);
	if (s->window == NULL)
		rc = bh_err_set(err, ENOMEM, "no memory for a spool");
	else if ((rc = open_folder(s, params->folder)) != 0)
		bh_err_set(err, -rc,
			   "cannot use the spool folder %s: %s; check spool.path, and who may "
			   "write there",
			   params->folder, strerror(-rc));
	if (rc != 0) {
		bh_spool_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void
bh_spool_close(struct bh_spool *s)
{
	if (s == NULL)
		return;
	if (s->write_fd >= 0)
		(void)fdatasync(s->write_fd); /* it is the system's by now */
	close_fd(&s->write_fd);
	close_fd(&s->read_fd);
	close_fd(&s->settled_fd);
	close_fd(&s->folder);
	free(s->window);
	free(s);
}

uint64_t
bh_spool_last_seq(const struct bh_spool *s)
{
	return s->last_seq;
}

uint64_t
bh_spool_bytes(const struct bh_spool *s)
{
	return s->bytes;
}

uint64_t
bh_spool_unread(const struct bh_spool *s)
{
	/* Files are of one size but for the last. */
	if (s->read.file == s->last)
		return s->write_len - s->read.offset;
	return s->bytes > s->read.offset ? s->bytes - s->read.offset : 0;
}
