/* Many spellings of attacks, each also as encoders of the way wrap it, and many ordinary texts in the same wrappings. */
#include "inspect_rig.h"
#include "unit.h"

#define C(class) BH_INSPECT_BIT(BH_INSPECT_##class)

struct variant {
	const char *text;
	uint64_t classes; /* any of them names it */
	uint8_t where;
};

static const struct variant attacks[] = {
#define VARIANT(at, set, value) {value, set, at},
#include "inspect_attack.def"
};
static const struct variant leaks[] = {
#include "inspect_leak.def"
#undef VARIANT
};
static const char *const ordinary[] = {
#define ORDINARY(value) value,
#include "inspect_ordinary.def"
#undef ORDINARY
};

/* ---- wrappings: each writes what a decoder turns back into the text ------------------------------------------- */

static size_t
as_it_is(char *out, const char *text)
{
	return (size_t)sprintf(out, "%s", text);
}

static size_t
percent(char *out, const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += (size_t)sprintf(out + n, "%%%02x", (uint8_t)*text);
	return n;
}

static size_t
percent_twice(char *out, const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += (size_t)sprintf(out + n, "%%25%02X", (uint8_t)*text);
	return n;
}

/* RFC 8259 7: as a string of JSON within a string. */
static size_t
json_escapes(char *out, const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += (size_t)sprintf(out + n, (uint8_t)*text < 0x80 ? "\\u%04x" : "%c",
				     (uint8_t)*text);
	return n;
}

static size_t (*const wraps[])(char *out, const char *text) = {
	as_it_is,
	percent,
	percent_twice,
	json_escapes,
};

/* What an encoding in the text itself becomes when it is wrapped again is another text. */
static bool
is_plain(const char *text)
{
	return strchr(text, '%') == NULL && strchr(text, '\\') == NULL && strchr(text, '&') == NULL;
}

static void
all_are_seen(const struct variant *list, size_t n, unsigned n_wraps)
{
	static char out[4096];
	size_t i;
	unsigned k;

	for (i = 0; i < n; i++) {
		for (k = 0; k < n_wraps; k++) {
			bool name = list[i].where == BH_AT_HEADER;
			size_t len;

			if (k > 0 && (!is_plain(list[i].text) || list[i].where != BH_AT_ARG))
				continue;
			len = wraps[k](out, list[i].text);
			if (inspect_at(list[i].where, name ? "user-agent" : "q", out, len) &
			    list[i].classes)
				continue;
			fprintf(stderr, "not seen in wrapping %u: %s\n", k, list[i].text);
			CU_ASSERT(false);
		}
	}
}

static void
attacks_are_seen_however_they_are_spelt(void)
{
	all_are_seen(attacks, BH_ARRAY_SIZE(attacks), BH_ARRAY_SIZE(wraps));
}

static void
what_servers_say_when_they_fail_is_seen(void)
{
	all_are_seen(leaks, BH_ARRAY_SIZE(leaks), 1);
}

static void
ordinary_texts_are_ordinary_however_they_are_spelt(void)
{
	static char out[4096];
	size_t i;
	unsigned k;

	for (i = 0; i < BH_ARRAY_SIZE(ordinary); i++) {
		for (k = 0; k < BH_ARRAY_SIZE(wraps); k++) {
			if (k > 0 && !is_plain(ordinary[i]))
				continue;
			if (inspect_at(BH_AT_ARG, "q", out, wraps[k](out, ordinary[i])) == 0)
				continue;
			fprintf(stderr, "seen in wrapping %u: %s\n", k, ordinary[i]);
			CU_ASSERT(false);
		}
	}
}

/* An answer in prose is no error of a server. */
static void
ordinary_texts_leak_nothing(void)
{
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(ordinary); i++) {
		if (inspect_at(BH_AT_RESPONSE, NULL, ordinary[i], strlen(ordinary[i])) == 0)
			continue;
		fprintf(stderr, "a leak: %s\n", ordinary[i]);
		CU_ASSERT(false);
	}
}

const struct bh_unit_test bh_suite_inspect_variants[] = {
	BH_TEST(attacks_are_seen_however_they_are_spelt),
	BH_TEST(what_servers_say_when_they_fail_is_seen),
	BH_TEST(ordinary_texts_are_ordinary_however_they_are_spelt),
	BH_TEST(ordinary_texts_leak_nothing),
	BH_TEST_END,
};
