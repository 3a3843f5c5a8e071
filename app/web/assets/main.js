/* Which page is shown, who looks at it, and how the gateway is. */
import { begin, get, has, hasToken, may, setToken, state } from "./api.js";
import { chip, h, toast } from "./dom.js";
import * as events from "./events.js";
import * as live from "./live.js";
import * as map from "./map.js";
import * as pages from "./pages.js";
import * as reports from "./reports.js";
import { revisions } from "./revisions.js";

/* needs: the resource that it is made of, and the right to read it. */
const routes = [
	{ name: "map", title: "Map", show: map.show },
	{ name: "events", title: "Events", show: events.show, path: "/events" },
	{ name: "live", title: "Live", show: live.show },
	{ name: "conversations", title: "Conversations", show: pages.conversations, path: "/conversations" },
	{ name: "sessions", title: "Sessions", show: pages.sessions, path: "/flows" },
	{ name: "quarantines", title: "Quarantines", show: pages.quarantines, path: "/quarantines" },
	{ name: "blocks", title: "Blocks", show: pages.blocks, path: "/blocks" },
	{ name: "rules", title: "Rules", show: pages.rules, path: "/rules" },
	{ name: "segments", title: "Segments", show: pages.segments, path: "/segments" },
	{ name: "lint", title: "Lint", show: pages.lint, path: "/lint" },
	{ name: "learning", title: "Learning", show: pages.learning, path: "/learned" },
	{ name: "revisions", title: "Revisions", show: revisions, path: "/policy/revisions" },
	{ name: "evidence", title: "Evidence", show: pages.evidence, path: "/evidence", right: "evidence" },
	{ name: "audit", title: "Audit log", show: pages.audit, path: "/audit", right: "audit" },
	{ name: "identities", title: "Identities", show: pages.identities, path: "/identities", right: "admin" },
	{ name: "reports", title: "Reports", show: reports.show, path: "/reports/pci", right: "audit" },
];
const HEALTH_MS = 5000;
const content = document.getElementById("content");
const nav = document.getElementById("nav");
const menu = document.getElementById("menu");
let leave = null;

/* Until the signal: now, and again `every` ms after the last came, while somebody looks. */
async function poll(page, signal) {
	let failed = "";

	while (!signal.aborted) {
		if (!document.hidden) {
			try {
				await page.refresh();
				failed = "";
			} catch (e) {
				if (!signal.aborted && e.message !== failed)
					toast(e.message, true);
				failed = e.message;
			}
		}
		await new Promise((done) => setTimeout(done, page.every));
	}
}

function missing(route) {
	if (route.path && !has(route.path))
		return "This gateway has no such resource.";
	if (route.right && !may(route.right))
		return hasToken() ? `Your role has not the right "${route.right}".` : "Log in to see this.";
	return null;
}

async function open() {
	const [name, query] = location.hash.replace(/^#\/?/, "").split("?");
	const route = routes.find((r) => r.name === name) ?? routes[0];
	const stop = new AbortController(), root = h("div", { cls: `page ${route.name}`, "data-page": route.name });

	leave?.abort();
	leave = stop;
	for (const a of nav.querySelectorAll("a"))
		a.toggleAttribute("aria-current", a.dataset.page === route.name);
	document.title = `${route.title} – Bulkhead`;
	content.replaceChildren(root);
	nav.classList.remove("open");
	menu.setAttribute("aria-expanded", "false");
	if (state.who === null || missing(route)) {
		root.append(h("h1", null, route.title), h("p", { cls: "empty" }, state.who === null ? "Log in to see this gateway." : missing(route)));
		return;
	}
	const page = await route.show(root, { signal: stop.signal, query: new URLSearchParams(query ?? "") });

	if (page && !stop.signal.aborted)
		poll(page, stop.signal);
}

function drawFrame() {
	const who = state.who, named = who?.name;

	nav.replaceChildren(h("ul", null, routes.filter((r) => who === null || !r.path || has(r.path)).map((r) =>
		h("li", null, h("a", { href: `#/${r.name}`, "data-page": r.name }, r.title)))),
	h("p", { cls: "version" }, state.version ? `Bulkhead ${state.version}` : ""));
	document.getElementById("who").replaceChildren(
		h("span", { cls: "name" }, who === null ? "" : named ? `${named} (${who.role})` : `nobody (${who.role})`),
		hasToken() ? h("button", { type: "button", id: "logout", onclick: () => enter(null) }, "Log out")
			: h("button", { type: "button", id: "login", cls: "primary", onclick: () => pages.login(enter) }, "Log in"));
}

async function enter(token) {
	if (token !== undefined)
		setToken(token);
	try {
		await begin();
	} catch (e) {
		state.who = null;
		setToken(null);
		if (token)
			toast(e.status === 401 ? "This token is nobody's." : e.message, true);
	}
	drawFrame();
	await open();
	return state.who !== null;
}

async function health() {
	const e = document.getElementById("health");
	let now;

	try {
		now = await get("/health");
	} catch (problem) {
		now = problem.status === 503 ? { status: "degraded", reasons: [] } : { status: "no answer", reasons: [] };
	}
	e.replaceChildren(chip(now.status, now.status === "ok" ? "good" : "bad"), now.mode ? chip(now.mode, `mode-${now.mode}`) : "",
		...(now.reasons ?? []).slice(0, 2).map((r) => h("small", null, typeof r === "string" ? r : JSON.stringify(r))));
}

menu.addEventListener("click", () => menu.setAttribute("aria-expanded", String(nav.classList.toggle("open"))));
addEventListener("hashchange", open);
document.addEventListener("keydown", (event) => {
	if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && !document.querySelector("dialog[open]")) {
		const first = content.querySelector("input[type=search]");

		if (first) {
			event.preventDefault();
			first.focus();
		}
	}
});
poll({ refresh: health, every: HEALTH_MS }, new AbortController().signal);

/* On another host's address nobody may read: asking would only be refused. */
const LOOPBACK = /^(localhost|127\..*|\[::1\])$/;

if (hasToken() || LOOPBACK.test(location.hostname)) {
	await enter();
} else {
	drawFrame();
	await open();
	pages.login(enter);
}
