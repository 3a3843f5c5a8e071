#!/bin/sh
# A manual page out of what a program says of itself with --help.
#
#   man-from-help.sh PROGRAM SECTION "WHAT IT IS" [SEE ALSO]     to standard output
set -eu

[ $# -ge 3 ] || { sed -n 's/^#   //p' "$0" >&2; exit 2; }
name=$(basename "$1")
version=$("$1" --version)
"$1" --help | awk -v name="$name" -v section="$2" -v what="$3" -v also="${4:-}" -v version="$version" '
function plain(text) {
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	return text ~ /^[.\047]/ ? "\\&" text : text
}
function heading(text) { print ".SH " text; print ".nf" }
BEGIN {
	printf ".TH %s %s \"\" \"%s\" \"Bulkhead\"\n", toupper(name), section, version
	printf ".SH NAME\n%s \\- %s\n", name, plain(what)
}
NR == 1 { heading("SYNOPSIS"); sub(/^usage: /, ""); print plain($0); part = 1; next }
part == 1 && /^$/ { print ".fi"; heading("DESCRIPTION"); part = 2; next }
part == 2 && /^  +-/ { print ".fi"; heading("OPTIONS"); part = 3 }
part == 3 && /^$/ { print ".fi"; heading("NOTES"); part = 4; next }
{ print plain($0) }
END {
	print ".fi"
	printf ".SH FILES\n/usr/share/doc/bulkhead/ has the guide: deploy.md, configuration.md, policy.md.\n"
	if (also != "")
		printf ".SH SEE ALSO\n%s\n", also
}'
