#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>

#include "base/parallel.h"
#include "base/test_folder.h"

namespace pactolus {
namespace {

class FileTest : public InAFolder {};

TEST_F(FileTest, WritesReadsReplaces) {
  ASSERT_TRUE(make_folders(root_ / "a/b"));
  ASSERT_TRUE(replace_file(root_ / "a/b/f", "one"));
  ASSERT_TRUE(replace_file(root_ / "a/b/f", "two!"));
  EXPECT_EQ(*read_file(root_ / "a/b/f"), "two!");
  EXPECT_EQ(*read_file_part(root_ / "a/b/f", 1, 2), "wo");
  EXPECT_EQ(*list_folder(root_ / "a/b"), std::vector<std::string>{"f"});
  EXPECT_EQ(read_file(root_ / "none").error().code, ErrorCode::not_found);
  EXPECT_TRUE(list_folder(root_ / "none")->empty());
}

TEST(InParallel, DoesEachOnceAndTellsTheFirstError) {
  for (const int threads : {0, 1, 3, 50}) {
    std::vector<std::atomic<int>> done(20);
    const auto all = in_parallel(done.size(), threads, [&](size_t i) -> Result<> {
      ++done[i];
      if (i == 7 || i == 13) return fail(ErrorCode::io, "number " + std::to_string(i));
      return {};
    });
    ASSERT_FALSE(all);
    EXPECT_EQ(all.error().message, "number 7");
    for (const auto& times : done) EXPECT_EQ(times, 1);
  }
  EXPECT_TRUE(in_parallel(0, 2, [](size_t) -> Result<> { return fail(ErrorCode::io, "nobody asked"); }));
}

TEST_F(FileTest, PutIfAbsentHasOneWinner) {
  EXPECT_EQ(*put_if_absent(root_ / "v", "first"), PutOutcome::done);
  EXPECT_EQ(*put_if_absent(root_ / "v", "second"), PutOutcome::exists);
  EXPECT_EQ(*read_file(root_ / "v"), "first");
  EXPECT_EQ(list_folder(root_)->size(), 1u);
}

TEST_F(FileTest, LockHasOneHolder) {
  auto first = FileLock::try_lock(root_ / "lock");
  ASSERT_TRUE(first && *first);
  auto second = FileLock::try_lock(root_ / "lock");
  ASSERT_TRUE(second);
  EXPECT_FALSE(*second);
  first->reset();
  EXPECT_TRUE(*FileLock::try_lock(root_ / "lock"));
}

// The journal is read from the environment at start, so the writing half runs in a child: this program again.
TEST_F(FileTest, PowerLossTakesWhatWasNotFsynced) {
  const fs::path journal = root_ / "journal", disk = root_ / "disk";
  fs::create_directory(disk);
  {
    std::ofstream(disk / "old") << "old";
  }
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("PACTOLUS_DISK_JOURNAL", journal.c_str(), 1);
    ::setenv("PACTOLUS_FILE_TEST_DISK", disk.c_str(), 1);
    ::execl("/proc/self/exe", "base_test", "--gtest_filter=PowerLossChild.*", "--gtest_brief=1", nullptr);
    ::_exit(127);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  ASSERT_EQ(*read_file(disk / "log"), "synced+lost");
  auto undone = forget_unsynced(journal);
  ASSERT_TRUE(undone) << undone.error().message;
  EXPECT_GT(*undone, 0);
  EXPECT_EQ(*read_file(disk / "log"), "synced");
  EXPECT_EQ(*read_file(disk / "mark"), "AAAA");
  EXPECT_EQ(*read_file(disk / "kept"), "whole");
  EXPECT_EQ(*read_file(disk / "old"), "old");
  EXPECT_EQ(*list_folder(disk), (std::vector<std::string>{"kept", "log", "mark", "named", "old"}));
  EXPECT_EQ(*list_folder(disk / "named"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(*list_folder(disk / "named/a"), std::vector<std::string>{"f"});
  EXPECT_EQ(*list_folder(disk / "named/b"), std::vector<std::string>{"f"});
}

void make_files_in_two_folders(const fs::path& folder, NewNames& names) {
  for (const char* part : {"a", "b"}) {
    const fs::path path = folder / part / "f";
    ASSERT_TRUE(names.make_folders(path.parent_path()));
    ASSERT_TRUE(File::create(path)->sync());
    names.add(path);
  }
}

TEST(PowerLossChild, Writes) {
  const char* folder = std::getenv("PACTOLUS_FILE_TEST_DISK");
  if (!folder) GTEST_SKIP() << "only runs as the child of PowerLossTakesWhatWasNotFsynced";
  const fs::path disk = folder;
  NewNames named;
  make_files_in_two_folders(disk / "named", named);
  ASSERT_TRUE(named.sync(2));
  File log = *File::create(disk / "log");
  ASSERT_TRUE(log.write("synced"));
  ASSERT_TRUE(log.sync());
  File mark = *File::create(disk / "mark");
  ASSERT_TRUE(mark.write("AAAA"));
  ASSERT_TRUE(mark.sync());
  ASSERT_TRUE(replace_file(disk / "kept", "whole"));  // fsyncs the folder: log and mark have names now
  ASSERT_TRUE(log.write("+lost"));
  ASSERT_TRUE(mark.write_at(1, "BB"));
  ASSERT_TRUE(File::create(disk / "nameless")->sync());  // content is durable, the name is not
  ASSERT_TRUE(remove_file(disk / "old"));
  ASSERT_TRUE(rename_file(disk / "kept", disk / "moved"));
  NewNames unnamed;
  make_files_in_two_folders(disk / "unnamed", unnamed);
}

}  // namespace
}  // namespace pactolus
