/* AF_PACKET only looks on: the kernel goes on to handle what the port received, and a veth peer may hand over
 * frames that no wire has seen. Two tiny bpf programs, written out as instructions, see to both. */
#include <errno.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "port_priv.h"
#include "rtnl.h"

/* One filter on the interface's clsact hook is ours. */
/* Behind the one of bypass.c. */
#define FILTER_PRIORITY 2
#define FILTER_HANDLE 1

#ifndef BPF_F_XDP_HAS_FRAGS
#define BPF_F_XDP_HAS_FRAGS (1U << 5)
#endif

int
bh_guard_load(uint32_t type, const struct bpf_insn *code, unsigned n, uint32_t flags,
	      const char *name)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.insns = (uint64_t)(uintptr_t)code;
	attr.insn_cnt = n;
	attr.license = (uint64_t)(uintptr_t) "BSD";
	attr.prog_flags = flags;
	memcpy(attr.prog_name, name, strlen(name));
	return bh_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* r0 = verdict; exit. */
static int
load_verdict(uint32_t type, int32_t verdict, uint32_t flags, const char *name)
{
	const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bh_guard_load(type, code, BH_ARRAY_SIZE(code), flags, name);
}

int
bh_guard_clsact(const struct bh_kif *k, uint16_t type, uint16_t flags)
{
	const struct tcmsg head = {.tcm_ifindex = k->index,
				   .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
				   .tcm_parent = TC_H_CLSACT};
	uint8_t reply[4096];
	struct bh_nl m;

	bh_nl_start(&m, type, (uint16_t)(NLM_F_ACK | flags), &head, sizeof(head));
	bh_nl_put(&m, TCA_KIND, "clsact", sizeof("clsact"));
	return bh_nl_ask(&m, reply, sizeof(reply));
}

int
bh_guard_filter(struct bh_nl *m, int fd, const char *name)
{
	const uint32_t direct = TCA_BPF_FLAG_ACT_DIRECT;
	uint8_t reply[4096];
	void *nest;

	bh_nl_put(m, TCA_KIND, "bpf", sizeof("bpf"));
	if (fd >= 0) {
		nest = bh_nl_put(m, TCA_OPTIONS | NLA_F_NESTED, NULL, 0);
		bh_nl_put(m, TCA_BPF_FD, &fd, sizeof(fd));
		bh_nl_put(m, TCA_BPF_NAME, name, strlen(name) + 1);
		bh_nl_put(m, TCA_BPF_FLAGS, &direct, sizeof(direct));
		bh_nl_nest_end(m, nest);
	}
	return bh_nl_ask(m, reply, sizeof(reply));
}

static struct tcmsg
filter_head(const struct bh_kif *k)
{
	return (struct tcmsg){
		.tcm_ifindex = k->index,
		.tcm_handle = FILTER_HANDLE,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
		.tcm_info = TC_H_MAKE(FILTER_PRIORITY << 16, htons(ETH_P_ALL)),
	};
}

int
bh_guard_drop(struct bh_kif *k)
{
	const struct tcmsg head = filter_head(k);
	struct bh_nl m;
	int fd, rc;

	rc = bh_guard_clsact(k, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL);
	/* Left by a process that was killed (bh_port_open knows), or somebody else's: our filter is
	 * added either way. */
	k->guard_qdisc |= rc == 0;
	if (rc < 0 && rc != -EEXIST)
		return rc;
	fd = load_verdict(BPF_PROG_TYPE_SCHED_CLS, TC_ACT_SHOT, 0, "bh_drop");
	if (fd < 0)
		return fd;
	bh_nl_start(&m, RTM_NEWTFILTER, NLM_F_ACK | NLM_F_CREATE, &head, sizeof(head));
	rc = bh_guard_filter(&m, fd, "bh_drop");
	close(fd);
	if (rc < 0)
		return rc;
	k->guarded = true;
	return 0;
}

int
bh_guard_whole(struct bh_kif *k)
{
	union bpf_attr attr;
	int fd, rc;

	/* has_frags lifts the limit of one page that XDP sets to the peer's MTU. */
	fd = load_verdict(BPF_PROG_TYPE_XDP, XDP_PASS, BPF_F_XDP_HAS_FRAGS, "bh_whole");
	if (fd < 0)
		return fd;
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = (uint32_t)fd;
	attr.link_create.target_ifindex = (uint32_t)k->index;
	attr.link_create.attach_type = BPF_XDP;
	attr.link_create.flags = 1U
				 << 2; /* XDP_FLAGS_DRV_MODE: only the driver's own XDP does it */
	rc = bh_bpf(BPF_LINK_CREATE, &attr, sizeof(attr));
	close(fd);
	if (rc < 0)
		return rc;
	k->xdp_link = rc;
	return 0;
}

void
bh_guard_remove(struct bh_kif *k)
{
	const struct tcmsg head = filter_head(k);
	struct bh_nl m;

	if (k->xdp_link >= 0)
		close(k->xdp_link);
	k->xdp_link = -1;
	if (!k->guarded)
		return;
	k->guarded = false;
	if (k->guard_qdisc) {
		bh_guard_clsact(k, RTM_DELQDISC, 0);
		return;
	}
	bh_nl_start(&m, RTM_DELTFILTER, NLM_F_ACK, &head, sizeof(head));
	bh_guard_filter(&m, -1, NULL);
}

/* An XDP program that AF_XDP left behind when its process was killed still sends all frames to a socket that is
 * gone. We hold the lock, so it is nobody's; a program of another name is somebody's. */
int
bh_guard_clear_xdp(const struct bh_kif *k, struct bh_err *err)
{
	struct bh_rtnl_link link;
	char name[16];

	if (bh_rtnl_link(k->index, &link) < 0 || link.xdp_prog == 0)
		return 0;
	bh_bpf_prog_name(link.xdp_prog, name);
	if (strncmp(name, "xsk_def_prog", 12) != 0 && strncmp(name, "xdp_dispatcher", 14) != 0)
		return bh_err_set(err, EBUSY,
				  "interface %s has the XDP program '%s' of another application; "
				  "stop that, or take it off with 'ip link set dev %s xdp off'",
				  k->name, name, k->name);
	return bh_rtnl_xdp_detach(k->index);
}
