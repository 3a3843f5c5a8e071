/* textdiff: what diff(1) says of two texts. kubectl does the same; nobody's own diff reads better. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl.h"

extern char **environ;

/* A file with the text, open and without a name. */
static int
textdiff_file(const struct bh_buf *b)
{
	const char *dir = getenv("TMPDIR");
	int fd = open(dir != NULL ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	size_t at = 0;
	ssize_t n;

	while (fd >= 0 && at < b->len) {
		n = write(fd, b->data + at, b->len - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			close(fd);
			return -1;
		}
		at += (size_t)n;
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

/* The child reads both as /dev/fd/3 and 4, and writes to 1. */
static pid_t
textdiff_spawn(int before, int after, int out, const char *label)
{
	char program[] = "diff", mode[] = "-u", l1[] = "--label", b1[] = "in force",
	     l2[] = "--label", f1[] = "/dev/fd/3", f2[] = "/dev/fd/4";
	char *name = strdup(label);
	char *argv[] = {program, mode, l1, b1, l2, name, f1, f2, NULL};
	posix_spawn_file_actions_t acts;
	pid_t pid = -1;

	if (name == NULL || posix_spawn_file_actions_init(&acts) != 0) {
		free(name);
		return -1;
	}
	posix_spawn_file_actions_adddup2(&acts, out, 1);
	posix_spawn_file_actions_adddup2(&acts, before, 3);
	posix_spawn_file_actions_adddup2(&acts, after, 4);
	if (posix_spawnp(&pid, program, &acts, NULL, argv, environ) != 0)
		pid = -1;
	posix_spawn_file_actions_destroy(&acts);
	free(name);
	return pid;
}

static void
textdiff_line(struct bh_ctl *ctl, char *line)
{
	const char *colour = line[0] == '+' ? "32" : line[0] == '-' ? "31" : NULL;

	line[strcspn(line, "\n")] = '\0';
	bh_ctl_clean(line);
	if (ctl->colour && colour != NULL)
		fprintf(ctl->out, "\033[%sm%s\033[0m\n", colour, line);
	else
		fprintf(ctl->out, "%s\n", line);
}

/* Descriptors that dup2 will not overwrite before it has read them: all above 4. */
static int
textdiff_above(int fd)
{
	int up = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 10) : -1;

	if (fd >= 0)
		close(fd);
	return up;
}

void
bh_ctl_textdiff(struct bh_ctl *ctl, const struct bh_buf *before, const struct bh_buf *after,
		const char *name)
{
	int a = textdiff_above(textdiff_file(before)), b = textdiff_above(textdiff_file(after));
	int ends[2] = {-1, -1};
	char *line = NULL;
	size_t size = 0;
	pid_t pid = -1;
	FILE *f;

	if (a >= 0 && b >= 0 && pipe2(ends, O_CLOEXEC) == 0) {
		ends[1] = textdiff_above(ends[1]);
		pid = textdiff_spawn(a, b, ends[1], name);
	}
	if (ends[1] >= 0)
		close(ends[1]);
	f = ends[0] >= 0 ? fdopen(ends[0], "r") : NULL;
	while (f != NULL && getline(&line, &size, f) > 0)
		textdiff_line(ctl, line);
	free(line);
	if (f != NULL)
		fclose(f);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	if (a >= 0)
		close(a);
	if (b >= 0)
		close(b);
}
