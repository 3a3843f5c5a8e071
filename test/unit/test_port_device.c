#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../lib/port/port_priv.h"
#include "unit.h"

static struct bh_device
parsed(const char *text)
{
	struct bh_device d;
	struct bh_err err = {0};

	CU_ASSERT_EQUAL(bh_device_parse(&d, text, &err), 0);
	CU_ASSERT_STRING_EQUAL(err.what, "");
	return d;
}

static void
each_form_is_recognised(void)
{
	struct bh_device d = parsed("iface:eth1");

	CU_ASSERT_EQUAL(d.kind, BH_DEVICE_IFACE);
	CU_ASSERT_STRING_EQUAL(d.ifname, "eth1");
	d = parsed("packet:bond0.12");
	CU_ASSERT_EQUAL(d.kind, BH_DEVICE_PACKET);
	CU_ASSERT_STRING_EQUAL(d.ifname, "bond0.12");
	d = parsed("0000:3b:00.1");
	CU_ASSERT_EQUAL(d.kind, BH_DEVICE_PCI);
	CU_ASSERT_STRING_EQUAL(d.name, "0000:3b:00.1");
	d = parsed("net_af_xdp7,start_queue=1,iface=eth2,busy_budget=0");
	CU_ASSERT_EQUAL(d.kind, BH_DEVICE_VDEV);
	CU_ASSERT_STRING_EQUAL(d.name, "net_af_xdp7");
	CU_ASSERT_STRING_EQUAL(d.ifname, "eth2");
	CU_ASSERT_TRUE(d.af_xdp && !d.af_packet);
	d = parsed("eth_af_packet0,iface=eth3");
	CU_ASSERT_TRUE(d.af_packet && !d.af_xdp);
	d = parsed("net_null0");
	CU_ASSERT_STRING_EQUAL(d.ifname, "");
}

static void
a_pci_address_without_domain_is_the_same_device(void)
{
	struct bh_device a = parsed("3b:00.1"), b = parsed("0000:3b:00.1,rx_vec_en=1");

	CU_ASSERT_STRING_EQUAL(a.name, b.name);
	CU_ASSERT_STRING_EQUAL(a.key, b.key);
}

static void
all_ways_to_one_interface_share_one_lock(void)
{
	struct bh_device a = parsed("iface:eth1"), b = parsed("net_af_xdp3,iface=eth1"),
			 c = parsed("packet:eth1"), d = parsed("iface:eth10");

	CU_ASSERT_STRING_EQUAL(a.key, b.key);
	CU_ASSERT_STRING_EQUAL(a.key, c.key);
	CU_ASSERT_STRING_NOT_EQUAL(a.key, d.key);
}

static void
a_lock_name_has_no_slash(void)
{
	struct bh_device d = parsed("net_pcap0,rx_pcap=/tmp/in.pcap");

	CU_ASSERT_PTR_NULL(strchr(d.key, '/'));
}

static void
mistakes_are_refused_with_a_sentence(void)
{
	static const char *const wrong[] = {
		"",
		"eth1",
		"iface:",
		"packet:",
		"iface:a/b",
		"iface:a b",
		"zz:00.0",
		"net_af_xdp0",
		"3b:00",
		"3b:00.1x",
		"iface:0123456789abcdef",
		"net_af_packet0,framesz=2048",
		"net_af_xdp0,iface=",
		"net_af_xdp0,xiface=eth1",
	};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(wrong); i++) {
		struct bh_err err = {0};
		struct bh_device d;

		CU_ASSERT_EQUAL(bh_device_parse(&d, wrong[i], &err), -EINVAL);
		CU_ASSERT_STRING_NOT_EQUAL(err.what, "");
	}
}

static void
af_xdp_devargs_read_back(void)
{
	char text[128];
	struct bh_device d;

	CU_ASSERT_EQUAL(bh_devargs_af_xdp(text, sizeof(text), 4, "eth1", 2), 0);
	d = parsed(text);
	CU_ASSERT_TRUE(d.af_xdp);
	CU_ASSERT_STRING_EQUAL(d.ifname, "eth1");
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "queue_count=2"));
	CU_ASSERT_EQUAL(bh_devargs_af_xdp(text, 20, 4, "eth1", 2), -ENAMETOOLONG);
}

static void
touch(const char *dir, const char *name, const char *driver)
{
	char path[300], to[300];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	CU_ASSERT_EQUAL(mkdir(path, 0755), 0);
	if (driver == NULL)
		return;
	snprintf(to, sizeof(to), "%s/%s/driver", dir, name);
	snprintf(path, sizeof(path), "../../drivers/%s", driver);
	CU_ASSERT_EQUAL(symlink(path, to), 0);
}

static void
a_pci_device_that_fails_is_explained(void)
{
	char dir[] = "/tmp/bh-pci-XXXXXX", text[300], rm[64];

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	touch(dir, "0000:01:00.0", "ixgbe");
	touch(dir, "0000:02:00.0", "vfio-pci");
	touch(dir, "0000:03:00.0", NULL);
	CU_ASSERT_TRUE(bh_pci_hint(dir, "0000:01:00.0", text, sizeof(text)));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "ixgbe"));
	CU_ASSERT_FALSE(bh_pci_hint(dir, "0000:02:00.0", text, sizeof(text)));
	CU_ASSERT_TRUE(bh_pci_hint(dir, "0000:03:00.0", text, sizeof(text)));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "no driver is bound"));
	CU_ASSERT_TRUE(bh_pci_hint(dir, "0000:04:00.0", text, sizeof(text)));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "no PCI device 0000:04:00.0"));
	snprintf(rm, sizeof(rm), "rm -r %s", dir);
	CU_ASSERT_EQUAL(system(rm), 0);
}

static void
settings_found_survive_as_text(void)
{
	struct bh_kif_found f = {.flags = 0x1143,
				 .eth_flags = 0x8100,
				 .gro = 1,
				 .queues = 4,
				 .mtu = 9000,
				 .mac = {0x02, 0xff, 0, 7, 0x80, 0xaa}};
	struct bh_kif_found g;
	char text[128];

	bh_kif_found_format(&f, text, sizeof(text));
	CU_ASSERT_EQUAL(bh_kif_found_parse(&g, text), 0);
	CU_ASSERT_EQUAL(f.flags, g.flags);
	CU_ASSERT_EQUAL(f.eth_flags, g.eth_flags);
	CU_ASSERT_EQUAL(f.gro, g.gro);
	CU_ASSERT_EQUAL(f.ipv6_off, g.ipv6_off);
	CU_ASSERT_EQUAL(f.queues, g.queues);
	CU_ASSERT_EQUAL(f.mtu, g.mtu);
	CU_ASSERT_EQUAL(memcmp(f.mac, g.mac, sizeof(f.mac)), 0);
	f = (struct bh_kif_found){UINT32_MAX, UINT32_MAX, 1, 1, UINT32_MAX, UINT32_MAX, {0}};
	bh_kif_found_format(&f, text, sizeof(text));
	CU_ASSERT_EQUAL(bh_kif_found_parse(&g, text), 0);
	CU_ASSERT_EQUAL(bh_kif_found_parse(&g, ""), -EINVAL);
	CU_ASSERT_EQUAL(bh_kif_found_parse(&g, "flags 1 eth"), -EINVAL);
}

const struct bh_unit_test bh_suite_port_device[] = {
	BH_TEST(each_form_is_recognised),
	BH_TEST(a_pci_address_without_domain_is_the_same_device),
	BH_TEST(all_ways_to_one_interface_share_one_lock),
	BH_TEST(a_lock_name_has_no_slash),
	BH_TEST(mistakes_are_refused_with_a_sentence),
	BH_TEST(af_xdp_devargs_read_back),
	BH_TEST(a_pci_device_that_fails_is_explained),
	BH_TEST(settings_found_survive_as_text),
	BH_TEST_END,
};
