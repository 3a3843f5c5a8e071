#!/bin/sh
# Install the Debian packages that building, testing and the demo need; only those that are missing.
# Services that a package would start (redis, nginx ...) are not started: the tests run their own. They also use
# rabbitmq-server with amqp-tools, and zookeeper with zookeeper-bin, where these are installed.
#
#     deploy/install-deps.sh bench    also what `make bench` draws with, and the rivals that it measures
set -eu

packages="gcc make clang clang-format cppcheck pkg-config git ca-certificates
	libclang-rt-14-dev dpdk-dev libdpdk-dev libyaml-dev libjansson-dev libmicrohttpd-dev libgnutls28-dev libsodium-dev libpcap-dev
	libnghttp2-dev nettle-dev libpcre2-dev libhyperscan-dev zlib1g-dev libbrotli-dev libzstd-dev libsqlite3-dev libcurl4-gnutls-dev librdkafka-dev libcunit1-dev libbsd-dev libnuma-dev
	iproute2 iputils-ping ethtool procps curl netcat-openbsd iperf3 tcpdump jq
	redis-server redis-tools nginx-light openssl python3 python3-scapy python3-yaml python3-jsonschema
	postgresql postgresql-client mariadb-server mariadb-client mosquitto mosquitto-clients openssh-server openssh-client
	dnsmasq-base bind9-dnsutils memcached etcd-server etcd-client python3-aiosmtpd
	python3-psycopg2 python3-pymysql python3-pymongo python3-h2
	hping3 nmap dsniff slowhttptest iodine chromium prometheus nfdump
	rsyslog rsyslog-gnutls kcat valgrind"
# Node.js from elsewhere brings its npm along, and Debian's would be in its way.
command -v npm >/dev/null 2>&1 || packages="$packages npm"

if [ "${1:-}" = bench ]; then
	packages="$packages gnuplot-nox dpdk openvswitch-switch-dpdk nftables libnginx-mod-http-modsecurity modsecurity-crs"
	# Debian 12 itself has none; bookworm-backports has, where that is among apt's sources.
	apt-cache policy suricata 2>/dev/null | grep -q 'Candidate: [0-9]' && packages="$packages suricata"
fi

missing=""
for p in $packages; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "these Debian packages are missing:$missing" >&2
	echo "run this as root, or: sudo apt-get install$missing" >&2
	exit 1
fi
# Vectorscan takes Hyperscan's place and misses matches (docs/architecture.md); they can't both be there.
for p in libvectorscan-dev libvectorscan5; do
	case $missing in
	*libhyperscan*) dpkg-query -W "$p" >/dev/null 2>&1 && missing="$missing $p-" ;;
	esac
done
echo "installing:$missing"

# A policy script that forbids service starts for the time of the installation, as Debian's own
# image builders do; removed again whatever happens.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod +x "$policy"
	trap 'rm -f "$policy"' EXIT INT TERM
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >/dev/null
