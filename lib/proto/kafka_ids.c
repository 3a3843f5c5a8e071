/* kafka_ids: a short list of topics, the oldest forgotten first, and a ring of requests. */
#include <string.h>

#include "kafka_ids.h"

static void
forget_oldest(struct kafka_ids *k)
{
	uint8_t len = k->topic[0].len;

	k->n_topics--;
	k->used = (uint16_t)(k->used - len);
	memmove(k->topic, k->topic + 1, k->n_topics * sizeof(k->topic[0]));
	memmove(k->names, k->names + len, k->used);
}

void
kafka_ids_learn(struct kafka_ids *k, const uint8_t *id, const void *name, size_t len)
{
	size_t known;

	if (len == 0 || len > KAFKA_TOPIC_MAX || kafka_ids_find(k, id, &known) != NULL)
		return;
	while (k->n_topics == KAFKA_IDS || len > sizeof(k->names) - k->used)
		forget_oldest(k);
	memcpy(k->topic[k->n_topics].id, id, KAFKA_ID);
	k->topic[k->n_topics++].len = (uint8_t)len;
	memcpy(k->names + k->used, name, len);
	k->used = (uint16_t)(k->used + len);
}

const char *
kafka_ids_find(const struct kafka_ids *k, const uint8_t *id, size_t *len)
{
	const char *name = k->names;
	unsigned i;

	for (i = 0; i < k->n_topics; i++) {
		*len = k->topic[i].len;
		if (memcmp(k->topic[i].id, id, KAFKA_ID) == 0)
			return name;
		name += *len;
	}
	return NULL;
}

void
kafka_ids_ask(struct kafka_ids *k, uint32_t correlation, uint8_t key, uint8_t version)
{
	unsigned at = k->asked % KAFKA_REQUESTS;

	if (k->asked - k->answered == KAFKA_REQUESTS)
		k->lost = true;
	if (k->lost)
		return;
	k->request[at].correlation = correlation;
	k->request[at].key = key;
	k->request[at].version = version;
	k->asked++;
}

void
kafka_ids_no_answer(struct kafka_ids *k)
{
	if (!k->lost && k->asked != k->answered)
		k->asked--;
}

int
kafka_ids_answer(struct kafka_ids *k, uint32_t correlation, int16_t *version)
{
	unsigned at = k->answered % KAFKA_REQUESTS;

	if (k->asked == k->answered || k->request[at].correlation != correlation)
		k->lost = true;
	if (k->lost)
		return -1;
	k->answered++;
	*version = k->request[at].version;
	return k->request[at].key == UINT8_MAX ? -1 : k->request[at].key;
}
