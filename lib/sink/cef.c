/* ArcSight's Common Event Format, version 0: a header of seven fields and key=value pairs. In the header '|' and '\' are
 * escaped, in values '=', '\' and line ends. */
#include <stdio.h>
#include <stdlib.h>

#include "sink_priv.h"

static void
put_escaped(struct bh_buf *out, const char *s, size_t len, char special)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (s[i] == special || s[i] == '\\') {
			bh_buf_add(out, "\\", 1);
			bh_buf_add(out, &s[i], 1);
		} else if (s[i] == '\n' || s[i] == '\r') {
			bh_buf_str(out, special == '=' ? (s[i] == '\n' ? "\\n" : "\\r") : " ");
		} else {
			bh_buf_add(out, &s[i], 1);
		}
	}
}

static void
pair(struct bh_buf *out, const char *key, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	bh_buf_printf(out, " %s=", key);
	put_escaped(out, value, strlen(value), '=');
}

static void
number(struct bh_buf *out, const char *key, uint64_t value)
{
	bh_buf_printf(out, " %s=%llu", key, (unsigned long long)value);
}

/* A custom string and its label. */
static void
custom(struct bh_buf *out, unsigned n, const char *label, const char *value)
{
	char key[16];

	if (value == NULL || value[0] == '\0')
		return;
	snprintf(key, sizeof(key), "cs%uLabel", n);
	pair(out, key, label);
	snprintf(key, sizeof(key), "cs%u", n);
	pair(out, key, value);
}

size_t
bh_sink_member(const char *line, const char *key, const char **at)
{
	const char *p = strstr(line, key);
	size_t n = 0;

	*at = "";
	if (p == NULL)
		return 0;
	p += strlen(key);
	while (p[n] != '\0' && p[n] != '"')
		n += p[n] == '\\' && p[n + 1] != '\0' ? 2 : 1;
	*at = p;
	return n;
}

static void
put_addresses(struct bh_buf *out, const struct bh_event *e)
{
	unsigned src = e->initiator & 1, dst = src ^ 1;
	char text[BH_ADDR_STRLEN];
	static const char *const keys[2][2] = {{"src", "dst"}, {"c6a2", "c6a3"}};
	const char *const *key = keys[e->key.family == BH_IP6];

	if (e->key.family != BH_IP4 && e->key.family != BH_IP6)
		return;
	if (e->key.family == BH_IP6) {
		pair(out, "c6a2Label", "Source IPv6 Address");
		pair(out, "c6a3Label", "Destination IPv6 Address");
	}
	pair(out, key[0], bh_addr_format(e->key.family, &e->key.addr[src], text, sizeof(text)));
	pair(out, key[1], bh_addr_format(e->key.family, &e->key.addr[dst], text, sizeof(text)));
	number(out, "proto", e->key.proto);
	if (e->frame_kind != BH_FRAME_FRAGMENT &&
	    (e->key.proto == 6 || e->key.proto == 17 || e->key.proto == 132)) {
		number(out, "spt", e->key.port[src]);
		number(out, "dpt", e->key.port[dst]);
	}
	if (e->type == BH_EVENT_FLOW) {
		number(out, "in", e->bytes[src]);
		number(out, "out", e->bytes[dst]);
	}
}

static void
put_event(struct bh_buf *out, const struct bh_sink_record *r)
{
	static const struct bh_event_names none;
	const struct bh_event_names *n = r->names != NULL ? r->names : &none;
	const struct bh_event *e = r->event;
	unsigned src = e->initiator & 1, dst = src ^ 1;

	put_addresses(out, e);
	if (e->has_flow != 0)
		number(out, "externalId", e->flow_id);
	if (e->app != 0 && n->app != NULL)
		pair(out, "app", n->app(n->arg, e->app));
	if (e->verdict != BH_VERDICT_NONE)
		pair(out, "act", bh_verdict_name(e->verdict));
	if (e->reason != BH_REASON_NONE)
		pair(out, "reason", bh_reason_name(e->reason));
	if (n->port != NULL)
		pair(out, "deviceInboundInterface", n->port(n->arg, e->port));
	if (n->segment != NULL && e->segment[src] != UINT32_MAX)
		custom(out, 1, "sourceSegment", n->segment(n->arg, e->segment[src]));
	if (n->segment != NULL && e->segment[dst] != UINT32_MAX)
		custom(out, 2, "destinationSegment", n->segment(n->arg, e->segment[dst]));
	if (n->rule != NULL && e->rule != UINT32_MAX)
		custom(out, 3, "rule", n->rule(n->arg, e->rule));
	custom(out, 4, "mode", bh_mode_name(e->mode));
}

void
bh_sink_cef(struct bh_buf *out, const struct bh_sink_record *r)
{
	static const unsigned severities[4] = {3, 9, 6, 4}; /* of ours 1 high .. 3 low; none */
	const char *name, *type, *p;
	size_t n_type = bh_sink_member(r->line, "\"event_type\":\"", &type), n;
	bool alert = bh_sink_kind_of(r->line) == BH_SINK_KIND_ALERT;
	unsigned severity = 0;

	bh_buf_str(out, "CEF:0|Bulkhead|bulkhead|" BH_VERSION "|");
	n = alert ? bh_sink_member(r->line, "\"signature\":\"", &name) : 0;
	if (n != 0) {
		p = strstr(r->line, "\"signature_id\":");
		bh_buf_printf(out, "%lu|", p != NULL ? strtoul(p + 15, NULL, 10) : 0);
		put_escaped(out, name, n, '|');
		p = strstr(r->line, "\"severity\":");
		severity = p != NULL ? (unsigned)(p[11] - '0') & 3 : 0;
	} else {
		put_escaped(out, type, n_type, '|');
		bh_buf_str(out, "|");
		put_escaped(out, type, n_type, '|');
	}
	bh_buf_printf(out, "|%u|rt=%llu", severities[severity],
		      (unsigned long long)(r->time_ns / BH_NS_PER_MS));
	bh_buf_str(out, " cat=");
	put_escaped(out, type, n_type, '=');
	if (r->event != NULL)
		put_event(out, r);
	else {
		bh_buf_str(out, " msg=");
		put_escaped(out, r->line, r->len, '=');
	}
}
