#include "lake/delta/actions.h"

#include <gtest/gtest.h>

#include "lake/delta/path_encoding.h"
#include "lake/delta/schema.h"
#include "lake/delta/stats.h"

namespace pactolus::delta {
namespace {

template <class T>
ErrorCode code(const Result<T>& r) {
  EXPECT_FALSE(r);
  return r ? ErrorCode::usage : r.error().code;
}

CommitActions sample() {
  CommitActions c;
  c.commit_info = CommitInfo{123,
                             "WRITE",
                             {{"mode", "Append"}, {"n", 3}},
                             true,
                             "pactolus",
                             "uuid-1",
                             Json(Json::Object{{"batch", 7}, {"topics", Json::Array{Json("a")}}})};
  c.protocol = Protocol{};
  c.metadata = Metadata{"id-1", "events", "{}", {"day", "kind"}, {{"delta.enableExpiredLogCleanup", "false"}}, 99};
  c.txns = {{"job/topic/0", 42, 0}, {"job/batch", 7, 123}};
  c.removes = {{"day=1/a b", 5, false, {{"day", "1"}}, 10}, {"short", 6, true, {}, {}}};
  c.adds = {{"kind=add%20to%20cart/x.parquet",
             {{"kind", "add to cart"}, {"day", std::nullopt}},
             17,
             18,
             false,
             "{\"numRecords\":1}"},
            {"plain.parquet", {}, 0, 0, true, ""}};
  return c;
}

TEST(Actions, ComeBackAsTheyWere) {
  const CommitActions c = sample();
  const auto back = decode_commit(encode_commit(c));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->protocol, c.protocol);
  EXPECT_EQ(back->metadata, c.metadata);
  EXPECT_EQ(back->txns, c.txns);
  EXPECT_EQ(back->removes, c.removes);
  EXPECT_EQ(back->adds, c.adds);
  EXPECT_EQ(back->commit_info->commit_uuid, "uuid-1");
  EXPECT_EQ(back->commit_info->info["batch"].as_int(), 7);
  EXPECT_EQ(encode_commit(*back), encode_commit(c));
}

TEST(Actions, HaveTheTextThatReadersExpect) {
  const std::string text = encode_commit(sample());
  EXPECT_NE(text.find(R"("operationParameters":{"mode":"Append","n":"3"})"), text.npos);  // texts only
  EXPECT_NE(
      text.find(R"("path":"kind=add%2520to%2520cart/x.parquet","partitionValues":{"day":null,"kind":"add to cart"})"),
      text.npos);
  EXPECT_NE(text.find(R"("format":{"provider":"parquet","options":{}})"), text.npos);
  EXPECT_NE(text.find(R"({"path":"short","deletionTimestamp":6,"dataChange":true,"extendedFileMetadata":false})"),
            text.npos);
}

TEST(Actions, UnknownOnesAndBlankLinesAreSkipped) {
  const auto c = decode_commit(
      "{\"future\":{\"x\":1}}\n\n{\"add\":{\"path\":\"a\",\"size\":1,\"new\":[1]}}\r\n{\"add\":null,\"txn\":{\"appId\":"
      "\"x\",\"version\":1}}");
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->adds.size(), 1u);
  EXPECT_EQ(c->txns.size(), 1u);
  EXPECT_TRUE(decode_commit("")->adds.empty());
}

TEST(Actions, BrokenOnesAreCorruptAndNameTheLine) {
  for (const char* line :
       {"{\"add\":{\"path\":\"a\"", "[1]", "{\"add\":{\"size\":1}}", "{\"add\":{\"path\":\"a\"}}",
        "{\"add\":{\"path\":\"a\",\"size\":-1}}", "{\"add\":{\"path\":\"a%2\",\"size\":1}}",
        "{\"add\":{\"path\":\"a\",\"size\":1,\"partitionValues\":{\"k\":1}}}", "{\"txn\":{\"appId\":\"a\"}}",
        "{\"metaData\":{\"id\":\"x\"}}", "{\"protocol\":{\"minReaderVersion\":1}}",
        "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":99999999999}}"}) {
    const auto c = decode_commit(std::string("{\"x\":1}\n") + line);
    EXPECT_EQ(code(c), ErrorCode::corrupt) << line;
    EXPECT_NE(c.error().message.find("line 2"), std::string::npos) << line;
  }
}

TEST(Actions, FilesOutsideTheTableAreRefused) {
  for (const char* path : {"/etc/x", "file:/etc/x", "s3a://bucket/x", "../x", "a/../../x", "a//b", "%2e%2e/x",
                           "%2Fetc/x", "", "a%00b", "./a"})
    EXPECT_EQ(code(decode_path(path)), ErrorCode::unsupported) << path;
  EXPECT_EQ(*decode_path("k=a%3Ab/..x"), "k=a:b/..x");
}

TEST(Actions, DeletionVectorsAndLaterReadersAreUnsupported) {
  EXPECT_EQ(code(decode_commit(R"({"add":{"path":"a","size":1,"deletionVector":{"storageType":"u"}}})")),
            ErrorCode::unsupported);
  EXPECT_EQ(code(check_readable({3, 7})), ErrorCode::unsupported);
  EXPECT_TRUE(check_readable({1, 7}));
  EXPECT_EQ(code(check_writable({1, 7}, {})), ErrorCode::unsupported);
  Metadata with_invariant;
  with_invariant.schema_string = R"({"fields":[{"metadata":{"delta.invariants":"x"}}]})";
  EXPECT_EQ(code(check_writable({1, 2}, with_invariant)), ErrorCode::unsupported);
}

TEST(Paths, AreEncodedTwice) {
  const std::vector<std::string> columns{"day", "kind"};
  const std::string folder = partition_folder(columns, {{"day", "2026-03-01"}, {"kind", "add to cart/50%"}});
  EXPECT_EQ(folder, "day=2026-03-01/kind=add%20to%20cart%2F50%25");
  EXPECT_EQ(encode_path(folder), "day=2026-03-01/kind=add%2520to%2520cart%252F50%2525");
  EXPECT_EQ(*decode_path(encode_path(folder)), folder);
  EXPECT_EQ(partition_folder(columns, {{"day", std::nullopt}, {"kind", ""}}),
            "day=__HIVE_DEFAULT_PARTITION__/kind=__HIVE_DEFAULT_PARTITION__");
  std::string every;
  for (int c = 1; c < 256; ++c) every.push_back(char(c));
  EXPECT_EQ(*percent_decode(percent_encode(every)), every);
}

TableSchema silver() {
  return {{{"id", FieldType::string()},
           {"price", FieldType::decimal(18, 4)},
           {"n", FieldType::integer()},
           {"at", FieldType::timestamp()},
           {"sums", FieldType::map_of(FieldType::long_integer())},
           {"day", FieldType::date()}},
          {"day"}};
}

TEST(Schema, ComesBackAsItWas) {
  const std::string text = schema_string(silver());
  EXPECT_NE(text.find(R"x({"name":"price","type":"decimal(18,4)","nullable":true,"metadata":{}})x"), text.npos);
  EXPECT_NE(text.find(R"("type":{"type":"map","keyType":"string","valueType":"long","valueContainsNull":true})"),
            text.npos);
  EXPECT_EQ(*parse_schema(text, {"day"}), silver());
}

TEST(Schema, KeepsTypesItDoesNotKnow) {
  const std::string text =
      R"({"type":"struct","fields":[{"name":"a","type":{"type":"array","elementType":"short","containsNull":true},"nullable":true,"metadata":{}},{"name":"b","type":"float","nullable":false,"metadata":{}}]})";
  EXPECT_EQ(schema_string(*parse_schema(text, {})), text);
}

TEST(Schema, OnlyGrowsByNullableColumns) {
  TableSchema wider = silver();
  wider.fields.push_back({"extra", FieldType::string()});
  EXPECT_EQ(*widen(silver(), wider), wider);
  EXPECT_EQ(*widen(wider, silver()), wider);
  wider.fields.back().nullable = false;
  EXPECT_EQ(code(widen(silver(), wider)), ErrorCode::invalid);
  TableSchema other = silver();
  other.fields[1].type = FieldType::decimal(38, 4);
  EXPECT_NE(widen(silver(), other).error().message.find("price is decimal(18,4), expected decimal(38,4)"),
            std::string::npos);
  other = silver();
  other.fields[1].name = "Price";
  EXPECT_NE(widen(silver(), other).error().message.find("Price is price there"), std::string::npos);
  other = silver();
  other.partition_columns = {};
  EXPECT_EQ(code(widen(silver(), other)), ErrorCode::invalid);
}

TEST(Schema, BrokenOnesAreCorrupt) {
  for (const char* text : {"", "{", "[]", R"({"type":"struct"})", R"({"type":"struct","fields":[{}]})",
                           R"({"type":"struct","fields":[{"name":"a","type":"string"},{"name":"a","type":"string"}]})"})
    EXPECT_EQ(code(parse_schema(text, {})), ErrorCode::corrupt) << text;
  EXPECT_EQ(code(parse_schema(schema_string(silver()), {"nowhere"})), ErrorCode::corrupt);
}

TEST(Stats, BoundsAreNeverTighterThanTheData) {
  FileStats s(3);
  s.add_timestamp("at", 1'700'000'000'123'999, 1'700'000'000'123'001, 0);
  s.add_number("n", -5, 5, 1);
  s.add_date("day", 0, 1, 0);
  s.add_nulls("price", 3);
  EXPECT_EQ(s.json(), R"({"numRecords":3,"minValues":{"at":"2023-11-14T22:13:20.123Z","n":-5,"day":"1970-01-01"},)"
                      R"("maxValues":{"at":"2023-11-14T22:13:20.124Z","n":5,"day":"1970-01-02"},)"
                      R"("nullCount":{"at":0,"n":1,"day":0,"price":3}})");
}

TEST(Stats, LongTextsAreCutAtACharacter) {
  FileStats s(1);
  const std::string text = std::string(31, 'a') + "\xC3\xA9" + "z";  // the é would be cut in two
  s.add_text("t", text, text, 0);
  const Json json = *Json::parse(s.json());
  EXPECT_EQ(json["minValues"]["t"].as_string(), std::string(31, 'a'));
  EXPECT_GT(json["maxValues"]["t"].as_string(), text);
  FileStats top(1);
  top.add_text("t", "a", std::string(32, 'b') + "\xF4\x8F\xBF\xBFz", 0);
  EXPECT_TRUE((*Json::parse(top.json()))["maxValues"]["t"].is_null());
}

TEST(Stats, RowsAreReadBack) {
  EXPECT_EQ(rows_of(FileStats(12).json()), 12);
  for (const char* text : {"", "{bad", "{}", R"({"numRecords":-1})", R"({"numRecords":"1"})"})
    EXPECT_FALSE(rows_of(text)) << text;
}

}  // namespace
}  // namespace pactolus::delta
