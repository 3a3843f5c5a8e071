/* Netlink messages in the making; control thread. */
#ifndef BH_PORT_RTNL_H
#define BH_PORT_RTNL_H

#include <linux/netlink.h>

#include "../base/base.h"

/* One request; 1 KiB holds any that this room sends. */
struct bh_nl {
	struct nlmsghdr h;
	uint8_t room[1024];
};

void bh_nl_start(struct bh_nl *m, uint16_t type, uint16_t flags, const void *head, size_t len);
/* Append an attribute; an empty one may be kept open as a nest until bh_nl_nest_end. */
void *bh_nl_put(struct bh_nl *m, uint16_t type, const void *data, size_t len);
void bh_nl_nest_end(struct bh_nl *m, void *nest);
/* Send, take one answer. 0 or -errno, also the kernel's. */
int bh_nl_ask(struct bh_nl *m, void *reply, size_t size);

/* bpf(2): a file descriptor, 0, or -errno. */
int bh_bpf(int command, void *attr, size_t size);

#endif
