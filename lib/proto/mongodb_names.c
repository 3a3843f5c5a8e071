/* mongodb_names: MongoDB's manual, "Database Commands" and "Aggregation Stages", as tables. A stage that is in
 * neither list may read any collection. */
#include <string.h>
#include <strings.h>

#include "mongodb_names.h"

static const struct {
	const char *name;
	uint8_t flags;
} commands[] = {
	{"hello", MONGODB_SESSION},
	{"ismaster", MONGODB_SESSION},
	{"saslstart", MONGODB_SESSION},
	{"saslcontinue", MONGODB_SESSION},
	{"authenticate", MONGODB_SESSION},
	{"logout", MONGODB_SESSION},
	{"getnonce", MONGODB_SESSION},
	{"ping", MONGODB_SESSION},
	{"buildinfo", MONGODB_SESSION},
	{"connectionstatus", MONGODB_SESSION},
	{"startsession", MONGODB_SESSION},
	{"refreshsessions", MONGODB_SESSION},
	{"endsessions", MONGODB_SESSION},
	{"committransaction", MONGODB_SESSION},
	{"aborttransaction", MONGODB_SESSION},
	{"getlasterror", MONGODB_SESSION},
	{"getmore", MONGODB_LATER},
	{"bulkwrite", MONGODB_FULL | MONGODB_LATER | MONGODB_SEQUENCES},
	{"renamecollection", MONGODB_FULL},
	{"mapreduce", MONGODB_REDUCE},
	{"eval", MONGODB_NO_NAME},
	{"$eval", MONGODB_NO_NAME},
	{"getlog", MONGODB_NO_NAME},
	{"getparameter", MONGODB_NO_NAME},
	{"usersinfo", MONGODB_NO_NAME},
	{"createuser", MONGODB_NO_NAME},
	{"updateuser", MONGODB_NO_NAME},
	{"dropuser", MONGODB_NO_NAME},
	{"grantrolestouser", MONGODB_NO_NAME},
	{"revokerolesfromuser", MONGODB_NO_NAME},
	{"rolesinfo", MONGODB_NO_NAME},
	{"createrole", MONGODB_NO_NAME},
	{"updaterole", MONGODB_NO_NAME},
	{"droprole", MONGODB_NO_NAME},
	{"grantrolestorole", MONGODB_NO_NAME},
	{"revokerolesfromrole", MONGODB_NO_NAME},
	{"grantprivilegestorole", MONGODB_NO_NAME},
	{"revokeprivilegesfromrole", MONGODB_NO_NAME},
	{"addshard", MONGODB_NO_NAME},
	{"removeshard", MONGODB_NO_NAME},
	{"enablesharding", MONGODB_NO_NAME},
	{"moveprimary", MONGODB_NO_NAME},
	{"setfeaturecompatibilityversion", MONGODB_NO_NAME},
	{"configurefailpoint", MONGODB_NO_NAME},
	{"logapplicationmessage", MONGODB_NO_NAME},
};

/* Stages that read the pipeline's own collection alone. */
static const char *const plain_stages[] = {
	"$addFields",
	"$bucket",
	"$bucketAuto",
	"$collStats",
	"$count",
	"$densify",
	"$documents",
	"$fill",
	"$geoNear",
	"$group",
	"$indexStats",
	"$limit",
	"$match",
	"$project",
	"$redact",
	"$sample",
	"$planCacheStats",
	"$replaceRoot",
	"$set",
	"$setWindowFields",
	"$skip",
	"$replaceWith",
	"$searchMeta",
	"$sort",
	"$sortByCount",
	"$changeStream",
	"$unset",
	"$unwind",
	"$vectorSearch",
	"$search",
	"$changeStreamSplitLargeEvent",
};

/* An element of a place by name: what its value is as a string, and the place it is as a document or array. */
struct row {
	uint8_t place; /* enum mongodb_place */
	uint8_t only;  /* flags of the command, one of which is needed; 0: any */
	uint8_t text;  /* enum mongodb_value of a string; SKIP: strings say nothing */
	uint8_t type;  /* BSON type that is walked, 0: none */
	uint8_t into;  /* enum mongodb_place */
	const char *name;
};

#define NO_WALK 0, MONGODB_BODY

static const struct row rows[] = {
	{MONGODB_BODY, 0, MONGODB_DATABASE, NO_WALK, "$db"},
	{MONGODB_BODY, 0, MONGODB_SKIP, BSON_ARRAY, MONGODB_STAGES, "pipeline"},
	{MONGODB_BODY, 0, MONGODB_COLLECTION, NO_WALK, "viewOn"},
	{MONGODB_BODY, 0, MONGODB_COLLECTION, NO_WALK, "toCollection"},
	{MONGODB_BODY, MONGODB_LATER, MONGODB_COLLECTION, NO_WALK, "collection"},
	{MONGODB_BODY, MONGODB_FULL, MONGODB_NAMESPACE, NO_WALK, "to"},
	{MONGODB_BODY, MONGODB_FULL, MONGODB_SKIP, BSON_ARRAY, MONGODB_SPACES, "nsInfo"},
	{MONGODB_BODY, MONGODB_REDUCE, MONGODB_COLLECTION, BSON_DOCUMENT, MONGODB_REDUCED, "out"},
	{MONGODB_STAGE, 0, MONGODB_SKIP, BSON_DOCUMENT, MONGODB_LOOKUP, "$lookup"},
	{MONGODB_STAGE, 0, MONGODB_SKIP, BSON_DOCUMENT, MONGODB_LOOKUP, "$graphLookup"},
	{MONGODB_STAGE, 0, MONGODB_COLLECTION, BSON_DOCUMENT, MONGODB_UNION, "$unionWith"},
	{MONGODB_STAGE, 0, MONGODB_COLLECTION, BSON_DOCUMENT, MONGODB_TARGET, "$out"},
	{MONGODB_STAGE, 0, MONGODB_COLLECTION, BSON_DOCUMENT, MONGODB_MERGE, "$merge"},
	{MONGODB_STAGE, 0, MONGODB_SKIP, BSON_DOCUMENT, MONGODB_FACETS, "$facet"},
	{MONGODB_LOOKUP, 0, MONGODB_COLLECTION, BSON_DOCUMENT, MONGODB_TARGET, "from"},
	{MONGODB_LOOKUP, 0, MONGODB_SKIP, BSON_ARRAY, MONGODB_STAGES, "pipeline"},
	{MONGODB_UNION, 0, MONGODB_COLLECTION, NO_WALK, "coll"},
	{MONGODB_UNION, 0, MONGODB_DATABASE, NO_WALK, "db"},
	{MONGODB_UNION, 0, MONGODB_SKIP, BSON_ARRAY, MONGODB_STAGES, "pipeline"},
	{MONGODB_MERGE, 0, MONGODB_COLLECTION, BSON_DOCUMENT, MONGODB_TARGET, "into"},
	{MONGODB_TARGET, 0, MONGODB_COLLECTION, NO_WALK, "coll"},
	{MONGODB_TARGET, 0, MONGODB_DATABASE, NO_WALK, "db"},
	{MONGODB_REDUCED, 0, MONGODB_COLLECTION, NO_WALK, "replace"},
	{MONGODB_REDUCED, 0, MONGODB_COLLECTION, NO_WALK, "merge"},
	{MONGODB_REDUCED, 0, MONGODB_COLLECTION, NO_WALK, "reduce"},
	{MONGODB_REDUCED, 0, MONGODB_DATABASE, NO_WALK, "db"},
	{MONGODB_SPACE, 0, MONGODB_NAMESPACE, NO_WALK, "ns"},
};

uint8_t
mongodb_command(const char *name)
{
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(commands); i++) {
		if (strcasecmp(name, commands[i].name) == 0)
			return commands[i].flags;
	}
	return 0;
}

static bool
is_plain_stage(const char *name)
{
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(plain_stages); i++) {
		if (strcmp(name, plain_stages[i]) == 0)
			return true;
	}
	return false;
}

/* A member of an array or of $facet: of one type only. */
static enum mongodb_value
member(uint8_t type, uint8_t wanted, enum mongodb_place next, enum mongodb_place *into)
{
	*into = next;
	return type == wanted ? MONGODB_WALK : MONGODB_UNKNOWN;
}

enum mongodb_value
mongodb_element(enum mongodb_place place, uint8_t command, const char *name, uint8_t type,
		enum mongodb_place *into)
{
	size_t i;

	if (place == MONGODB_STAGES)
		return member(type, BSON_DOCUMENT, MONGODB_STAGE, into);
	if (place == MONGODB_SPACES)
		return member(type, BSON_DOCUMENT, MONGODB_SPACE, into);
	if (place == MONGODB_FACETS)
		return member(type, BSON_ARRAY, MONGODB_STAGES, into);
	if (place == MONGODB_INNER)
		place = MONGODB_BODY;
	for (i = 0; i < BH_ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];

		if (r->place != place || strcmp(r->name, name) != 0 ||
		    (r->only != 0 && (r->only & command) == 0))
			continue;
		*into = r->into;
		if (r->type != 0 && type == r->type)
			return MONGODB_WALK;
		return r->text != MONGODB_SKIP && (type == BSON_STRING || type == BSON_SYMBOL)
			       ? r->text
			       : MONGODB_UNKNOWN;
	}
	return place == MONGODB_STAGE && !is_plain_stage(name) ? MONGODB_UNKNOWN : MONGODB_SKIP;
}

bool
mongodb_sequence(const char *name)
{
	return strcmp(name, "documents") == 0 || strcmp(name, "updates") == 0 ||
	       strcmp(name, "deletes") == 0 || strcmp(name, "ops") == 0 ||
	       strcmp(name, "nsInfo") == 0;
}
