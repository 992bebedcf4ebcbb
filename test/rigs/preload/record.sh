#!/bin/sh
# Rig A: run a command with every durable-state change below one directory recorded.
# usage: record.sh --dir DIR --log FILE [--mark-writes TEXT] [--kill-at N] [--fail OP:ERR:N[+]] [--real-sync]
#                  -- COMMAND...
# The command sees CRASH_DIR (the directory) and CRASH_MARK (where to write marks).
# Exit status: that of the command (137 = killed, for example by --kill-at); 2 = usage.
here=$(cd "$(dirname "$0")" && pwd)
lib=${CRASHREC_LIB:-${BUILD:-$here/../../../build/rigs}/libcrashrec.so}
usage() { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
dir= log= kill= fail= real=
while [ $# -gt 0 ]; do
  case $1 in
    --dir) dir=$2; shift 2 ;;
    --log) log=$2; shift 2 ;;
    --kill-at) kill=$2; shift 2 ;;
    --fail) fail=$2; shift 2 ;;
    --real-sync) real=1; shift ;;
    --mark-writes) export CRASHREC_MARK_WRITES="$2"; shift 2 ;;
    --) shift; break ;;
    *) usage ;;
  esac
done
[ -n "$dir" ] && [ -n "$log" ] && [ $# -gt 0 ] || usage
[ -f "$lib" ] || { echo "missing $lib: run make first" >&2; exit 2; }
mkdir -p "$dir" || exit 2
dir=$(cd "$dir" && pwd)
log=$(cd "$(dirname "$log")" && pwd)/$(basename "$log")
lib=$(cd "$(dirname "$lib")" && pwd)/$(basename "$lib")
rm -f "$log"
export CRASH_DIR="$dir" CRASH_MARK="$dir/__marker" CRASHREC_DIR="$dir" CRASHREC_LOG="$log" UV_USE_IO_URING=0
[ -z "$kill" ] || export CRASHREC_KILL_AT="$kill"
[ -z "$fail" ] || export CRASHREC_FAIL="$fail"
[ -z "$real" ] || export CRASHREC_REALSYNC=1
exec env LD_PRELOAD="$lib${LD_PRELOAD:+:$LD_PRELOAD}" "$@"
