#include "ingest/input_paths.h"

#include <fmt/core.h>
#include <glob.h>

#include <algorithm>
#include <array>
#include <unordered_set>

#include "runtime/lake_tables.h"

namespace pactolus {
namespace {

constexpr std::array kEndings = {".ndjson", ".jsonl", ".json", ".csv", ".tsv", ".txt", ".parquet"};

bool is_hidden(const fs::path& path) {
  const std::string name = path.filename().native();
  return name.starts_with('.') || name.starts_with('_');
}

bool has_name_of_events(const fs::path& path) {
  std::string name = path.filename().native();
  std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  for (const char* packed : {".gz", ".zst"})
    if (name.ends_with(packed)) {
      name.resize(name.size() - std::string_view(packed).size());
      break;
    }
  return std::ranges::any_of(kEndings, [&](const char* ending) { return name.ends_with(ending); });
}

// What a lake holds has been taken in already.
bool is_lake(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(LakePaths{folder}.format(), ignored);
}

Result<> find_in_folder(const fs::path& folder, InputPaths& out) {
  if (is_lake(folder)) return fail(ErrorCode::invalid, fmt::format("this folder is a lake: {}", folder.native()));
  std::error_code error;
  std::vector<std::string> found;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (is_hidden(at->path())) {
      if (at->is_directory(error)) at.disable_recursion_pending();
      continue;
    }
    if (is_lake(at->path())) {
      at.disable_recursion_pending();
      continue;
    }
    if (!at->is_regular_file(error)) continue;
    if (has_name_of_events(at->path()))
      found.push_back(at->path().native());
    else
      ++out.passed_over;
  }
  if (error) return fail(ErrorCode::io, fmt::format("cannot read folder {}: {}", folder.native(), error.message()));
  if (found.empty())
    return fail(ErrorCode::not_found, fmt::format("the folder has no files of events: {}", folder.native()),
                "their names end in ndjson, jsonl, json, csv, tsv, txt or parquet, and may have .gz or .zst behind it");
  std::ranges::sort(found);
  out.files.insert(out.files.end(), found.begin(), found.end());
  return {};
}

Result<> find_by_pattern(const std::string& pattern, InputPaths& out) {
  glob_t matches{};
  const int status = ::glob(pattern.c_str(), 0, nullptr, &matches);  // sorted
  std::vector<std::string> paths(matches.gl_pathv, matches.gl_pathv + matches.gl_pathc);
  ::globfree(&matches);
  if (status == GLOB_NOMATCH) return fail(ErrorCode::not_found, fmt::format("no file matches {}", pattern));
  if (status != 0) return fail(ErrorCode::io, fmt::format("cannot look for {}", pattern));
  std::error_code ignored;
  for (const std::string& path : paths)
    if (fs::is_directory(path, ignored))
      TRY(find_in_folder(path, out));
    else
      out.files.push_back(path);
  return {};
}

}  // namespace

Result<InputPaths> find_input_files(std::span<const std::string> arguments) {
  InputPaths out;
  for (const std::string& argument : arguments) {
    std::error_code ignored;
    if (fs::is_directory(argument, ignored))
      TRY(find_in_folder(argument, out));
    else if (argument.find_first_of("*?[") != std::string::npos && !fs::exists(argument, ignored))
      TRY(find_by_pattern(argument, out));
    else
      out.files.push_back(argument);
  }
  std::unordered_set<std::string> seen;
  std::erase_if(out.files, [&](const std::string& path) { return !seen.insert(path).second; });
  return out;
}

}  // namespace pactolus
