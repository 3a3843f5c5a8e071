/* A server alone: answers until it is told to stop. */
#include <errno.h>
#include <unistd.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#include "gen.h"

static void
report_connections(struct gen *g)
{
	struct bh_gen_tcp_counts sum = {0};
	unsigned i;

	for (i = 0; i < g->n_ends; i++) {
		const struct bh_gen_tcp_counts *c = bh_gen_tcp_counts(g->end[i]->tcp);

		sum.established += c->established;
		sum.transactions += c->transactions;
		sum.closed += c->closed;
		sum.mismatched += c->mismatched;
		sum.refused_full += c->refused_full;
		sum.resent += c->resent;
	}
	fprintf(g->table,
		"%llu connections, %llu transactions, %llu closed in good order, %llu asked for "
		"what "
		"there is not, %llu found no room, %llu segments sent again\n",
		(unsigned long long)sum.established, (unsigned long long)sum.transactions,
		(unsigned long long)sum.closed, (unsigned long long)sum.mismatched,
		(unsigned long long)sum.refused_full, (unsigned long long)sum.resent);
	gen_report_result(g,
			  json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "result", "answered",
				    "established", (json_int_t)sum.established, "transactions",
				    (json_int_t)sum.transactions, "closed", (json_int_t)sum.closed,
				    "mismatched", (json_int_t)sum.mismatched, "refused_full",
				    (json_int_t)sum.refused_full, "resent",
				    (json_int_t)sum.resent));
}

static void
report_frames(struct gen *g)
{
	struct gen_counts sum = {0};
	unsigned i;

	for (i = 0; i < g->n_ends; i++) {
		sum.reflected += g->end[i]->counts.reflected;
		sum.foreign += g->end[i]->counts.foreign;
		sum.unsent += g->end[i]->counts.unsent;
	}
	fprintf(g->table, "sent back %llu frames, %llu were not for us, %llu did not go out\n",
		(unsigned long long)sum.reflected, (unsigned long long)sum.foreign,
		(unsigned long long)sum.unsent);
	gen_report_result(g, json_pack("{s:s, s:I, s:I, s:I}", "result", "answered", "reflected",
				       (json_int_t)sum.reflected, "foreign",
				       (json_int_t)sum.foreign, "unsent", (json_int_t)sum.unsent));
}

int
gen_run_server(struct gen *g, struct bh_err *err)
{
	const bool connect = bh_gen_options_connect(&g->o);
	struct gen_worker w[BH_MAX_WORKERS];
	unsigned i;
	int rc = 0;

	__atomic_store_n(&g->phase, GEN_SEND, __ATOMIC_RELEASE);
	for (i = 0; rc == 0 && i < g->n_workers; i++) {
		w[i] = (struct gen_worker){g, i};
		if (rte_eal_remote_launch(connect ? gen_connect_run : gen_worker_run, &w[i],
					  i + 1) != 0)
			rc = bh_err_set(err, EIO, "worker %u does not start", i);
	}
	if (rc == 0) {
		fprintf(g->table, "answering until Ctrl-C\n");
		fflush(g->table);
	}
	while (rc == 0 && !gen_stopped)
		usleep(10000);
	__atomic_store_n(&g->phase, GEN_STOP, __ATOMIC_RELEASE);
	rte_eal_mp_wait_lcore();
	if (rc < 0)
		return rc;
	if (connect)
		report_connections(g);
	else
		report_frames(g);
	return 0;
}
