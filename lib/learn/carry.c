/* What was learned goes on beside what is written. */
#include <errno.h>

#include "draft.h"

int
bh_document_carry(const struct bh_buf *force, const char *text, size_t len, struct bh_buf *out,
		  bool *carried, struct bh_err *err)
{
	struct bh_buf learned = {0}, own = {0};
	bool carry;
	int rc = 0;

	if (force->len != 0)
		bh_document_learned(force->data, force->len, &learned);
	bh_document_learned(text, len, &own);
	carry = learned.len != 0 && own.len == 0;
	if (carry)
		rc = bh_document_with(text, len, learned.data, out, err);
	else
		bh_buf_add(out, text, len);
	if (rc == 0 && (learned.failed || own.failed || out->failed))
		rc = bh_err_set(err, ENOMEM, "out of memory");
	if (carried != NULL)
		*carried = carry;
	bh_buf_free(&learned);
	bh_buf_free(&own);
	return rc;
}
