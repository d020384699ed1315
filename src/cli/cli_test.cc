#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/closest_word.h"
#include "base/time_text.h"
#include "cli/command_line.h"
#include "cli/completion_script.h"
#include "cli/config_keys.h"
#include "cli/help.h"
#include "cli/progress.h"
#include "cli/stop_signal.h"
#include "cli/target.h"

namespace pactolus {
namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

TEST(ClosestWord, CountsSwapsAsOneStep) {
  EXPECT_EQ(edit_distance("simulate", "simulate"), 0);
  EXPECT_EQ(edit_distance("simualte", "simulate"), 1);
  EXPECT_EQ(edit_distance("RUN", "run"), 0);
  EXPECT_EQ(edit_distance("", "abc"), 3);
}

TEST(ClosestWord, NamesTheNearestAndNothingFarFetched) {
  const std::string_view words[] = {"run", "simulate", "verify"};
  EXPECT_EQ(closest_word("rnu", words), "run");
  EXPECT_EQ(closest_word("verfy", words), "verify");
  EXPECT_EQ(closest_word("banana", words), std::nullopt);
  EXPECT_EQ(closest_word("", words), std::nullopt);
  EXPECT_EQ(closest_word(std::string(100'000, 'r'), words), std::nullopt);
}

TEST(ErrorText, HasTheContractsForm) {
  const Error error{ErrorCode::bad_config, "what\nexpected a, got b", "do c", "pactolus.toml:12 run.threads"};
  EXPECT_EQ(error_text(error, false),
            "error: what\n  --> pactolus.toml:12 run.threads\n  expected a, got b\n  hint: do c\n");
  EXPECT_EQ(error_text({ErrorCode::io, "what", {}, {}}, false), "error: what\n");
  EXPECT_TRUE(has(error_text(error, true), "\x1b[1;31merror:\x1b[0m what"));
}

TEST(ExitCodes, AreTheContracts) {
  EXPECT_EQ(exit_code(ErrorCode::usage), 2);
  EXPECT_EQ(exit_code(ErrorCode::bad_config), 78);
  EXPECT_EQ(exit_code(ErrorCode::failed_check), 1);
  EXPECT_EQ(exit_code(ErrorCode::data_loss), 1);
  EXPECT_EQ(exit_code(ErrorCode::corrupt), 1);
  for (const ErrorCode code :
       {ErrorCode::io, ErrorCode::disk_full, ErrorCode::busy, ErrorCode::fenced, ErrorCode::unsupported}) {
    EXPECT_EQ(exit_code(code), 3);
  }
}

TEST(Figures, AreGroupedAndRounded) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(12'345), "12,345");
  EXPECT_EQ(count_text(-1'234'567), "-1,234,567");
  EXPECT_EQ(count_text(-123), "-123");
  EXPECT_EQ(rate_text(0), "0/s");
  EXPECT_EQ(rate_text(0.44), "0.4/s");
  EXPECT_EQ(rate_text(999.7), "1.0 k/s");
  EXPECT_EQ(rate_text(1'250'000), "1.25 M/s");
  EXPECT_EQ(bytes_text(512), "512 B");
  EXPECT_EQ(bytes_text(64 << 20), "64.0 MiB");
  EXPECT_EQ(bytes_text((1 << 20) - 1), "1.0 MiB");
  EXPECT_EQ(percent_text(0.0123), "1.2 %");
  EXPECT_EQ(percent_text(0.0 / 0.0), "-");
  EXPECT_EQ(progress_text(500, 1000, 1'000'000), "500 of 1,000 · 50 % · 500/s · 1 s left");
  EXPECT_EQ(progress_text(500, 0, 1'000'000), "500 · 500/s");
}

TEST(DigitsOfRun, TellRunsOfOneMicrosecondApart) {
  EXPECT_EQ(digits_of_run(1'764'411'330'123'456, 4'711), "17644113301234560004711");
  EXPECT_NE(digits_of_run(1'764'411'330'123'456, 4'711), digits_of_run(1'764'411'330'123'456, 4'712));
  EXPECT_EQ(digits_of_run(1'764'411'330'123'456, 4'194'304).size(), 23u);  // the largest process of Linux
}

TEST(CatchUpTest, TellsHowFastAndHowLong) {
  CatchUp seen;
  EXPECT_EQ(seen.text(), "");
  seen.see({0, 0, 1000}, 0, 0);
  EXPECT_EQ(seen.text(), "") << "one look says nothing of speed";
  seen.see({0, 100, 1000}, 100, kMicrosPerSecond);
  EXPECT_EQ(seen.records_per_second(), 100);
  EXPECT_EQ(seen.text(), "9 s left");
  seen.see({100, 200, 1050}, 200, 2 * kMicrosPerSecond);
  EXPECT_EQ(seen.text(), "12 s left") << "what comes in meanwhile is more work: 150 of 850 in 2 s";
  seen.see({1050, 1050, 1050}, 1050, 3 * kMicrosPerSecond);
  EXPECT_EQ(seen.text(), "caught up");
}

TEST(CatchUpTest, SaysWhenMoreComesThanIsTaken) {
  CatchUp seen;
  seen.see({0, 0, 1000}, 0, 0);
  seen.see({0, 100, 1200}, 100, kMicrosPerSecond);
  EXPECT_EQ(seen.text(), "falling behind");
}

TEST(CatchUpTest, ForgetsWhatIsLongAgo) {
  CatchUp seen;
  for (int64_t s = 0; s <= 60; ++s) seen.see({0, s, 1'000'000}, s, s * kMicrosPerSecond);
  for (int64_t s = 61; s <= 70; ++s) seen.see({0, s * 100, 1'000'000}, s * 100, s * kMicrosPerSecond);
  EXPECT_EQ(seen.records_per_second(), 100);
}

TEST(CatchUpTest, AStreamThatIsReadAsItComesIsCaughtUp) {
  CatchUp seen;
  for (int64_t s = 0; s <= 10; ++s) seen.see({0, s * 1000, s * 1000 + 3}, s * 1000, s * kMicrosPerSecond);
  EXPECT_EQ(seen.text(), "caught up");
}

TEST(ProgressText, SaysWhereAJobStands) {
  JobView view;
  view.batch = 7;
  CatchUp seen;
  seen.see({0, 0, 40'000}, 0, 0);
  seen.see({12'345, 20'000, 40'000}, 20'000, kMicrosPerSecond);
  const int64_t now = *parse_iso_time("2025-11-29T14:00:00Z");
  EXPECT_EQ(job_progress_text(seen, {12'345, 20'000, 40'000}, view, now, false),
            "20.0 k/s · committed 12,345 of 40,000 · 1 s left · batch 7 · watermark not yet");
  view.watermark = *parse_iso_time("2025-11-29T13:58:59Z");
  EXPECT_TRUE(has(job_progress_text(seen, {}, view, now, false), "· watermark 13:58:59 UTC"));
  view.watermark = *parse_iso_time("2019-10-01T13:58:59Z");
  EXPECT_TRUE(has(job_progress_text(seen, {}, view, now, false), "· watermark 2019-10-01 13:58:59 UTC"));
}

TEST(Widths, CountCharactersAndNotColours) {
  EXPECT_EQ(visible_width("\x1b[1;31mé€\x1b[0m"), 2);
  EXPECT_EQ(cut_to_width("abcdef", 4), "abc…");
  EXPECT_EQ(cut_to_width("äöüß", 4), "äöüß");
  EXPECT_EQ(cut_to_width("\x1b[2mabcdef", 3), "\x1b[2mab…\x1b[0m");
  EXPECT_EQ(pad_left("7", 3), "  7");
  EXPECT_EQ(pad_right("€", 3), "€  ");
}

// Both ends of a pipe; what was written can be read as a text.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe2(ends_.data(), O_NONBLOCK), 0); }
  ~Pipe() {
    close_reader();
    ::close(ends_[1]);
  }
  int writer() const { return ends_[1]; }
  void close_reader() {
    if (ends_[0] >= 0) ::close(ends_[0]);
    ends_[0] = -1;
  }
  std::string read() {
    std::string text(1 << 16, '\0');
    const ssize_t n = ::read(ends_[0], text.data(), text.size());
    text.resize(n > 0 ? size_t(n) : 0);
    return text;
  }

 private:
  std::array<int, 2> ends_{};
};

TEST(LiveTableTest, DrawsInPlaceOnATerminal) {
  Pipe pipe;
  Output out(pipe.writer());
  LiveTable table(out, {true, false, 10, 24});
  table.draw({"one", "two"});
  EXPECT_EQ(pipe.read(), "one\x1b[K\ntwo\x1b[K\n");
  table.draw({"a longer line than fits"});
  EXPECT_EQ(pipe.read(), "\x1b[2A\ra longer …\x1b[K\n\x1b[J");
  table.clear();
  EXPECT_EQ(pipe.read(), "\x1b[1A\r\x1b[J");
}

TEST(LiveTableTest, NeverDrawsMoreThanTheScreenHolds) {
  Pipe pipe;
  Output out(pipe.writer());
  LiveTable table(out, {true, false, 80, 3});
  table.draw({"1", "2", "3", "4"});
  EXPECT_EQ(pipe.read(), "1\x1b[K\n2\x1b[K\n");
}

TEST(LiveTableTest, PrintsPlainLinesElsewhereAndNotTwice) {
  Pipe pipe;
  Output out(pipe.writer());
  LiveTable table(out, {});
  table.draw({"one"});
  table.draw({"one"});
  table.draw({"two"});
  EXPECT_EQ(pipe.read(), "one\ntwo\n");
}

TEST(OutputTest, NoticesThatItsReaderHasGone) {
  StopSignal::install();  // SIGPIPE is ignored from here on
  Pipe pipe;
  pipe.close_reader();
  Output out(pipe.writer());
  out << "into the void";
  EXPECT_TRUE(out.flush().has_value());
  EXPECT_TRUE(out.reader_gone());
}

TEST(OutputTest, ReportsADiskThatIsFull) {
  const int fd = ::open("/dev/full", O_WRONLY);
  Output out(fd);
  out << "text";
  const auto flushed = out.flush();
  ASSERT_FALSE(flushed.has_value());
  EXPECT_EQ(flushed.error().code, ErrorCode::disk_full);
  ::close(fd);
}

TEST(StopSignalTest, TheFirstSignalAsksAndEndsEveryWait) {
  StopSignal& stop = StopSignal::install();
  EXPECT_FALSE(stop.wait_us(0));
  ::raise(SIGTERM);
  EXPECT_TRUE(stop.requested());
  EXPECT_EQ(stop.exit_code(), 143);
  pollfd wake{stop.wake_descriptor(), POLLIN, 0};
  EXPECT_EQ(::poll(&wake, 1, 0), 1);
  // An hour would hang the test if the wait did not end at once.
  EXPECT_TRUE(stop.wait_us(3'600'000'000));
  StoppableClock(stop).sleep_us(3'600'000'000);
  stop.take_back();
  EXPECT_FALSE(stop.requested());
}

TEST(StopSignalDeathTest, TheSecondSignalLeavesAtOnce) {
  // The Parquet library starts a thread when it is loaded, and a plain fork would not carry it over.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        StopSignal::install();
        ::raise(SIGTERM);
        ::raise(SIGINT);
      },
      testing::ExitedWithCode(130), "");
  EXPECT_EXIT(
      {
        StopSignal::install();
        ::raise(SIGINT);
        ::raise(SIGTERM);
      },
      testing::ExitedWithCode(143), "");
}

// Two commands of a family and one alone.
struct Probe : Command {
  explicit Probe(CommandInfo info) : info_(std::move(info)) {}
  CommandInfo info() const override { return info_; }
  void declare(Flags& flags) override {
    if (info_.name != "simulate") return;
    flags.choice("--profile", {"classic", "shop"}, &profile, "kind of shoppers");
    flags.count("--count", "N", &count, "how many", 1);
    flags.ratio("--late-ratio", &late, "share of late events");
    flags.duration("--duration", &duration_us, "how long");
    flags.toggle("--dry-run", &dry, "only say");
    flags.text("--to", "TARGET", &to, "where to");
    flags.key("--batch-records", "N", "run.batch_records", "records of a batch");
    flags.arguments("FILE", &files, "files", false);
  }
  Result<int> run(Session&) override { return 0; }

  CommandInfo info_;
  std::string profile = "shop", to;
  int64_t count = 7, duration_us = 0;
  double late = 0;
  bool dry = false;
  std::vector<std::string> files;
};

class CommandLineTest : public testing::Test {
 protected:
  static std::vector<std::unique_ptr<Command>> probes(Probe*& simulate) {
    std::vector<std::unique_ptr<Command>> out;
    auto one =
        std::make_unique<Probe>(CommandInfo{"simulate", Group::data_in, "shoppers", "pactolus simulate --count 5"});
    simulate = one.get();
    out.push_back(std::move(one));
    out.push_back(
        std::make_unique<Probe>(CommandInfo{"config show", Group::setup, "what holds", "pactolus config show"}));
    out.push_back(
        std::make_unique<Probe>(CommandInfo{"config check", Group::setup, "mistakes", "pactolus config check"}));
    return out;
  }
  Result<CommandLine> parse(std::vector<std::string> words) { return parse_command_line(table_, words); }
  std::string mistake(std::vector<std::string> words) {
    const auto line = parse(std::move(words));
    EXPECT_FALSE(line.has_value());
    if (line) return "";
    EXPECT_EQ(line.error().code, ErrorCode::usage);
    return line.error().message + "\n" + line.error().hint;
  }

  Probe* simulate_ = nullptr;
  CommandTable table_{probes(simulate_)};
};

TEST_F(CommandLineTest, FlagsStandAnywhere) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--json", "--count", "5", "simulate", "--lake", "L"},
        {"simulate", "--count=5", "--lake=L", "--json"},
        {"--lake", "L", "simulate", "--json", "--count", "5"}}) {
    table_.globals() = {};
    simulate_->count = 0;
    const auto line = parse(words);
    ASSERT_TRUE(line.has_value()) << line.error().message;
    EXPECT_EQ(line->entry->info.name, "simulate");
    EXPECT_TRUE(table_.globals().json);
    EXPECT_EQ(simulate_->count, 5);
    ASSERT_EQ(line->config_flags.size(), 1u);
    EXPECT_EQ(line->config_flags[0].key, "lake");
    EXPECT_EQ(line->config_flags[0].value, "L");
  }
}

TEST_F(CommandLineTest, ValuesReachTheirTargets) {
  const auto line = parse({"simulate", "--profile", "classic", "--late-ratio", "0.25", "--duration", "1m", "--dry-run",
                           "--to", "-", "--batch-records", "9", "a.csv", "b.csv"});
  ASSERT_TRUE(line.has_value()) << line.error().message;
  EXPECT_EQ(simulate_->profile, "classic");
  EXPECT_EQ(simulate_->late, 0.25);
  EXPECT_EQ(simulate_->duration_us, 60'000'000);
  EXPECT_TRUE(simulate_->dry);
  EXPECT_EQ(simulate_->to, "-");
  EXPECT_EQ(simulate_->files, (std::vector<std::string>{"a.csv", "b.csv"}));
  EXPECT_EQ(line->config_flags[0].key, "run.batch_records");
}

TEST_F(CommandLineTest, BehindTwoDashesEverythingIsAnArgument) {
  ASSERT_TRUE(parse({"simulate", "--", "--count", "-x"}).has_value());
  EXPECT_EQ(simulate_->files, (std::vector<std::string>{"--count", "-x"}));
}

TEST_F(CommandLineTest, TheLastOfARepeatedFlagCounts) {
  ASSERT_TRUE(parse({"simulate", "--count", "1", "--count", "2"}).has_value());
  EXPECT_EQ(simulate_->count, 2);
}

TEST_F(CommandLineTest, UnknownWordsAreNamedWithTheNearestKnown) {
  EXPECT_TRUE(has(mistake({"simualte"}), "unknown command \"simualte\"; did you mean \"simulate\"?"));
  EXPECT_TRUE(has(mistake({"config", "shwo"}), "unknown command \"config shwo\"; did you mean \"show\"?"));
  EXPECT_TRUE(has(mistake({"show"}), "did you mean \"config show\"?"));
  EXPECT_TRUE(
      has(mistake({"simulate", "--cuont", "5"}), "unknown flag --cuont of simulate; did you mean \"--count\"?"));
  EXPECT_TRUE(has(mistake({"config", "show", "--count", "5"}), "it belongs to `pactolus simulate`"));
  EXPECT_TRUE(has(mistake({"simulate", "-x"}), "unknown flag -x"));
  EXPECT_TRUE(has(mistake({"--jsno"}), "did you mean \"--json\"?"));
}

TEST_F(CommandLineTest, ValuesThatCannotBeAreNamed) {
  EXPECT_TRUE(has(mistake({"simulate", "--count", "many"}), "expected a whole number of 1 or more, got \"many\""));
  EXPECT_TRUE(has(mistake({"simulate", "--late-ratio", "2"}), "expected a number from 0 to 1, got \"2\""));
  EXPECT_TRUE(has(mistake({"simulate", "--late-ratio", "nan"}), "got \"nan\""));
  EXPECT_TRUE(has(mistake({"simulate", "--profile", "clasic"}),
                  "expected one of classic, shop, got \"clasic\"; did you mean \"classic\"?"));
  EXPECT_TRUE(has(mistake({"simulate", "--duration", "5"}), "expected a duration"));
  EXPECT_TRUE(has(mistake({"simulate", "--count"}), "--count needs a value"));
  EXPECT_TRUE(has(mistake({"simulate", "--count="}), "--count needs a value"));
  EXPECT_TRUE(has(mistake({"simulate", "--to", "--json"}), "--to needs a value"));
  EXPECT_TRUE(has(mistake({"simulate", "--dry-run=yes"}), "--dry-run takes no value"));
  EXPECT_TRUE(has(mistake({"config", "show", "extra"}), "config show has no use for \"extra\""));
  EXPECT_TRUE(has(mistake({"config"}), "config needs one of its commands: show, check"));
}

TEST_F(CommandLineTest, HelpNeedsNothingElse) {
  const auto line = parse({"help", "config", "show"});
  ASSERT_TRUE(line.has_value());
  EXPECT_TRUE(table_.globals().help);
  EXPECT_EQ(line->entry->info.name, "config show");
  EXPECT_EQ(parse({"config", "--help"})->family, "config");
  EXPECT_EQ(parse({})->entry, nullptr);
}

TEST_F(CommandLineTest, HelpShowsFlagsAndAnExample) {
  const std::string help = help_of_command(table_, *table_.find("simulate"), false);
  EXPECT_TRUE(has(help, "Usage: pactolus simulate [FILE…] [FLAGS]"));
  EXPECT_TRUE(has(help, "--profile classic|shop"));
  EXPECT_TRUE(has(help, "(key run.batch_records)"));
  EXPECT_TRUE(has(help, "Example: pactolus simulate --count 5"));
  const std::string list = list_of_commands(table_, false);
  EXPECT_LT(list.find("Data in:"), list.find("Set-up:"));
  EXPECT_TRUE(has(help_of_family(table_, "config", false), "check"));
}

TEST_F(CommandLineTest, CompletionsKnowEveryCommandFlagAndChoice) {
  for (const std::string& script : {bash_completion(table_), zsh_completion(table_), fish_completion(table_)}) {
    for (const char* word :
         {"simulate", "config", "show", "check", "profile", "classic", "batch-records", "no-color"}) {
      EXPECT_TRUE(has(script, word)) << word;
    }
  }
}

TEST(AllCommands, HaveAnExampleThatNamesThem) {
  const CommandTable table(all_commands());
  for (const CommandTable::Entry& entry : table.entries()) {
    EXPECT_TRUE(has(entry.info.example, "pactolus " + entry.info.name)) << entry.info.name;
    EXPECT_FALSE(entry.info.summary.ends_with('.')) << entry.info.name;
  }
}

TEST(AllCommands, OverrideOnlyKeysThatExist) {
  const CommandTable table(all_commands());
  for (const CommandTable::Entry& entry : table.entries()) {
    for (const Flags::Flag& flag : entry.flags.all()) {
      if (flag.key.empty()) continue;
      EXPECT_NE(find_config_key(flag.key), nullptr) << flag.key;
    }
  }
}

}  // namespace
}  // namespace pactolus
