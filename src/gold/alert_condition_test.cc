#include "gold/alert_condition.h"

#include <gtest/gtest.h>

namespace pactolus {
namespace {

InterestRow row(int64_t views, int64_t purchases, WideMoney revenue = 0) {
  InterestRow r;
  r.views = views, r.purchases = purchases, r.revenue = revenue;
  return r;
}
AlertCondition of(std::string_view text) {
  auto condition = AlertCondition::parse(text);
  if (!condition) ADD_FAILURE() << text << ": " << condition.error().message;
  return condition.value_or(AlertCondition());
}

TEST(AlertCondition, IsTheShopsRuleWhenNobodySaysOtherwise) {
  EXPECT_EQ(AlertCondition().to_text(), "views > 100 and purchases < 5");
  EXPECT_EQ(AlertCondition(), of("  VIEWS>100   AND\tpurchases <5 "));
  EXPECT_TRUE(AlertCondition().met(row(101, 4)));
  EXPECT_FALSE(AlertCondition().met(row(100, 4)));
  EXPECT_FALSE(AlertCondition().met(row(101, 5)));
}

TEST(AlertCondition, ComparesInEveryWay) {
  for (const auto& [text, below, at, above] :
       std::vector<std::tuple<const char*, bool, bool, bool>>{{"views > 7", false, false, true},
                                                              {"views >= 7", false, true, true},
                                                              {"views < 7", true, false, false},
                                                              {"views <= 7", true, true, false},
                                                              {"views = 7", false, true, false},
                                                              {"views >= 6.5", false, true, true}}) {
    EXPECT_EQ(of(text).met(row(6, 0)), below) << text;
    EXPECT_EQ(of(text).met(row(7, 0)), at) << text;
    EXPECT_EQ(of(text).met(row(8, 0)), above) << text;
  }
}

TEST(AlertCondition, OfMoneyIsExact) {
  const AlertCondition c = of("revenue >= 90071992547409.9301");  // no double
  EXPECT_FALSE(c.met(row(1, 1, 900719925474099300)));
  EXPECT_TRUE(c.met(row(1, 1, 900719925474099301)));
}

TEST(AlertCondition, OfRatesNeedsOne) {
  EXPECT_TRUE(of("conversion_rate <= 0.1").met(row(10, 1)));
  EXPECT_FALSE(of("conversion_rate < 0.1").met(row(10, 1)));
  EXPECT_FALSE(of("conversion_rate < 0.1").met(row(0, 0)));
  EXPECT_TRUE(of("conversion_high < 0.01 and conversion_low = 0").met(row(10'000, 0)));
}

TEST(AlertCondition, SaysWhatIsWrong) {
  for (const auto& [text, message] : std::vector<std::pair<const char*, const char*>>{
           {"", "expected a comparison such as \"views > 100\", got \"\""},
           {"views", "expected a comparison such as \"views > 100\", got \"views\""},
           {"views > 100 and", "expected a number behind \"views >\" with at most four decimals, got \"100 and\""},
           {"views > 100 and and carts < 1", "expected a comparison such as \"views > 100\", got \"\""},
           {"vews > 1", "did you mean \"views\"?"},
           {"views == 1", "expected one of > >= < <= = behind \"views\", got \"==\""},
           {"views > ten", "got \"ten\""},
           {"views > -1", "got \"-1\""},
           {"views > 1.00001", "at most four decimals"},
           {"conversion_rate < 1e-3", "expected a number behind \"conversion_rate <\", got \"1e-3\""}}) {
    const auto condition = AlertCondition::parse(text);
    ASSERT_FALSE(condition) << text;
    EXPECT_NE(condition.error().message.find(message), std::string::npos) << condition.error().message;
  }
}

}  // namespace
}  // namespace pactolus
