/* report: what a program of bench/ found, as a line of its table and, if BENCH_JSON names a file, as an object
 * appended to it; collect.py makes build/bench/results.json of that.
 *
 *     bench_claim()       a claim of claim.def; whether it holds is computed here and nowhere else
 *     bench_unmeasured()  this machine can't tell, and why; then it does not hold
 *     bench_row()         a figure: with a target it is a claim, too
 *     bench_point()       a point of a picture (plot.py)
 */
#ifndef BH_BENCH_REPORT_H
#define BH_BENCH_REPORT_H

#define BENCH_NO_TARGET (-1.0)

struct bench_spread {
	double min, p25, median, p75;
};

enum bench_op { AT_MOST, AT_LEAST };

enum bench_claim_id {
#define BH_CLAIM(id, program, text, op, target, unit, rival) BENCH_##id,
#include "claim.def"
#undef BH_CLAIM
	BENCH_CLAIMS
};

struct bench_claim_info {
	const char *id, *text;
	enum bench_op op;
	double target;
	const char *unit, *rival;
};

static const struct bench_claim_info bench_claims[BENCH_CLAIMS] = {
#define BH_CLAIM(id, program, text, op, target, unit, rival) {#id, text, op, target, unit, rival},
#include "claim.def"
#undef BH_CLAIM
};

/* Of a table's heading, so that its rows can be told apart in the file. */
static char bench_group[128];

/* Open for one object. NULL: nobody asked. */
static inline FILE *
bench_json(const char *kind)
{
	const char *path = getenv("BENCH_JSON"), *quick = getenv("QUICK");
	char line[4096] = "";
	FILE *f, *cmd;
	size_t n, i;

	if (path == NULL || (f = fopen(path, "a")) == NULL)
		return NULL;
	cmd = fopen("/proc/self/cmdline", "r");
	n = cmd != NULL ? fread(line, 1, sizeof(line) - 1, cmd) : 0;
	if (cmd != NULL)
		fclose(cmd);
	for (i = 0; i + 1 < n; i++)
		line[i] = line[i] == '\0' || line[i] == '"' || line[i] == '\\' ? ' ' : line[i];
	fprintf(f, "{\"kind\": \"%s\", \"command\": \"%s%s\"", kind,
		quick != NULL && *quick != '\0' && *quick != '0' ? "QUICK=1 " : "", line);
	return f;
}

static inline void
bench_json_end(FILE *f, struct bench_spread s)
{
	fprintf(f,
		", \"measured\": %.6g, \"spread\": {\"min\": %.6g, \"p25\": %.6g, \"p75\": "
		"%.6g}}\n",
		s.median, s.min, s.p25, s.p75);
	fclose(f);
}

static inline void
bench_line(const char *text, struct bench_spread s, const char *goal, const char *unit)
{
	printf("%-66s %9.4g %9.4g %9.4g %9.4g %9s  %s\n", text, s.median, s.min, s.p25, s.p75, goal,
	       unit);
	fflush(stdout);
}

static inline void
bench_claim(enum bench_claim_id id, struct bench_spread s)
{
	const struct bench_claim_info *c = &bench_claims[id];
	bool ok = c->op == AT_MOST ? s.median <= c->target : s.median >= c->target;
	FILE *f = bench_json("claim");
	char goal[48];

	snprintf(goal, sizeof(goal), "%s %.7g", c->op == AT_MOST ? "<=" : ">=", c->target);
	bench_line(c->text, s, goal, c->unit);
	printf("  %s\n", ok ? "holds" : "DOES NOT HOLD");
	if (f == NULL)
		return;
	fprintf(f,
		", \"id\": \"%s\", \"claim\": \"%s\", \"op\": \"%s\", \"target\": %.7g, "
		"\"unit\": \"%s\", \"ok\": %s, \"rival\": \"%s\"",
		c->id, c->text, c->op == AT_MOST ? "<=" : ">=", c->target, c->unit,
		ok ? "true" : "false", c->rival);
	bench_json_end(f, s);
}

/* why: no quotes in it. */
static inline void
bench_unmeasured(enum bench_claim_id id, const char *why)
{
	FILE *f = bench_json("unmeasured");

	printf("%-66s not measured: %s\n", bench_claims[id].text, why);
	if (f == NULL)
		return;
	fprintf(f, ", \"id\": \"%s\", \"why\": \"%s\"}\n", bench_claims[id].id, why);
	fclose(f);
}

/* A target here is the most that it may be. */
static inline void
bench_row(const char *claim, const char *unit, struct bench_spread s, double target)
{
	bool aimed = target != BENCH_NO_TARGET, ok = s.median <= target;
	FILE *f = bench_json(aimed ? "claim" : "figure");
	char goal[32] = "-";

	if (aimed)
		snprintf(goal, sizeof(goal), "%.7g", target);
	bench_line(claim, s, goal, unit);
	if (f == NULL)
		return;
	fprintf(f, ", \"claim\": \"%s: %s\", \"unit\": \"%s\", \"rival\": \"\"", bench_group,
		claim + strspn(claim, " "), unit);
	if (aimed)
		fprintf(f, ", \"op\": \"<=\", \"target\": %s, \"ok\": %s", goal,
			ok ? "true" : "false");
	bench_json_end(f, s);
}

static inline void
bench_point(const char *plot, const char *series, double x, struct bench_spread s)
{
	FILE *f = bench_json("point");

	if (f == NULL)
		return;
	fprintf(f, ", \"plot\": \"%s\", \"series\": \"%s\", \"x\": %.9g", plot, series, x);
	bench_json_end(f, s);
}

#endif
