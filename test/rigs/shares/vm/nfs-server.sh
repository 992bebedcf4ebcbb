#!/bin/sh
# nfs-server.sh start|stop: the kernel's NFSv4 server in the server's network, /disk/nfs as "/nfs". As on a NAS
# all clients act as one account.
in_server() { nsenter --net=/run/netns/server "$@"; }

start() {
  if [ ! -e /proc/fs/nfsd/threads ]; then
    # The root of what is exported must be on a disk: the machine's own root cannot be exported.
    printf '[exports]\nrootdir=/disk\n' > /etc/nfs.conf
    in_server mount -t nfsd nfsd /proc/fs/nfsd || return
    in_server mount -t rpc_pipefs rpc_pipefs /var/lib/nfs/rpc_pipefs || return
    in_server nfsdcld || return
    in_server rpc.mountd --no-nfs-version 3 || return
    squash=all_squash,anonuid=7700,anongid=7700
    in_server exportfs -i -o "rw,sync,no_subtree_check,$squash" 10.77.0.1:/nfs || return
  fi
  in_server rpc.nfsd --no-nfs-version 3 --no-udp --host 10.77.0.2 4
}

stop() { in_server rpc.nfsd 0; }

"$1"
