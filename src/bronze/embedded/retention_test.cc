#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "bronze/embedded/log_test.h"

namespace pactolus::bronze {
namespace {

constexpr int64_t kNoAge = kNoTime;
constexpr int64_t kNoLimit = INT64_MAX;

// Ten segments of two records each; segment i has the times 100 i and 100 i + 50.
class RetentionTest : public LogTest {
 protected:
  static constexpr EmbeddedLogOptions kTwoRecords{.segment_bytes = 1};
  void SetUp() override {
    LogTest::SetUp();
    create();
    writer_ = writer(kTwoRecords);
    for (int i = 0; i < 10; ++i) write_segment(*writer_, i);
    reader_ = reader();
    bytes_ = *size_of_file(segment());
  }
  static void write_segment(EmbeddedLogWriter& w, int i) {
    for (const int64_t time : {100 * i, 100 * i + 50}) {
      const std::string value =
          "v" + std::to_string(10'000 + time);  // of one width, so that all segments are of one size
      ASSERT_TRUE(w.append({.value = value, .timestamp_us = time}));
    }
    ASSERT_TRUE(w.flush());
  }
  int64_t drop(int64_t committed, int64_t min_timestamp_us, int64_t max_bytes) {
    const auto freed = reader_->drop_before(std::array{Offset(committed)}, min_timestamp_us, max_bytes);
    EXPECT_TRUE(freed) << freed.error().message;
    return freed.value_or(-1);
  }
  std::unique_ptr<EmbeddedLogWriter> writer_;
  std::unique_ptr<EmbeddedLogReader> reader_;
  int64_t bytes_ = 0;
};

TEST_F(RetentionTest, DropsWhatIsOldInWholeSegments) {
  EXPECT_EQ(drop(20, 250, kNoLimit), 2 * bytes_);
  EXPECT_EQ(*reader_->begin(kP0), Offset(4)) << "the segment with 200 and 250 is not older than 250";
  EXPECT_EQ(drop(20, 251, kNoLimit), bytes_);
  EXPECT_EQ(*reader()->begin(kP0), Offset(6));
  EXPECT_EQ(values(*reader()).size(), 14u);
}

TEST_F(RetentionTest, DropsWhatIsBeyondTheBytes) {
  EXPECT_EQ(drop(20, kNoAge, 10 * bytes_), 0);
  EXPECT_EQ(drop(20, kNoAge, 10 * bytes_ - 1), bytes_);
  EXPECT_EQ(drop(20, kNoAge, 4 * bytes_), 5 * bytes_);
  EXPECT_EQ(*reader_->begin(kP0), Offset(12));
}

TEST_F(RetentionTest, NeverPassesACommittedOffset) {
  EXPECT_EQ(drop(0, 10'000, 0), 0);
  EXPECT_EQ(drop(5, 10'000, 0), 2 * bytes_);
  EXPECT_EQ(*reader_->begin(kP0), Offset(4));
}

TEST_F(RetentionTest, NeverDropsTheSegmentThatIsWritten) {
  EXPECT_EQ(drop(20, 10'000, 0), 9 * bytes_);
  EXPECT_EQ(*reader_->begin(kP0), Offset(18));
  write_segment(*writer_, 10);
  EXPECT_EQ(values(*reader()), (std::vector<std::string>{"v10900", "v10950", "v11000", "v11050"}));
}

TEST_F(RetentionTest, SeekingBelowTheBeginTellsHowMuchIsGone) {
  drop(20, 300, kNoLimit);
  const auto sought = reader_->seek(kP0, Offset(2));
  ASSERT_FALSE(sought);
  EXPECT_EQ(sought.error().code, ErrorCode::data_loss);
  EXPECT_NE(sought.error().message.find("4 offsets are gone"), std::string::npos) << sought.error().message;
  EXPECT_TRUE(reader_->seek(kP0, Offset(6)));
}

TEST_F(RetentionTest, AReaderInADroppedSegmentIsTold) {
  auto late = reader();
  ASSERT_EQ(late->poll(kP0, 1)->records.size(), 2u);
  auto later = reader();
  ASSERT_TRUE(later->seek(kP0, Offset(3)));
  auto at_border = reader();
  ASSERT_TRUE(at_border->seek(kP0, Offset(5)));
  ASSERT_EQ(at_border->poll(kP0, 1)->next, Offset(6));
  drop(20, 300, kNoLimit);
  EXPECT_EQ(late->poll(kP0, 1).error().code, ErrorCode::data_loss);
  EXPECT_EQ(later->poll(kP0, 1).error().code, ErrorCode::data_loss);
  EXPECT_EQ(later->poll(kP0, 1).error().code, ErrorCode::data_loss) << "and again";
  EXPECT_EQ(values(*at_border).size(), 14u) << "it had read all that was dropped";
}

TEST_F(RetentionTest, ATopicMadeAnewIsAnotherTopic) {
  ASSERT_EQ(reader_->poll(kP0, 1)->records.size(), 2u);
  writer_.reset();
  fs::remove_all(bronze_);
  ASSERT_TRUE(create_topic(bronze_, kTopic, 1, "another-id"));
  writer_ = writer(kTwoRecords);
  for (int i = 0; i < 10; ++i) write_segment(*writer_, i);
  const auto polled = reader_->poll(kP0, 1);
  ASSERT_FALSE(polled);
  EXPECT_EQ(polled.error().code, ErrorCode::data_loss);
}

TEST_F(RetentionTest, TheWriterGoesOnMeanwhileAndAfterReopening) {
  for (int i = 10; i < 30; ++i) {
    write_segment(*writer_, i);
    drop(2 * i, kNoAge, 3 * bytes_);
    EXPECT_EQ(*reader_->end(kP0), Offset(2 * i + 2));
    EXPECT_LE(list_folder(folder())->size(), 5u);
  }
  writer_.reset();
  writer_ = writer(kTwoRecords);
  EXPECT_EQ(writer_->next_offset(kP0), Offset(60));
}

// After a power loss the mark may name a segment that retention has taken since.
TEST_F(RetentionTest, AnOldMarkOfADroppedSegmentIsNoDamage) {
  writer_.reset();
  drop(20, 500, kNoLimit);
  for (const DurableMark& old : {DurableMark{10, 8, bytes_}, DurableMark{4, 2, bytes_}}) {
    const auto bytes = encode_mark(old, checksum_seed(kTopicId, kP0));
    overwrite(mark(), {bytes.data(), bytes.size()});
    EXPECT_EQ(values(*reader()).size(), 10u);
  }
}

// A writer in another process, a reader and its retention here: every record is read, in order, and old ones go.
TEST_F(RetentionTest, WorksWhileAnotherProcessWrites) {
  constexpr int kGroups = 100;
  writer_.reset();
  const pid_t child = ::fork();
  if (child == 0) {
    auto opened = open_writer(bronze_, kTopic, {.segment_bytes = 1000}, clock_);
    for (int i = 0; opened && i < kGroups; ++i) {
      const std::string value = "group " + std::to_string(i);
      if (!(*opened)->append({.value = value}) || !(*opened)->flush()) ::_exit(1);
    }
    ::_exit(opened ? 0 : 1);
  }
  ASSERT_TRUE(reader_->seek(kP0, Offset(20)));
  int64_t next = 20;
  int status = 0;
  for (bool alive = true; alive || next < 20 + kGroups;) {
    if (alive) alive = ::waitpid(child, &status, WNOHANG) == 0;
    const auto polled = reader_->poll(kP0, 500);
    ASSERT_TRUE(polled) << polled.error().message;
    for (const RecordView& r : polled->records) {
      EXPECT_EQ(r.offset, Offset(next));
      EXPECT_EQ(*r.value, "group " + std::to_string(next++ - 20));
    }
    drop(next, kNoAge, 3000);
    if (!alive) {
      ASSERT_EQ(status, 0);
    }
  }
  EXPECT_GT(reader_->begin(kP0)->value, 20 + kGroups / 2);
}

TEST_F(RetentionTest, FindsTheFirstRecordOfATime) {
  // Two records in each of ten segments, at 0, 50, 100, …
  EXPECT_EQ(*reader_->first_at(kP0, kNoAge), Offset(0));
  EXPECT_EQ(*reader_->first_at(kP0, 50), Offset(1));
  EXPECT_EQ(*reader_->first_at(kP0, 51), Offset(2));
  EXPECT_EQ(*reader_->first_at(kP0, 950), Offset(19));
  EXPECT_EQ(*reader_->first_at(kP0, 951), Offset(20)) << "the end";
  EXPECT_EQ(reader_->poll(kP0, 1)->records.front().offset, Offset(0)) << "looking moves no position";
  drop(20, 500, kNoLimit);
  EXPECT_EQ(*reader_->first_at(kP0, 50), Offset(10)) << "the first that is left";
  ASSERT_TRUE(writer_->append({.value = "not flushed", .timestamp_us = 2000}));
  EXPECT_EQ(*reader_->first_at(kP0, 2000), Offset(20)) << "only what is durable";
}

TEST_F(LogTest, TimesNeedNotBeInOrder) {
  create();
  auto w = writer();
  for (const int64_t time : {30, 10, 20, 40, 20}) ASSERT_TRUE(w->append({.value = "v", .timestamp_us = time}));
  ASSERT_TRUE(w->flush());
  auto r = reader();
  EXPECT_EQ(*r->first_at(kP0, 15), Offset(0));
  EXPECT_EQ(*r->first_at(kP0, 31), Offset(3));
  EXPECT_EQ(*r->first_at(kP0, 41), Offset(5));
}

TEST_F(LogTest, ATopicThatNobodyHasWrittenHasNoTimes) {
  create();
  EXPECT_EQ(*reader()->first_at(kP0, 0), Offset(0));
}

TEST_F(LogTest, TheTopicLosesItsOldestNotOnePartition) {
  create(2);
  auto w = writer({.segment_bytes = 1});
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(w->append({.value = "v", .timestamp_us = 1000 + i}));  // in turns
    ASSERT_TRUE(w->flush());
  }
  auto r = reader();
  const int64_t bytes = *size_of_file(segment());
  const std::array committed = {Offset(6), Offset(6)};
  EXPECT_EQ(*r->drop_before(committed, kNoAge, 6 * bytes), 6 * bytes);
  EXPECT_EQ(*r->begin(PartitionId(0)), Offset(3));
  EXPECT_EQ(*r->begin(PartitionId(1)), Offset(3));
}

}  // namespace
}  // namespace pactolus::bronze
