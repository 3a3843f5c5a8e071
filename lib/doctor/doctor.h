/* doctor: what is wrong with the machine that a gateway runs on, or is to run on, and how to mend it.
 *
 * Usage     bh_doctor_look() asks the system for what no file tells, bh_doctor_examine() reads the rest from /proc, /sys, /etc
 *           and the files that the configuration names, and fills a report; callers add what they know of
 *           (bh_doctor_add): a policy that does not compile, what a running gateway says.
 * Table     doctor.def: a line for each thing that can be wrong.
 * Threads   none; a report belongs to its caller. Nothing is changed on the machine.
 * Lifetime  what params point to outlives the call; a report holds copies.
 * Tests     every path is below params.root, and what no file tells comes as a value: a folder of made files is a machine.
 */
#ifndef BH_DOCTOR_H
#define BH_DOCTOR_H

#include "../base/base.h"
#include "../conf/conf.h"

enum bh_doctor_severity { BH_DOCTOR_SEVERITY_WARNING, BH_DOCTOR_SEVERITY_FAULT };

enum bh_doctor_what {
#define BH_DOCTOR(sym, name, severity, title, why, fix) BH_DOCTOR_##sym,
#include "doctor.def"
#undef BH_DOCTOR
	BH_DOCTOR_COUNT
};

struct bh_doctor_info {
	const char *name;
	enum bh_doctor_severity severity;
	const char *title, *why, *fix;
};
const struct bh_doctor_info *bh_doctor_info(enum bh_doctor_what what);
const char *bh_doctor_severity_name(enum bh_doctor_severity s); /* "fault", "warning" */

/* ---- what no file tells -------------------------------------------------------------------------- */

#define BH_DOCTOR_ADDRESSES 64

struct bh_doctor_address {
	char ifname[BH_IFNAME_SIZE];
	char text[64]; /* "10.0.0.1/24" */
};

/* By netlink, not by /sys/class/net, which shows the namespace that it was mounted in. */
struct bh_doctor_link {
	bool known; /* the rest holds */
	bool up, carrier, enslaved;
	bool merges; /* GRO or LRO is on */
	unsigned mtu, rx_queues;
};

struct bh_doctor_facts {
	unsigned uid;         /* of whoever asks: rights are its */
	unsigned user, group; /* whom the gateway runs as: files are its */
	int landlock;         /* version of its interface; 0: none */
	int af_xdp;           /* of making a socket: 0 or -errno */
	bool clock_synchronised;
	unsigned n_addresses;
	struct bh_doctor_address address[BH_DOCTOR_ADDRESSES];
	struct bh_doctor_link link[BH_MAX_PORTS]; /* by port: its interface */
};
/* Of this machine. c: NULL, or whose ports' interfaces are looked at. */
void bh_doctor_look(struct bh_doctor_facts *out, const struct bh_config *c);

/* ---- the examination ------------------------------------------------------------------------------ */

struct bh_doctor_params {
	const char *root; /* in front of every path: "" is this machine */
	const struct bh_doctor_facts *facts;
	const struct bh_config *config; /* NULL: the machine alone */
	/* Free bytes of the file system that holds a path (below root); -errno when it cannot be told. NULL: statvfs. */
	int (*space)(void *arg, const char *path, uint64_t *out);
	void *arg;
};

struct bh_doctor_finding {
	enum bh_doctor_what what;
	char subject[256]; /* what it is about: an interface, a CPU, a file; "" for the machine */
	char text[320];    /* what was seen there */
	char fix[1400];
};

#define BH_DOCTOR_FINDINGS 128

struct bh_doctor_report {
	unsigned n, n_faults, n_warnings;
	unsigned n_more; /* that found no room */
	bool running;    /* a gateway has a port of the configuration */
	struct bh_doctor_finding finding[BH_DOCTOR_FINDINGS];
};

/* Examine: findings are appended to a report that was zeroed. */
void bh_doctor_examine(const struct bh_doctor_params *p, struct bh_doctor_report *out);

/* A finding: subject and value go into its fix at {} and {value}; NULL is "". */
void bh_doctor_add(struct bh_doctor_report *r, enum bh_doctor_what what, const char *subject,
		   const char *value, const char *fmt, ...) BH_PRINTF(5, 6);

#endif
