#!/bin/sh
# The Debian package of what git has: B/deb/bulkhead_VERSION_ARCH.deb. `make deb` calls it.
#
#   build.sh B
#
# The sources are copied beside this folder under the name of debian/, which dpkg-buildpackage wants at the top.
# Everything comes from Debian packages; what npm would bring for the dashboard is left out where it cannot.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
out=$(realpath -m "$1")/deb
for p in dpkg-buildpackage:dpkg-dev dh:debhelper; do
	command -v "${p%%:*}" >/dev/null || { echo "deb: ${p%%:*} is missing: apt install ${p##*:}" >&2; exit 1; }
done
version=$(dpkg-parsechangelog -l deploy/debian/changelog -S Version)
tree=$out/bulkhead-$version
rm -rf "$out"
mkdir -p "$tree"
git ls-files -z | xargs -0 cp -P --parents -t "$tree"
mv "$tree/deploy/debian" "$tree/debian"
cd "$tree"
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u B dpkg-buildpackage -us -uc -b >"$out/build.log" 2>&1 || {
	tail -n 30 "$out/build.log" >&2
	echo "deb: not built; all of it is in $out/build.log" >&2
	exit 1
}
grep '^web: ' "$out/build.log" || :
cd "$out"
if command -v lintian >/dev/null; then
	lintian --fail-on error,warning --allow-root bulkhead_"$version"_*.changes
	echo "lintian: ok"
else
	echo "deb: lintian is missing, the package is not checked: apt install lintian"
fi
ls "$out"/bulkhead_"$version"_*.deb
