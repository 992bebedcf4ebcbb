#!/bin/sh
# Rig B: run a command on a real file system of which every disk write and flush is recorded. Needs root.
# usage: record.sh --out DIR [--size MB] [--fs TYPE] [--mkfs "COMMAND"] [--mount-options OPTS]
#                  [--slow-flush-ms N] [--fail-flush-at N[+]] [--fail-write-at N[+]] -- COMMAND...
# The command sees CRASH_DIR (an empty directory on that file system) and CRASH_MARK (where to write marks).
# DIR receives base.img (before the command), log, and crash.img (everything issued up to the power cut).
# The power is cut when the command ends, or earlier when anything writes FREEZE to $CRASH_MARK.
# Exit status: that of the command; 2 = usage or set-up failure; 77 = this machine cannot run rig B.
here=$(cd "$(dirname "$0")" && pwd)
bin=${BLKREC:-${BUILD:-$here/../../../build/rigs}/blkrec}
usage() { sed -n '2,7s/^# //p' "$0" >&2; exit 2; }
out= size=32 fs=ext4 mkfs= options=
while [ $# -gt 0 ]; do
  case $1 in
    --out) out=$2; shift 2 ;;
    --size) size=$2; shift 2 ;;
    --fs) fs=$2; shift 2 ;;
    --mkfs) mkfs=$2; shift 2 ;;
    --mount-options) options=$2; shift 2 ;;
    --slow-flush-ms) export BLK_SLOW_FLUSH_MS="$2"; shift 2 ;;
    --fail-flush-at) export BLK_FAIL_FLUSH_AT="$2"; shift 2 ;;
    --fail-write-at) export BLK_FAIL_WRITE_AT="$2"; shift 2 ;;
    --) shift; break ;;
    *) usage ;;
  esac
done
[ -n "$out" ] && [ $# -gt 0 ] || usage
skip() { echo "rig B cannot run here: $1" >&2; exit 77; }
[ "$(id -u)" = 0 ] || skip "not root"
[ -c /dev/fuse ] || skip "no /dev/fuse"
[ -e /dev/loop-control ] || skip "no loop devices"
[ -x "$bin" ] || skip "blkrec is not built (make disk)"
case $fs in
  xfs) mkfs=${mkfs:-mkfs.xfs -q -f} ;;
  btrfs) mkfs=${mkfs:-mkfs.btrfs -q -f} ;;
  *) mkfs=${mkfs:-mkfs.$fs -q -F} ;;
esac

mkdir -p "$out/fuse" "$out/mnt" || exit 2
out=$(cd "$out" && pwd)
loop= rec=
cleanup() {
  if grep -qs " $out/mnt " /proc/mounts; then umount "$out/mnt" 2>/dev/null || umount -l "$out/mnt"; fi
  if [ -n "$loop" ]; then losetup -d "$loop" 2>/dev/null; fi
  if grep -qs " $out/fuse " /proc/mounts; then umount "$out/fuse" 2>/dev/null || umount -l "$out/fuse"; fi
  if [ -n "$rec" ]; then wait "$rec" 2>/dev/null; fi
  loop= rec=
  rmdir "$out/fuse" "$out/mnt" 2>/dev/null
}
trap cleanup EXIT
trap 'exit 130' INT TERM
setup_failed() { echo "rig B set-up failed: $1" >&2; exit 2; }

rm -f "$out/base.img" "$out/log"
truncate -s "${size}M" "$out/base.img" || exit 2
$mkfs "$out/base.img" >"$out/mkfs.log" 2>&1 || setup_failed "$mkfs (see mkfs.log)"
cp --sparse=always "$out/base.img" "$out/crash.img"
BLK_IMAGE="$out/crash.img" BLK_LOG="$out/log" "$bin" "$out/fuse" -f -s -o allow_other >"$out/blkrec.log" 2>&1 &
rec=$!
tries=0
while [ ! -e "$out/fuse/disk" ]; do
  tries=$((tries + 1))
  [ $tries -lt 50 ] || setup_failed "blkrec did not mount (see blkrec.log)"
  sleep 0.1
done
loop=$(losetup --find --show --direct-io=on "$out/fuse/disk") || setup_failed "losetup"
mount -t "$fs" -o "noatime${options:+,$options}" "$loop" "$out/mnt" || setup_failed "mount"
mkdir "$out/mnt/data" && sync -f "$out/mnt" || setup_failed "file system not usable"
echo BEGIN >"$out/fuse/mark"
CRASH_DIR="$out/mnt/data" CRASH_MARK="$out/fuse/mark" "$@"
status=$?
echo FREEZE >"$out/fuse/mark"
cleanup
exit $status
