#!/bin/sh
# Scenarios: captures made here through bulkhead-replay; what must pass, what must not, and why.
#
#   B=build test/scenario/run.sh [scenario...]
#
# What a scenario wrote (capture, configuration, policy, output) stays in $B/scenario/<name>/.
set -u
cd "$(dirname "$0")" || exit 2
B=$(cd ../.. && realpath -m "${B:-build}")
# The Debian package python3-scapy belongs to Debian's own interpreter.
exec env -i PATH="$PATH" LC_ALL=C.UTF-8 HOME=/nonexistent PYTHONDONTWRITEBYTECODE=1 B="$B" ${SURICATA_SCHEMA:+SURICATA_SCHEMA="$SURICATA_SCHEMA"} \
	${ASAN_OPTIONS:+ASAN_OPTIONS="$ASAN_OPTIONS"} /usr/bin/python3 lib/run.py "$@"
