/* What DPDK writes to its log, kept and turned into a sentence that says what to do. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_log.h>

#include "port_priv.h"

void
bh_capture_begin(struct bh_capture *c)
{
	c->text = NULL;
	c->len = 0;
	c->before = rte_log_get_stream();
	c->stream = open_memstream(&c->text, &c->len);
	if (c->stream != NULL)
		rte_openlog_stream(c->stream);
}

void
bh_capture_end(struct bh_capture *c)
{
	if (c->stream == NULL)
		return;
	rte_openlog_stream(c->before);
	fclose(c->stream);
	c->stream = NULL;
}

void
bh_capture_free(struct bh_capture *c)
{
	free(c->text);
	c->text = NULL;
}

/* libbpf's and libxdp's levels begin with warnings; the rest is talk. */
static int
bpf_says(int level, const char *fmt, va_list ap)
{
	return level == 0 ? rte_vlog(RTE_LOG_ERR, RTE_LOGTYPE_EAL, fmt, ap) : 0;
}

void
bh_quiet_bpf(void)
{
	static const char *const libs[][2] = {{"libbpf.so.1", "libbpf_set_print"},
					      {"libxdp.so.1", "libxdp_set_print"}};
	int (*(*set_print)(int (*)(int, const char *, va_list)))(int, const char *, va_list);
	size_t i;
	void *h;

	/* AF_XDP's driver brought them; without it there is nothing to do. */
	for (i = 0; i < BH_ARRAY_SIZE(libs); i++) {
		h = dlopen(libs[i][0], RTLD_NOW | RTLD_NOLOAD);
		if (h == NULL)
			continue;
		*(void **)&set_print = dlsym(h, libs[i][1]);
		if (set_print != NULL)
			set_print(bpf_says);
		dlclose(h);
	}
}

static const struct {
	const char *said;
	const char *meant;
} known[] = {
	{"Cannot get hugepage information",
	 "the hugepages cannot be used; set some up with deploy/hugepages.sh, or set "
	 "memory.hugepages to off"},
	{"No free hugepages", "no hugepages are free; set some up with deploy/hugepages.sh, or set "
			      "memory.hugepages to off"},
	{"couldn't allocate memory", "there is not enough memory; make memory.mbufs smaller"},
	{"Cannot allocate memory", "there is not enough memory; make memory.mbufs smaller"},
	{"lcore", "a core of cores.control or cores.workers cannot be used; see 'lscpu -e'"},
	{"FATAL: Cannot init memory", "memory cannot be set up; set memory.hugepages to off, or "
				      "make memory.mbufs smaller"},
	{"larger than combined queue count",
	 "the interface has fewer queues than queue_count; see 'ethtool -l'"},
	{"Failed to create umem",
	 "the kernel does not take the buffers for AF_XDP; it needs CAP_IPC_LOCK or a higher "
	 "'ulimit -l', and memory.mbuf_size at most 3648"},
	{"Failed to create xsk socket", "the kernel does not give an AF_XDP socket on it"},
	{"Invalid kvargs", "its devargs have a key or value that this driver does not know"},
	{"failed to parse device", "there is no driver of that name"},
	{"will not fit in mbuf", "memory.mbuf_size is smaller than the device's frames"},
	{"Could not open AF_PACKET socket", "a packet socket is not allowed; it needs CAP_NET_RAW"},
	{"could not open AF_PACKET socket", "a packet socket is not allowed; it needs CAP_NET_RAW"},
	{"cannot open VFIO container",
	 "VFIO is not available; load vfio-pci and bind the device with deploy/bind-nic.sh"},
	{"not managed by VFIO driver",
	 "no user-space driver is bound to it; bind it with deploy/bind-nic.sh"},
	{"No valid PCI device", "there is no such PCI device; see 'lspci -D'"},
	{"failed to open /dev/net/tun", "/dev/net/tun cannot be opened; it needs CAP_NET_ADMIN"},
	{"Operation not permitted", "it is not permitted; run as root"},
	{"Permission denied", "it is not permitted; run as root"},
};

/* The last line that says something: EAL ends a failed probe with words that do not. */
static void
last_line(const char *text, char *out, size_t size)
{
	size_t end = strlen(text), start;

	for (;;) {
		while (end > 0 && (text[end - 1] == '\n' || text[end - 1] == ' '))
			end--;
		for (start = end; start > 0 && text[start - 1] != '\n'; start--)
			;
		snprintf(out, size, "%.*s", (int)(end - start), text + start);
		if (start == 0 || (strstr(out, "Failed to attach device on") == NULL &&
				   strstr(out, "cannot attach the device") == NULL &&
				   strstr(out, "failed to initialize ") == NULL))
			return;
		end = start;
	}
}

/* What the kernel itself gave as reason (netlink's extended ack, passed on by libbpf), else DPDK's last line. */
static void
quote(const char *text, char *out, size_t size)
{
	static const char mark[] = "Kernel error message: ";
	const char *said = strstr(text, mark);
	char last[200];

	if (said != NULL) {
		said += sizeof(mark) - 1;
		snprintf(out, size, "the kernel: \"%.*s\"", (int)strcspn(said, "\n"), said);
		return;
	}
	last_line(text, last, sizeof(last));
	snprintf(out, size, "DPDK: \"%s\"", last);
}

void
bh_explain(const char *text, char *out, size_t size)
{
	char quoted[256];
	size_t i;

	if (text == NULL || text[0] == '\0') {
		snprintf(out, size, "DPDK gives no reason");
		return;
	}
	quote(text, quoted, sizeof(quoted));
	for (i = 0; i < BH_ARRAY_SIZE(known); i++) {
		if (strstr(text, known[i].said) != NULL) {
			snprintf(out, size, "%s (%s)", known[i].meant, quoted);
			return;
		}
	}
	snprintf(out, size, "%s", quoted);
}
