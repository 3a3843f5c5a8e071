/* config: contexts, one for each gateway: where it is and as whom to talk to it. They are in
 * $XDG_CONFIG_HOME/bulkhead/contexts.json (~/.config/...): names of files with tokens, never a token. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl.h"

static int
config_usage(struct bh_ctl *ctl)
{
	fprintf(ctl->err, "usage: bulkheadctl config list | use NAME | delete NAME |\n"
			  "       set NAME --server URL [--token-file FILE] [--ca FILE] [--cert "
			  "FILE --key FILE]\n");
	return BH_CTL_USAGE;
}

static bool
config_path(char *out, size_t size, bool make)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char dir[480];
	int n;

	if (base != NULL && base[0] == '/')
		n = snprintf(dir, sizeof(dir), "%s", base);
	else if (home != NULL && home[0] == '/')
		n = snprintf(dir, sizeof(dir), "%s/.config", home);
	else
		return false;
	if (n <= 0 || (size_t)n + 32 >= sizeof(dir) || (size_t)n + 32 >= size)
		return false;
	if (make)
		mkdir(dir, 0700);
	strcat(dir, "/bulkhead");
	if (make)
		mkdir(dir, 0700);
	snprintf(out, size, "%.*s/contexts.json", (int)size - 16, dir);
	return true;
}

json_t *
bh_ctl_contexts(void)
{
	json_t *all = NULL;
	char path[520];

	if (config_path(path, sizeof(path), false))
		all = json_load_file(path, 0, NULL);
	if (!json_is_object(all)) {
		json_decref(all);
		all = json_object();
	}
	if (!json_is_object(json_object_get(all, "contexts")))
		json_object_set_new(all, "contexts", json_object());
	return all;
}

/* Whole or not at all. */
static int
config_save(struct bh_ctl *ctl, json_t *all)
{
	char path[520], part[540];

	if (!config_path(path, sizeof(path), true)) {
		fprintf(ctl->err, "bulkheadctl: neither HOME nor XDG_CONFIG_HOME names a folder\n");
		return BH_CTL_USAGE;
	}
	snprintf(part, sizeof(part), "%s.new", path);
	if (json_dump_file(all, part, JSON_INDENT(2)) != 0 || rename(part, path) != 0) {
		fprintf(ctl->err, "bulkheadctl: cannot write %s: %s\n", path, strerror(errno));
		unlink(part);
		return BH_CTL_USAGE;
	}
	return BH_CTL_OK;
}

static void
config_take(json_t *context, const char *name, const struct bh_ctl_option *o)
{
	char full[4096];
	const char *v;

	if (o->n == 0)
		return;
	v = o->value[o->n - 1];
	/* A file's name holds in any folder that it is used in. */
	if (strcmp(name, "server") != 0 && realpath(v, full) != NULL)
		v = full;
	json_object_set_new(context, name, json_string(v));
}

static int
config_set(struct bh_ctl *ctl, json_t *all, const char *name)
{
	json_t *contexts = json_object_get(all, "contexts"), *one = json_object_get(contexts, name);

	if (one == NULL) {
		if (ctl->a.server.n == 0) {
			fprintf(ctl->err, "bulkheadctl: a new context needs --server URL\n");
			return BH_CTL_USAGE;
		}
		one = json_object();
		json_object_set_new(contexts, name, one);
	}
	config_take(one, "server", &ctl->a.server);
	config_take(one, "token_file", &ctl->a.token_file);
	config_take(one, "ca", &ctl->a.ca);
	config_take(one, "cert", &ctl->a.cert);
	config_take(one, "key", &ctl->a.key);
	if (json_object_get(all, "current") == NULL)
		json_object_set_new(all, "current", json_string(name));
	return config_save(ctl, all);
}

static void
config_list(struct bh_ctl *ctl, json_t *all)
{
	const char *current = json_string_value(json_object_get(all, "current")), *name;
	struct bh_ctl_table t = {0};
	json_t *one;

	bh_ctl_table_column(&t, "CURRENT", 0);
	bh_ctl_table_column(&t, "NAME", 0);
	bh_ctl_table_column(&t, "SERVER", 0);
	bh_ctl_table_column(&t, "TOKEN FILE", BH_COL_SHRINK);
	json_object_foreach(json_object_get(all, "contexts"), name, one)
	{
		const char *server = json_string_value(json_object_get(one, "server"));
		const char *token = json_string_value(json_object_get(one, "token_file"));

		bh_ctl_table_cell(&t, current != NULL && strcmp(current, name) == 0 ? "*" : "");
		bh_ctl_table_cell(&t, name);
		bh_ctl_table_cell(&t, server != NULL ? server : "-");
		bh_ctl_table_cell(&t, token != NULL ? token : "-");
	}
	bh_ctl_table_print(&t, ctl);
	bh_ctl_table_free(&t);
}

static int
config_named(struct bh_ctl *ctl, json_t *all, const char *verb, const char *name)
{
	const char *current = json_string_value(json_object_get(all, "current"));
	json_t *contexts = json_object_get(all, "contexts");

	if (strcmp(verb, "set") == 0)
		return config_set(ctl, all, name);
	if (json_object_get(contexts, name) == NULL) {
		fprintf(ctl->err,
			"bulkheadctl: no context is named %s: `bulkheadctl config list`\n", name);
		return BH_CTL_NO;
	}
	if (strcmp(verb, "use") == 0) {
		json_object_set_new(all, "current", json_string(name));
	} else {
		if (current != NULL && strcmp(current, name) == 0)
			json_object_del(all, "current");
		json_object_del(contexts, name);
	}
	return config_save(ctl, all);
}

int
bh_ctl_config(struct bh_ctl *ctl)
{
	const char *verb = ctl->a.word[0];
	bool list = strcmp(verb, "list") == 0;
	json_t *all;
	int rc = BH_CTL_OK;

	if (list != (ctl->a.n_words == 1) || (!list && !bh_ctl_word_in(verb, "set use delete")))
		return config_usage(ctl);
	all = bh_ctl_contexts();
	if (list)
		config_list(ctl, all);
	else
		rc = config_named(ctl, all, verb, ctl->a.word[1]);
	json_decref(all);
	return rc;
}
