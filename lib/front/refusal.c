/* refusal: what libmicrohttpd refuses by itself. 0.9.75 finds some faults of a head (a Content-Length that is no number, a
 * missing Host, cookies that its memory does not hold) once all of it is there, queues its answer, and goes on with the
 * request as if nothing had happened: the answer's head is then sent twice, or no answer at all. It says so only in its
 * log, before it queues anything, and then this answers in its place; what it sends afterwards finds the socket shut. */
#include "front_priv.h"

#define SAYS "Error processing request (HTTP response code is %u"

/* The request at hand: everything here is one thread's, and any other request whose head is there was begun at once. */
static struct bh_front_req *
at_hand(const struct bh_front *f)
{
	struct bh_front_req *r;

	for (r = f->reqs; r != NULL; r = r->next) {
		if (!r->begun && !r->raw &&
		    MHD_get_connection_info(r->conn, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE) !=
			    NULL)
			return r;
	}
	return NULL;
}

void
bh_front_on_log(void *arg, const char *format, va_list words)
{
	struct bh_front *f = arg;
	struct bh_front_req *req;
	unsigned status;

	if (strncmp(format, SAYS, sizeof(SAYS) - 1) != 0)
		return;
	req = at_hand(f);
	if (req == NULL)
		return; /* of a line, or of a body: it answers once, and closes */
	status = va_arg(words, unsigned);
	if (status == MHD_HTTP_CONTENT_TOO_LARGE)
		bh_front_fail(req, BH_PROBLEM_TOO_LARGE, "Content-Length is beyond any limit");
	else if (status == MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE)
		bh_front_fail(req, BH_PROBLEM_HEAD_TOO_LARGE,
			      "request line and headers may have 32 KiB, their table included");
	else
		bh_front_fail(req, BH_PROBLEM_FRAMING, "Content-Length is not a plain number");
	(void)bh_front_reply_and_close(req);
}
