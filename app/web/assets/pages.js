/* The pages that are tables. */
import { blob, get, has } from "./api.js";
import { adopt, button, cut, makeIdentity, quarantine, release, revokeIdentity, setMode } from "./actions.js";
import { ask, bytes, chip, count, duration, h, mode, save, time, toast, verdict } from "./dom.js";
import { listPage } from "./list.js";

function party(name) {
	return name ? h("a", { href: `#/conversations?party=${encodeURIComponent(name)}` }, name) : "–";
}

function seen(s) {
	return [s.rule ? chip(`${count(s.rule)} by rule`, "good") : null, s.learned ? chip(`${count(s.learned)} learned`) : null,
		s.violated ? chip(`${count(s.violated)} violated`, "warn") : null, s.blocked ? chip(`${count(s.blocked)} blocked`, "bad") : null];
}

export const conversations = listPage({
	title: "Conversations", path: "/conversations", empty: "No conversation fits.",
	intro: "Who talked to whom, with what, and how it was judged.",
	filters: [{ name: "party", label: "Either end", hint: "a segment" }, { name: "from", label: "From" }, { name: "to", label: "To" },
		{ name: "application", label: "Application", hint: "redis" },
		{ name: "seen", label: "Judged", options: ["rule", "learned", "violated", "blocked"] },
		{ name: "since", label: "Since", options: ["1h", "24h", "7d"] }],
	columns: [
		{ title: "From", cell: (c) => party(c.from) }, { title: "To", cell: (c) => party(c.to) },
		{ title: "Service", cell: (c) => c.service }, { title: "Application", cell: (c) => c.application ?? "–" },
		{ title: "Judged", cell: (c) => seen(c.seen) }, { title: "Sessions", number: true, cell: (c) => count(c.sessions) },
		{ title: "Open", number: true, cell: (c) => count(c.open) },
		{ title: "Bytes", number: true, cell: (c) => bytes(c.bytes_to_server + c.bytes_to_client) },
		{ title: "Rule", cell: (c) => c.rule || "–" }, { title: "Last seen", cell: (c) => time(c.last_seen) },
	],
});

function end(e) {
	const known = e.segment && e.segment !== "external" && e.segment !== "unknown";

	return [h("span", { cls: "address" }, e.port ? `${e.address}:${e.port}` : e.address), h("small", null, known ? e.segment : e.segment ?? "")];
}

export const sessions = listPage({
	title: "Sessions", path: "/flows", empty: "No open session fits.",
	intro: "Connections that the gateway knows now.",
	filters: [{ name: "segment", label: "Segment" }, { name: "address", label: "Address", hint: "10.0.0.0/8" },
		{ name: "port", label: "Port" }, { name: "proto", label: "Protocol", hint: "tcp" },
		{ name: "verdict", label: "Verdict", options: ["allow", "deny", "reject"] }],
	columns: [
		{ title: "From", cell: (f) => end(f.src) }, { title: "To", cell: (f) => end(f.dst) },
		{ title: "Protocol", cell: (f) => f.proto }, { title: "Application", cell: (f) => f.application ?? "–" },
		{ title: "State", cell: (f) => f.state }, { title: "Verdict", cell: (f) => [verdict(f.verdict), h("small", null, f.reason)] },
		{ title: "Rule", cell: (f) => f.rule ?? "–" },
		{ title: "Packets", number: true, cell: (f) => count(f.src.packets + f.dst.packets) },
		{ title: "Bytes", number: true, cell: (f) => bytes(f.src.bytes + f.dst.bytes) },
		{ title: "Idle", number: true, cell: (f) => duration(f.idle_ms) },
		{ title: "", cell: (f, again) => [
			button("Cut", "operate", async () => await cut(f.id) && again(), "small danger"), " ",
			button("Quarantine", "operate", async () => await quarantine(f.src.address) && again(), "small danger")] },
	],
});

function applications(list) {
	return list.length === 0 ? "any" : list.map((a) => chip(a.operations
		? `${a.application}: ${Object.entries(a.operations).map(([k, v]) => `${k} ${v.join(", ")}`).join("; ")}` : a.application));
}

const severities = { error: "bad", warning: "warn", info: "" };

/* Linting a long policy is work: once in a while will do. Findings by rule. */
const LINT_MS = 60000;
const linted = { at: 0, rules: {} };

async function lintOfRules() {
	if (has("/lint") && Date.now() - linted.at > LINT_MS) {
		const { findings } = await get("/lint");

		linted.at = Date.now();
		linted.rules = Object.groupBy(findings.filter((f) => f.rule), (f) => f.rule);
	}
	return linted.rules;
}

function findings(list) {
	return (list ?? []).map((f) => h("a", { href: `#/lint?rule=${encodeURIComponent(f.rule)}`, cls: `chip ${severities[f.severity]}`, title: f.text }, f.kind));
}

export const rules = listPage({
	title: "Rules", path: "/rules", empty: "The policy has no rules.",
	intro: "In the order they are tried: the first that fits decides.", beside: lintOfRules,
	columns: [
		{ title: "#", number: true, cell: (r) => r.index + 1 }, { title: "Rule", cell: (r) => [h("strong", null, r.id), h("small", null, r.comment)] },
		{ title: "From", cell: (r) => r.from }, { title: "To", cell: (r) => r.to }, { title: "Ports", cell: (r) => r.ports },
		{ title: "Applications", cell: (r) => applications(r.applications) }, { title: "Action", cell: (r) => verdict(r.action) },
		{ title: "Origin", cell: (r) => r.origin }, { title: "Hits", number: true, cell: (r) => count(r.hits ?? 0) },
		{ title: "Bytes", number: true, cell: (r) => bytes(r.bytes ?? 0) }, { title: "Last used", cell: (r) => time(r.last_used) },
		{ title: "Lint", cell: (r, again, lint) => findings(lint[r.id]) },
	],
});

export const lint = listPage({
	title: "Lint", path: "/lint", paged: false, every: 30000, items: (a) => a.findings, narrow: [["rule", "Rule"], ["kind", "Kind"]], empty: "No mistakes were found in the policy in force.",
	intro: "Mistakes in the policy in force, each with a packet that shows it.",
	above: (a) => h("p", null, chip(`${a.counts.error} errors`, a.counts.error ? "bad" : "good"), " ",
		chip(`${a.counts.warning} warnings`, a.counts.warning ? "warn" : "good"), " ", chip(`${a.counts.info} hints`),
		a.complete ? "" : " The bound on work was met: there may be more."),
	columns: [
		{ title: "Severity", cell: (f) => chip(f.severity, severities[f.severity]) }, { title: "Kind", cell: (f) => f.kind },
		{ title: "Rule", cell: (f) => f.rule || "–" }, { title: "Line", number: true, cell: (f) => f.line || "–" },
		{ title: "What", cell: (f) => f.text },
	],
});

const HELD = { ready: "promoted next", done: "is where it may get to", off: "promotion is off", quiet: "waits until nothing new comes",
	violation: "waits until nothing violates", "nothing-learned": "nothing is learned yet", "no-room": "one conversation found no room",
	written: "its mode is written in the policy", overridden: "one mode is set for all" };
/* How long each has had to wait at most, as far as this page has seen: what the bar is full at. */
const longest = new Map();

function way(s) {
	const all = longest.get(`${s.name} ${s.mode}`);

	return s.left_ms > 0 ? h("progress", { max: String(all), value: all - s.left_ms, "aria-label": `${s.name}: way to the next mode` }) : null;
}

function promotion(segments) {
	if (segments.length === 0)
		return h("p", { cls: "empty" }, "No segment is on its way to another mode.");
	for (const s of segments)
		longest.set(`${s.name} ${s.mode}`, Math.max(longest.get(`${s.name} ${s.mode}`) ?? 0, s.left_ms ?? 0));
	return h("ul", { cls: "cards" }, segments.map((s) => h("li", null, h("h3", null, s.name, " ", mode(s.mode)),
		h("p", null, (HELD[s.held] ?? s.held) + (s.left_ms ? `, ${duration(s.left_ms)} left` : "")), way(s),
		h("small", null, `${count(s.conversations)} conversations learned`, s.newest ? [", newest ", time(s.newest)] : null,
			s.violation ? [", last violation ", time(s.violation)] : null))));
}

export const learning = listPage({
	title: "Learning", path: "/learned", paged: false, items: (a) => a.rules, empty: "No rules are learned.",
	intro: "The rules that conversations come to, and segments on their way from discover to protect.",
	buttons: [(again) => button("Adopt all", "write", async () => await adopt() && again(), "primary")],
	above: (a) => [a.incomplete_since ? h("p", { cls: "note" }, "Reports were lost; nothing is promoted since ", time(a.incomplete_since)) : "",
		h("h2", null, "Segments"), promotion(a.segments), h("h2", null, "Rules")],
	columns: [
		{ title: "Rule", cell: (r) => r.id }, { title: "From", cell: (r) => r.from.join(", ") }, { title: "To", cell: (r) => r.to.join(", ") },
		{ title: "Ports", cell: (r) => r.ports }, { title: "Applications", cell: (r) => r.applications },
		{ title: "In force", cell: (r) => r.in_force ? chip("in force", "good") : "not yet" },
		{ title: "Conversations", number: true, cell: (r) => count(r.conversations) }, { title: "Sessions", number: true, cell: (r) => count(r.sessions) },
		{ title: "Last seen", cell: (r) => time(r.last_seen) },
		{ title: "", cell: (r, again) => r.in_force ? button("Adopt", "write", async () => await adopt([r.id]) && again(), "small") : "" },
	],
});

export const segments = listPage({
	title: "Segments", path: "/segments", intro: "What a denial does, by segment: its mode.",
	columns: [
		{ title: "Segment", cell: (s) => [h("strong", null, s.name), s.cde ? chip("cardholder data", "warn") : null] },
		{ title: "Who is in it", cell: (s) => s.selector || s.addresses.join(", ") || "–" },
		{ title: "Endpoints", number: true, cell: (s) => count(s.members) },
		{ title: "Mode", cell: (s) => mode(s.mode) }, { title: "From", cell: (s) => s.mode_from ?? "–" },
		{ title: "", cell: (s, again) => s.reserved ? "" : button("Change mode", "operate", async () => await setMode(s.name, s.mode) && again(), "small") },
	],
});

export const quarantines = listPage({
	title: "Quarantines", path: "/quarantines", empty: "Nobody is in quarantine.",
	buttons: [(again) => button("Quarantine an endpoint", "operate", async () => await quarantine() && again(), "danger")],
	columns: [
		{ title: "Endpoint", cell: (q) => h("strong", null, q.address) }, { title: "Since", cell: (q) => time(q.since) },
		{ title: "Left", cell: (q) => duration(q.left_ms) }, { title: "By", cell: (q) => q.by },
		{ title: "What stays", cell: (q) => q.allow.join(", ") || "nothing" }, { title: "Why", cell: (q) => q.why || "–" },
		{ title: "", cell: (q, again) => button("Release", "operate", async () => await release("quarantines", q, q.address) && again(), "small") },
	],
});

export const blocks = listPage({
	title: "Blocks", path: "/blocks", empty: "No conversation is blocked.",
	intro: "Conversations that are blocked for a time, and connections that were cut.",
	columns: [
		{ title: "From", cell: (b) => b.from ?? b.src ?? "–" }, { title: "To", cell: (b) => b.to ?? b.dst ?? "–" },
		{ title: "Service", cell: (b) => b.service ?? "–" }, { title: "Since", cell: (b) => time(b.since) },
		{ title: "Left", cell: (b) => duration(b.left_ms) }, { title: "By", cell: (b) => b.by }, { title: "Why", cell: (b) => b.why || "–" },
		{ title: "", cell: (b, again) => button("Release", "operate", async () => await release("blocks", b, `block ${b.id}`) && again(), "small") },
	],
});

async function download(path, name, query) {
	try {
		save(await blob(path, query), name);
	} catch (e) {
		toast(e.message, true);
	}
}

export const evidence = listPage({
	title: "Evidence", path: "/evidence", empty: "No evidence is kept yet.", intro: "The packets around alerts, as pcapng files. Every download is in the audit log.",
	columns: [
		{ title: "When", cell: (e) => time(e.time) }, { title: "Class", cell: (e) => chip(e.class, "warn") },
		{ title: "File", cell: (e) => e.name }, { title: "Size", number: true, cell: (e) => bytes(e.bytes) },
		{ title: "", cell: (e) => button("Download", "evidence", () => download(`/evidence/${encodeURIComponent(e.name)}`, e.name), "small") },
	],
});

export const identities = listPage({
	title: "Identities", path: "/identities", paged: false, empty: "There is none yet: whoever has the gateway's own token makes the first.",
	intro: "Who may use this gateway, and as what. Each change is in the audit log.",
	buttons: [(again) => button("Make an identity", "admin", async () => await makeIdentity() && again(), "primary")],
	columns: [
		{ title: "Name", cell: (i) => h("strong", null, i.name) }, { title: "Role", cell: (i) => chip(i.role) },
		{ title: "By", cell: (i) => [i.token ? chip("token") : null, i.certificate ? chip("certificate") : null] },
		{ title: "Made", cell: (i) => time(i.created) }, { title: "Until", cell: (i) => i.expires ? time(i.expires) : "for ever" },
		{ title: "", cell: (i, again) => [
			button("New token", "admin", async () => await makeIdentity(i) && again(), "small"), " ",
			button("Revoke", "admin", async () => await revokeIdentity(i.name) && again(), "small danger")] },
	],
});

export const audit = listPage({
	title: "Audit log", path: "/audit", empty: "No entry fits.", intro: "Who changed what, and who read evidence: a chain that shows when it was touched.",
	filters: [{ name: "actor", label: "Who", hint: "alice" }, { name: "action", label: "What", hint: "policy" }, { name: "object", label: "About" },
		{ name: "result", label: "Result", options: ["ok", "refused", "failed"] }, { name: "since", label: "Since", options: ["1h", "24h", "7d"] }],
	columns: [
		{ title: "#", number: true, cell: (a) => a.entry }, { title: "When", cell: (a) => time(a.time) }, { title: "Who", cell: (a) => a.actor },
		{ title: "What", cell: (a) => a.action }, { title: "About", cell: (a) => a.object || "–" },
		{ title: "Result", cell: (a) => chip(a.result, a.result === "ok" ? "good" : "bad") },
		{ title: "Why", cell: (a) => a.detail?.why || "–" },
	],
});

export async function login(begin) {
	const said = await ask({ title: "Log in", text: "With the token of an identity of this gateway. It stays in this tab.",
		fields: [{ name: "token", label: "Token", type: "password", required: true }], yes: "Log in" });

	return said === null ? false : begin(said.token);
}

