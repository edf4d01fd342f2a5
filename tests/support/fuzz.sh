#!/bin/sh
# SPDX-License-Identifier: MIT
# fuzz.sh -- run each fuzzer on one seed after the other for so many seconds; a crash is repeated by its seed.
#
#     sh fuzz.sh SECONDS PROGRAM...          PROGRAM iterations seed, as tests/fuzz/*.c with -DFUZZ_MAIN
seconds=$1 passed=0 failed=0
shift
for program in "$@"; do
    end=$(($(date +%s) + seconds)) seed=0 bad=0
    while [ "$(date +%s)" -lt "$end" ]; do
        seed=$((seed + 1))
        output=$($EMULATOR "$program" 200 $seed 2>&1) && continue
        printf '%s\nfailed: %s 200 %s\n' "$output" "$program" $seed
        bad=1
        break
    done
    echo "${program##*/}: $seed seeds"
    if [ $bad = 0 ] && [ $seed -gt 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]
