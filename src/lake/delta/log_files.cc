#include "lake/delta/log_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace pactolus::delta {
namespace {

constexpr size_t kVersionDigits = 20;
constexpr std::string_view kCheckpointSuffix = ".checkpoint.parquet";

std::optional<int64_t> number_of(std::string_view digits) {
  int64_t out = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9' || out > (INT64_MAX - 9) / 10) return std::nullopt;
    out = out * 10 + (c - '0');
  }
  return digits.empty() ? std::nullopt : std::optional(out);
}

// ".checkpoint.0000000001.0000000003.parquet": how many parts there should be; 0 for other names.
int64_t parts_of(std::string_view suffix) {
  constexpr std::string_view kStart = ".checkpoint.";
  if (!suffix.starts_with(kStart) || suffix.size() != kStart.size() + 10 + 1 + 10 + 8 || !suffix.ends_with(".parquet"))
    return 0;
  return number_of(suffix.substr(kStart.size() + 11, 10)).value_or(0);
}

Error not_there(const fs::path& table_folder, Version version) {
  return {ErrorCode::not_found,
          fmt::format("version {} is no longer in the log: {}", version, log_folder(table_folder).native()),
          "commits beyond the retention time are cleaned away",
          {}};
}

}  // namespace

fs::path log_folder(const fs::path& table_folder) { return table_folder / "_delta_log"; }
fs::path commit_path(const fs::path& table_folder, Version version) {
  return log_folder(table_folder) / fmt::format("{:020}.json", version.value);
}
fs::path checkpoint_path(const fs::path& table_folder, Version version) {
  return log_folder(table_folder) / fmt::format("{:020}{}", version.value, kCheckpointSuffix);
}

std::optional<Version> version_of_name(std::string_view name) {
  if (name.starts_with('.')) name.remove_prefix(1);
  if (name.size() <= kVersionDigits || name[kVersionDigits] != '.') return std::nullopt;
  const auto number = number_of(name.substr(0, kVersionDigits));
  return number ? std::optional(Version(*number)) : std::nullopt;
}

bool LogListing::has_commits(Version first, Version last) const {
  if (first > last) return true;
  const auto from = std::lower_bound(commits.begin(), commits.end(), first);
  const auto to = std::lower_bound(commits.begin(), commits.end(), last);
  return to != commits.end() && *to == last && *from == first && to - from == last - first;
}

bool LogListing::can_load(Version version) const {
  if (has_commits(Version(0), version)) return true;
  return std::any_of(checkpoints.begin(), checkpoints.end(), [&](const CheckpointFiles& c) {
    return c.version <= version && has_commits(c.version + 1, version);
  });
}

Result<LogListing> list_log(const fs::path& table_folder) {
  LogListing out;
  std::map<std::pair<Version, int64_t>, CheckpointFiles> split;
  for (const std::string& name : TRY(list_folder(log_folder(table_folder)))) {
    const auto version = version_of_name(name);
    if (!version || name.starts_with('.')) continue;
    const std::string_view suffix = std::string_view(name).substr(kVersionDigits);
    if (suffix == ".json")
      out.commits.push_back(*version);
    else if (suffix == kCheckpointSuffix)
      out.checkpoints.push_back({*version, {name}});
    else if (const int64_t parts = parts_of(suffix); parts > 0) {
      auto& files = split[{*version, parts}];
      files.version = *version;
      files.names.push_back(name);
      if (int64_t(files.names.size()) == parts) out.checkpoints.push_back(files);
    }
  }
  std::sort(out.commits.begin(), out.commits.end());
  std::sort(out.checkpoints.begin(), out.checkpoints.end(), [](const auto& a, const auto& b) {
    return std::pair(a.version, a.names.size()) < std::pair(b.version, b.names.size());
  });
  return out;
}

bool has_commit(const fs::path& table_folder, Version version) {
  std::error_code error;
  return fs::exists(commit_path(table_folder, version), error);
}

Result<CommitActions> read_commit(const fs::path& table_folder, Version version) {
  const fs::path path = commit_path(table_folder, version);
  const std::string text = TRY(read_file(path));
  auto actions = decode_commit(text);
  if (!actions) return fail(actions.error().code, fmt::format("{}: {}", actions.error().message, path.native()));
  return actions;
}

CommitRecord record_of(Version version, const CommitActions& actions) {
  CommitRecord out;
  out.version = version;
  if (actions.commit_info) {
    const CommitInfo& c = *actions.commit_info;
    out.timestamp_ms = c.timestamp_ms;
    out.operation = c.operation;
    out.parameters = c.operation_parameters;
    out.commit_uuid = c.commit_uuid;
    out.blind_append = c.blind_append;
    out.info = c.info;
  }
  out.txns = actions.txns;
  out.adds = int64_t(actions.adds.size());
  out.removes = int64_t(actions.removes.size());
  out.changes_metadata = actions.metadata || actions.protocol;
  return out;
}

Result<Version> commits_since(const fs::path& table_folder, Version after,
                              const std::function<Result<>(CommitRecord&&)>& visit) {
  // Reading until the next version is missing cannot tell "newest" from "cleaned away": the listing can.
  const LogListing listing = TRY(list_log(table_folder));
  if (listing.commits.empty())
    return fail(ErrorCode::not_found, fmt::format("no Delta table: {}", table_folder.native()));
  Version reached = after;
  for (const Version last = std::max(after, listing.commits.back());;) {
    auto actions = read_commit(table_folder, reached + 1);
    if (!actions && actions.error().code == ErrorCode::not_found) {
      if (reached >= last) return reached;
      const LogListing now = TRY(list_log(table_folder));
      if (now.commits.empty() || now.commits.front() > reached + 1)
        return std::unexpected(not_there(table_folder, reached + 1));
      return fail(ErrorCode::corrupt, fmt::format("the log has a gap, version {} is missing: {}", reached + 1,
                                                  log_folder(table_folder).native()));
    }
    if (!actions) return std::unexpected(actions.error());
    ++reached;
    TRY(visit(record_of(reached, *actions)));
  }
}

Result<std::vector<CommitRecord>> history(const fs::path& table_folder, int64_t limit) {
  std::vector<CommitRecord> out;
  const LogListing listing = TRY(list_log(table_folder));
  if (listing.commits.empty())
    return fail(ErrorCode::not_found, fmt::format("no Delta table: {}", table_folder.native()));
  for (auto version = listing.commits.rbegin(); version != listing.commits.rend() && int64_t(out.size()) < limit;
       ++version) {
    auto actions = read_commit(table_folder, *version);
    if (!actions && actions.error().code == ErrorCode::not_found) break;  // cleaned away while we read
    if (!actions) return std::unexpected(actions.error());
    out.push_back(record_of(*version, *actions));
  }
  return out;
}

Result<std::optional<Version>> find_commit(const fs::path& table_folder, Version after, std::string_view commit_uuid) {
  std::optional<Version> found;
  TRY(commits_since(table_folder, after, [&](CommitRecord&& record) -> Result<> {
    if (record.commit_uuid == commit_uuid) found = record.version;
    return {};
  }));
  return found;
}

Result<Version> version_at(const fs::path& table_folder, int64_t timestamp_ms) {
  const LogListing listing = TRY(list_log(table_folder));
  std::optional<Version> found;
  int64_t previous = INT64_MIN;
  for (const Version version : listing.commits) {
    const CommitActions actions = TRY(read_commit(table_folder, version));
    int64_t timestamp = actions.commit_info ? actions.commit_info->timestamp_ms : 0;
    if (previous != INT64_MIN) timestamp = std::max(timestamp, previous + 1);
    if (timestamp > timestamp_ms) break;
    found = version;
    previous = timestamp;
  }
  if (!found)
    return fail(ErrorCode::not_found,
                fmt::format("no version is as old as that in the log: {}", log_folder(table_folder).native()));
  return *found;
}

}  // namespace pactolus::delta
