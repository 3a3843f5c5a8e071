# shellcheck shell=bash disable=SC2154,SC2034 # B, STATE, API and here are demo.sh's
# SCENARIO=dashboard: a shop of fourteen workloads that goes on until it is ended, with an attack every few seconds. The gateway
# blocks it, and its dashboard says who tried what.

POLICY=dashboard.yaml
START_SECONDS=240 # the sensors are compiled, on a machine that may have just built all of this
EVENTS=", store: events.db"

policy_lines() {
	cat <<-END
		policy: policy.yaml
		store: {path: store.db}
		learning: {record: true}
		evidence: {path: evidence}
		inspect: {sensors: deny}
	END
}

services_up() {
	mkdir -p $STATE/redis $STATE/nginx
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=vault.shop \
		-keyout $STATE/nginx/key.pem -out $STATE/nginx/cert.pem 2>/dev/null || die "openssl cannot make a certificate"
	head -c 40000 /dev/zero | tr '\0' x >$STATE/nginx/big
	start redis ip netns exec bh-cde redis-server --bind 10.99.0.21 --port 6379 --protected-mode no --save '' \
		--appendonly no --daemonize no --dir $STATE/redis
	cat >$STATE/nginx/nginx.conf <<-END
		user root; daemon off; pid $STATE/nginx/pid; error_log stderr; worker_processes 1;
		events { worker_connections 256; }
		http {
			access_log off;
			client_body_temp_path $STATE/nginx/a; proxy_temp_path $STATE/nginx/b;
			fastcgi_temp_path $STATE/nginx/c; uwsgi_temp_path $STATE/nginx/d; scgi_temp_path $STATE/nginx/e;
			server {
				listen 10.99.0.22:80; listen 10.99.0.23:80; listen 10.99.0.26:80; listen 10.99.0.27:80;
				listen 10.99.0.25:443 ssl;
				ssl_certificate $STATE/nginx/cert.pem; ssl_certificate_key $STATE/nginx/key.pem;
				location = /big { root $STATE/nginx; }
				location / { default_type application/json; return 200 '{"ok":true}\n'; }
			}
		}
	END
	start nginx ip netns exec bh-cde nginx -p $STATE/nginx -e stderr -c $STATE/nginx/nginx.conf
	start dns ip netns exec bh-cde dnsmasq --keep-in-foreground --conf-file=/dev/null --listen-address=10.99.0.24 \
		--bind-interfaces --no-resolv --no-hosts --user=root --pid-file= --address=/shop/10.99.0.22
	wait_for 40 "the shop's services listen" shop_listens
}

shop_listens() {
	[ "$(ip netns exec bh-cde ss -Hltn | grep -cE '0.21:6379|0.2[2367]:80 |0.25:443|0.24:53 ')" -ge 7 ]
}

get() { # PATH
	curl -sf -H "Authorization: Bearer $(cat $STATE/token)" "$API$1"
}

attack_blocked() {
	get '/events?kind=sensor&severity=1&limit=1' | jq -e '.items | length > 0'
}

# The newest finding of a sensor in a sentence.
told() {
	get '/events?kind=sensor&severity=1&limit=1' | jq -r '.items[0].event | "\(.alert.signature) in the \(.bulkhead.where) of what \(
		.bulkhead.src_segment) said to \(.bulkhead.dst_segment) (\(.app_proto)): \(.alert.action), \(.bulkhead.attack_id)"'
}

# BEGUN is when `make demo` was called.
since_begun() {
	local seconds=$(($(date +%s) - ${BEGUN:-$(($(date +%s) - SECONDS))}))

	echo "$((seconds / 60)) min $((seconds % 60)) s"
}

# Until somebody ends it, or HOLD seconds.
hold() {
	local until=$((SECONDS + ${HOLD:-0})) seen=0 lines
	echo "It goes on until Ctrl-C${HOLD:+, or for $HOLD seconds}. What is tried meanwhile:"
	while alive gateway && { [ -z "${HOLD:-}" ] || [ $SECONDS -lt $until ]; }; do
		lines=$(wc -l <$STATE/attacks)
		[ "$lines" -le $seen ] || tail -n +$((seen + 1)) $STATE/attacks | sed 's/^/  /'
		seen=$lines
		sleep 1
	done
	alive gateway
}

dashboard() {
	mkdir $STATE || die "cannot make $STATE"
	mountpoint -q /run/netns || touch $STATE/netns-mount
	hugepages_up
	zone_up shop 11 12 13 14 15 16 17 66
	zone_up cde 21 22 23 24 25 26 27
	services_up
	echo "the gateway compiles its sensors and starts ..."
	gateway_up
	[ -d "$B/web/assets/vendor" ] || echo "the picture of the map is missing: npm could not get the graph library ($B/node/web/npm.log)"
	touch $STATE/attacks
	start client ip netns exec bh-shop python3 $here/dashboard_traffic.py $STATE/attacks
	wait_for 90 "an attack is blocked" attack_blocked
	cat <<-END

		An attack was blocked: $(told)
		That took $(since_begun) with all that was installed and built before, on $(nproc) CPUs.

		  See it on the map:   http://127.0.0.1:8471/       from elsewhere: ssh -L 8471:127.0.0.1:8471 $(hostname)
		  Log in to act:       $(cat $STATE/token)

		The red edge is the attack: choose it, and it says what happened and why. Events has it with its evidence and
		capture; Quarantine stops its source at once. The token is of this demo alone.

	END
	[ -n "${KEEP:-}" ] || hold
}
