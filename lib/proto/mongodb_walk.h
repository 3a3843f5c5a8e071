/* mongodb_walk: the state of a MongoDB connection, and the walk through a command's BSON. Internal to the room.
 *
 * Usage     ops_mongodb.c cuts messages; while struct mongo stands at a step of AT_DOCUMENT or behind, and not at
 *           AT_NEXT, the bytes are a document's, and mongodb_walk() takes as many as the step needs.
 * Threads   pure functions over the caller's memory. */
#ifndef BH_MONGODB_WALK_H
#define BH_MONGODB_WALK_H

#include "mongodb_names.h"

enum {
	OP_UPDATE = 2001,
	OP_INSERT = 2002,
	OP_QUERY = 2004,
	OP_GET_MORE = 2005,
	OP_DELETE = 2006,
	OP_KILL_CURSORS = 2007,
	OP_COMPRESSED = 2012,
	OP_MSG = 2013,
};

/* maxMessageSizeBytes of every server. */
#define MONGODB_MESSAGE_MAX 48000000u
/* $lookup in $lookup: 20 deep at most (the server's limit for views), three places each; and the body. */
#define DEPTH 64
/* The longest namespace. */
#define NAME_MAX_LEN 255
#define COMMAND_MAX 64
#define ARENA 8192u
/* Before an element of which so much may follow unseen, what is known is judged. */
#define AHEAD 1024u

enum step {
	AT_HEADER,
	AT_FLAGS,
	AT_KIND,
	AT_SEQUENCE,
	AT_SEQUENCE_NAME,
	AT_COMPRESSED,
	AT_LEGACY,
	AT_LEGACY_NAME,
	AT_LEGACY_NUMBERS,
	AT_DOCUMENT,
	AT_TYPE,
	AT_NAME,
	AT_LENGTH, /* of a string, of binary data, of what is skipped */
	AT_STRING, /* kept */
	AT_REGEX,  /* two of what ends in zero */
	AT_REGEX_2,
	AT_SKIP,
	AT_NEXT, /* takes no byte: what follows within the message */
};

struct level {
	uint32_t end;  /* offset in the message behind its last byte */
	uint8_t place; /* enum mongodb_place */
	uint8_t first; /* no element yet */
};

struct mongo {
	uint32_t length, off; /* of the message */
	uint32_t limit;       /* off behind the last section: before the checksum */
	uint32_t section_end; /* of a sequence of documents that is walked */
	uint32_t opcode;
	uint32_t skip;
	uint32_t used; /* bytes of the arena */
	uint32_t string_at, string_len, string_got;
	uint16_t name_len;
	uint8_t step; /* enum step */
	uint8_t depth;
	uint8_t n_buf;
	uint8_t type; /* of this element */
	uint8_t value; /* enum mongodb_value of this element; of what is walked, its enum mongodb_place */
	uint8_t command; /* flags of it */
	uint8_t flags;   /* BH_OP_* */
	uint8_t has_command, has_body, has_db, in_sequence;
	uint8_t begun, judged;
	uint8_t n_values;
	struct {
		uint16_t at, len;
		uint8_t field;
	} values[BH_OP_VALUES];
	struct level level[DEPTH];
	uint8_t buf[16];
	char name[NAME_MAX_LEN + 1];
	uint8_t arena[ARENA];
};

/* A value of the operation, copied. */
void mongodb_add(struct mongo *m, enum bh_op_field field, const void *from, size_t len);
/* "database.collection": the collection may have dots. */
void mongodb_add_namespace(struct mongo *m, const char *full, size_t len);
/* The operation of what is known; last: nothing of this message will add to it. */
enum bh_ops_status mongodb_emit(struct mongo *m, struct bh_ops_out *out, bool last);
/* Of what the client was fed, so many bytes are not judged. */
uint32_t mongodb_pending(const struct mongo *m);
/* Offset that nothing of what is read now may reach beyond; a document keeps its last byte. */
uint32_t mongodb_bound(const struct mongo *m);
/* A byte of a name that ends in zero: true at its end. What is longer than is kept is told by name_len. */
bool mongodb_name_byte(struct mongo *m, uint8_t b);
/* The bytes of a step from AT_DOCUMENT on. */
enum bh_ops_status mongodb_walk(struct mongo *m, const uint8_t *p, struct bh_ops_out *out);

#endif
