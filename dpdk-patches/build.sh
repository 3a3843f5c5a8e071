#!/bin/sh
# Debian's source package of DPDK with the patches of this folder; of it, the libraries and drivers that are used.
#
#   dpdk-patches/build.sh FOLDER        makes FOLDER/src (the patched source) and FOLDER/lib (static libraries)
#
# No root, nothing outside FOLDER is changed: the package comes by an apt configuration of its own, in the version of
# the libdpdk-dev that is installed, whose headers it goes with. DRIVERS and LIBS add to what is built, for cards
# (DRIVERS="net/ixgbe common/..." LIBS="security ..."). JOBS: 2.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=${1:?usage: build.sh FOLDER}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
libs="kvargs telemetry eal ring rcu mempool mbuf net meter ethdev pci hash ${LIBS:-}"
drivers="bus/vdev bus/pci mempool/ring net/af_packet net/af_xdp net/null net/pcap net/memif ${DRIVERS:-}"
# meson would take any Python that comes first; Debian's modules belong to Debian's.
PATH=/usr/bin:/bin:/usr/sbin:/sbin
export PATH

fail() {
	echo "dpdk: $*" >&2
	exit 1
}

. "$here/../deploy/private-apt.sh"

version=$(dpkg-query -W -f '${source:Version}' libdpdk-dev) || fail "libdpdk-dev is not installed (make deps)"
if [ ! -e "$dir/package/dpdk_$version.dsc" ]; then
	private_apt
	rm -rf "$dir/package" && mkdir "$dir/package"
	(cd "$dir/package" && timeout 300 apt-get -qq source --download-only "dpdk=$version") || fail "no source package of $version"
fi
if [ ! -e /usr/bin/meson ] || ! python3 -c 'import elftools' 2>/dev/null; then
	if [ ! -d "$dir/tools/usr" ]; then
		[ -n "${APT_CONFIG:-}" ] || private_apt
		mkdir -p "$dir/tools"
		(cd "$dir/tools" && timeout 100 apt-get -qq download meson python3-pyelftools &&
			for deb in *.deb; do dpkg-deb -x "$deb" .; done) || fail "meson cannot be fetched"
	fi
	PYTHONPATH=$dir/tools/usr/lib/python3/dist-packages
	export PYTHONPATH
	meson="python3 $dir/tools/usr/bin/meson"
else
	meson=meson
fi

# The source is made anew when the package or the series changed; time stamps of what did not stay.
stamp=$(cd "$here" && { echo "$version"; cat series $(cat series); } | sha256sum)
if [ "$(cat "$dir/src.stamp" 2>/dev/null)" != "$stamp" ]; then
	rm -rf "$dir/src" "$dir/src.stamp"
	dpkg-source --no-check -x "$dir/package/dpdk_$version.dsc" "$dir/src" >"$dir/source.log" 2>&1 || fail "see $dir/source.log"
	while read -r p; do
		patch -d "$dir/src" -p1 -s --no-backup-if-mismatch <"$here/$p" || fail "$p does not apply to $version"
	done <"$here/series"
	echo "$stamp" >"$dir/src.stamp"
fi

wanted=$(echo "$drivers" | tr -s ' ' ',' | sed 's/,$//')
if [ ! -e "$dir/obj/build.ninja" ] || [ "$(cat "$dir/drivers" 2>/dev/null)" != "$wanted" ]; then
	rm -rf "$dir/obj"
	timeout 300 $meson setup "$dir/obj" "$dir/src" -Dbuildtype=release -Dplatform=generic -Ddefault_library=static \
		-Dtests=false -Ddisable_apps='*' -Ddisable_libs='*' -Denable_drivers="$wanted" >"$dir/meson.log" 2>&1 ||
		fail "see $dir/meson.log"
	echo "$wanted" >"$dir/drivers"
fi
archives=$(for l in $libs; do echo "lib/librte_$l.a"; done
	for d in $drivers; do echo "drivers/librte_$(echo "$d" | tr / _).a"; done)
nice ninja -C "$dir/obj" -j"${JOBS:-2}" $archives >"$dir/ninja.log" 2>&1 || fail "see $dir/ninja.log"
mkdir -p "$dir/lib"
for a in $archives; do
	cmp -s "$dir/obj/$a" "$dir/lib/$(basename "$a")" || cp "$dir/obj/$a" "$dir/lib/"
done
echo "dpdk: $version with $(wc -l <"$here/series") patches, $(echo "$archives" | wc -w) libraries in $dir/lib"
