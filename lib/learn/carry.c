/* What was learned, and what clusters wish, goes on beside what is written. */
#include <errno.h>

#include "draft.h"

/* *text becomes the document with the part that was in force, in out, where it has none of its own. */
static int
carry_part(const struct bh_buf *force, const char *key, const char **text, size_t *len,
	   struct bh_buf *out, struct bh_err *err)
{
	struct bh_buf part = {0}, own = {0};
	int rc = 0;

	if (force->len != 0)
		bh_document_part(force->data, force->len, key, &part);
	bh_document_part(*text, *len, key, &own);
	if (part.failed || own.failed)
		rc = bh_err_set(err, ENOMEM, "out of memory");
	if (rc == 0 && part.len != 0 && own.len == 0) {
		rc = bh_document_with_part(*text, *len, key, part.data, out, err);
		*text = out->data;
		*len = out->len;
	}
	bh_buf_free(&part);
	bh_buf_free(&own);
	return rc;
}

int
bh_document_carry(const struct bh_buf *force, const char *text, size_t len, struct bh_buf *out,
		  bool *carried, struct bh_err *err)
{
	struct bh_buf first = {0}, second = {0};
	const char *at = text;
	int rc = carry_part(force, "clusters:", &at, &len, &first, err);

	if (rc == 0)
		rc = carry_part(force, "learned:", &at, &len, &second, err);
	if (rc == 0) {
		bh_buf_add(out, at, len);
		if (out->failed)
			rc = bh_err_set(err, ENOMEM, "out of memory");
	}
	if (carried != NULL)
		*carried = at != text;
	bh_buf_free(&first);
	bh_buf_free(&second);
	return rc;
}
