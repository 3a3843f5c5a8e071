/* One event as one line of JSON, in the field names of Suricata's EVE (docs/events.md lists them). */
#include <stdio.h>

#include "event_priv.h"

static const struct {
	const char *symbol;
	const char *eve_type;
	const char *kind;
	const char *text;
	uint32_t sid;
	uint8_t severity;
} catalogue[BH_EVENT_COUNT] = {
#define BH_EVENT(sym, eve, k, sev, id, t)                                                          \
	[BH_EVENT_##sym] = {#sym, eve, .kind = k, .text = t, .sid = id, .severity = sev},
#include "event.def"
#undef BH_EVENT
};

/* What one call works with; src and dst are ends of the key. */
struct writer {
	struct bh_json j;
	const struct bh_event *e;
	const struct bh_event_names *names;
	unsigned type, src, dst;
};

static void
put_name(struct writer *w, const char *key, const char *name)
{
	if (name != NULL && name[0] != '\0')
		bh_json_str(&w->j, key, name);
}

static bool
has_ip(const struct bh_event *e)
{
	return e->key.family == BH_IP4 || e->key.family == BH_IP6;
}

/* A fragment's key holds the IP identification where ports stand. */
static bool
has_ports(const struct bh_event *e)
{
	uint8_t p = e->key.proto;

	return e->frame_kind != BH_FRAME_FRAGMENT &&
	       (p == PROTO_TCP || p == PROTO_UDP || p == PROTO_SCTP);
}

static bool
has_icmp(const struct bh_event *e)
{
	return e->frame_kind != BH_FRAME_FRAGMENT &&
	       (e->key.proto == PROTO_ICMP || e->key.proto == PROTO_ICMP6);
}

static void
put_tuple(struct writer *w)
{
	const struct bh_event *e = w->e;
	char text[BH_ADDR_STRLEN], digits[4], id[BH_COMMUNITY_ID_LEN];

	bh_json_str(&w->j, "src_ip",
		    bh_addr_format(e->key.family, &e->key.addr[w->src], text, sizeof(text)));
	if (has_ports(e))
		bh_json_u64(&w->j, "src_port", e->key.port[w->src]);
	bh_json_str(&w->j, "dest_ip",
		    bh_addr_format(e->key.family, &e->key.addr[w->dst], text, sizeof(text)));
	if (has_ports(e))
		bh_json_u64(&w->j, "dest_port", e->key.port[w->dst]);
	bh_json_str(&w->j, "proto", bh_eve_proto(e->key.proto, digits));
	if (has_icmp(e)) {
		bh_json_u64(&w->j, "icmp_type", e->service >> 8);
		bh_json_u64(&w->j, "icmp_code", e->service & 0xff);
	}
	if (bh_event_community_id(e, id))
		bh_json_str(&w->j, "community_id", id);
	if (e->app != 0 && w->names->app != NULL)
		put_name(w, "app_proto", w->names->app(w->names->arg, e->app));
	else if (w->type == BH_EVENT_VIOLATION && e->reason == BH_REASON_APP_UNKNOWN)
		bh_json_str(&w->j, "app_proto", "unknown");
}

/* Members that every packet's event has. */
static void
put_packet(struct writer *w)
{
	const struct bh_event *e = w->e;
	uint16_t vlan1 = BH_TENANT_VLAN1(e->key.tenant), vlan2 = BH_TENANT_VLAN2(e->key.tenant);

	if (vlan1 != 0 || vlan2 != 0) {
		bh_json_open(&w->j, "vlan", '[');
		bh_json_u64(&w->j, NULL, vlan1);
		if (vlan2 != 0)
			bh_json_u64(&w->j, NULL, vlan2);
		bh_json_close(&w->j, ']');
	}
	if (has_ip(e)) {
		put_tuple(w);
		return;
	}
	bh_json_open(&w->j, "ether", '{');
	bh_json_u64(&w->j, "ether_type", e->ethertype);
	bh_json_close(&w->j, '}');
}

static void
put_flow(struct writer *w)
{
	const struct bh_event *e = w->e;
	uint64_t idle_ns = (uint64_t)e->last_ms_ago * BH_NS_PER_MS;
	uint64_t end = e->time_ns > idle_ns ? e->time_ns - idle_ns : 0;

	bh_json_open(&w->j, "flow", '{');
	bh_json_u64(&w->j, "pkts_toserver", e->packets[w->src]);
	bh_json_u64(&w->j, "pkts_toclient", e->packets[w->dst]);
	bh_json_u64(&w->j, "bytes_toserver", e->bytes[w->src]);
	bh_json_u64(&w->j, "bytes_toclient", e->bytes[w->dst]);
	bh_json_time(&w->j, "start", e->start_ns);
	if (w->type == BH_EVENT_FLOW) {
		/* The idle time is of the table's clock, start of the wall's: never before it. */
		if (end < e->start_ns)
			end = e->start_ns;
		bh_json_time(&w->j, "end", end);
		bh_json_u64(&w->j, "age", (end - e->start_ns) / BH_NS_PER_SEC);
		bh_json_str(&w->j, "state", bh_flow_state_eve(e->flow_state));
		bh_json_str(&w->j, "reason", bh_eve_flow_reason(e->flow_end));
		bh_json_bool(&w->j, "alerted", e->alerted != 0);
	}
	bh_json_close(&w->j, '}');
}

static void
put_flags_hex(struct writer *w, const char *key, uint8_t flags)
{
	char text[3];

	snprintf(text, sizeof(text), "%02x", flags);
	bh_json_str(&w->j, key, text);
}

static void
put_flow_tcp(struct writer *w)
{
	const struct bh_event *e = w->e;
	uint8_t ts = e->tcp_seen[w->src], tc = e->tcp_seen[w->dst], all = ts | tc;
	static const struct {
		uint8_t bit;
		const char *name;
	} flags[] = {
		{BH_TCP_SYN, "syn"}, {BH_TCP_FIN, "fin"}, {BH_TCP_RST, "rst"},
		{BH_TCP_PSH, "psh"}, {BH_TCP_ACK, "ack"}, {BH_TCP_URG, "urg"},
	};
	size_t i;

	bh_json_open(&w->j, "tcp", '{');
	put_flags_hex(w, "tcp_flags", all);
	put_flags_hex(w, "tcp_flags_ts", ts);
	put_flags_hex(w, "tcp_flags_tc", tc);
	for (i = 0; i < BH_ARRAY_SIZE(flags); i++) {
		if ((all & flags[i].bit) != 0)
			bh_json_bool(&w->j, flags[i].name, true);
	}
	bh_json_str(&w->j, "state", bh_eve_tcp_state(e->flow_state));
	bh_json_close(&w->j, '}');
}

const char *
bh_event_kind(unsigned type)
{
	return type < BH_EVENT_COUNT ? catalogue[type].kind : "";
}

static bool
is_alert(unsigned type)
{
	return strcmp(catalogue[type].eve_type, "alert") == 0;
}

/* A violation says what protect does, in each mode. */
static bool
is_blocked(const struct bh_event *e)
{
	return (e->verdict == BH_VERDICT_DENY || e->verdict == BH_VERDICT_REJECT) &&
	       (e->type != BH_EVENT_VIOLATION || e->mode == BH_MODE_PROTECT);
}

static void
put_alert(struct writer *w, bool blocked)
{
	bh_json_open(&w->j, "alert", '{');
	bh_json_str(&w->j, "action", blocked ? "blocked" : "allowed");
	bh_json_u64(&w->j, "gid", 1);
	bh_json_u64(&w->j, "signature_id", catalogue[w->type].sid);
	bh_json_u64(&w->j, "rev", 1);
	if (w->e != NULL)
		bh_eve_put_signature(&w->j, w->e, catalogue[w->type].text);
	else
		bh_json_str(&w->j, "signature", catalogue[w->type].text);
	bh_json_str(&w->j, "category", bh_eve_category(catalogue[w->type].kind));
	bh_json_u64(&w->j, "severity",
		    w->e != NULL && w->e->severity != 0 ? w->e->severity
							: catalogue[w->type].severity);
	bh_json_close(&w->j, '}');
}

static void
put_drop_tcp(struct writer *w)
{
	const struct bh_event *e = w->e;

	bh_json_u64(&w->j, "tcpseq", e->tcp_seq);
	bh_json_u64(&w->j, "tcpack", e->tcp_ack);
	bh_json_u64(&w->j, "tcpwin", e->tcp_window);
	bh_json_bool(&w->j, "syn", (e->tcp_flags & BH_TCP_SYN) != 0);
	bh_json_bool(&w->j, "ack", (e->tcp_flags & BH_TCP_ACK) != 0);
	bh_json_bool(&w->j, "psh", (e->tcp_flags & BH_TCP_PSH) != 0);
	bh_json_bool(&w->j, "rst", (e->tcp_flags & BH_TCP_RST) != 0);
	bh_json_bool(&w->j, "urg", (e->tcp_flags & BH_TCP_URG) != 0);
	bh_json_bool(&w->j, "fin", (e->tcp_flags & BH_TCP_FIN) != 0);
}

/* `len` is the total length for IPv4, the payload length for IPv6. */
static void
put_drop(struct writer *w)
{
	const struct bh_event *e = w->e;

	bh_json_open(&w->j, "drop", '{');
	if (e->key.family == BH_IP4) {
		bh_json_u64(&w->j, "len", e->l3_len);
		bh_json_u64(&w->j, "ttl", e->ttl);
		bh_json_u64(&w->j, "ipid", e->ip_id);
	} else if (e->key.family == BH_IP6) {
		bh_json_u64(&w->j, "len", e->l3_len >= 40 ? e->l3_len - 40u : 0);
		bh_json_u64(&w->j, "hoplimit", e->ttl);
	}
	if (has_ip(e) && e->key.proto == PROTO_TCP && has_ports(e))
		put_drop_tcp(w);
	bh_json_str(&w->j, "reason", bh_reason_name(e->reason));
	bh_json_close(&w->j, '}');
}

static void
put_segments(struct writer *w)
{
	const struct bh_event_names *n = w->names;
	const struct bh_event *e = w->e;

	if (n->segment != NULL) {
		if (e->segment[w->src] != UINT32_MAX)
			put_name(w, "src_segment", n->segment(n->arg, e->segment[w->src]));
		if (e->segment[w->dst] != UINT32_MAX)
			put_name(w, "dst_segment", n->segment(n->arg, e->segment[w->dst]));
	}
	if (n->rule != NULL && e->rule != UINT32_MAX)
		put_name(w, "rule_id", n->rule(n->arg, e->rule));
	if (n->labels != NULL && is_alert(w->type)) {
		n->labels(n->arg, &w->j, "src_labels", e, w->src);
		n->labels(n->arg, &w->j, "dst_labels", e, w->dst);
	}
}

/* Ours about a packet or a flow. */
static void
put_judgement(struct writer *w)
{
	static const char *const tunnels[] = {NULL, "vxlan", "geneve", "gre", "ipip"};
	const struct bh_event *e = w->e;

	if (has_ip(e))
		put_segments(w);
	if (e->verdict != BH_VERDICT_NONE)
		bh_json_str(&w->j, "verdict", bh_verdict_name(e->verdict));
	if (e->reason != BH_REASON_NONE) {
		bh_json_str(&w->j, "reason", bh_reason_name(e->reason));
		bh_json_str(&w->j, "reason_text", bh_reason_text(e->reason));
	}
	bh_json_str(&w->j, "mode", bh_mode_name(e->mode));
	if (e->frame_kind != BH_FRAME_IP)
		bh_json_str(&w->j, "frame", bh_frame_kind_name(e->frame_kind));
	if (e->key.tunnel != BH_TUNNEL_NONE && e->key.tunnel < BH_ARRAY_SIZE(tunnels)) {
		bh_json_str(&w->j, "tunnel", tunnels[e->key.tunnel]);
		if (e->key.tunnel != BH_TUNNEL_IPIP)
			bh_json_u64(&w->j, "vni", BH_TENANT_VNI(e->key.tenant));
	}
	if (w->type == BH_EVENT_FLOW) {
		bh_json_str(&w->j, "state", bh_flow_state_name(e->flow_state));
		bh_json_str(&w->j, "end", bh_flow_end_name(e->flow_end));
	}
	if (e->frame_len != 0)
		bh_json_u64(&w->j, "frame_len", e->frame_len);
	bh_json_u64(&w->j, "worker", e->worker);
}

/* "policy_loaded" of POLICY_LOADED. */
static void
put_event_name(struct writer *w)
{
	const char *s = catalogue[w->type].symbol;
	char text[32];
	size_t i;

	for (i = 0; i < sizeof(text) - 1 && s[i] != '\0'; i++)
		text[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] - 'A' + 'a') : s[i];
	text[i] = '\0';
	bh_json_str(&w->j, "event", text);
}

/* What was judged of a connection, so that it can be compared with what its receiver read. */
static void
put_judged(struct writer *w)
{
	static const char *const keys[] = {"toserver", "toclient"};
	const unsigned ends[] = {w->src, w->dst};
	char hex[17];
	unsigned i;

	if (w->type == BH_EVENT_SENSOR || w->e->judged_hash[0] == 0)
		return;
	bh_json_open(&w->j, "judged", '{');
	for (i = 0; i < 2; i++) {
		bh_json_open(&w->j, keys[i], '{');
		bh_json_u64(&w->j, "bytes", w->e->judged_bytes[ends[i]]);
		snprintf(hex, sizeof(hex), "%016llx",
			 (unsigned long long)w->e->judged_hash[ends[i]]);
		bh_json_str(&w->j, "fnv1a", hex);
		bh_json_close(&w->j, '}');
	}
	bh_json_close(&w->j, '}');
}

/* What was counted of a threat, and from how many on it is one. */
static void
put_counts(struct writer *w)
{
	if (w->type != BH_EVENT_THREAT || w->e->judged_bytes[0] == 0)
		return;
	bh_json_u64(&w->j, "count", w->e->judged_bytes[0]);
	bh_json_u64(&w->j, "threshold", w->e->judged_bytes[1]);
}

/* Where in what was said a sensor's finding is. */
static void
put_offset(struct writer *w)
{
	if (w->type != BH_EVENT_SENSOR)
		return;
	bh_json_u64(&w->j, "message", w->e->sensor_message);
	bh_json_u64(&w->j, "offset", w->e->sensor_offset);
}

static void
put_bulkhead(struct writer *w)
{
	bh_json_open(&w->j, "bulkhead", '{');
	put_event_name(w);
	put_name(w, "kind", catalogue[w->type].kind);
	put_judgement(w);
	put_judged(w);
	put_counts(w);
	put_offset(w);
	if (w->e->n_text != 0) {
		bh_eve_put_operation(&w->j, w->e, true);
		bh_eve_put_why(&w->j, w->e);
	}
	if (w->e->repeated != 0)
		bh_json_u64(&w->j, "repeated", w->e->repeated);
	if (is_alert(w->type) && w->names->evidence != NULL)
		put_name(w, "evidence", w->names->evidence(w->names->arg, w->e));
	bh_json_close(&w->j, '}');
}

static void
begin(struct writer *w, uint64_t time_ns)
{
	bh_json_open(&w->j, NULL, '{');
	bh_json_time(&w->j, "timestamp", time_ns);
	if (w->e != NULL && w->e->has_flow != 0)
		bh_json_u64(&w->j, "flow_id", w->e->flow_id);
}

static void
end(struct writer *w)
{
	bh_json_close(&w->j, '}');
	bh_buf_add(w->j.out, "\n", 1);
}

void
bh_eve_format(struct bh_buf *out, const struct bh_event *e, const struct bh_event_names *names)
{
	static const struct bh_event_names no_names;
	struct writer w = {.j = {.out = out}, .e = e, .names = names != NULL ? names : &no_names};

	w.type = e->type < BH_EVENT_COUNT ? e->type : BH_EVENT_NONE;
	w.src = e->initiator & 1;
	w.dst = w.src ^ 1;
	begin(&w, e->time_ns);
	/* A flow has packets of both ports. */
	if (w.type != BH_EVENT_FLOW && w.names->port != NULL)
		put_name(&w, "in_iface", w.names->port(w.names->arg, e->port));
	bh_json_str(&w.j, "event_type",
		    w.type == BH_EVENT_OPERATION ? bh_eve_operation_type(e)
						 : catalogue[w.type].eve_type);
	put_packet(&w);
	if (e->n_text != 0)
		bh_eve_put_operation(&w.j, e, false);
	if (is_alert(w.type))
		put_alert(&w, is_blocked(e));
	if (w.type == BH_EVENT_DROP)
		put_drop(&w);
	if (w.type == BH_EVENT_FLOW || (w.type == BH_EVENT_VIOLATION && e->start_ns != 0))
		put_flow(&w);
	if (w.type == BH_EVENT_FLOW && e->key.proto == PROTO_TCP)
		put_flow_tcp(&w);
	put_bulkhead(&w);
	end(&w);
}

void
bh_eve_format_note(struct bh_buf *out, const struct bh_eve_note *note)
{
	struct writer w = {.j = {.out = out}, .type = note->type};

	begin(&w, note->time_ns);
	put_name(&w, "in_iface", note->in_iface);
	bh_json_str(&w.j, "event_type", catalogue[w.type].eve_type);
	if (is_alert(w.type))
		put_alert(&w, false);
	bh_json_open(&w.j, "bulkhead", '{');
	put_event_name(&w);
	put_name(&w, "kind", catalogue[w.type].kind);
	bh_json_str(&w.j, "text", catalogue[w.type].text);
	put_name(&w, "detail", note->detail);
	bh_json_u64(&w.j, "policy_revision", note->policy_revision);
	bh_json_close(&w.j, '}');
	end(&w);
}
