/* Any bytes as a file of Suricata's rules. Beyond no crash: it always loads; counts add up; notes have places that the
 * text has and a sentence, in order; rules that are loaded pass bh_sensor_check(); the same text gives the same again. */
#include <errno.h>
#include <stdlib.h>

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
	unsigned n = 1;
	size_t i;

	for (i = 0; i < size; i++)
		n += data[i] == '\n';
	return n;
}

static void
check_notes(const struct bh_signature_report *r, unsigned lines)
{
	size_t i;

	for (i = 0; i < r->n_notes; i++) {
		MUST(r->note[i].text[0] != '\0' && r->note[i].fate < BH_SIGNATURE_FATES);
		MUST(r->note[i].line >= 1 && r->note[i].line <= lines);
		MUST(i == 0 || r->note[i - 1].line <= r->note[i].line);
	}
}

static void
check_rules(const struct bh_signatures *s)
{
	const struct bh_signature_file *f = &s->report.file[0];
	const struct bh_signature_ends ends = {.client_port = 1, .server_port = 80, .proto = 6};
	struct bh_sensor_rule *rule;
	uint32_t n = 0, off = 0;
	bool allows;

	for (rule = s->model->sensors->rules; rule != NULL; rule = rule->next) {
		off += rule->off;
		n += !rule->off;
		MUST(rule->sid != 0 && rule->patterns != NULL);
		MUST(rule->off || bh_sensor_check(s->model, rule, NULL) == 0);
		allows = bh_signature_allows(s, rule, &ends);
		MUST(allows == bh_signature_allows(s, rule, &ends));
	}
	MUST(n == f->rules && off <= f->left_out && f->changed <= f->rules);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char first[] =
		"alert tcp any any -> any any (content:\"a\"; sid:4294967295;)\n";
	const struct bh_signature_params params = {0};
	struct bh_signatures *a, *b;
	size_t len = sizeof(first) - 1 + size;
	char *text = malloc(len + 1);

	/* The first line says of which form it is. */
	MUST(text != NULL);
	memcpy(text, first, sizeof(first) - 1);
	if (size != 0)
		memcpy(text + sizeof(first) - 1, data, size);
	text[len] = '\0';
	MUST(bh_signature_load_text(&params, "f.rules", text, len, &a, NULL) == 0);
	MUST(a->report.file[0].form == BH_SIGNATURE_SURICATA && a->report.file[0].rules >= 1);
	check_notes(&a->report, lines_of((const uint8_t *)text, len));
	check_rules(a);
	MUST(bh_signature_load_text(&params, "f.rules", text, len, &b, NULL) == 0);
	MUST(a->report.n_notes == b->report.n_notes &&
	     a->report.file[0].patterns == b->report.file[0].patterns);
	bh_signatures_free(a);
	bh_signatures_free(b);
	free(text);
	return 0;
}
