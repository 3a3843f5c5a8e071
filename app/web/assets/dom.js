/* Elements, words for numbers, dialogs. Text from the gateway only ever becomes text nodes and attributes. */

export function h(tag, props, ...children) {
	const e = document.createElement(tag);

	for (const [key, value] of Object.entries(props ?? {})) {
		if (value === null || value === undefined || value === false)
			continue;
		if (key.startsWith("on"))
			e.addEventListener(key.slice(2), value);
		else if (key === "value" || key === "checked" || key === "disabled" || key === "selected")
			e[key] = value;
		else
			e.setAttribute(key === "cls" ? "class" : key, value === true ? "" : value);
	}
	e.append(...children.flat(3).filter((c) => c !== null && c !== undefined && c !== false));
	return e;
}

export function option(value, text, selected) {
	return h("option", { value, selected }, text ?? value);
}

/* ---- words for numbers ---- */

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function bytes(n) {
	let i = 0;

	for (; n >= 1024 && i < units.length - 1; i++)
		n /= 1024;
	return `${i === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[i]}`;
}

export function count(n) {
	return Number(n).toLocaleString("en");
}

export function rate(n) {
	for (const [limit, unit] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
		if (n >= limit)
			return `${(n / limit).toFixed(n >= 100 * limit ? 0 : 1)}${unit}`;
	}
	return n >= 10 || n === 0 ? String(Math.round(n)) : n.toFixed(1);
}

export function duration(ms) {
	const s = Math.round(ms / 1000);

	if (s < 60)
		return `${s} s`;
	if (s < 3600)
		return `${Math.floor(s / 60)} min ${s % 60} s`;
	if (s < 86400)
		return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
	return `${Math.floor(s / 86400)} d ${Math.floor(s % 86400 / 3600)} h`;
}

export function time(iso) {
	if (!iso)
		return "–";
	const d = new Date(iso);
	const text = Number.isNaN(d.getTime()) ? iso : d.toISOString().replace("T", " ").slice(0, 19);

	return h("time", { datetime: iso, title: `${iso} (UTC)` }, text);
}

export function chip(text, kind) {
	return h("span", { cls: `chip ${kind ?? ""}` }, text);
}

const verdicts = { allow: "good", deny: "bad", reject: "bad", drop: "bad", reset: "bad" };

export function verdict(word) {
	return chip(word, verdicts[word]);
}

export function mode(word) {
	return word ? chip(word, `mode-${word}`) : "–";
}

/* ---- saying and asking ---- */

export function toast(text, bad) {
	const e = h("div", { cls: bad ? "toast bad" : "toast" }, h("span", null, text),
		h("button", { type: "button", cls: "quiet", "aria-label": "Close this message",
			onclick: () => e.remove() }, "×"));

	document.getElementById("toasts").append(e);
	setTimeout(() => e.remove(), bad ? 15000 : 6000);
}

/* A form in a dialog. fields: [{name, label, value, hint, type, options, required}]. Resolves to an object of its values, or
 * to null when it was left. */
export function ask({ title, text, fields, yes, danger }) {
	return new Promise((resolve) => {
		const inputs = (fields ?? []).map((f) => {
			const id = `ask-${f.name}`;
			const input = f.options
				? h("select", { id, name: f.name }, f.options.map((o) => option(o, o, o === f.value)))
				: h("input", { id, name: f.name, type: f.type ?? "text", value: f.value ?? "",
					required: f.required, autocomplete: f.type === "password" ? "current-password" : "off" });

			return h("p", { cls: "field" }, h("label", { for: id }, f.label), input,
				f.hint ? h("small", null, f.hint) : null);
		});
		const form = h("form", { method: "dialog" }, h("h2", null, title), text ? h("p", null, text) : null,
			inputs, h("div", { cls: "buttons" },
				h("button", { type: "button", cls: "quiet", onclick: () => dialog.close() }, "Cancel"),
				h("button", { type: "submit", cls: danger ? "danger" : "primary" }, yes ?? "Yes")));
		const dialog = h("dialog", { "aria-label": title }, form);
		let answer = null;

		/* The page's security policy lets no form be sent: it is read here. */
		form.addEventListener("submit", (event) => {
			event.preventDefault();
			answer = Object.fromEntries([...form.elements].filter((i) => i.name)
				.map((i) => [i.name, i.value.trim()]));
			dialog.close();
		});
		dialog.addEventListener("close", () => {
			dialog.remove();
			resolve(answer);
		});
		document.body.append(dialog);
		dialog.showModal();
	});
}

export function save(blob, name) {
	const url = URL.createObjectURL(blob);
	const a = h("a", { href: url, download: name });

	document.body.append(a);
	a.click();
	a.remove();
	setTimeout(() => URL.revokeObjectURL(url), 10000);
}
