#!/bin/sh
# SPDX-License-Identifier: MIT
# symbols.sh -- what the libraries export, what they ask of the system, and what they would keep between calls.
#
#     sh symbols.sh BUILD [NM [STRIP]]          from the top of the tree
build=${1:-build} NM=${2:-nm} STRIP=${3:-strip} failed=0 passed=0
list=tests/api/symbols.txt
say() {                     # say WHAT FINDINGS: a check fails if it found anything
    if [ -z "$2" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); printf '%s:\n%s\n' "$1" "$2"; fi
}
differ() {                  # lines that only one of two lists has
    printf '%s\n' "$1" | LC_ALL=C sort -u > "$build/symbols.a"
    printf '%s\n' "$2" | LC_ALL=C sort -u > "$build/symbols.b"
    diff "$build/symbols.a" "$build/symbols.b" | sed -n 's/^[<>]/&/p'
    rm -f "$build/symbols.a" "$build/symbols.b"
}
declared=$(sed -n 's/^MIM_API .*\(mim_[a-z0-9_]*\)(.*/\1/p' include/mim.h)
exported=$($NM -D --defined-only "$build/libmim.so" | awk '{ print $3 }')
global=$($NM -g --defined-only "$build/libmim.a" 2>/dev/null | awk 'NF == 3 { print $3 }')
wanted=$($NM -u "$build/libmim.a" 2>/dev/null | awk '$1 == "U" { print $2 }' | sort -u)

say "mim.h (<) and $list (>) differ" "$(differ "$declared" "$(cat $list)")"
say "libmim.so (<) and $list (>) differ" "$(differ "$exported" "$(cat $list)")"
say "globals of libmim.a without our prefix" "$(printf '%s\n' "$global" | grep -v '^mim_')"
say "the library must not end, print, read or change its host" "$(printf '%s\n' "$wanted" | sed 's/@.*//' | grep -xE \
'_?exit|_Exit|quick_exit|abort|__assert_fail|(_?_?sig)?longjmp|__longjmp_chk|atexit|on_exit|signal|sigaction|raise|kill|alarm|'\
'(__)?v?f?printf(_chk)?|dprintf|puts|putchar|perror|psignal|stdin|stdout|stderr|syslog|scanf|__isoc[0-9]*_scanf|'\
'(secure_)?getenv|putenv|setenv|unsetenv|environ|system|popen|v?fork|exec[vlpe]*|setlocale|uselocale|chdir|umask|'\
's?rand(om)?|sleep|usleep|gets|strtok|tmpnam|mktemp')"
say "writable globals" "$($NM -f sysv "$build/libmim.a" 2>/dev/null | awk -F'|' '{ gsub(/ /, "") }
    $7 ~ /^(\.data|\.bss|\.tdata|\.tbss|\*COM\*)/ && $7 !~ /^\.data\.rel\.ro/ && $4 != "SECTION" { print $1, $7 }')"
$STRIP -o "$build/symbols.so" "$build/libmim.so"
size=$(wc -c < "$build/symbols.so")
rm -f "$build/symbols.so"
say "a stripped libmim.so is to stay under 1000000 bytes" "$([ "$size" -lt 1000000 ] || echo "$size bytes")"
echo "stripped libmim.so: $((size)) bytes"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
