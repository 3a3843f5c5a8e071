/* dlp_number: numbers that carry their own proof. Private to inspect. Each takes the text and a place, and returns the
 * length of the number that begins there, or 0. */
#ifndef BH_INSPECT_DLP_NUMBER_H
#define BH_INSPECT_DLP_NUMBER_H

#include "inspect_priv.h"

size_t bh_dlp_card(const struct bh_view *v, size_t pos);
/* Behind a card's number: is the rest of a magnetic stripe there? */
bool bh_dlp_track(const struct bh_view *v, size_t end);
size_t bh_dlp_ssn(const struct bh_view *v, size_t pos);
size_t bh_dlp_phone(const struct bh_view *v, size_t pos);
size_t bh_dlp_iban(const struct bh_view *v, size_t pos);
size_t bh_dlp_national(const struct bh_view *v, size_t pos);
size_t bh_dlp_passport(const struct bh_view *v, size_t pos);
size_t bh_dlp_email(const struct bh_view *v, size_t at); /* at: of '@'; looks back, too */

#endif
