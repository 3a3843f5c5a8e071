/* Interfaces joined by the kernel: a classifier of four instructions on each. */
#include <errno.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "bypass.h"
#include "port_priv.h"
#include "rtnl.h"

/* Before everybody's filters, bh_drop's too. The handle tells ours from another one of that priority. */
#define JOIN_PRIORITY 1
#define JOIN_HANDLE 0xb1

static struct tcmsg
join_head(const struct bh_kif *k)
{
	return (struct tcmsg){
		.tcm_ifindex = k->index,
		.tcm_handle = JOIN_HANDLE,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
		.tcm_info = TC_H_MAKE(JOIN_PRIORITY << 16, htons(ETH_P_ALL)),
	};
}

/* return bpf_redirect(index, 0): out by that interface. */
static int
load_redirect(int index)
{
	const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = index},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 0},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bh_guard_load(BPF_PROG_TYPE_SCHED_CLS, code, BH_ARRAY_SIZE(code), 0, "bh_bypass");
}

static int
redirect(const struct bh_kif *from, const struct bh_kif *to)
{
	const struct tcmsg head = join_head(from);
	struct bh_nl m;
	int fd, rc;

	rc = bh_guard_clsact(from, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL);
	if (rc < 0 && rc != -EEXIST)
		return rc;
	fd = load_redirect(to->index);
	if (fd < 0)
		return fd;
	bh_nl_start(&m, RTM_NEWTFILTER, NLM_F_ACK | NLM_F_CREATE, &head, sizeof(head));
	rc = bh_guard_filter(&m, fd, "bh_bypass");
	close(fd);
	return rc;
}

static int
joined(const struct bh_kif *k)
{
	const struct tcmsg head = join_head(k);
	uint8_t reply[4096];
	struct bh_nl m;

	bh_nl_start(&m, RTM_GETTFILTER, 0, &head, sizeof(head));
	bh_nl_put(&m, TCA_KIND, "bpf", sizeof("bpf"));
	return bh_nl_ask(&m, reply, sizeof(reply)) == 0;
}

static int
part(const struct bh_kif *k)
{
	const struct tcmsg head = join_head(k);
	struct bh_nl m;

	if (!joined(k))
		return 0;
	bh_nl_start(&m, RTM_DELTFILTER, NLM_F_ACK, &head, sizeof(head));
	bh_guard_filter(&m, -1, NULL);
	return joined(k) ? -EBUSY : 0;
}

/* Up, promiscuous, silent; without the program of an AF_XDP socket that is gone, which would take frames before. */
static int
prepare(struct bh_kif *k, const char *name, struct bh_err *err)
{
	bool combined;
	int rc = bh_kif_open(k, name, err);

	if (rc == 0)
		rc = bh_guard_clear_xdp(k, err);
	if (rc == 0)
		rc = bh_kif_prepare(k, bh_kif_queues(k, &combined), err);
	return rc;
}

int
bh_bypass_join(const char *a, const char *b, struct bh_err *err)
{
	struct bh_kif x = {.fd = -1}, y = {.fd = -1};
	int rc = prepare(&x, a, err);

	if (rc == 0)
		rc = prepare(&y, b, err);
	if (rc < 0)
		goto out;
	rc = redirect(&x, &y);
	if (rc == 0)
		rc = redirect(&y, &x);
	if (rc < 0) {
		part(&x);
		part(&y);
		bh_err_set(err, -rc, "interfaces %s and %s cannot be joined: %s", a, b,
			   strerror(-rc));
	}
out:
	bh_kif_close(&x);
	bh_kif_close(&y);
	return rc;
}

int
bh_bypass_part(const char *name)
{
	struct bh_kif k = {.fd = -1};
	int rc;

	if (bh_kif_open(&k, name, NULL) < 0)
		return 0;
	rc = part(&k);
	bh_kif_close(&k);
	return rc;
}

int
bh_bypass_joined(const char *name)
{
	struct bh_kif k = {.fd = -1};
	int rc;

	if (bh_kif_open(&k, name, NULL) < 0)
		return 0;
	rc = joined(&k);
	bh_kif_close(&k);
	return rc;
}

int
bh_bypass_down(const char *name, struct bh_err *err)
{
	struct bh_kif k = {.fd = -1};
	int rc = bh_kif_open(&k, name, err);

	if (rc < 0)
		return rc;
	/* A bypass of an earlier failure must not come back with the link. */
	rc = part(&k);
	if (rc == 0)
		rc = bh_kif_up(&k, false);
	bh_kif_close(&k);
	return rc == 0 ? 0
		       : bh_err_set(err, -rc, "interface %s cannot be taken down: %s", name,
				    strerror(-rc));
}
