/* /events/stream: server-sent events (WHATWG HTML, 9.2) out of the event store. A stream is a number, behind which is to be
 * said; so it loses nothing that the store still has, and a client that comes back with Last-Event-ID goes on where it was. */
#include <stdio.h>

#include "events.h"

#define STREAMS_MAX 16
#define BUDGET_NS (20 * BH_NS_PER_MS) /* of one turn; there are five a second */
#define EVENTS_A_TURN 500
#define BYTES_A_TURN (128u << 10)
#define BEAT_NS (10 * BH_NS_PER_SEC)

struct stream {
	struct bh_api *api;
	struct bh_record_query query;
	char who[BH_API_NAME_MAX];
	bool in_store; /* who is an identity that may be taken away */
	uint64_t beat_ns;
	struct bh_buf *out; /* of this turn */
};

static bool
add(void *arg, uint64_t id, const char *line, size_t len)
{
	struct stream *s = arg;

	bh_buf_printf(s->out, "id: %llu\ndata: ", (unsigned long long)id);
	bh_buf_add(s->out, line, len); /* one line: EVE escapes line ends */
	bh_buf_str(s->out, "\n\n");
	return s->out->len < BYTES_A_TURN;
}

static bool
may_still(const struct stream *s)
{
	enum bh_api_role role;

	return !s->in_store || (bh_api_identity_role(s->api, s->who, &role) &&
				(bh_api_role_rights(role) & 1u << BH_RIGHT_READ) != 0);
}

/* What was deleted before it could be said. */
static void
tell_gap(struct stream *s)
{
	struct bh_record_stats stats;

	bh_record_stats(s->api->p.record, &stats);
	if (s->query.after + 1 >= stats.oldest)
		return;
	bh_buf_printf(s->out, "event: gap\ndata: {\"from\":\"%llu\",\"to\":\"%llu\"}\n\n",
		      (unsigned long long)s->query.after + 1, (unsigned long long)stats.oldest - 1);
	s->query.after = stats.oldest - 1;
}

/* The id alone tells nobody anything, but moves a client on that filters nearly all. */
static void
beat(struct stream *s)
{
	uint64_t now = bh_clock_system.mono_ns(NULL);

	if (s->out->len == 0 && now - s->beat_ns >= BEAT_NS)
		bh_buf_printf(s->out, ": alive\nid: %llu\n\n", (unsigned long long)s->query.after);
	if (s->out->len != 0)
		s->beat_ns = now;
}

static bool
more(void *arg, struct bh_buf *out)
{
	struct stream *s = arg;
	uint64_t newest = bh_record_newest(s->api->p.record), reached;
	struct bh_err err = {0};

	s->out = out;
	if (!may_still(s))
		return false;
	if (newest > s->query.after) {
		tell_gap(s);
		s->query.before = newest + 1;
		if (bh_record_query(s->api->p.record, &s->query, add, s, &reached, &err) != 0) {
			bh_log(BH_LOG_ERROR, "a stream of events ends: %s", err.what);
			return false;
		}
		s->query.after = reached != 0 ? reached : newest;
	}
	beat(s);
	return true;
}

static void
end(void *arg)
{
	struct stream *s = arg;

	s->api->n_streams--;
	free(s);
}

/* Last-Event-ID, else where ?since= begins, else now. false: the reply is set. */
static bool
begin_at(struct bh_api_req *req, struct stream *s)
{
	const char *last = req->head.last_event_id;
	uint64_t newest = bh_record_newest(req->api->p.record), n;
	char *rest;

	if (last == NULL || last[0] == '\0') {
		s->query.after = s->query.filter.since_ns != 0 ? 0 : newest;
		/* From the first there is: what was deleted long ago is no gap. */
		if (s->query.after == 0) {
			struct bh_record_stats stats;

			bh_record_stats(req->api->p.record, &stats);
			s->query.after = stats.oldest != 0 ? stats.oldest - 1 : 0;
		}
		return true;
	}
	n = last[0] >= '0' && last[0] <= '9' ? strtoull(last, &rest, 10) : 0;
	if (last[0] < '0' || last[0] > '9' || *rest != '\0' || n > INT64_MAX) {
		bh_api_fail(req, BH_PROBLEM_BAD_REQUEST, NULL,
			    "Last-Event-ID must be the id of an event");
		return false;
	}
	/* Of another store than this. */
	s->query.after = n < newest ? n : newest;
	return true;
}

/* The filter's words are the request's, which lives as long as its stream. */
static struct stream *
make(struct bh_api_req *req)
{
	struct stream *s = calloc(1, sizeof(*s));
	enum bh_api_role role;

	if (s == NULL)
		return NULL;
	s->api = req->api;
	s->query = (struct bh_record_query){.oldest_first = true,
					    .max = EVENTS_A_TURN,
					    .budget_ns = BUDGET_NS};
	snprintf(s->who, sizeof(s->who), "%s", req->who);
	s->in_store = bh_api_identity_role(req->api, req->who, &role);
	s->beat_ns = bh_clock_system.mono_ns(NULL);
	return s;
}

void
bh_api_ep_events_stream(struct bh_api_req *req)
{
	struct stream *s;

	if (!bh_api_has_events(req))
		return;
	if (req->api->n_streams >= STREAMS_MAX) {
		snprintf(req->reply.retry_after, sizeof(req->reply.retry_after), "10");
		bh_api_fail(req, BH_PROBLEM_BUSY, NULL, "%u streams of events are open already",
			    STREAMS_MAX);
		return;
	}
	s = make(req);
	if (s == NULL)
		return;
	if (!bh_api_events_filter(req, &s->query.filter) || !begin_at(req, s)) {
		free(s);
		return;
	}
	req->reply.status = 200;
	req->reply.content_type = "text/event-stream";
	if (strcmp(req->head.method, "HEAD") == 0) {
		free(s);
		return;
	}
	req->api->n_streams++;
	req->stream = (struct bh_api_stream){.more = more, .end = end, .arg = s};
}
