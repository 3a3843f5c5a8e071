/* EVE file: whole lines only, bounded memory, keeps going when the disk is full. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sink.h"

#define FLUSH_BYTES (64u << 10)
#define DEFAULT_BYTES (1u << 20)
#define MIN_BYTES (4u << 10)

struct bh_eve_file {
	char *path;
	const struct bh_event_names *names;
	int fd;
	bool standard_output;
	bool failing;  /* in an episode: has been logged */
	bool unsynced; /* the file ends inside a line; its rest is what `wait` begins with */
	char *wait;    /* whole lines but for the rest of one, see above */
	size_t n_wait;
	size_t cap;
	uint64_t lost_before; /* stats.lost at the beginning of the episode */
	struct bh_buf line;
	struct bh_eve_file_stats stats;
};

/* A program that died while it wrote may have left half a line: ours shall not continue it. */
static void
end_half_line(int fd)
{
	struct stat st;
	char last;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return;
	if (pread(fd, &last, 1, st.st_size - 1) != 1 || last == '\n')
		return;
	/* When this fails (disk full), the next line is spoilt, not lost from sight. */
	if (write(fd, "\n", 1) != 1)
		bh_log(BH_LOG_WARN, "event file ends inside a line and could not be mended");
}

static int
open_path(const char *path, int more_flags, struct bh_err *err)
{
	const int flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	/* Read too, for its last byte. Non-blocking is for FIFOs: one that nobody reads must hold up
	 * neither the start nor, once it is full, the thread. */
	int fd = open(path, flags | more_flags, 0640), code;

	if (fd < 0) {
		code = errno;
		bh_err_set(err, code,
			   "cannot open event file %s for writing: %s; check events.file, its "
			   "folder and who may write there",
			   path, strerror(code));
		return -code;
	}
	end_half_line(fd);
	return fd;
}

int
bh_eve_file_open(struct bh_eve_file **out, const struct bh_eve_file_params *params,
		 struct bh_err *err)
{
	struct bh_eve_file *f = calloc(1, sizeof(*f));
	int rc = -ENOMEM;

	if (f == NULL)
		return bh_err_set(err, ENOMEM, "no memory for the event file");
	f->names = params->names;
	f->standard_output = strcmp(params->path, "-") == 0;
	f->cap = params->buffer_size != 0 ? params->buffer_size : DEFAULT_BYTES;
	if (f->cap < MIN_BYTES)
		f->cap = MIN_BYTES;
	f->path = strdup(params->path);
	f->wait = malloc(f->cap);
	if (f->path == NULL || f->wait == NULL) {
		bh_err_set(err, ENOMEM, "no memory for the event file");
		goto fail;
	}
	f->fd = f->standard_output ? STDOUT_FILENO
				   : open_path(f->path, params->replace ? O_TRUNC : 0, err);
	if (f->fd < 0) {
		rc = f->fd;
		goto fail;
	}
	*out = f;
	return 0;
fail:
	free(f->wait);
	free(f->path);
	free(f);
	return rc;
}

static uint64_t
count_lines(const char *p, size_t n)
{
	const char *end = p + n;
	uint64_t lines = 0;

	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		lines++;
		p++;
	}
	return lines;
}

static void
take_off(struct bh_eve_file *f, size_t n)
{
	f->n_wait -= n;
	memmove(f->wait, f->wait + n, f->n_wait);
}

/* The system took n bytes, then failed. Lines that it took whole are done; a line that it took in part
 * is cut off again where that is possible, so that even a reader that looks now sees whole lines. */
static void
took(struct bh_eve_file *f, size_t n)
{
	const char *nl = n != 0 ? memrchr(f->wait, '\n', n) : NULL;
	size_t whole = nl != NULL ? (size_t)(nl - f->wait) + 1 : 0;
	struct stat st;
	bool cut = false;

	f->stats.lines += count_lines(f->wait, whole);
	if (n > whole) {
		/* While unsynced the file's half line is older than this write: leave it. */
		cut = !(f->unsynced && whole == 0) && fstat(f->fd, &st) == 0 &&
		      S_ISREG(st.st_mode) && (uint64_t)st.st_size >= n - whole &&
		      ftruncate(f->fd, st.st_size - (off_t)(n - whole)) == 0;
		if (!cut)
			f->unsynced = true;
	}
	if (whole != 0 && (cut || n == whole))
		f->unsynced = false;
	take_off(f, cut ? whole : n);
}

static void
begin_episode(struct bh_eve_file *f, int code)
{
	if (f->failing)
		return;
	f->failing = true;
	f->stats.episodes++;
	f->lost_before = f->stats.lost;
	bh_log(BH_LOG_ERROR,
	       "cannot write events to %s: %s; up to %zu bytes wait, newer events are lost until "
	       "it works again",
	       f->path, strerror(code), f->cap);
}

static void
end_episode(struct bh_eve_file *f)
{
	if (!f->failing)
		return;
	f->failing = false;
	bh_log(BH_LOG_INFO, "events are written to %s again; %llu were lost", f->path,
	       (unsigned long long)(f->stats.lost - f->lost_before));
}

int
bh_eve_file_flush(struct bh_eve_file *f)
{
	size_t done = 0;
	int code = 0;
	ssize_t n;

	while (done < f->n_wait && code == 0) {
		n = write(f->fd, f->wait + done, f->n_wait - done);
		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno != EINTR)
			code = errno;
	}
	took(f, done);
	if (code != 0)
		begin_episode(f, code);
	else
		end_episode(f);
	return -code;
}

/* line ends with its newline. */
static void
add_line(struct bh_eve_file *f, const char *line, size_t len)
{
	if (f->n_wait + len > f->cap || (f->n_wait + len > FLUSH_BYTES && !f->failing))
		bh_eve_file_flush(f);
	if (f->n_wait + len > f->cap) {
		f->stats.lost++;
		return;
	}
	memcpy(f->wait + f->n_wait, line, len);
	f->n_wait += len;
}

static void
add_formatted(struct bh_eve_file *f)
{
	if (f->line.failed)
		f->stats.lost++;
	else
		add_line(f, f->line.data, f->line.len);
}

void
bh_eve_file_write(struct bh_eve_file *f, const struct bh_event *e, unsigned n)
{
	const struct bh_event *end = e + n;

	for (; e < end; e = bh_event_after(e)) {
		bh_buf_reset(&f->line);
		bh_eve_format(&f->line, e, f->names);
		add_formatted(f);
	}
}

void
bh_eve_file_note(struct bh_eve_file *f, const struct bh_eve_note *note)
{
	bh_buf_reset(&f->line);
	bh_eve_format_note(&f->line, note);
	add_formatted(f);
}

void
bh_eve_file_line(struct bh_eve_file *f, const char *line, size_t len)
{
	bh_buf_reset(&f->line);
	bh_buf_add(&f->line, line, len);
	bh_buf_add(&f->line, "\n", 1);
	add_formatted(f);
}

int
bh_eve_file_reopen(struct bh_eve_file *f, struct bh_err *err)
{
	const char *nl;
	int fd;

	bh_eve_file_flush(f);
	if (f->standard_output)
		return 0;
	fd = open_path(f->path, 0, err);
	if (fd < 0)
		return fd;
	if (f->unsynced) {
		/* The rest of a line whose beginning is in the old file. */
		nl = memchr(f->wait, '\n', f->n_wait);
		take_off(f, nl != NULL ? (size_t)(nl - f->wait) + 1 : f->n_wait);
		f->stats.lost++;
		f->unsynced = false;
	}
	close(f->fd);
	f->fd = fd;
	return 0;
}

void
bh_eve_file_stats(const struct bh_eve_file *f, struct bh_eve_file_stats *out)
{
	*out = f->stats;
}

int
bh_eve_file_close(struct bh_eve_file *f)
{
	int rc;

	if (f == NULL)
		return 0;
	rc = bh_eve_file_flush(f);
	if (rc != 0) {
		f->stats.lost += count_lines(f->wait, f->n_wait);
		bh_log(BH_LOG_ERROR, "%llu events could not be written to %s",
		       (unsigned long long)(f->stats.lost - f->lost_before), f->path);
	} else if (f->stats.lost != 0) {
		rc = -ENOSPC;
	}
	if (!f->standard_output && close(f->fd) != 0 && rc == 0)
		rc = -errno;
	bh_buf_free(&f->line);
	free(f->wait);
	free(f->path);
	free(f);
	return rc;
}
