/* Segments for endpoints that nobody wrote any for. */
#include <stdio.h>
#include <stdlib.h>

#include "draft.h"

static const char *const service_keys[] = {"service", "app.kubernetes.io/name", "app", "k8s-app"};
static const char *const space_keys[] = {"namespace", "io.kubernetes.pod.namespace"};

struct made {
	char name[2 * BH_NAME_MAX];
	char line[8 * BH_NAME_MAX];
};

struct walk {
	struct made *made; /* max, sorted by name */
	unsigned n, max;
};

static const struct bh_label *
find_label(const struct bh_endpoint *e, const char *const keys[], size_t n)
{
	size_t k;
	unsigned i;

	for (k = 0; k < n; k++) {
		for (i = 0; i < e->n_labels; i++) {
			if (strcmp(e->labels[i].key, keys[k]) == 0 && e->labels[i].value[0] != '\0')
				return &e->labels[i];
		}
	}
	return NULL;
}

static void
add(struct walk *w, const struct bh_label *service, const struct bh_label *space)
{
	char name[2 * BH_NAME_MAX];
	struct made *m;
	unsigned i;
	int rc = 1;

	snprintf(name, sizeof(name), space != NULL ? "%s.%s" : "%s", service->value,
		 space != NULL ? space->value : "");
	if (strlen(name) >= BH_NAME_MAX || strcmp(name, "any") == 0 ||
	    strcmp(name, "external") == 0 || strcmp(name, "unknown") == 0)
		return;
	for (i = 0; i < w->n && (rc = strcmp(w->made[i].name, name)) < 0; i++)
		;
	if ((i < w->n && rc == 0) || w->n == w->max)
		return;
	memmove(&w->made[i + 1], &w->made[i], (w->n - i) * sizeof(w->made[0]));
	m = &w->made[i];
	w->n++;
	snprintf(m->name, sizeof(m->name), "%s", name);
	if (space != NULL)
		snprintf(m->line, sizeof(m->line), "    %s: {selector: \"%s=%s, %s=%s\"}\n", name,
			 service->key, service->value, space->key, space->value);
	else
		snprintf(m->line, sizeof(m->line), "    %s: {selector: \"%s=%s, !%s, !%s\"}\n",
			 name, service->key, service->value, space_keys[0], space_keys[1]);
}

static bool
take(void *arg, const struct bh_endpoint *e, const char *const segments[], unsigned n_segments)
{
	const struct bh_label *service;
	struct walk *w = arg;

	(void)segments;
	if (n_segments != 0)
		return true;
	service = find_label(e, service_keys, BH_ARRAY_SIZE(service_keys));
	if (service != NULL)
		add(w, service, find_label(e, space_keys, BH_ARRAY_SIZE(space_keys)));
	return w->n < w->max;
}

unsigned
bh_learn_new_segments(struct bh_policy *p, unsigned max, struct bh_buf *lines, struct bh_buf *names)
{
	struct walk w = {.max = max};
	unsigned i;

	w.made = calloc(max + 1, sizeof(*w.made));
	if (w.made == NULL)
		return 0;
	bh_policy_endpoints_each(p, NULL, take, &w);
	for (i = 0; i < w.n; i++) {
		bh_buf_str(lines, w.made[i].line);
		bh_buf_printf(names, "%s%s", i != 0 ? ", " : "", w.made[i].name);
	}
	free(w.made);
	return w.n;
}
