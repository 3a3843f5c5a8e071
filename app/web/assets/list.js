/* A page that is a table: filters, rows, more rows, and itself again every few seconds. */
import { get } from "./api.js";
import { h, option } from "./dom.js";

const PAGE = 200;
const EVERY_MS = 5000;

/* options: words, or pairs of word and text. */
export function filterInput(f, changed) {
	const id = `filter-${f.name}`;
	const input = f.options ? h("select", { id }, option("", "any"), f.options.map((o) => option(...[o].flat())))
		: h("input", { id, type: "search", placeholder: f.hint ?? "", autocomplete: "off" });

	input.addEventListener("change", changed);
	return { name: f.name, input, field: h("p", { cls: "field" }, h("label", { for: id }, f.label), input) };
}

export function table(columns, items, empty) {
	if (items.length === 0)
		return h("p", { cls: "empty" }, empty ?? "None.");
	return h("table", null, h("thead", null, h("tr", null, columns.map((c) =>
		h("th", { scope: "col", cls: [c.number ? "number" : "", c.cls ?? ""].join(" ").trim() || null },
			c.title || h("span", { cls: "said" }, "Actions"))))),
	h("tbody", null, items.map((item) => h("tr", null, columns.map((c) =>
		h("td", { cls: [c.number ? "number" : "", c.cls ?? ""].join(" ").trim() || null, "data-title": c.title }, h("div", { cls: "cell" }, c.cell(item))))))));
}

/* columns: [{title, cell(item, again), number}]; filters: [{name, label, hint, options}] are the resource's arguments;
 * items(answer): where the list is in it; above(answer, again): what stands over it; narrow: members of items that rows are chosen by
 * here, since the resource has no such argument; beside(): what else cells are made of,
 * their third argument. */
export function listPage(what) {
	return async function show(root, { signal, query }) {
		const box = h("div", { cls: "scroll", role: "region", tabindex: "0", "aria-label": what.title });
		const above = h("div"), more = h("button", { type: "button", onclick: () => next() }, "Show more");
		const filters = (what.filters ?? []).map((f) => filterInput(f, () => refresh(true)));
		const narrow = (what.narrow ?? []).map(([name, label]) => filterInput({ name, label }, () => refresh(true)));
		let items = [], cursor = null, pages = 1, seen = "", other = null;

		for (const f of [...filters, ...narrow])
			f.input.value = query.get(f.name) ?? "";
		more.hidden = true;
		root.append(h("div", { cls: "head" }, h("h1", null, what.title), (what.buttons ?? []).map((b) => b(() => refresh(true)))),
			what.intro ? h("p", { cls: "intro" }, what.intro) : "",
			h("div", { cls: "filters", role: "search" }, [...filters, ...narrow].map((f) => f.field)), above, box, more);

		const ask = (at) => get(what.path, { ...what.paged === false ? {} : { limit: PAGE, cursor: at },
			...Object.fromEntries(filters.map((f) => [f.name, f.input.value.trim()])) });

		function draw(answer) {
			const again = () => refresh(true);
			const columns = what.columns.map((c) => ({ ...c, cell: (item) => c.cell(item, again, other) }));

			if (what.above)
				above.replaceChildren(...[what.above(answer, again)].flat());
			const fit = items.filter((i) => narrow.every((f) => String(i[f.name] ?? "").includes(f.input.value.trim())));

			box.replaceChildren(table(columns, fit, items.length > 0 ? "None fits." : what.empty));
			more.hidden = !cursor;
		}

		async function refresh(asked) {
			/* Rows that were asked for, and buttons that somebody is at, stay. */
			if (!asked && (pages > 1 || box.contains(document.activeElement) && document.activeElement !== box))
				return;
			const answer = await ask();

			other = what.beside ? await what.beside() : null;
			const text = JSON.stringify([answer, other]);

			if (signal.aborted || text === seen && !asked)
				return;
			seen = text;
			items = what.items ? what.items(answer) : answer.items;
			cursor = answer.next ?? null;
			pages = 1;
			draw(answer);
			root.dataset.ready = "1";
		}

		async function next() {
			const answer = await ask(cursor);

			items = items.concat(answer.items);
			cursor = answer.next;
			pages++;
			draw(answer);
		}

		return { refresh, every: what.every ?? EVERY_MS };
	};
}
