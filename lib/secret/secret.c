/* Secrets: where they lie, what was read last, and the thread that looks whether it is still so. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "../client/client.h"
#include "secret_priv.h"

#define SETTLE_NS (50 * BH_NS_PER_MS) /* between two looks at what is being written */

struct watcher {
	struct watcher *next;
	void (*changed)(void *arg);
	void *arg;
};

/* What is watched, or lies in Vault. */
struct item {
	struct item *next;
	char place[256];
	size_t max;
	char *value; /* that was given last; with `lock` */
	size_t len;
	struct watcher *watchers;
	bool lost, other; /* other: nobody has been told yet */
};

struct bh_secrets {
	struct bh_secrets_params p;
	char credentials[512];
	pthread_mutex_t lock;       /* items' values */
	pthread_mutex_t vault_lock; /* vault */
	struct bh_vault *vault;
	struct item *items; /* the list grows before begin alone */
	unsigned vault_failures;
	bool begun;
	pthread_t thread;
	int wake; /* eventfd */
	_Atomic bool stop, look;
};

static void
nap(uint64_t ns)
{
	const struct timespec t = {.tv_sec = (time_t)(ns / BH_NS_PER_SEC),
				   .tv_nsec = (long)(ns % BH_NS_PER_SEC)};

	nanosleep(&t, NULL);
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

int
bh_secret_path(const struct bh_secrets *s, const char *place, char out[BH_SECRET_PATH_MAX],
	       struct bh_err *err)
{
	const char *rest;

	if (bh_secret_place(place, &rest) == BH_SECRET_FILE) {
		snprintf(out, BH_SECRET_PATH_MAX, "%s", rest);
		return 0;
	}
	if (s == NULL || s->credentials[0] == '\0')
		return bh_err_set(err, EINVAL,
				  "%s: CREDENTIALS_DIRECTORY is not set: the service manager gives "
				  "credentials (systemd: LoadCredential=%s:PATH in the unit)",
				  place, rest);
	snprintf(out, BH_SECRET_PATH_MAX, "%s/%s", s->credentials, rest);
	return 0;
}

static int
read_file(const struct bh_secrets *s, const char *place, struct item *out, struct bh_err *err)
{
	char path[BH_SECRET_PATH_MAX], *text;
	int rc = bh_secret_path(s, place, path, err);

	if (rc == 0)
		rc = bh_file_read(path, out->max, &text, &out->len, err);
	if (rc != 0)
		return rc;
	out->value = bh_secret_alloc(out->len);
	if (out->value != NULL)
		memcpy(out->value, text, out->len);
	explicit_bzero(text, out->len);
	free(text);
	return out->value != NULL ? 0 : bh_err_set(err, ENOMEM, "no memory for secrets");
}

static int
read_vault(struct bh_secrets *s, const char *place, struct item *out, struct bh_err *err)
{
	const char *what;
	int rc = 0;

	bh_secret_place(place, &what);
	pthread_mutex_lock(&s->vault_lock);
	if (s->vault == NULL)
		rc = bh_vault_open(&s->vault, s, s->p.config);
	if (rc == 0)
		rc = bh_vault_fetch(s->vault, what, out->max, &out->value, &out->len, err);
	pthread_mutex_unlock(&s->vault_lock);
	return rc == -ENOMEM ? bh_err_set(err, ENOMEM, "no memory for secrets") : rc;
}

/* What lies there now. */
static int
read_now(struct bh_secrets *s, const char *place, struct item *out, struct bh_err *err)
{
	if (bh_secret_place(place, NULL) != BH_SECRET_VAULT)
		return read_file(s, place, out, err);
	return s != NULL ? read_vault(s, place, out, err)
			 : bh_err_set(err, EINVAL, "%s: no Vault is configured", place);
}

/* A start waits for Vault: it may be started together with us. */
static int
read_patiently(struct bh_secrets *s, const char *place, struct item *out, struct bh_err *err)
{
	uint64_t until = bh_clock_system.mono_ns(NULL), wait;
	struct bh_err why = {0};
	unsigned failures = 0;
	int rc;

	until += s != NULL ? s->p.config->vault_wait_ms * BH_NS_PER_MS : 0;
	while ((rc = read_now(s, place, out, &why)) == -EAGAIN && !s->begun) {
		wait = bh_client_backoff_ns(failures < 3 ? failures : 3);
		if (bh_clock_system.mono_ns(NULL) + wait > until)
			break;
		if (failures++ == 0)
			bh_log(BH_LOG_WARN, "secrets: %s; waiting for it", why.what);
		why = (struct bh_err){0};
		nap(wait);
	}
	if (rc != 0 && err != NULL && err->what[0] == '\0')
		*err = why;
	return rc;
}

static struct item *
find(struct bh_secrets *s, const char *place)
{
	struct item *i = s != NULL ? s->items : NULL;

	while (i != NULL && strcmp(i->place, place) != 0)
		i = i->next;
	return i;
}

static struct item *
add(struct bh_secrets *s, const char *place, size_t max)
{
	struct item *i = find(s, place);

	if (i != NULL && i->max < max && !s->begun)
		i->max = max;
	if (i != NULL || s == NULL || s->begun)
		return i;
	i = calloc(1, sizeof(*i));
	if (i == NULL)
		return NULL;
	snprintf(i->place, sizeof(i->place), "%s", place);
	i->max = max;
	i->next = s->items;
	s->items = i;
	return i;
}

static int
copy_of(const struct item *from, struct item *to)
{
	to->value = bh_secret_alloc(from->len);
	if (to->value == NULL)
		return -ENOMEM;
	memcpy(to->value, from->value, from->len);
	to->len = from->len;
	return 0;
}

int
bh_secret_read(struct bh_secrets *s, const char *place, size_t max, char **out, size_t *len,
	       struct bh_err *err)
{
	bool vault = bh_secret_place(place, NULL) == BH_SECRET_VAULT;
	struct item *i = vault ? add(s, place, max) : find(s, place), got = {.max = max};
	int rc = -ENODATA;

	if (i != NULL && vault) {
		pthread_mutex_lock(&s->lock);
		rc = i->value != NULL ? copy_of(i, &got) : -ENODATA;
		pthread_mutex_unlock(&s->lock);
	}
	if (rc == -ENODATA)
		rc = read_patiently(s, place, &got, err);
	else if (rc != 0)
		bh_err_set(err, ENOMEM, "no memory for secrets");
	if (rc != 0)
		return rc;
	if (i != NULL) {
		struct item mine = {0};

		/* Without it, the next look tells of a change once more. */
		if (copy_of(&got, &mine) == 0) {
			pthread_mutex_lock(&s->lock);
			bh_secret_free(i->value);
			i->value = mine.value;
			i->len = mine.len;
			pthread_mutex_unlock(&s->lock);
		}
	}
	*out = got.value;
	*len = got.len;
	return 0;
}

int
bh_secret_read_line(struct bh_secrets *s, const char *place, size_t max, char **out,
		    struct bh_err *err)
{
	size_t len;
	int rc = bh_secret_read(s, place, max, out, &len, err);

	if (rc != 0)
		return rc;
	(*out)[strcspn(*out, "\r\n")] = '\0';
	if ((*out)[0] != '\0')
		return 0;
	bh_secret_free(*out);
	*out = NULL;
	return bh_err_set(err, EINVAL, "%s: the first line is empty; write the secret there",
			  place);
}

/* ---- watching -------------------------------------------------------------------------------------------------- */

int
bh_secret_watch(struct bh_secrets *s, const char *place, size_t max, void (*changed)(void *arg),
		void *arg)
{
	struct item *i = add(s, place, max);
	struct watcher *w = calloc(1, sizeof(*w));

	if (i == NULL || w == NULL) {
		free(w);
		return -ENOMEM;
	}
	*w = (struct watcher){.next = i->watchers, .changed = changed, .arg = arg};
	i->watchers = w;
	return 0;
}

static void
tell(struct bh_secrets *s, struct item *i, const struct bh_err *err)
{
	bool lost = err != NULL;
	char text[700], why[640] = "";

	if (lost == i->lost)
		return;
	i->lost = lost;
	if (lost)
		bh_err_format(err, why, sizeof(why));
	snprintf(text, sizeof(text),
		 lost ? "secret %s: %.400s; what it was goes on to be used"
		      : "secret %s: it can be read again%.0s",
		 i->place, why);
	bh_log(lost ? BH_LOG_ERROR : BH_LOG_INFO, "%s", text);
	if (s->p.note != NULL)
		s->p.note(s->p.arg, !lost, text);
}

/* Is another value there, which stands still? It is the item's then. */
static bool
is_other(struct bh_secrets *s, struct item *i)
{
	struct item now = {.max = i->max}, again = {.max = i->max};
	struct bh_err err = {0};
	bool other;
	int rc = read_now(s, i->place, &now, &err);

	tell(s, i, rc != 0 ? &err : NULL);
	if (rc != 0)
		return false;
	pthread_mutex_lock(&s->lock);
	other = !bh_secret_same(now.value, now.len, i->value, i->len);
	pthread_mutex_unlock(&s->lock);
	if (other && bh_secret_place(i->place, NULL) != BH_SECRET_VAULT) {
		nap(SETTLE_NS);
		other = read_now(s, i->place, &again, &err) == 0 &&
			bh_secret_same(now.value, now.len, again.value, again.len);
		bh_secret_free(again.value);
	}
	if (other) {
		pthread_mutex_lock(&s->lock);
		bh_secret_free(i->value);
		i->value = now.value;
		i->len = now.len;
		pthread_mutex_unlock(&s->lock);
		now.value = NULL;
	}
	bh_secret_free(now.value);
	return other;
}

/* All are read before anybody is told: a certificate and its key change together. False: one could not be read. */
static bool
look(struct bh_secrets *s, bool vault)
{
	const struct watcher *w;
	bool fine = true;
	struct item *i;

	for (i = s->items; i != NULL; i = i->next) {
		if ((bh_secret_place(i->place, NULL) == BH_SECRET_VAULT) != vault)
			continue;
		i->other |= is_other(s, i);
		fine &= !i->lost;
	}
	for (i = s->items; i != NULL; i = i->next) {
		if (!i->other)
			continue;
		i->other = false;
		bh_log(BH_LOG_INFO, "secret %s: another one is there", i->place);
		for (w = i->watchers; w != NULL; w = w->next)
			w->changed(w->arg);
	}
	return fine;
}

static void
renew(struct bh_secrets *s)
{
	struct bh_err err = {0};

	pthread_mutex_lock(&s->vault_lock);
	if (s->vault != NULL && bh_clock_system.mono_ns(NULL) >= bh_vault_renew_ns(s->vault) &&
	    bh_vault_renew(s->vault, &err) != 0)
		bh_log(BH_LOG_WARN, "secrets: Vault's token is not renewed, trying again: %s",
		       err.what);
	pthread_mutex_unlock(&s->vault_lock);
}

static uint64_t
renew_ns(struct bh_secrets *s)
{
	uint64_t ns;

	pthread_mutex_lock(&s->vault_lock);
	ns = s->vault != NULL ? bh_vault_renew_ns(s->vault) : UINT64_MAX;
	pthread_mutex_unlock(&s->vault_lock);
	return ns;
}

static void *
run(void *arg)
{
	struct bh_secrets *s = arg;
	const uint64_t every = s->p.config->secret_refresh_ms * BH_NS_PER_MS,
		       vault = s->p.config->vault_refresh_ms * BH_NS_PER_MS;
	uint64_t now = bh_clock_system.mono_ns(NULL), files_ns = now + every,
		 vault_ns = now + vault, due, count;
	struct pollfd fd = {.fd = s->wake, .events = POLLIN};

	while (!s->stop) {
		due = renew_ns(s);
		due = due < files_ns ? due : files_ns;
		due = due < vault_ns ? due : vault_ns;
		now = bh_clock_system.mono_ns(NULL);
		if (poll(&fd, 1, due > now ? (int)((due - now) / BH_NS_PER_MS) + 1 : 0) == 1)
			(void)!read(s->wake, &count, sizeof(count));
		if (s->stop)
			break;
		now = bh_clock_system.mono_ns(NULL);
		if (atomic_exchange(&s->look, false))
			files_ns = vault_ns = now;
		renew(s);
		if (now >= files_ns) {
			look(s, false);
			files_ns = now + every;
		}
		if (now >= vault_ns) {
			s->vault_failures = look(s, true) ? 0 : s->vault_failures + 1;
			vault_ns = now + vault;
			if (s->vault_failures != 0)
				vault_ns = now + bh_client_backoff_ns(s->vault_failures);
		}
	}
	return NULL;
}

/* ---- begin and end ----------------------------------------------------------------------------------------------- */

int
bh_secrets_open(struct bh_secrets **out, const struct bh_secrets_params *p, struct bh_err *err)
{
	const char *folder =
		p->credentials != NULL ? p->credentials : getenv("CREDENTIALS_DIRECTORY");
	struct bh_secrets *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	s->p = *p;
	snprintf(s->credentials, sizeof(s->credentials), "%s", folder != NULL ? folder : "");
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->vault_lock, NULL);
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	*out = s;
	return 0;
}

int
bh_secrets_begin(struct bh_secrets *s, struct bh_err *err)
{
	int rc;

	if (s->items == NULL)
		return 0;
	rc = pthread_create(&s->thread, NULL, run, s);
	s->begun = rc == 0;
	return rc == 0 ? 0
		       : bh_err_set(err, rc, "cannot start the thread of secrets: %s",
				    strerror(rc));
}

void
bh_secrets_look(struct bh_secrets *s)
{
	const uint64_t one = 1;

	s->look = true;
	(void)!write(s->wake, &one, sizeof(one));
}

void
bh_secrets_files(struct bh_secrets *s, void (*fn)(void *arg, const char *path), void *arg)
{
	const struct bh_config *c = s->p.config;
	const char *const opens[] = {c->vault_token, c->vault_secret_id, c->vault_jwt};
	char path[BH_SECRET_PATH_MAX];
	const struct item *i;

	/* Its folder, whoever reads there. */
	if (s->credentials[0] != '\0' && bh_secret_path(s, "credential:any", path, NULL) == 0)
		fn(arg, path);
	for (i = s->items; i != NULL; i = i->next) {
		if (bh_secret_place(i->place, NULL) == BH_SECRET_FILE &&
		    bh_secret_path(s, i->place, path, NULL) == 0)
			fn(arg, path);
	}
	if (s->vault == NULL)
		return;
	if (c->vault_ca[0] != '\0')
		fn(arg, c->vault_ca);
	if (bh_secret_place(opens[c->vault_auth], NULL) == BH_SECRET_FILE &&
	    bh_secret_path(s, opens[c->vault_auth], path, NULL) == 0)
		fn(arg, path);
}

void
bh_secrets_end(struct bh_secrets *s)
{
	if (s == NULL || !s->begun || s->stop)
		return;
	s->stop = true;
	bh_secrets_look(s);
	pthread_join(s->thread, NULL);
}

void
bh_secrets_close(struct bh_secrets *s)
{
	struct item *i, *next;
	struct watcher *w, *more;

	if (s == NULL)
		return;
	bh_secrets_end(s);
	bh_vault_close(s->vault);
	for (i = s->items; i != NULL; i = next) {
		next = i->next;
		bh_secret_free(i->value);
		for (w = i->watchers; w != NULL; w = more) {
			more = w->next;
			free(w);
		}
		free(i);
	}
	close(s->wake);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->vault_lock);
	free(s);
}
