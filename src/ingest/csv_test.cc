#include <gtest/gtest.h>

#include "base/clock.h"
#include "ingest/row_reader.h"
#include "ingest/text_source.h"

namespace pactolus {
namespace {

using Rows = std::vector<std::string>;

// Rows as text: fields in brackets, or "!problem: bytes".
Rows read_all(RowReader& reader) {
  Rows out;
  for (InputRow row;;) {
    const auto more = reader.next(row);
    EXPECT_TRUE(more.has_value());
    if (!more || !*more) return out;
    if (!row.problem.empty()) {
      out.push_back("!" + std::string(row.problem) + ": " + std::string(row.bytes));
    } else {
      std::string text;
      for (const std::string_view field : row.fields) text += "[" + std::string(field) + "]";
      out.push_back(row.fields.empty() ? std::string(row.bytes) : text);
    }
  }
}

Rows csv(std::string_view text, size_t chunk = ByteWindow::kChunk) {
  TextSource source(text);
  auto reader = open_csv(source, chunk);
  if (!reader) return {"error: " + reader.error().message};
  return read_all(**reader);
}

Rows ndjson(std::string_view text, size_t chunk = ByteWindow::kChunk) {
  TextSource source(text);
  auto reader = open_ndjson(source, chunk);
  return read_all(**reader);
}

TEST(Csv, RowsAreSplitIntoTheHeadersColumns) { EXPECT_EQ(csv("a,b,c\n1,2,3\n,,\n"), (Rows{"[1][2][3]", "[][][]"})); }

TEST(Csv, TheLastRowNeedsNoLineEnd) {
  EXPECT_EQ(csv("a,b\n1,2"), Rows{"[1][2]"});
  EXPECT_EQ(csv("a,b\n1,\"2\""), Rows{"[1][2]"});
}

TEST(Csv, LineEndsMayBeCrLf) { EXPECT_EQ(csv("a,b\r\n1,\"2\"\r\n3,4\r\n"), (Rows{"[1][2]", "[3][4]"})); }

TEST(Csv, AByteOrderMarkIsNoPartOfTheFirstColumn) {
  TextSource source(
      "\xEF\xBB\xBF"
      "a,b\n1,2\n");
  const auto reader = open_csv(source);
  ASSERT_TRUE(reader);
  EXPECT_EQ((*reader)->columns(), (std::vector<std::string>{"a", "b"}));
}

TEST(Csv, QuotesHoldCommasLineEndsAndDoubledQuotes) {
  EXPECT_EQ(csv("a,b\n\"1,5\",\"say \"\"hi\"\"\"\n\"two\r\nlines\",\"\"\n"),
            (Rows{"[1,5][say \"hi\"]", "[two\r\nlines][]"}));
}

TEST(Csv, AQuotedHeaderIsUnquoted) {
  TextSource source("\"a \"\"x\"\"\",\"b\"\n1,2\n");
  const auto reader = open_csv(source);
  EXPECT_EQ((*reader)->columns(), (std::vector<std::string>{"a \"x\"", "b"}));
}

TEST(Csv, ARowWithTooFewOrTooManyFieldsHasAProblemAndItsExactBytes) {
  EXPECT_EQ(csv("a,b\n1\n1,2,3\n4,5\n"), (Rows{"!1 fields, expected 2: 1", "!3 fields, expected 2: 1,2,3", "[4][5]"}));
}

TEST(Csv, AStrayQuoteCostsOneLine) {
  EXPECT_EQ(csv("a,b\n5\" pipe,2\n3,4\n"), (Rows{"!a quote is not closed: 5\" pipe,2", "[3][4]"}));
  EXPECT_EQ(csv("a,b\n\"x\"y,2\n3,4\n"), (Rows{"!a quote is out of place: \"x\"y,2", "[3][4]"}));
  EXPECT_EQ(csv("a,b\n\"never,closed\n3,4\n5,6"), (Rows{"!a quote is not closed: \"never,closed", "[3][4]", "[5][6]"}));
  // Two of them could pass for one pair of quotes around a line end.
  EXPECT_EQ(csv("a,b\n5\",2\n6\",3\n7,8\n"),
            (Rows{"!a quote is out of place: 5\",2", "!a quote is not closed: 6\",3", "[7][8]"}));
}

TEST(Csv, BlankLinesAreNoRows) {
  TextSource source("\na,b\n\n1,2\n\r\n\n");
  const auto reader = open_csv(source);
  EXPECT_EQ(read_all(**reader), Rows{"[1][2]"});
  EXPECT_EQ((*reader)->blank_lines(), 4);
}

TEST(Csv, AHeaderIsNeeded) {
  EXPECT_EQ(csv(""), Rows{"error: the file has no header row"});
  EXPECT_EQ(csv("\n\n"), Rows{"error: the file has no header row"});
  EXPECT_EQ(csv("a,,c\n"), Rows{"error: column 2 of the header has no name"});
  EXPECT_EQ(csv("a,b,a\n"), Rows{"error: the header names a column twice: a"});
  EXPECT_EQ(csv("a,b\n"), Rows{});
}

TEST(Csv, AnOverlongLineComesInPieces) {
  const std::string start = "a,b\n", tail(100, 'y');
  const Rows rows = csv(start + std::string(kMaxRowBytes, 'x') + tail + "\n1,2\n");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].size(), std::string("!: ").size() + kTooLong.size() + kMaxRowBytes);
  EXPECT_EQ(rows[1], "!" + std::string(kTooLong) + ": " + tail);
  EXPECT_EQ(rows[2], "[1][2]");
}

TEST(Csv, ALineOfJustTheLargestSizeIsARow) {
  const std::string longest(kMaxRowBytes - 2, 'x');
  for (const std::string end : {"\n", "\r\n", ""})
    EXPECT_EQ(csv("a,b\n1," + longest + end), Rows{"[1][" + longest + "]"}) << end;
  EXPECT_EQ(csv("a,b\n1," + longest + "x\r\n").size(), 2u);
}

TEST(Csv, AnOpenQuoteIsGivenUpAtTheLargestRow) {
  std::string lines = "a,b\n\"open,1\n";
  while (lines.size() < 2 * kMaxRowBytes) lines += "some,line of a file that goes on and on without a quote in it\n";
  const Rows rows = csv(lines);
  EXPECT_EQ(rows[0], "!a quote is not closed: \"open,1");
  EXPECT_EQ(rows[1], "[some][line of a file that goes on and on without a quote in it]");
}

TEST(Csv, TheFirstLineShowsTheDelimiter) {
  EXPECT_EQ(csv("a;b\n1,5;2\n"), Rows{"[1,5][2]"});
  EXPECT_EQ(csv("\na\tb\n1\t\"2\t3\"\n"), Rows{"[1][2\t3]"});
  EXPECT_EQ(csv("a|b|c\n1|2|3\n"), Rows{"[1][2][3]"});
  EXPECT_EQ(csv("a;b,c\n1;2,3\n"), Rows{"[1;2][3]"});  // as often: a comma
}

// Where the reads of a file end must not matter: all splits of short texts made of what matters to the reader.
TEST(Csv, EveryChunkSizeGivesTheSameRows) {
  Random random(42);
  const std::string_view parts[] = {"\"",   ",",         "\n",           "\r\n",  "\r",  "x",
                                    "\"\"", "long text", "\xEF\xBB\xBF", "\",\"", "\"\n"};
  for (int round = 0; round < 2000; ++round) {
    std::string text = round % 3 ? "a,b\n" : "";
    for (uint32_t n = random.below(20); n > 0; --n) text += parts[random.below(std::size(parts))];
    const Rows whole = csv(text), lines = ndjson(text);
    for (const size_t chunk : {1, 2, 3, 5, 7, 16}) {
      ASSERT_EQ(csv(text, chunk), whole) << text;
      ASSERT_EQ(ndjson(text, chunk), lines) << text;
    }
  }
}

TEST(Ndjson, ALineIsARowByteForByte) {
  EXPECT_EQ(ndjson("{\"a\": 1}\r\n  {} \nnot json\n{\"last\":2}"),
            (Rows{"{\"a\": 1}", "  {} ", "not json", "{\"last\":2}"}));
}

TEST(Ndjson, BlankLinesAreNoRowsAndAByteOrderMarkIsNoPartOfTheFirst) {
  EXPECT_EQ(ndjson("\xEF\xBB\xBF{}\n\n \t\r\n{}\n\n"), (Rows{"{}", "{}"}));
  EXPECT_EQ(ndjson("\n\r\n"), Rows{});
}

TEST(Ndjson, AnOverlongLineComesInPieces) {
  const Rows rows = ndjson(std::string(2 * kMaxRowBytes + 5, 'x') + "\n{}\n");
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[2], "!" + std::string(kTooLong) + ": xxxxx");
  EXPECT_EQ(rows[3], "{}");
}

}  // namespace
}  // namespace pactolus
