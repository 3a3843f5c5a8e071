/* pcapng, as far as packets go (draft-ietf-opsawg-pcapng): sections in either byte order, any number of
 * interfaces, enhanced, simple and obsolete packet blocks. Everything else is stepped over. */
#include <errno.h>
#include <stdlib.h>

#include "capture_priv.h"

#define MAX_INTERFACES 65536
/* A packet and its options. Options that an honest file holds: comments, hashes; 64 KiB for one. */
#define MAX_PACKET_BLOCK (BH_CAPTURE_MAX_PACKET + (1u << 20))

enum { OPT_END = 0, OPT_TSRESOL = 9, OPT_TSOFFSET = 14 };

static uint32_t
u32(const struct bh_pcapng *p, const void *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return p->swapped ? __builtin_bswap32(v) : v;
}

static uint16_t
u16(const struct bh_pcapng *p, const void *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof(v));
	return p->swapped ? __builtin_bswap16(v) : v;
}

static int
broken(struct bh_err *err, const char *what)
{
	return bh_err_set(err, EBADMSG, "%s", what);
}

static int
read_exact(struct bh_pcapng *p, void *to, size_t n, struct bh_err *err)
{
	if (fread(to, 1, n, p->in) == n)
		return 0;
	if (ferror(p->in))
		return bh_err_set(err, EBADMSG, "cannot read on: %s", strerror(errno));
	return broken(err, "the file ends inside a block");
}

/* Step over n bytes without keeping them. */
static int
skip(struct bh_pcapng *p, size_t n, struct bh_err *err)
{
	uint8_t buf[4096];
	int rc = 0;

	for (; n != 0 && rc == 0; n -= n < sizeof(buf) ? n : sizeof(buf))
		rc = read_exact(p, buf, n < sizeof(buf) ? n : sizeof(buf), err);
	return rc;
}

/* The body of a block into p->block. */
static int
load(struct bh_pcapng *p, size_t n, struct bh_err *err)
{
	uint8_t *grown;

	if (n > p->block_room) {
		grown = realloc(p->block, n);
		if (grown == NULL)
			return bh_err_set(err, EBADMSG, "no memory for a block of %zu bytes", n);
		p->block = grown;
		p->block_room = n;
	}
	return read_exact(p, p->block, n, err);
}

/* Every block ends with its length once more. */
static int
check_trailer(struct bh_pcapng *p, uint32_t total, struct bh_err *err)
{
	uint32_t again;
	int rc = read_exact(p, &again, sizeof(again), err);

	if (rc == 0 && u32(p, &again) != total)
		return broken(err, "a block's two lengths differ");
	return rc;
}

/* The section header's type and length have been read: `head`. Its byte order is told by the magic that
 * follows. A new section has interfaces of its own. */
static int
begin_section(struct bh_pcapng *p, const uint8_t head[8], struct bh_err *err)
{
	uint8_t fixed[16]; /* magic, version, section length */
	uint32_t total;
	int rc = read_exact(p, fixed, sizeof(fixed), err);

	if (rc != 0)
		return rc;
	p->swapped = false;
	if (u32(p, fixed) != BH_PCAPNG_MAGIC) {
		p->swapped = true;
		if (u32(p, fixed) != BH_PCAPNG_MAGIC)
			return broken(err, "section header without the byte-order magic");
	}
	if (u16(p, fixed + 4) != 1)
		return broken(err, "section of an unknown pcapng version (not 1)");
	total = u32(p, head + 4);
	/* type, length, fixed part, length */
	if (total < 12 + sizeof(fixed) || total % 4 != 0)
		return broken(err, "section header of an impossible length");
	p->n_interfaces = 0;
	rc = skip(p, total - 12 - sizeof(fixed), err);
	return rc != 0 ? rc : check_trailer(p, total, err);
}

/* Options: code, length, value padded to 4. What does not fit ends the list: it only refines times. */
static void
read_options(const struct bh_pcapng *p, struct bh_cur c, struct bh_pcapng_interface *i)
{
	const uint8_t *head, *value;
	uint16_t code, len;

	while ((head = bh_cur_take(&c, 4)) != NULL) {
		code = u16(p, head);
		len = u16(p, head + 2);
		value = bh_cur_take(&c, (len + 3u) & ~3u);
		if (code == OPT_END || value == NULL)
			return;
		if (code == OPT_TSRESOL && len == 1)
			i->resolution = value[0];
		if (code == OPT_TSOFFSET && len == 8) {
			uint64_t hi = u32(p, value + (p->swapped ? 0 : 4));
			uint64_t lo = u32(p, value + (p->swapped ? 4 : 0));

			i->offset_s = (int64_t)(hi << 32 | lo);
		}
	}
}

static int
add_interface(struct bh_pcapng *p, size_t n, struct bh_err *err)
{
	struct bh_pcapng_interface i = {.resolution = 6}; /* default: microseconds */
	struct bh_cur c;
	const uint8_t *fixed;

	if (p->n_interfaces == MAX_INTERFACES)
		return broken(err, "more than 65536 interfaces");
	if (p->n_interfaces == p->room) {
		uint32_t room = p->room != 0 ? 2 * p->room : 8;
		void *grown = realloc(p->interface, room * sizeof(i));

		if (grown == NULL)
			return bh_err_set(err, EBADMSG, "no memory for %u interfaces", room);
		p->interface = grown;
		p->room = room;
	}
	c = bh_cur(p->block, n);
	fixed = bh_cur_take(&c, 8);
	if (fixed == NULL)
		return broken(err, "interface description of an impossible length");
	i.linktype = u16(p, fixed);
	i.snaplen = u32(p, fixed + 4);
	read_options(p, c, &i);
	p->interface[p->n_interfaces++] = i;
	return 0;
}

/* Ticks of an interface to nanoseconds since the epoch; what 64 bits cannot hold becomes their end. */
static uint64_t
to_ns(const struct bh_pcapng_interface *i, uint64_t ticks)
{
	unsigned n = i->resolution & 0x7f, k;
	__int128 ns = ticks;

	if ((i->resolution & 0x80) != 0) {
		/* 64 bits of ticks and 30 of the factor fit; n is at most 127. */
		ns = ns * (int64_t)BH_NS_PER_SEC >> n;
	} else {
		for (k = n; k < 9; k++)
			ns *= 10;
		for (k = 9; k < n && ns != 0; k++)
			ns /= 10;
	}
	ns += (__int128)i->offset_s * (int64_t)BH_NS_PER_SEC;
	if (ns < 0)
		return 0;
	return ns > (__int128)UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
}

static int
give(struct bh_pcapng *p, const struct bh_pcapng_interface *i, struct bh_cur data,
     struct bh_capture_packet *out, struct bh_err *err)
{
	if (out->caplen > BH_CAPTURE_MAX_PACKET)
		return bh_err_set(err, EBADMSG, "a packet of %u bytes, more than the %u possible",
				  out->caplen, BH_CAPTURE_MAX_PACKET);
	out->data = bh_cur_take(&data, out->caplen);
	if (out->data == NULL)
		return broken(err, "a packet is longer than its block");
	if (out->wirelen < out->caplen)
		out->wirelen = out->caplen;
	out->linktype = i->linktype;
	out->time_ns = p->last_ns;
	return 1;
}

/* Enhanced: interface u32, time, lengths. Obsolete: interface u16, drops u16, then the same. */
static int
enhanced_packet(struct bh_pcapng *p, uint32_t type, size_t n, struct bh_capture_packet *out,
		struct bh_err *err)
{
	struct bh_cur c = bh_cur(p->block, n);
	const uint8_t *f = bh_cur_take(&c, 20);
	uint32_t index;

	if (f == NULL)
		return broken(err, "packet block of an impossible length");
	index = type == BH_PCAPNG_PACKET ? u16(p, f) : u32(p, f);
	if (index >= p->n_interfaces)
		return broken(err, "packet of an interface that is not described");
	out->caplen = u32(p, f + 12);
	out->wirelen = u32(p, f + 16);
	p->last_ns = to_ns(&p->interface[index], (uint64_t)u32(p, f + 4) << 32 | u32(p, f + 8));
	return give(p, &p->interface[index], c, out, err);
}

/* No interface, no time, no captured length: the first interface's snap length says how much is here. */
static int
simple_packet(struct bh_pcapng *p, size_t n, struct bh_capture_packet *out, struct bh_err *err)
{
	struct bh_cur c = bh_cur(p->block, n);
	const uint8_t *f = bh_cur_take(&c, 4);

	if (f == NULL)
		return broken(err, "packet block of an impossible length");
	if (p->n_interfaces == 0)
		return broken(err, "packet of an interface that is not described");
	out->wirelen = out->caplen = u32(p, f);
	if (p->interface[0].snaplen != 0 && out->caplen > p->interface[0].snaplen)
		out->caplen = p->interface[0].snaplen;
	return give(p, &p->interface[0], c, out, err);
}

int
bh_pcapng_next(struct bh_pcapng *p, struct bh_capture_packet *out, struct bh_err *err)
{
	uint8_t head[8];
	uint32_t type, total, body;
	size_t n;
	int rc = 0;

	while (rc == 0) {
		n = fread(head, 1, sizeof(head), p->in);
		if (n == 0 && !ferror(p->in))
			return 0;
		if (n != sizeof(head))
			return broken(err, "the file ends inside a block header");
		type = u32(p, head);
		if (type == BH_PCAPNG_SECTION) { /* reads the same in either order */
			rc = begin_section(p, head, err);
			continue;
		}
		total = u32(p, head + 4);
		if (total < 12 || total % 4 != 0)
			return broken(err, "a block of an impossible length");
		body = total - 12;
		if (type != BH_PCAPNG_INTERFACE && type != BH_PCAPNG_ENHANCED &&
		    type != BH_PCAPNG_SIMPLE && type != BH_PCAPNG_PACKET) {
			rc = skip(p, body, err);
			if (rc == 0)
				rc = check_trailer(p, total, err);
			continue;
		}
		if (body > MAX_PACKET_BLOCK)
			return broken(err, "a block longer than any packet");
		rc = load(p, body, err);
		if (rc == 0)
			rc = check_trailer(p, total, err);
		if (rc != 0)
			break;
		if (type == BH_PCAPNG_INTERFACE)
			rc = add_interface(p, body, err);
		else if (type == BH_PCAPNG_SIMPLE)
			rc = simple_packet(p, body, out, err);
		else
			rc = enhanced_packet(p, type, body, out, err);
	}
	return rc;
}

int
bh_pcapng_open(struct bh_pcapng *p, FILE *in, struct bh_err *err)
{
	uint8_t head[8];
	int rc;

	*p = (struct bh_pcapng){.in = in};
	rc = read_exact(p, head, sizeof(head), err);
	if (rc == 0 && u32(p, head) != BH_PCAPNG_SECTION)
		rc = broken(err, "no section header");
	return rc != 0 ? rc : begin_section(p, head, err);
}

void
bh_pcapng_close(struct bh_pcapng *p)
{
	free(p->interface);
	free(p->block);
}
