#include "gold/measure.h"

#include <gtest/gtest.h>

#include "gold/view_declaration.h"

namespace pactolus {
namespace {

std::vector<std::string> types() { return {kKindNames.begin(), kKindNames.end()}; }

std::string refused(std::string_view text) {
  const auto measure = parse_measure(text);
  EXPECT_FALSE(measure) << text;
  return measure ? "" : measure.error().message;
}

TEST(Measures, AreReadAndWrittenTheSame) {
  for (const char* text :
       {"count(view) as views", "count() as events", "sum(price*quantity, purchase, -refund) as net",
        "sum(quantity, purchase) as units", "sum(price) as prices",
        "other_currencies(price*quantity, purchase) as revenue_other", "distinct(user_id, view, add_to_cart) as people",
        "sketch(session_id) as sessions", "orders(purchase) as orders", "rate(purchases, views) as conversion",
        "any(purchases) as converted", "unless(cart, purchases) as left", "first(user_id) as user",
        "step(view, search) as seen", "then(add_to_cart) as carts", "maybe(begin_checkout) as checkouts"}) {
    const auto measure = parse_measure(text);
    ASSERT_TRUE(measure) << text << ": " << measure.error().message;
    EXPECT_EQ(to_text(*measure), text);
  }
  EXPECT_EQ(to_text(*parse_measure("  sum( price * quantity ,purchase, - refund )  as  net ")),
            "sum(price*quantity, purchase, -refund) as net");
}

TEST(Measures, ThatMakeNoSenseAreRefusedInWords) {
  EXPECT_EQ(
      refused("cuont(view) as v"),
      "expected a function (count, sum, other_currencies, distinct, sketch, orders, rate, any, unless, first, step, "
      "then, maybe), got cuont; did you mean \"count\"?");
  EXPECT_EQ(refused("views"), "expected FUNCTION(…) as NAME, such as count(view) as views, got views");
  EXPECT_EQ(refused("count(view)"), "expected \"as NAME\" behind count(view), got nothing");
  EXPECT_EQ(refused("count(view) views"), "expected \"as NAME\" behind count(view), got views");
  EXPECT_EQ(refused("count(view) as Views"),
            "expected a name of at most 64 letters a-z, digits and _ that begins with no digit, got Views");
  EXPECT_EQ(refused("sum(prices, purchase) as p"),
            "expected an amount (price*quantity, price, quantity), got prices; did you mean \"price\"?");
  EXPECT_EQ(refused("sum() as p"), "expected an amount (price*quantity, price, quantity), got nothing");
  EXPECT_NE(refused("distinct(user_ids, view) as u").find("did you mean \"user_id\"?"), std::string::npos);
  EXPECT_EQ(refused("count(view, view) as v"), "expected each event type once, got view twice");
  EXPECT_NE(refused("count(-refund) as v").find("only amounts"), std::string::npos);
  EXPECT_EQ(refused("count(view,) as v"), "expected an event type, got nothing");
  EXPECT_EQ(refused("other_currencies(quantity, purchase) as q"),
            "expected price*quantity or price, got quantity, which has no currency");
  EXPECT_EQ(refused("rate(views) as r"),
            "expected rate(COUNT, COUNT), such as rate(purchases, views), got rate(views)");
}

ViewDeclaration view_with(std::initializer_list<std::string_view> measures) {
  ViewDeclaration view{"v", {EventColumn::product_id}, {}, {}};
  for (const std::string_view m : measures) view.measures.push_back(parse_measure(m).value());
  return view;
}

std::vector<std::string> texts_of(const std::vector<ViewFault>& faults) {
  std::vector<std::string> texts;
  for (const ViewFault& fault : faults) texts.push_back(fault.text);
  return texts;
}

TEST(ViewDeclarations, AllFaultsAreTold) {
  ViewDeclaration view = view_with({"count(veiw) as views", "rate(purchases, views) as r", "count(view) as product_id",
                                    "distinct(user_id) as basis"});
  view.shape = {kMicrosPerMinute, 2 * kMicrosPerMinute};
  EXPECT_EQ(texts_of(faults_of(view, types())),
            (std::vector<std::string>{
                "expected a slide that is at most the window's size: events between two windows would count nowhere",
                "count(veiw) as views: expected an event type, got veiw; did you mean \"view\"?",
                "rate(purchases, views) as r: expected the name of a count() of this view, got purchases",
                "expected columns of different names, got product_id twice",
                "expected columns of different names, got basis twice"}));
  EXPECT_EQ(texts_of(faults_of(view_with({}), types())),
            std::vector<std::string>{"expected at least one measure, got none"});
  view = view_with({"count() as n"});
  view.shape = {367 * kMicrosPerDay, kMicrosPerDay};
  EXPECT_EQ(faults_of(view, types()).size(), 1u);
}

TEST(ViewDeclarations, ASessionIsOfEvents) {
  ViewDeclaration view = view_with({"first(device_type) as device"});
  view.shape = WindowShape::session_of(kMicrosPerHour);
  EXPECT_EQ(texts_of(faults_of(view, types())),
            std::vector<std::string>{
                "expected a measure that says which events make a session, such as count(), got first() alone"});
  view.measures.push_back(parse_measure("count(view) as views").value());
  EXPECT_TRUE(faults_of(view, types()).empty());
}

TEST(ViewDeclarations, AFunnelIsStepsInOrder) {
  ViewDeclaration view = view_with({"then(purchase) as bought", "step(view) as views", "maybe(view) as again",
                                    "step(search) as searches", "count() as n"});
  view.shape = WindowShape::funnel_of(kMicrosPerHour, kMicrosPerMinute);
  EXPECT_EQ(texts_of(faults_of(view, types())),
            (std::vector<std::string>{
                "then(purchase) as bought: expected one step(), before all then() and maybe()",
                "maybe(view) as again: expected each event type in one step, got view twice",
                "step(search) as searches: expected one step(), before all then() and maybe()",
                "count() as n: expected step(), then() or maybe(): windows with a gap are a funnel's"}));
  view = view_with({"step(view) as views"});
  EXPECT_EQ(texts_of(faults_of(view, types())),
            std::vector<std::string>{"step(view) as views: expected a size and a gap for the steps of a funnel"});
}

TEST(ViewDeclarations, TheBuiltInOnesHaveNoFault) {
  std::string names;
  for (const ViewDeclaration& view : built_in_views()) {
    EXPECT_EQ(texts_of(faults_of(view, types())), std::vector<std::string>());
    names += view.name + " ";
  }
  EXPECT_EQ(names, "product_interest category_conversion shop_activity sessions funnel ");
}

TEST(ViewDeclarations, AFingerprintSaysWhatItIsOf) {
  std::vector<ViewDeclaration> views = built_in_views();
  views.push_back(view_with({"sum(quantity, purchase, -refund) as units", "orders() as orders",
                             "distinct(session_id, view, search) as sessions", "other_currencies(price) as others"}));
  views.back().keys = {};
  views.push_back(views.front());
  views.back().keys = {EventColumn::device_type, EventColumn::user_id};
  views.back().shape = {90 * kMicrosPerSecond, 60 * kMicrosPerSecond};
  for (ViewDeclaration& view : views) {
    const auto again = view_of_fingerprint(fingerprint(view, "EUR"));
    view.name.clear();
    EXPECT_EQ(again, view);
  }
  for (const char* other :
       {"", "product_interest/1 key=product_id", "view/2 keys=", "view/1 keys=", "view/1 keys=a size=1us",
        "view/1 keys= size=9us slide=9us currency=USD distinct=x measures=count( as n"})
    EXPECT_EQ(view_of_fingerprint(other), std::nullopt) << other;
}

TEST(ViewDeclarations, AnotherMeaningHasAnotherFingerprint) {
  const ViewDeclaration view = built_in_views()[0];
  ViewDeclaration other = view;
  other.name = "another name";
  EXPECT_EQ(fingerprint(view, "USD"), fingerprint(other, "USD"));
  EXPECT_NE(fingerprint(view, "USD"), fingerprint(view, "EUR"));
  other.keys.push_back(EventColumn::device_type);
  EXPECT_NE(fingerprint(view, "USD"), fingerprint(other, "USD"));
  other = view;
  other.measures.pop_back();
  EXPECT_NE(fingerprint(view, "USD"), fingerprint(other, "USD"));
  other = view;
  other.shape.slide *= 2;
  EXPECT_NE(fingerprint(view, "USD"), fingerprint(other, "USD"));
}

}  // namespace
}  // namespace pactolus
