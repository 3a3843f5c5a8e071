#!/bin/sh
# The architecture, checked: which room includes which, who may see which library, no file left out of
# its table, no file over 600 lines. test/arch/rooms is the allow list.
set -u
cd "$(dirname "$0")/../.." || exit 2
rooms=test/arch/rooms
status=0

complain() {
	echo "arch: $*"
	status=1
}

for dir in lib/*/; do
	room=$(basename "$dir")
	line=$(grep -E "^$room:" $rooms) || {
		complain "lib/$room has no line in $rooms"
		continue
	}
	allowed=" $room ${line#*:} "
	for f in "$dir"*.c "$dir"*.h "$dir"*.def; do
		[ -e "$f" ] || continue
		for other in $(sed -nE 's|^#include "\.\./([a-z0-9_]+)/.*|\1|p' "$f" | sort -u); do
			case "$allowed" in
			*" $other "*) ;;
			*) complain "$f includes room $other; $room may include:${line#*:}" ;;
			esac
		done
		grep -nE '^#include "\.\./[a-z0-9_]+/[a-z0-9_]+_priv\.h"' "$f" |
			grep -v "\.\./$room/" && complain "$f includes a private header"
	done
	[ -e "$dir$room.h" ] || complain "lib/$room has no public header $room.h"
done

foreign=$(grep -E '^<' $rooms | while IFS=: read -r header who; do
	for f in $(grep -lF "#include $header" lib/*/*.c lib/*/*.h); do
		room=$(echo "$f" | cut -d/ -f2)
		case " $who " in
		*" $room "*) ;;
		*) echo "$f includes $header, which only:$who may" ;;
		esac
	done
done)
[ -z "$foreign" ] || complain "$foreign"

# A test file that no table names does not run.
for f in test/unit/test_*.c; do
	[ -e "$f" ] || continue
	suite=$(basename "$f" .c)
	grep -qhE "BH_SUITE\(${suite#test_}\)" test/unit/suites_*.def || complain "$f is in no suite table"
done
# A REST endpoint file that the route table does not name answers nothing.
for f in lib/api/ep_*.c; do
	[ -e "$f" ] || continue
	grep -qE "$(basename "$f" .c)_" lib/api/route.def || complain "$f has no line in route.def"
done

for f in $(git ls-files -co --exclude-standard '*.c' '*.h' '*.py' '*.js' 2>/dev/null); do
	[ -e "$f" ] || continue
	n=$(wc -l <"$f")
	[ "$n" -le 600 ] || complain "$f has $n lines (600 at most)"
done
test/arch/api-docs.sh || status=1
test/arch/app-docs.sh || status=1
test/arch/config-docs.py || status=1
test/arch/doctor-docs.sh || status=1
test/arch/metrics.py || status=1
[ $status -eq 0 ] && echo "arch: ok"
exit $status
