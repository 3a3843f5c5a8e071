/* doctor, of a gateway that runs: what its API says of its health and its counters. */
#include <stdlib.h>

#include "ctl_doctor.h"

/* A program that is no gateway may take the connection and say nothing. */
#define LIVE_SECONDS 5

/* Where the configuration has the API. "" when nowhere. */
static void
live_server(const struct bh_config *c, char *out, size_t size)
{
	const char *listen = c->api_listen, *colon = strrchr(listen, ':');
	const char *scheme = c->api_certificate[0] != '\0' ? "https" : "http";

	out[0] = '\0';
	if (colon == NULL)
		return;
	if (strncmp(listen, "0.0.0.0:", 8) == 0)
		snprintf(out, size, "%s://127.0.0.1%s", scheme, colon);
	else if (strncmp(listen, "[::]:", 5) == 0)
		snprintf(out, size, "%s://[::1]%s", scheme, colon);
	else
		snprintf(out, size, "%s://%s", scheme, listen);
}

/* Without a word on the terminal: that none runs is no fault. why: the first line of what would have been said. */
static bool
live_ask(struct bh_ctl *ctl, const char *path, struct bh_ctl_reply *r, char *why, size_t size)
{
	const struct bh_ctl_request q = {.method = "GET", .path = path, .seconds = LIVE_SECONDS};
	FILE *err = ctl->err;
	char *text = NULL;
	size_t len = 0;
	int rc = -1;

	ctl->err = open_memstream(&text, &len);
	if (ctl->err != NULL) {
		rc = bh_ctl_send(ctl, &q, r);
		fclose(ctl->err);
	}
	ctl->err = err;
	snprintf(why, size, "%.*s", text != NULL ? (int)strcspn(text, "\n") : 0,
		 text != NULL ? text : "");
	free(text);
	return rc == 0;
}

static uint64_t
live_number(json_t *o, const char *path)
{
	json_int_t n = json_integer_value(bh_ctl_value_at(o, path));

	return n > 0 ? (uint64_t)n : 0;
}

static void
live_health(json_t *health, struct bh_doctor_report *r)
{
	const char *status = json_string_value(json_object_get(health, "status"));
	json_t *reason;
	size_t i;

	if (status == NULL || strcmp(status, "ok") == 0)
		return;
	json_array_foreach(json_object_get(health, "reasons"), i, reason)
	{
		bh_doctor_add(r, BH_DOCTOR_GATEWAY_DEGRADED, "", "", "%s",
			      json_is_string(reason) ? json_string_value(reason) : status);
	}
}

static void
live_stats(json_t *stats, struct bh_doctor_report *r)
{
	json_t *port, *drop;
	const char *name;
	uint64_t n;
	size_t i;

	json_array_foreach(json_object_get(stats, "ports"), i, port)
	{
		name = json_string_value(json_object_get(port, "name"));
		n = live_number(port, "rx_missed") + live_number(port, "rx_nombuf");
		if (n != 0)
			bh_doctor_add(r, BH_DOCTOR_PORT_LOSES, name != NULL ? name : "", "",
				      "%llu frames since it started", (unsigned long long)n);
	}
	json_object_foreach(bh_ctl_value_at(stats, "total.dropped_by_reason"), name, drop)
	{
		const char *group = json_string_value(json_object_get(drop, "group"));

		if (group != NULL && strcmp(group, "resource") == 0)
			bh_doctor_add(r, BH_DOCTOR_RESOURCE_DROPS, name, "", "%llu packets",
				      (unsigned long long)live_number(drop, "packets"));
	}
	n = live_number(stats, "total.events_lost");
	if (n != 0)
		bh_doctor_add(r, BH_DOCTOR_EVENTS_LOST, "", "", "%llu events since it started",
			      (unsigned long long)n);
}

static void
live_fleet(json_t *fleet, struct bh_doctor_report *r)
{
	const char *trouble = json_string_value(json_object_get(fleet, "trouble"));
	const char *endpoint = json_string_value(json_object_get(fleet, "endpoint"));

	if (!json_is_true(json_object_get(fleet, "configured")))
		return;
	if (!json_is_true(json_object_get(fleet, "connected")))
		bh_doctor_add(r, BH_DOCTOR_FLEET_CUT_OFF, endpoint != NULL ? endpoint : "", "",
			      "%s", trouble != NULL ? trouble : "");
	else if (!json_is_true(json_object_get(fleet, "in_step")))
		bh_doctor_add(r, BH_DOCTOR_FLEET_BEHIND, "", "", "the fleet's revision is %llu: %s",
			      (unsigned long long)live_number(fleet, "revision"),
			      trouble != NULL ? trouble : "");
}

static void
live_pair(json_t *pair, const struct bh_config *c, struct bh_doctor_report *r)
{
	json_t *twin = json_array_get(json_object_get(pair, "items"), 1);
	json_t *channel = json_object_get(pair, "channel");
	const char *peer = c != NULL ? c->pair_peer : "the twin";

	if (!json_is_true(json_object_get(pair, "configured")))
		return;
	if (!json_is_true(json_object_get(twin, "alive")))
		bh_doctor_add(r, BH_DOCTOR_TWIN_SILENT, peer, "", "%s",
			      json_string_value(json_object_get(twin, "cause")));
	else if (!json_is_true(json_object_get(channel, "ready")))
		bh_doctor_add(r, BH_DOCTOR_TWIN_BEHIND, peer, "", "%s",
			      json_string_value(json_object_get(channel, "trouble")));
}

void
bh_ctl_doctor_live(struct bh_ctl *ctl, const struct bh_config *c, struct bh_doctor_report *r)
{
	struct bh_ctl_reply health = {0}, stats = {0}, fleet = {0}, pair = {0};
	const char *server = ctl->server;
	char here[300], why[256];

	if (c != NULL && strcmp(ctl->server_from, "the default") == 0) {
		live_server(c, here, sizeof(here));
		if (here[0] == '\0')
			return; /* api.listen: off */
		ctl->server = here;
	}
	if (!live_ask(ctl, "/health", &health, why, sizeof(why))) {
		if (r->running)
			bh_doctor_add(r, BH_DOCTOR_GATEWAY_SILENT, ctl->server, "", "%s", why);
		goto free_health;
	}
	/* A token is for a gateway only. */
	if (json_object_get(health.json, "status") == NULL)
		goto free_health;
	r->running = true;
	live_health(health.json, r);
	/* Reading may take an identity: who has none is told no figures. */
	if (live_ask(ctl, "/stats", &stats, why, sizeof(why)) && stats.status == 200)
		live_stats(stats.json, r);
	bh_ctl_reply_free(&stats);
	if (live_ask(ctl, "/fleet", &fleet, why, sizeof(why)) && fleet.status == 200)
		live_fleet(fleet.json, r);
	bh_ctl_reply_free(&fleet);
	if (live_ask(ctl, "/pair", &pair, why, sizeof(why)) && pair.status == 200)
		live_pair(pair.json, c, r);
	bh_ctl_reply_free(&pair);
free_health:
	bh_ctl_reply_free(&health);
	ctl->server = server;
}
