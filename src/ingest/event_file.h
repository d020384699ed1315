// A file, its format and its dialect together: rows as they enter Bronze, in the order of the file. What the format is,
// and whether it is compressed, the file itself says, not its name.
//
//   auto file = TRY(EventFile::open("2019-Oct.csv", "rees46"));
//   for (MappedRow row; TRY(file->next(row));) …
//
// Row numbers count from 0 and leave out the header and blank lines: they are the offsets of an ingested file. One
// thread.
#pragma once

#include <memory>
#include <string>

#include "ingest/dialect.h"
#include "ingest/input_file.h"

namespace pactolus {

class EventFile {
 public:
  // Errors: not_found, io; usage for a dialect that there is not; invalid for a folder, for an empty file, for one that
  // cannot be of this dialect (a table without its columns, NDJSON without a line that begins an object), for what is
  // none of the formats or damaged.
  static Result<std::unique_ptr<EventFile>> open(const fs::path& path, std::string_view dialect);

  // False at the end. Error invalid: the file is damaged or cut off from here on, so its rows are not all there.
  Result<bool> next(MappedRow& row);
  // Rows then have no event times, when that saves reading them.
  void leave_out_times() noexcept { dialect_->leave_out_times(); }
  // Passes over rows without mapping them. Answers how many there were, at most `rows`.
  Result<int64_t> skip(int64_t rows);

  const Dialect& dialect() const noexcept { return *dialect_; }
  InputFile& input() noexcept { return *input_; }
  const InputFile& input() const noexcept { return *input_; }
  Format format() const noexcept { return format_; }
  int64_t rows() const noexcept { return rows_; }  // given or skipped so far
  double progress() const noexcept;                // how much of the file has been read, 0 to 1
  int64_t blank_lines() const noexcept { return reader_->blank_lines(); }

 private:
  EventFile(std::unique_ptr<InputFile> input, std::unique_ptr<Dialect> dialect)
      : input_(std::move(input)), dialect_(std::move(dialect)) {}
  Result<> open_rows();
  std::unique_ptr<InputFile> input_;
  std::unique_ptr<Dialect> dialect_;
  std::unique_ptr<ByteSource> text_;  // on input_; none for Parquet
  std::unique_ptr<RowReader> reader_;
  Format format_ = Format::ndjson;
  int64_t rows_ = 0;
};

// What makes a file the same history again: its bytes, the dialect and the version of its mapping. Neither name nor
// folder nor time count. Reads the whole file and leaves its position where it was.
//
//   hash_0 = xxh128("pactolus.ingest" 1F "1" 1F dialect 1F mapping version 1F size)   as 32 hexadecimal digits
//   hash_i = xxh128(hash_{i-1} + block i of 1 MiB)                                     frozen: it names topics
struct FileIdentity {
  std::string hash;      // of the last block
  std::string topic;     // _ingest.<hash>
  std::string topic_id;  // a UUID made of the hash: a topic that was lost and is made again is the same topic
};
Result<FileIdentity> identify(InputFile& file, const Dialect& dialect);

}  // namespace pactolus
