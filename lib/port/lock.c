/* One instance a device: flock on a file that holds the owner's pid. The kernel drops the lock with the
 * process, however it ends. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port_priv.h"

static int
make_dir(const char *dir, struct bh_err *err)
{
	struct stat st;

	if (mkdir(dir, 0755) == 0 ||
	    (errno == EEXIST && stat(dir, &st) == 0 && S_ISDIR(st.st_mode)))
		return 0;
	return bh_err_set(err, errno,
			  "cannot make the folder %s for the locks of ports: %s; create it, run as "
			  "root, or set run_dir",
			  dir, strerror(errno));
}

/* First line: the owner's pid; the rest: its note. */
static int
read_owner(int fd, char *note, size_t size)
{
	char text[160];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	char *end;

	note[0] = '\0';
	if (n <= 0)
		return 0;
	text[n] = '\0';
	end = strchr(text, '\n');
	if (end != NULL)
		snprintf(note, size, "%.*s", (int)strcspn(end + 1, "\n"), end + 1);
	return atoi(text);
}

/* Is the file that we locked still the one that the path names? Its former owner may have removed it
 * between our open and our lock. */
static bool
still_there(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

static int
write_owner(int fd, const char *note)
{
	char text[160];
	int n = snprintf(text, sizeof(text), "%d\n%.128s\n", (int)getpid(), note);

	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n)
		return -EIO;
	return 0;
}

int
bh_lock_take(struct bh_lock *l, const char *dir, const char *key, int *owner, struct bh_err *err)
{
	int fd, rc;

	l->fd = -1;
	*owner = 0;
	if (snprintf(l->path, sizeof(l->path), "%s/port-%s.lock", dir, key) >= (int)sizeof(l->path))
		return bh_err_set(err, ENAMETOOLONG, "run_dir '%s' is too long", dir);
	rc = make_dir(dir, err);
	if (rc < 0)
		return rc;
	for (;;) {
		fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
		if (fd < 0)
			return bh_err_set(err, errno, "cannot open the lock file %s: %s", l->path,
					  strerror(errno));
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			*owner = read_owner(fd, l->left, sizeof(l->left));
			close(fd);
			return -EBUSY;
		}
		if (still_there(fd, l->path))
			break;
		close(fd);
	}
	read_owner(fd, l->left, sizeof(l->left));
	if (write_owner(fd, l->left) < 0) {
		close(fd);
		return bh_err_set(err, EIO, "cannot write the lock file %s", l->path);
	}
	l->fd = fd;
	return 0;
}

int
bh_lock_note(const struct bh_lock *l, const char *text)
{
	return write_owner(l->fd, text);
}

void
bh_lock_drop(struct bh_lock *l)
{
	if (l->fd < 0)
		return;
	unlink(l->path);
	close(l->fd);
	l->fd = -1;
}
