/* The segmentation map. What can be seen in the picture can also be reached as text: the list of segments beside it. */
import { chip, count, h, mode, option, toast } from "./dom.js";
import { ground, layout, sizeOf } from "./map-layout.js";
import { kindOf, load } from "./map-data.js";
import { edgePanel, segmentPanel } from "./segment.js";

const EVERY_MS = 4000;
const LIBRARY = "/assets/vendor/cytoscape.esm.min.mjs";
const PALETTE = 8;
const MANY = 60; /* segments: from here on a line each, and edges are faint */
const STEP = 250; /* edges that come to the picture at once */
const DENSE = 1000; /* edges: from here on what is allowed is a haze, and what is not stands out of it */
const KINDS = { allowed: "allowed", violation: "violation that passed", denied: "denied", attack: "attack" };

function css(name) {
	return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/* One colour for one application, on every map; those that are seen most have one to themselves. */
const COLOURS = { http: 0, postgresql: 1, memcached: 2, mysql: 3, tls: 4, mongodb: 5, dns: 6, redis: 7 };

function colour(application) {
	let n = 0;

	if (!application)
		return css("--app-none");
	if (application in COLOURS)
		return css(`--app-${COLOURS[application]}`);
	for (const c of application)
		n = (n * 31 + c.charCodeAt(0)) % 9973;
	return css(`--app-${n % PALETTE}`);
}

function thickness(e) {
	return Math.min(11, 1.6 + 1.5 * Math.log10(1 + e.bytes / 500));
}

function style(compact, dense) {
	const text = css("--text"), surface = css("--surface"), bad = css("--bad"), warn = css("--warn");
	const size = sizeOf(compact ? 100 : 1);

	return [
		{ selector: "node", style: { shape: "round-rectangle", width: size.w, height: size.h, label: "data(label)",
			"text-valign": "center", "text-halign": "center", "text-wrap": compact ? "ellipsis" : "wrap",
			"text-max-width": size.w - 10, "font-family": "system-ui, sans-serif", "font-size": compact ? 17 : 14,
			"font-weight": 600, color: text, "background-color": surface, "border-width": 2,
			"border-color": css("--line-strong"), "min-zoomed-font-size": 5, "line-height": 1.25 } },
		{ selector: "node[mode = 'protect']", style: { "border-color": css("--protect") } },
		{ selector: "node[mode = 'monitor']", style: { "border-color": css("--monitor") } },
		{ selector: "node[mode = 'discover']", style: { "border-color": css("--discover"), "border-style": "dashed" } },
		{ selector: "node[?outside]", style: { shape: "round-hexagon", "background-color": css("--ground"),
			color: css("--muted") } },
		{ selector: "node[?attacker]", style: { "border-color": bad, "underlay-color": bad, "underlay-opacity": 0.2, "underlay-padding": 6 } },
		{ selector: "node[quarantined > 0]", style: { "border-color": bad, "border-width": 5, "border-style": "double",
			"background-color": css("--bad-soft") } },
		{ selector: "node[!name]", style: { shape: "round-rectangle", label: "data(label)", "text-valign": "top",
			"text-halign": "center", "text-margin-y": compact ? -6 : -8, "font-size": compact ? 28 : 16, "text-wrap": "none",
			"font-weight": 700, color: css("--muted"), "background-color": css("--zone"), "background-opacity": 1,
			"border-width": 1.5, "border-color": css("--line"), padding: compact ? 14 : 24,
			"min-zoomed-font-size": 0 } },
		...compact ? [{ selector: "node[!name]", style: { width: "data(w)", height: "data(h)", "z-compound-depth": "bottom", events: "no",
			padding: 0 } }] : [],
		{ selector: "node[!name][?cde]", style: { "border-color": warn, "border-style": "dashed", "border-width": 2.5 } },
		{ selector: "edge", style: { width: "data(width)", "line-color": "data(colour)", "target-arrow-color": "data(colour)",
			"target-arrow-shape": "triangle", "arrow-scale": compact ? 0.8 : 1.1,
			"curve-style": compact ? "straight" : "bezier", "control-point-step-size": 64,
			"line-opacity": compact ? 0.35 : 0.85, "target-arrow-opacity": 1 } },
		{ selector: compact ? "edge.picked" : "edge", style: { label: "data(label)", "font-size": 12,
			"font-family": "system-ui, sans-serif", color: text, "text-background-color": css("--zone"),
			"text-background-opacity": 0.92, "text-background-padding": 3, "text-background-shape": "roundrectangle",
			"text-rotation": "none", "min-zoomed-font-size": 7 } },
		{ selector: "edge[?closed]", style: { "source-arrow-shape": "diamond", "source-arrow-color": "data(colour)" } },
		{ selector: "edge[?tunnel], edge[?mesh]", style: { "line-style": "dashed", "line-dash-pattern": [12, 4] } },
		{ selector: "edge[kind = 'violation']", style: { "line-color": warn, "target-arrow-color": warn, "line-opacity": 1,
			"z-index": 5 } },
		{ selector: "edge[kind = 'denied']", style: { "line-color": bad, "target-arrow-color": bad, "line-style": "dashed",
			"line-dash-pattern": [6, 5], "target-arrow-shape": "tee", "line-opacity": 1, "z-index": 6 } },
		{ selector: "edge[kind = 'attack']", style: { "line-color": bad, "target-arrow-color": bad, "line-opacity": 1,
			"underlay-color": bad, "underlay-opacity": 0.25, "underlay-padding": 6, "z-index": 7 } },
		...compact ? [{ selector: "edge[kind != 'allowed'], edge.picked", style: { width: 5 } }] : [],
		/* Haystacks are what the library draws fastest. */
		...dense ? [{ selector: "edge[kind = 'allowed']", style: { "curve-style": "haystack", "haystack-radius": 0, "line-opacity": 0.16,
			width: "mapData(width, 1.6, 11, 1, 3)" } }] : [],
		{ selector: ".dim", style: { opacity: dense ? 0.06 : 0.18 } },
		{ selector: "edge.picked", style: { "line-opacity": 1, "z-index": 9, ...compact ? { "curve-style": "straight" } : {} } },
		{ selector: "node:selected", style: { "border-width": 4, "border-color": css("--accent"), "border-style": "solid" } },
	];
}

/* Of many, zones are plain grounds beneath: the library asks for the parents of each element again and again, which made a third
 * of the work until the first picture. */
function nodeElement(n, compact) {
	const lock = n.quarantined > 0 ? "quarantined" : n.outside || n.whole ? "" : `${n.members} endpoint${n.members === 1 ? "" : "s"}`;

	return { group: "nodes", data: { id: `s:${n.id}`, name: n.id, mode: n.mode, outside: n.outside,
		quarantined: n.quarantined, attacker: n.alerts.length > 0, parent: n.zone && !n.outside && !compact ? `z:${n.zone}` : undefined,
		label: n.whole ? `all of ${n.zone}` : compact || !lock ? n.id : `${n.id}\n${lock}` } };
}

function edgeElement(e) {
	const words = [e.application ?? [...e.services][0] ?? "?"];

	if (e.encrypted)
		words.push("encrypted");
	if (e.mesh)
		words.push("mesh");
	if (e.tunnel)
		words.push("tunnel");
	if (kindOf(e) !== "allowed")
		words.push(KINDS[kindOf(e)]);
	return { group: "edges", data: { id: `e:${e.id}`, source: `s:${e.from}`, target: `s:${e.to}`, width: thickness(e),
		colour: colour(e.application), kind: kindOf(e), closed: e.encrypted, mesh: e.mesh, tunnel: e.tunnel,
		application: e.application ?? "", label: words.join(" · ") } };
}

function zoneElement(z, data, compact, at) {
	const { x, y, w, h: tall } = ground(data.nodes.filter((n) => n.zone === z && !n.outside), at);

	return { group: "nodes", selectable: false, grabbable: !compact, ...compact ? { position: { x, y } } : {},
		data: { id: `z:${z}`, cde: data.cde.has(z), w, h: tall, label: data.cde.has(z) ? `${z} (cardholder data)` : z } };
}

function elements(data, hidden, compact, at) {
	const nodes = data.nodes.map((n) => ({ ...nodeElement(n, compact), position: { ...at.get(n.id) } }));
	const zones = [...new Set(data.nodes.filter((n) => n.zone && !n.outside).map((n) => n.zone))].map((z) => zoneElement(z, data, compact, at));

	return [...zones, ...nodes, ...data.edges.filter((e) => !hidden.has(e.application ?? "")).map(edgeElement)];
}

export async function show(root, { signal }) {
	const box = h("div", { cls: "map", id: "map", role: "img", "aria-label": "Segmentation map; the list beside it says the same" });
	const legend = h("div", { cls: "legend" }), side = h("aside", { cls: "panel", "aria-label": "Details" });
	const find = h("input", { type: "search", id: "map-find", placeholder: "Find a segment", "aria-label": "Find a segment" });
	const list = h("ul", { cls: "segments", "aria-label": "Segments" }), detail = h("div", { cls: "detail" });
	const only = h("input", { type: "checkbox", id: "map-only" });
	const since = h("select", { id: "map-since" }, [["15m", "15 minutes"], ["1h", "hour"], ["24h", "day"], ["7d", "week"], ["", "all that is kept"]]
		.map(([value, text]) => option(value, text, value === "24h")));
	const note = h("p", { cls: "note", role: "status" });
	const hidden = new Set();
	let growing = 0; /* edges that are still to come belong to this turn of drawing, or to none */
	let cy = null, data = null, shape = "", look = "", at = null, picked = null, rendered = "";

	side.append(h("div", { cls: "find" }, find), detail, list);
	root.append(h("div", { cls: "head" }, h("h1", null, "Map"),
		h("label", { cls: "check" }, "The last", since),
		h("label", { cls: "check" }, only, "Only what is denied, violated or an attack"),
		h("button", { type: "button", onclick: () => cy?.fit(undefined, 24) }, "Fit")), note,
		h("div", { cls: "map-page" }, h("div", { cls: "map-box" }, box, legend), side));

	let library = null;
	try {
		library = (await import(LIBRARY)).default;
	} catch {
		note.textContent = "The picture needs the graph library, which was not there when this gateway was built: " +
			"install npm and run `make web` again. The list has the same facts.";
	}
	if (signal.aborted)
		return;

	const graphOf = () => ({ ...data, edges: only.checked ? data.edges.filter((e) => kindOf(e) !== "allowed") : data.edges });

	function dim() {
		if (cy === null)
			return;
		const node = picked === null ? null : cy.getElementById(picked.startsWith("e:") ? picked : `s:${picked}`);

		cy.batch(() => {
			cy.elements().removeClass("dim picked");
			if (node !== null && node.nonempty()) {
				const near = node.isEdge() ? node.union(node.connectedNodes()) : node.closedNeighborhood();

				cy.edges().not(near).addClass("dim");
				cy.nodes("[name]").not(near).addClass("dim");
				near.edges().addClass("picked");
			}
		});
	}

	/* Of many, only a part can be read at once. */
	function approach() {
		if (cy !== null && picked !== null && data.nodes.length > MANY)
			cy.animate({ fit: { eles: cy.nodes("[name]").not(".dim"), padding: 40 }, duration: 250 });
	}

	function pick(name, again) {
		const edge = data.edges.find((e) => `e:${e.id}` === name);
		const node = data.nodes.find((n) => n.id === name);

		picked = name;
		if (edge !== undefined) {
			edgePanel(detail, edge, { close: () => pick(null), pick });
		} else if (node !== undefined) {
			segmentPanel(detail, node, data, { close: () => pick(null), pick, signal });
		} else {
			picked = null;
			detail.replaceChildren();
		}
		if (picked !== null && !again)
			detail.scrollIntoView({ block: "nearest" });
		for (const b of list.querySelectorAll("button"))
			b.setAttribute("aria-pressed", String(b.dataset.name === picked));
		dim();
		if (!again)
			approach();
	}

	function drawList() {
		const want = find.value.trim().toLowerCase();
		const focus = document.activeElement?.dataset?.name;
		const bad = new Map(), attacked = new Set(data.nodes.filter((n) => n.alerts.length > 0).map((n) => n.id));

		for (const e of data.edges) {
			if (kindOf(e) === "attack")
				attacked.add(e.from).add(e.to);
			if (kindOf(e) !== "allowed") {
				bad.set(e.from, (bad.get(e.from) ?? 0) + e.blocked + e.violated);
				bad.set(e.to, (bad.get(e.to) ?? 0) + e.blocked + e.violated);
			}
		}
		const items = data.nodes.filter((n) => n.id.toLowerCase().includes(want) || n.zone.toLowerCase().includes(want));

		list.replaceChildren(...items.map((n) => h("li", null,
			h("button", { type: "button", "data-name": n.id, "aria-pressed": String(n.id === picked),
				onclick: () => pick(n.id) },
			h("span", { cls: "name" }, n.id), h("span", { cls: "marks" },
				n.quarantined > 0 ? chip("quarantined", "bad") : null,
				attacked.has(n.id) ? chip("attack", "bad") : null, bad.get(n.id) > 0 ? chip(`${count(bad.get(n.id))} denied`, "bad") : null, n.mode ? mode(n.mode) : null)))));
		if (focus)
			[...list.querySelectorAll("button")].find((b) => b.dataset.name === focus)?.focus();
	}

	function drawLegend() {
		const apps = [...new Set(data.edges.map((e) => e.application ?? ""))].sort();

		legend.replaceChildren(...apps.map((a) => {
			const swatch = h("span", { cls: "swatch" });

			swatch.style.backgroundColor = colour(a);
			return h("button", { type: "button", cls: "key", "aria-pressed": String(!hidden.has(a)),
				title: "Show or hide", onclick: () => {
					hidden[hidden.has(a) ? "delete" : "add"](a);
					draw();
				} }, swatch, a || "not known");
		}), h("span", { cls: "key" }, h("span", { cls: "swatch denied" }), "denied"),
		h("span", { cls: "key" }, h("span", { cls: "swatch violation" }), "violation"),
		h("span", { cls: "key" }, h("span", { cls: "swatch attack" }), "attack"),
		h("span", { cls: "key" }, "◆ encrypted"), h("span", { cls: "key" }, "╌ mesh or tunnel"));
	}

	function begin(compact, dense) {
		cy?.destroy();
		cy = library({ container: box, style: style(compact, dense), wheelSensitivity: 0.4, minZoom: 0.05, maxZoom: 3, autoungrabify: compact,
			textureOnViewport: compact, hideEdgesOnViewport: false, boxSelectionEnabled: false, pixelRatio: "auto" });
		cy.on("tap", "node[name]", (event) => pick(event.target.data("name")));
		cy.on("tap", "edge", (event) => pick(event.target.id()));
		cy.on("tap", (event) => event.target === cy && pick(null));
	}

	/* What is as it was costs nothing: the library would compute its style again. */
	function change(want) {
		const keep = new Set(want.map((w) => w.data.id)), fresh = [];

		cy.elements().filter((x) => !keep.has(x.id())).remove();
		for (const w of want) {
			const old = cy.getElementById(w.data.id), text = JSON.stringify(w.data);

			if (old.empty())
				fresh.push({ ...w, scratch: { text } });
			else if (old.scratch("text") !== text)
				old.data(w.data).scratch("text", text);
		}
		/* Styles and ends of an edge are computed when it comes: of thousands at once that is a page that stands still. */
		const edge = fresh.findIndex((f) => f.group === "edges"), later = edge < 0 ? [] : fresh.splice(edge + STEP);

		cy.add(fresh);
		grow(later, ++growing);
	}

	function tellSize() {
		box.dataset.segments = cy.nodes("[name]").length;
		box.dataset.edges = cy.edges().length;
	}

	function grow(rest, turn) {
		if (rest.length === 0)
			return;
		setTimeout(() => {
			if (signal.aborted || turn !== growing)
				return;
			cy.batch(() => cy.add(rest.splice(0, STEP)));
			tellSize();
			if (picked !== null)
				dim();
			grow(rest, turn);
		}, 0);
	}

	function drawGraph() {
		const compact = data.nodes.length > MANY, dense = data.edges.length > DENSE;
		const now = data.nodes.map((n) => `${n.zone}/${n.id}`).sort().join("\n");
		const moved = now !== shape;

		if (look !== `${compact} ${dense}`)
			begin(compact, dense);
		if (moved)
			at = layout(data.nodes, data.edges, Math.max(0.4, box.clientWidth / Math.max(1, box.clientHeight)));
		const want = elements(graphOf(), hidden, compact, at);

		cy.batch(() => change(want));
		if (moved)
			cy.nodes("[name]").positions((n) => at.get(n.data("name")));
		if (moved && compact)
			want.filter((w) => w.data.w).forEach((w) => cy.getElementById(w.data.id).position(w.position));
		if (moved || look !== `${compact} ${dense}`)
			cy.fit(cy.nodes(), 24);
		shape = now;
		look = `${compact} ${dense}`;
		tellSize();
	}

	function draw() {
		drawList();
		drawLegend();
		if (library !== null)
			drawGraph();
		dim();
	}

	async function refresh() {
		data = await load(since.value);
		const text = JSON.stringify(data, (k, v) => v instanceof Set || v instanceof Map ? [...v] : v);

		if (signal.aborted || text === rendered)
			return;
		rendered = text;
		if (library !== null)
			note.textContent = data.kept ? "" : "Conversations are not kept (learning.record is off): these are open connections.";
		draw();
		if (picked !== null && !detail.contains(document.activeElement))
			pick(picked, true);
		root.dataset.ready = "1";
	}

	find.addEventListener("input", () => data && drawList());
	since.addEventListener("change", () => refresh().catch((e) => toast(e.message, true)));
	only.addEventListener("change", () => data && draw());
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
		if (cy !== null) {
			cy.style(style(data.nodes.length > MANY, data.edges.length > DENSE));
			draw();
		}
	}, { signal });
	signal.addEventListener("abort", () => cy?.destroy());
	return { refresh, every: EVERY_MS };
}
