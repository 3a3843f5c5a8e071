/* The dashboard in a real Chromium, for the tests beside this folder:
 *
 *     node browser.mjs JOB.json
 *
 * The job names the page's address, folder of screenshots, viewport, colour scheme and steps, which are done in order. Whatever
 * the steps do: a message in the console of level error, an exception, a failed request or a request to another origin is a
 * failure. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
const { chromium } = createRequire(join(job.modules, "x.js"))("playwright-core");
const browser = await chromium.launch({ executablePath: job.chromium, headless: true,
	args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
const context = await browser.newContext({ viewport: job.viewport ?? { width: 1440, height: 900 },
	colorScheme: job.dark ? "dark" : "light", deviceScaleFactor: 1 });
const page = await context.newPage();
const wrong = [], origin = new URL(job.url).origin;

page.setDefaultTimeout(30000);
page.on("console", (m) => m.type() === "error" && wrong.push(`console: ${m.text()}`));
page.on("pageerror", (e) => wrong.push(`exception: ${e.stack ?? e}`));
page.on("requestfailed", (r) => r.failure()?.errorText !== "net::ERR_ABORTED" && wrong.push(`failed: ${r.url()} ${r.failure()?.errorText}`));
page.on("request", (r) => {
	const to = new URL(r.url());

	if (to.origin !== origin && to.protocol !== "data:" && to.protocol !== "blob:")
		wrong.push(`leaves the box: ${r.url()}`);
});

/* WCAG 2: contrast of each visible text with the ground that it stands on. */
function contrasts() {
	const channel = (c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
	const parse = (s) => (s.match(/[\d.]+/g) ?? []).map(Number);
	const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
	const ground = (e) => {
		for (; e; e = e.parentElement) {
			const c = parse(getComputedStyle(e).backgroundColor);

			if (c.length === 3 || c[3] === 1)
				return c;
		}
		return [255, 255, 255];
	};
	const poor = [];

	for (const e of document.querySelectorAll("body *")) {
		const box = e.getBoundingClientRect();

		if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || box.width === 0 || box.right < 0 ||
		    e.closest("noscript, :disabled") || e.matches("option, title"))
			continue;
		const a = light(parse(getComputedStyle(e).color)), b = light(ground(e));
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);

		if (ratio < 4.5)
			poor.push(`${e.tagName}.${e.className} "${e.textContent.slice(0, 30)}": ${ratio.toFixed(2)}`);
	}
	return poor;
}

const steps = {
	async open(hash) {
		await page.goto(`${job.url}/#/${hash}`);
		await page.waitForSelector(`[data-page=${hash.split("?")[0]}][data-ready]`);
	},
	async login(token) {
		await page.click("#login");
		await page.fill("dialog input[type=password]", token);
		await page.click("dialog button[type=submit]");
		await page.waitForSelector("#logout");
	},
	async click(selector) {
		await page.click(selector);
	},
	async fill([selector, text]) {
		await page.fill(selector, text);
	},
	async press(key) {
		await page.keyboard.press(key);
	},
	async see(selector) {
		await page.waitForSelector(selector);
	},
	async gone(selector) {
		await page.waitForSelector(selector, { state: "detached" });
	},
	async map({ segments, edges }) {
		await page.waitForFunction(([s, e]) => {
			const d = document.querySelector("#map")?.dataset;

			return d && Number(d.segments) >= s && Number(d.edges) >= e;
		}, [segments, edges]);
	},
	/* The page is the gateway's; what it is told about segments and conversations is made up here: more than a test could really
	 * have connect in a minute. */
	async pretend({ segments, edges, zones }) {
		const name = (i) => `${["web", "api", "db", "queue", "job"][i % 5]}-${String(i).padStart(3, "0")}`;
		const apps = ["http", "tls", "redis", "postgresql", "mysql", "dns", "kafka", "grpc"];
		const cut = (items) => (route) => {
			const from = Number(new URL(route.request().url()).searchParams.get("cursor") ?? 0);

			return route.fulfill({ json: { items: items.slice(from, from + 1000), next: from + 1000 < items.length ? String(from + 1000) : null } });
		};

		await page.route("**/api/v1/segments?*", cut(Array.from({ length: segments }, (_, i) => ({ name: name(i), reserved: false,
			zones: [`zone:${String.fromCharCode(97 + i % zones)}`], members: 1 + i % 9, mode: ["protect", "protect", "monitor", "discover"][i % 4] }))));
		await page.route("**/api/v1/segments/*", cut([{ address: "192.0.2.1", labels: {}, segments: [] }]));
		await page.route("**/api/v1/conversations?*", cut(Array.from({ length: edges }, (_, i) => ({ from: name(i % segments),
			to: name((i * 7 + 31 * Math.floor(i / segments) + 1) % segments), application: apps[(i + Math.floor(i / segments)) % apps.length], service: "tcp/443",
			operations: i % 50 === 7 ? { alpn: ["istio"] } : {}, sessions: 1 + i % 97, open: i % 3, bytes_to_server: i * 977 % 5e6, bytes_to_client: i * 31337 % 9e7,
			seen: { rule: 1, learned: 0, violated: i % 211 === 3 ? 2 : 0, blocked: i % 173 === 5 ? 4 : 0 }, last_seen: "2026-01-02T03:04:05Z" }))));
		await page.route("**/api/v1/flows?*", cut([]));
	},
	/* What one would feel: gaps between frames, and tasks of more than 50 ms, while the map is dragged and zoomed. */
	async drag() {
		const box = await page.locator("#map").boundingBox();
		const x = box.x + box.width - 8, y = box.y + box.height - 8;

		await page.evaluate(() => {
			window.frames_ = [];
			window.long_ = [];
			window.going_ = true;
			new PerformanceObserver((l) => window.long_.push(...l.getEntries().map((e) => e.duration))).observe({ type: "longtask" });
			const step = (t) => window.frames_.push(t) && window.going_ && requestAnimationFrame(step);

			requestAnimationFrame(step);
		});
		await page.mouse.move(x, y);
		await page.mouse.down();
		for (let i = 0; i < 60; i++)
			await page.mouse.move(x - i * 3, y - i * 2);
		await page.mouse.up();
		await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
		for (let i = 0; i < 30; i++)
			await page.mouse.wheel(0, i < 15 ? -60 : 60);
		const { gaps, long } = await page.evaluate(() => {
			window.going_ = false;
			return { gaps: window.frames_.slice(1).map((t, i) => t - window.frames_[i]).sort((a, b) => a - b), long: window.long_ };
		});
		const worst = Math.max(0, ...long);

		console.log(`frames while dragging and zooming: ${gaps.length}, median gap ${gaps[gaps.length >> 1]?.toFixed(1)} ms, ` +
			`95 % ${gaps[Math.floor(gaps.length * 0.95)]?.toFixed(1)} ms; tasks of more than 50 ms: ${long.length}, longest ${worst.toFixed(0)} ms`);
	},
	async fits() {
		const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

		if (wide > 0)
			throw new Error(`the page is ${wide} px wider than the screen`);
	},
	/* WCAG 2.1, A and AA, as far as a program can tell, by axe and by our own look at contrast: axe leaves out what it is not
	 * sure of. Evaluated by the debugger, past the page's security policy. */
	async accessible() {
		const poor = await page.evaluate(contrasts);

		if (poor.length > 0)
			throw new Error(`contrast below 4.5: ${poor.slice(0, 10).join("; ")}`);
		if (!await page.evaluate("Boolean(window.axe)"))
			await page.evaluate(readFileSync(join(job.modules, "node_modules/axe-core/axe.min.js"), "utf8"));
		const found = await page.evaluate(() => window.axe.run(document, { preload: false,
			runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] } }));

		if (found.violations.length > 0)
			throw new Error(`axe: ${found.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 120)).join(" | ")}`).join("; ")}`);
		checks += found.passes.length;
	},
	/* By keyboard alone: Tab until what is wanted has the focus, which must be to be seen. */
	async tab(selector) {
		for (let i = 0; i < 400; i++) {
			await page.keyboard.press("Tab");
			const at = await page.evaluate((s) => {
				const e = document.activeElement;

				return e?.matches(s) ? getComputedStyle(e).outlineStyle : "";
			}, selector);

			if (at === "none")
				throw new Error(`${selector} has the focus, and nothing shows it`);
			if (at !== "")
				return;
		}
		throw new Error("Tab does not come there");
	},
	async type(text) {
		await page.keyboard.type(text);
	},
	async text([selector, want]) {
		const is = await page.locator(selector).first().innerText();

		if (!is.includes(want))
			throw new Error(`"${is.slice(0, 300)}" does not say "${want}"`);
	},
	/* More of them come by themselves. */
	async grows(selector) {
		const now = await page.locator(selector).count();

		await page.waitForFunction(([s, n]) => document.querySelectorAll(s).length > n, [selector, now]);
	},
	async download(selector) {
		const [file] = await Promise.all([page.waitForEvent("download"), page.click(selector)]);

		await file.saveAs(join(job.out, `download-${file.suggestedFilename()}`));
		console.log(`downloaded ${file.suggestedFilename()}`);
	},
	async shot(name) {
		await page.waitForTimeout(400);
		await page.screenshot({ path: join(job.out, `${name}.png`) });
	},
};

let status = 0, checks = 0;
try {
	for (const [name, value] of job.steps) {
		try {
			await steps[name](value);
		} catch (e) {
			throw new Error(`step ${name} ${JSON.stringify(value)}: ${e.message.split("\n")[0]}`);
		}
	}
} catch (e) {
	console.log(e.message);
	await page.screenshot({ path: join(job.out, "failed.png") });
	status = 1;
}
if (checks > 0)
	console.log(`${checks} checks of axe passed`);
for (const w of wrong)
	console.log(w);
await browser.close();
process.exit(status || wrong.length > 0 ? 1 : 0);
