/* Ports: interfaces and cards that are not as a gateway needs them. */
#include "doctor_rig.h"

static const char card_config[] =
	"mode: discover\ncores: {control: 0, workers: [2, 3]}\nnames: {resolve: false}\n"
	"ports:\n  - {name: in, device: '03:00.0'}\n  - {name: out, device: 'iface:eth2'}\n"
	"pairs:\n  - {name: wire, inside: in, outside: out}\n";

static const struct bh_doctor_link fine = {
	.known = true, .up = true, .carrier = true, .mtu = 1500, .rx_queues = 2};

static void
what_is_wrong_with_one_interface_is_found_alone(void)
{
	const struct {
		enum bh_doctor_what what;
		unsigned port;
		struct bh_doctor_link link;
		const char *subject, *fix;
	} wrong[] = {
		{BH_DOCTOR_IFACE_DOWN,
		 1,
		 {.known = true, .mtu = 1500, .rx_queues = 2},
		 "eth2",
		 "ip link set dev eth2 up"},
		{BH_DOCTOR_IFACE_NO_LINK,
		 0,
		 {.known = true, .up = true, .mtu = 1500, .rx_queues = 2},
		 "eth1",
		 "ip -br link show dev eth1"},
		{BH_DOCTOR_IFACE_ENSLAVED,
		 0,
		 {.known = true,
		  .up = true,
		  .carrier = true,
		  .enslaved = true,
		  .mtu = 1500,
		  .rx_queues = 2},
		 "eth1",
		 "ip link set dev eth1 nomaster"},
		{BH_DOCTOR_MTU_PAIR,
		 1,
		 {.known = true, .up = true, .carrier = true, .mtu = 1400, .rx_queues = 2},
		 "eth2",
		 "ip link set dev eth2 mtu 1500"},
		{BH_DOCTOR_MTU_PAIR,
		 0,
		 {.known = true, .up = true, .carrier = true, .mtu = 1400, .rx_queues = 2},
		 "eth1",
		 "ip link set dev eth1 mtu 1500"},
		{BH_DOCTOR_IFACE_QUEUES,
		 1,
		 {.known = true, .up = true, .carrier = true, .mtu = 1500, .rx_queues = 1},
		 "eth2",
		 "ethtool -L eth2 combined 2"},
	};
	struct machine *m = machine_make();
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(wrong); i++) {
		m->facts.link[0] = m->facts.link[1] = fine;
		m->facts.link[wrong[i].port] = wrong[i].link;
		CU_ASSERT(machine_says(m, wrong[i].what, BH_DOCTOR_COUNT));
		CU_ASSERT_EQUAL(m->report.n, 1);
		CU_ASSERT_STRING_EQUAL(m->report.finding[0].subject, wrong[i].subject);
		CU_ASSERT(strstr(m->report.finding[0].fix, wrong[i].fix) != NULL);
	}
	machine_free(m);
}

static void
an_interface_that_is_missing_is_found(void)
{
	struct machine *m = machine_make();

	m->facts.link[0].known = false;
	machine_put(m, "/proc/net/dev", "h\n  eth2: 1\n eth9: 2\n");
	CU_ASSERT(machine_says(m, BH_DOCTOR_IFACE_MISSING, BH_DOCTOR_COUNT));
	CU_ASSERT_STRING_EQUAL(m->report.finding[0].subject, "eth1");
	CU_ASSERT(strstr(m->report.finding[0].fix, "there are: eth2 eth9") != NULL);
	machine_free(m);
}

static void
an_address_on_a_port_is_found(void)
{
	struct machine *m = machine_make();

	m->facts.n_addresses = 2;
	m->facts.address[0] = (struct bh_doctor_address){.ifname = "eth0", .text = "10.0.0.9/24"};
	m->facts.address[1] = (struct bh_doctor_address){.ifname = "eth2", .text = "10.0.0.1/24"};
	CU_ASSERT(machine_says(m, BH_DOCTOR_IFACE_ADDRESS, BH_DOCTOR_COUNT));
	CU_ASSERT_EQUAL(m->report.n, 1);
	CU_ASSERT_STRING_EQUAL(m->report.finding[0].fix, "ip address del 10.0.0.1/24 dev eth2");
	machine_free(m);
}

static void
an_mtu_beyond_the_buffers_is_found(void)
{
	struct machine *m = machine_make();

	m->facts.link[0].mtu = m->facts.link[1].mtu = 1770;
	CU_ASSERT(machine_says(m, BH_DOCTOR_COUNT, BH_DOCTOR_COUNT));
	m->facts.link[0].mtu = m->facts.link[1].mtu = 1771;
	CU_ASSERT(machine_says(m, BH_DOCTOR_MTU_BUFFER, BH_DOCTOR_COUNT));
	CU_ASSERT_PTR_NOT_NULL(strstr(m->report.finding[0].fix, "memory.mbuf_size: 2049"));
	m->config.mbuf_size = 3648;
	CU_ASSERT(machine_says(m, BH_DOCTOR_COUNT, BH_DOCTOR_COUNT));
	machine_free(m);
}

static void
a_gateway_that_runs_is_noticed(void)
{
	struct machine *m = machine_make();
	struct bh_device device;
	char text[256];

	CU_ASSERT_EQUAL(bh_device_parse(&device, "iface:eth1", NULL), 0);
	snprintf(text, sizeof(text),
		 "Num\n0000: 00000002 00000000 00010000 0001 01 12345 @bulkhead/port/%s\n",
		 device.key);
	machine_put(m, "/proc/net/unix", text);
	/* It listens, and it has taken the hugepages: neither is a fault. */
	machine_put(m, "/proc/net/tcp", "h\n   0: 0100007F:2117 00000000:0000 0A 0:0\n");
	machine_put(m, "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "3\n");
	CU_ASSERT(machine_says(m, BH_DOCTOR_COUNT, BH_DOCTOR_COUNT));
	CU_ASSERT_TRUE(m->report.running);
	m->facts.link[1].merges = true;
	CU_ASSERT(machine_says(m, BH_DOCTOR_IFACE_MERGES, BH_DOCTOR_COUNT));
	CU_ASSERT_STRING_EQUAL(m->report.finding[0].subject, "eth2");
	/* Its start turns that off. */
	machine_put(m, "/proc/net/unix", "Num\n");
	machine_put(m, "/proc/net/tcp", "h\n");
	machine_put(m, "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "1024\n");
	CU_ASSERT(machine_says(m, BH_DOCTOR_COUNT, BH_DOCTOR_COUNT));
	machine_free(m);
}

static void
a_device_that_is_none_is_found(void)
{
	struct machine *m = machine_make();

	snprintf(m->config.port[0].device, sizeof(m->config.port[0].device), "eth1");
	CU_ASSERT(machine_says(m, BH_DOCTOR_PORT_DEVICE, BH_DOCTOR_COUNT));
	CU_ASSERT_STRING_EQUAL(m->report.finding[0].subject, "in");
	machine_free(m);
}

static const struct {
	enum bh_doctor_what what;
	const char *path, *text;
} one_card[] = {
	{BH_DOCTOR_COUNT, "/etc/passwd", "nobody:x:65534:65534::/:/bin/false\n"},
	{BH_DOCTOR_PCI_UNBOUND, "/sys/bus/pci/devices/0000:03:00.0/driver", NULL},
	{BH_DOCTOR_PCI_KERNEL, "/sys/bus/pci/devices/0000:03:00.0/driver", "@../../drivers/ixgbe"},
	{BH_DOCTOR_COUNT, "/sys/bus/pci/devices/0000:03:00.0/driver", "@../../drivers/mlx5_core"},
	{BH_DOCTOR_IOMMU_OFF, "/sys/kernel/iommu_groups/0/", NULL},
};

static void
a_card_is_ready_or_the_reason_is_told(void)
{
	struct machine *m;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(one_card); i++) {
		m = machine_make();
		machine_configure(m, card_config);
		machine_put(m, one_card[i].path, one_card[i].text);
		CU_ASSERT(machine_says(m, one_card[i].what, BH_DOCTOR_COUNT));
		machine_free(m);
	}
}

static void
a_card_that_is_missing_is_found(void)
{
	struct machine *m = machine_make();

	machine_configure(m, card_config);
	snprintf(m->config.port[0].device, sizeof(m->config.port[0].device), "0000:04:00.0");
	CU_ASSERT(machine_says(m, BH_DOCTOR_PCI_MISSING, BH_DOCTOR_COUNT));
	machine_free(m);
}

static void
vfio_and_iommu_are_asked_for_cards_alone(void)
{
	struct machine *m = machine_make();

	machine_put(m, "/sys/kernel/iommu_groups/0/", NULL);
	CU_ASSERT(machine_says(m, BH_DOCTOR_COUNT, BH_DOCTOR_COUNT));
	machine_configure(m, card_config);
	machine_put(m, "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
	CU_ASSERT(machine_says(m, BH_DOCTOR_IOMMU_UNSAFE, BH_DOCTOR_COUNT));
	machine_put(m, "/sys/bus/pci/drivers/vfio-pci/bind", NULL);
	machine_put(m, "/sys/bus/pci/drivers/vfio-pci/", NULL);
	CU_ASSERT(machine_says(m, BH_DOCTOR_VFIO_MISSING, BH_DOCTOR_COUNT));
	machine_free(m);
}

static void
without_a_configuration_no_port_is_looked_at(void)
{
	struct machine *m = machine_make();

	m->bare = true;
	machine_put(m, "/proc/net/dev", "h\n");
	machine_put(m, "/sys/devices/system/cpu/isolated", "\n");
	CU_ASSERT(machine_says(m, BH_DOCTOR_COUNT, BH_DOCTOR_COUNT));
	machine_free(m);
}

const struct bh_unit_test bh_suite_doctor_port[] = {
	BH_TEST(what_is_wrong_with_one_interface_is_found_alone),
	BH_TEST(an_interface_that_is_missing_is_found),
	BH_TEST(an_address_on_a_port_is_found),
	BH_TEST(an_mtu_beyond_the_buffers_is_found),
	BH_TEST(a_gateway_that_runs_is_noticed),
	BH_TEST(a_device_that_is_none_is_found),
	BH_TEST(a_card_is_ready_or_the_reason_is_told),
	BH_TEST(a_card_that_is_missing_is_found),
	BH_TEST(vfio_and_iommu_are_asked_for_cards_alone),
	BH_TEST(without_a_configuration_no_port_is_looked_at),
	BH_TEST_END,
};
