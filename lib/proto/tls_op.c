/* A hello as an operation. */
#include "tls_op.h"

static unsigned
field(const struct bh_hello_words *w, unsigned tls, unsigned quic)
{
	return w->quic ? quic : tls;
}

/* With ECH the server may act on names that are encrypted: what is readable is a front, and no name that a list could
 * allow. */
static void
add_names(const struct bh_hello *h, struct bh_hello_words *w, struct bh_op *op)
{
	unsigned len;

	if (h->ech) {
		bh_op_add(op, field(w, BH_OP_TLS_ECH, BH_OP_QUIC_ECH), "offered", 7);
		if (h->has_sni)
			bh_op_add(op, field(w, BH_OP_TLS_FRONT, BH_OP_QUIC_FRONT), h->sni,
				  h->sni_len);
		return;
	}
	if (h->has_sni)
		bh_op_add(op, field(w, BH_OP_TLS_SNI, BH_OP_QUIC_SNI), h->sni, h->sni_len);
	len = bh_mesh_service(h->sni, h->sni_len, w->service);
	if (len != 0)
		bh_op_add(op, field(w, BH_OP_TLS_SERVICE, BH_OP_QUIC_SERVICE), w->service, len);
}

void
bh_hello_op(const struct bh_hello *h, struct bh_hello_words *w, struct bh_op *op)
{
	const char *version = bh_tls_version_text(h->version);
	const uint8_t *name;
	uint16_t at = 0;
	uint8_t len;

	add_names(h, w, op);
	if (!w->quic)
		bh_op_add(op, BH_OP_TLS_VERSION, version, strlen(version));
	bh_ja4(h, w->quic ? 'q' : 't', w->ja4);
	bh_ja3(h, w->ja3);
	bh_op_add(op, field(w, BH_OP_TLS_JA3, BH_OP_QUIC_JA3), w->ja3, sizeof(w->ja3));
	bh_op_add(op, field(w, BH_OP_TLS_JA4, BH_OP_QUIC_JA4), w->ja4, sizeof(w->ja4));
	if (!w->quic && bh_mesh_name(h) != NULL)
		bh_op_add(op, BH_OP_TLS_MESH, bh_mesh_name(h), strlen(bh_mesh_name(h)));
	while (bh_hello_alpn(h, &at, &name, &len))
		bh_op_add(op, field(w, BH_OP_TLS_ALPN, BH_OP_QUIC_ALPN), name, len);
	/* Protocols, too, may be offered in secret. */
	if (h->ech || h->alpn.more || h->ciphers.more || h->groups.more || h->signatures.more ||
	    h->formats.more)
		op->flags |= BH_OP_PARTIAL;
}
