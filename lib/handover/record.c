/* Blocks of records: sealed by who tells, checked and put into the listener's own numbers. */
#include <errno.h>

#include <nmmintrin.h>

#include "handover_priv.h"

/* FNV-1a, 64 bits (draft-eastlake-fnv) */
#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

static uint64_t
fnv(uint64_t hash, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	while (len-- != 0)
		hash = (hash ^ *p++) * FNV_PRIME;
	return hash;
}

/* Names of the flags are part of it: their bits are taken as they are. */
uint64_t
bh_handover_layout(void)
{
#define FIELD(f)                                                                                   \
	{                                                                                          \
		offsetof(struct bh_flow_record, f), sizeof(((struct bh_flow_record *)0)->f)        \
	}
#define KEY(f)                                                                                     \
	{                                                                                          \
		offsetof(struct bh_flow_key, f), sizeof(((struct bh_flow_key *)0)->f)              \
	}
	static const uint32_t field[][2] = {
		FIELD(key),      FIELD(start_ns), FIELD(bytes),     FIELD(packets), FIELD(idle_ms),
		FIELD(revision), FIELD(kind),     FIELD(verdict),   FIELD(reason),  FIELD(state),
		FIELD(flags),    FIELD(app),      FIELD(app_proof), FIELD(mode),    FIELD(tcp_seen),
		FIELD(side),     KEY(addr),       KEY(port),        KEY(proto),     KEY(family),
		KEY(pair),       KEY(tunnel),     KEY(tenant),
	};
#undef FIELD
#undef KEY
	static const uint32_t number[] = {
		sizeof(struct bh_flow_record),
		sizeof(struct bh_flow_side),
		BH_FLAG_INITIATOR,
		BH_FLAG_REPLIED,
		BH_FLAG_MIDSTREAM,
		BH_FLAG_ALERTED,
		BH_FLAG_LAST_FIN,
		BH_FLAG_APP_DONE,
		BH_CARRY_PLAIN,
		BH_CARRY_REFUSED,
		BH_CARRY_EXAMINED,
		BH_CARRY_GONE,
		BH_VERDICT_ALLOW,
		BH_VERDICT_VIOLATE,
		BH_VERDICT_DENY,
		BH_VERDICT_REJECT,
		BH_VERDICT_PENDING,
		BH_IP4,
		BH_IP6,
		BH_TUNNEL_IPIP,
		BH_PROOF_PACKETS,
	};

	return fnv(fnv(FNV_BASIS, field, sizeof(field)), number, sizeof(number));
}

/* bh_crc32c_add() by the CPU's instruction: a million records are 136 MB. */
static uint32_t
add_checksum(uint32_t crc, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t sum = crc, word;

	for (; len >= sizeof(word); len -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		sum = _mm_crc32_u64(sum, word);
	}
	crc = (uint32_t)sum;
	while (len-- != 0)
		crc = _mm_crc32_u8(crc, *p++);
	return crc;
}

static uint32_t
checksum(const struct bh_handover_block *b)
{
	struct bh_handover_block head = *b;
	uint32_t crc;

	head.crc = 0;
	crc = add_checksum(BH_CRC32C_INIT, &head, sizeof(head));
	return ~add_checksum(crc, b + 1, b->len);
}

size_t
bh_handover_close(struct bh_handover_block *b, enum bh_handover_kind kind, uint32_t n,
		  uint64_t number, uint32_t len)
{
	*b = (struct bh_handover_block){
		.magic = BH_HANDOVER_MAGIC,
		.version = BH_HANDOVER_VERSION,
		.kind = (uint16_t)kind,
		.layout = bh_handover_layout(),
		.number = number,
		.len = len,
		.n = n,
	};
	b->crc = checksum(b);
	return sizeof(*b) + len;
}

size_t
bh_handover_seal(struct bh_handover_block *b, enum bh_handover_kind kind, uint32_t n,
		 uint64_t number)
{
	return bh_handover_close(b, kind, n, number, n * (uint32_t)sizeof(struct bh_flow_record));
}

struct bh_flow_record *
bh_handover_records(struct bh_handover_block *b)
{
	return (struct bh_flow_record *)(void *)(b + 1);
}

/* ---- listening --------------------------------------------------------------------------------------- */

void
bh_handover_reader_init(struct bh_handover_reader *r, const struct bh_handover_self *self)
{
	*r = (struct bh_handover_reader){.self = self};
}

/* Is it a block that this version reads, of a length that can be? */
static int
check_head(const struct bh_handover_block *b, struct bh_err *err)
{
	if (b->magic != BH_HANDOVER_MAGIC)
		return bh_err_set(err, EPROTO,
				  "this is no flow state of a gateway (it begins with 0x%08x)",
				  b->magic);
	if (b->version != BH_HANDOVER_VERSION)
		return bh_err_set(err, EPROTO,
				  "flow state of version %u, this gateway reads version %u: they "
				  "can't be handed over between these releases",
				  b->version, BH_HANDOVER_VERSION);
	if (b->layout != bh_handover_layout())
		return bh_err_set(
			err, EPROTO,
			"flow state of another layout (%016llx, this gateway's is %016llx): "
			"it can't be handed over between these releases",
			(unsigned long long)b->layout, (unsigned long long)bh_handover_layout());
	switch (b->kind) {
	case BH_HANDOVER_HEAD:
		if (b->n == 0 && b->len <= BH_HANDOVER_HEAD_MAX)
			return 0;
		break;
	case BH_HANDOVER_FLOWS:
		if (b->n >= 1 && b->n <= BH_HANDOVER_FLOWS_MAX &&
		    b->len == b->n * sizeof(struct bh_flow_record))
			return 0;
		break;
	case BH_HANDOVER_WHOLE:
	case BH_HANDOVER_LAST:
		if (b->n == 0 && b->len == 0)
			return 0;
		break;
	default:
		break;
	}
	return bh_err_set(err, EINVAL,
			  "flow state: block %llu of kind %u has %u records in %u bytes",
			  (unsigned long long)b->number, b->kind, b->n, b->len);
}

ssize_t
bh_handover_length(const uint8_t *at, size_t len, struct bh_err *err)
{
	struct bh_handover_block b;
	int rc;

	if (len < sizeof(b))
		return 0;
	memcpy(&b, at, sizeof(b));
	rc = check_head(&b, err);
	return rc == 0 ? (ssize_t)(sizeof(b) + b.len) : rc;
}

/* An IPv4 address stands in the first bytes, and nothing behind it. */
static bool
is_key(const struct bh_flow_key *k)
{
	unsigned i;

	if (k->family != BH_IP4 && k->family != BH_IP6)
		return false;
	for (i = 0; i < 2 && k->family == BH_IP4; i++) {
		if ((k->addr[i].w[1] | k->addr[i].w[2] | k->addr[i].w[3]) != 0)
			return false;
	}
	return k->tunnel <= BH_TUNNEL_IPIP;
}

/* Into the listener's numbers. False: it says what is not known here, or can't be. */
static bool
translate(const struct bh_handover_reader *r, struct bh_flow_record *f)
{
	if (f->kind == 0 || f->kind >= BH_CARRY_COUNT || !is_key(&f->key))
		return false;
	f->key.pair = r->pair[f->key.pair];
	if (f->key.pair == BH_HANDOVER_UNKNOWN)
		return false;
	if (f->kind == BH_CARRY_GONE)
		return true;
	f->state = r->state[f->state];
	f->reason = r->reason[f->reason];
	f->app = r->app[f->app];
	if (f->state == BH_HANDOVER_UNKNOWN || f->app == BH_HANDOVER_UNKNOWN ||
	    f->verdict == BH_VERDICT_NONE || f->verdict >= BH_VERDICT_COUNT)
		return false;
	/* A reason that is new there: it was refused all the same. */
	if (f->reason == BH_HANDOVER_UNKNOWN)
		f->reason = BH_REASON_HANDOVER;
	if ((f->kind == BH_CARRY_REFUSED) !=
	    (f->verdict == BH_VERDICT_DENY || f->verdict == BH_VERDICT_REJECT))
		return false;
	/* A TCP state is TCP's alone. */
	if ((f->key.proto == 6) != (f->state >= BH_STATE_SYN_SENT && f->state <= BH_STATE_CLOSED) &&
	    f->state != BH_STATE_REFUSED)
		return false;
	f->flags &= BH_FLAG_INITIATOR | BH_FLAG_REPLIED | BH_FLAG_MIDSTREAM | BH_FLAG_ALERTED |
		    BH_FLAG_LAST_FIN | BH_FLAG_APP_DONE;
	return true;
}
_Static_assert(BH_STATE_SYN_SENT + 5 == BH_STATE_CLOSED, "those between are TCP's");

static uint32_t
translate_all(struct bh_handover_reader *r, struct bh_flow_record *f, uint32_t n)
{
	uint32_t i, kept = 0;

	for (i = 0; i < n; i++) {
		if (!translate(r, &f[i])) {
			r->misfits++;
			continue;
		}
		if (i != kept)
			f[kept] = f[i];
		kept++;
	}
	r->flows += kept;
	return kept;
}

int
bh_handover_read(struct bh_handover_reader *r, uint8_t *block, size_t len,
		 struct bh_flow_record **record, uint32_t *n, struct bh_err *err)
{
	struct bh_handover_block *b = (struct bh_handover_block *)(void *)block;
	int rc;

	*record = NULL;
	*n = 0;
	if (len < sizeof(*b))
		return bh_err_set(err, EBADMSG,
				  "flow state is cut short: %zu bytes of a head of %zu", len,
				  sizeof(*b));
	rc = check_head(b, err);
	if (rc != 0)
		return rc;
	if (len != sizeof(*b) + b->len)
		return bh_err_set(err, EBADMSG,
				  "flow state is cut short: block %llu has %zu bytes of %zu",
				  (unsigned long long)b->number, len, sizeof(*b) + b->len);
	if (b->crc != checksum(b))
		return bh_err_set(err, EBADMSG, "flow state is damaged: checksum of block %llu",
				  (unsigned long long)b->number);
	if (b->number != r->next || (b->number == 0) != (b->kind == BH_HANDOVER_HEAD))
		return bh_err_set(err, EPROTO, "flow state: block %llu of kind %u instead of %llu",
				  (unsigned long long)b->number, b->kind,
				  (unsigned long long)r->next);
	r->next++;
	if (b->kind == BH_HANDOVER_HEAD) {
		rc = bh_handover_read_head(r, block + sizeof(*b), b->len);
		if (rc != 0)
			return bh_err_set(err, -rc, "flow state: its names can't be read");
	}
	*record = bh_handover_records(b);
	*n = translate_all(r, *record, b->n);
	return b->kind;
}
