/* `fleet`: the etcd that several gateways share one policy by. */
#include <stdio.h>

#include "conf_priv.h"

static int
read_endpoint(struct bh_config_reader *r, const struct bh_yaml *node, char out[256])
{
	const char *text;
	size_t n;
	int rc = bh_yaml_str(r->doc, node, &text, r->err);

	if (rc != 0)
		return rc;
	n = strlen(text);
	while (n != 0 && text[n - 1] == '/')
		n--;
	if ((strncmp(text, "https://", 8) != 0 && strncmp(text, "http://", 7) != 0) || n >= 256 ||
	    strpbrk(text, " \t\"?#@") != NULL)
		return bh_yaml_err(r->doc, node, r->err,
				   "expected https://HOST:PORT (or http://) of an etcd server, "
				   "found '%.60s'",
				   text);
	snprintf(out, 256, "%.*s", (int)n, text);
	return 0;
}

int
bh_config_read_fleet_endpoints(struct bh_config_reader *r, const struct bh_yaml *node)
{
	char found[BH_FOUND_LEN];
	size_t i;
	int rc = 0;

	if (node->type != BH_YAML_LIST || node->n > BH_FLEET_ENDPOINTS)
		return bh_yaml_err(r->doc, node, r->err,
				   "expected a list of at most %d URLs, found %s",
				   BH_FLEET_ENDPOINTS, bh_yaml_found(node, found, sizeof(found)));
	for (i = 0; rc == 0 && i < node->n; i++)
		rc = read_endpoint(r, node->item[i], r->c->fleet_endpoint[i]);
	if (rc == 0)
		r->c->n_fleet_endpoints = (unsigned)node->n;
	return rc;
}

int
bh_config_check_fleet(struct bh_config_reader *r)
{
	const struct bh_config *c = r->c;
	const struct bh_yaml *node = bh_config_node(r, "fleet.endpoints");
	size_t n = strlen(c->fleet_prefix);

	if (c->n_fleet_endpoints == 0)
		return 0;
	if (c->store_path[0] == '\0')
		return bh_yaml_err(r->doc, node, r->err,
				   "a fleet's policy is kept here, too, for when etcd can't be "
				   "reached: add 'store: {path: FILE}'");
	if (n < 2 || n > 100 || c->fleet_prefix[0] != '/' || c->fleet_prefix[n - 1] == '/')
		return bh_yaml_err(
			r->doc, bh_config_node(r, "fleet.prefix"), r->err,
			"expected 2 to 100 bytes with a '/' at the beginning and none at "
			"the end, found '%.60s'",
			c->fleet_prefix);
	if ((c->fleet_certificate[0] == '\0') != (c->fleet_key[0] == '\0'))
		return bh_yaml_err(
			r->doc, node, r->err,
			"fleet.tls.certificate and fleet.tls.key go together: set both or "
			"none");
	if ((c->fleet_user[0] == '\0') != (c->fleet_password_file[0] == '\0'))
		return bh_yaml_err(
			r->doc, node, r->err,
			"fleet.user and fleet.password_file go together: set both or none");
	return 0;
}
