/* Operations: the tables of their fields and parsers. */
#include <string.h>

#include "proto_priv.h"

static const struct bh_op_field_info fields[BH_OP_FIELD_COUNT] = {
#define BH_OP_FIELD(sym, a, key, how, object, eve, words)                                          \
	[BH_OP_##sym] = {.rule_key = key,                                                          \
			 .eve_object = object,                                                     \
			 .eve_key = eve,                                                           \
			 .text = words,                                                            \
			 .app = BH_APP_##a,                                                        \
			 .match = BH_OP_MATCH_##how},
#include "op_field.def"
#undef BH_OP_FIELD
};

/* Line 0 is no parser. */
static const struct {
	const struct bh_ops_parser *parser;
	enum bh_app app;
} parsers[] = {
	{NULL, BH_APP_UNKNOWN},
#define BH_OPS(name, app) {&bh_ops_##name, BH_APP_##app},
#include "ops.def"
#undef BH_OPS
};

static const struct bh_ops_parser *
parser_of(const struct bh_ops *s)
{
	return s->parser < BH_ARRAY_SIZE(parsers) ? parsers[s->parser].parser : NULL;
}

const struct bh_op_field_info *
bh_op_field_info(unsigned field)
{
	return &fields[field];
}

static unsigned
find_field(enum bh_app app, const char *key)
{
	unsigned i;

	for (i = 0; i < BH_OP_FIELD_COUNT; i++) {
		if (fields[i].rule_key != NULL && strcmp(fields[i].rule_key, key) == 0 &&
		    strcmp(bh_app_name(fields[i].app), bh_app_name(app)) == 0)
			return i;
	}
	return BH_OP_FIELD_COUNT;
}

/* HTTP/2 has no line of its own in a rule: its requests are HTTP's. */
static enum bh_app
below(enum bh_app app)
{
	return app == BH_APP_HTTP2 ? BH_APP_HTTP : bh_app_parent(app);
}

unsigned
bh_op_field_find(enum bh_app app, const char *key)
{
	unsigned field = BH_OP_FIELD_COUNT;

	for (; app != BH_APP_UNKNOWN && field == BH_OP_FIELD_COUNT; app = below(app))
		field = find_field(app, key);
	return field;
}

bool
bh_app_has_ops(enum bh_app app)
{
	unsigned i;

	for (; app != BH_APP_UNKNOWN; app = below(app)) {
		for (i = 0; i < BH_OP_FIELD_COUNT; i++) {
			if (fields[i].rule_key != NULL &&
			    strcmp(bh_app_name(fields[i].app), bh_app_name(app)) == 0)
				return true;
		}
	}
	return false;
}

void
bh_op_add(struct bh_op *op, enum bh_op_field field, const void *at, size_t len)
{
	struct bh_op_value *v;

	if (op->n == BH_OP_VALUES) {
		op->flags |= BH_OP_PARTIAL;
		return;
	}
	if (len > BH_OP_VALUE_MAX) {
		op->flags |= BH_OP_PARTIAL;
		len = BH_OP_VALUE_MAX;
	}
	v = &op->value[op->n++];
	v->at = at;
	v->len = (uint16_t)len;
	v->field = (uint8_t)field;
}

/* The parser of an application, or of what it stands on (elasticsearch: http). */
static uint8_t
find_parser(unsigned app)
{
	unsigned i;

	for (; app != BH_APP_UNKNOWN && app < BH_APP_COUNT; app = bh_app_parent(app)) {
		for (i = 1; i < BH_ARRAY_SIZE(parsers); i++) {
			if (parsers[i].app == app)
				return (uint8_t)i;
		}
	}
	return 0;
}

bool
bh_ops_known(unsigned app)
{
	return find_parser(app) != 0;
}

void
bh_ops_open(struct bh_ops *s, unsigned app, uint8_t transport, const struct bh_memory *memory)
{
	const struct bh_ops_parser *parser;

	memset(s, 0, sizeof(*s));
	s->memory = memory;
	s->app = (uint8_t)app;
	s->transport = transport;
	s->parser = find_parser(app);
	s->over = s->parser == 0;
	parser = parser_of(s);
	if (parser != NULL && parser->open != NULL)
		parser->open(s);
}

enum bh_ops_status
bh_ops_feed(struct bh_ops *s, unsigned side, const uint8_t *data, uint32_t len, bool ended,
	    struct bh_ops_out *out)
{
	const struct bh_ops_parser *parser = parser_of(s);
	struct bh_cur in = bh_cur(data, len);
	enum bh_ops_status status;

	out->eaten = 0;
	out->pending = 0;
	out->why = NULL;
	out->became = BH_APP_UNKNOWN;
	out->op.app = s->app;
	out->op.side = (uint8_t)side;
	out->op.flags = 0;
	out->op.n = 0;
	if (s->over != 0 || parser == NULL)
		return bh_ops_say(out, BH_OPS_ERROR, "nothing more is parsed");
	status = parser->feed(s, side, &in, ended, out);
	out->eaten = len - (uint32_t)bh_cur_left(&in);
	s->over = status == BH_OPS_ERROR || status == BH_OPS_OPAQUE;
	return status;
}

uint64_t
bh_ops_free_server(const struct bh_ops *s, unsigned side)
{
	(void)s;
	return side == BH_SERVER ? UINT64_MAX : 0;
}

uint64_t
bh_ops_free(const struct bh_ops *s, unsigned side)
{
	const struct bh_ops_parser *parser = parser_of(s);

	return s->over == 0 && parser != NULL && parser->free != NULL ? parser->free(s, side) : 0;
}

void
bh_ops_pass(struct bh_ops *s, unsigned side, uint64_t n)
{
	const struct bh_ops_parser *parser = parser_of(s);

	if (parser != NULL && parser->pass != NULL)
		parser->pass(s, side, n);
}

void
bh_ops_close(struct bh_ops *s)
{
	const struct bh_ops_parser *parser = parser_of(s);

	if (parser != NULL && parser->close != NULL)
		parser->close(s);
	s->parser = 0;
	s->over = 1;
}
