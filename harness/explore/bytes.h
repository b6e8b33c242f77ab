// SPDX-License-Identifier: GPL-2.0-or-later
// What one process tells another that is a copy of it: plain values and strings, one behind the other,
// read in the order in which they were written.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace tlblab {

class ByteWriter {
 public:
  template <class T>
    requires std::is_trivially_copyable_v<T>
  ByteWriter& put(const T& value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  ByteWriter& put_text(std::string_view text) {
    put(text.size());
    bytes_.append(text);
    return *this;
  }
  // Seven bits a byte: most numbers are small.
  ByteWriter& put_short(std::uint64_t number) {
    for (; number >= 0x80; number >>= 7) bytes_.push_back(static_cast<char>(number | 0x80));
    bytes_.push_back(static_cast<char>(number));
    return *this;
  }
  template <class T>
  ByteWriter& put_all(const std::vector<T>& values) {
    put(values.size());
    for (const T& value : values) put(value);
    return *this;
  }
  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }

 private:
  std::string bytes_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) noexcept : left_(bytes) {}
  [[nodiscard]] bool is_empty() const noexcept { return left_.empty(); }

  template <class T>
    requires std::is_trivially_copyable_v<T>
  [[nodiscard]] T get() {
    T value;
    std::memcpy(&value, left_.data(), sizeof value);
    left_.remove_prefix(sizeof value);
    return value;
  }
  [[nodiscard]] std::string get_text() {
    const auto size = get<std::size_t>();
    std::string text(left_.substr(0, size));
    left_.remove_prefix(size);
    return text;
  }
  [[nodiscard]] std::uint64_t get_short() {
    std::uint64_t number = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = get<std::uint8_t>();
      number |= std::uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return number;
    }
  }
  template <class T>
  [[nodiscard]] std::vector<T> get_all() {
    std::vector<T> values(get<std::size_t>());
    for (T& value : values) value = get<T>();
    return values;
  }

 private:
  std::string_view left_;
};

}  // namespace tlblab
