/* A whole file into memory, with an error that a person understands. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf.h"

static int
file_err(const char *path, int code, struct bh_err *err, const char *what)
{
	if (err != NULL && err->what[0] == '\0')
		snprintf(err->file, sizeof(err->file), "%s", path);
	return bh_err_set(err, code, "%s", what);
}

static const char *
file_advice(int code)
{
	switch (code) {
	case ENOENT:
		return "no such file: check the path (a relative one starts at the folder of the "
		       "file that names it)";
	case EACCES:
		return "may not be read: check its owner and mode";
	case EISDIR:
		return "is a folder: name a file";
	case EFBIG:
		return "is larger than allowed: split it";
	default:
		return strerror(code);
	}
}

int
bh_file_read(const char *path, size_t max, char **out, size_t *len, struct bh_err *err)
{
	size_t cap = 1 << 16, n = 0;
	char *text = malloc(cap), *p;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
	ssize_t got;

	if (fd < 0 || text == NULL) {
		rc = fd < 0 ? errno : ENOMEM;
		goto fail;
	}
	for (;;) {
		/* One byte stays for the NUL. */
		got = read(fd, text + n, cap - 1 - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			rc = errno;
			goto fail;
		}
		if (got == 0)
			break;
		n += (size_t)got;
		if (n > max) {
			rc = EFBIG;
			goto fail;
		}
		if (n < cap - 1)
			continue;
		cap *= 2;
		p = realloc(text, cap);
		if (p == NULL) {
			rc = ENOMEM;
			goto fail;
		}
		text = p;
	}
	close(fd);
	text[n] = '\0';
	*out = text;
	*len = n;
	return 0;
fail:
	file_err(path, rc, err, file_advice(rc));
	if (fd >= 0)
		close(fd);
	free(text);
	return -rc;
}
