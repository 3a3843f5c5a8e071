/* A port: taken, set up, started, stopped, given back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_ethdev.h>

#include "packet.h"
#include "port_priv.h"

static int
take_lock(struct bh_port *p, const struct bh_config *c, const struct bh_device *d,
	  struct bh_err *err)
{
	int owner, rc;

	if (p->lent)
		return bh_lock_lent(&p->lock, c->run_dir, d->key, p->loan.fd, err);
	rc = bh_lock_take(&p->lock, c->run_dir, d->key, &owner, err);
	if (rc != -EBUSY)
		return rc;
	if (owner == (int)getpid())
		return bh_err_set(err, EBUSY, "port %s: device %s is taken by another port already",
				  p->info.name, p->info.device);
	if (owner == 0)
		return bh_err_set(err, EBUSY, "port %s: device %s is in use by another bulkhead",
				  p->info.name, p->info.device);
	return bh_err_set(err, EBUSY, "port %s: device %s is in use by bulkhead (pid %d)",
			  p->info.name, p->info.device, owner);
}

/* An owner that was killed left the interface as a port needs it; what it had found is in its lock file. The
 * address tells a namesake of another time. */
static void
remember(struct bh_port *p)
{
	struct bh_kif_found before = {0};
	char text[sizeof(p->lock.left)];

	if (bh_kif_found_parse(&before, p->lock.left) == 0 &&
	    memcmp(before.mac, p->kif.found.mac, sizeof(before.mac)) == 0) {
		p->kif.found = before;
		p->kif.guard_qdisc = true;
	}
	if (p->lent)
		return;
	bh_kif_found_format(&p->kif.found, text, sizeof(text));
	bh_lock_note(&p->lock, text);
}

/* Interface, its sanity, its MTU: before any driver touches it. */
static int
open_interface(struct bh_port *p, const struct bh_config *c, const struct bh_device *d,
	       struct bh_err *err)
{
	int rc;

	rc = bh_kif_open(&p->kif, d->ifname, err);
	if (rc == 0)
		rc = bh_kif_check_addresses(&p->kif, err);
	if (rc < 0)
		return rc;
	memcpy(p->info.ifname, d->ifname, sizeof(p->info.ifname));
	remember(p);
	if (c->mtu != 0) {
		p->kif.changed = true;
		rc = bh_kif_set_mtu(&p->kif, (unsigned)c->mtu);
		if (rc < 0)
			return bh_err_set(err, -rc, "interface %s: MTU %lu cannot be set: %s",
					  d->ifname, (unsigned long)c->mtu, strerror(-rc));
	}
	rc = bh_kif_mtu(&p->kif);
	if (rc < 0)
		return bh_err_set(err, -rc, "interface %s: MTU cannot be read", d->ifname);
	if (rc > UINT16_MAX)
		return bh_err_set(err, EINVAL, "interface %s: MTU %d is too large, 9000 at most",
				  d->ifname, rc);
	p->info.mtu = (uint16_t)rc;
	if (p->lent)
		return 0;
	return bh_guard_clear_xdp(&p->kif, err);
}

/* Is there a port of that name? EAL would hand it out again. */
static bool
named(const char *devargs)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	uint16_t id;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(devargs, ","), devargs);
	return rte_eth_dev_get_port_by_name(name, &id) == 0;
}

/* Plug a device; what the driver says in case of failure goes into why. */
static int
probe(struct bh_port *p, const char *devargs, struct bh_err *why)
{
	struct rte_dev_iterator it;
	struct bh_capture said;
	char text[400];
	uint16_t id;
	int rc;

	if (named(devargs))
		return bh_err_set(why, EEXIST,
				  "the name before the comma is another port's: number them "
				  "differently");
	bh_capture_begin(&said);
	rc = rte_dev_probe(devargs);
	bh_capture_end(&said);
	if (rc < 0) {
		bh_explain(said.text, text, sizeof(text));
		rc = bh_err_set(why, rc == -EEXIST ? EEXIST : ENODEV, "%s", text);
	}
	bh_capture_free(&said);
	if (rc < 0)
		return rc;
	RTE_ETH_FOREACH_MATCHING_DEV(id, devargs, &it)
	{
		rte_eth_iterator_cleanup(&it);
		p->id = id;
		p->probed = true;
		return 0;
	}
	return bh_err_set(why, ENODEV, "it has no network port");
}

void
bh_port_unplug(struct bh_port *p)
{
	struct rte_eth_dev_info info;
	struct bh_capture said;

	if (!p->probed)
		return;
	p->probed = false;
	bh_capture_begin(&said);
	if (rte_eth_dev_info_get(p->id, &info) == 0) {
		rte_eth_dev_close(p->id);
		rte_dev_remove(info.device);
	}
	bh_capture_end(&said);
	bh_capture_free(&said);
}

/* Plug and set up; unplugged again when the set-up fails. */
static int
try_device(struct bh_port *p, const struct bh_port_setup *s, struct bh_err *why)
{
	struct bh_capture said;
	struct bh_err err = {0};
	char text[400];
	int rc;

	rc = probe(p, s->devargs, why);
	if (rc < 0)
		return rc;
	bh_capture_begin(&said);
	rc = bh_port_configure(p, s, &err);
	bh_capture_end(&said);
	if (rc < 0) {
		bh_explain(said.text, text, sizeof(text));
		bh_err_set(why, -rc, "%s%s%s", err.what, said.len != 0 ? ": " : "",
			   said.len != 0 ? text : "");
		bh_port_unplug(p);
	}
	bh_capture_free(&said);
	return rc;
}

/* Frames of this interface's MTU must fit what AF_XDP takes from one buffer. */
static int
af_xdp_fits(const struct bh_port *p, const struct bh_config *c, struct bh_err *why)
{
	/* The kernel keeps 256 bytes (XDP_PACKET_HEADROOM) of each buffer to itself. */
	const unsigned mbuf_size = (unsigned)c->mbuf_size,
		       room = mbuf_size - RTE_MIN(mbuf_size, 256u);
	const unsigned need = p->info.mtu + BH_FRAME_EXTRA;

	if (!bh_pool_in_one_piece())
		return bh_err_set(why, EINVAL,
				  "the packet buffers do not lie in one piece of memory; set "
				  "memory.hugepages to off, or run PCI devices and AF_XDP apart");
	if (bh_pool_element(mbuf_size) > 4096)
		return bh_err_set(why, EINVAL,
				  "memory.mbuf_size %u is more than AF_XDP takes (3648)",
				  mbuf_size);
	if (need > room && need + 256 <= 3648)
		return bh_err_set(why, EINVAL,
				  "MTU %u needs memory.mbuf_size %u or more for AF_XDP",
				  p->info.mtu, need + 256);
	if (need > room)
		return bh_err_set(why, EINVAL, "MTU %u is more than AF_XDP takes (3370)",
				  p->info.mtu);
	return 0;
}

static int
open_af_xdp(struct bh_port *p, struct bh_port_setup *s, unsigned index, struct bh_err *why)
{
	bool combined;
	unsigned queues = bh_kif_queues(&p->kif, &combined);
	int rc;

	rc = af_xdp_fits(p, s->config, why);
	if (rc < 0)
		return rc;
	/* The driver takes several queues only where they are combined ones. What a queue without
	 * socket receives would go to the kernel: the device is left with the queues that are taken. */
	queues = combined ? RTE_MIN(queues, s->n_workers) : 1;
	rc = bh_kif_prepare(&p->kif, queues, why);
	if (rc < 0)
		return rc;
	rc = bh_devargs_af_xdp(s->devargs, sizeof(s->devargs), index, p->kif.name, queues);
	if (rc == 0)
		rc = try_device(p, s, why);
	if (rc < 0)
		bh_kif_restore(&p->kif);
	return rc;
}

/* Keep the kernel's hands off what AF_PACKET only looks at. */
static void
guard(struct bh_kif *k)
{
	int rc = bh_guard_drop(k);

	if (rc < 0)
		bh_log(BH_LOG_WARN,
		       "interface %s: the kernel also handles what arrives here (no clsact filter: "
		       "%s); see docs/ports.md",
		       k->name, strerror(-rc));
	if (strcmp(k->kind, "veth") != 0)
		return;
	rc = bh_guard_whole(k);
	if (rc < 0)
		bh_log(BH_LOG_WARN,
		       "interface %s: its peer may send frames larger than the MTU, which are cut "
		       "and dropped (no native XDP: %s); turn them off there: ethtool -K PEER tso "
		       "off gso off",
		       k->name, strerror(-rc));
}

static int
open_af_packet(struct bh_port *p, const struct bh_port_setup *s, struct bh_err *why)
{
	const struct bh_packet_params params = {
		.index = p->kif.index,
		.mtu = p->info.mtu,
		.frames = (unsigned)s->config->descriptors,
		.pool = bh_port_pool(),
	};
	bool combined;
	int rc;

	rc = bh_kif_prepare(&p->kif, bh_kif_queues(&p->kif, &combined), why);
	if (rc < 0)
		return rc;
	if (!p->lent)
		guard(&p->kif);
	rc = bh_packet_open(&p->packet, &params, why);
	if (rc < 0)
		return rc;
	p->info.driver = "af_packet";
	p->info.id = UINT16_MAX;
	p->info.rx_queues = p->info.tx_queues = 1;
	p->info.partial_checksums = bh_kif_local(&p->kif);
	bh_kif_mac(&p->kif, p->info.mac);
	snprintf(p->rss_text, sizeof(p->rss_text), "one queue");
	return 0;
}

/* "iface:NAME": AF_XDP if it will have it, else AF_PACKET. */
static int
open_iface(struct bh_port *p, struct bh_port_setup *s, unsigned index, struct bh_err *err)
{
	struct bh_err xdp = {0}, packet = {0};

	if (open_af_xdp(p, s, index, &xdp) == 0) {
		bh_log(BH_LOG_INFO, "port %s: interface %s by AF_XDP", p->info.name, p->kif.name);
		return 0;
	}
	if (open_af_packet(p, s, &packet) == 0) {
		bh_log(BH_LOG_WARN,
		       "port %s: interface %s by AF_PACKET, which is slower and has limits (see "
		       "docs/ports.md); not by AF_XDP: %s",
		       p->info.name, p->kif.name, xdp.what);
		return 0;
	}
	return bh_err_set(err, ENODEV,
			  "port %s: interface %s: not by AF_XDP: %.180s; nor by "
			  "AF_PACKET: %.180s",
			  p->info.name, p->kif.name, xdp.what, packet.what);
}

/* Devargs written out by hand: taken as they are, on an interface prepared the same way. */
static int
open_devargs(struct bh_port *p, struct bh_port_setup *s, const struct bh_device *d,
	     struct bh_err *why)
{
	struct bh_err dpdk = {0};
	char hint[300];
	bool combined;
	int rc = 0;

	if (p->kif.fd >= 0) {
		if (d->af_xdp)
			rc = af_xdp_fits(p, s->config, why);
		if (rc == 0)
			rc = bh_kif_prepare(&p->kif, bh_kif_queues(&p->kif, &combined), why);
		if (rc == 0 && d->af_packet) {
#ifndef BH_DPDK_PATCHED
			bh_log(BH_LOG_WARN,
			       "port %s: DPDK's net_af_packet loses IPv4 fragments and the type of "
			       "802.1ad tags; packet:%s does not",
			       p->info.name, d->ifname);
#endif
			guard(&p->kif);
		}
	}
	snprintf(s->devargs, sizeof(s->devargs), "%s", p->info.device);
	if (rc == 0)
		rc = try_device(p, s, &dpdk);
	if (rc < 0 && d->kind == BH_DEVICE_PCI &&
	    bh_pci_hint("/sys/bus/pci/devices", d->name, hint, sizeof(hint)))
		return bh_err_set(why, -rc, "%s", hint);
	return rc < 0 ? bh_err_set(why, -rc, "%s", dpdk.what) : 0;
}

static int
open_port(struct bh_port **out, struct bh_port_setup *s, unsigned index,
	  const struct bh_port_loan *loan, struct bh_err *err)
{
	const struct bh_config *c = s->config;
	struct bh_err why = {0};
	struct bh_device d;
	struct bh_port *p = calloc(1, sizeof(*p));
	int rc;

	if (p == NULL)
		return bh_err_set(err, ENOMEM, "no memory for a port");
	p->kif.fd = p->kif.xdp_link = p->lock.fd = p->lock.claim = -1;
	if (loan != NULL) {
		p->lent = true;
		p->loan = *loan;
		p->kif.xdp_link = loan->fd[2];
	}
	p->info.name = c->port[index].name;
	p->info.device = c->port[index].device;
	rc = bh_device_parse(&d, p->info.device, &why);
	if (rc < 0)
		goto fail;
	rc = take_lock(p, c, &d, err);
	if (rc < 0)
		goto fail;
	if (d.ifname[0] != '\0')
		rc = open_interface(p, c, &d, &why);
	if (rc < 0)
		goto fail;
	if (p->lent && d.kind != BH_DEVICE_IFACE && d.kind != BH_DEVICE_PACKET)
		rc = bh_err_set(&why, ENOTSUP, "its driver has it for one process alone");
	else if (p->lent)
		rc = open_af_packet(p, s, &why);
	else if (d.kind == BH_DEVICE_IFACE)
		rc = open_iface(p, s, index, err);
	else if (d.kind == BH_DEVICE_PACKET)
		rc = open_af_packet(p, s, &why);
	else
		rc = open_devargs(p, s, &d, &why);
	if (rc < 0)
		goto fail;
	*out = p;
	return 0;
fail:
	bh_port_close(p);
	return bh_err_set(err, -rc, "port %s: device %s: %s", c->port[index].name,
			  c->port[index].device, why.what);
}

int
bh_port_open(struct bh_port **out, const struct bh_config *c, unsigned index, unsigned n_workers,
	     struct bh_err *err)
{
	struct bh_port_setup s = {.config = c, .n_workers = n_workers};

	return open_port(out, &s, index, NULL, err);
}

int
bh_port_open_lent(struct bh_port **out, const struct bh_config *c, unsigned index,
		  const struct bh_port_loan *loan, struct bh_err *err)
{
	struct bh_port_setup s = {.config = c, .n_workers = 1};

	return open_port(out, &s, index, loan, err);
}

int
bh_port_lend(const struct bh_port *p, struct bh_port_loan *out)
{
	if (p->packet == NULL)
		return -ENOTSUP;
	*out = (struct bh_port_loan){{p->lock.claim, p->lock.fd, p->kif.xdp_link}};
	return 0;
}

void
bh_port_own(struct bh_port *p)
{
	char text[sizeof(p->lock.left)];

	p->lent = false;
	p->kif.guarded = true;
	bh_kif_found_format(&p->kif.found, text, sizeof(text));
	bh_lock_note(&p->lock, text);
}

/* The interface is another process's: nothing of it is undone. */
static void
give_back(struct bh_port *p)
{
	if (p->kif.xdp_link >= 0)
		close(p->kif.xdp_link);
	bh_kif_close(&p->kif);
	bh_lock_return(&p->lock);
	free(p);
}

void
bh_port_close(struct bh_port *p)
{
	if (p == NULL)
		return;
	bh_port_stop(p);
	bh_port_unplug(p);
	bh_packet_close(p->packet);
	if (p->lent) {
		give_back(p);
		return;
	}
	bh_guard_remove(&p->kif);
	bh_kif_restore(&p->kif);
	bh_kif_close(&p->kif);
	bh_lock_drop(&p->lock);
	free(p);
}
