// What the embedded topic loses, accepted: the job goes on exactly behind it, and the lake tells of it. Kafka's side:
// tests/kafka.
#include "runtime/losses.h"

#include "runtime/account_log.h"
#include "runtime/runtime_test_lake.h"

namespace pactolus {
namespace {

class LossesTest : public RuntimeTest {
 protected:
  static constexpr const char* kOtherId = "99999999-9999-4999-8999-999999999999";

  fs::path topic() const { return lake().bronze() / config_.kafka.topic; }
  // One frame for each event, one segment for each so many.
  void send_frames(const std::vector<std::string>& events, int64_t segment_bytes = 1 << 20) {
    if (!open_topic(lake().bronze(), config_.kafka.topic))
      ASSERT_OK(create_topic(lake().bronze(), config_.kafka.topic, 1, kTopicId));
    auto writer =
        std::move(*open_writer(lake().bronze(), config_.kafka.topic, {.segment_bytes = segment_bytes}, clock_));
    for (const std::string& value : events) {
      ASSERT_OK(writer->append({.key = "u1", .value = value, .timestamp_us = clock_.now_us()}));
      ASSERT_OK(writer->flush());
    }
  }
  std::vector<std::string> events(int first, int last) const {
    std::vector<std::string> out;
    for (int i = first; i < last; ++i) out.push_back(event("e" + std::to_string(i), i - 100));
    return out;
  }
  std::vector<fs::path> segments() const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::recursive_directory_iterator(topic()))
      if (entry.path().extension() == ".log") out.push_back(entry.path());
    std::ranges::sort(out);
    return out;
  }
  void catch_up() {
    ASSERT_OK(open());
    ASSERT_OK(commit());
    stop();
  }
  Result<std::vector<AcceptedLoss>> accept(const std::string& reason = "a test") {
    TRY(open({.lock_wait_us = 0, .accept_loss = reason}));
    const auto losses = job_->accepted_losses();
    job_.reset();
    return losses;
  }
  void expect_refused(ErrorCode code) {
    const auto opened = open();
    const auto ran = opened ? commit() : opened;
    job_.reset();
    ASSERT_FALSE(ran);
    EXPECT_EQ(ran.error().code, code) << ran.error().message;
    EXPECT_EQ(ran.error().hint, loss_hint(config_, fs::exists(topic())));
  }
  BatchAccount last_account() const { return **last_batch(*delta::Snapshot::load(lake().silver()), config_.job); }
  int64_t silver_rows() const { return delta::Snapshot::load(lake().silver())->rows(); }
};

TEST_F(LossesTest, NothingIsAcceptedWhereNothingIsLost) {
  send_frames(events(0, 5));
  catch_up();
  EXPECT_TRUE(accept()->empty());
  EXPECT_EQ(last_account().batch, 1);
  EXPECT_TRUE(last_account().losses.empty());
}

TEST_F(LossesTest, WhatRetentionTookIsSkippedAsLost) {
  send_frames(events(0, 5));
  catch_up();
  send_frames(events(5, 30), 1000);
  const auto all = segments();
  ASSERT_GT(all.size(), 6u);
  for (size_t i = 0; i < 4; ++i) fs::remove(all[i]);
  const int64_t begin = std::stoll(all[4].stem().native());
  ASSERT_GT(begin, 5);
  expect_refused(ErrorCode::data_loss);
  const auto accepted = accept();
  ASSERT_OK(accepted);
  ASSERT_EQ(accepted->size(), 1u);
  EXPECT_EQ(accepted->front().kind, kDeleted);
  EXPECT_EQ(std::pair(accepted->front().start, accepted->front().end), std::pair(int64_t(5), begin));
  const SourceAccount account = last_account().sources.at(0);
  EXPECT_EQ(std::pair(account.start, account.end), std::pair(int64_t(5), begin));
  EXPECT_EQ(account.skipped, (CountByName{{kLost, begin - 5}}));
  EXPECT_EQ(last_account().losses.at(0).reason, "a test");
  catch_up();
  EXPECT_EQ(silver_rows(), 5 + 30 - begin);
  EXPECT_TRUE(accept()->empty());
}

TEST_F(LossesTest, ALossIsToldOnceThoughAViewChangesToo) {
  send_frames(events(0, 5));
  catch_up();
  send_frames(events(5, 30), 1000);
  const auto all = segments();
  for (size_t i = 0; i < 4; ++i) fs::remove(all.at(i));
  config_.shop.currency = "EUR";
  ASSERT_OK(accept());
  int64_t told = 0, batches = 0;
  ASSERT_OK(accounts_newest_first(lake().silver(), delta::Snapshot::load(lake().silver())->version(), config_.job,
                                  [&](Version, BatchAccount&& account) -> Result<bool> {
                                    ++batches, told += int64_t(account.losses.size());
                                    return true;
                                  }));
  EXPECT_EQ(told, 1);
  EXPECT_EQ(batches, 3);  // the events, the loss, and the one behind a changed view
}

TEST_F(LossesTest, ADamagedRecordIsSkippedAndThoseBehindItAreRead) {
  send_frames(events(0, 9));
  const fs::path segment = segments().at(0);
  const std::string whole = *read_file(segment);
  std::string damaged = whole;
  damaged.at(damaged.find("\"e4\"") + 1) = 'f';
  damaged.at(damaged.find("\"e5\"") + 1) = 'f';
  ASSERT_OK(replace_file(segment, damaged));
  expect_refused(ErrorCode::corrupt);
  EXPECT_EQ(silver_rows(), 4) << "what lies before it is committed";
  const auto accepted = accept();
  ASSERT_OK(accepted);
  ASSERT_EQ(accepted->size(), 1u);
  EXPECT_EQ(accepted->front().kind, kUnreadable);
  EXPECT_EQ(std::pair(accepted->front().start, accepted->front().end), std::pair(int64_t(4), int64_t(6)));
  catch_up();
  EXPECT_EQ(silver_rows(), 7);
}

TEST_F(LossesTest, BehindADamagedHeaderTheRestOfTheSegmentIsLost) {
  send_frames(events(0, 9), 1000);
  ASSERT_GT(segments().size(), 2u);
  const fs::path segment = segments().at(1);
  const int64_t base = std::stoll(segment.stem().native()), next = std::stoll(segments().at(2).stem().native());
  std::string bytes = *read_file(segment);
  bytes.at(8) ^= 1;
  ASSERT_OK(replace_file(segment, bytes));
  expect_refused(ErrorCode::corrupt);
  const auto accepted = accept();
  ASSERT_OK(accepted);
  ASSERT_EQ(accepted->size(), 1u);
  EXPECT_EQ(std::pair(accepted->front().start, accepted->front().end), std::pair(base, next));
  catch_up();
  EXPECT_EQ(silver_rows(), 9 - (next - base));
}

TEST_F(LossesTest, ATopicMadeAnewIsReadFromItsBeginning) {
  send_frames(events(0, 5));
  catch_up();
  fs::remove_all(topic());
  ASSERT_OK(create_topic(lake().bronze(), "clicks", 2, kOtherId));
  send_frames(events(3, 8));
  expect_refused(ErrorCode::data_loss);
  config_.run.start = {StartFrom::Kind::latest, 0};  // is for a topic that takes no other's place
  const auto accepted = accept();
  ASSERT_OK(accepted);
  ASSERT_EQ(accepted->size(), 1u);
  EXPECT_EQ(accepted->front().kind, kMadeAnew);
  EXPECT_EQ(accepted->front().topic_id, kTopicId);
  EXPECT_EQ(accepted->front().start, 5);
  EXPECT_EQ(last_account().sources.size(), 2u);
  catch_up();
  EXPECT_EQ(silver_rows(), 8) << "three are known, two were not";
  // And once more, with none there: nothing is made by accepting.
  fs::remove_all(topic());
  expect_refused(ErrorCode::data_loss);
  EXPECT_EQ(accept().error().code, ErrorCode::not_found);
  EXPECT_FALSE(fs::exists(topic()));
  ASSERT_OK(create_topic(lake().bronze(), "clicks", 1, kTopicId));  // an id that was given up is one of its own
  EXPECT_EQ(accept()->size(), 2u);
  EXPECT_EQ(last_account().sources.at(0).topic_id, std::string(kTopicId) + ".2");
  catch_up();
  EXPECT_EQ(silver_rows(), 8);
}

TEST_F(LossesTest, ALogThatFellBackGoesOnAsAnotherTopic) {
  send_frames(events(0, 5));
  catch_up();
  fs::remove_all(topic());
  send_frames(events(0, 2));  // the same id
  expect_refused(ErrorCode::data_loss);
  const auto accepted = accept();
  ASSERT_OK(accepted);
  ASSERT_EQ(accepted->size(), 1u);
  EXPECT_EQ(accepted->front().kind, kFellBack);
  EXPECT_EQ(std::pair(accepted->front().start, accepted->front().end), std::pair(int64_t(5), int64_t(2)));
  EXPECT_EQ(last_account().sources.at(0).topic_id, std::string(kTopicId) + ".2");
  send_frames(events(5, 9));
  catch_up();
  EXPECT_EQ(silver_rows(), 9) << "offsets 2 to 4 are there twice, of other records";
  // A third life.
  fs::remove_all(topic());
  send_frames(events(0, 1));
  expect_refused(ErrorCode::data_loss);
  ASSERT_EQ(accept()->size(), 1u);
  EXPECT_EQ(last_account().sources.at(0).topic_id, std::string(kTopicId) + ".3");
  catch_up();
  EXPECT_EQ(silver_rows(), 9);
}

}  // namespace
}  // namespace pactolus
