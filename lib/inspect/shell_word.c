/* Commands of Unix and Windows shells. */
#include "inspect_priv.h"

static const char *const commands[] = {
#include "command.def"
};

static const char *const words[] = {
#include "command_english.def"
};

bool
bh_is_command(const struct bh_view *name)
{
	return bh_in_list(name, 0, name->len, commands, BH_ARRAY_SIZE(commands));
}

bool
bh_is_english_command(const struct bh_view *name)
{
	return bh_in_list(name, 0, name->len, words, BH_ARRAY_SIZE(words));
}
