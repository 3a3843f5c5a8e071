#!/bin/bash
# End-to-end tests: real clients and servers in network namespaces, the gateway between them.
#
#   B=build test/e2e/run.sh [test...]     KEEP_LOGS=1 keeps the logs of tests that passed too
#   AGAIN=N   what failed is run N times more, alone, at the end: if it passes each time it is named as unsteady instead of
#             failed, with the output of its failure above. For machines that others use at the same time (.ci/run).
#
# Each test runs in PID, mount and network namespaces of its own: whatever it starts, mounts or
# makes dies with it, also when it is killed. What it wrote stays in $B/e2e/<test> if it failed.
# A test's exit status: 0 passed, 77 skipped (its last line says why), anything else failed.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=$(realpath -m "${B:-build}")
export B
# The Debian package python3-scapy belongs to Debian's own interpreter.
python=/usr/bin/python3
tests_dir=${TESTS:-test/e2e} # and lib/ in it
limit=${LIMIT:-240} # seconds for one test; the slowest needs 40 on two busy cores
passed=0 failed=0 skipped=0 running=
failures= unsteady=
again=${AGAIN:-0}
again_max=3 # tests; more that fail are no accident

end() {
	[ -z "$running" ] || kill -KILL "$running" 2>/dev/null
	exit 130
}
trap end INT TERM HUP

# Why no test can run here, or nothing.
obstacle() {
	[ "$(id -u)" -eq 0 ] || { echo "needs root"; return; }
	isolated true 2>/dev/null || { echo "no permission to make namespaces"; return; }
	isolated ip link add a0 type veth peer name b0 2>/dev/null || { echo "no veth interfaces"; return; }
	isolated "$python" -c 'import socket as s; s.socket(s.AF_PACKET, s.SOCK_RAW)' 2>/dev/null ||
		echo "no packet sockets"
}

# --kill-child: the PID namespace, and all in it, ends with the process that made it.
isolated() {
	unshare --net --pid --fork --kill-child --mount --mount-proc --propagation private -- "$@"
}

run_one() {
	local name=$1 dir="$B/e2e/$1" start=$SECONDS rc
	rm -rf "$dir"
	mkdir -p "$dir"
	# PYTHONPATH is not inherited: a test sees Debian's modules and ours.
	isolated env -i PATH="$PATH:/usr/sbin:/sbin" LC_ALL=C.UTF-8 B="$B" E2E_DIR="$dir" E2E_LIMIT=$limit \
		${CASES:+CASES="$CASES"} ${SEED:+SEED="$SEED"} ${SURICATA_SCHEMA:+SURICATA_SCHEMA="$SURICATA_SCHEMA"} \
		${KUBE:+KUBE="$KUBE"} ${PODS:+PODS="$PODS"} \
		PYTHONDONTWRITEBYTECODE=1 "$python" "$tests_dir/$name.py" >"$dir/output" 2>&1 &
	running=$!
	wait "$running"
	rc=$?
	running=
	case $rc in
	0)
		passed=$((passed + 1))
		printf 'ok    %-44s %3d s\n' "$name" $((SECONDS - start))
		[ -n "${KEEP_LOGS:-}" ] || rm -rf "$dir"
		;;
	77)
		skipped=$((skipped + 1))
		printf 'skip  %-44s %s\n' "$name" "$(tail -n 1 "$dir/output")"
		rm -rf "$dir"
		;;
	*)
		failed=$((failed + 1))
		failures="$failures $name"
		printf 'FAIL  %-44s %3d s, exit %d, files in %s\n' "$name" $((SECONDS - start)) $rc "$dir"
		sed 's/^/      | /' "$dir/output" | tail -n 40
		;;
	esac
}

if [ $# -gt 0 ]; then
	tests=$(for t in "$@"; do basename "$t" .py; done)
else
	tests=$(cd "$tests_dir" && ls ./*.py | sed -n 's|^\./\(.*\)\.py$|\1|p' | grep -v '^lib')
fi
why=$(obstacle)
for t in $tests; do
	if [ -n "$why" ]; then
		skipped=$((skipped + 1))
		printf 'skip  %-44s %s\n' "$t" "$why"
	else
		run_one "$t"
	fi
done
# shellcheck disable=SC2086 # names have no spaces
if [ "$again" -gt 0 ] && [ $failed -gt 0 ] && [ $failed -le $again_max ]; then
	first=$failures
	for t in $first; do
		rm -rf "$B/e2e/$t.first" && mv "$B/e2e/$t" "$B/e2e/$t.first"
		count="$passed $failed $skipped" before=$failed
		for _ in $(seq "$again"); do
			run_one "$t"
			[ $failed -eq $before ] || break
		done
		steady=$((failed - before))
		read -r passed failed skipped <<<"$count"
		if [ $steady -eq 0 ]; then
			unsteady="$unsteady $t" passed=$((passed + 1)) failed=$((failed - 1))
		fi
	done
	failures=
	for t in $first; do
		case " $unsteady " in *" $t "*) ;; *) failures="$failures $t" ;; esac
	done
fi
rmdir "$B/e2e" 2>/dev/null
[ -z "$unsteady" ] || echo "unsteady, failed once and then passed $again times:$unsteady"
[ -z "$failures" ] || echo "failed:$failures"
if [ $skipped -gt 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ $failed -eq 0 ]
