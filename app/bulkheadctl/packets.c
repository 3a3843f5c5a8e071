/* packets: files of packets that the gateway keeps, be they evidence or captures. */
#include "ctl.h"

int
bh_ctl_packets_ask(struct bh_ctl *ctl, const char *kind, const char *method, const char *name,
		   struct bh_ctl_reply *r)
{
	struct bh_buf path = {0};
	int rc;

	bh_buf_printf(&path, "/%s/", kind);
	bh_ctl_encode(&path, name);
	rc = bh_ctl_call(ctl,
			 &(struct bh_ctl_request){.method = method,
						  .path = path.failed ? "/" : path.data},
			 r);
	bh_buf_free(&path);
	return rc;
}

int
bh_ctl_packets_get(struct bh_ctl *ctl, const char *kind, const char *name)
{
	struct bh_ctl_reply r = {0};
	int rc;

	if (ctl->width != 0) {
		fprintf(ctl->err, "bulkheadctl: this is a capture, not for a terminal: > FILE\n");
		return BH_CTL_USAGE;
	}
	rc = bh_ctl_packets_ask(ctl, kind, "GET", name, &r);
	if (rc == 0 &&
	    (fwrite(r.text.data, 1, r.text.len, ctl->out) != r.text.len || fflush(ctl->out) != 0)) {
		fprintf(ctl->err, "bulkheadctl: cannot write all of it\n");
		rc = BH_CTL_NO;
	}
	bh_ctl_reply_free(&r);
	return rc;
}

int
bh_ctl_packets_list(struct bh_ctl *ctl, const char *kind)
{
	char **word = ctl->a.word, own[16];
	char *words[] = {own};
	int n_words = ctl->a.n_words, rc;

	snprintf(own, sizeof(own), "%s", kind);
	ctl->a.word = words;
	ctl->a.n_words = 1;
	rc = bh_ctl_get(ctl);
	ctl->a.word = word;
	ctl->a.n_words = n_words;
	return rc;
}
