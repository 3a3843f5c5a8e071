# shellcheck shell=bash disable=SC2154 # B, STATE, API and here are demo.sh's
# SCENARIO=zero-touch: a shop runs under discover with no policy at all. The gateway groups its endpoints, learns what they do,
# and protects them by itself; then the shop still works, and whatever else is tried is blocked and told by name.
#
#   bh-shop: visitors .31 .32, api .12, batch .13     bh-cde: web .22 (nginx), redis .21, orders .23 (PostgreSQL), dns .24,
#                                                      and outside of the cluster 203.0.113.50 (PostgreSQL), 203.0.113.51

QUIET=${QUIET:-8s}
failures=0

policy_lines() {
	cat <<-END
		mode: discover
		store: {path: store.db}
		learning: {promote: protect, quiet: $QUIET, monitor: 2s, look: 500ms}
	END
}

find_program() { # NAME...
	local c
	for c in "$@" /usr/lib/postgresql/*/bin/"$1"; do
		command -v "$c" && return
	done
	die "$1 is missing: sudo make deps"
}

postgres_up() {
	local data=$STATE/postgres/data
	install -d -o postgres $STATE/postgres
	setpriv --reuid=postgres --regid=postgres --clear-groups "$(find_program initdb)" -D $data -A trust -U shop \
		--no-sync >$STATE/initdb.log 2>&1 || die "initdb: $(tail -n 3 $STATE/initdb.log)"
	echo "host all all all trust" >>$data/pg_hba.conf
	start postgres ip netns exec bh-cde setpriv --reuid=postgres --regid=postgres --clear-groups \
		"$(find_program postgres)" -D $data -k $STATE/postgres -c fsync=off \
		-c listen_addresses=10.99.0.23,203.0.113.50,203.0.113.51
}

services_up() {
	mkdir -p $STATE/redis $STATE/nginx
	start redis ip netns exec bh-cde redis-server --bind 10.99.0.21 --port 6379 --protected-mode no --save '' \
		--appendonly no --daemonize no --dir $STATE/redis
	cat >$STATE/nginx/nginx.conf <<-END
		daemon off; pid $STATE/nginx/pid; error_log stderr; worker_processes 1;
		events { worker_connections 64; }
		http {
			access_log off;
			client_body_temp_path $STATE/nginx/a; proxy_temp_path $STATE/nginx/b;
			fastcgi_temp_path $STATE/nginx/c; uwsgi_temp_path $STATE/nginx/d; scgi_temp_path $STATE/nginx/e;
			server {
				listen 10.99.0.22:80;
				location / { proxy_pass http://10.99.0.12:8000; proxy_bind 10.99.0.22; proxy_read_timeout 15s; }
			}
		}
	END
	start nginx ip netns exec bh-cde nginx -p $STATE/nginx -e stderr -c $STATE/nginx/nginx.conf
	start dns ip netns exec bh-cde dnsmasq --keep-in-foreground --conf-file=/dev/null --listen-address=10.99.0.24 \
		--bind-interfaces --no-resolv --no-hosts --user=root --pid-file= --address=/db.example.com/203.0.113.50
	postgres_up
	start api ip netns exec bh-shop python3 $here/shop_api.py 10.99.0.12
	wait_for 40 "the shop's services listen" shop_listens
}

shop_listens() {
	[ "$(ip netns exec bh-cde ss -Hltn | grep -cE '0.21:6379|0.22:80 |0.23:5432|0.24:53 |113.50:5432')" -ge 5 ] &&
		ip netns exec bh-shop ss -Hltn | grep -q 0.12:8000
}

zero_touch_up() {
	mkdir $STATE || die "cannot make $STATE"
	mountpoint -q /run/netns || touch $STATE/netns-mount
	hugepages_up
	zone_up shop 12 13 31 32
	zone_up cde 21 22 23 24
	ip -n bh-cde addr add 203.0.113.50/32 dev eth0
	ip -n bh-cde addr add 203.0.113.51/32 dev eth0
	ip -n bh-shop route add 203.0.113.0/24 dev eth0 src 10.99.0.12
	services_up
	gateway_up
	echo "the shop runs behind the gateway: no policy, mode discover"
}

call() { # METHOD PATH [BODY]
	curl -sf -X "$1" -H "Authorization: Bearer $(cat $STATE/token)" -H 'Content-Type: application/json' \
		${3:+-d "$3"} "$API$2"
}

# What an orchestrator would tell: labels, and nothing about who may talk to whom.
labels_up() {
	local e
	for e in 12:api 13:batch 21:redis 22:web 23:orders 24:dns; do
		call PUT "/endpoints/10.99.0.${e%%:*}" "{\"labels\": {\"service\": \"${e#*:}\", \"namespace\": \"shop\"}}" \
			>/dev/null || die "the endpoint $e is refused"
	done
}

say() { # OK TEXT
	printf '  %-6s %s\n' "$1" "$2"
	[ "$1" = ok ] || failures=$((failures + 1))
}

shopping() { # TEXT
	local v out
	for v in 31 32; do
		out=$(ip netns exec bh-shop curl -s --max-time 20 --interface 10.99.0.$v http://10.99.0.22/)
		case $out in
		ok*) say ok "$1: visitor 10.99.0.$v: $out" ;;
		*) say FAILED "$1: visitor 10.99.0.$v: ${out:-no answer}" ;;
		esac
	done
	out=$(ip netns exec bh-shop curl -s --max-time 20 --interface 10.99.0.13 http://10.99.0.22/)
	[ "${out#ok}" != "$out" ] || say FAILED "$1: batch: ${out:-no answer}"
}

all_protected() {
	[ "$(call GET /learned | jq '[.segments[].mode] | (length >= 6) and (unique == ["protect"])')" = true ]
}

# blocked TEXT FROM-SEGMENT TO-SEGMENT COMMAND...: it must fail, and an alert must name both
blocked() {
	local text=$1 from=$2 to=$3 begin alert
	shift 3
	begin=$(size)
	if ip netns exec bh-shop "$@" >$STATE/out 2>&1; then
		say FAILED "$text: it got an answer: $(head -c 80 $STATE/out)"
		return
	fi
	wait_for 10 "an alert about: $text" eval "tail -c +$((begin + 1)) $STATE/eve.json | grep -q '\"event_type\":\"alert\"'"
	alert=$(tail -c "+$((begin + 1))" $STATE/eve.json | jq -c "select(.event_type == \"alert\" and
		.alert.action == \"blocked\" and .bulkhead.src_segment == \"$from\" and .bulkhead.dst_segment == \"$to\")" | head -n 1)
	if [ -n "$alert" ]; then
		say ok "$text: blocked; alert: $(jq -r '"\(.bulkhead.src_segment) -> \(.bulkhead.dst_segment), \(.proto) \(
			.dest_port), \(.bulkhead.reason)"' <<<"$alert")"
	else
		say FAILED "$text: no alert names $from and $to"
	fi
}

zero_touch() {
	zero_touch_up
	labels_up
	wait_for 30 "segments by themselves" eval '[ "$(call GET /learned | jq ".segments | length")" -ge 6 ]'
	say ok "segments by themselves: $(call GET /learned | jq -r '[.segments[].name] | join(", ")')"
	shopping "discover"
	echo "  ...    waiting until nothing new has been seen for $QUIET, then 2 s in monitor"
	wait_for 120 "all segments are protected" all_protected
	say ok "promoted by itself: $(call GET /policy/revisions | jq -r '[.items[].why | select(startswith("promoted"))] | reverse | join("; ")')"
	call GET '/learned?format=yaml' | sed -n 's/^      //; /- id: /,/applications/p' | sed 's/^ *- id: /  rule   /; s/^ *\(from\|to\|ports\|applications\)/           \1/'
	shopping "protect"
	blocked "a new peer (batch to redis)" batch.shop redis.shop \
		timeout 4 python3 -c 'import socket; s = socket.create_connection(("10.99.0.21", 6379), 3, ("10.99.0.13", 0)); s.sendall(b"PING\r\n"); print(s.recv(64)); '
	blocked "a new application on a known port (HTTP to redis)" api.shop redis.shop \
		curl -s --max-time 4 --interface 10.99.0.12 http://10.99.0.21:6379/
	blocked "a new address outside (203.0.113.51)" api.shop external \
		timeout 4 psql -h 203.0.113.51 -U shop -d postgres -Atc 'select 1'
	[ "$(call GET /rules | jq -c '[.items[].origin] | unique')" = '["learned"]' ] && say ok "rules written by hand: 0" ||
		say FAILED "not all rules are learned"
	"$B/bulkheadctl" --token-file $STATE/token audit verify >$STATE/out && say ok "audit log: $(cat $STATE/out)" || say FAILED "audit log: $(cat $STATE/out)"
	[ $failures -eq 0 ] && echo "zero touch: everything was as expected" || echo "zero touch: $failures FAILED"
	[ $failures -eq 0 ]
}
