#!/bin/sh
# Run the programs of bench/ one after the other, then collect.py: a table of the claims with what was measured, and
# $B/bench/results.json, figures.json and pictures.
#
#     bench/run.sh                    all of them, as root: half an hour or so
#     QUICK=1 bench/run.sh            fewer and shorter rounds, under five minutes
#     bench/run.sh bench_rules ...    these alone; the claims of the others stay without an answer
#
# The figures are those of the machine they run on. For steady ones: nothing else running; where two virtual CPUs share
# a core, the other one idle. Huge pages are taken for the time of the run where too few are free, and given back.
set -u
B=${B:-build}
QUICK=${QUICK:-0}
here=$(dirname "$0")
lines=$PWD/$B/bench/results.lines
case $B in /*) lines=$B/bench/results.lines ;; esac
WANTED=512 # pages of 2 MiB: buffers and flow tables of what runs at once
pages=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
had=
status=0

fail() {
	echo "bench: $*" >&2
	exit 2
}

give_back() {
	[ -z "$had" ] || echo "$had" >$pages
}

[ "$(id -u)" -eq 0 ] || fail "must run as root: it takes huge pages, a real-time priority and network namespaces"
[ -d "$B/bench" ] || fail "$B/bench is not there: run 'make bench', which builds the programs"
[ "$(nproc)" -ge 2 ] || fail "this machine has one CPU; a worker and what feeds it need one each"
avail=$(awk '/^MemAvailable/ {print int($2 / 1048576)}' /proc/meminfo)
[ "$avail" -ge 4 ] || fail "$avail GiB of memory are free; 4 are needed"
if [ -w $pages ]; then
	free=$(cat ${pages%nr_hugepages}free_hugepages)
	if [ "$free" -lt $WANTED ]; then
		had=$(cat $pages)
		trap give_back EXIT
		trap 'exit 130' INT TERM
		echo $((had + WANTED - free)) >$pages
		free=$(cat ${pages%nr_hugepages}free_hugepages)
		[ "$free" -ge 256 ] || fail "only $free huge pages of 2 MiB could be had of $WANTED: memory is too fragmented, reboot"
	fi
else
	echo "bench: no huge pages of 2 MiB on this kernel: figures are those of 4 KiB pages"
fi

rm -f "$lines" "$B/bench/results.json"
: >"$lines"
export QUICK B BENCH_JSON="$lines"
all="bench_pipeline bench_rules bench_stages bench_flow bench_memory bench_connections bench_scaling bench_policy bench_churn bench_swap bench_identify
	bench_sensor bench_record bench_http rivals"
for name in ${*:-$all}; do
	program=$here/$name.py
	[ -e "$program" ] || program=$B/bench/$name
	[ -x "$program" ] || fail "$program is not there: run 'make bench'"
	args=
	# Ten thousand and a million flows are enough for a quick look.
	[ "$QUICK" = 0 ] || [ $name != bench_flow ] || args="10000 1000000"
	printf '\n$ QUICK=%s %s\n' "$QUICK" "$program${args:+ $args}"
	timeout 1200 "$program" $args || {
		echo "$name failed (exit $?): its figures are missing"
		status=1
	}
done
python3 "$here/collect.py" "$lines" "$B/bench" || status=1
python3 "$here/plot.py" "$B/bench" || status=1
python3 "$here/model.py" "$B/bench" || status=1
exit $status
