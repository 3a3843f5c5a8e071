/* Evidence: what is hidden, and the files. The first byte says which. Beyond no crash:
 *   hiding   as many bytes are marked as are told, only digits of numbers stay of a card's, and in what is left to be read no
 *            run of digits that is a card's number remains; with `all` none of eight digits or more
 *   files    a card's number in a stream whose segments come in any order and size is in no file, which reads as pcapng with
 *            as many packets as were kept of the flow, of their lengths */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../lib/capture/capture.h"
#include "../../lib/evidence/evidence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x)                                                                                    \
	do {                                                                                       \
		if (!(x))                                                                          \
			abort();                                                                   \
	} while (0)
#define CARD "4111111111111111"
#define HEAD 54u /* Ethernet, IPv4, TCP */
#define MOST 512

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* ISO/IEC 7812-1 annex B */
static bool
is_checked(const uint8_t *at, size_t n)
{
	unsigned sum = 0, i;

	for (i = 0; i < n; i++) {
		unsigned d = at[n - 1 - i] - '0';

		d = i % 2 == 1 ? 2 * d : d;
		sum += d > 9 ? d - 9 : d;
	}
	return sum % 10 == 0;
}

static void
try_hide(const uint8_t *data, size_t size, bool all)
{
	static uint8_t hide[MOST / 8], text[MOST];
	size_t i, from, n = 0, told;

	size = size < MOST ? size : MOST;
	memset(hide, 0, sizeof(hide));
	memcpy(text, data, size);
	told = bh_evidence_hide(hide, text, size, all);
	MUST(memcmp(text, data, size) == 0);
	for (i = 0; i < size; i++) {
		if ((hide[i / 8] >> i % 8 & 1) == 0)
			continue;
		text[i] = '*';
		n++;
	}
	MUST(n == told);
	for (i = 0; i < size; i++) {
		for (from = i; i < size && is_digit(text[i]); i++)
			;
		if (all)
			MUST(i - from < 8);
		/* What issuers begin with. */
		else if (i - from >= 13 && i - from <= 19 && text[from] >= '2' &&
			 text[from] <= '6' && (from == 0 || text[from - 1] == ' ') &&
			 (i == size || text[i] == ' '))
			MUST(!is_checked(text + from, i - from));
	}
}

/* ---- files --------------------------------------------------------------------------------------------- */

static uint64_t now_ns;
static uint16_t port; /* of its own for each run: what was before is no part of its files */

static uint64_t
clock_now(void *arg)
{
	(void)arg;
	return now_ns;
}

static void
put16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

/* A segment of 10.0.0.1:port > 10.0.0.2:80; returns its length. */
static uint32_t
build(uint8_t *f, uint32_t seq, const uint8_t *at, size_t n)
{
	static const uint8_t ends[] = {10, 0, 0, 1, 10, 0, 0, 2};
	uint32_t sum = 0;
	unsigned i;

	memset(f, 0, HEAD);
	put16(f + 12, 0x0800);
	f[14] = 0x45;
	put16(f + 16, (unsigned)(40 + n));
	f[22] = 64;
	f[23] = 6;
	memcpy(f + 26, ends, sizeof(ends));
	for (i = 14; i < 34; i += 2)
		sum += (uint32_t)(f[i] << 8 | f[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	put16(f + 24, ~((sum & 0xffff) + (sum >> 16)) & 0xffff);
	put16(f + 34, port);
	put16(f + 36, 80);
	put16(f + 38, seq >> 16);
	put16(f + 40, seq & 0xffff);
	f[46] = 0x50;
	f[47] = 0x18;
	memcpy(f + HEAD, at, n);
	return (uint32_t)(HEAD + n);
}

struct file {
	struct bh_evidence_ring *ring;
	struct bh_evidence *ev;
	struct bh_evidence_params p;
	struct bh_clock clock;
	char path[32];
};

static void
open_folder(struct file *f)
{
	struct bh_err err = {0};

	strcpy(f->path, "/tmp/fuzz_evidence_XXXXXX");
	MUST(mkdtemp(f->path) != NULL);
	MUST(bh_evidence_ring_create(&f->ring, BH_EVIDENCE_RING_MIN, 1600) == 0);
	f->clock = (struct bh_clock){clock_now, clock_now, NULL};
	f->p = (struct bh_evidence_params){.path = f->path,
					   .ring = &f->ring,
					   .n_rings = 1,
					   .n_wires = 1,
					   .before = 64,
					   .after = 64,
					   .after_ms = 1000,
					   .max_size = 1 << 30,
					   .max_age_ms = 1u << 31,
					   .rate = 1000000,
					   .clock = &f->clock,
					   .by_hand = true};
	f->p.wire[0] = (struct bh_evidence_wire){"a", 1, BH_LINK_ETHERNET};
	bh_parse_params_default(&f->p.parse);
	MUST(bh_evidence_open(&f->ev, &f->p, &err) == 0);
}

static void
put_segment(struct file *f, struct bh_event *e, uint32_t seq, const uint8_t *at, size_t n)
{
	static uint8_t frame[HEAD + MOST + 64];
	struct bh_evidence_packet p = {.time_ns = now_ns += 1000};
	struct bh_evidence_piece piece = {frame, build(frame, seq, at, n)};
	struct bh_parsed h;

	MUST(bh_net_parse(&f->p.parse, BH_LINK_ETHERNET, frame, piece.len, piece.len, 0, &h) == 0);
	p.wirelen = piece.len;
	p.pair = bh_evidence_pair_hash(&h.key);
	p.flow = bh_evidence_flow_hash(&h.key, p.pair);
	e->key = h.key;
	e->initiator = h.from;
	bh_evidence_put(f->ring, &p, &piece, 1);
}

/* The stream again, by sequence numbers. Returns the packets. */
static unsigned
read_back(const char *data, size_t len, uint8_t *text, size_t size)
{
	struct bh_capture *c = NULL;
	struct bh_capture_packet p;
	struct bh_err err = {0};
	unsigned n = 0;

	MUST(bh_capture_open_stream(&c, fmemopen((void *)(uintptr_t)data, len, "rb"), "f", &err) ==
	     0);
	while (bh_capture_next(c, &p, &err) == 1) {
		uint32_t seq = (uint32_t)(p.data[40] << 8 | p.data[41]);

		MUST(p.caplen == p.wirelen && p.caplen >= HEAD);
		MUST(seq + p.caplen - HEAD <= size);
		memcpy(text + seq, p.data + HEAD, p.caplen - HEAD);
		n++;
	}
	MUST(err.what[0] == '\0');
	bh_capture_close(c);
	return n;
}

/* data: lengths of segments, and which of two goes first; then what stands around the number. */
static void
try_file(const uint8_t *data, size_t size)
{
	static struct file f;
	static uint8_t text[MOST + 64], back[MOST + 64];
	struct bh_event e = {.type = BH_EVENT_VIOLATION, .has_flow = 1, .frame_kind = BH_FRAME_IP};
	size_t n_cuts = size < 16 ? size : 16, before, len, at, i, file_len;
	char name[BH_EVIDENCE_NAME_MAX], *file;
	struct bh_err err = {0};
	unsigned n = 0;

	if (f.ev == NULL)
		open_folder(&f);
	size -= n_cuts;
	size = size < MOST - 40 ? size : MOST - 40;
	before = size / 2;
	memcpy(text, data + n_cuts, before);
	memcpy(text + before, " n " CARD " n ", 22);
	memcpy(text + before + 22, data + n_cuts + before, size - before);
	len = size + 22;
	now_ns += 10 * BH_NS_PER_SEC;
	port++;
	for (at = 0, i = 0; at < len; i++) {
		size_t a = i < n_cuts ? 1 + data[i] % 32u : len, b;

		a = a < len - at ? a : len - at;
		b = i + 1 < n_cuts && a < len - at ? 1 + data[i + 1] % 16u : 0;
		b = b < len - at - a ? b : len - at - a;
		if (b != 0 && (data[i] & 0x80) != 0)
			put_segment(&f, &e, (uint32_t)(at + a), text + at + a, b);
		put_segment(&f, &e, (uint32_t)at, text + at, a);
		if (b != 0 && (data[i] & 0x80) == 0)
			put_segment(&f, &e, (uint32_t)(at + a), text + at + a, b);
		n += 1 + (b != 0);
		at += a + b;
	}
	e.time_ns = now_ns;
	e.flow_id = 7;
	bh_evidence_offer(f.ev, &e);
	MUST(bh_evidence_name(f.ev, &e, name) != NULL);
	bh_evidence_flush(f.ev);
	MUST(bh_evidence_load(f.path, name, &file, &file_len, &err) == 0);
	memset(back, 0, sizeof(back));
	MUST(read_back(file, file_len, back, sizeof(back)) == n);
	MUST(memmem(file, file_len, CARD, 16) == NULL);
	MUST(memmem(back, len, CARD, 16) == NULL);
	MUST(memmem(back, len, "411111", 6) != NULL && memchr(back, '*', len) != NULL);
	free(file);
	MUST(bh_evidence_delete(f.path, name, &err) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	if (data[0] % 4 == 0)
		try_file(data + 1, size - 1);
	else
		try_hide(data + 1, size - 1, data[0] % 4 == 1);
	return 0;
}
