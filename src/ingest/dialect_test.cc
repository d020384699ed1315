#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/time_text.h"
#include "event/record.h"
#include "ingest/dialect.h"
#include "ingest/text_source.h"

namespace pactolus {
namespace {

constexpr std::string_view kHeader =
    "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n";

struct Mapped {
  std::string key, value;
  int64_t time;
  bool mapped;
};

Result<std::vector<Mapped>> map_all(std::string_view dialect, std::string_view text) {
  auto mapping = TRY(make_dialect(dialect));
  TextSource source(text);
  auto reader = TRY(dialect == "native" ? open_ndjson(source) : open_csv(source));
  TRY(mapping->bind(reader->columns()));
  std::vector<Mapped> out;
  MappedRow m;
  for (InputRow row; TRY(reader->next(row));) {
    mapping->map(row, m);
    out.push_back({std::string(m.key), std::string(m.value), m.event_time_us, m.mapped});
  }
  return out;
}

Mapped rees46(std::string_view row, std::string_view header = kHeader) {
  const auto rows = map_all("rees46", std::string(header) + std::string(row) + "\n");
  EXPECT_TRUE(rows && rows->size() == 1);
  return rows ? rows->at(0) : Mapped{};
}
Mapped native(std::string_view line) { return map_all("native", std::string(line)).value().at(0); }

std::string id_of(const Mapped& m) { return m.value.substr(0, m.value.find(',')); }

// Golden: what these rows become is frozen. Their ids are in Silver.
TEST(Rees46, ARowBecomesANativeEvent) {
  const Mapped m = rees46(
      "2019-10-01 00:00:00 "
      "UTC,view,3900821,2053013552326770905,appliances.environment.water_heater,aqua,33.20,554748717,"
      "9333dfbd-b87a-4708-9857-6336556b0fcc");
  EXPECT_EQ(m.value,
            "{\"event_id\":\"rees46:ea78722842d6364fd14b05949a30a5bb\",\"timestamp\":\"2019-10-01T00:00:00.000000Z\","
            "\"event_type\":\"view\","
            "\"product_id\":\"3900821\",\"category_id\":\"2053013552326770905\",\"product_category\":\"appliances."
            "environment.water_heater\","
            "\"brand\":\"aqua\",\"price\":\"33.20\",\"user_id\":\"554748717\",\"session_id\":\"9333dfbd-b87a-4708-9857-"
            "6336556b0fcc\"}");
  EXPECT_EQ(m.key, "554748717");
  EXPECT_EQ(m.time, parse_iso_time("2019-10-01T00:00:00Z"));
  EXPECT_TRUE(m.mapped);
}

TEST(Rees46, EmptyValuesAreAbsentFields) {
  EXPECT_EQ(rees46(",,,,,,,,").value, "{\"event_id\":\"rees46:971b1aeb60fde2ab8cb9575629879074\"}");
}

TEST(Rees46, TheIdentityIsTheHashOfTheNineValuesJoinedBy1F) {
  EXPECT_EQ(id_of(rees46("t,e,p,c,k,b,1,u,s")), "{\"event_id\":\"rees46:" +
                                                    hash128_hex("t\x1f"
                                                                "e\x1fp\x1f"
                                                                "c\x1fk\x1f"
                                                                "b\x1f"
                                                                "1\x1fu\x1fs") +
                                                    "\"");
}

TEST(Rees46, TheOrderOfColumnsFurtherColumnsAndQuotesDoNotChangeTheIdentity) {
  const std::string id = id_of(rees46("t,view,p,c,k,b,1,u,s"));
  EXPECT_EQ(
      id_of(rees46("s,u,1,b,k,c,p,view,t",
                   "user_session,user_id,price,brand,category_code,category_id,product_id,event_type,event_time\n")),
      id);
  EXPECT_EQ(id_of(rees46("t,\"view\",p,c,k,\"b\",1,u,s")), id);
  EXPECT_EQ(id_of(rees46(
                "t,view,p,c,k,b,1,u,s,more",
                "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session,more\n")),
            id);
  EXPECT_NE(id_of(rees46("t,view,p,c,k,b,1.0,u,s")), id);
}

TEST(Rees46, CartIsAddToCartAndUnknownTypesGoOnForTheDecoderToReject) {
  EXPECT_NE(rees46("t,cart,p,c,k,b,1,u,s").value.find("\"event_type\":\"add_to_cart\""), std::string::npos);
  EXPECT_NE(rees46("t,purchase,p,c,k,b,1,u,s").value.find("\"event_type\":\"purchase\""), std::string::npos);
  EXPECT_NE(rees46("t,wish,p,c,k,b,1,u,s").value.find("\"event_type\":\"wish\""), std::string::npos);
}

TEST(Rees46, ATimeThatIsNoneGoesOnAsItIs) {
  const Mapped m = rees46("yesterday,view,p,c,k,b,1,u,s");
  EXPECT_NE(m.value.find("\"timestamp\":\"yesterday\""), std::string::npos);
  EXPECT_EQ(m.time, kNoTime);
}

TEST(Rees46, TextIsEscapedForJson) {
  EXPECT_NE(rees46("t,view,p,c,k,\"a \"\"b\"\" \\ \t\",1,u,s").value.find("\"brand\":\"a \\\"b\\\" \\\\ \\t\""),
            std::string::npos);
}

TEST(Rees46, FurtherColumnsAreKeptAndCannotPassForNativeFields) {
  const std::string header =
      "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session,colour,order_id,"
      "category_code2\n";
  EXPECT_TRUE(rees46("t,view,p,c,k,b,1,u,s,red,o-1,x", header)
                  .value.ends_with(",\"colour\":\"red\",\"rees46_order_id\":\"o-1\",\"category_code2\":\"x\"}"));
}

TEST(Rees46, ABrokenRowGoesOnAsItsExactBytes) {
  const Mapped m = rees46("2019-10-01 00:00:00 UTC,view,\"p");
  EXPECT_FALSE(m.mapped);
  EXPECT_EQ(m.value, "2019-10-01 00:00:00 UTC,view,\"p");
  EXPECT_EQ(m.key, "");
  EXPECT_EQ(m.time, kNoTime);
}

TEST(Rees46, MissingColumnsAreNamed) {
  const auto rows = map_all("rees46", "event_time,event_type,product_id\n1,2,3\n");
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, ErrorCode::invalid);
  EXPECT_NE(rows.error().message.find("category_id, category_code, brand, price, user_id, user_session missing"),
            std::string::npos);
}

constexpr std::string_view kRetail = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n";
Mapped retail(std::string_view row) {
  const auto rows = map_all("online-retail", std::string(kRetail) + std::string(row) + "\n");
  EXPECT_TRUE(rows && rows->size() == 1);
  return rows ? rows->at(0) : Mapped{};
}

// Golden, as for rees46.
TEST(OnlineRetail, ALineOfAnInvoiceIsAPurchase) {
  const Mapped m =
      retail("489434,85048,15CM CHRISTMAS GLASS BALL 20 LIGHTS,12,2009-12-01 07:45:00,6.95,13085.0,United Kingdom");
  EXPECT_EQ(
      m.value,
      "{\"event_id\":\"online-retail:440d1ef5bb0990de01b4e706959376f1\",\"order_id\":\"489434\",\"product_id\":"
      "\"85048\","
      "\"description\":\"15CM CHRISTMAS GLASS BALL 20 LIGHTS\",\"quantity\":12,\"event_type\":\"purchase\","
      "\"timestamp\":\"2009-12-01T07:45:00.000000Z\",\"price\":\"6.95\",\"user_id\":\"13085\",\"country\":\"United "
      "Kingdom\"}");
  EXPECT_EQ(m.key, "13085");
  EXPECT_EQ(m.time, parse_iso_time("2009-12-01T07:45:00Z"));
  // The same line as a table of numbers gives it.
  EXPECT_EQ(
      retail("489434,85048,15CM CHRISTMAS GLASS BALL 20 LIGHTS,12,2009-12-01 07:45:00,6.95,13085,United Kingdom").value,
      m.value);
}

TEST(OnlineRetail, WhatIsTakenBackIsARefundOfPositiveQuantity) {
  const Mapped m = retail("C489449,22087,PAPER BUNTING,-12,2009-12-01 10:33:00,2.95,16321,Australia");
  EXPECT_NE(m.value.find("\"quantity\":12,\"event_type\":\"refund\""), std::string::npos);
  const Mapped cancelled = retail("C496350,M,Manual,1,2010-02-01 08:24:00,373.57,,United Kingdom");
  EXPECT_NE(cancelled.value.find("\"quantity\":1,\"event_type\":\"refund\""), std::string::npos);
  EXPECT_NE(retail("1,2,,none,t,1,3,X").value.find("\"quantity\":\"none\",\"event_type\":\"purchase\""),
            std::string::npos);
}

TEST(OnlineRetail, ARowWithoutACustomerIsOfAGuestOfItsInvoice) {
  const Mapped m = retail("489521,21646,,-50,2009-12-01 11:44:00,0,,United Kingdom");
  EXPECT_NE(m.value.find("\"user_id\":\"guest:489521\""), std::string::npos);
  EXPECT_EQ(m.key, "guest:489521");
  EXPECT_EQ(m.value.find("description"), std::string::npos);
  EXPECT_EQ(retail(",1,,1,t,1,,X").key, "");
}

TEST(Native, ALineGoesOnByteForByte) {
  const std::string line = " {\"user_id\" : \"u\\u0031\",\"timestamp\":\"2025-11-29T10:15:30Z\", \"x\":1.0}";
  const Mapped m = native(line);
  EXPECT_EQ(m.value, line);
  EXPECT_EQ(m.key, "u1");
  EXPECT_EQ(m.time, parse_iso_time("2025-11-29T10:15:30Z"));
}

TEST(Native, ALineWithoutIdOrJsonGoesOnForTheDecoderToReject) {
  EXPECT_EQ(native("{}").value, "{}");
  EXPECT_EQ(native("not json").value, "not json");
  EXPECT_EQ(native("{\"user_id\":7}").key, "");
}

TEST(Native, UserAndTimeAreFoundWhereverTheyStand) {
  const int64_t time = *parse_iso_time("2025-11-29T10:15:30Z");
  for (const std::string_view line :
       {R"({"user_id":"u1","timestamp":"2025-11-29T10:15:30Z"})",
        R"({ "timestamp" : "2025-11-29T10:15:30Z" , "user_id" : "u1" })",
        R"({"a":1,"b":null,"user_id":"u1","c":"x","timestamp":"2025-11-29T10:15:30Z","d":[1]})",
        R"({"d":{"user_id":"u2"},"user_id":"u1","timestamp":"2025-11-29T10:15:30Z"})",
        R"({"\u0075ser_id":"u1","timestamp":"2025-11-29T10:15:30Z"})"}) {
    const Mapped m = native(line);
    EXPECT_EQ(m.key, "u1") << line;
    EXPECT_EQ(m.time, time) << line;
    EXPECT_EQ(m.value, line);
  }
  // With and without times the key is the same, also of a line that is cut off and of one that has two users.
  for (const std::string_view line : {R"({"user_id":"u1")", R"({"user_id":"u1","timestamp":1,"user_id":"u2"})",
                                      R"({"user_id":"u1","user_id":"u2","timestamp":"2025-11-29T10:15:30Z"})"}) {
    EXPECT_EQ(native(line).key, "u1") << line;
    auto dialect = *make_dialect("native");
    dialect->leave_out_times();
    MappedRow row;
    const std::string padded = std::string(line) + std::string(kRecordPadding, '\0');
    dialect->map({.bytes = std::string_view(padded).substr(0, line.size())}, row);
    EXPECT_EQ(row.key, "u1") << line;
    EXPECT_EQ(row.event_time_us, kNoTime);
  }
}

TEST(Native, EpochsCountInTheUnitOfTheirSize) {
  const int64_t time = *parse_iso_time("2025-11-29T10:15:30Z");
  EXPECT_EQ(native("{\"timestamp\":1764411330}").time, time);
  EXPECT_EQ(native("{\"timestamp\":1764411330000}").time, time);
  EXPECT_EQ(native("{\"timestamp\":1764411330000000}").time, time);
  EXPECT_EQ(native("{\"timestamp\":1e300}").time, kNoTime);
  EXPECT_EQ(native("{\"timestamp\":null}").time, kNoTime);
}

TEST(Dialects, AnUnknownNameIsRefusedWithTheOnesThereAre) {
  const auto dialect = make_dialect("ga4");
  ASSERT_FALSE(dialect);
  EXPECT_EQ(dialect.error().code, ErrorCode::usage);
  EXPECT_NE(dialect.error().message.find("native, rees46, online-retail"), std::string::npos);
}

}  // namespace
}  // namespace pactolus
