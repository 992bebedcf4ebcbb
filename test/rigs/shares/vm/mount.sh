#!/bin/sh
# mount.sh smb|nfs [OPTIONS]: mounts a share in the hospital's network on /mnt/smb or /mnt/nfs.
. /out/machine.env
in_hospital() { nsenter --net=/run/netns/hospital "$@"; }

case $1 in
  smb)
    account=username=gateway,password=gateway
    in_hospital mount -t cifs -o "$account,${2:-$SMB_OPTIONS}" //10.77.0.2/drop /mnt/smb ;;
  nfs)
    in_hospital mount -t nfs4 -o "${2:-$NFS_OPTIONS}" 10.77.0.2:/nfs /mnt/nfs ;;
esac
