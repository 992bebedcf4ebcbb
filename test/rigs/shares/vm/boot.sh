#!/bin/sh
# The machine behind vm/init: two networks joined by a wire, the servers in one, the shares mounted in the
# other, then the program of the test. Ends the machine whatever happens.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
. /out/machine.env

say() { read -r up _ < /proc/uptime; echo "shares: $1 $up"; }
cut_power() {
  # No sync: it would wait for shares that do not answer.
  echo b > /proc/sysrq-trigger
  while :; do sleep 1; done
}
or_end() {
  "$@" && return
  echo "failed: $*" > /out/failed
  say "failed: $*"
  tail -n 40 /run/samba/log
  cut_power
}

echo 1 > /proc/sys/kernel/sysrq
say root
# Both at once: each keeps a processor busy.
modprobe -a veth nfsd nfsv4 cifs &
or_end mkfs.ext4 -q -F /dev/vda
or_end mount -t ext4 /dev/vda /disk
mkdir /disk/smb /disk/nfs /disk/local
chown 7700:7700 /disk/smb /disk/nfs
wait
say modules

or_end ip -batch - <<NETWORKS
netns add server
netns add hospital
link add wire netns hospital type veth peer name wire netns server
NETWORKS
for side in hospital:10.77.0.1 server:10.77.0.2; do
  or_end ip -n "${side%:*}" -batch - <<ADDRESSES
link set lo up
address add ${side#*:}/24 dev wire
link set wire up
ADDRESSES
done
say network

for share in smb nfs; do
  {
    or_end sh "$RIG/vm/$share-server.sh" start
    say "$share server"
    or_end sh "$RIG/vm/mount.sh" "$share"
    say "$share mounted"
  } &
done
wait

say ready
cd "$PROJECT" || exit
run_program nsenter --net=/run/netns/hospital > /out/output 2>&1
echo $? > /out/exit
say ended
cut_power
