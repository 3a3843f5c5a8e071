/* From a file of rules to the model: one sensor a file, named as the file; one rule a rule, named by its sid. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "suricata.h"

#define SNIFF_MAX 100 /* lines that are looked at to tell the form */

bool
bh_suricata_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; text[i] != '\0'; i++) {
		if (text[i] < '0' || text[i] > '9' || i == 18)
			return false;
		n = n * 10 + (uint64_t)(text[i] - '0');
	}
	*out = n;
	return i != 0 && n >= min && n <= max;
}

/* ---- what is told ---------------------------------------------------------------------------------- */

static int
tell(struct bh_suricata_draft *d, size_t at, const char *option, const char *what, int fate)
{
	struct bh_signature_note n = {.fate = (uint8_t)fate,
				      .option = option,
				      .sid = d->sid,
				      .file = bh_sig_file_index(d->sig)};

	if (d->fate < 0 || fate < d->fate)
		d->fate = fate;
	bh_suricata_place(d->rule, at, &n.line, &n.column);
	return bh_sig_note(d->sig, &n, "%s", what);
}

int
bh_suricata_refuse(struct bh_suricata_draft *d, size_t at, const char *option, const char *what)
{
	/* What is read behind a mistake may be told wrongly: the first is enough. */
	return d->fate == BH_SIGNATURE_REFUSED ? 0
					       : tell(d, at, option, what, BH_SIGNATURE_REFUSED);
}

int
bh_suricata_refuse_value(struct bh_suricata_draft *d, const struct bh_suricata_option *o, size_t at,
			 const char *what)
{
	return bh_suricata_refuse(d, o->value != NULL ? o->value_at + at : o->at, o->key, what);
}

int
bh_suricata_skip(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *what)
{
	return tell(d, o->at, o->key, what, BH_SIGNATURE_SKIPPED);
}

int
bh_suricata_changed(struct bh_suricata_draft *d, const struct bh_suricata_option *o,
		    const char *what)
{
	return tell(d, o->at, o->key, what, BH_SIGNATURE_CHANGED);
}

/* ---- options ---------------------------------------------------------------------------------------- */

struct option_line {
	const char *name;
	bh_suricata_reader read;
	const char *arg;
};

static const struct option_line option_lines[] = {
#define BH_SURICATA_OPTION(name, reader, arg) {name, bh_sur_##reader, arg},
#include "option.def"
#undef BH_SURICATA_OPTION
};

/* Names of options -> their lines. */
static int
index_options(struct bh_sig *s)
{
	bool fresh;
	void **cell;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(option_lines); i++) {
		cell = bh_sig_name(&s->options, option_lines[i].name, &fresh);
		if (cell == NULL)
			return -ENOMEM;
		/* A number, not the line: what is const stays so. */
		*cell = (void *)(uintptr_t)(i + 1);
	}
	return 0;
}

static int
read_options(struct bh_suricata_draft *d)
{
	const struct bh_suricata_option *o;
	size_t line;
	int rc = 0;

	/* The number first: it stands in what is told about the others. */
	for (o = d->rule->option; o != NULL; o = o->next) {
		if (strcmp(o->key, "sid") == 0)
			rc = bh_sur_id(d, o, "sid");
	}
	for (o = d->rule->option; o != NULL && rc == 0; o = o->next) {
		if (d->fate == BH_SIGNATURE_REFUSED)
			break;
		line = (size_t)(uintptr_t)bh_sig_name_get(&d->sig->options, o->key);
		if (line == 0)
			rc = bh_suricata_skip(d, o, "no such option is known here");
		else if (strcmp(o->key, "sid") != 0)
			rc = option_lines[line - 1].read(d, o, option_lines[line - 1].arg);
	}
	return rc;
}

/* ---- rules ------------------------------------------------------------------------------------------ */

/* May the rule be loaded, all being read? */
static int
check(struct bh_suricata_draft *d)
{
	size_t i;
	int rc;

	if (d->fate != BH_SIGNATURE_REFUSED && d->sid == 0)
		return bh_suricata_refuse(d, 0, NULL, "a rule needs a number: sid");
	if (d->fate >= 0 && d->fate <= BH_SIGNATURE_SKIPPED)
		return 0;
	for (i = 0; i < d->n_patterns; i++) {
		if (d->pattern[i].kind == BH_SENSOR_LITERAL ||
		    d->pattern[i].kind == BH_SENSOR_REGEX)
			break;
	}
	if (i == d->n_patterns)
		return tell(d, 0, NULL, "looks for no content: nothing of a payload is matched",
			    BH_SIGNATURE_SKIPPED);
	rc = bh_suricata_finish_patterns(d);
	return rc != 0 ? rc : bh_suricata_header(d);
}

/* The rule's key, kept; *taken is another rule that has it. */
static int
take_number(struct bh_suricata_draft *d, void ***cell, bool *fresh)
{
	char *key = bh_sig_printf(&d->sig->arena, "%u:%u", d->gid != 0 ? d->gid : 1, d->sid);

	*cell = key != NULL ? bh_sig_name(&d->sig->sids, key, fresh) : NULL;
	return *cell == NULL ? -ENOMEM : 0;
}

static int
one_rule(struct bh_sig *s, struct bh_sensor *sensor, struct bh_suricata_rule *r)
{
	struct bh_suricata_draft *d;
	struct bh_arena arena = {0};
	void **cell;
	bool fresh = true;
	int rc;

	d = bh_arena_alloc(&arena, sizeof(*d));
	if (d == NULL)
		return -ENOMEM;
	d->sig = s;
	d->arena = &arena;
	d->rule = r;
	d->fate = -1;
	rc = bh_suricata_split(&arena, r);
	if (rc == -EINVAL)
		rc = bh_suricata_refuse(d, r->mistake_at, NULL, r->mistake);
	else if (rc == 0)
		rc = read_options(d);
	if (rc == 0)
		rc = check(d);
	if (rc == 0 && (d->fate < 0 || d->fate == BH_SIGNATURE_CHANGED)) {
		rc = take_number(d, &cell, &fresh);
		if (rc == 0 && !fresh)
			rc = tell(d, 0, "sid", "another rule has this number already",
				  BH_SIGNATURE_SKIPPED);
		else if (rc == 0)
			rc = bh_suricata_write(d, sensor);
		if (rc == 0 && d->fate == BH_SIGNATURE_CHANGED)
			*cell = d->sig; /* what counts is that it is there */
	}
	if (d->fate == BH_SIGNATURE_REFUSED || d->fate == BH_SIGNATURE_SKIPPED)
		bh_sig_file(s)->left_out++;
	else if (d->fate == BH_SIGNATURE_CHANGED)
		bh_sig_file(s)->changed++;
	bh_arena_free(&arena);
	return rc;
}

/* Behind a byte order mark, if there is one. */
static struct bh_suricata_file
whole_file(const char *text, size_t len)
{
	size_t mark = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	return (struct bh_suricata_file){.at = text + mark, .end = text + len, .line = 1};
}

bool
bh_suricata_sniff(const char *name, const char *text, size_t len)
{
	struct bh_suricata_file f = whole_file(text, len);
	struct bh_suricata_rule r;
	size_t n = strlen(name);
	unsigned i;

	if (n > 6 && strcmp(name + n - 6, ".rules") == 0)
		return true;
	/* The first ones may have a mistake. */
	for (i = 0; i < SNIFF_MAX && bh_suricata_next(&f, &r); i++) {
		if (bh_suricata_is_rule(r.text, r.text + r.len))
			return true;
	}
	return i == 0 && f.disabled != 0;
}

int
bh_sig_read_suricata(struct bh_sig *s, const char *text, size_t len)
{
	struct bh_suricata_file f = whole_file(text, len);
	struct bh_suricata_rule r;
	struct bh_sensor *sensor;
	int rc = 0;

	if (s->options.cell == NULL)
		rc = index_options(s);
	sensor = rc == 0 ? bh_sig_file_sensor(s) : NULL;
	if (sensor == NULL)
		return bh_sig_nomem(s);
	while (rc == 0 && bh_suricata_next(&f, &r))
		rc = one_rule(s, sensor, &r);
	bh_sig_file(s)->disabled = f.disabled;
	return rc == -ENOMEM ? bh_sig_nomem(s) : rc;
}
