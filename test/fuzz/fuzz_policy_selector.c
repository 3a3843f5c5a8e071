/* Any text as a label selector. Beyond no crash: a refusal has a sentence and a place inside the text;
 * what is accepted matches the same whichever way its requirements are given (as one text, or one by
 * one), and never depends on the order of the labels. */
#include <stdlib.h>

#include "../../lib/policy/policy_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x)                                                                                    \
	do {                                                                                       \
		if (!(x))                                                                          \
			abort();                                                                   \
	} while (0)

static void
check_match(struct bh_arena *a, const struct bh_selector *s)
{
	struct bh_label labels[4] = {{"a", "b"}, {"app", "web-7"}, {"pci", ""}, {"k", "v"}},
			swapped[4];
	const struct bh_requirement *r;
	unsigned i, n;
	bool all;

	for (n = 0; n <= 4; n++) {
		for (i = 0; i < n; i++)
			swapped[i] = labels[n - 1 - i];
		for (all = true, r = s->first; r != NULL; r = r->next) {
			struct bh_requirement one = *r;
			struct bh_selector alone = {.first = &one};

			one.next = NULL;
			all &= bh_selector_match(&alone, labels, n);
		}
		MUST(bh_selector_match(s, labels, n) == all);
		MUST(bh_selector_match(s, swapped, n) == all);
	}
	(void)a;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bh_arena a = {0};
	struct bh_selector *s = NULL;
	struct bh_err err = {0};
	char *text = malloc(size + 1);
	size_t at = 0;

	MUST(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	if (bh_selector_parse(&a, text, &s, &at, &err) == 0) {
		MUST(s->first != NULL && err.what[0] == '\0');
		check_match(&a, s);
	} else {
		MUST(err.what[0] != '\0' && at <= strlen(text));
	}
	bh_arena_free(&a);
	free(text);
	return 0;
}
