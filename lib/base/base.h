/* base: what every room may use. Errors, log, cursor, buffer, clock, memory, keyed hash.
 *
 * Usage     include this one header; nothing here knows about packets, policy or DPDK.
 * Threads   no function here has shared state; each object belongs to its caller's thread.
 * Lifetime  stated at each creator.
 */
#ifndef BH_BASE_H
#define BH_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BH_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BH_CACHE_LINE 64
#define BH_LIKELY(x) __builtin_expect(!!(x), 1)
#define BH_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define BH_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define BH_NS_PER_SEC UINT64_C(1000000000)
#define BH_NS_PER_MS UINT64_C(1000000)

/* ---- reasons: reason.def is the one list ------------------------------------------------ */

enum bh_reason {
#define BH_REASON(sym, name, group, text) BH_REASON_##sym,
#include "reason.def"
#undef BH_REASON
	BH_REASON_COUNT
};

enum bh_reason_group {
	BH_GROUP_PASS,
	BH_GROUP_MALFORMED,
	BH_GROUP_POLICY,
	BH_GROUP_RESOURCE,
	BH_GROUP_PORT,
	BH_GROUP_THREAT,
};

/* Name ("frag_overlap"), group and sentence of a reason; any value is safe ("invalid"). */
const char *bh_reason_name(unsigned reason);
const char *bh_reason_text(unsigned reason);
enum bh_reason_group bh_reason_group(unsigned reason);
const char *bh_reason_group_name(enum bh_reason_group group);

/* ---- verdicts and modes: words that every room shares ------------------------------------------ */

enum bh_verdict {
	BH_VERDICT_NONE, /* not judged yet: nothing passes */
	BH_VERDICT_ALLOW,
	BH_VERDICT_VIOLATE, /* policy says no, the mode lets it pass */
	BH_VERDICT_DENY,
	BH_VERDICT_REJECT,
	BH_VERDICT_PENDING, /* rules name applications: its handshake passes, its payload is held */
	BH_VERDICT_COUNT
};
const char *bh_verdict_name(unsigned verdict);

/* What exception.def says may be done; bits, so that a line can say which are allowed. */
enum bh_exception_action {
	BH_ACTION_DROP_PACKET = 1 << 0,
	BH_ACTION_DROP_FLOW = 1 << 1,
	BH_ACTION_REJECT = 1 << 2,
	BH_ACTION_PASS = 1 << 3,
	BH_ACTION_NORMALISE = 1 << 4,
};

/* Cases that have a configured action, exception.def. */
enum bh_exception {
#define BH_EXCEPTION(sym, name, normal, allowed, reason, text) BH_EXCEPTION_##sym,
#include "exception.def"
#undef BH_EXCEPTION
	BH_EXCEPTION_COUNT
};

struct bh_exception_info {
	const char *name; /* "tcp_urgent": the key under exceptions: */
	const char *text;
	uint8_t normal;  /* one enum bh_exception_action */
	uint8_t allowed; /* those that may be configured */
	uint16_t reason; /* enum bh_reason */
};

/* Line of exception.def; any value is safe (one that is called "invalid"). */
const struct bh_exception_info *bh_exception_info(unsigned exception);
const char *bh_exception_name(unsigned exception);
/* "drop-packet", "reject", ... of one enum bh_exception_action. */
const char *bh_action_name(unsigned action);

enum bh_mode { BH_MODE_DISCOVER, BH_MODE_MONITOR, BH_MODE_PROTECT };
const char *bh_mode_name(unsigned mode);

/* ---- errors that a person reads ------------------------------------------------------------ */

/* Where, what, and what to do about it. line and column start at 1; 0 means not known. */
struct bh_err {
	char file[256];
	unsigned line;
	unsigned column;
	char what[512];
};

/* Set the text (printf form). Returns -code, so that a caller can `return bh_err_set(...)`.
 * err may be NULL. The first error wins: a set text is kept. */
int bh_err_set(struct bh_err *err, int code, const char *fmt, ...) BH_PRINTF(3, 4);
/* "file:line:column: what" into out; parts that are not known are left out. */
void bh_err_format(const struct bh_err *err, char *out, size_t size);

/* ---- log: control threads only, one line to stderr, UTC with microseconds -------------------- */

/* Control characters of the message become '?'; beyond 1,150 bytes or so it is cut. */
enum bh_log_level { BH_LOG_ERROR, BH_LOG_WARN, BH_LOG_INFO };
void bh_log(enum bh_log_level level, const char *fmt, ...) BH_PRINTF(2, 3);
/* Called with each line's words, behind the time and the level: a program that keeps lines has a function of this name, which
 * any control thread may call; else there is a weak one that does nothing. */
void bh_log_keep(enum bh_log_level level, uint64_t wall_ns, const char *text, size_t len);

/* ---- bounded cursor over foreign bytes -------------------------------------------------------- */

struct bh_cur {
	const uint8_t *p;
	const uint8_t *end;
};

static inline struct bh_cur
bh_cur(const void *p, size_t len)
{
	return (struct bh_cur){(const uint8_t *)p, (const uint8_t *)p + len};
}

static inline size_t
bh_cur_left(const struct bh_cur *c)
{
	return (size_t)(c->end - c->p);
}

/* The next n bytes, or NULL when fewer are left (the cursor then stays). */
static inline const uint8_t *
bh_cur_take(struct bh_cur *c, size_t n)
{
	const uint8_t *p = c->p;

	if (BH_UNLIKELY(bh_cur_left(c) < n))
		return NULL;
	c->p += n;
	return p;
}

static inline bool
bh_cur_u8(struct bh_cur *c, uint8_t *v)
{
	const uint8_t *p = bh_cur_take(c, 1);

	if (p == NULL)
		return false;
	*v = *p;
	return true;
}

static inline uint16_t
bh_load_be16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap16(v);
}

static inline uint32_t
bh_load_be32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

static inline bool
bh_cur_be16(struct bh_cur *c, uint16_t *v)
{
	const uint8_t *p = bh_cur_take(c, 2);

	if (p == NULL)
		return false;
	*v = bh_load_be16(p);
	return true;
}

static inline bool
bh_cur_be32(struct bh_cur *c, uint32_t *v)
{
	const uint8_t *p = bh_cur_take(c, 4);

	if (p == NULL)
		return false;
	*v = bh_load_be32(p);
	return true;
}

/* ---- growable text buffer (control threads: it allocates) ------------------------------------- */

/* Zero-initialise; free with bh_buf_free. After a failed allocation `failed` stays set and every
 * later call is a no-op, so that only the end of a build-up needs a check. */
struct bh_buf {
	char *data; /* NUL-terminated once anything was written */
	size_t len;
	size_t cap;
	bool failed;
};

void bh_buf_free(struct bh_buf *b);
void bh_buf_reset(struct bh_buf *b);
void bh_buf_add(struct bh_buf *b, const void *data, size_t len);
void bh_buf_str(struct bh_buf *b, const char *s);
void bh_buf_printf(struct bh_buf *b, const char *fmt, ...) BH_PRINTF(2, 3);
void bh_buf_vprintf(struct bh_buf *b, const char *fmt, va_list ap);

/* ---- clock ----------------------------------------------------------------------------------- */

/* Injectable time: nanoseconds since the Unix epoch (wall) and since any start (mono). */
struct bh_clock {
	uint64_t (*wall_ns)(void *arg);
	uint64_t (*mono_ns)(void *arg);
	void *arg;
};

extern const struct bh_clock bh_clock_system; /* CLOCK_REALTIME, CLOCK_MONOTONIC */
/* "2026-01-02T03:04:05.678901+0000" (EVE's form) into out, which holds at least 32 bytes. */
void bh_time_format(uint64_t wall_ns, char *out, size_t size);

/* ---- memory of a connection ---------------------------------------------------------------------- */

/* What a library that wants to allocate on the packet path gets (nghttp2, zlib, brotli): the caller's, bounded, never
 * the heap. alloc may return NULL. */
struct bh_memory {
	void *(*alloc)(void *arg, size_t size);
	void (*free)(void *arg, void *p);
	void *arg;
};

/* ---- memory for big tables ---------------------------------------------------------------------- */

enum bh_mem_backing { BH_MEM_HUGETLB, BH_MEM_THP, BH_MEM_SMALL };

/* Zeroed, page-aligned memory: explicit huge pages if free, else transparent ones, else 4 KiB, which
 * is what anything below 1 MiB gets. NULL when there is none. size in bytes; backing may be NULL.
 * Touched (populated) on return if populate is set, so that the packet path takes no page fault. */
void *bh_mem_map(size_t size, bool populate, enum bh_mem_backing *backing);
void bh_mem_unmap(void *p, size_t size);

/* ---- keyed hash ------------------------------------------------------------------------------- */

/* Secret of one boot. From getrandom(2); a test may fill it by hand. */
struct bh_hash_key {
	uint64_t k[8];
};

int bh_hash_key_random(struct bh_hash_key *key);

/* 64x64 -> 128 multiply folded by xor: the mixing step of the MUM family. */
static inline uint64_t
bh_mum(uint64_t a, uint64_t b)
{
	__uint128_t p = (__uint128_t)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/* Keyed hash of 48 bytes, 8-aligned: three independent multiplies and one to finish. Each pair of
 * words meets its own secret, so that no difference of inputs is known to cancel (unlike CRC,
 * whose collisions do not depend on the key). */
static inline uint64_t
bh_hash48(const struct bh_hash_key *key, const uint64_t w[6])
{
	uint64_t h = bh_mum(w[0] ^ key->k[0], w[1] ^ key->k[1]) ^
		     bh_mum(w[2] ^ key->k[2], w[3] ^ key->k[3]) ^
		     bh_mum(w[4] ^ key->k[4], w[5] ^ key->k[5]);

	return bh_mum(h ^ key->k[6], key->k[7]);
}

/* The same of 24 bytes: two multiplies, the second of which meets the last word. */
static inline uint64_t
bh_hash24(const struct bh_hash_key *key, uint64_t a, uint64_t b, uint64_t c)
{
	return bh_mum(bh_mum(a ^ key->k[0], b ^ key->k[1]) ^ key->k[2], c ^ key->k[3]);
}

/* Keyed hash of any bytes; control threads (tables of names, label sets). */
uint64_t bh_hash_bytes(const struct bh_hash_key *key, const void *p, size_t len);

#endif
