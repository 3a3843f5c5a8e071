#!/bin/sh
# Run each room's unit tests; the last line says how many asserts passed and failed over all of them.
set -u
status=0 passed=0 failed=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT
for t in "$@"; do
	"$t" >"$out" 2>&1
	rc=$?
	cat "$out"
	line=$(grep -E '^ *asserts ' "$out" | tail -n 1)
	set -- $line
	passed=$((passed + ${4:-0}))
	failed=$((failed + ${5:-0}))
	if [ $rc -ne 0 ]; then
		status=1
		echo "FAILED: $t (exit $rc)"
		[ "${5:-0}" -gt 0 ] || failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
exit $status
