/* part: what the files share that write a part of a policy document: part.c, part_sensor.c, part_netpol.c. */
#ifndef BH_KUBE_PART_H
#define BH_KUBE_PART_H

#include "kube_priv.h"

#define BH_KUBE_GATEWAYS "gateway/" /* before the name of what the gateway has itself */

struct bh_kube_writing {
	const struct bh_kube_wish *wish;
	size_t n;
	const struct bh_config *config;
	json_t *segment[BH_CONFIG_SOURCES], *sensor[BH_CONFIG_SOURCES]; /* name: spec */
	struct bh_buf segments, rules, sensors, attach;                 /* lines */
	struct bh_err *err;
};

/* -EINVAL, with these words. */
int bh_kube_refuse(struct bh_kube_writing *p, const char *fmt, ...) BH_PRINTF(2, 3);
const char *bh_kube_cluster_of(const struct bh_kube_writing *p, const struct bh_kube_wish *w);
/* known: ends with NULL. what: "rule 3", in words. */
int bh_kube_known_keys(struct bh_kube_writing *p, const json_t *map, const char *const known[],
		       const char *what);
/* One line, of which YAML reads what JSON means. 0 or -ENOMEM. */
int bh_kube_write_line(struct bh_buf *out, const char *before, const json_t *o);
/* rule[key], a list of segments, becomes their names in the document. *own: each is pods of the cluster by labels alone. */
int bh_kube_write_side(struct bh_kube_writing *p, const struct bh_kube_wish *w, const char *key,
		       json_t *rule, bool *own);

/* part_sensor.c: one BulkheadSensor, with what it is attached to; the sensors that a rule of this id names. */
int bh_kube_write_sensor(struct bh_kube_writing *p, const struct bh_kube_wish *w);
int bh_kube_write_rule_sensors(struct bh_kube_writing *p, const struct bh_kube_wish *w,
			       const json_t *rule, const char *id);
/* part_netpol.c: all NetworkPolicies of a source. */
int bh_kube_write_netpols(struct bh_kube_writing *p, unsigned source);

#endif
