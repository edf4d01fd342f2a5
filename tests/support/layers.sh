#!/bin/sh
# SPDX-License-Identifier: MIT
# layers.sh -- who includes whom: a file sees its own room and the rooms to its left, and every header compiles alone.
#
#     sh layers.sh [CC]           from the top of the tree
CC=${1:-cc}
bad=$(grep -n '^ *# *include *"' lib/*/*.[ch] | sed 's/: *# *include */:/' | awk -F'[:"]' '
BEGIN {
    may["kernel"] = "base"; may["graph"] = "base kernel"; may["op"] = "base kernel graph"
    may["encoder"] = "base kernel graph op image io"; may["head"] = "base kernel graph op image io encoder"
    may["image"] = may["optimizer"] = "base kernel"; may["evaluate"] = "base kernel image"
    may["masker"] = may["io"] = "base"
    may["train"] = "base kernel graph op encoder head image optimizer evaluate masker io"
}
{
    split($1, from, "/"); split($4, to, "/")
    if ($4 != "mim.h" && from[2] != to[1] && index(" " may[from[2]] " ", " " to[1] " ") == 0)
        print $1 ":" $2 ": room " from[2] " may not include " $4
}'
    grep -nE '^ *# *include *["<](base|kernel|graph|op|image|masker|encoder|head|optimizer|io|evaluate|train)/' \
        $(find examples -name '*.[ch]') tests/golden/*.c | sed 's/$/: only mim.h is public/')
for header in include/mim.h lib/*/*.h; do
    case $header in lib/kernel/*) grep -q '^#ifndef MIM_' "$header" || continue ;; esac     # a text for inside an ISA's file
    $CC -std=c11 -Wall -Wextra -Werror -Wno-unused-function -Iinclude -Ilib -fsyntax-only -x c "$header" >/dev/null 2>&1 ||
        bad="$bad
$header: does not compile alone"
done
[ -z "$bad" ] && echo "1 passed, 0 failed" && exit
printf '%s\n' "$bad" "0 passed, 1 failed"
exit 1
