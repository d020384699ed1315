#include "simulate/sinks.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace pactolus {
namespace {

// Large enough that the system calls do not show (about 1,000 events each), small enough for the cache.
constexpr size_t kFileBuffer = 256 * 1024;

class NdjsonSink final : public EventSink {
 public:
  NdjsonSink(int fd, std::string path) : fd_(fd), path_(std::move(path)) { buffer_.reserve(kFileBuffer); }
  ~NdjsonSink() override {
    if (fd_ != STDOUT_FILENO) ::close(fd_);
  }

  Result<> send(const GeneratedEvent& event) override {
    if (buffer_.size() + event.value.size() + 1 > kFileBuffer) TRY(flush());
    buffer_.append(event.value);
    buffer_.push_back('\n');
    return {};
  }

  Result<> flush() override {
    std::string_view left = buffer_;
    while (!left.empty()) {
      const ssize_t n = ::write(fd_, left.data(), left.size());
      if (n >= 0) {
        left.remove_prefix(size_t(n));
      } else if (errno == EAGAIN) {  // a stdout that somebody made non-blocking
        pollfd wait{fd_, POLLOUT, 0};
        ::poll(&wait, 1, -1);
      } else if (errno != EINTR) {
        auto error = fail_errno("cannot write", path_);
        buffer_.erase(0, buffer_.size() - left.size());  // a retry goes on where this stopped
        return error;
      }
    }
    buffer_.clear();
    return {};
  }

 private:
  int fd_;
  std::string path_;
  std::string buffer_;
};

class LogSink final : public EventSink {
 public:
  explicit LogSink(LogWriter& writer) : writer_(writer) {}

  Result<> send(const GeneratedEvent& event) override {
    NewRecord record{.key = event.key, .value = event.value, .timestamp_us = event.send_time_us};
    if (event.key.empty()) record.key.reset();
    TRY(writer_.append(record));
    return {};
  }
  Result<> push() override { return writer_.push(); }
  Result<> flush() override { return writer_.flush(); }

 private:
  LogWriter& writer_;
};

}  // namespace

Result<std::unique_ptr<EventSink>> open_ndjson_sink(const std::string& path) {
  if (path == "-") return std::make_unique<NdjsonSink>(STDOUT_FILENO, "stdout");
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return fail_errno("cannot open", path);
  return std::make_unique<NdjsonSink>(fd, path);
}

std::unique_ptr<EventSink> make_log_sink(LogWriter& writer) { return std::make_unique<LogSink>(writer); }

}  // namespace pactolus
