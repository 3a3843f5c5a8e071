/* State of one region: a stream, and what is to be confirmed. */
#include "sensor_priv.h"

#define ROUND(n) (((n) + 63) & ~(size_t)63)

static size_t
words_of(const struct bh_sensor_db *db)
{
	return (db->n_confirm + 63) / 64;
}

size_t
bh_sensor_region_bytes(const struct bh_sensor_db *db)
{
	return ROUND(sizeof(struct bh_sensor_region)) + ROUND(2 * words_of(db) * sizeof(uint64_t)) +
	       db->stream_size;
}

/* All but the stream. */
void
bh_sensor_region_again(struct bh_sensor_region *r, const struct bh_sensor_db *db)
{
	uint32_t i;

	r->length = r->window_at = 0;
	r->window = NULL;
	r->used = r->cap = r->next_try = 0;
	memset(r->pending, 0, 2 * r->words * sizeof(uint64_t));
	for (i = 0; i < db->n_always; i++)
		r->pending[i / 64] |= UINT64_C(1) << i % 64;
	r->any = db->n_always != 0;
}

struct bh_sensor_region *
bh_sensor_region_begin(void *at, const struct bh_sensor_db *db)
{
	struct bh_sensor_region *r = at;
	uint8_t *p = (uint8_t *)at + ROUND(sizeof(*r));

	r->words = (uint32_t)words_of(db);
	r->pending = (uint64_t *)(void *)p;
	r->done = r->pending + r->words;
	r->stream = NULL;
	if (db->blank != NULL) {
		p += ROUND(2 * r->words * sizeof(uint64_t));
		r->stream = (hs_stream_t *)(void *)p;
		/* What hs_copy_stream() does (check_flat() has seen it), but for where the memory is from. */
		memcpy(r->stream, db->blank, db->stream_size);
	}
	bh_sensor_region_again(r, db);
	return r;
}
