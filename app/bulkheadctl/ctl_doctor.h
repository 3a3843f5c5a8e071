/* doctor's two files. */
#ifndef BH_CTL_DOCTOR_H
#define BH_CTL_DOCTOR_H

#include "../../lib/doctor/doctor.h"
#include "ctl.h"

/* Ask the gateway that runs, if one does, what is wrong with it. c: NULL, or the configuration that says where its API is
 * when the command line does not. */
void bh_ctl_doctor_live(struct bh_ctl *ctl, const struct bh_config *c, struct bh_doctor_report *r);

#endif
