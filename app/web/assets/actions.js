/* What an operator can do. Each asks first, says what came of it, and is in the gateway's audit log with its why. */
import { call, hasToken, may, remove } from "./api.js";
import { ask, h, toast } from "./dom.js";

/* A button that needs a right; without it it says so instead of being away. */
export function button(text, right, act, cls) {
	const allowed = may(right);

	return h("button", { type: "button", cls, disabled: !allowed,
		title: allowed ? null : hasToken() ? `Your role has not the right "${right}"` : "Log in to do this",
		onclick: act }, text);
}

async function attempt(what, act) {
	try {
		const answer = await act();

		toast(what);
		return answer ?? true;
	} catch (e) {
		toast(e.message, true);
		return null;
	}
}

export async function quarantine(address) {
	const said = await ask({ title: address ? `Quarantine ${address}?` : "Quarantine an endpoint", danger: true,
		text: "All of its traffic stops at once, open connections too, until the time is over or somebody releases it.",
		fields: [
			...address ? [] : [{ name: "address", label: "Address", required: true, hint: "of an endpoint, or a prefix" }],
			{ name: "for", label: "For how long", value: "1h", required: true, hint: "such as 10m, 2h, 1d" },
			{ name: "allow", label: "What stays possible", hint: "such as dns:udp/53, several with a blank between; empty: nothing" },
			{ name: "why", label: "Why", hint: "for the audit log" },
		], yes: "Quarantine" });

	if (said === null)
		return null;
	const body = { address: address ?? said.address, for: said.for, why: said.why };

	if (said.allow)
		body.allow = said.allow.split(/\s+/);
	return attempt(`${body.address} is in quarantine`, () => call("POST", "/quarantines", { body }));
}

export async function cut(flow) {
	const said = await ask({ title: "Cut this session?", danger: true, text: "Both of its ends are reset, now and when they send again.",
		fields: [{ name: "for", label: "For how long", value: "10m", required: true, hint: "what belongs to it is refused so long" },
			{ name: "why", label: "Why", hint: "for the audit log" }], yes: "Cut" });

	return said === null ? null : attempt("the session is cut",
		() => call("DELETE", `/flows/${flow}`, { query: { for: said.for, why: said.why } }));
}

/* e: an event of the conversation. */
export async function block(e) {
	const service = e.dest_port && e.proto ? `${e.proto.toLowerCase()}/${e.dest_port}` : "";
	const said = await ask({ title: "Block this conversation?", danger: true,
		text: "What fits is refused until the time is over, open connections too; all else that the two say goes on.",
		fields: [{ name: "from", label: "From", value: e.src_ip, required: true, hint: "an address, prefix, segment or any" },
			{ name: "to", label: "To", value: e.dest_ip, required: true }, { name: "service", label: "Service", value: service, hint: "tcp/443; empty: all" },
			{ name: "for", label: "For how long", value: "1h", required: true }, { name: "why", label: "Why", hint: "for the audit log" }],
		yes: "Block" });

	if (said === null)
		return null;
	const body = { from: said.from, to: said.to, for: said.for, why: said.why };

	if (said.service)
		body.service = said.service;
	return attempt(`${said.from} to ${said.to} is blocked`, () => call("POST", "/blocks", { body }));
}

export async function release(kind, item, name) {
	const said = await ask({ title: `Release ${name}?`, text: "What policy allows is possible again at once.",
		fields: [{ name: "why", label: "Why", hint: "for the audit log" }], yes: "Release" });

	return said === null ? null : attempt(`${name} is released`,
		() => call("DELETE", `/${kind}/${item.id}`, { query: { why: said.why } }));
}

export async function setMode(segment, now) {
	const said = await ask({ title: `Mode of ${segment}`,
		text: "discover: all passes and is learned. monitor: what policy denies passes, with an alert. protect: it is blocked.",
		fields: [{ name: "mode", label: "Mode", value: now, options: ["discover", "monitor", "protect", "as the policy says"] },
			{ name: "why", label: "Why", hint: "for the audit log" }], yes: "Set" });

	if (said === null)
		return null;
	const mode = said.mode.startsWith("as ") ? null : said.mode;

	return attempt(`${segment}: ${said.mode}`, () => call("PATCH", `/segments/${encodeURIComponent(segment)}`,
		{ body: { mode, why: said.why } }));
}

export async function rollBack(revision) {
	const said = await ask({ title: `Roll back to revision ${revision}?`, danger: true,
		text: "Its document is in force for the next packet of every connection.",
		fields: [{ name: "why", label: "Why", hint: "for the audit log" }], yes: "Roll back" });

	return said === null ? null : attempt(`revision ${revision} is in force again`,
		() => call("POST", "/policy/rollback", { body: { revision, why: said.why } }));
}

export async function confirmRevision() {
	const said = await ask({ title: "Keep the policy that waits for its confirmation?", yes: "Keep it" });

	return said === null ? null : attempt("the policy is confirmed", () => call("POST", "/policy/confirm", { body: {} }));
}

const ROLES = ["viewer", "operator", "policy-admin", "auditor", "pusher", "admin"];

/* The token is in this answer alone: it is shown once, for whoever asked to take it. again: one that is there. */
export async function makeIdentity(again) {
	const said = await ask({ title: again ? `A new token for ${again.name}?` : "Make an identity", danger: Boolean(again),
		text: again ? "The old one ends at once." : "Somebody, or a program, who may use this gateway; the role says for what.",
		fields: [
			...again ? [] : [{ name: "name", label: "Name", required: true, hint: "a-z, 0-9, - and _" }],
			{ name: "role", label: "Role", value: again?.role ?? "viewer", options: ROLES },
			{ name: "expires", label: "Until", value: again?.expires ? `${again.expires.slice(0, 19)}Z` : "", hint: "2027-01-31T00:00:00Z; empty: for ever" },
		], yes: again ? "Give a new token" : "Make" });

	if (said === null)
		return null;
	const name = again?.name ?? said.name, body = { role: said.role };

	if (said.expires)
		body.expires = said.expires;
	const answer = await attempt(`${name} may use this gateway as ${said.role}`,
		() => call("PUT", `/identities/${encodeURIComponent(name)}`, { body }));

	if (answer?.token)
		await ask({ title: `The token of ${name}`, text: "It is shown this once, and kept nowhere: take it now.",
			fields: [{ name: "token", label: "Token", value: answer.token }], yes: "I have it" });
	return answer;
}

export async function revokeIdentity(name) {
	const said = await ask({ title: `Revoke ${name}?`, danger: true, text: "Its token and certificate end at once.", yes: "Revoke" });

	return said === null ? null : attempt(`${name} is revoked`, () => remove(`/identities/${encodeURIComponent(name)}`));
}

/* rules: ids; none: all that are in force. */
export async function adopt(rules) {
	const said = await ask({ title: rules ? `Adopt ${rules.join(", ")}?` : "Adopt all learned rules?",
		text: "Learned rules become written ones, as one more revision of the policy.",
		fields: [{ name: "why", label: "Why", hint: "for the audit log" }], yes: "Adopt" });

	return said === null ? null : attempt("adopted", () => call("POST", "/learned/adopt",
		{ body: { ...rules ? { rules } : {}, why: said.why } }));
}
