/* sensor_priv: what the files of this room share. */
#ifndef BH_SENSOR_PRIV_H
#define BH_SENSOR_PRIV_H

#include "sensor.h"

/* model.c: zeroed memory that lives as long as the model; NULL: none left. */
void *bh_sensor_take(struct bh_sensor_model *m, size_t size);

#endif
