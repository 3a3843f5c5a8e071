/* The report as one page: no scripts, nothing from elsewhere, A4 when printed. */
#include <stdio.h>

#include "report.h"

/* ---- words ---------------------------------------------------------------------------------------------- */

static void
put(struct bh_buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		switch (*s) {
		case '<':
			bh_buf_str(b, "&lt;");
			break;
		case '>':
			bh_buf_str(b, "&gt;");
			break;
		case '&':
			bh_buf_str(b, "&amp;");
			break;
		case '"':
			bh_buf_str(b, "&quot;");
			break;
		default:
			bh_buf_add(b, s, 1);
		}
	}
}

/* 2026-01-02T03:04:05.678Z as 2026-01-02 03:04:05. */
static void
put_time(struct bh_buf *b, const json_t *v)
{
	const char *s = json_string_value(v);

	if (s == NULL || strlen(s) < 19)
		bh_buf_str(b, "<span class=soft>never</span>");
	else
		bh_buf_printf(b, "%.10s&nbsp;%.8s", s, s + 11);
}

static void
put_number(struct bh_buf *b, const json_t *v)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(v)), i;

	for (i = 0; i < n; i++) {
		if (i != 0 && (n - i) % 3 == 0 && text[i - 1] != '-')
			bh_buf_str(b, "&#8239;");
		bh_buf_add(b, &text[i], 1);
	}
}

static void
put_bytes(struct bh_buf *b, const json_t *v)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	double n = (double)json_integer_value(v);
	unsigned i = 0;

	while (n >= 1000 && i + 1 < BH_ARRAY_SIZE(units)) {
		n /= 1000;
		i++;
	}
	bh_buf_printf(b, i == 0 ? "%.0f&nbsp;%s" : "%.1f&nbsp;%s", n, units[i]);
}

static void put_value(struct bh_buf *b, const json_t *v);

static void
put_list(struct bh_buf *b, const json_t *v)
{
	const json_t *item;
	size_t i;

	json_array_foreach(v, i, item)
	{
		bh_buf_str(b, i != 0 ? ", " : "");
		put_value(b, json_is_object(item) ? json_object_get(item, "text") : item);
	}
}

/* Objects as key: value, in one line. */
static void
put_value(struct bh_buf *b, const json_t *v)
{
	const json_t *item;
	const char *key;
	bool more = false;

	if (json_is_string(v)) {
		put(b, json_string_value(v));
	} else if (json_is_integer(v)) {
		put_number(b, v);
	} else if (json_is_boolean(v)) {
		bh_buf_str(b, json_is_true(v) ? "yes" : "no");
	} else if (json_is_array(v)) {
		put_list(b, v);
	} else if (json_is_object(v)) {
		json_object_foreach((json_t *)v, key, item)
		{
			bh_buf_str(b, more ? ", " : "");
			put(b, key);
			bh_buf_str(b, json_is_object(item) ? " (" : ": ");
			put_value(b, item);
			bh_buf_str(b, json_is_object(item) ? ")" : "");
			more = true;
		}
	}
}

/* ---- tables --------------------------------------------------------------------------------------------- */

enum kind { TEXT, NUMBER, BYTES, TIME, DAY, BADGE, REMARKS };
struct column {
	const char *head, *path;
	enum kind kind;
};

/* Of a path: what is to be looked at. */
static void
put_remarks(struct bh_buf *b, const json_t *row)
{
	const json_t *plain = json_object_get(row, "in_clear");

	if (bh_report_text(row, "owner")[0] == '\0' || bh_report_text(row, "reason")[0] == '\0' ||
	    bh_report_text(row, "expires")[0] == '\0')
		bh_buf_str(b, "<span class=note>owner, reason or expiry is missing.</span> ");
	if (json_is_true(json_object_get(row, "stopped_at_border")))
		bh_buf_str(b, "a part of it is stopped at the zone's border. ");
	if (json_array_size(plain) != 0) {
		bh_buf_str(b, "<span class=note>not encrypted: ");
		put_list(b, plain);
		bh_buf_str(b, ".</span> ");
	}
	put_list(b, json_object_get(row, "findings"));
}

static void
put_cell(struct bh_buf *b, const json_t *row, const struct column *c)
{
	const json_t *v = bh_report_at(row, c->path);

	bh_buf_str(b, c->kind == NUMBER || c->kind == BYTES ? "<td class=n>"
		      : c->kind == TIME || c->kind == DAY   ? "<td class=t>"
							    : "<td>");
	switch (c->kind) {
	case TEXT:
		put_value(b, v);
		break;
	case NUMBER:
		put_number(b, v);
		break;
	case BYTES:
		put_bytes(b, v);
		break;
	case TIME:
		put_time(b, v);
		break;
	case DAY:
		bh_buf_printf(b, "%.10s", json_is_string(v) ? json_string_value(v) : "");
		if (json_is_true(json_object_get(row, "expired")))
			bh_buf_str(b, " <span class=\"b bad\">expired</span>");
		break;
	case BADGE:
		bh_buf_str(b, "<span class=\"b ");
		put(b, json_is_string(v) ? json_string_value(v) : "");
		bh_buf_str(b, "\">");
		put_value(b, v);
		bh_buf_str(b, "</span>");
		break;
	case REMARKS:
		put_remarks(b, row);
		break;
	}
	bh_buf_str(b, "</td>");
}

static void
heading(struct bh_buf *b, const char *title, const char *requirements)
{
	bh_buf_printf(b, "<h2>%s <small>%s</small></h2>\n", title, requirements);
}

/* total: of which the list may be the first part. */
static void
table(struct bh_buf *b, const json_t *list, const struct column *c, json_int_t total)
{
	const json_t *row;
	size_t i, k;

	if (json_array_size(list) == 0) {
		bh_buf_str(b, "<p class=soft>None.</p>\n");
		return;
	}
	bh_buf_str(b, "<div class=wide><table><thead><tr>");
	for (k = 0; c[k].head != NULL; k++)
		bh_buf_printf(b, "<th%s>%s</th>",
			      c[k].kind == NUMBER || c[k].kind == BYTES ? " class=n" : "",
			      c[k].head);
	bh_buf_str(b, "</tr></thead><tbody>\n");
	json_array_foreach(list, i, row)
	{
		bh_buf_str(b, "<tr>");
		for (k = 0; c[k].head != NULL; k++)
			put_cell(b, row, &c[k]);
		bh_buf_str(b, "</tr>\n");
	}
	bh_buf_str(b, "</tbody></table></div>\n");
	if (total > (json_int_t)json_array_size(list))
		bh_buf_printf(b, "<p class=note>The first %zu of %lld are listed.</p>\n",
			      json_array_size(list), (long long)total);
}

/* ---- parts ---------------------------------------------------------------------------------------------- */

static void
tile(struct bh_buf *b, const char *text, json_int_t n, const char *colour)
{
	json_t *v = json_integer(n);

	bh_buf_printf(b, "<div class=tile><b class=is-%s>", colour);
	put_number(b, v);
	bh_buf_printf(b, "</b><span>%s</span></div>\n", text);
	json_decref(v);
}

static json_int_t
count_answers(const json_t *o, const char *word)
{
	const json_t *list = bh_report_at(o, "requirements"), *r;
	json_int_t n = 0;
	size_t i;

	json_array_foreach(list, i, r) n += strcmp(bh_report_text(r, "answer"), word) == 0;
	return n;
}

static void
head(struct bh_buf *b, const json_t *o)
{
	json_int_t attention = count_answers(o, "attention"),
		   failures = bh_report_int(o, "trail.failures"),
		   denied = bh_report_int(o, "traffic.sessions_blocked") +
			    bh_report_int(o, "traffic.sessions_against_policy_passed");

	bh_buf_str(b, "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
		      "<meta name=viewport content=\"width=device-width\"><title>PCI DSS report, ");
	put(b, bh_report_text(o, "zone.name"));
	bh_buf_str(b, "</title>\n");
	bh_buf_str(b, bh_report_style);
	bh_buf_str(b, "</head><body>\n<h1>Segmentation report <small>");
	put(b, bh_report_text(o, "standard"));
	bh_buf_str(b, "</small></h1>\n<p>Cardholder data environment <b>");
	put(b, bh_report_text(o, "zone.name"));
	bh_buf_str(b, "</b>. Made ");
	put_time(b, bh_report_at(o, "generated"));
	bh_buf_str(b, " UTC, about the time since ");
	put_time(b, bh_report_at(o, "since"));
	bh_buf_printf(b, ", under policy revision %lld, by Bulkhead %s.</p>\n<div class=tiles>\n",
		      (long long)bh_report_int(o, "revision"), bh_report_text(o, "version"));
	tile(b, "requirements met", count_answers(o, "met"), "good");
	tile(b, "need attention", attention, attention != 0 ? "warn" : "good");
	tile(b, "members in scope", bh_report_int(o, "zone.members"), "ink");
	tile(b, "allowed paths", (json_int_t)json_array_size(bh_report_at(o, "paths")), "ink");
	tile(b, "denied sessions", denied, "ink");
	tile(b, "failures of the control", failures, failures != 0 ? "bad" : "good");
	bh_buf_printf(b,
		      "<div class=tile><b class=is-%s>%s</b><span>audit log, "
		      "verified now</span></div>\n</div>\n",
		      json_is_true(bh_report_at(o, "integrity.intact")) ? "good" : "bad",
		      json_is_true(bh_report_at(o, "integrity.intact")) ? "intact"
		      : bh_report_at(o, "integrity") == NULL            ? "none"
									: "BROKEN");
}

static void
scope(struct bh_buf *b, const json_t *o)
{
	static const struct column segments[] = {
		{"segment", "name", TEXT},        {"it is", "is", TEXT},
		{"selector", "selector", TEXT},   {"addresses", "addresses", TEXT},
		{"members", "members", NUMBER},   {"mode", "mode", BADGE},
		{"mode from", "mode_from", TEXT}, {NULL, NULL, TEXT}};
	static const struct column members[] = {{"address", "address", TEXT},
						{"labels", "labels", TEXT},
						{"segments", "segments", TEXT},
						{"since", "since", TIME},
						{"told by", "source", TEXT},
						{NULL, NULL, TEXT}};
	static const struct column reached[] = {{"who", "name", TEXT},
						{"is", "is", TEXT},
						{"endpoints now", "members", NUMBER},
						{"by rules", "rules", TEXT},
						{NULL, NULL, TEXT}};

	heading(b, "Scope", "1.2.4, 12.5.2");
	bh_buf_printf(b,
		      "<p>Members talk among themselves by %s; contention of modes: %s%s%s.</p>\n",
		      strcmp(bh_report_text(o, "zone.intra"), "only") == 0
			      ? "rules, and cross the border by rules for zones only"
			      : "rules",
		      bh_report_text(o, "zone.contention"),
		      bh_report_text(o, "zone.override")[0] != '\0' ? "; THE WHOLE BOX IS IN " : "",
		      bh_report_text(o, "zone.override"));
	table(b, bh_report_at(o, "segments"), segments, 0);
	bh_buf_str(b, "<h2>Members in scope</h2>\n");
	table(b, bh_report_at(o, "members"), members, bh_report_int(o, "zone.members"));
	heading(b, "Who can reach the zone", "12.5.2");
	table(b, bh_report_at(o, "reached_from"), reached, 0);
}

static void
paths(struct bh_buf *b, const json_t *o)
{
	static const struct column allowed[] = {{"rule", "id", TEXT},
						{"way", "directions", TEXT},
						{"from", "from", TEXT},
						{"to", "to", TEXT},
						{"ports", "ports", TEXT},
						{"applications", "applications", TEXT},
						{"seen", "applications_seen", TEXT},
						{"owner", "owner", TEXT},
						{"reason", "reason", TEXT},
						{"expires", "expires", DAY},
						{"hits", "hits", NUMBER},
						{"bytes", "bytes", BYTES},
						{"last used", "last_used", TIME},
						{"remarks", "findings", REMARKS},
						{NULL, NULL, TEXT}};
	static const struct column refusing[] = {
		{"rule", "id", TEXT},     {"way", "directions", TEXT},
		{"from", "from", TEXT},   {"to", "to", TEXT},
		{"ports", "ports", TEXT}, {"action", "action", TEXT},
		{"hits", "hits", NUMBER}, {"last used", "last_used", TIME},
		{NULL, NULL, TEXT}};

	heading(b, "Allowed paths", "1.2.5, 1.2.6, 1.2.7, 1.3");
	bh_buf_str(b, "<p class=soft>Every rule that lets traffic into, out of or through the "
		      "zone. Hits are "
		      "connections, or operations where the rule lists them.</p>\n");
	table(b, bh_report_at(o, "paths"), allowed, 0);
	heading(b, "Rules that refuse", "1.3");
	table(b, bh_report_at(o, "refusing_rules"), refusing, 0);
	bh_buf_printf(
		b,
		"<p>What no rule allows is denied: %lld decisions since the gateway started.</p>\n",
		(long long)bh_report_int(o, "traffic.no_rule_since_start.hits"));
}

static void
traffic(struct bh_buf *b, const json_t *o)
{
	static const struct column used[] = {{"from", "from", TEXT},
					     {"to", "to", TEXT},
					     {"way", "direction", TEXT},
					     {"service", "service", TEXT},
					     {"application", "application", TEXT},
					     {"sessions", "sessions", NUMBER},
					     {"open", "open", NUMBER},
					     {"to server", "bytes_to_server", BYTES},
					     {"to client", "bytes_to_client", BYTES},
					     {"first seen", "first_seen", TIME},
					     {"last seen", "last_seen", TIME},
					     {"rule", "rule", TEXT},
					     {NULL, NULL, TEXT}};
	static const struct column denied[] = {{"from", "from", TEXT},
					       {"client, last", "client", TEXT},
					       {"to", "to", TEXT},
					       {"server, last", "server", TEXT},
					       {"way", "direction", TEXT},
					       {"service", "service", TEXT},
					       {"application", "application", TEXT},
					       {"blocked", "seen.blocked", NUMBER},
					       {"passed in monitor", "seen.violated", NUMBER},
					       {"first seen", "first_seen", TIME},
					       {"last seen", "last_seen", TIME},
					       {"rule", "rule", TEXT},
					       {NULL, NULL, TEXT}};

	heading(b, "Denied attempts", "1.3, 10.2.1");
	table(b, bh_report_at(o, "denied"), denied,
	      bh_report_int(o, "traffic.denied_conversations"));
	heading(b, "Conversations seen", "1.2.4, 12.5.2");
	if (!json_is_true(bh_report_at(o, "traffic.recorded")))
		bh_buf_str(b,
			   "<p class=note>Conversations are not recorded (learning.record).</p>\n");
	else
		table(b, bh_report_at(o, "conversations"), used,
		      bh_report_int(o, "traffic.conversations"));
}

static void
trail(struct bh_buf *b, const json_t *o)
{
	static const struct column changes[] = {
		{"entry", "entry", NUMBER},       {"time", "time", TIME},
		{"who", "actor", TEXT},           {"what", "action", TEXT},
		{"object", "object", TEXT},       {"result", "result", TEXT},
		{"why, details", "detail", TEXT}, {NULL, NULL, TEXT}};
	static const struct column failures[] = {{"what failed", "what", TEXT},
						 {"from", "start", TIME},
						 {"to", "end", TIME},
						 {"cause, and what it meant", "cause", TEXT},
						 {NULL, NULL, TEXT}};
	static const struct column files[] = {{"file", "file", TEXT},
					      {"changed", "changed", TIME},
					      {"age in days", "age_days", NUMBER},
					      {NULL, NULL, TEXT}};

	heading(b, "Failures of the control itself", "10.7.2, 10.7.3");
	table(b, bh_report_at(o, "failures"), failures, bh_report_int(o, "trail.failures"));
	heading(b, "Changes, and who made them", "1.2.2, 6.5.1, 10.2.1");
	table(b, bh_report_at(o, "changes"), changes, bh_report_int(o, "trail.changes"));
	heading(b, "Sensors", "11.5.1");
	bh_buf_printf(b,
		      "<p>A finding: <b>%s</b>. Built in, with version %s: %s. From files: %lld "
		      "sensors, %lld rules, loaded ",
		      bh_report_text(o, "sensors.action"),
		      bh_report_text(o, "sensors.built_in_version"),
		      bh_report_text(o, "sensors.built_in"),
		      (long long)bh_report_int(o, "sensors.files_sensors"),
		      (long long)bh_report_int(o, "sensors.files_rules"));
	put_time(b, bh_report_at(o, "sensors.loaded"));
	bh_buf_str(b, ".</p>\n");
	table(b, bh_report_at(o, "sensors.files"), files, 0);
	heading(b, "Integrity of this evidence", "10.3");
	bh_buf_printf(b, "<p>Audit log: %s, %lld entries, newest <code>%s</code>. ",
		      json_is_true(bh_report_at(o, "integrity.intact"))
			      ? "unbroken chain"
			      : "<b class=note>NOT INTACT</b>",
		      (long long)bh_report_int(o, "integrity.entries"),
		      bh_report_text(o, "integrity.head"));
	put(b, bh_report_text(o, "integrity.why"));
	bh_buf_printf(b, " Policy in force: revision %lld, SHA-256 <code>%s</code>, by ",
		      (long long)bh_report_int(o, "policy.revision"),
		      bh_report_text(o, "policy.sha256"));
	put(b, bh_report_text(o, "policy.author"));
	bh_buf_str(b, ".</p>\n");
}

void
bh_report_html(const json_t *o, struct bh_buf *out)
{
	static const struct column requirements[] = {{"requirement", "requirement", TEXT},
						     {"asks", "asks", TEXT},
						     {"answer", "answer", BADGE},
						     {"evidence", "evidence", TEXT},
						     {NULL, NULL, TEXT}};

	head(out, o);
	heading(out, "Requirements", "each with what answers it here");
	table(out, bh_report_at(o, "requirements"), requirements, 0);
	scope(out, o);
	paths(out, o);
	traffic(out, o);
	trail(out, o);
	bh_buf_str(out, "</body></html>\n");
}
