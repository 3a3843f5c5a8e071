/* capture: packets of live traffic, begun, ended, listed, fetched, deleted. */
#include <stdlib.h>
#include <time.h>

#include "ctl.h"

#define CAPTURES "captures"
#define CAPTURE_TRIES 50 /* until the file of a capture that was ended is there */

static int
capture_usage(struct bh_ctl *ctl)
{
	fprintf(ctl->err, "usage: bulkheadctl capture start [--filter NAME=VALUE]... [--for TIME] "
			  "[--count PACKETS] [--size BYTES] [--why TEXT]\n"
			  "       bulkheadctl capture list | stop NAME | get NAME >FILE | delete "
			  "NAME\n");
	return BH_CTL_USAGE;
}

static const char *
capture_option(const struct bh_ctl_option *o)
{
	return o->n != 0 ? o->value[o->n - 1] : NULL;
}

/* One --filter into the body. */
static bool
capture_filter(json_t *body, const char *text)
{
	static const char lists[] = "address segment", numbers[] = "port",
			  texts[] = "application verdict protocol";
	const char *eq = strchr(text, '=');
	char name[16], plural[24];
	uint64_t n;

	if (eq == NULL || (size_t)(eq - text) >= sizeof(name))
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(eq - text), text);
	if (bh_ctl_word_in(name, lists)) {
		snprintf(plural, sizeof(plural), "%s%s", name,
			 strcmp(name, "address") == 0 ? "es" : "s");
		if (json_object_get(body, plural) == NULL)
			json_object_set_new(body, plural, json_array());
		return json_array_append_new(json_object_get(body, plural), json_string(eq + 1)) ==
		       0;
	}
	if (bh_ctl_word_in(name, numbers))
		return bh_ctl_number(eq + 1, UINT16_MAX, &n) &&
		       json_object_set_new(body, name, json_integer((json_int_t)n)) == 0;
	return bh_ctl_word_in(name, texts) &&
	       json_object_set_new(body, name, json_string(eq + 1)) == 0;
}

static bool
capture_number(json_t *body, const char *name, const struct bh_ctl_option *o)
{
	uint64_t n;

	return o->n == 0 || (bh_ctl_number(capture_option(o), INT64_MAX, &n) &&
			     json_object_set_new(body, name, json_integer((json_int_t)n)) == 0);
}

static json_t *
capture_body(struct bh_ctl *ctl)
{
	json_t *body = json_object();
	unsigned i;
	bool good = true;

	for (i = 0; i < ctl->a.filter.n && good; i++)
		good = capture_filter(body, ctl->a.filter.value[i]);
	good = good && capture_number(body, "packets", &ctl->a.count) &&
	       capture_number(body, "bytes", &ctl->a.size);
	if (capture_option(&ctl->a.time) != NULL)
		json_object_set_new(body, "for", json_string(capture_option(&ctl->a.time)));
	if (capture_option(&ctl->a.why) != NULL)
		json_object_set_new(body, "why", json_string(capture_option(&ctl->a.why)));
	if (bh_ctl_author() != NULL)
		json_object_set_new(body, "author", json_string(bh_ctl_author()));
	if (good)
		return body;
	json_decref(body);
	return NULL;
}

static int
capture_start(struct bh_ctl *ctl)
{
	struct bh_ctl_reply r = {0};
	json_t *body = capture_body(ctl);
	const char *name;
	char *text;
	int rc;

	if (body == NULL)
		return capture_usage(ctl);
	text = json_dumps(body, JSON_COMPACT);
	rc = bh_ctl_call(ctl,
			 &(struct bh_ctl_request){.method = "POST",
						  .path = "/" CAPTURES,
						  .body = text,
						  .len = text != NULL ? strlen(text) : 0,
						  .content_type = "application/json"},
			 &r);
	name = json_string_value(json_object_get(r.json, "name"));
	if (rc == 0 && ctl->a.format == BH_OUTPUT_JSON) {
		bh_ctl_print_json(ctl, r.json);
	} else if (rc == 0 && name != NULL) {
		bh_ctl_put_clean(ctl->out, name);
		fputc('\n', ctl->out);
	}
	bh_ctl_reply_free(&r);
	free(text);
	json_decref(body);
	return rc;
}

/* What is called `name` now: "running", "ending", "done", or "" when there is nothing. */
static int
capture_state(struct bh_ctl *ctl, const char *name, char *out, size_t size)
{
	struct bh_ctl_reply r = {0};
	int rc = bh_ctl_get_json(ctl, "/" CAPTURES, &r);
	const char *is, *state;
	json_t *item;
	size_t i;

	out[0] = '\0';
	json_array_foreach(json_object_get(r.json, "items"), i, item)
	{
		is = json_string_value(json_object_get(item, "name"));
		state = json_string_value(json_object_get(item, "state"));
		if (is != NULL && state != NULL && strcmp(is, name) == 0)
			snprintf(out, size, "%s", state);
	}
	bh_ctl_reply_free(&r);
	return rc;
}

/* stop: whoever says it wants the file, and never that a file that is done goes. */
static int
capture_end(struct bh_ctl *ctl, const char *name, bool stop)
{
	const struct timespec moment = {.tv_nsec = 100 * 1000 * 1000};
	struct bh_ctl_reply r = {0};
	char state[16] = "";
	unsigned i;
	int rc = 0;

	if (stop)
		rc = capture_state(ctl, name, state, sizeof(state));
	if (rc == 0 && strcmp(state, "done") != 0)
		rc = bh_ctl_packets_ask(ctl, CAPTURES, "DELETE", name, &r);
	for (i = 0; stop && rc == 0 && i < CAPTURE_TRIES && strcmp(state, "done") != 0; i++) {
		nanosleep(&moment, NULL);
		rc = capture_state(ctl, name, state, sizeof(state));
	}
	if (rc == 0)
		fputs(stop ? "stopped\n" : "deleted\n", ctl->out);
	bh_ctl_reply_free(&r);
	return rc;
}

int
bh_ctl_capture(struct bh_ctl *ctl)
{
	const char *what = ctl->a.word[0];

	if (ctl->a.n_words == 1) {
		if (strcmp(what, "start") == 0)
			return capture_start(ctl);
		return strcmp(what, "list") == 0 ? bh_ctl_packets_list(ctl, CAPTURES)
						 : capture_usage(ctl);
	}
	if (strcmp(what, "get") == 0)
		return bh_ctl_packets_get(ctl, CAPTURES, ctl->a.word[1]);
	if (strcmp(what, "stop") == 0 || strcmp(what, "delete") == 0)
		return capture_end(ctl, ctl->a.word[1], what[0] == 's');
	return capture_usage(ctl);
}
