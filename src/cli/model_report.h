// A day of models as a page for people: Markdown, or HTML in one file with nothing to load. Each has a table of its
// first rows and a plot of bars, if the model says what to plot.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "runtime/model.h"

namespace pactolus {

struct ModelDay {
  Model model;
  ModelRun run;
  SqlTable rows;  // the first ones
};

inline constexpr int64_t kReportRows = 100;

struct ReportHead {
  std::string day, time_zone, lake;
};
std::string markdown_report(const ReportHead& head, std::span<const ModelDay> models);
std::string html_report(const ReportHead& head, std::span<const ModelDay> models);

}  // namespace pactolus
