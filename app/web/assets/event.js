/* One event: in a sentence, and in full with what can be done about it. */
import { blob, get, has, may } from "./api.js";
import { block, button, cut, quarantine } from "./actions.js";
import { technique, techniqueLink } from "./attack.js";
import { bytes, chip, count, h, save, time, toast, verdict } from "./dom.js";

const SEVERITY = ["", "high", "medium", "low"];
const SEVERITY_CLASS = ["", "bad", "warn", ""];
const KIND_CLASS = { sensor: "bad", threat: "bad", violation: "warn", anomaly: "warn" };

export function kindOfEvent(e) {
	return e.bulkhead?.kind || (e.event_type === "bulkhead" ? e.bulkhead?.event : e.event_type);
}

export function kindChip(e) {
	return chip(kindOfEvent(e), KIND_CLASS[kindOfEvent(e)]);
}

export function severityChip(e) {
	return e.alert ? chip(SEVERITY[e.alert.severity] ?? String(e.alert.severity), SEVERITY_CLASS[e.alert.severity]) : "–";
}

export function actionChip(e) {
	if (e.alert)
		return chip(e.alert.action, e.alert.action === "blocked" ? "bad" : "warn");
	return e.bulkhead?.verdict ? verdict(e.bulkhead.verdict) : "–";
}

/* Both ends as a reader names them: the segment, else the address. */
function who(segment, address) {
	return segment && segment !== "external" && segment !== "unknown" ? segment : address ?? segment ?? "?";
}

function port(e) {
	return e.dest_port ? `${(e.proto ?? "").toLowerCase()}/${e.dest_port}` : (e.proto ?? "").toLowerCase();
}

function operation(e) {
	const { sql, redis, grpc } = e.bulkhead ?? {};

	if (e.http?.http_method)
		return `${e.http.http_method} ${e.http.url ?? ""}`;
	if (sql?.verb)
		return `${sql.verb} ${[sql.table ?? []].flat().join(", ")}`;
	if (redis?.command)
		return `${[redis.command].flat().join(" ")} ${[redis.key ?? []].flat().join(" ")}`;
	if (e.dns?.rrname)
		return `${e.dns.rrtype ?? ""} ${e.dns.rrname}`;
	if (grpc?.method)
		return `${grpc.service}/${grpc.method}`;
	return e.tls?.sni ?? e.quic?.sni ?? "";
}

/* What happened, why, and what was done: for somebody who has never seen an event of ours. */
export function sentence(e) {
	const b = e.bulkhead ?? {}, done = e.alert?.action === "blocked" ? "It was blocked." : "It passed.";
	const from = who(b.src_segment, e.src_ip), to = who(b.dst_segment, e.dest_ip);
	const said = operation(e).trim();

	if (b.kind === "sensor")
		return `${b.detail ?? e.alert.signature} in ${b.where ? `the ${b.where.replaceAll("_", " ").replaceAll(".", " ")} of ` : ""}` +
			`what ${from} said to ${to} (${e.app_proto ?? port(e)}). ${done}`;
	if (b.kind === "threat")
		return `${b.detail ?? e.alert.signature}: ${from}${to === "?" ? "" : ` against ${to}`}` +
			`${b.threshold ? `, ${count(b.count ?? 0)} of at most ${count(b.threshold)}` : ""}. ${done}`;
	if (b.kind === "violation")
		return `${from} asked ${to} for ${e.app_proto && e.app_proto !== "unknown" ? `${e.app_proto} on ` : ""}${port(e)}` +
			`${said ? ` (${said})` : ""}: ${b.reason_text ?? b.reason}. ${done}`;
	if (e.event_type === "drop")
		return `A packet of ${from} to ${to} was dropped: ${b.reason_text ?? e.drop?.reason}.`;
	if (e.event_type === "flow")
		return `${from} and ${to}: ${e.app_proto ?? port(e)}, ` +
			`${bytes((e.flow?.bytes_toserver ?? 0) + (e.flow?.bytes_toclient ?? 0))}, ${b.reason_text ?? b.verdict ?? ""}`;
	if (e.src_ip && !e.alert && said)
		return `${from} to ${to}: ${said}`;
	return [e.alert?.signature ?? b.text, b.detail].filter(Boolean).join(": ") || kindOfEvent(e);
}

export function endOf(e, side) {
	const segment = e.bulkhead?.[`${side === "src" ? "src" : "dst"}_segment`];
	const address = e[side === "src" ? "src_ip" : "dest_ip"], p = e[side === "src" ? "src_port" : "dest_port"];

	if (!address)
		return "–";
	return [h("strong", null, segment ?? ""), h("small", { cls: "address" }, p ? `${address}:${p}` : address)];
}

function row(name, ...value) {
	return value.flat().every((v) => v === null || v === undefined || v === "") ? null
		: [h("dt", null, name), h("dd", null, value)];
}

function attackLink(id) {
	const to = techniqueLink(id);

	return to ? h("a", { href: to, target: "_blank", rel: "noopener noreferrer" }, `MITRE ATT&CK ${technique(id)}`) : id;
}

function labels(o) {
	return o ? Object.entries(o).map(([k, v]) => chip(`${k}=${v}`)) : "";
}

async function download(name) {
	try {
		save(await blob(`/evidence/${encodeURIComponent(name)}`), name);
	} catch (e) {
		toast(e.status === 404 ? "The capture is not written yet, or no longer kept." : e.message, true);
	}
}

/* What policy says about these two ends now. */
async function explain(e, box) {
	try {
		const a = await get("/explain", { from: e.src_ip, to: e.dest_ip, service: port(e),
			application: e.app_proto && e.app_proto !== "unknown" ? e.app_proto : undefined });
		const near = a.nearest ? `The nearest rule is ${a.nearest.rule ?? a.nearest.id}, unmet: ${[a.nearest.unmet].flat().join(", ")}. ` : "";

		box.replaceChildren(h("p", null, "Policy says now: ", verdict(a.verdict), ` ${a.rule ? `by rule ${a.rule}` : "by no rule"}. ${near}${a.mode_text ?? ""}`));
	} catch (problem) {
		box.replaceChildren(h("p", null, problem.message));
	}
}

function actions(e, done) {
	const said = h("div", { cls: "explained", role: "status" });
	const list = [];

	if (e.bulkhead?.evidence && has("/evidence"))
		list.push(button("Download the capture", "evidence", () => download(e.bulkhead.evidence)));
	if (e.src_ip && e.dest_ip) {
		list.push(h("button", { type: "button", cls: "why", onclick: () => explain(e, said) }, "What does policy say?"));
		if (e.flow_id)
			list.push(button("Cut the session", "operate", async () => await cut(e.flow_id) && done(), "danger"));
		list.push(button("Block the conversation", "operate", async () => await block(e) && done(), "danger block"));
	}
	if (e.src_ip)
		list.push(button(`Quarantine ${e.src_ip}`, "operate", async () => await quarantine(e.src_ip) && done(), "danger"));
	return [h("div", { cls: "actions" }, list), said,
		!may("operate") && list.length > 0 ? h("small", null, "Actions need an identity with the right to operate.") : null];
}

/* All of it. done: something was changed. */
export function eventDetail(item, { close, done }) {
	const e = item.event, b = e.bulkhead ?? {};

	return [h("div", { cls: "title" }, h("h2", { tabindex: "-1" }, `Event ${item.id}`),
		h("button", { type: "button", cls: "quiet", "aria-label": "Close the details", onclick: close }, "×")),
	h("p", { cls: "sentence" }, sentence(e)),
	h("p", null, kindChip(e), severityChip(e), actionChip(e)),
	h("dl", null,
		row("When", time(e.timestamp)),
		row("From", endOf(e, "src"), labels(b.src_labels)), row("To", endOf(e, "dst"), labels(b.dst_labels)),
		row("Service", port(e)), row("Application", e.app_proto), row("Operation", operation(e)),
		row("Sensor", b.sensor), row("Sensor rule", b.sensor_rule), row("Where", b.where),
		row("Evidence", b.excerpt ? h("code", { cls: "excerpt" }, b.excerpt) : null),
		row("Technique", b.attack_id ? attackLink(b.attack_id) : null),
		row("Rule", b.rule_id), row("Reason", b.reason ? `${b.reason_text ?? ""} (${b.reason})` : null),
		row("Mode", b.mode), row("Left out", b.repeated ? `${count(b.repeated)} like it` : null),
		row("Community ID", e.community_id)),
	actions(e, done),
	h("details", null, h("summary", null, "The record"), h("pre", { tabindex: "0" }, JSON.stringify(e, null, 2)))];
}
