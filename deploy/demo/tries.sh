# shellcheck shell=bash disable=SC2154 # B, STATE, API and here are demo.sh's
# What is tried through the gateway, what came of it, and why, as the gateway's own events say.

declare -A NUMBER=([web]=11 [api]=12 [batch]=13 [admin]=14 [stranger]=66 [redis]=21 [cards]=22)
names=() expected=() happened=() ends=() reasons=() from=() to=()

# The address of a workload: addr HOST 4|6
addr() {
	if [ "$2" = 4 ]; then
		echo "10.99.0.${NUMBER[$1]}"
	else
		echo "fd00:99::${NUMBER[$1]}"
	fi
}

# Run a command as a workload: from its namespace, with its addresses as the source. The route says which
# address a client uses that does not choose one itself.
run_as() {
	local host=$1 ns=bh-shop
	shift
	[ -n "${NUMBER[$host]:-}" ] || die "no workload '$host'; there are: web api batch admin redis cards"
	[ "${NUMBER[$host]}" -ne 21 ] && [ "${NUMBER[$host]}" -ne 22 ] || ns=bh-cde
	ip -n $ns route replace 10.99.0.0/24 dev eth0 src "$(addr "$host" 4)" 2>/dev/null ||
		die "the demo is not up: sudo make demo KEEP=1"
	ip -n $ns -6 route replace fd00:99::/64 dev eth0 src "$(addr "$host" 6)" metric 1
	ip netns exec $ns "$@"
}

# What a client's exit status means: outcome STATUS
outcome() {
	case $1 in
	0) echo answered ;;
	7) echo refused ;;            # curl: connection refused
	1 | 28 | 124) echo silence ;; # ping: no reply; curl and timeout(1): time is up
	*) echo "exit $1" ;;
	esac
}

size() {
	stat -c %s $STATE/eve.json 2>/dev/null || echo 0
}

# One row: try "TEXT" FROM TO FAMILY PROTO PORT EXPECTED REASON COMMAND...
try() {
	local text=$1 src=$2 dst=$3 family=$4 proto=$5 port=$6 want=$7 reason=$8 rc begin
	shift 8
	begin=$(size)
	run_as "$src" "$@" >"$STATE/out" 2>&1
	rc=$?
	row "$text" "$want" "$(outcome $rc)" "$(addr "$src" "$family") $(addr "$dst" "$family") $proto $port" \
		"$reason" "$begin"
}

# row TEXT EXPECTED HAPPENED "SRC DST PROTO PORT" REASON BEGIN-OF-EVENTS; "-" as the ends: no flow
row() {
	names+=("$1") expected+=("$2") happened+=("$3") ends+=("$4") reasons+=("$5") from+=("$6") to+=("$(size)")
	printf '  %-52s %s\n' "$1" "$3"
}

try_redis() { # FROM FAMILY EXPECTED REASON TEXT
	try "$5" "$1" redis "$2" TCP 6379 "$3" "$4" timeout 2 redis-cli -h "$(addr redis "$2")" set greeting hello
}

try_http() { # FROM FAMILY EXPECTED REASON TEXT
	local host
	host=$(addr cards "$2")
	[ "$2" = 4 ] || host="[$host]"
	try "$5" "$1" cards "$2" TCP 80 "$3" "$4" curl -sS -m 2 -o /dev/null "http://$host/"
}

try_ping() { # FROM TO FAMILY EXPECTED REASON TEXT
	local proto=ICMP
	[ "$3" = 4 ] || proto=IPv6-ICMP
	try "$6" "$1" "$2" "$3" $proto 0 "$4" "$5" ping "-$3" -n -c 1 -W 2 -I "$(addr "$1" "$3")" "$(addr "$2" "$3")"
}

# ARP and neighbour discovery are not judged by policy but pass, or nothing could find its way.
try_neighbours() {
	local family state got
	for family in 4 6; do
		state=$(ip -n bh-shop neigh show "$(addr redis $family)")
		got="not found"
		[[ $state != *lladdr* ]] || got=found
		row "shop finds redis by $([ $family = 4 ] && echo ARP || echo 'neighbour discovery')" found "$got" - l2_pass 0
	done
}

counter() {
	ip netns exec bh-cde redis-cli -h 10.99.0.21 get visits
}

label() { # KEY=VALUE on web's IPv4 address
	curl -sf -o /dev/null -X PATCH -H "Authorization: Bearer $(cat $STATE/token)" -H 'Content-Type: application/json' \
		-d "{\"labels\": {\"${1%%=*}\": \"${1#*=}\"}}" "$API/endpoints/10.99.0.11"
}

more_than() {
	[ "$(counter)" -gt "$1" ]
}

# A connection that is open while its end's labels change. The client counts visits in redis; redis, asked from
# its own side, says whether anything still comes through, and a capture there counts packets with payload.
try_relabel() {
	local begin moment more flow="10.99.0.11 10.99.0.21 TCP 6379"
	run_as web true
	mkfifo $STATE/commands
	setsid ip netns exec bh-shop redis-cli -h 10.99.0.21 <$STATE/commands >$STATE/client.log 2>&1 &
	echo $! >$STATE/client.pid
	(while sleep 0.02 && alive client; do echo incr visits; done) 2>/dev/null >$STATE/commands &
	wait_for 10 "the client counts" more_than 20
	start capture ip netns exec bh-cde tcpdump -ttnql --immediate-mode -Z root -i eth0 -Q in \
		'src 10.99.0.11 and tcp port 6379 and ip[2:2] - ((ip[0] & 15) << 2) - ((tcp[12] & 240) >> 2) > 0'
	wait_for 10 "the capture sees it" grep -q 10.99.0.11 $STATE/capture.log
	begin=$(size)
	label app=nobody
	moment=$(date +%s.%N)
	sleep 2.5
	stop capture tcpdump
	more=$(awk -v t="$moment" '$1 + 0 > t + 0.05' $STATE/capture.log | grep -c '10.99.0.11.* > ')
	row "web loses its label, its connection is open" "stops" \
		"$([ "$more" = 0 ] && echo stops || echo "$more more")" "$flow" labels_changed "$begin"
	moment=$(counter)
	begin=$(size)
	label app=web
	wait_for 20 "the same connection goes on" more_than $((moment + 5))
	stop client redis-cli
	row "web gets it back, the same connection" "goes on" "goes on" "$flow" rule_allow "$begin"
}

# A reload with a mistake changes nothing.
try_bad_policy() {
	local begin said
	begin=$(size)
	sed 's/web-to-redis,    from: web,/web-to-redis,    from: wbe,/' $here/policy.yaml >$STATE/policy.yaml
	kill -HUP "$(cat $STATE/gateway.pid)"
	wait_for 10 "the gateway says what is wrong" grep -q refused $STATE/gateway.log
	said=$(grep -o 'policy.yaml:[0-9]*:[0-9]*: .*' $STATE/gateway.log | tail -n 1)
	row "reload of a policy with a mistake" refused "$([ -n "$said" ] && echo refused || echo accepted)" - - "$begin"
	try_http api 4 answered rule_allow "api: nginx, under the policy before"
	cp $here/policy.yaml $STATE/policy.yaml
	echo "  what it said: $said"
}

try_everything() {
	echo
	echo "trying:"
	try_redis web 4 answered rule_allow "web: redis, IPv4"
	try_redis web 6 answered rule_allow "web: redis, IPv6"
	try_neighbours
	try_http api 4 answered rule_allow "api: nginx, IPv4"
	try_http api 6 answered rule_allow "api: nginx, IPv6"
	try_ping admin redis 4 answered rule_allow "admin: ping, IPv4"
	try_ping admin cards 6 answered rule_allow "admin: ping, IPv6"
	try_redis batch 4 silence rule_deny "batch: redis, which a rule denies"
	try_http batch 4 refused rule_reject "batch: nginx, which a rule rejects, IPv4"
	try_http batch 6 refused rule_reject "batch: nginx, which a rule rejects, IPv6"
	try_http web 4 silence default_deny "web: nginx, which no rule allows"
	try_ping web redis 4 silence default_deny "web: ping, which no rule allows"
	try_http stranger 4 silence unknown_segment "a stranger without labels: nginx"
	try "redis: a connection of its own to web" redis web 4 TCP 80 silence default_deny \
		curl -sS -m 2 -o /dev/null http://10.99.0.11/
	try_relabel
	try_bad_policy
}

# The event that explains row $1: "SRC-SEGMENT DST-SEGMENT RULE REASON"; nothing when there is none yet.
why() {
	local src dst proto port
	read -r src dst proto port <<<"${ends[$1]}"
	tail -c +$((from[$1] + 1)) $STATE/eve.json | jq -r --arg src "$src" --arg dst "$dst" --arg proto "$proto" \
		--argjson port "$port" --arg reason "${reasons[$1]}" '
		select((.event_type == "alert" or .event_type == "flow") and .src_ip == $src and .dest_ip == $dst
			and .proto == $proto and (.dest_port // 0) == $port and .bulkhead.reason == $reason)
		| .bulkhead | [.src_segment // "-", .dst_segment // "-", .rule_id // "-", .reason] | join(" ")' | head -n 1
}

explained() {
	[ -n "$(why "$1")" ]
}

# The table. Returns 1 when anything was not as expected or is not explained by an event.
report() {
	local i bad=0 src dst rule reason mark l2
	l2=$(curl -sf $API/stats | jq '.total.passed_by_reason.l2_pass.packets // 0')
	printf '\n%-44s %-9s %-9s %-9s %-10s %-15s %-16s\n' "what was tried" expected happened from to rule reason
	for i in "${!names[@]}"; do
		src=- dst=- rule=- reason=${reasons[$i]} mark=
		if [ "${ends[$i]}" != - ]; then
			# An allowed connection is recorded when its flow ends, a second after it closed.
			for _ in $(seq 100); do
				! explained "$i" || break
				sleep 0.1
			done
			read -r src dst rule reason <<<"$(why "$i")"
		elif [ "$reason" = l2_pass ]; then
			[ "$l2" -gt 0 ] || reason=
		fi
		if [ "${happened[$i]}" != "${expected[$i]}" ] || [ -z "$reason" ]; then
			mark="  <-- not as expected"
			bad=$((bad + 1))
		fi
		printf '%-44s %-9s %-9s %-9s %-10s %-15s %-16s%s\n' "${names[$i]}" "${expected[$i]}" "${happened[$i]}" \
			"${src:--}" "${dst:--}" "${rule:--}" "${reason:-no event says}" "$mark"
	done
	echo
	if [ $bad -gt 0 ]; then
		echo "$bad of ${#names[@]} were not as expected; the gateway's log:"
		tail -n 20 $STATE/gateway.log
		return 1
	fi
	echo "all ${#names[@]} as expected"
}
