/* What is told of files; sets and checks of a header. */
#include <errno.h>
#include <stdlib.h>

#include "suricata.h"

const char *
bh_signature_form_name(unsigned form)
{
	static const char *const names[] = {"sensors", "nv", "suricata"};

	_Static_assert(BH_ARRAY_SIZE(names) == BH_SIGNATURE_FORMS, "one name a form");
	return form < BH_SIGNATURE_FORMS ? names[form] : "invalid";
}

const char *
bh_signature_fate_name(unsigned fate)
{
	static const char *const names[] = {"refused", "skipped", "changed"};

	_Static_assert(BH_ARRAY_SIZE(names) == BH_SIGNATURE_FATES, "one name a fate");
	return fate < BH_SIGNATURE_FATES ? names[fate] : "invalid";
}

struct bh_signature_file *
bh_sig_file(struct bh_sig *s)
{
	return &s->file[s->n_files - 1];
}

uint32_t
bh_sig_file_index(const struct bh_sig *s)
{
	return (uint32_t)(s->n_files - 1);
}

int
bh_sig_note(struct bh_sig *s, const struct bh_signature_note *note, const char *fmt, ...)
{
	struct bh_signature_note n = *note;
	struct bh_buf b = {0};
	va_list ap;

	va_start(ap, fmt);
	bh_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	n.text = b.failed ? NULL : bh_arena_text(&s->arena, b.data != NULL ? b.data : "", b.len);
	bh_buf_free(&b);
	if (note->option != NULL)
		n.option = bh_arena_text(&s->arena, note->option, strlen(note->option));
	if (n.text == NULL || (note->option != NULL && n.option == NULL))
		return -ENOMEM;
	return bh_arena_push(&s->arena, &s->note, &s->n_notes, &n, sizeof(n));
}

/* ---- headers ---------------------------------------------------------------------------------------- */

static void
put_number(bh_number n, uint8_t out[16])
{
	unsigned i;

	for (i = 16; i-- > 0; n >>= 8)
		out[i] = (uint8_t)n;
}

struct bh_sig_set *
bh_sig_set_keep(struct bh_sig *s, const struct bh_spans *spans)
{
	struct bh_sig_set *set =
		bh_arena_alloc(&s->arena, sizeof(*set) + spans->n * sizeof(set->span[0]));
	size_t i;

	if (set == NULL)
		return NULL;
	set->n = spans->n;
	for (i = 0; i < spans->n; i++) {
		put_number(spans->at[i].first, set->span[i].first);
		put_number(spans->at[i].last, set->span[i].last);
	}
	return set;
}

static bool
in_set(const struct bh_sig_set *set, const uint8_t n[16])
{
	size_t low = 0, high, mid;

	if (set == NULL)
		return true;
	for (high = set->n; low < high;) {
		mid = (low + high) / 2;
		if (memcmp(set->span[mid].last, n, 16) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < set->n && memcmp(set->span[low].first, n, 16) <= 0;
}

static bool
in_ports(const struct bh_sig_set *set, uint16_t port)
{
	uint8_t n[16] = {[14] = (uint8_t)(port >> 8), [15] = (uint8_t)port};

	return in_set(set, n);
}

/* Is the client the source (of = 0) or the destination? */
static bool
ends_match(const struct bh_sig_header *h, const struct bh_signature_ends *e, unsigned of)
{
	return in_ports(h->port[of], e->client_port) && in_ports(h->port[!of], e->server_port) &&
	       in_set(h->address[of], e->client) && in_set(h->address[!of], e->server);
}

static int
by_rule(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)((const struct bh_sig_header *)a)->rule,
		  y = (uintptr_t)((const struct bh_sig_header *)b)->rule;

	return x < y ? -1 : x > y;
}

void
bh_sig_sort_headers(struct bh_sig *s)
{
	if (s->n_headers != 0)
		qsort(s->header, s->n_headers, sizeof(*s->header), by_rule);
}

bool
bh_signature_allows(const struct bh_signatures *s, const struct bh_sensor_rule *rule,
		    const struct bh_signature_ends *e)
{
	const struct bh_sig_header key = {.rule = rule}, *h = NULL;
	uint8_t transport = e->proto == 6     ? BH_OVER_TCP
			    : e->proto == 17  ? BH_OVER_UDP
			    : e->proto == 132 ? BH_OVER_SCTP
					      : 0;

	if (s->own->n_headers != 0)
		h = bsearch(&key, s->own->header, s->own->n_headers, sizeof(*h), by_rule);
	if (h == NULL)
		return true;
	if (h->transports != 0 && (h->transports & transport) == 0)
		return false;
	return (h->way != BH_SIG_BACKWARD && ends_match(h, e, 0)) ||
	       (h->way != BH_SIG_FORWARD && ends_match(h, e, 1));
}
