/* Reader: which format a file is, pcap by libpcap, errors that say where. */
#include <errno.h>
#include <stdlib.h>

#include <pcap/pcap.h>

#include "capture_priv.h"

struct bh_capture {
	char *name;
	pcap_t *pcap;        /* pcap; NULL: pcapng */
	struct bh_pcapng ng; /* pcapng */
	FILE *stream;        /* pcapng; libpcap closes its own */
	uint32_t linktype;   /* pcap */
	uint64_t count;
	bool broken;
};

bool
bh_capture_link(uint32_t linktype, enum bh_link_type *link)
{
	static const struct {
		uint32_t linktype;
		enum bh_link_type link;
	} known[] = {
		{1, BH_LINK_ETHERNET}, /* LINKTYPE_ETHERNET */
		{101, BH_LINK_RAW_IP}, /* LINKTYPE_RAW */
		{12, BH_LINK_RAW_IP},  /* DLT_RAW where a program wrote it by mistake; libpcap */
		{14, BH_LINK_RAW_IP},  /* the same on OpenBSD */
		{228, BH_LINK_RAW_IP}, /* LINKTYPE_IPV4 */
		{229, BH_LINK_RAW_IP}, /* LINKTYPE_IPV6 */
		{113, BH_LINK_SLL},    /* LINKTYPE_LINUX_SLL */
		{276, BH_LINK_SLL2},   /* LINKTYPE_LINUX_SLL2 */
		{0, BH_LINK_NULL},     /* LINKTYPE_NULL */
		{108, BH_LINK_NULL},   /* LINKTYPE_LOOP */
	};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(known); i++) {
		if (known[i].linktype == linktype) {
			*link = known[i].link;
			return true;
		}
	}
	return false;
}

static int
open_pcap(struct bh_capture *c, FILE *stream, struct bh_err *err)
{
	char why[PCAP_ERRBUF_SIZE] = "";

	c->pcap = pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, why);
	if (c->pcap == NULL)
		return bh_err_set(err, EINVAL, "%s is not a capture that can be read: %s", c->name,
				  why);
	/* libpcap hands out its DLT_ value; files hold LINKTYPE_ values. They differ for raw IP alone
	 * among those judged here. */
	c->linktype = (uint32_t)pcap_datalink(c->pcap);
	if (c->linktype == DLT_RAW)
		c->linktype = 101;
	return 0;
}

/* Decides by the first byte: no pcap magic begins with that of a pcapng section header. */
static int
open_format(struct bh_capture *c, FILE *stream, struct bh_err *err)
{
	struct bh_err why = {0};
	int first = getc(stream), rc;

	if (first == EOF) {
		rc = ferror(stream) ? errno : EINVAL;
		bh_err_set(err, rc, "%s: %s", c->name,
			   ferror(stream) ? strerror(rc) : "the file is empty, not a capture");
		fclose(stream);
		return -rc;
	}
	ungetc(first, stream);
	if (first != (BH_PCAPNG_SECTION & 0xff)) {
		rc = open_pcap(c, stream, err);
		if (rc != 0)
			fclose(stream);
		return rc;
	}
	c->stream = stream;
	if (bh_pcapng_open(&c->ng, stream, &why) != 0)
		return bh_err_set(err, EINVAL, "%s is not a capture that can be read: %s", c->name,
				  why.what);
	return 0;
}

int
bh_capture_open_stream(struct bh_capture **out, FILE *stream, const char *name, struct bh_err *err)
{
	struct bh_capture *c = calloc(1, sizeof(*c));
	int rc;

	if (c != NULL)
		c->name = strdup(name);
	if (c == NULL || c->name == NULL) {
		fclose(stream);
		free(c);
		return bh_err_set(err, ENOMEM, "no memory to read %s", name);
	}
	rc = open_format(c, stream, err);
	if (rc != 0)
		bh_capture_close(c);
	else
		*out = c;
	return rc;
}

int
bh_capture_open(struct bh_capture **out, const char *path, struct bh_err *err)
{
	FILE *stream = strcmp(path, "-") == 0 ? stdin : fopen(path, "rbe");

	if (stream == NULL)
		return bh_err_set(err, errno, "cannot open capture %s: %s", path, strerror(errno));
	return bh_capture_open_stream(out, stream, path, err);
}

/* Both parts are unsigned 32 bits in the file, but libpcap 1.10 hands them out sign-extended where the file
 * is in our byte order. Microseconds are already multiplied. Some programs write fractions of more
 * than a second: they carry over. */
static uint64_t
pcap_time_ns(const struct pcap_pkthdr *h)
{
	uint64_t part = h->ts.tv_usec > 0 ? (uint64_t)h->ts.tv_usec : 0;

	return (uint64_t)(uint32_t)h->ts.tv_sec * BH_NS_PER_SEC + part;
}

static int
next_pcap(struct bh_capture *c, struct bh_capture_packet *out, struct bh_err *err)
{
	struct pcap_pkthdr *h;
	const u_char *data;
	int rc = pcap_next_ex(c->pcap, &h, &data);

	if (rc == PCAP_ERROR_BREAK)
		return 0;
	if (rc != 1)
		return bh_err_set(err, EBADMSG, "%s", pcap_geterr(c->pcap));
	if (h->caplen > BH_CAPTURE_MAX_PACKET)
		return bh_err_set(err, EBADMSG, "a packet of %u bytes, more than the %u possible",
				  h->caplen, BH_CAPTURE_MAX_PACKET);
	*out = (struct bh_capture_packet){
		.data = data,
		.caplen = h->caplen,
		.wirelen = h->len > h->caplen ? h->len : h->caplen,
		.linktype = c->linktype,
		.time_ns = pcap_time_ns(h),
	};
	return 1;
}

int
bh_capture_next(struct bh_capture *c, struct bh_capture_packet *out, struct bh_err *err)
{
	struct bh_err why = {0};
	int rc;

	if (c->broken)
		return 0;
	rc = c->pcap != NULL ? next_pcap(c, out, &why) : bh_pcapng_next(&c->ng, out, &why);
	if (rc == 1)
		c->count++;
	if (rc < 0) {
		c->broken = true;
		bh_err_set(err, EBADMSG, "%s is cut short or broken after packet %llu: %s", c->name,
			   (unsigned long long)c->count, why.what);
	}
	return rc;
}

uint64_t
bh_capture_count(const struct bh_capture *c)
{
	return c->count;
}

void
bh_capture_close(struct bh_capture *c)
{
	if (c == NULL)
		return;
	if (c->pcap != NULL)
		pcap_close(c->pcap);
	bh_pcapng_close(&c->ng);
	if (c->stream != NULL)
		fclose(c->stream);
	free(c->name);
	free(c);
}

int
bh_capture_survey(const char *path, struct bh_capture_form *out, struct bh_err *err)
{
	struct bh_capture_packet p;
	struct bh_capture *c = NULL;
	int rc = bh_capture_open(&c, path, err);

	if (rc != 0)
		return rc;
	*out = (struct bh_capture_form){.linktype = c->pcap != NULL ? c->linktype : 1};
	while (bh_capture_next(c, &p, NULL) == 1) {
		if (c->count == 1)
			out->linktype = p.linktype;
		out->mixed = out->mixed || p.linktype != out->linktype ||
			     p.time_ns / BH_NS_PER_SEC > UINT32_MAX;
		out->nanoseconds = out->nanoseconds || p.time_ns % 1000 != 0;
	}
	bh_capture_close(c);
	return 0;
}
