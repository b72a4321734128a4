#!/usr/bin/env bash
# Instructions a message of the whole command, counted by callgrind, against the committed figures.
#
#     benches/instructions.sh            fails where a workload takes 3 % more than benches/instructions.txt says
#     benches/instructions.sh --keep     writes the new figures there instead
#
# The workloads are scenarios/reference/ref.toml, hot.toml, and `wire`: ref.toml with a link of 10 us on either side. Each
# is run with 101,000 operations and with 1,000, no files, judge on; the difference over 100,000 is the figure, so start,
# reading and telling do not count. `hot-facts` is hot.toml with every fact written to /dev/null.
#
# Instructions do not depend on what else the machine does: two counts of one binary differ by less than 0.1 %. They do
# depend on the compiler and on the target's instruction set: after a change of either, keep new figures first. They say
# nothing of caches and branches: for time there are `cargo bench --bench kernel` and `--bench judging`.
#
# Not here: a comparison with the hand-written simulator that the speed goals are ratios to. It and the other peers are
# no part of this repository; they are measured beside it, in interleaved runs of both.
#
# Needs valgrind, and the command as `cargo build --release` makes it.
set -euo pipefail
cd "$(dirname "$0")/.."
figures=benches/instructions.txt
command -v valgrind >/dev/null || { echo "valgrind is not installed" >&2; exit 2; }
cargo build --release --quiet
command=${CARGO_TARGET_DIR:-target}/release/redelivery
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp scenarios/reference/ref.toml scenarios/reference/hot.toml "$work"
{
    cat scenarios/reference/ref.toml
    printf '[link.%s]\nfrom = "%s"\nto = "work"\nlatency = "10us"\n' out source in worker
} >"$work/wire.toml"

# count SCENARIO OPERATIONS [OPTION..]: the instructions of one run. Expectations of so short a run may fail: 1 and 4 are
# fine, anything else is not.
count() {
    local scenario=$1 operations=$2 exit=0
    shift 2
    env -i PATH="$PATH" valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file="$work/log" \
        "$command" run "$work/$scenario.toml" --json --no-files --threads 1 --set "run.operations=$operations" "$@" \
        >/dev/null 2>"$work/said" || exit=$?
    case $exit in
    0 | 1 | 4) ;;
    *) cat "$work/said" >&2; exit 2 ;;
    esac
    awk '/Collected/ { print $NF }' "$work/log"
}

failed=0
for line in ref hot wire "hot-facts --facts /dev/null"; do
    read -r name options <<<"$line"
    long=$(count "${name%-facts}" 101000 $options)
    short=$(count "${name%-facts}" 1000 $options)
    now=$(((long - short) / 100000))
    before=$(awk -v name="$name" '$1 == name { print $2 }' "$figures" 2>/dev/null || true)
    echo "$name $now" >>"$work/new"
    if [ -z "$before" ]; then
        echo "$name: $now instructions a message; no figure to compare with"
        continue
    fi
    awk -v n="$name" -v a="$before" -v b="$now" 'BEGIN { printf "%s: %d instructions a message, %+.1f %%\n", n, b, 100 * (b / a - 1) }'
    [ $((now * 100)) -le $((before * 103)) ] || failed=1
done
if [ "${1-}" = --keep ]; then
    cp "$work/new" "$figures"
elif [ $failed = 1 ]; then
    echo "more than 3 % above $figures; if that is meant: benches/instructions.sh --keep" >&2
    exit 1
fi
