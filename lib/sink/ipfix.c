/* ipfix: the bytes of records, templates and messages. */
#include "ipfix.h"

#include <errno.h>

#define FORM 1u /* of a record in the spool: grows when ipfix.def changes */
#define RECORD_HEADER 3u
#define TEMPLATE_IP4 256u /* least number of a template (RFC 7011 3.4.1) */
#define TEMPLATE_IP6 257u
#define SET_HEADER 4u
#define SET_TEMPLATES 2u
#define ENTERPRISE_BIT 0x8000u
#define NAME_MAX_BYTES 96u

enum { IANA, REVERSE, OWN };

static const struct element {
	uint16_t id, bytes[2]; /* IPv4, IPv6 */
	uint8_t whose;
} elements[] = {
#define BH_IPFIX(id, ip4, ip6, whose) {id, {ip4, ip6}, whose},
#include "ipfix.def"
#undef BH_IPFIX
};

/* ---- records ------------------------------------------------------------------------------------------ */

static void
put(struct bh_buf *out, uint64_t v, unsigned bytes)
{
	uint8_t b[8];
	unsigned i;

	for (i = 0; i < bytes; i++)
		b[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
	bh_buf_add(out, b, bytes);
}

/* Cut between two characters of UTF-8 where it is too long. */
static void
put_name(struct bh_buf *out, const char *name)
{
	size_t n = name != NULL ? strlen(name) : 0;

	if (n > NAME_MAX_BYTES) {
		for (n = NAME_MAX_BYTES; n != 0 && ((uint8_t)name[n] & 0xc0) == 0x80; n--)
			;
	}
	put(out, n, 1);
	bh_buf_add(out, name != NULL ? name : "", n);
}

static unsigned
end_reason(const struct bh_event *e)
{
	static const uint8_t reasons[BH_FLOW_END_COUNT] = {
		[BH_FLOW_END_TIMEOUT] = BH_IPFIX_END_IDLE,
		[BH_FLOW_END_CLOSED] = BH_IPFIX_END_SEEN,
		[BH_FLOW_END_EVICTED] = BH_IPFIX_END_NO_ROOM,
		[BH_FLOW_END_RELABELLED] = BH_IPFIX_END_FORCED,
		[BH_FLOW_END_SHUTDOWN] = BH_IPFIX_END_FORCED,
	};

	if (e->type == BH_EVENT_FLOW_ACTIVE)
		return BH_IPFIX_END_ACTIVE;
	return e->flow_end < BH_FLOW_END_COUNT ? reasons[e->flow_end] : BH_IPFIX_END_FORCED;
}

static void
put_key(struct bh_buf *out, const struct bh_event *e, unsigned src)
{
	const struct bh_flow_key *k = &e->key;
	size_t len = k->family == BH_IP4 ? 4 : 16;
	bool ports = k->proto == 6 || k->proto == 17 || k->proto == 132;
	bool icmp = k->proto == 1 || k->proto == 58;

	bh_buf_add(out, &k->addr[src], len);
	bh_buf_add(out, &k->addr[src ^ 1], len);
	put(out, ports ? k->port[src] : 0, 2);
	put(out, ports ? k->port[src ^ 1] : 0, 2);
	put(out, k->proto, 1);
	put(out, end_reason(e), 1);
	put(out, 1, 1); /* biflowDirection "initiator" */
	put(out, icmp ? e->service : 0, 2);
	put(out, BH_TENANT_VLAN1(k->tenant), 2);
	put(out, k->proto == 6 ? e->tcp_seen[src] : 0, 1);
	put(out, k->proto == 6 ? e->tcp_seen[src ^ 1] : 0, 1);
}

bool
bh_ipfix_record(struct bh_buf *out, const struct bh_event *e, const struct bh_ipfix_span *span,
		const struct bh_event_names *names)
{
	static const struct bh_event_names none;
	const struct bh_event_names *n = names != NULL ? names : &none;
	unsigned src = e->initiator & 1, dst = src ^ 1, i;

	if (e->key.family != BH_IP4 && e->key.family != BH_IP6)
		return false;
	put(out, FORM, 1);
	put(out, e->key.family == BH_IP4 ? TEMPLATE_IP4 : TEMPLATE_IP6, 2);
	put(out, e->flow_id, 8);
	put(out, span->start_ms, 8);
	put(out, span->end_ms, 8);
	put_key(out, e, src);
	put(out, span->bytes[src], 8);
	put(out, span->packets[src], 8);
	put(out, span->bytes[dst], 8);
	put(out, span->packets[dst], 8);
	put_name(out, e->app != 0 && n->app != NULL ? n->app(n->arg, e->app) : NULL);
	for (i = 0; i < 2; i++) {
		uint32_t segment = e->segment[i == 0 ? src : dst];

		put_name(out, n->segment != NULL && segment != UINT32_MAX
				      ? n->segment(n->arg, segment)
				      : NULL);
	}
	put_name(out, n->rule != NULL && e->rule != UINT32_MAX ? n->rule(n->arg, e->rule) : NULL);
	put_name(out, e->verdict != BH_VERDICT_NONE ? bh_verdict_name(e->verdict) : NULL);
	put_name(out, e->reason != BH_REASON_NONE ? bh_reason_name(e->reason) : NULL);
	put_name(out, bh_mode_name(e->mode));
	return true;
}

/* ---- messages ----------------------------------------------------------------------------------------- */

static void
store(uint8_t *p, uint32_t v, unsigned bytes)
{
	unsigned i;

	for (i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
}

static void
append(struct bh_ipfix_message *m, uint32_t v, unsigned bytes)
{
	store(m->data + m->len, v, bytes);
	m->len += bytes;
}

/* Set Length covers its header (RFC 7011 3.3.2); nothing is padded. */
static void
close_set(struct bh_ipfix_message *m)
{
	if (m->set != 0)
		store(m->data + m->set + 2, (uint32_t)(m->len - m->set), 2);
	m->set = 0;
}

static void
open_set(struct bh_ipfix_message *m, unsigned id)
{
	close_set(m);
	m->set = m->len;
	append(m, id, 2);
	append(m, 0, 2);
	m->template = (uint16_t)id;
}

void
bh_ipfix_message_begin(struct bh_ipfix_message *m)
{
	m->len = BH_IPFIX_HEADER;
	m->set = 0;
	m->template = 0;
	m->n = 0;
}

static void
put_template(struct bh_ipfix_message *m, unsigned family, uint32_t enterprise)
{
	size_t count_at, i;
	unsigned n = 0;

	append(m, family == 0 ? TEMPLATE_IP4 : TEMPLATE_IP6, 2);
	count_at = m->len;
	append(m, 0, 2);
	for (i = 0; i < BH_ARRAY_SIZE(elements); i++) {
		const struct element *e = &elements[i];

		if (e->bytes[family] == 0)
			continue;
		append(m, e->id | (e->whose != IANA ? ENTERPRISE_BIT : 0), 2);
		append(m, e->bytes[family], 2);
		if (e->whose != IANA)
			append(m, e->whose == REVERSE ? BH_IPFIX_REVERSE_PEN : enterprise, 4);
		n++;
	}
	store(m->data + count_at, n, 2);
}

bool
bh_ipfix_message_templates(struct bh_ipfix_message *m, uint32_t enterprise)
{
	/* At most 8 bytes an element and 4 a template. */
	if (m->max - m->len < SET_HEADER + 2 * (4 + 8 * BH_ARRAY_SIZE(elements)))
		return false;
	open_set(m, SET_TEMPLATES);
	put_template(m, 0, enterprise);
	put_template(m, 1, enterprise);
	return true;
}

int
bh_ipfix_message_add(struct bh_ipfix_message *m, const uint8_t *record, size_t len)
{
	unsigned template;
	size_t need;

	if (len <= RECORD_HEADER || record[0] != FORM)
		return -EMSGSIZE;
	template = (unsigned)(record[1] << 8 | record[2]);
	if (template != TEMPLATE_IP4 && template != TEMPLATE_IP6)
		return -EMSGSIZE;
	len -= RECORD_HEADER;
	if (len + SET_HEADER + BH_IPFIX_HEADER > m->max)
		return -EMSGSIZE;
	need = len + (m->set == 0 || m->template != template ? SET_HEADER : 0);
	if (m->max - m->len < need)
		return -ENOSPC;
	if (m->set == 0 || m->template != template)
		open_set(m, template);
	memcpy(m->data + m->len, record + RECORD_HEADER, len);
	m->len += len;
	m->n++;
	return 0;
}

void
bh_ipfix_message_end(struct bh_ipfix_message *m, uint32_t export_s, uint32_t sequence,
		     uint32_t domain)
{
	close_set(m);
	store(m->data, 10, 2); /* version */
	store(m->data + 2, (uint32_t)m->len, 2);
	store(m->data + 4, export_s, 4);
	store(m->data + 8, sequence, 4);
	store(m->data + 12, domain, 4);
}
