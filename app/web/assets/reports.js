/* PCI DSS reports: seen here, printed, or kept as a file. */
import { blob, get, text } from "./api.js";
import { button } from "./actions.js";
import { h, option, save, toast } from "./dom.js";

/* The report is a page of its own, with a style sheet inside. Its style is given to a shadow tree as an object, since this
 * page's security policy lets no style stand in a document. */
function paper(html) {
	const doc = new DOMParser().parseFromString(html.replace(/<style>[^]*?<\/style>/g, ""), "text/html");
	const sheet = new CSSStyleSheet(), host = h("article", { cls: "paper", "aria-label": "PCI DSS report", tabindex: "0" });
	const css = [...html.matchAll(/<style>([^]*?)<\/style>/g)].map((m) => m[1]).join("\n");

	sheet.replaceSync(css.replace(/:root(?=[{,\s])/g, ":host").replace(/(^|[}\n])\s*body(?=\{)/g, "$1.body"));
	for (const e of doc.querySelectorAll("style, script, link, meta, title"))
		e.remove();
	const tree = host.attachShadow({ mode: "open" });

	tree.adoptedStyleSheets = [sheet];
	tree.append(h("div", { cls: "body" }, [...doc.body.childNodes].map((n) => document.importNode(n, true))));
	return host;
}

export async function show(root, { signal }) {
	const zones = (await get("/segments", { limit: 1000 })).items.filter((s) => s.cde).map((s) => s.name.replace(/^zone:/, ""));
	const box = h("div", { cls: "report" });

	if (signal.aborted)
		return null;
	root.append(h("div", { cls: "head" }, h("h1", null, "Reports")),
		h("p", { cls: "intro" }, "PCI DSS reports about zones of cardholder data: who is in scope, each path that is allowed and why, what was denied, who changed what."));
	if (zones.length === 0) {
		root.append(h("p", { cls: "empty" }, "No zone of cardholder data (cde: true) is in the policy."));
		root.dataset.ready = "1";
		return null;
	}
	const zone = h("select", { id: "report-zone" }, zones.map((z) => option(z)));
	const days = h("select", { id: "report-days" }, [option("7", "7 days"), option("30", "30 days"), option("90", "90 days", true), option("365", "a year")]);
	const asked = () => ({ zone: zone.value, days: days.value, format: "html" });
	const print = h("button", { type: "button", hidden: true, onclick: () => window.print() }, "Print");

	async function view() {
		try {
			box.replaceChildren(paper(await text("/reports/pci", asked())));
			print.hidden = false;
		} catch (e) {
			toast(e.message, true);
		}
	}

	async function keep() {
		try {
			save(await blob("/reports/pci", asked()), `pci-${zone.value}.html`);
		} catch (e) {
			toast(e.message, true);
		}
	}

	root.append(h("div", { cls: "filters" }, h("p", { cls: "field" }, h("label", { for: "report-zone" }, "Zone"), zone),
		h("p", { cls: "field" }, h("label", { for: "report-days" }, "Of the last"), days)),
	h("div", { cls: "actions" }, button("Show the report", "audit", view, "primary"), button("Download it", "audit", keep), print), box);
	root.dataset.ready = "1";
	return null;
}
