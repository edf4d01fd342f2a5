#!/bin/sh
# SPDX-License-Identifier: MIT
# figures.sh -- what docs/performance.md holds, measured in one go, as tables in its form.
#
#     sh tests/bench/figures.sh BUILD [ROUNDS [PEER...]]         sh tests/bench/figures.sh build 3
#
# An hour or so on two cores that do nothing else. Whole steps take turns: each round runs every model, precision and
# number of threads once, and after it each PEER, a command whose words MODEL, BATCH and PRECISION are put in and whose
# line has s_per_step= and peak_mib= as ours has; medians of the rounds are shown. The limit is measured first and last.
# What the programs printed stays in BUILD/figures. MODELS="simmim_vit_b:8 ..." takes others.
set -u
build=${1:?"the folder of the build"} rounds=${2:-3}
shift $(($# < 2 ? $# : 2))
bench=$build/tests/bench out=$build/figures
all="simmim_vit_b:8 simmim_vit_ti_cifar:64 mae_vit_b:8 mae_cifar:256 simmim_swin_t:8 simmim_swin_b:8 simmim_swinv2_t:8"
models=${MODELS:-$all}
mkdir -p "$out"
rm -f "$out"/steps

keep() { name=$1; shift; echo "== $name: $*"; "$@" | tee "$out/$name"; }

# One line of "who model precision threads seconds of_peak mib" for each run.
step() {
    line=$("$bench/step" "$1" --batch "$2" --threads "$4" --precision "$3" --steps "$5" $6)
    echo "$line" | sed -n "s/.*s_per_step=\([^ ]*\).*peak_mib=\([^ ]*\).*of_peak=\([^ ]*\).*/libmim$7 $1 $3 $4 \1 \3 \2/p"
}
peer() {
    line=$(echo "$4" | sed "s/MODEL/$1/; s/BATCH/$2/; s/PRECISION/$3/" | sh 2>/dev/null | tail -n 1)
    echo "$line" | sed -n "s/^\([^ ]*\) .*s_per_step=\([^ ]*\).*peak_mib=\([^ ]*\).*/\1 $1 $3 2 \2 - \3/p"
}
round() {
    for model in $models; do
        name=${model%:*} batch=${model#*:}
        for precision in f32 bf16; do
            for threads in 1 2; do
                step "$name" "$batch" $precision $threads 3 "" ""
                case $name in simmim_vit*) step "$name" "$batch" $precision $threads 3 "--isa avx2" "-avx2" ;; esac
            done
            for command in "$@"; do peer "$name" "$batch" $precision "$command"; done
        done
    done
}

keep peak_before "$bench/peak"
for threads in 1 2; do
    keep gemm_$threads "$bench/gemm" $threads best 11
    keep attention_$threads "$bench/attention" $threads
done
keep gemm_avx2 "$bench/gemm" 1 avx2 11
for turn in $(seq "$rounds"); do
    round "$@" | sed "s/^/$turn /" | tee -a "$out/steps"
done
keep startup "$bench/startup"
keep data "$bench/data"
keep peak_after "$bench/peak"

echo
echo "| who, model, precision | one thread | two threads | gain | MiB |"
echo "|---|---|---|---|---|"
awk '
function median(text,    v, n, i, j, t) {
    n = split(text, v, " ")
    for (i = 2; i <= n; i++)
        for (j = i; j > 1 && v[j] + 0 < v[j - 1] + 0; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
    return n ? v[int((n + 1) / 2)] : ""
}
{
    key = $2 ", " $3 ", " $4
    if (!(key in seen)) { seen[key] = 1; order[++keys] = key }
    seconds[key, $5] = seconds[key, $5] " " $6
    share[key, $5] = share[key, $5] " " $7
    memory[key] = memory[key] " " $8
}
END {
    for (i = 1; i <= keys; i++) {
        key = order[i]
        one = median(seconds[key, 1]); two = median(seconds[key, 2])
        printf "| %s | %s | %s | %s | %s |\n", key, one == "" ? "" : one " s (" median(share[key, 1]) ")",
               two " s" (median(share[key, 2]) == "-" ? "" : " (" median(share[key, 2]) ")"),
               one == "" ? "" : sprintf("%.2f", one / two), median(memory[key])
    }
}' "$out/steps" | tee "$out/table"
