/* From a model to a set: units, expressions, databases, and what scanning them needs. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "sensor_priv.h"

/* Expressions that Hyperscan takes alone and refuses among the others (too big): each time all is compiled again. */
#define REFUSALS 64

struct job {
	const char *cache;
	struct bh_sensor_set *set;
	const char **text;
	unsigned *flags, *id;
	struct hs_expr_ext *ext;
	const struct hs_expr_ext **ext_at;
};

static void
free_job(struct job *j)
{
	free(j->text);
	free(j->flags);
	free(j->id);
	free(j->ext);
	free(j->ext_at);
}

static int
create_job(struct job *j, uint32_t n)
{
	n++;
	j->text = calloc(n, sizeof(*j->text));
	j->flags = calloc(n, sizeof(*j->flags));
	j->id = calloc(n, sizeof(*j->id));
	j->ext = calloc(n, sizeof(*j->ext));
	j->ext_at = calloc(n, sizeof(*j->ext_at));
	if (j->text != NULL && j->flags != NULL && j->id != NULL && j->ext != NULL &&
	    j->ext_at != NULL)
		return 0;
	return -ENOMEM;
}

/* What Hyperscan is to compile; those that are always confirmed are none of its business. */
static unsigned
list(struct job *j, const struct bh_sensor_db *db)
{
	unsigned n = 0;
	uint32_t i;

	for (i = 0; i < db->n; i++) {
		if (db->expr[i]->how == BH_SENSOR_ALWAYS)
			continue;
		j->text[n] = bh_sensor_expr_text(db->expr[i]);
		j->flags[n] = bh_sensor_expr_flags(db->expr[i]);
		j->id[n] = i;
		bh_sensor_expr_ext(db->expr[i], &j->ext[n]);
		j->ext_at[n] = j->ext[n].flags != 0 ? &j->ext[n] : NULL;
		n++;
	}
	return n;
}

/* One try. 0, 1: an expression was refused and is less exact now, -errno. */
static int
try_compile(struct job *j, struct bh_sensor_db *db, struct bh_err *err)
{
	hs_compile_error_t *why = NULL;
	struct bh_sensor_key key;
	unsigned n = list(j, db);
	int rc;

	if (n == 0)
		return 0;
	if (j->cache != NULL) {
		bh_sensor_key(&key, db);
		rc = bh_sensor_cache_load(j->cache, &key, &db->db);
		if (rc == 0)
			j->set->info.from_cache++;
		else if (rc != -ENOENT)
			j->set->info.cache_rejected++;
		if (rc == 0)
			return 0;
	}
	if (hs_compile_ext_multi(j->text, j->flags, j->id, j->ext_at, n, HS_MODE_STREAM, NULL,
				 &db->db, &why) == HS_SUCCESS) {
		if (j->cache != NULL)
			bh_sensor_cache_store(j->cache, &key, db->db);
		return 0;
	}
	if (why != NULL && why->expression >= 0)
		rc = bh_sensor_decide(db->expr[j->id[why->expression]], true, err);
	else
		rc = bh_err_set(err, EINVAL, "%u patterns for %s can't be compiled: %s", n,
				bh_sensor_context_key(db->context),
				why != NULL ? why->message : "no memory");
	hs_free_compile_error(why);
	return rc != 0 ? rc : 1;
}

/* A stream's state is one flat piece that holds no address of itself: that is what lets it live in a worker's pool, begun
 * by a copy of a blank one. hs_copy_stream() does just that; that this libhs does is seen here, not believed. */
static int
check_flat(const struct bh_sensor_db *db, struct bh_err *err)
{
	hs_stream_t *copy = NULL;
	bool flat;

	if (hs_copy_stream(&copy, db->blank) != HS_SUCCESS)
		return bh_err_set(err, ENOMEM, "no memory for the sensors");
	flat = memcmp(copy, db->blank, db->stream_size) == 0;
	hs_close_stream(copy, NULL, NULL, NULL);
	return flat ? 0
		    : bh_err_set(err, EINVAL,
				 "this libhs (%s) keeps the state of a stream in several pieces; "
				 "sensors need one that does not",
				 hs_version());
}

/* Into memory of huge pages, all of it there: workers walk it at random, and take no page fault and few misses of the TLB
 * for it. Where that can't be had it stays where it is. */
static void
settle(struct bh_sensor_db *db)
{
	hs_database_t *at = NULL;
	char *data = NULL;
	size_t len = 0, size = 0;

	if (hs_serialize_database(db->db, &data, &len) != HS_SUCCESS)
		return;
	if (hs_serialized_database_size(data, len, &size) == HS_SUCCESS)
		at = bh_mem_map(size, true, NULL);
	if (at != NULL && hs_deserialize_database_at(data, len, at) == HS_SUCCESS) {
		hs_free_database(db->db);
		db->db = at;
		db->mapped = size;
	} else if (at != NULL) {
		bh_mem_unmap(at, size);
	}
	/* libhs took it from malloc: nobody sets its allocators */
	free(data);
}

static int
make_db(struct job *j, struct bh_sensor_db *db, struct bh_err *err)
{
	struct bh_sensor_set_info *info = &j->set->info;
	unsigned tries = 0;
	size_t size = 0;
	int rc;

	do {
		rc = try_compile(j, db, err);
	} while (rc == 1 && ++tries < REFUSALS);
	if (rc == 1)
		return bh_err_set(err, EINVAL,
				  "more than %u patterns for %s are too big; make them simpler",
				  REFUSALS, bh_sensor_context_key(db->context));
	if (rc != 0 || db->db == NULL)
		return rc;
	settle(db);
	if (hs_open_stream(db->db, 0, &db->blank) != HS_SUCCESS ||
	    hs_stream_size(db->db, &db->stream_size) != HS_SUCCESS ||
	    hs_alloc_scratch(db->db, &j->set->scratch) != HS_SUCCESS)
		return bh_err_set(err, ENOMEM, "no memory for the sensors");
	if (hs_database_size(db->db, &size) == HS_SUCCESS)
		info->database_bytes += size;
	info->stream_sum += db->stream_size;
	if (info->stream_max < db->stream_size)
		info->stream_max = db->stream_size;
	return check_flat(db, err);
}

/* Number those that PCRE2 confirms, those without a trigger first. */
static int
number_confirmed(struct bh_sensor_set *set)
{
	uint32_t i, k, pass, n;

	for (k = 0; k < set->n_dbs; k++) {
		struct bh_sensor_db *db = &set->db[k];

		for (n = 0, i = 0; i < db->n; i++)
			n += db->expr[i]->code != NULL;
		if (n == 0)
			continue;
		db->confirm = bh_sensor_take(set->model, n * sizeof(struct bh_sensor_expr *));
		db->slot = bh_sensor_take(set->model, db->n * sizeof(*db->slot));
		if (db->confirm == NULL || db->slot == NULL)
			return -ENOMEM;
		for (pass = 0; pass < 2; pass++)
			for (i = 0; i < db->n; i++) {
				struct bh_sensor_expr *e = db->expr[i];

				if (e->code == NULL || (e->how == BH_SENSOR_ALWAYS) != (pass == 0))
					continue;
				db->n_always += pass == 0;
				db->slot[i] = db->n_confirm;
				db->confirm[db->n_confirm++] = e;
			}
	}
	return 0;
}

/* flowbits: a number for each name; rules without a positive pattern: a list. */
static int
number_bits(struct bh_sensor_set *set, struct bh_err *err)
{
	const char **name = calloc(BH_SENSOR_BITS, sizeof(*name));
	struct bh_sensor_bit *b;
	uint32_t i, k;
	int rc = 0;

	set->negated = bh_sensor_take(set->model, (set->n_rules + 1) * sizeof(*set->negated));
	if (name == NULL || set->negated == NULL)
		rc = bh_err_set(err, ENOMEM, "no memory for the sensors");
	for (i = 0; i < set->n_rules && rc == 0; i++) {
		struct bh_sensor_judged *j = &set->rule[i];

		if (j->need == 0)
			set->negated[set->n_negated++] = i;
		for (b = j->rule->bits; b != NULL && rc == 0; b = b->next) {
			if (b->op == BH_SENSOR_BIT_NOALERT || b->name == NULL) {
				j->silent = true;
				continue;
			}
			j->has_bits = true;
			for (k = 0; k < set->n_bits && strcmp(name[k], b->name) != 0; k++)
				;
			if (k == BH_SENSOR_BITS) {
				rc = bh_sensor_refuse(j->rule, NULL, err,
						      "flowbit '%.64s': a set may name %u of them",
						      b->name, BH_SENSOR_BITS);
				break;
			}
			name[k] = b->name;
			set->n_bits += k == set->n_bits;
			b->index = (uint16_t)k;
		}
	}
	free(name);
	return rc;
}

static int
build(struct bh_sensor_set *set, const char *cache_dir, struct bh_err *err)
{
	struct job j = {.cache = cache_dir, .set = set};
	uint32_t i;
	int rc = bh_sensor_units(set, err);

	for (i = 0; i < set->n_exprs && rc == 0; i++)
		rc = bh_sensor_decide(&set->expr[i], false, err);
	if (rc == 0)
		rc = bh_sensor_group(set, err);
	if (rc == 0)
		rc = create_job(&j, set->n_exprs);
	atomic_store(&set->model->compiled, 0);
	atomic_store(&set->model->databases, set->n_dbs);
	for (i = 0; rc == 0 && i < set->n_dbs; i++) {
		rc = make_db(&j, &set->db[i], err);
		atomic_store(&set->model->compiled, i + 1);
	}
	free_job(&j);
	if (rc == 0)
		rc = number_confirmed(set);
	if (rc == 0)
		rc = number_bits(set, err);
	if (rc == -ENOMEM)
		bh_err_set(err, ENOMEM, "no memory for the sensors");
	return rc;
}

static void
tell(struct bh_sensor_set *set)
{
	struct bh_sensor_set_info *info = &set->info;
	uint32_t i;

	info->sensors = set->model->n_sensors;
	info->rules = set->n_rules;
	info->patterns = set->n_units;
	info->databases = set->n_dbs;
	for (i = 0; i < set->n_exprs; i++) {
		if (set->expr[i].code == NULL)
			info->exact++;
		else
			info->confirmed++;
	}
	for (i = 0; i < set->n_groups; i++)
		info->contexts |= set->contexts[i];
	if (set->scratch != NULL)
		hs_scratch_size(set->scratch, &info->scratch_bytes);
}

int
bh_sensor_compile(struct bh_sensor_model *model, const char *cache_dir, struct bh_sensor_set **out,
		  struct bh_err *err)
{
	uint64_t start = bh_clock_system.mono_ns(bh_clock_system.arg);
	struct bh_sensor_set *set = calloc(1, sizeof(*set));
	int rc;

	*out = NULL;
	if (set == NULL)
		return bh_err_set(err, ENOMEM, "no memory for the sensors");
	set->model = model;
	rc = build(set, cache_dir, err);
	if (rc != 0) {
		/* The model stays the caller's. */
		set->model = NULL;
		bh_sensor_set_destroy(set);
		return rc;
	}
	tell(set);
	set->info.compile_ns = bh_clock_system.mono_ns(bh_clock_system.arg) - start;
	*out = set;
	return 0;
}

void
bh_sensor_set_destroy(struct bh_sensor_set *set)
{
	uint32_t i;

	if (set == NULL)
		return;
	for (i = 0; i < set->n_exprs; i++)
		bh_sensor_forget(&set->expr[i]);
	for (i = 0; i < set->n_dbs; i++) {
		if (set->db[i].blank != NULL)
			hs_close_stream(set->db[i].blank, NULL, NULL, NULL);
		if (set->db[i].mapped != 0)
			bh_mem_unmap(set->db[i].db, set->db[i].mapped);
		else
			hs_free_database(set->db[i].db);
	}
	hs_free_scratch(set->scratch);
	bh_sensor_model_destroy(set->model);
	free(set);
}

void
bh_sensor_set_info(const struct bh_sensor_set *set, struct bh_sensor_set_info *out)
{
	*out = set->info;
}

const struct bh_sensor_model *
bh_sensor_set_model(const struct bh_sensor_set *set)
{
	return set->model;
}
