#!/bin/sh
# The gateway against Debian's own kube-apiserver, etcd and kubectl. Root; etcd-server has to be installed.
#
#   B=build test/kube/run.sh FOLDER       of test/kube/build.sh
set -eu
cd "$(dirname "$0")/../.."
KUBE=$(realpath "${1:?usage: run.sh FOLDER}")
export KUBE
command -v etcd >/dev/null || { echo "skip: etcd is not installed (apt install etcd-server)"; exit 77; }
rc=0
KEEP_LOGS=1 TESTS=test/kube LIMIT=900 test/e2e/run.sh a_real_cluster_says_who_is_who || rc=$?
cat "${B:-build}/e2e/a_real_cluster_says_who_is_who/output"
exit $rc
