/* What PCI DSS v4.0.1 asks of a network security control, line by line, and what of the report answers it. `met`: shown
 * here. `attention`: shown here, and something is to be done. `elsewhere`: not this gateway's to show. */
#include <stdio.h>
#include <sys/timex.h>
#include <time.h>

#include "report.h"

enum answer { MET, ATTENTION, ELSEWHERE };
static const char *const answers[] = {"met", "attention", "elsewhere"};

static void BH_PRINTF(5, 6) ask(struct bh_report *r, const char *req, const char *asks,
				enum answer a, const char *fmt, ...)
{
	char text[700];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(json_object_get(r->o, "requirements"),
			      json_pack("{s:s, s:s, s:s, s:o}", "requirement", req, "asks", asks,
					"answer", answers[a], "evidence", bh_api_str(text)));
}

/* ---- counting paths ------------------------------------------------------------------------------------- */

struct paths {
	size_t all, unjustified, expired, unused, open_ended, in_clear, found;
};

/* RFC 3339 of bh_api_time; 0: none. */
static time_t
time_of(const char *s)
{
	struct tm tm = {0};

	if (sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
		   &tm.tm_min, &tm.tm_sec) != 6)
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return timegm(&tm);
}

static bool
has_direction(const json_t *rule, const char *word)
{
	const json_t *d;
	size_t i;

	json_array_foreach(json_object_get(rule, "directions"), i, d)
	{
		if (strcmp(json_string_value(d), word) == 0)
			return true;
	}
	return false;
}

static struct paths
count(const struct bh_report *r)
{
	time_t before = (time_t)(r->now_ns / BH_NS_PER_SEC) - BH_REPORT_DAYS * 86400;
	const json_t *list = bh_report_at(r->o, "paths"), *rule;
	struct paths p = {0};
	size_t i;

	json_array_foreach(list, i, rule)
	{
		const char *from = bh_report_text(rule, "from");
		bool in = has_direction(rule, "in");

		p.all++;
		p.unjustified += bh_report_text(rule, "owner")[0] == '\0' ||
				 bh_report_text(rule, "reason")[0] == '\0' ||
				 bh_report_text(rule, "expires")[0] == '\0';
		p.expired += json_is_true(json_object_get(rule, "expired"));
		p.unused += time_of(bh_report_text(rule, "last_used")) < before;
		p.open_ended +=
			in && (strcmp(from, "any") == 0 || strstr(from, "external") != NULL ||
			       strstr(from, "unknown") != NULL);
		p.in_clear += json_array_size(json_object_get(rule, "in_clear")) != 0;
		p.found += json_array_size(json_object_get(rule, "findings")) != 0;
	}
	return p;
}

/* ---- the lines ------------------------------------------------------------------------------------------ */

static void
ask_rules(struct bh_report *r)
{
	const json_t *o = r->o;
	struct paths p = count(r);
	json_int_t errors = bh_report_int(o, "lint.errors"),
		   without = bh_report_int(o, "trail.policy_changes_without_reason"), days = -1;
	bool stored = json_is_true(bh_report_at(o, "policy.runs_what_is_stored"));
	char reviewed[200] = "no review is recorded (bulkheadctl report review --zone NAME)";

	if (json_is_object(bh_report_at(o, "review"))) {
		days = (json_int_t)(r->now_ns / BH_NS_PER_SEC -
				    (uint64_t)bh_report_int(o, "review.time_s")) /
		       86400;
		snprintf(reviewed, sizeof(reviewed), "reviewed %lld days ago, by %.140s",
			 (long long)days, bh_report_text(o, "review.actor"));
	}
	ask(r, "1.2.1", "a standard for rule sets is applied", errors == 0 ? MET : ATTENTION,
	    "the linter checks each revision: %lld errors, %lld warnings in %lld rules; rules into "
	    "the zone without owner, reason and expiry are refused",
	    (long long)errors, (long long)bh_report_int(o, "lint.warnings"),
	    (long long)bh_report_int(o, "lint.rules"));
	ask(r, "1.2.2, 6.5.1", "changes are approved under change control",
	    json_is_true(bh_report_at(o, "trail.kept")) && without == 0 ? MET : ATTENTION,
	    "%lld policy changes in the period, each a revision with author and difference; %lld "
	    "without a reason or ticket; %lld were refused",
	    (long long)bh_report_int(o, "trail.policy_changes"), (long long)without,
	    (long long)bh_report_int(o, "trail.policy_changes_refused"));
	ask(r, "1.2.3, 1.2.4", "network and data-flow diagrams are accurate",
	    json_is_true(bh_report_at(o, "traffic.recorded")) ? MET : ATTENTION,
	    "paths as allowed and conversations as seen are listed below, of this moment: %zu "
	    "paths, %lld conversations",
	    p.all, (long long)bh_report_int(o, "traffic.conversations"));
	ask(r, "1.2.5", "every allowed service, protocol and port has a business need",
	    p.unjustified + p.expired == 0 ? MET : ATTENTION,
	    "%zu allowed paths: %zu lack owner, reason or expiry; %zu are past their expiry (and "
	    "no "
	    "longer count)",
	    p.all, p.unjustified, p.expired);
	ask(r, "1.2.6, 2.2.5", "insecure services are identified and mitigated",
	    p.in_clear == 0 ? MET : ATTENTION, "%zu paths allow protocols without encryption",
	    p.in_clear);
	ask(r, "1.2.7", "rules are reviewed every six months",
	    days >= 0 && days <= BH_REPORT_DAYS ? MET : ATTENTION,
	    "%zu paths were not used for %d days, the linter remarks on %zu; %s", p.unused,
	    BH_REPORT_DAYS, p.found, reviewed);
	ask(r, "1.2.8", "configuration is secured and consistent with what runs",
	    stored ? MET : ATTENTION,
	    stored ? "the policy in force has the SHA-256 of stored revision %lld; its file is "
		     "readable for the "
		     "gateway alone"
		   : "the policy in force is not the newest stored revision (%lld)",
	    (long long)bh_report_int(o, "policy.revision"));
}

static void
ask_access(struct bh_report *r)
{
	const json_t *o = r->o;
	struct paths p = count(r);
	json_int_t weak = bh_report_int(o, "zone.segments_not_in_protect");
	const char *override = bh_report_text(o, "zone.override"),
		   *mask = bh_report_text(o, "sensors.evidence_mask");
	bool enforced = weak == 0 && (override[0] == '\0' || strcmp(override, "protect") == 0);

	ask(r, "1.3.1, 1.3.2", "traffic in and out is what is necessary, all else is denied",
	    enforced ? MET : ATTENTION,
	    "what no rule allows is denied (%lld packets since the start); %lld segments of the "
	    "zone "
	    "are not in protect%s%s",
	    (long long)bh_report_int(o, "traffic.packets_default_deny"), (long long)weak,
	    override[0] != '\0' ? "; the whole box is in " : "", override);
	ask(r, "1.4.1, 1.4.2, 1.4.4", "controls stand between trusted and untrusted networks",
	    p.open_ended == 0 ? MET : ATTENTION,
	    "%zu paths lead in from anybody, external or unknown addresses", p.open_ended);
	ask(r, "1.4.3", "forged source addresses are blocked", MET,
	    "who an address is decides, in its own tenant; floods from forged sources: %lld "
	    "packets "
	    "dropped as threats since the start",
	    (long long)bh_report_int(o, "traffic.packets_threat"));
	ask(r, "1.4.5", "internal addresses are not disclosed", ELSEWHERE,
	    "the gateway is transparent and translates no addresses");
	ask(r, "2.2", "secure configuration, no defaults", MET,
	    "there is no default credential: without a token of its own the API refuses changes");
	ask(r, "3.3 to 3.5", "card numbers are masked",
	    strcmp(mask, "never") == 0 ? ATTENTION : MET,
	    "excerpts in events are masked always; packets around alerts: %s%s",
	    mask[0] != '\0' ? "evidence.mask: " : "none are kept", mask);
	ask(r, "7, 8", "least privilege, unique identities, MFA", ELSEWHERE,
	    "one token changes the gateway, and its bearer says who he is; unique identities and "
	    "MFA belong to what "
	    "stands before the API");
}

static void
ask_records(struct bh_report *r)
{
	const json_t *o = r->o;
	bool intact = json_is_true(bh_report_at(o, "integrity.intact"));
	json_int_t failures = bh_report_int(o, "trail.failures"),
		   lost = bh_report_int(o, "sensors.audit_entries_lost") +
			  bh_report_int(o, "sensors.event_lines_lost");
	struct timex t = {0};
	int state = adjtimex(&t);

	ask(r, "10.2.1, 10.2.2",
	    "administrative actions are recorded: who, what, when, result, where",
	    intact ? MET : ATTENTION, "%lld entries of the audit log in the period",
	    (long long)bh_report_int(o, "trail.entries"));
	ask(r, "10.3", "records are protected against change", intact ? MET : ATTENTION,
	    intact ? "each entry holds the hash of the one before; all %lld were verified for this "
		     "report, head %.16s..."
		   : "VERIFICATION FAILED after %lld entries: %s",
	    (long long)bh_report_int(o, "integrity.entries"),
	    intact ? bh_report_text(o, "integrity.head") : bh_report_text(o, "integrity.why"));
	ask(r, "10.4, 10.5.1", "records are reviewed and kept for 12 months",
	    json_is_true(bh_report_at(o, "trail.kept")) ? MET : ATTENTION,
	    "the audit log is never shortened; its oldest entry of the period is of %s",
	    bh_report_text(o, "trail.oldest")[0] != '\0' ? bh_report_text(o, "trail.oldest")
							 : "never");
	ask(r, "10.6", "clocks are synchronised",
	    state >= 0 && (t.status & STA_UNSYNC) == 0 ? MET : ATTENTION,
	    state >= 0 && (t.status & STA_UNSYNC) == 0
		    ? "the system clock is synchronised, its estimated error is %ld us"
		    : "the system clock is NOT synchronised (estimated error %ld us): run an NTP "
		      "client",
	    t.esterror);
	ask(r, "10.7.2, 10.7.3",
	    "failures of critical controls are detected, alerted and addressed",
	    failures == 0 && lost == 0 ? MET : ATTENTION,
	    "%lld failures in the period, each with start, end and cause below; %lld records were "
	    "lost",
	    (long long)failures, (long long)lost);
}

static void
ask_tests(struct bh_report *r)
{
	const json_t *o = r->o;
	const char *action = bh_report_text(o, "sensors.action");

	ask(r, "11.4.5, 11.4.6", "segmentation is tested at least yearly and after changes",
	    ELSEWHERE,
	    "a penetration test is not the gateway's; `bulkheadctl explain` and `whatif` show "
	    "beforehand what it should find");
	ask(r, "11.5.1", "intrusions are detected at the perimeter, signatures are current",
	    strcmp(action, "off") != 0 ? MET : ATTENTION,
	    "sensors: %s; built in with version %s; %lld rules in files, loaded %s", action,
	    bh_report_text(o, "sensors.built_in_version"),
	    (long long)bh_report_int(o, "sensors.files_rules"),
	    bh_report_text(o, "sensors.loaded")[0] != '\0' ? bh_report_text(o, "sensors.loaded")
							   : "never");
	ask(r, "11.5.2", "changes of critical files are detected", ELSEWHERE,
	    "of the policy: see 1.2.8; of the gateway's programs: with the system's own means");
	ask(r, "12.5.2", "the scope is confirmed",
	    json_is_true(bh_report_at(o, "traffic.recorded")) ? MET : ATTENTION,
	    "%lld members; whoever may reach them, and whoever was seen to talk to them, is listed "
	    "below",
	    (long long)bh_report_int(o, "zone.members"));
	ask(r, "12.10.5", "alerts of network controls are responded to",
	    bh_report_text(o, "events_to")[0] != '\0' ? MET : ATTENTION, "alerts are written to %s",
	    bh_report_text(o, "events_to")[0] != '\0' ? bh_report_text(o, "events_to")
						      : "nowhere (events.file)");
}

void
bh_report_asks(struct bh_report *r)
{
	json_object_set_new(r->o, "requirements", json_array());
	ask_rules(r);
	ask_access(r);
	ask_records(r);
	ask_tests(r);
}
