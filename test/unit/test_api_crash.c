/* api: 1,000 commits of real policies with endpoint updates in between, killed at random moments: after each start the policy
 * in force is one that was committed, whole, the last acknowledged one or the next, and never a mixture.
 * BH_API_COMMITS sets how many commits are acknowledged; 1,000 without it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../lib/policy/policy.h"
#include "../../lib/store/store.h"
#include "unit.h"

#define COMMITS 1000
#define KILLS_MIN 40
#define PARTS                                                                                      \
	12 /* segments, rules and endpoints of a document: more in every third, fewer in every fifth */
#define UPDATED 200 /* endpoints that come and go while commits run */

struct box {
	struct bh_policy *p;
	struct bh_store *s;
	struct bh_buf before;
	uint32_t number_before;
	char path[128];
};

static unsigned
parts_of(uint32_t n)
{
	return PARTS + (n % 3 == 0 ? 9 : 0) - (n % 5 == 0 ? 7 : 0);
}

/* Its number stands in each name, label, address and port of it. */
static void
document(uint32_t n, struct bh_buf *out)
{
	unsigned i, parts = parts_of(n);

	bh_buf_printf(out, "version: 1\n# %u\nendpoints:\n", n);
	for (i = 0; i < parts; i++)
		bh_buf_printf(out,
			      "  - {address: 10.%u.%u.%u, labels: {rev: \"%u\", part: \"%u\"}}\n",
			      n >> 8 & 0xff, n & 0xff, i + 1, n, i);
	bh_buf_str(out, "segments:\n");
	for (i = 0; i < parts; i++)
		bh_buf_printf(out, "  s%u-%u: {selector: \"rev=%u, part=%u\"}\n", i, n, n, i);
	bh_buf_str(out, "rules:\n");
	for (i = 0; i < parts; i++)
		bh_buf_printf(out,
			      "  - {id: r%u-%u, from: s%u-%u, to: s%u-%u, ports: [tcp/%u], action: "
			      "allow}\n",
			      i, n, i, n, (i + 1) % parts, n, 1000 + n);
}

/* ---- what a commit does ------------------------------------------------------------------------------- */

static void
published(void *arg, const struct bh_view *view)
{
	(void)arg;
	(void)view;
}

static int
check(void *arg, const char *text, size_t len, struct bh_buf *summary, struct bh_err *err)
{
	bh_buf_str(summary, "{}");
	return bh_policy_load_text(((struct box *)arg)->p, "body", text, len, true, NULL, err);
}

static int
publish(void *arg, uint32_t number, const char *text, size_t len, struct bh_err *err)
{
	struct box *b = arg;

	bh_buf_reset(&b->before);
	bh_policy_text(b->p, &b->before);
	b->number_before = bh_policy_revision(b->p);
	bh_policy_number_next(b->p, number);
	return bh_policy_load_text(b->p, "body", text, len, false, NULL, err);
}

static void
restore(void *arg)
{
	struct box *b = arg;

	bh_policy_number_next(b->p, b->number_before);
	bh_policy_load_text(b->p, "before", b->before.data, b->before.len, false, NULL, NULL);
}

static struct bh_commit_ops
ops_of(struct box *b)
{
	return (struct bh_commit_ops){.arg = b,
				      .check = check,
				      .publish = publish,
				      .restore = restore};
}

/* As the daemon starts. */
static int
start(struct box *b, const char *path, struct bh_store_started *st)
{
	struct bh_policy_params params = {.max_endpoints = 1024,
					  .mode = BH_MODE_PROTECT,
					  .publish = published};
	const struct bh_store_params sp = {.path = path, .keep = 64};
	const struct bh_store_start in = {0};
	struct bh_commit_ops ops = ops_of(b);
	struct bh_err err = {0};
	int rc = bh_hash_key_random(&params.hash_key);

	*b = (struct box){0};
	if (rc == 0)
		rc = bh_policy_create(&b->p, &params);
	if (rc == 0)
		rc = bh_store_open(&b->s, &sp, &err);
	if (rc == 0)
		rc = bh_store_resume(b->s, &in, &ops, st, &err);
	if (rc == 0 && st->number == 0)
		rc = bh_policy_load_empty(b->p, &err);
	if (rc != 0)
		fprintf(stderr, "start: %s\n", err.what);
	return rc;
}

static void
stop(struct box *b)
{
	bh_store_close(b->s);
	bh_policy_destroy(b->p);
	bh_buf_free(&b->before);
}

/* ---- the life that is killed -------------------------------------------------------------------------- */

static void
update_some(struct box *b, unsigned turn)
{
	const struct bh_label label[2] = {{"pushed", turn % 2 ? "odd" : "even"}, {"rev", "0"}};
	struct bh_endpoint_change c[20] = {0};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(c); i++) {
		unsigned who = (turn * 7 + i) % UPDATED;

		c[i].op = BH_ENDPOINT_PUT;
		c[i].endpoint = (struct bh_endpoint){.prefix = {.family = BH_IP4, .len = 32},
						     .labels = label,
						     .n_labels = 2,
						     .source = BH_SOURCE_REST};
		c[i].endpoint.prefix.addr[0] = 192;
		c[i].endpoint.prefix.addr[1] = 168;
		c[i].endpoint.prefix.addr[3] = (uint8_t)who;
	}
	if (bh_policy_endpoints_apply(b->p, c, BH_ARRAY_SIZE(c), NULL, NULL) != 0)
		_exit(4);
}

static void
life(const char *path, volatile uint32_t *acknowledged, uint32_t from)
{
	struct bh_store_started st;
	struct bh_commit_ops ops;
	struct box b;
	uint32_t n, number;

	if (start(&b, path, &st) != 0)
		_exit(1);
	ops = ops_of(&b);
	for (n = from;; n++) {
		struct bh_buf text = {0};
		struct bh_commit c = {.author = "api:alice", .why = "TICKET-1"};
		struct bh_err err = {0};

		document(n, &text);
		c.text = text.data;
		c.len = text.len;
		update_some(&b, n);
		if (bh_store_commit(b.s, &c, &ops, &number, &err) != 0) {
			fprintf(stderr, "commit %u: %s\n", n, err.what);
			_exit(2);
		}
		*acknowledged = n;
		update_some(&b, n + 1);
		bh_buf_free(&text);
	}
}

/* ---- what is found afterwards -------------------------------------------------------------------------- */

static bool
rule_is_of(void *arg, const struct bh_rule_info *r)
{
	uint32_t part, n, *want = arg;

	if (sscanf(r->id, "r%u-%u", &part, &n) != 2 || n != want[0])
		want[2]++;
	want[1]++;
	return true;
}

static bool
endpoint_is_of(void *arg, const struct bh_endpoint *e, const char *const segments[], unsigned k)
{
	uint32_t part, n, *want = arg;

	if (e->n_labels != 2 || k != 1 || sscanf(segments[0], "s%u-%u", &part, &n) != 2 ||
	    n != want[0] || e->prefix.addr[1] != (n >> 8 & 0xff) || e->prefix.addr[2] != (n & 0xff))
		want[2]++;
	want[1]++;
	return true;
}

/* Which document is in force; all of the model has to be of it. */
static uint32_t
in_force(struct box *b)
{
	struct bh_buf have = {0}, want = {0};
	uint32_t n = 0, rules[3], ends[3];

	bh_policy_text(b->p, &have);
	if (have.len == 0 || sscanf(have.data, "version: 1\n# %u\n", &n) != 1)
		goto out;
	document(n, &want);
	CU_ASSERT(have.len == want.len && memcmp(have.data, want.data, want.len) == 0);
	rules[0] = ends[0] = n;
	rules[1] = ends[1] = rules[2] = ends[2] = 0;
	bh_policy_rules_each(b->p, rule_is_of, rules);
	bh_policy_endpoints_each(b->p, NULL, endpoint_is_of, ends);
	CU_ASSERT_EQUAL(rules[1], parts_of(n));
	CU_ASSERT_EQUAL(rules[2], 0);
	CU_ASSERT_EQUAL(ends[1], parts_of(n));
	CU_ASSERT_EQUAL(ends[2], 0);
out:
	bh_buf_free(&have);
	bh_buf_free(&want);
	return n;
}

struct history {
	uint32_t next; /* document expected, counting down; 0: any */
	unsigned wrong;
};

/* Newest first: each document that came into force, once, with nothing between two. */
static bool
in_order(void *arg, const struct bh_revision *r)
{
	struct history *h = arg;
	uint8_t sha[BH_SHA256_SIZE];
	struct bh_buf want = {0};

	if (r->state != BH_REVISION_APPLIED)
		return true;
	document(h->next, &want);
	bh_sha256(want.data, want.len, sha);
	h->wrong += memcmp(sha, r->sha256, sizeof(sha)) != 0 || r->size != want.len;
	bh_buf_free(&want);
	return --h->next != 0;
}

static uint32_t
after_the_kill(const char *path, uint32_t acknowledged)
{
	struct bh_store_started st;
	struct bh_audit_check c;
	struct history h;
	struct box b;
	uint32_t n;

	CU_ASSERT_EQUAL_FATAL(start(&b, path, &st), 0);
	CU_ASSERT_EQUAL(st.damaged, 0);
	CU_ASSERT_EQUAL(bh_policy_revision(b.p), st.number);
	n = in_force(&b);
	CU_ASSERT(n >= acknowledged && n <= acknowledged + 1);
	h = (struct history){.next = n};
	if (n != 0)
		bh_store_revisions(b.s, 0, 100, in_order, &h, NULL);
	CU_ASSERT_EQUAL(h.wrong, 0);
	CU_ASSERT_EQUAL(bh_store_audit_verify(b.s, &c, NULL), 0);
	CU_ASSERT_EQUAL(c.wrong, 0);
	stop(&b);
	return n;
}

static void
one_kill(const char *path, volatile uint32_t *acknowledged, uint32_t from)
{
	uint64_t us = 200 + (uint64_t)random() % 60000;
	const struct timespec nap = {.tv_nsec = (long)us * 1000}, ms = {.tv_nsec = 1000000};
	bool waits = random() % 3 != 0;
	int status = 0, i;
	pid_t pid = fork();

	if (pid == 0)
		life(path, acknowledged, from);
	CU_ASSERT_FATAL(pid > 0);
	/* Two of three lives go on from their first commit; the third may die while it starts. */
	for (i = 0; waits && i < 5000 && *acknowledged < from; i++)
		nanosleep(&ms, NULL);
	nanosleep(&nap, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	CU_ASSERT_TRUE(WIFSIGNALED(status)); /* of the signal, not of an error */
}

static void
killed_during_a_thousand_commits_it_never_starts_with_a_mixture(void)
{
	const char *often = getenv("BH_API_COMMITS");
	uint32_t commits = often != NULL ? (uint32_t)atoi(often) : COMMITS, n = 0;
	volatile uint32_t *acknowledged =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char dir[] = "/tmp/bh_api_crash_XXXXXX", path[64], more[80];
	unsigned kills = 0;

	CU_ASSERT_FATAL((void *)acknowledged != MAP_FAILED);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/store.db", dir);
	srandom(1009);
	/* So many kills that it would be a miracle if none met a commit; and an end to it if nothing advances. */
	while ((n < commits || kills < KILLS_MIN) && kills < 40 * KILLS_MIN) {
		one_kill(path, acknowledged, n + 1);
		n = after_the_kill(path, *acknowledged);
		*acknowledged = n;
		kills++;
	}
	CU_ASSERT(n >= commits);
	fprintf(stderr, "%u commits, %u kills\n", n, kills);
	munmap((void *)acknowledged, 4096);
	unlink(path);
	snprintf(more, sizeof(more), "%s-wal", path);
	unlink(more);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

const struct bh_unit_test bh_suite_api_crash[] = {
	BH_TEST(killed_during_a_thousand_commits_it_never_starts_with_a_mixture),
	BH_TEST_END,
};
