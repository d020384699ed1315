#include "event/json_edit.h"

#include <gtest/gtest.h>

namespace pactolus {
namespace {

std::string edited(std::string_view json, std::string_view name, JsonType type) {
  return with_field_as(json, name, type).value_or("unchanged");
}

TEST(JsonEdit, ANumberBecomesATextAndATextANumber) {
  EXPECT_EQ(edited(R"({"user_id":42,"x":1})", "user_id", JsonType::text), R"({"user_id":"42","x":1})");
  EXPECT_EQ(edited(R"({"a":1,"user_id" : true })", "user_id", JsonType::text), R"({"a":1,"user_id" : "true" })");
  EXPECT_EQ(edited(R"({"quantity":"3"})", "quantity", JsonType::number), R"({"quantity":3})");
  EXPECT_EQ(edited("{ \"q\" :\t\"-1.50e3\" ,\n\"b\":[1,{\"q\":\"2\"}] }", "q", JsonType::number),
            "{ \"q\" :\t-1.50e3 ,\n\"b\":[1,{\"q\":\"2\"}] }");
}

TEST(JsonEdit, WhatIsNotTouchedStaysByteForByte) {
  const std::string before = R"({"x":{"q":"1","y":["}","\"",1.10]} ,"z":"\u00e9\\", )";
  EXPECT_EQ(edited(before + R"("q":"1"})", "q", JsonType::number), before + R"("q":1})");
}

TEST(JsonEdit, EveryFieldOfThatNameAlsoWithEscapes) {
  EXPECT_EQ(edited(R"({"q":"1","\u0071":"2"})", "q", JsonType::number), R"({"q":1,"\u0071":2})");
}

TEST(JsonEdit, WhatCannotBeOrIsAlreadyIsLeftAlone) {
  for (const char* json : {R"({"q":"one"})", R"({"q":""})", R"({"q":1})", R"({"q":null})", R"({"q":["1"]})", R"({})",
                           R"({"p":"1"})", R"(["q","1"])", R"({"q":"1")", "", "q"})
    EXPECT_EQ(edited(json, "q", JsonType::number), "unchanged") << json;
  for (const char* json : {R"({"q":"1"})", R"({"q":null})", R"({"q":{}})", R"({"q":[]})"})
    EXPECT_EQ(edited(json, "q", JsonType::text), "unchanged") << json;
}

}  // namespace
}  // namespace pactolus
