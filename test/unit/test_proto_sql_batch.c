/* What is found in statements, dialect by dialect: verbs, tables, ! PARTIAL, ~ SESSION; one line an operation. */
#include "test_proto_sql.h"

static const struct sql_sample tsql[] = {
	{"select * from [Orders]", "select|orders\n"},
	{"SELECT TOP 10 a FROM dbo.orders o WITH (NOLOCK) JOIN [dbo].[items] i ON 1=1, x",
	 "select|orders,items,x\n"},
	{"select * from [a]]b], \"C\"", "select|a]b,c\n"},
	{"select * from shop..t", "select|shop..t\n"},
	{"select * from srv.shop.dbo.t", "select|srv.shop.dbo.t\n"},
	{"select * from [dbo.orders]", "select|!\n"},
	{"delete orders", "delete|orders\n"},
	{"delete top (5) from orders where 1=1", "delete|orders\n"},
	{"delete o from orders o join items i on 1=1", "delete|orders,items\n"},
	{"delete orders from customers c", "delete|orders,customers\n"},
	{"update o set a=1 from dbo.orders o", "update|orders\n"},
	{"update orders set a=1 from customers c", "update|orders,customers\n"},
	{"select 1 delete from orders", "select,delete|orders\n"},
	{"select 1 update t set a=1 drop table u", "select,update,drop|t,u\n"},
	{"with c as (select * from orders) delete from c", "select,delete|orders\n"},
	{";with secret as (select 1 as a from t) select * from secret select * from secret",
	 "select|t,secret\n"},
	{"declare @x int set @x = (select max(a) from t) select @x", "select|t\n"},
	{"begin tran delete from orders commit", "delete|orders\n"},
	{"begin tran; commit transaction; rollback; save tran x",
	 "begin|~\ncommit|~\nrollback|~\nsave|~\n"},
	{"begin select 1 from a end", "select|a\n"},
	{"exec sp_executesql N'delete from orders'", "exec|sp_executesql!\n"},
	{"exec ('delete from orders')", "exec|!\n"},
	{"exec dbo.myproc 1", "exec|myproc\n"},
	{"exec @rc = myproc @a = 1", "exec|myproc\n"},
	{"exec @p", "exec|!\n"},
	{"execute as user = 'x'", "execute|!\n"},
	{"sp_who", "exec|!\n"},
	{"insert into a exec proc1", "insert,exec|a,proc1\n"},
	{"insert a select * from b", "insert|a,b\n"},
	{"insert into a values (1) select * from secret", "insert,select|a,secret\n"},
	{"insert bulk orders (a int)", "insert|orders\n"},
	{"select * into #t from orders", "select,create|#t,orders\n"},
	{"merge top(5) into orders t using src s on t.a=s.a when matched then update set x=1 when "
	 "not matched then insert (a) values (1) output deleted.a into audit;",
	 "merge,update,insert|orders,src,audit\n"},
	{"if exists (select 1 from t) drop table t", "drop|t\n"},
	{"create table x (id int primary key, f int references y(id) on delete cascade)",
	 "create|x,y\n"},
	{"create procedure p as delete from t", "create,delete|t!\n"},
	{"create index i on t (a) on [primary]", "create|t\n"},
	{"select * from t for system_time as of '2020', secret", "select|t,secret\n"},
	{"select * from openquery(srv, 'delete')", "select|openquery!\n"},
	{"select * from openjson(@x) j", "select|\n"},
	{"select * from dbo.fn(1)", "select|fn\n"},
	{"select * from t cross apply fn(1) f", "select|t,fn\n"},
	{"set nocount on", "set|\n"},
	{"set identity_insert t on insert into t values (1)", "insert|t\n"},
	{"set nocount on delete from orders", "delete|orders\n"},
	{"alter table t add foreign key (a) references u (b) on delete cascade",
	 "alter,delete|t,u,cascade\n"},
	{"declare c cursor for select a from t for update of a", "select|t\n"},
	{"select a from t where b = 1 exec p", "select,exec|t,p\n"},
	{"if 1 = 1 begin delete from orders end else update t set a = 1",
	 "delete,update|orders,t\n"},
	{"use shop", "use|\n"},
	{"truncate table t", "truncate|t\n"},
	{"update statistics t", "update|t\n"},
	{"insert into x select * from (delete from orders output deleted.*) as d",
	 "insert,delete|x,orders\n"},
	{"declare @t table (id int)", "declare|\n"},
	{"insert into @t select * from u", "insert|u\n"},
	{"select \"a\" from t for xml path('x')", "select|t\n"},
	{"waitfor delay '0:0:5' drop table x", "drop|x\n"},
	{"select 1from t", "select|!\n"},
	{"select a,b from t group by a,b order by a,b offset 5 rows fetch next 5 rows only",
	 "select|t\n"},
	{"print 'x'", "print|\n"},
	{"select 'a' + N'from b' from c -- from d", "select|c\n"},
	{"select /* /* x */ from a */ 1 from b", "select|b\n"},
	{"backup database x to disk = 'y'", "backup|!\n"},
	{"grant select on t to u", "grant,select|!\n"},
};

static const struct sql_sample cql[] = {
	{"select * from ks.orders where a=1 allow filtering", "select|orders\n"},
	{"SELECT * FROM \"Orders\"", "select|Orders\n"},
	{"select * from other.t", "select|other.t\n"},
	{"insert into orders (a) values (1) if not exists using ttl 5", "insert|orders\n"},
	{"insert into orders json '{\"from\": 1}'", "insert|orders\n"},
	{"update orders using ttl 5 set a=1 where b=2", "update|orders\n"},
	{"delete a, b from orders where x=1", "delete|orders\n"},
	{"begin batch insert into a (x) values (1) delete from b where x=1 apply batch",
	 "insert,delete|a,b\n"},
	{"begin unlogged batch using timestamp 5 insert into a (x) values (1); update b set x=1 "
	 "where y=2; apply batch",
	 "insert|a\nupdate|b\napply|~\n"},
	{"truncate orders", "truncate|orders\n"},
	{"truncate table orders", "truncate|orders\n"},
	{"create table if not exists t (a int primary key)", "create|t\n"},
	{"create columnfamily t (a int primary key)", "create|t\n"},
	{"create index on t (c)", "create|t\n"},
	{"create materialized view v as select a from t where a is not null primary key (a)",
	 "create|v,t\n"},
	{"create keyspace x with replication = {'class':'SimpleStrategy'}", "create|!\n"},
	{"drop table t", "drop|t\n"},
	{"use ks2; select * from ks2.t, ks.t", "use|\nselect|t,ks.t\n"},
	{"select id from t where id = 62c36092-82a1-3a00-93d1-46196ee77204", "select|t\n"},
	{"select id from t where id = f47ac10b-58cc-4372-a567-0e02b2c3d479 and d = 1h30m -- x from "
	 "z",
	 "select|t\n"},
	{"select 1from secret", "select|!\n"},
	{"alter table t add x int", "alter|t\n"},
	{"select json * from t // c", "select|t\n"},
	{"select $$ from x $$ from t", "select|t\n"},
	{"select 'a''b' from t /* from u */", "select|t\n"},
	{"grant select on t to r", "grant|!\n"},
	{"list roles", "list|!\n"},
};

static void
check(enum bh_sql_dialect dialect, const char *database, const struct sql_sample *samples,
      unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		sql_check(dialect, database, &samples[i], 0);
		sql_check(dialect, database, &samples[i], 1);
	}
}

static void
tsql_batches_say_verbs_and_tables(void)
{
	check(BH_SQL_TSQL, "", tsql, BH_ARRAY_SIZE(tsql));
}

static void
cql_statements_say_verbs_and_tables(void)
{
	check(BH_SQL_CQL, "ks", cql, BH_ARRAY_SIZE(cql));
}

static void
each_word_of_the_table_is_found(void)
{
	unsigned i;

	for (i = 1; i < BH_SQLW_COUNT; i++)
		CU_ASSERT_EQUAL(bh_sql_word(bh_sql_word_text(i), strlen(bh_sql_word_text(i))), i);
	CU_ASSERT_EQUAL(bh_sql_word("selec", 5), BH_SQLW_NONE);
}

static void
too_many_tables_or_parentheses_are_partial(void)
{
	static char text[4096];
	struct sql_sample s = {.text = text};
	unsigned i;

	strcpy(text, "select * from t0");
	for (i = 1; i < 40; i++)
		snprintf(text + strlen(text), 16, ", t%u", i);
	s.expected = "select|t0,t1,t2,t3,t4,t5,t6,t7,t8,t9,t10,t11,t12,t13,t14,t15,t16,t17,t18,t19,"
		     "t20,t21,t22,t23,t24,t25!\n";
	sql_check(BH_SQL_PG, "", &s, 0);
	strcpy(text, "select * from ");
	memset(text + strlen(text), '(', 60);
	strcat(text, "secret");
	memset(text + strlen(text), ')', 60);
	s.expected = "select|!\n";
	sql_check(BH_SQL_PG, "", &s, 1);
}

const struct bh_unit_test bh_suite_proto_sql_batch[] = {
	BH_TEST(tsql_batches_say_verbs_and_tables),
	BH_TEST(cql_statements_say_verbs_and_tables),
	BH_TEST(each_word_of_the_table_is_found),
	BH_TEST(too_many_tables_or_parentheses_are_partial),
	BH_TEST_END,
};
