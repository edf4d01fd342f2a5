#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh -- run each argument, a command line, and add up what they say.
#
#     EMULATOR="qemu-aarch64 ..." sh run.sh 'build/tests/base/test_json' 'build/tests/golden/replay A B' ...
#
# A command's last line is "N passed, N failed"; one that ends otherwise counts as one, by its exit status. What a
# failing command printed is shown in full. Binaries run under $EMULATOR, scripts ("sh ...") do not.
passed=0 failed=0
for command in "$@"; do
    case $command in sh\ *) prefix= ;; *) prefix=$EMULATOR ;; esac
    output=$(eval "$prefix $command" 2>&1)
    status=$?
    last=$(printf '%s\n' "$output" | tail -n 1)
    counts=$(printf '%s\n' "$last" | sed -n 's/^\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed$/\1 \2/p')
    good=${counts% *} bad=${counts#* }
    if [ -z "$counts" ]; then good=$((status == 0)) bad=$((status != 0)); fi
    if [ "$bad" -eq 0 ] && { [ "$status" -ne 0 ] || [ "$good" -eq 0 ]; }; then bad=1; fi
    if [ "$bad" -ne 0 ]; then printf '%s\n' "$output"; [ -n "$counts" ] || echo "ended with status $status"; fi
    printf '%-48.48s %s passed, %s failed\n' "${command#*/}" "$good" "$bad"
    passed=$((passed + good)) failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
