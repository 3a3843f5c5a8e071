/* Labels, and sets of them: endpoints with equal labels share one. */
#include <errno.h>
#include <stdlib.h>

#include "policy_priv.h"

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool
bh_label_key_valid(const char *key)
{
	size_t n = strnlen(key, BH_NAME_MAX), i;

	if (n == 0 || n == BH_NAME_MAX || !is_alnum(key[0]) || !is_alnum(key[n - 1]))
		return false;
	for (i = 0; i < n; i++) {
		if (!is_alnum(key[i]) && strchr("-_./", key[i]) == NULL)
			return false;
	}
	return true;
}

bool
bh_label_value_valid(const char *value)
{
	return value[0] == '\0' || bh_label_key_valid(value);
}

int
bh_label_sets_init(struct bh_label_sets *s, const struct bh_hash_key *key)
{
	*s = (struct bh_label_sets){.hash_key = *key, .mask = 255};
	s->bucket = calloc(s->mask + 1, sizeof(struct bh_label_set *));
	return s->bucket != NULL ? 0 : -ENOMEM;
}

void
bh_label_sets_free(struct bh_label_sets *s)
{
	struct bh_label_set *set;
	uint32_t i;

	for (i = 0; s->bucket != NULL && i <= s->mask; i++) {
		while ((set = s->bucket[i]) != NULL) {
			s->bucket[i] = set->next;
			free(set);
		}
	}
	free(s->bucket);
	s->bucket = NULL;
}

/* A failure leaves the buckets as they are: only longer chains. */
static void
sets_grow(struct bh_label_sets *s)
{
	uint32_t size = 2 * (s->mask + 1), i;
	struct bh_label_set **bucket = calloc(size, sizeof(struct bh_label_set *)), *set;

	if (bucket == NULL)
		return;
	for (i = 0; i <= s->mask; i++) {
		while ((set = s->bucket[i]) != NULL) {
			s->bucket[i] = set->next;
			set->next = bucket[set->hash & (size - 1)];
			bucket[set->hash & (size - 1)] = set;
		}
	}
	free(s->bucket);
	s->bucket = bucket;
	s->mask = size - 1;
}

static int
by_key(const void *a, const void *b)
{
	return strcmp(((const struct bh_label *)a)->key, ((const struct bh_label *)b)->key);
}

/* The canonical text of a set into out, which holds BH_LABELS_MAX of the longest. */
static int
canonical(const struct bh_label *labels, unsigned n, char *out, uint32_t *size, struct bh_err *err)
{
	struct bh_label sorted[BH_LABELS_MAX] = {{0}};
	size_t len, at = 0;
	unsigned i;

	if (n > BH_LABELS_MAX)
		return bh_err_set(err, EINVAL, "%u labels: an endpoint has at most %u", n,
				  BH_LABELS_MAX);
	if (n != 0)
		memcpy(sorted, labels, n * sizeof(*labels));
	qsort(sorted, n, sizeof(*sorted), by_key);
	for (i = 0; i < n; i++) {
		if (!bh_label_key_valid(sorted[i].key))
			return bh_err_set(
				err, EINVAL,
				"'%.60s' is no label key: 1 to %u letters, digits, '-', '_', "
				"'.' or '/', with a letter or digit at both ends",
				sorted[i].key, BH_NAME_MAX - 1);
		if (sorted[i].value == NULL || !bh_label_value_valid(sorted[i].value))
			return bh_err_set(
				err, EINVAL,
				"'%.60s' is no value for label '%s': up to %u letters, digits, "
				"'-', '_', '.' or '/', with a letter or digit at both ends",
				sorted[i].value != NULL ? sorted[i].value : "", sorted[i].key,
				BH_NAME_MAX - 1);
		if (i > 0 && strcmp(sorted[i - 1].key, sorted[i].key) == 0)
			return bh_err_set(err, EINVAL, "label '%s' is given twice", sorted[i].key);
		len = strlen(sorted[i].key) + 1;
		memcpy(out + at, sorted[i].key, len);
		at += len;
		len = strlen(sorted[i].value) + 1;
		memcpy(out + at, sorted[i].value, len);
		at += len;
	}
	*size = (uint32_t)at;
	return 0;
}

int
bh_label_set_intern(struct bh_label_sets *s, const struct bh_label *labels, unsigned n,
		    struct bh_label_set **out, struct bh_err *err)
{
	char text[BH_LABELS_MAX * 2 * BH_NAME_MAX];
	struct bh_label_set *set;
	uint32_t size = 0;
	uint64_t hash;
	int rc = canonical(labels, n, text, &size, err);

	if (rc != 0)
		return rc;
	hash = bh_hash_bytes(&s->hash_key, text, size);
	for (set = s->bucket[hash & s->mask]; set != NULL; set = set->next) {
		if (set->hash == hash && set->size == size && memcmp(set->text, text, size) == 0)
			break;
	}
	if (set == NULL) {
		set = malloc(sizeof(*set) + size);
		if (set == NULL)
			return bh_err_set(err, ENOMEM, "out of memory");
		*set = (struct bh_label_set){.hash = hash,
					     .class_ = BH_NONE,
					     .next_class = BH_NONE,
					     .n_labels = (uint16_t)n,
					     .size = size};
		memcpy(set->text, text, size);
		if (s->n > s->mask)
			sets_grow(s);
		set->next = s->bucket[hash & s->mask];
		s->bucket[hash & s->mask] = set;
		s->n++;
		s->bytes += sizeof(*set) + size;
	}
	set->refs++;
	*out = set;
	return 0;
}

void
bh_label_set_put(struct bh_label_sets *s, struct bh_label_set *set)
{
	struct bh_label_set **at;

	if (set == NULL || --set->refs != 0)
		return;
	for (at = &s->bucket[set->hash & s->mask]; *at != set;)
		at = &(*at)->next;
	*at = set->next;
	s->n--;
	s->bytes -= sizeof(*set) + set->size;
	free(set);
}

unsigned
bh_label_set_labels(const struct bh_label_set *set, struct bh_label *out)
{
	const char *p = set->text;
	unsigned i;

	for (i = 0; i < set->n_labels; i++) {
		out[i].key = p;
		p += strlen(p) + 1;
		out[i].value = p;
		p += strlen(p) + 1;
	}
	return set->n_labels;
}
