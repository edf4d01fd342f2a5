#!/bin/sh
# SPDX-License-Identifier: MIT
# programs.sh -- the example programs on a handful of pictures: what they should write is there, and what they should
# refuse is refused with a sentence, a status, and nothing written.
#
#     sh programs.sh BUILD            EMULATOR before each program, if there is one
B=$1/examples T=$1/tmp/programs passed=0 failed=0
[ -x "$B/pretrain" ] || { echo "programs.sh: no programs in $B"; exit 1; }
rm -rf "$T" && mkdir -p "$T" || exit 1

# n pictures in the form of CIFAR-10, from the bytes of a text that is at hand; labels 0 .. 9 in turn.
pictures()
{
    i=0
    while [ "$i" -lt "$1" ]; do
        printf "\\$(printf %o $((i % 10)))"
        tail -c +$((i * 211 + $2)) include/mim.h | head -c 3072
        i=$((i + 1))
    done
}
check() { if [ "$1" = yes ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "failed: $2"; fi; }
run() { program=$1; shift; $EMULATOR "$B/$program" "$@" > "$T/log" 2>&1; }
# good "FILES" PROGRAM ...: ends well, and the files are there.
good()
{
    files=$1; shift
    run "$@" && ok=yes || ok=no
    for f in $files; do [ -s "$T/$f" ] || ok=no; done
    check $ok "$* ($files): $(tail -n 1 "$T/log")"
}
# said "WORDS"...: what the last program said, down to a pattern of grep's.
said()
{
    for words in "$@"; do grep -q -- "$words" "$T/log" && ok=yes || ok=no; check $ok "should say \"$words\": $(cat "$T/log")"; done
}
# bad "WORDS" PROGRAM ...: ends with a status of its own, and what it says has the words in it; no file appears.
bad()
{
    words=$1; shift
    run "$@"; status=$?
    [ "$status" -gt 0 ] && [ "$status" -lt 128 ] && grep -q -- "$words" "$T/log" && [ ! -e "$T/none" ] && ok=yes || ok=no
    check $ok "$* should say \"$words\": $(tail -n 1 "$T/log")"
}

# stopped "FILES" FILE PROGRAM ...: a signal once FILE is there (or after ten minutes) ends it well, and the files are there.
stopped()
{
    files=$1 first=$T/$2; shift 2
    program=$1; shift
    $EMULATOR "$B/$program" "$@" > "$T/log" 2>&1 &
    i=0
    while [ ! -s "$first" ] && [ $i -lt 600 ]; do sleep 1; i=$((i + 1)); done
    kill -TERM $!
    wait $! && grep -q Stopped "$T/log" && ok=yes || ok=no
    for f in $files; do [ -s "$T/$f" ] || ok=no; done
    check $ok "$program $* ($files), stopped: $(tail -n 1 "$T/log")"
}

pictures 40 1 > "$T/train.bin"
pictures 20 977 > "$T/test.bin"
: > "$T/empty.bin"
printf 'P6 8 8 255\n%192s' '' > "$T/bare.ppm"
printf '\0\0\010\003\0\0\0\2\0\0\0\1\0\0\0\2abcd' > "$T/gray-images-idx3-ubyte"
printf '\0\0\010\001\0\0\0\2\0\1' > "$T/gray-labels-idx1-ubyte"
printf '%s\n' a b c d e f g h i j > "$T/names"

good "run/state.safetensors run/curve.png" pretrain --data "$T/train.bin" --config mae_vit_tiny_32 --steps 2 --batch 8 \
     --set encoder.depth=2 --set encoder.width=48 --set head.width=32 --threads 2 --out "$T/run"
E="evaluate --weights $T/run --train $T/train.bin --test $T/test.bin"
good "linear/confusion.png linear/classes.csv" $E --threads 2 --names "$T/names" --out "$T/linear"
said "picture [0-9]* of 40" "^  a  *[0-9.]* % of 2" "^  j  *[0-9.]* % of 2" "^linear: top-1 [0-9.]* %, top-5 [0-9.]* % of 20 pictures"
awk -F, 'NR > 1 { all += $2; found += $3 } END { exit !(NR == 11 && all == 20 && found <= 20) }' \
    "$T/linear/classes.csv" && ok=yes || ok=no
check $ok "classes: $(cat "$T/linear/classes.csv")"
good "" $E --probe knn --features block.1 --pool class
good "" evaluate --train "$T/train.bin" "$T/train.bin" --test "$T/test.bin" --probe pixels
good "" $E --probe random --precision bf16
good "tuned/confusion.png tuned/curve.png tuned/log.csv tuned/model.safetensors" \
     $E --probe finetune --epochs 2 --batch 16 --set trainer.average=0.5 --out "$T/tuned"
good "" $E --probe finetune --epochs 1 --batch 64 --scratch
good "" $E --probe steps --epochs 1 --features block.1 --pool mean
# A batch and an accumulation that --set gives: 15 updates in three epochs, whose rates rise and fall.
good "set/log.csv" $E --probe finetune --epochs 3 --batch 20 --set trainer.batch=4 --set trainer.accumulate=2 --out "$T/set"
awk -F, 'NR == 2 { first = $4 } NR == 3 { second = $4 } NR == 4 { last = $4 }
         END { exit !(last < second && second < first && second > 1e-6) }' "$T/set/log.csv" && ok=yes || ok=no
check $ok "rates of a batch that --set gives: $(cat "$T/set/log.csv")"
good "" evaluate --weights "$T/tuned" --train "$T/train.bin" --test "$T/test.bin"
good "sheet.png" reconstruct --weights "$T/run" --data "$T/test.bin" --mask-ratio 0.5 --seed 3 --count 5 --out "$T/sheet.png"
good "features.safetensors" features "$T/run" "$T/test.bin" "$T/features.safetensors" tokens --threads 2 --precision bf16
good "swin/state.safetensors" pretrain --data "$T/train.bin" --config simmim_swin_tiny --steps 2 --batch 8 \
     --set image.height=32 --set image.width=32 --set encoder.width=12 --set encoder.depths=[1,1,1] --set encoder.window=4 \
     --set masker.unit=8 --set head.kind=tokens --set head.target=clusters --set head.classes=8 --out "$T/swin"
S="evaluate --weights $T/swin --train $T/train.bin --test $T/test.bin"
good "" $S --probe knn --features stage.2 --pool mean
good "" $S --probe steps --epochs 1 --features stage.1 --pool mean
good "" $S --probe finetune --epochs 1 --batch 16
good "stages.safetensors" features "$T/swin" "$T/test.bin" "$T/stages.safetensors" stage.2
bad "no output \"stage.4\"" features "$T/swin" "$T/test.bin" "$T/none" stage.4
good "inverse/state.safetensors" pretrain --data "$T/train.bin" --config simmim_swin_tiny --steps 2 --batch 8 \
     --set image.height=32 --set image.width=32 --set encoder.width=12 --set encoder.depths=[1,1,1] --set encoder.window=4 \
     --set masker.unit=8 --set head.kind=inverse_swin --out "$T/inverse"
good "mirrored.png" reconstruct --weights "$T/inverse" --data "$T/test.bin" --count 5 --out "$T/mirrored.png"
bad "head is of kind tokens" reconstruct --weights "$T/swin" --data "$T/test.bin" --count 5 --out "$T/none"
stopped "stopped/state.safetensors stopped/curve.png" stopped/state.safetensors pretrain --data "$T/train.bin" \
        --config mae_vit_tiny_32 --steps 1000000 --batch 8 --save-every 1 --out "$T/stopped"
stopped "half/model.safetensors half/curve.png" half/log.csv $E --probe finetune --epochs 1000000 --batch 16 --out "$T/half"
M="strategies --train $T/train.bin --test $T/test.bin --steps 2 --batch 8 --set encoder.depth=1"
good "masks/strategies.csv masks/strategies.png" $M --ratios 0.2 0.25 0.9 --threads 2 --out "$T/masks"
printf '%s\n' strategy,ratio untrained, random-4,0.2 random-4,0.25 random-4,0.9 random-8,0.2 random-8,0.9 random-16,0.2 \
       square,0.2 block,0.2 block,0.25 block,0.9 > "$T/wanted"
cut -d, -f1,2 "$T/masks/strategies.csv" | cmp -s - "$T/wanted" && ok=yes || ok=no
check $ok "trainings of strategies: $(cat "$T/masks/strategies.csv")"
good "" strategies --steps 1 --strategies square --ratios 0.5 --probe 100
stopped "cut/strategies.csv cut/strategies.png" cut/strategies.csv $M --steps 1000000 --ratios 0.5 --out "$T/cut"
good "" processes 4 2
good "" plan mae_vit_tiny_32 optimizer.moments=bf16
K="keras_cifar10 --train $T/train.bin --held-out $T/test.bin --threads 2 --epochs 2"
good "keras/curve.png keras/log.csv keras/encoder.safetensors" $K --test "$T/test.bin" --probe-epochs 1 --out "$T/keras"
K1="$K --test $T/test.bin --probe-epochs 0 --out $T/resumed"
good "resumed/state.safetensors" $K1 --epochs 1
good "" $K1 --resume
cmp -s "$T/keras/encoder.safetensors" "$T/resumed/encoder.safetensors" && ok=yes || ok=no
check $ok "a resumed run of keras_cifar10 ends as one that was not stopped"
bad "holds a run already" $K1
good "" evaluate --weights "$T/keras/encoder.safetensors" --train "$T/train.bin" --test "$T/test.bin" --probe finetune \
     --epochs 1 --batch 8
bad "not 2 epochs of these pictures" $K1 --train "$T/train.bin" "$T/train.bin" "$T/train.bin" "$T/train.bin" "$T/train.bin" \
    "$T/train.bin" "$T/train.bin" --resume

N="--out $T/none"
mkdir "$T/circle" "$T/moved"
cp "$T/train.bin" "$T/circle/data_batch_1.bin"
ln -s . "$T/circle/again"
good "" pretrain --data "$T/circle" --config mae_vit_tiny_32 --steps 1 --batch 8 --set encoder.depth=1 --out "$T/circled"
grep -q '^40 pictures' "$T/log" && ok=yes || ok=no
check $ok "a link back up brings nothing new: $(head -n 1 "$T/log")"
LC_ALL=C sed 's/"host.offset":"16"/"host.offset":"99"/' "$T/run/state.safetensors" > "$T/moved/state.safetensors"
bad "not one in these pictures" pretrain --resume --steps 3 --out "$T/moved"
bad "no regular file" pretrain --data /dev/null $N
head -c 3073 "$T/train.bin" > "$T/one.bin"
bad "at least 2 pictures" evaluate --weights "$T/run" --train "$T/one.bin" --test "$T/test.bin" --classes 10 --probe steps
bad "holds a model already" $E --probe steps --epochs 1 --out "$T/tuned"
bad "not nearest" $E $N --probe nearest
bad "needs --weights" evaluate --train "$T/train.bin" --test "$T/test.bin" $N
bad "pictures to train on" evaluate --weights "$T/run" --test "$T/test.bin" $N
bad "No such file" evaluate --weights "$T/run" --train "$T/missing" --test "$T/test.bin" $N
bad "no such file" evaluate --weights "$T/missing" --train "$T/train.bin" --test "$T/test.bin" $N
bad "empty.bin" evaluate --weights "$T/run" --train "$T/train.bin" --test "$T/empty.bin" $N
bad "no labels" evaluate --weights "$T/run" --train "$T/train.bin" --test "$T/bare.ppm" $N
bad "has 3 channel" evaluate --weights "$T/run" --train "$T/train.bin" --test "$T/gray-images-idx3-ubyte" $N
bad "these have 1" evaluate --weights "$T/run" --train "$T/gray-images-idx3-ubyte" --test "$T/gray-images-idx3-ubyte" $N
bad "labels go up to 9" $E --classes 4 $N
bad "10 names" $E --classes 11 --names "$T/names" $N
bad "block.7" $E --features block.7 $N
bad "is a file" $E --out "$T/names"
bad "not first" $E --pool first $N
bad "KEY=VALUE" $E --set probe.k $N
bad "probe.k" $E --set probe.kk=1 $N
bad "precision" $E --precision f16 $N
bad "hides nothing" reconstruct --weights "$T/run" --data "$T/test.bin" --mask-ratio 0 $N
bad "hides all" reconstruct --weights "$T/run" --data "$T/test.bin" --mask-ratio 1 $N
bad "64 of 64" reconstruct --weights "$T/run" --data "$T/test.bin" --mask-ratio 0.9999 $N
bad "not a number" reconstruct --weights "$T/run" --data "$T/test.bin" --mask-ratio nan $N
bad "these have 1" reconstruct --weights "$T/run" --data "$T/gray-images-idx3-ubyte" $N
bad "kind classifier" reconstruct --weights "$T/tuned" --data "$T/test.bin" $N
bad "not random, square or block" $M --strategies triangle $N
bad "is no side" $M --strategies random-x $N
bad "masker.unit 6" $M --strategies random-6 $N
bad "--ratios 0:" $M --ratios 0.5 0 $N
bad "--ratios 1.5:" $M --ratios 1.5 $N
bad "--ratios half:" $M --ratios half $N
bad "none of these" $M --strategies random-16 --ratios 0.8 $N
bad "not 0, 8 and" $M --steps 0 $N
bad "40 pictures" $M --batch 41 $N
bad "go together" strategies --train "$T/train.bin" $N
bad "No such file" strategies --train "$T/missing" --test "$T/test.bin" $N
bad "no labels" strategies --train "$T/train.bin" --test "$T/bare.ppm" $N
bad "is a file" $M --out "$T/names"
bad "KEY=VALUE" $M --set masker.most $N
bad "encoder.dept" $M --set encoder.dept=1 $N
bad "heads" $M --set encoder.heads=5 $N
bad "needs --train" $K $N
bad "without labels" $K --test "$T/bare.ppm" $N
bad "empty.bin" $K --test "$T/empty.bin" $N
bad "precision" $K --test "$T/test.bin" --precision f16 --out "$T/bad"
bad "MODEL PICTURES" features "$T/run" "$T/test.bin"
bad "cannot share a batch" processes 3
bad "has columns for precision" plan mae_vit_tiny_32 precision=bf16
bad "encoder.depth" plan mae_vit_tiny_32 encoder.dept=1
rm -rf "$T"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
