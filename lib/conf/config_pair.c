/* `pair`: two gateways on paths beside each other. */
#include <stdio.h>
#include <stdlib.h>

#include "conf_priv.h"

/* Every fence ends three fifths of pair.dead after a hello was sent (lib/pair/elect.h): some hellos must fit in. */
#define HELLOS_A_LIFE 6

/* Where the key stands; what is missing, at the top. */
static const struct bh_yaml *
at(const struct bh_config_reader *r, const char *key)
{
	const struct bh_yaml *node = bh_config_node(r, key);

	return node != NULL ? node : bh_yaml_root(r->doc);
}

static int
check_address(struct bh_config_reader *r, const char *key, const char *text)
{
	const char *colon = strrchr(text, ':'), *end = colon;
	char host[BH_CONFIG_VALUE_MAX], *rest;
	struct bh_prefix p;
	unsigned long port = colon != NULL ? strtoul(colon + 1, &rest, 10) : 0;

	if (colon != NULL && text[0] == '[' && colon[-1] == ']') {
		text++;
		end--;
	}
	snprintf(host, sizeof(host), "%.*s", colon != NULL ? (int)(end - text) : 0, text);
	if (port == 0 || port > 65535 || *rest != '\0' || strchr(host, '/') != NULL ||
	    bh_prefix_parse(host, &p, NULL) != 0)
		return bh_yaml_err(r->doc, at(r, key), r->err,
				   "expected ADDRESS:PORT, 10.9.0.1:8475 or [fd00::1]:8475 for "
				   "instance, found '%.60s'",
				   text);
	return 0;
}

static int
check_link(struct bh_config_reader *r, const char *const key[2], const char *listen,
	   const char *peer)
{
	int rc;

	if ((listen[0] == '\0') != (peer[0] == '\0'))
		return bh_yaml_err(r->doc, at(r, key[listen[0] == '\0']), r->err,
				   "%s and %s go together: set both or none", key[0], key[1]);
	if (listen[0] == '\0')
		return 0;
	rc = check_address(r, key[0], listen);
	if (rc == 0)
		rc = check_address(r, key[1], peer);
	if (rc == 0 && strcmp(listen, peer) == 0)
		rc = bh_yaml_err(r->doc, at(r, key[1]), r->err,
				 "%s and %s are the same: a gateway is not its own twin", key[0],
				 key[1]);
	return rc;
}

static int
check_bypass(struct bh_config_reader *r)
{
	const struct bh_config *c = r->c;

	if (c->failure_stop != BH_FAILURE_BYPASS && c->failure_crash != BH_FAILURE_BYPASS &&
	    c->failure_stall != BH_FAILURE_BYPASS)
		return 0;
	return bh_yaml_err(r->doc, at(r, "pair.listen"), r->err,
			   "failure.*: bypass would join what the twin joins, too, a loop: write "
			   "closed or down");
}

int
bh_config_check_pair(struct bh_config_reader *r)
{
	static const char *const first[] = {"pair.listen", "pair.peer"},
				 *const second[] = {"pair.second.listen", "pair.second.peer"};
	const struct bh_config *c = r->c;
	int rc = check_link(r, first, c->pair_listen, c->pair_peer);

	if (rc == 0)
		rc = check_link(r, second, c->pair_listen_2, c->pair_peer_2);
	if (rc != 0)
		return rc;
	if (c->pair_listen[0] == '\0')
		return c->pair_listen_2[0] == '\0'
			       ? 0
			       : bh_yaml_err(r->doc, at(r, "pair.second.listen"), r->err,
					     "a second link and no first: add pair.listen and "
					     "pair.peer");
	if (c->pair_secret_file[0] == '\0')
		return bh_yaml_err(r->doc, at(r, "pair.listen"), r->err,
				   "who the twin is must be proven: add 'pair: {secret_file: "
				   "FILE}'");
	if (c->pair_dead_ms < HELLOS_A_LIFE * c->pair_hello_ms)
		return bh_yaml_err(r->doc, at(r, "pair.listen"), r->err,
				   "pair.dead is %llu ms, less than %d times pair.hello (%llu ms): "
				   "one late hello must not be a death",
				   (unsigned long long)c->pair_dead_ms, HELLOS_A_LIFE,
				   (unsigned long long)c->pair_hello_ms);
	return check_bypass(r);
}
