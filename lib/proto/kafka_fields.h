/* kafka_fields: walks the fields of one Kafka message as a line of text describes them (kafka_api.def). Internal
 * to the room.
 *
 * Usage     kafka_fields_begin(), then kafka_fields_next() until it says KAFKA_END; at each stop the caller looks
 *           at `field`, `data` and `len`.
 * Threads   pure functions over the caller's memory; `text` is static. */
#ifndef BH_KAFKA_FIELDS_H
#define BH_KAFKA_FIELDS_H

#include "proto_priv.h"

#define KAFKA_DEPTH 6
/* The longest topic name is 249; a longer one is cut. */
#define KAFKA_STRING_MAX 256

enum kafka_stop {
	KAFKA_MORE,   /* all bytes were taken */
	KAFKA_FIELD,  /* a field that is kept, in data[0 .. len-1] */
	KAFKA_LENGTH, /* a string or bytes of `len` begin: called before its first byte is taken */
	KAFKA_NULL,   /* an array that is null where null means all */
	KAFKA_EMPTY,  /* an array of no elements, outermost */
	KAFKA_END,    /* the last field was taken; tagged fields may follow */
	KAFKA_BROKEN,
};

struct kafka_fields {
	const char *text;
	uint32_t left; /* bytes of the message */
	uint32_t len;  /* of a string or bytes, as sent */
	uint32_t skip;
	uint32_t n_tags;
	uint32_t number; /* a varint so far */
	uint16_t at;     /* in text */
	int16_t version;
	bool flexible;
	bool all; /* the array is null: all */
	uint8_t shift;
	uint8_t state; /* kafka_fields.c */
	uint8_t field; /* letter of text */
	uint8_t depth;
	uint8_t need, got;
	uint16_t kept; /* bytes of a string */
	struct {
		uint32_t left; /* elements, this one too */
		uint16_t start;
	} level[KAFKA_DEPTH];
	uint8_t data[KAFKA_STRING_MAX];
};

/* left: bytes of the message from here on. A flexible one begins with the tagged fields of its header. */
void kafka_fields_begin(struct kafka_fields *f, const char *text, int16_t version, bool flexible,
			uint32_t left);
enum kafka_stop kafka_fields_next(struct kafka_fields *f, struct bh_cur *in);
/* Is there something to do without another byte? */
bool kafka_fields_goes_on(const struct kafka_fields *f);
/* Can one of the letters in `which` still come, in this version? */
bool kafka_fields_expects(const struct kafka_fields *f, const char *which);

#endif
