#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Inside `unshare --mount --propagation private`: gives the namespace a /dev of its own on a tmpfs
# (folder $1 is where it is built) and, if $2 is given, that file as resolv.conf. Prints "ready" and
# holds the namespace until its standard input ends; others enter it with nsenter.
set -eu
mkdir -p "$1"
mount -t tmpfs -o mode=755,size=4m none "$1"
for name in null zero full random urandom tty; do
	: > "$1/$name"
	mount --bind "/dev/$name" "$1/$name"
done
mkdir "$1/shm" "$1/pts"
mount --bind /dev/shm "$1/shm"
ln -s /proc/self/fd "$1/fd"
if [ $# -gt 1 ]; then
	mount --bind "$2" /etc/resolv.conf
fi
mount --move "$1" /dev 2>/dev/null || mount --rbind "$1" /dev
echo ready
exec cat >/dev/null
