/* The head of a stream: what its numbers stand for, as names. Four lists, each a count and its names with their NULs. */
#include <errno.h>

#include "handover_priv.h"

static const char *
state_name(const struct bh_handover_self *self, unsigned i)
{
	(void)self;
	return bh_flow_state_name(i);
}

static const char *
reason_name(const struct bh_handover_self *self, unsigned i)
{
	(void)self;
	return bh_reason_name(i);
}

/* 0 is that of none. */
static const char *
app_name(const struct bh_handover_self *self, unsigned i)
{
	(void)self;
	return i != 0 ? bh_app_name(i) : "";
}

static const char *
pair_name(const struct bh_handover_self *self, unsigned i)
{
	return self->pair[i];
}

static const struct bh_handover_list lists[BH_HANDOVER_LISTS] = {
	{offsetof(struct bh_handover_reader, state), BH_STATE_COUNT, state_name},
	{offsetof(struct bh_handover_reader, reason), BH_REASON_COUNT, reason_name},
	{offsetof(struct bh_handover_reader, app), BH_APP_COUNT, app_name},
	{offsetof(struct bh_handover_reader, pair), 0, pair_name},
};
_Static_assert(BH_APP_COUNT < BH_HANDOVER_UNKNOWN && BH_REASON_COUNT < BH_HANDOVER_UNKNOWN,
	       "one number is that of what is not known");

const struct bh_handover_list *
bh_handover_list(unsigned i)
{
	return &lists[i];
}

unsigned
bh_handover_count(const struct bh_handover_self *self, unsigned list)
{
	return lists[list].n != 0 ? lists[list].n : self->n_pairs;
}

size_t
bh_handover_put_head(const struct bh_handover_self *self, uint8_t *out, size_t room)
{
	struct bh_handover_block *b = (struct bh_handover_block *)(void *)out;
	size_t at = sizeof(*b), len;
	unsigned list, i, n;

	for (list = 0; list < BH_HANDOVER_LISTS; list++) {
		n = bh_handover_count(self, list);
		if (at >= room || n >= BH_HANDOVER_UNKNOWN)
			return 0;
		out[at++] = (uint8_t)n;
		for (i = 0; i < n; i++) {
			const char *name = lists[list].name(self, i);

			len = strlen(name) + 1;
			if (len > room - at)
				return 0;
			memcpy(out + at, name, len);
			at += len;
		}
	}
	if (at - sizeof(*b) > BH_HANDOVER_HEAD_MAX)
		return 0;
	bh_handover_close(b, BH_HANDOVER_HEAD, 0, 0, (uint32_t)(at - sizeof(*b)));
	return at;
}

/* The number that a name has here. Applications of one name are several detectors: the same place among them. */
static uint8_t
number_of(const struct bh_handover_self *self, unsigned list, const char *name, unsigned nth)
{
	unsigned i, n = bh_handover_count(self, list);

	for (i = 0; i < n && i < BH_HANDOVER_UNKNOWN; i++) {
		if (strcmp(lists[list].name(self, i), name) == 0 && nth-- == 0)
			return (uint8_t)i;
	}
	return BH_HANDOVER_UNKNOWN;
}

static const char *
take_name(struct bh_cur *in)
{
	const char *name = (const char *)in->p;

	if (memchr(name, '\0', bh_cur_left(in)) == NULL)
		return NULL;
	bh_cur_take(in, strlen(name) + 1);
	return name;
}

static int
read_list(struct bh_handover_reader *r, unsigned list, struct bh_cur *in)
{
	uint8_t *map = (uint8_t *)r + lists[list].map;
	const char *name[256];
	unsigned i, k, nth;
	uint8_t n;

	memset(map, BH_HANDOVER_UNKNOWN, 256);
	if (!bh_cur_u8(in, &n))
		return -EINVAL;
	for (i = 0; i < n; i++) {
		name[i] = bh_cur_left(in) != 0 ? take_name(in) : NULL;
		if (name[i] == NULL)
			return -EINVAL;
		for (k = nth = 0; k < i; k++)
			nth += strcmp(name[k], name[i]) == 0;
		map[i] = number_of(r->self, list, name[i], nth);
	}
	if (map == r->pair)
		r->n_pairs = n;
	return 0;
}

int
bh_handover_read_head(struct bh_handover_reader *r, const uint8_t *body, size_t len)
{
	struct bh_cur in = bh_cur(body, len);
	unsigned list;
	int rc = 0;

	for (list = 0; list < BH_HANDOVER_LISTS && rc == 0; list++)
		rc = read_list(r, list, &in);
	return rc == 0 && bh_cur_left(&in) != 0 ? -EINVAL : rc;
}
