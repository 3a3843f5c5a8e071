/* Ports: the interface or card behind each, and what the two sides of a pair must have in common. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "doctor_priv.h"

/* AF_XDP: a frame lies behind 256 bytes of the kernel's; Ethernet and two tags are 22 (docs/ports.md). */
#define XDP_EXTRA (256 + 22)
#define XDP_MTU_MAX 3370

/* Is there anything in a folder? */
static bool
holds_any(const struct bh_doctor *d, const char *folder)
{
	char path[PATH_MAX];
	struct dirent *e;
	bool any = false;
	DIR *dir;

	bh_doctor_path(d, path, sizeof(path), folder);
	dir = opendir(path);
	while (dir != NULL && !any && (e = readdir(dir)) != NULL)
		any = e->d_name[0] != '.';
	if (dir != NULL)
		closedir(dir);
	return any;
}

int
bh_doctor_port_node(const struct bh_doctor *d, const struct bh_device *device)
{
	char text[16];

	if (device->kind == BH_DEVICE_PCI) {
		if (!bh_doctor_read(d, text, sizeof(text), "/sys/bus/pci/devices/%s/numa_node",
				    device->name))
			return -1;
	} else if (device->ifname[0] == '\0' ||
		   !bh_doctor_read(d, text, sizeof(text), "/sys/class/net/%s/device/numa_node",
				   device->ifname)) {
		return -1;
	}
	return atoi(text);
}

/* The namespace's interfaces are those of /proc/net/dev; /sys may be mounted from another. names: all there are. */
static bool
there_is(const struct bh_doctor *d, const char *ifname, char *names, size_t size)
{
	char *text = bh_doctor_text(d, "/proc/net/dev"), *at = text, *line, *colon;
	bool found = false;
	size_t len = 0;

	names[0] = '\0';
	while ((line = bh_doctor_line(&at)) != NULL) {
		colon = strchr(line, ':');
		if (colon == NULL)
			continue;
		*colon = '\0';
		line += strspn(line, " ");
		found |= strcmp(line, ifname) == 0;
		if (strcmp(line, "lo") != 0 && len + strlen(line) + 2 < size)
			len += (size_t)snprintf(names + len, size - len, "%s%s",
						len != 0 ? " " : "", line);
	}
	free(text);
	return found;
}

static void
check_state(const struct bh_doctor *d, const char *ifname, const struct bh_doctor_link *l)
{
	if (!l->up)
		bh_doctor_add(d->r, BH_DOCTOR_IFACE_DOWN, ifname, "", "it is down%s",
			      d->r->running ? ", and a gateway runs on it" : "");
	else if (!l->carrier)
		bh_doctor_add(d->r, BH_DOCTOR_IFACE_NO_LINK, ifname, "",
			      "it is up, and what it is joined to is not");
	if (l->enslaved)
		bh_doctor_add(d->r, BH_DOCTOR_IFACE_ENSLAVED, ifname, "",
			      "another interface has it");
	if (d->r->running && l->merges)
		bh_doctor_add(d->r, BH_DOCTOR_IFACE_MERGES, ifname, "", "GRO or LRO is on");
}

static void
check_addresses(const struct bh_doctor *d, const char *ifname)
{
	const struct bh_doctor_facts *f = d->facts;
	unsigned i;

	for (i = 0; i < f->n_addresses; i++) {
		if (strcmp(f->address[i].ifname, ifname) == 0)
			bh_doctor_add(d->r, BH_DOCTOR_IFACE_ADDRESS, ifname, f->address[i].text,
				      "%s is on it", f->address[i].text);
	}
}

static void
check_fit(const struct bh_doctor *d, const struct bh_device *device, const struct bh_doctor_link *l)
{
	unsigned workers = d->c->n_workers != 0 ? d->c->n_workers : 1;
	unsigned mtu = d->c->mtu != 0 ? (unsigned)d->c->mtu : l->mtu;
	char value[24];

	snprintf(value, sizeof(value), "%u", workers);
	if (l->rx_queues < workers)
		bh_doctor_add(d->r, BH_DOCTOR_IFACE_QUEUES, device->ifname, value,
			      "%u queues, %u workers", l->rx_queues, workers);
	if (device->kind != BH_DEVICE_IFACE && !device->af_xdp)
		return;
	snprintf(value, sizeof(value), "%u", mtu + XDP_EXTRA);
	if (mtu + XDP_EXTRA > d->c->mbuf_size && mtu <= XDP_MTU_MAX)
		bh_doctor_add(d->r, BH_DOCTOR_MTU_BUFFER, device->ifname, value,
			      "MTU %u takes buffers of %u, memory.mbuf_size is %llu", mtu,
			      mtu + XDP_EXTRA, (unsigned long long)d->c->mbuf_size);
}

static void
check_interface(const struct bh_doctor *d, unsigned port, const struct bh_device *device)
{
	char names[256];

	if (!there_is(d, device->ifname, names, sizeof(names))) {
		bh_doctor_add(d->r, BH_DOCTOR_IFACE_MISSING, device->ifname, names,
			      "port %s wants it", d->c->port[port].name);
		return;
	}
	check_addresses(d, device->ifname);
	if (!d->facts->link[port].known)
		return;
	check_state(d, device->ifname, &d->facts->link[port]);
	check_fit(d, device, &d->facts->link[port]);
}

static void
check_iommu(const struct bh_doctor *d, const char *address)
{
	struct stat st;
	char text[8];

	if (!bh_doctor_stat(d, &st, "/sys/bus/pci/drivers/vfio-pci")) {
		bh_doctor_add(d->r, BH_DOCTOR_VFIO_MISSING, "", "",
			      "/sys/bus/pci/drivers has no vfio-pci");
		return;
	}
	if (holds_any(d, "/sys/kernel/iommu_groups"))
		return;
	if (bh_doctor_read(d, text, sizeof(text),
			   "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode") &&
	    text[0] == 'Y')
		bh_doctor_add(d->r, BH_DOCTOR_IOMMU_UNSAFE, address, "",
			      "enable_unsafe_noiommu_mode is on");
	else
		bh_doctor_add(d->r, BH_DOCTOR_IOMMU_OFF, address, "",
			      "/sys/kernel/iommu_groups is empty");
}

static void
check_card(const struct bh_doctor *d, const struct bh_device *device)
{
	char sysfs[PATH_MAX], driver[64];

	bh_doctor_path(d, sysfs, sizeof(sysfs), "/sys/bus/pci/devices");
	switch (bh_pci_look(sysfs, device->name, driver, sizeof(driver))) {
	case BH_PCI_MISSING:
		bh_doctor_add(d->r, BH_DOCTOR_PCI_MISSING, device->name, "",
			      "/sys/bus/pci/devices does not have it");
		return;
	case BH_PCI_UNBOUND:
		bh_doctor_add(d->r, BH_DOCTOR_PCI_UNBOUND, device->name, "", "it has no driver");
		break;
	case BH_PCI_KERNEL:
		bh_doctor_add(d->r, BH_DOCTOR_PCI_KERNEL, device->name, "", "%s has it", driver);
		break;
	default:
		/* Those that DPDK works through need neither VFIO nor an IOMMU. */
		if (strcmp(driver, "vfio-pci") != 0)
			return;
		break;
	}
	check_iommu(d, device->name);
}

static void
check_pair(const struct bh_doctor *d, const struct bh_config_pair *pair)
{
	const struct bh_doctor_link *a = &d->facts->link[pair->inside];
	const struct bh_doctor_link *b = &d->facts->link[pair->outside];
	struct bh_device in, out;
	char value[24];

	if (d->c->mtu != 0 || !a->known || !b->known || a->mtu == b->mtu ||
	    bh_device_parse(&in, d->c->port[pair->inside].device, NULL) != 0 ||
	    bh_device_parse(&out, d->c->port[pair->outside].device, NULL) != 0)
		return;
	snprintf(value, sizeof(value), "%u", a->mtu > b->mtu ? a->mtu : b->mtu);
	bh_doctor_add(d->r, BH_DOCTOR_MTU_PAIR, a->mtu > b->mtu ? out.ifname : in.ifname, value,
		      "pair %s: %s has %u, %s %u", pair->name, in.ifname, a->mtu, out.ifname,
		      b->mtu);
}

void
bh_doctor_check_ports(const struct bh_doctor *d)
{
	struct bh_device device;
	unsigned i;

	for (i = 0; d->c != NULL && i < d->c->n_ports; i++) {
		struct bh_err err = {0};

		if (bh_device_parse(&device, d->c->port[i].device, &err) != 0)
			bh_doctor_add(d->r, BH_DOCTOR_PORT_DEVICE, d->c->port[i].name, "", "%s",
				      err.what);
		else if (device.kind == BH_DEVICE_PCI)
			check_card(d, &device);
		else if (device.ifname[0] != '\0')
			check_interface(d, i, &device);
	}
	for (i = 0; d->c != NULL && i < d->c->n_pairs; i++)
		check_pair(d, &d->c->pair[i]);
}
