/* Where segments stand: a grid for each zone, zones in rows like words in a paragraph. The same input gives the same
 * picture, so that a map looks tomorrow as it does today. */

const ROUNDS = 6;
const PAD = 34; /* of a zone */

export function sizeOf(n) {
	return n > 60 ? { w: 118, h: 30, gapX: 16, gapY: 16, between: 40, compact: true }
		: { w: 132, h: 52, gapX: 70, gapY: 46, between: 150, compact: false };
}

function zonesOf(nodes) {
	const zones = new Map();

	for (const n of nodes) {
		const name = n.outside ? "\u0000outside" : n.zone;

		if (!zones.has(name))
			zones.set(name, []);
		zones.get(name).push(n);
	}
	return [...zones.values()];
}

function neighbours(edges) {
	const of = new Map();

	for (const e of edges) {
		for (const [a, b] of [[e.from, e.to], [e.to, e.from]]) {
			if (!of.has(a))
				of.set(a, new Set());
			of.get(a).add(b);
		}
	}
	return of;
}

/* Place zones' grids, rows of at most `width`; every other zone stands half a step lower, so that edges between neighbours do
 * not run through what stands between. Returns how much room that takes. */
function place(zones, size, { width, ratio }, at) {
	const stepX = size.w + size.gapX, stepY = size.h + size.gapY;
	let x = 0, y = 0, tallest = 0, widest = 0, lower = false;

	for (const zone of zones) {
		const columns = Math.max(1, Math.min(zone.length, Math.round(Math.sqrt(zone.length * ratio))));
		const w = columns * stepX - size.gapX + 2 * PAD;

		if (x > 0 && x + w > width) {
			x = 0;
			y += tallest + size.between;
			tallest = 0;
			lower = false;
		}
		const down = lower && !size.compact ? stepY / 2 : 0;

		zone.forEach((n, i) => at.set(n.id, { x: x + PAD + size.w / 2 + (i % columns) * stepX,
			y: y + down + PAD + size.h / 2 + Math.floor(i / columns) * stepY }));
		x += w + size.between;
		widest = Math.max(widest, x - size.between);
		tallest = Math.max(tallest, down + Math.ceil(zone.length / columns) * stepY - size.gapY + 2 * PAD + 18);
		lower = !lower;
	}
	return { w: widest, h: y + tallest };
}

/* Of some ways to break the rows, the one that lets the map be drawn largest. */
function best(zones, size, aspect) {
	let choice = null;

	for (const ratio of [0.15, 0.3, 0.5, 0.8, 1.2]) {
		for (let n = 1; n <= 16; n++) {
			const way = { ratio, width: (size.w + size.gapX) * n * (size.compact ? 2.5 : 1.2) };
			const room = place(zones, size, way, new Map());
			const need = Math.max(room.w / aspect, room.h);

			if (choice === null || need < choice.need)
				choice = { ...way, need };
		}
	}
	return choice;
}

/* What is under a zone whose segments stand so: its middle and size. */
export function ground(nodes, at) {
	const { w, h, gapX } = sizeOf(Infinity);
	const xs = nodes.map((n) => at.get(n.id).x), ys = nodes.map((n) => at.get(n.id).y);
	const left = Math.min(...xs), right = Math.max(...xs), top = Math.min(...ys), bottom = Math.max(...ys);

	return { x: (left + right) / 2, y: (top + bottom) / 2, w: right - left + w + 2 * gapX, h: bottom - top + h + 2 * gapX };
}

/* Positions by id. aspect: width by height of the box. */
export function layout(nodes, edges, aspect) {
	const size = sizeOf(nodes.length);
	const zones = zonesOf([...nodes].sort((a, b) => a.id.localeCompare(b.id, "en", { numeric: true })));
	const near = neighbours(edges);
	const way = best(zones, size, aspect);
	const at = new Map();
	const mean = (id, axis) => {
		const of = [...near.get(id) ?? []].filter((o) => at.has(o));

		return of.length === 0 ? at.get(id)[axis] : of.reduce((sum, o) => sum + at.get(o)[axis], 0) / of.length;
	};

	place(zones, size, way, at);
	if (size.compact)
		return at;
	/* Each stands near those that it talks to: sort by where they are, again and again. */
	for (let round = 0; round < ROUNDS; round++) {
		for (const zone of zones) {
			const key = new Map(zone.map((n) => [n, mean(n.id, "y") * 3 + mean(n.id, "x")]));

			zone.sort((a, b) => key.get(a) - key.get(b) || a.id.localeCompare(b.id));
		}
		place(zones, size, way, at);
	}
	return at;
}
