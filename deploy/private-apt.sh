# Debian's packages and their sources without root: sourced by who has $dir, a folder, and fail(), which says why and ends.
#
#   private_apt     makes an apt configuration of its own below $dir, of the sources that this machine has its packages from, with
#                   deb-src; APT_CONFIG names it from then on

private_apt() {
	mkdir -p "$dir/apt/sources" "$dir/apt/lists/partial" "$dir/apt/archives/partial"
	apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' | grep -E ' bookworm' | sort -u |
		while read -r uri suite; do
			printf 'Types: deb deb-src\nURIs: %s\nSuites: %s\nComponents: main\n' "$uri" "$suite"
			printf 'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n'
		done >"$dir/apt/sources/debian.sources"
	[ -s "$dir/apt/sources/debian.sources" ] || fail "apt knows no Debian 12 sources"
	cat >"$dir/apt/apt.conf" <<-END
		Dir::Etc::sourcelist "/dev/null";
		Dir::Etc::sourceparts "$dir/apt/sources";
		Dir::State::lists "$dir/apt/lists";
		Dir::Cache "$dir/apt";
		APT::Sandbox::User "";
	END
	APT_CONFIG=$dir/apt/apt.conf
	export APT_CONFIG
	timeout 300 apt-get -qq update || fail "apt-get update failed"
}
