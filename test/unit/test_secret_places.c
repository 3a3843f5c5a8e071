/* Secrets: from files, credentials and Vault; another one is taken without a restart, and none is shown. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "../../lib/secret/secret.h"
#include "../../lib/secret/secret_priv.h"
#include "test_secret_vault_server.h"

struct fix {
	char folder[64];
	struct bh_config config;
	struct vault vault;
	struct bh_secrets *s;
	struct bh_err err;
	_Atomic unsigned changes, lost, back;
	char note[700];
};

static void
note(void *arg, bool back, const char *text)
{
	struct fix *f = arg;

	snprintf(f->note, sizeof(f->note), "%s", text);
	atomic_fetch_add(back ? &f->back : &f->lost, 1);
}

static void
changed(void *arg)
{
	atomic_fetch_add(&((struct fix *)arg)->changes, 1);
}

static void
put(const struct fix *f, const char *name, const char *text)
{
	char path[128];
	FILE *o;

	snprintf(path, sizeof(path), "%s/%s", f->folder, name);
	o = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	fputs(text, o);
	fclose(o);
}

static const char *
path_of(const struct fix *f, const char *name)
{
	static char path[4][128];
	static unsigned n;

	n = (n + 1) % 4;
	snprintf(path[n], sizeof(path[n]), "%s/%s", f->folder, name);
	return path[n];
}

static void
start(struct fix *f)
{
	*f = (struct fix){.folder = "/tmp/bh-secret-XXXXXX"};
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(f->folder));
	vault_start(&f->vault);
	f->config.secret_refresh_ms = f->config.vault_refresh_ms = 3600000;
	snprintf(f->config.vault_address, sizeof(f->config.vault_address), "%s", f->vault.address);
	snprintf(f->config.vault_kv, sizeof(f->config.vault_kv), "kv");
	f->config.vault_wait_ms = 20000;
	snprintf(f->config.vault_secret_id, sizeof(f->config.vault_secret_id), "%s",
		 path_of(f, "secret-id"));
	snprintf(f->config.vault_token, sizeof(f->config.vault_token), "%s", path_of(f, "token"));
	snprintf(f->config.vault_jwt, sizeof(f->config.vault_jwt), "%s", path_of(f, "jwt"));
	CU_ASSERT_EQUAL_FATAL(bh_secrets_open(&f->s,
					      &(struct bh_secrets_params){.config = &f->config,
									  .credentials = f->folder,
									  .note = note,
									  .arg = f},
					      &f->err),
			      0);
}

static void
stop(struct fix *f)
{
	char command[128];

	bh_secrets_close(f->s);
	vault_stop(&f->vault);
	snprintf(command, sizeof(command), "rm -r %s", f->folder);
	CU_ASSERT_EQUAL(system(command), 0);
}

/* Is it this text there? */
static bool
is(struct fix *f, const char *place, const char *want)
{
	char *value = NULL;
	size_t len = 0;
	bool same;

	f->err = (struct bh_err){0};
	if (bh_secret_read(f->s, place, 1000, &value, &len, &f->err) != 0)
		return false;
	same = len == strlen(want) && memcmp(value, want, len + 1) == 0;
	bh_secret_free(value);
	return same;
}

static bool
comes(const _Atomic unsigned *n, unsigned want)
{
	const struct timespec nap = {.tv_nsec = 5000000};
	unsigned i;

	for (i = 0; i < 4000 && *n < want; i++)
		nanosleep(&nap, NULL);
	return *n >= want;
}

static void
files_and_credentials_are_read(void)
{
	struct fix f;
	char *line = NULL;

	start(&f);
	put(&f, "a", "some text\nand more\n");
	CU_ASSERT_TRUE(is(&f, path_of(&f, "a"), "some text\nand more\n"));
	CU_ASSERT_TRUE(is(&f, "credential:a", "some text\nand more\n"));
	CU_ASSERT_EQUAL(bh_secret_read_line(f.s, "credential:a", 100, &line, &f.err), 0);
	CU_ASSERT_STRING_EQUAL(line, "some text");
	bh_secret_free(line);
	put(&f, "empty", "\nx");
	CU_ASSERT_EQUAL(bh_secret_read_line(f.s, "credential:empty", 100, &line, &f.err), -EINVAL);
	CU_ASSERT_FALSE(is(&f, "credential:missing", ""));
	CU_ASSERT_PTR_NOT_NULL(strstr(f.err.what, "no such file"));
	CU_ASSERT_EQUAL(bh_secret_read(f.s, "credential:a", 4, &line, &(size_t){0}, NULL), -EFBIG);
	/* Nobody gave any. */
	CU_ASSERT_EQUAL(bh_secret_read(NULL, "credential:a", 100, &line, &(size_t){0}, NULL),
			-EINVAL);
	stop(&f);
}

static void
another_file_is_told_once_and_a_missing_one_changes_nothing(void)
{
	struct fix f;

	start(&f);
	put(&f, "a", "first");
	CU_ASSERT_EQUAL(bh_secret_watch(f.s, path_of(&f, "a"), 100, changed, &f), 0);
	CU_ASSERT_EQUAL(bh_secret_watch(f.s, path_of(&f, "a"), 100, changed, &f), 0);
	CU_ASSERT_TRUE(is(&f, path_of(&f, "a"), "first"));
	CU_ASSERT_EQUAL(bh_secrets_begin(f.s, &f.err), 0);
	put(&f, "a", "other");
	bh_secrets_look(f.s);
	CU_ASSERT_TRUE(comes(&f.changes, 2)); /* both that watch it */
	CU_ASSERT_TRUE(is(&f, path_of(&f, "a"), "other"));
	unlink(path_of(&f, "a"));
	bh_secrets_look(f.s);
	CU_ASSERT_TRUE(comes(&f.lost, 1));
	CU_ASSERT_PTR_NULL(strstr(f.note, "other"));
	put(&f, "a", "other");
	bh_secrets_look(f.s);
	CU_ASSERT_TRUE(comes(&f.back, 1));
	CU_ASSERT_EQUAL(f.changes, 2);
	stop(&f);
}

static void
vault_is_asked_with_an_approles_token(void)
{
	struct fix f;

	start(&f);
	f.config.vault_auth = BH_VAULT_APPROLE;
	snprintf(f.config.vault_role, sizeof(f.config.vault_role), "role-7");
	snprintf(f.config.vault_namespace, sizeof(f.config.vault_namespace), "team/a");
	put(&f, "secret-id", "s3cr3t\n");
	snprintf(f.vault.login, sizeof(f.vault.login),
		 "/v1/auth/approle/login {\"role_id\":\"role-7\",\"secret_id\":\"s3cr3t\"}");
	CU_ASSERT_TRUE(is(&f, "vault:app/api#token", "first-value"));
	CU_ASSERT_STRING_EQUAL(f.vault.space, "team/a");
	/* What was said last holds until the next look. */
	CU_ASSERT_TRUE(is(&f, "vault:app/api#token", "first-value"));
	CU_ASSERT_EQUAL(vault_count(&f.vault, &f.vault.reads), 1);
	CU_ASSERT_FALSE(is(&f, "vault:app/api#other", ""));
	CU_ASSERT_FALSE(is(&f, "vault:app/nothing#token", ""));
	CU_ASSERT_PTR_NOT_NULL(strstr(f.err.what, "secrets.vault.kv"));
	CU_ASSERT_EQUAL(vault_count(&f.vault, &f.vault.logins), 1);
	stop(&f);
	CU_ASSERT_EQUAL(f.vault.revoked, 1);
}

static void
vault_is_asked_with_a_service_accounts_token(void)
{
	struct fix f;

	start(&f);
	f.config.vault_auth = BH_VAULT_KUBERNETES;
	snprintf(f.config.vault_role, sizeof(f.config.vault_role), "bulkhead");
	snprintf(f.config.vault_mount, sizeof(f.config.vault_mount), "k8s/prod");
	put(&f, "jwt", "head.body.sign");
	snprintf(f.vault.login, sizeof(f.vault.login),
		 "/v1/auth/k8s/prod/login {\"role\":\"bulkhead\",\"jwt\":\"head.body.sign\"}");
	CU_ASSERT_TRUE(is(&f, "vault:app/api#token", "first-value"));
	/* Another role: refused, and the token is not said. */
	f.err = (struct bh_err){0};
	stop(&f);
}

static void
a_wrong_login_is_an_error_without_the_secret(void)
{
	struct fix f;

	start(&f);
	f.config.vault_auth = BH_VAULT_APPROLE;
	put(&f, "secret-id", "s3cr3t");
	CU_ASSERT_FALSE(is(&f, "vault:app/api#token", "first-value"));
	CU_ASSERT_PTR_NOT_NULL(strstr(f.err.what, "secrets.vault.auth"));
	CU_ASSERT_PTR_NULL(strstr(f.err.what, "s3cr3t"));
	put(&f, "secret-id", "quo\"te");
	CU_ASSERT_FALSE(is(&f, "vault:app/api#token", "first-value"));
	CU_ASSERT_PTR_NULL(strstr(f.err.what, "quo"));
	stop(&f);
}

static void
a_given_token_is_renewed_and_replaced(void)
{
	struct fix f;

	start(&f);
	put(&f, "token", "given-1\n");
	snprintf(f.vault.token, sizeof(f.vault.token), "given-1");
	f.vault.ttl_s = 1;
	f.vault.renewable = true;
	CU_ASSERT_EQUAL(bh_secret_watch(f.s, "vault:app/api#token", 100, changed, &f), 0);
	CU_ASSERT_TRUE(is(&f, "vault:app/api#token", "first-value"));
	CU_ASSERT_EQUAL(bh_secrets_begin(f.s, &f.err), 0);
	for (unsigned i = 0; i < 2000 && vault_count(&f.vault, &f.vault.renewals) < 2; i++)
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	CU_ASSERT_TRUE(vault_count(&f.vault, &f.vault.renewals) >= 2);
	/* It was revoked, its giver wrote another one, and so is the secret. */
	put(&f, "token", "given-2\n");
	pthread_mutex_lock(&f.vault.lock);
	f.vault.ttl_s = 3600;
	snprintf(f.vault.token, sizeof(f.vault.token), "given-2");
	snprintf(f.vault.secret, sizeof(f.vault.secret), "{\"token\": \"second\"}");
	pthread_mutex_unlock(&f.vault.lock);
	bh_secrets_look(f.s);
	CU_ASSERT_TRUE(comes(&f.changes, 1));
	CU_ASSERT_TRUE(is(&f, "vault:app/api#token", "second"));
	stop(&f);
	CU_ASSERT_EQUAL(f.vault.revoked, 0); /* it is not ours */
}

static void
a_start_waits_for_vault_and_what_was_read_outlives_it(void)
{
	struct fix f;

	start(&f);
	put(&f, "token", "given");
	snprintf(f.vault.token, sizeof(f.vault.token), "given");
	f.vault.sealed = 2;
	CU_ASSERT_EQUAL(bh_secret_watch(f.s, "vault:app/api#token", 100, changed, &f), 0);
	CU_ASSERT_TRUE(is(&f, "vault:app/api#token", "first-value"));
	CU_ASSERT_EQUAL(bh_secrets_begin(f.s, &f.err), 0);
	pthread_mutex_lock(&f.vault.lock);
	snprintf(f.vault.secret, sizeof(f.vault.secret), "null"); /* deleted */
	pthread_mutex_unlock(&f.vault.lock);
	bh_secrets_look(f.s);
	CU_ASSERT_TRUE(comes(&f.lost, 1));
	CU_ASSERT_TRUE(is(&f, "vault:app/api#token", "first-value"));
	CU_ASSERT_EQUAL(f.changes, 0);
	stop(&f);
}

/* smaps(5): "dd" is MADV_DONTDUMP. */
static bool
is_in_dumps(const void *at)
{
	uintptr_t want = (uintptr_t)at, from, to;
	bool mine = false, dumped = true;
	char line[512];
	FILE *in = fopen("/proc/self/smaps", "r");

	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	while (fgets(line, sizeof(line), in) != NULL) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			mine = from <= want && want < to;
		else if (mine && strncmp(line, "VmFlags:", 8) == 0)
			dumped = strstr(line, " dd") == NULL;
	}
	fclose(in);
	return dumped;
}

static void
values_are_in_no_dump(void)
{
	static const char plain[] = "on the stack and in the program";
	struct fix f;
	char *value = NULL;
	size_t len;

	start(&f);
	put(&f, "a", "some text");
	CU_ASSERT_EQUAL_FATAL(bh_secret_read(f.s, "credential:a", 100, &value, &len, &f.err), 0);
	CU_ASSERT_FALSE(is_in_dumps(value));
	CU_ASSERT_TRUE(is_in_dumps(plain));
	bh_secret_free(value);
	stop(&f);
}

const struct bh_unit_test bh_suite_secret_places[] = {
	BH_TEST(files_and_credentials_are_read),
	BH_TEST(another_file_is_told_once_and_a_missing_one_changes_nothing),
	BH_TEST(vault_is_asked_with_an_approles_token),
	BH_TEST(vault_is_asked_with_a_service_accounts_token),
	BH_TEST(a_wrong_login_is_an_error_without_the_secret),
	BH_TEST(a_given_token_is_renewed_and_replaced),
	BH_TEST(a_start_waits_for_vault_and_what_was_read_outlives_it),
	BH_TEST(values_are_in_no_dump),
	BH_TEST_END,
};
