// Lakes that the job makes of chosen records pass; the report says what was found. Damaged lakes: tests/verify.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/time_text.h"
#include "bronze/embedded/embedded_log.h"
#include "lake/delta/log_cleanup.h"
#include "runtime/account_log.h"
#include "runtime/gold_rebuild.h"
#include "runtime/job.h"
#include "runtime/topics.h"
#include "verify/report.h"
#include "verify/verify.h"

namespace pactolus {
namespace {

constexpr const char* kHistory = "_ingest.0123";

class VerifyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/pactolus_verify_XXXXXX";
    root_ = ::mkdtemp(name);
    config_.lake = (root_ / "lake").native();
    config_.run.threads = 1;
    config_.gold.views.resize(1);  // product_interest; the others have tests of their own
  }
  void TearDown() override { fs::remove_all(root_); }

  fs::path bronze() const { return LakePaths{config_.lake}.bronze(); }
  // Records of the user `u`, with the clock's time as their own.
  void send(const std::string& topic, const std::vector<std::string>& values) {
    if (!open_topic(bronze(), topic))
      ASSERT_TRUE(create_topic(
          bronze(), topic, 1,
          topic == kHistory ? "22222222-2222-4222-8222-222222222222" : "11111111-1111-4111-8111-111111111111"));
    auto writer = std::move(*open_writer(bronze(), topic, {}, clock_));
    for (const std::string& v : values)
      ASSERT_TRUE(writer->append({.key = "u", .value = v, .timestamp_us = clock_.now_us()}));
    ASSERT_TRUE(writer->flush());
    if (topic == kHistory) {
      ASSERT_TRUE(replace_file(history_mark({config_.lake}, topic), "{}"));
    }
  }
  void send(const std::vector<std::string>& values) { send(config_.kafka.topic, values); }
  // `at`: seconds after the start of the test's day's tenth hour.
  static std::string event(const std::string& id, const std::string& type, int64_t at, const std::string& more = "") {
    return fmt::format(
        R"({{"event_id":"{}","user_id":"u{}","product_id":"p","event_type":"{}","timestamp":"{}","price":10.5{}}})", id,
        at % 7, type, iso_time(kTen + at * kMicrosPerSecond), more);
  }
  void run(bool close_windows = false) {
    auto job = Job::open(config_, {}, clock_, Random(7));
    ASSERT_TRUE(job) << job.error().message;
    for (bool done = false; !done;) {
      const auto step = (*job)->step();
      ASSERT_TRUE(step) << step.error().message;
      done = step->caught_up && step->records == 0;
    }
    const auto finished = (*job)->finish(close_windows);
    ASSERT_TRUE(finished) << finished.error().message;
  }
  VerifyReport verify() {
    VerifyOptions options{.config = config_};
    options.open_topic = [this](const std::string& topic) -> Result<std::unique_ptr<LogReader>> {
      return TRY(open_reader(bronze(), topic));
    };
    auto report = verify_lake(options, clock_);
    if (!report) ADD_FAILURE() << report.error().message;
    return report ? std::move(*report) : VerifyReport{};
  }
  void expect_ok(const VerifyReport& report) {
    for (const CheckResult& c : report.checks) EXPECT_EQ(c.outcome, CheckOutcome::ok) << text_line(c);
    EXPECT_EQ(report.checks.size(), 9u);
    EXPECT_EQ(report.verdict, Verdict::ok) << report.reason;
  }
  static int64_t figure(const VerifyReport& report, std::string_view check, std::string_view name) {
    for (const CheckResult& c : report.checks)
      for (const auto& [n, value] : c.figures)
        if (c.name == check && n == name) return value;
    ADD_FAILURE() << check << " has no figure " << name;
    return -1;
  }

  static constexpr int64_t kTen = 1'772'359'200 * kMicrosPerSecond;  // 2026-03-01T10:00:00Z
  fs::path root_;
  Config config_;
  ManualClock clock_{kTen + 20 * kMicrosPerMinute};
};

TEST_F(VerifyTest, RefundsCurrenciesAndQuantitiesAreJudged) {
  send({event("1", "view", 0), event("2", "purchase", 10, R"(,"quantity":3)"),
        event("3", "purchase", 20, R"(,"currency":"EUR")"), event("4", "refund", 30),
        event("5", "refund", 40, R"(,"currency":"EUR","quantity":2)"),
        event("6", "purchase", 50, R"(,"currency":"USD")"), event("7", "add_to_cart", 60), event("8", "page_view", 70),
        event("9", "purchase", 80, R"(,"currency":"CHF")")});
  run(true);
  const VerifyReport report = verify();
  expect_ok(report);
  EXPECT_EQ(figure(report, "gold", "rows"), 11);
}

ViewDeclaration declared(const char* name, std::vector<EventColumn> keys, WindowShape shape,
                         std::initializer_list<const char*> measures) {
  ViewDeclaration view{name, std::move(keys), shape, {}};
  for (const char* m : measures) view.measures.push_back(parse_measure(m).value());
  return view;
}

TEST_F(VerifyTest, ASessionThatGrowsFromBatchToBatchIsOne) {
  config_.gold.views.push_back(declared("of_steps", {}, WindowShape::funnel_of(kMicrosPerHour, 2 * kMicrosPerMinute),
                                        {"step(view) as seen", "then(purchase) as bought"}));
  for (int minute = 0; minute < 15; ++minute) {  // the watermark comes by where it would have ended at first
    send({event(std::to_string(minute), "view", minute * 60, R"(,"session_id":"s")")});
    run();
  }
  send({event("bought", "purchase", 900, R"(,"session_id":"s")"), event("away", "view", 1100)});
  run(true);
  expect_ok(verify());
}

// Random events in four batches, a good part of them late; many columns are null.
class EveryView : public VerifyTest {
 protected:
  void SetUp() override {
    VerifyTest::SetUp();
    config_.gold.views = built_in_views();
    config_.gold.views.push_back(
        declared("of_two_keys", {EventColumn::product_category, EventColumn::device_type},
                 {10 * kMicrosPerMinute, 5 * kMicrosPerMinute},
                 {"count() as events", "sum(price, purchase) as prices", "sum(quantity, purchase, -refund) as units",
                  "sum(price*quantity, purchase, -refund) as net", "orders(purchase) as orders",
                  "other_currencies(price, purchase, -refund) as other"}));
    config_.gold.views.push_back(
        declared("of_no_key", {}, {9 * kMicrosPerMinute, 6 * kMicrosPerMinute},
                 {"distinct(user_id) as users", "distinct(product_id, view) as products", "count(view) as key",
                  "count(purchase) as purchases", "rate(purchases, key) as ends"}));  // names that SQL may trip over
    config_.gold.views.push_back(declared("of_users", {EventColumn::user_id, EventColumn::order_id},
                                          {90 * kMicrosPerSecond, 30 * kMicrosPerSecond},
                                          {"sketch(product_id) as products", "orders() as orders"}));
    config_.gold.views.push_back(declared(
        "of_sessions", {EventColumn::device_type, EventColumn::user_id}, WindowShape::session_of(2 * kMicrosPerMinute),
        {"count(view, purchase) as ends", "count(purchase) as bought", "sum(price, view, -refund) as seen",
         "unless(seen, bought) as missed", "any(bought) as buyer", "first(product_category) as category",
         "distinct(product_id, view) as products", "orders(purchase) as orders", "rate(bought, ends) as rate",
         "other_currencies(price*quantity, purchase) as other"}));
    config_.gold.views.push_back(declared(
        "of_steps", {EventColumn::product_category}, WindowShape::funnel_of(7 * kMicrosPerMinute, 2 * kMicrosPerMinute),
        {"step(search, view) as from", "maybe(add_to_cart) as k0", "then(purchase) as bought",
         "rate(bought, from) as rate", "any(bought) as any"}));
  }
  std::vector<std::string> random_events(int round) {
    static constexpr const char* kTypes[] = {"view", "view", "view", "add_to_cart", "purchase", "refund", "search"};
    std::vector<std::string> out;
    for (int i = 0; i < 150; ++i) {
      std::string more;
      const auto maybe = [&](const char* name, uint64_t values, const char* text) {
        if (random_.below(3) > 0) more += fmt::format(R"(,"{}":"{}{}")", name, text, random_.below(uint32_t(values)));
      };
      maybe("product_category", 3, "cat");
      maybe("device_type", 2, "device");
      maybe("order_id", 5, "o");
      if (random_.below(4) == 0) more += R"(,"currency":"EUR")";
      if (random_.below(3) == 0) more += fmt::format(R"(,"quantity":{})", 1 + random_.below(4));
      out.push_back(event(fmt::format("{}-{}", round, i), kTypes[random_.below(7)],
                          round * 300 + int64_t(random_.below(900)), more));
    }
    return out;
  }
  Random random_{11};
};

TEST_F(EveryView, EqualsSilver) {
  for (int round = 0; round < 4; ++round) {
    send(random_events(round));
    run(round == 3);
    expect_ok(verify());
  }
  const VerifyReport report = verify();
  EXPECT_EQ(figure(report, "gold", "views"), 10);
  EXPECT_GT(figure(report, "gold", "rows"), 1000);
  int64_t late = 0;
  const auto snapshot = delta::Snapshot::load(LakePaths{config_.lake}.silver());
  ASSERT_TRUE(accounts_newest_first(LakePaths{config_.lake}.silver(), snapshot->version(), config_.job,
                                    [&](Version, BatchAccount&& a) -> Result<bool> {
                                      for (const SourceAccount& s : a.sources)
                                        for (const auto& [view, n] : s.late) late += n;
                                      return true;
                                    }));
  EXPECT_GT(late, 300);
  const int32_t day = int32_t(kTen / kMicrosPerDay);
  for (const ViewDeclaration& view : config_.gold.views) {
    Random random(3);
    const auto done = rebuild_view(config_, view, day, day, clock_, random);
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_GT(done->rows, 3);
  }
  expect_ok(verify());
  EXPECT_GT(figure(verify(), "gold", "rebuilt_rows"), 1000);
}

TEST_F(EveryView, CanJoinALakeAndChangeItsKeysAndMeasures) {
  const std::vector<ViewDeclaration> all = config_.gold.views;
  config_.gold.views.resize(1);
  send(random_events(0));
  run();
  config_.gold.views = all;
  send(random_events(1));
  run();
  expect_ok(verify());
  const int32_t day = int32_t(kTen / kMicrosPerDay);
  Random random(3);
  ASSERT_TRUE(rebuild_view(config_, all[5], day, day, clock_, random));
  expect_ok(verify());
  EXPECT_GT(figure(verify(), "gold", "rebuilt_rows"), 10);
  config_.gold.views[5].keys = {EventColumn::device_type, EventColumn::user_id};
  config_.gold.views[5].measures.pop_back();
  config_.gold.views[5].measures.push_back(parse_measure("sum(price*quantity) as turnover").value());
  run();
  expect_ok(verify());
  EXPECT_EQ(figure(verify(), "gold", "rebuilt_rows"), 0);  // they are of the declaration before
  send(random_events(2));
  run(true);
  expect_ok(verify());
  ASSERT_TRUE(rebuild_view(config_, config_.gold.views[5], day, day, clock_, random));
  expect_ok(verify());
  EXPECT_GT(figure(verify(), "gold", "rebuilt_rows"), 10);
}

// What a view that was switched off has not got cannot be made again once the log has let go of its batches.
TEST_F(EveryView, ComesBackAfterTheLogHasForgottenIt) {
  config_.gold.views.erase(config_.gold.views.begin() + 1, config_.gold.views.begin() + 5);
  const std::vector<ViewDeclaration> all = config_.gold.views;
  send(random_events(0));
  run();
  config_.gold.views.resize(1);
  send(random_events(1));
  run();
  send(random_events(2));
  run();
  const fs::path silver = LakePaths{config_.lake}.silver();
  auto table = delta::DeltaTable::open(silver, {.clock = &clock_});
  ASSERT_TRUE(table);
  ASSERT_TRUE(table->checkpoint(0));
  ASSERT_TRUE(delta::clean_log(silver, table->snapshot().version()));
  config_.gold.views = all;
  const int32_t day = int32_t(kTen / kMicrosPerDay);
  Random random(3);
  const auto too_early = rebuild_view(config_, all[1], day, day, clock_, random);
  ASSERT_FALSE(too_early);
  EXPECT_EQ(too_early.error().code, ErrorCode::invalid) << too_early.error().message;
  run();
  expect_ok(verify());
  send(random_events(3));
  run(true);
  expect_ok(verify());
  for (const ViewDeclaration& view : all) {
    const auto done = rebuild_view(config_, view, day, day, clock_, random);
    ASSERT_TRUE(done) << done.error().message;
  }
  expect_ok(verify());
}

// Batches that a view has not got are finished as it was declared when they came, whatever the configuration asks now.
TEST_F(EveryView, IsFinishedAsItWasDeclared) {
  config_.gold.views = {config_.gold.views[0], config_.gold.views[5]};
  const fs::path gold = LakePaths{config_.lake}.gold("of_two_keys");
  send(random_events(0));
  run();
  const int64_t before = delta::Snapshot::load(gold)->version().value;
  send(random_events(3));
  run();
  const auto whole = delta::Snapshot::load(gold);
  // As after a kill behind Silver's commit.
  for (int64_t v = before + 1; v <= whole->version().value; ++v) fs::remove(delta::commit_path(gold, Version(v)));
  fs::remove_all(LakePaths{config_.lake}.snapshots());
  const std::vector<EventColumn> keys = std::exchange(config_.gold.views[1].keys, {EventColumn::user_id});
  Random random(3);
  const int32_t day = int32_t(kTen / kMicrosPerDay);
  const auto changed = rebuild_view(config_, config_.gold.views[1], day, day, clock_, random);
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code, ErrorCode::invalid) << changed.error().message;
  run();
  expect_ok(verify());
  EXPECT_EQ(delta::Snapshot::load(gold)->rows(), whole->rows());
  EXPECT_GT(whole->rows(), 10);
  config_.gold.views[1].keys = keys;
  send(random_events(4));
  run(true);
  expect_ok(verify());
}

// The session before the late event was final, but no row says so: the view was not declared when it began.
TEST_F(VerifyTest, SessionsFromBeforeAViewWasDeclaredAreNotMissed) {
  clock_.sleep_us(kMicrosPerHour);
  send({event("1", "view", 35 * 60, R"(,"session_id":"a")"), event("2", "view", 45 * 60, R"(,"session_id":"b")")});
  run();  // the watermark is at 10:40
  config_.gold.views.push_back(declared("joined", {EventColumn::session},
                                        WindowShape::session_of(30 * kMicrosPerMinute), {"count() as events"}));
  run();
  send({event("3", "view", 71 * 60, R"(,"session_id":"b")")});
  run();  // 11:06: the session of a, which ended at 11:05, is final
  send({event("4", "view", 60 * 60, R"(,"session_id":"a")"), event("5", "view", 75 * 60, R"(,"session_id":"c")")});
  run(true);
  const VerifyReport report = verify();
  expect_ok(report);
  EXPECT_EQ(figure(report, "gold", "views"), 2);
}

// A late event joins two sessions over midnight: rebuilding either day makes the one that it is, and drops both.
TEST_F(VerifyTest, ARebuiltDayReachesAsFarAsItsSessions) {
  const int32_t day = int32_t(kTen / kMicrosPerDay);
  config_.gold.views.push_back(declared("joined", {EventColumn::session},
                                        WindowShape::session_of(30 * kMicrosPerMinute), {"count() as events"}));
  clock_.sleep_us(20 * kMicrosPerHour);
  const auto of = [](const char* id, const char* session, int64_t hour, int64_t minute) {
    return event(id, "view", (hour - 10) * 3600 + minute * 60, fmt::format(R"(,"session_id":"{}")", session));
  };
  send({of("1", "a", 23, 40), of("2", "a", 24, 20), of("3", "b", 26, 0)});
  run();
  send({of("4", "a", 24, 0), of("5", "b", 28, 0)});
  run();
  const fs::path before = root_ / "before";
  fs::copy(config_.lake, before, fs::copy_options::recursive);
  for (const int32_t asked : {day, day + 1}) {
    fs::remove_all(config_.lake);
    fs::copy(before, config_.lake, fs::copy_options::recursive);
    Random random(3);
    const auto done = rebuild_view(config_, config_.gold.views[1], asked, asked, clock_, random);
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(std::pair(done->first_day, done->last_day), std::pair(day, day + 1));
    EXPECT_EQ(done->rows, 2);  // of a, with three events, and b's first
    EXPECT_EQ(done->removed_rows, 3);
    expect_ok(verify());
    const auto again = rebuild_view(config_, config_.gold.views[1], asked, asked, clock_, random);
    ASSERT_TRUE(again);
    EXPECT_EQ(std::pair(again->first_day, again->last_day), std::pair(asked, asked));
  }
}

// An alert that opened in a window which was not made anew may have begun before it by the rows that are there now.
TEST_F(VerifyTest, AlertsThatReachOutOfRebuiltWindowsAreNotJudged) {
  config_.alerts.rules = {{"three", *AlertCondition::parse("views >= 3")}};
  const auto other = [](const char* id, int64_t at) {  // of no product
    return event(id, "page_view", at);
  };
  send({event("1", "view", 1), event("2", "view", 2), other("3", 540)});
  run();                                           // the watermark is at 10:04
  send({event("4", "view", 3), other("5", 550)});  // late for windows that begin by 9:54
  run();
  Random random(3);
  const int32_t day = int32_t(kTen / kMicrosPerDay);
  ASSERT_TRUE(rebuild_view(config_, config_.gold.views[0], day, day, clock_, random));
  send({other("6", 630)});
  run();
  const VerifyReport report = verify();
  expect_ok(report);
  EXPECT_EQ(figure(report, "alerts", "alerts"), 1);
  run(true);
  expect_ok(verify());
}

TEST_F(VerifyTest, ATableThatIsGoneIsNoted) {
  config_.gold.views = built_in_views();
  send({event("1", "view", 0)});
  run(true);
  expect_ok(verify());
  fs::remove_all(LakePaths{config_.lake}.gold("sessions"));
  std::string notes;
  for (const CheckResult& c : verify().checks)
    for (const std::string& note : c.notes) notes += note;
  EXPECT_EQ(notes, "sessions is declared and has no table");
  fs::remove_all(LakePaths{config_.lake}.gold("product_interest"));
  EXPECT_EQ(verify().verdict, Verdict::failed);
}

// Its rows are of none of the types that there are now, and not of another one.
TEST_F(VerifyTest, ATypeThatIsNoLongerConfiguredIsCountedWithAllTypesOnly) {
  config_.events.types = {{"wish", EventKind::view}};
  config_.gold.views.push_back(declared("by_type", {}, {kMicrosPerMinute, kMicrosPerMinute},
                                        {"count() as events", "count(page_view) as pages"}));
  send({event("1", "wish", 0), event("2", "page_view", 10), event("3", "view", 20)});
  run();
  config_.events.types = {};
  fs::remove_all(LakePaths{config_.lake}.snapshots());
  run(true);
  expect_ok(verify());
  Random random(3);
  const int32_t day = int32_t(kTen / kMicrosPerDay);
  ASSERT_TRUE(rebuild_view(config_, config_.gold.views[1], day, day, clock_, random));
  expect_ok(verify());
}

// What the rebuild of a lake that was never streamed leaves to a stream begins behind its last window.
TEST_F(VerifyTest, AStreamGoesOnBehindARebuildThatWasBeforeIt) {
  send(kHistory, {event("1", "view", 0)});
  run();
  Random random(3);
  const int32_t day = int32_t(kTen / kMicrosPerDay);
  const auto done = rebuild_view(config_, config_.gold.views[0], day, day + 3000, clock_, random);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->stream_from, kTen + 1);  // the last of the ten windows begins with the event's minute
  send({event("2", "view", 30), event("3", "view", 1200)});
  run(true);
  const VerifyReport report = verify();
  expect_ok(report);
  EXPECT_EQ(figure(report, "gold", "rebuilt_rows"), 10);
  EXPECT_EQ(figure(report, "gold", "rows"), 10);
}

TEST_F(VerifyTest, AStreamsSessionsBeginBehindThoseOfARebuildThatWasBeforeIt) {
  config_.gold.views.push_back(declared("joined", {EventColumn::session},
                                        WindowShape::session_of(30 * kMicrosPerMinute), {"count() as events"}));
  const auto of = [](const char* id, const char* session, int64_t minute) {
    return event(id, "view", minute * 60, fmt::format(R"(,"session_id":"{}")", session));
  };
  clock_.sleep_us(2 * kMicrosPerHour);
  send(kHistory, {of("1", "a", 0), of("2", "a", 25), of("3", "a", 50), of("4", "b", 40)});
  run();
  Random random(3);
  const int32_t day = int32_t(kTen / kMicrosPerDay);
  const auto done = rebuild_view(config_, config_.gold.views[1], day, day, clock_, random);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->stream_from, kTen + 80 * kMicrosPerMinute);  // a ends at 11:20
  send({of("5", "c", 45), of("6", "d", 90)});                  // c's would end at 11:15
  run(true);
  const VerifyReport report = verify();
  expect_ok(report);
  EXPECT_EQ(figure(report, "gold", "rebuilt_rows"), 2);
}

TEST_F(VerifyTest, AChangedViewBeginsAtTheWatermark) {
  const auto paid = [](const char* id, int64_t at, const char* currency) {
    return event(id, "purchase", at, fmt::format(R"(,"currency":"{}")", currency));
  };
  send({event("1", "view", 0), paid("2", 10, "EUR"), paid("3", 660, "EUR"), paid("4", 661, "USD")});
  run();  // the watermark is at 10:06:01
  const int64_t before = figure(verify(), "gold", "rows");
  EXPECT_EQ(before, 6);  // ends 10:01 to 10:06
  config_.shop.currency = "EUR";
  expect_ok(verify());  // the table says whose windows it holds, not today's configuration
  run();
  VerifyReport report = verify();
  expect_ok(report);
  EXPECT_EQ(figure(report, "gold", "rows"), 0);
  EXPECT_EQ(figure(report, "gold", "rows_of_earlier_declarations"), before);
  send({event("5", "view", 700), paid("6", 720, "EUR")});
  run(true);
  report = verify();
  expect_ok(report);
  // Starts 10:07, the first at or after the watermark, to 10:12; events at 10:11 from before the change are in them.
  EXPECT_EQ(figure(report, "gold", "rows"), 6);
  EXPECT_EQ(figure(report, "gold", "rows_of_earlier_declarations"), before);
  config_.shop.currency = "USD";  // and back: another beginning, whatever snapshots say
  run();
  expect_ok(verify());
}

TEST_F(VerifyTest, AChangeWithoutSnapshotsIsTheSame) {
  send({event("1", "view", 0), event("2", "purchase", 660, R"(,"currency":"EUR")")});
  run();
  fs::remove_all(LakePaths{config_.lake}.snapshots());
  config_.shop.currency = "EUR";
  run();
  fs::remove_all(LakePaths{config_.lake}.snapshots());
  send({event("5", "view", 700)});
  run(true);
  const VerifyReport report = verify();
  expect_ok(report);
  EXPECT_GT(figure(report, "gold", "rows"), 0);
}

TEST_F(VerifyTest, LateRowsCountInTheWindowsThatWereOpen) {
  // Seconds that are multiples of 7 are of one user: seen in several minutes, before and after the watermark.
  send({event("1", "view", 0), event("2", "view", 1), event("3", "view", 70), event("4", "view", 350),
        event("5", "view", 660)});
  run();  // the watermark is at 10:06, windows up to 10:06 are final
  send({event("6", "view", 140), event("9", "view", 300), event("10", "view", 1, R"(,"quantity":2)")});
  run();
  send({event("7", "view", 896), event("8", "purchase", 62), event("11", "view", 210)});
  run(true);
  const VerifyReport report = verify();
  expect_ok(report);
  EXPECT_GT(figure(report, "gold", "windows"), 20);
}

TEST_F(VerifyTest, AnEventBeyondTheHorizonInHistoryIsAnotherEvent) {
  send(kHistory, {event("1", "view", 0), event("1", "view", -86'400), event("1", "view", 5), event("2", "view", 0)});
  run();
  const VerifyReport report = verify();
  for (const CheckResult& c : report.checks) EXPECT_NE(c.outcome, CheckOutcome::failed) << text_line(c);
  EXPECT_EQ(figure(report, "event_ids", "reused_ids"), 1);
  EXPECT_EQ(figure(report, "duplicates", "duplicates"), 1);
}

TEST_F(VerifyTest, AHorizonThatWasShorterOnceIsNotHeldAgainstIt) {
  config_.dedup.horizon_us = 10 * kMicrosPerMinute;
  send({event("1", "view", 0), event("2", "view", 1'200)});
  run();  // the watermark is at 10:15, the horizon's end at 10:05
  send({event("1", "view", 1'210)});
  run();
  config_.dedup.horizon_us = 24 * kMicrosPerHour;
  run();
  const VerifyReport report = verify();
  expect_ok(report);
  EXPECT_EQ(figure(report, "event_ids", "reused_ids"), 1);
}

TEST_F(VerifyTest, HistoriesStayOutOfTheWindows) {
  send({event("1", "view", 0), event("2", "purchase", 30)});
  run();
  send(kHistory, {event("3", "view", 5), event("1", "view", 5), event("4", "purchase", 6)});
  run();
  send({event("5", "view", 40)});
  run(true);
  const VerifyReport report = verify();
  expect_ok(report);
  EXPECT_EQ(figure(report, "ledger", "duplicates"), 1);
  EXPECT_EQ(figure(report, "gold", "rows"), 10);
}

TEST_F(VerifyTest, BatchesWithoutRejectsNeedNoCommitOfQuarantine) {
  send({event("1", "view", 0)});
  run();
  // As after a kill: the commit by which quarantine says that it has come so far is not there.
  fs::remove(delta::commit_path(LakePaths{config_.lake}.quarantine(), Version(1)));
  const VerifyReport report = verify();
  EXPECT_EQ(report.verdict, Verdict::ok);
  EXPECT_EQ(report.quarantine_batch, 1);
}

TEST_F(VerifyTest, NothingToCheckIsNoSuccess) {
  EXPECT_EQ(verify().verdict, Verdict::nothing_to_check);
  run();
  const VerifyReport report = verify();
  EXPECT_EQ(report.verdict, Verdict::nothing_to_check);
  EXPECT_NE(verdict_line(report).find("nothing to check: the lake in"), std::string::npos);
}

TEST_F(VerifyTest, AStopEndsIt) {
  send({event("1", "view", 0)});
  run();
  const auto report = verify_lake({.config = config_, .stop = [] { return true; }}, clock_);
  EXPECT_FALSE(report);
}

TEST(Report, ShowsFailingRowsAndHowManyMore) {
  CheckResult c;
  c.name = "ledger";
  c.summary = "3 records";
  for (int i = 0; i < 1'240; ++i) c.fail_row(fmt::format("row {}", i));
  EXPECT_EQ(text_line(c),
            "FAIL ledger       3 records\n       row 0\n       row 1\n       row 2\n       row 3\n       row 4\n       "
            "… and 1,235 more\n");
  EXPECT_EQ(text_line([] {
              CheckResult skipped = CheckResult::skip("--no-bronze");
              skipped.name = "duplicates";
              return skipped;
            }()),
            "skip duplicates   (--no-bronze)\n");
}

TEST(Report, JUnitEscapesWhatXmlDoesNotTake) {
  CheckResult c;
  c.name = "event_ids";
  c.fail_row("id <\"&\x01>");
  const std::string xml = to_junit({.lake = "l", .verdict = Verdict::failed, .checks = {c}});
  EXPECT_NE(xml.find("id &lt;&quot;&amp;?&gt;"), std::string::npos) << xml;
  EXPECT_NE(xml.find("failures=\"1\""), std::string::npos);
}

TEST(Figures, AreReadable) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1'000), "1,000");
  EXPECT_EQ(with_commas(-1'234'567), "-1,234,567");
  EXPECT_EQ(counted(1, "file"), "1 file");
  EXPECT_EQ(counted(0, "file"), "0 files");
}

}  // namespace
}  // namespace pactolus
