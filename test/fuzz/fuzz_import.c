/* Any bytes as documents of another system; and as a policy of ours to export. Beyond no crash: a refusal
 * has a sentence and a line that the text has; what is imported loads as a policy, the same twice; what
 * is exported is imported again. */
#include <errno.h>
#include <stdlib.h>

#include "../../lib/import/import.h"
#include "../../lib/policy/policy.h"

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
note(void *arg, const char *file, unsigned line, unsigned column, const char *text)
{
	MUST(text[0] != '\0' && line <= *(unsigned *)arg);
	MUST((line == 0) == (column == 0));
	(void)file;
}

static void
must_load(const struct bh_buf *text)
{
	struct bh_policy_params params = {.max_endpoints = 16};
	struct bh_err err = {0};
	struct bh_policy *p;

	MUST(bh_policy_create(&p, &params) == 0);
	MUST(bh_policy_load_text(p, "out", text->data, text->len, true, NULL, &err) == 0);
	bh_policy_destroy(p);
}

static int
import(const char *text, size_t len, enum bh_form form, unsigned *lines, struct bh_buf *out)
{
	const struct bh_import_input in = {"in", text, len};
	struct bh_prefix pods = {.addr = {10}, .family = 4, .len = 8};
	struct bh_import_params p = {.form = form,
				     .input = &in,
				     .n_inputs = 1,
				     .pods = &pods,
				     .n_pods = len % 2,
				     .note = note,
				     .arg = lines};
	struct bh_err err = {0};
	int rc = bh_import(&p, out, &err);

	MUST(rc <= 0 && (rc == 0) == (err.what[0] == '\0') && err.line <= *lines);
	return rc;
}

static void
check_export(const char *text, size_t len, enum bh_form form, unsigned *lines)
{
	struct bh_export_params p = {.form = form,
				     .input = {"in", text, len},
				     .note = note,
				     .arg = lines};
	struct bh_buf out = {0}, back = {0};
	struct bh_err err = {0};
	unsigned many = UINT32_MAX;

	if (bh_export(&p, &out, &err) == 0 && out.len != 0)
		MUST(import(out.data, out.len, form, &many, &back) == 0);
	bh_buf_free(&out);
	bh_buf_free(&back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bh_buf out = {0}, again = {0};
	unsigned lines = lines_of(data, size);
	char *text = malloc(size + 1);

	MUST(text != NULL);
	if (size != 0)
		memcpy(text, data, size);
	text[size] = '\0';
	if (import(text, size, BH_FORM_AUTO, &lines, &out) == 0) {
		must_load(&out);
		MUST(import(text, size, BH_FORM_AUTO, &lines, &again) == 0);
		MUST(out.len == again.len && memcmp(out.data, again.data, out.len) == 0);
		check_export(out.data, out.len, BH_FORM_NETWORKPOLICY, &(unsigned){UINT32_MAX});
	}
	check_export(text, size, BH_FORM_NETWORKPOLICY, &lines);
	check_export(text, size, BH_FORM_NV, &lines);
	bh_buf_free(&out);
	bh_buf_free(&again);
	free(text);
	return 0;
}
