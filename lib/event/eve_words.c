/* The words that EVE has for protocols, states, ends and categories. */
#include <stdio.h>

#include "event_priv.h"

const char *
bh_eve_proto(uint8_t proto, char digits[4])
{
	static const struct {
		uint8_t number;
		const char *name;
	} known[] = {
		{PROTO_TCP, "TCP"},   {PROTO_UDP, "UDP"},
		{PROTO_ICMP, "ICMP"}, {PROTO_ICMP6, "IPv6-ICMP"},
		{PROTO_SCTP, "SCTP"}, {0, "HOPOPT"},
		{2, "IGMP"},          {4, "IP-in-IP"},
		{33, "DCCP"},         {41, "IPv6"},
		{46, "RSVP"},         {47, "GRE"},
		{50, "ESP"},          {51, "AH"},
		{59, "IPv6-NoNxt"},   {88, "EIGRP"},
		{89, "OSPF"},         {97, "ETHERIP"},
		{103, "PIM"},         {108, "IPComp"},
		{112, "VRRP"},        {113, "PGM"},
		{115, "L2TP"},        {136, "UDPLite"},
		{137, "MPLS-in-IP"},
	};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(known); i++) {
		if (known[i].number == proto)
			return known[i].name;
	}
	snprintf(digits, 4, "%03u", proto);
	return digits;
}

const char *
bh_eve_tcp_state(uint8_t state)
{
	switch (state) {
	case BH_STATE_SYN_SENT:
		return "syn_sent";
	case BH_STATE_SYN_RECEIVED:
		return "syn_recv";
	case BH_STATE_ESTABLISHED:
		return "established";
	case BH_STATE_FIN_WAIT:
		return "fin_wait1";
	case BH_STATE_CLOSING:
		return "closing";
	case BH_STATE_CLOSED:
		return "closed";
	default:
		return "none";
	}
}

const char *
bh_eve_flow_reason(uint8_t end)
{
	switch (end) {
	case BH_FLOW_END_TIMEOUT:
	case BH_FLOW_END_CLOSED: /* there, closed connections leave by a short time-out */
		return "timeout";
	case BH_FLOW_END_EVICTED:
	case BH_FLOW_END_RELABELLED:
		return "forced";
	case BH_FLOW_END_SHUTDOWN:
		return "shutdown";
	default:
		return "unknown";
	}
}

const char *
bh_eve_category(const char *kind)
{
	static const char *const words[][2] = {
		{"violation", "Policy Violation"},
		{"anomaly", "Network Anomaly"},
		{"threat", "Network Threat"},
		{"sensor", "Sensor Match"},
	};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(words); i++) {
		if (strcmp(kind, words[i][0]) == 0)
			return words[i][1];
	}
	return "Gateway";
}
