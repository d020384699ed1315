#include "bronze/embedded/log_test.h"

#include <unistd.h>

#include "base/hash.h"

namespace pactolus::bronze {
namespace {

using Values = std::vector<std::string>;

TEST_F(LogTest, RecordsComeBackAsTheyWent) {
  create();
  auto w = writer();
  const std::string binary("\0\xff{}\n", 5), big(3 << 20, 'x');
  ASSERT_TRUE(w->append({.key = "user_0042", .value = "{}", .timestamp_us = 7}));
  ASSERT_TRUE(w->append({.key = std::nullopt, .value = binary}));
  ASSERT_TRUE(w->append({.key = "", .value = std::nullopt}));
  ASSERT_TRUE(w->append({.key = "k", .value = "", .timestamp_us = -5, .origin = "other@id/1/17"}));
  ASSERT_TRUE(w->append({.key = binary, .value = big}));
  ASSERT_TRUE(w->flush());
  const std::vector<Record> expected = {{0, "user_0042", "{}", 7, ""},
                                        {1, std::nullopt, binary, 1'000'000, ""},
                                        {2, "", std::nullopt, 1'000'000, ""},
                                        {3, "k", "", -5, "other@id/1/17"},
                                        {4, binary, big, 1'000'000, ""}};
  EXPECT_EQ(*read_all(*reader()), expected);
  EXPECT_EQ(*read_all(*reader(), kP0, 1), expected) << "a frame at a time";
}

TEST_F(LogTest, AnEmptyTopicReadsAsEmpty) {
  create(2);
  auto r = reader();
  EXPECT_EQ(r->topic().partitions, 2);
  EXPECT_EQ(*r->begin(PartitionId(1)), Offset(0));
  EXPECT_EQ(*r->end(PartitionId(1)), Offset(0));
  EXPECT_TRUE(r->poll(PartitionId(1), 1000)->records.empty());
  EXPECT_TRUE(r->seek(kP0, Offset(0)));
  EXPECT_EQ(r->seek(kP0, Offset(1)).error().code, ErrorCode::data_loss);
  auto w = writer();
  EXPECT_TRUE(w->flush());
  EXPECT_EQ(w->next_offset(kP0), Offset(0));
}

TEST_F(LogTest, TopicsAreMadeOnceAndListed) {
  EXPECT_TRUE(list_topics(bronze_)->empty());
  EXPECT_EQ(open_topic(bronze_, kTopic).error().code, ErrorCode::not_found);
  EXPECT_EQ(open_reader(bronze_, kTopic).error().code, ErrorCode::not_found);
  create(3);
  create(3);  // the same again: a start that is repeated
  EXPECT_EQ(create_topic(bronze_, kTopic, 3, "other-id").error().code, ErrorCode::conflict);
  EXPECT_EQ(create_topic(bronze_, kTopic, 4, kTopicId).error().code, ErrorCode::conflict);
  ASSERT_TRUE(create_topic(bronze_, "_ingest.0af", 1, "id", "rees46"));
  EXPECT_EQ(open_topic(bronze_, "_ingest.0af")->dialect, "rees46");
  fs::create_directory(bronze_ / "no topic");
  fs::create_directory(bronze_ / "half");
  EXPECT_EQ(*list_topics(bronze_), (Values{"_ingest.0af", kTopic}));
  for (const char* bad : {"", ".", "..", "a/b", "ü", "a b"})
    EXPECT_EQ(create_topic(bronze_, bad, 1, "id").error().code, ErrorCode::invalid) << bad;
  EXPECT_EQ(create_topic(bronze_, "zero", 0, "id").error().code, ErrorCode::invalid);
}

TEST_F(LogTest, ALaterFormatIsNotTouched) {
  create();
  overwrite(bronze_ / kTopic / "topic.json", R"({"format":2,"id":"x","partitions":1,"dialect":""})");
  EXPECT_EQ(open_reader(bronze_, kTopic).error().code, ErrorCode::unsupported);
  EXPECT_EQ(open_writer(bronze_, kTopic, {}, clock_).error().code, ErrorCode::unsupported);
  overwrite(bronze_ / kTopic / "topic.json", "{");
  EXPECT_EQ(open_reader(bronze_, kTopic).error().code, ErrorCode::corrupt);
}

TEST_F(LogTest, AReaderCanWaitForMore) {
  create(2);
  auto r = reader();
  auto w = writer();
  const int wake = r->wake_descriptor();
  ASSERT_GE(wake, 0);
  char bytes[4096];
  const auto woken = [&] {
    bool any = false;
    while (::read(wake, bytes, sizeof bytes) > 0) any = true;
    return any;
  };
  woken();
  for (const char* key : {"a", "b", "c", "d"}) {  // of both partitions
    ASSERT_TRUE(w->append({.key = key, .value = "1"}));
    EXPECT_FALSE(woken()) << "not durable yet";
    ASSERT_TRUE(w->flush());
    EXPECT_TRUE(woken());
    EXPECT_FALSE(woken());
    EXPECT_EQ(r->wake_descriptor(), wake);
  }
}

TEST_F(LogTest, ReadersSeeOnlyWhatIsFlushed) {
  create();
  auto w = writer();
  auto early = reader();
  ASSERT_TRUE(w->append({.value = "a"}));
  EXPECT_TRUE(early->poll(kP0, 1000)->records.empty());
  EXPECT_EQ(*early->end(kP0), Offset(0));
  EXPECT_TRUE(values(*reader()).empty());
  ASSERT_TRUE(w->flush());
  EXPECT_EQ(values(*early), Values{"a"});
  EXPECT_EQ(values(*reader()), Values{"a"});
  ASSERT_TRUE(w->append({.value = "b"}));
  EXPECT_TRUE(values(*early).empty());
  w.reset();  // not flushed, not acknowledged
  EXPECT_EQ(values(*reader()), Values{"a"});
}

TEST_F(LogTest, ReopeningGoesOnWhereItEnded) {
  create();
  for (int run = 0; run < 3; ++run) {
    auto w = writer();
    EXPECT_TRUE(w->repairs().empty());
    EXPECT_EQ(w->next_offset(kP0), Offset(2 * run));
    write_group(*w, std::to_string(run) + ".", 2);
  }
  EXPECT_EQ(values(*reader()), (Values{"0.0", "0.1", "1.0", "1.1", "2.0", "2.1"}));
}

TEST_F(LogTest, SegmentsAreClosedAtTheirSize) {
  create();
  auto w = writer({.segment_bytes = 300});
  auto live = reader();
  for (int group = 0; group < 8; ++group) {
    write_group(*w, std::to_string(group) + ".", 2);
    EXPECT_EQ(values(*live).size(), 2u);
  }
  const Values names = *list_folder(folder());
  EXPECT_GE(names.size(), 4u);
  for (const std::string& name : names)
    if (name != "durable") {
      EXPECT_LE(*size_of_file(folder() / name), 300);
    }
  EXPECT_EQ(values(*reader()).size(), 16u);
  w.reset();
  write_group(*writer({.segment_bytes = 300}), "last.", 1);
  EXPECT_EQ(values(*reader()).back(), "last.0");
}

TEST_F(LogTest, OneFlushMayFillSeveralFramesAndSegments) {
  create();
  auto w = writer({.segment_bytes = 2000, .group_bytes = 300});
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(w->append({.value = "value " + std::to_string(i)}));
  ASSERT_TRUE(w->flush());
  EXPECT_GE(list_folder(folder())->size(), 4u);
  const auto all = values(*reader());
  ASSERT_EQ(all.size(), 200u);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(all[size_t(i)], "value " + std::to_string(i));
}

TEST_F(LogTest, SeekFindsEveryOffset) {
  create();
  auto w = writer({.segment_bytes = 700, .group_bytes = 120});
  for (int group = 0; group < 6; ++group) write_group(*w, "v", 10);
  auto r = reader();
  for (int64_t back = 60; back >= 0; --back) {
    for (const int64_t target : {back, (back * 7) % 61}) {
      ASSERT_TRUE(r->seek(kP0, Offset(target)));
      const auto polled = r->poll(kP0, 200);
      ASSERT_TRUE(polled) << polled.error().message;
      ASSERT_EQ(polled->records.empty(), target == 60);
      if (target < 60) {
        EXPECT_EQ(polled->records.front().offset, Offset(target));
      }
    }
  }
  EXPECT_EQ(r->seek(kP0, Offset(61)).error().code, ErrorCode::data_loss);
  EXPECT_EQ(r->seek(kP0, Offset(-1)).error().code, ErrorCode::data_loss);
}

TEST_F(LogTest, SeekingToTheEndWaitsForWhatComes) {
  create();
  auto w = writer({.segment_bytes = 150});
  write_group(*w, "old", 3);
  auto r = reader();
  ASSERT_TRUE(r->seek(kP0, Offset(3)));
  EXPECT_TRUE(r->poll(kP0, 1000)->records.empty());
  write_group(*w, "new", 1);
  EXPECT_EQ(values(*r), Values{"new0"});
}

TEST_F(LogTest, PollKeepsToItsBytesAndPadding) {
  create();
  auto w = writer({.group_bytes = 1000});
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(w->append({.value = std::string(100, 'v')}));
  ASSERT_TRUE(w->flush());
  auto r = reader();
  const auto polled = r->poll(kP0, 10'000);
  EXPECT_GT(polled->records.size(), 50u);
  EXPECT_LE(polled->records.size(), 100u);
  const auto small = r->poll(kP0, 1);
  EXPECT_GE(small->records.size(), 1u);
  EXPECT_LE(small->records.size(), 10u);
  volatile char behind = 0;  // the address sanitizer watches
  for (const RecordView& record : small->records)
    behind = record.value->data()[record.value->size() + kRecordPadding - 1];
  (void)behind;
}

TEST_F(LogTest, KeysChooseThePartitionAsInKafka) {
  create(3);
  auto w = writer();
  for (int i = 0; i < 50; ++i) {
    const std::string key = "user_" + std::to_string(i);
    EXPECT_EQ(w->append({.key = key, .value = "v"})->first.value, kafka_partition(key, 3));
  }
  for (int i = 0; i < 6; ++i) EXPECT_EQ(w->append({.value = "v"})->first.value, i % 3);
  EXPECT_EQ(w->append({.key = "", .value = "v"})->first.value, kafka_partition("", 3));
}

TEST_F(LogTest, TheLargestRecordFitsAndALargerOneIsRefused) {
  create();
  auto w = writer();
  const std::string largest(kMaxRecordBytes, 'x');
  EXPECT_TRUE(w->append({.value = largest}));
  EXPECT_EQ(w->append({.key = "k", .value = largest}).error().code, ErrorCode::invalid);
  EXPECT_EQ(w->append({.value = "next"})->second, Offset(1));
  ASSERT_TRUE(w->flush());
  EXPECT_EQ(values(*reader()), (Values{largest, "next"}));
}

TEST_F(LogTest, AWriterFlushesByItselfBeforeItsMemoryGrows) {
  create();
  auto w = writer({.buffer_bytes = 1000});
  auto r = reader();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(w->append({.value = std::string(100, 'v')}));
  const size_t seen = values(*r).size();
  EXPECT_GT(seen, 80u);
  EXPECT_LT(seen, 100u);
}

TEST_F(LogTest, OneWriterAtATime) {
  create();
  auto first = writer();
  const auto second = open_writer(bronze_, kTopic, {}, clock_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::busy);
  EXPECT_NE(second.error().message.find(std::to_string(::getpid())), std::string::npos) << second.error().message;
  first.reset();
  EXPECT_TRUE(open_writer(bronze_, kTopic, {}, clock_));
}

TEST_F(LogTest, ReadersDoNotDisturbEachOther) {
  create();
  auto w = writer();
  write_group(*w, "v", 4);
  auto one = reader(), two = reader();
  ASSERT_TRUE(two->seek(kP0, Offset(3)));
  EXPECT_EQ(values(*two), Values{"v3"});
  EXPECT_EQ(values(*one).size(), 4u);
}

TEST_F(LogTest, NonsenseOptionsAreRefused) {
  create();
  for (const EmbeddedLogOptions& bad :
       {EmbeddedLogOptions{.segment_bytes = 0}, {.group_bytes = 0}, {.group_bytes = 9 << 20}, {.buffer_bytes = 0}})
    EXPECT_EQ(open_writer(bronze_, kTopic, bad, clock_).error().code, ErrorCode::bad_config);
}

TEST_F(LogTest, AReaderThatMayNotWriteReadsAnyway) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  create();
  write_group(*writer(), "v", 1);
  fs::permissions(bronze_ / kTopic / "recovery.lock", fs::perms::owner_read);
  EXPECT_EQ(values(*reader()), Values{"v0"});
}

}  // namespace
}  // namespace pactolus::bronze
