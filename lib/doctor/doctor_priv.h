/* What the files of this room share. */
#ifndef BH_DOCTOR_PRIV_H
#define BH_DOCTOR_PRIV_H

#include <sys/stat.h>

#include "doctor.h"

struct bh_doctor {
	const struct bh_doctor_params *p;
	const struct bh_config *c; /* NULL: none */
	const struct bh_doctor_facts *facts;
	struct bh_doctor_report *r;
};

/* ---- source.c: files below the root ------------------------------------------------------------------ */

/* Text of a file without what is white at its end, cut to size. false: it cannot be read; out is "". */
bool bh_doctor_read(const struct bh_doctor *d, char *out, size_t size, const char *fmt, ...)
	BH_PRINTF(4, 5);
/* false: the same, or it is no number. */
bool bh_doctor_number(const struct bh_doctor *d, uint64_t *out, const char *fmt, ...)
	BH_PRINTF(3, 4);
/* lstat is not wanted: links lead on, below the root when they are relative. */
bool bh_doctor_stat(const struct bh_doctor *d, struct stat *out, const char *fmt, ...)
	BH_PRINTF(3, 4);
void bh_doctor_path(const struct bh_doctor *d, char *out, size_t size, const char *path);
/* A whole file, as /proc's, which have no size; the caller frees. NULL: it cannot be read. */
char *bh_doctor_text(const struct bh_doctor *d, const char *path);
/* Next line of a text, at *at: NUL-terminated in place; NULL behind the last. */
char *bh_doctor_line(char **at);
/* Value behind "KEY:" or "KEY " of a text of lines, without leading blanks; "" when there is none. */
bool bh_doctor_field(const char *text, const char *key, char *out, size_t size);
/* Is a word of the text, which are separated by blanks or commas? */
bool bh_doctor_has_word(const char *text, const char *word);
/* CPUs and nodes as the kernel lists them, "0-3,8". */
#define BH_DOCTOR_CPUS 1024
struct bh_doctor_cpus {
	bool in[BH_DOCTOR_CPUS];
};
bool bh_doctor_cpus(struct bh_doctor_cpus *out, const char *list);

/* ---- check_*.c ----------------------------------------------------------------------------------------- */

void bh_doctor_check_memory(const struct bh_doctor *d);
void bh_doctor_check_cpus(const struct bh_doctor *d);
void bh_doctor_check_system(const struct bh_doctor *d);
void bh_doctor_check_ports(const struct bh_doctor *d);
void bh_doctor_check_network(const struct bh_doctor *d);
void bh_doctor_check_files(const struct bh_doctor *d);
/* NUMA node of a port's device, -1 when it is not known. */
int bh_doctor_port_node(const struct bh_doctor *d, const struct bh_device *device);
/* Bytes that the ports' buffers take. */
uint64_t bh_doctor_pool_bytes(const struct bh_config *c);

#endif
