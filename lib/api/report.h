/* report: the PCI DSS report about one zone, as JSON, and any such JSON as a page.
 *
 *   report_pci.c    what is in it, in order
 *   report_zone.c   who is in the zone, and the rules that lead in and out
 *   report_talk.c   what was seen: conversations and denied attempts
 *   report_trail.c  the audit log: changes, failures of the gateway itself
 *   report_asks.c   the requirements, line by line, each with what answers it
 *   report_html.c   the page; report_style.c its style sheet
 *
 * Each part adds its members to the report's object. Nothing holds a lock of policy while it asks others.
 */
#ifndef BH_API_REPORT_H
#define BH_API_REPORT_H

#include "api_priv.h"

#define BH_REPORT_ITEMS 1000 /* of each list; totals are exact */
#define BH_REPORT_DAYS 180   /* a review's period (PCI DSS 1.2.7) */

struct bh_report {
	const struct bh_api_params *p;
	struct bh_scope *scope;
	uint64_t now_ns, since_ns; /* wall clock */
	json_t *o;
};

/* 0 with *out, -ENOENT (no such zone), -EINVAL (it is not marked cde), -ENOMEM; err says so. days: 0 is all there is. */
int bh_report_pci(const struct bh_api_params *p, const char *zone, uint64_t days, json_t **out,
		  struct bh_err *err);

int bh_report_zone(struct bh_report *r);          /* 0 or -ENOMEM */
bool bh_report_in_clear(const char *application); /* does it say all in clear? */
void bh_report_talk(struct bh_report *r);
int bh_report_trail(struct bh_report *r, struct bh_err *err);
void bh_report_asks(struct bh_report *r);

/* One page without scripts or anything from elsewhere; prints on A4. */
void bh_report_html(const json_t *o, struct bh_buf *out);
extern const char bh_report_style[];

/* Integer and text members, 0 and "" where there is none. "a.b" goes down. */
json_int_t bh_report_int(const json_t *o, const char *path);
const char *bh_report_text(const json_t *o, const char *path);
const json_t *bh_report_at(const json_t *o, const char *path);

#endif
