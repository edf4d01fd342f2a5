#!/bin/sh
# SPDX-License-Identifier: MIT
# check.sh -- mim.h under every standard of C and C++ that a host may use, strict, with hostile macros, and in disguise.
#
#     sh check.sh [CC [CXX]]          from the top of the tree; without a C++ compiler only C is checked
CC=${1:-cc} CXX=${2:-c++} passed=0 failed=0
strict="-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wundef -Werror -fsyntax-only -Iinclude"
try() {
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "failed: $*"; fi
}
for hostile in "" -DHOSTILE; do
    for std in c99 gnu99 c11 gnu11 c17 gnu17; do
        try $CC -std=$std $strict -Wstrict-prototypes -Wmissing-prototypes $hostile tests/api/header/use.c
    done
    command -v "${CXX%% *}" >/dev/null || continue
    for std in c++98 c++11 c++14 c++17 c++20; do
        long=$([ $std = c++98 ] && echo -Wno-long-long)                 # int64_t of <stdint.h>
        try $CXX -x c++ -std=$std $strict $long $hostile tests/api/header/use.c
    done
done
for define in MIM_NO_DEPRECATED MIM_STATIC MIM_EXPERIMENTAL MIM_API=extern; do
    try $CC -std=c11 $strict -D$define tests/api/header/use.c
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
