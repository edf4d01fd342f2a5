#!/bin/sh
# SPDX-License-Identifier: MIT
# learning.sh -- the runs of docs/learning.md, one after the other, and what probes say of them.
#
#     sh tests/bench/learning.sh BUILD CIFAR PHOTOGRAPHS OUT [ROW...]
#
# CIFAR: folder of data_batch_1.bin to 5.bin; the fifth is what accuracies are of. PHOTOGRAPHS: folder of PPM files.
# Rows: mae, quarters, simmim, swin, tuned, photographs; all of them unless named, many hours on two cores. A run that was
# stopped is taken up again, one that is finished not repeated. Lines go to OUT/results as well; STEPS is the length of
# the longest run, PRECISION that of all, EPOCHS how long is fine-tuned, THREADS of how many threads.
set -u
build=${1:?"the folder of the build"} cifar=$(cd "$2" && pwd) photographs=$(cd "$3" 2> /dev/null && pwd) out=$4
shift 4
rows=${*:-mae quarters simmim swin tuned photographs}
steps=${STEPS:-30000} precision=${PRECISION:-bf16} tune="--epochs ${EPOCHS:-10} --batch 64 --precision f32"
threads=${THREADS:+--threads $THREADS}
train="$cifar/data_batch_1.bin $cifar/data_batch_2.bin $cifar/data_batch_3.bin $cifar/data_batch_4.bin"
test="$cifar/data_batch_5.bin"
mkdir -p "$out/train"
for file in $train; do ln -sf "$file" "$out/train/"; done
if [ ! -d "$out/seen" ]; then           # of the photographs, every eighth is kept back
    mkdir -p "$out/seen" "$out/unseen"
    ls "$photographs"/*.ppm | awk -v s="$out/seen" -v u="$out/unseen" '{ print $0, NR % 8 ? s : u }' |
        while read -r file folder; do ln -sf "$file" "$folder/"; done
fi

say() { echo "$*" | tee -a "$out/results"; }

# pretrain NAME STEPS DATA OPTIONS...: a run in OUT/NAME, warm-up a twentieth of it
pretrain() {
    name=$1 count=$2 data=$3
    shift 3
    [ -e "$out/$name/finished" ] && return
    begin=$(date +%s)
    if [ -e "$out/$name/state.safetensors" ]; then
        "$build/examples/pretrain" --resume --out "$out/$name" $threads || return
    else
        "$build/examples/pretrain" --data "$data" --steps "$count" --precision "$precision" --out "$out/$name" \
            --set optimizer.warmup=$((count / 20)) $threads "$@" || return
    fi
    say "$name: $count steps, $(($(date +%s) - begin)) s since it was last taken up"
    touch "$out/$name/finished"
}
# probe NAME HOW OPTIONS...: the last figures that evaluate prints
probe() {
    name=$1 how=$2
    shift 2
    said=$("$build/examples/evaluate" --weights "$out/$name" --train $train --test $test --probe "$how" $threads "$@" |
        grep -i 'top-1')
    say "$name, $how $*: $said"
}

simmim="--config simmim_vit_tiny_32 --set encoder.class_token=0 --set encoder.width=320 --set encoder.depth=6 \
        --set encoder.heads=5 --set encoder.hidden=640 --batch 32 --set optimizer.rate=6e-4"
swin="--config simmim_swin_tiny --set image.height=32 --set image.width=32 --set encoder.patch=2 --set encoder.window=4 \
      --set encoder.width=64 --set encoder.heads=2 --set encoder.depths=[2,6,2] --set masker.unit=8 --batch 64 \
      --set optimizer.rate=8e-4"
large="--set image.height=192 --set image.width=192 --batch 32 --set optimizer.rate=5e-4"
for row in $rows; do
    case $row in
    mae)
        pretrain mae "$steps" "$out/train" --config mae_cifar10
        probe mae linear --features tokens
        probe mae knn --features tokens
        probe mae random --features tokens
        probe mae pixels ;;
    quarters)
        for seed in 1 2 3; do
            pretrain "mae_quarter_$seed" $((steps / 4)) "$out/train" --config mae_cifar10 --seed $seed
            probe "mae_quarter_$seed" linear --features tokens
        done ;;
    simmim)                     # the encoder of mae, as long: a step sees all patches
        pretrain simmim $((steps * 7 / 30)) "$out/train" $simmim
        probe simmim linear --features tokens ;;
    swin)                       # four hours of an AVX2 core
        pretrain swin $((steps * 52 / 150)) "$out/train" $swin
        probe swin linear --features tokens
        probe swin finetune $tune --out "$out/swin_tuned"
        probe swin finetune $tune --scratch --out "$out/swin_scratch" ;;
    tuned)                      # half of the pictures, once
        (train="$cifar/data_batch_1.bin $cifar/data_batch_2.bin" tune="--epochs 1 --batch 32 --precision f32"
         probe mae finetune $tune --out "$out/mae_tuned"
         probe mae finetune $tune --scratch --out "$out/scratch") ;;
    photographs)                # both as long
        pretrain photographs_mae $((steps / 12)) "$out/seen" --config mae_vit_tiny $large
        pretrain photographs_simmim $((steps / 30)) "$out/seen" --config simmim_vit_tiny $large
        for run in photographs_mae photographs_simmim; do
            "$build/examples/reconstruct" --weights "$out/$run" --data "$out/unseen" --out "$out/$run.png" |
                tail -n 8 | tee -a "$out/results"
        done ;;
    *) echo "learning.sh: no row $row" >&2; exit 1 ;;
    esac
done
