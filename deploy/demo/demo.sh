#!/bin/bash
# The gateway between two network namespaces, with a real redis and nginx behind it and real clients in front.
#
#   make demo              try what policy.yaml allows and denies, say what happened and why, clean up
#   make demo KEEP=1       the same, but leave it up and print how to play with it
#   make demo SCENARIO=zero-touch    no policy: the gateway learns and protects by itself
#   make demo SCENARIO=dashboard     a shop under attack, in a browser, until Ctrl-C (HOLD=60: for so many seconds)
#   make demo DOWN=1       take down what KEEP=1 left
#   deploy/demo/demo.sh as web redis-cli -h 10.99.0.21 ping      run a command as a workload
#
# B is the build folder. PORTS=af_packet tries the ports' second choice, also where AF_XDP works.
# All state is in /run/bulkhead-demo and in namespaces bh-shop and bh-cde. Exit 0: everything was as expected.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=$(realpath -m "${B:-build}")
STATE=/run/bulkhead-demo
API=http://127.0.0.1:8471/api/v1
here=deploy/demo

die() {
	echo "demo: $*" >&2
	exit 1
}

# shellcheck source=deploy/demo/site.sh
. $here/site.sh
# shellcheck source=deploy/demo/tries.sh
. $here/tries.sh

play() {
	cat <<-END

	It is up. To play (as root):
	  $here/demo.sh as web redis-cli -h 10.99.0.21 get greeting      as: web, api, batch, admin
	  $here/demo.sh as api curl http://10.99.0.22/                   and 'http://[fd00:99::22]/'
	  tail -f $STATE/eve.json | jq -c '[.event_type, .src_ip, .dest_ip, .bulkhead.reason]'
	  export BULKHEAD_TOKEN_FILE=$STATE/token
	  $B/bulkheadctl get flows
	  $B/bulkheadctl label endpoint 10.99.0.11 app=batch             web becomes batch, at once
	  $B/bulkheadctl top
	Change the policy: edit $STATE/policy.yaml, then
	  $B/bulkheadctl diff -f $STATE/policy.yaml; kill -HUP \$(cat $STATE/gateway.pid)
	Take it down:
	  make demo DOWN=1          or: $here/demo.sh down
	END
}

[ "$(id -u)" -eq 0 ] || die "needs root, for network namespaces and ports: sudo make demo"
case "${1:-}" in
as)
	shift
	run_as "$@"
	exit
	;;
down)
	DOWN=1
	;;
'') ;;
*)
	die "unknown argument $1; see the first lines of $here/demo.sh"
	;;
esac
if [ -n "${DOWN:-}" ]; then
	is_up || { echo "demo: nothing is up"; exit 0; }
	down
	echo "demo: taken down"
	exit 0
fi
case "${SCENARIO:-}" in
'') ;;
zero-touch)
	# shellcheck source=deploy/demo/zero_touch.sh
	. $here/zero_touch.sh
	;;
dashboard)
	# shellcheck source=deploy/demo/dashboard.sh
	. $here/dashboard.sh
	;;
*)
	die "there is no scenario '$SCENARIO'; there are zero-touch and dashboard"
	;;
esac
check_machine
trap down EXIT
trap 'exit 130' INT TERM HUP
if [ "${SCENARIO:-}" = dashboard ]; then
	dashboard
elif [ -n "${SCENARIO:-}" ]; then
	zero_touch
else
	up
	try_everything
	report
fi
status=$?
if [ -n "${KEEP:-}" ]; then
	trap - EXIT
	play
else
	end_gateway || status=1
fi
exit $status
