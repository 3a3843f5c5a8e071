/* Revisions and members as JSON. What another wrote is read with the same doubts as what a stranger says. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fleet_priv.h"

void
bh_fleet_json(struct bh_buf *b, json_t *o)
{
	char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;

	if (text != NULL)
		bh_buf_str(b, text);
	else
		b->failed = true;
	free(text);
	json_decref(o);
}

/* Text that is no UTF-8 is none. */
static json_t *
words(const char *s)
{
	json_t *o = json_string(s);

	return o != NULL ? o : json_string("");
}

void
bh_fleet_record_write(struct bh_buf *b, const struct bh_fleet_record *r)
{
	bh_fleet_json(
		b,
		json_pack("{s:I, s:I, s:I, s:I, s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:b, s:o, s:s}",
			  "number", (json_int_t)r->number, "repeats", (json_int_t)r->base,
			  "time_ns", (json_int_t)r->time_ns, "bytes", (json_int_t)r->size, "origin",
			  bh_revision_origin_name(r->origin), "sha256", r->sha256, "gateway",
			  r->gateway, "author", words(r->author), "why", words(r->why),
			  "confirm_ms", (json_int_t)r->confirm_ms, "deadline_ns",
			  (json_int_t)r->deadline_ns, "confirmed", r->confirmed, "confirmed_by",
			  words(r->confirmed_by), "claim", r->claim));
}

static bool
get_number(const json_t *o, const char *name, uint64_t max, uint64_t *out)
{
	const json_t *v = json_object_get(o, name);
	json_int_t n = json_integer_value(v);

	*out = (uint64_t)n;
	return json_is_integer(v) && n >= 0 && (uint64_t)n <= max;
}

static bool
get_text(const json_t *o, const char *name, char *out, size_t size)
{
	const char *s = json_string_value(json_object_get(o, name));

	if (s == NULL || strlen(s) >= size)
		return false;
	memcpy(out, s, strlen(s) + 1);
	return true;
}

static bool
is_sha256(const char *s)
{
	return strlen(s) == 2 * BH_SHA256_SIZE && s[strspn(s, "0123456789abcdef")] == '\0';
}

static bool
get_origin(const json_t *o, uint8_t *out)
{
	const char *s = json_string_value(json_object_get(o, "origin"));

	for (*out = 0; s != NULL && *out < BH_ORIGINS; (*out)++) {
		if (strcmp(s, bh_revision_origin_name(*out)) == 0)
			return true;
	}
	return false;
}

int
bh_fleet_record_read(struct bh_fleet_record *r, const char *text, size_t len)
{
	json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	uint64_t number = 0, base = 0;
	bool good;

	*r = (struct bh_fleet_record){0};
	good = get_number(o, "number", UINT32_MAX - 1, &number) && number != 0 &&
	       get_number(o, "repeats", UINT32_MAX - 1, &base) &&
	       get_number(o, "time_ns", INT64_MAX, &r->time_ns) &&
	       get_number(o, "bytes", BH_FLEET_DOCUMENT, &r->size) && get_origin(o, &r->origin) &&
	       get_text(o, "sha256", r->sha256, sizeof(r->sha256)) && is_sha256(r->sha256) &&
	       get_text(o, "gateway", r->gateway, sizeof(r->gateway)) &&
	       get_text(o, "author", r->author, sizeof(r->author)) &&
	       get_text(o, "why", r->why, sizeof(r->why)) &&
	       get_number(o, "confirm_ms", INT64_MAX, &r->confirm_ms) &&
	       get_number(o, "deadline_ns", INT64_MAX, &r->deadline_ns) &&
	       get_text(o, "confirmed_by", r->confirmed_by, sizeof(r->confirmed_by)) &&
	       get_text(o, "claim", r->claim, sizeof(r->claim));
	r->number = (uint32_t)number;
	r->base = (uint32_t)base;
	r->confirmed = json_is_true(json_object_get(o, "confirmed"));
	json_decref(o);
	return good ? 0 : -EINVAL;
}

void
bh_fleet_member_write(struct bh_buf *b, const struct bh_fleet_member *m)
{
	bh_fleet_json(b,
		      json_pack("{s:s, s:I, s:s, s:I, s:s, s:s}", "name", m->name, "revision",
				(json_int_t)m->revision, "sha256", m->sha256, "since_ns",
				(json_int_t)m->since_ns, "state", m->state, "version", m->version));
}

int
bh_fleet_member_read(struct bh_fleet_member *m, const char *text, size_t len)
{
	json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	uint64_t revision = 0;
	bool good;

	*m = (struct bh_fleet_member){0};
	good = get_text(o, "name", m->name, sizeof(m->name)) &&
	       get_number(o, "revision", UINT32_MAX, &revision) &&
	       get_text(o, "sha256", m->sha256, sizeof(m->sha256)) &&
	       (m->sha256[0] == '\0' || is_sha256(m->sha256)) &&
	       get_number(o, "since_ns", INT64_MAX, &m->since_ns) &&
	       get_text(o, "state", m->state, sizeof(m->state)) &&
	       get_text(o, "version", m->version, sizeof(m->version));
	m->revision = (uint32_t)revision;
	json_decref(o);
	return good ? 0 : -EINVAL;
}
