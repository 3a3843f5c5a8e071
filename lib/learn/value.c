/* What operations say: the values of each field, a bounded number of them. */
#include <stdlib.h>

#include "learn_priv.h"

void
bh_learn_value_add(struct bh_learn_row *r, uint8_t field, const char *text, size_t len)
{
	struct bh_learn_value *v;
	unsigned i, n = 0;
	char *copy;

	for (i = 0; i < r->n_values; i++) {
		v = &r->value[i];
		if (v->field != field)
			continue;
		if (v->more || (strlen(v->text) == len && memcmp(v->text, text, len) == 0))
			return;
		n++;
	}
	if (memchr(text, '\0', len) != NULL)
		n = BH_LEARN_VALUES; /* no rule can name it */
	v = realloc(r->value, (r->n_values + 1u) * sizeof(*v));
	if (v == NULL)
		return;
	r->value = v;
	copy = n < BH_LEARN_VALUES ? strndup(text, len) : strdup("");
	if (copy == NULL)
		return;
	r->value[r->n_values++] = (struct bh_learn_value){
		.field = field,
		.more = n >= BH_LEARN_VALUES,
		.text = copy,
	};
	r->dirty = true;
}

static void
add_more(struct bh_learn_row *r, uint8_t field)
{
	/* What holds a NUL stands for more than can be named. */
	bh_learn_value_add(r, field, "", 1);
}

void
bh_learn_values_lacking(struct bh_learn_row *r, const bool said[BH_OP_FIELD_COUNT])
{
	unsigned field, i, n = r->n_values;

	if (n == 0)
		return;
	for (field = 0; field < BH_OP_FIELD_COUNT; field++) {
		bool before = false;

		if (bh_op_field_info(field)->match != BH_OP_MATCH_ONE)
			continue;
		for (i = 0; i < n; i++)
			before |= r->value[i].field == field;
		if (before != said[field])
			add_more(r, (uint8_t)field);
	}
}

void
bh_learn_values_free(struct bh_learn_row *r)
{
	unsigned i;

	for (i = 0; i < r->n_values; i++)
		free(r->value[i].text);
	free(r->value);
	r->value = NULL;
	r->n_values = 0;
}
