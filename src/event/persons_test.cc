#include "event/persons.h"

#include <gtest/gtest.h>

namespace pactolus {
namespace {

class PersonsTest : public ::testing::Test {
 protected:
  bool own(std::optional<std::string_view> value, std::optional<std::string_view> key = {}) {
    return persons_.own(key, value);
  }
  static std::string event(const std::string& user) {
    return R"({"event_id":"e","user_id":)" + user + R"(,"event_type":"search","timestamp":1700000000})";
  }
  Persons persons_{{"user_7", "42"}, DecodeRules{}};
};

TEST_F(PersonsTest, ByUserOrKey) {
  EXPECT_TRUE(own(event("\"user_7\"")));
  EXPECT_FALSE(own(event("\"user_70\"")));
  EXPECT_FALSE(own(event("\"user_8\"")));
  EXPECT_TRUE(own(event("\"user_8\""), "user_7"));
  EXPECT_TRUE(own(std::nullopt, "42"));
  EXPECT_FALSE(own(std::nullopt, "420"));
  EXPECT_FALSE(own(std::nullopt));
  EXPECT_TRUE(own(event(R"("user\u005f7")"))) << "an id may be spelt with escapes";
  // Another person's row that only speaks of this one stays.
  EXPECT_FALSE(own(R"({"event_id":"e","user_id":"v","event_type":"search","timestamp":1700000000,"q":"user_7"})"));
}

TEST_F(PersonsTest, RejectedRecords) {
  EXPECT_TRUE(own(R"({"user_id":"user_7"})"));
  EXPECT_TRUE(own(R"({"user_id":42})")) << "wrong_type";
  EXPECT_FALSE(own(R"({"user_id":421,"page":"42"})"));
  EXPECT_FALSE(own(R"({"user_id":"v","page":"user_7"})")) << "it says whose it is";
  EXPECT_TRUE(own(R"({"user_id":["user_7"]})"));
  EXPECT_TRUE(own(R"({"user_id":"v","user_id":"user_7"})")) << "of two any";
}

TEST_F(PersonsTest, BytesThatAreNoJson) {
  EXPECT_TRUE(own(R"({"event_id":"e","user_id":"user_7","pro)"));
  EXPECT_FALSE(own(R"({"event_id":"e","user_id":"user_70","pro)"));
  EXPECT_TRUE(own("2019-11-01,view,user_7;12"));
  EXPECT_TRUE(own("user_70 user_7"));
  EXPECT_FALSE(own("2019-11-01,view,1425,user-42x"));
  EXPECT_FALSE(own("x-42,9"));
  EXPECT_TRUE(own(R"({"event_id":"e","user_id":"user\u005f7","pro)")) << "an id may be spelt with escapes here too";
  EXPECT_FALSE(own(R"({"event_id":"e","user_id":"user\u005f70","pro)"));
  const std::vector<std::string> jose{"jos\u00e9/\U0001f600"};
  EXPECT_TRUE(Persons(jose, {}).own({}, R"({"user_id":"jos\u00e9\/\ud83d\ude00","pro)"));
  EXPECT_FALSE(Persons(jose, {}).own({}, R"({"user_id":"jos\u00e9\/\ud83d","pro)"));
}

}  // namespace
}  // namespace pactolus
