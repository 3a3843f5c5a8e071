#!/bin/sh
# Install the Debian packages that building, testing and the demo need; only those that are missing.
# Services that a package would start (redis, nginx ...) are not started: the tests run their own. They also use
# rabbitmq-server with amqp-tools, and zookeeper with zookeeper-bin, where these are installed.
#
#     deploy/install-deps.sh bench    also what `make bench` draws with, and the rivals that it measures
set -eu

backports=
packages="gcc make clang clang-format cppcheck pyflakes3 pkg-config git ca-certificates
	libclang-rt-14-dev dpdk-dev libdpdk-dev libyaml-dev libjansson-dev libmicrohttpd-dev libgnutls28-dev libsodium-dev libpcap-dev
	libnghttp2-dev nettle-dev libpcre2-dev libhyperscan-dev zlib1g-dev libbrotli-dev libzstd-dev libsqlite3-dev libcurl4-gnutls-dev librdkafka-dev libcunit1-dev libbsd-dev libnuma-dev
	iproute2 iputils-ping ethtool procps curl netcat-openbsd iperf3 tcpdump jq
	redis-server redis-tools nginx-light openssl python3 python3-scapy python3-yaml python3-jsonschema
	postgresql postgresql-client mariadb-server mariadb-client mosquitto mosquitto-clients openssh-server openssh-client
	dnsmasq-base bind9-dnsutils memcached etcd-server etcd-client python3-aiosmtpd
	python3-psycopg2 python3-pymysql python3-pymongo python3-h2
	hping3 nmap dsniff slowhttptest iodine chromium prometheus nfdump tshark
	rsyslog rsyslog-gnutls kcat valgrind"
# Node.js from elsewhere brings its npm along, and Debian's would be in its way.
command -v npm >/dev/null 2>&1 || packages="$packages npm"

if [ "${1:-}" = bench ]; then
	packages="$packages gnuplot-nox dpdk openvswitch-switch-dpdk nftables libnginx-mod-http-modsecurity modsecurity-crs"
	backports=suricata # Debian 12 itself has none
fi

installed() {
	dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'
}

# From the backports of the mirror that apt has for this release, asked for the time of this installation only. A mirror without
# them is no failure: the benchmark does without that rival.
install_backports() {
	release=$(. /etc/os-release && echo "$VERSION_CODENAME")
	mirror=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
		sed -n "s/^$release main //p" | head -n 1)
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release-backports main" >"$list"
	if ! apt-get update -qq -o Dir::Etc::sourcelist="$list" -o Dir::Etc::sourceparts=/dev/null -o APT::Get::List-Cleanup=0 ||
		! apt-get install -y -qq --no-install-recommends -t "$release-backports" "$@" >/dev/null; then
		echo "not to be had from $release-backports at '$mirror': $*"
	fi
	rm -f "$list"
}

missing=""
for p in $packages; do
	installed "$p" || missing="$missing $p"
done
[ -z "$backports" ] || ! installed "$backports" || backports=
[ -n "$missing$backports" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "these Debian packages are missing:$missing${backports:+ $backports (bookworm-backports)}" >&2
	echo "run this as root, or: sudo apt-get install$missing" >&2
	exit 1
fi
# Vectorscan takes Hyperscan's place and misses matches (docs/architecture.md); they can't both be there.
for p in libvectorscan-dev libvectorscan5; do
	case $missing in
	*libhyperscan*) dpkg-query -W "$p" >/dev/null 2>&1 && missing="$missing $p-" ;;
	esac
done
echo "installing:$missing${backports:+ $backports}"

# A policy script that forbids service starts for the time of the installation, as Debian's own
# image builders do; removed again whatever happens.
policy=/usr/sbin/policy-rc.d
list=/etc/apt/sources.list.d/bulkhead-bench.list
made=
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod +x "$policy"
	made=$policy
fi
trap 'rm -f "$list" $made' EXIT INT TERM
export DEBIAN_FRONTEND=noninteractive
if [ -n "$missing" ]; then
	apt-get update -qq
	# shellcheck disable=SC2086
	apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
[ -z "$backports" ] || install_backports "$backports"
