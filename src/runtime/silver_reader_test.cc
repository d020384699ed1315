#include "runtime/silver_reader.h"

#include <map>
#include <set>

#include "runtime/runtime_test_lake.h"
#include "runtime/table_care.h"

namespace pactolus {
namespace {

class SilverReaderTest : public RuntimeTest {
 protected:
  // Two live batches and a history of 2019, in Silver.
  void SetUp() override {
    RuntimeTest::SetUp();
    config_.events.types = {{"wishlist", EventKind::view}};
    send({event("e1", -10),
          R"({"event_id":"e2","user_id":"u2","event_type":"search","timestamp":"2025-11-28T23:59:59Z"})"});
    ASSERT_OK(open());
    ASSERT_OK(commit());
    send(
        {R"({"event_id":"e3","user_id":"u2","product_id":"p2","event_type":"wishlist","price":2.5,"quantity":3,"currency":"EUR","timestamp":"2025-11-29T10:00:00Z"})"});
    ASSERT_OK(commit());
    send("_ingest.a", {R"({"event_id":"h1","user_id":"u3","event_type":"search","timestamp":"2019-10-01T00:00:00Z"})"});
    clock_.sleep_us(2 * kMicrosPerSecond);
    ASSERT_OK(commit());
    stop();
  }
  SilverRows read(const SilverFilter& filter) {
    const auto silver = *delta::Snapshot::load(lake().silver());
    SilverRows rows;
    for (const delta::AddFile* file : silver_files(silver, filter)) {
      const auto read = read_silver_file(lake().silver(), *file, decoder(), filter, rows);
      EXPECT_TRUE(read) << read.error().message;
    }
    return rows;
  }
  Decoder decoder() const {
    DecodeRules rules;
    rules.extra_types = config_.events.types;
    return Decoder(rules);
  }
  static std::set<uint64_t> ids(const SilverRows& rows) {
    return {rows.events.fingerprint.begin(), rows.events.fingerprint.end()};
  }
};

TEST_F(SilverReaderTest, BringsBackWhatStateIsMadeOf) {
  const SilverRows rows = read({.from_time = at(0)});
  ASSERT_EQ(rows.events.rows(), 1u);
  const EventBatch& e = rows.events;
  EXPECT_EQ(e.fingerprint[0], hash64("e3"));
  EXPECT_EQ(e.users.value(e.user_id.codes[0]), "u2");
  EXPECT_EQ(e.products.value(e.product_id.codes[0]), "p2");
  EXPECT_EQ(e.currencies.value(e.currency.codes[0]), "EUR");
  EXPECT_EQ(e.event_type[0], kBuiltInKinds) << "the first configured type";
  EXPECT_EQ(e.price[0], 25'000);
  EXPECT_EQ(e.quantity[0], 3);
  EXPECT_EQ(e.event_time[0], at(0));
  EXPECT_EQ(e.offset[0], 2);
  EXPECT_EQ(rows.batch_id[0], 2);
  EXPECT_FALSE(rows.history[0]);
}

TEST_F(SilverReaderTest, ATypeThatIsNoLongerConfiguredIsNoneOfTheOthers) {
  config_.events.types = {{"compare", EventKind::view}};
  const SilverRows rows = read({.from_time = at(0)});
  ASSERT_EQ(rows.events.rows(), 1u);
  EXPECT_EQ(rows.events.event_type[0], decoder().other_type());
}

TEST_F(SilverReaderTest, NullsComeBackAsNulls) {
  const SilverRows rows = read({.from_time = INT64_MIN});
  ASSERT_EQ(rows.events.rows(), 4u);
  for (size_t i = 0; i < 4; ++i)
    if (rows.events.fingerprint[i] == hash64("e2")) {
      EXPECT_EQ(rows.events.product_id.codes[i], -1);
      EXPECT_EQ(rows.events.price[i], kNoMoney);
      EXPECT_EQ(rows.events.currency.codes[i], -1);
    }
}

TEST_F(SilverReaderTest, FiltersByTimeBatchAndTopic) {
  EXPECT_EQ(ids(read({})).size(), 4u);
  EXPECT_EQ(ids(read({.live_only = true})), (std::set<uint64_t>{hash64("e1"), hash64("e2"), hash64("e3")}));
  EXPECT_EQ(ids(read({.after_batch = 1})), (std::set<uint64_t>{hash64("e3"), hash64("h1")}));
  EXPECT_EQ(ids(read({.after_batch = 3})), std::set<uint64_t>());
  EXPECT_EQ(ids(read({.from_time = at(-10)})), (std::set<uint64_t>{hash64("e1"), hash64("e3")}));
  EXPECT_EQ(ids(read({.from_time = at(-10) + 1})), (std::set<uint64_t>{hash64("e3")}));
}

TEST_F(SilverReaderTest, LeavesFilesAloneThatCannotHoldSuchRows) {
  const auto silver = *delta::Snapshot::load(lake().silver());
  EXPECT_EQ(silver.files().size(), 4u);
  EXPECT_EQ(silver_files(silver, {}).size(), 4u);
  EXPECT_EQ(silver_files(silver, {.from_time = at(0)}).size(), 2u) << "those of today";
  EXPECT_EQ(silver_files(silver, {.after_batch = 1}).size(), 2u);
  EXPECT_EQ(silver_files(silver, {.last_batch = 1}).size(), 2u);
}

TEST_F(SilverReaderTest, GivesBatchesInOrderHoweverFewRowsAreHeld) {
  // Files of several batches, as a compaction makes them, beside those of one.
  ASSERT_OK(open());
  std::map<int64_t, std::set<uint64_t>> expected;
  for (int batch = 4; batch < 16; ++batch) {
    std::vector<std::string> events;
    for (int i = 0; i < batch; ++i) {
      const std::string id = fmt::format("b{}-{}", batch, i);
      expected[batch].insert(hash64(id));
      events.push_back(event(id, i % 3));
    }
    send(events);
    ASSERT_OK(commit());
    if (batch == 11) {
      Random random(7);
      const auto merged = optimize_table(lake(), *find_table(lake(), "silver"), {}, clock_, random);
      ASSERT_OK(merged);
      ASSERT_GT(merged->merges, 0);
    }
  }
  stop();
  const auto silver = *delta::Snapshot::load(lake().silver());
  const Decoder decoder = this->decoder();
  for (const int64_t at_once : {1, 7, 20, 1000}) {
    std::map<int64_t, std::set<uint64_t>> found;
    int64_t before = 0;
    size_t most = 0;
    ASSERT_OK(each_silver_batch(
        silver, decoder, {.after_batch = 3, .last_batch = 14, .live_only = true}, {},
        [&](int64_t batch, const EventBatch& events, std::span<const uint32_t> rows) -> Result<> {
          EXPECT_GT(batch, before);
          before = batch;
          most = std::max(most, events.rows());
          for (const uint32_t r : rows) EXPECT_TRUE(found[batch].insert(events.fingerprint[r]).second);
          return {};
        },
        at_once));
    auto wanted = expected;
    wanted.erase(15);
    EXPECT_EQ(found, wanted) << at_once;
    EXPECT_LE(most, size_t(at_once) + 15) << "about as many as asked for, of whole batches";
  }
}

TEST_F(SilverReaderTest, AContentByteIsTheSameFromSilver) {
  Decoder decoder = this->decoder();
  EventBatch fresh;
  std::vector<Reject> rejects;
  const std::string json = event("e1", -10), padded = json + std::string(kRecordPadding, ' ');
  const RecordView record{Offset(0), kStart, std::nullopt, std::string_view(padded).substr(0, json.size()), {}};
  decoder.decode({&record, 1}, 0, {kStart, kNoTime}, fresh, rejects);
  const SilverRows rows = read({});
  for (size_t i = 0; i < rows.events.rows(); ++i) {
    if (rows.events.fingerprint[i] == hash64("e1")) {
      EXPECT_EQ(content_byte(rows.events, i), content_byte(fresh, 0));
    }
  }
}

TEST(HistoryTopics, AreKnownByTheirNames) {
  EXPECT_TRUE(is_history_topic("_ingest.0123"));
  EXPECT_TRUE(is_history_topic("_replay.1"));
  EXPECT_FALSE(is_history_topic("ingest"));
  EXPECT_FALSE(is_history_topic("clicks"));
  EXPECT_FALSE(is_history_topic(""));
}

}  // namespace
}  // namespace pactolus
