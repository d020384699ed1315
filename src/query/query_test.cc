// SQL over the lake: values come back typed, tables show exactly their live files, and a query stays inside its fence.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "base/decimal.h"
#include "lake/delta/delta_table.h"
#include "lake/parquet/parquet_file.h"
#include "query/duckdb.h"
#include "query/lake_view.h"

namespace pactolus {
namespace {

using delta::FieldType;

class QueryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/pactolus_query_XXXXXX";
    root_ = ::mkdtemp(name);
    auto opened = SqlEngine::open({.folder = root_, .temporary = root_ / "spill", .threads = 2});
    ASSERT_TRUE(opened) << opened.error().message;
    sql_ = std::make_unique<SqlEngine>(std::move(*opened));
  }
  void TearDown() override {
    sql_.reset();
    fs::remove_all(root_);
  }

  SqlTable query(std::string_view text) {
    auto table = sql_->query(text);
    if (!table) ADD_FAILURE() << table.error().message;
    return table ? std::move(*table) : SqlTable{};
  }
  // All rows as text: "1|a 2|NULL".
  std::string rows(std::string_view text) {
    const SqlTable table = query(text);
    std::string out;
    for (size_t r = 0; r < table.rows; ++r) {
      if (r) out += ' ';
      for (size_t c = 0; c < table.columns.size(); ++c) out += (c ? "|" : "") + text_of(table.columns[c].values[r]);
    }
    return out;
  }
  ErrorCode refusal(std::string_view text) {
    auto table = sql_->query(text);
    EXPECT_FALSE(table) << text;
    return table ? ErrorCode::busy : table.error().code;
  }

  static delta::TableSchema schema() {
    return {{{"id", FieldType::long_integer()},
             {"price", FieldType::decimal(18, 4)},
             {"day", FieldType::date()},
             {"kind", FieldType::string()}},
            {"day", "kind"}};
  }
  delta::DeltaTable create_table() {
    return std::move(
        *delta::DeltaTable::create(root_ / "table", {schema(), "11111111-2222-4333-8444-555555555555", 1'000}));
  }
  // A file of `count` rows from `first` on, in the folder and with the partition values that are given.
  delta::AddFile file(const std::string& path, int64_t first, int64_t count, delta::PartitionValues values,
                      bool with_price = true) {
    FixedColumn<int64_t> id;
    FixedColumn<WideMoney> price;
    for (int64_t i = first; i < first + count; ++i) id.append(i), price.append(i * 10'000 + 5'000);
    std::vector<ColumnData> columns;
    columns.push_back(id.finish("id", kFormatInt64));
    if (with_price) columns.push_back(price.finish("price", kFormatMoney));
    fs::create_directories((root_ / "table" / path).parent_path());
    const auto size = write_parquet(root_ / "table" / path, ColumnBatch(count, std::move(columns)));
    EXPECT_TRUE(size);
    return {path, std::move(values), *size, 5, true, ""};
  }
  void commit(delta::DeltaTable& table, std::vector<delta::AddFile> adds, std::vector<delta::RemoveFile> removes = {}) {
    delta::Transaction t;
    t.operation = "WRITE";
    t.adds = std::move(adds);
    t.removes = std::move(removes);
    t.commit_uuid = std::to_string(++commits_);
    ASSERT_TRUE(table.commit(t));
  }
  void show(const delta::DeltaTable& table) {
    const auto made = create_delta_view(*sql_, "t", table.snapshot());
    ASSERT_TRUE(made) << made.error().message;
  }

  fs::path root_;
  std::unique_ptr<SqlEngine> sql_;
  int commits_ = 0;
};

TEST_F(QueryTest, ValuesComeBackTyped) {
  const SqlTable t = query(
      "SELECT true AS b, 7::TINYINT AS i, 1.5::DOUBLE AS d, 'x' AS s, NULL AS n, 12.5000::DECIMAL(18,4) AS m, "
      "TIMESTAMPTZ '2026-03-01 10:00:00.000001+02' AS t -- and a comment");
  ASSERT_EQ(t.rows, 1u);
  EXPECT_EQ(t.at(0, "b"), SqlValue(true));
  EXPECT_EQ(t.at(0, "i"), SqlValue(int64_t(7)));
  EXPECT_EQ(t.at(0, "d"), SqlValue(1.5));
  EXPECT_EQ(t.at(0, "s"), SqlValue("x"));
  EXPECT_EQ(t.at(0, "n"), SqlValue());
  EXPECT_EQ(t.text_at(0, "m"), "12.5000");
  EXPECT_EQ(t.text_at(0, "t"), "2026-03-01 08:00:00.000001+00");
}

TEST_F(QueryTest, ManyRowsKeepTheirOrder) {
  EXPECT_EQ(rows("SELECT sum(i)::BIGINT, count(*) FROM range(10000) r(i)"), "49995000|10000");
  const SqlTable t = query("SELECT i, i::HUGEINT AS h FROM range(5000) r(i) ORDER BY i DESC");
  ASSERT_EQ(t.rows, 5000u);
  EXPECT_EQ(t.int_at(0, "i"), 4999);
  EXPECT_EQ(t.text_at(4999, "h"), "0");
}

TEST_F(QueryTest, AppendedRowsAreThere) {
  ASSERT_TRUE(sql_->execute("CREATE TABLE a(n BIGINT, d DATE, b BOOLEAN, s VARCHAR)"));
  auto out = std::move(*sql_->append_to("a"));
  out.add(int64_t(1)).add("2026-03-01").add(true).add("it's").end_row();
  out.add_null().add_null().add_null().add_null().end_row();
  ASSERT_TRUE(out.close());
  EXPECT_EQ(rows("SELECT * FROM a ORDER BY n"), "1|2026-03-01|true|it's NULL|NULL|NULL|NULL");
}

TEST_F(QueryTest, ARefusedRowIsToldAtTheEnd) {
  ASSERT_TRUE(sql_->execute("CREATE TABLE a(d DATE)"));
  auto out = std::move(*sql_->append_to("a"));
  out.add("yesterday").end_row();
  EXPECT_FALSE(out.close());
}

TEST_F(QueryTest, OnlyReadingIsAllowed) {
  std::ofstream(root_ / "inside.csv") << "a\n1\n";
  EXPECT_EQ(rows("SELECT a FROM read_csv('" + (root_ / "inside.csv").native() + "')"), "1");
  EXPECT_EQ(refusal("COPY (SELECT 1) TO '" + (root_ / "out.csv").native() + "'"), ErrorCode::usage);
  EXPECT_EQ(refusal("CREATE TABLE x(a INT)"), ErrorCode::usage);
  EXPECT_EQ(refusal("SET threads = 1"), ErrorCode::usage);
  EXPECT_EQ(refusal("SELECT 1; SELECT 2"), ErrorCode::usage);
  EXPECT_EQ(refusal("  ;"), ErrorCode::usage);
  EXPECT_EQ(refusal("SELEC 1"), ErrorCode::usage);
  EXPECT_EQ(refusal("SELECT nothing"), ErrorCode::usage);
}

TEST_F(QueryTest, NothingOutsideTheFolderIsReached) {
  EXPECT_EQ(refusal("SELECT * FROM read_text('/etc/hostname')"), ErrorCode::usage);
  EXPECT_EQ(refusal("SELECT * FROM read_text('" + (root_ / "../../etc/hostname").native() + "')"), ErrorCode::usage);
  EXPECT_FALSE(sql_->execute("INSTALL httpfs"));
  EXPECT_FALSE(sql_->execute("ATTACH '/tmp/other.db'"));
  EXPECT_FALSE(sql_->execute("SET enable_external_access = true"));
}

TEST_F(QueryTest, AQueryCanBeInterruptedAndTheNextOneRuns) {
  std::jthread stopper([this](std::stop_token done) {
    while (!done.stop_requested()) sql_->interrupt();
  });
  EXPECT_EQ(refusal("SELECT count(*) FROM range(100000000000) a(i) WHERE hash(i) = 1"), ErrorCode::io);
  stopper.request_stop();
  stopper.join();
  EXPECT_EQ(rows("SELECT 1"), "1");
}

TEST_F(QueryTest, AViewShowsLiveFilesOnly) {
  auto table = create_table();
  commit(table, {file("a.parquet", 0, 10, {{"day", "2026-03-01"}, {"kind", "view"}}),
                 file("b.parquet", 10, 5, {{"day", "2026-03-02"}, {"kind", "cart"}})});
  commit(table, {}, {{"b.parquet", 0, true, {}, {}}});
  show(table);
  EXPECT_EQ(rows("SELECT count(*), min(price), any_value(day), any_value(kind) FROM t"), "10|0.5000|2026-03-01|view");
}

TEST_F(QueryTest, PartitionValuesComeFromTheLogAndFoldersAreNotRead) {
  auto table = create_table();
  commit(table,
         {file("day=2020-01-01/kind=a%20b/x%25.parquet", 0, 3, {{"day", "2026-03-01"}, {"kind", "add to cart/50%"}}),
          file("none.parquet", 3, 1, {{"day", std::nullopt}, {"kind", ""}})});
  show(table);
  EXPECT_EQ(rows("SELECT day, kind, count(*) FROM t GROUP BY ALL ORDER BY ALL"),
            "2026-03-01|add to cart/50%|3 NULL|NULL|1");
  EXPECT_EQ(rows("SELECT count(*) FROM t WHERE day >= '2026-01-01'"), "3");
}

TEST_F(QueryTest, AFileWithoutALaterColumnHasNulls) {
  auto table = create_table();
  const delta::PartitionValues values{{"day", "2026-03-01"}, {"kind", "view"}};
  commit(table, {file("old.parquet", 1, 1, values, false), file("new.parquet", 2, 1, values)});
  show(table);
  EXPECT_EQ(rows("SELECT id, price FROM t ORDER BY id"), "1|NULL 2|2.5000");
}

TEST_F(QueryTest, WhatDoesNotFitIntoMemorySpills) {
  const fs::path spill = root_ / "new" / "spill";
  {
    auto small =
        std::move(*SqlEngine::open({.folder = root_, .temporary = spill, .memory_bytes = 48 << 20, .threads = 1}));
    const auto sorted = small.query(
        "SELECT max(n) AS m FROM (SELECT row_number() OVER (ORDER BY hash(i)) AS n, i FROM range(4000000) r(i))");
    ASSERT_TRUE(sorted) << sorted.error().message;
    EXPECT_EQ(sorted->int_at(0, "m"), 4'000'000);
    EXPECT_TRUE(fs::exists(spill));
  }
  EXPECT_FALSE(fs::exists(spill));
}

TEST_F(QueryTest, WithoutAFolderForItTooMuchIsAnError) {
  auto small = std::move(*SqlEngine::open({.folder = root_, .memory_bytes = 48 << 20, .threads = 1}));
  const auto sorted =
      small.query("SELECT max(n) FROM (SELECT row_number() OVER (ORDER BY hash(i)) AS n, i FROM range(4000000) r(i))");
  ASSERT_FALSE(sorted);
  EXPECT_EQ(sorted.error().code, ErrorCode::io);
}

TEST(SqlStatement, EndsWithItsLastWord) {
  const auto text = [](std::string_view sql) { return std::string(take_statement(sql).text); };
  EXPECT_EQ(text("SELECT 1; -- done; really\n /* so; */ ;; "), "SELECT 1");
  EXPECT_EQ(text("-- first\nSELECT ';' AS \"a;b\", $$;$$, $x$ $$; $x$, E'it\\'s;' /* a /* ; */ b */"),
            "-- first\nSELECT ';' AS \"a;b\", $$;$$, $x$ $$; $x$, E'it\\'s;'");
  EXPECT_EQ(text("SELECT 1; SELECT 2;"), "SELECT 1; SELECT 2");
  EXPECT_EQ(text("-- nothing\n;"), "");
  EXPECT_EQ(text("/* not yet */ /* nothing"), "/* not yet */ /* nothing");
  for (const char* ended :
       {"SELECT 1;", "SELECT 1; -- done", "SELECT 1 /* no; */ ;\n", "SELECT 'it''s';", "SELECT a.e';';;"})
    EXPECT_TRUE(take_statement(ended).ended) << ended;
  for (const char* open : {"SELECT 1", "SELECT 1 -- ;", "SELECT ';", "SELECT 1; SELECT", "SELECT $$ ;", "SELECT /* ;",
                           "/* ;", "/* /* */ ;"})
    EXPECT_FALSE(take_statement(open).ended) << open;
}

TEST_F(QueryTest, AnEmptyTableHasColumnsAndNoRows) {
  auto table = create_table();
  show(table);
  EXPECT_EQ(rows("SELECT count(*), sum(price) FROM t"), "0|NULL");
  EXPECT_EQ(rows("SELECT column_name || ' ' || column_type FROM (DESCRIBE t)"),
            "id BIGINT price DECIMAL(18,4) day DATE kind VARCHAR");
}

TEST_F(QueryTest, AMissingFileIsAnError) {
  auto table = create_table();
  commit(table, {file("a.parquet", 0, 1, {{"day", "2026-03-01"}, {"kind", "view"}})});
  fs::remove(root_ / "table" / "a.parquet");
  const auto made = create_delta_view(*sql_, "t", table.snapshot());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::io);
}

TEST_F(QueryTest, ThousandsOfFilesAreOneTable) {
  auto table = create_table();
  const delta::AddFile first = file("0.parquet", 0, 2, {{"day", "2026-03-01"}, {"kind", "view"}});
  std::vector<delta::AddFile> adds{first};
  for (int i = 1; i < 3000; ++i) {
    delta::AddFile more = first;
    more.path = std::to_string(i) + ".parquet";
    more.partition_values["kind"] = "kind" + std::to_string(i % 7);
    fs::create_hard_link(root_ / "table" / first.path, root_ / "table" / more.path);
    adds.push_back(std::move(more));
  }
  commit(table, std::move(adds));
  show(table);
  EXPECT_EQ(rows("SELECT count(*), count(DISTINCT kind) FROM t"), "6000|8");
}

}  // namespace
}  // namespace pactolus
