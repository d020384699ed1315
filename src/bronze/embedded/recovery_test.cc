#include <sys/resource.h>

#include <csignal>
#include <cstring>

#include "base/hash.h"
#include "bronze/embedded/log_test.h"

namespace pactolus::bronze {
namespace {

using Values = std::vector<std::string>;

class RecoveryTest : public LogTest {
 protected:
  // Groups "a", "b", "c" of three records each; where each ends in the segment.
  void SetUp() override {
    LogTest::SetUp();
    create();
    auto w = writer();
    for (const char* text : {"a", "b", "c"}) {
      write_group(*w, text, 3);
      ends_.push_back(*size_of_file(segment()));
    }
    w.reset();
    segment_ = bytes_of(segment());
    mark_ = bytes_of(mark());
  }
  void restore(std::string_view segment_bytes) {
    overwrite(segment(), segment_bytes);
    overwrite(mark(), mark_);
  }
  // The mark as it was after group `groups`, as a power loss may bring it back.
  void set_mark(int groups) {
    const auto bytes =
        encode_mark({3 * groups, 0, groups ? ends_[size_t(groups - 1)] : 0}, checksum_seed(kTopicId, kP0));
    overwrite(mark(), {bytes.data(), bytes.size()});
  }
  Error open_error() {
    auto opened = open_reader(bronze_, kTopic);
    return opened ? Error{ErrorCode::usage, "opened"} : opened.error();
  }
  std::vector<int64_t> ends_;
  std::string segment_, mark_;
};

const Values kTwoGroups = {"a0", "a1", "a2", "b0", "b1", "b2"};
const Values kThreeGroups = {"a0", "a1", "a2", "b0", "b1", "b2", "c0", "c1", "c2"};

TEST_F(RecoveryTest, ATornLastGroupIsCutWhereverItIsTorn) {
  for (int64_t cut = ends_[1] + 1; cut < ends_[2]; ++cut) {
    restore(std::string_view(segment_).substr(0, size_t(cut)));
    set_mark(2);
    auto w = writer();
    ASSERT_EQ(w->repairs().size(), 1u) << cut;
    EXPECT_EQ(w->repairs()[0].first_offset, Offset(6));
    EXPECT_EQ(w->repairs()[0].bytes, cut - ends_[1]);
    EXPECT_EQ(w->next_offset(kP0), Offset(6));
    EXPECT_EQ(*size_of_file(segment()), ends_[1]);
    EXPECT_EQ(values(*reader()), kTwoGroups);
    if (cut % 16 == 0) {
      write_group(*w, "c", 3);
      EXPECT_EQ(values(*reader()), kThreeGroups);
    }
  }
}

TEST_F(RecoveryTest, AReaderRepairsToo) {
  restore(segment_ + "torn");
  auto r = reader();
  ASSERT_EQ(r->repairs().size(), 1u);
  EXPECT_EQ(r->repairs()[0].bytes, 4);
  EXPECT_EQ(values(*r), kThreeGroups);
  EXPECT_TRUE(reader()->repairs().empty());
}

TEST_F(RecoveryTest, AnOldMarkMovesOverWholeFrames) {
  for (int groups = 0; groups <= 3; ++groups) {
    set_mark(groups);
    auto r = reader();
    EXPECT_TRUE(r->repairs().empty());
    EXPECT_EQ(values(*r), kThreeGroups);
    EXPECT_EQ(bytes_of(mark()), mark_);
  }
}

TEST_F(RecoveryTest, AMissingTornOrForeignMarkIsMadeAnew) {
  std::string foreign = mark_;
  foreign[8] = 2;
  for (const std::string& bad : {std::string(), mark_.substr(0, 20), foreign, mark_ + "x"}) {
    overwrite(mark(), bad);
    EXPECT_EQ(values(*reader()), kThreeGroups);
    EXPECT_EQ(bytes_of(mark()), mark_);
  }
  fs::remove(mark());
  EXPECT_EQ(values(*reader()), kThreeGroups);
}

TEST_F(RecoveryTest, WhileAWriterLivesItsMarkIsTrusted) {
  auto w = writer();
  auto bytes = segment_ + "the writer is in the middle of this";
  overwrite(segment(), bytes);
  auto r = reader();
  EXPECT_TRUE(r->repairs().empty());
  EXPECT_EQ(values(*r), kThreeGroups);
  EXPECT_EQ(bytes_of(segment()), bytes);
}

// Each byte of the middle group, each turned in one bit: refused at poll below the mark, and at open when the mark is
// old. Never a wrong record.
TEST_F(RecoveryTest, DamageInTheMiddleIsRefused) {
  for (int64_t at = ends_[0]; at < ends_[1]; ++at) {
    std::string damaged = segment_;
    damaged[size_t(at)] = char(damaged[size_t(at)] ^ (1 << (at % 8)));
    restore(damaged);
    auto r = reader();
    const auto before = r->poll(kP0, 1 << 20);
    ASSERT_TRUE(before);
    EXPECT_EQ(before->records.size(), 3u);
    const auto polled = r->poll(kP0, 1 << 20);
    ASSERT_FALSE(polled) << "byte " << at;
    EXPECT_EQ(polled.error().code, ErrorCode::corrupt);
    EXPECT_NE(polled.error().message.find("topic clicks, partition 0, offset 3"), std::string::npos)
        << polled.error().message;
    EXPECT_NE(polled.error().message.find(segment().native()), std::string::npos);
    EXPECT_EQ(r->poll(kP0, 1 << 20).error().code, ErrorCode::corrupt) << "and again";
    r.reset();

    set_mark(1);
    EXPECT_EQ(open_error().code, ErrorCode::corrupt) << "byte " << at;
    EXPECT_NE(open_error().message.find("offset 3"), std::string::npos) << open_error().message;
    EXPECT_EQ(open_writer(bronze_, kTopic, {}, clock_).error().code, ErrorCode::corrupt);
    EXPECT_EQ(bytes_of(segment()), damaged) << "nothing was cut";
  }
}

TEST_F(RecoveryTest, AFrameThatComesTwiceIsRefused) {
  const std::string first = segment_.substr(0, size_t(ends_[0]));
  restore(first + first + segment_.substr(size_t(ends_[1])));
  EXPECT_EQ(read_all(*reader()).error().code, ErrorCode::corrupt);
  set_mark(1);
  EXPECT_EQ(open_error().code, ErrorCode::corrupt);
}

TEST_F(RecoveryTest, AFileShorterThanItsMarkIsRefused) {
  for (const int64_t size : {int64_t(0), ends_[1], ends_[2] - 1}) {
    restore(std::string_view(segment_).substr(0, size_t(size)));
    EXPECT_EQ(open_error().code, ErrorCode::corrupt) << size;
  }
  fs::remove(segment());
  EXPECT_EQ(open_error().code, ErrorCode::corrupt);
}

TEST_F(RecoveryTest, AFrameOfAnotherPlaceIsNoFrame) {
  ASSERT_TRUE(create_topic(bronze_, "other", 1, "another-id"));
  write_group(**open_writer(bronze_, "other", {}, clock_), "a", 3);
  auto other = open_reader(bronze_, "other");
  fs::copy_file(segment(), bronze_ / "other/0" / segment_name(0), fs::copy_options::overwrite_existing);
  EXPECT_EQ((*other)->poll(kP0, 1000).error().code, ErrorCode::corrupt);
}

// Two frames written by one flush: the kernel may bring the second to the disk and lose the first.
TEST_F(RecoveryTest, AGroupThatWasNeverAcknowledgedMayLoseItsFirstFrame) {
  auto w = writer({.group_bytes = 1});
  for (const char* v : {"d0", "d1", "d2"}) ASSERT_TRUE(w->append({.value = v}));
  ASSERT_TRUE(w->flush());
  w.reset();
  std::string bytes = bytes_of(segment());
  for (size_t i = 0; i < 70; ++i) bytes[size_t(ends_[2]) + i] = 0;
  overwrite(segment(), bytes);
  set_mark(3);
  auto r = reader();
  ASSERT_EQ(r->repairs().size(), 1u);
  EXPECT_EQ(r->repairs()[0].first_offset, Offset(9));
  EXPECT_EQ(values(*r), kThreeGroups);
}

TEST_F(RecoveryTest, ADamagedEndOfAClosedSegmentIsRefused) {
  auto w = writer({.segment_bytes = 1});
  write_group(*w, "d", 1);
  w.reset();
  ASSERT_TRUE(fs::exists(segment(9)));
  restore(std::string_view(segment_).substr(0, segment_.size() - 1));
  set_mark(2);
  EXPECT_EQ(open_error().code, ErrorCode::corrupt);
  EXPECT_EQ(bytes_of(segment()).size(), segment_.size() - 1) << "nothing was cut";
  restore(segment_);
  set_mark(2);
  EXPECT_EQ(values(*reader()).size(), 10u);
}

TEST_F(RecoveryTest, AMissingSegmentInTheMiddleIsRefused) {
  for (const char* text : {"d", "e"}) write_group(*writer({.segment_bytes = 1}), text, 1);
  fs::remove(segment(9));
  auto r = reader();
  EXPECT_EQ(read_all(*r).error().code, ErrorCode::corrupt);
  set_mark(2);
  EXPECT_EQ(open_error().code, ErrorCode::corrupt);
}

TEST_F(RecoveryTest, AFrameOfALaterReleaseIsNeitherReadNorCut) {
  std::string later = segment_;
  char* header = later.data() + ends_[1];
  header[4] = 3;
  const uint64_t checksum = hash64(std::string_view(header, 48), checksum_seed(kTopicId, kP0));
  std::memcpy(header + 48, &checksum, sizeof checksum);
  restore(later);
  set_mark(2);
  EXPECT_EQ(open_error().code, ErrorCode::unsupported);
  EXPECT_EQ(bytes_of(segment()), later);
}

// A file size limit is a full disk that a test can make: the write stops halfway.
class FullDisk {
 public:
  explicit FullDisk(int64_t size) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{rlim_t(size), before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(RecoveryTest, AFullDiskLosesNothing) {
  auto w = writer({.buffer_bytes = 3000});
  auto r = reader();
  EXPECT_EQ(values(*r).size(), 9u);
  {
    const FullDisk full(ends_[2] + 100);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(w->append({.value = "d" + std::to_string(i)}));
    for (int attempt = 0; attempt < 2; ++attempt) {
      EXPECT_EQ(w->flush().error().code, ErrorCode::disk_full);
      EXPECT_EQ(*size_of_file(segment()), ends_[2]);
      EXPECT_TRUE(values(*r).empty());
    }
    EXPECT_EQ(w->append({.value = std::string(3000, 'e')})->second, Offset(12));
    EXPECT_EQ(w->append({.value = "too much waits"}).error().code, ErrorCode::disk_full);
  }
  ASSERT_TRUE(w->flush());
  EXPECT_EQ(w->append({.value = "f"})->second, Offset(13));
  ASSERT_TRUE(w->flush());
  EXPECT_EQ(values(*r), (Values{"d0", "d1", "d2", std::string(3000, 'e'), "f"}));
  w.reset();
  EXPECT_EQ(values(*reader()).size(), 14u);
}

TEST_F(RecoveryTest, AFullDiskBetweenTwoSegmentsLosesNothing) {
  auto w = writer({.segment_bytes = 600, .group_bytes = 100});
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(w->append({.value = "value " + std::to_string(i)}));
  for (int64_t limit = 0; limit < 600; limit += 37) {
    const FullDisk full(limit);
    (void)w->flush();
  }
  ASSERT_TRUE(w->flush());
  const auto all = values(*reader());
  ASSERT_EQ(all.size(), 109u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(all[size_t(9 + i)], "value " + std::to_string(i));
}

}  // namespace
}  // namespace pactolus::bronze
