#include "ingest/event_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "base/time_text.h"
#include "ingest/dry_run.h"
#include "ingest/file_replay.h"
#include "ingest/rows_ahead.h"

namespace pactolus {
namespace {

class EventFiles : public testing::Test {
 protected:
  EventFiles() : folder_("/tmp/pactolus-event-file-" + std::to_string(::getpid())) { fs::create_directories(folder_); }
  ~EventFiles() override { fs::remove_all(folder_); }

  fs::path write(std::string_view name, std::string_view text) {
    const fs::path path = folder_ / name;
    EXPECT_TRUE(replace_file(path, text));
    return path;
  }
  static Error refused(const fs::path& path, std::string_view dialect) {
    auto file = EventFile::open(path, dialect);
    EXPECT_FALSE(file);
    return file ? Error{ErrorCode::io, ""} : file.error();
  }
  static FileIdentity identity(const fs::path& path, std::string_view dialect) {
    const auto file = InputFile::open(path).value();
    return identify(*file, *make_dialect(dialect).value()).value();
  }
  fs::path folder_;
};

constexpr std::string_view kHeader =
    "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n";

TEST_F(EventFiles, ACsvFileIsReadThroughItsDialect) {
  const auto path = write("a.csv", std::string(kHeader) + "t,view,p,c,k,b,1,u,s\nbroken\n");
  const auto file = EventFile::open(path, "rees46").value();
  MappedRow row;
  ASSERT_TRUE(file->next(row).value());
  EXPECT_TRUE(row.mapped);
  ASSERT_TRUE(file->next(row).value());
  EXPECT_EQ(row.value, "broken");
  EXPECT_FALSE(file->next(row).value());
  EXPECT_EQ(file->rows(), 2);
}

TEST_F(EventFiles, SkippingPassesOverRowsAndCountsThem) {
  const auto file = EventFile::open(write("a.ndjson", "{}\n\n{\"n\":1}\n{\"n\":2}\n"), "native").value();
  EXPECT_EQ(file->skip(2).value(), 2);
  MappedRow row;
  ASSERT_TRUE(file->next(row).value());
  EXPECT_EQ(row.value, "{\"n\":2}");
  EXPECT_EQ(file->skip(5).value(), 0);
  EXPECT_EQ(file->rows(), 3);
}

TEST_F(EventFiles, WhatCannotBeReadIsRefusedInWords) {
  EXPECT_EQ(refused(folder_ / "missing", "native").code, ErrorCode::not_found);
  EXPECT_EQ(refused(folder_, "native").code, ErrorCode::invalid);
  EXPECT_EQ(refused("/dev/null", "native").code, ErrorCode::invalid);
  EXPECT_NE(refused(write("empty", ""), "native").message.find("empty"), std::string::npos);
  EXPECT_NE(refused(write("blank", "\n \n"), "native").message.find("no rows"), std::string::npos);
  EXPECT_NE(refused(write("a.csv", kHeader), "native").message.find("no NDJSON either"), std::string::npos);
  const Error headless = refused(write("headless.csv", "2019-10-01 00:00:00 UTC,view,1,2,,b,3.5,u,s\n"), "rees46");
  EXPECT_NE(headless.hint.find("the first row"), std::string::npos);
  EXPECT_NE(headless.where.find("headless.csv"), std::string::npos);
}

TEST_F(EventFiles, WhatIsNoneOfTheFormatsIsNamed) {
  const auto said = [&](std::string_view head) {
    return refused(write("a.csv", std::string(head) + "more"), "native").message;
  };
  EXPECT_NE(said("PK\x03\x04").find("a zip archive"), std::string::npos);
  EXPECT_NE(said("BZh9").find("bzip2"), std::string::npos);
  EXPECT_NE(said({"\xfd"
                  "7zXZ\0",
                  6})
                .find("xz"),
            std::string::npos);
  EXPECT_NE(said("\xff\xfe{").find("UTF-16"), std::string::npos);
  EXPECT_NE(said("[\n  {\"event_id\":1},").find("one JSON array"), std::string::npos);
  EXPECT_NE(said("PAR1").find("as Parquet"), std::string::npos);
  EXPECT_NE(said("\x1f\x8b").find("damaged"), std::string::npos);
  EXPECT_NE(said({"\x1f\x8b\x07\x00", 4}).find("damaged"), std::string::npos);
}

TEST_F(EventFiles, NativeEventsComeAsTablesToo) {
  const auto file = EventFile::open(write("a.csv",
                                          "\xEF\xBB\xBF"
                                          "event_id;user_id;event_type;timestamp;quantity;price;colour\r\n"
                                          "e1;u1;purchase;2025-11-29 10:15:30;2;3.50;red\r\n"
                                          ";u2;view;1764411330;two;;\r\n"),
                                    "native")
                        .value();
  EXPECT_EQ(file->format(), Format::csv);
  MappedRow row;
  ASSERT_TRUE(file->next(row).value());
  EXPECT_EQ(row.value,
            "{\"event_id\":\"e1\",\"user_id\":\"u1\",\"event_type\":\"purchase\",\"timestamp\":\"2025-11-29T10:15:30."
            "000000Z\",\"price\":\"3.50\",\"quantity\":2,\"colour\":\"red\"}");
  EXPECT_EQ(row.key, "u1");
  EXPECT_EQ(row.event_time_us, parse_iso_time("2025-11-29T10:15:30Z"));
  ASSERT_TRUE(file->next(row).value());
  EXPECT_EQ(row.value, "{\"user_id\":\"u2\",\"event_type\":\"view\",\"timestamp\":1764411330,\"quantity\":\"two\"}");
  EXPECT_EQ(row.event_time_us, parse_iso_time("2025-11-29T10:15:30Z"));
  EXPECT_FALSE(file->next(row).value());
}

TEST_F(EventFiles, ABrokenFirstLineIsDataAndNoReasonToRefuse) {
  EXPECT_TRUE(EventFile::open(write("a", "oops\n{}\n"), "native"));
  EXPECT_TRUE(EventFile::open(write("b", "\xEF\xBB\xBF{}"), "native"));
}

// Golden: the name is on disk in every lake that has ingested this file.
TEST_F(EventFiles, RowsAheadAreThoseOfTheFile) {
  std::string text;
  for (int i = 0; i < 2000; ++i)
    text += "{\"user_id\":\"u" + std::to_string(i % 3) + "\",\"n\":" + std::to_string(i) + "}\n";
  const auto path = write("a.ndjson", text);
  const auto straight = EventFile::open(path, "native").value();
  const auto file = EventFile::open(path, "native").value();
  size_t rows = 0, pieces = 0;
  RowsAhead ahead(*file, 4096);
  RowPiece piece;
  while (ahead.next(piece).value()) {
    ++pieces;
    std::string_view rest = piece.bytes;
    for (const auto [key, value] : piece.rows) {
      MappedRow row;
      ASSERT_TRUE(straight->next(row).value());
      ASSERT_EQ(rest.substr(0, key), row.key);
      ASSERT_EQ(rest.substr(key, value), row.value);
      rest.remove_prefix(key + value);
      ++rows;
    }
    EXPECT_TRUE(rest.empty());
  }
  EXPECT_EQ(rows, 2000u);
  EXPECT_GT(pieces, 8u);
  EXPECT_FALSE(ahead.next(piece).value());  // still the end
  const auto abandoned = EventFile::open(path, "native").value();
  EXPECT_TRUE(RowsAhead(*abandoned, 4096).next(piece).value());  // its thread waits for room, and ends all the same
}

TEST_F(EventFiles, RowsAheadComeBeforeTheErrorBehindThem) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "{\"n\":" + std::to_string(i * 7919) + "}\n";
  ASSERT_EQ(std::system(("gzip " + write("whole", text).native()).c_str()), 0);
  const std::string packed = read_file(folder_ / "whole.gz").value();
  const auto file = EventFile::open(write("cut.gz", packed.substr(0, packed.size() / 2)), "native").value();
  RowsAhead ahead(*file, 4096);
  size_t rows = 0;
  RowPiece piece;
  auto more = ahead.next(piece);
  for (; more && *more; more = ahead.next(piece)) rows += piece.rows.size();
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, ErrorCode::invalid);
  EXPECT_GT(rows, 5000u);
  EXPECT_EQ(int64_t(rows), file->rows());
}

TEST_F(EventFiles, TheIdentityIsFrozen) {
  const FileIdentity id = identity(write("a", "{\"event_id\":\"e1\"}\n"), "native");
  EXPECT_EQ(id.hash, "adaf768458e3b3c4987817347e3ffc27");
  EXPECT_EQ(id.topic, "_ingest." + id.hash);
  EXPECT_EQ(id.topic_id, "adaf7684-58e3-83c4-9878-17347e3ffc27");
}

TEST_F(EventFiles, TheIdentityIsContentAndDialectButNoName) {
  const std::string text = std::string(kHeader) + std::string(3 << 20, 'x');  // several blocks
  const FileIdentity id = identity(write("a", text), "rees46");
  EXPECT_EQ(identity(write("b", text), "rees46").hash, id.hash);
  EXPECT_NE(identity(write("b", text), "native").hash, id.hash);
  EXPECT_NE(identity(write("b", text + "x"), "rees46").hash, id.hash);
  std::string other = text;
  other[1 << 20] = 'y';
  EXPECT_NE(identity(write("b", other), "rees46").hash, id.hash);
}

TEST_F(EventFiles, TakingTheIdentityDoesNotDisturbReading) {
  const auto file = EventFile::open(write("a", std::string(kHeader) + "t,view,p,c,k,b,1,u,s\n"), "rees46").value();
  ASSERT_TRUE(identify(file->input(), file->dialect()));
  EXPECT_EQ(file->skip(10).value(), 1);
}

TEST_F(EventFiles, AFileThatGrowsIsNoticed) {
  const auto path = write("a", "{}\n");
  const auto file = EventFile::open(path, "native").value();
  ASSERT_TRUE(file->input().check_unchanged());
  auto more = File::open_append(path);
  ASSERT_TRUE(more->write("{}\n"));
  EXPECT_FALSE(file->input().check_unchanged());
}

TEST_F(EventFiles, AReplayGivesTheMappedRowsWithTheirTimes) {
  const auto file =
      EventFile::open(write("a", "{\"user_id\":\"u\",\"timestamp\":1764411330}\nbad\n"), "native").value();
  FileReplay replay(*file);
  ReplayRow row;
  ASSERT_TRUE(replay.next(row).value());
  EXPECT_EQ(row.key, "u");
  EXPECT_EQ(row.event_time_us, 1764411330 * kMicrosPerSecond);
  ASSERT_TRUE(replay.next(row).value());
  EXPECT_EQ(row.value, "bad");
  EXPECT_EQ(row.event_time_us, kNoTime);
  EXPECT_FALSE(replay.next(row).value());
}

TEST_F(EventFiles, ADryRunCountsByFateAndFindsCopiesAcrossFiles) {
  Config config;
  config.lake = folder_ / "lake";
  const std::string rows = std::string(kHeader) +
                           "2019-10-01 00:00:00 UTC,view,p,c,k,b,1.5,u,s\n"
                           "2019-10-01 00:00:00 UTC,view,p,c,k,b,1.5,u,s\n"
                           "2019-10-01 00:00:01 UTC,view,p,c,k,b,0,u,s\n"
                           "2019-10-01 00:00:02 UTC,vie";
  const auto path = write("a.csv", rows);
  const auto run = DryRun::open(config).value();
  const auto first = run->judge(*EventFile::open(path, "rees46").value(), 2'000'000'000 * kMicrosPerSecond).value();
  EXPECT_EQ(first.consumed, 4);
  EXPECT_EQ(first.silver, 1);
  EXPECT_EQ(first.duplicates, 1);
  EXPECT_EQ(first.quarantined, (CountByName{{"malformed_row", 1}, {"non_positive_price", 1}}));
  EXPECT_TRUE(first.closes());
  const auto second = run->judge(*EventFile::open(path, "rees46").value(), 2'000'000'000 * kMicrosPerSecond).value();
  EXPECT_EQ(second.silver, 0);
  EXPECT_EQ(second.duplicates, 2);
  EXPECT_FALSE(fs::exists(config.lake));
}

TEST_F(EventFiles, TheRealFileHasTheFatesThatAreKnown) {
  const fs::path path = fs::path(PACTOLUS_SOURCE_DIR) / "../shared/data/rees46_2019_10_01.csv";
  if (!fs::exists(path)) GTEST_SKIP() << "the REES46 sample is not beside the project: " << path;
  Config config;
  config.lake = folder_ / "lake";
  const auto account = DryRun::open(config)
                           .value()
                           ->judge(*EventFile::open(path, "rees46").value(), 2'000'000'000 * kMicrosPerSecond)
                           .value();
  EXPECT_EQ(account.consumed, 17'435);
  EXPECT_EQ(account.silver, 17'410);
  EXPECT_EQ(account.duplicates, 5);
  EXPECT_EQ(account.conflicting, 0);
  EXPECT_EQ(account.quarantined, (CountByName{{"malformed_row", 1}, {"non_positive_price", 19}}));
}

}  // namespace
}  // namespace pactolus
