#!/bin/sh
# Set up hugepages for Bulkhead, and give them back.
#
#   hugepages.sh MIB [--dry-run]     have at least MIB mebibytes of free 2 MiB pages; grows, never shrinks
#   hugepages.sh undo [--dry-run]    give back what this script added since boot
#   hugepages.sh show                what there is
#
# Nothing is mounted: Bulkhead takes hugepages without hugetlbfs. For a setting that survives a reboot, put
# "vm.nr_hugepages = N" into a file in /etc/sysctl.d.
set -eu

pages=${BH_HUGE_DIR:-/sys/kernel/mm/hugepages/hugepages-2048kB}
state=${BH_HUGE_STATE:-/run/bulkhead-hugepages}
dry=no

usage() {
	sed -n 's/^#   //p' "$0" >&2
	exit 2
}

# put NUMBER FILE
put() {
	if [ $dry = yes ]; then
		echo "would write $1 to $2"
	else
		echo "$1" >"$2"
	fi
}

number() { cat "$pages/$1"; }

show() {
	echo "2 MiB hugepages: $(number nr_hugepages) in all, $(number free_hugepages) free"
	[ ! -s "$state" ] || echo "of these $(cat "$state") were added by this script"
}

[ $# -ge 1 ] || usage
what=$1
shift
for a in "$@"; do
	case $a in
	--dry-run) dry=yes ;;
	*) usage ;;
	esac
done
if [ ! -d "$pages" ]; then
	echo "this kernel has no 2 MiB hugepages ($pages is missing)" >&2
	exit 1
fi
if [ "$what" != show ] && [ $dry = no ] && [ ! -w "$pages/nr_hugepages" ]; then
	echo "hugepages can only be changed by root: sudo $0 $what" >&2
	exit 1
fi

all=$(number nr_hugepages)
added=0
[ ! -s "$state" ] || added=$(cat "$state")

case $what in
show)
	show
	;;
undo)
	if [ "$added" -eq 0 ]; then
		echo "nothing to give back"
		exit 0
	fi
	rest=$((all > added ? all - added : 0))
	put "$rest" "$pages/nr_hugepages"
	[ $dry = no ] || exit 0
	rm -f "$state"
	show
	;;
'' | *[!0-9]*)
	usage
	;;
*)
	free=$(number free_hugepages)
	reserved=0
	[ ! -r "$pages/resv_hugepages" ] || reserved=$(number resv_hugepages)
	need=$(((what + 1) / 2))
	more=$((need - (free - reserved)))
	if [ $more -le 0 ]; then
		echo "enough: $((free - reserved)) pages of 2 MiB are free, $need are needed"
		exit 0
	fi
	put $((all + more)) "$pages/nr_hugepages"
	[ $dry = no ] || exit 0
	got=$(($(number nr_hugepages) - all))
	echo $((added + got)) >"$state"
	if [ $got -lt $more ]; then
		echo "only $got of $more more pages could be had: memory is fragmented; try after a reboot" >&2
		show
		exit 1
	fi
	show
	;;
esac
