#!/bin/sh
# The table of docs/applications.md, made from proto.def. Without arguments: does the document hold exactly it, and
# has each line of the table its file and each file its line? With "write": put it there.
set -eu
cd "$(dirname "$0")/../.." || exit 2
doc=docs/applications.md
def=lib/proto/proto.def

# symbol|name|transports|below|sentence
lines() {
	sed -nE 's/^BH_PROTO\(([A-Z0-9_]+), "([^"]*)", ([A-Z_| ]+), ([A-Z0-9_]+), "([^"]*)"\)$/\1;\2;\3;\4;\5/p' $def
}

table() {
	echo "| name | over | on top of | what | file |"
	echo "| --- | --- | --- | --- | --- |"
	lines | awk -F';' '{
		over = tolower($3); gsub(/bh_over_/, "", over); gsub(/ *\| */, ", ", over)
		below = $4 == "UNKNOWN" ? "" : tolower($4)
		printf "| `%s` | %s | %s | %s | `proto_%s.c` |\n", $2, over, below, $5, tolower($1)
	}'
}

render() {
	awk -v table="$(table)" '
		/^<!-- end -->$/ { skip = 0 }
		!skip { print }
		/^<!-- applications -->$/ { print table; skip = 1 }
	' $doc
}

if [ "${1:-}" = write ]; then
	render >"$doc.new"
	mv "$doc.new" $doc
	exit 0
fi
status=0
if ! render | cmp -s - $doc; then
	echo "arch: $doc and $def differ: run test/arch/app-docs.sh write"
	status=1
fi
[ "$(grep -c '^BH_PROTO(' $def)" = "$(lines | wc -l)" ] || {
	echo "arch: $def has a line that this script cannot read"
	status=1
}
for file in lib/proto/proto_*.c; do
	symbol=$(basename "$file" .c | sed 's/^proto_//' | tr a-z A-Z)
	grep -q "^BH_PROTO($symbol," $def || {
		echo "arch: $file has no line in $def"
		status=1
	}
done
for symbol in $(lines | cut -d';' -f1 | tr A-Z a-z); do
	[ -e "lib/proto/proto_$symbol.c" ] || {
		echo "arch: $def names $symbol, but there is no lib/proto/proto_$symbol.c"
		status=1
	}
done
exit $status
