/* Policies that were in force: what each changed, and the way back. */
import { get, text } from "./api.js";
import { button, confirmRevision, rollBack } from "./actions.js";
import { diff } from "./diff.js";
import { chip, h, time } from "./dom.js";
import { listPage } from "./list.js";

const NAMES = { "+": "added", "-": "removed" };

function changes(c) {
	return `${c.total} (+${c.added} −${c.removed} ~${c.changed})`;
}

function draw(lines) {
	if (lines === null)
		return h("p", { cls: "empty" }, "Too much differs to be shown line by line.");
	if (!lines.some((l) => l.sign !== " " && l.sign !== "@"))
		return h("p", { cls: "empty" }, "They are the same.");
	return h("div", { cls: "diff", role: "region", tabindex: "0", "aria-label": "Lines that differ" }, lines.map((l) =>
		h("div", { cls: l.sign === "+" ? "plus" : l.sign === "-" ? "minus" : l.sign === "@" ? "gap" : null },
			NAMES[l.sign] ? h("span", { cls: "said" }, `${NAMES[l.sign]}: `) : null,
			h("span", { "aria-hidden": "true" }, l.sign === "@" ? "⋯" : `${l.sign} `), l.text)));
}

async function show(root, { title, from, to, act, back }) {
	const box = root.querySelector(".detail"), close = () => {
		box.replaceChildren();
		back.focus();
	};
	const head = h("div", { cls: "title" }, h("h2", { tabindex: "-1" }, title), act,
		h("button", { type: "button", cls: "quiet", "aria-label": "Close the differences", onclick: close }, "×"));

	box.replaceChildren(head, h("p", { cls: "empty" }, "Comparing …"));
	try {
		const [a, b] = await Promise.all([from, to].map((n) => n === null ? "" : text(`/policy/revisions/${n}`, { format: "yaml" })));

		box.replaceChildren(head, draw(diff(a, b)));
	} catch (e) {
		box.replaceChildren(head, h("p", { cls: "empty" }, e.message));
	}
	head.scrollIntoView({ block: "nearest" });
	head.querySelector("h2").focus();
}

function buttons(r, again, root) {
	const newest = Number(root.dataset.newest), list = [];

	list.push(h("button", { type: "button", cls: "small", onclick: (e) => show(root, { back: e.currentTarget,
		title: `What revision ${r.revision} changed`, from: r.revision > 1 ? r.revision - 1 : null, to: r.revision }) }, "Changes"));
	if (r.revision !== newest) {
		const go = () => button("Roll back to it", "write", async () => await rollBack(r.revision) && again(), "small danger");

		list.push(" ", h("button", { type: "button", cls: "small", onclick: (e) => show(root, { back: e.currentTarget,
			title: `What rolling back to ${r.revision} would change`, from: newest, to: r.revision, act: go() }) }, "Against now"), " ", go());
	}
	return list;
}

const page = (root) => listPage({
	title: "Revisions", path: "/policy/revisions", empty: "No revisions are kept.", intro: "Policies that were in force, newest first.",
	buttons: [(again) => button("Confirm", "write", async () => await confirmRevision() && again())],
	columns: [
		{ title: "Revision", number: true, cell: (r) => h("strong", null, r.revision) }, { title: "When", cell: (r) => time(r.time) },
		{ title: "State", cell: (r) => chip(r.state, r.state === "applied" ? "good" : "warn") }, { title: "Author", cell: (r) => r.author },
		{ title: "Origin", cell: (r) => r.repeats ? `${r.origin} of ${r.repeats}` : r.origin }, { title: "Why", cell: (r) => r.why || "–" },
		{ title: "Rules", cell: (r) => r.changes ? changes(r.changes.rules) : "–" },
		{ title: "Segments", cell: (r) => r.changes ? changes(r.changes.segments) : "–" },
		{ title: "", cell: (r, again) => buttons(r, again, root) },
	],
});

export async function revisions(root, what) {
	const first = (await get("/policy/revisions", { limit: 1 })).items[0];

	root.dataset.newest = first?.revision ?? 0;
	const shown = await page(root)(root, what);

	root.append(h("div", { cls: "detail panel" }));
	return { ...shown, refresh: async (asked) => {
		root.dataset.newest = (await get("/policy/revisions", { limit: 1 })).items[0]?.revision ?? 0;
		await shown.refresh(asked);
	} };
}
