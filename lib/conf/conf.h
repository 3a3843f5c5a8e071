/* conf: YAML with positions, and the daemon's configuration.
 *
 * Usage     bh_yaml_load_file() or _text(), walk the nodes, bh_yaml_free(). Every node knows its line
 *           and column; the bh_yaml_get_* helpers write the error that a person needs.
 *           bh_config_load() reads bulkhead.yaml; config.def lists its scalar keys, config_list.def
 *           the lists.
 * Threads   control only; a document belongs to its caller.
 * Lifetime  nodes and strings live until bh_yaml_free.
 * Limits    anchors, aliases, tags and several documents are refused (a policy must read as it is
 *           written; alias bombs). Depth 64; size 64 MiB; scalars 64 KiB; 16 Mi nodes. JSON is YAML: it
 *           loads.
 */
#ifndef BH_CONF_H
#define BH_CONF_H

#include "../base/base.h"
#include "../base/sink.h"
#include "../threat/threat.h"

enum bh_yaml_type { BH_YAML_SCALAR, BH_YAML_LIST, BH_YAML_MAP };

struct bh_yaml {
	enum bh_yaml_type type;
	bool quoted;           /* scalar: was it quoted (then "true" is a string) */
	bool flat;             /* scalar: text[i] stands in column + quoted + i of the file */
	unsigned line, column; /* from 1 */
	const char *text;      /* scalar: NUL-terminated, no NUL inside */
	size_t n;              /* list: items; map: pairs */
	struct bh_yaml **item; /* list: items; map: values */
	struct bh_yaml **key;  /* map: keys (scalars); no key twice */
};

struct bh_yaml_doc; /* owns all nodes */

int bh_yaml_load_file(struct bh_yaml_doc **out, const char *path, struct bh_err *err);
int bh_yaml_load_text(struct bh_yaml_doc **out, const char *name, const char *text, size_t len,
		      struct bh_err *err);
/* Where the document that begins at p ends: a text of several is loaded one by one. *lines is how many
 * lines it has, to be added to those of what comes behind it. */
const char *bh_yaml_part(const char *p, const char *end, unsigned *lines);
const struct bh_yaml *bh_yaml_root(
	const struct bh_yaml_doc *doc);                  /* never NULL; may be empty map */
const char *bh_yaml_name(const struct bh_yaml_doc *doc); /* file name for errors */
void bh_yaml_free(struct bh_yaml_doc *doc);              /* NULL is fine */

/* Read a whole file of up to max bytes; *out is the caller's to free and ends with a NUL that *len
 * does not count. 0 or -errno with err set. */
int bh_file_read(const char *path, size_t max, char **out, size_t *len, struct bh_err *err);

/* Error at a node: "name:line:col: text". Returns -EINVAL. */
int bh_yaml_err(const struct bh_yaml_doc *doc, const struct bh_yaml *node, struct bh_err *err,
		const char *fmt, ...) BH_PRINTF(4, 5);
/* The same, at a byte of a scalar's text; at its start where the text is not flat. */
int bh_yaml_err_in(const struct bh_yaml_doc *doc, const struct bh_yaml *node, size_t offset,
		   struct bh_err *err, const char *fmt, ...) BH_PRINTF(5, 6);
/* "'text'", "a list", "nothing" ...: a node in the words of an error. Returns out. */
const char *bh_yaml_found(const struct bh_yaml *node, char *out, size_t size);
#define BH_FOUND_LEN 64

/* Value of a key, or NULL. node must be a map. Linear: for maps with few keys. */
const struct bh_yaml *bh_yaml_get(const struct bh_yaml *node, const char *key);
/* Is nothing written there ("key:", "key: ~", "key: null")? */
bool bh_yaml_is_null(const struct bh_yaml *node);
/* node must be a map and hold no key outside `known` (NULL-terminated): the error names the nearest
 * known key ("did you mean"). what: "a rule", "the configuration" ... */
int bh_yaml_check_map(const struct bh_yaml_doc *doc, const struct bh_yaml *node, const char *what,
		      const char *const known[], struct bh_err *err);
/* Typed scalars; the error says the range or the accepted words, and what was found instead. */
int bh_yaml_u64(const struct bh_yaml_doc *doc, const struct bh_yaml *node, uint64_t min,
		uint64_t max, uint64_t *out, struct bh_err *err); /* accepts 64k, 1M, 2G */
int bh_yaml_bool(const struct bh_yaml_doc *doc, const struct bh_yaml *node, bool *out,
		 struct bh_err *err);
int bh_yaml_duration_ms(const struct bh_yaml_doc *doc, const struct bh_yaml *node, uint64_t min,
			uint64_t max, uint64_t *out,
			struct bh_err *err); /* 500ms, 30s, 5m, 2h, 1d */
/* "30s" for 30000: the largest unit that leaves no rest. Returns out; 32 bytes are enough. */
const char *bh_duration_format(uint64_t ms, char *out, size_t size);
int bh_yaml_enum(const struct bh_yaml_doc *doc, const struct bh_yaml *node,
		 const char *const words[], unsigned *out, struct bh_err *err);
int bh_yaml_str(const struct bh_yaml_doc *doc, const struct bh_yaml *node, const char **out,
		struct bh_err *err); /* non-empty scalar */

/* Distance of two words in edits (insert, delete, replace, swap of neighbours), max + 1 when more. */
unsigned bh_word_distance(const char *a, const char *b, unsigned max);
/* Keep the better of *best and `word` for what was meant by `given`; start with *best = NULL and
 * *distance = 0. Only words near enough to be a slip are taken. */
void bh_word_nearest(const char *given, const char *word, const char **best, unsigned *distance);

/* An address or prefix: "10.0.0.0/8", "2001:db8::1". Host bits set are an error that names the
 * network meant. addr: 16 bytes, IPv4 in the first 4. */
struct bh_prefix {
	uint8_t addr[16];
	uint8_t family; /* 4 or 6 */
	uint8_t len;    /* bits */
};
int bh_prefix_parse(const char *text, struct bh_prefix *out, struct bh_err *err);
int bh_yaml_prefix(const struct bh_yaml_doc *doc, const struct bh_yaml *node, struct bh_prefix *out,
		   struct bh_err *err);
void bh_prefix_format(const struct bh_prefix *p, char *out, size_t size); /* 64 bytes are enough */
/* Clear the bits of addr (16 bytes) behind the first len; true when any was set. */
bool bh_prefix_mask(uint8_t addr[16], unsigned len);
/* Does a hold all of b? */
bool bh_prefix_covers(const struct bh_prefix *a, const struct bh_prefix *b);

/* Memory that lives and dies with a document. Zero-initialise; NULL when there is none left. */
struct bh_arena {
	struct bh_arena_block *block;
	uint8_t *p, *end;
	size_t bytes; /* taken from the heap */
};
void *bh_arena_alloc(struct bh_arena *a, size_t size);                 /* zeroed, aligned to 8 */
char *bh_arena_text(struct bh_arena *a, const char *text, size_t len); /* NUL-terminated copy */
/* Append a copy of *item to *list, an array of n items in the arena whose room doubles as it fills (list: the address of a
 * pointer to them; NULL at first). 0 or -ENOMEM. */
int bh_arena_push(struct bh_arena *a, void *list, size_t *n, const void *item, size_t size);
void bh_arena_free(struct bh_arena *a);

/* ---- the daemon's configuration ---------------------------------------------------------------- */

enum bh_idle { BH_IDLE_SPIN, BH_IDLE_SLEEP };
enum bh_check { BH_CHECK_IGNORE, BH_CHECK_DRIVER, BH_CHECK_VERIFY };
enum bh_huge { BH_HUGE_AUTO, BH_HUGE_ON, BH_HUGE_OFF };
enum bh_parse_apps { BH_PARSE_RULES, BH_PARSE_ALL };
enum bh_sensors {
	BH_INSPECT_OFF,
	BH_INSPECT_ALERT,
	BH_INSPECT_DENY,
	BH_INSPECT_REJECT,
	BH_INSPECT_CAPTURE, /* of inspect.actions alone, as the next */
	BH_INSPECT_QUARANTINE,
};
#define BH_INSPECT_UNSET 0xff /* of an action: what inspect.sensors says */
#define BH_INSPECT_CLASSES_MAX 64
#define BH_SENSOR_FILES 64
/* What becomes of ports when the gateway is gone. */
enum bh_failure { BH_FAILURE_CLOSED, BH_FAILURE_DOWN, BH_FAILURE_BYPASS };
enum bh_steer { BH_STEER_AUTO, BH_STEER_SOFTWARE };

#define BH_MAX_PAIRS 16
#define BH_MAX_PORTS (2 * BH_MAX_PAIRS)
#define BH_MAX_WORKERS 64

struct bh_config_port {
	char name[32];
	char device[256]; /* PCI address, devargs ("net_af_xdp0,iface=eth1"), "iface:eth1" = AF_XDP,
			   * else AF_PACKET, on that kernel interface, "packet:eth1" = AF_PACKET */
};

struct bh_config_pair {
	char name[32];
	uint8_t inside; /* index into ports */
	uint8_t outside;
};

/* Scalars come from config.def: field, key path, type, default, range, sentence. */
#define BH_RESOLVERS 3     /* as resolv.conf has (MAXNS) */
#define BH_EXTERNAL_IPS 64 /* addresses and prefixes of watching.external_ips */

#define BH_CONFIG_WORDS 32
struct bh_config_words {
	unsigned n;
	char word[BH_CONFIG_WORDS][160];
};

/* One of `sinks`; what its type does not have is empty. */
#define BH_CONFIG_SINKS 8
struct bh_config_sink {
	uint8_t type, form; /* line of base/sink.def; index among its forms */
	uint8_t kinds;      /* bits, by line of base/sink_kind.def */
	char name[32];      /* "syslog-1c9a42f0", of its target, where the user gave none */
	char to[256];       /* may hold a secret (webhook): never shown */
	char secret_file[256];
	struct bh_sink_options options;
};

#define BH_FLEET_ENDPOINTS 8

/* ---- config_secret.c: keys that hold a secret say where it is ------------------------------------------ */

enum bh_secret_place {
	BH_SECRET_FILE,       /* a path; "file:" has been taken off */
	BH_SECRET_CREDENTIAL, /* credential:NAME, of systemd */
	BH_SECRET_VAULT,      /* vault:PATH#FIELD */
};
/* Of what a configuration that was read says; *rest (or NULL): behind the word. */
enum bh_secret_place bh_secret_place(const char *place, const char **rest);

enum bh_vault_auth { BH_VAULT_TOKEN, BH_VAULT_APPROLE, BH_VAULT_KUBERNETES };

/* One of `sources`: who tells us labels. */
#define BH_CONFIG_SOURCES 8
enum bh_source_type { BH_SOURCE_KUBERNETES, BH_SOURCE_WATCHED_FILE };
#define BH_SOURCE_PODS 8 /* networks of a cluster's pods */
/* What becomes of a cluster's BulkheadSegments and BulkheadPolicies. */
enum bh_wishes { BH_WISHES_OFF, BH_WISHES_DRAFT, BH_WISHES_APPLY };
struct bh_config_source {
	uint8_t type;  /* enum bh_source_type */
	char name[64]; /* a cluster's: label k8s.cluster */
	char kubeconfig[256], context[128];
	bool in_cluster; /* what a pod's service account is given, instead of a kubeconfig */
	bool insecure;   /* a kubeconfig may say insecure-skip-tls-verify */
	char path[256];  /* of a file */
	uint64_t stale_ms;
	bool stale_drop;       /* then its endpoints are gone, instead of kept */
	bool network_policies; /* its NetworkPolicies are part of the policy */
	uint8_t resources;     /* enum bh_wishes */
	unsigned n_pods;
	struct bh_prefix pods[BH_SOURCE_PODS];
};

struct bh_config {
#define BH_CONFIG_U64(field, path, def, min, max, text) uint64_t field;
#define BH_CONFIG_MS(field, path, def, min, max, text) uint64_t field;
#define BH_CONFIG_BOOL(field, path, def, text) bool field;
#define BH_CONFIG_ENUM(field, path, words, def, text) unsigned field;
#define BH_CONFIG_STR(field, path, def, text) char field[256];
#include "config.def"
#undef BH_CONFIG_U64
#undef BH_CONFIG_MS
#undef BH_CONFIG_BOOL
#undef BH_CONFIG_ENUM
#undef BH_CONFIG_STR
	char path[256]; /* of this file; relative paths in it are relative to its folder */
	unsigned n_ports;
	struct bh_config_port port[BH_MAX_PORTS];
	unsigned n_pairs;
	struct bh_config_pair pair[BH_MAX_PAIRS];
	unsigned n_workers; /* 0: one on the last core */
	uint16_t worker_core[BH_MAX_WORKERS];
	uint32_t flow_timeout_ms[32]; /* by enum bh_flow_state, 0 = that state's default */
	bool frame_pass[16];          /* by enum bh_frame_kind: `frames:` of non-IP classes */
	uint16_t vxlan_port[4], geneve_port[4];
	uint8_t exception[BH_EXCEPTION_COUNT]; /* enum bh_exception_action */
	struct bh_threat_rule threat[BH_THREAT_COUNT];
	struct bh_threat_quota quota[BH_THREAT_QUOTAS];
	unsigned n_quotas;
	unsigned n_threat_segments; /* names that exceptions and quotas list */
	unsigned n_resolvers;
	struct bh_prefix resolver[BH_RESOLVERS]; /* names.resolvers */
	unsigned n_external_ips;
	struct bh_prefix external_ip[BH_EXTERNAL_IPS]; /* watching.external_ips */
	char threat_segment[BH_THREAT_SEGMENTS][128];
	struct bh_config_words learn_services,
		learn_namespaces;            /* label keys, in order of preference */
	struct bh_config_words learn_ignore; /* KEY, KEY-PREFIX* or KEY=VALUE-PREFIX* */
	unsigned n_sources;
	struct bh_config_source source[BH_CONFIG_SOURCES];
	unsigned n_fleet_endpoints;
	char fleet_endpoint[BH_FLEET_ENDPOINTS][256]; /* without a '/' at the end */
	unsigned n_sinks;
	struct bh_config_sink sink[BH_CONFIG_SINKS];
	unsigned n_sensor_files;
	char sensor_file[BH_SENSOR_FILES][256];
	/* By line of base/inspect_class.def: enum bh_sensors, BH_INSPECT_UNSET. */
	uint8_t inspect_action[BH_INSPECT_CLASSES_MAX];
	uint8_t inspect_least[BH_INSPECT_CLASSES_MAX]; /* distinct hits until one is told; 0: 1 */
};

/* ---- device.c: what `device` of a port says, taken apart ----------------------------------------- */

#define BH_IFNAME_SIZE                                                                             \
	16 /* IFNAMSIZ of <net/if.h>, which not every user of this header can have beside its own names */

enum bh_device_kind {
	BH_DEVICE_IFACE,  /* "iface:eth1": a kernel interface, by AF_XDP or else by AF_PACKET */
	BH_DEVICE_PACKET, /* "packet:eth1": by AF_PACKET */
	BH_DEVICE_PCI,
	BH_DEVICE_VDEV, /* "net_af_xdp0,iface=eth1": devargs of a virtual device */
};

struct bh_device {
	enum bh_device_kind kind;
	char name[64]; /* what EAL calls it: "0000:03:00.0", "net_af_xdp0"; "" for an iface */
	char ifname[BH_IFNAME_SIZE];   /* kernel interface it takes, "" if none */
	char key[BH_IFNAME_SIZE + 64]; /* names the resource, for the lock file; without '/' */
	bool af_xdp, af_packet;        /* DPDK's drivers of these names */
};

int bh_device_parse(struct bh_device *d, const char *text, struct bh_err *err);

/* Who has a PCI device; driver: its name, "" if none. sysfs: "/sys/bus/pci/devices". */
enum bh_pci_state {
	BH_PCI_READY, /* a driver that stands aside for DPDK, or that DPDK works through */
	BH_PCI_MISSING,
	BH_PCI_UNBOUND,
	BH_PCI_KERNEL,
};
enum bh_pci_state bh_pci_look(const char *sysfs, const char *address, char *driver, size_t size);
/* What the machine says about a PCI device that does not work: it is missing, or the kernel has it.
 * false: nothing to add. */
bool bh_pci_hint(const char *sysfs, const char *address, char *out, size_t size);

void bh_config_default(struct bh_config *c);
/* The index-th scalar key and its value as one would write it; NULL behind the last. Keys with more than one value are
 * left out. */
#define BH_CONFIG_VALUE_MAX 512
const char *bh_config_value(const struct bh_config *c, size_t index,
			    char value[BH_CONFIG_VALUE_MAX]);
/* Read and check. 0 or -errno with err set; *c is only written on success. need_ports is false for
 * the replay tool. Reads files only; looks at no device. */
int bh_config_load(struct bh_config *c, const char *path, bool need_ports, struct bh_err *err);
int bh_config_load_text(struct bh_config *c, const char *name, const char *text, size_t len,
			bool need_ports, struct bh_err *err);

#endif
