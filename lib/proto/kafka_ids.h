/* kafka_ids: what a connection's responses tell of topics' ids, and which response belongs to which request.
 * Internal to the room.
 *
 * Responses come in the order of their requests (kafka.apache.org/protocol, "Network"). A correlation id alone proves
 * nothing: the client chooses it, and may make the bytes of a fetched record look like metadata. So each response has
 * to be the oldest request's; else nothing more is learnt.
 * Threads   pure functions over the caller's memory. */
#ifndef BH_KAFKA_IDS_H
#define BH_KAFKA_IDS_H

#include "proto_priv.h"

#define KAFKA_ID 16
#define KAFKA_TOPIC_MAX 249
#define KAFKA_IDS 64
#define KAFKA_REQUESTS 256

struct kafka_ids {
	struct {
		uint8_t id[KAFKA_ID];
		uint8_t len;
	} topic[KAFKA_IDS]; /* oldest first, names in the same order */
	struct {
		uint32_t correlation;
		uint8_t version, key; /* key 255: not looked at */
	} request[KAFKA_REQUESTS];
	uint32_t asked, answered; /* requests so far */
	uint16_t n_topics, used;
	bool lost; /* nothing more is learnt */
	char names[4096];
};

/* A topic has this id. */
void kafka_ids_learn(struct kafka_ids *k, const uint8_t *id, const void *name, size_t len);
/* The name, NULL: not known. */
const char *kafka_ids_find(const struct kafka_ids *k, const uint8_t *id, size_t *len);

/* A request goes, to be answered. */
void kafka_ids_ask(struct kafka_ids *k, uint32_t correlation, uint8_t key, uint8_t version);
/* The newest request has no answer. */
void kafka_ids_no_answer(struct kafka_ids *k);
/* A response came: the request's key, or -1 when it is not looked at. */
int kafka_ids_answer(struct kafka_ids *k, uint32_t correlation, int16_t *version);

#endif
