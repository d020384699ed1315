// "did you mean …?": the candidate nearest to what somebody typed.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pactolus {

// Letters to add, drop, change or swap with their neighbour to get from one to the other, case ignored (optimal
// string alignment distance).
int edit_distance(std::string_view a, std::string_view b);

// The nearest candidate, the first of equals; none when even that one differs in more than a third of its letters
// (one letter is always allowed), because a far-fetched guess misleads more than no guess.
std::optional<std::string_view> closest_word(std::string_view typed, std::span<const std::string_view> candidates);

// `; did you mean "run"?`, or nothing.
std::string did_you_mean(std::string_view typed, std::span<const std::string_view> candidates);

}  // namespace pactolus
