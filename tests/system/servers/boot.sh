#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Boots the systemd of this machine in a container that has this machine's /usr and a folder:
#   unshare --mount --propagation private boot.sh ROOT FOLDER UNIT
# ROOT has etc/systemd/system with UNIT, which ends it (SuccessAction=exit-force). FOLDER is /work
# there. Needs root, namespaces and the right to mount a cgroup2; nothing of it is left behind.
set -eu
root=$1 folder=$2 unit=$3

mkdir -p "$root/usr" "$root/etc" "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/tmp" \
	"$root/var" "$root/work"
for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
printf 'ID=test\n' > "$root/etc/os-release"
printf 'uninitialized\n' > "$root/etc/machine-id"

# This namespace alone sees it, whatever hierarchy the machine has there.
mount -t cgroup2 none /sys/fs/cgroup
group=/sys/fs/cgroup/relaudit-boot-$$
mkdir "$group"
end() {
	echo $$ > /sys/fs/cgroup/cgroup.procs
	find "$group" -depth -type d -exec rmdir {} +
}
trap end EXIT
echo $$ > "$group/cgroup.procs"
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
systemd-nspawn --quiet --register=no --keep-unit --private-network --directory="$root" \
	--bind-ro=/usr --bind="$folder:/work" --boot "systemd.unit=$unit" \
	systemd.show_status=0 systemd.log_level=warning </dev/null
