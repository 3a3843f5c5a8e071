/* What the files of this room share. */
#ifndef BH_CONF_PRIV_H
#define BH_CONF_PRIV_H

#include "../net/net.h"
#include "conf.h"

struct yaml_parser_s;

/* Set err from the parser's failure; text is what it was reading. Returns -errno. */
int bh_yaml_problem(const struct bh_yaml_doc *doc, const struct yaml_parser_s *parser,
		    const char *text, size_t len, struct bh_err *err);

/* One reading of bulkhead.yaml. */
struct bh_config_reader {
	const struct bh_yaml_doc *doc;
	struct bh_config *c;
	struct bh_err *err;
	bool need_ports;
};

/* The node at a dotted path, or NULL. */
const struct bh_yaml *bh_config_node(const struct bh_config_reader *r, const char *path);

/* Is it a list of at most `most` {type: ..., ...}? 0 or -EINVAL, told. */
int bh_config_check_maps(struct bh_config_reader *r, const struct bh_yaml *node, unsigned most,
			 const char *what);

/* Readers of config_list.def: fill r->c from the node. */
#define BH_CONFIG_LIST(reader, path, form, def, text)                                              \
	int bh_config_read_##reader(struct bh_config_reader *r, const struct bh_yaml *node);
#include "config_list.def"
#undef BH_CONFIG_LIST

/* config_threat.c: index of a segment's name among those of threats and quotas; a new one is added. */
int bh_config_threat_segment(struct bh_config_reader *r, const struct bh_yaml *node,
			     unsigned *index);

/* config_secret.c: a secret's place as written; "file:" is taken off. */
int bh_config_check_secret(struct bh_config_reader *r, const char *key, char *field);
/* What Vault needs to be asked. */
int bh_config_check_vault(struct bh_config_reader *r);

void bh_config_default_learn(struct bh_config *c); /* config_learn.c */

/* What no key can say alone. */
int bh_config_check(struct bh_config_reader *r);
/* config_fleet.c */
int bh_config_check_fleet(struct bh_config_reader *r);
/* config_pair.c */
int bh_config_check_pair(struct bh_config_reader *r);

/* Kernel interface that a device text names ("iface:eth1", "packet:eth1", "net_af_xdp0,iface=eth1"),
 * or "". */
void bh_device_iface(const char *device, char *out, size_t size);

#endif
