/* Options that say what is looked for, and where. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "suricata.h"

/* A pattern of its own; NULL: there are too many, told. */
static struct bh_suricata_pattern *
new_pattern(struct bh_suricata_draft *d, const struct bh_suricata_option *o)
{
	struct bh_suricata_pattern *p;

	if (d->n_patterns == BH_SENSOR_RULE_PATTERNS) {
		bh_suricata_skip(d, o, "more than 62 patterns in a rule");
		return NULL;
	}
	p = &d->pattern[d->n_patterns++];
	*p = (struct bh_suricata_pattern){.option = o,
					  .context = d->context,
					  .given = d->sticky,
					  .dotprefix = d->dotprefix,
					  .to_lower = d->to_lower,
					  .size_max = UINT32_MAX};
	return p;
}

/* The content that an option behind it is about; NULL: there is none, told. */
static struct bh_suricata_pattern *
last_content(struct bh_suricata_draft *d, const struct bh_suricata_option *o)
{
	size_t i;

	for (i = d->n_patterns; i-- > 0;) {
		if (d->pattern[i].kind == BH_SENSOR_LITERAL && !d->pattern[i].regex)
			return &d->pattern[i];
	}
	bh_suricata_refuse(d, o->at, o->key, "stands behind a content, and there is none");
	return NULL;
}

static bool
no_value(struct bh_suricata_draft *d, const struct bh_suricata_option *o)
{
	if (o->value == NULL || o->value[0] == '\0')
		return true;
	bh_suricata_refuse_value(d, o, 0, "takes no value");
	return false;
}

int
bh_sur_content(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	struct bh_suricata_pattern *p = new_pattern(d, o);
	struct bh_suricata_bad bad = {0};
	int rc;

	if (p == NULL)
		return 0;
	rc = bh_suricata_content(d->arena, o->value != NULL ? o->value : "", p, &bad);
	if (rc == -EINVAL)
		return bh_suricata_refuse_value(d, o, bad.at, bad.what);
	if (arg != NULL) {
		p->context = (uint8_t)bh_sensor_context_find(arg, strlen(arg));
		p->given = true;
	}
	return rc;
}

int
bh_sur_pcre(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	struct bh_suricata_pattern *p = new_pattern(d, o);
	struct bh_suricata_bad bad = {0};
	int rc;

	if (p == NULL)
		return 0;
	rc = bh_suricata_pcre(d->arena, o->value != NULL ? o->value : "", p, &bad);
	if (rc == -EINVAL)
		return bh_suricata_refuse_value(d, o, bad.at, bad.what);
	p->kind = BH_SENSOR_REGEX;
	if (p->buffer != NULL && d->sticky && d->context != BH_SENSOR_PACKET)
		return bh_suricata_refuse(d, o->at, o->key,
					  "names a buffer by its modifiers inside another one");
	if (p->buffer != NULL)
		p->context = (uint8_t)bh_sensor_context_find(p->buffer, strlen(p->buffer));
	if (p->dotprefix || p->to_lower)
		bh_suricata_skip(d, o, "an expression over a buffer that is transformed");
	if (p->flags & BH_PCRE_DOLLAR_END)
		bh_suricata_changed(d, o,
				    "modifier E: $ also matches in front of a newline at the end");
	(void)arg;
	return rc;
}

int
bh_sur_flag(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	struct bh_suricata_pattern *p = last_content(d, o);

	if (p == NULL || !no_value(d, o))
		return 0;
	if (strcmp(arg, "nocase") == 0)
		p->mod |= BH_SENSOR_NOCASE;
	else if (strcmp(arg, "startswith") == 0)
		p->mod |= BH_SENSOR_STARTSWITH;
	else
		p->mod |= BH_SENSOR_ENDSWITH;
	return 0;
}

/* fast_pattern, fast_pattern:only, fast_pattern:OFFSET,LENGTH: which part is tried first is no one's matter. */
int
bh_sur_fast_pattern(struct bh_suricata_draft *d, const struct bh_suricata_option *o,
		    const char *arg)
{
	struct bh_suricata_pattern *p = last_content(d, o);
	const char *comma;
	uint64_t n;
	char part[32];

	(void)arg;
	if (p == NULL)
		return 0;
	p->mod |= BH_SENSOR_FAST;
	if (o->value == NULL || strcmp(o->value, "only") == 0)
		return 0;
	comma = strchr(o->value, ',');
	snprintf(part, sizeof(part), "%.*s", comma != NULL ? (int)(comma - o->value) : 0, o->value);
	if (comma == NULL || !bh_suricata_number(part, 0, UINT16_MAX, &n) ||
	    !bh_suricata_number(comma + 1, 1, UINT16_MAX, &n))
		return bh_suricata_refuse_value(d, o, 0,
						"expected nothing, 'only', or OFFSET,LENGTH");
	return 0;
}

int
bh_sur_place(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	struct bh_suricata_pattern *p = last_content(d, o);
	bool negative = o->value != NULL && o->value[0] == '-';
	uint64_t n;

	if (p == NULL)
		return 0;
	if (o->value == NULL || !bh_suricata_number(o->value + negative, 0, INT_MAX, &n)) {
		/* A name is a number of byte_extract, which is told where it stands; without that it is a slip. */
		return bh_suricata_refuse_value(d, o, 0, "expected a number");
	}
	if (negative && arg[1] != 'i') /* only di... : distance */
		return bh_suricata_refuse_value(d, o, 0, "expected a number that is not negative");
	if (strcmp(arg, "offset") == 0) {
		p->mod |= BH_SENSOR_OFFSET;
		p->offset = (uint32_t)n;
	} else if (strcmp(arg, "depth") == 0) {
		p->mod |= BH_SENSOR_DEPTH;
		p->depth = (uint32_t)n;
	} else if (strcmp(arg, "within") == 0) {
		p->mod |= BH_SENSOR_WITHIN;
		p->within = (uint32_t)n;
	} else {
		p->mod |= BH_SENSOR_DISTANCE;
		p->distance = negative ? -(int32_t)n : (int32_t)n;
	}
	return 0;
}

/* [!]NUMBER[,relative][,rawbytes] */
int
bh_sur_isdataat(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	struct bh_suricata_pattern *p = new_pattern(d, o);
	const char *v = o->value != NULL ? o->value : "", *comma = strchr(v, ',');
	char number[32];
	uint64_t n;

	(void)arg;
	if (p == NULL)
		return 0;
	p->kind = BH_SENSOR_DATA_AT;
	p->negated = *v == '!';
	v += p->negated;
	snprintf(number, sizeof(number), "%.*s", (int)strcspn(v, ", "), v);
	if (!bh_suricata_number(number, 0, UINT16_MAX, &n))
		return bh_suricata_refuse_value(d, o, 0,
						"expected a number from 0 to 65535, and ,relative");
	if (comma != NULL && strstr(comma, "relative") != NULL)
		p->mod |= BH_SENSOR_RELATIVE;
	/* Relative: so many bytes follow. Else: there is one at that place, counted from 0. */
	p->size_min = (uint32_t)n + ((p->mod & BH_SENSOR_RELATIVE) == 0);
	return 0;
}

/* N, <N, >N, N<>M, !N */
int
bh_sur_size(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	struct bh_suricata_pattern *p = new_pattern(d, o);
	char v[64], *cut;
	uint64_t low = 0, high = UINT32_MAX, n;
	bool ok, raw;

	if (p == NULL)
		return 0;
	snprintf(v, sizeof(v), "%s", o->value != NULL ? o->value : "");
	raw = strstr(v, ",raw") != NULL;
	v[strcspn(v, ",")] = '\0';
	p->kind = BH_SENSOR_SIZE;
	p->negated = v[0] == '!';
	cut = strstr(v, "<>");
	if (cut != NULL) {
		*cut = '\0';
		ok = bh_suricata_number(v + p->negated, 0, UINT32_MAX - 1, &low) &&
		     bh_suricata_number(cut + 2, 0, UINT32_MAX - 1, &high) && low + 1 < high;
		low++; /* both ends are outside */
		high--;
	} else if (v[0] == '<' || v[0] == '>') {
		ok = bh_suricata_number(v + 1, v[0] == '<', UINT32_MAX - 1, &n);
		low = v[0] == '>' ? n + 1 : 0;
		high = v[0] == '<' ? n - 1 : UINT32_MAX;
	} else {
		ok = bh_suricata_number(v + p->negated, 0, UINT32_MAX - 1, &low);
		high = low;
	}
	if (!ok)
		return bh_suricata_refuse_value(d, o, 0,
						"expected a size as 10, <10, >10, 10<>20 or !10");
	p->size_min = (uint32_t)low;
	p->size_max = (uint32_t)high;
	if (arg != NULL && raw)
		p->context = BH_SENSOR_HTTP_URI_RAW;
	else if (arg != NULL)
		p->context = (uint8_t)bh_sensor_context_find(arg, strlen(arg));
	else if (!d->sticky)
		return bh_suricata_refuse(d, o->at, o->key,
					  "stands behind a buffer, and there is none");
	return 0;
}

int
bh_sur_nothing(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	(void)d;
	(void)o;
	(void)arg;
	return 0;
}

int
bh_sur_legacy(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	struct bh_suricata_pattern *p = last_content(d, o);

	if (p == NULL || !no_value(d, o))
		return 0;
	if (p->given)
		return bh_suricata_refuse(d, o->at, o->key,
					  "the content in front of it has its buffer already");
	p->given = true;
	p->context = (uint8_t)bh_sensor_context_find(arg, strlen(arg));
	return 0;
}

int
bh_sur_sticky(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	if (!no_value(d, o))
		return 0;
	d->context = (uint8_t)bh_sensor_context_find(arg, strlen(arg));
	d->sticky = d->context != BH_SENSOR_PACKET;
	d->dotprefix = d->to_lower = false;
	return 0;
}

int
bh_sur_transform(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	if (!no_value(d, o))
		return 0;
	if (!d->sticky)
		return bh_suricata_refuse(d, o->at, o->key,
					  "stands behind a buffer, and there is none");
	if (strcmp(arg, "dotprefix") == 0)
		d->dotprefix = true;
	else
		d->to_lower = true;
	return 0;
}

/* A keyword whose value is all of a buffer: tls.version:1.2 */
int
bh_sur_word(struct bh_suricata_draft *d, const struct bh_suricata_option *o, const char *arg)
{
	struct bh_suricata_pattern *p = new_pattern(d, o);
	const char *v = o->value != NULL ? o->value : "";
	size_t len;

	if (p == NULL)
		return 0;
	p->negated = *v == '!';
	v += p->negated;
	len = strlen(v);
	if (len > 2 && v[0] == '"' && v[len - 1] == '"') {
		v++;
		len -= 2;
	}
	if (len == 0 || memchr(v, '"', len) != NULL)
		return bh_suricata_refuse_value(d, o, 0, "expected a word");
	p->text = (const uint8_t *)v;
	p->len = len;
	p->context = (uint8_t)bh_sensor_context_find(arg, strlen(arg));
	p->given = true;
	p->mod = BH_SENSOR_STARTSWITH | BH_SENSOR_ENDSWITH;
	return 0;
}
