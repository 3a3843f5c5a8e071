/* help: made from the tables. */
#include "ctl.h"

static const struct {
	const char *name;
	char letter;
	const char *value, *text;
} help_option[] = {
#define BH_OPTION(field, name, letter, value, text) {name, letter, value, text},
#include "option.def"
#undef BH_OPTION
};

static void
help_option_line(FILE *out, size_t i)
{
	char left[40], letter[8] = "    ";

	if (help_option[i].letter != 0)
		snprintf(letter, sizeof(letter), "-%c, ", help_option[i].letter);
	snprintf(left, sizeof(left), "%s--%s %s", letter, help_option[i].name,
		 help_option[i].value != NULL ? help_option[i].value : "");
	fprintf(out, "  %-26s %s\n", left, help_option[i].text);
}

static void
help_kinds(FILE *out)
{
	size_t i;

	fprintf(out, "\nKinds:");
	for (i = 0; bh_ctl_kind_name(i) != NULL; i++)
		fprintf(out, " %s", bh_ctl_kind_name(i));
	fprintf(out, "\n");
}

static void
help_exit_codes(FILE *out)
{
	fprintf(out, "\nExit codes:\n"
		     "  0  done, or yes\n"
		     "  1  no: it differs (diff), is not there (get, describe), is not healthy "
		     "(health, doctor)\n"
		     "  2  the command line, or a file that cannot be read\n"
		     "  3  the gateway refused; it says why\n"
		     "  4  no gateway answers there\n");
}

static void
help_verb(FILE *out, const struct bh_ctl_verb *v)
{
	size_t i;

	fprintf(out, "bulkheadctl %s %s\n  %s\n\nOptions:\n", v->name, v->usage, v->text);
	for (i = 0; i < BH_ARRAY_SIZE(help_option); i++) {
		if (bh_ctl_word_in(help_option[i].name, v->options))
			help_option_line(out, i);
	}
	for (i = 0; i < BH_ARRAY_SIZE(help_option); i++) {
		if (bh_ctl_word_in(help_option[i].name,
				   "server token-file ca cert key context output help"))
			help_option_line(out, i);
	}
	if (strncmp(v->usage, "KIND", 4) == 0)
		help_kinds(out);
}

void
bh_ctl_help(FILE *out, const struct bh_ctl_verb *verb)
{
	size_t i;

	if (verb != NULL) {
		help_verb(out, verb);
		help_exit_codes(out);
		return;
	}
	fprintf(out, "bulkheadctl VERB ... [OPTIONS]: talk to a Bulkhead gateway\n\nVerbs:\n");
	for (i = 0; i < bh_ctl_n_verbs; i++) {
		char left[64];

		snprintf(left, sizeof(left), "%s %s", bh_ctl_verbs[i].name, bh_ctl_verbs[i].usage);
		fprintf(out, "  %-46s %s\n", left, bh_ctl_verbs[i].text);
	}
	help_kinds(out);
	fprintf(out, "\nOptions, before or behind the verb:\n");
	for (i = 0; i < BH_ARRAY_SIZE(help_option); i++)
		help_option_line(out, i);
	help_exit_codes(out);
}
