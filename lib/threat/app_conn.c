/* A connection, whatever it speaks: its bytes to the detector of its application. */
#include <stdio.h>

#include "app_priv.h"

enum kind { KIND_NONE, KIND_TLS, KIND_SSH, KIND_HTTP, KIND_HTTP2, KIND_LOGIN, KIND_DNS };

void
bh_threat_hit(const struct bh_threat_ctx *ctx, unsigned threat, const char *fmt, ...)
{
	char text[128];
	va_list ap;

	if (!ctx->rule[threat].on)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ctx->hit(ctx->arg, threat, text);
}

static enum kind
kind_of(unsigned app)
{
	if (app == BH_APP_TLS)
		return KIND_TLS;
	if (app == BH_APP_SSH)
		return KIND_SSH;
	if (app == BH_APP_DNS)
		return KIND_DNS;
	if (bh_app_is(app, BH_APP_HTTP2))
		return KIND_HTTP2;
	if (bh_app_is(app, BH_APP_HTTP))
		return KIND_HTTP;
	return bh_threat_login_knows(app) ? KIND_LOGIN : KIND_NONE;
}

bool
bh_threat_conn_open(struct bh_threat_conn *c, unsigned app)
{
	enum kind kind = kind_of(app);

	c->kind = (uint8_t)kind;
	c->app = (uint8_t)app;
	c->done = kind == KIND_NONE;
	/* Only what is read before it is written. */
	switch (kind) {
	case KIND_TLS:
		memset(&c->u.tls, 0, offsetof(struct bh_threat_tls, message));
		break;
	case KIND_SSH:
		memset(&c->u.ssh, 0, sizeof(c->u.ssh));
		break;
	case KIND_HTTP:
		memset(&c->u.http, 0, offsetof(struct bh_threat_http, reader.request));
		break;
	case KIND_HTTP2:
		memset(&c->u.http2, 0, sizeof(c->u.http2));
		break;
	case KIND_LOGIN:
		memset(&c->u.login, 0, sizeof(c->u.login));
		c->u.login.app = (uint8_t)app;
		break;
	case KIND_DNS:
		memset(&c->u.dns, 0, sizeof(c->u.dns));
		break;
	default:
		break;
	}
	return !c->done;
}

static void
feed_http(struct bh_threat_conn *c, const struct bh_threat_ctx *ctx, unsigned side,
	  const struct bh_cur *in, bool ended)
{
	struct bh_threat_http *h = &c->u.http;

	bh_threat_http_feed(h, ctx, side, in->p, (uint32_t)bh_cur_left(in), ended);
	c->done = h->done;
	if (h->done && h->became == BH_APP_HTTP2)
		bh_threat_conn_open(c, BH_APP_HTTP2);
}

void
bh_threat_conn_feed(struct bh_threat_conn *c, const struct bh_threat_ctx *ctx, unsigned side,
		    const uint8_t *at, uint32_t n, bool ended)
{
	const struct bh_cur in = bh_cur(at, n);

	if (c->done)
		return;
	switch (c->kind) {
	case KIND_TLS:
		bh_threat_tls_feed(&c->u.tls, ctx, side, at, n);
		c->done = c->u.tls.done;
		break;
	case KIND_SSH:
		bh_threat_ssh_feed(&c->u.ssh, ctx, side, at, n);
		c->done = c->u.ssh.done;
		break;
	case KIND_HTTP:
		feed_http(c, ctx, side, &in, ended);
		break;
	case KIND_HTTP2:
		bh_threat_http2_feed(&c->u.http2, ctx, side, at, n);
		c->done = c->u.http2.done;
		break;
	case KIND_DNS:
		bh_threat_dns_feed(&c->u.dns, ctx, side, at, n);
		break;
	default:
		bh_threat_login_feed(&c->u.login, ctx, side, at, n);
		c->done = c->u.login.done;
		break;
	}
}

void
bh_threat_conn_tick(struct bh_threat_conn *c, const struct bh_threat_ctx *ctx, uint32_t window)
{
	if (c->done || c->kind != KIND_HTTP)
		return;
	bh_threat_http_tick(&c->u.http, ctx);
	bh_threat_http_window(&c->u.http, ctx, window);
}

void
bh_threat_conn_close(struct bh_threat_conn *c, const struct bh_threat_ctx *ctx)
{
	if (c->kind == KIND_SSH)
		bh_threat_ssh_close(&c->u.ssh, ctx);
	c->kind = KIND_NONE;
	c->done = true;
}
