#!/bin/sh
# The table of docs/doctor.md, made from doctor.def. Without arguments: does the document hold exactly it, and is each
# line of the table provoked in a test? With "write": put it there.
set -eu
cd "$(dirname "$0")/../.." || exit 2
doc=docs/doctor.md
def=lib/doctor/doctor.def

# symbol;name;severity;title;why;fix, separated by a control character: sentences have semicolons
lines() {
	sed -nE 's/^BH_DOCTOR\(([A-Z0-9_]+), "([^"]*)", ([A-Z]+), "([^"]*)", "([^"]*)", "(([^"\\]|\\.)*)"\)$/\1\x01\2\x01\3\x01\4\x01\5\x01\6/p' $def
}

table() {
	echo "| name | severity | what is wrong | why it matters | fix |"
	echo "| --- | --- | --- | --- | --- |"
	lines | sed -e 's/\\"/"/g' -e 's/\\\\/\\/g' -e 's/|/\\|/g' | awk -F'\001' '{
		code = $6; gsub(/`/, "", code)
		printf "| `%s` | %s | %s | %s | `%s` |\n", $2, tolower($3), $4, $5, code
	}'
}

render() {
	table >"$doc.table"
	awk -v table="$doc.table" '
		/^<!-- end -->$/ { skip = 0 }
		!skip { print }
		/^<!-- doctor -->$/ { while ((getline line <table) > 0) print line; skip = 1 }
	' $doc
	rm -f "$doc.table"
}

if [ "${1:-}" = write ]; then
	render >"$doc.new"
	mv "$doc.new" $doc
	exit 0
fi
status=0
if ! render | cmp -s - $doc; then
	echo "arch: $doc and $def differ: run test/arch/doctor-docs.sh write"
	status=1
fi
[ "$(grep -c '^BH_DOCTOR(' $def)" = "$(lines | wc -l)" ] || {
	echo "arch: $def has a line that this script cannot read"
	status=1
}
for symbol in $(lines | cut -d "$(printf '\001')" -f1); do
	grep -qw "BH_DOCTOR_$symbol" test/unit/test_doctor_*.c test/unit/test_api_doctor.c || {
		echo "arch: $def: no test provokes $symbol"
		status=1
	}
done
exit $status
