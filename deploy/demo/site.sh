# shellcheck shell=bash disable=SC2154 # B, STATE, API and here are demo.sh's
# What the demo builds and takes down: hugepages, namespaces, services, the gateway.

HUGEPAGES=${HUGEPAGES:-64} # of 2 MiB: packet buffers 40 MiB, tables 20 MiB, and what DPDK needs for itself
huge=/proc/sys/vm/nr_hugepages

is_up() {
	[ -e $STATE ] || ip netns list | grep -qE '^bh-(shop|cde)( |$)'
}

check_machine() {
	local c
	if is_up; then
		die "the demo is up already (KEEP=1?); take it down first: sudo make demo DOWN=1"
	fi
	for c in ip jq curl tcpdump redis-server redis-cli nginx ping ss; do
		command -v $c >/dev/null || die "$c is missing: sudo make deps"
	done
	[ -x "$B/bulkhead" ] || die "$B/bulkhead is missing: make"
}

hugepages_up() {
	local free
	free=$(awk '/^HugePages_Free/ {print $2}' /proc/meminfo)
	if [ "${free:-0}" -ge $HUGEPAGES ]; then
		echo "hugepages: $free are free, nothing to do"
		return
	fi
	cat $huge >$STATE/hugepages 2>/dev/null
	if echo $(($(cat $huge) + HUGEPAGES)) 2>/dev/null >$huge; then
		free=$(awk '/^HugePages_Free/ {print $2}' /proc/meminfo)
	fi
	if [ "${free:-0}" -ge $HUGEPAGES ]; then
		echo "hugepages: $HUGEPAGES more for the demo (vm.nr_hugepages is set back to $(cat $STATE/hugepages) at its end)"
	else
		echo "hugepages: the kernel has none to give; going on without, which costs some speed"
	fi
}

# A zone: its namespace, and a cable between its eth0 and the gateway's end.
zone_up() {
	local zone=$1 n
	shift
	ip netns add "bh-$zone"
	ip netns exec "bh-$zone" sysctl -qw net.ipv6.conf.default.router_solicitations=0
	ip link add "bh-${zone}0" type veth peer name eth0 netns "bh-$zone"
	ip link set "bh-${zone}0" up
	ip -n "bh-$zone" link set lo up
	for n in "$@"; do
		ip -n "bh-$zone" addr add "10.99.0.$n/24" dev eth0
		ip -n "bh-$zone" addr add "fd00:99::$n/64" dev eth0 nodad
	done
	ip -n "bh-$zone" link set eth0 up
}

# What the configuration says of policy; a scenario has its own.
policy_lines() {
	echo "policy: policy.yaml"
}

# Start in the background, apart from the terminal: start NAME COMMAND...
start() {
	local name=$1
	shift
	setsid "$@" >"$STATE/$name.log" 2>&1 </dev/null &
	echo $! >"$STATE/$name.pid"
}

alive() {
	kill -0 "$(cat "$STATE/$1.pid")" 2>/dev/null
}

wait_for() { # SECONDS WHAT COMMAND...
	local end=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -le $end ] || die "$what: not in time; see $STATE/*.log: $(tail -n 3 $STATE/*.log)"
		sleep 0.05
	done
}

services_up() {
	mkdir -p $STATE/redis $STATE/nginx
	start redis ip netns exec bh-cde redis-server --bind 10.99.0.21 fd00:99::21 --port 6379 \
		--protected-mode no --save '' --appendonly no --daemonize no --dir $STATE/redis
	cat >$STATE/nginx/nginx.conf <<-END
		daemon off; pid $STATE/nginx/pid; error_log stderr; worker_processes 1;
		events { worker_connections 64; }
		http {
			access_log off;
			client_body_temp_path $STATE/nginx/a; proxy_temp_path $STATE/nginx/b;
			fastcgi_temp_path $STATE/nginx/c; uwsgi_temp_path $STATE/nginx/d; scgi_temp_path $STATE/nginx/e;
			server {
				listen 10.99.0.22:80; listen [fd00:99::22]:80;
				location / { default_type text/plain; return 200 "cards: 2 on file\n"; }
			}
		}
	END
	start nginx ip netns exec bh-cde nginx -p $STATE/nginx -e stderr -c $STATE/nginx/nginx.conf
	wait_for 20 "redis and nginx listen" listening
}

listening() {
	local l
	l=$(ip netns exec bh-cde ss -Hltn)
	[ "$(grep -cE '(10.99.0.21|\[fd00:99::21\]):6379|(10.99.0.22|\[fd00:99::22\]):80 ' <<<"$l")" -eq 4 ]
}

device() { # ZONE
	if [ "${PORTS:-}" = af_packet ]; then
		echo "packet:bh-${1}0"
	else
		echo "iface:bh-${1}0"
	fi
}

gateway_up() {
	local cores last
	last=$(($(nproc --all) - 1))
	cores="control: 0, workers: [$last], idle: sleep"
	[ $last -gt 0 ] || cores="$cores, share: true"
	cp $here/${POLICY:-policy.yaml} $STATE/policy.yaml
	(umask 077 && head -c 32 /dev/urandom | base64 >$STATE/token)
	cat >$STATE/bulkhead.yaml <<-END
		$(policy_lines)
		run_dir: $STATE/lock
		ports:
		  - {name: shop, device: "$(device shop)"}
		  - {name: cde, device: "$(device cde)"}
		pairs:
		  - {name: shop-cde, outside: shop, inside: cde}
		cores: {$cores}
		flows: {max: 64k, timeouts: {tcp_closed: 1s, icmp: 1s}}   # short, to see flows end soon
		events: {file: eve.json${EVENTS:-}}
		api: {listen: "127.0.0.1:8471", token_file: token}
	END
	start gateway "$B/bulkhead" -c $STATE/bulkhead.yaml
	# The word comes once ports run; a program that has ended will never say it.
	wait_for ${START_SECONDS:-60} "the gateway starts" eval 'grep -q forwarding $STATE/gateway.log || ! alive gateway'
	alive gateway || die "the gateway did not start: $(cat $STATE/gateway.log)"
	wait_for 20 "both links are up" both_links_up
	tune_af_packet
}

both_links_up() {
	[ "$(curl -sf $API/stats | jq '[.ports[] | select(.link == "up")] | length')" = 2 ]
}

# Where the ports are AF_PACKET and the gateway could not keep a veth's peer from sending frames larger than the
# MTU by itself, it says so.
tune_af_packet() {
	local zone
	grep -q 'frames larger than the MTU' $STATE/gateway.log || return 0
	echo "segmentation offload: turned off on the hosts' ends, which AF_PACKET needs on this kernel"
	for zone in shop cde; do
		ip netns exec bh-$zone ethtool -K eth0 tso off gso off
	done
}

up() {
	mkdir $STATE || die "cannot make $STATE"
	# ip(8) makes a mount point of this folder with the first namespace, and leaves it.
	mountpoint -q /run/netns || touch $STATE/netns-mount
	hugepages_up
	zone_up shop 11 12 13 14 66
	zone_up cde 21 22
	services_up
	gateway_up
	echo "zone shop (bh-shop) === gateway, $(curl -sf $API/stats |
		jq -r '[.ports[].driver] | unique | join(", ")') === zone cde (bh-cde: redis, nginx)"
}

# End what we started, and only that: the number in the file must still be the program we gave it to.
stop() {
	local pid comm
	pid=$(cat "$STATE/$1.pid" 2>/dev/null) || return 0
	comm=$(cat "/proc/$pid/comm" 2>/dev/null) || return 0
	[ "$comm" = "$2" ] || return 0
	kill -TERM "$pid" 2>/dev/null
	for _ in $(seq 200); do
		[ -d "/proc/$pid" ] && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null || return 0
		sleep 0.05
	done
	kill -KILL "$pid" 2>/dev/null
}

# The regular end: it must drain, exit 0, and have accounted for every packet.
end_gateway() {
	local pid rc last
	pid=$(cat $STATE/gateway.pid)
	kill -TERM "$pid"
	wait "$pid"
	rc=$?
	last=$(jq -c 'select(.event_type == "stats") | .bulkhead' $STATE/eve.json | tail -n 1)
	echo "gateway ended with $rc: $(jq -r '"\(.packets) packets = \(.forwarded) forwarded + \(
		[.dropped[]] | add // 0) dropped"' <<<"$last")"
	[ $rc -eq 0 ] && jq -e '.packets == .forwarded + ([.dropped[]] | add // 0)' <<<"$last" >/dev/null
}

down() {
	local zone
	trap '' INT TERM
	stop gateway bulkhead
	stop client redis-cli
	stop client python3
	stop redis redis-server
	stop nginx nginx
	stop postgres postgres
	stop dns dnsmasq
	stop api python3
	stop capture tcpdump
	for zone in shop cde; do
		ip link del "bh-${zone}0" 2>/dev/null
		ip netns del "bh-$zone" 2>/dev/null
	done
	if [ -e $STATE/netns-mount ] && [ -z "$(ls /run/netns)" ]; then
		umount /run/netns && rmdir /run/netns
	fi
	[ ! -s $STATE/hugepages ] || cat $STATE/hugepages >$huge
	rm -rf $STATE
}
