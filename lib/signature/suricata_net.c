/* Addresses and ports of a rule's header: any, $VARIABLES, lists in [ ], negation, ranges. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "suricata.h"

#define DEPTH_MAX 16
#define V4_MAPPED ((bh_number)0xffff << 32) /* RFC 4291 2.5.5.2 */

/* One set that is read. */
struct reading {
	const struct bh_suricata_vars *vars;
	struct bh_suricata_bad *bad;
	const char *p, *start;
	bool ports;
	unsigned depth; /* lists and variables within one another */
};

static int read_set(struct reading *r, struct bh_spans *out);

static bh_number
max_of(const struct reading *r)
{
	return r->ports ? 65535 : ~(bh_number)0;
}

static int
bad(const struct reading *r, const char *what)
{
	if (r->bad->what == NULL) {
		r->bad->at = (size_t)(r->p - r->start);
		r->bad->what = what;
	}
	return -EINVAL;
}

static void
skip_blanks(struct reading *r)
{
	while (*r->p == ' ' || *r->p == '\t')
		r->p++;
}

/* The next word, up to what may end one. */
static size_t
word(const struct reading *r, char *out, size_t size)
{
	size_t n = strcspn(r->p, ",] \t[");

	if (n == 0 || n >= size)
		return 0;
	memcpy(out, r->p, n);
	out[n] = '\0';
	return n;
}

static bool
port_number(const char *text, size_t len, bh_number *out)
{
	size_t i;

	*out = 0;
	for (i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' || i > 5)
			return false;
		*out = *out * 10 + (bh_number)(text[i] - '0');
	}
	return len > 0 && *out <= 65535;
}

/* 80, 80:90, :1024, 1024: */
static int
read_port(struct reading *r, const char *text, struct bh_spans *out)
{
	const char *colon = strchr(text, ':');
	size_t n = strlen(text), left = colon != NULL ? (size_t)(colon - text) : n;
	bh_number first = 0, last = 65535;

	if (left != 0 && !port_number(text, left, &first))
		return bad(r, "expected a port from 0 to 65535, a range as 1024:2048, or any");
	if (colon == NULL)
		last = first;
	else if (colon[1] != '\0' && !port_number(colon + 1, n - left - 1, &last))
		return bad(r, "expected a port from 0 to 65535 behind ':'");
	if ((colon != NULL && n == 1) || first > last)
		return bad(r, "a range of ports that holds none");
	return bh_sig_spans_add(out, first, last);
}

static bool
address(const char *text, bh_number *out, unsigned *bits)
{
	uint8_t raw[16];
	unsigned i;

	*bits = 32;
	if (inet_pton(AF_INET, text, raw) == 1) {
		*out = V4_MAPPED | bh_load_be32(raw);
		return true;
	}
	*bits = 128;
	if (inet_pton(AF_INET6, text, raw) != 1)
		return false;
	for (i = 0, *out = 0; i < 16; i++)
		*out = *out << 8 | raw[i];
	return true;
}

/* 10.0.0.1, 10.0.0.0/8, 10.0.0.1-10.0.0.9, and the same of IPv6. Host bits are cleared. */
static int
read_address(struct reading *r, char *text, struct bh_spans *out)
{
	char *cut = strpbrk(text, "/-"), sep = cut != NULL ? *cut : '\0';
	bh_number first, last, len;
	unsigned bits, bits2;

	if (cut != NULL)
		*cut++ = '\0';
	if (!address(text, &first, &bits))
		return bad(r, "expected an address, a prefix, a range, a $VARIABLE or any");
	if (sep == '\0')
		return bh_sig_spans_add(out, first, first);
	if (sep == '-') {
		if (!address(cut, &last, &bits2) || bits2 != bits || last < first)
			return bad(r, "a range of addresses that holds none");
		return bh_sig_spans_add(out, first, last);
	}
	if (!port_number(cut, strlen(cut), &len) || len > bits)
		return bad(r, "a prefix longer than its address, or none behind '/'");
	/* A shift by all 128 bits is not defined. */
	last = len == 0 && bits == 128 ? ~(bh_number)0
				       : ((bh_number)1 << (bits - (unsigned)len)) - 1;
	return bh_sig_spans_add(out, first & ~last, first | last);
}

static int
read_variable(struct reading *r, struct bh_spans *out)
{
	char name[64];
	size_t n;
	const char *text;
	struct reading inner = *r;
	int rc;

	r->p++;
	n = word(r, name, sizeof(name));
	text = n == 0 ? NULL : bh_suricata_var(r->vars, r->ports, name);
	if (text == NULL)
		return bad(r, r->ports
				      ? "a variable of ports that is not defined: put it under "
					"vars.port-groups of the file of variables"
				      : "a variable of addresses that is not defined: put it under "
					"vars.address-groups of the file of variables");
	inner.p = inner.start = text;
	inner.depth++;
	rc = read_set(&inner, out);
	if (rc == 0) {
		skip_blanks(&inner);
		if (*inner.p != '\0')
			rc = -EINVAL;
	}
	if (rc == -EINVAL) {
		r->bad->what = NULL;
		return bad(r, "a variable whose value in the file of variables can't be read");
	}
	r->p += n;
	return rc;
}

/* Positive members without the negative ones; only negative ones: all but these. */
static int
close_list(const struct reading *r, struct bh_spans *yes, struct bh_spans *no, struct bh_spans *out)
{
	struct bh_spans rest = {0};
	int rc;

	bh_sig_spans_normalise(yes);
	bh_sig_spans_normalise(no);
	rc = bh_sig_spans_complement(no, max_of(r), &rest);
	if (rc == 0 && yes->n == 0)
		rc = bh_sig_spans_add(yes, 0, max_of(r));
	if (rc == 0)
		rc = bh_sig_spans_and(yes, &rest, out);
	bh_sig_spans_free(&rest);
	return rc;
}

static int
read_list(struct reading *r, struct bh_spans *out)
{
	struct bh_spans yes = {0}, no = {0};
	bool negated;
	int rc;

	do {
		r->p++;
		skip_blanks(r);
		negated = *r->p == '!';
		r->p += negated;
		rc = read_set(r, negated ? &no : &yes);
		skip_blanks(r);
	} while (rc == 0 && *r->p == ',');
	if (rc == 0 && *r->p != ']')
		rc = bad(r, "expected ',' or ']' in a list");
	if (rc == 0) {
		r->p++;
		rc = close_list(r, &yes, &no, out);
	}
	bh_sig_spans_free(&yes);
	bh_sig_spans_free(&no);
	return rc;
}

/* One set onto out: "!" before anything negates it. */
static int
read_set(struct reading *r, struct bh_spans *out)
{
	struct bh_spans inner = {0}, none = {0};
	char text[128];
	size_t n;
	int rc;

	skip_blanks(r);
	if (r->depth > DEPTH_MAX)
		return bad(r, "lists and variables nested more than 16 deep");
	if (*r->p == '!') {
		r->p++;
		r->depth++;
		rc = read_set(r, &inner);
		r->depth--;
		if (rc == 0)
			rc = close_list(r, &none, &inner, out);
		bh_sig_spans_free(&inner);
		bh_sig_spans_free(&none);
		return rc;
	}
	if (*r->p == '$')
		return read_variable(r, out);
	if (*r->p == '[') {
		r->depth++;
		rc = read_list(r, out);
		r->depth--;
		return rc;
	}
	n = word(r, text, sizeof(text));
	if (strcmp(n != 0 ? text : "", "any") == 0)
		rc = bh_sig_spans_add(out, 0, max_of(r));
	else if (n == 0)
		rc = bad(r, "expected an address or port");
	else
		rc = r->ports ? read_port(r, text, out) : read_address(r, text, out);
	r->p += rc == 0 ? n : 0;
	return rc;
}

int
bh_suricata_set(const struct bh_suricata_vars *vars, bool ports, const char *text,
		struct bh_spans *out, struct bh_suricata_bad *why)
{
	struct reading r = {.vars = vars, .bad = why, .p = text, .start = text, .ports = ports};
	int rc = read_set(&r, out);

	if (rc == 0) {
		skip_blanks(&r);
		if (*r.p != '\0')
			rc = bad(&r, "something behind an address or port");
	}
	bh_sig_spans_normalise(out);
	if (rc == 0 && out->n == 0)
		rc = bad(&r, "a set that holds nothing: what it lists is excluded again");
	return rc;
}
