/* Readers of the keys that hold more than one value (config_list.def). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf_priv.h"

/* Time-outs of flows: below a second nothing would survive a slow peer; a week is for ever. */
#define TIMEOUT_MIN_MS 1000
#define TIMEOUT_MAX_MS UINT64_C(604800000)

static int
expect_list(struct bh_config_reader *r, const struct bh_yaml *node, const char *what, size_t max)
{
	char found[BH_FOUND_LEN];

	if (node->type != BH_YAML_LIST)
		return bh_yaml_err(r->doc, node, r->err, "expected a list of %s, found %s", what,
				   bh_yaml_found(node, found, sizeof(found)));
	if (node->n > max)
		return bh_yaml_err(r->doc, node->item[max], r->err, "more than %zu %s", max, what);
	return 0;
}

/* A name of the user's: it stands in logs, metrics and paths. */
static int
read_name(struct bh_config_reader *r, const struct bh_yaml *map, const char *what, char out[32])
{
	const struct bh_yaml *node = bh_yaml_get(map, "name");
	const char *text;
	int rc;

	if (node == NULL)
		return bh_yaml_err(r->doc, map, r->err, "%s lacks 'name'", what);
	rc = bh_yaml_str(r->doc, node, &text, r->err);
	if (rc != 0)
		return rc;
	if (strlen(text) > 31 ||
	    text[strspn(text,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] !=
		    '\0')
		return bh_yaml_err(r->doc, node, r->err,
				   "the name of %s may hold letters, digits, '-', '_' and '.', at "
				   "most 31 of them, found '%.40s'",
				   what, text);
	snprintf(out, 32, "%s", text);
	return 0;
}

/* Forms that name a kernel interface by their first word. */
static const char *const iface_forms[] = {"iface:", "packet:"};

static const char *
named_iface(const char *device)
{
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(iface_forms); i++) {
		if (strncmp(device, iface_forms[i], strlen(iface_forms[i])) == 0)
			return device + strlen(iface_forms[i]);
	}
	return NULL;
}

void
bh_device_iface(const char *device, char *out, size_t size)
{
	const char *p = named_iface(device);

	if (p == NULL && (p = strstr(device, ",iface=")) != NULL)
		p += 7;
	snprintf(out, size, "%.*s", p != NULL ? (int)strcspn(p, ",") : 0, p != NULL ? p : "");
}

static int
read_device(struct bh_config_reader *r, const struct bh_yaml *map, char out[256])
{
	const struct bh_yaml *node = bh_yaml_get(map, "device");
	const char *text;
	char iface[256];
	int rc;

	if (node == NULL)
		return bh_yaml_err(
			r->doc, map, r->err,
			"a port lacks 'device': a PCI address (0000:01:00.0), DPDK devargs, "
			"or iface:NAME");
	rc = bh_yaml_str(r->doc, node, &text, r->err);
	if (rc != 0)
		return rc;
	bh_device_iface(text, iface, sizeof(iface));
	/* IFNAMSIZ is 16 with the NUL. */
	if (named_iface(text) != NULL && (iface[0] == '\0' || strlen(iface) > 15))
		return bh_yaml_err(
			r->doc, node, r->err,
			"expected the name of a kernel interface (at most 15 characters) "
			"behind the colon, found '%.40s'",
			text);
	if (strlen(text) > 255)
		return bh_yaml_err(r->doc, node, r->err, "a device text of more than 255 bytes");
	snprintf(out, 256, "%s", text);
	return 0;
}

static int
check_port(struct bh_config_reader *r, const struct bh_yaml *node, unsigned index)
{
	const struct bh_config_port *p = &r->c->port[index], *q;
	char iface[256], other[256];
	unsigned i;

	bh_device_iface(p->device, iface, sizeof(iface));
	for (i = 0; i < index; i++) {
		q = &r->c->port[i];
		bh_device_iface(q->device, other, sizeof(other));
		if (strcmp(p->name, q->name) == 0)
			return bh_yaml_err(r->doc, bh_yaml_get(node, "name"), r->err,
					   "a second port named '%s': give each port its own name",
					   p->name);
		if (strcmp(p->device, q->device) == 0 ||
		    (iface[0] != '\0' && strcmp(iface, other) == 0))
			return bh_yaml_err(
				r->doc, bh_yaml_get(node, "device"), r->err,
				"device '%s' is already port '%s': a device can be one port "
				"only",
				p->device, q->name);
	}
	return 0;
}

int
bh_config_read_ports(struct bh_config_reader *r, const struct bh_yaml *node)
{
	static const char *const known[] = {"name", "device", NULL};
	struct bh_config *c = r->c;
	size_t i;
	int rc = expect_list(r, node, "ports", BH_MAX_PORTS);

	for (i = 0; rc == 0 && i < node->n; i++) {
		rc = bh_yaml_check_map(r->doc, node->item[i], "a port", known, r->err);
		if (rc == 0)
			rc = read_name(r, node->item[i], "a port", c->port[i].name);
		if (rc == 0)
			rc = read_device(r, node->item[i], c->port[i].device);
		if (rc == 0)
			rc = check_port(r, node->item[i], (unsigned)i);
		c->n_ports = (unsigned)i + 1;
	}
	return rc;
}

/* The pairs name ports, which may stand behind them in the file: bh_config_check resolves them. */
int
bh_config_read_pairs(struct bh_config_reader *r, const struct bh_yaml *node)
{
	static const char *const known[] = {"name", "inside", "outside", NULL};
	struct bh_config *c = r->c;
	size_t i, k;
	int rc = expect_list(r, node, "pairs", BH_MAX_PAIRS);

	for (i = 0; rc == 0 && i < node->n; i++) {
		rc = bh_yaml_check_map(r->doc, node->item[i], "a pair", known, r->err);
		if (rc == 0)
			rc = read_name(r, node->item[i], "a pair", c->pair[i].name);
		for (k = 0; rc == 0 && k < i; k++) {
			if (strcmp(c->pair[k].name, c->pair[i].name) == 0)
				rc = bh_yaml_err(r->doc, bh_yaml_get(node->item[i], "name"), r->err,
						 "a second pair named '%s': give each pair its own "
						 "name",
						 c->pair[i].name);
		}
		c->n_pairs = (unsigned)i + 1;
	}
	return rc;
}

static int
add_worker(struct bh_config_reader *r, const struct bh_yaml *node, unsigned long core)
{
	struct bh_config *c = r->c;
	unsigned i;

	for (i = 0; i < c->n_workers; i++) {
		if (c->worker_core[i] == core)
			return bh_yaml_err(r->doc, node, r->err,
					   "core %lu is listed twice: one worker a core", core);
	}
	if (c->n_workers == BH_MAX_WORKERS)
		return bh_yaml_err(r->doc, node, r->err, "more than %u workers", BH_MAX_WORKERS);
	c->worker_core[c->n_workers++] = (uint16_t)core;
	return 0;
}

/* "4" or "1-3". */
static int
read_cores(struct bh_config_reader *r, const struct bh_yaml *node)
{
	unsigned long first = 0, last = 0;
	char found[BH_FOUND_LEN], *end = NULL;
	const char *text = node->text;
	bool good = false;
	int rc = 0;

	if (node->type == BH_YAML_SCALAR && *text >= '0' && *text <= '9') {
		first = last = strtoul(text, &end, 10);
		good = *end == '\0';
		if (*end == '-' && end[1] >= '0' && end[1] <= '9') {
			last = strtoul(end + 1, &end, 10);
			good = *end == '\0';
		}
	}
	if (!good || first > last || last > 1023)
		return bh_yaml_err(
			r->doc, node, r->err,
			"expected a core from 0 to 1023 or a range such as 1-3, found %s",
			bh_yaml_found(node, found, sizeof(found)));
	for (; rc == 0 && first <= last; first++)
		rc = add_worker(r, node, first);
	return rc;
}

int
bh_config_read_workers(struct bh_config_reader *r, const struct bh_yaml *node)
{
	size_t i;
	int rc = 0;

	if (node->type == BH_YAML_SCALAR)
		return read_cores(r, node);
	rc = expect_list(r, node, "cores", BH_MAX_WORKERS);
	if (rc == 0 && node->n == 0)
		return bh_yaml_err(r->doc, node, r->err,
				   "no core is listed: name at least one, or remove the key");
	for (i = 0; rc == 0 && i < node->n; i++)
		rc = read_cores(r, node->item[i]);
	return rc;
}

int
bh_config_read_timeouts(struct bh_config_reader *r, const struct bh_yaml *node)
{
	static const char *const known[] = {
#define BH_FLOW_STATE(sym, name, key, seconds, text) key,
#include "../flow/flow_state.def"
#undef BH_FLOW_STATE
		NULL};
	const struct bh_yaml *value;
	uint64_t ms;
	size_t i;
	int rc;

	_Static_assert(BH_ARRAY_SIZE(known) - 1 <=
			       BH_ARRAY_SIZE(((struct bh_config *)0)->flow_timeout_ms),
		       "a time-out for each state");
	if (bh_yaml_is_null(node))
		return 0;
	rc = bh_yaml_check_map(r->doc, node, "'flows.timeouts'", known, r->err);
	for (i = 0; rc == 0 && known[i] != NULL; i++) {
		value = bh_yaml_get(node, known[i]);
		if (value == NULL)
			continue;
		rc = bh_yaml_duration_ms(r->doc, value, TIMEOUT_MIN_MS, TIMEOUT_MAX_MS, &ms,
					 r->err);
		if (rc == 0)
			r->c->flow_timeout_ms[i] = (uint32_t)ms;
	}
	return rc;
}

int
bh_config_read_frames(struct bh_config_reader *r, const struct bh_yaml *node)
{
	static const struct {
		const char *key;
		enum bh_frame_kind kind;
	} kinds[] = {{"arp", BH_FRAME_ARP},   {"nd", BH_FRAME_ND},   {"mcast", BH_FRAME_MCAST},
		     {"lldp", BH_FRAME_LLDP}, {"stp", BH_FRAME_STP}, {"other", BH_FRAME_OTHER}};
	static const char *const known[] = {"arp", "nd", "mcast", "lldp", "stp", "other", NULL};
	static const char *const words[] = {"drop", "pass", NULL};
	const struct bh_yaml *value;
	unsigned pass;
	size_t i;
	int rc;

	if (bh_yaml_is_null(node))
		return 0;
	rc = bh_yaml_check_map(r->doc, node, "'frames'", known, r->err);
	for (i = 0; rc == 0 && i < BH_ARRAY_SIZE(kinds); i++) {
		value = bh_yaml_get(node, kinds[i].key);
		if (value == NULL)
			continue;
		rc = bh_yaml_enum(r->doc, value, words, &pass, r->err);
		if (rc == 0)
			r->c->frame_pass[kinds[i].kind] = pass == 1;
	}
	return rc;
}

/* One action of those that the case allows. */
static int
read_action(struct bh_config_reader *r, const struct bh_yaml *node, unsigned exception)
{
	uint8_t allowed = bh_exception_info(exception)->allowed, action[8];
	const char *words[BH_ARRAY_SIZE(action) + 1];
	unsigned bit, n = 0, choice;
	int rc;

	for (bit = 0; bit < 8; bit++) {
		if ((allowed >> bit & 1) == 0)
			continue;
		action[n] = (uint8_t)(1u << bit);
		words[n] = bh_action_name(action[n]);
		n++;
	}
	words[n] = NULL;
	rc = bh_yaml_enum(r->doc, node, words, &choice, r->err);
	if (rc == 0)
		r->c->exception[exception] = action[choice];
	return rc;
}

int
bh_config_read_exceptions(struct bh_config_reader *r, const struct bh_yaml *node)
{
	static const char *const known[] = {
#define BH_EXCEPTION(sym, name, normal, allowed, reason, text) name,
#include "../base/exception.def"
#undef BH_EXCEPTION
		NULL};
	const struct bh_yaml *value;
	unsigned i;
	int rc;

	if (bh_yaml_is_null(node))
		return 0;
	rc = bh_yaml_check_map(r->doc, node, "'exceptions'", known, r->err);
	for (i = 0; rc == 0 && known[i] != NULL; i++) {
		value = bh_yaml_get(node, known[i]);
		if (value != NULL)
			rc = read_action(r, value, i);
	}
	return rc;
}

int
bh_config_read_sensor_files(struct bh_config_reader *r, const struct bh_yaml *node)
{
	const char *text;
	size_t i;
	int rc = expect_list(r, node, "files", BH_SENSOR_FILES);

	for (i = 0; rc == 0 && i < node->n; i++) {
		rc = bh_yaml_str(r->doc, node->item[i], &text, r->err);
		if (rc == 0 && (text[0] == '\0' || strlen(text) >= sizeof(r->c->sensor_file[i])))
			rc = bh_yaml_err(r->doc, node->item[i], r->err,
					 "a file's name has 1 to %zu bytes",
					 sizeof(r->c->sensor_file[i]) - 1);
		if (rc == 0)
			snprintf(r->c->sensor_file[i], sizeof(r->c->sensor_file[i]), "%s", text);
	}
	if (rc == 0)
		r->c->n_sensor_files = (unsigned)node->n;
	return rc;
}

int
bh_config_read_inspect_actions(struct bh_config_reader *r, const struct bh_yaml *node)
{
	static const char *const words[] = {"off",     "alert",      "deny", "reject",
					    "capture", "quarantine", NULL};
	static const char *const known[] = {
#define BH_INSPECT_CLASS(sym, key, severity, attack, text) key,
#include "../base/inspect_class.def"
#undef BH_INSPECT_CLASS
		NULL};
	const struct bh_yaml *value;
	unsigned i, action;
	int rc;

	_Static_assert(BH_ARRAY_SIZE(known) - 1 <= BH_INSPECT_CLASSES_MAX, "an action each");
	if (bh_yaml_is_null(node))
		return 0;
	rc = bh_yaml_check_map(r->doc, node, "'inspect.actions'", known, r->err);
	for (i = 0; rc == 0 && known[i] != NULL; i++) {
		value = bh_yaml_get(node, known[i]);
		if (value == NULL)
			continue;
		rc = bh_yaml_enum(r->doc, value, words, &action, r->err);
		if (rc == 0)
			r->c->inspect_action[i] = (uint8_t)action;
	}
	return rc;
}

int
bh_config_read_inspect_thresholds(struct bh_config_reader *r, const struct bh_yaml *node)
{
	static const char *const all[] = {
#define BH_INSPECT_CLASS(sym, key, severity, attack, text) key,
#include "../base/inspect_class.def"
#undef BH_INSPECT_CLASS
	};
	static const char *const known[] = {"dlp.card",     "dlp.ssn",   "dlp.iban",
					    "dlp.email",    "dlp.phone", "dlp.national",
					    "dlp.passport", NULL};
	uint64_t least = 1;
	unsigned i, k;
	int rc;

	if (bh_yaml_is_null(node))
		return 0;
	rc = bh_yaml_check_map(r->doc, node, "'inspect.thresholds'", known, r->err);
	for (i = 0; rc == 0 && known[i] != NULL; i++) {
		const struct bh_yaml *value = bh_yaml_get(node, known[i]);

		if (value == NULL)
			continue;
		rc = bh_yaml_u64(r->doc, value, 1, 100, &least, r->err);
		for (k = 0; rc == 0 && k < BH_ARRAY_SIZE(all); k++)
			if (strcmp(all[k], known[i]) == 0)
				r->c->inspect_least[k] = (uint8_t)least;
	}
	return rc;
}

static int
read_udp_ports(struct bh_config_reader *r, const struct bh_yaml *node, uint16_t out[4])
{
	uint16_t port[4] = {0};
	uint64_t v;
	size_t i, k;
	int rc = expect_list(r, node, "UDP ports", 4);

	for (i = 0; rc == 0 && i < node->n; i++) {
		rc = bh_yaml_u64(r->doc, node->item[i], 1, 65535, &v, r->err);
		port[i] = (uint16_t)v;
		for (k = 0; rc == 0 && k < i; k++) {
			if (port[k] == port[i])
				rc = bh_yaml_err(r->doc, node->item[i], r->err,
						 "port %u is listed twice", port[i]);
		}
	}
	if (rc == 0)
		memcpy(out, port, sizeof(port));
	return rc;
}

int
bh_config_read_vxlan(struct bh_config_reader *r, const struct bh_yaml *node)
{
	return read_udp_ports(r, node, r->c->vxlan_port);
}

int
bh_config_read_geneve(struct bh_config_reader *r, const struct bh_yaml *node)
{
	return read_udp_ports(r, node, r->c->geneve_port);
}
