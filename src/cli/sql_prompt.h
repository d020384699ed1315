// A prompt for lines of SQL with editing and a history that is kept, on a terminal. This adapter is the only place that
// names libedit.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/file.h"
#include "cli/stop_signal.h"

namespace pactolus {

class SqlPrompt {
 public:
  // The history is read from `history` and kept there, 1,000 entries; where it cannot be, it is of this session only.
  SqlPrompt(StopSignal& stop, fs::path history);
  ~SqlPrompt();
  SqlPrompt(const SqlPrompt&) = delete;

  struct Line {
    std::string text = {};  // without its end
    bool given_up = false;  // by Ctrl-C, with what was typed before it
  };
  // No value at the end of the input (Ctrl-D).
  std::optional<Line> line(const char* prompt);
  void remember(const std::string& statement);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// ~/.local/state/pactolus/sql_history, or below XDG_STATE_HOME; empty without a home.
fs::path sql_history_path();

}  // namespace pactolus
