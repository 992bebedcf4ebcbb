#!/bin/sh
# network.sh cut|cut-replies|restore: what arrives at an end of the wire is dropped, at both or at the
# hospital's. Not at the sending end: a sender would be told.
drop_at() { nsenter --net=/run/netns/"$1" iptables-nft -A INPUT -i wire -j DROP; }

case $1 in
  cut) drop_at hospital && drop_at server ;;
  cut-replies) drop_at hospital ;;
  restore)
    for side in hospital server; do nsenter --net=/run/netns/$side iptables-nft -F INPUT; done ;;
esac
