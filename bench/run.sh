#!/bin/sh
# Run the bench programs one after the other and collect their claims in $B/bench/results.json.
# QUICK=1: fewer and shorter rounds, under a minute; else some minutes.
#
# The figures are those of the machine they run on. For steady ones: nothing else running, 256 free
# hugepages of 2 MiB and root for them; where two virtual CPUs share a core, the other one idle.
set -u
B=${B:-build}
quick=${QUICK:-0}
lines=$B/bench/results.lines
status=0

rm -f "$lines" "$B/bench/results.json"
for name in bench_pipeline bench_stages bench_flow bench_policy bench_churn bench_identify bench_sensor bench_record; do
	program=$B/bench/$name
	[ -x "$program" ] || continue
	# Small tables are enough for a quick look.
	args=
	[ "$quick" != 0 ] && [ $name = bench_flow ] && args=10000
	printf '\n$ QUICK=%s %s\n' "$quick" "$program${args:+ $args}"
	BENCH_JSON=$lines QUICK=$quick "$program" $args || {
		echo "$name failed (exit $?): its figures are missing"
		status=1
	}
done
[ -e "$lines" ] || exit $status
{
	echo '['
	sed '$!s/$/,/' "$lines"
	echo ']'
} >"$B/bench/results.json"
rm -f "$lines"
printf '\n%s claims in %s\n' "$(grep -c claim "$B/bench/results.json")" "$B/bench/results.json"
exit $status
