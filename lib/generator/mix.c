/* Sizes of frames, and in which order. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "generator.h"

/* Simple IMIX: 40, 576 and 1500 bytes of IP in 7:4:1, on Ethernet. */
#define IMIX "64:7+594:4+1518:1"
/* RFC 2544 9.1. */
#define RFC2544 "64,128,256,512,1024,1280,1518"

static int
part_parse(struct bh_gen_mix *m, const char *text, size_t len, struct bh_err *err)
{
	unsigned long size, weight = 1;
	char *end;

	if (m->n == BH_GEN_MIX_PARTS)
		return bh_err_set(err, EINVAL, "frames: a mix has more than %d parts",
				  BH_GEN_MIX_PARTS);
	size = strtoul(text, &end, 10);
	if (end != text && *end == ':')
		weight = strtoul(end + 1, &end, 10);
	if (end != text + len || len == 0 || text[0] < '0' || text[0] > '9')
		return bh_err_set(err, EINVAL,
				  "frames: '%.*s' is neither SIZE nor SIZE:WEIGHT nor imix nor "
				  "rfc2544",
				  (int)len, text);
	if (size < BH_GEN_FRAME_MIN || size > BH_GEN_FRAME_MAX)
		return bh_err_set(err, EINVAL, "frames: %lu is not a size from %d to %d", size,
				  BH_GEN_FRAME_MIN, BH_GEN_FRAME_MAX);
	if (weight < 1 || weight > BH_GEN_MIX_ORDER)
		return bh_err_set(err, EINVAL, "frames: weight %lu is not from 1 to %d", weight,
				  BH_GEN_MIX_ORDER);
	m->part[m->n].size = (uint16_t)size;
	m->part[m->n++].weight = (uint16_t)weight;
	return 0;
}

/* Spread evenly: each place goes to the part that is furthest behind its share. */
static int
make_order(struct bh_gen_mix *m, struct bh_err *err)
{
	unsigned total = 0, i, k;
	int credit[BH_GEN_MIX_PARTS] = {0};

	for (i = 0; i < m->n; i++)
		total += m->part[i].weight;
	if (total > BH_GEN_MIX_ORDER)
		return bh_err_set(err, EINVAL,
				  "frames: the weights of %s are more than %d together", m->name,
				  BH_GEN_MIX_ORDER);
	m->n_order = (uint16_t)total;
	for (k = 0; k < total; k++) {
		unsigned best = 0;

		for (i = 0; i < m->n; i++) {
			credit[i] += m->part[i].weight;
			if (credit[i] > credit[best])
				best = i;
		}
		credit[best] -= (int)total;
		m->order[k] = (uint8_t)best;
	}
	return 0;
}

static int
mix_parse(struct bh_gen_mix *m, const char *name, const char *text, size_t len, struct bh_err *err)
{
	const char *end = text + len;
	int rc;

	memset(m, 0, sizeof(*m));
	snprintf(m->name, sizeof(m->name), "%s", name);
	for (;;) {
		size_t n = strcspn(text, "+,");

		if (n > (size_t)(end - text))
			n = (size_t)(end - text);
		rc = part_parse(m, text, n, err);
		if (rc < 0)
			return rc;
		text += n;
		if (text == end)
			return make_order(m, err);
		text++;
	}
}

int
bh_gen_frames_parse(struct bh_gen_frames *f, const char *text, struct bh_err *err)
{
	memset(f, 0, sizeof(*f));
	if (strcmp(text, "rfc2544") == 0)
		text = RFC2544;
	for (;;) {
		size_t n = strcspn(text, ",");
		char name[64];
		int rc;

		if (f->n == BH_GEN_TRIALS)
			return bh_err_set(err, EINVAL, "frames: more than %d trials",
					  BH_GEN_TRIALS);
		if (n >= sizeof(name))
			return bh_err_set(err, EINVAL, "frames: '%.*s' is too long", (int)n, text);
		memcpy(name, text, n);
		name[n] = '\0';
		if (strcmp(name, "imix") == 0)
			rc = mix_parse(&f->mix[f->n], name, IMIX, strlen(IMIX), err);
		else
			rc = mix_parse(&f->mix[f->n], name, text, n, err);
		if (rc < 0)
			return rc;
		f->n++;
		text += n;
		if (*text == '\0')
			return 0;
		text++;
	}
}

uint16_t
bh_gen_mix_largest(const struct bh_gen_mix *m)
{
	uint16_t size = 0;
	unsigned i;

	for (i = 0; i < m->n; i++) {
		if (m->part[i].size > size)
			size = m->part[i].size;
	}
	return size;
}

uint16_t
bh_gen_mix_least(const struct bh_gen_mix *m)
{
	uint16_t size = UINT16_MAX;
	unsigned i;

	for (i = 0; i < m->n; i++) {
		if (m->part[i].size < size)
			size = m->part[i].size;
	}
	return size;
}

double
bh_gen_mix_mean(const struct bh_gen_mix *m)
{
	double bytes = 0;
	unsigned i;

	for (i = 0; i < m->n; i++)
		bytes += (double)m->part[i].size * m->part[i].weight;
	return m->n_order != 0 ? bytes / m->n_order : 0;
}
