/* Importing a text in a test: what came out, and what was told. Included by tests of the import room. */
#ifndef BH_IMPORT_RIG_H
#define BH_IMPORT_RIG_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/import/import.h"
#include "../../lib/policy/policy.h"
#include "unit.h"

struct rig {
	struct bh_buf out, notes;
	struct bh_err err;
	unsigned n_notes;
	const struct bh_view *view;
	struct bh_policy *policy;
};

static void
rig_note(void *arg, const char *file, unsigned line, unsigned column, const char *text)
{
	struct rig *r = arg;

	r->n_notes++;
	bh_buf_printf(&r->notes, "%s:%u:%u: %s\n", file, line, column, text);
}

static int
rig_import(struct rig *r, enum bh_form form, const char *text, const char *pods)
{
	const struct bh_import_input in = {"in.yaml", text, strlen(text)};
	struct bh_prefix prefix;
	struct bh_import_params p = {
		.form = form, .input = &in, .n_inputs = 1, .note = rig_note, .arg = r};

	*r = (struct rig){0};
	if (pods != NULL) {
		CU_ASSERT_EQUAL_FATAL(bh_prefix_parse(pods, &prefix, NULL), 0);
		p.pods = &prefix;
		p.n_pods = 1;
	}
	return bh_import(&p, &r->out, &r->err);
}

static __attribute__((unused)) bool
told(const struct rig *r, const char *what)
{
	return r->notes.data != NULL && strstr(r->notes.data, what) != NULL;
}

static __attribute__((unused)) bool
says(const struct rig *r, const char *what)
{
	return r->out.data != NULL && strstr(r->out.data, what) != NULL;
}

static void
rig_publish(void *arg, const struct bh_view *view)
{
	((struct rig *)arg)->view = view;
}

/* Put what was imported into force, with more text behind it. */
static void
rig_load(struct rig *r, const char *more)
{
	struct bh_policy_params params = {.max_endpoints = 64,
					  .mode = BH_MODE_PROTECT,
					  .publish = rig_publish,
					  .arg = r};
	struct bh_err err = {0};
	char message[1024];

	bh_buf_str(&r->out, more);
	CU_ASSERT_EQUAL_FATAL(bh_hash_key_random(&params.hash_key), 0);
	CU_ASSERT_EQUAL_FATAL(bh_policy_create(&r->policy, &params), 0);
	if (bh_policy_load_text(r->policy, "out.yaml", r->out.data, r->out.len, false, NULL,
				&err) != 0) {
		bh_err_format(&err, message, sizeof(message));
		fprintf(stderr, "\n%s\n%s", message, r->out.data);
		CU_FAIL_FATAL("what was imported does not load");
	}
}

static void
rig_free(struct rig *r)
{
	bh_policy_destroy(r->policy);
	bh_buf_free(&r->out);
	bh_buf_free(&r->notes);
}

/* May one IPv4 address (as a number) open this to the other? */
static __attribute__((unused)) bool
rig_allows(const struct rig *r, uint32_t from, uint32_t to, uint8_t proto, uint16_t port)
{
	uint32_t src = __builtin_bswap32(from), dst = __builtin_bswap32(to);
	struct bh_flow_key key = {.family = BH_IP4, .proto = proto};
	struct bh_judgement j;
	unsigned end = bh_flow_key_set(&key, &src, &dst, 40000, port);

	bh_policy_judge(r->view, &key, end, port, NULL, &j);
	return j.verdict == BH_VERDICT_ALLOW;
}

#endif
