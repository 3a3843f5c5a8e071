/* The model: what documents say, in memory that goes at once. */
#include <stdlib.h>

#include "../conf/conf.h"
#include "sensor_priv.h"

struct bh_sensor_memory {
	struct bh_arena arena;
};

static const char *const context_key[] = {
#define BH_SENSOR_CONTEXT(sym, key, side, text) key,
#include "sensor_context.def"
#undef BH_SENSOR_CONTEXT
};

const char *
bh_sensor_context_key(unsigned context)
{
	return context < BH_SENSOR_CONTEXTS ? context_key[context] : "invalid";
}

unsigned
bh_sensor_context_find(const char *key, size_t len)
{
	unsigned i;

	for (i = 0; i < BH_SENSOR_CONTEXTS; i++)
		if (strlen(context_key[i]) == len && memcmp(context_key[i], key, len) == 0)
			break;
	return i;
}

const char *
bh_sensor_action_name(unsigned action)
{
	static const char *const name[] = {
		[BH_SENSOR_DEFAULT] = "default", [BH_SENSOR_ALERT] = "alert",
		[BH_SENSOR_DENY] = "deny",       [BH_SENSOR_REJECT] = "reject",
		[BH_SENSOR_CAPTURE] = "capture", [BH_SENSOR_QUARANTINE] = "quarantine",
	};

	return action < BH_ARRAY_SIZE(name) ? name[action] : "invalid";
}

struct bh_sensor_model *
bh_sensor_model_create(void)
{
	struct bh_sensor_model *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->memory = calloc(1, sizeof(*m->memory));
	if (m->memory == NULL) {
		free(m);
		return NULL;
	}
	return m;
}

void
bh_sensor_model_destroy(struct bh_sensor_model *m)
{
	if (m == NULL)
		return;
	bh_arena_free(&m->memory->arena);
	free(m->memory);
	free(m);
}

void *
bh_sensor_take(struct bh_sensor_model *m, size_t size)
{
	return bh_arena_alloc(&m->memory->arena, size);
}

const char *
bh_sensor_text(struct bh_sensor_model *m, const char *text, size_t len)
{
	return bh_arena_text(&m->memory->arena, text, len);
}

struct bh_sensor *
bh_sensor_add(struct bh_sensor_model *m, const char *name)
{
	struct bh_sensor *s = bh_sensor_take(m, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->name = bh_sensor_text(m, name, strlen(name));
	if (s->name == NULL)
		return NULL;
	s->severity = 2;
	s->index = m->n_sensors++;
	if (m->last != NULL)
		m->last->next = s;
	else
		m->sensors = s;
	m->last = s;
	return s;
}

struct bh_sensor_rule *
bh_sensor_add_rule(struct bh_sensor_model *m, struct bh_sensor *s, const char *name)
{
	struct bh_sensor_rule *r = bh_sensor_take(m, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->name = bh_sensor_text(m, name, strlen(name));
	if (r->name == NULL)
		return NULL;
	r->sensor = s;
	m->n_rules++;
	if (s->last_rule != NULL)
		s->last_rule->next = r;
	else
		s->rules = r;
	s->last_rule = r;
	return r;
}

struct bh_sensor_pattern *
bh_sensor_add_pattern(struct bh_sensor_model *m, struct bh_sensor_rule *r, enum bh_sensor_kind kind,
		      const char *text, size_t len)
{
	struct bh_sensor_pattern *p = bh_sensor_take(m, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->text = bh_sensor_text(m, text, len);
	if (p->text == NULL)
		return NULL;
	p->len = len;
	p->kind = (uint8_t)kind;
	p->size_max = UINT32_MAX;
	m->n_patterns++;
	if (r->last_pattern != NULL)
		r->last_pattern->next = p;
	else
		r->patterns = p;
	r->last_pattern = p;
	return p;
}

struct bh_sensor_bit *
bh_sensor_add_bit(struct bh_sensor_model *m, struct bh_sensor_rule *r, enum bh_sensor_bit_op op,
		  const char *name)
{
	struct bh_sensor_bit *b = bh_sensor_take(m, sizeof(*b)), **at;

	if (b == NULL)
		return NULL;
	b->op = (uint8_t)op;
	if (name != NULL) {
		b->name = bh_sensor_text(m, name, strlen(name));
		if (b->name == NULL)
			return NULL;
	}
	for (at = &r->bits; *at != NULL; at = &(*at)->next)
		;
	*at = b;
	return b;
}

struct bh_sensor_reference *
bh_sensor_add_reference(struct bh_sensor_model *m, struct bh_sensor_rule *r, const char *type,
			const char *value)
{
	struct bh_sensor_reference *f = bh_sensor_take(m, sizeof(*f)), **at;

	if (f == NULL)
		return NULL;
	f->type = bh_sensor_text(m, type, strlen(type));
	f->value = bh_sensor_text(m, value, strlen(value));
	if (f->type == NULL || f->value == NULL)
		return NULL;
	for (at = &r->references; *at != NULL; at = &(*at)->next)
		;
	*at = f;
	return f;
}

struct bh_sensor_ports *
bh_sensor_add_ports(struct bh_sensor_model *m, struct bh_sensor_rule *r, uint16_t low,
		    uint16_t high, bool except)
{
	struct bh_sensor_ports *p = bh_sensor_take(m, sizeof(*p)), **at;

	if (p == NULL)
		return NULL;
	*p = (struct bh_sensor_ports){.low = low, .high = high, .except = except};
	for (at = &r->ports; *at != NULL; at = &(*at)->next)
		;
	*at = p;
	return p;
}
