/* What the files of this room share. */
#ifndef BH_SECRET_PRIV_H
#define BH_SECRET_PRIV_H

#include "secret.h"

#define BH_SECRET_PATH_MAX 600

/* memory.c */
bool bh_secret_same(const char *a, size_t a_len, const char *b, size_t b_len);

/* secret.c: the file of a place that is no Vault's. -EINVAL with err set: no credentials were given. */
int bh_secret_path(const struct bh_secrets *s, const char *place, char out[BH_SECRET_PATH_MAX],
		   struct bh_err *err);

/* ---- vault.c: one Vault; one thread at a time -------------------------------------------------------------- */

struct bh_vault;

/* What opens Vault is read through `s`, each time it is needed. */
int bh_vault_open(struct bh_vault **out, struct bh_secrets *s, const struct bh_config *c);
void bh_vault_close(struct bh_vault *v); /* NULL is fine; the token is given back to Vault */
/* PATH#FIELD. Logs in where it must. 0; -ENOENT: Vault has no such thing; -EACCES; -EAGAIN: it may answer later; -errno. */
int bh_vault_fetch(struct bh_vault *v, const char *what, size_t max, char **out, size_t *len,
		   struct bh_err *err);
/* When the token is to be renewed, mono; UINT64_MAX: never. */
uint64_t bh_vault_renew_ns(const struct bh_vault *v);
/* Renew it, or have another. 0 or -errno with err set: then the time above is that of the next attempt. */
int bh_vault_renew(struct bh_vault *v, struct bh_err *err);

/* ---- answer.c: what Vault says ------------------------------------------------------------------------------ */

#define BH_VAULT_ANSWER_MAX (256u << 10)

struct bh_vault_token {
	char *token;    /* bh_secret_alloc(); NULL: it names none */
	uint64_t ttl_s; /* 0: it does not end */
	bool renewable;
};

/* The field of a secret of KV v2. 0, -ENOENT (no such field, or the secret is deleted), -E2BIG, -EPROTO, -ENOMEM. */
int bh_vault_read_field(const char *text, size_t n, const char *field, size_t max, char **out,
			size_t *len);
/* Of a login, a renewal, a look-up. 0, -EPROTO, -ENOMEM. */
int bh_vault_read_token(const char *text, size_t n, struct bh_vault_token *out);

#endif
