/* path: names of files that only their system should read. Private to inspect. */
#ifndef BH_INSPECT_PATH_H
#define BH_INSPECT_PATH_H

#include "inspect_priv.h"

static inline bool
bh_path_is_slash(uint8_t c)
{
	return c == '/' || c == '\\';
}

/* Is one of them named, in any directory? *at: where. */
bool bh_path_names_file(const struct bh_view *v, size_t *at);
/* The whole value is a path, and nothing else. */
bool bh_path_is_path(const struct bh_view *v);
/* An absolute path, or a file: address, into a system's own directories. */
bool bh_path_is_system(const struct bh_view *v);
/* A hidden file's name alone, without a directory: .htaccess, .ssh/id_rsa */
bool bh_path_is_hidden(const struct bh_view *v);

#endif
