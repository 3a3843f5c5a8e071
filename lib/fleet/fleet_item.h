/* fleet_item: what gateways share besides the policy, as it stands in etcd.
 *
 * Usage     *_write() and *_name() for bh_fleet_put(), *_read() for what bh_fleet_params.item is given.
 * Threads   any; nothing is shared.
 * Lifetime  what was read holds its strings until it is freed.
 */
#ifndef BH_FLEET_ITEM_H
#define BH_FLEET_ITEM_H

#include <jansson.h>

#include "../learn/learn.h"
#include "../policy/policy.h"
#include "fleet.h"

#define BH_FLEET_ITEM_NAME 128
#define BH_FLEET_VALUES 512 /* of a conversation's operations */

/* "0/10.0.0.1/32": the tenant, and the address. */
void bh_fleet_endpoint_name(const struct bh_endpoint *e, char out[BH_FLEET_ITEM_NAME]);
void bh_fleet_endpoint_write(struct bh_buf *b, const struct bh_endpoint *e);

struct bh_fleet_endpoint {
	struct bh_endpoint_change change; /* PUT, or DELETE */
	struct bh_label label[BH_LABELS_MAX];
	json_t *doc;
};
/* value NULL: it is gone. 0, or -EINVAL: it is none; the syntax of labels is the policy's to check. */
int bh_fleet_endpoint_read(struct bh_fleet_endpoint *out, const char *name, const char *value,
			   size_t len);
void bh_fleet_endpoint_free(struct bh_fleet_endpoint *e);

/* "gw-a/" and a hash of what makes it this conversation. */
void bh_fleet_learned_name(const char *gateway, const struct bh_conversation *c,
			   char out[BH_FLEET_ITEM_NAME]);
/* With this gateway's own figures. */
void bh_fleet_learned_write(struct bh_buf *b, const struct bh_conversation *c);

struct bh_fleet_learned {
	char gateway[BH_FLEET_NAME];
	struct bh_conversation c;
	struct bh_learn_value value[BH_FLEET_VALUES];
	json_t *doc;
};
/* 0, or -EINVAL: it is none. */
int bh_fleet_learned_read(struct bh_fleet_learned *out, const char *name, const char *value,
			  size_t len);
void bh_fleet_learned_free(struct bh_fleet_learned *l);

#endif
