/* The folder of files: names that sort by time, retention, and a disk that is never filled. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "evidence_priv.h"

#define SUFFIX ".pcapng"
#define UNFINISHED ".new"
#define FREE_SHARE 16 /* of the file system stays free: others live there, too */
#define FILE_MAX (64u << 20)

/* ---- names ------------------------------------------------------------------------------------------ */

void
bh_evidence_name_make(char out[BH_EVIDENCE_NAME_MAX], uint64_t time_ns, uint64_t flow_id,
		      const char *class_)
{
	time_t sec = (time_t)(time_ns / BH_NS_PER_SEC);
	struct tm tm = {0};
	char day[32];
	int n;

	gmtime_r(&sec, &tm);
	strftime(day, sizeof(day), "%Y%m%dT%H%M%S", &tm);
	n = snprintf(out, BH_EVIDENCE_NAME_MAX, "%s.%06uZ-%016llx-", day,
		     (unsigned)(time_ns % BH_NS_PER_SEC / 1000), (unsigned long long)flow_id);
	for (; *class_ != '\0' && n < BH_EVIDENCE_NAME_MAX - (int)sizeof(SUFFIX); class_++) {
		bool good = (*class_ >= 'a' && *class_ <= 'z') ||
			    (*class_ >= '0' && *class_ <= '9') || strchr("._-", *class_) != NULL;

		out[n++] = good ? *class_ : '_';
	}
	memcpy(out + n, SUFFIX, sizeof(SUFFIX));
}

bool
bh_evidence_name_parse(const char *name, struct bh_evidence_file *out)
{
	size_t len = strlen(name), class_len;
	unsigned year, month, day, hour, minute, second, us;
	unsigned long long flow;
	char again[BH_EVIDENCE_NAME_MAX];
	struct tm tm;
	int at = 0;

	if (len >= BH_EVIDENCE_NAME_MAX || len < sizeof(SUFFIX) ||
	    strcmp(name + len - (sizeof(SUFFIX) - 1), SUFFIX) != 0 ||
	    sscanf(name, "%4u%2u%2uT%2u%2u%2u.%6uZ-%16llx-%n", &year, &month, &day, &hour, &minute,
		   &second, &us, &flow, &at) != 8 ||
	    at == 0 || (size_t)at >= len)
		return false;
	class_len = len - (size_t)at - (sizeof(SUFFIX) - 1);
	if (class_len == 0 || class_len >= sizeof(out->class_))
		return false;
	tm = (struct tm){.tm_year = (int)year - 1900,
			 .tm_mon = (int)month - 1,
			 .tm_mday = (int)day,
			 .tm_hour = (int)hour,
			 .tm_min = (int)minute,
			 .tm_sec = (int)second};
	*out = (struct bh_evidence_file){
		.time_ns = (uint64_t)timegm(&tm) * BH_NS_PER_SEC + us * 1000u,
		.flow_id = flow,
	};
	memcpy(out->class_, name + at, class_len);
	memcpy(out->name, name, len + 1);
	/* Only what we would write ourselves: no other spelling, no path. */
	bh_evidence_name_make(again, out->time_ns, flow, out->class_);
	return strcmp(again, name) == 0;
}

/* ---- reading the folder ------------------------------------------------------------------------------ */

struct names {
	struct bh_evidence_file *file;
	size_t n, room;
};

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct bh_evidence_file *)a)->name,
		      ((const struct bh_evidence_file *)b)->name);
}

static int
add_name(struct names *all, const char *name)
{
	struct bh_evidence_file one, *more;

	if (!bh_evidence_name_parse(name, &one))
		return 0;
	if (all->n == all->room) {
		all->room = all->room != 0 ? 2 * all->room : 64;
		more = realloc(all->file, all->room * sizeof(*more));
		if (more == NULL)
			return -ENOMEM;
		all->file = more;
	}
	all->file[all->n++] = one;
	return 0;
}

/* Oldest first. */
static int
read_names(int folder, struct names *all)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	*all = (struct names){0};
	if (d == NULL) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (rc == 0 && (e = readdir(d)) != NULL)
		rc = add_name(all, e->d_name);
	closedir(d);
	if (rc == 0 && all->n != 0)
		qsort(all->file, all->n, sizeof(*all->file), by_name);
	return rc;
}

static uint64_t
size_of(int folder, const char *name)
{
	struct stat st;

	return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)st.st_size : 0;
}

static int
open_folder(const char *path, struct bh_err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return bh_err_set(err, errno, "cannot read the folder of evidence %s: %s", path,
				  strerror(errno));
	return fd;
}

int
bh_evidence_list(const char *path, const struct bh_evidence_want *want,
		 struct bh_evidence_file *out, unsigned *n, bool *more, struct bh_err *err)
{
	int folder = open_folder(path, err), rc;
	struct names all;
	size_t i;

	*n = 0;
	*more = false;
	if (folder < 0)
		return folder;
	rc = read_names(folder, &all);
	if (rc != 0)
		bh_err_set(err, -rc, "cannot read the folder of evidence %s: %s", path,
			   strerror(-rc));
	for (i = all.n; rc == 0 && i-- > 0;) {
		if (want->before != NULL && strcmp(all.file[i].name, want->before) >= 0)
			continue;
		if (want->class_ != NULL && strcmp(all.file[i].class_, want->class_) != 0)
			continue;
		if (*n == want->max) {
			*more = true;
			break;
		}
		out[*n] = all.file[i];
		out[(*n)++].size = size_of(folder, all.file[i].name);
	}
	free(all.file);
	close(folder);
	return rc;
}

static int
read_file(int fd, char **data, size_t *len)
{
	struct stat st;
	size_t done = 0;
	ssize_t n = 1;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		return -EFBIG;
	*data = malloc((size_t)st.st_size + 1);
	if (*data == NULL)
		return -ENOMEM;
	while (n > 0 && done < (size_t)st.st_size) {
		n = read(fd, *data + done, (size_t)st.st_size - done);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			done += (size_t)n;
	}
	*len = done;
	return n < 0 ? -errno : 0;
}

int
bh_evidence_load(const char *path, const char *name, char **data, size_t *len, struct bh_err *err)
{
	struct bh_evidence_file one;
	int folder, fd, rc;

	*data = NULL;
	if (!bh_evidence_name_parse(name, &one))
		return bh_err_set(err, ENOENT, "no evidence is called %.100s", name);
	folder = open_folder(path, err);
	if (folder < 0)
		return folder;
	fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	rc = fd < 0 ? -errno : read_file(fd, data, len);
	if (fd >= 0)
		close(fd);
	close(folder);
	if (rc != 0) {
		free(*data);
		*data = NULL;
		bh_err_set(err, -rc, "cannot read the evidence %s: %s", name, strerror(-rc));
	}
	return rc;
}

int
bh_evidence_delete(const char *path, const char *name, struct bh_err *err)
{
	struct bh_evidence_file one;
	int folder, rc = 0;

	if (!bh_evidence_name_parse(name, &one))
		return bh_err_set(err, ENOENT, "no evidence is called %.100s", name);
	folder = open_folder(path, err);
	if (folder < 0)
		return folder;
	if (unlinkat(folder, name, 0) != 0)
		rc = bh_err_set(err, errno, "cannot delete the evidence %s: %s", name,
				strerror(errno));
	close(folder);
	return rc;
}

/* ---- writing ---------------------------------------------------------------------------------------- */

static void
remove_unfinished(int folder)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		size_t n = strlen(e->d_name), k = sizeof(SUFFIX UNFINISHED) - 1;

		if (n > k && strcmp(e->d_name + n - k, SUFFIX UNFINISHED) == 0)
			unlinkat(folder, e->d_name, 0);
	}
	if (d != NULL)
		closedir(d);
	else if (fd >= 0)
		close(fd);
}

int
bh_evidence_folder_open(const char *path, struct bh_err *err)
{
	int fd;

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return bh_err_set(err, errno,
				  "evidence.path: cannot make the folder %s: %s; make it, or name "
				  "another",
				  path, strerror(errno));
	fd = open_folder(path, err);
	if (fd < 0)
		return fd;
	if (faccessat(fd, ".", W_OK | X_OK, 0) != 0) {
		bh_err_set(err, EACCES, "evidence.path: %s cannot be written to", path);
		close(fd);
		return -EACCES;
	}
	remove_unfinished(fd);
	return fd;
}

/* May so many bytes be written? */
static bool
has_room(int folder, uint64_t bytes)
{
	struct statvfs v;

	if (fstatvfs(folder, &v) != 0)
		return true; /* the write will say */
	return (uint64_t)v.f_bavail * v.f_frsize >=
	       bytes + (uint64_t)v.f_blocks * v.f_frsize / FREE_SHARE;
}

void
bh_evidence_sweep(struct bh_evidence *ev)
{
	uint64_t now_ns = ev->clock->wall_ns(ev->clock->arg), sum = 0, *size;
	uint64_t max_age_ns = ev->p.max_age_ms * BH_NS_PER_MS;
	struct names all;
	size_t i;

	if (read_names(ev->folder, &all) != 0)
		goto free_names;
	size = calloc(all.n + 1, sizeof(*size));
	if (size == NULL)
		goto free_names;
	for (i = 0; i < all.n; i++)
		sum += size[i] = size_of(ev->folder, all.file[i].name);
	for (i = 0; i < all.n; i++) {
		bool old = all.file[i].time_ns + max_age_ns < now_ns;

		if (!old && sum <= ev->p.max_size)
			break;
		if (unlinkat(ev->folder, all.file[i].name, 0) == 0)
			bh_evidence_count(&ev->stats.removed, 1);
		sum -= size[i];
	}
	ev->size = sum;
	ev->swept_ns = ev->clock->mono_ns(ev->clock->arg);
	free(size);
free_names:
	free(all.file);
}

/* The oldest go until there is room. */
static int
make_room(struct bh_evidence *ev, uint64_t bytes)
{
	struct names all = {0};
	size_t i = 0;
	int rc = 0;

	if (has_room(ev->folder, bytes))
		return 0;
	if (read_names(ev->folder, &all) == 0) {
		for (; i < all.n && !has_room(ev->folder, bytes); i++) {
			if (unlinkat(ev->folder, all.file[i].name, 0) == 0)
				bh_evidence_count(&ev->stats.removed, 1);
		}
	}
	if (!has_room(ev->folder, bytes))
		rc = -ENOSPC;
	free(all.file);
	return rc;
}

static int
write_whole(int fd, const struct bh_buf *data)
{
	size_t done = 0;
	ssize_t n;

	while (done < data->len) {
		n = write(fd, data->data + done, data->len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
	}
	return fdatasync(fd) == 0 ? 0 : -errno;
}

int
bh_evidence_save(struct bh_evidence *ev, const char *name, const struct bh_buf *data)
{
	char unfinished[BH_EVIDENCE_NAME_MAX + sizeof(UNFINISHED)];
	int rc = make_room(ev, data->len), fd;

	if (rc != 0)
		goto out;
	snprintf(unfinished, sizeof(unfinished), "%s" UNFINISHED, name);
	fd = openat(ev->folder, unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	if (fd < 0) {
		rc = -errno;
		goto out;
	}
	rc = write_whole(fd, data);
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && renameat(ev->folder, unfinished, ev->folder, name) != 0)
		rc = -errno;
	if (rc != 0)
		unlinkat(ev->folder, unfinished, 0);
	else
		ev->size += data->len;
	if (ev->size > ev->p.max_size)
		bh_evidence_sweep(ev);
out:
	pthread_mutex_lock(&ev->lock);
	if (rc != 0)
		snprintf(ev->trouble, sizeof(ev->trouble), "%s/%s: %s", ev->p.path, name,
			 strerror(-rc));
	ev->failing = rc != 0;
	pthread_mutex_unlock(&ev->lock);
	return rc;
}
