/* What a gateway's kernel interfaces do when it is gone: joined by the kernel, or taken down.
 *
 * Usage     whoever watches over a gateway (app/bulkhead-bypass), after its process has ended; never while it runs.
 *           What is done stays in the kernel, whatever becomes of the caller, until a gateway's bh_port_start()
 *           parts the interface again (bypass), or its bh_port_open() brings it up (down).
 * Threads   any, one at a time an interface. In the network namespace of the interfaces.
 * Frames    bh_bypass_join puts a bpf classifier on the ingress of each of the two, which hands every frame to the
 *           other one, as it is: tags, checksums that are not complete, segments to be cut. It comes before anything
 *           of the kernel's own, so that no frame goes both ways, and before our own drop filter.
 */
#ifndef BH_PORT_BYPASS_H
#define BH_PORT_BYPASS_H

#include "../base/base.h"

/* Join two interfaces, up and promiscuous. XDP programs that AF_XDP has left there are taken off. 0, or -errno with err
 * set; then neither passes anything to the other. */
int bh_bypass_join(const char *a, const char *b, struct bh_err *err);
/* No frame goes on by itself any more. 0, also when none did; -EBUSY: it still does. */
int bh_bypass_part(const char *name);
/* 1: joined to another one, 0: not, or there is no such interface. */
int bh_bypass_joined(const char *name);
/* Take its link down. */
int bh_bypass_down(const char *name, struct bh_err *err);

#endif
