/* yaml: any JSON value as YAML 1.2 in block style. Strings that could be read as anything else are in double quotes,
 * with JSON's escapes, which are YAML's too. */
#include <stdlib.h>
#include <strings.h>

#include "ctl.h"

/* Letters, digits and a few others, beginning with a letter, and no word that means something. */
static bool
yaml_is_plain(const char *s)
{
	static const char *const words[] = {"true", "false", "null", "yes", "no", "on", "off"};
	size_t i,
		n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-");

	if (n == 0 || s[n] != '\0' || ((s[0] | 0x20) < 'a' || (s[0] | 0x20) > 'z'))
		return false;
	for (i = 0; i < BH_ARRAY_SIZE(words); i++) {
		if (strcasecmp(s, words[i]) == 0)
			return false;
	}
	return true;
}

static void
yaml_put_scalar(FILE *out, json_t *v)
{
	const char *s = json_string_value(v);
	char *text;

	if (s != NULL && yaml_is_plain(s)) {
		fputs(s, out);
		return;
	}
	/* Escapes what a terminal could take for a command, too. */
	text = json_dumps(v, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	fputs(text != NULL ? text : "null", out);
	free(text);
}

static bool
yaml_is_nested(const json_t *v)
{
	return (json_is_object(v) && json_object_size(v) != 0) ||
	       (json_is_array(v) && json_array_size(v) != 0);
}

static void yaml_put_block(FILE *out, json_t *v, unsigned indent, bool first_inline);

static void
yaml_put_value(FILE *out, json_t *v, unsigned indent)
{
	if (yaml_is_nested(v)) {
		fputc('\n', out);
		yaml_put_block(out, v, indent, false);
	} else {
		fputc(' ', out);
		if (json_is_object(v) || json_is_array(v))
			fputs(json_is_object(v) ? "{}" : "[]", out);
		else
			yaml_put_scalar(out, v);
		fputc('\n', out);
	}
}

/* first_inline: the cursor stands behind "- " already. Depth is bounded by jansson's parser (2,048). */
static void
yaml_put_block(FILE *out, json_t *v, unsigned indent, bool first_inline)
{
	const char *key;
	json_t *one;
	size_t i;

	if (json_is_object(v)) {
		json_object_foreach(v, key, one)
		{
			fprintf(out, "%*s", first_inline ? 0 : (int)indent, "");
			first_inline = false;
			if (yaml_is_plain(key)) {
				fputs(key, out);
			} else {
				json_t *k = json_string(key);

				yaml_put_scalar(out, k);
				json_decref(k);
			}
			fputc(':', out);
			yaml_put_value(out, one, indent + 2);
		}
		return;
	}
	json_array_foreach(v, i, one)
	{
		fprintf(out, "%*s-", first_inline ? 0 : (int)indent, "");
		first_inline = false;
		if (yaml_is_nested(one)) {
			fputc(' ', out);
			yaml_put_block(out, one, indent + 2, true);
		} else {
			yaml_put_value(out, one, indent + 2);
		}
	}
}

void
bh_ctl_print_yaml(struct bh_ctl *ctl, json_t *v)
{
	if (yaml_is_nested(v)) {
		yaml_put_block(ctl->out, v, 0, false);
	} else {
		yaml_put_scalar(ctl->out, v);
		fputc('\n', ctl->out);
	}
}
