/* mongodb_names: which elements of a command name collections and databases. Internal to the room.
 *
 * Usage     mongodb_command() for the first element of a body, mongodb_element() for each other one of a document
 *           that is walked; both say what its value is.
 * Threads   pure functions. */
#ifndef BH_MONGODB_NAMES_H
#define BH_MONGODB_NAMES_H

#include "proto_priv.h"

/* BSON types that matter here (bsonspec.org). */
enum { BSON_STRING = 2, BSON_DOCUMENT = 3, BSON_ARRAY = 4, BSON_SYMBOL = 0x0e };

/* What a value is. */
enum mongodb_value {
	MONGODB_SKIP,
	MONGODB_COLLECTION, /* a string */
	MONGODB_DATABASE,   /* a string */
	MONGODB_NAMESPACE,  /* a string, "database.collection" */
	MONGODB_WALK,       /* a document or array of the given place */
	MONGODB_UNKNOWN,    /* may name collections in a way that is not known */
};

/* Where in a command a document is. */
enum mongodb_place {
	MONGODB_BODY,
	MONGODB_INNER,  /* the command that explain or $query wraps */
	MONGODB_STAGES, /* a pipeline: an array of stages */
	MONGODB_STAGE,
	MONGODB_FACETS, /* documents of pipelines */
	MONGODB_LOOKUP,
	MONGODB_UNION,
	MONGODB_MERGE,
	MONGODB_TARGET,  /* { db, coll } */
	MONGODB_REDUCED, /* mapReduce's out */
	MONGODB_SPACES,  /* bulkWrite's nsInfo */
	MONGODB_SPACE,
};

enum {
	MONGODB_SESSION = 1,    /* log-in, ping, end of a transaction */
	MONGODB_NO_NAME = 2,    /* its own value is no collection */
	MONGODB_FULL = 4,       /* names "database.collection"; $db is always admin */
	MONGODB_LATER = 8,      /* what it is about comes in another element */
	MONGODB_REDUCE = 16,    /* has out */
	MONGODB_SEQUENCES = 32, /* sections behind the body may name collections */
};

/* Flags of a command, of any case. */
uint8_t mongodb_command(const char *name);

/* An element behind the first one. *into: the place of what is walked. command: flags as above. */
enum mongodb_value mongodb_element(enum mongodb_place place, uint8_t command, const char *name,
				   uint8_t type, enum mongodb_place *into);

/* Is it the name of a sequence of documents that requests have? */
bool mongodb_sequence(const char *name);

#endif
