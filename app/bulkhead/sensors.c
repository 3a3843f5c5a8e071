/* The sensors: of files, read at start and again with SIGHUP, and of clusters, as the policy in force has them. Compiling takes
 * seconds: aside, by one thread at a time, while packets, events, the watch over the workers and that of clusters go on. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../lib/learn/draft.h"
#include "../../lib/signature/signature.h"
#include "daemon.h"

/* ---- what clusters say -------------------------------------------------------------------------------------- */

/* Does a line of a block begin one of these keys? */
static bool
is_ours(const char *line, size_t indent)
{
	static const char *const keys[] = {"sensors:", "attach:", "exceptions:"};
	size_t i;

	if (strspn(line, " ") != indent)
		return false;
	for (i = 0; i < BH_ARRAY_SIZE(keys); i++) {
		if (strncmp(line + indent, keys[i], strlen(keys[i])) == 0)
			return true;
	}
	return false;
}

/* Of a document the part `clusters:` from where it speaks of sensors: rules change often, and are no reason to compile. */
static int
part_of(const char *text, size_t len, struct bh_buf *out)
{
	struct bh_buf part = {0};
	const char *at, *line;
	size_t indent;

	bh_document_part(text, len, "clusters:", &part);
	bh_buf_str(&part, "");
	at = part.failed || part.len == 0 ? "" : part.data + strlen("clusters:");
	if (at[strspn(at, " \r")] == '{') {
		bh_buf_add(out, part.data, part.len); /* somebody wrote it on one line */
		at = "";
	}
	at = strchr(at, '\n');
	indent = at != NULL ? strspn(at + 1, " ") : 0;
	for (; at != NULL && at[1] != '\0'; at = strchr(line, '\n')) {
		line = at + 1;
		if (!is_ours(line, indent))
			continue;
		bh_buf_printf(out, "clusters:\n%s", line);
		break;
	}
	bh_buf_free(&part);
	return part.failed || out->failed ? -ENOMEM : 0;
}

static int
part_in_force(struct bh_daemon *d, struct bh_buf *out)
{
	struct bh_buf text = {0};
	int rc;

	bh_policy_text(d->policy, &text);
	rc = text.failed ? -ENOMEM : part_of(text.data != NULL ? text.data : "", text.len, out);
	bh_buf_free(&text);
	return rc;
}

static bool
is_same(const struct bh_buf *a, const struct bh_buf *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void
keep(struct bh_buf *to, struct bh_buf *from)
{
	bh_buf_free(to);
	*to = *from;
	*from = (struct bh_buf){0};
}

/* Nobody wrote these lines: the words at the place say more than its number. */
static void
add_words(const struct bh_buf *part, struct bh_err *err)
{
	const char *at = part->data;
	char what[sizeof(err->what)];
	size_t len, column = err->column;
	unsigned line;

	for (line = 1; at != NULL && line < err->line; line++) {
		at = strchr(at, '\n');
		at = at != NULL ? at + 1 : NULL;
	}
	if (at != NULL && err->line != 0) {
		len = strcspn(at, "\n");
		column = column < len ? column : len;
		line = (unsigned)strspn(at, " -"); /* its name comes first */
		snprintf(what, sizeof(what), "%.290s; in: %.*s%s%.*s", err->what,
			 (int)strcspn(at + line, ",\n") < 80 ? (int)strcspn(at + line, ",\n") : 80,
			 at + line, column > 80 ? " ... " : "",
			 column > 80 ? (int)(len - column < 60 ? len - column : 60) : 0,
			 at + column);
		snprintf(err->what, sizeof(err->what), "%s", what);
	}
	err->file[0] = '\0';
	err->line = err->column = 0;
}

int
bh_daemon_sensors_try(struct bh_daemon *d, const char *text, size_t len, struct bh_err *err)
{
	struct bh_daemon_sensors *s = &d->sensors;
	struct bh_buf part = {0};
	bool known;
	int rc;

	if (d->gateway == NULL)
		return 0; /* at start: what is stored was tried before it came into force */
	rc = part_of(text, len, &part);
	if (rc != 0) {
		rc = bh_err_set(err, -rc, "out of memory");
		goto out;
	}
	pthread_mutex_lock(&s->lock);
	known = part.len == 0 || is_same(&part, &s->in_use) || is_same(&part, &s->good);
	pthread_mutex_unlock(&s->lock);
	if (known)
		goto out;
	rc = bh_gateway_try_sensors(d->gateway, &(struct bh_sensor_part){part.data, part.len}, err);
	if (rc == 0) {
		pthread_mutex_lock(&s->lock);
		keep(&s->good, &part);
		pthread_mutex_unlock(&s->lock);
	} else {
		add_words(&part, err);
	}
out:
	bh_buf_free(&part);
	return rc;
}

/* ---- loading ------------------------------------------------------------------------------------------------- */

/* Takes *part over when it is in use. */
static int
load(struct bh_daemon *d, struct bh_buf *part, struct bh_err *err)
{
	const struct bh_sensor_part what = {part->len != 0 ? part->data : NULL, part->len};
	struct bh_sensor_load done;
	int rc = bh_gateway_load_sensors(d->gateway, d->policy, &what, &done, err);

	if (rc != 0)
		return rc;
	pthread_mutex_lock(&d->sensors.lock);
	keep(&d->sensors.in_use, part);
	pthread_mutex_unlock(&d->sensors.lock);
	atomic_store(&d->sensors_in_use, done.sensors);
	atomic_store(&d->sensor_rules, done.rules);
	atomic_store(&d->sensors_loaded_ns, bh_clock_system.wall_ns(NULL));
	bh_log(BH_LOG_INFO, "sensors in use: %u with %u rules", done.sensors, done.rules);
	if (done.unkept)
		bh_log(BH_LOG_WARN, "sensors: the action capture keeps no packets without "
				    "evidence.path: set it, or attach with alert");
	if (done.left_out + done.changed != 0)
		bh_log(BH_LOG_WARN,
		       "sensors: %u rules left out, %u changed: bulkheadctl sensors check FILE "
		       "lists them",
		       done.left_out, done.changed);
	return 0;
}

static void
log_refused(const struct bh_err *err)
{
	char text[1024];

	bh_err_format(err, text, sizeof(text));
	bh_log(BH_LOG_ERROR, "sensors refused, those in use stay: %s", text);
}

int
bh_daemon_sensors_start(struct bh_daemon *d, struct bh_err *err)
{
	struct bh_buf part = {0}, none = {0};
	struct bh_err why = {0};
	int rc = 0;

	if (!bh_gateway_senses(&d->config))
		return 0;
	if (part_in_force(d, &part) != 0)
		rc = bh_err_set(err, ENOMEM, "out of memory");
	/* What clusters say must not keep the gateway from its own. */
	if (rc == 0 && part.len != 0 && load(d, &part, &why) != 0)
		log_refused(&why);
	else if (rc == 0 && d->sensors.in_use.len != 0)
		goto out;
	if (rc == 0 && d->config.n_sensor_files != 0)
		rc = load(d, &none, err);
out:
	bh_buf_free(&part);
	return rc;
}

/* Once: the files, or the part where it is another one than that in use. */
static int
once(struct bh_daemon *d, bool files, struct bh_err *err)
{
	struct bh_buf part = {0};
	int rc = part_in_force(d, &part);

	if (rc != 0)
		bh_err_set(err, -rc, "out of memory");
	else if (files || !is_same(&part, &d->sensors.in_use)) /* written by this thread alone */
		rc = load(d, &part, err);
	/* In use is what each worker has taken: connections from now on. */
	if (rc == 0 && bh_gateway_settle(d->gateway) != 0)
		bh_log(BH_LOG_WARN, "sensors: a worker does not answer");
	bh_buf_free(&part);
	return rc;
}

static void *
run(void *daemon)
{
	struct bh_daemon *d = daemon;
	struct bh_daemon_sensors *s = &d->sensors;
	bool files;

	pthread_mutex_lock(&s->lock);
	while (s->again) {
		struct bh_err err = {0};
		int rc;

		files = s->files;
		s->again = s->files = false;
		pthread_mutex_unlock(&s->lock);
		rc = once(d, files, &err);
		if (rc != 0)
			log_refused(&err);
		pthread_mutex_lock(&s->lock);
		s->rc = rc;
		s->err = err;
	}
	s->loading = false;
	pthread_cond_broadcast(&s->idle);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* Locked. */
static void
begin(struct bh_daemon *d, bool files)
{
	struct bh_daemon_sensors *s = &d->sensors;

	if (s->closed)
		return;
	s->again = true;
	s->files |= files;
	if (s->loading)
		return;
	if (s->joinable)
		pthread_join(s->thread, NULL); /* it has let go of the lock for the last time */
	s->joinable = s->loading = pthread_create(&s->thread, NULL, run, d) == 0;
	if (!s->loading)
		bh_log(BH_LOG_ERROR, "sensors stay as they are: no thread to load them");
}

void
bh_daemon_sensors_reload(struct bh_daemon *d)
{
	if (!bh_gateway_senses(&d->config))
		return;
	pthread_mutex_lock(&d->sensors.lock);
	begin(d, true);
	pthread_mutex_unlock(&d->sensors.lock);
}

void
bh_daemon_sensors_follow(struct bh_daemon *d)
{
	struct bh_daemon_sensors *s = &d->sensors;
	struct bh_buf part = {0};

	if (d->gateway == NULL || part_in_force(d, &part) != 0) {
		bh_buf_free(&part);
		return;
	}
	pthread_mutex_lock(&s->lock);
	if (!bh_gateway_senses(&d->config)) {
		if (part.len != 0 && !s->told)
			bh_log(BH_LOG_WARN, "the policy has sensors of clusters, which are not "
					    "looked for: no source of this gateway has "
					    "`resources: apply`");
		s->told = part.len != 0;
	} else if (s->loading || !is_same(&part, &s->in_use)) {
		begin(d, false);
	}
	pthread_mutex_unlock(&s->lock);
	bh_buf_free(&part);
}

int
bh_daemon_sensors_settle(struct bh_daemon *d, struct bh_err *err)
{
	struct bh_daemon_sensors *s = &d->sensors;
	struct bh_buf part = {0};
	int rc = 0;

	if (!bh_gateway_senses(&d->config))
		return 0;
	bh_daemon_sensors_follow(d);
	pthread_mutex_lock(&s->lock);
	while (s->loading)
		pthread_cond_wait(&s->idle, &s->lock);
	if (part_in_force(d, &part) != 0)
		rc = bh_err_set(err, ENOMEM, "out of memory");
	else if (!is_same(&part, &s->in_use))
		rc = bh_err_set(err, EAGAIN, "its sensors are not in use yet: %.400s",
				s->rc != 0 ? s->err.what : "they are being loaded");
	pthread_mutex_unlock(&s->lock);
	bh_buf_free(&part);
	return rc;
}

void
bh_daemon_sensors_join(struct bh_daemon *d)
{
	struct bh_daemon_sensors *s = &d->sensors;

	pthread_mutex_lock(&s->lock);
	s->closed = true;
	while (s->loading)
		pthread_cond_wait(&s->idle, &s->lock);
	pthread_mutex_unlock(&s->lock);
	if (s->joinable)
		pthread_join(s->thread, NULL);
	s->joinable = false;
}

void
bh_daemon_sensors_resume(struct bh_daemon *d)
{
	pthread_mutex_lock(&d->sensors.lock);
	d->sensors.closed = false;
	pthread_mutex_unlock(&d->sensors.lock);
	bh_daemon_sensors_follow(d);
}

void
bh_daemon_sensors_free(struct bh_daemon *d)
{
	bh_buf_free(&d->sensors.in_use);
	bh_buf_free(&d->sensors.good);
}

int
bh_daemon_sensors_check(struct bh_daemon *d, struct bh_err *err)
{
	struct bh_signatures *s = NULL;
	int rc = 0;

	if (d->config.n_sensor_files != 0)
		rc = bh_gateway_read_sensors(&d->config, &s, err);
	bh_signatures_free(s);
	return rc;
}
