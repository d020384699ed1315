// Notes of base/file.cc for `forget_unsynced`. All are no-ops unless PACTOLUS_DISK_JOURNAL is set.
#pragma once

#include <cstdint>
#include <filesystem>

namespace pactolus::disk_journal {

void created(const std::filesystem::path& path);  // a file or a folder
void writing(const std::filesystem::path& path, int descriptor, int64_t position, int64_t size, int64_t old_file_size);
void synced(const std::filesystem::path& path, int64_t size);
void folder_synced(const std::filesystem::path& folder);
void renaming(const std::filesystem::path& from, const std::filesystem::path& to);
void linked(const std::filesystem::path& from, const std::filesystem::path& to);
void removing(const std::filesystem::path& path);

}  // namespace pactolus::disk_journal
