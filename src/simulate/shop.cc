#include "simulate/shop.h"

#include <algorithm>
#include <array>
#include <vector>

#include "simulate/bad_records.h"
#include "simulate/shoppers.h"
#include "simulate/text_writer.h"

namespace pactolus {
namespace {

constexpr int64_t kLeastLate_us = kMicrosPerSecond;
constexpr double kMostSlotsToCopy = 65'536;          // bounds the copies that wait, whatever the rate
constexpr uint64_t kTroubleStream = 0x5DEECE66Dull;  // late, duplicate and bad do not change where people walk

// An event that will be sent again.
struct Copy {
  int64_t slot;  // when
  int64_t event_time_us;
  bool late;
  size_t key_at, key_size;
  std::string value;
  bool operator<(const Copy& o) const { return slot > o.slot; }  // heaps have their largest first
};

struct Refund {
  int64_t due_us;
  Action purchase;
  bool operator<(const Refund& o) const { return due_us > o.due_us; }
};

template <class T>
T take_first(std::vector<T>& heap) {
  std::pop_heap(heap.begin(), heap.end());
  T first = std::move(heap.back());
  heap.pop_back();
  return first;
}

template <class T>
void put_in(std::vector<T>& heap, T item) {
  heap.push_back(std::move(item));
  std::push_heap(heap.begin(), heap.end());
}

class Shop final : public EventSource {
 public:
  explicit Shop(const ShopOptions& options)
      : options_(options),
        times_(options.schedule),
        catalogue_(options.seed, options.products, options.planted_share),
        shoppers_({.rate = options.schedule.rate,
                   .known_users = options.known_users,
                   .new_user_ratio = options.new_user_ratio,
                   .planted_purchases_per_view = options.planted_purchases_per_view},
                  catalogue_),
        walk_(options.seed),
        trouble_(options.seed ^ kTroubleStream),
        next_id_(options.first_id) {
    PACTOLUS_CHECK_GE(options.first_id, 0);
    PACTOLUS_CHECK_GE(options.late_by_us, kLeastLate_us);
    const double slots = double(options.dup_delay_us) * options.schedule.rate / 1e6;
    copy_within_ = uint32_t(std::clamp(slots, 1.0, kMostSlotsToCopy));
  }

  bool next_due(int64_t& send_time_us) override { return times_.peek(send_time_us); }

  bool next(GeneratedEvent& out) override {
    int64_t time;
    if (!times_.take(time)) return false;
    ++slot_;
    ++truth_.records;
    if (options_.bad_ratio > 0 && trouble_.unit() < options_.bad_ratio) {
      send_broken(time, out);
    } else if (!copies_.empty() && copies_.front().slot <= slot_) {
      send_copy(time, out);
    } else {
      send_event(time, out);
    }
    return true;
  }

  const Truth& truth() const override { return truth_; }

 private:
  void send_event(int64_t time, GeneratedEvent& out) {
    Action a;
    if (!refunds_.empty() && refunds_.front().due_us <= time) {
      a = take_first(refunds_).purchase;
      a.type = EventKind::refund;
    } else {
      a = shoppers_.act(walk_);
      if (a.type == EventKind::purchase && walk_.unit() < options_.refund_ratio) plan_refund(a, time);
    }
    const bool late = options_.late_ratio > 0 && trouble_.unit() < options_.late_ratio;
    const double span = double(options_.late_by_us - kLeastLate_us);
    const int64_t back = late ? kLeastLate_us + int64_t(trouble_.unit() * span) : 0;
    write(a, time - back);
    out = {key(), writer_.text(), time - back, time, {.late = late}};
    count(a, time - back, late);
    if (options_.dup_ratio > 0 && trouble_.unit() < options_.dup_ratio)
      put_in(copies_, Copy{slot_ + 1 + trouble_.below(copy_within_), time - back, late, key_at_, key_size_,
                           std::string(writer_.text())});
  }

  void send_copy(int64_t time, GeneratedEvent& out) {
    sent_copy_ = take_first(copies_);
    out = {std::string_view(sent_copy_.value).substr(sent_copy_.key_at, sent_copy_.key_size),
           sent_copy_.value,
           sent_copy_.event_time_us,
           time,
           {.late = sent_copy_.late, .duplicate = true}};
    ++truth_.duplicates;
  }

  void send_broken(int64_t time, GeneratedEvent& out) {
    const auto kinds = bad_kinds();
    const BadKind* kind;
    do {
      kind = &kinds[trouble_.below(uint32_t(kinds.size()))];
    } while (kind->reason == "empty_value" && !options_.empty_records);
    // A purchase that names everything: then there is something to break, whatever the kind.
    Action a;
    a.type = EventKind::purchase;
    a.visit.user = 1 + trouble_.below(std::max(options_.known_users, 1u));
    a.visit.names_currency = true;
    a.product = catalogue_.pick(trouble_);
    a.quantity = 1;
    write(a, time);
    broken_key_ = key();
    broken_ = writer_.text();
    break_record(*kind, time, broken_);
    if (kind->reason == "missing_user_id") broken_key_.clear();
    out = {broken_key_, broken_, time, time, {.reject = kind->reason}};
    ++truth_.bad;
    auto found = truth_.bad_by_reason.find(kind->reason);
    if (found == truth_.bad_by_reason.end()) found = truth_.bad_by_reason.emplace(kind->reason, 0).first;
    ++found->second;
  }

  void plan_refund(const Action& purchase, int64_t time) {
    const double soonest = double(options_.refund_delay_us) / 6, rest = double(options_.refund_delay_us) - soonest;
    put_in(refunds_, Refund{time + int64_t(soonest + walk_.unit() * rest), purchase});
  }

  std::string_view key() const { return writer_.text().substr(key_at_, key_size_); }

  int64_t price_cents(const Action& a) const {
    const int64_t cents = catalogue_.product(a.product).cents;
    return a.visit.currency ? foreign_cents(a.visit.currency, cents) : cents;
  }

  void write(const Action& a, int64_t event_time_us);
  void write_extras(const Action& a);
  void count(const Action& a, int64_t event_time_us, bool late);

  ShopOptions options_;
  SendTimes times_;
  Catalogue catalogue_;
  Shoppers shoppers_;
  Random walk_, trouble_;
  int64_t next_id_;
  int64_t slot_ = 0;
  uint32_t copy_within_;      // slots
  std::vector<Copy> copies_;  // heaps
  std::vector<Refund> refunds_;
  Copy sent_copy_{};  // the views of the last event point into these
  std::string broken_, broken_key_;
  std::array<char, 2048> buffer_;
  TextWriter writer_{buffer_.data(), buffer_.size()};
  size_t key_at_ = 0, key_size_ = 0;
  Truth truth_;
};

// Fields in the order of the contract; those that an event does not have are left out.
void Shop::write(const Action& a, int64_t event_time_us) {
  TextWriter& w = writer_;
  const Product* const product = a.product ? &catalogue_.product(a.product) : nullptr;
  w.clear();
  w.literal("{\"event_id\":\"evt_");
  w.put(options_.run);
  w.padded(next_id_++, 8);
  w.literal("\",\"user_id\":\"");
  key_at_ = w.size();
  w.literal("user_");
  w.padded(int64_t(a.visit.user), 6);
  key_size_ = w.size() - key_at_;
  if (product) {
    w.literal("\",\"product_id\":\"");
    w.put(product->id);
  }
  w.literal("\",\"event_type\":\"");
  w.put(name_of(a.type));
  w.literal("\",\"timestamp\":\"");
  w.time(event_time_us);
  w.literal("\",\"session_id\":\"sess_");
  w.put(options_.run);
  w.padded(options_.first_id + a.visit.session, 8);
  if (product) {
    w.literal("\",\"product_category\":\"");
    w.put(product->category);
  }
  w.literal("\",\"device_type\":\"");
  w.put(device_name(a.visit.device));
  w.literal("\",\"page_url\":\"");
  if (product) {
    w.literal("/product/");
    w.put(product->id);
  } else {
    w.put(a.page);
  }
  if (a.first_of_session && a.visit.referrer) {
    w.literal("\",\"referrer\":\"");
    w.put(referrer_url(a.visit.referrer));
  }
  w.literal("\"");
  if (product) {
    w.literal(",\"price\":");
    w.cents(price_cents(a));
  }
  if (a.quantity) {
    w.literal(",\"quantity\":");
    w.number(a.quantity);
  }
  if (product && (a.visit.currency || a.visit.names_currency)) {
    w.literal(",\"currency\":\"");
    w.put(a.visit.currency ? currency_name(a.visit.currency, options_.currency) : options_.currency);
    w.literal("\"");
  }
  if (a.order >= 0) {
    w.literal(",\"order_id\":\"ord_");
    w.put(options_.run);
    w.padded(options_.first_id + a.order, 8);
    w.literal("\"");
  }
  write_extras(a);
  w.literal("}");
}

// Fields that the contract does not know: flat, nested, and text beyond ASCII.
void Shop::write_extras(const Action& a) {
  TextWriter& w = writer_;
  if (a.visit.campaign && (a.first_of_session || a.order >= 0)) {
    w.literal(",\"campaign\":\"");
    w.put(campaign_name(a.visit.campaign));
    w.literal("\",\"utm_medium\":\"cpc\"");
  }
  if (a.product && a.type != EventKind::view && a.type != EventKind::select_item) {
    w.literal(",\"product_name\":\"");
    w.put(catalogue_.product(a.product).name);
    w.literal("\"");
  }
  if (a.type == EventKind::view && a.visit.session % 50 == 0)
    w.literal(",\"experiment\":{\"name\":\"big_pictures\",\"variant\":\"B\",\"since_days\":12}");
}

void Shop::count(const Action& a, int64_t event_time_us, bool late) {
  ++truth_.events;
  ++truth_.by_type[size_t(a.type)];
  truth_.late += late;
  truth_.users.add(a.visit.user);
  if (a.product) truth_.products.add(a.product);
  truth_.add_time(event_time_us);
  truth_.sessions = shoppers_.sessions();
  truth_.orders = shoppers_.orders();
  if (a.product == kPlantedProduct) {
    truth_.planted_views += a.type == EventKind::view;
    truth_.planted_purchases += a.type == EventKind::purchase;
  }
  if (a.type != EventKind::purchase && a.type != EventKind::refund) return;
  const std::string_view currency =
      a.visit.currency ? currency_name(a.visit.currency, options_.currency) : std::string_view();
  auto found = truth_.takings.find(currency);
  if (found == truth_.takings.end()) found = truth_.takings.emplace(currency, Truth::Takings{}).first;
  const WideMoney amount = WideMoney(price_cents(a)) * (kMoneyOne / 100) * a.quantity;
  (a.type == EventKind::purchase ? found->second.revenue : found->second.refunds) += amount;
}

}  // namespace

std::unique_ptr<EventSource> make_shop(const ShopOptions& options) { return std::make_unique<Shop>(options); }

}  // namespace pactolus
