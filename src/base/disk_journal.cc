// One line of JSON per change. Names that vanish are kept alive as hard links beside the journal, bytes that are
// overwritten in place are kept in the line, so that forget_unsynced can bring both back.
#include "base/disk_journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>

#include "base/file.h"
#include "base/json.h"

namespace pactolus {
namespace disk_journal {
namespace {

struct Journal {
  std::string path;
  int fd = -1;
  std::atomic<int> saved{0};
};
Journal* open_journal() {
  const char* path = std::getenv("PACTOLUS_DISK_JOURNAL");
  if (!path || !*path) return nullptr;
  auto* j = new Journal;  // lives as long as the process
  j->path = path;
  j->fd = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  return j;
}
Journal* const journal = open_journal();

std::string full_path(const fs::path& path) { return fs::absolute(path).lexically_normal().native(); }

void note(const Json& line) {
  const std::string text = line.dump() + "\n";
  (void)!::write(journal->fd, text.data(), text.size());  // one write of an O_APPEND file: lines do not mix
}

// Keeps what `path` names now under a name of the journal's; empty when it names nothing.
std::string keep(const fs::path& path) {
  const std::string name = fmt::format("{}.{}.{}", journal->path, ::getpid(), journal->saved.fetch_add(1));
  return ::link(path.c_str(), name.c_str()) == 0 ? name : std::string();
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const unsigned char c : bytes) out += fmt::format("{:02x}", c);
  return out;
}

}  // namespace

void created(const fs::path& path) {
  if (journal) note(Json::object().set("op", "create").set("path", full_path(path)));
}
void writing(const fs::path& path, int descriptor, int64_t position, int64_t size, int64_t old_file_size) {
  if (!journal) return;
  const int64_t overwritten = std::min(size, old_file_size - position);
  if (overwritten <= 0) return;  // appended bytes are undone by cutting the file
  std::string old(size_t(overwritten), '\0');
  (void)!::pread(descriptor, old.data(), old.size(), position);
  note(Json::object().set("op", "overwrite").set("path", full_path(path)).set("at", position).set("old", hex(old)));
}
void synced(const fs::path& path, int64_t size) {
  if (journal) note(Json::object().set("op", "sync").set("path", full_path(path)).set("size", size));
}
void folder_synced(const fs::path& folder) {
  if (journal) note(Json::object().set("op", "sync_folder").set("path", full_path(folder)));
}
void renaming(const fs::path& from, const fs::path& to) {
  if (!journal) return;
  note(Json::object().set("op", "rename").set("path", full_path(from)).set("to", full_path(to)).set("kept", keep(to)));
}
void linked(const fs::path& from, const fs::path& to) {
  if (journal) note(Json::object().set("op", "link").set("path", full_path(from)).set("to", full_path(to)));
}
void removing(const fs::path& path) {
  if (!journal) return;
  const std::string kept = keep(path);
  if (!kept.empty()) note(Json::object().set("op", "remove").set("path", full_path(path)).set("kept", kept));
}

}  // namespace disk_journal

namespace {

struct Content {  // of one inode, followed through renames and links
  int64_t synced_size = 0;
  bool known = false;  // false: it was there before the journal began, its size counts as durable
  std::vector<std::pair<int64_t, std::string>> overwritten;  // since the last sync, oldest first
};
struct NameChange {
  std::string op, path, to, kept;
};

std::string unhex(std::string_view text) {
  std::string out;
  for (size_t i = 0; i + 1 < text.size(); i += 2)
    out.push_back(char(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  return out;
}
std::string parent(const std::string& path) { return fs::path(path).parent_path().native(); }

void undo(const NameChange& c) {
  std::error_code ignored;
  if (c.op == "create") {
    fs::remove_all(c.path, ignored);
  } else if (c.op == "link") {
    fs::remove(c.to, ignored);
  } else if (c.op == "remove") {
    fs::remove(c.path, ignored);
    fs::create_hard_link(c.kept, c.path, ignored);
  } else if (c.op == "rename") {
    fs::rename(c.to, c.path, ignored);
    if (!c.kept.empty()) fs::create_hard_link(c.kept, c.to, ignored);
  }
}

}  // namespace

Result<int64_t> forget_unsynced(const fs::path& journal_path) {
  std::map<std::string, std::shared_ptr<Content>> contents;
  std::vector<NameChange> pending;
  const std::string text = TRY(read_file(journal_path));
  for (size_t at = 0, end; at < text.size(); at = end + 1) {
    end = std::min(text.find('\n', at), text.size());
    auto parsed = Json::parse(std::string_view(text).substr(at, end - at));
    if (!parsed) continue;  // the last line of a killed process may be cut
    const Json& line = *parsed;
    const std::string op(line["op"].as_string()), path(line["path"].as_string()), to(line["to"].as_string());
    auto& content = contents[path];
    if (!content) content = std::make_shared<Content>();
    if (op == "create") {
      content = std::make_shared<Content>();
      content->known = true;
      pending.push_back({op, path, "", ""});
    } else if (op == "overwrite") {
      content->overwritten.emplace_back(line["at"].as_int(), unhex(line["old"].as_string()));
    } else if (op == "sync") {
      content->known = true;
      content->synced_size = line["size"].as_int();
      content->overwritten.clear();
    } else if (op == "sync_folder") {
      std::erase_if(pending, [&](const NameChange& c) { return parent(c.to.empty() ? c.path : c.to) == path; });
    } else {
      pending.push_back({op, path, to, std::string(line["kept"].as_string())});
      if (op == "rename") contents[to] = std::exchange(content, nullptr);
      if (op == "link") contents[to] = content;
      if (op == "remove") content = nullptr;
    }
  }
  int64_t undone = int64_t(pending.size());
  // Content first, under today's names; then the names, newest first.
  for (const auto& [path, content] : contents) {
    std::error_code error;
    if (!content || !fs::is_regular_file(path, error)) continue;
    if (content->known && int64_t(fs::file_size(path, error)) > content->synced_size) {
      fs::resize_file(path, size_t(content->synced_size), error);
      ++undone;
    }
    for (auto old = content->overwritten.rbegin(); old != content->overwritten.rend(); ++old, ++undone) {
      File file = TRY(File::open_read_write(path));
      TRY(file.write_at(old->first, old->second));
    }
  }
  for (auto c = pending.rbegin(); c != pending.rend(); ++c) undo(*c);
  return undone;
}

}  // namespace pactolus
