/* Lines of two documents: what is only in the one, what only in the other. */

const WORK = 2000; /* differing lines; beyond that nobody reads them */
const AROUND = 3;

/* Myers, "An O(ND) Difference Algorithm and Its Variations", 1986: the furthest points of each number of edits, then the way
 * back. null: there are more than WORK. */
function edits(a, b) {
	const trace = [], far = new Map([[1, 0]]);

	for (let d = 0; d <= Math.min(WORK, a.length + b.length); d++) {
		trace.push(new Map(far));
		for (let k = -d; k <= d; k += 2) {
			const down = k === -d || k !== d && (far.get(k - 1) ?? -1) < (far.get(k + 1) ?? -1);
			let x = down ? far.get(k + 1) ?? 0 : far.get(k - 1) + 1;

			while (x < a.length && x - k < b.length && a[x] === b[x - k])
				x++;
			far.set(k, x);
			if (x >= a.length && x - k >= b.length)
				return back(a, b, trace);
		}
	}
	return null;
}

function back(a, b, trace) {
	const lines = [];
	let x = a.length, y = b.length;

	for (let d = trace.length - 1; d >= 0; d--) {
		const far = trace[d], k = x - y;
		const down = k === -d || k !== d && (far.get(k - 1) ?? -1) < (far.get(k + 1) ?? -1);
		const px = d === 0 ? 0 : far.get(down ? k + 1 : k - 1), py = d === 0 ? 0 : px - (down ? k + 1 : k - 1);

		for (; x > px && y > py; x--, y--)
			lines.push({ sign: " ", text: a[x - 1] });
		if (d > 0)
			lines.push(down ? { sign: "+", text: b[--y] } : { sign: "-", text: a[--x] });
	}
	return lines.reverse();
}

/* [{sign: " ", "+", "-" or "@", text}], with AROUND lines about each change; "@": some are left out. null: too much differs. */
export function diff(before, after) {
	const a = before.split("\n"), b = after.split("\n");
	let head = 0, tail = 0;

	while (head < a.length && head < b.length && a[head] === b[head])
		head++;
	while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail])
		tail++;
	const middle = edits(a.slice(head, a.length - tail), b.slice(head, b.length - tail));

	if (middle === null)
		return null;
	const all = [...a.slice(0, head).map((text) => ({ sign: " ", text })), ...middle,
		...a.slice(a.length - tail).map((text) => ({ sign: " ", text }))];
	const near = new Uint8Array(all.length);

	all.forEach((l, i) => l.sign !== " " && near.fill(1, Math.max(0, i - AROUND), i + AROUND + 1));
	const out = [];

	all.forEach((l, i) => {
		if (near[i])
			out.push(l);
		else if (i === 0 || near[i - 1])
			out.push({ sign: "@", text: "" });
	});
	return out;
}
