#!/bin/sh
# Put the gateway that is installed, with its configuration as it is now, in the place of the one that runs: without a gap, and no
# link goes down. Refused, the one that runs goes on.
#
#   replace.sh               exit 0: the new one forwards; 1: the old one does; 2: the configuration is wrong; 3: none runs
#   replace.sh --dry-run     the same up to the point where something would change
#   replace.sh --upgraded    for the package: where that is refused, a restart; where none runs, nothing
set -eu

asked=/run/bulkhead/replace
config=/etc/bulkhead/bulkhead.yaml

usage() {
	sed -n 's/^#   //p' "$0" >&2
	exit 2
}

main_pid() { systemctl show --property MainPID --value bulkhead; }

# Whoever administers the machine may have said that a package starts no services.
may_restart() {
	rc=0
	[ ! -x /usr/sbin/policy-rc.d ] || /usr/sbin/policy-rc.d bulkhead.service restart || rc=$?
	[ $rc -ne 101 ]
}

dry=no
case "$*" in
'') ;;
--dry-run) dry=yes ;;
--upgraded)
	systemctl daemon-reload
	systemctl is-active --quiet bulkhead || exit 0
	may_restart || exit 0
	"$0" || exec systemctl restart bulkhead
	exit 0
	;;
*) usage ;;
esac
systemctl is-active --quiet bulkhead || {
	echo "replace: no gateway runs: systemctl start bulkhead" >&2
	exit 3
}
# As the one that would start: root may read what it may not.
setpriv --reuid=bulkhead --regid=bulkhead --init-groups bulkhead -c "$config" --check || exit 2
old=$(main_pid)
if [ $dry = yes ]; then
	echo "would put another process in the place of $old"
	exit 0
fi
trap 'rm -f "$asked"' EXIT
: >"$asked"
systemctl reload bulkhead || {
	echo "replace: refused, and the gateway that runs goes on; why: journalctl -u bulkhead -n 20" >&2
	exit 1
}
echo "replaced: process $(main_pid), before it $old"
