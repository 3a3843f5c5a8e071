#!/bin/bash
# The package under a systemd of its own: the bare-metal guide (docs/deploy.md) followed on a machine that boots, then what becomes
# of its links and its service when the gateway is replaced, killed, upgraded, stopped and removed.
#
#   test/package/boot.sh ROOT FIRST.deb LATER.deb      run.sh calls it; ROOT is a Debian 12 with systemd, FIRST's dependencies in it
#
# The machine is namespaces (processes, mounts, network, cgroups) and pivot_root: nothing of it is left. Exit 77: not here.
set -u
root=$1 first=$2 later=$3
group=/sys/fs/cgroup/unified
[ -e $group/cgroup.procs ] || group=/sys/fs/cgroup
group=$group/bulkhead-deb-test
machine=

claim() { echo "ok    $*"; }

skip() {
	echo "skip: $*"
	exit 77
}

end() {
	[ -z "$machine" ] || kill -KILL "$machine" 2>/dev/null
	for _ in $(seq 100); do
		rmdir "$group"/*/ "$group" 2>/dev/null
		[ -d "$group" ] || break
		find "$group" -mindepth 1 -depth -type d -exec rmdir {} + 2>/dev/null
		sleep 0.1
	done
}
trap end EXIT

fail() {
	echo "FAILED: $*"
	within journalctl -u bulkhead -n 30 --no-pager -o cat 2>/dev/null
	exit 1
}

# In the namespaces that it got, what a container's manager does before systemd starts.
boot() {
	set -e
	mount --make-rprivate /
	mount --bind "$1" "$1"
	cd "$1"
	mount -t proc proc proc
	mount -t sysfs -o ro sysfs sys
	mount -t cgroup2 cgroup2 sys/fs/cgroup
	mount -t tmpfs -o mode=755 tmpfs run
	mount -t tmpfs tmpfs tmp
	mount -t tmpfs -o mode=755 tmpfs dev
	mkdir dev/pts dev/shm dev/hugepages run/old
	mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
	for n in null zero full random urandom tty; do
		touch dev/$n
		mount --bind /dev/$n dev/$n
	done
	ln -s pts/ptmx dev/ptmx
	ln -s /proc/self/fd dev/fd
	pivot_root . run/old
	umount -l /run/old
	exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=multi-user.target --show-status=no
}

within() {
	timeout --foreground 120 nsenter -t "$machine" -a --root --wd env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
		LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

# until_ok SECONDS WHAT COMMAND...
until_ok() {
	local seconds=$1 what=$2
	shift 2
	for _ in $(seq $((seconds * 5))); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.2
	done
	fail "not within $seconds s: $what"
}

ping_passes() { within ip netns exec outside ping -c 1 -W 1 10.9.0.2; }
main_pid() { within systemctl show -P MainPID bulkhead; }
goes_on() { [ "$(main_pid)" != "$1" ] && within systemctl is-active -q bulkhead; }
changes() { within ip -n outside -s -s -j link show eth0 | grep -o '"carrier_changes":[0-9]*'; }
is_up() { within ip link show up dev "$1" | grep -q "$1"; }
are_down() { ! is_up eth1 && ! is_up eth2; }

mkdir "$group" 2>/dev/null || skip "no cgroup can be made in ${group%/*}"
[ -e "$group/cgroup.procs" ] || skip "there is no cgroup2 at ${group%/*}"
cp "$first" "$root/first.deb"
cp "$later" "$root/later.deb"
export -f boot
# shellcheck disable=SC2016
(echo $BASHPID >"$group/cgroup.procs" && exec unshare --mount --pid --fork --kill-child --net --uts --ipc --cgroup \
	bash -c 'boot "$0"' "$root") >"$root.boot.log" 2>&1 &
starter=$!
for _ in $(seq 300); do
	machine=$(pgrep -P "$starter" | head -n 1)
	[ -n "$machine" ] && [ "$(cat "/proc/$machine/comm")" = systemd ] && within systemctl is-system-running >/dev/null 2>&1 && break
	kill -0 "$starter" 2>/dev/null || skip "systemd does not boot here: $(tail -n 1 "$root.boot.log")"
	sleep 0.2
done
within systemctl is-active -q multi-user.target || skip "systemd does not boot here"

within ip link set lo up
n=1
for side in outside inside; do
	within ip netns add $side
	within ip link add eth$n type veth peer name eth0 netns $side
	within ip -n $side addr add 10.9.0.$n/24 dev eth0
	within ip -n $side link set eth0 up
	n=$((n + 1))
done

# The guide, from its first step.
within dpkg -i /first.deb >"$root.first.log" 2>&1 || fail "installation: $(tail -n 3 "$root.first.log")"
within bulkheadctl doctor --config /etc/bulkhead/bulkhead.yaml >"$root.doctor.log" || fail "doctor: $(cat "$root.doctor.log")"
within bulkhead -c /etc/bulkhead/bulkhead.yaml --check >/dev/null 2>&1 || fail "--check"
# A worker of this machine shares its CPU with whatever else runs on it.
sed -i 's/^cores: .*/cores: {control: 0, workers: [1], heartbeat: 5m}/' "$root/etc/bulkhead/bulkhead.yaml"
[ "$(nproc --all)" -gt 1 ] || sed -i 's/^cores: .*/cores: {control: 0, workers: [0], share: true, heartbeat: 5m}/' "$root/etc/bulkhead/bulkhead.yaml"
within systemctl enable --now bulkhead >/dev/null 2>&1 || fail "the service does not start"
within systemctl status bulkhead | grep -q "forwarding: 1 pairs" || fail "status: $(within systemctl status bulkhead)"
ping_passes >/dev/null && fail "something passes without a rule"
within sh -c 'umask 077 && bulkheadctl --token-file /run/bulkhead/admin-token identity make alice --role admin >/root/alice.token' ||
	fail "no identity"
within env BULKHEAD_TOKEN_FILE=/root/alice.token bulkheadctl get flows >/dev/null || fail "get flows"
cat >"$root/etc/bulkhead/policy.yaml" <<-END
	version: 1
	endpoints:
	  - {address: 10.9.0.1, labels: {app: a}}
	  - {address: 10.9.0.2, labels: {app: b}}
	segments: {a: {selector: "app=a"}, b: {selector: "app=b"}}
	rules:
	  - {id: ping, from: a, to: b, ports: [icmp], action: allow}
END
within systemctl reload bulkhead || fail "reload"
until_ok 60 "the rule holds" ping_passes
score=$(within systemd-analyze security bulkhead | sed -n 's/.*exposure level for bulkhead.service: \([0-9.]*\) .*/\1/p')
[ "$(printf '%s\n2.0\n' "$score" | sort -n | tail -n 1)" = 2.0 ] || fail "systemd-analyze security: $score"
claim "the guide, step by step: installed, examined, started, administered; a rule lets pass; systemd-analyze security $score"

pid=$(main_pid) before=$(changes)
within /usr/share/bulkhead/replace.sh >/dev/null 2>&1 || fail "replace.sh"
goes_on "$pid" || fail "replaced: main process $pid, now $(main_pid)"
pid=$(main_pid)
within dpkg --force-confdef --force-confold -i /later.deb >"$root.later.log" 2>&1 || fail "upgrade: $(tail -n 3 "$root.later.log")"
goes_on "$pid" || fail "upgraded: main process $pid, now $(main_pid)"
[ "$(changes)" = "$before" ] || fail "links went down: $before, now $(changes)"
until_ok 60 "what was allowed passes" ping_passes
[ "$(within systemctl show -P NRestarts bulkhead)" = 0 ] || fail "the service was restarted"
claim "replaced, and upgraded: the service goes on with another process, no link went down"

within systemctl kill -s KILL bulkhead
until_ok 120 "it is back after kill -9" sh -c "[ \"\$(nsenter -t $machine -a --root --wd systemctl show -P NRestarts bulkhead)\" = 1 ]"
until_ok 120 "frames pass again" ping_passes
[ "$(changes)" != "$before" ] || fail "its links stayed up after kill -9"
within systemctl stop bulkhead || fail "stop"
are_down || fail "links are up after systemctl stop"
within systemctl start bulkhead || fail "start"
until_ok 60 "frames pass after another start" ping_passes
claim "killed, and stopped: links go down, and come up with the next start"

within dpkg -P bulkhead >"$root.purge.log" 2>&1 || fail "purge: $(tail -n 3 "$root.purge.log")"
[ -z "$(within pgrep -x bulkhead)" ] || fail "it runs on after the package is purged"
are_down || fail "links are up after the package is purged"
[ ! -e "$root/var/lib/bulkhead" ] || fail "/var/lib/bulkhead is left"
claim "purged: the gateway has ended, its links are down"
