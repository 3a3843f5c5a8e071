/* Any bytes as documents of sensors, ours or the container firewall's. Beyond no crash: a refusal has a sentence and a
 * line that the text has, and leaves no result; what loads has counts that add up, attachments that name a sensor that
 * is there, and the same again for the same text. */
#include <errno.h>
#include <stdlib.h>

#include "../../lib/inspect/inspect.h"
#include "../../lib/signature/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x)                                                                                    \
	do {                                                                                       \
		if (!(x))                                                                          \
			abort();                                                                   \
	} while (0)

static unsigned
lines_of(const uint8_t *data, size_t size)
{
	unsigned n = 2;
	size_t i;

	/* YAML has more ends of a line than one, of up to three bytes: count any byte they may end with. */
	for (i = 0; i < size; i++)
		n += data[i] == '\n' || data[i] == '\r' || data[i] >= 0x80;
	return n;
}

static void
check_where(const struct bh_signature_where *w, size_t n, unsigned lines)
{
	size_t i;

	for (i = 0; i < n; i++) {
		MUST(w[i].line >= 1 && w[i].line <= lines && w[i].action <= BH_SENSOR_QUARANTINE);
		MUST((w[i].sensor == NULL) ==
		     (w[i].found == NULL && w[i].class == BH_INSPECT_CLASS_COUNT));
		MUST(w[i].found == NULL || strcmp(w[i].found->name, w[i].sensor) == 0);
		MUST(w[i].segments.n == 0 || w[i].segments.name[w[i].segments.n - 1][0] != '\0');
	}
}

static void
check(const struct bh_signatures *s, unsigned lines)
{
	const struct bh_signature_file *f = &s->report.file[0];
	const struct bh_sensor_pattern *p;
	const struct bh_sensor_rule *rule;
	const struct bh_sensor *sensor;
	uint32_t sensors = 0, rules = 0, patterns = 0;

	for (sensor = s->model->sensors; sensor != NULL; sensor = sensor->next) {
		sensors++;
		MUST(sensor->severity >= 1 && sensor->severity <= 3);
		for (rule = sensor->rules; rule != NULL; rule = rule->next) {
			rules += !rule->off;
			MUST(rule->line <= lines);
			for (p = rule->patterns; p != NULL; p = p->next) {
				patterns++;
				MUST(p->len != 0 && p->line >= 1 && p->line <= lines);
				MUST(p->context < BH_SENSOR_CONTEXTS);
			}
		}
	}
	MUST(sensors == f->sensors && rules == f->rules && patterns == f->patterns);
	MUST(f->attachments == s->n_attachments && f->exceptions == s->n_exceptions);
	if (f->form != BH_SIGNATURE_SURICATA) {
		check_where(s->attachment, s->n_attachments, lines);
		check_where(s->exception, s->n_exceptions, lines);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct bh_signature_params params = {0};
	unsigned lines = lines_of(data, size);
	struct bh_signatures *a = NULL, *b = NULL;
	struct bh_err err = {0};
	char *text = malloc(size + 1);
	int rc;

	MUST(text != NULL);
	if (size != 0)
		memcpy(text, data, size);
	text[size] = '\0';
	rc = bh_signature_load_text(&params, "f.yaml", text, size, &a, &err);
	MUST(rc <= 0 && (rc == 0) == (err.what[0] == '\0') && err.line <= lines);
	MUST((rc == 0) == (a != NULL));
	if (rc == 0) {
		check(a, lines);
		MUST(bh_signature_load_text(&params, "f.yaml", text, size, &b, NULL) == 0);
		MUST(a->n_attachments == b->n_attachments &&
		     a->report.n_notes == b->report.n_notes);
	}
	bh_signatures_free(a);
	bh_signatures_free(b);
	free(text);
	return 0;
}
