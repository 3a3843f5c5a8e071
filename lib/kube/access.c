/* access: where an API server is and who we are to it, from a kubeconfig or from what a pod is given. */
#include <errno.h>
#include <nettle/base64.h>
#include <stdio.h>
#include <stdlib.h>

#include "kube_priv.h"

#define KUBECONFIG_MAX (256u << 10)
#define TOKEN_MAX 65536
#define ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount/"

struct reading {
	struct bh_yaml_doc *doc;
	const struct bh_config_source *s;
	struct bh_err *err;
};

static void
wipe(char **p)
{
	if (*p != NULL)
		explicit_bzero(*p, strlen(*p));
	free(*p);
	*p = NULL;
}

void
bh_kube_access_free(struct bh_kube_access *a)
{
	wipe(&a->ca_data);
	wipe(&a->certificate_data);
	wipe(&a->key_data);
	wipe(&a->token);
	*a = (struct bh_kube_access){0};
}

/* The map under `what` in the list's item of this name. */
static const struct bh_yaml *
named(const struct reading *r, const char *list, const char *what, const char *name)
{
	const struct bh_yaml *items = bh_yaml_get(bh_yaml_root(r->doc), list), *n, *map;
	size_t i;

	for (i = 0; items != NULL && items->type == BH_YAML_LIST && i < items->n; i++) {
		if (items->item[i]->type != BH_YAML_MAP)
			continue;
		n = bh_yaml_get(items->item[i], "name");
		map = bh_yaml_get(items->item[i], what);
		if (n != NULL && n->type == BH_YAML_SCALAR && strcmp(n->text, name) == 0 &&
		    map != NULL && map->type == BH_YAML_MAP)
			return map;
	}
	bh_err_set(r->err, EINVAL, "%s: no %s is called '%.100s'", bh_yaml_name(r->doc), what,
		   name);
	return NULL;
}

static const char *
word(const struct bh_yaml *map, const char *key)
{
	const struct bh_yaml *n = bh_yaml_get(map, key);

	return n != NULL && n->type == BH_YAML_SCALAR ? n->text : "";
}

static int
take(const struct reading *r, const struct bh_yaml *map, const char *key, char *out, size_t size)
{
	const char *text = word(map, key), *slash = strrchr(r->s->kubeconfig, '/');
	int n;

	if (text[0] == '\0')
		return 0;
	if (text[0] != '/' && strcmp(key, "server") != 0 && slash != NULL &&
	    bh_secret_place(r->s->kubeconfig, NULL) == BH_SECRET_FILE)
		n = snprintf(out, size, "%.*s%s", (int)(slash + 1 - r->s->kubeconfig),
			     r->s->kubeconfig, text);
	else
		n = snprintf(out, size, "%s", text);
	return n < (int)size ? 0
			     : bh_yaml_err(r->doc, bh_yaml_get(map, key), r->err,
					   "at most %zu bytes", size - 1);
}

/* NAME-data: base64 of PEM. */
static int
take_data(const struct reading *r, const struct bh_yaml *map, const char *key, char **out)
{
	const char *text = word(map, key);
	struct base64_decode_ctx ctx;
	size_t len = strlen(text), n;

	if (len == 0)
		return 0;
	n = BASE64_DECODE_LENGTH(len);
	*out = calloc(1, n + 1);
	if (*out == NULL)
		return bh_err_set(r->err, ENOMEM, "out of memory");
	base64_decode_init(&ctx);
	if (base64_decode_update(&ctx, &n, (uint8_t *)*out, len, text) == 1 &&
	    base64_decode_final(&ctx) == 1 && strlen(*out) == n &&
	    strstr(*out, "-----BEGIN ") != NULL)
		return 0;
	return bh_yaml_err(r->doc, bh_yaml_get(map, key), r->err, "%s is no PEM in base64", key);
}

static int
refuse(const struct reading *r, const struct bh_yaml *map, const char *key, const char *instead)
{
	const struct bh_yaml *n = bh_yaml_get(map, key);

	if (n == NULL || bh_yaml_is_null(n))
		return 0;
	return bh_yaml_err(r->doc, n, r->err, "%s is not supported: %s", key, instead);
}

static int
read_cluster(const struct reading *r, const struct bh_yaml *map, struct bh_kube_access *out)
{
	const struct bh_yaml *skip = bh_yaml_get(map, "insecure-skip-tls-verify");
	size_t n;
	int rc = take(r, map, "server", out->server, sizeof(out->server));

	n = strlen(out->server);
	if (rc == 0 && (strncmp(out->server, "https://", 8) != 0 || n == 8))
		rc = bh_yaml_err(r->doc, map, r->err,
				 "a cluster needs 'server: https://HOST:PORT'");
	while (n > 8 && out->server[n - 1] == '/')
		out->server[--n] = '\0';
	if (rc == 0)
		rc = take(r, map, "certificate-authority", out->ca, sizeof(out->ca));
	if (rc == 0)
		rc = take_data(r, map, "certificate-authority-data", &out->ca_data);
	if (rc == 0)
		rc = refuse(r, map, "proxy-url", "the gateway asks the API server itself");
	if (rc == 0)
		rc = refuse(r, map, "tls-server-name", "use a name that the certificate has");
	if (rc == 0 && skip != NULL)
		rc = bh_yaml_bool(r->doc, skip, &out->insecure, r->err);
	if (rc == 0 && out->insecure && !r->s->insecure)
		rc = bh_yaml_err(r->doc, skip, r->err,
				 "whoever answers would say who may talk to whom: give "
				 "certificate-authority, or say 'insecure: true' in sources");
	return rc;
}

static int
read_user(const struct reading *r, const struct bh_yaml *map, struct bh_kube_access *out)
{
	int rc = take(r, map, "client-certificate", out->certificate, sizeof(out->certificate));

	if (rc == 0)
		rc = take(r, map, "client-key", out->key, sizeof(out->key));
	if (rc == 0)
		rc = take_data(r, map, "client-certificate-data", &out->certificate_data);
	if (rc == 0)
		rc = take_data(r, map, "client-key-data", &out->key_data);
	if (rc == 0)
		rc = take(r, map, "tokenFile", out->token_file, sizeof(out->token_file));
	if (rc == 0 && out->token_file[0] == '\0' && word(map, "token")[0] != '\0') {
		out->token = strdup(word(map, "token"));
		rc = out->token != NULL ? 0 : bh_err_set(r->err, ENOMEM, "out of memory");
	}
	if (rc == 0)
		rc = refuse(r, map, "exec",
			    "nothing is executed by the gateway; give a token, tokenFile or client "
			    "certificate");
	if (rc == 0)
		rc = refuse(r, map, "auth-provider",
			    "give a token, tokenFile or client certificate");
	if (rc == 0)
		rc = refuse(r, map, "username", "give a token, tokenFile or client certificate");
	if (rc == 0 && (out->certificate[0] != '\0' || out->certificate_data != NULL) !=
			       (out->key[0] != '\0' || out->key_data != NULL))
		rc = bh_yaml_err(r->doc, map, r->err,
				 "a client certificate and its key belong together");
	return rc;
}

static int
read_contexts(const struct reading *r, struct bh_kube_access *out)
{
	const struct bh_yaml *root = bh_yaml_root(r->doc), *map;
	const char *context = r->s->context;
	int rc;

	if (root->type != BH_YAML_MAP)
		return bh_yaml_err(r->doc, root, r->err, "a kubeconfig is a map");
	if (context[0] == '\0')
		context = word(root, "current-context");
	if (context[0] == '\0')
		return bh_yaml_err(r->doc, root, r->err,
				   "no current-context: say which by 'context' in sources");
	map = named(r, "contexts", "context", context);
	if (map == NULL)
		return -EINVAL;
	root = named(r, "clusters", "cluster", word(map, "cluster"));
	rc = root != NULL ? read_cluster(r, root, out) : -EINVAL;
	if (rc != 0)
		return rc;
	root = named(r, "users", "user", word(map, "user"));
	return root != NULL ? read_user(r, root, out) : -EINVAL;
}

int
bh_kube_access_read(struct bh_kube_access *out, const char *text, size_t len,
		    const struct bh_config_source *s, struct bh_err *err)
{
	struct reading r = {.s = s, .err = err};
	int rc = bh_yaml_load_text(&r.doc, s->kubeconfig, text, len, err);

	*out = (struct bh_kube_access){0};
	if (rc == 0)
		rc = read_contexts(&r, out);
	bh_yaml_free(r.doc);
	if (rc != 0)
		bh_kube_access_free(out);
	return rc;
}

static int
in_cluster(struct bh_kube_access *out, struct bh_err *err)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST"),
		   *port = getenv("KUBERNETES_SERVICE_PORT");

	if (host == NULL || host[0] == '\0')
		return bh_err_set(err, EINVAL,
				  "in_cluster: KUBERNETES_SERVICE_HOST is not set: this is no pod; "
				  "give a kubeconfig");
	snprintf(out->server, sizeof(out->server),
		 strchr(host, ':') != NULL ? "https://[%s]:%s" : "https://%s:%s", host,
		 port != NULL && port[0] != '\0' ? port : "443");
	snprintf(out->ca, sizeof(out->ca), ACCOUNT "ca.crt");
	snprintf(out->token_file, sizeof(out->token_file), ACCOUNT "token");
	return 0;
}

static int
read_token(struct bh_kube_access *a, struct bh_err *err)
{
	size_t len, i;
	int rc;

	if (a->token_file[0] != '\0') {
		rc = bh_file_read(a->token_file, TOKEN_MAX, &a->token, &len, err);
		if (rc != 0)
			return rc;
		a->token[strcspn(a->token, "\r\n")] = '\0';
	}
	/* It becomes a line of a header. */
	for (i = 0; a->token != NULL && a->token[i] != '\0'; i++) {
		if (a->token[i] <= ' ' || a->token[i] >= 0x7f)
			return bh_err_set(err, EINVAL,
					  "the token has other than printable characters");
	}
	return 0;
}

int
bh_kube_access_load(struct bh_kube_access *out, const struct bh_config_source *s,
		    struct bh_secrets *secrets, struct bh_err *err)
{
	char *text = NULL;
	size_t len;
	int rc;

	*out = (struct bh_kube_access){0};
	if (s->in_cluster) {
		rc = in_cluster(out, err);
	} else {
		rc = bh_secret_read(secrets, s->kubeconfig, KUBECONFIG_MAX, &text, &len, err);
		if (rc == 0)
			rc = bh_kube_access_read(out, text, len, s, err);
		bh_secret_free(text);
	}
	if (rc == 0)
		rc = read_token(out, err);
	if (rc != 0)
		bh_kube_access_free(out);
	return rc;
}

int
bh_kube_files(const struct bh_kube_files *f, struct bh_err *err)
{
	const struct bh_config_source *s = f->source;
	struct bh_kube_access a;
	const char *file[] = {a.ca, a.certificate, a.key, a.token_file};
	size_t i;
	int rc;

	if (s->type == BH_SOURCE_WATCHED_FILE) {
		f->fn(f->arg, s->path);
		return 0;
	}
	rc = bh_kube_access_load(&a, s, f->secrets, err);
	if (rc != 0)
		return rc;
	if (s->kubeconfig[0] != '\0' && bh_secret_place(s->kubeconfig, NULL) == BH_SECRET_FILE)
		f->fn(f->arg, s->kubeconfig);
	for (i = 0; i < BH_ARRAY_SIZE(file); i++) {
		if (file[i][0] != '\0')
			f->fn(f->arg, file[i]);
	}
	bh_kube_access_free(&a);
	return 0;
}
