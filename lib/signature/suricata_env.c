/* What rules refer to: variables of addresses and ports, and kinds of attack. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "suricata.h"

/* Used where the file of variables does not define them. Addresses are any: which segments a sensor is attached
 * to says where it looks. */
static const struct bh_suricata_var var_normal[2][24] = {
	{
		{"HOME_NET", "any"},
		{"EXTERNAL_NET", "any"},
		{"HTTP_SERVERS", "$HOME_NET"},
		{"SMTP_SERVERS", "$HOME_NET"},
		{"SQL_SERVERS", "$HOME_NET"},
		{"DNS_SERVERS", "$HOME_NET"},
		{"TELNET_SERVERS", "$HOME_NET"},
		{"SSH_SERVERS", "$HOME_NET"},
		{"FTP_SERVERS", "$HOME_NET"},
		{"SIP_SERVERS", "$HOME_NET"},
		{"AIM_SERVERS", "$EXTERNAL_NET"},
		{"DC_SERVERS", "$HOME_NET"},
		{"DNP3_SERVER", "$HOME_NET"},
		{"DNP3_CLIENT", "$HOME_NET"},
		{"MODBUS_CLIENT", "$HOME_NET"},
		{"MODBUS_SERVER", "$HOME_NET"},
		{"ENIP_CLIENT", "$HOME_NET"},
		{"ENIP_SERVER", "$HOME_NET"},
	},
	{
		{"HTTP_PORTS", "80"},
		{"SHELLCODE_PORTS", "!80"},
		{"ORACLE_PORTS", "1521"},
		{"SSH_PORTS", "22"},
		{"DNP3_PORTS", "20000"},
		{"MODBUS_PORTS", "502"},
		{"FILE_DATA_PORTS", "[$HTTP_PORTS,110,143]"},
		{"FTP_PORTS", "21"},
		{"SIP_PORTS", "5060"},
		{"GENEVE_PORTS", "6081"},
		{"VXLAN_PORTS", "4789"},
		{"TEREDO_PORTS", "3544"},
	},
};

const char *
bh_suricata_var(const struct bh_suricata_vars *vars, bool ports, const char *name)
{
	size_t i;

	for (i = vars != NULL ? vars->n[ports] : 0; i-- > 0;) {
		if (strcmp(vars->var[ports][i].name, name) == 0)
			return vars->var[ports][i].text;
	}
	for (i = 0; var_normal[ports][i].name != NULL; i++) {
		if (strcmp(var_normal[ports][i].name, name) == 0)
			return var_normal[ports][i].text;
	}
	return NULL;
}

/* One map of names to texts. */
static int
read_group(struct bh_sig *s, const struct bh_yaml_doc *doc, const struct bh_yaml *map, bool ports)
{
	struct bh_suricata_vars *vars = &s->vars;
	char found[BH_FOUND_LEN];
	size_t i;
	int rc = 0;

	if (map == NULL || bh_yaml_is_null(map))
		return 0;
	if (map->type != BH_YAML_MAP)
		return bh_yaml_err(doc, map, s->err, "expected a map of variables to %s, found %s",
				   ports ? "ports" : "addresses",
				   bh_yaml_found(map, found, sizeof(found)));
	for (i = 0; rc == 0 && i < map->n; i++) {
		struct bh_suricata_var v = {.name = bh_arena_text(&s->arena, map->key[i]->text,
								  strlen(map->key[i]->text))};
		struct bh_suricata_bad bad = {0};
		struct bh_spans spans = {0};
		const char *text;

		rc = bh_yaml_str(doc, map->item[i], &text, s->err);
		if (rc != 0)
			break;
		v.text = bh_arena_text(&s->arena, text, strlen(text));
		if (v.name == NULL || v.text == NULL)
			return bh_err_set(s->err, ENOMEM, "out of memory");
		rc = bh_arena_push(&s->arena, &vars->var[ports], &vars->n[ports], &v, sizeof(v));
		/* A variable may name one that comes later: only what is wrong in itself is told here. */
		if (rc == 0 && strchr(v.text, '$') == NULL) {
			rc = bh_suricata_set(vars, ports, v.text, &spans, &bad);
			if (rc == -EINVAL)
				bh_yaml_err_in(doc, map->item[i], bad.at, s->err, "%s", bad.what);
			bh_sig_spans_free(&spans);
		}
	}
	return rc == -ENOMEM ? bh_err_set(s->err, ENOMEM, "out of memory") : rc;
}

int
bh_suricata_read_vars(struct bh_sig *s, const char *path)
{
	struct bh_yaml_doc *doc;
	const struct bh_yaml *root, *vars;
	int rc = bh_yaml_load_file(&doc, path, s->err);

	if (rc != 0)
		return rc;
	root = bh_yaml_root(doc);
	vars = root->type == BH_YAML_MAP ? bh_yaml_get(root, "vars") : NULL;
	if (vars == NULL || vars->type != BH_YAML_MAP)
		rc = bh_yaml_err(doc, root, s->err,
				 "expected 'vars' with 'address-groups' and 'port-groups', each a "
				 "map of variables");
	if (rc == 0)
		rc = read_group(s, doc, bh_yaml_get(vars, "address-groups"), false);
	if (rc == 0)
		rc = read_group(s, doc, bh_yaml_get(vars, "port-groups"), true);
	bh_yaml_free(doc);
	return rc;
}

static const struct {
	const char *name;
	uint8_t priority;
} classtypes[] = {
#define BH_CLASSTYPE(name, priority) {name, priority},
#include "classtype.def"
#undef BH_CLASSTYPE
};

unsigned
bh_suricata_priority(const struct bh_sig *s, const char *classtype)
{
	size_t i;

	for (i = s->n_classes; i-- > 0;) {
		if (strcmp(s->class[i].name, classtype) == 0)
			return s->class[i].priority;
	}
	for (i = 0; i < BH_ARRAY_SIZE(classtypes); i++) {
		if (strcmp(classtypes[i].name, classtype) == 0)
			return classtypes[i].priority;
	}
	return 0;
}

/* "config classification: NAME,TEXT,PRIORITY" */
static int
read_class(struct bh_sig *s, const char *file, unsigned line, char *text)
{
	static const char head[] = "config classification:";
	struct bh_sig_class c = {0};
	char *name, *comma, *last, *end;
	unsigned long priority = 0;

	text += strspn(text, " \t");
	if (*text == '#' || *text == '\0')
		return 0;
	name = text + strlen(head);
	if (strncmp(text, head, strlen(head)) == 0) {
		name += strspn(name, " \t");
		comma = strchr(name, ',');
		last = comma != NULL ? strrchr(comma + 1, ',') : NULL;
		if (last != NULL) {
			*comma = '\0';
			priority = strtoul(last + 1, &end, 10);
			end += strspn(end, " \t");
			if (*end != '\0')
				priority = 0;
		}
	}
	if (priority == 0 || priority > 255) {
		snprintf(s->err->file, sizeof(s->err->file), "%s", file);
		s->err->line = line;
		s->err->column = 1;
		return bh_err_set(s->err, EINVAL,
				  "expected 'config classification: NAME,TEXT,PRIORITY' with a "
				  "priority from 1 to 255");
	}
	c.name = bh_arena_text(&s->arena, name, strcspn(name, " \t"));
	c.priority = (uint8_t)priority;
	if (c.name == NULL ||
	    bh_arena_push(&s->arena, &s->class, &s->n_classes, &c, sizeof(c)) != 0)
		return bh_err_set(s->err, ENOMEM, "out of memory");
	return 0;
}

int
bh_suricata_read_classes(struct bh_sig *s, const char *path)
{
	char *text, *p, *next;
	unsigned line = 1;
	size_t len;
	int rc = bh_file_read(path, 1u << 20, &text, &len, s->err);

	if (rc != 0)
		return rc;
	for (p = text; rc == 0 && p < text + len; p = next, line++) {
		next = p + strcspn(p, "\n");
		if (next < text + len)
			*next++ = '\0';
		p[strcspn(p, "\r")] = '\0';
		rc = read_class(s, path, line, p);
	}
	free(text);
	return rc;
}
