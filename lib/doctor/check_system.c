/* Kernel, rights, clock. */
#include <stdio.h>
#include <stdlib.h>

#include "doctor_priv.h"

static const struct {
	const char *name;
	unsigned bit;
} rights[] = {{"CAP_NET_ADMIN", 12}, {"CAP_NET_RAW", 13}, {"CAP_IPC_LOCK", 14},
	      {"CAP_SETUID", 7},     {"CAP_SETGID", 6},   {"CAP_BPF", 39}};

static bool
has_interface_port(const struct bh_config *c)
{
	struct bh_device device;
	unsigned i;

	for (i = 0; c != NULL && i < c->n_ports; i++) {
		if (bh_device_parse(&device, c->port[i].device, NULL) == 0 &&
		    (device.kind == BH_DEVICE_IFACE || device.af_xdp))
			return true;
	}
	return false;
}

static void
check_kernel(const struct bh_doctor *d)
{
	unsigned major, minor;
	char text[128];
	uint64_t jit;

	if (!has_interface_port(d->c))
		return;
	/* 5.4: need_wakeup, which the driver asks for. */
	if (bh_doctor_read(d, text, sizeof(text), "/proc/sys/kernel/osrelease") &&
	    sscanf(text, "%u.%u", &major, &minor) == 2 && (major < 5 || (major == 5 && minor < 4)))
		bh_doctor_add(d->r, BH_DOCTOR_KERNEL_OLD, "", "", "it is %s", text);
	if (bh_doctor_number(d, &jit, "/proc/sys/net/core/bpf_jit_enable") && jit == 0)
		bh_doctor_add(d->r, BH_DOCTOR_BPF_JIT_OFF, "", "", "net.core.bpf_jit_enable is 0");
	if (d->facts->af_xdp != 0)
		bh_doctor_add(d->r, BH_DOCTOR_AF_XDP_MISSING, "", "", "its socket is refused: %s",
			      strerror(-d->facts->af_xdp));
}

static void
check_sandbox(const struct bh_doctor *d)
{
	struct stat st;

	if (d->c != NULL && !d->c->sandbox)
		return;
	if (d->facts->landlock == 0)
		bh_doctor_add(d->r, BH_DOCTOR_LANDLOCK_MISSING, "", "",
			      "files are not confined, all else is");
	if (!bh_doctor_stat(d, &st, "/proc/sys/kernel/seccomp/actions_avail"))
		bh_doctor_add(d->r, BH_DOCTOR_SECCOMP_MISSING, d->c != NULL ? d->c->path : "", "",
			      "/proc/sys/kernel/seccomp is not there");
}

static void
check_rights(const struct bh_doctor *d)
{
	char *text = bh_doctor_text(d, "/proc/self/status"), word[64], missing[128] = "";
	uint64_t have;
	size_t len = 0, i;

	if (text == NULL)
		return;
	if (bh_doctor_field(text, "CapEff", word, sizeof(word))) {
		have = strtoull(word, NULL, 16);
		for (i = 0; i < BH_ARRAY_SIZE(rights); i++) {
			if ((have >> rights[i].bit & 1) == 0)
				len += (size_t)snprintf(missing + len, sizeof(missing) - len, " %s",
							rights[i].name);
		}
	}
	if (len != 0)
		bh_doctor_add(d->r, BH_DOCTOR_RIGHTS_MISSING, d->c != NULL ? d->c->path : "CONFIG",
			      "", "user %u lacks%s", d->facts->uid, missing);
	free(text);
}

/* Of /etc/passwd; where users come from elsewhere (sss, ldap), nothing can be said. */
static void
check_user(const struct bh_doctor *d)
{
	char *text, *at, *line, ways[4096];
	bool found = false;
	size_t len;

	if (d->c == NULL || d->facts->uid != 0 || strcmp(d->c->api_listen, "off") == 0)
		return;
	len = strlen(d->c->api_user);
	text = bh_doctor_text(d, "/etc/passwd");
	at = text;
	while (!found && (line = bh_doctor_line(&at)) != NULL)
		found = strncmp(line, d->c->api_user, len) == 0 && line[len] == ':';
	bh_doctor_read(d, ways, sizeof(ways), "/etc/nsswitch.conf");
	if (text != NULL && !found && !bh_doctor_has_word(ways, "sss") &&
	    !bh_doctor_has_word(ways, "ldap"))
		bh_doctor_add(d->r, BH_DOCTOR_USER_MISSING, d->c->api_user, "",
			      "/etc/passwd has no %s", d->c->api_user);
	free(text);
}

static void
check_clock(const struct bh_doctor *d)
{
	static const char slow[] = "hpet acpi_pm jiffies refined-jiffies pit xen";
	char source[64];
	uint64_t bits;

	if (!d->facts->clock_synchronised)
		bh_doctor_add(d->r, BH_DOCTOR_CLOCK_UNSYNCHRONISED, "", "",
			      "the kernel says so: no NTP or PTP program disciplines it");
	if (bh_doctor_read(d, source, sizeof(source),
			   "/sys/devices/system/clocksource/clocksource0/current_clocksource") &&
	    bh_doctor_has_word(slow, source))
		bh_doctor_add(d->r, BH_DOCTOR_CLOCKSOURCE, "", "", "it is %s", source);
	/* 256 since Linux 5.18, whatever happens. */
	if (bh_doctor_number(d, &bits, "/proc/sys/kernel/random/entropy_avail") && bits < 128)
		bh_doctor_add(d->r, BH_DOCTOR_ENTROPY_LOW, "", "", "%llu bits",
			      (unsigned long long)bits);
}

void
bh_doctor_check_system(const struct bh_doctor *d)
{
	check_rights(d);
	check_user(d);
	check_kernel(d);
	check_sandbox(d);
	check_clock(d);
}
