/* sinks: where events go besides the file and the store (events.c hands them on). */
#include "daemon.h"

int
bh_daemon_sinks_open(struct bh_daemon *d, struct bh_err *err)
{
	struct bh_sink_params p = {.spool = d->config.spool_path,
				   .spool_bytes = d->config.spool_size};
	struct bh_daemon_sink_secrets secrets;
	unsigned i;
	int rc = 0;

	for (i = 0; rc == 0 && i < d->config.n_sinks; i++) {
		const struct bh_config_sink *c = &d->config.sink[i];

		p.type = (enum bh_sink_type)c->type;
		p.form = c->form;
		p.kinds = c->kinds;
		p.name = c->name;
		p.options = &c->options;
		p.hold = true;
		rc = bh_daemon_secret_sink(d, i, &secrets, err);
		p.secret = secrets.secret;
		p.to = secrets.to != NULL ? secrets.to : c->to;
		if (rc == 0)
			rc = bh_sink_open(&d->sink[i], &p, err);
		if (rc == 0)
			d->n_sinks++;
		bh_daemon_secret_sink_free(&secrets);
	}
	return rc;
}

void
bh_daemon_sinks_begin(struct bh_daemon *d)
{
	unsigned i;

	for (i = 0; i < d->n_sinks; i++)
		bh_sink_begin(d->sink[i]);
}

void
bh_daemon_sinks_close(struct bh_daemon *d)
{
	unsigned i;

	for (i = 0; i < d->n_sinks; i++)
		bh_sink_close(d->sink[i]);
	d->n_sinks = 0;
}

void
bh_daemon_sinks_put(struct bh_daemon *d, const struct bh_sink_record *r)
{
	unsigned i;

	for (i = 0; i < d->n_sinks; i++)
		bh_sink_put(d->sink[i], r);
}

bool
bh_daemon_sink(void *arg, unsigned index, struct bh_api_sink *out)
{
	struct bh_daemon *d = arg;
	struct bh_sink_stats st;

	if (index >= d->n_sinks)
		return false;
	bh_sink_stats(d->sink[index], &st);
	*out = (struct bh_api_sink){.name = bh_sink_name(d->sink[index]),
				    .type = bh_sink_type_name(d->config.sink[index].type),
				    .put = st.put,
				    .sent = st.sent,
				    .lost = st.lost,
				    .failures = st.failures,
				    .waiting_bytes = st.waiting_bytes,
				    .up = st.up};
	return true;
}
