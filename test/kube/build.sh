#!/bin/sh
# A kube-apiserver from Debian's source package `kubernetes`, which has one and builds none, and Debian's kubectl beside it.
#
#   test/kube/build.sh FOLDER        makes FOLDER/bin/kube-apiserver and FOLDER/bin/kubectl
#
# No root, nothing outside FOLDER is changed: packages come by an apt configuration of its own. The source holds all that it is
# made of (vendor/); only the OpenAPI of its types has to be generated first. 3 GB of disk, ten processor minutes, 150 MB of packages.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=${1:?usage: build.sh FOLDER}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
PATH=/usr/bin:/bin:/usr/sbin:/sbin
go=$dir/go/usr/lib/go-1.19
src=$dir/path/src/k8s.io/kubernetes

fail() {
	echo "kube: $*" >&2
	exit 1
}

. "$here/../../deploy/private-apt.sh"

fetch() {
	private_apt
	rm -rf "$dir/package" "$dir/go" "$dir/client" "$src"
	mkdir -p "$dir/package" "$src" "$dir/bin"
	cd "$dir/package"
	timeout 300 apt-get -qq source --download-only kubernetes || fail "no source package kubernetes"
	timeout 300 apt-get -qq download golang-1.19-go golang-1.19-src kubernetes-client golang-github-modern-go-reflect2-dev ||
		fail "no golang-1.19, kubernetes-client or reflect2"
	for deb in golang-1.19-*.deb; do dpkg-deb -x "$deb" "$dir/go"; done
	dpkg-deb -x kubernetes-client_*.deb "$dir/client"
	dpkg-deb -x golang-github-modern-go-reflect2-dev_*.deb "$dir/client"
	cp "$dir/client/usr/bin/kubectl" "$dir/bin/kubectl"
	tar -C "$src" --strip-components=1 -xf kubernetes_*.orig.tar.gz
	tar -C "$src" -xf kubernetes_*.debian.tar.xz
	cd "$src"
	# The vendored reflect2 1.0.1 breaks iteration over maps with Go 1.18 and newer: custom resources end the server.
	rm -f vendor/github.com/modern-go/reflect2/*.go vendor/github.com/modern-go/reflect2/*.s
	cp "$dir"/client/usr/share/gocode/src/github.com/modern-go/reflect2/*.go "$dir"/client/usr/share/gocode/src/github.com/modern-go/reflect2/*.s \
		vendor/github.com/modern-go/reflect2/
	grep -v '^#' debian/patches/series | while read -r patch; do
		[ -z "$patch" ] || patch -p1 -s <"debian/patches/$patch" || exit 1
	done
}

# As its own Makefile does, for the packages that ask for it.
generate() {
	tagged=$(grep -rlE '^// *\+k8s:openapi-gen=' --include='*.go' pkg staging/src/k8s.io | grep -v _test.go | xargs -n1 dirname |
		sort -u | grep -vE 'code-generator|sample-|/examples?/|testdata' |
		sed -e 's,^staging/src/,k8s.io/kubernetes/vendor/,' -e 's,^pkg,k8s.io/kubernetes/pkg,' | paste -sd,)
	"$dir/bin/openapi-gen" -O zz_generated.openapi --go-header-file hack/boilerplate/boilerplate.generatego.txt \
		-p k8s.io/kubernetes/pkg/generated/openapi -o "$dir/path/src" -i "$tagged" -r "$dir/violations.txt"
}

if [ -x "$dir/bin/kube-apiserver" ] && [ -x "$dir/bin/kubectl" ]; then
	exit 0
fi
[ -e "$src/debian/rules" ] && [ -x "$go/bin/go" ] || fetch
cd "$src"
export GOROOT="$go" GOPATH="$dir/path" GOCACHE="$dir/cache" HOME="$dir" GO111MODULE=off GOFLAGS=-p=1 CGO_ENABLED=0
PATH=$go/bin:$PATH
nice -n 19 go build -o "$dir/bin/openapi-gen" k8s.io/kubernetes/vendor/k8s.io/kube-openapi/cmd/openapi-gen
generate
nice -n 19 go build -ldflags '-s -w' -o "$dir/bin/kube-apiserver.new" k8s.io/kubernetes/cmd/kube-apiserver
mv "$dir/bin/kube-apiserver.new" "$dir/bin/kube-apiserver"
