/* Options that say what a rule is called and what it depends on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "suricata.h"

#define ITEMS_MAX 64 /* of one list in a value */

/* The next item of a list, blanks cut off; NULL: there is none. Moves *rest behind it. */
static char *
next_item(char **rest, const char *separators)
{
	char *item = *rest, *end;
	size_t n;

	if (item == NULL)
		return NULL;
	n = strcspn(item, separators);
	*rest = item[n] != '\0' ? item + n + 1 : NULL;
	item[n] = '\0';
	item += strspn(item, " \t");
	for (end = item + strlen(item); end > item && (end[-1] == ' ' || end[-1] == '\t'); end--)
		;
	*end = '\0';
	return item;
}

/* A copy of the value to cut up; "" when there is none. */
static char *
value_copy(struct bh_suricata_draft *d, const struct bh_suricata_option *o)
{
	const char *v = o->value != NULL ? o->value : "";

	return bh_arena_text(d->arena, v, strlen(v));
}

int
bh_sur_message(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	char *v = value_copy(d, o), *out = v, *p;
	size_t len;

	(void)arg;
	if (v == NULL)
		return -ENOMEM;
	len = strlen(v);
	if (len < 2 || v[0] != '"' || v[len - 1] != '"')
		return bh_suricata_refuse_value(d, o, 0, "expected a text in double quotes");
	v[len - 1] = '\0';
	for (p = v + 1; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		*out++ = *p;
	}
	*out = '\0';
	d->message = v;
	return 0;
}

int
bh_sur_id(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	uint64_t n, max = strcmp(arg, "priority") == 0 ? 255 : UINT32_MAX;

	if (!bh_suricata_number(o->value != NULL ? o->value : "", 0, max, &n) ||
	    (n == 0 && (strcmp(arg, "sid") == 0 || max == 255)))
		return bh_suricata_refuse_value(d, o, 0,
						max == 255 ? "expected a number from 1 to 255"
							   : "expected a number of 32 bits");
	if (strcmp(arg, "sid") == 0)
		d->sid = (uint32_t)n;
	else if (strcmp(arg, "gid") == 0)
		d->gid = (uint32_t)n;
	else if (strcmp(arg, "rev") == 0)
		d->rev = (uint32_t)n;
	else
		d->priority = (uint32_t)n;
	return 0;
}

int
bh_sur_classtype(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	unsigned priority;

	(void)arg;
	if (o->value == NULL || o->value[0] == '\0')
		return bh_suricata_refuse_value(d, o, 0, "expected the name of a kind of attack");
	d->classtype = o->value;
	priority = bh_suricata_priority(d->sig, o->value);
	if (priority == 0)
		return bh_suricata_changed(d, o,
					   "no such kind of attack is known: severity is medium "
					   "(a file of classifications may add it)");
	/* A priority of the rule's own wins, wherever it stands. */
	d->class_priority = priority;
	return 0;
}

int
bh_sur_reference(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	char *v = value_copy(d, o), *rest = v, *type;
	struct bh_sensor_reference r = {0};

	(void)arg;
	if (v == NULL)
		return -ENOMEM;
	type = next_item(&rest, ",");
	if (rest == NULL || *type == '\0')
		return bh_suricata_refuse_value(d, o, 0,
						"expected TYPE,VALUE as in cve,2021-44228");
	r.type = type;
	r.value = next_item(&rest, "");
	return bh_arena_push(d->arena, &d->reference, &d->n_references, &r, sizeof(r));
}

/* "mitre_technique_id T1190, ..." among the pairs. */
int
bh_sur_metadata(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	static const char key[] = "mitre_technique_id";
	char *v = value_copy(d, o), *rest = v, *item;

	(void)arg;
	if (v == NULL)
		return -ENOMEM;
	if (d->metadata == NULL)
		d->metadata = o->value;
	else
		d->metadata = bh_sig_printf(d->arena, "%s, %s", d->metadata,
					    o->value != NULL ? o->value : "");
	if (d->metadata == NULL && o->value != NULL)
		return -ENOMEM;
	while ((item = next_item(&rest, ",")) != NULL) {
		if (strncmp(item, key, strlen(key)) != 0 || d->attack != NULL)
			continue;
		item += strlen(key);
		item += strspn(item, " \t:");
		d->attack = *item != '\0' ? item : NULL;
	}
	return 0;
}

/* Which end is the victim: records have it from the segments. */
int
bh_sur_target(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	const char *v = o->value != NULL ? o->value : "";

	(void)arg;
	if (strcmp(v, "src_ip") != 0 && strcmp(v, "dest_ip") != 0)
		return bh_suricata_refuse_value(d, o, 0, "expected src_ip or dest_ip");
	return 0;
}

int
bh_sur_unsupported(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	return bh_suricata_skip(d, o, arg);
}

int
bh_sur_changed(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	return bh_suricata_changed(d, o, arg);
}

int
bh_sur_flow(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	static const struct {
		const char *word;
		uint8_t direction; /* 0: says nothing about it */
		const char *why;   /* it is not supported */
	} words[] = {
		{"to_server", BH_SENSOR_TO_SERVER, NULL},
		{"from_client", BH_SENSOR_TO_SERVER, NULL},
		{"to_client", BH_SENSOR_TO_CLIENT, NULL},
		{"from_server", BH_SENSOR_TO_CLIENT, NULL},
		/* Payload is looked at of connections that are known, and as one stream: */
		{"established", 0, NULL},
		{"stateless", 0, NULL},
		{"only_stream", 0, NULL},
		{"no_stream", 0, NULL},
		{"no_frag", 0, NULL},
		{"not_established", 0, "payload outside of connections is not looked at"},
		{"only_frag", 0, "fragments are not looked at by themselves"},
	};
	char *v = value_copy(d, o), *rest = v, *item;
	size_t i;

	(void)arg;
	if (v == NULL)
		return -ENOMEM;
	while ((item = next_item(&rest, ",")) != NULL) {
		for (i = 0; i < BH_ARRAY_SIZE(words); i++) {
			if (strcasecmp(item, words[i].word) == 0)
				break;
		}
		if (i == BH_ARRAY_SIZE(words))
			return bh_suricata_refuse_value(
				d, o, (size_t)(item - v),
				"expected to_server, to_client, from_server, from_client, "
				"established, not_established, stateless, only_stream, no_stream, "
				"only_frag or no_frag");
		if (words[i].why != NULL)
			bh_suricata_skip(d, o, words[i].why);
		if (words[i].direction != 0 && d->direction != 0 &&
		    d->direction != words[i].direction)
			return bh_suricata_refuse_value(d, o, (size_t)(item - v), "two directions");
		if (words[i].direction != 0)
			d->direction = words[i].direction;
	}
	return 0;
}

int
bh_sur_noalert(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	struct bh_suricata_bit bit = {.op = BH_SENSOR_BIT_NOALERT};

	(void)o;
	(void)arg;
	return bh_arena_push(d->arena, &d->bit, &d->n_bits, &bit, sizeof(bit));
}

int
bh_sur_flowbits(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	static const char *const words[] = {"set", "unset", "toggle", "isset", "isnotset"};
	char *v = value_copy(d, o), *rest = v, *op, *name;
	struct bh_suricata_bit bit = {0};
	size_t i;

	if (v == NULL)
		return -ENOMEM;
	op = next_item(&rest, ",");
	name = next_item(&rest, "");
	if (strcmp(op, "noalert") == 0 && name == NULL)
		return bh_sur_noalert(d, o, arg);
	for (i = 0; i < BH_ARRAY_SIZE(words) && strcmp(op, words[i]) != 0; i++)
		;
	if (i == BH_ARRAY_SIZE(words) || name == NULL || *name == '\0')
		return bh_suricata_refuse_value(
			d, o, 0,
			"expected set, unset, toggle, isset or isnotset and a name, or noalert");
	if (strchr(name, '|') != NULL)
		return bh_suricata_skip(d, o, "one of several bits (|) is not supported");
	bit.op = (uint8_t)(BH_SENSOR_BIT_SET + i);
	bit.name = name;
	return bh_arena_push(d->arena, &d->bit, &d->n_bits, &bit, sizeof(bit));
}

/* "type limit, track by_src, count 1, seconds 60": what is given, by its word. */
struct limits {
	const char *type, *track;
	uint64_t count, seconds;
};

static int
read_limits(struct bh_suricata_draft *d, const struct bh_suricata_option *o, struct limits *l)
{
	char *v = value_copy(d, o), *rest = v, *item, *word;
	bool ok = true;

	if (v == NULL)
		return -ENOMEM;
	while (ok && (item = next_item(&rest, ",")) != NULL) {
		word = item;
		item = NULL;
		if (word[strcspn(word, " \t")] != '\0') {
			item = word + strcspn(word, " \t");
			*item++ = '\0';
			item += strspn(item, " \t");
		}
		if (item == NULL)
			ok = false;
		else if (strcmp(word, "type") == 0)
			l->type = item;
		else if (strcmp(word, "track") == 0)
			l->track = item;
		else if (strcmp(word, "count") == 0)
			ok = bh_suricata_number(item, 1, UINT32_MAX - 1, &l->count);
		else if (strcmp(word, "seconds") == 0)
			ok = bh_suricata_number(item, 1, UINT32_MAX, &l->seconds);
		else
			ok = false;
	}
	if (!ok || l->track == NULL || l->count == 0 || l->seconds == 0)
		return bh_suricata_refuse_value(
			d, o, 0, "expected track WHAT, count NUMBER, seconds NUMBER");
	return 0;
}

static int
set_limits(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const struct limits *l,
	   uint8_t type)
{
	static const char *const tracks[] = {"by_rule", "by_src", "by_dst", "by_both"};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(tracks) && strcmp(l->track, tracks[i]) != 0; i++)
		;
	if (i == BH_ARRAY_SIZE(tracks))
		return bh_suricata_changed(d, o,
					   "only by_rule, by_src, by_dst and by_both are counted: "
					   "each hit is told");
	d->threshold.type = type;
	d->threshold.track = (uint8_t)(BH_SENSOR_BY_RULE + i);
	d->threshold.count = (uint32_t)l->count;
	d->threshold.seconds = (uint32_t)l->seconds;
	return 0;
}

int
bh_sur_threshold(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	static const char *const types[] = {"limit", "threshold", "both"};
	struct limits l = {0};
	size_t i;
	int rc = read_limits(d, o, &l);

	(void)arg;
	if (rc != 0 || d->fate == BH_SIGNATURE_REFUSED)
		return rc;
	for (i = 0; i < BH_ARRAY_SIZE(types); i++) {
		if (l.type != NULL && strcmp(l.type, types[i]) == 0)
			return set_limits(d, o, &l, (uint8_t)(BH_SENSOR_LIMIT + i));
	}
	return bh_suricata_refuse_value(d, o, 0, "expected type limit, threshold or both");
}

/* Tells each hit behind the first `count`; here once a period, with the first of these. */
int
bh_sur_detection_filter(struct bh_suricata_draft *d, const struct bh_suricata_option *o,
			const char *arg)
{
	struct limits l = {0};
	int rc = read_limits(d, o, &l);

	(void)arg;
	if (rc != 0 || d->fate == BH_SIGNATURE_REFUSED)
		return rc;
	l.count++;
	rc = set_limits(d, o, &l, BH_SENSOR_ONCE);
	return rc != 0 ? rc
		       : bh_suricata_changed(
				 d, o,
				 "told once in `seconds`, when `count` is exceeded, not "
				 "with each hit behind that");
}

int
bh_sur_app(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	const char *v = o->value != NULL ? o->value : "";
	const struct bh_suricata_proto *p = bh_suricata_proto(v);
	enum bh_app app;

	(void)arg;
	if (*v == '!' || strchr(v, ',') != NULL)
		return bh_suricata_skip(d, o, "an application that it is not, or of one side only");
	app = p != NULL && p->app != NULL ? bh_app_find(p->app) : BH_APP_UNKNOWN;
	if (app == BH_APP_UNKNOWN)
		return bh_suricata_skip(d, o, "an application that is not known here");
	d->app = (uint8_t)app;
	d->app_given = true;
	return 0;
}
