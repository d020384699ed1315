#include "runtime/lake_lock.h"

#include <fmt/core.h>
#include <unistd.h>

#include "base/ids.h"
#include "base/json.h"

namespace pactolus {
namespace {
constexpr int64_t kGlance_us = kMicrosPerSecond;  // far longer than a look takes
}  // namespace

Result<LockHolder> read_lock_holder(const fs::path& lock_file) {
  const Json json = TRY(Json::parse(TRY(read_file(lock_file))));
  return LockHolder{json["pid"].as_int(), json["since"].as_int(), std::string(json["command"].as_string())};
}

Result<bool> lake_is_locked(const fs::path& lock_file) { return FileLock::is_held(lock_file); }

Result<std::optional<LockHolder>> lake_holder(const fs::path& lock_file) {
  if (!TRY(lake_is_locked(lock_file))) return std::nullopt;
  return read_lock_holder(lock_file).value_or(LockHolder{});
}

Result<LakeLock> lock_lake(const fs::path& lock_file, bool take_over, int64_t wait_us, std::string_view command,
                           Clock& clock) {
  TRY(make_folders(lock_file.parent_path()));
  const int64_t until = clock.boot_us() + wait_us;
  bool taken_over = false;
  for (;;) {
    auto lock = TRY(FileLock::try_lock(lock_file));
    if (lock) {
      const std::string text =
          Json::object().set("pid", int64_t(::getpid())).set("since", clock.now_us()).set("command", command).dump() +
          "\n";
      TRY(lock->write_holder(text));
      return LakeLock{std::move(*lock), taken_over};
    }
    if (take_over && !taken_over && TRY(FileLock::is_held(lock_file))) {  // and not only looked at
      TRY(remove_file(lock_file));
      taken_over = true;
      continue;
    }
    // Whoever looks at the lock (lake_is_locked) shares it for a moment: that is nobody to give up for at once.
    const int64_t now = clock.boot_us();
    if (now >= until && (now >= until + kGlance_us || TRY(FileLock::is_held(lock_file)))) break;
    clock.sleep_us(100'000);
  }
  const auto holder = read_lock_holder(lock_file);
  return fail(ErrorCode::busy,
              holder ? fmt::format("another process runs this lake: pid {} ({})", holder->pid, holder->command)
                     : fmt::format("another process runs this lake ({})", lock_file.native()),
              "stop it first; if it hangs, pactolus run --take-over makes it stop at its next commit");
}

Result<FileLock> lock_table_care(const fs::path& lock_file, bool alone, int64_t wait_us, Clock& clock) {
  TRY(make_folders(lock_file.parent_path()));
  for (const int64_t until = clock.boot_us() + wait_us;; clock.sleep_us(50'000)) {
    auto lock = TRY(alone ? FileLock::try_lock(lock_file) : FileLock::try_lock_shared(lock_file));
    if (lock) return std::move(*lock);
    if (clock.boot_us() < until) continue;
    return fail(ErrorCode::busy,
                alone ? "another process merges, removes or rebuilds files of this lake"
                      : "another process erases a person from this lake",
                "try again when it has finished");
  }
}

}  // namespace pactolus
