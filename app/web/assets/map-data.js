/* What the map shows: segments by zone, and an edge for each application between two of them, from the conversations that
 * the gateway keeps and the connections that are open now. */
import { all, events, get, has } from "./api.js";

/* Whose contents nobody on the way reads. */
const ENCRYPTED = new Set(["tls", "quic", "dtls", "ssh", "wireguard", "openvpn", "https"]);
/* An application layer protocol of a service mesh's sidecars, as Istio offers it in its handshakes. */
const MESH = /^istio/;

let reasons = null;
let conversationsKept = true;
let eventsKept = null;
let members = { at: 0, segment: new Map() };

async function threats() {
	if (reasons === null) {
		const { items } = await get("/reasons");

		/* A sensor's finding is an attack in what was said, and policy in what was done about it. */
		reasons = new Set(["sensor", ...items.filter((r) => r.group === "threat").map((r) => r.name)]);
	}
	return reasons;
}

/* Without learning.record there are none, and asking again would only be an error again. */
async function conversations(since) {
	if (!conversationsKept)
		return { items: [], more: false };
	try {
		return await all("/conversations", { since }, 20);
	} catch (e) {
		if (e.name !== "no-learning")
			throw e;
		conversationsKept = false;
		return { items: [], more: false };
	}
}

const ALERTS = 400; /* of a kind */
const ALERT_PAGES = 3;

/* Alerts of the time that the map is about, newest first: why an edge is red, in words. */
async function alerts(kind, since) {
	const items = [];
	let cursor;

	eventsKept ??= Boolean((await get("/stats")).event_store);
	for (let i = 0; eventsKept && i < ALERT_PAGES && (i === 0 || cursor) && items.length < ALERTS; i++) {
		const page = await events({ kind, since: since || undefined, limit: ALERTS, cursor });

		items.push(...page.items);
		cursor = page.next;
	}
	return items;
}

/* Segments of endpoints in quarantine, by address; read anew once a minute. */
async function segmentOf(address) {
	if (!members.segment.has(address) && Date.now() - members.at > 60000) {
		const { items } = await all("/endpoints", {}, 10);

		members = { at: Date.now(), segment: new Map(items.map((e) => [e.address, e.segments])) };
	}
	return members.segment.get(address) ?? [];
}

export function zoneOf(segment) {
	if (segment.zones?.length)
		return segment.zones[0].replace(/^zone:/, "");
	return /(?:^|,)\s*zone=([^,\s]+)/.exec(segment.selector ?? "")?.[1] ?? "";
}

/* Who is no segment: a host, a zone as a whole that a rule names, whoever is outside. */
function party(nodes, name) {
	const id = name || "unknown";

	if (!nodes.has(id) && id.startsWith("zone:"))
		nodes.set(id, { id, zone: id.slice(5), members: 0, mode: null, reserved: false, outside: false, whole: true, quarantined: 0,
			alerts: [] });
	else if (!nodes.has(id))
		nodes.set(id, { id, zone: "", members: id.startsWith("host-") ? 1 : 0, mode: null,
			reserved: id === "external" || id === "unknown", outside: true, quarantined: 0, alerts: [] });
	return id;
}

function edge(edges, from, to, application) {
	const id = `${from}\n${to}\n${application ?? ""}`;
	let e = edges.get(id);

	if (e === undefined) {
		e = { id, from, to, application, bytes: 0, sessions: 0, open: 0, blocked: 0, violated: 0, attacks: 0,
			alerts: [], services: new Set(), reasons: new Map(), tunnel: false, mesh: false, last: "",
			encrypted: ENCRYPTED.has(application) };
		edges.set(id, e);
	}
	return e;
}

function addConversation(e, c) {
	e.bytes += c.bytes_to_server + c.bytes_to_client;
	e.sessions += c.sessions;
	e.blocked += c.seen.blocked;
	e.violated += c.seen.violated;
	e.services.add(c.service);
	e.mesh ||= (c.operations?.alpn ?? []).some((a) => MESH.test(a));
	if (c.last_seen > e.last)
		e.last = c.last_seen;
}

const OVER = new Set(["closed", "refused", "blocked"]);

function addFlow(e, f, attack) {
	e.services.add(f.proto === "tcp" || f.proto === "udp" ? `${f.proto}/${f.dst.port}` : f.proto);
	if (f.tunnel && f.tunnel !== "none")
		e.tunnel = true;
	if (!OVER.has(f.state)) {
		e.open++;
		e.bytes += f.src.bytes + f.dst.bytes;
	}
	if (f.verdict !== "allow") {
		e.blocked++;
		e.reasons.set(f.reason, (e.reasons.get(f.reason) ?? 0) + 1);
	}
	if (attack.has(f.reason))
		e.attacks++;
	if (f.start > e.last)
		e.last = f.start;
}

const EXPLAINED = 8; /* alerts of an edge that are kept to say why */

/* Of who does it alone is known sometimes: a scan has no one target. */
function addAlert(nodes, edges, item, isAttack) {
	const e = item.event, b = e.bulkhead;

	if (!b.src_segment)
		return;
	if (!b.dst_segment) {
		nodes.get(party(nodes, b.src_segment)).alerts.push(item);
		return;
	}
	const app = e.app_proto && e.app_proto !== "unknown" ? e.app_proto : null;
	const from = party(nodes, b.src_segment), peer = party(nodes, b.dst_segment);
	/* Refused before it said anything: it belongs to what the two say else. */
	const known = app === null ? [...edges.values()].find((x) => x.from === from && x.to === peer) : undefined;
	const to = known ?? edge(edges, from, peer, app);

	if (isAttack)
		to.attacks++;
	else if (b.kind === "violation" && e.alert.action === "blocked" && to.blocked === 0)
		to.blocked++;
	else if (b.kind === "violation" && e.alert.action !== "blocked" && to.violated === 0)
		to.violated++;
	if (to.alerts.length < EXPLAINED)
		to.alerts.push(item);
	if (e.dest_port)
		to.services.add(`${e.proto.toLowerCase()}/${e.dest_port}`);
	if (to.last === "")
		to.last = e.timestamp;
}

async function addQuarantines(nodes) {
	const quarantines = has("/quarantines") ? (await all("/quarantines", {}, 5)).items : [];

	for (const q of quarantines) {
		for (const name of [...await segmentOf(q.address), `host-${q.address}`]) {
			if (nodes.has(name))
				nodes.get(name).quarantined++;
		}
	}
	return quarantines;
}

/* since: "1h" and the like, or "" for all that is kept. */
export async function load(since) {
	const [segments, talks, flows, attack, sensed, threatened, violated] = await Promise.all([all("/segments"),
		conversations(since), all("/flows", {}, 3), threats(), alerts("sensor", since), alerts("threat", since), alerts("violation", since)]);
	const nodes = new Map(), edges = new Map();

	for (const s of segments.items) {
		if (s.reserved || s.name.includes(":"))
			continue;
		nodes.set(s.name, { id: s.name, zone: zoneOf(s), members: s.members, mode: s.mode, reserved: false,
			outside: false, quarantined: 0, alerts: [], cde: false });
	}
	for (const c of talks.items)
		addConversation(edge(edges, party(nodes, c.from), party(nodes, c.to), c.application), c);
	for (const f of flows.items)
		addFlow(edge(edges, party(nodes, f.src.segment), party(nodes, f.dst.segment), f.application), f, attack);
	/* What is only odd, and passed, makes no edge red. */
	for (const item of [...sensed, ...threatened])
		addAlert(nodes, edges, item, item.event.alert.severity < 3 || item.event.alert.action === "blocked");
	for (const item of violated)
		addAlert(nodes, edges, item, false);
	const quarantines = await addQuarantines(nodes);
	const cde = new Set(segments.items.filter((s) => s.cde).map((s) => s.name.replace(/^zone:/, "")));

	return { nodes: [...nodes.values()], edges: [...edges.values()], quarantines, cde,
		more: talks.more || flows.more, kept: conversationsKept };
}

export function kindOf(e) {
	if (e.attacks > 0)
		return "attack";
	if (e.blocked > 0)
		return "denied";
	return e.violated > 0 ? "violation" : "allowed";
}
