/* What was chosen on the map. A segment: its mode, who is in it, whom it talks to. An edge: what passed, and why what did not. */
import { get } from "./api.js";
import { button, quarantine, release, setMode } from "./actions.js";
import { bytes, chip, count, h, mode, time, toast } from "./dom.js";
import { actionChip, kindChip, sentence } from "./event.js";
import { kindOf } from "./map-data.js";

const CHIPS = { attack: ["attack", "bad"], denied: ["denied", "bad"], violation: ["violation", "warn"] };

const EXPLAINED = 6;

function title(text, close) {
	return h("div", { cls: "title" }, h("h2", null, text),
		h("button", { type: "button", cls: "quiet", "aria-label": "Close the details", onclick: close }, "×"));
}

const FIRST = { sensor: 0, threat: 0, violation: 1 };

/* Alerts in words, attacks first, then the newest; each leads to its event. What is the same is said once. */
function explained(items) {
	const said = new Map();

	for (const item of [...items].sort((a, b) => (FIRST[a.event.bulkhead.kind] ?? 2) - (FIRST[b.event.bulkhead.kind] ?? 2) ||
	     b.event.timestamp.localeCompare(a.event.timestamp))) {
		const words = sentence(item.event);

		said.set(words, { item: said.get(words)?.item ?? item, times: (said.get(words)?.times ?? 0) + 1 });
	}
	return said.size === 0 ? [] : [h("h3", null, "What happened"), h("ul", { cls: "plain alerts" }, [...said].slice(0, EXPLAINED).map(([words, { item, times }]) =>
		h("li", null, kindChip(item.event), actionChip(item.event), times > 1 ? chip(`${times} times`) : null,
			h("p", null, h("a", { href: `#/events?id=${item.id}` }, words)), h("small", null, time(item.event.timestamp)))))];
}

function facts(e) {
	return [h("small", null, `${bytes(e.bytes)}, ${count(e.sessions)} sessions, ${e.open} open` +
			(e.blocked ? `, ${count(e.blocked)} denied` : "") + (e.violated ? `, ${count(e.violated)} passed against policy` : "") +
			([...e.reasons.keys()].length ? ` (${[...e.reasons.keys()].join(", ")})` : "")),
	h("small", null, "last ", time(e.last))];
}

function talk(e, name, pick) {
	const other = e.from === name ? e.to : e.from;
	const kind = CHIPS[kindOf(e)];

	return h("li", null, h("button", { type: "button", cls: "link way", onclick: () => pick(`e:${e.id}`) },
		e.from === name ? `→ ${other}` : `← ${other}`), " ",
	chip(e.application ?? [...e.services].join(", "), e.encrypted ? "closed" : ""), " ", kind ? chip(...kind) : null, facts(e));
}

export function edgePanel(root, e, { close, pick }) {
	const kind = CHIPS[kindOf(e)];
	const marks = [e.encrypted ? "encrypted" : null, e.mesh ? "service mesh" : null, e.tunnel ? "tunnel" : null].filter(Boolean);
	const to = (name) => h("button", { type: "button", cls: "link", onclick: () => pick(name) }, name);

	root.replaceChildren(title(`${e.from} → ${e.to}`, close),
		h("p", null, chip(e.application ?? "application not known"), kind ? chip(...kind) : chip("allowed", "good"), marks.map((m) => chip(m))),
		h("p", null, to(e.from), " asks ", to(e.to), ` for ${[...e.services].sort().slice(0, 6).join(", ")}`), ...facts(e), ...explained(e.alerts),
		h("p", null, h("a", { href: `#/conversations?from=${encodeURIComponent(e.from)}&to=${encodeURIComponent(e.to)}` }, "Conversations"), " · ",
			h("a", { href: `#/events?segment=${encodeURIComponent(e.from)}` }, "Events")));
}

function member(e, quarantines, again) {
	const q = quarantines.find((x) => x.address === e.address);

	return h("li", { cls: "member" }, h("span", null, e.address, q ? " " : "", q ? chip("quarantined", "bad") : null),
		q ? button("Release", "operate", async () => await release("quarantines", q, e.address) && again(), "small")
			: button("Quarantine", "operate", async () => await quarantine(e.address) && again(), "small danger"));
}

export async function segmentPanel(root, node, data, { close, pick, signal }) {
	const talks = data.edges.filter((e) => e.from === node.id || e.to === node.id).sort((a, b) => b.bytes - a.bytes);
	const members = h("ul", { cls: "plain" });
	const again = () => !signal.aborted && segmentPanel(root, node, data, { close, pick, signal });
	const address = node.id.startsWith("host-") ? node.id.slice(5) : null;
	let quarantines = data.quarantines;

	root.replaceChildren(title(node.id, close),
	h("p", null, node.zone ? ["zone ", node.zone, " "] : null, node.mode ? mode(node.mode) : null, " ",
		node.mode ? button("Change mode", "operate", () => setMode(node.id, node.mode), "small") : null),
	...explained([...node.alerts, ...talks.flatMap((e) => e.alerts)]), h("h3", null, "Endpoints"), members,
	h("h3", null, "Talks"), talks.length ? h("ul", { cls: "plain talks" }, talks.slice(0, 100).map((e) => talk(e, node.id, pick)))
		: h("p", { cls: "empty" }, "with nobody yet"));
	try {
		const page = node.outside || node.whole ? { items: address ? [{ address }] : [], next: null }
			: await get(`/segments/${encodeURIComponent(node.id)}`, { limit: 100 });

		quarantines = (await get("/quarantines", { limit: 1000 })).items;
		members.replaceChildren(...page.items.map((e) => member(e, quarantines, again)),
			page.next ? h("li", null, "and more") : "");
		if (page.items.length === 0)
			members.replaceChildren(h("li", { cls: "empty" }, node.outside || node.whole ? "not known one by one" : "none"));
	} catch (e) {
		toast(e.message, true);
	}
}
