/* What happened, and what happens: a page of events, newest first, that grows at its head while one looks. */
import { event as one, events, follow, get } from "./api.js";
import { actionChip, endOf, eventDetail, kindChip, sentence, severityChip } from "./event.js";
import { chip, h, time, toast } from "./dom.js";
import { filterInput, table } from "./list.js";

const PAGE = 100;
const KEEP = 500; /* rows while the stream adds some */
const DRAW_MS = 250;
const AGAIN_MS = [1000, 2000, 5000, 10000];
const FILTERS = [
	{ name: "kind", label: "Kind", options: [["violation", "violation"], ["sensor", "sensor (attack, data)"], ["threat", "threat"],
		["anomaly", "anomaly"], ["drop", "drop"], ["flow", "flow"], ["response", "response"], ["policy_loaded", "policy loaded"],
		["mode_changed", "mode changed"], ["promoted", "promoted"]] },
	{ name: "severity", label: "Severity", options: [["1", "high"], ["2", "medium and high"], ["3", "all alerts"]] },
	{ name: "segment", label: "Segment", hint: "either end" }, { name: "address", label: "Address", hint: "10.0.0.0/8" },
	{ name: "rule", label: "Rule" }, { name: "application", label: "Application", hint: "redis" },
	{ name: "verdict", label: "Verdict", options: ["drop", "allow", "violate", "deny", "reject"] },
	{ name: "since", label: "Since", options: ["15m", "1h", "24h", "7d"] },
];

function sleep(ms, signal) {
	return new Promise((done) => {
		const timer = setTimeout(done, ms);

		signal.addEventListener("abort", () => {
			clearTimeout(timer);
			done();
		}, { once: true });
	});
}

const COLUMNS = [
	{ title: "When", cell: (i) => time(i.event.timestamp) },
	{ title: "Kind", cell: (i) => [kindChip(i.event), i.event.alert ? severityChip(i.event) : null] },
	{ title: "From", cls: "aside", cell: (i) => endOf(i.event, "src") }, { title: "To", cls: "aside", cell: (i) => endOf(i.event, "dst") },
	{ title: "Rule", cls: "aside", cell: (i) => i.event.bulkhead?.rule_id ?? "–" },
	{ title: "Done", cell: (i) => actionChip(i.event) },
];

export async function show(root, { signal, query }) {
	const filters = FILTERS.map((f) => filterInput(f, () => begin()));
	const live = h("input", { type: "checkbox", id: "events-live", checked: true });
	const status = h("p", { cls: "note", role: "status" }), more = h("button", { type: "button", hidden: true }, "Show older");
	const box = h("div", { cls: "scroll", role: "region", tabindex: "0", "aria-label": "Events" });
	const detail = h("aside", { cls: "panel event", "aria-label": "Details of an event", hidden: true });
	let items = [], fresh = [], cursor = null, picked = null, stop = null, timer = 0;

	for (const f of filters)
		f.input.value = query.get(f.name) ?? "";
	root.append(h("div", { cls: "head" }, h("h1", null, "Events"), h("label", { cls: "check" }, live, "As they happen")),
		h("div", { cls: "filters", role: "search" }, filters.map((f) => f.field)), status,
		h("div", { cls: "split" }, h("div", null, box, more), detail));

	const stats = await get("/stats");

	if (!stats.event_store) {
		status.textContent = "Events are not kept by this gateway: set events.store in its configuration.";
		live.disabled = true;
		root.dataset.ready = "1";
		return null;
	}

	const wanted = () => Object.fromEntries(filters.map((f) => [f.name, f.input.value.trim()]));

	function pick(item, focus) {
		const back = picked?.id;

		picked = item;
		detail.hidden = item === null;
		root.classList.toggle("picked", item !== null);
		draw();
		if (item === null) {
			detail.replaceChildren();
			box.querySelector(`button[data-id="${back}"]`)?.focus();
			return;
		}
		detail.replaceChildren(...eventDetail(item, { close: () => pick(null), done: () => {} }).flat(3).filter(Boolean));
		if (focus)
			detail.querySelector("h2").focus();
	}

	function draw() {
		const focus = document.activeElement?.dataset?.id;
		const what = { title: "What", cls: "what", cell: (i) => h("button", { type: "button", cls: "link", "data-id": i.id,
			"aria-expanded": String(picked?.id === i.id), onclick: () => pick(i, true) }, sentence(i.event)) };

		box.replaceChildren(table([COLUMNS[0], COLUMNS[1], what, ...COLUMNS.slice(2)], items, "No event fits."));
		more.hidden = !cursor;
		if (focus)
			box.querySelector(`button[data-id="${focus}"]`)?.focus({ preventScroll: true });
	}

	/* Many may come at once; they are drawn together. Those that nobody looks at any more are let go. */
	function add(item) {
		fresh.push(item);
		timer ||= setTimeout(() => {
			timer = 0;
			const late = fresh.reverse();

			fresh = [];
			if (signal.aborted)
				return;
			items = [...late, ...items];
			if (items.length > KEEP && cursor !== null) {
				items = items.slice(0, KEEP);
				cursor = items.at(-1).id;
			}
			draw();
			status.replaceChildren("listening ", chip("live", "good"));
		}, DRAW_MS);
	}

	async function listen(last, own) {
		for (let tries = 0; !own.aborted; tries++) {
			try {
				status.replaceChildren("listening ", chip("live", "good"));
				await follow("/events/stream", { ...wanted(), since: undefined }, last, own, (said) => {
					tries = 0;
					last = said.id ?? last;
					if (said.gap)
						toast("Some events were deleted before they could be shown.", true);
					else if (said.event)
						add({ id: said.id, event: said.event });
				});
			} catch (e) {
				if (own.aborted)
					return;
				status.textContent = `not live: ${e.message}`;
			}
			await sleep(AGAIN_MS[Math.min(tries, AGAIN_MS.length - 1)], own);
		}
	}

	/* A page that may be short, though more is to come: looking has its bound. */
	async function page(at) {
		const found = [];

		do {
			const answer = await events({ ...wanted(), limit: PAGE, cursor: at });

			found.push(...answer.items);
			at = answer.next;
		} while (at && found.length < PAGE && !signal.aborted);
		return { found, next: at };
	}

	async function begin() {
		stop?.abort();
		stop = new AbortController();
		const own = stop.signal, newest = (await get("/stats")).event_store.newest;

		fresh = [];
		try {
			const { found, next } = await page(null);

			if (own.aborted || signal.aborted)
				return;
			items = found;
			cursor = next;
			draw();
			root.dataset.ready = "1";
		} catch (e) {
			toast(e.message, true);
			root.dataset.ready = "1";
			return;
		}
		const last = items.length > 0 && BigInt(items[0].id) > BigInt(newest) ? items[0].id : String(newest);

		if (live.checked && !document.hidden)
			listen(last, own);
		else
			status.textContent = "";
	}

	more.addEventListener("click", async () => {
		const { found, next } = await page(cursor);

		items = items.concat(found);
		cursor = next;
		draw();
		box.querySelector(`button[data-id="${found[0]?.id}"]`)?.focus();
	});
	live.addEventListener("change", begin);
	/* A browser has six connections for all of its tabs: one that nobody looks at lets its own go. */
	document.addEventListener("visibilitychange", begin, { signal });
	signal.addEventListener("abort", () => stop?.abort());
	root.addEventListener("keydown", (k) => k.key === "Escape" && picked !== null && pick(null));
	await begin();
	if (query.get("id")) {
		const item = await one(query.get("id")).catch(() => null);

		if (item !== null)
			pick(item, true);
		else
			toast("This event is no longer kept.", true);
	}
	return null;
}
