// What the tests of this room share: a table in a temporary folder, and commits with little to say.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "lake/delta/delta_table.h"
#include "lake/delta/log_cleanup.h"

namespace pactolus::delta {

class TableTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/pactolus_delta_XXXXXX";
    root_ = fs::path(::mkdtemp(name)) / "table";
  }
  void TearDown() override { fs::remove_all(root_.parent_path()); }

  static TableSchema schema() {
    return {{{"id", FieldType::string()},
             {"n", FieldType::long_integer()},
             {"day", FieldType::date()},
             {"kind", FieldType::string()}},
            {"day", "kind"}};
  }
  static NewTable new_table() { return {schema(), "11111111-2222-4333-8444-555555555555", 1'000}; }
  DeltaTable create(DeltaOptions options = {}) {
    auto table = DeltaTable::create(root_, new_table(), std::move(options));
    if (!table) ADD_FAILURE() << table.error().message;
    return std::move(*table);
  }
  DeltaTable open(DeltaOptions options = {}) { return std::move(*DeltaTable::open(root_, std::move(options))); }

  static AddFile file(std::string name) {
    return {"day=2026-03-01/kind=view/" + name,
            {{"day", "2026-03-01"}, {"kind", "view"}},
            100,
            5,
            true,
            R"({"numRecords":10})"};
  }
  static RemoveFile gone(std::string name) { return {file(std::move(name)).path, 0, false, {}, {}}; }
  // One commit that adds one file; its UUID is the file's name.
  static Transaction adding(const std::string& name) {
    Transaction t;
    t.operation = "WRITE";
    t.adds = {file(name)};
    t.commit_uuid = name;
    t.blind_append = true;
    return t;
  }
  static Transaction removing(const std::string& name) {
    Transaction t;
    t.operation = "OPTIMIZE";
    t.removes = {gone(name)};
    t.commit_uuid = "remove-" + name;
    return t;
  }
  void add(DeltaTable& table, const std::string& name) {
    auto version = table.commit(adding(name));
    ASSERT_TRUE(version) << version.error().message;
  }
  void write(const fs::path& name, std::string_view text) {
    fs::create_directories(log_folder(root_));
    std::ofstream(log_folder(root_) / name, std::ios::binary) << text;
  }
  static std::string names(const Snapshot& s) {  // the live files' names, in order
    std::string out;
    for (const auto& [path, f] : s.files()) out += (out.empty() ? "" : " ") + fs::path(path).filename().native();
    return out;
  }
  std::string names() { return names(Snapshot::load(root_).value()); }

  fs::path root_;
};

template <class T>
ErrorCode code_of(const Result<T>& result) {
  EXPECT_FALSE(result) << "an error was expected";
  return result ? ErrorCode::usage : result.error().code;
}

}  // namespace pactolus::delta
