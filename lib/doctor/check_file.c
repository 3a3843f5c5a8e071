/* Files and folders that the configuration names: there, readable by the gateway and by nobody else who should not. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "doctor_priv.h"

#define ROOM_LEAST (UINT64_C(64) << 20)

enum file_kind {
	FILE_PLAIN,
	FILE_TRUSTED, /* says what passes: nobody else may write it */
	FILE_SECRET,  /* nobody else may read it */
};

/* By owner and mode alone: the sandbox gives away root's right over others' files. */
static bool
readable(const struct bh_doctor *d, const struct stat *st)
{
	if (st->st_uid == d->facts->user)
		return (st->st_mode & S_IRUSR) != 0;
	if (st->st_gid == d->facts->group)
		return (st->st_mode & S_IRGRP) != 0;
	return (st->st_mode & S_IROTH) != 0;
}

static void
check_file(const struct bh_doctor *d, const char *key, const char *path, enum file_kind kind)
{
	struct bh_doctor_report *r = d->r;
	struct stat st;

	if (path[0] == '\0')
		return;
	if (!bh_doctor_stat(d, &st, "%s", path)) {
		bh_doctor_add(r, BH_DOCTOR_FILE_MISSING, path, key, "%s names it", key);
		return;
	}
	if (!readable(d, &st))
		bh_doctor_add(r, BH_DOCTOR_FILE_UNREADABLE, path, "",
			      "of %s: it belongs to user %u and has mode %04o", key, st.st_uid,
			      st.st_mode & 07777u);
	if (kind == FILE_SECRET && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		bh_doctor_add(r, BH_DOCTOR_SECRET_EXPOSED, path, "", "of %s: it has mode %04o", key,
			      st.st_mode & 07777u);
	if (kind == FILE_TRUSTED && (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		bh_doctor_add(r, BH_DOCTOR_FILE_WRITABLE, path, "", "of %s: it has mode %04o", key,
			      st.st_mode & 07777u);
}

static int
space_of(const struct bh_doctor *d, const char *path, uint64_t *out)
{
	char full[PATH_MAX];
	struct statvfs v;

	if (d->p->space != NULL)
		return d->p->space(d->p->arg, path, out);
	bh_doctor_path(d, full, sizeof(full), path);
	if (statvfs(full, &v) != 0)
		return -errno;
	*out = (uint64_t)v.f_bavail * v.f_frsize;
	return 0;
}

/* key, limit: of the configuration, what may be put there; 0: nothing is said. */
static void
check_folder(const struct bh_doctor *d, const char *path, const char *key, uint64_t limit)
{
	struct bh_doctor_report *r = d->r;
	uint64_t room;
	char owner[16];
	struct stat st;

	if (!bh_doctor_stat(d, &st, "%s", path)) {
		bh_doctor_add(r, BH_DOCTOR_FOLDER_MISSING, path, "", "%s wants it", key);
		return;
	}
	snprintf(owner, sizeof(owner), "%u", d->facts->user);
	if (st.st_uid != d->facts->user && (d->c->sandbox || d->facts->user != 0))
		bh_doctor_add(r, BH_DOCTOR_FOLDER_FOREIGN, path, owner,
			      "of %s: it belongs to user %u", key, st.st_uid);
	/* A sticky folder, as /tmp, keeps others from replacing. */
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (st.st_mode & S_ISVTX) == 0)
		bh_doctor_add(r, BH_DOCTOR_FOLDER_WRITABLE, path, "", "of %s: it has mode %04o",
			      key, st.st_mode & 07777u);
	if (space_of(d, path, &room) != 0)
		return;
	if (room < ROOM_LEAST)
		bh_doctor_add(r, BH_DOCTOR_DISK_FULL, path, "", "%llu MiB are free",
			      (unsigned long long)(room >> 20));
	else if (room < limit)
		bh_doctor_add(r, BH_DOCTOR_DISK_SMALL, path, key,
			      "%llu MiB are free, %s lets it take %llu",
			      (unsigned long long)(room >> 20), key,
			      (unsigned long long)(limit >> 20));
}

/* The folder that a file is in. */
static void
check_parent(const struct bh_doctor *d, const char *file, const char *key, uint64_t limit)
{
	char folder[256];
	char *slash;

	if (file[0] == '\0' || strcmp(file, "-") == 0)
		return;
	snprintf(folder, sizeof(folder), "%s", file);
	slash = strrchr(folder, '/');
	if (slash == NULL)
		return;
	slash[slash == folder ? 1 : 0] = '\0';
	check_folder(d, folder, key, limit);
}

/* SQLite's file format, 1.3: the first 16 bytes. An empty file is an empty database. */
static void
check_database(const struct bh_doctor *d, const char *path)
{
	static const char magic[] = "SQLite format 3";
	char full[PATH_MAX], head[sizeof(magic)] = "";
	size_t n;
	FILE *f;

	if (path[0] == '\0')
		return;
	bh_doctor_path(d, full, sizeof(full), path);
	f = fopen(full, "re");
	if (f == NULL)
		return;
	n = fread(head, 1, sizeof(head), f);
	fclose(f);
	if (n != 0 && (n != sizeof(head) || memcmp(head, magic, sizeof(head)) != 0))
		bh_doctor_add(d->r, BH_DOCTOR_STORE_DAMAGED, path, "",
			      "it does not begin as SQLite's files do");
}

/* Of what lies elsewhere, the service manager and Vault know more. */
static void
check_secret(const struct bh_doctor *d, const char *key, const char *place, enum file_kind kind)
{
	if (bh_secret_place(place, NULL) == BH_SECRET_FILE)
		check_file(d, key, place, kind);
}

/* What bulkhead-bypass has written when it acted; the next gateway takes it away once it forwards. */
static void
check_failure(const struct bh_doctor *d)
{
	char path[sizeof(d->c->run_dir) + 16], text[300];
	bool bypass;

	snprintf(path, sizeof(path), "%s/failure.json", d->c->run_dir);
	if (!bh_doctor_read(d, text, sizeof(text), "%s", path))
		return;
	bypass = strstr(text, "\"action\":\"bypass\"") != NULL;
	bh_doctor_add(d->r, bypass ? BH_DOCTOR_GATEWAY_BYPASSED : BH_DOCTOR_GATEWAY_DOWN,
		      d->c->path, "", "%s says %s", path, text);
}

void
bh_doctor_check_files(const struct bh_doctor *d)
{
	const struct bh_config *c = d->c;
	struct stat st;
	unsigned i;

	if (c == NULL)
		return;
	check_failure(d);
	check_file(d, "--config", c->path, FILE_TRUSTED);
	check_file(d, "policy", c->policy_file, FILE_TRUSTED);
	check_file(d, "responses.file", c->response_file, FILE_TRUSTED);
	for (i = 0; i < c->n_sensor_files; i++)
		check_file(d, "sensors.files", c->sensor_file[i], FILE_TRUSTED);
	check_file(d, "sensors.vars", c->sensor_vars, FILE_TRUSTED);
	check_file(d, "sensors.classes", c->sensor_classes, FILE_TRUSTED);
	check_secret(d, "api.token_file", c->api_token_file, FILE_SECRET);
	check_secret(d, "api.tls.key", c->api_key, FILE_SECRET);
	check_secret(d, "api.tls.certificate", c->api_certificate, FILE_PLAIN);
	check_secret(d, "api.tls.client_ca", c->api_client_ca, FILE_TRUSTED);
	for (i = 0; i < c->n_sinks; i++)
		check_secret(d, "sinks", c->sink[i].secret_file, FILE_SECRET);
	check_parent(d, c->store_path, "store.path", 0);
	check_parent(d, c->event_store, "events.keep_bytes", c->event_keep_bytes);
	check_parent(d, c->eve_file, "events.file", 0);
	/* These are made where they are missing. */
	if (c->evidence_path[0] != '\0' && bh_doctor_stat(d, &st, "%s", c->evidence_path))
		check_folder(d, c->evidence_path, "evidence.max_size", c->evidence_max_size);
	if (c->n_sinks != 0 && bh_doctor_stat(d, &st, "%s", c->spool_path))
		check_folder(d, c->spool_path, "spool.size", c->spool_size * c->n_sinks);
	check_database(d, c->store_path);
	check_database(d, c->event_store);
	check_database(d, c->learn_path);
}
