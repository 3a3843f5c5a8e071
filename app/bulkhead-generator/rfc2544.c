/* RFC 2544's tests, made of trials. */
#include "gen.h"

/* "as many trials as needed until there are two successive trials in which no frames are lost" (26.3). */
#define LOSS_STEP 10

static int
run_and_report(struct gen *g, struct gen_trial *t, struct bh_err *err)
{
	int rc = gen_trial_run(g, t, err);

	if (rc == 0)
		gen_report_trial(g, t);
	return rc;
}

static struct gen_trial
trial_of(const struct gen *g, const struct bh_gen_mix *mix, const char *step)
{
	return (struct gen_trial){.mix = mix,
				  .pps = g->o.pps,
				  .seconds = g->o.seconds,
				  .step = step};
}

/* The fastest rate at which no more than --loss is lost; 0 if none was found. */
static int
search(struct gen *g, const struct bh_gen_mix *mix, double *found, struct bh_err *err)
{
	struct gen_trial t = trial_of(g, mix, "search");
	struct bh_gen_search s;
	double rate;
	int rc;

	/* What goes at most is known after the first trial. */
	rc = run_and_report(g, &t, err);
	if (rc < 0)
		goto out;
	bh_gen_search_init(&s, t.pps != 0 ? t.pps : gen_offered(&t), g->o.precision);
	bh_gen_search_result(&s, s.high, gen_offered(&t), t.passed);
	while (!gen_stopped && (rate = bh_gen_search_next(&s)) > 0) {
		t.pps = rate;
		rc = run_and_report(g, &t, err);
		if (rc < 0)
			goto out;
		if (!gen_stopped)
			bh_gen_search_result(&s, rate, gen_offered(&t), t.passed);
	}
	*found = s.best;
out:
	gen_trial_free(&t);
	return rc;
}

static int
run_throughput(struct gen *g, const struct bh_gen_mix *mix, double *found, struct bh_err *err)
{
	const double bits = (bh_gen_mix_mean(mix) + BH_GEN_GAP) * 8;
	int rc = search(g, mix, found, err);

	if (rc < 0)
		return rc;
	gen_report_result(g, json_pack("{s:s, s:s, s:f, s:f}", "result", "throughput", "frames",
				       mix->name, "frames_per_second", *found, "gbit_per_second",
				       *found * bits / 1e9));
	return 0;
}

static int
run_latency(struct gen *g, const struct bh_gen_mix *mix, struct bh_err *err)
{
	struct gen_trial t = trial_of(g, mix, "latency");
	double found = 0;
	unsigned i;
	int rc = run_throughput(g, mix, &found, err);

	for (i = 0; rc == 0 && found > 0 && i < g->o.n_at && !gen_stopped; i++) {
		t.percent = g->o.share[i];
		t.pps = found * t.percent / 100;
		if (t.pps <= 0)
			continue;
		rc = run_and_report(g, &t, err);
		if (rc == 0)
			gen_report_result(g,
					  json_pack("{s:s, s:s, s:f, s:f, s:o}", "result",
						    "latency", "frames", mix->name, "percent",
						    t.percent, "frames_per_second", gen_offered(&t),
						    "latency_ns", gen_percentiles(g, t.latency)));
	}
	gen_trial_free(&t);
	return rc;
}

static int
run_loss(struct gen *g, const struct bh_gen_mix *mix, struct bh_err *err)
{
	struct gen_trial t = trial_of(g, mix, "loss");
	unsigned clean = 0;
	double most = 0;
	int rc = 0, percent;

	for (percent = 100; rc == 0 && percent > 0 && clean < 2 && !gen_stopped;
	     percent -= LOSS_STEP) {
		t.percent = percent;
		t.pps = most != 0 ? most * percent / 100 : g->o.pps;
		rc = run_and_report(g, &t, err);
		if (rc < 0)
			break;
		if (most == 0)
			most = t.pps != 0 ? t.pps : gen_offered(&t);
		clean = t.counts.sent == t.counts.received ? clean + 1 : 0;
		gen_report_result(g, json_pack("{s:s, s:s, s:f, s:f, s:f}", "result", "loss",
					       "frames", mix->name, "percent", t.percent,
					       "frames_per_second", gen_offered(&t), "lost_share",
					       t.counts.sent != 0
						       ? 1 - (double)t.counts.received /
									 (double)t.counts.sent
						       : 0));
	}
	gen_trial_free(&t);
	return rc;
}

/* The longest burst at full speed that comes back whole (26.4). */
static int
run_back_to_back(struct gen *g, const struct bh_gen_mix *mix, struct bh_err *err)
{
	struct gen_trial t = trial_of(g, mix, "burst");
	struct bh_gen_search s;
	double most, frames = 0;
	int rc;

	t.pps = 0;
	rc = run_and_report(g, &t, err);
	if (rc < 0)
		goto out;
	most = (double)t.counts.sent;
	bh_gen_search_init(&s, most, g->o.precision);
	bh_gen_search_result(&s, most, most, t.passed);
	while (rc == 0 && !gen_stopped && (frames = bh_gen_search_next(&s)) >= 1) {
		t.limit = (uint64_t)frames;
		rc = run_and_report(g, &t, err);
		if (rc == 0 && !gen_stopped)
			bh_gen_search_result(&s, frames, frames, t.passed);
		if (s.high < 2)
			break;
	}
	if (rc == 0)
		gen_report_result(g, json_pack("{s:s, s:s, s:I}", "result", "back-to-back",
					       "frames", mix->name, "burst", (json_int_t)s.best));
out:
	gen_trial_free(&t);
	return rc;
}

static int
run_load(struct gen *g, const struct bh_gen_mix *mix, struct bh_err *err)
{
	struct gen_trial t = trial_of(g, mix, "load");
	int rc = run_and_report(g, &t, err);

	gen_trial_free(&t);
	return rc;
}

int
gen_run_frames(struct gen *g, struct bh_err *err)
{
	double found = 0;
	unsigned i;
	int rc = 0;

	gen_report_head(g);
	for (i = 0; rc == 0 && i < g->o.trials.n && !gen_stopped; i++) {
		const struct bh_gen_mix *mix = &g->o.trials.mix[i];

		rc = gen_prime(g, mix, err);
		if (rc < 0)
			return rc;
		switch (g->o.test) {
		case BH_GEN_TEST_THROUGHPUT:
			rc = run_throughput(g, mix, &found, err);
			break;
		case BH_GEN_TEST_LATENCY:
			rc = run_latency(g, mix, err);
			break;
		case BH_GEN_TEST_LOSS:
			rc = run_loss(g, mix, err);
			break;
		case BH_GEN_TEST_BACK_TO_BACK:
			rc = run_back_to_back(g, mix, err);
			break;
		default:
			rc = run_load(g, mix, err);
			break;
		}
	}
	return rc;
}
