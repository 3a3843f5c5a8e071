/* The words of an operation as JSON: an object for each of op_field.def's, a member for each key, an array where a key
 * has several values. Those of "bulkhead.NAME" stand inside our own. */
#include <stdlib.h>
#include <string.h>

#include "event_priv.h"

#define OURS "bulkhead."
#define OURS_LEN (sizeof(OURS) - 1)

struct value {
	const struct bh_op_field_info *info;
	const uint8_t *at;
	uint32_t len;
	bool done;
};

/* "client.software_version": the member of an object inside the object. */
static const char *
inner_key(const char *key, char *outer, size_t size)
{
	const char *dot = strchr(key, '.');

	if (dot == NULL || (size_t)(dot - key) >= size)
		return NULL;
	memcpy(outer, key, (size_t)(dot - key));
	outer[dot - key] = '\0';
	return dot + 1;
}

static void
put_text(struct bh_json *j, const char *key, const struct value *v)
{
	char text[BH_OP_VALUE_MAX + 1];
	size_t n = v->len < BH_OP_VALUE_MAX ? v->len : BH_OP_VALUE_MAX, i;

	/* A NUL inside would end it early. */
	for (i = 0; i < n; i++)
		text[i] = v->at[i] != 0 ? (char)v->at[i] : '?';
	text[n] = '\0';
	/* The one that Suricata's schema has as a number, and by another name where it is none. */
	if (v->info == bh_op_field_info(BH_OP_HTTP_STATUS)) {
		if (text[0] != '\0' && text[strspn(text, "0123456789")] == '\0' && n < 10) {
			bh_json_u64(j, key, strtoull(text, NULL, 10));
			return;
		}
		key = "status_string";
	}
	bh_event_mask(text);
	bh_json_str(j, key, text);
}

static bool
same_key(const struct value *a, const struct value *b)
{
	return strcmp(a->info->eve_object, b->info->eve_object) == 0 &&
	       strcmp(a->info->eve_key, b->info->eve_key) == 0;
}

/* Values of v's key, from v on: all of them, or the first. */
static void
put_values(struct bh_json *j, const char *key, struct value *v, struct value *end, bool all)
{
	struct value *other;
	unsigned n = 0;

	for (other = v; other < end; other++)
		n += !other->done && same_key(v, other);
	all = all && n > 1;
	if (all)
		bh_json_open(j, key, '[');
	for (other = v; other < end; other++) {
		if (other->done || (other != v && !same_key(v, other)))
			continue;
		if (all || other == v)
			put_text(j, all ? NULL : key, other);
		other->done = other != v;
	}
	v->done = true;
	if (all)
		bh_json_close(j, ']');
}

/* v's key; of a member of an object inside, all others of that object as well. */
static void
put_key(struct bh_json *j, struct value *v, struct value *end, bool all)
{
	char outer[32], same[32];
	const char *inner = inner_key(v->info->eve_key, outer, sizeof(outer));
	const char *object = v->info->eve_object;

	if (inner == NULL) {
		put_values(j, v->info->eve_key, v, end, all);
		return;
	}
	bh_json_open(j, outer, '{');
	for (; v < end; v++) {
		inner = inner_key(v->info->eve_key, same, sizeof(same));
		if (!v->done && inner != NULL && strcmp(outer, same) == 0 &&
		    strcmp(object, v->info->eve_object) == 0)
			put_values(j, inner, v, end, all);
	}
	bh_json_close(j, '}');
}

static unsigned
read_values(const struct bh_event *e, struct value *v, unsigned max)
{
	uint32_t cursor = 0, len;
	const uint8_t *at;
	uint8_t field;
	unsigned n = 0;

	while (n < max && bh_event_text_next(e, &cursor, &field, &at, &len)) {
		const struct bh_op_field_info *info;

		if (field >= BH_OP_FIELD_COUNT)
			continue;
		info = bh_op_field_info(field);
		if (info->eve_object != NULL)
			v[n++] = (struct value){.info = info, .at = at, .len = len};
	}
	return n;
}

static bool
is_ours(const struct value *v)
{
	return strncmp(v->info->eve_object, OURS, OURS_LEN) == 0;
}

static const char *
object_of(const struct value *v)
{
	return v->info->eve_object + (is_ours(v) ? OURS_LEN : 0);
}

/* Is it told there? Suricata's members have one value: the first. Where there are several, as of a DNS message with two
 * questions, all stand in ours. */
static bool
belongs(const struct value *v, const struct value *list, unsigned n, bool ours)
{
	unsigned i, several = 0;

	if (is_ours(v) || !ours)
		return is_ours(v) == ours;
	for (i = 0; i < n; i++)
		several += same_key(v, &list[i]);
	return several > 1;
}

const char *
bh_eve_operation_type(const struct bh_event *e)
{
	struct value v[1];

	return read_values(e, v, 1) == 0 ? "operation" : object_of(&v[0]);
}

void
bh_eve_put_operation(struct bh_json *j, const struct bh_event *e, bool ours)
{
	struct value v[BH_OP_VALUES];
	unsigned n = read_values(e, v, BH_OP_VALUES), i, k;

	for (i = 0; i < n; i++) {
		if (v[i].done || !belongs(&v[i], v, n, ours))
			continue;
		bh_json_open(j, object_of(&v[i]), '{');
		/* Its schema asks for the form's number: of the one whose members stand in the object itself. */
		if (!ours && strcmp(object_of(&v[i]), "dns") == 0)
			bh_json_u64(j, "version", 2);
		for (k = i; k < n; k++) {
			if (!v[k].done && belongs(&v[k], v, n, ours) &&
			    strcmp(object_of(&v[i]), object_of(&v[k])) == 0)
				put_key(j, &v[k], v + n, ours);
		}
		bh_json_close(j, '}');
	}
}

void
bh_eve_put_why(struct bh_json *j, const struct bh_event *e)
{
	static const struct {
		uint8_t field;
		const char *key;
	} words[] = {
		{BH_EVENT_WHY, "detail"},
		{BH_EVENT_SENSOR_KEY, "sensor"},
		{BH_EVENT_SENSOR_RULE, "sensor_rule"},
		{BH_EVENT_SENSOR_ACTION, "sensor_action"},
		{BH_EVENT_SENSOR_ATTACK, "attack_id"},
		{BH_EVENT_SENSOR_WHERE, "where"},
		{BH_EVENT_SENSOR_EXCERPT, "excerpt"},
	};
	uint32_t cursor = 0, len;
	const uint8_t *at;
	uint8_t field;
	unsigned i, put = 0;

	while (bh_event_text_next(e, &cursor, &field, &at, &len)) {
		for (i = 0; i < BH_ARRAY_SIZE(words); i++) {
			if (field != words[i].field || (put >> i & 1) != 0)
				continue;
			put |= 1u << i;
			put_text(j, words[i].key, &(struct value){.at = at, .len = len});
		}
	}
}

void
bh_eve_put_signature(struct bh_json *j, const struct bh_event *e, const char *usual)
{
	uint32_t cursor = 0, len;
	const uint8_t *at;
	uint8_t field;

	while (bh_event_text_next(e, &cursor, &field, &at, &len)) {
		if (field == BH_EVENT_SENSOR_TEXT) {
			put_text(j, "signature", &(struct value){.at = at, .len = len});
			return;
		}
	}
	bh_json_str(j, "signature", usual);
}
