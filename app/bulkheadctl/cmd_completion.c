/* completion and man: made from the same tables as help, so that none can say what is not so. */
#include "ctl.h"

static const struct {
	const char *name, *value, *text;
	char letter;
} completion_option[] = {
#define BH_OPTION(field, name, letter, value, text) {name, value, text, letter},
#include "option.def"
#undef BH_OPTION
};

static void
completion_words(struct bh_ctl *ctl, bool kinds)
{
	size_t i;

	if (kinds) {
		for (i = 0; bh_ctl_kind_name(i) != NULL; i++)
			fprintf(ctl->out, "%s%s", i != 0 ? " " : "", bh_ctl_kind_name(i));
		return;
	}
	for (i = 0; i < bh_ctl_n_verbs; i++)
		fprintf(ctl->out, "%s%s", i != 0 ? " " : "", bh_ctl_verbs[i].name);
}

static void
completion_bash(struct bh_ctl *ctl)
{
	size_t i;

	fprintf(ctl->out, "_bulkheadctl() {\n\tlocal w=${COMP_WORDS[COMP_CWORD]} words\n"
			  "\tcase ${COMP_WORDS[COMP_CWORD-1]} in\n"
			  "\t-f|--file|-c|--config|-t|--token-file|--ca|--cert|--key) "
			  "COMPREPLY=($(compgen -f "
			  "-- \"$w\")); "
			  "return ;;\n"
			  "\t-o|--output) words='table wide json yaml' ;;\n"
			  "\tget|describe) words='");
	completion_words(ctl, true);
	fprintf(ctl->out, "' ;;\n\tlabel|create|delete) words=endpoint ;;\n\t*) words='");
	completion_words(ctl, false);
	fprintf(ctl->out, "' ;;\n\tesac\n\t[[ $w == -* ]] && words='");
	for (i = 0; i < BH_ARRAY_SIZE(completion_option); i++)
		fprintf(ctl->out, "--%s ", completion_option[i].name);
	fprintf(ctl->out, "'\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$w\"))\n}\n"
			  "complete -F _bulkheadctl bulkheadctl\n");
}

/* Inside single quotes of any of the shells, and zsh's brackets. */
static void
completion_quoted(FILE *out, const char *s)
{
	for (; *s != '\0'; s++)
		fputc(*s == '\''  ? '`'
		      : *s == '[' ? '('
		      : *s == ']' ? ')'
		      : *s == ':' ? ','
				  : *s,
		      out);
}

static void
completion_zsh(struct bh_ctl *ctl)
{
	size_t i;

	fprintf(ctl->out,
		"#compdef bulkheadctl\n_bulkheadctl() {\n\tlocal -a verbs kinds\n\tverbs=(");
	for (i = 0; i < bh_ctl_n_verbs; i++) {
		fprintf(ctl->out, "\n\t\t'%s:", bh_ctl_verbs[i].name);
		completion_quoted(ctl->out, bh_ctl_verbs[i].text);
		fputc('\'', ctl->out);
	}
	fprintf(ctl->out, ")\n\tkinds=(");
	completion_words(ctl, true);
	fprintf(ctl->out, ")\n\t_arguments");
	for (i = 0; i < BH_ARRAY_SIZE(completion_option); i++) {
		fprintf(ctl->out, " \\\n\t\t'--%s[", completion_option[i].name);
		completion_quoted(ctl->out, completion_option[i].text);
		fprintf(ctl->out, "]%s%s%s'", completion_option[i].value != NULL ? ":" : "",
			completion_option[i].value != NULL ? completion_option[i].name : "",
			completion_option[i].value == NULL                ? ""
			: strcmp(completion_option[i].value, "FILE") == 0 ? ":_files"
			: strcmp(completion_option[i].name, "output") == 0
				? ":(table wide json yaml)"
				: ":");
	}
	fprintf(ctl->out, " \\\n\t\t'1:verb:{_describe verb verbs}' \\\n"
			  "\t\t'2:kind:{_describe kind kinds}' \\\n\t\t'*:file:_files'\n}\n"
			  "compdef _bulkheadctl bulkheadctl\n");
}

static void
completion_fish(struct bh_ctl *ctl)
{
	size_t i;

	for (i = 0; i < bh_ctl_n_verbs; i++) {
		fprintf(ctl->out, "complete -c bulkheadctl -n __fish_use_subcommand -f -a %s -d '",
			bh_ctl_verbs[i].name);
		completion_quoted(ctl->out, bh_ctl_verbs[i].text);
		fprintf(ctl->out, "'\n");
	}
	fprintf(ctl->out,
		"complete -c bulkheadctl -n '__fish_seen_subcommand_from get describe' -f -a '");
	completion_words(ctl, true);
	fprintf(ctl->out, "'\n");
	for (i = 0; i < BH_ARRAY_SIZE(completion_option); i++) {
		fprintf(ctl->out, "complete -c bulkheadctl -l %s%s -d '", completion_option[i].name,
			completion_option[i].value != NULL ? " -r" : "");
		completion_quoted(ctl->out, completion_option[i].text);
		fprintf(ctl->out, "'\n");
	}
}

int
bh_ctl_completion(struct bh_ctl *ctl)
{
	static const struct {
		const char *name;
		void (*fn)(struct bh_ctl *ctl);
	} shells[] = {{"bash", completion_bash},
		      {"zsh", completion_zsh},
		      {"fish", completion_fish}};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(shells); i++) {
		if (strcmp(ctl->a.word[0], shells[i].name) == 0) {
			shells[i].fn(ctl);
			return BH_CTL_OK;
		}
	}
	fprintf(ctl->err, "bulkheadctl: completion is there for bash, zsh and fish\n");
	return BH_CTL_USAGE;
}

/* ---- man ------------------------------------------------------------------------------------------------ */

/* A backslash and a hyphen are troff's. */
static void
completion_roff(FILE *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\\')
			fputs("\\e", out);
		else if (*s == '-')
			fputs("\\-", out);
		else
			fputc(*s, out);
	}
}

int
bh_ctl_man(struct bh_ctl *ctl)
{
	FILE *out = ctl->out;
	size_t i;

	fprintf(out,
		".TH BULKHEADCTL 1 \"\" \"Bulkhead %s\" \"User Commands\"\n.SH NAME\n"
		"bulkheadctl \\- talk to a Bulkhead gateway\n.SH SYNOPSIS\n"
		".B bulkheadctl\n.I VERB\n.RI [ ARGUMENT .\\|.\\|.]\n.RI [ OPTIONS ]\n"
		".SH DESCRIPTION\nEverything the gateway's REST API does, on the command line.\n"
		".SH VERBS\n",
		BH_VERSION);
	for (i = 0; i < bh_ctl_n_verbs; i++) {
		fprintf(out, ".TP\n.B ");
		completion_roff(out, bh_ctl_verbs[i].name);
		fputc(' ', out);
		completion_roff(out, bh_ctl_verbs[i].usage);
		fputc('\n', out);
		completion_roff(out, bh_ctl_verbs[i].text);
		fputc('\n', out);
	}
	fprintf(out, ".SH KINDS\n");
	completion_words(ctl, true);
	fprintf(out, "\n.SH OPTIONS\n");
	for (i = 0; i < BH_ARRAY_SIZE(completion_option); i++) {
		fprintf(out, ".TP\n.B ");
		if (completion_option[i].letter != '\0')
			fprintf(out, "\\-%c, ", completion_option[i].letter);
		fputs("\\-\\-", out);
		completion_roff(out, completion_option[i].name);
		fprintf(out, " %s\n",
			completion_option[i].value != NULL ? completion_option[i].value : "");
		completion_roff(out, completion_option[i].text);
		fputc('\n', out);
	}
	fprintf(out,
		".SH EXIT STATUS\n.TP\n.B 0\ndone, or yes\n.TP\n.B 1\nno: it differs, is not "
		"there, is not healthy\n.TP\n.B 2\nthe command line, or a file that cannot be "
		"read\n.TP\n.B 3\nthe gateway refused; it says why\n.TP\n.B 4\nno gateway answers "
		"there\n.SH SEE ALSO\n.BR bulkhead (8)\n");
	return BH_CTL_OK;
}
