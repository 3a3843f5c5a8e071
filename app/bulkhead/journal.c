/* The newest log lines, for who asks the API for them. */
#include "daemon.h"

#define LINES 1024

/* Lines come before there is a daemon, and when it is gone: this is the process's. */
static struct {
	pthread_mutex_t lock;
	uint64_t newest; /* 0: none yet */
	struct bh_api_log line[LINES];
} journal = {.lock = PTHREAD_MUTEX_INITIALIZER};

void
bh_log_keep(enum bh_log_level level, uint64_t wall_ns, const char *text, size_t len)
{
	struct bh_api_log *l;

	if (len >= sizeof(l->text))
		len = sizeof(l->text) - 1;
	pthread_mutex_lock(&journal.lock);
	l = &journal.line[++journal.newest % LINES];
	l->number = journal.newest;
	l->time_ns = wall_ns;
	l->level = level;
	memcpy(l->text, text, len);
	l->text[len] = '\0';
	pthread_mutex_unlock(&journal.lock);
}

bool
bh_daemon_log_line(void *arg, uint64_t number, struct bh_api_log *out)
{
	bool kept;

	(void)arg;
	pthread_mutex_lock(&journal.lock);
	if (number == 0)
		number = journal.newest;
	kept = number != 0 && number <= journal.newest && journal.newest - number < LINES;
	if (kept)
		*out = journal.line[number % LINES];
	pthread_mutex_unlock(&journal.lock);
	return kept;
}
