#include "lake/parquet/decompressor.h"

#include <arrow/buffer.h>
#include <arrow/io/compressed.h>
#include <arrow/io/memory.h>
#include <arrow/util/compression.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace pactolus {
namespace {

std::string packed(std::string_view text, Compression compression) {
  const auto codec = *arrow::util::Codec::Create(compression == Compression::gzip ? arrow::Compression::GZIP
                                                                                  : arrow::Compression::ZSTD);
  auto sink = *arrow::io::BufferOutputStream::Create();
  auto out = *arrow::io::CompressedOutputStream::Make(codec.get(), sink);
  EXPECT_TRUE(out->Write(text.data(), int64_t(text.size())).ok());
  EXPECT_TRUE(out->Close().ok());
  return (*sink->Finish())->ToString();
}

// Gives input and room in pieces of these sizes.
Result<std::pair<std::string, bool>> unpacked(std::string_view data, Compression compression, size_t piece,
                                              size_t room) {
  auto decompressor = TRY(Decompressor::make(compression));
  std::string text;
  std::string buffer(room, '\0');
  for (size_t at = 0, given = 0;;) {
    const auto step = TRY(decompressor->step(data.substr(at, given - at), buffer.data(), room));
    text.append(buffer.data(), step.written);
    at += step.taken;
    if (step.taken > 0 || step.written > 0) continue;
    if (given == data.size()) return std::pair(text, decompressor->at_boundary() && at == data.size());
    given = std::min(data.size(), given + piece);
  }
}

class Packed : public testing::TestWithParam<Compression> {
 protected:
  std::string text_ = [] {
    std::string text;
    for (int i = 0; i < 3000; ++i) text += "line " + std::to_string(i * 7919 % 3001) + "\n";
    return text;
  }();
  std::string data_ = packed(text_, GetParam());
};
INSTANTIATE_TEST_SUITE_P(Formats, Packed, testing::Values(Compression::gzip, Compression::zstd));

TEST_P(Packed, WhereThePiecesEndDoesNotMatter) {
  for (const size_t piece : {size_t(1), size_t(7), size_t(4096), data_.size()})
    for (const size_t room : {1, 100, 65536}) {
      const auto result = unpacked(data_, GetParam(), piece, size_t(room));
      ASSERT_TRUE(result) << result.error().message;
      EXPECT_EQ(*result, std::pair(text_, true)) << piece << " " << room;
    }
}

TEST_P(Packed, SeveralMembersAreOneText) {
  const auto result = unpacked(data_ + data_ + packed("", GetParam()) + data_, GetParam(), 1000, 1000);
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, std::pair(text_ + text_ + text_, true));
}

TEST_P(Packed, WhatIsCutOffIsNeverWhole) {
  for (size_t size = 1; size < data_.size(); size += size < 40 || size + 40 > data_.size() ? 1 : 97) {
    const auto result = unpacked(std::string_view(data_).substr(0, size), GetParam(), 4096, 4096);
    if (result) {
      EXPECT_FALSE(result->second) << size;
    }
  }
}

TEST_P(Packed, DamagedBytesAreAnErrorOrTheSameText) {
  int errors = 0;
  for (size_t at = 0; at < data_.size(); at += 13) {
    std::string damaged = data_;
    damaged[at] = char(damaged[at] ^ 0x10);
    const auto result = unpacked(damaged, GetParam(), 4096, 4096);
    errors += !result;
    // zstd as this writer makes it has no checksum; gzip has one, and what is no error is in its header.
    if (result && GetParam() == Compression::gzip && result->second) {
      EXPECT_EQ(result->first, text_) << at;
    }
  }
  EXPECT_GT(errors, 10);
}

}  // namespace
}  // namespace pactolus
