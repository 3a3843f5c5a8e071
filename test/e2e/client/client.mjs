// @ts-check
// A client of types that are generated from the served document: tsc checks each call against them, then it runs against the
// gateway. Arguments: its address, a token.
import createClient from "openapi-fetch";

const [, , url, token] = /** @type {any} */ (globalThis).process.argv;
/** @type {import("openapi-fetch").Client<import("./api.js").paths>} */
const api = createClient({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });

/** @param {boolean} holds @param {string} what */
function check(holds, what) {
	if (!holds)
		throw new Error(`not so: ${what}`);
}

const health = await api.GET("/api/v1/health");
check(health.data?.status === "ok" && health.data.workers.length > 0, "health");

const address = "192.0.2.77";
const made = await api.PUT("/api/v1/endpoints/{address}", { params: { path: { address } }, body: { labels: { app: "web" } } });
check(made.response.status === 201 && made.data?.labels.app === "web", "an endpoint is made");
const patched = await api.PATCH("/api/v1/endpoints/{address}", { params: { path: { address } }, body: { labels: { app: null, tier: "x" } } });
check(patched.data?.labels.tier === "x" && !("app" in patched.data.labels), "its labels change");

let n = 0;
let cursor = undefined;
do {
	/** @type {any} */
	const page = await api.GET("/api/v1/endpoints", { params: { query: { limit: 3, cursor } } });
	n += page.data.items.length;
	cursor = page.data.next ?? undefined;
} while (cursor !== undefined);
check(n > 3, "the list goes on over its pages");

const wrong = await api.GET("/api/v1/endpoints/{address}", { params: { path: { address: "192.0.2.78" } } });
check(wrong.error?.type === "urn:bulkhead:problem:not-found" && wrong.error.status === 404, "a problem is typed");
const why = await api.GET("/api/v1/explain", { params: { query: { from: "web", to: "redis", service: "tcp/6379" } } });
check(why.data?.verdict === "allow" && why.data.rule === "web-to-redis", "explain");
const rule = await api.GET("/api/v1/rules/{id}", { params: { path: { id: "web-to-redis" } } });
check(rule.data?.action === "allow" && rule.data.from === "web", "a rule");
const mode = await api.PATCH("/api/v1/segments/{name}", { params: { path: { name: "web" } }, body: { mode: "monitor" } });
check(mode.data?.mode === "monitor", "a mode is set");
const gone = await api.DELETE("/api/v1/endpoints/{address}", { params: { path: { address } } });
check(gone.response.status === 204, "it is deleted");
console.log("9 operations by a generated client");
