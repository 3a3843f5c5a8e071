/* observe: events, a line each; with --follow as they happen, over restarts of the gateway. */
#include <stdlib.h>
#include <time.h>

#include "ctl.h"

#define OBSERVE_PAGE 500
#define OBSERVE_NORMAL 50
#define OBSERVE_PAUSE_S 1

struct observe {
	struct bh_ctl *ctl;
	uint64_t left;    /* lines to print */
	char last[24];    /* number of the newest event that came */
	struct bh_buf in; /* of the stream: a line that is not whole yet */
};

static void
observe_argument(struct bh_buf *path, const char *name, const struct bh_ctl_option *o)
{
	if (o->n == 0)
		return;
	bh_buf_printf(path, "%c%s=", strchr(path->data, '?') == NULL ? '?' : '&', name);
	bh_ctl_encode(path, o->value[o->n - 1]);
}

static void
observe_path(const struct bh_ctl_args *a, const char *list, struct bh_buf *path)
{
	bh_buf_str(path, list);
	observe_argument(path, "verdict", &a->verdict);
	observe_argument(path, "from", &a->from);
	observe_argument(path, "to", &a->to);
	observe_argument(path, "kind", &a->kind);
	observe_argument(path, "rule", &a->rule);
	observe_argument(path, "since", &a->since);
	observe_argument(path, "application", &a->application);
}

static const char *
observe_word(json_t *e, const char *path)
{
	const char *s = json_string_value(bh_ctl_value_at(e, path));

	return s != NULL ? s : "";
}

/* "web 10.1.0.7:4711" */
static void
observe_end(struct bh_buf *b, json_t *e, const char *side)
{
	const char *ip = observe_word(e, side[0] == 's' ? "src_ip" : "dest_ip");
	json_t *port = json_object_get(e, side[0] == 's' ? "src_port" : "dest_port");
	const char *segment =
		observe_word(e, side[0] == 's' ? "bulkhead.src_segment" : "bulkhead.dst_segment");

	bh_buf_printf(b, "%s%s", segment, segment[0] != '\0' ? " " : "");
	bh_buf_printf(b, strchr(ip, ':') != NULL && port != NULL ? "[%s]" : "%s", ip);
	if (port != NULL)
		bh_buf_printf(b, ":%lld", (long long)json_integer_value(port));
}

/* What a violation says is what protect would have done. */
static const char *
observe_verdict(json_t *e)
{
	const char *verdict = observe_word(e, "bulkhead.verdict");

	if (strcmp(observe_word(e, "bulkhead.kind"), "violation") == 0 &&
	    strcmp(observe_word(e, "bulkhead.mode"), "protect") != 0 && verdict[0] != '\0')
		return "violate";
	if (verdict[0] == '\0' && strcmp(observe_word(e, "event_type"), "drop") == 0)
		return "drop";
	return verdict[0] != '\0' ? verdict : "-";
}

static const char *
observe_colour(const char *verdict)
{
	return bh_ctl_word_in(verdict, "deny reject drop") ? "31"
	       : strcmp(verdict, "violate") == 0           ? "33"
	       : strcmp(verdict, "allow") == 0             ? "32"
							   : "0";
}

static const char *
observe_why(json_t *e)
{
	static const char *const paths[] = {"bulkhead.detail", "bulkhead.rule_id",
					    "bulkhead.reason", "drop.reason",
					    "alert.signature", "bulkhead.event"};
	const char *s = "";
	size_t i;

	if (strcmp(observe_word(e, "event_type"), "alert") == 0 &&
	    strcmp(observe_word(e, "bulkhead.kind"), "violation") != 0)
		return observe_word(e, "alert.signature");
	for (i = 0; i < BH_ARRAY_SIZE(paths) && s[0] == '\0'; i++)
		s = observe_word(e, paths[i]);
	return s;
}

static void
observe_line(struct bh_ctl *ctl, json_t *e)
{
	const char *verdict = observe_verdict(e), *kind = observe_word(e, "bulkhead.kind");
	const char *app = observe_word(e, "app_proto");
	struct bh_buf b = {0};

	if (kind[0] == '\0')
		kind = observe_word(e, "event_type");
	bh_buf_printf(&b, "%-26.26s  %-9s  ", observe_word(e, "timestamp"), kind);
	if (ctl->colour)
		bh_buf_printf(&b, "\033[%sm%-7s\033[0m  ", observe_colour(verdict), verdict);
	else
		bh_buf_printf(&b, "%-7s  ", verdict);
	if (!b.failed && ctl->colour) {
		/* What follows may be a stranger's words, and is cleaned; the colour is not. */
		fwrite(b.data, 1, b.len, ctl->out);
		bh_buf_reset(&b);
	}
	if (json_object_get(e, "src_ip") != NULL) {
		struct bh_buf ends = {0};

		observe_end(&ends, e, "src");
		bh_buf_str(&ends, " -> ");
		observe_end(&ends, e, "dst");
		bh_buf_printf(&b, "%-56s  %-4s %-8s  ", ends.failed ? "" : ends.data,
			      observe_word(e, "proto"), app[0] != '\0' ? app : "-");
		bh_buf_free(&ends);
	}
	bh_buf_str(&b, observe_why(e));
	if (!b.failed)
		bh_ctl_put_clean(ctl->out, b.data);
	fputc('\n', ctl->out);
	bh_buf_free(&b);
}

static void
observe_print(struct observe *o, const char *id, json_t *event)
{
	char *text;

	if (o->left == 0)
		return;
	o->left--;
	if (o->ctl->a.format != BH_OUTPUT_JSON) {
		observe_line(o->ctl, event);
		return;
	}
	text = json_dumps(event, JSON_COMPACT);
	fprintf(o->ctl->out, "{\"id\":\"%s\",\"event\":%s}\n", id, text != NULL ? text : "null");
	free(text);
}

/* ---- what was --------------------------------------------------------------------------------------- */

/* Page by page, newest first, into one list. */
static int
observe_collect(struct bh_ctl *ctl, const char *path, uint64_t want, json_t *all)
{
	struct bh_ctl_reply r = {0};
	struct bh_buf page = {0};
	char cursor[32] = "";
	const char *next;
	int rc;

	do {
		bh_buf_reset(&page);
		bh_buf_printf(&page, "%s%climit=%u%s%s", path,
			      strchr(path, '?') == NULL ? '?' : '&', OBSERVE_PAGE,
			      cursor[0] != '\0' ? "&cursor=" : "", cursor);
		rc = bh_ctl_get_json(ctl, page.failed ? "" : page.data, &r);
		next = json_string_value(json_object_get(r.json, "next"));
		snprintf(cursor, sizeof(cursor), "%s", rc == 0 && next != NULL ? next : "");
		if (rc == 0)
			json_array_extend(all, json_object_get(r.json, "items"));
		bh_ctl_reply_free(&r);
	} while (rc == 0 && cursor[0] != '\0' && json_array_size(all) < want);
	bh_buf_free(&page);
	return rc;
}

static int
observe_past(struct observe *o, const char *path)
{
	json_t *all = json_array(), *item;
	int rc = observe_collect(o->ctl, path, o->left, all);
	size_t i = json_array_size(all) < o->left ? json_array_size(all) : o->left;

	while (rc == 0 && i-- > 0) {
		item = json_array_get(all, i);
		observe_print(o, json_string_value(json_object_get(item, "id")),
			      json_object_get(item, "event"));
	}
	json_decref(all);
	return rc;
}

/* ---- what happens ----------------------------------------------------------------------------------- */

static void
observe_said(struct observe *o, const char *line)
{
	json_t *event;

	if (strncmp(line, "id: ", 4) == 0)
		snprintf(o->last, sizeof(o->last), "%s", line + 4);
	if (strncmp(line, "data: ", 6) != 0)
		return;
	event = json_loads(line + 6, 0, NULL);
	if (event != NULL && json_object_get(event, "event_type") != NULL)
		observe_print(o, o->last, event);
	else
		fprintf(o->ctl->err, "bulkheadctl: events were deleted before they were told: %s\n",
			line + 6);
	json_decref(event);
}

/* A piece of the stream. false: enough. */
static bool
observe_take(void *arg, const char *data, size_t len)
{
	struct observe *o = arg;
	char *nl, *p;

	bh_buf_add(&o->in, data, len);
	if (o->in.failed)
		return false;
	for (p = o->in.data; (nl = memchr(p, '\n', o->in.len - (size_t)(p - o->in.data))) != NULL;
	     p = nl + 1) {
		*nl = '\0';
		observe_said(o, p);
	}
	o->in.len -= (size_t)(p - o->in.data);
	memmove(o->in.data, p, o->in.len);
	fflush(o->ctl->out);
	return o->left != 0 && !ferror(o->ctl->out);
}

static int
observe_follow(struct observe *o, const char *path)
{
	const struct timespec pause = {.tv_sec = OBSERVE_PAUSE_S};
	bool begun = false;
	int rc;

	for (;;) {
		rc = bh_ctl_listen(o->ctl, path, o->last, observe_take, o, begun);
		if (o->left == 0 || ferror(o->ctl->out))
			return 0;
		/* The first time, no gateway is an answer; later it will be back. */
		if (rc != 0 && (!begun || rc != BH_CTL_UNREACHABLE))
			return rc;
		begun = true;
		bh_buf_reset(&o->in);
		nanosleep(&pause, NULL);
	}
}

int
bh_ctl_observe(struct bh_ctl *ctl)
{
	const struct bh_ctl_args *a = &ctl->a;
	bool follow = a->follow.n != 0;
	struct observe o = {.ctl = ctl, .left = follow ? UINT64_MAX : OBSERVE_NORMAL};
	struct bh_buf path = {0};
	int rc;

	if ((a->count.n != 0 &&
	     (!bh_ctl_number(a->count.value[a->count.n - 1], UINT32_MAX, &o.left) ||
	      o.left == 0))) {
		fprintf(ctl->err, "bulkheadctl: --count must be a number from 1\n");
		return BH_CTL_USAGE;
	}
	observe_path(a, follow ? "/events/stream" : "/events", &path);
	if (path.failed)
		rc = BH_CTL_USAGE;
	else
		rc = follow ? observe_follow(&o, path.data) : observe_past(&o, path.data);
	bh_buf_free(&path);
	bh_buf_free(&o.in);
	return rc;
}
