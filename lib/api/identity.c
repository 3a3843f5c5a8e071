/* identity: who a token or a certificate belongs to.
 *
 * A token is "bhk.NAME.SECRET", 256 random bits. The store keeps its Argon2id hash, which is slow to make on purpose:
 * what was right lately is remembered by a keyed digest, and only so many hashes are made a second. Somebody who guesses
 * locks himself out, not the one whose name he uses: failures count by name and address.
 *
 * Everything here is the API thread's. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#include "api_priv.h"

#define LOCKS 512 /* names and addresses that failed; a power of two */
#define FAILURES 5
#define WINDOW_NS (60 * BH_NS_PER_SEC)
#define SLOW_A_SECOND 20
#define SECRET 32
#define PREFIX "bhk."
/* A token has 256 bits of its own: the hash is there for a stolen store, not for weak passwords. */
#define HASH_OPS 2
#define HASH_MEMORY (8u << 20)

struct identity {
	char name[BH_API_NAME_MAX], certificate[65], hash[crypto_pwhash_STRBYTES];
	enum bh_api_role role;
	uint64_t expires_ns;
	uint8_t digest[32]; /* of its token, once that was right */
	bool known;
	double tokens; /* requests it may make now */
	uint64_t filled_ns;
};

struct lock {
	uint64_t who;
	uint64_t since_ns, until_ns;
	unsigned failures;
};

struct bh_api_identities {
	uint8_t key[crypto_generichash_KEYBYTES];
	struct identity *one; /* the first two have no name of the store's: see rate */
	size_t n;
	struct lock lock[LOCKS];
	double slow; /* hashes that may be made now */
	uint64_t slow_ns;
	char nobody[crypto_pwhash_STRBYTES]; /* hash of a secret that was thrown away */
};

/* Those without a line in the store: nobody on loopback, and the bearer of api.token_file. */
enum { LOCAL, CONFIGURED, FIRST_STORED };

/* ---- roles ------------------------------------------------------------------------------------------- */

#define R(x) (1u << BH_RIGHT_##x)
static const struct {
	const char *name;
	uint32_t rights;
} roles[BH_ROLE_COUNT] = {
#define BH_ROLE(sym, word, set, text) [BH_ROLE_##sym] = {word, set},
#include "role.def"
#undef BH_ROLE
};

uint32_t
bh_api_role_rights(enum bh_api_role role)
{
	uint32_t r = roles[role].rights | R(SELF);

	return (r & R(READ)) != 0 ? r | R(READ_ENDPOINTS) : r;
}

const char *
bh_api_role_name(enum bh_api_role role)
{
	return roles[role].name;
}

bool
bh_api_role_by_name(const char *name, enum bh_api_role *role)
{
	unsigned i;

	for (i = 0; i < BH_ROLE_COUNT; i++) {
		if (strcmp(roles[i].name, name) == 0) {
			*role = (enum bh_api_role)i;
			return true;
		}
	}
	return false;
}

bool
bh_api_identity_name_valid(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_");

	return n != 0 && n < BH_API_NAME_MAX && name[n] == '\0' && name[0] != '-' && name[0] != '_';
}

/* ---- the list ------------------------------------------------------------------------------------------ */

struct loading {
	struct bh_api_identities *s;
	bool failed;
};

static bool
load_one(void *arg, const struct bh_store_identity *i)
{
	struct loading *l = arg;
	struct bh_api_identities *s = l->s;
	struct identity *more, *one;

	more = realloc(s->one, (s->n + 1) * sizeof(*more));
	if (more == NULL) {
		l->failed = true;
		return false;
	}
	s->one = more;
	one = &s->one[s->n];
	memset(one, 0, sizeof(*one));
	/* A role of a newer version is none. */
	if (!bh_api_role_by_name(i->role, &one->role))
		return true;
	snprintf(one->name, sizeof(one->name), "%s", i->name);
	snprintf(one->hash, sizeof(one->hash), "%s", i->hash);
	snprintf(one->certificate, sizeof(one->certificate), "%s", i->certificate);
	one->expires_ns = i->expires_ns;
	s->n++;
	return true;
}

int
bh_api_identities_load(struct bh_api *api, struct bh_err *err)
{
	struct bh_api_identities *s = api->identities;
	struct loading l = {.s = s};
	int rc = 0;

	s->n = FIRST_STORED; /* and nothing is known of the others' tokens */
	if (api->p.store != NULL)
		rc = bh_store_identities_each(api->p.store, load_one, &l, err);
	return l.failed ? bh_err_set(err, ENOMEM, "no memory for identities") : rc;
}

int
bh_api_identities_create(struct bh_api *api, struct bh_err *err)
{
	struct bh_api_identities *s;
	uint8_t secret[SECRET];

	if (sodium_init() < 0)
		return bh_err_set(err, EIO, "libsodium has no random numbers");
	s = calloc(1, sizeof(*s));
	if (s != NULL)
		s->one = calloc(FIRST_STORED, sizeof(*s->one));
	if (s == NULL || s->one == NULL) {
		free(s);
		return bh_err_set(err, ENOMEM, "no memory for identities");
	}
	api->identities = s;
	crypto_generichash_keygen(s->key);
	if (api->p.store != NULL) {
		randombytes_buf(secret, sizeof(secret));
		if (crypto_pwhash_str(s->nobody, (const char *)secret, sizeof(secret), HASH_OPS,
				      HASH_MEMORY) != 0)
			return bh_err_set(err, ENOMEM, "no memory to hash tokens");
	}
	return bh_api_identities_load(api, err);
}

void
bh_api_identities_destroy(struct bh_api *api)
{
	struct bh_api_identities *s = api->identities;

	if (s == NULL)
		return;
	free(s->one);
	sodium_memzero(s, sizeof(*s));
	free(s);
	api->identities = NULL;
}

bool
bh_api_identity_is_first(const struct bh_api *api)
{
	const struct bh_api_identities *s = api->identities;
	size_t i;

	for (i = FIRST_STORED; i < s->n; i++) {
		if (s->one[i].role == BH_ROLE_ADMIN)
			return false;
	}
	return true;
}

bool
bh_api_identity_at(const struct bh_api *api, size_t index, char name[BH_API_NAME_MAX],
		   enum bh_api_role *role)
{
	const struct bh_api_identities *s = api->identities;

	if (index >= s->n - FIRST_STORED)
		return false;
	snprintf(name, BH_API_NAME_MAX, "%s", s->one[FIRST_STORED + index].name);
	*role = s->one[FIRST_STORED + index].role;
	return true;
}

bool
bh_api_identity_role(const struct bh_api *api, const char *name, enum bh_api_role *role)
{
	char other[BH_API_NAME_MAX];
	size_t i;

	for (i = 0; bh_api_identity_at(api, i, other, role); i++) {
		if (strcmp(other, name) == 0)
			return true;
	}
	return false;
}

/* ---- failures ------------------------------------------------------------------------------------------ */

static uint64_t
now_ns(void)
{
	return bh_clock_system.mono_ns(NULL);
}

static struct lock *
lock_of(struct bh_api_identities *s, const char *name, const char *peer)
{
	crypto_generichash_state h;
	uint64_t who;
	uint8_t out[crypto_generichash_BYTES_MIN];
	struct lock *l;

	crypto_generichash_init(&h, s->key, sizeof(s->key), sizeof(out));
	crypto_generichash_update(&h, (const uint8_t *)name, strlen(name) + 1);
	crypto_generichash_update(&h, (const uint8_t *)peer, strlen(peer));
	crypto_generichash_final(&h, out, sizeof(out));
	memcpy(&who, out, sizeof(who));
	l = &s->lock[who % LOCKS];
	if (l->who != who)
		*l = (struct lock){.who = who, .since_ns = now_ns()};
	return l;
}

static void
note_failure(struct lock *l)
{
	uint64_t now = now_ns();

	if (now - l->since_ns > WINDOW_NS) {
		l->since_ns = now;
		l->failures = 0;
	}
	if (++l->failures >= FAILURES)
		l->until_ns = now + WINDOW_NS;
}

static bool
may_hash(struct bh_api_identities *s)
{
	uint64_t now = now_ns();

	s->slow += (double)(now - s->slow_ns) * SLOW_A_SECOND / (double)BH_NS_PER_SEC;
	s->slow_ns = now;
	if (s->slow > SLOW_A_SECOND)
		s->slow = SLOW_A_SECOND;
	if (s->slow < 1)
		return false;
	s->slow -= 1;
	return true;
}

/* ---- tokens -------------------------------------------------------------------------------------------- */

static bool
is_over(const struct identity *i)
{
	return i->expires_ns != 0 && bh_clock_system.wall_ns(NULL) >= i->expires_ns;
}

/* "bhk.NAME.SECRET": the name. */
static bool
split(const char *token, char name[BH_API_NAME_MAX])
{
	const char *dot;
	size_t n;

	if (strncmp(token, PREFIX, strlen(PREFIX)) != 0)
		return false;
	token += strlen(PREFIX);
	dot = strchr(token, '.');
	n = dot != NULL ? (size_t)(dot - token) : 0;
	if (n == 0 || n >= BH_API_NAME_MAX)
		return false;
	memcpy(name, token, n);
	name[n] = '\0';
	return true;
}

static size_t
by_name(const struct bh_api_identities *s, const char *name)
{
	size_t i;

	for (i = FIRST_STORED; i < s->n; i++) {
		if (strcmp(s->one[i].name, name) == 0)
			return i;
	}
	return SIZE_MAX;
}

static void
take(const struct identity *i, char name[BH_API_NAME_MAX], enum bh_api_role *role)
{
	snprintf(name, BH_API_NAME_MAX, "%s", i->name);
	*role = i->role;
}

enum bh_api_known
bh_api_identity_token(struct bh_api *api, const char *token, const char *peer,
		      char name[BH_API_NAME_MAX], enum bh_api_role *role)
{
	struct bh_api_identities *s = api->identities;
	uint8_t digest[32];
	struct identity *known;
	struct lock *l;
	size_t i;

	if (!split(token, name))
		return BH_KNOWN_NOT;
	crypto_generichash(digest, sizeof(digest), (const uint8_t *)token, strlen(token), s->key,
			   sizeof(s->key));
	i = by_name(s, name);
	known = i != SIZE_MAX ? &s->one[i] : NULL;
	if (known != NULL && known->known &&
	    sodium_memcmp(known->digest, digest, sizeof(digest)) == 0) {
		if (is_over(known))
			return BH_KNOWN_NOT;
		take(known, name, role);
		return BH_KNOWN_YES;
	}
	l = lock_of(s, name, peer);
	if (l->until_ns > now_ns())
		return BH_KNOWN_LOCKED;
	if (!may_hash(s))
		return BH_KNOWN_BUSY;
	/* A name that is not there takes as long as one that is. */
	if (crypto_pwhash_str_verify(known != NULL && known->hash[0] != '\0' ? known->hash
									     : s->nobody,
				     token, strlen(token)) != 0 ||
	    known == NULL || is_over(known)) {
		note_failure(l);
		return BH_KNOWN_NOT;
	}
	l->failures = 0;
	memcpy(known->digest, digest, sizeof(digest));
	known->known = true;
	take(known, name, role);
	return BH_KNOWN_YES;
}

bool
bh_api_identity_certificate(struct bh_api *api, const char *sha256, char name[BH_API_NAME_MAX],
			    enum bh_api_role *role)
{
	const struct bh_api_identities *s = api->identities;
	size_t i;

	for (i = FIRST_STORED; i < s->n; i++) {
		if (s->one[i].certificate[0] == '\0' ||
		    strcmp(s->one[i].certificate, sha256) != 0 || is_over(&s->one[i]))
			continue;
		take(&s->one[i], name, role);
		return true;
	}
	return false;
}

int
bh_api_identity_token_make(const char *name, char token[BH_API_TOKEN_MAX], char hash[128])
{
	char text[sodium_base64_ENCODED_LEN(SECRET, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
	uint8_t secret[SECRET];

	_Static_assert(crypto_pwhash_STRBYTES <= 128, "a hash fits");
	randombytes_buf(secret, sizeof(secret));
	sodium_bin2base64(text, sizeof(text), secret, sizeof(secret),
			  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	snprintf(token, BH_API_TOKEN_MAX, PREFIX "%s.%s", name, text);
	sodium_memzero(secret, sizeof(secret));
	sodium_memzero(text, sizeof(text));
	return crypto_pwhash_str(hash, token, strlen(token), HASH_OPS, HASH_MEMORY) == 0 ? 0
											 : -ENOMEM;
}

/* ---- rate ------------------------------------------------------------------------------------------------ */

bool
bh_api_identity_rate(struct bh_api *api, const char *name, unsigned *left)
{
	struct bh_api_identities *s = api->identities;
	double rate = api->p.rate;
	uint64_t now = now_ns();
	struct identity *i;
	size_t at;

	*left = 0;
	if (rate == 0)
		return true;
	at = name[0] == '\0' ? LOCAL : by_name(s, name);
	i = &s->one[at == SIZE_MAX ? CONFIGURED : at];
	if (i->filled_ns == 0)
		i->tokens = 2 * rate;
	else
		i->tokens += (double)(now - i->filled_ns) * rate / (double)BH_NS_PER_SEC;
	i->filled_ns = now;
	if (i->tokens > 2 * rate)
		i->tokens = 2 * rate;
	if (i->tokens < 1)
		return false;
	i->tokens -= 1;
	*left = (unsigned)i->tokens;
	return true;
}
