/* Named groups and rules between them, in order of priority and place. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "import_priv.h"

static bool
same_want(const struct bh_want *a, const struct bh_want *b)
{
	size_t i;

	if (strcmp(a->key, b->key) != 0 || a->n != b->n || a->in != b->in ||
	    a->exists != b->exists || a->absent != b->absent)
		return false;
	for (i = 0; i < a->n && strcmp(a->value[i], b->value[i]) == 0; i++)
		;
	return i == a->n;
}

static bool
same_term(const struct bh_term *a, const struct bh_term *b)
{
	size_t i;

	if (a->kind != b->kind || a->n != b->n || a->n_prefixes != b->n_prefixes ||
	    a->n_hosts != b->n_hosts ||
	    (a->kind == BH_TERM_NAMED && strcmp(a->name, b->name) != 0) || !bh_term_same_more(a, b))
		return false;
	for (i = 0; i < a->n_prefixes; i++) {
		if (memcmp(&a->prefix[i], &b->prefix[i], sizeof(*a->prefix)) != 0)
			return false;
	}
	for (i = 0; i < a->n_hosts; i++) {
		if (strcmp(a->host[i], b->host[i]) != 0)
			return false;
	}
	for (i = 0; i < a->n && same_want(&a->want[i], &b->want[i]); i++)
		;
	return i == a->n;
}

static bool
same_group(const struct bh_group *a, const struct bh_group *b)
{
	size_t i;

	if (a->n != b->n || (a->why == NULL) != (b->why == NULL))
		return false;
	for (i = 0; i < a->n && same_term(&a->term[i], &b->term[i]); i++)
		;
	return i == a->n;
}

int
bh_group_add(struct bh_import *im, struct bh_groups *g, const struct bh_group *group,
	     const struct bh_yaml *at)
{
	uint32_t *index;
	bool fresh;

	index = bh_words_at(&g->names, group->name, (uint32_t)g->n, &fresh);
	if (index == NULL)
		return bh_import_nomem(im);
	if (fresh)
		return bh_import_push(im, &g->group, &g->n, group, sizeof(*group));
	if (same_group(&g->group[*index], group))
		return 0;
	return bh_yaml_err(
		im->yaml, at, im->err,
		"group '%.100s' is defined twice, and differently: give each its own name",
		group->name);
}

/* ---- parts of a rule ---------------------------------------------------------------------------------- */

/* What is said in one item: "tcp/80", "udp/1-5", "80", "icmp", "any". false: none of these. */
static bool
parse_port(const char *text, struct bh_span *s)
{
	static const struct {
		const char *name;
		uint32_t proto;
	} protos[] = {{"tcp/", 6}, {"udp/", 17}, {"sctp/", 132}, {"", 6}};
	unsigned long first, last;
	char *end;
	size_t i;

	if (strcasecmp(text, "any") == 0) {
		*s = BH_SPAN_ALL;
		return true;
	}
	if (strcasecmp(text, "icmp") == 0) {
		*s = (struct bh_span){1 << 16, 1 << 16 | 0xffff};
		return true;
	}
	for (i = 0; strncasecmp(text, protos[i].name, strlen(protos[i].name)) != 0; i++)
		;
	text += strlen(protos[i].name);
	*s = (struct bh_span){protos[i].proto << 16, protos[i].proto << 16 | 0xffff};
	if (strcasecmp(text, "any") == 0)
		return true;
	if (*text < '0' || *text > '9')
		return false;
	first = last = strtoul(text, &end, 10);
	if (*end == '-' && end[1] >= '0' && end[1] <= '9')
		last = strtoul(end + 1, &end, 10);
	if (*end != '\0' || first > last || last > 65535 || last == 0)
		return false;
	s->last = s->first | (uint32_t)last;
	s->first |= (uint32_t)(first != 0 ? first : 1);
	return true;
}

/* What is not imported of a rule, in the words of what that means. */
static const char *
left_out(const struct bh_group_rule *r)
{
	return r->deny ? "more is allowed than was written: " : "";
}

static int
ports_text(struct bh_import *im, struct bh_group_rule *r, const struct bh_yaml *node)
{
	char *text = bh_import_text(im, "%s", node->text), *part, *save;
	struct bh_span s;
	int rc = text == NULL ? -ENOMEM : 0;

	if (rc != 0)
		return rc;
	for (part = strtok_r(text, ", \t\n", &save); rc == 0 && part != NULL;
	     part = strtok_r(NULL, ", \t\n", &save)) {
		if (parse_port(part, &s))
			rc = bh_import_push(im, &r->port, &r->n_ports, &s, sizeof(s));
		else
			rc = bh_yaml_err(
				im->yaml, node, im->err,
				"expected ports such as tcp/80, udp/1-5, icmp or any, found "
				"'%.40s'",
				part);
	}
	return rc;
}

int
bh_group_ports(struct bh_import *im, struct bh_group_rule *r, const struct bh_yaml *node)
{
	size_t i;
	int rc = 0;

	if (node == NULL)
		return 0;
	if (node->type == BH_YAML_SCALAR)
		return ports_text(im, r, node);
	rc = bh_import_must(im, node, BH_YAML_LIST, "ports");
	for (i = 0; rc == 0 && i < node->n; i++) {
		rc = bh_import_must(im, node->item[i], BH_YAML_SCALAR, "a port");
		if (rc == 0)
			rc = ports_text(im, r, node->item[i]);
	}
	return rc;
}

static int
add_app(struct bh_import *im, struct bh_group_rule *r, const struct bh_yaml *node, bool *any)
{
	const char *name;
	size_t i;
	int rc = bh_import_must(im, node, BH_YAML_SCALAR, "an application");

	if (rc != 0)
		return rc;
	name = bh_import_app(node->text);
	if (name[0] == '\0') {
		bh_import_note(im, node, "%sapplication '%.60s' is not told apart here: left out",
			       left_out(r), node->text);
		return 0;
	}
	*any |= strcmp(name, "any") == 0;
	for (i = 0; i < r->n_apps; i++) {
		if (strcmp(r->app[i], name) == 0)
			return 0;
	}
	return *any ? 0 : bh_import_push(im, &r->app, &r->n_apps, &name, sizeof(name));
}

int
bh_group_apps(struct bh_import *im, struct bh_group_rule *r, const struct bh_yaml *node)
{
	bool any = false;
	size_t i;
	int rc = 0;

	if (node == NULL || (node->type == BH_YAML_LIST && node->n == 0))
		return 0;
	if (node->type == BH_YAML_SCALAR)
		rc = add_app(im, r, node, &any);
	else
		rc = bh_import_must(im, node, BH_YAML_LIST, "applications");
	for (i = 0; rc == 0 && node->type == BH_YAML_LIST && i < node->n; i++)
		rc = add_app(im, r, node->item[i], &any);
	r->broken |= rc == 0 && !any && r->n_apps == 0;
	if (any)
		r->n_apps = 0;
	return rc;
}

int
bh_group_action(struct bh_import *im, struct bh_group_rule *r, const struct bh_yaml *map)
{
	static const char *const words[] = {"allow", "deny", NULL};
	const struct bh_yaml *node = bh_import_get(map, "action");
	unsigned word = 0;
	int rc;

	if (node == NULL)
		return bh_yaml_err(im->yaml, map, im->err, "a rule lacks 'action': allow or deny");
	if (node->type == BH_YAML_SCALAR && strcasecmp(node->text, "allow") == 0)
		return 0;
	if (node->type == BH_YAML_SCALAR && strcasecmp(node->text, "deny") == 0)
		word = 1;
	else if ((rc = bh_yaml_enum(im->yaml, node, words, &word, im->err)) != 0)
		return rc;
	r->deny = word == 1;
	return 0;
}

/* ---- writing -------------------------------------------------------------------------------------------- */

static int
by_priority(const void *a, const void *b)
{
	const struct bh_group_rule *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* Segments of a group by name. 0; 1: it cannot be said, and *why. */
static int
side(struct bh_import *im, struct bh_groups *g, const char *name, const char ***names, size_t *n,
     const char **why)
{
	const struct bh_group *group;
	uint32_t *index;
	bool fresh;
	size_t i;
	int rc = 0;

	index = bh_words_at(&g->names, name, UINT32_MAX, &fresh);
	if (index == NULL)
		return bh_import_nomem(im);
	*why = "is defined in none of the files";
	if (fresh || *index == UINT32_MAX)
		return 1;
	group = &g->group[*index];
	*why = group->why;
	if (group->why != NULL)
		return 1;
	for (i = 0; rc == 0 && i < group->n; i++) {
		if (group->term[i].kind != BH_TERM_ANY)
			rc = bh_out_segment(im, &group->term[i], group->name, names, n);
	}
	return rc;
}

/* Ports that none of the applications can use would be refused. */
static int
usable_ports(struct bh_import *im, const struct bh_group_rule *r, struct bh_out_rule *out)
{
	struct bh_span *keep = NULL;
	size_t n = 0, i, k;
	bool used;
	int rc = 0;

	for (i = 0; rc == 0 && i < r->n_ports; i++) {
		used = r->n_apps == 0 || (r->port[i].first == 0 && r->port[i].last >= 0xffffff);
		for (k = 0; k < r->n_apps; k++)
			used |= bh_import_app_over(r->app[k], r->port[i].first);
		if (used)
			rc = bh_import_push(im, &keep, &n, &r->port[i], sizeof(*keep));
		else
			bh_import_note_at(im, &r->place,
					  "rule '%.100s' names ports that its applications do not "
					  "use: these are left out, nothing could fit them",
					  r->id);
	}
	out->port = keep;
	out->n_ports = n;
	return rc;
}

static int
put_rule(struct bh_import *im, struct bh_groups *g, const struct bh_group_rule *r)
{
	struct bh_out_rule out = {.id = r->id, .app = r->app, .n_apps = r->n_apps};
	const char **from = NULL, **to = NULL, *why = NULL, *name = r->from;
	int rc = side(im, g, r->from, &from, &out.n_from, &why);

	if (rc == 0) {
		name = r->to;
		rc = side(im, g, r->to, &to, &out.n_to, &why);
	}
	if (rc == 1) {
		bh_import_note_at(im, &r->place, "%srule '%.100s' is left out: group '%.100s' %s",
				  left_out(r), r->id, name, why);
		return 0;
	}
	if (rc == 0)
		rc = usable_ports(im, r, &out);
	if (rc != 0)
		return rc;
	if (r->broken || (out.n_ports == 0 && r->n_ports != 0)) {
		bh_import_note_at(im, &r->place,
				  "%srule '%.100s' is left out: nothing is left of it",
				  r->broken ? left_out(r) : "", r->id);
		return 0;
	}
	out.from = from;
	out.to = to;
	out.action = r->deny ? "deny" : "allow";
	return bh_out_rule(im, &out);
}

int
bh_group_finish(struct bh_import *im, struct bh_groups *g)
{
	const char **names = NULL;
	size_t i, k, n = 0;
	int rc = 0;

	if (g->n_rules != 0)
		qsort(g->rule, g->n_rules, sizeof(*g->rule), by_priority);
	/* Groups that no rule names are segments all the same. */
	for (i = 0; rc == 0 && i < g->n; i++) {
		for (k = 0; rc == 0 && k < g->group[i].n && g->group[i].why == NULL; k++) {
			if (g->group[i].term[k].kind != BH_TERM_ANY)
				rc = bh_out_segment(im, &g->group[i].term[k], g->group[i].name,
						    &names, &n);
		}
	}
	for (i = 0; rc == 0 && i < g->n_rules; i++)
		rc = put_rule(im, g, &g->rule[i]);
	return rc;
}
