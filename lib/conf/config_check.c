/* What no key of the configuration can say alone. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf_priv.h"

/* Where to point for a key that may be absent: at it, else at the document. */
static const struct bh_yaml *
node_or_root(const struct bh_config_reader *r, const char *path)
{
	const struct bh_yaml *node = bh_config_node(r, path);

	return node != NULL ? node : bh_yaml_root(r->doc);
}

/* The end of a pair: index of the port that it names. */
static int
resolve_end(struct bh_config_reader *r, const struct bh_yaml *map, const char *key, uint8_t *out)
{
	const struct bh_yaml *node = bh_yaml_get(map, key);
	const struct bh_config *c = r->c;
	const char *name, *best = NULL;
	unsigned i, distance = 0;
	int rc;

	if (node == NULL)
		return bh_yaml_err(r->doc, map, r->err,
				   "a pair lacks '%s': name the port on that side", key);
	rc = bh_yaml_str(r->doc, node, &name, r->err);
	if (rc != 0)
		return rc;
	for (i = 0; i < c->n_ports; i++) {
		if (strcmp(c->port[i].name, name) == 0) {
			*out = (uint8_t)i;
			return 0;
		}
		bh_word_nearest(name, c->port[i].name, &best, &distance);
	}
	if (best != NULL)
		return bh_yaml_err(r->doc, node, r->err,
				   "no port is named '%.40s': did you mean '%s'?", name, best);
	return bh_yaml_err(r->doc, node, r->err, "no port is named '%.40s': add it under 'ports'",
			   name);
}

static int
check_pair(struct bh_config_reader *r, const struct bh_yaml *map, unsigned index,
	   const char *user[BH_MAX_PORTS])
{
	static const char *const keys[] = {"inside", "outside"};
	struct bh_config_pair *p = &r->c->pair[index];
	uint8_t end[2];
	unsigned i;
	int rc;

	for (i = 0; i < 2; i++) {
		rc = resolve_end(r, map, keys[i], &end[i]);
		if (rc != 0)
			return rc;
		if (i == 1 && end[0] == end[1])
			return bh_yaml_err(r->doc, bh_yaml_get(map, keys[i]), r->err,
					   "port '%s' is both sides of pair '%s': a pair joins two "
					   "ports",
					   r->c->port[end[i]].name, p->name);
		if (user[end[i]] != NULL)
			return bh_yaml_err(
				r->doc, bh_yaml_get(map, keys[i]), r->err,
				"port '%s' is already in pair '%s': a port is in one pair "
				"only",
				r->c->port[end[i]].name, user[end[i]]);
	}
	p->inside = end[0];
	p->outside = end[1];
	user[end[0]] = user[end[1]] = p->name;
	return 0;
}

static int
check_ports(struct bh_config_reader *r)
{
	const struct bh_yaml *pairs = bh_config_node(r, "pairs"), *ports;
	const char *user[BH_MAX_PORTS] = {NULL};
	const struct bh_config *c = r->c;
	unsigned i;
	int rc;

	if (r->need_ports && c->n_ports == 0)
		return bh_yaml_err(r->doc, node_or_root(r, "ports"), r->err,
				   "no ports: list two devices under 'ports' and join them under "
				   "'pairs'");
	if (r->need_ports && c->n_pairs == 0)
		return bh_yaml_err(
			r->doc, node_or_root(r, "pairs"), r->err,
			"no pairs: say under 'pairs' which port is the inside and which the "
			"outside");
	for (i = 0; i < c->n_pairs; i++) {
		rc = check_pair(r, pairs->item[i], i, user);
		if (rc != 0)
			return rc;
	}
	ports = bh_config_node(r, "ports");
	for (i = 0; r->need_ports && i < c->n_ports; i++) {
		if (user[i] == NULL)
			return bh_yaml_err(
				r->doc, ports->item[i], r->err,
				"port '%s' is in no pair: nothing would be forwarded; join "
				"it under 'pairs' or remove it",
				c->port[i].name);
	}
	return 0;
}

static int
check_cores(struct bh_config_reader *r)
{
	const struct bh_yaml *node = bh_config_node(r, "cores.workers");
	const struct bh_config *c = r->c;
	unsigned i;

	for (i = 0; !c->share_core && i < c->n_workers; i++) {
		if (c->worker_core[i] != c->control_core)
			continue;
		return bh_yaml_err(r->doc, node, r->err,
				   "core %u is the control core (cores.control): give the worker "
				   "another one; on a machine with one core set cores.share: true",
				   c->worker_core[i]);
	}
	return 0;
}

static int
check_memory(struct bh_config_reader *r)
{
	const struct bh_config *c = r->c;
	/* A queue's receive ring is always full of buffers and its transmit ring may be. */
	uint64_t workers = c->n_workers != 0 ? c->n_workers : 1,
		 held = c->n_ports * workers * c->descriptors * 2;

	if ((c->event_ring & (c->event_ring - 1)) != 0)
		return bh_yaml_err(r->doc, node_or_root(r, "events.ring"), r->err,
				   "expected a power of two such as 4096 or 8192, found %llu",
				   (unsigned long long)c->event_ring);
	if ((c->evidence_ring & (c->evidence_ring - 1)) != 0)
		return bh_yaml_err(r->doc, node_or_root(r, "evidence.ring"), r->err,
				   "expected a power of two such as 16M or 32M, found %llu",
				   (unsigned long long)c->evidence_ring);
	if (r->need_ports && c->mbufs < held)
		return bh_yaml_err(
			r->doc, node_or_root(r, "memory.mbufs"), r->err,
			"%llu packet buffers are fewer than the queues of %u ports and %llu "
			"workers can hold: set memory.mbufs to %llu or more, or "
			"memory.descriptors lower",
			(unsigned long long)c->mbufs, c->n_ports, (unsigned long long)workers,
			(unsigned long long)held);
	return 0;
}

/* What reassembly keeps must leave buffers to receive into, or nothing that is missing ever comes. */
static int
check_streams(struct bh_config_reader *r)
{
	const struct bh_config *c = r->c;
	uint64_t workers = c->n_workers != 0 ? c->n_workers : 1;

	if (c->stream_packets != 0 && c->stream_packets < 64)
		return bh_yaml_err(r->doc, node_or_root(r, "streams.packets"), r->err,
				   "expected 0 or a number from 64 on, found %llu",
				   (unsigned long long)c->stream_packets);
	if (r->need_ports && c->stream_packets * workers > c->mbufs / 2)
		return bh_yaml_err(r->doc, node_or_root(r, "streams.packets"), r->err,
				   "%llu packets kept by each of %llu workers are more than half "
				   "of the packet buffers: set memory.mbufs to %llu or more, or "
				   "streams.packets lower",
				   (unsigned long long)c->stream_packets,
				   (unsigned long long)workers,
				   (unsigned long long)(c->stream_packets * workers * 2));
	return 0;
}

static int
check_tunnels(struct bh_config_reader *r)
{
	const struct bh_config *c = r->c;
	unsigned i, k;

	for (i = 0; i < BH_ARRAY_SIZE(c->vxlan_port); i++) {
		for (k = 0; k < BH_ARRAY_SIZE(c->geneve_port); k++) {
			if (c->vxlan_port[i] == 0 || c->vxlan_port[i] != c->geneve_port[k])
				continue;
			return bh_yaml_err(
				r->doc, node_or_root(r, "tunnels"), r->err,
				"UDP port %u is listed for VXLAN and for Geneve: it can be one "
				"of them",
				c->vxlan_port[i]);
		}
	}
	return 0;
}

/* "127.0.0.1:8471", "[::1]:8471", "off". */
static int
check_listen(struct bh_config_reader *r)
{
	const char *text = r->c->api_listen, *colon = strrchr(text, ':');
	struct bh_prefix p;
	char addr[64], *end;
	unsigned long port;
	size_t n;

	if (strcmp(text, "off") == 0)
		return 0;
	if (colon != NULL && colon[1] >= '0' && colon[1] <= '9') {
		port = strtoul(colon + 1, &end, 10);
		n = (size_t)(colon - text);
		if (n >= 2 && text[0] == '[' && text[n - 1] == ']')
			snprintf(addr, sizeof(addr), "%.*s", (int)n - 2, text + 1);
		else
			snprintf(addr, sizeof(addr), "%.*s", (int)n, text);
		if (*end == '\0' && port <= 65535 && strchr(addr, '/') == NULL &&
		    bh_prefix_parse(addr, &p, NULL) == 0 && (p.family == 6) == (text[0] == '['))
			return 0;
	}
	return bh_yaml_err(
		r->doc, node_or_root(r, "api.listen"), r->err,
		"expected an address and a port such as 127.0.0.1:8471 or [::1]:8471, or "
		"off, found '%.60s'",
		text);
}

/* Without a policy there is nothing to protect by: only discover makes sense, and only if that is what
 * was meant. The replay tool is a way to look at captures: there it is the default. */
static int
check_mode(struct bh_config_reader *r)
{
	const struct bh_yaml *node = bh_config_node(r, "mode");
	struct bh_config *c = r->c;

	if (c->policy_file[0] != '\0' || c->store_path[0] != '\0' || c->mode == BH_MODE_DISCOVER)
		return 0;
	if (!r->need_ports && node == NULL) {
		c->mode = BH_MODE_DISCOVER;
		return 0;
	}
	return bh_yaml_err(
		r->doc, node_or_root(r, "mode"), r->err,
		"the mode is %s but no policy is named: add 'policy: FILE', or set 'mode: "
		"discover' to let everything pass and be recorded",
		bh_mode_name(c->mode));
}

/* Promotion is a commit, and made of conversations; segments by themselves are commits, too. */
static int
check_learning(struct bh_config_reader *r)
{
	const struct bh_config *c = r->c;
	const char *lacks = c->learn ? "store: {path: FILE}" : "learning: {record: true}";

	if ((c->learn_promote == 0 && !c->learn_segments) || (c->learn && c->store_path[0] != '\0'))
		return 0;
	if (c->learn_promote == 0)
		return bh_yaml_err(r->doc, node_or_root(r, "learning.segments"), r->err,
				   "new segments are commits of the store: add '%s', or set "
				   "learning.segments to false",
				   lacks);
	return bh_yaml_err(r->doc, node_or_root(r, "learning.promote"), r->err,
			   "segments are promoted by commits of the store, from conversations: add "
			   "'%s', or set learning.promote to off",
			   lacks);
}

int
bh_config_check(struct bh_config_reader *r)
{
	int rc = check_ports(r);

	if (rc == 0)
		rc = bh_config_check_vault(r);
	if (rc == 0)
		rc = check_cores(r);
	if (rc == 0)
		rc = check_memory(r);
	if (rc == 0)
		rc = check_streams(r);
	if (rc == 0)
		rc = check_tunnels(r);
	if (rc == 0)
		rc = check_listen(r);
	if (rc == 0)
		rc = check_mode(r);
	if (rc == 0)
		rc = check_learning(r);
	if (rc == 0)
		rc = bh_config_check_fleet(r);
	if (rc == 0)
		rc = bh_config_check_pair(r);
	return rc;
}
