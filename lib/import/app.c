/* Names of applications: ours, and those of the container firewall's rules. */
#include <strings.h>

#include "../proto/proto.h"
#include "import_priv.h"

/* Where theirs differs from ours in more than case. */
static const struct {
	const char *theirs, *ours;
} names[] = {
	{"SSL", "tls"},
	{"Postgres", "postgresql"},
	{"TNS", "oracle"},
	{"TDS", "mssql"},
	{"RabbitMQ", "amqp"},
	{"ActiveMQ", "openwire"},
	{"ElasticSearch", "elasticsearch"},
};

/* How they write what is ours. */
static const struct {
	const char *ours, *theirs;
} exports[] = {
	{"http", "HTTP"},
	{"tls", "SSL"},
	{"ssh", "SSH"},
	{"dns", "DNS"},
	{"dhcp", "DHCP"},
	{"ntp", "NTP"},
	{"tftp", "TFTP"},
	{"echo", "echo"},
	{"rtsp", "RTSP"},
	{"sip", "SIP"},
	{"mysql", "MySQL"},
	{"redis", "Redis"},
	{"zookeeper", "ZooKeeper"},
	{"cassandra", "Cassandra"},
	{"mongodb", "MongoDB"},
	{"postgresql", "PostgreSQL"},
	{"kafka", "Kafka"},
	{"couchbase", "Couchbase"},
	{"openwire", "ActiveMQ"},
	{"elasticsearch", "ElasticSearch"},
	{"memcached", "Memcached"},
	{"amqp", "RabbitMQ"},
	{"radius", "Radius"},
	{"consul", "Consul"},
	{"syslog", "Syslog"},
	{"etcd", "etcd"},
	{"spark", "Spark"},
	{"oracle", "Oracle"},
	{"mssql", "MSSQL"},
	{"grpc", "GRPC"},
};

const char *
bh_import_app(const char *name)
{
	unsigned app;
	size_t i;

	if (strcasecmp(name, "any") == 0)
		return "any";
	for (i = 0; i < BH_ARRAY_SIZE(names); i++) {
		if (strcasecmp(name, names[i].theirs) == 0)
			return names[i].ours;
	}
	for (app = 1; app < BH_APP_COUNT; app++) {
		if (strcasecmp(name, bh_app_name(app)) == 0)
			return bh_app_name(app);
	}
	return "";
}

const char *
bh_export_app(const char *name)
{
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(exports); i++) {
		if (strcasecmp(name, exports[i].ours) == 0)
			return exports[i].theirs;
	}
	return NULL;
}

bool
bh_import_app_over(const char *name, uint32_t service)
{
	static const struct {
		const char *name;
		unsigned over;
	} table[] = {
#define BH_PROTO(sym, name, transports, parent, text) {name, transports},
#include "../proto/proto.def"
#undef BH_PROTO
	};
	unsigned proto = service >> 16, over;
	size_t i;

	over = proto == 6     ? BH_OVER_TCP
	       : proto == 17  ? BH_OVER_UDP
	       : proto == 132 ? BH_OVER_SCTP
			      : 0;
	for (i = 0; i < BH_ARRAY_SIZE(table); i++) {
		if (strcmp(table[i].name, name) == 0 && (table[i].over & over) != 0)
			return true;
	}
	return false;
}
