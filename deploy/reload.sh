#!/bin/sh
# ExecReload= of bulkhead.service, within its rights: the policy and the sensors' files are read again. Where replace.sh has asked
# for it, a new process takes over from the one that runs instead, ports and flows and all.
set -eu

asked=/run/bulkhead/replace

if [ -e "$asked" ]; then
	rm -f "$asked"
	exec /usr/sbin/bulkhead -c /etc/bulkhead/bulkhead.yaml --adopt --background
fi
exec kill -HUP "$MAINPID"
