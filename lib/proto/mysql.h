/* mysql: numbers of MySQL's protocol that each of its readers needs ("Client/Server Protocol"). */
#ifndef BH_PROTO_MYSQL_H
#define BH_PROTO_MYSQL_H

#include <stdint.h>

/* Of a packet; one as long as this goes on in the next. */
#define PACKET_MAX 0xffffffu

/* Capabilities. Where both ends have CAP_COMPRESS and CAP_ZSTD, the former is meant. */
enum bh_mysql_cap {
	CAP_CONNECT_WITH_DB = 1 << 3,
	CAP_COMPRESS = 1 << 5,
	CAP_PROTOCOL_41 = 1 << 9,
	CAP_SSL = 1 << 11,
	CAP_PLUGIN_AUTH_LENENC = 1 << 21,
	CAP_ZSTD = 1 << 26,
	CAP_QUERY_ATTRIBUTES = 1 << 27,
	CAP_SECURE = 1 << 15,
};

/* First bytes of what a client asks for. */
enum bh_mysql_command {
	COM_QUIT = 1,
	COM_INIT_DB = 2,
	COM_QUERY = 3,
	COM_FIELD_LIST = 4,
	COM_CREATE_DB = 5,
	COM_DROP_DB = 6,
	COM_REFRESH = 7,
	COM_SHUTDOWN = 8,
	COM_STATISTICS = 9,
	COM_PROCESS_INFO = 10,
	COM_PROCESS_KILL = 12,
	COM_DEBUG = 13,
	COM_PING = 14,
	COM_CHANGE_USER = 17,
	COM_BINLOG_DUMP = 18,
	COM_TABLE_DUMP = 19,
	COM_REGISTER_SLAVE = 21,
	COM_STMT_PREPARE = 22,
	COM_STMT_EXECUTE = 23,
	COM_STMT_SEND_LONG_DATA = 24,
	COM_STMT_CLOSE = 25,
	COM_STMT_RESET = 26,
	COM_SET_OPTION = 27,
	COM_STMT_FETCH = 28,
	COM_BINLOG_DUMP_GTID = 30,
	COM_RESET_CONNECTION = 31,
	COM_STMT_BULK_EXECUTE = 250,
	COM_MULTI = 254,
};

/* Bytes of a value of the binary protocol; 0: a length comes before it. -1: unknown. */
int bh_mysql_value_size(uint8_t type);

#endif
