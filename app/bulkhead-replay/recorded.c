/* recorded: the conversations of the first run, as the daemon records them, and what they alone say a draft would change. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/learn/draft.h"
#include "replay.h"

struct recorded {
	struct bh_buf out;
	FILE *file;
	bool failed;
};

int
replay_recorded_open(struct replay *r, struct bh_err *err)
{
	const struct bh_learn_params params = {
		.path = r->o.conversations,
		.names = &r->names,
		.max = (uint32_t)r->config.learn_max,
		.addresses = (uint32_t)r->config.learn_addresses,
		.operations = r->config.learn_operations,
		.labels = {&r->config.learn_services, &r->config.learn_namespaces,
			   &r->config.learn_ignore},
	};

	if (r->o.conversations == NULL && r->o.whatif == NULL)
		return 0;
	r->config.event_flows = true;
	return bh_learn_open(&r->learn, &params, err);
}

void
replay_recorded_take(struct replay *r, const struct bh_event *e, unsigned n)
{
	if (r->learn != NULL)
		bh_learn_events(r->learn, e, n);
}

/* ---- what they say of a draft ---------------------------------------------------------------------------- */

static void
put_verdict(struct bh_json *j, const char *key, const struct bh_draft_verdict *v)
{
	bh_json_open(j, key, '{');
	bh_json_str(j, "verdict", bh_verdict_name(v->verdict));
	bh_json_str(j, "reason", bh_reason_name(v->reason));
	bh_json_bool(j, "by_operation", v->by_operation);
	bh_json_str(j, "rule", v->rule);
	bh_json_close(j, '}');
}

static bool
put_pair(void *arg, const struct bh_conversation *c, const struct bh_draft_verdict *before,
	 const struct bh_draft_verdict *after)
{
	struct recorded *w = arg;
	struct bh_json j = {.out = &w->out};
	char text[64];

	bh_buf_reset(&w->out);
	bh_json_open(&j, NULL, '{');
	bh_json_str(&j, "client", bh_addr_format(c->family, c->address[0], text, sizeof(text)));
	bh_json_str(&j, "server", bh_addr_format(c->family, c->address[1], text, sizeof(text)));
	bh_json_u64(&j, "vlan", BH_TENANT_VLAN1(c->tenant));
	bh_json_u64(&j, "vni", BH_TENANT_VNI(c->tenant));
	bh_json_str(&j, "from", c->from.name);
	bh_json_str(&j, "to", c->to.name);
	bh_json_str(&j, "service", bh_service_format(c->service, text, sizeof(text)));
	bh_json_str(&j, "application", c->app);
	bh_json_bool(&j, "undecided", c->undecided);
	put_verdict(&j, "before", before);
	put_verdict(&j, "after", after);
	bh_json_close(&j, '}');
	bh_buf_str(&w->out, "\n");
	if (w->file != NULL && !w->failed)
		w->failed =
			w->out.failed || fwrite(w->out.data, 1, w->out.len, w->file) != w->out.len;
	return !w->failed;
}

static int
read_draft(const struct replay *r, struct bh_whatif *w, char **text, struct bh_err *err)
{
	int rc = bh_file_read(r->o.draft, REPLAY_DRAFT_MAX, text, &w->len, err);

	w->text = *text;
	return rc;
}

static int
what_if(struct replay *r, FILE *table, struct bh_err *err)
{
	struct bh_whatif w = {.name = r->o.draft,
			      .p = r->policy,
			      .max_endpoints = (uint32_t)r->config.max_endpoints,
			      .mode = (enum bh_mode)r->config.mode};
	bool standard = strcmp(r->o.whatif, "-") == 0;
	struct recorded out = {.file = standard ? stdout : fopen(r->o.whatif, "we")};
	struct bh_whatif_counts n;
	char *text = NULL;
	int rc;

	if (out.file == NULL)
		return bh_err_set(err, errno, "cannot write %s: %s", r->o.whatif, strerror(errno));
	rc = read_draft(r, &w, &text, err);
	if (rc == 0)
		rc = bh_learn_whatif(r->learn, &w, put_pair, &out, &n, err);
	if ((standard ? fflush(out.file) : fclose(out.file)) != 0)
		out.failed = true;
	if (rc == 0 && out.failed)
		rc = bh_err_set(err, EIO, "cannot write %s", r->o.whatif);
	if (rc == 0)
		fprintf(table,
			"\nrecorded conversations: %llu of %llu pairs of addresses would change "
			"under %s\n",
			(unsigned long long)n.changed_pairs, (unsigned long long)n.pairs,
			r->o.draft);
	bh_buf_free(&out.out);
	free(text);
	return rc;
}

int
replay_recorded_finish(struct replay *r, FILE *table, struct bh_err *err)
{
	int rc = 0;

	if (r->learn == NULL)
		return 0;
	if (r->o.conversations != NULL)
		rc = bh_learn_save(r->learn, err);
	if (rc == 0 && r->o.whatif != NULL)
		rc = what_if(r, table, err);
	bh_learn_close(r->learn);
	r->learn = NULL;
	return rc;
}
