#!/bin/sh
# The tables of docs/api.md, made from route.def, role.def and problem.def. Without arguments: does the document hold
# exactly them? With "write": put them there.
set -eu
cd "$(dirname "$0")/../.." || exit 2
doc=docs/api.md

routes() {
	echo "| method | path | who | body | arguments | what |"
	echo "| --- | --- | --- | --- | --- | --- |"
	sed -nE 's/^BH_ROUTE\(([A-Z]+), "([^"]*)", [a-z_]+, ([A-Z_]+), ([A-Z]+), "([^"]*)", "([^"]*)"\)$/| \1 | `\2` | \3 | \4 | \5 | \6 |/p' \
		lib/api/route.def | awk -F' [|] ' -v OFS=' | ' '{
			$3 = $3 == "NONE" ? "anybody" : tolower($3); gsub("_", "-", $3)
			$4 = $4 == "NONE" ? "" : $4 == "POLICY" ? "YAML or JSON" : $4; print }'
}

roles() {
	echo "| role | may | for who |"
	echo "| --- | --- | --- |"
	sed -nE 's/^BH_ROLE\([A-Z]+, "([^"]*)", ([^"]*), "([^"]*)"\)$/| `\1` | \2 | \3 |/p' lib/api/role.def |
		sed -E -e 's/ ?\| R\(/, R(/g' -e 's/, R\(/ | R(/' -e 's/R\(([A-Z_]+)\)/\L\1/g' -e 's/_endpoints/-endpoints/g'
}

problems() {
	echo "| status | type | title |"
	echo "| --- | --- | --- |"
	sed -nE 's/^BH_PROBLEM\([A-Z_]+, ([0-9]+), "([^"]*)", "([^"]*)"\)$/| \1 | `urn:bulkhead:problem:\2` | \3 |/p' \
		lib/ipc/problem.def
}

# Replace what stands between the two comments that name a table.
render() {
	awk -v routes="$(routes)" -v roles="$(roles)" -v problems="$(problems)" '
		/^<!-- end -->$/ { skip = 0 }
		!skip { print }
		/^<!-- routes -->$/ { print routes; skip = 1 }
		/^<!-- roles -->$/ { print roles; skip = 1 }
		/^<!-- problems -->$/ { print problems; skip = 1 }
	' $doc
}

for table in ROUTE:lib/api/route.def ROLE:lib/api/role.def PROBLEM:lib/ipc/problem.def; do
	file=${table#*:}
	want=$(grep -c "^BH_${table%%:*}(" "$file")
	case $table in ROUTE*) have=$(($(routes | wc -l) - 2)) ;; ROLE*) have=$(($(roles | wc -l) - 2)) ;; *) have=$(($(problems | wc -l) - 2)) ;; esac
	[ "$want" -eq "$have" ] || {
		echo "arch: $file has a line that test/arch/api-docs.sh cannot read"
		exit 1
	}
done
if [ "${1:-}" = write ]; then
	render >"$doc.new" && mv "$doc.new" "$doc"
elif ! render | cmp -s - "$doc"; then
	echo "arch: $doc does not hold the tables of route.def, role.def and problem.def: run test/arch/api-docs.sh write"
	exit 1
fi
