/* Writer: pcap, or pcapng where one pcap cannot hold the packets. In the machine's byte order. */
#include <errno.h>
#include <stdlib.h>

#include "capture_priv.h"

#define PCAP_MAGIC_US 0xa1b2c3d4u
#define PCAP_MAGIC_NS 0xa1b23c4du
#define MAX_LINKS 64 /* link types in one file */

struct bh_capture_writer {
	char *name;
	FILE *out;
	struct bh_capture_form form;
	int error; /* first one, positive */
	uint32_t link[MAX_LINKS];
	unsigned n_links;
};

static void
put(struct bh_capture_writer *w, const void *p, size_t n)
{
	if (w->error == 0 && n != 0 && fwrite(p, 1, n, w->out) != n)
		w->error = errno != 0 ? errno : EIO;
}

static void
put32(struct bh_capture_writer *w, uint32_t v)
{
	put(w, &v, sizeof(v));
}

static void
put16(struct bh_capture_writer *w, uint16_t v)
{
	put(w, &v, sizeof(v));
}

static void
put_pcap_header(struct bh_capture_writer *w)
{
	put32(w, w->form.nanoseconds ? PCAP_MAGIC_NS : PCAP_MAGIC_US);
	put16(w, 2);
	put16(w, 4);
	put32(w, 0); /* time zone, accuracy: always 0 */
	put32(w, 0);
	put32(w, BH_CAPTURE_MAX_PACKET);
	put32(w, w->form.linktype);
}

static void
put_section(struct bh_capture_writer *w)
{
	put32(w, BH_PCAPNG_SECTION);
	put32(w, 28);
	put32(w, BH_PCAPNG_MAGIC);
	put16(w, 1);
	put16(w, 0);
	put32(w, UINT32_MAX); /* length of the section: not told */
	put32(w, UINT32_MAX);
	put32(w, 28);
}

/* link type, snap length; if_tsresol = 9: nanoseconds; end of options */
static void
put_interface(struct bh_capture_writer *w, uint32_t linktype)
{
	put32(w, BH_PCAPNG_INTERFACE);
	put32(w, 32);
	put16(w, (uint16_t)linktype);
	put16(w, 0);
	put32(w, BH_CAPTURE_MAX_PACKET);
	put16(w, 9);
	put16(w, 1);
	put32(w, 9); /* the first of four bytes, little end first */
	put32(w, 0);
	put32(w, 32);
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "put_interface writes if_tsresol so");

/* Number of the link type's interface; described when it is new. */
static unsigned
interface_of(struct bh_capture_writer *w, uint32_t linktype)
{
	unsigned i;

	for (i = 0; i < w->n_links; i++) {
		if (w->link[i] == linktype)
			return i;
	}
	if (i == MAX_LINKS) {
		w->error = ENOSPC;
		return 0;
	}
	w->link[w->n_links++] = linktype;
	put_interface(w, linktype);
	return i;
}

static void
write_pcapng(struct bh_capture_writer *w, const struct bh_capture_packet *p)
{
	static const uint8_t zero[4];
	uint32_t pad = -p->caplen & 3, total = 32 + p->caplen + pad;
	uint32_t interface = interface_of(w, p->linktype);

	put32(w, BH_PCAPNG_ENHANCED);
	put32(w, total);
	put32(w, interface);
	put32(w, (uint32_t)(p->time_ns >> 32));
	put32(w, (uint32_t)p->time_ns);
	put32(w, p->caplen);
	put32(w, p->wirelen);
	put(w, p->data, p->caplen);
	put(w, zero, pad);
	put32(w, total);
}

static void
write_pcap(struct bh_capture_writer *w, const struct bh_capture_packet *p)
{
	uint64_t part = p->time_ns % BH_NS_PER_SEC;

	put32(w, (uint32_t)(p->time_ns / BH_NS_PER_SEC));
	put32(w, (uint32_t)(w->form.nanoseconds ? part : part / 1000));
	put32(w, p->caplen);
	put32(w, p->wirelen);
	put(w, p->data, p->caplen);
}

int
bh_capture_writer_open_stream(struct bh_capture_writer **out, FILE *stream, const char *name,
			      const struct bh_capture_form *form, struct bh_err *err)
{
	struct bh_capture_writer *w = calloc(1, sizeof(*w));

	if (w != NULL)
		w->name = strdup(name);
	if (w == NULL || w->name == NULL) {
		fclose(stream);
		free(w);
		return bh_err_set(err, ENOMEM, "no memory to write %s", name);
	}
	w->out = stream;
	w->form = *form;
	if (form->mixed)
		put_section(w);
	else
		put_pcap_header(w);
	*out = w;
	return 0;
}

int
bh_capture_writer_open(struct bh_capture_writer **out, const char *path,
		       const struct bh_capture_form *form, struct bh_err *err)
{
	FILE *stream = strcmp(path, "-") == 0 ? stdout : fopen(path, "wbe");

	if (stream == NULL)
		return bh_err_set(err, errno, "cannot write capture %s: %s", path, strerror(errno));
	return bh_capture_writer_open_stream(out, stream, path, form, err);
}

int
bh_capture_write(struct bh_capture_writer *w, const struct bh_capture_packet *p)
{
	if (w->error != 0)
		return -w->error;
	if (w->form.mixed)
		write_pcapng(w, p);
	else if (p->linktype != w->form.linktype)
		w->error = EINVAL;
	else
		write_pcap(w, p);
	return -w->error;
}

int
bh_capture_writer_close(struct bh_capture_writer *w, struct bh_err *err)
{
	int code;

	if (w == NULL)
		return 0;
	code = w->error;
	if (fclose(w->out) != 0 && code == 0)
		code = errno;
	if (code != 0)
		bh_err_set(err, code, "cannot write capture %s: %s", w->name, strerror(code));
	free(w->name);
	free(w);
	return -code;
}
