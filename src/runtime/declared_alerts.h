// What the table of alerts says about the rules that fill it, as a property of its metadata:
//
//   pactolus.alertRules   {"size":600000000,"slide":60000000,"evidence":10000,
//                          "rules":[{"name":"…","when":"views > 100 and purchases < 5","from":null}]}
//
// Without it they are the built-in ones. A rule judges windows that end after `from`, microseconds; null: all. A change
// of rules is a commit of this table; docs/architecture/recovery.md, "Changed rules".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gold/alert_rule.h"
#include "gold/low_conversion_rule.h"
#include "runtime/config.h"
#include "runtime/lake_tables.h"

namespace pactolus {

struct DeclaredAlerts {
  struct Rule {
    std::string name;
    AlertCondition when;
    int64_t from = kNoTime;
  };
  WindowShape shape;  // of product_interest, whose windows are judged
  std::vector<Rule> rules;
  int64_t evidence = 0;  // that a product converts badly, to 1; 0: nobody asks

  static DeclaredAlerts of(const Config& config);  // from the first window on
  static DeclaredAlerts read(const TableProperties& properties);
  void write(TableProperties& properties) const;  // nothing for the built-in ones

  bool same_rules(const DeclaredAlerts& other) const;  // whatever they begin with
  // These take the place of `before` at a watermark: what is as it was goes on.
  void replace(const DeclaredAlerts& before, int64_t watermark);
  bool has(const DeclaredAlerts& before, const std::string& name) const;  // that rule, as it was

  std::vector<AlertRule> make_rules() const;
  LowConversionRule::Options low_conversion() const;
};

}  // namespace pactolus
