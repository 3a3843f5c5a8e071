/* One segment of the map: its mode, who is in it, whom it talks to. */
import { get } from "./api.js";
import { button, quarantine, release, setMode } from "./actions.js";
import { bytes, chip, count, h, mode, time, toast } from "./dom.js";
import { kindOf } from "./map-data.js";

const CHIPS = { attack: ["attack", "bad"], denied: ["denied", "bad"], violation: ["violation", "warn"] };

function talk(e, name) {
	const other = e.from === name ? e.to : e.from;
	const kind = CHIPS[kindOf(e)];

	return h("li", null, h("span", { cls: "way" }, e.from === name ? `→ ${other}` : `← ${other}`), " ",
		chip(e.application ?? [...e.services].join(", "), e.encrypted ? "closed" : ""), " ", kind ? chip(...kind) : null,
		h("small", null, `${bytes(e.bytes)}, ${count(e.sessions)} sessions, ${e.open} open` +
			(e.blocked ? `, ${count(e.blocked)} denied` : "") + (e.violated ? `, ${count(e.violated)} passed against policy` : "") +
			([...e.reasons.keys()].length ? ` (${[...e.reasons.keys()].join(", ")})` : "")),
		h("small", null, "last ", time(e.last)));
}

function member(e, quarantines, again) {
	const q = quarantines.find((x) => x.address === e.address);

	return h("li", { cls: "member" }, h("span", null, e.address, q ? " " : "", q ? chip("quarantined", "bad") : null),
		q ? button("Release", "operate", async () => await release("quarantines", q, e.address) && again(), "small")
			: button("Quarantine", "operate", async () => await quarantine(e.address) && again(), "small danger"));
}

export async function segmentPanel(root, node, data, { close, signal }) {
	const talks = data.edges.filter((e) => e.from === node.id || e.to === node.id).sort((a, b) => b.bytes - a.bytes);
	const members = h("ul", { cls: "plain" });
	const again = () => !signal.aborted && segmentPanel(root, node, data, { close, signal });
	const address = node.id.startsWith("host-") ? node.id.slice(5) : null;
	let quarantines = data.quarantines;

	root.replaceChildren(h("div", { cls: "title" }, h("h2", null, node.id),
		h("button", { type: "button", cls: "quiet", "aria-label": "Close the details", onclick: close }, "×")),
	h("p", null, node.zone ? ["zone ", node.zone, " "] : null, node.mode ? mode(node.mode) : null, " ",
		node.mode ? button("Change mode", "operate", () => setMode(node.id, node.mode), "small") : null),
	h("h3", null, "Endpoints"), members,
	h("h3", null, "Talks"), talks.length ? h("ul", { cls: "plain talks" }, talks.slice(0, 100).map((e) => talk(e, node.id)))
		: h("p", { cls: "empty" }, "with nobody yet"));
	try {
		const page = node.outside ? { items: address ? [{ address }] : [], next: null }
			: await get(`/segments/${encodeURIComponent(node.id)}`, { limit: 100 });

		quarantines = (await get("/quarantines", { limit: 1000 })).items;
		members.replaceChildren(...page.items.map((e) => member(e, quarantines, again)),
			page.next ? h("li", null, "and more") : "");
		if (page.items.length === 0)
			members.replaceChildren(h("li", { cls: "empty" }, node.outside ? "not known one by one" : "none"));
	} catch (e) {
		toast(e.message, true);
	}
}
