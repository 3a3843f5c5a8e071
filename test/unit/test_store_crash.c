/* store: killed at any moment, it opens again with a whole revision, the last acknowledged one or a later one.
 * BH_STORE_KILLS sets how often; 200 without it. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "test_store_rig.h"

#define KILLS 200

/* Document n can be told to be whole by itself: a header, then its number until the end. */
static char *
document(uint32_t n)
{
	size_t size = 100 + n * 7919 % 40000;
	char *text = malloc(size + 1), word[16];
	size_t at = (size_t)sprintf(text, "ok %u %zu ", n, size), len;

	len = (size_t)sprintf(word, "%u ", n);
	for (; at < size; at++)
		text[at] = word[at % len];
	text[size] = '\0';
	return text;
}

static bool
is_document(const char *text, uint32_t *n)
{
	char *want;
	bool same;

	if (sscanf(text, "ok %u", n) != 1)
		return false;
	want = document(*n);
	same = strcmp(want, text) == 0;
	free(want);
	return same;
}

/* Commits on and on, and says in shared memory what was acknowledged. */
static void
commit_for_ever(const struct rig *parent, volatile uint32_t *acknowledged, uint32_t from)
{
	struct bh_store_started st;
	struct rig r = *parent;
	uint32_t n;
	char *text;

	r.clock.arg = r.ops.arg = &r;
	if (rig_open(&r, NULL) != 0 || rig_resume(&r, NULL, &st) != 0)
		_exit(1);
	for (n = from;; n++) {
		text = document(n);
		if (rig_commit(&r, text, n % 5 == 0 && n > 5 ? 3600000 : 0) != 0)
			_exit(2);
		*acknowledged = n;
		if (n % 5 == 0 && n > 5 && bh_store_confirm(r.s, "api:alice", &r.number, NULL) != 0)
			_exit(3);
		free(text);
	}
}

/* On a busy machine a life may be over before its first commit is: then it goes on until that was acknowledged. */
static void
wait_for_first(volatile uint32_t *acknowledged, uint32_t from)
{
	const struct timespec nap = {.tv_nsec = 1000000};
	unsigned i;

	for (i = 0; i < 5000 && *acknowledged < from; i++)
		nanosleep(&nap, NULL);
}

/* One life: returns the number of the document that is in force afterwards. first: not before its first commit. */
static uint32_t
one_life(struct rig *r, volatile uint32_t *acknowledged, uint32_t from, uint64_t live_us,
	 bool first)
{
	const struct timespec nap = {.tv_sec = (time_t)(live_us / 1000000),
				     .tv_nsec = (long)(live_us % 1000000) * 1000};
	struct bh_store_started st;
	struct bh_audit_check c;
	uint32_t n = 0;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		commit_for_ever(r, acknowledged, from);
	CU_ASSERT_FATAL(pid > 0);
	if (first)
		wait_for_first(acknowledged, from);
	nanosleep(&nap, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	CU_ASSERT_TRUE(WIFSIGNALED(status)); /* it died of the signal, not of an error */
	CU_ASSERT_EQUAL_FATAL(rig_open(r, NULL), 0);
	CU_ASSERT_EQUAL(rig_resume(r, NULL, &st), 0);
	CU_ASSERT_EQUAL(st.damaged, 0);
	if (r->force != NULL)
		CU_ASSERT_TRUE(is_document(r->force, &n));
	CU_ASSERT(n >= *acknowledged);
	CU_ASSERT(n <= *acknowledged + 1);
	CU_ASSERT_EQUAL(bh_store_audit_verify(r->s, &c, NULL), 0);
	CU_ASSERT_EQUAL(c.wrong, 0);
	/* What waits for its confirmation is confirmed, so that the next life can commit. */
	bh_store_confirm(r->s, "api:alice", &r->number, NULL);
	rig_close(r);
	return n;
}

static void
killed_at_any_moment_a_whole_revision_is_in_force(void)
{
	const char *often = getenv("BH_STORE_KILLS");
	unsigned kills = often != NULL ? (unsigned)atoi(often) : KILLS, i, advanced = 0;
	volatile uint32_t *acknowledged =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint32_t n = 0, last = 0;
	struct rig r;

	CU_ASSERT_FATAL((void *)acknowledged != MAP_FAILED);
	srandom(5);
	rig_enter_at(&r, "/tmp");
	for (i = 0; i < kills; i++) {
		n = one_life(&r, acknowledged, n + 1, 500 + (uint64_t)random() % 15000, i % 2 == 0);
		CU_ASSERT(n >= last);
		advanced += n > last;
		last = n;
		*acknowledged = n;
	}
	/* Lives that ended before their first commit prove little. */
	CU_ASSERT(advanced > kills / 4);
	munmap((void *)acknowledged, 4096);
	rig_leave(&r);
}

const struct bh_unit_test bh_suite_store_crash[] = {
	BH_TEST(killed_at_any_moment_a_whole_revision_is_in_force),
	BH_TEST_END,
};
