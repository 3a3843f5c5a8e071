#!/bin/sh
# Keep interrupts off the CPUs of Bulkhead's workers, and let them back.
#
#   cpus.sh take CPU,... [--dry-run]   every interrupt that can be moved goes to the other CPUs; kept in a file for undo
#   cpus.sh undo [--dry-run]           back to where they were
#   cpus.sh show                       CPUs that the kernel isolates, and interrupts by CPU list
#
# Until the next boot; irqbalance would move them back, and is refused. That no program is scheduled there is the
# kernel's command line (isolcpus, nohz_full, rcu_nocbs): take prints the line for these CPUs, and changes no file.
set -eu

irq=${BH_IRQ_DIR:-/proc/irq}
cpu=${BH_CPU_DIR:-/sys/devices/system/cpu}
state=${BH_IRQ_STATE:-/run/bulkhead-irqs}
dry=no

usage() {
	sed -n 's/^#   //p' "$0" >&2
	exit 2
}

fail() {
	echo "$*" >&2
	exit 1
}

# 0-2,5 as lines
expand() {
	echo "$1" | tr ',' '\n' | awk -F- 'NF == 0 { next } /[^0-9-]/ || NF > 2 { exit 1 }
		{ for (i = $1; i <= ($2 == "" ? $1 : $2); i++) print i }'
}

# Lines as a list
list() { sort -n | paste -s -d, -; }

take() {
	[ ! -e "$state" ] || fail "$state is there: interrupts were moved already; $0 undo first"
	mine=$(expand "$1") || fail "$1 is no list of CPUs like 2,3 or 2-5"
	online=$(expand "$(cat "$cpu/online")")
	for c in $mine; do
		echo "$online" | grep -qx "$c" || fail "there is no CPU $c; online: $(cat "$cpu/online")"
	done
	rest=$(echo "$online" | grep -vxF "$mine" | list)
	[ -n "$rest" ] || fail "no CPU is left for interrupts: the control core and one more must stay out of the list"
	if pidof irqbalance >/dev/null 2>&1; then
		[ $dry = yes ] || fail "irqbalance runs and would move them back: systemctl disable --now irqbalance"
		echo "irqbalance runs: systemctl disable --now irqbalance"
	fi
	moved=0 fixed=0
	for f in "$irq"/*/smp_affinity_list; do
		[ -e "$f" ] || continue
		was=$(cat "$f")
		[ "$was" != "$rest" ] || continue
		if [ $dry = yes ]; then
			echo "would write $rest to $f (now $was)"
		elif echo "$rest" 2>/dev/null >"$f"; then
			echo "$f $was" >>"$state"
			moved=$((moved + 1))
		else
			fixed=$((fixed + 1)) # the kernel's own: per-CPU timers and the like
		fi
	done
	[ $dry = yes ] || echo "$moved interrupts go to CPUs $rest, $fixed cannot be moved; undo with: $0 undo"
	echo "kernel command line: isolcpus=$1 nohz_full=$1 rcu_nocbs=$1"
}

undo() {
	[ -e "$state" ] || fail "nothing to undo: there is no $state"
	while read -r f was; do
		if [ $dry = yes ]; then
			echo "would write $was to $f"
		elif [ -e "$f" ]; then
			echo "$was" 2>/dev/null >"$f" || echo "$f stays at $(cat "$f")" >&2
		fi
	done <"$state"
	[ $dry = yes ] || { rm -f "$state" && echo "interrupts are where they were"; }
}

show() {
	isolated=$(cat "$cpu/isolated" 2>/dev/null || :)
	echo "isolated: ${isolated:-none}"
	cat "$irq"/*/smp_affinity_list 2>/dev/null | sort | uniq -c | awk '{print $1 " interrupts on CPUs " $2}'
}

[ $# -ge 1 ] || usage
what=$1
shift
cpus=
for a in "$@"; do
	case $a in
	--dry-run) dry=yes ;;
	-*) usage ;;
	*) cpus=$a ;;
	esac
done
case $what in
take) [ -n "$cpus" ] || usage ;;
undo | show) ;;
*) usage ;;
esac
[ $what = show ] || [ $dry = yes ] || [ -n "${BH_IRQ_DIR:-}" ] || [ "$(id -u)" -eq 0 ] || fail "only root can do that"
$what $cpus
