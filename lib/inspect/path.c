/* A value as a path: does it climb, or name a file that only its system should read? */
#include "path.h"

/* Climbs: ".." as a whole segment (dots alone, two or more, which some systems shorten to two). */
static unsigned
climbs(const struct bh_view *v, size_t *first)
{
	size_t i = 0, start;
	unsigned n = 0;

	while (i < v->len) {
		if (v->at[i] != '.' || (i > 0 && v->at[i - 1] == '.')) {
			i++;
			continue;
		}
		start = i;
		while (i < v->len && v->at[i] == '.')
			i++;
		/* semicolons cut parameters off a segment, NUL and spaces end names early */
		if (i - start >= 2 && i < v->len && i - start < 7) {
			size_t e = i;

			while (e < v->len && e < i + 3 &&
			       (v->at[e] == ';' || v->at[e] == 0 || v->at[e] == '%'))
				e++;
			if (e < v->len && bh_path_is_slash(v->at[e]) &&
			    (start == 0 || !bh_is_alnum(v->at[start - 1]))) {
				if (n++ == 0)
					*first = start;
			}
		} else if (i - start == 2 && i == v->len && start > 0 &&
			   bh_path_is_slash(v->at[start - 1])) {
			if (n++ == 0)
				*first = start;
		}
	}
	return n;
}

/* The same odd separator between pairs of dots again and again: an encoding that only the target knows. */
static bool
odd_separators(const struct bh_view *v)
{
	size_t i, gap;
	unsigned same;

	for (i = 0; i + 6 < v->len; i++) {
		if (v->at[i] != '.' || v->at[i + 1] != '.' || v->at[i + 2] == '.')
			continue;
		for (gap = 1; gap <= 10 && i + 2 + gap + 1 < v->len; gap++) {
			size_t k = i + 2, next = k + gap;

			if (v->at[next] != '.' || v->at[next + 1] != '.')
				continue;
			for (same = 1; next + 2 + gap <= v->len &&
				       memcmp(v->at + k, v->at + next + 2, gap) == 0;
			     same++) {
				next += 2 + gap;
				if (next + 1 >= v->len || v->at[next] != '.')
					break;
			}
			if (same >= 2 && v->at[k] != ' ' && v->at[k] != '.')
				return true;
			break;
		}
	}
	return false;
}

/* 0x2e0x2e0x2f and 2e2e2f: hexadecimal that the target turns into a path itself. */
static size_t
from_hex(uint8_t *out, size_t cap, const struct bh_view *v)
{
	size_t i = 0, n = 0, found = 0;

	if (memmem(v->at, v->len, "0x", 2) == NULL && memmem(v->at, v->len, "0X", 2) == NULL)
		return 0;
	while (i < v->len && n < cap) {
		if (i + 3 < v->len && v->at[i] == '0' && (v->at[i + 1] | 0x20) == 'x' &&
		    bh_hex(v->at[i + 2]) >= 0 && bh_hex(v->at[i + 3]) >= 0) {
			out[n++] = (uint8_t)(bh_hex(v->at[i + 2]) << 4 | bh_hex(v->at[i + 3]));
			i += 4;
			found++;
		} else {
			out[n++] = v->at[i++];
		}
	}
	return found >= 2 ? n : 0;
}

/* Dots with NUL or other control characters between them are dots to what drops those. */
static size_t
without_controls(uint8_t *out, const struct bh_view *v)
{
	size_t i, n = 0;

	for (i = 0; i < v->len; i++)
		if (v->at[i] >= 0x20)
			out[n++] = v->at[i];
	return n < v->len ? n : 0;
}

/* /.git/x: a directory that is not meant to be served; /.well-known is (RFC 8615). */
static bool
hidden_segment(const struct bh_view *v)
{
	size_t i;

	for (i = 0; i + 2 < v->len; i++)
		if (v->at[i] == '/' && v->at[i + 1] == '.' && bh_is_alnum(v->at[i + 2]) &&
		    !bh_at(v, i, "/.well-known"))
			return true;
	return false;
}

/* Does a path never lead above where it began? What clients resolve themselves (RFC 3986 5.2.4), and some don't. */
static bool
stays_inside(const struct bh_view *v)
{
	size_t i = 0, start, depth = 0;

	while (i < v->len) {
		while (i < v->len && bh_path_is_slash(v->at[i]))
			i++;
		for (start = i; i < v->len && !bh_path_is_slash(v->at[i]); i++)
			;
		if (i - start >= 2 && v->at[start] == '.' && v->at[start + 1] == '.') {
			if (i - start > 2 || depth-- == 0)
				return false;
		} else if (i > start && !(i - start == 1 && v->at[start] == '.')) {
			depth++;
		}
	}
	return true;
}

static bool
judge(const struct bh_judge *j, const struct bh_view *v, size_t *at)
{
	unsigned where = j->where, n = climbs(v, at);

	/* dots that were written in another way were not written by one who meant to stay */
	if (where == BH_AT_PATH && n == 1 && !j->encoded && stays_inside(v))
		n = 0;
	if (n >= 2)
		return true;
	if (n == 1) {
		/* one step up: in a path, or as the value's beginning; not in prose or a link */
		if (*at == 0 || (*at == 1 && bh_path_is_slash(v->at[0])) || where == BH_AT_PATH)
			return v->len > 2 && (where == BH_AT_PATH || bh_path_is_path(v));
		if (bh_path_is_slash(v->at[*at - 1]) && bh_path_is_path(v) &&
		    memchr(v->at, ':', v->len) == NULL && memchr(v->at, ' ', v->len) == NULL)
			return true;
	}
	if (where != BH_AT_BODY && bh_path_names_file(v, at))
		return where == BH_AT_PATH || bh_path_is_path(v) || bh_at(v, *at, "/etc/passwd") ||
		       bh_at(v, *at, "/etc/shadow") || v->at[*at] == '\\';
	*at = 0;
	if (where == BH_AT_PATH && hidden_segment(v))
		return true;
	if ((where == BH_AT_ARG || where == BH_AT_COOKIE) && bh_path_is_path(v) &&
	    memchr(v->at, ' ', v->len) == NULL && bh_path_is_hidden(v))
		return true;
	return odd_separators(v) || (where != BH_AT_PATH && where != BH_AT_BODY &&
				     bh_path_is_path(v) && bh_path_is_system(v));
}

void
bh_judge_path(struct bh_judge *j, const struct bh_view *v)
{
	uint8_t *tmp = j->scratch->view[BH_INSPECT_VIEWS];
	struct bh_view hex;
	size_t at = 0;

	if (j->where == BH_AT_COOKIE && v->len < 4)
		return;
	/* No path without a separator, a dot or a drive's colon. */
	if ((j->kinds & (BH_KIND_SLASH | BH_KIND_BACKSLASH | BH_KIND_DOT | BH_KIND_COLON)) &&
	    judge(j, v, &at)) {
		bh_judge_hit(j, BH_INSPECT_TRAVERSAL, at);
		return;
	}
	hex = (struct bh_view){tmp, 0};
	if (j->kinds & BH_KIND_DIGIT)
		hex.len = from_hex(tmp, BH_INSPECT_PIECE, v);
	if (hex.len == 0 && (j->kinds & BH_KIND_CONTROL))
		hex.len = without_controls(tmp, v);
	if (hex.len > 0 && judge(j, &hex, &at))
		bh_judge_hit(j, BH_INSPECT_TRAVERSAL, 0);
}
