/* The sandbox's files, from the configuration: what a reload, a rotation, a commit, evidence and a new HTTP process need, and
 * nothing else of the machine. */
#include <errno.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/confine/confine.h"
#include "daemon.h"

#define PATHS_MAX (BH_SENSOR_FILES + 48 + 3 * BH_CONFIG_SINKS + 5 * BH_CONFIG_SOURCES + 8)

struct paths {
	struct bh_confine_path path[PATHS_MAX];
	char text[PATHS_MAX][BH_FRONT_PROGRAM_MAX];
	size_t n;
	bool full;
};

static void
add(struct paths *p, const char *path, unsigned access)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		if (strcmp(p->text[i], path) == 0) {
			unsigned optional = p->path[i].access & access & BH_CONFINE_OPTIONAL;

			p->path[i].access |= access;
			p->path[i].access &= ~(unsigned)BH_CONFINE_OPTIONAL;
			p->path[i].access |= optional;
			return;
		}
	}
	if (p->n == PATHS_MAX) {
		p->full = true;
		return;
	}
	snprintf(p->text[p->n], sizeof(p->text[0]), "%s", path);
	p->path[p->n] = (struct bh_confine_path){.path = p->text[p->n], .access = access};
	p->n++;
}

/* A file's folder: files are replaced by renaming, rotated, and have companions. */
static void
add_folder(struct paths *p, const char *file, unsigned access)
{
	char dir[BH_FRONT_PROGRAM_MAX];
	char *slash;

	if (file[0] == '\0' || strcmp(file, "-") == 0)
		return;
	snprintf(dir, sizeof(dir), "%s", file);
	slash = strrchr(dir, '/');
	if (slash == NULL)
		snprintf(dir, sizeof(dir), ".");
	else
		slash[slash == dir ? 1 : 0] = '\0';
	add(p, dir, access);
}

/* Memory that DPDK takes later comes from there. */
static void
add_hugepages(struct paths *p)
{
	FILE *f = setmntent("/proc/mounts", "re");
	const struct mntent *m;

	while (f != NULL && (m = getmntent(f)) != NULL) {
		if (strcmp(m->mnt_type, "hugetlbfs") == 0)
			add(p, m->mnt_dir,
			    BH_CONFINE_READ | BH_CONFINE_WRITE | BH_CONFINE_OPTIONAL);
	}
	if (f != NULL)
		endmntent(f);
}

/* What a program needs to start, and to find its user. */
static int
add_front(struct paths *p, struct bh_err *err)
{
	static const char *const code[] = {"/lib", "/lib64", "/usr/lib", "/usr/lib64",
					   "/usr/local/lib"};
	static const char *const facts[] = {
		"/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/nsswitch.conf", "/etc/passwd",
		"/etc/group",       "/etc/localtime",     "/etc/gnutls",
	};
	char program[BH_FRONT_PROGRAM_MAX];
	int rc = bh_daemon_front_program(program, sizeof(program), err);
	size_t i;

	if (rc != 0)
		return rc;
	add(p, program, BH_CONFINE_READ | BH_CONFINE_RUN);
	for (i = 0; i < BH_ARRAY_SIZE(code); i++)
		add(p, code[i], BH_CONFINE_READ | BH_CONFINE_RUN | BH_CONFINE_OPTIONAL);
	for (i = 0; i < BH_ARRAY_SIZE(facts); i++)
		add(p, facts[i], BH_CONFINE_READ | BH_CONFINE_OPTIONAL);
	return 0;
}

/* What getaddrinfo reads. A resolv.conf that is a link (systemd-resolved) is followed by its folder; one in /etc that is
 * replaced by another file takes a restart: all of /etc is too much for it. */
static void
add_names(struct paths *p)
{
	static const char *const facts[] = {"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf",
					    "/etc/gai.conf", "/etc/nsswitch.conf"};
	char *resolv = realpath(facts[0], NULL);
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(facts); i++)
		add(p, facts[i], BH_CONFINE_READ | BH_CONFINE_OPTIONAL);
	if (resolv != NULL && strncmp(resolv, "/etc/", 5) != 0)
		add_folder(p, resolv, BH_CONFINE_READ | BH_CONFINE_OPTIONAL);
	free(resolv);
}

static void
add_machine(struct paths *p)
{
	const unsigned change = BH_CONFINE_READ | BH_CONFINE_WRITE | BH_CONFINE_OPTIONAL;

	/* Links under /sys/class/net lead to /sys/devices. Of /proc, /proc/self would be this process's folder only as
	 * long as its entry stays in the kernel's cache. */
	add(p, "/sys", BH_CONFINE_READ | BH_CONFINE_OPTIONAL);
	add(p, "/proc", BH_CONFINE_READ | BH_CONFINE_OPTIONAL);
	add(p, "/proc/sys/net/ipv6/conf", change); /* given back at the end */
	add(p, "/dev/null", change);
	add(p, "/dev/urandom", BH_CONFINE_READ | BH_CONFINE_OPTIONAL);
	add(p, "/dev/vfio", change);
	add(p, "/var/run/dpdk", change);
	add_hugepages(p);
}

static void
add_configured(struct paths *p, const struct bh_config *c)
{
	const unsigned change = BH_CONFINE_READ | BH_CONFINE_WRITE;
	char web[BH_FRONT_PROGRAM_MAX];
	unsigned i;

	add(p, c->run_dir, change);
	bh_daemon_front_web(c->api_web, web, sizeof(web));
	if (web[0] != '\0')
		add(p, web, BH_CONFINE_READ | BH_CONFINE_OPTIONAL);
	/* PUT /policy replaces it, where it may. */
	add_folder(p, c->policy_file, change | BH_CONFINE_OPTIONAL);
	add_folder(p, c->eve_file, change);
	add_folder(p, c->event_store, change);
	add_folder(p, c->store_path, change);
	add_folder(p, c->learn_path, change);
	if (c->evidence_path[0] != '\0')
		add(p, c->evidence_path, change);
	if (c->sensor_cache[0] != '\0')
		add(p, c->sensor_cache, change);
	for (i = 0; i < c->n_sensor_files; i++)
		add_folder(p, c->sensor_file[i], BH_CONFINE_READ);
	add_folder(p, c->sensor_vars, BH_CONFINE_READ);
	add_folder(p, c->sensor_classes, BH_CONFINE_READ);
	add_folder(p, c->response_file, BH_CONFINE_READ);
}

/* Spools, and the authorities that a webhook's certificate is from. */
static void
add_sinks(struct paths *p, const struct bh_config *c)
{
	size_t i, k;

	if (c->n_sinks == 0)
		return;
	add(p, c->spool_path, BH_CONFINE_READ | BH_CONFINE_WRITE);
	/* librdkafka reads them with its first batch. */
	for (i = 0; i < c->n_sinks; i++) {
		const struct bh_sink_options *o = &c->sink[i].options;
		const char *files[] = {o->ca_file, o->certificate, o->key};

		if (bh_secret_place(o->key, NULL) != BH_SECRET_FILE)
			files[2] = "";
		/* Read again with another key, and replaced by renaming. */
		if (o->certificate[0] != '\0')
			add_folder(p, o->certificate, BH_CONFINE_READ | BH_CONFINE_OPTIONAL);

		for (k = 0; k < BH_ARRAY_SIZE(files); k++) {
			if (files[k][0] != '\0')
				add(p, files[k], BH_CONFINE_READ | BH_CONFINE_OPTIONAL);
		}
	}
	add(p, "/etc/ssl/certs", BH_CONFINE_READ | BH_CONFINE_OPTIONAL);
	add(p, "/usr/share/ca-certificates", BH_CONFINE_READ | BH_CONFINE_OPTIONAL);
	add(p, "/usr/local/share/ca-certificates", BH_CONFINE_READ | BH_CONFINE_OPTIONAL);
}

static void
add_source_file(void *arg, const char *path)
{
	add_folder(arg, path, BH_CONFINE_READ | BH_CONFINE_OPTIONAL);
}

/* A cluster's credentials are read again and again, and files of labels. */
static int
add_sources(struct paths *p, const struct bh_daemon *d, struct bh_err *err)
{
	const struct bh_config *c = &d->config;
	unsigned i;
	int rc = 0;

	for (i = 0; rc == 0 && i < c->n_sources; i++)
		rc = bh_kube_files(&(struct bh_kube_files){.source = &c->source[i],
							   .secrets = d->secrets,
							   .fn = add_source_file,
							   .arg = p},
				   err);
	if (c->n_sources != 0 || c->vault_address[0] != '\0')
		add(p, "/etc/ssl/certs", BH_CONFINE_READ | BH_CONFINE_OPTIONAL);
	return rc;
}

static void
add_fleet(struct paths *p, const struct bh_config *c)
{
	const char *password = c->fleet_password_file,
		   *file[] = {c->fleet_ca, c->fleet_certificate, c->fleet_key,
			      bh_secret_place(password, NULL) == BH_SECRET_FILE ? password : ""};
	size_t i;

	for (i = 0; c->n_fleet_endpoints != 0 && i < BH_ARRAY_SIZE(file); i++) {
		if (file[i][0] != '\0')
			add_source_file(p, file[i]);
	}
	if (c->n_fleet_endpoints != 0)
		add(p, "/etc/ssl/certs", BH_CONFINE_READ | BH_CONFINE_OPTIONAL);
}

int
bh_daemon_confine(struct bh_daemon *d, struct bh_err *err)
{
	struct bh_confine_report done = {0};
	struct paths *p;
	int rc;

	if (!d->config.sandbox) {
		bh_log(BH_LOG_WARN, "sandbox: off: the gateway keeps every right it was started "
				    "with");
		return 0;
	}
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return bh_err_set(err, ENOMEM, "out of memory");
	rc = strcmp(d->config.api_listen, "off") == 0 ? 0 : add_front(p, err);
	add_machine(p);
	add_configured(p, &d->config);
	if (d->config.names_resolve || d->config.n_sinks != 0 || d->config.n_sources != 0 ||
	    d->config.n_fleet_endpoints != 0 || d->config.vault_address[0] != '\0')
		add_names(p);
	add_sinks(p, &d->config);
	add_fleet(p, &d->config);
	if (rc == 0)
		rc = add_sources(p, d, err);
	bh_secrets_files(d->secrets, add_source_file, p);
	if (rc == 0 && p->full)
		rc = bh_err_set(err, E2BIG,
				"sandbox: more than %d folders are named by the "
				"configuration",
				PATHS_MAX);
	if (rc == 0)
		rc = bh_confine_gateway(p->path, p->n, &done, err);
	free(p);
	if (rc != 0)
		return rc;
	if (done.landlock == 0)
		bh_log(BH_LOG_WARN,
		       "sandbox: this kernel has no Landlock (CONFIG_SECURITY_LANDLOCK, "
		       "lsm=landlock): files are not confined");
	bh_log(BH_LOG_INFO, "sandbox: %u threads confined, Landlock version %d", done.threads,
	       done.landlock);
	return 0;
}
