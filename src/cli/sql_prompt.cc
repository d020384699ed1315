#include "cli/sql_prompt.h"

#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace pactolus {

struct SqlPrompt::Impl {
  StopSignal& stop;
  fs::path file;
  EditLine* edit = nullptr;
  History* history = nullptr;
  HistEvent event{};
  const char* prompt = "";

  static char* prompt_of(EditLine* edit) {
    Impl* self = nullptr;
    el_get(edit, EL_CLIENTDATA, &self);
    return const_cast<char*>(self->prompt);
  }
  // A key, or the end of the wait by Ctrl-C. Bytes of UTF-8 are put together here.
  static int next_key(EditLine* edit, wchar_t* key) {
    Impl* self = nullptr;
    el_get(edit, EL_CLIENTDATA, &self);
    mbstate_t state{};
    while (true) {
      pollfd waiting[] = {{0, POLLIN, 0}, {self->stop.wake_descriptor(), POLLIN, 0}};
      if (::poll(waiting, 2, -1) < 0 && errno == EINTR) continue;
      if (self->stop.requested()) return 0;
      char byte;
      const ssize_t got = ::read(0, &byte, 1);
      if (got <= 0) return int(got);
      const size_t used = std::mbrtowc(key, &byte, 1, &state);
      if (used == size_t(-2)) continue;
      if (used == size_t(-1)) *key = L'?';
      return 1;
    }
  }
};

SqlPrompt::SqlPrompt(StopSignal& stop, fs::path file) : impl_(new Impl{.stop = stop, .file = std::move(file)}) {
  ::setlocale(LC_CTYPE, "");
  impl_->history = ::history_init();
  ::history(impl_->history, &impl_->event, H_SETSIZE, 1000);
  ::history(impl_->history, &impl_->event, H_SETUNIQUE, 1);
  if (!impl_->file.empty()) ::history(impl_->history, &impl_->event, H_LOAD, impl_->file.c_str());
  impl_->edit = ::el_init("pactolus", stdin, stdout, stderr);
  ::el_set(impl_->edit, EL_CLIENTDATA, impl_.get());
  ::el_set(impl_->edit, EL_PROMPT, &Impl::prompt_of);
  ::el_set(impl_->edit, EL_EDITOR, "emacs");
  ::el_set(impl_->edit, EL_HIST, ::history, impl_->history);
  ::el_set(impl_->edit, EL_GETCFN, &Impl::next_key);
}

SqlPrompt::~SqlPrompt() {
  std::error_code ignored;
  if (!impl_->file.empty()) {
    fs::create_directories(impl_->file.parent_path(), ignored);
    ::history(impl_->history, &impl_->event, H_SAVE, impl_->file.c_str());
    ::chmod(impl_->file.c_str(), 0600);  // a query may name a person
  }
  ::el_end(impl_->edit);
  ::history_end(impl_->history);
}

std::optional<SqlPrompt::Line> SqlPrompt::line(const char* prompt) {
  impl_->prompt = prompt;
  int count = 0;
  // Before the prompt is drawn: el_gets does it behind it, and a Ctrl-D typed in between would come as a zero byte.
  ::el_set(impl_->edit, EL_PREP_TERM, 1);
  const char* text = ::el_gets(impl_->edit, &count);
  if (impl_->stop.requested() && impl_->stop.signal() == SIGINT) {
    impl_->stop.take_back();
    ::el_reset(impl_->edit);
    std::fputs("^C\n", stdout);
    std::fflush(stdout);
    return Line{.given_up = true};
  }
  if (!text || count <= 0) return std::nullopt;
  std::string out(text, size_t(count));
  while (!out.empty() && (out.back() == '\n' || out.back() == '\r')) out.pop_back();
  return Line{std::move(out)};
}

void SqlPrompt::remember(const std::string& statement) {
  ::history(impl_->history, &impl_->event, H_ENTER, statement.c_str());
}

fs::path sql_history_path() {
  if (const char* state = std::getenv("XDG_STATE_HOME"); state && *state)
    return fs::path(state) / "pactolus/sql_history";
  if (const char* home = std::getenv("HOME"); home && *home)
    return fs::path(home) / ".local/state/pactolus/sql_history";
  return {};
}

}  // namespace pactolus
