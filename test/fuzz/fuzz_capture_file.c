/* Any bytes as a capture file, pcap or pcapng.
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct bh_capture_form form = {.mixed = true};
	struct bh_capture_writer *w = NULL;
	struct bh_capture *c, *again;
	char *text = NULL;
	size_t len = 0;

	if (size == 0)
		return 0;
	c = opened(data, size);
	if (c == NULL)
		return 0;
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
	return 0;
}
