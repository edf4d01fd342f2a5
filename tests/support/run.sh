#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh -- run each argument, a command line, as many at a time as there are processors, and add up what they say.
#
#     JOBS=2 EMULATOR="qemu-aarch64 ..." sh run.sh 'build/tests/base/test_json' 'build/tests/golden/replay A B' ...
#
# Those behind a "--" begin when all before it have ended. A command's last line is "N passed, N failed"; one that ends
# otherwise counts as one, by its exit status. What a failing command printed is shown in full. Binaries run under $EMULATOR,
# scripts ("sh ...") do not.
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 1)}
taken=$(mktemp -d) || exit 1            # N: somebody has taken command N; N/counts: how it went
trap 'rm -rf "$taken"' EXIT
trap 'exit 1' HUP INT TERM

# one N COMMAND
one() {
    case $2 in sh\ *) prefix= ;; *) prefix=$EMULATOR ;; esac
    output=$(eval "$prefix $2" 2>&1)
    status=$?
    last=$(printf '%s\n' "$output" | tail -n 1)
    counts=$(printf '%s\n' "$last" | sed -n 's/^\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed$/\1 \2/p')
    good=${counts% *} bad=${counts#* }
    if [ -z "$counts" ]; then good=$((status == 0)) bad=$((status != 0)); fi
    if [ "$bad" -eq 0 ] && { [ "$status" -ne 0 ] || [ "$good" -eq 0 ]; }; then bad=1; fi
    [ "$bad" -eq 0 ] && shown= || shown="$output
ended with status $status
"
    printf '%s%-48.48s %s passed, %s failed\n' "$shown" "${2#*/}" "$good" "$bad"
    { echo "$good $bad" > "$taken/$1/counts"; } 2> /dev/null            # interrupted: the folder is gone
}
# stage FROM TO COMMAND...: commands FROM to TO - 1, each by the lane that comes to it first
stage() {
    lanes=$jobs
    while [ "$lanes" -gt 1 ]; do
        lane "$@" &
        lanes=$((lanes - 1))
    done
    lane "$@"
    wait
}
lane() {
    from=$1 to=$2 n=0
    shift 2
    for command in "$@"; do
        n=$((n + 1))
        [ $n -ge "$from" ] && [ $n -lt "$to" ] && mkdir "$taken/$n" 2> /dev/null && one $n "$command"
    done
}

at=0 begin=1
for word in "$@"; do
    at=$((at + 1))
    if [ "$word" = -- ]; then
        stage $begin $at "$@"
        begin=$((at + 1))
    fi
done
stage $begin $((at + 1)) "$@"
passed=0 failed=0
n=0
for command in "$@"; do
    n=$((n + 1)) good=0 bad=1
    [ "$command" != -- ] || continue
    [ ! -s "$taken/$n/counts" ] || read -r good bad < "$taken/$n/counts"
    passed=$((passed + good)) failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
