/* One instance a device. A socket of the device's name in the abstract namespace keeps others off, wherever their
 * files are: there is one such namespace for each network namespace, as there is for interfaces. A locked file
 * keeps a note for whoever comes next. The kernel drops both with the process, however it ends. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "port_priv.h"

int
bh_lock_make_dir(const char *dir, struct bh_err *err)
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

static socklen_t
claim_address(struct sockaddr_un *a, const char *key)
{
	int n;

	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	n = snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, "bulkhead/port/%s", key);
	/* A name that is cut may refuse too much, never too little. */
	n = n < (int)sizeof(a->sun_path) - 1 ? n : (int)sizeof(a->sun_path) - 2;
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

/* Pid of the process that listens there, 0 if it cannot be seen from here. */
static int
claimed_by(const struct sockaddr_un *a, socklen_t len)
{
	struct ucred who = {0};
	socklen_t size = sizeof(who);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return 0;
	if (connect(fd, (const struct sockaddr *)a, len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
		who.pid = 0;
	close(fd);
	return (int)who.pid;
}

/* The socket, or -errno; -EBUSY when somebody has it. */
static int
claim(const char *key, int *owner)
{
	struct sockaddr_un a;
	socklen_t len = claim_address(&a, key);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return -errno;
	/* A backlog for many that ask: none is ever accepted. */
	if (bind(fd, (const struct sockaddr *)&a, len) == 0 && listen(fd, 64) == 0)
		return fd;
	rc = errno == EADDRINUSE ? -EBUSY : -errno;
	if (rc == -EBUSY)
		*owner = claimed_by(&a, len);
	close(fd);
	return rc;
}

static int
take_file(struct bh_lock *l, int *owner, struct bh_err *err)
{
	int fd;

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
bh_lock_take(struct bh_lock *l, const char *dir, const char *key, int *owner, struct bh_err *err)
{
	int rc;

	l->fd = l->claim = -1;
	l->left[0] = '\0';
	*owner = 0;
	if (snprintf(l->path, sizeof(l->path), "%s/port-%s.lock", dir, key) >= (int)sizeof(l->path))
		return bh_err_set(err, ENAMETOOLONG, "run_dir '%s' is too long", dir);
	rc = bh_lock_make_dir(dir, err);
	if (rc < 0)
		return rc;
	l->claim = claim(key, owner);
	if (l->claim == -EBUSY)
		return -EBUSY;
	if (l->claim < 0)
		return bh_err_set(err, -l->claim, "cannot lock %s: %s", key, strerror(-l->claim));
	rc = take_file(l, owner, err);
	if (rc < 0) {
		close(l->claim);
		l->claim = -1;
	}
	return rc;
}

int
bh_lock_lent(struct bh_lock *l, const char *dir, const char *key, const int fd[2],
	     struct bh_err *err)
{
	l->left[0] = '\0';
	if (snprintf(l->path, sizeof(l->path), "%s/port-%s.lock", dir, key) >= (int)sizeof(l->path))
		return bh_err_set(err, ENAMETOOLONG, "run_dir '%s' is too long", dir);
	l->claim = fd[0];
	l->fd = fd[1];
	read_owner(l->fd, l->left, sizeof(l->left));
	return 0;
}

void
bh_lock_return(struct bh_lock *l)
{
	if (l->fd < 0)
		return;
	close(l->fd);
	close(l->claim);
	l->fd = l->claim = -1;
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
	close(l->claim);
	l->fd = l->claim = -1;
}
