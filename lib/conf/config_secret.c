/* Where secrets are, as keys that hold one say it: a path, file:PATH, credential:NAME, vault:PATH#FIELD. */
#include <stdio.h>

#include "conf_priv.h"

#define CREDENTIAL "credential:"
#define VAULT "vault:"

static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

enum bh_secret_place
bh_secret_place(const char *place, const char **rest)
{
	enum bh_secret_place kind = BH_SECRET_FILE;
	size_t n = 0;

	if (strncmp(place, CREDENTIAL, sizeof(CREDENTIAL) - 1) == 0) {
		kind = BH_SECRET_CREDENTIAL;
		n = sizeof(CREDENTIAL) - 1;
	} else if (strncmp(place, VAULT, sizeof(VAULT) - 1) == 0) {
		kind = BH_SECRET_VAULT;
		n = sizeof(VAULT) - 1;
	}
	if (rest != NULL)
		*rest = place + n;
	return kind;
}

/* systemd.exec(5): a credential's name is a file's. */
static bool
is_name(const char *s)
{
	return s[0] != '\0' && s[0] != '.' && s[strspn(s, plain)] == '\0';
}

/* It becomes part of a URL as it is. */
static bool
is_vault_path(const char *s)
{
	const char *hash = strchr(s, '#'), *p = s, *end;

	if (hash == NULL || hash == s || !is_name(hash + 1))
		return false;
	for (; p < hash; p = end + 1) {
		end = strpbrk(p, "/#");
		if (end == p || p[0] == '.' || strspn(p, plain) < (size_t)(end - p))
			return false;
	}
	return hash[-1] != '/';
}

int
bh_config_check_secret(struct bh_config_reader *r, const char *key, char *field)
{
	const struct bh_yaml *node = bh_config_node(r, key);
	const char *rest;

	switch (bh_secret_place(field, &rest)) {
	case BH_SECRET_CREDENTIAL:
		if (!is_name(rest))
			return bh_yaml_err(r->doc, node, r->err,
					   "credential:NAME is a name of letters, digits, '-', "
					   "'_' and '.', as in LoadCredential=NAME:PATH");
		return 0;
	case BH_SECRET_VAULT:
		if (strncmp(key, "secrets.", 8) == 0)
			return bh_yaml_err(r->doc, node, r->err,
					   "what opens Vault can't lie in it: write file:PATH or "
					   "credential:NAME");
		if (!is_vault_path(rest))
			return bh_yaml_err(
				r->doc, node, r->err,
				"expected vault:PATH#FIELD, such as "
				"vault:bulkhead/api#token: a path below secrets.vault.kv "
				"of letters, digits, '-', '_', '.' and '/'");
		if (r->c->vault_address[0] == '\0')
			return bh_yaml_err(r->doc, node, r->err,
					   "a secret lies in Vault: secrets.vault.address says "
					   "where that is");
		return 0;
	default:
		if (strncmp(field, "file:", 5) == 0)
			memmove(field, field + 5, strlen(field + 5) + 1);
		return 0;
	}
}

static bool
is_here(const char *host)
{
	static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
	size_t i, n;

	for (i = 0; i < BH_ARRAY_SIZE(names); i++) {
		n = strlen(names[i]);
		if (strncmp(host, names[i], n) == 0 && strchr(":/", host[n]) != NULL)
			return true;
	}
	return false;
}

static int
check_address(struct bh_config_reader *r)
{
	char *a = r->c->vault_address;
	const char *host = strncmp(a, "https://", 8) == 0  ? a + 8
			   : strncmp(a, "http://", 7) == 0 ? a + 7
							   : "";
	size_t n = strlen(a);

	if (host[0] == '\0' || host[0] == '/' || strpbrk(host, "@?# ") != NULL)
		return bh_yaml_err(r->doc, bh_config_node(r, "secrets.vault.address"), r->err,
				   "expected https://HOST:PORT");
	if (a[4] == ':' && !is_here(host))
		return bh_yaml_err(r->doc, bh_config_node(r, "secrets.vault.address"), r->err,
				   "secrets would cross the network in the clear: use https, or "
				   "http to an agent on 127.0.0.1");
	while (a[n - 1] == '/')
		a[--n] = '\0';
	return 0;
}

int
bh_config_check_vault(struct bh_config_reader *r)
{
	static const struct {
		const char *key, *why;
	} lacks[] = {{"secrets.vault.token", "auth token needs it"},
		     {"secrets.vault.role", "auth approle and kubernetes need it"},
		     {"secrets.vault.secret_id", "auth approle needs it"}};
	const struct bh_config *c = r->c;
	bool lacking[] = {c->vault_auth == BH_VAULT_TOKEN && c->vault_token[0] == '\0',
			  c->vault_auth != BH_VAULT_TOKEN && c->vault_role[0] == '\0',
			  c->vault_auth == BH_VAULT_APPROLE && c->vault_secret_id[0] == '\0'};
	size_t i;
	int rc;

	if (c->vault_address[0] == '\0')
		return 0;
	rc = check_address(r);
	for (i = 0; rc == 0 && i < BH_ARRAY_SIZE(lacking); i++) {
		if (lacking[i])
			rc = bh_yaml_err(r->doc, bh_config_node(r, "secrets.vault"), r->err,
					 "%s is not set: %s", lacks[i].key, lacks[i].why);
	}
	return rc;
}
