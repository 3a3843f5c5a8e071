/* What passes now: differences of the counters between two looks. */
import { get } from "./api.js";
import { chip, count, duration, h, rate } from "./dom.js";
import { table } from "./list.js";

const EVERY_MS = 2000;
const KEEP = 60;
const SVG = "http://www.w3.org/2000/svg";

function svg(tag, attributes) {
	const e = document.createElementNS(SVG, tag);

	for (const [key, value] of Object.entries(attributes))
		e.setAttribute(key, value);
	return e;
}

/* The last two minutes as a line. */
function chart(title, values, kind, words = rate) {
	const top = Math.max(1, ...values);
	const points = values.map((v, i) => `${(i / (KEEP - 1) * 300).toFixed(1)},${(58 - v / top * 54).toFixed(1)}`);
	const picture = svg("svg", { viewBox: "0 0 300 60", class: `chart ${kind}`, role: "img", preserveAspectRatio: "none",
		"aria-label": `${title}: now ${words(values.at(-1) ?? 0)}, at most ${words(top)}` });

	if (points.length > 1) {
		picture.append(svg("polygon", { points: `0,60 ${points.join(" ")} ${points.at(-1).split(",")[0]},60` }),
			svg("polyline", { points: points.join(" ") }));
	}
	return h("figure", null, h("figcaption", null, title, h("strong", null, words(values.at(-1) ?? 0))), picture);
}

function difference(now, before, seconds) {
	const per = (key) => Math.max(0, (now[key] - before[key]) / seconds);
	const polls = now.polls - before.polls;

	return { packets: per("packets"), bits: per("bytes") * 8, dropped: per("dropped"), opened: per("flows_opened"),
		busy: polls > 0 ? 1 - (now.empty_polls - before.empty_polls) / polls : 0 };
}

/* Of the turns between two looks: the time that so many of them took at most, in ns. */
function quantile(now, before, part) {
	const old = new Map(before.classes), classes = now.classes.map(([bound, n]) => [bound, n - (old.get(bound) ?? 0)]).filter(([, n]) => n > 0);
	let left = classes.reduce((sum, [, n]) => sum + n, 0) * part;

	for (const [bound, n] of classes) {
		left -= n;
		if (left <= 0)
			return bound;
	}
	return 0;
}

function span(ns) {
	return ns === 0 ? "–" : ns < 10000 ? `${(ns / 1000).toFixed(1)} µs` : ns < 1e6 ? `${Math.round(ns / 1000)} µs` : `${(ns / 1e6).toFixed(1)} ms`;
}

export async function show(root, { signal }) {
	const figures = h("div", { cls: "figures" }), workers = h("div", { cls: "scroll", tabindex: "0", role: "region", "aria-label": "Cores" });
	const ports = h("div", { cls: "scroll", tabindex: "0", role: "region", "aria-label": "Ports" }), reasons = h("div", { cls: "scroll", tabindex: "0", role: "region", "aria-label": "Drops" });
	const series = { packets: [], bits: [], dropped: [], opened: [], turn: [] };
	let before = null;

	root.append(h("div", { cls: "head" }, h("h1", null, "Live")), figures, h("h2", null, "Cores"), workers, h("h2", null, "Ports"), ports,
		h("h2", null, "Dropped, by reason and core"), reasons);

	function draw(stats, seconds) {
		const total = { ...difference(stats.total, before.total, seconds), turn: quantile(stats.total.turn_ns, before.total.turn_ns, 0.99) };

		for (const [key, list] of Object.entries(series)) {
			list.push(total[key]);
			list.splice(0, list.length - KEEP);
		}
		figures.replaceChildren(chart("Packets a second", series.packets, ""), chart("Bits a second", series.bits, ""),
			chart("Drops a second", series.dropped, "bad"), chart("New flows a second", series.opened, ""),
			chart("Time in a core, 99 %", series.turn, "", span));
		workers.replaceChildren(table([
			{ title: "Core", cell: (w) => w.worker },
			{ title: "Packets/s", number: true, cell: (w) => rate(w.d.packets) }, { title: "Bits/s", number: true, cell: (w) => rate(w.d.bits) },
			{ title: "Drops/s", number: true, cell: (w) => rate(w.d.dropped) }, { title: "New flows/s", number: true, cell: (w) => rate(w.d.opened) },
			{ title: "Flows", number: true, cell: (w) => count(w.flows) },
			{ title: "Time in it, 50 %", number: true, cell: (w) => span(w.half) }, { title: "99 %", number: true, cell: (w) => span(w.most) },
			{ title: "Polls with packets", number: true, cell: (w) => `${(w.d.busy * 100).toFixed(1)} %` },
			{ title: "Heartbeat", number: true, cell: (w) => `${w.heartbeat_age_ms} ms ago` },
		], stats.workers.map((w, i) => {
			const old = before.workers[i] ?? w;

			return { ...w, d: difference(w, old, seconds), half: quantile(w.turn_ns, old.turn_ns, 0.5), most: quantile(w.turn_ns, old.turn_ns, 0.99) };
		})), h("p", { cls: "note" }, "Time in a core: from the look at the ports that found packets to the next. What waits in the ports' queues or is held comes on top."));
	}

	/* A row for each reason, a column for each core: so many a second, and so many since the start. */
	function drawDrops(stats, seconds) {
		const of = (w, reason) => w.dropped_by_reason[reason]?.packets ?? 0;
		const now = (w, i, reason) => seconds > 0 ? Math.max(0, of(w, reason) - of(before?.workers[i] ?? w, reason)) / seconds : 0;
		const drops = Object.entries(stats.total.dropped_by_reason).sort((a, b) => b[1].packets - a[1].packets);

		reasons.replaceChildren(table([
			{ title: "Reason", cell: (r) => r[0] }, { title: "Group", cell: (r) => chip(r[1].group, r[1].group === "threat" ? "bad" : "") },
			{ title: "Packets", number: true, cell: (r) => count(r[1].packets) },
			...stats.workers.map((w, i) => ({ title: `Core ${w.worker}`, number: true,
				cell: (r) => [count(of(w, r[0])), h("small", null, `${rate(now(w, i, r[0]))}/s`)] })),
		], drops, "Nothing."), h("p", { cls: "note" }, `Up for ${duration(stats.uptime_ms)}; ${stats.steering} steering; mode ${stats.mode}.`));
	}

	function drawRest(stats) {
		ports.replaceChildren(table([
			{ title: "Port", cell: (p) => p.name }, { title: "Link", cell: (p) => chip(p.link, p.link === "up" ? "good" : "bad") },
			{ title: "Device", cell: (p) => p.interface || p.device }, { title: "Received", number: true, cell: (p) => count(p.rx_packets) },
			{ title: "Sent", number: true, cell: (p) => count(p.tx_packets) },
			{ title: "Missed", number: true, cell: (p) => count(p.rx_missed + p.rx_nombuf) },
			{ title: "Errors", number: true, cell: (p) => count(p.rx_errors + p.tx_errors) },
		], stats.ports));
	}

	async function refresh() {
		const stats = await get("/stats");

		if (signal.aborted)
			return;
		const seconds = before === null ? 0 : Math.max(0, stats.uptime_ms - before.uptime_ms) / 1000;

		if (seconds > 0)
			draw(stats, seconds);
		drawDrops(stats, seconds);
		drawRest(stats);
		before = stats;
		root.dataset.ready = "1";
	}

	return { refresh, every: EVERY_MS };
}
