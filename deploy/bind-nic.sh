#!/bin/sh
# Hand a network card to DPDK (vfio-pci), and give it back to the kernel.
#
#   bind-nic.sh list                           network cards: address, driver, interface, addresses
#   bind-nic.sh bind ADDRESS [--dry-run]       to vfio-pci; refused while the card carries addresses
#   bind-nic.sh undo ADDRESS [--dry-run]       back to the kernel's driver
#
# ADDRESS is a PCI address (0000:03:00.0) or the interface's name. Mellanox cards (mlx5_core) stay with the
# kernel's driver: DPDK works through it. Without an IOMMU, VFIO needs
# /sys/module/vfio/parameters/enable_unsafe_noiommu_mode set to 1; see docs/ports.md.
set -eu

pci=${BH_PCI_DIR:-/sys/bus/pci}
net=${BH_NET_DIR:-/sys/class/net}
dry=no

usage() {
	sed -n 's/^#   //p' "$0" >&2
	exit 2
}

fail() {
	echo "$*" >&2
	exit 1
}

# put TEXT FILE
put() {
	if [ $dry = yes ]; then
		echo "would write '$1' to $2"
	else
		echo "$1" >"$2"
	fi
}

driver() {
	[ -e "$pci/devices/$1/driver" ] && basename "$(readlink -f "$pci/devices/$1/driver")" || echo -
}

# The interface of a card; virtio has one more level in between.
interface() {
	for i in "$pci/devices/$1"/net/* "$pci/devices/$1"/virtio*/net/*; do
		[ -e "$i" ] && basename "$i" && return
	done
	echo -
}

addresses() {
	[ "$1" != - ] || return 0
	ip -o address show dev "$1" scope global 2>/dev/null | awk '{printf " %s", $4}'
}

# The full PCI address of what the user named.
resolve() {
	if [ -e "$pci/devices/$1" ]; then
		echo "$1"
	elif [ -e "$pci/devices/0000:$1" ]; then
		echo "0000:$1"
	elif [ -e "$net/$1/device" ]; then
		readlink -f "$net/$1/device" | grep -oE '[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]' | tail -n 1
	fi
}

list() {
	for d in "$pci"/devices/*; do
		[ -e "$d/class" ] || continue
		case $(cat "$d/class") in
		0x02*) ;;
		*) continue ;;
		esac
		a=$(basename "$d")
		i=$(interface "$a")
		echo "$a driver $(driver "$a") interface $i$(addresses "$i")"
	done
}

bind() {
	was=$(driver "$1")
	[ "$was" != vfio-pci ] || { echo "$1 is bound to vfio-pci already" && return; }
	[ "$was" != mlx5_core ] || fail "$1 stays with mlx5_core: give its PCI address to Bulkhead as it is"
	i=$(interface "$1")
	at=$(addresses "$i")
	[ -z "$at" ] || fail "$1 ($i) carries this machine's address$at: remove it first"
	if [ ! -d "$pci/drivers/vfio-pci" ]; then
		if [ $dry = yes ]; then
			echo "would run: modprobe vfio-pci"
		else
			modprobe vfio-pci || fail "the kernel has no vfio-pci: iface:$i works without it"
		fi
	fi
	put vfio-pci "$pci/devices/$1/driver_override"
	[ "$was" = - ] || put "$1" "$pci/devices/$1/driver/unbind"
	put "$1" "$pci/drivers_probe"
	[ $dry = yes ] || [ "$(driver "$1")" = vfio-pci ] || fail "$1 did not bind to vfio-pci; see dmesg"
	echo "undo with: $0 undo $1"
}

undo() {
	[ "$(driver "$1")" = vfio-pci ] || fail "$1 is not bound to vfio-pci but to $(driver "$1")"
	# An override of nothing but a newline removes it; the kernel's own driver is then found by probing.
	put "" "$pci/devices/$1/driver_override"
	put "$1" "$pci/devices/$1/driver/unbind"
	put "$1" "$pci/drivers_probe"
	[ $dry = yes ] || echo "$1 is with $(driver "$1") again, interface $(interface "$1")"
}

[ $# -ge 1 ] || usage
what=$1
shift
name=
for a in "$@"; do
	case $a in
	--dry-run) dry=yes ;;
	-*) usage ;;
	*) name=$a ;;
	esac
done

case $what in
list)
	list
	;;
bind | undo)
	[ -n "$name" ] || usage
	address=$(resolve "$name")
	[ -n "$address" ] || fail "there is no PCI device or interface $name; see: $0 list"
	[ $dry = yes ] || [ "$(id -u)" -eq 0 ] || fail "only root can do that: sudo $0 $what $name"
	$what "$address"
	;;
*)
	usage
	;;
esac
