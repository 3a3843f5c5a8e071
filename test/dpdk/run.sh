#!/bin/bash
# Each patch of dpdk-patches/ does what it is for: with the series every case passes, and with a patch taken out
# its own fails. Root (namespaces). Two processor minutes.
#
#   test/dpdk/run.sh FOLDER       of dpdk-patches/build.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
dir=$(realpath "${1:?usage: run.sh FOLDER}")
PATH=/usr/bin:/bin:/usr/sbin:/sbin
[ -e /usr/bin/meson ] || export PYTHONPATH="$dir/tools/usr/lib/python3/dist-packages"
failed=0

[ "$(id -u)" -eq 0 ] || { echo "skip: needs root"; exit 77; }
unshare --net true 2>/dev/null || { echo "skip: no permission to make namespaces"; exit 77; }

# $1: where the libraries are
link() {
	gcc -std=gnu11 -D_GNU_SOURCE -g -O1 -Wall -Wextra -Werror -DALLOW_EXPERIMENTAL_API $(pkg-config --cflags libdpdk) \
		-o "$dir/drivers_test" test/dpdk/*.c -Wl,--whole-archive $1 -Wl,--no-whole-archive \
		-lxdp -lbpf -lelf -lpcap -lnuma -lbsd -lpthread -ldl -lm
}

run_case() { timeout 60 "$dir/drivers_test" "$1" >"$dir/drivers_test.log" 2>&1; }
said() { grep -v '^lib' "$dir/drivers_test.log" | tail -n 1; }
name() { basename "$1" .patch | sed 's/^[0-9]*-//'; }

# With patch $1 taken out of the source ("-R") or put back (""); the two drivers are all that any patch touches.
change() {
	patch -d "$dir/src" -p1 -s --no-backup-if-mismatch $2 <"dpdk-patches/$1" &&
		nice ninja -C "$dir/obj" drivers/librte_net_af_packet.a drivers/librte_net_af_xdp.a >"$dir/ninja.log" 2>&1
}

link "$dir/lib/*.a" || exit 1
while read -r p; do
	if run_case "$(name "$p")"; then
		echo "ok    with     $(name "$p")"
	else
		echo "FAIL  with     $(name "$p"): $(said)"
		failed=1
	fi
done <dpdk-patches/series

# Interrupted in between, the next build takes the source anew.
mv "$dir/src.stamp" "$dir/src.stamp.kept"
others=$(ls "$dir"/lib/*.a | grep -v -e net_af_packet -e net_af_xdp | tr '\n' ' ')
while read -r p; do
	change "$p" -R || { echo "FAIL  without  $p cannot be taken out: see $dir/ninja.log"; exit 1; }
	link "$others $dir/obj/drivers/librte_net_af_packet.a $dir/obj/drivers/librte_net_af_xdp.a" || exit 1
	if run_case "$(name "$p")"; then
		echo "FAIL  without  $(name "$p"): its test passes"
		failed=1
	else
		echo "ok    without  $(name "$p"): $(said)"
	fi
	change "$p" "" || exit 1
done <dpdk-patches/series
mv "$dir/src.stamp.kept" "$dir/src.stamp"
exit $failed
