#!/bin/sh
# coverage.sh BUILD FOLDER: lines of FOLDER/*.c that ran, by gcov; the least covered files first.
set -eu
build=$1
folder=$2
for data in "$build/obj/$folder"/*.gcda; do
	gcov -n -o "$build/obj/$folder" "$data" 2>/dev/null
done | awk -v folder="$folder/" '
	/^File / { gsub(/\047/, "", $2); file = $2 }
	/^Lines executed:/ && index(file, folder) == 1 && file ~ /\.c$/ {
		split($0, part, /[:%]/)
		n = $NF
		lines += n
		ran += part[2] * n / 100
		printf "%6.1f %% of %4d lines  %s\n", part[2], n, file | "sort -n"
		file = ""
	}
	END {
		close("sort -n")
		printf "%6.1f %% of %4d lines  %s in all\n", 100 * ran / lines, lines, folder
	}'
