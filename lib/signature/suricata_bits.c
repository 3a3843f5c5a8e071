/* Bits of connections that rules wait for and no rule sets: the ones that did were left out, or never were there. */
#include <errno.h>
#include <stdio.h>

#include "suricata.h"

static bool
sets(const struct bh_sensor_bit *b)
{
	return b->op == BH_SENSOR_BIT_SET || b->op == BH_SENSOR_BIT_TOGGLE;
}

static int
collect(const struct bh_sensor_model *m, struct bh_sig_names *names)
{
	const struct bh_sensor *s;
	const struct bh_sensor_rule *r;
	const struct bh_sensor_bit *b;
	bool fresh;

	for (s = m->sensors; s != NULL; s = s->next) {
		for (r = s->rules; r != NULL; r = r->next) {
			for (b = r->bits; b != NULL && !r->off; b = b->next) {
				if (sets(b) && bh_sig_name(names, b->name, &fresh) == NULL)
					return -ENOMEM;
			}
		}
	}
	return 0;
}

static int
tell(struct bh_sig *s, const struct bh_sensor_rule *r, const struct bh_sensor_bit *b)
{
	struct bh_signature_note n = {.fate = BH_SIGNATURE_CHANGED,
				      .line = r->line,
				      .column = 1,
				      .sid = r->sid,
				      .option = "flowbits"};
	char key[32];

	while (n.file + 1 < s->n_files && strcmp(s->file[n.file].name, r->sensor->file) != 0)
		n.file++;
	/* A rule with another note is counted already. */
	snprintf(key, sizeof(key), "%u:%u", r->gid != 0 ? r->gid : 1, r->sid);
	s->file[n.file].changed += bh_sig_name_get(&s->sids, key) == NULL;
	return bh_sig_note(s, &n,
			   "waits for bit '%.100s', which no loaded rule sets: it is never hit",
			   b->name);
}

int
bh_suricata_tell_bits(struct bh_sig *s)
{
	const struct bh_sensor *sensor;
	const struct bh_sensor_rule *r;
	const struct bh_sensor_bit *b;
	struct bh_sig_names names = {0};
	bool known;
	int rc = collect(s->model, &names);

	for (sensor = s->model->sensors; sensor != NULL; sensor = sensor->next) {
		for (r = sensor->rules; r != NULL; r = r->next) {
			for (b = r->bits; rc == 0 && b != NULL && !r->off; b = b->next) {
				known = b->op != BH_SENSOR_BIT_ISSET ||
					bh_sig_name_has(&names, b->name);
				if (known)
					continue;
				rc = tell(s, r, b);
				break;
			}
		}
	}
	bh_sig_names_free(&names);
	return rc == -ENOMEM ? bh_sig_nomem(s) : rc;
}
