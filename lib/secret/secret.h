/* secret: values that nobody is to see, from files, systemd's credentials and HashiCorp Vault.
 *
 * Usage     bh_secrets_open(); bh_secret_read() what is needed, by the place that the configuration names (conf.h), and
 *           bh_secret_watch() to be told when it is another; bh_secrets_begin() once rights are given away; bh_secrets_close().
 * Threads   one of its own: it reads again what is watched, and renews Vault's token. All functions from any control thread.
 * Lifetime  the configuration outlives it. Values are the caller's.
 *
 * Memory. Values lie in pages of their own: locked, in no core dump, wiped when they are given back (libsodium). What libcurl
 * and GnuTLS keep while they talk is theirs: a process with secrets is not to be dumped at all.
 * Words. No value, and nothing that Vault says of one, goes into an error, a log line or a note; places do.
 * What can't be read any more stays as it was.
 */
#ifndef BH_SECRET_H
#define BH_SECRET_H

#include "../base/base.h"
#include "../conf/conf.h"

struct bh_secrets;

struct bh_secrets_params {
	const struct bh_config *config; /* secrets.* */
	const char *credentials;        /* folder; NULL: $CREDENTIALS_DIRECTORY */
	/* A watched secret could not be read again; or could, after that. From its thread. */
	void (*note)(void *arg, bool back, const char *text);
	void *arg;
};

/* 0, -ENOMEM. Asks nobody yet. */
int bh_secrets_open(struct bh_secrets **out, const struct bh_secrets_params *p, struct bh_err *err);
/* Nobody is told of changes any more: before those who watch are gone. NULL is fine. */
void bh_secrets_end(struct bh_secrets *s);
void bh_secrets_close(struct bh_secrets *s); /* NULL is fine */

/* What lies at a place now, at most max bytes, with a NUL that *len does not count; give it back with bh_secret_free(). Of
 * Vault what it said last, if it has been asked for that; else it is asked, and before bh_secrets_begin() waited for as long
 * as secrets.vault.wait. s NULL: of files alone. 0, or -errno with err set. */
int bh_secret_read(struct bh_secrets *s, const char *place, size_t max, char **out, size_t *len,
		   struct bh_err *err);
void bh_secret_free(char *value); /* NULL is fine */
/* Such memory for a copy of one's own, zeroed, size bytes and a NUL; size up to 256 KiB. NULL: there is none. */
char *bh_secret_alloc(size_t size);
/* The same of a secret of one line: without its end, not empty. */
int bh_secret_read_line(struct bh_secrets *s, const char *place, size_t max, char **out,
			struct bh_err *err);

/* Before bh_secrets_begin(): `changed` is called by the thread when another value is there than bh_secret_read() gave last.
 * What is written in pieces is taken when it stands still. 0 or -ENOMEM. */
int bh_secret_watch(struct bh_secrets *s, const char *place, size_t max, void (*changed)(void *arg),
		    void *arg);
int bh_secrets_begin(struct bh_secrets *s, struct bh_err *err);
/* Look now. Any thread. */
void bh_secrets_look(struct bh_secrets *s);
/* Files that are read while it runs, of what is watched and what opens Vault: for the sandbox. */
void bh_secrets_files(struct bh_secrets *s, void (*fn)(void *arg, const char *path), void *arg);

#endif
