/* app_priv: what the detectors of applications share. */
#ifndef BH_THREAT_APP_PRIV_H
#define BH_THREAT_APP_PRIV_H

#include "threat_app.h"

#define BH_MIN_OF(a, b) ((a) < (b) ? (a) : (b))

/* A certificate's notAfter in Unix time and as text. False: not understood. */
bool bh_threat_certificate_end(const uint8_t *p, size_t len, int64_t *end, char text[20]);

#endif
