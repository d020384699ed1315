// What the tests of the embedded log share: a folder under /tmp, and records as values.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "bronze/embedded/embedded_log.h"
#include "bronze/embedded/segment_format.h"

namespace pactolus::bronze {

inline constexpr const char* kTopic = "clicks";
inline constexpr const char* kTopicId = "11111111-2222-4333-8444-555555555555";
inline constexpr PartitionId kP0{0};

struct Record {
  int64_t offset;
  std::optional<std::string> key, value;
  int64_t timestamp_us;
  std::string origin;
  bool operator==(const Record&) const = default;
};

class LogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/pactolus_bronze_XXXXXX";
    root_ = ::mkdtemp(name);
    bronze_ = root_ / "bronze";
  }
  void TearDown() override { fs::remove_all(root_); }

  void create(int32_t partitions = 1) { ASSERT_TRUE(create_topic(bronze_, kTopic, partitions, kTopicId)); }
  std::unique_ptr<EmbeddedLogWriter> writer(const EmbeddedLogOptions& options = {}) {
    auto opened = open_writer(bronze_, kTopic, options, clock_);
    if (!opened) throw std::runtime_error(opened.error().message);  // ends the test
    return std::move(*opened);
  }
  std::unique_ptr<EmbeddedLogReader> reader() {
    auto opened = open_reader(bronze_, kTopic);
    if (!opened) throw std::runtime_error(opened.error().message);  // ends the test
    return std::move(*opened);
  }

  // One flushed group of `count` records with the values "<text>0", "<text>1", …
  static void write_group(EmbeddedLogWriter& writer, const std::string& text, int count) {
    for (int i = 0; i < count; ++i) {
      const std::string value = text + std::to_string(i);
      ASSERT_TRUE(writer.append({.key = "user_0042", .value = value}));
    }
    const auto flushed = writer.flush();
    ASSERT_TRUE(flushed) << flushed.error().message;
  }

  // Everything from the reader's position on, or the error that ended it.
  static Result<std::vector<Record>> read_all(LogReader& reader, PartitionId partition = kP0,
                                              int64_t max_bytes = 1 << 20) {
    std::vector<Record> out;
    while (true) {
      const PolledRecords polled = TRY(reader.poll(partition, max_bytes));
      if (polled.records.empty()) return out;
      for (const RecordView& r : polled.records) {
        EXPECT_EQ(r.offset.value, out.empty() ? r.offset.value : out.back().offset + 1);
        out.push_back({r.offset.value, r.key ? std::optional<std::string>(*r.key) : std::nullopt,
                       r.value ? std::optional<std::string>(*r.value) : std::nullopt, r.timestamp_us,
                       std::string(r.origin)});
      }
      EXPECT_EQ(polled.next.value, out.back().offset + 1);
    }
  }
  static std::vector<std::string> values(LogReader& reader, PartitionId partition = kP0) {
    std::vector<std::string> out;
    const auto records = read_all(reader, partition);
    EXPECT_TRUE(records) << records.error().message;
    if (records)
      for (const Record& r : *records) out.push_back(r.value.value_or("(null)"));
    return out;
  }

  fs::path folder(int partition = 0) const { return bronze_ / kTopic / std::to_string(partition); }
  fs::path segment(int64_t base = 0, int partition = 0) const { return folder(partition) / segment_name(base); }
  fs::path mark(int partition = 0) const { return folder(partition) / "durable"; }
  static std::string bytes_of(const fs::path& path) { return read_file(path).value_or("(unreadable)"); }
  static void overwrite(const fs::path& path, std::string_view bytes) {
    auto file = File::open_append(path);
    ASSERT_TRUE(file && file->truncate(0) && file->write(bytes)) << path;
  }

  fs::path root_, bronze_;
  ManualClock clock_{1'000'000};
};

}  // namespace pactolus::bronze
