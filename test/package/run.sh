#!/bin/bash
# The Debian package in a Debian 12 root of its own: installed, upgraded, purged; and again with that booted (boot.sh).
#
#   B=build test/package/run.sh        as root; needs mmdebstrap and a Debian mirror (MIRROR), and what `make deb` made
#
# Not part of `make test`: it fetches some 100 MB. Exit 77: cannot be tried here; the last line says why.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=$(realpath -m "${B:-build}")
# Where this machine has its packages from, unless told otherwise.
of() { apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 2>/dev/null | sed -n "s|^$1 ||p" | head -n 1; }
MIRROR=${MIRROR:-$(of bookworm)}
MIRROR=${MIRROR%/}
SECURITY=${SECURITY:-$(of bookworm-security)}
SECURITY=${SECURITY:-$MIRROR-security}
SECURITY=${SECURITY%/}
root=$B/deb-test/root

skip() {
	echo "skip: $*"
	exit 77
}

fail() {
	echo "FAILED: $*"
	exit 1
}

claim() { echo "ok    $*"; }

# With /proc, which ends with the command.
within() {
	timeout --foreground 300 unshare --mount --pid --fork --kill-child -- sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" env -i \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"' "$root" "$@"
}

# The same files, a later version.
bump() {
	local tree=$B/deb-test/later
	rm -rf "$tree" && dpkg-deb -R "$1" "$tree" &&
		sed -i 's/^Version: .*/&+later1/' "$tree/DEBIAN/control" &&
		echo "# what the later version brings" >>"$tree/etc/bulkhead/bulkhead.yaml" &&
		dpkg-deb --root-owner-group -b "$tree" "$root/later.deb" >/dev/null
}

# A user of its own and folders that are for it alone.
installed() {
	local f
	for f in /usr/sbin/bulkhead /usr/libexec/bulkhead/bulkhead-api /usr/libexec/bulkhead/reload /usr/share/bulkhead/replace.sh /usr/bin/bulkheadctl /usr/bin/bulkhead-replay /usr/bin/bulkhead-generator \
		/lib/systemd/system/bulkhead.service /usr/share/man/man8/bulkhead.8.gz /usr/share/man/man1/bulkheadctl.1.gz \
		/usr/share/bash-completion/completions/bulkheadctl /etc/logrotate.d/bulkhead /usr/lib/sysusers.d/bulkhead.conf \
		/usr/lib/tmpfiles.d/bulkhead.conf /usr/share/bulkhead/web/index.html /usr/share/bulkhead/bind-nic.sh; do
		[ -e "$root$f" ] || fail "$f is missing"
	done
	within getent passwd bulkhead | grep -q nologin || fail "user bulkhead: $(within getent passwd bulkhead)"
	for f in /etc/bulkhead:root:bulkhead:750 /etc/bulkhead/bulkhead.yaml:root:bulkhead:640 \
		/etc/bulkhead/policy.yaml:root:bulkhead:640; do
		[ "$(within stat -c %n:%U:%G:%a "${f%%:*}")" = "$f" ] || fail "$(within stat -c %n:%U:%G:%a "${f%%:*}") is not $f"
	done
	[ ! -e "$root/etc/systemd/system/multi-user.target.wants/bulkhead.service" ] || fail "the service is enabled"
	[ -z "$(within ldd /usr/sbin/bulkhead | grep 'not found')" ] || fail "libraries are missing"
}

[ "$(id -u)" -eq 0 ] || skip "needs root"
command -v mmdebstrap >/dev/null || skip "needs mmdebstrap: apt install mmdebstrap"
deb=$(ls "$B"/deb/bulkhead_*.deb 2>/dev/null | head -n 1)
[ -n "$deb" ] || fail "no package in $B/deb: make deb"
[ -n "$MIRROR" ] || skip "no Debian mirror is known: give MIRROR=URL"
timeout 20 curl -fsI "$MIRROR/dists/bookworm/InRelease" >/dev/null || skip "no Debian mirror answers at $MIRROR"

rm -rf "$B/deb-test" && mkdir -p "$B/deb-test"
# With security updates, as a machine has them: that is what a build machine links with.
timeout 900 mmdebstrap --quiet --variant=apt --include=systemd-sysv,dbus,logrotate,iproute2,iputils-ping,procps bookworm "$root" "deb $MIRROR bookworm main" \
	"deb $MIRROR bookworm-updates main" "deb $SECURITY bookworm-security main" || fail "no Debian root"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" && chmod +x "$root/usr/sbin/policy-rc.d"
within find / -xdev -not -path '/proc/*' | sort >"$B/deb-test/before"
cp "$deb" "$root/first.deb"
within apt-get update -q >"$B/deb-test/update.log" 2>&1 || fail "apt update: $(tail -n 3 "$B/deb-test/update.log")"
within apt-get install -y -q --no-install-recommends /first.deb >"$B/deb-test/install.log" 2>&1 ||
	{ tail "$B/deb-test/install.log"; fail "apt install"; }
installed
claim "installed by apt on $(cat "$root/etc/debian_version"): files, user, rights; the service waits to be enabled"

said=$(within setpriv --reuid=bulkhead --regid=bulkhead --clear-groups bulkhead -c /etc/bulkhead/bulkhead.yaml --check 2>&1)
[ $? -eq 0 ] || fail "--check of the default configuration: $said"
claim "bulkhead --check, as the service's user: $said"
within bulkheadctl --version >/dev/null || fail "bulkheadctl"
within bulkhead-replay --version >/dev/null || fail "bulkhead-replay"
within bulkhead-generator --version >/dev/null || fail "bulkhead-generator"
within logrotate -d /etc/logrotate.d/bulkhead >"$B/deb-test/logrotate.log" 2>&1 || fail "logrotate: $(cat "$B/deb-test/logrotate.log")"
within systemd-analyze verify --man=no /lib/systemd/system/bulkhead.service >"$B/deb-test/verify.log" 2>&1
grep -i bulkhead "$B/deb-test/verify.log" && fail "systemd-analyze verify"
claim "logrotate and systemd take their files"

echo "# ours" >>"$root/etc/bulkhead/policy.yaml"
sed -i 's/^mode: .*/mode: monitor/' "$root/etc/bulkhead/bulkhead.yaml"
echo kept >"$root/var/lib/bulkhead/store.db"
bump "$deb" || fail "no later version"
within dpkg --force-confdef --force-confold -i /later.deb >"$B/deb-test/upgrade.log" 2>&1 ||
	{ tail "$B/deb-test/upgrade.log"; fail "upgrade"; }
installed
grep -q '^# ours' "$root/etc/bulkhead/policy.yaml" && grep -q '^mode: monitor' "$root/etc/bulkhead/bulkhead.yaml" ||
	fail "changed files were replaced"
grep -q kept "$root/var/lib/bulkhead/store.db" || fail "state was lost"
[ -e "$root/etc/bulkhead/bulkhead.yaml.dpkg-dist" ] || fail "what the later version brings is not beside it"
claim "upgraded: changed configuration and state stay"

within dpkg -r bulkhead >>"$B/deb-test/upgrade.log" 2>&1 || fail "remove"
[ -e "$root/etc/bulkhead/policy.yaml" ] && [ -e "$root/var/lib/bulkhead/store.db" ] || fail "removal took configuration or state"
within dpkg -P bulkhead >>"$B/deb-test/upgrade.log" 2>&1 || fail "purge"
left=$(within find / -xdev -not -path '/proc/*' | sort | comm -13 "$B/deb-test/before" - | grep -i bulkhead)
[ -z "$left" ] || fail "left after purge: $left"
claim "removed: configuration and state stay; purged: nothing is left but the user"

cp "$root/later.deb" "$B/deb-test/"
rm -f "$root/usr/sbin/policy-rc.d" "$root/first.deb" "$root/later.deb"
test/package/boot.sh "$root" "$deb" "$B/deb-test/later.deb"
rc=$?
rm -rf "$root"
[ $rc -eq 0 ] || [ $rc -eq 77 ]
