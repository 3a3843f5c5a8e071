/* fleet: begin, end, what is told about it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fleet_priv.h"

void
bh_fleet_wake(struct bh_fleet *f)
{
	const uint64_t one = 1;

	if (write(f->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		bh_log(BH_LOG_WARN, "fleet: %m");
}

const char *
bh_fleet_name(const struct bh_fleet *f)
{
	return f->name;
}

void
bh_fleet_status(struct bh_fleet *f, struct bh_fleet_status *out)
{
	unsigned i;

	pthread_mutex_lock(&f->lock);
	*out = f->status;
	snprintf(out->name, sizeof(out->name), "%s", f->name);
	out->revision = f->head.number;
	out->waits = f->head.confirm_ms != 0 && !f->head.confirmed;
	out->members = f->n_members;
	out->connected_members = 0;
	for (i = 0; i < f->n_members; i++)
		out->connected_members += f->status.connected && f->member[i].connected;
	pthread_mutex_unlock(&f->lock);
}

bool
bh_fleet_member(struct bh_fleet *f, unsigned index, struct bh_fleet_member *out)
{
	const struct bh_fleet_member *m = NULL;
	unsigned i, k, before;

	pthread_mutex_lock(&f->lock);
	for (i = 0; i < f->n_members && m == NULL; i++) {
		for (k = before = 0; k < f->n_members; k++)
			before += strcmp(f->member[k].name, f->member[i].name) < 0;
		m = before == index ? &f->member[i] : NULL;
	}
	if (m != NULL)
		*out = *m;
	/* Who is cut off knows of nobody. */
	if (m != NULL)
		out->connected &= f->status.connected;
	pthread_mutex_unlock(&f->lock);
	return m != NULL;
}

static int
check_files(const struct bh_config *c, struct bh_err *err)
{
	const char *file[] = {c->fleet_ca, c->fleet_certificate, c->fleet_key};
	static const char *const key[] = {"ca", "certificate", "key"};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(file); i++) {
		if (file[i][0] != '\0' && access(file[i], R_OK) != 0)
			return bh_err_set(err, errno, "fleet.%s: cannot read %s: %s", key[i],
					  file[i], strerror(errno));
	}
	return 0;
}

/* It is there; each login reads it again. */
static int
check_password(const struct bh_fleet *f, struct bh_err *err)
{
	const char *place = f->c->fleet_password_file;
	char *password = NULL;
	int rc = place[0] != '\0' ? bh_secret_read_line(f->p.secrets, place, 4096, &password, err)
				  : 0;

	bh_secret_free(password);
	return rc;
}

static int
take_name(struct bh_fleet *f, struct bh_err *err)
{
	char host[256] = "";

	if (f->c->fleet_name[0] == '\0' && gethostname(host, sizeof(host) - 1) != 0)
		return bh_err_set(err, errno, "the machine's name is not known: set fleet.name");
	if (snprintf(f->name, sizeof(f->name), "%s",
		     f->c->fleet_name[0] != '\0' ? f->c->fleet_name : host) >=
		    (int)sizeof(f->name) ||
	    strchr(f->name, '/') != NULL || f->name[0] == '\0')
		return bh_err_set(
			err, EINVAL,
			"a gateway's name in the fleet has 1 to %d bytes without '/': set "
			"fleet.name",
			BH_FLEET_NAME - 1);
	return 0;
}

int
bh_fleet_open(struct bh_fleet **out, const struct bh_fleet_params *params, struct bh_err *err)
{
	struct bh_fleet *f = calloc(1, sizeof(*f));
	int rc;

	if (f == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(f);
		return bh_err_set(err, ENOMEM, "no memory for the fleet");
	}
	f->p = *params;
	f->c = params->config;
	f->reader = f->writer =
		(struct bh_etcd){.c = f->c, .secrets = f->p.secrets, .stop = &f->stop};
	pthread_mutex_init(&f->lock, NULL);
	pthread_mutex_init(&f->claim, NULL);
	f->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	snprintf(f->live, sizeof(f->live), "%.100s/live/", f->c->fleet_prefix);
	snprintf(f->instance, sizeof(f->instance), "%08x%08x", bh_client_random_below(UINT32_MAX),
		 bh_client_random_below(UINT32_MAX));
	rc = f->wake_fd < 0 ? bh_err_set(err, errno, "no descriptor for the fleet")
			    : check_files(f->c, err);
	if (rc == 0)
		rc = check_password(f, err);
	if (rc == 0)
		rc = take_name(f, err);
	if (rc != 0) {
		bh_fleet_close(f);
		return rc;
	}
	*out = f;
	return 0;
}

static void *
run(void *arg)
{
	bh_fleet_run(arg);
	return NULL;
}

int
bh_fleet_begin(struct bh_fleet *f, struct bh_err *err)
{
	int rc;

	f->heard_ns = bh_clock_system.mono_ns(NULL);
	rc = pthread_create(&f->thread, NULL, run, f);
	if (rc != 0)
		return bh_err_set(err, rc, "cannot start the fleet's thread: %s", strerror(rc));
	f->running = true;
	return 0;
}

void
bh_fleet_close(struct bh_fleet *f)
{
	if (f == NULL)
		return;
	f->stop = true;
	if (f->running) {
		bh_fleet_wake(f);
		pthread_join(f->thread, NULL);
	}
	bh_etcd_close(&f->reader);
	bh_etcd_close(&f->writer);
	bh_fleet_view_free(f);
	if (f->wake_fd >= 0)
		close(f->wake_fd);
	pthread_mutex_destroy(&f->lock);
	pthread_mutex_destroy(&f->claim);
	free(f);
}
