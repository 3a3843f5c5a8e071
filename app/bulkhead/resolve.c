/* Asking for the addresses of names that segments list: a thread of the control side, by the C library's own stub
 * resolver. It gives the answer's bytes, with their times, which getaddrinfo() keeps to itself; and a second resolver
 * library would be one more thing to trust. */
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"

#define NAMES_MAX 4096
#define ANSWER_MAX 8192
#define LEAST_S 5   /* between two questions about a name, however short its time */
#define FAILED_S 30 /* after no answer */
#define MOST_S 3600

struct asked {
	char name[BH_HOST_MAX];
	uint64_t due_ns;
};

struct bh_resolve {
	struct bh_policy *policy;
	const struct bh_config *config;
	pthread_t thread;
	pthread_mutex_t lock; /* what follows */
	pthread_cond_t wake;
	bool stop;
	struct bh_buf told;
	/* the thread's alone */
	struct asked *asked; /* sorted by name */
	size_t n;
};

static bool
stopped(struct bh_resolve *r)
{
	bool stop;

	pthread_mutex_lock(&r->lock);
	stop = r->stop;
	pthread_mutex_unlock(&r->lock);
	return stop;
}

/* The servers of names.resolvers in place of resolv.conf's. */
static void
use_resolvers(struct __res_state *s, const struct bh_config *c)
{
	struct sockaddr_in6 *six;
	unsigned i;

	for (i = 0; i < c->n_resolvers && i < MAXNS; i++) {
		const struct bh_prefix *p = &c->resolver[i];

		memset(&s->nsaddr_list[i], 0, sizeof(s->nsaddr_list[i]));
		if (p->family == BH_IP4) {
			s->nsaddr_list[i].sin_family = AF_INET;
			s->nsaddr_list[i].sin_port = htons(NS_DEFAULTPORT);
			memcpy(&s->nsaddr_list[i].sin_addr, p->addr, 4);
			continue;
		}
		/* glibc keeps these beside; res_nclose() frees them. */
		six = calloc(1, sizeof(*six));
		if (six == NULL)
			break;
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(NS_DEFAULTPORT);
		memcpy(&six->sin6_addr, p->addr, 16);
		free(s->_u._ext.nsaddrs[i]);
		s->_u._ext.nsaddrs[i] = six;
	}
	if (i != 0)
		s->nscount = (int)i;
}

/* Appends what one question came to; returns the seconds until the next. */
static uint32_t
ask(struct bh_resolve *r, struct __res_state *s, const char *name, int type)
{
	struct bh_name_answer a[BH_DNS_ADDRESSES];
	unsigned char answer[ANSWER_MAX];
	struct bh_dns_message m;
	struct bh_buf told = {0};
	uint32_t next = MOST_S;
	int len = res_nquery(s, name, ns_c_in, type, answer, sizeof(answer));
	unsigned i;

	if (len <= 0 || len > (int)sizeof(answer) || bh_dns_read(answer, (size_t)len, &m) != 0 ||
	    !m.response || m.n == 0 || strcmp(m.name, name) != 0)
		return FAILED_S;
	for (i = 0; i < m.n; i++) {
		a[i] = (struct bh_name_answer){.name = name,
					       .family = type == ns_t_a ? BH_IP4 : BH_IP6,
					       .ttl = m.address[i].ttl};
		memcpy(a[i].addr, m.address[i].addr, 16);
		next = a[i].ttl < next ? a[i].ttl : next;
	}
	bh_policy_names_learn(r->policy, a, m.n, bh_clock_system.mono_ns(NULL), &told);
	pthread_mutex_lock(&r->lock);
	if (told.len != 0)
		bh_buf_add(&r->told, told.data, told.len);
	pthread_mutex_unlock(&r->lock);
	bh_buf_free(&told);
	/* A little before the time is over. */
	next = next / 4 * 3;
	return next < LEAST_S ? LEAST_S : next;
}

static void
resolve(struct bh_resolve *r, struct asked *asked)
{
	struct __res_state s;
	uint32_t a, aaaa;

	memset(&s, 0, sizeof(s));
	if (res_ninit(&s) != 0)
		return;
	use_resolvers(&s, r->config);
	s.retrans = 2;
	s.retry = 2;
	a = ask(r, &s, asked->name, ns_t_a);
	aaaa = ask(r, &s, asked->name, ns_t_aaaa);
	res_nclose(&s);
	/* Most names have one kind only. */
	if (a == FAILED_S || (aaaa != FAILED_S && aaaa < a))
		a = aaaa;
	asked->due_ns = bh_clock_system.mono_ns(NULL) + a * BH_NS_PER_SEC;
}

/* What segments list now; known names keep their time. */
static void
take_names(struct bh_resolve *r)
{
	struct asked *next = NULL;
	struct bh_buf wanted = {0};
	size_t n = 0, old = 0;
	char *name, *save = NULL;

	bh_policy_names_wanted(r->policy, &wanted);
	if (!wanted.failed && wanted.data != NULL)
		next = calloc(NAMES_MAX, sizeof(*next));
	for (name = next != NULL ? strtok_r(wanted.data, "\n", &save) : NULL;
	     name != NULL && n < NAMES_MAX; name = strtok_r(NULL, "\n", &save)) {
		while (old < r->n && strcmp(r->asked[old].name, name) < 0)
			old++;
		memcpy(next[n].name, name, strlen(name) + 1);
		if (old < r->n && strcmp(r->asked[old].name, name) == 0)
			next[n].due_ns = r->asked[old].due_ns;
		n++;
	}
	bh_buf_free(&wanted);
	free(r->asked);
	r->asked = next;
	r->n = n;
}

static void *
run(void *arg)
{
	struct bh_resolve *r = arg;
	struct timespec until;
	size_t i;

	while (!stopped(r)) {
		take_names(r);
		for (i = 0; i < r->n && !stopped(r); i++) {
			if (r->asked[i].due_ns <= bh_clock_system.mono_ns(NULL))
				resolve(r, &r->asked[i]);
		}
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec++;
		pthread_mutex_lock(&r->lock);
		if (!r->stop)
			pthread_cond_timedwait(&r->wake, &r->lock, &until);
		pthread_mutex_unlock(&r->lock);
	}
	return NULL;
}

int
bh_resolve_start(struct bh_resolve **out, struct bh_policy *p, const struct bh_config *c)
{
	struct bh_resolve *r = calloc(1, sizeof(*r));
	int rc;

	if (r == NULL)
		return -ENOMEM;
	r->policy = p;
	r->config = c;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->wake, NULL);
	rc = pthread_create(&r->thread, NULL, run, r);
	if (rc != 0) {
		free(r);
		return -rc;
	}
	*out = r;
	return 0;
}

void
bh_resolve_told(struct bh_resolve *r, struct bh_buf *out)
{
	pthread_mutex_lock(&r->lock);
	if (r->told.len != 0)
		bh_buf_add(out, r->told.data, r->told.len);
	bh_buf_reset(&r->told);
	pthread_mutex_unlock(&r->lock);
}

void
bh_resolve_stop(struct bh_resolve *r)
{
	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	bh_buf_free(&r->told);
	free(r->asked);
	free(r);
}
