#!/bin/sh
# smb-server.sh start|stop: Samba in the server's network, /disk/smb as the share "drop".
here=/run/samba
in_server() { nsenter --net=/run/netns/server "$@"; }

start() {
  # Account gateway, password gateway: MD4 of its UTF-16 (MS-NLMP 3.3.1).
  no_lanman=XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX
  echo "gateway:7700:$no_lanman:98B68D73EA47FDC2718DCD4B9A29750F:[U          ]:LCT-60000000:" > $here/smbpasswd
  in_server smbd -D -s "${0%/*}/smb.conf" || return
  # Port 445 among the sockets that listen (state 0A).
  until in_server grep -q ':01BD 00000000:0000 0A' /proc/net/tcp; do sleep 0.1; done
}

# As when its machine dies. Its clients learn of it from the answer to what they send next.
stop() {
  pkill -KILL -x smbd
  while pgrep -x smbd > /dev/null; do sleep 0.1; done
  rm -f $here/smbd.pid
}

"$1"
