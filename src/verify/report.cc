#include "verify/report.h"

#include <fmt/format.h>

#include <algorithm>

namespace pactolus {
namespace {

int64_t count_of(const VerifyReport& report, CheckOutcome outcome) {
  return std::count_if(report.checks.begin(), report.checks.end(),
                       [&](const CheckResult& c) { return c.outcome == outcome; });
}

std::string xml_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      // XML 1.0 has no other control characters, not even escaped.
      default: out += static_cast<unsigned char>(c) < 32 && c != '\n' && c != '\t' ? '?' : c;
    }
  }
  return out;
}

std::string lines_of(const CheckResult& result) {
  std::string out;
  for (const std::string& note : result.notes) out += note + "\n";
  for (const std::string& row : result.rows) out += row + "\n";
  if (result.wrong > int64_t(result.rows.size()))
    out += fmt::format("… and {} more\n", with_commas(result.wrong - int64_t(result.rows.size())));
  return out;
}

}  // namespace

std::string text_line(const CheckResult& result) {
  const char* mark = result.outcome == CheckOutcome::ok       ? "ok  "
                     : result.outcome == CheckOutcome::failed ? "FAIL"
                                                              : "skip";
  std::string out =
      fmt::format("{} {:<12} {}\n", mark, result.name,
                  result.outcome == CheckOutcome::skipped ? fmt::format("({})", result.summary) : result.summary);
  const std::string lines = lines_of(result);
  for (size_t at = 0; at < lines.size();) {
    const size_t end = lines.find('\n', at);
    out += fmt::format("       {}\n", lines.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

std::string verdict_line(const VerifyReport& report) {
  if (report.verdict == Verdict::nothing_to_check) return fmt::format("nothing to check: {}\n", report.reason);
  const int64_t failed = count_of(report, CheckOutcome::failed), skipped = count_of(report, CheckOutcome::skipped);
  std::string out =
      report.verdict == Verdict::ok ? "verified" : fmt::format("NOT verified: {} failed", counted(failed, "check"));
  out += fmt::format(", {} ok", counted(count_of(report, CheckOutcome::ok), "check"));
  if (skipped > 0) out += fmt::format(", {} skipped", skipped);
  return out + fmt::format("; batch {}, {:.1f} s\n", report.batch, report.seconds);
}

Json to_json(const VerifyReport& report) {
  Json checks = Json::array();
  for (const CheckResult& c : report.checks) {
    Json figures = Json::object(), notes = Json::array(), rows = Json::array();
    for (const auto& [name, value] : c.figures) figures.set(name, value);
    for (const std::string& note : c.notes) notes.push(note);
    for (const std::string& row : c.rows) rows.push(row);
    checks.push(Json::object()
                    .set("name", c.name)
                    .set("outcome", name_of(c.outcome))
                    .set("summary", c.summary)
                    .set("figures", std::move(figures))
                    .set("notes", std::move(notes))
                    .set("wrong", c.wrong)
                    .set("rows", std::move(rows))
                    .set("seconds", c.seconds));
  }
  Json out = Json::object();
  out.set("lake", report.lake).set("verdict", name_of(report.verdict));
  if (!report.reason.empty()) out.set("reason", report.reason);
  out.set("batch", report.batch).set("quarantine_batch", report.quarantine_batch).set("gold_batch", report.gold_batch);
  return out.set("checks", std::move(checks)).set("seconds", report.seconds);
}

std::string to_junit(const VerifyReport& report) {
  const bool nothing = report.verdict == Verdict::nothing_to_check;
  std::string out = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"pactolus verify\" tests=\"{}\" "
      "failures=\"{}\" skipped=\"{}\" time=\"{:.3f}\">\n",
      nothing ? 1 : report.checks.size(), nothing ? 1 : count_of(report, CheckOutcome::failed),
      count_of(report, CheckOutcome::skipped), report.seconds);
  if (nothing)
    out += fmt::format(
        "<testcase classname=\"verify\" name=\"lake\"><failure message=\"nothing to check\">{}</failure></testcase>\n",
        xml_text(report.reason));
  for (const CheckResult& c : report.checks) {
    out += fmt::format("<testcase classname=\"verify\" name=\"{}\" time=\"{:.3f}\">", xml_text(c.name), c.seconds);
    if (c.outcome == CheckOutcome::failed)
      out += fmt::format("<failure message=\"{}\">{}</failure>", xml_text(c.summary), xml_text(lines_of(c)));
    else if (c.outcome == CheckOutcome::skipped)
      out += fmt::format("<skipped message=\"{}\"/>", xml_text(c.summary));
    else
      out += fmt::format("<system-out>{}</system-out>", xml_text(c.summary + "\n" + lines_of(c)));
    out += "</testcase>\n";
  }
  return out + "</testsuite>\n</testsuites>\n";
}

}  // namespace pactolus
