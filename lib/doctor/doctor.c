/* The table, the report, and the order in which things are looked at. */
#include <stdio.h>
#include <stdlib.h>

#include "doctor_priv.h"

static const struct bh_doctor_info table[] = {
#define BH_DOCTOR(sym, name, severity, title, why, fix)                                            \
	[BH_DOCTOR_##sym] = {name, BH_DOCTOR_SEVERITY_##severity, title, why, fix},
#include "doctor.def"
#undef BH_DOCTOR
};

const struct bh_doctor_info *
bh_doctor_info(enum bh_doctor_what what)
{
	return &table[what];
}

const char *
bh_doctor_severity_name(enum bh_doctor_severity s)
{
	return s == BH_DOCTOR_SEVERITY_FAULT ? "fault" : "warning";
}

/* The table's fix with {} and {value} filled in; cut where it does not fit. */
static void
fill_fix(char *out, size_t size, const char *fix, const char *subject, const char *value)
{
	size_t n = 0;
	const char *put;

	out[0] = '\0';
	while (*fix != '\0' && n + 1 < size) {
		put = NULL;
		if (strncmp(fix, "{}", 2) == 0) {
			put = subject;
			fix += 2;
		} else if (strncmp(fix, "{value}", 7) == 0) {
			put = value;
			fix += 7;
		}
		if (put != NULL)
			n += (size_t)snprintf(out + n, size - n, "%s", put);
		else
			out[n++] = *fix++;
		if (n >= size)
			n = size - 1;
		out[n] = '\0';
	}
}

void
bh_doctor_add(struct bh_doctor_report *r, enum bh_doctor_what what, const char *subject,
	      const char *value, const char *fmt, ...)
{
	const struct bh_doctor_info *info = &table[what];
	struct bh_doctor_finding *f;
	va_list ap;

	if (info->severity == BH_DOCTOR_SEVERITY_FAULT)
		r->n_faults++;
	else
		r->n_warnings++;
	if (r->n == BH_DOCTOR_FINDINGS) {
		r->n_more++;
		return;
	}
	f = &r->finding[r->n++];
	f->what = what;
	snprintf(f->subject, sizeof(f->subject), "%s", subject != NULL ? subject : "");
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	fill_fix(f->fix, sizeof(f->fix), info->fix, f->subject, value != NULL ? value : "");
}

/* Its lock is a socket in the abstract namespace: lib/port/lock.c. */
static bool
gateway_runs(const struct bh_doctor *d)
{
	char name[160];
	struct bh_device device;
	bool found = false;
	unsigned i;
	char *text;

	if (d->c == NULL)
		return false;
	text = bh_doctor_text(d, "/proc/net/unix");
	for (i = 0; text != NULL && i < d->c->n_ports && !found; i++) {
		if (bh_device_parse(&device, d->c->port[i].device, NULL) != 0)
			continue;
		snprintf(name, sizeof(name), "@bulkhead/port/%s", device.key);
		found = bh_doctor_has_word(text, name);
	}
	free(text);
	return found;
}

void
bh_doctor_examine(const struct bh_doctor_params *p, struct bh_doctor_report *out)
{
	const struct bh_doctor d = {.p = p, .c = p->config, .facts = p->facts, .r = out};

	out->running = gateway_runs(&d);
	bh_doctor_check_files(&d);
	bh_doctor_check_ports(&d);
	bh_doctor_check_cpus(&d);
	bh_doctor_check_memory(&d);
	bh_doctor_check_network(&d);
	bh_doctor_check_system(&d);
}
