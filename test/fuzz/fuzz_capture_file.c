/* Any bytes as a capture file, pcap or pcapng. The first byte says whether they stand alone or behind the
 * beginning of a file, so that a run that begins with nothing meets packets soon.
 * Asserts beyond "no crash": lengths of a packet agree and stay within bounds, a file cannot hold more
 * packets than bytes, an error is told once and with a text, and the packets that the gateway would judge,
 * written again as pcapng, read back the same. */
#include <stdlib.h>

#include "../../lib/capture/capture.h"

/* All packets into a pcapng of nanoseconds in memory. */
static void
copy(struct bh_capture *c, struct bh_capture_writer *w, size_t size)
{
	struct bh_capture_packet p;
	struct bh_err err = {0};
	enum bh_link_type link;
	int rc;

	while ((rc = bh_capture_next(c, &p, &err)) == 1) {
		if (p.caplen > p.wirelen || p.caplen > BH_CAPTURE_MAX_PACKET || p.caplen > size)
			abort();
		if (bh_capture_count(c) > size)
			abort();
		if (bh_capture_link(p.linktype, &link) && bh_capture_write(w, &p) != 0)
			abort();
	}
	if ((rc < 0) != (err.what[0] != '\0') || bh_capture_next(c, &p, NULL) != 0)
		abort();
}

static void
compare(struct bh_capture *a, struct bh_capture *b)
{
	struct bh_capture_packet p, q;
	enum bh_link_type link;

	while (bh_capture_next(a, &p, NULL) == 1) {
		if (!bh_capture_link(p.linktype, &link))
			continue;
		if (bh_capture_next(b, &q, NULL) != 1 || p.caplen != q.caplen ||
		    p.wirelen != q.wirelen || p.time_ns != q.time_ns || p.linktype != q.linktype ||
		    memcmp(p.data, q.data, p.caplen) != 0)
			abort();
	}
	if (bh_capture_next(b, &q, NULL) != 0)
		abort();
}

static struct bh_capture *
opened(const void *data, size_t size)
{
	struct bh_capture *c = NULL;
	struct bh_err err = {0};
	int rc = bh_capture_open_stream(&c, fmemopen((void *)data, size, "rb"), "input", &err);

	if ((rc != 0) != (err.what[0] != '\0') || (rc == 0) != (c != NULL))
		abort();
	return c;
}

/* pcap of Ethernet; pcapng section with an interface of Ethernet, in either byte order. */
static const uint8_t pcap_head[] = {0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0,
				    0,    0,    0,    0,    0, 0, 4, 0, 1, 0, 0, 0};
static const uint8_t little_head[] = {0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0,    0,    0x4d, 0x3c,
				      0x2b, 0x1a, 1,    0,    0,  0, 0xff, 0xff, 0xff, 0xff,
				      0xff, 0xff, 0xff, 0xff, 28, 0, 0,    0,    1,    0,
				      0,    0,    20,   0,    0,  0, 1,    0,    0,    0,
				      0,    0,    0,    0,    20, 0, 0,    0};
static const uint8_t big_head[] = {0x0a, 0x0d, 0x0d, 0x0a, 0, 0,  0,    28,   0x1a, 0x2b,
				   0x3c, 0x4d, 0,    1,    0, 0,  0xff, 0xff, 0xff, 0xff,
				   0xff, 0xff, 0xff, 0xff, 0, 0,  0,    28,   0,    0,
				   0,    1,    0,    0,    0, 20, 0,    1,    0,    0,
				   0,    0,    0,    0,    0, 0,  0,    20};

static const struct {
	const uint8_t *p;
	size_t n;
} heads[] = {
	{NULL, 0},
	{pcap_head, sizeof(pcap_head)},
	{little_head, sizeof(little_head)},
	{big_head, sizeof(big_head)},
};

static void
check_image(const uint8_t *data, size_t size)
{
	const struct bh_capture_form form = {.mixed = true};
	struct bh_capture_writer *w = NULL;
	struct bh_capture *c = opened(data, size), *again;
	char *text = NULL;
	size_t len = 0;

	if (c == NULL)
		return;
	if (bh_capture_writer_open_stream(&w, open_memstream(&text, &len), "output", &form, NULL))
		abort();
	copy(c, w, size);
	bh_capture_close(c);
	if (bh_capture_writer_close(w, NULL) != 0)
		abort();
	c = opened(data, size);
	again = opened(text, len);
	compare(c, again);
	bh_capture_close(c);
	bh_capture_close(again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t head;
	uint8_t *image;

	if (size < 2)
		return 0;
	head = data[0] % BH_ARRAY_SIZE(heads);
	image = malloc(heads[head].n + size - 1);
	if (heads[head].n != 0)
		memcpy(image, heads[head].p, heads[head].n);
	memcpy(image + heads[head].n, data + 1, size - 1);
	check_image(image, heads[head].n + size - 1);
	free(image);
	return 0;
}
