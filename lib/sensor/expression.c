/* Who decides an expression: Hyperscan where it takes it as it is; else Hyperscan looks for something wider, and PCRE2
 * decides. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "sensor_priv.h"

/* Bytes are bytes, as for Hyperscan without its UTF-8 flag. */
#define OPTIONS (PCRE2_NEVER_UTF | PCRE2_NEVER_UCP)

int
bh_sensor_refuse(const struct bh_sensor_rule *r, const struct bh_sensor_pattern *p,
		 struct bh_err *err, const char *fmt, ...)
{
	char why[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (err != NULL && err->what[0] == '\0') {
		if (r->sensor->file != NULL)
			snprintf(err->file, sizeof(err->file), "%s", r->sensor->file);
		err->line = p != NULL && p->line != 0 ? p->line : r->line;
		if (err->column == 0 && p != NULL)
			err->column = p->column;
	}
	if (p == NULL)
		return bh_err_set(err, EINVAL, "sensor '%.64s', rule '%.64s': %s", r->sensor->name,
				  r->name, why);
	return bh_err_set(err, EINVAL, "sensor '%.64s', rule '%.64s', %s pattern '%.60s': %s",
			  r->sensor->name, r->name, bh_sensor_context_key(p->context),
			  p->text != NULL ? p->text : "", why);
}

/* The code, for a pattern that Hyperscan does not take. */
static int
compile_pcre(struct bh_sensor_expr *e, const char *engine, struct bh_err *err)
{
	uint32_t options = OPTIONS | (e->flags & HS_FLAG_CASELESS ? PCRE2_CASELESS : 0) |
			   (e->flags & HS_FLAG_DOTALL ? PCRE2_DOTALL : 0) |
			   (e->flags & HS_FLAG_MULTILINE ? PCRE2_MULTILINE : 0);
	PCRE2_UCHAR why[160] = "";
	PCRE2_SIZE at = 0;
	size_t machine = 0;
	int error;

	e->code = pcre2_compile((PCRE2_SPTR)e->text, PCRE2_ZERO_TERMINATED, options, &error, &at,
				NULL);
	if (e->code == NULL) {
		pcre2_get_error_message(error, why, sizeof(why));
		/* Of a chain or an (?x) the place is that in what was made of it. */
		if (err != NULL && !e->chain && e->from->column != 0 && e->from->len >= at &&
		    memcmp(e->text, e->from->text, at) == 0)
			err->column = e->from->column + (unsigned)at;
		return bh_sensor_refuse(e->rule, e->from, err, "at byte %zu: %s (Hyperscan: %s)",
					(size_t)at, (const char *)why, engine);
	}
	/* Without machine code a match would take memory from the heap. */
	if (pcre2_jit_compile(e->code, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD) != 0 ||
	    pcre2_pattern_info(e->code, PCRE2_INFO_JITSIZE, &machine) != 0 || machine == 0)
		return bh_sensor_refuse(e->rule, e->from, err,
					"Hyperscan does not take it (%s), and it can't be made "
					"machine code for PCRE2: too big, or this host forbids "
					"memory that is written and executed",
					engine);
	return 0;
}

void
bh_sensor_forget(struct bh_sensor_expr *e)
{
	pcre2_code_free(e->code);
	e->code = NULL;
}

/* Does Hyperscan take it as it is decided now? `why` gets its reason. */
static bool
takes(const struct bh_sensor_expr *e, char *why, size_t size)
{
	hs_compile_error_t *error = NULL;
	hs_expr_info_t *info = NULL;
	struct hs_expr_ext ext;
	bool ok;

	bh_sensor_expr_ext(e, &ext);
	ok = hs_expression_ext_info(bh_sensor_expr_text(e), bh_sensor_expr_flags(e), &ext, &info,
				    &error) == HS_SUCCESS;
	if (error != NULL) {
		snprintf(why, size, "%.120s", error->message);
		hs_free_compile_error(error);
	}
	/* allocated by malloc unless hs_set_misc_allocator was called, which nobody does */
	free(info);
	return ok;
}

int
bh_sensor_decide(struct bh_sensor_expr *e, bool refused, struct bh_err *err)
{
	char why[128] = "too big";
	int rc;

	if (e->plain && !refused)
		return 0;
	if (refused)
		e->how++;
	for (; e->how < BH_SENSOR_ALWAYS; e->how++) {
		if (e->how == BH_SENSOR_TRIGGER && e->trigger == NULL)
			continue;
		if (e->how != BH_SENSOR_EXACT && e->code == NULL) {
			rc = compile_pcre(e, why, err);
			if (rc != 0)
				return rc;
		}
		if (e->how == BH_SENSOR_TRIGGER || takes(e, why, sizeof(why)))
			break;
	}
	if (e->how >= BH_SENSOR_ALWAYS && e->code == NULL)
		return bh_sensor_refuse(e->rule, e->from, err, "Hyperscan: %s", why);
	return 0;
}

const char *
bh_sensor_expr_text(const struct bh_sensor_expr *e)
{
	return e->how == BH_SENSOR_TRIGGER ? e->trigger : e->text;
}

unsigned
bh_sensor_expr_flags(const struct bh_sensor_expr *e)
{
	switch (e->how) {
	case BH_SENSOR_EXACT:
		/* Whether it matches is all that counts. Literals are never empty. */
		return e->flags | HS_FLAG_SINGLEMATCH | (e->plain ? 0 : HS_FLAG_ALLOWEMPTY);
	case BH_SENSOR_PREFILTER:
		/* Each match is a reason to ask PCRE2 again. */
		return e->flags | HS_FLAG_PREFILTER | HS_FLAG_ALLOWEMPTY;
	default:
		return e->trigger_nocase ? HS_FLAG_CASELESS : 0;
	}
}

void
bh_sensor_expr_ext(const struct bh_sensor_expr *e, struct hs_expr_ext *ext)
{
	*ext = (struct hs_expr_ext){0};
	if (e->how != BH_SENSOR_EXACT)
		return;
	if (e->min_end != 0) {
		ext->flags |= HS_EXT_FLAG_MIN_OFFSET;
		ext->min_offset = e->min_end;
	}
	if (e->max_end != 0) {
		ext->flags |= HS_EXT_FLAG_MAX_OFFSET;
		ext->max_offset = e->max_end;
	}
}
