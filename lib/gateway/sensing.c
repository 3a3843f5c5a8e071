/* Users' sensors: read, compiled, handed to the workers, taken back when nobody uses them. Control alone. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "gateway_priv.h"

static bool
find_segment(void *policy, const char *name, uint32_t *id)
{
	return bh_policy_segment_id(policy, name, id) == 0;
}

static bool
find_rule(void *policy, const char *name, uint32_t *id)
{
	return bh_policy_rule_id(policy, name, id) == 0;
}

static void
sensing_free(struct bh_sensing *s)
{
	if (s == NULL)
		return;
	bh_signature_scope_destroy(s->scope);
	bh_sensor_set_destroy(s->set);
	bh_signatures_free(s->signatures);
	free(s);
}

/* Rules are asked what they do when they hit, wherever they are attached. */
static void
note_model(struct bh_sensing *g, struct bh_sensor_model *m)
{
	const struct bh_sensor_rule *r;
	struct bh_sensor *s;
	size_t i;

	m->user = g;
	for (s = m->sensors; s != NULL; s = s->next) {
		s->user = g;
		for (r = s->rules; r != NULL; r = r->next)
			g->blocks |= bh_app_ends(r->action);
	}
	for (i = 0; i < g->signatures->n_attachments; i++)
		g->blocks |= bh_app_ends(g->signatures->attachment[i].action);
}

void
bh_gateway_reap_sensors(struct bh_gateway *g)
{
	struct bh_sensing **at = &g->sensing, *s;
	unsigned i;

	/* Taken for long while new ones are compiled: later is soon enough. */
	if (pthread_mutex_trylock(&g->sense_lock) != 0)
		return;
	while ((s = *at) != NULL) {
		bool used = false;

		for (i = 0; i < g->n_workers; i++)
			used |= bh_sensor_reap(bh_app_sensor_worker(g->worker[i]), s->set);
		if (used || s == g->sensing_now) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		sensing_free(s);
	}
	pthread_mutex_unlock(&g->sense_lock);
}

unsigned
bh_gateway_sensors_in_use(const struct bh_gateway *g)
{
	const struct bh_sensing *s;
	unsigned n = 0;

	for (s = g->sensing; s != NULL; s = s->next)
		n++;
	return n;
}

/* Each worker takes it with its next turn; one that has not taken the last one yet gets a moment. */
static int
publish(struct bh_gateway *g, struct bh_sensing *s, enum bh_sensor_reload reload)
{
	const struct timespec nap = {.tv_nsec = 1000000};
	unsigned i, tries;
	int rc = 0;

	for (i = 0; rc == 0 && i < g->n_workers; i++) {
		struct bh_sensor_worker *w = bh_app_sensor_worker(g->worker[i]);

		rc = bh_sensor_publish(w, s->set, reload);
		for (tries = 0; rc == -EBUSY && tries < 1000; tries++) {
			nanosleep(&nap, NULL);
			bh_sensor_reap(w, NULL);
			rc = bh_sensor_publish(w, s->set, reload);
		}
	}
	return rc;
}

int
bh_gateway_sense(struct bh_gateway *g, struct bh_policy *policy, struct bh_signatures *signatures,
		 struct bh_err *err)
{
	const struct bh_signature_segment segment = {find_segment, find_rule, policy};
	struct bh_sensing *s = calloc(1, sizeof(*s));
	struct bh_sensor_model *model = signatures->model;
	const char *cache = g->p.config->sensor_cache;
	int rc;

	if (s == NULL) {
		bh_signatures_free(signatures);
		return bh_err_set(err, ENOMEM, "no memory for sensors");
	}
	s->signatures = signatures;
	note_model(s, model);
	rc = bh_signature_scope_create(&s->scope, signatures, model, &segment, err);
	if (rc == 0)
		rc = bh_sensor_compile(model, cache[0] != '\0' ? cache : NULL, &s->set, err);
	if (rc != 0) {
		sensing_free(s);
		return rc;
	}
	signatures->model = NULL;
	pthread_mutex_lock(&g->sense_lock);
	s->load = ++g->loads;
	s->next = g->sensing;
	g->sensing = s;
	/* Before the first bytes are looked at for it: those are held then. */
	if (s->blocks)
		atomic_store_explicit(&g->sensors_block, true, memory_order_relaxed);
	rc = publish(g, s, (enum bh_sensor_reload)g->p.config->sensor_reload);
	if (rc == 0) {
		g->sensing_now = s;
		atomic_store_explicit(&g->sensors_block, s->blocks, memory_order_relaxed);
	}
	pthread_mutex_unlock(&g->sense_lock);
	return rc == 0 ? 0
		       : bh_err_set(err, -rc, "the workers do not take the sensors: %s",
				    strerror(-rc));
}

static int
read_sensors(const struct bh_config *c, const struct bh_sensor_part *part,
	     struct bh_signatures **out, struct bh_err *err)
{
	const char *file[BH_SENSOR_FILES];
	const struct bh_signature_params p = {
		.file = file,
		.n_files = c->n_sensor_files,
		.vars = c->sensor_vars[0] != '\0' ? c->sensor_vars : NULL,
		.classes = c->sensor_classes[0] != '\0' ? c->sensor_classes : NULL,
		.part = part != NULL ? part->text : NULL,
		.part_len = part != NULL ? part->len : 0,
	};
	unsigned i;

	for (i = 0; i < c->n_sensor_files; i++)
		file[i] = c->sensor_file[i];
	return bh_signature_load(&p, out, err);
}

int
bh_gateway_read_sensors(const struct bh_config *c, struct bh_signatures **out, struct bh_err *err)
{
	return read_sensors(c, NULL, out, err);
}

bool
bh_gateway_senses(const struct bh_config *c)
{
	unsigned i;
	bool senses = c->n_sensor_files != 0;

	for (i = 0; i < c->n_sources; i++)
		senses |= c->source[i].resources == BH_WISHES_APPLY;
	return senses;
}

/* Sensors of the files that are in use have their names. */
static int
check_names(struct bh_gateway *g, const struct bh_sensor_model *m, struct bh_err *err)
{
	const struct bh_sensor *s, *other;
	int rc = 0;

	pthread_mutex_lock(&g->sense_lock);
	for (other = g->sensing_now != NULL ? bh_sensor_set_model(g->sensing_now->set)->sensors
					    : NULL;
	     other != NULL; other = other->next) {
		if (strcmp(other->file, BH_SIGNATURE_PART) == 0)
			continue;
		for (s = m->sensors; rc == 0 && s != NULL; s = s->next) {
			if (strcmp(s->name, other->name) == 0)
				rc = bh_err_set(err, EEXIST,
						"sensor '%.100s' is already in %.150s, line %u: "
						"give it another name",
						s->name, other->file, other->line);
		}
	}
	pthread_mutex_unlock(&g->sense_lock);
	return rc;
}

int
bh_gateway_try_sensors(struct bh_gateway *g, const struct bh_sensor_part *part, struct bh_err *err)
{
	const struct bh_signature_params p = {.part = part->text, .part_len = part->len};
	struct bh_sensor_set *set = NULL;
	struct bh_signatures *s;
	int rc = bh_signature_load(&p, &s, err);

	if (rc != 0)
		return rc;
	rc = g != NULL ? check_names(g, s->model, err) : 0;
	if (rc == 0)
		rc = bh_sensor_compile(s->model, NULL, &set, err);
	if (rc == 0)
		s->model = NULL; /* the set's */
	bh_sensor_set_destroy(set);
	bh_signatures_free(s);
	return rc;
}

int
bh_gateway_load_sensors(struct bh_gateway *g, struct bh_policy *policy,
			const struct bh_sensor_part *part, struct bh_sensor_load *out,
			struct bh_err *err)
{
	struct bh_signatures *s;
	size_t i;
	int rc;

	*out = (struct bh_sensor_load){0};
	if (!g->senses)
		return 0;
	rc = bh_sensor_engine_check(err);
	if (rc == 0)
		rc = read_sensors(g->p.config, part, &s, err);
	if (rc != 0)
		return rc;
	for (i = 0; i < s->report.n_files; i++) {
		out->sensors += s->report.file[i].sensors;
		out->rules += s->report.file[i].rules;
		out->left_out += s->report.file[i].left_out;
		out->changed += s->report.file[i].changed;
	}
	for (i = 0; i < s->n_attachments; i++)
		out->unkept |= s->attachment[i].action == BH_SENSOR_CAPTURE &&
			       g->p.config->evidence_path[0] == '\0';
	return bh_gateway_sense(g, policy, s, err);
}

void
bh_gateway_forget_sensors(struct bh_gateway *g)
{
	struct bh_sensing *s;

	while ((s = g->sensing) != NULL) {
		g->sensing = s->next;
		sensing_free(s);
	}
}
