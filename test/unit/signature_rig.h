/* Loading a text in a test: the rules that came out, and what was told. Included by tests of the signature room. */
#ifndef BH_SIGNATURE_RIG_H
#define BH_SIGNATURE_RIG_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../lib/inspect/inspect.h"
#include "../../lib/signature/signature.h"
#include "unit.h"

struct rig {
	struct bh_signatures *s;
	struct bh_err err;
	char text[1400]; /* of err */
};

static __attribute__((unused)) int
rig_load_with(struct rig *r, const struct bh_signature_params *params, const char *name,
	      const char *text)
{
	int rc;

	*r = (struct rig){0};
	rc = bh_signature_load_text(params, name, text, strlen(text), &r->s, &r->err);
	bh_err_format(&r->err, r->text, sizeof(r->text));
	return rc;
}

static __attribute__((unused)) int
rig_load(struct rig *r, const char *name, const char *text)
{
	const struct bh_signature_params params = {0};

	return rig_load_with(r, &params, name, text);
}

static __attribute__((unused)) void
rig_free(struct rig *r)
{
	bh_signatures_free(r->s);
}

/* Must load; whatever is wrong is printed. */
static __attribute__((unused)) void
rig_must(struct rig *r, const char *name, const char *text)
{
	if (rig_load(r, name, text) != 0) {
		fprintf(stderr, "\n%s\n%s\n", r->text, text);
		CU_FAIL_FATAL("the text does not load");
	}
}

/* The rule of a name, whatever sensor it is in; NULL: there is none. */
static __attribute__((unused)) const struct bh_sensor_rule *
rig_rule(const struct rig *r, const char *name)
{
	const struct bh_sensor *s;
	const struct bh_sensor_rule *rule;

	for (s = r->s->model->sensors; s != NULL; s = s->next) {
		for (rule = s->rules; rule != NULL; rule = rule->next) {
			if (strcmp(rule->name, name) == 0 && !rule->off)
				return rule;
		}
	}
	return NULL;
}

/* The n-th pattern of a rule. */
static __attribute__((unused)) const struct bh_sensor_pattern *
rig_pattern(const struct bh_sensor_rule *rule, unsigned n)
{
	const struct bh_sensor_pattern *p = rule != NULL ? rule->patterns : NULL;

	while (p != NULL && n-- > 0)
		p = p->next;
	return p;
}

/* Is such a note there: fate, place (0: any), option ("" : none), a part of its text? */
static __attribute__((unused)) bool
rig_told(const struct rig *r, enum bh_signature_fate fate, unsigned line, unsigned column,
	 const char *part)
{
	size_t i;

	for (i = 0; i < r->s->report.n_notes; i++) {
		const struct bh_signature_note *n = &r->s->report.note[i];

		if (n->fate == fate && (line == 0 || n->line == line) &&
		    (column == 0 || n->column == column) && strstr(n->text, part) != NULL)
			return true;
	}
	return false;
}

/* All notes, for the reader of a failed test. */
static __attribute__((unused)) void
rig_print(const struct rig *r)
{
	size_t i;

	for (i = 0; i < r->s->report.n_notes; i++) {
		const struct bh_signature_note *n = &r->s->report.note[i];

		fprintf(stderr, "%u:%u: %s %u %s: %s\n", n->line, n->column,
			bh_signature_fate_name(n->fate), n->sid,
			n->option != NULL ? n->option : "-", n->text);
	}
}

#endif
