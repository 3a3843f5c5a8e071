/* A configuration, read from text: one for a test's file, too large for a stack. */
#ifndef BH_TEST_CONF_RIG_H
#define BH_TEST_CONF_RIG_H

#include "../../lib/conf/conf.h"
#include "unit.h"

static struct bh_config config;

static int
load(const char *text, struct bh_err *err)
{
	*err = (struct bh_err){0};
	return bh_config_load_text(&config, "/etc/bulkhead/bulkhead.yaml", text, strlen(text),
				   false, err);
}

#endif
