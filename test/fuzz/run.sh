#!/bin/bash
# Run fuzz targets for some seconds each: run.sh FOLDER SECONDS TARGET...
# What they learn stays in FOLDER/corpus/TARGET and is where the next run begins. A finding is kept in
# FOLDER/finding-TARGET-*, printed, and makes the exit status 1; run the target with that file to see it again.
set -u
dir=$1 seconds=$2
shift 2
passed=0 failed=0
for t in "$@"; do
	mkdir -p "$dir/corpus/$t"
	log=$dir/$t.log
	if "$dir/$t" -max_total_time="$seconds" -timeout=25 -rss_limit_mb=4096 -print_final_stats=1 \
		-artifact_prefix="$dir/finding-$t-" "$dir/corpus/$t" >"$log" 2>&1; then
		passed=$((passed + 1))
		result="$(awk '/stat::number_of_executed_units/ {print $2}' "$log") runs"
	else
		failed=$((failed + 1))
		result="FAILED, see $log"
		grep -m 3 -E 'ERROR|SUMMARY|Assertion' "$log"
	fi
	printf '%-28s %s\n' "$t" "$result"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
