// What leaves the lake while a job runs: Gold to PostgreSQL, alerts to webhooks. Each receiver has a thread of its
// own that follows the tables; the job only tells it that there is more, and what its open windows hold.
//
// To be made, called and dropped by the thread of the job.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/json.h"
#include "runtime/delivery_thread.h"
#include "runtime/job.h"
#include "sinks/postgres/postgres_sink.h"

namespace pactolus {

class Deliveries {
 public:
  // Nothing is configured: nothing is done. Error bad_config or not_found for a secret or URL that cannot be read.
  static Result<std::unique_ptr<Deliveries>> start(const Config& config, const Job& job);
  ~Deliveries();

  // After a commit of the job, and before the first. Open windows are shown every few seconds, and at the end.
  void follow(const Job& job, int64_t boot_us, bool at_end = false);
  // Waits until everything that was committed is out, in all no longer than that, nor when `stop` says so; the names of
  // those that are still behind.
  std::vector<std::string> finish(int64_t patience_us, const std::function<bool()>& stop = {});
  std::vector<std::string> messages();
  Json status() const;  // a list

 private:
  // What the job shows of itself: the newest replaces what nobody has taken.
  struct Shown {
    std::mutex mutex;
    StreamPosition position;
    OpenRows open;
  };
  Deliveries() = default;
  void add_postgres(const Config& config, const Job& job, std::string password);
  Result<> add_webhook(const Config::Webhook& webhook, const Job& job);

  Shown shown_;
  int64_t open_limit_ = 0;  // rows of a view; 0: nobody wants them
  int64_t shown_us_ = INT64_MIN / 2;
  std::vector<std::unique_ptr<DeliveryThread>> threads_;
};

// The tables under gold/ with the columns that name their rows.
Result<std::vector<PostgresTable>> postgres_tables(const LakePaths& lake);

}  // namespace pactolus
