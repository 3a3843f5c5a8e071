/* reply: JSON bodies and problems. */
#include <stdio.h>
#include <time.h>

#include "api_priv.h"

static const struct {
	unsigned status;
	const char *name, *title;
} problems[BH_PROBLEM_COUNT] = {
	[BH_PROBLEM_NONE] = {500, "none", "No problem"},
#define BH_PROBLEM(sym, s, n, t) [BH_PROBLEM_##sym] = {s, n, t},
#include "../ipc/problem.def"
#undef BH_PROBLEM
};

unsigned
bh_api_problem_status(enum bh_api_problem problem)
{
	return problems[problem].status;
}

/* One byte at a time: whatever is not ASCII becomes U+FFFD. Only texts that are not UTF-8 as a whole
 * get here, such as a sentence that was cut in the middle of a character. */
static json_t *
string_repaired(const char *s)
{
	struct bh_buf b = {0};
	json_t *out = NULL;

	for (; *s != '\0'; s++) {
		if ((unsigned char)*s < 0x80)
			bh_buf_add(&b, s, 1);
		else
			bh_buf_str(&b, "\xef\xbf\xbd");
	}
	if (!b.failed)
		out = json_string(b.data != NULL ? b.data : "");
	bh_buf_free(&b);
	return out;
}

json_t *
bh_api_str(const char *s)
{
	json_t *out = json_string(s);

	return out != NULL ? out : string_repaired(s);
}

json_t *
bh_api_time(uint64_t wall_ns)
{
	time_t sec = (time_t)(wall_ns / BH_NS_PER_SEC);
	char text[40];
	struct tm tm;
	size_t n;

	if (wall_ns == 0 || gmtime_r(&sec, &tm) == NULL)
		return json_null();
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, sizeof(text) - n, ".%03uZ",
		 (unsigned)(wall_ns % BH_NS_PER_SEC / BH_NS_PER_MS));
	return json_string(text);
}

static void
set_json(struct bh_api_reply *reply, unsigned status, json_t *body, const char *content_type)
{
	char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(body);
	reply->status = status;
	reply->content_type = content_type;
	if (text == NULL) {
		/* No memory for words: the status has to do. */
		reply->status = 500;
		return;
	}
	reply->body = text;
	reply->len = strlen(text);
}

void
bh_api_json(struct bh_api_req *req, unsigned status, json_t *body)
{
	if (req->reply.status != 0) {
		json_decref(body);
		return;
	}
	set_json(&req->reply, status, body, "application/json");
}

void
bh_api_text(struct bh_api_req *req, struct bh_buf *text, const char *content_type)
{
	if (req->reply.status != 0)
		return;
	if (text->failed) {
		bh_api_fail(req, BH_PROBLEM_INTERNAL, NULL, "out of memory");
		return;
	}
	req->reply.status = 200;
	req->reply.content_type = content_type;
	req->reply.body = text->data;
	req->reply.len = text->len;
	*text = (struct bh_buf){0};
}

void
bh_api_empty(struct bh_api_req *req, unsigned status)
{
	if (req->reply.status == 0)
		req->reply.status = status;
}

void
bh_api_fail(struct bh_api_req *req, enum bh_api_problem problem, const struct bh_api_where *where,
	    const char *fmt, ...)
{
	char type[64], detail[1024];
	va_list ap;
	json_t *o;

	if (req->reply.status != 0)
		return;
	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	snprintf(type, sizeof(type), "urn:bulkhead:problem:%s", problems[problem].name);
	o = json_pack("{s:s, s:s, s:i, s:o, s:o}", "type", type, "title", problems[problem].title,
		      "status", (int)problems[problem].status, "detail", bh_api_str(detail),
		      "instance", bh_api_str(req->uri != NULL ? req->uri : ""));
	if (o != NULL && where != NULL) {
		if (where->pointer != NULL)
			json_object_set_new(o, "pointer", bh_api_str(where->pointer));
		if (where->argument != NULL)
			json_object_set_new(o, "argument", bh_api_str(where->argument));
		if (where->line != 0)
			json_object_set_new(o, "line", json_integer(where->line));
		if (where->column != 0)
			json_object_set_new(o, "column", json_integer(where->column));
	}
	set_json(&req->reply, problems[problem].status, o, "application/problem+json");
}
