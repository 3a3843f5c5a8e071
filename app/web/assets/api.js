/* The REST API with the identity's token, which stays in this tab: sessionStorage ends with it. */

const KEY = "bulkhead-token";

export const state = { who: null, paths: new Set(), version: "" };

export class Problem extends Error {
	constructor(status, body) {
		super(body?.detail ?? body?.title ?? `the gateway answered ${status}`);
		this.status = status;
		this.name = body?.type?.split(":").pop() ?? "";
	}
}

export function hasToken() {
	return sessionStorage.getItem(KEY) !== null;
}

export function setToken(token) {
	if (token)
		sessionStorage.setItem(KEY, token);
	else
		sessionStorage.removeItem(KEY);
}

function target(path, query) {
	const q = new URLSearchParams();

	for (const [key, value] of Object.entries(query ?? {})) {
		if (value !== undefined && value !== null && value !== "")
			q.set(key, value);
	}
	return `/api/v1${path}${q.size ? `?${q}` : ""}`;
}

async function send(method, path, { query, body, signal, headers = {} } = {}) {
	const token = sessionStorage.getItem(KEY);

	if (token)
		headers.Authorization = `Bearer ${token}`;
	if (body !== undefined)
		headers["Content-Type"] = "application/json";
	let r;
	try {
		r = await fetch(target(path, query), { method, headers, signal, cache: "no-store",
			body: body === undefined ? undefined : JSON.stringify(body) });
	} catch (e) {
		if (e.name === "AbortError")
			throw e;
		throw new Problem(0, { detail: "the gateway's API does not answer" });
	}
	if (!r.ok)
		throw new Problem(r.status, await r.json().catch(() => null));
	return r;
}

export async function call(method, path, options) {
	return (await send(method, path, options)).json();
}

/* What answers without a body. */
export async function remove(path) {
	await send("DELETE", path);
	return true;
}

export function get(path, query) {
	return call("GET", path, { query });
}

/* Numbers of flows have 63 bits, of which a number here keeps 53: they become text. Within a string of JSON a quote has a
 * backslash before it, so that this never fits there. */
export function parseEvents(text) {
	return JSON.parse(text.replace(/"flow_id":(\d+)/g, '"flow_id":"$1"'));
}

export async function events(query) {
	return parseEvents(await (await send("GET", "/events", { query })).text());
}

export async function event(id) {
	return parseEvents(await (await send("GET", `/events/${encodeURIComponent(id)}`)).text());
}

/* Server-sent events (EventSource could not send our header): say({id, event}) for each, until the signal or the answer's
 * end. last: go on behind that one. */
export async function follow(path, query, last, signal, say) {
	const r = await send("GET", path, { query, signal, headers: last ? { "Last-Event-ID": last } : {} });
	const reader = r.body.pipeThrough(new TextDecoderStream()).getReader();
	let rest = "";

	for (;;) {
		const { value, done } = await reader.read();

		if (done)
			return;
		const parts = (rest + value).split("\n\n");

		rest = parts.pop();
		for (const part of parts) {
			const id = /^id: (\d+)$/m.exec(part)?.[1] ?? null, data = /^data: (.*)$/m.exec(part)?.[1];

			say({ id, gap: /^event: gap$/m.test(part), event: data ? parseEvents(data) : null });
		}
	}
}

export async function text(path, query) {
	return (await send("GET", path, { query })).text();
}

export async function blob(path, query) {
	return (await send("GET", path, { query })).blob();
}

/* Items of up to `max` pages of 1000, and whether there are more. A list that changed under way is read again. */
export async function all(path, query, max = 10) {
	for (let tries = 0; ; tries++) {
		const items = [];
		let cursor;

		try {
			for (let i = 0; i < max; i++) {
				const page = await get(path, { ...query, limit: 1000, cursor });

				items.push(...page.items);
				cursor = page.next;
				if (!cursor)
					break;
			}
			return { items, more: Boolean(cursor) };
		} catch (e) {
			if (e.name !== "conflict" || tries === 2)
				throw e;
		}
	}
}

/* Who we are, and what this gateway can. */
export async function begin() {
	state.who = await get("/whoami");
	state.paths = new Set(Object.keys((await get("/openapi.json")).paths ?? {}));
	state.version = (await get("/version")).version;
}

export function may(right) {
	return state.who?.rights.includes(right) ?? false;
}

/* Whether this gateway has the resource: one that is younger has more. */
export function has(path) {
	return state.paths.has(`/api/v1${path}`) || state.paths.has(path);
}
