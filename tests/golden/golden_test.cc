// Finds all *.case files when it starts and plays each in every way of golden_lake.h: a case is added without a build.
//
//   golden_test [--gtest_filter='*duplicates*']
//   PACTOLUS_GOLDEN_SHOW=1 golden_test …   prints what came out in the form of a case, instead of judging it
//   PACTOLUS_GOLDEN_CASES=DIR              looks there for cases
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "bronze/embedded/embedded_log.h"
#include "golden_lake.h"
#include "golden_result.h"
#include "verify/verify.h"

namespace pactolus::golden {
namespace {

struct Outcome {
  LakeResult lake;
  LastWords words;
  std::string everything;
};

// The program's own proof must find no fault either, whatever the case. (A lake without a batch has nothing to prove.)
Result<> prove(const Case& c, const fs::path& lake) {
  VerifyOptions options{.config = c.config};
  options.config.lake = lake.native();
  options.open_topic = [bronze =
                            LakePaths{lake}.bronze()](const std::string& topic) -> Result<std::unique_ptr<LogReader>> {
    return TRY(open_reader(bronze, topic));
  };
  ManualClock clock(0);
  const VerifyReport report = TRY(verify_lake(options, clock));
  if (report.verdict != Verdict::failed) return {};
  std::string faults;
  for (const CheckResult& check : report.checks) {
    if (check.outcome != CheckOutcome::failed) continue;
    faults += "verify: " + check.name + ": " + check.summary + "\n";
    for (const std::string& row : check.rows) faults += "  " + row + "\n";
  }
  return fail(ErrorCode::failed_check, faults);
}

Result<Outcome> outcome(const Case& c, const Way& way) {
  // In memory where that can be: these tests lose no power, and a disk takes longer for its fsyncs than all else.
  const fs::path memory = "/dev/shm";
  const bool in_memory = ::access(memory.c_str(), W_OK) == 0;
  std::string name = ((in_memory ? memory : fs::temp_directory_path()) / "pactolus_golden_XXXXXX").native();
  const fs::path root = ::mkdtemp(name.data());
  const auto run = [&]() -> Result<Outcome> {
    Outcome out;
    out.words = TRY(play(c, way, root));
    out.lake = TRY(read_result(c, root));
    if (&way == &kWays[0]) TRY(prove(c, root));
    out.everything = out.lake.everything() + "remembered ids: " + std::to_string(out.words.remembered_ids) + "\n";
    for (const std::string& alert : out.words.alerts) out.everything += "open alert: " + alert + "\n";
    return out;
  };
  auto result = run();
  if (!std::getenv("PACTOLUS_GOLDEN_KEEP"))
    fs::remove_all(root);
  else
    std::printf("the lake of %s, %s: %s\n", c.name.c_str(), way.name, root.c_str());
  return result;
}

std::vector<std::string> rows_of(const Outcome& o, const Section& s) {
  if (s.table == "alerts") return o.words.alerts;
  if (s.table == "remembered") return {std::to_string(o.words.remembered_ids)};
  return shown(o.lake, s.table, s.columns);
}

// Rows of a view other than product_interest have no order that a case could count on.
std::string text_of(const Section& s, std::vector<std::string> rows) {
  if (s.table.starts_with("gold/")) std::ranges::sort(rows);
  std::string out = "== " + s.table;
  for (const std::string& c : s.columns) out += " " + c;
  out += "\n";
  for (const std::string& r : rows) out += r + "\n";
  return out;
}

// Straight results by case, for the other ways to compare with. Ways of one case follow one another.
const Result<Outcome>& straight(const Case& c) {
  static std::string name;
  static std::optional<Result<Outcome>> kept;
  if (!kept || name != c.name) {
    name = c.name;
    kept = outcome(c, kWays[0]);
  }
  return *kept;
}

class GoldenTest : public ::testing::Test {
 public:
  GoldenTest(fs::path file, const Way& way) : file_(std::move(file)), way_(way) {}
  void TestBody() override {
    const auto c = read_case(file_);
    ASSERT_TRUE(c) << c.error().message;
    const bool first = &way_ == &kWays[0];
    std::optional<Result<Outcome>> own;
    if (!first) own = outcome(*c, way_);
    const Result<Outcome>& got = first ? straight(*c) : *own;
    ASSERT_TRUE(got) << got.error().message;
    const bool show = std::getenv("PACTOLUS_GOLDEN_SHOW") != nullptr;
    for (const Section& s : c->sections) {
      const std::string text = text_of(s, rows_of(*got, s));
      if (show)
        std::printf("%s\n", text.c_str());
      else
        EXPECT_EQ(text, text_of(s, s.rows)) << "first what came out, then what " << file_.filename() << " expects";
    }
    if (first || show) return;
    const Result<Outcome>& other = straight(*c);
    ASSERT_TRUE(other) << other.error().message;
    EXPECT_EQ(got->everything, other->everything) << "first this way, then straight";
  }

 private:
  fs::path file_;
  const Way& way_;
};

}  // namespace
}  // namespace pactolus::golden

int main(int argc, char** argv) {
  using namespace pactolus;
  ::testing::InitGoogleTest(&argc, argv);
  const char* folder = std::getenv("PACTOLUS_GOLDEN_CASES");
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder ? folder : PACTOLUS_GOLDEN_FOLDER))
    if (entry.path().extension() == ".case") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  if (files.empty()) return std::fprintf(stderr, "no cases\n"), 1;
  for (const fs::path& file : files)
    for (const golden::Way& way : golden::kWays)
      ::testing::RegisterTest(("golden_" + file.stem().native()).c_str(), way.name, nullptr, nullptr, file.c_str(), 1,
                              [file, &way]() -> ::testing::Test* { return new golden::GoldenTest(file, way); });
  return RUN_ALL_TESTS();
}
