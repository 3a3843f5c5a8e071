/* The header of a rule, and the rule as one of the model. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "suricata.h"

/* Protocols of headers. */
static const struct bh_suricata_proto protos[] = {
	{"ip", 0, NULL, NULL},
	{"any", 0, NULL, NULL},
	{"ip4", 0, NULL, "the version of IP is not matched"},
	{"ip6", 0, NULL, "the version of IP is not matched"},
	{"tcp", BH_OVER_TCP, NULL, NULL},
	{"tcp-pkt", BH_OVER_TCP, NULL, NULL},
	{"tcp-stream", BH_OVER_TCP, NULL, NULL},
	{"udp", BH_OVER_UDP, NULL, NULL},
	{"sctp", BH_OVER_SCTP, NULL, NULL},
	{"icmp", 0, NULL, "payload of ICMP is not looked at: see the threats of the configuration"},
	{"icmpv6", 0, NULL,
	 "payload of ICMP is not looked at: see the threats of the configuration"},
	{"pkthdr", 0, NULL, "rules about headers of packets are not supported"},
	{"http", 0, "http", NULL},
	{"http1", 0, "http", NULL},
	{"http2", 0, "http2", NULL},
	{"dns", 0, "dns", NULL},
	{"tls", 0, "tls", NULL},
	{"ssl", 0, "tls", NULL},
	{"ssh", 0, "ssh", NULL},
	{"smtp", 0, "smtp", NULL},
	{"ftp", 0, "ftp", NULL},
	{"imap", 0, "imap", NULL},
	{"pop3", 0, "pop3", NULL},
	{"smb", 0, "smb", NULL},
	{"tftp", 0, "tftp", NULL},
	{"krb5", 0, "kerberos", NULL},
	{"ntp", 0, "ntp", NULL},
	{"dhcp", 0, "dhcp", NULL},
	{"rdp", 0, "rdp", NULL},
	{"sip", 0, "sip", NULL},
	{"snmp", 0, "snmp", NULL},
	{"modbus", 0, "modbus", NULL},
	{"mqtt", 0, "mqtt", NULL},
	{"pgsql", 0, "postgresql", NULL},
	{"ldap", 0, "ldap", NULL},
	{"telnet", 0, "telnet", NULL},
	{"quic", 0, "quic", NULL},
	{"rfb", 0, "vnc", NULL},
	{"websocket", 0, "websocket", NULL},
};

const struct bh_suricata_proto *
bh_suricata_proto(const char *name)
{
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(protos); i++) {
		if (strcmp(protos[i].name, name) == 0)
			return &protos[i];
	}
	return NULL;
}

/* Who says what a context is about. */
enum { BOTH = BH_SENSOR_BOTH, CLIENT = BH_SENSOR_TO_SERVER, SERVER = BH_SENSOR_TO_CLIENT };
static const uint8_t context_side[] = {
#define BH_SENSOR_CONTEXT(sym, key, side, text) side,
#include "../sensor/sensor_context.def"
#undef BH_SENSOR_CONTEXT
};

static int
header_skip(struct bh_suricata_draft *d, unsigned word, const char *what)
{
	const struct bh_suricata_option o = {.key = d->rule->word[word].text,
					     .at = d->rule->word[word].at};

	return bh_suricata_skip(d, &o, what);
}

static int
header_action(struct bh_suricata_draft *d)
{
	static const struct {
		const char *word;
		uint8_t action;
		const char *why;
	} actions[] = {
		{"alert", BH_SENSOR_DEFAULT, NULL},
		{"drop", BH_SENSOR_DENY, NULL},
		{"reject", BH_SENSOR_REJECT, NULL},
		{"rejectsrc", BH_SENSOR_REJECT, NULL},
		{"rejectdst", BH_SENSOR_REJECT, NULL},
		{"rejectboth", BH_SENSOR_REJECT, NULL},
		{"pass", 0, "rules that silence others are not supported: write an exception"},
		{"log", 0, "rules that log without an alert are not supported"},
	};
	const char *word = d->rule->word[BH_SUR_ACTION].text;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(actions) && strcmp(word, actions[i].word) != 0; i++)
		;
	if (i == BH_ARRAY_SIZE(actions))
		return bh_suricata_refuse(
			d, d->rule->word[BH_SUR_ACTION].at, NULL,
			"expected alert, drop, reject, rejectsrc, rejectdst, rejectboth or pass");
	d->action = actions[i].action;
	return actions[i].why != NULL ? header_skip(d, BH_SUR_ACTION, actions[i].why) : 0;
}

static int
header_proto(struct bh_suricata_draft *d)
{
	const char *word = d->rule->word[BH_SUR_PROTO].text;
	const struct bh_suricata_proto *p = bh_suricata_proto(word);
	size_t i;

	if (p == NULL || p->why != NULL)
		return header_skip(d, BH_SUR_PROTO,
				   p != NULL ? p->why : "this protocol is not known here");
	d->transports = p->transports;
	if (p->app == NULL || d->app_given)
		return 0;
	/* A rule whose every pattern is in HTTP's own buffers holds for HTTP/2 as well. */
	for (i = 0; i < d->n_patterns; i++) {
		if (strncmp(bh_sensor_context_key(d->pattern[i].context), "http.", 5) != 0)
			break;
	}
	if (strcmp(word, "http") != 0 || i < d->n_patterns)
		d->app = (uint8_t)bh_app_find(p->app);
	return 0;
}

/* Which side says it: as given, or as the buffers say. */
static int
header_side(struct bh_suricata_draft *d)
{
	size_t i;

	for (i = 0; i < d->n_patterns; i++) {
		const struct bh_suricata_pattern *p = &d->pattern[i];
		/* Of questions and answers that engine looks at questions. */
		uint8_t side = p->context == BH_SENSOR_DNS_QUERY && d->direction == 0
				       ? BH_SENSOR_TO_SERVER
				       : context_side[p->context];

		if (side == BH_SENSOR_BOTH)
			continue;
		if (d->direction != BH_SENSOR_BOTH && d->direction != side)
			return bh_suricata_skip(
				d, p->option,
				"its buffer is not said by the side that the rule is "
				"about");
		d->direction = side;
	}
	return 0;
}

/* A set of a header, kept; *out NULL: any. */
static int
header_set(struct bh_suricata_draft *d, unsigned word, bool ports, const struct bh_sig_set **out)
{
	struct bh_suricata_bad bad = {0};
	struct bh_spans spans = {0};
	struct bh_sig *s = d->sig;
	struct bh_sig_set *set = s->any;
	char *text = d->rule->word[word].text;
	void **cell;
	bool fresh;
	int rc;

	*out = bh_sig_name_get(&s->sets[ports], text);
	if (*out == NULL) {
		rc = bh_suricata_set(&s->vars, ports, text, &spans, &bad);
		if (rc == 0 && (spans.n != 1 || spans.at[0].first != 0 ||
				spans.at[0].last != (ports ? 65535 : ~(bh_number)0)))
			set = bh_sig_set_keep(s, &spans);
		bh_sig_spans_free(&spans);
		if (rc == -EINVAL)
			return bh_suricata_refuse(d, d->rule->word[word].at + bad.at, NULL,
						  bad.what);
		if (rc == -E2BIG)
			return bh_suricata_refuse(d, d->rule->word[word].at, NULL,
						  "a set of more than 100,000 ranges");
		text = bh_arena_text(&s->arena, text, strlen(text));
		cell = rc != 0 || set == NULL || text == NULL
			       ? NULL
			       : bh_sig_name(&s->sets[ports], text, &fresh);
		if (cell == NULL)
			return -ENOMEM;
		*cell = set;
		*out = set;
	}
	if (*out == s->any)
		*out = NULL;
	return 0;
}

/* Ports that a connecting side takes are above these. */
static bool
only_low_ports(const struct bh_sig_set *ports)
{
	return ports != NULL && bh_load_be16(ports->span[ports->n - 1].last + 14) < 32768;
}

/* Without a direction, a port of one end says which end the server is. */
static void
header_way(struct bh_suricata_draft *d)
{
	const struct bh_sig_set *src = d->header.port[0], *dst = d->header.port[1];

	if (strcmp(d->rule->word[BH_SUR_ARROW].text, "<>") == 0) {
		d->header.way = BH_SIG_ANY_WAY;
		return;
	}
	if (d->direction == BH_SENSOR_BOTH && src == NULL && only_low_ports(dst))
		d->direction = BH_SENSOR_TO_SERVER;
	else if (d->direction == BH_SENSOR_BOTH && dst == NULL && only_low_ports(src))
		d->direction = BH_SENSOR_TO_CLIENT;
	d->header.way = d->direction == BH_SENSOR_TO_SERVER   ? BH_SIG_FORWARD
			: d->direction == BH_SENSOR_TO_CLIENT ? BH_SIG_BACKWARD
							      : BH_SIG_ANY_WAY;
}

int
bh_suricata_header(struct bh_suricata_draft *d)
{
	const char *arrow = d->rule->word[BH_SUR_ARROW].text;
	int rc = header_action(d);

	if (rc == 0 && strcmp(arrow, "->") != 0 && strcmp(arrow, "<>") != 0)
		rc = bh_suricata_refuse(d, d->rule->word[BH_SUR_ARROW].at, NULL,
					"expected -> or <> between the two ends");
	if (rc == 0)
		rc = header_proto(d);
	if (rc == 0)
		rc = header_set(d, BH_SUR_SRC, false, &d->header.address[0]);
	if (rc == 0)
		rc = header_set(d, BH_SUR_DST, false, &d->header.address[1]);
	if (rc == 0)
		rc = header_set(d, BH_SUR_SPORT, true, &d->header.port[0]);
	if (rc == 0)
		rc = header_set(d, BH_SUR_DPORT, true, &d->header.port[1]);
	if (rc == 0)
		rc = header_side(d);
	header_way(d);
	d->header.transports = d->transports;
	return rc;
}

/* ---- the model ------------------------------------------------------------------------------------- */

static const char *
text_of(struct bh_suricata_draft *d, const char *text, bool *ok)
{
	const char *out = text != NULL ? bh_sensor_text(d->sig->model, text, strlen(text)) : NULL;

	*ok = *ok && (text == NULL || out != NULL);
	return out;
}

static bool
write_pattern(struct bh_suricata_draft *d, struct bh_sensor_rule *r,
	      const struct bh_suricata_pattern *p)
{
	struct bh_sensor_pattern *out =
		bh_sensor_add_pattern(d->sig->model, r, (enum bh_sensor_kind)p->kind,
				      p->text != NULL ? (const char *)p->text : "", p->len);
	const struct bh_suricata_option *o = p->option;

	if (out == NULL)
		return false;
	out->context = p->context;
	out->flags = p->mod | (p->negated ? BH_SENSOR_NEGATED : 0);
	out->offset = p->offset;
	out->depth = p->depth;
	out->distance = p->distance;
	out->within = p->within;
	out->size_min = p->size_min;
	out->size_max = p->size_max;
	bh_suricata_place(d->rule, o->value != NULL ? o->value_at + p->value_at : o->at, &out->line,
			  &out->column);
	return true;
}

static bool
write_lists(struct bh_suricata_draft *d, struct bh_sensor_rule *r)
{
	struct bh_sensor_model *m = d->sig->model;
	const struct bh_sig_set *ports = NULL;
	const uint8_t *a, *b;
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < d->n_patterns; i++)
		ok = write_pattern(d, r, &d->pattern[i]);
	for (i = 0; ok && i < d->n_bits; i++)
		ok = bh_sensor_add_bit(m, r, (enum bh_sensor_bit_op)d->bit[i].op, d->bit[i].name) !=
		     NULL;
	for (i = 0; ok && i < d->n_references; i++)
		ok = bh_sensor_add_reference(m, r, d->reference[i].type, d->reference[i].value) !=
		     NULL;
	if (d->header.way != BH_SIG_ANY_WAY)
		ports = d->header.port[d->header.way == BH_SIG_FORWARD];
	for (i = 0; ok && ports != NULL && i < ports->n; i++) {
		a = ports->span[i].first + 14;
		b = ports->span[i].last + 14;
		ok = bh_sensor_add_ports(m, r, bh_load_be16(a), bh_load_be16(b), false) != NULL;
	}
	return ok;
}

/* What the engine does not take, alone, must not end the load of all others. */
static int
engine_check(struct bh_suricata_draft *d, struct bh_sensor_rule *r)
{
	struct bh_signature_note n = {.fate = BH_SIGNATURE_REFUSED,
				      .sid = d->sid,
				      .file = bh_sig_file_index(d->sig)};
	struct bh_err err = {0};
	int rc = bh_sensor_check(d->sig->model, r, &err);

	if (rc != -EINVAL)
		return rc;
	r->off = true;
	d->sig->off++;
	d->fate = BH_SIGNATURE_REFUSED;
	n.line = err.line;
	n.column = err.column;
	return bh_sig_note(d->sig, &n, "%s", err.what);
}

/* Priorities 1, 2 and what is less. */
static uint8_t
severity(const struct bh_suricata_draft *d)
{
	uint32_t p = d->priority != 0 ? d->priority : d->class_priority;

	return p == 0 ? 2 : p > 3 ? 3 : (uint8_t)p;
}

int
bh_suricata_write(struct bh_suricata_draft *d, struct bh_sensor *sensor)
{
	const struct bh_sig_header *h = &d->header;
	struct bh_sensor_rule *r;
	bool ok = true;
	char name[16];
	int rc;

	snprintf(name, sizeof(name), "%u", d->sid);
	r = bh_sensor_add_rule(d->sig->model, sensor, name);
	if (r == NULL)
		return -ENOMEM;
	r->message = text_of(d, d->message, &ok);
	r->classtype = text_of(d, d->classtype, &ok);
	r->metadata = text_of(d, d->metadata, &ok);
	r->category = r->classtype;
	r->attack = text_of(d, d->attack, &ok);
	r->gid = d->gid;
	r->sid = d->sid;
	r->rev = d->rev;
	r->app = d->app;
	r->severity = severity(d);
	r->action = d->action;
	r->direction = d->direction;
	r->threshold.type = d->threshold.type;
	r->threshold.track = d->threshold.track;
	r->threshold.count = d->threshold.count;
	r->threshold.seconds = d->threshold.seconds;
	r->line = d->rule->line;
	if (!ok || !write_lists(d, r))
		return -ENOMEM;
	rc = engine_check(d, r);
	if (rc != 0)
		return rc;
	if (h->transports == 0 && h->address[0] == NULL && h->address[1] == NULL &&
	    h->port[0] == NULL && h->port[1] == NULL)
		return 0;
	d->header.rule = r;
	return bh_arena_push(&d->sig->arena, &d->sig->header, &d->sig->n_headers, h, sizeof(*h));
}
