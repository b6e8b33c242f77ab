#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What only a process shows: exit codes, streams that are closed or full, signals, start-up.
#   bash program.sh PROGRAM
set -u
program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
unset NO_COLOR HWLOC_SYNTHETIC

fail() { echo "FAILED: $*"; failures=$((failures + 1)); }

# expect CODE WORD...: runs the program; its output is left in $work.
expect() {
  local wanted=$1 code=0
  shift
  "$program" "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
  [ "$code" -eq "$wanted" ] || fail "tlblab $*: exit code $code, wanted $wanted: $(cat "$work/err")"
}
lines() { wc -l <"$work/$1"; }
one_line_only() {
  [ "$(lines err)" -eq 1 ] && [ ! -s "$work/out" ] || fail "$1: wanted one line on stderr and no output"
}

expect 0
[ "$(lines out)" -eq 6 ] || fail "no argument: wanted six lines"
expect 0 --version
expect 0 --help
for command in demo list explore replay stress check fences questions script record trace bench topo explain; do
  expect 0 "$command" --help
  [ -s "$work/err" ] && fail "$command --help wrote to stderr"
  expect 2 "$command" --no-such-option
  one_line_only "$command --no-such-option"
done
expect 2 traec; one_line_only "traec"
expect 2 trace "$work/none"; one_line_only "trace of no file"
expect 2 trace "$work"; one_line_only "trace of a directory"
: >"$work/empty"
expect 2 trace "$work/empty"; one_line_only "trace of an empty file"
echo "nonsense" >"$work/bad"
expect 2 trace "$work/bad"; one_line_only "trace of nonsense"
grep -q "^$work/bad:1: " "$work/err" || fail "a bad line is not named"
expect 0 list --json
expect 0 topo

# The output goes nowhere: a reader that left is no error, a full disk is one.
"$program" list 2>"$work/err" | true
[ "${PIPESTATUS[0]}" -eq 0 ] || fail "a closed pipe"
[ -s "$work/err" ] && fail "a closed pipe is talked about"
code=0; "$program" list >/dev/full 2>"$work/err" || code=$?
[ "$code" -eq 4 ] && [ "$(lines err)" -eq 1 ] || fail "a full disk: exit code $code"
code=0; "$program" list >&- 2>"$work/err" || code=$?
[ "$code" -eq 4 ] || fail "a closed output: exit code $code"

# The processes that work for it, as soon as there are any: under sanitizers they start late.
workers_of() {
  local found="" tries=0
  while [ -z "$found" ] && [ "$tries" -lt 100 ]; do
    found=$(pgrep -P "$1" | tr '\n' ' ')
    [ -n "$found" ] || sleep 0.1
    tries=$((tries + 1))
  done
  echo "$found"
}

# Ctrl-C: what was covered is printed, at once.
"$program" stress madvise-parallel-2017 --seconds 60 >"$work/out" 2>"$work/err" &
child=$!
sleep 1
kill -INT "$child"
code=0; wait "$child" || code=$?
[ "$code" -eq 130 ] || fail "interrupted stress: exit code $code"
grep -q "interrupted after" "$work/out" || fail "interrupted stress does not say what it covered"
"$program" explore madvise-parallel-2017 --budget 60s --json >"$work/out" 2>"$work/err" &
child=$!
sleep 1
kill -INT "$child"
code=0; wait "$child" || code=$?
[ "$code" -eq 130 ] || fail "interrupted explore: exit code $code"
grep -q '"interrupted":true' "$work/out" || fail "interrupted explore does not say so"
# Of several processes too, and none is left.
for strategy in dpor random; do
  "$program" explore madvise-parallel-2017 --strategy "$strategy" --memory sc --budget 60s --jobs 2 \
    --json >"$work/out" 2>"$work/err" &
  child=$!
  workers_of "$child" >/dev/null
  sleep 1  # at work by now
  workers=$(workers_of "$child")
  [ -n "$workers" ] || fail "--jobs 2 of $strategy: nobody works"
  began=$(date +%s%N)
  kill -INT "$child"
  code=0; wait "$child" || code=$?
  [ $((($(date +%s%N) - began) / 1000000)) -lt 1000 ] || fail "interrupted --jobs 2 of $strategy: too slow"
  [ "$code" -eq 130 ] || fail "interrupted --jobs 2 of $strategy: exit code $code"
  grep -q '"interrupted":true' "$work/out" || fail "interrupted --jobs 2 of $strategy does not say so"
  grep -q '"executions":0' "$work/out" && fail "interrupted --jobs 2 of $strategy: nothing was covered"
  for worker in $workers; do kill -0 "$worker" 2>/dev/null && fail "--jobs 2 of $strategy leaves $worker"; done
done

# Who kills them hears of it. (Those that are there at one moment may just have ended.)
"$program" explore madvise-parallel-2017 --strategy dpor --budget 60s --jobs 2 >"$work/out" 2>"$work/err" &
child=$!
tries=0
while kill -0 "$child" 2>/dev/null && [ "$tries" -lt 300 ]; do
  pgrep -P "$child" | xargs -r kill -KILL 2>/dev/null
  sleep 0.1
  tries=$((tries + 1))
done
code=0; wait "$child" || code=$?
[ "$code" -eq 70 ] || fail "a worker that was killed: exit code $code"
one_line_only "a worker that was killed"

# Any number of processes finds the same.
same() {
  local jobs
  for jobs in 1 2 3; do
    "$program" explore "$@" --jobs "$jobs" --json 2>&1 |
      sed -E 's/"(seconds|ns_per_step|peak_mib)":[^,]*//g' >"$work/jobs$jobs"
    cmp -s "$work/jobs1" "$work/jobs$jobs" || fail "explore $*: other with --jobs $jobs: $(cat "$work/jobs$jobs")"
  done
  grep -q '"schema"' "$work/jobs1" || fail "explore $*: $(cat "$work/jobs1")"
}
same madvise-parallel-2017 --strategy dpor --without nested-flush
same madvise-parallel-2017 --strategy dpor --executions 3000
same madvise-free-parallel-2017 --strategy pct --executions 2000
same madvise-free-parallel-2017 --preemptions 2 --executions 2000 --seed 4
same madvise-parallel-2017 --without nested-flush --executions 2000 --seed 4

# The same seed gives the same, and what is found can be replayed.
search=(explore madvise-parallel-2017 --without nested-flush --executions 100000 --seed 3 --json)
expect 1 "${search[@]}"
schedule=$(sed 's/.*"schedule":"\([^"]*\)".*/\1/' "$work/out")
expect 1 "${search[@]}"
grep -qF "$schedule" "$work/out" || fail "another schedule from the same seed"
expect 1 replay "$schedule"
expect 0 replay "${schedule/ without=nested-flush/}"
expect 2 replay "${schedule/ : / : c.irq }"
grep -q "cannot be followed" "$work/err" || fail "a replay that went astray was not refused"

# The same of a scenario that is a text, as long as it says the same.
cat >"$work/race.scenario" <<'TEXT'
without nested-flush
map 0xfffff000 2 rw
P2: load 0xfffff000
P2: meet
P2: wait returned
P2: load 0xfffff000
P0: meet
P0: madvise_dontneed 0xfffff000 2
P1: meet
P1: madvise_dontneed 0xfffff000 1
P1: signal returned
forbid stale_translation_use
TEXT
for strategy in random pct; do
  expect 1 explore "$work/race.scenario" --strategy "$strategy" --executions 100000 --json
  schedule=$(sed 's/.*"schedule":"\([^"]*\)".*/\1/' "$work/out")
  expect 1 replay "$schedule"
  grep -q "could not be followed" "$work/out" && fail "the replay of a text went astray"
done
expect 0 explore "$work/race.scenario" --without none --executions 200
echo "P1: tick" >>"$work/race.scenario"
expect 2 replay "$schedule"; one_line_only "replay of another text"
expect 2 stress "$work/race.scenario" --without nested-flash; one_line_only "no such fix"
expect 2 explore "$work/race.scenario" --preemptions many; one_line_only "preemptions many"

# The long suite: a ledger that goes on, and what it says when something is found.
long=$(dirname "${BASH_SOURCE[0]}")/../long
export TLBLAB_PROGRAM=$program
two="clear-refs-gather-2020 madvise-parallel-2017"
"$long" --ledger "$work/ledger" --budget 60s --slice 1s --goal 1s $two >"$work/out" || fail "tests/long: exit code $?"
[ "$(cut -f2 "$work/ledger" | sort -u | tr '\n' ' ')" = "$two " ] || fail "tests/long: the ledger lacks one"
grep -q "2 of 2 scenarios have had 1 s" "$work/out" || fail "tests/long does not add up"
code=0; "$long" --ledger "$work/ledger" --budget 1s $two 2>"$work/err" || code=$?
[ "$code" -eq 2 ] && grep -q -- "--resume goes on" "$work/err" || fail "tests/long forgets a ledger"
"$long" --ledger "$work/ledger" --resume --budget 60s --slice 1s --goal 2s $two >"$work/out" ||
  fail "tests/long --resume: exit code $?"
grep -q "2 of 2 scenarios have had 2 s" "$work/out" || fail "tests/long does not reach its goal"
[ "$(cut -f2,6 "$work/ledger" | sort -u | wc -l)" -eq "$(wc -l <"$work/ledger")" ] ||
  fail "tests/long repeats a seed"
code=0; "$long" --budget 1x 2>"$work/err" || code=$?
[ "$code" -eq 2 ] && grep -q "type 90s, 20m or 2h" "$work/err" || fail "tests/long takes any time"
printf '#!/bin/sh\n[ "$1" = list ] && exec "%s" "$@"\nexec "%s" "$@" --without clear-refs\n' \
  "$program" "$program" >"$work/broken" && chmod +x "$work/broken"
code=0
TLBLAB_PROGRAM=$work/broken "$long" --ledger "$work/ledger2" --budget 60s clear-refs-gather-2020 \
  >"$work/out" 2>"$work/err" || code=$?
[ "$code" -eq 1 ] && grep -q "a violation with all fixes on: tlblab stress" "$work/err" ||
  fail "tests/long overlooks a violation"

[ "$failures" -eq 0 ] && echo "cli.program: all fine"
exit $((failures != 0))
