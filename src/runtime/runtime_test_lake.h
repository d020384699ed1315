// For tests of the runtime: a lake in a temporary folder, a clock that stands still, and a live topic to write to.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/hash.h"
#include "base/time_text.h"
#include "bronze/embedded/embedded_log.h"
#include "runtime/job.h"
#include "runtime/silver_reader.h"
#include "runtime/topics.h"

#define ASSERT_OK(...)                                   \
  do {                                                   \
    const auto& assert_ok = (__VA_ARGS__);               \
    ASSERT_TRUE(assert_ok) << assert_ok.error().message; \
  } while (0)

namespace pactolus {

class RuntimeTest : public ::testing::Test {
 protected:
  static constexpr const char* kTopicId = "11111111-1111-4111-8111-111111111111";

  void SetUp() override {
    char name[] = "/tmp/pactolus_runtime_XXXXXX";
    root_ = ::mkdtemp(name);
    config_.lake = (root_ / "lake").native();
    config_.kafka.topic = "clicks";
    config_.bronze.partitions = 1;
    config_.bronze.retention_age_us = 0;
    config_.run.threads = 1;
    ASSERT_TRUE(make_folders(lake().bronze()));
  }
  void TearDown() override {
    job_.reset();
    fs::remove_all(root_);
  }

  LakePaths lake() const { return {config_.lake}; }
  int64_t at(int64_t seconds) const { return kStart + seconds * kMicrosPerSecond; }
  // A view of p1, `seconds` after the start.
  std::string event(const std::string& id, int64_t seconds) const {
    return "{\"event_id\":\"" + id +
           "\",\"user_id\":\"u1\",\"product_id\":\"p1\",\"event_type\":\"view\",\"price\":10,\"timestamp\":\"" +
           iso_time(at(seconds)) + "\"}";
  }
  // Into partition 0 of the topic, which is made when it is missing.
  void send(const std::string& topic, const std::vector<std::string>& values) {
    if (!open_topic(lake().bronze(), topic)) ASSERT_OK(create_topic(lake().bronze(), topic, 1, kTopicId));
    auto writer = std::move(*open_writer(lake().bronze(), topic, {}, clock_));
    for (const std::string& v : values)
      ASSERT_OK(writer->append({.key = "u1", .value = v, .timestamp_us = clock_.now_us()}));
    ASSERT_OK(writer->flush());
    if (is_history_topic(topic)) ASSERT_OK(replace_file(history_mark(lake(), topic), "{}"));
  }
  void send(const std::vector<std::string>& values) { send(config_.kafka.topic, values); }

  Result<> open(JobOptions options = {.lock_wait_us = 0}) {
    job_.reset();
    job_ = TRY(Job::open(config_, std::move(options), clock_, Random(++seed_)));
    return {};
  }
  // Commits what is there, a second later.
  Result<> commit() {
    for (;;) {
      const Job::Step step = TRY(job_->step());
      if (step.records == 0) break;
    }
    clock_.sleep_us(kMicrosPerSecond);
    const Job::Step last = TRY(job_->step());
    (void)last;
    return {};
  }
  void stop() {
    ASSERT_TRUE(job_->finish(false));
    job_.reset();
  }

  static inline const int64_t kStart = *parse_iso_time("2025-11-29T10:00:00Z");
  fs::path root_;
  Config config_;
  ManualClock clock_{kStart};
  std::unique_ptr<Job> job_;
  uint64_t seed_ = 0;
};

}  // namespace pactolus
